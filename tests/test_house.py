"""What the house rules of CONTRIBUTING.md ask of every file: names, lengths, state tables."""

import ast
import importlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("protocol", "e1", "radius", "ssh_control", "sorm_mediator")
LONGEST_FUNCTION = 80
FILES = sorted(file for room in ROOMS for file in (ROOT / room).rglob("*.py"))
TREES = {file: ast.parse(file.read_text(encoding="utf-8")) for file in FILES}


def package(file: Path) -> str:
    """The package whose public names are to differ: a room, or a folder right below a room."""
    parts = file.relative_to(ROOT).parts[:-1]
    return ".".join(parts[:2])


def test_no_two_public_classes_of_a_package_have_one_name() -> None:
    places: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for file, tree in TREES.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[package(file), node.name].append(str(file.relative_to(ROOT)))
    assert {key: found for key, found in places.items() if len(found) > 1} == {}


def test_a_long_function_says_at_its_head_why_it_is_long() -> None:
    """A comment between the ``def`` and the first statement, or in the docstring, with the word "long"."""
    silent = []
    for file, tree in TREES.items():
        lines = file.read_text(encoding="utf-8").splitlines()
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                head = "\n".join(lines[node.lineno - 1 : node.body[0].end_lineno])
                if length > LONGEST_FUNCTION and not re.search(r"\blong\b", head, re.IGNORECASE):
                    silent.append(f"{file.relative_to(ROOT)}:{node.lineno} {node.name}: {length} lines")
    assert silent == []


def modules() -> Iterator[ModuleType]:
    for file in FILES:
        if file.name == "__main__.py":
            continue
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        yield importlib.import_module(name)


def tables() -> dict[str, Mapping[Any, Any]]:
    """Every state table of the tree, by ``module.NAME``: what is called so and has pairs of enums as keys."""
    found: dict[str, Mapping[Any, Any]] = {}
    for module in modules():
        for name, value in vars(module).items():
            if name.endswith("TABLE") and isinstance(value, Mapping) and value not in found.values():
                found[f"{module.__name__}.{name}"] = value
    return found


TABLES = tables()


def states(table: Mapping[Any, Any]) -> tuple[set[Enum], set[Enum]]:
    """The states that a table has rows for, and those that its rows lead to."""
    nexts = (move if isinstance(move, Enum) else move.next for move in table.values())
    return {key[-2] for key in table}, {one for one in nexts if one is not None}


def test_the_machines_of_the_tree_are_found() -> None:
    """Those that a reader looks for; there may be more."""
    names = {name.rpartition(".")[2] for name in TABLES}
    wanted = {
        "LAPB_TABLE",
        "X25_TABLE",
        "XOT_TABLE",
        "CALL_TABLE",
        "PAIR_TABLE",
        "SERVER_TABLE",
        "CLIENT_TABLE",
    }
    wanted |= {"LINK_TABLE", "DOMAIN_TABLE", "FANOUT_TABLE", "CONNECTION_TABLE", "SWITCH_TABLE"}
    assert wanted - names == set()


@pytest.mark.parametrize("name", TABLES)
def test_a_state_table_has_the_one_form(name: str) -> None:
    """Keys are enums, state and input last; a row leads to a state, alone or with actions (docs/state_tables.py)."""
    for key, move in TABLES[name].items():
        assert isinstance(key, tuple)
        assert len(key) in (2, 3)
        assert all(isinstance(part, Enum) for part in key)
        if not isinstance(move, Enum):
            assert move._fields[:2] == ("next", "actions")
            assert move.next is None or isinstance(move.next, type(key[-2]))
            assert all(isinstance(action, Enum) for action in move.actions)
        else:
            assert isinstance(move, type(key[-2]))


@pytest.mark.parametrize("name", TABLES)
def test_every_state_but_the_first_is_reached_by_a_row(name: str) -> None:
    """A state that no row leads to is a beginning: a machine has one at the most."""
    starts, ends = states(TABLES[name])
    assert len(starts - ends) <= 1, f"more than one state that nothing leads to: {starts - ends}"
