"""Rows of a dump with their places, and the errors of a dump. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sorm_mediator.errors import BoxError


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a dump. ``line`` and ``column`` count from 1; 0: not known. ``what``: "line", or "row" of a
    database."""

    file: str
    line: int = 0
    column: int = 0
    what: str = "line"

    def __str__(self) -> str:
        if self.what != "line":
            return f"{self.file}: {self.what} {self.line}"
        return ":".join([self.file, *(str(one) for one in (self.line, self.column) if one)])


class DumpError(BoxError):
    """A dump can't be read. The text has a line for each mistake: place, table and column, value, what is allowed."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text
        """A phrase where it is to be translated."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A value of a row, as text; None: NULL."""

    value: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: its cells by the columns' names, as the dump has them."""

    table: str
    cells: Mapping[str, Cell]
    place: Place


@dataclass(slots=True)
class Dump:
    """What a dump holds: rows in order, and the tables and columns that it names beside them."""

    rows: list[Row] = field(default_factory=list)
    passed: dict[str, int] = field(default_factory=dict)
    """Table without use -> its rows, where a reader only counts them."""
    tables: dict[str, Place] = field(default_factory=dict)
    """Every table of the dump, also an empty one."""
    columns: list[tuple[str, str, Place]] = field(default_factory=list)
    """Table, column and place, where a table is declared."""
