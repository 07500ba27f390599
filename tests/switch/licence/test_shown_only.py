"""docs/licence.md says of every limit whether the switch keeps to it, and why not."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

from sorm_mediator.switch.licence import LIMITS

PAGE = (Path(__file__).parents[3] / "docs" / "licence.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[str]:
    """The keys, or patterns, in the first cells of the tables below a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = "".join(line.split("|")[1] for line in section.splitlines() if line.startswith("| `"))
    return [key.replace("...", "*") for key in re.findall("`([^`]+)`", cells)]


def test_every_limit_takes_effect_or_is_shown_only() -> None:
    kept = [*rows("What takes effect"), *rows("What takes effect where it is named")]
    shown = rows("What is shown only")
    for key, limit in LIMITS.items():
        told = [any(fnmatch.fnmatchcase(key, one) for one in section) for section in (kept, shown)]
        assert told == [bool(limit.effective or limit.kept), not (limit.effective or limit.kept)], key
