"""Entries as text for other programs: JSON Lines, and CSV for spreadsheets."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TextIO

from sorm_mediator.journal.book import Entry

CSV_COLUMNS = ("peer", "command", "name", "receipt", "status", "unit")
"""Fields that most entries have: columns of their own; the others stand in ``other`` as JSON."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def iso_time(time: float) -> str:
    """Unix seconds as ISO 8601 in UTC with microseconds."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="microseconds")


def to_document(entry: Entry) -> dict[str, Any]:
    """One entry as a JSON object: ``seq``, ``time`` (ISO), ``unix`` (s), ``kind``, ``fields``, ``hash``."""
    return {
        "seq": entry.seq,
        "time": iso_time(entry.time),
        "unix": entry.time,
        "kind": entry.kind,
        "fields": entry.fields,
        "hash": entry.hash,
    }


def write_jsonl(entries: Iterable[Entry], file: TextIO) -> None:
    """One JSON object a line."""
    for entry in entries:
        file.write(json.dumps(to_document(entry), ensure_ascii=False) + "\n")


def write_csv(entries: Iterable[Entry], file: TextIO) -> None:
    """A header line, then one line an entry."""
    writer = csv.writer(file)
    writer.writerow(("seq", "time", "kind", *CSV_COLUMNS, "other", "hash"))
    for entry in entries:
        rest = dict(entry.fields)
        columns = [_cell(rest.pop(name, "")) for name in CSV_COLUMNS]
        other = json.dumps(rest, ensure_ascii=False) if rest else ""
        writer.writerow((entry.seq, iso_time(entry.time), _cell(entry.kind), *columns, other, entry.hash))


def _cell(value: object) -> str:
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    # What a peer made us write must stay text: a spreadsheet would run it as a formula.
    return "'" + text if text.startswith(_FORMULA) else text


WRITERS: dict[str, Callable[[Iterable[Entry], TextIO], None]] = {"jsonl": write_jsonl, "csv": write_csv}
"""The export formats by name."""
