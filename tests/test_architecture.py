"""docs/architecture.md: every file and every name that it mentions exists, and its two ways are short."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
SECTIONS = {part.partition("\n")[0]: part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]}
WAYS = ("A command's way", "An event's way")
PATH = re.compile(r"[a-z0-9_]+(?:/[a-z0-9_]+)*(?:\.py|/)")


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", text)


def paths(text: str) -> list[str]:
    return [one for one in quoted(text) if "/" in one and PATH.fullmatch(one)]


def steps(way: str) -> list[str]:
    return re.split(r"^\d+\. ", SECTIONS[way], flags=re.MULTILINE)[1:]


def names_of(file: str) -> set[str]:
    """What a module defines, at its top level and in its classes."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
        elif isinstance(node, ast.Assign):
            found.update(one.id for one in node.targets if isinstance(one, ast.Name))
    return found


def test_every_file_and_folder_of_the_page_exists() -> None:
    named = paths(PAGE)
    assert len(named) > 30
    assert [one for one in named if not (ROOT / one).exists()] == []


@pytest.mark.parametrize("way", WAYS)
def test_a_way_takes_fewer_than_ten_files(way: str) -> None:
    files = {one for one in paths(SECTIONS[way]) if one.endswith(".py")}
    assert 4 < len(files) < 10


@pytest.mark.parametrize("step", [step for way in WAYS for step in steps(way)])
def test_a_name_in_a_step_is_defined_in_a_file_of_that_way(step: str) -> None:
    way = next(way for way in WAYS if step in SECTIONS[way])
    known = set().union(*(names_of(one) for one in paths(SECTIONS[way]) if one.endswith(".py")))
    assert [one for one in quoted(step) if one.isidentifier() and one not in known] == []
