"""docs/regression.md: each fault has a row, and the tests, commands and files that the rows name are there."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest
import typer.main

from scripts.mutants import ROOMS
from sorm_mediator.cli.app import app

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "regression.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
FAULTS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if re.match(r"\| [TM]?\d+ \|", line) and line.count("|") == 8
]
"""The rows of the faults: number, what was observed, kind, command, sign, result, tests."""
NUMBERS = [
    *map(str, range(1, 28)),
    *(f"T{number}" for number in range(1, 9)),
    *(f"M{number}" for number in range(1, 9)),
]
TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
COMMANDS = sorted(
    {text for row in FAULTS for text in re.findall(r"`((?:sorm-mediator|make) [^`]+)`", row[3])}
)


def test_each_fault_has_one_row() -> None:
    assert [row[0] for row in FAULTS] == NUMBERS


@pytest.mark.parametrize("row", FAULTS, ids=lambda row: row[0])
def test_a_row_says_whether_a_command_finds_it_and_which_test_holds_it(row: list[str]) -> None:
    _, observed, kind, command, sign, found, tests = row
    assert observed
    assert kind
    assert "::test_" in tests
    assert re.match(r"(yes|mend taken back|kind), \d+ s|no\b", found), found
    if not found.startswith("no"):
        assert command
        assert sign


@pytest.mark.parametrize(("file", "name"), TESTS, ids=lambda part: part)
def test_a_test_that_is_named_is_there(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    there = {one.name for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert name in there


@pytest.mark.parametrize("text", COMMANDS)
def test_a_command_that_is_named_is_there_with_its_options_and_files(text: str) -> None:
    program, name, *words = shlex.split(text)
    if program == "make":
        section = name.removeprefix("bench-")
        assert (ROOT / "bench" / f"{section}.py").is_file() if section != name else f"\n{name}:" in MAKEFILE
        for word in words:
            key, _, value = word.partition("=")
            assert f"\n{key} " in MAKEFILE, f"the Makefile has no {key}"
            assert key != "ROOM" or value in ROOMS
        return
    command = typer.main.get_command(app)
    while hasattr(command, "commands"):
        command, name = command.commands[name], words[0] if words else ""
        if hasattr(command, "commands"):
            words = words[1:]
    options = {option for one in command.params for option in one.opts}
    for word in words:
        if word.startswith("-"):
            assert word in options, f"{text}: no {word}"
        elif word.startswith("captures/"):
            assert (ROOT / word).is_file(), word
