"""Rows of a dump with their places, and the errors of a dump. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sorm_mediator.errors import BoxError
from sorm_mediator.vpbx.schema import TABLES

MOST_ROWS: Final = 50_000
"""Rows of a dump that are used: many more than a tenant has, and few enough for the memory (our choice)."""


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
    """What a dump holds: the rows that are used, in order, and the tables and columns that it names beside them."""

    rows: list[Row] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)
    """Table -> its rows that are not used: service tables may have millions, so only their count is kept."""
    tables: dict[str, Place] = field(default_factory=dict)
    """Every table of the dump, also an empty one."""
    columns: list[tuple[str, str, Place]] = field(default_factory=list)
    """Table, column and place, where a table is declared."""

    def add(self, row: Row) -> None:
        """Keep a row that is used; count any other. Raises :class:`DumpError` for too many."""
        table = TABLES.get(row.table.lower())
        if table is None or table.model is None:
            self.passed_over[row.table] += 1
            return
        if len(self.rows) >= MOST_ROWS:
            raise DumpError(
                f"{row.place}: {row.table}: the tables of a tenant have over {MOST_ROWS} rows; leave some out"
            )
        self.rows.append(row)
