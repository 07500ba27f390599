"""Tables in the form of the switch, their cells, and the other forms of an answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sorm_mediator.switch.changes import Notes

MASKED = "******"
"""Shown in place of a secret."""


def format_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table: the header centred, the cells to the left (ECSS-10 manual, SORM parameters of a domain)."""
    cells = [[*map(_printable, row)] for row in rows]
    widths = [max(len(row[column]) for row in [list(header), *cells]) for column in range(len(header))]

    def line(left: str, middle: str, right: str) -> str:
        return left + middle.join("─" * width for width in widths) + right

    def row(texts: Sequence[str]) -> str:
        return "│" + "│".join(text.ljust(width) for text, width in zip(texts, widths, strict=True)) + "│"

    centred = [" " * ((width - len(text)) // 2) + text for text, width in zip(header, widths, strict=True)]
    return "\n".join(
        [line("┌", "┬", "┐"), row(centred), line("├", "┼", "┤"), *map(row, cells), line("└", "┴", "┘")]
    )


def _printable(text: str) -> str:
    return "".join(symbol if symbol.isprintable() else f"\\x{ord(symbol):02x}" for symbol in text)


def flag(value: bool) -> str:
    """A flag in the form of the shell."""
    return "true" if value else "false"


def executed(at: float, took: float, version: str) -> str:
    """The line that ends a command: ``[exec at: 04.03.2021 10:44:19, exec time: 32ms, nodes: ds1@ecss1 v.0.1.0]``.

    ``at``: Unix time, shown as local time; ``took``: seconds.
    """
    when = datetime.fromtimestamp(at).astimezone().strftime("%d.%m.%Y %H:%M:%S")
    milliseconds = round(took * 1000)
    seconds, rest = divmod(milliseconds, 1000)
    time = f"{seconds}s {rest}ms" if seconds else f"{rest}ms"
    return f"[exec at: {when}, exec time: {time}, nodes: ds1@ecss1 v.{version}]"


def ok(notes: Notes = ()) -> str:
    """``OK``, and a line for each note."""
    return "\n".join(["OK", *(f"Note: {note}" for note in notes)])
