"""The files of a report: a page for people, JUnit for CI, and the whole of it as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

STDOUT = "-"
"""Standard output in place of a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """The options of a command that writes reports."""

    report: Path | None = None
    """Where the page goes; None: nowhere."""
    junit: Path | None = None
    """Where the JUnit file goes; None: nowhere."""
    json: str = ""
    """The file of the document, :data:`STDOUT`, or "" for none."""


def files_of(wanted: ReportOptions) -> dict[str, Path | None]:
    """The files that are wanted, by option."""
    document = Path(wanted.json) if wanted.json and wanted.json != STDOUT else None
    return {"--report": wanted.report, "--junit": wanted.junit, "--json": document}


def write_reports(
    wanted: ReportOptions,
    page: Callable[[], str],
    junit: Callable[[Path], None],
    document: Callable[[], Mapping[str, object]],
) -> bool:
    """Write what is wanted. Returns whether standard output is free for people. Raises :class:`OSError`."""
    if wanted.report is not None:
        wanted.report.write_text(page(), encoding="utf-8")
    if wanted.junit is not None:
        junit(wanted.junit)
    if not wanted.json:
        return True
    text = json.dumps(document(), ensure_ascii=False, indent=1) + "\n"
    if wanted.json == STDOUT:
        sys.stdout.write(text)
        return False
    Path(wanted.json).write_text(text, encoding="utf-8")
    return True
