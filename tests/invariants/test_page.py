"""docs/invariants.md names tests, and each of them is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "invariants.md").read_text(encoding="utf-8")


def test_every_test_of_the_page_is_there() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE))
    assert len(named) > 15
    for file, name in sorted(named):
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        functions = {
            node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert name in functions, f"{file} has no {name}"


def test_every_row_names_one() -> None:
    for section in ("Objects", "Events", "Commands", "Clocks", "Memory"):
        _, _, rest = PAGE.partition(f"\n## {section}\n")
        rows = [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("|")][2:]
        assert rows
        assert all("::test_" in row for row in rows), section
