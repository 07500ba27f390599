"""Every ``toml`` block of README and docs is a part of a lab file that can be loaded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sorm_mediator.config import load

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```toml\n(.*?)^```", re.DOTALL | re.MULTILINE)

BLOCKS = [
    pytest.param(block[1], id=f"{page.stem}-{number}")
    for page in PAGES
    for number, block in enumerate(BLOCK.finditer(page.read_text("utf-8")), 1)
]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_part_of_a_lab_file_has_only_what_a_lab_file_has(block: str, tmp_path: Path) -> None:
    file = tmp_path / "lab.toml"
    file.write_text(block, "utf-8")
    load(file)
