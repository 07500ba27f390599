"""Reads a tenant's database from a MySQL dump, an SQLite file, a folder of CSV files, or JSON.

The form is told by the content: a folder, the first octets of SQLite, the first character of JSON; else it is SQL.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
import stat
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from sorm_mediator.language import Phrase
from sorm_mediator.texts import read_utf8, shown
from sorm_mediator.vpbx.mysql import read_mysql
from sorm_mediator.vpbx.rows import Cell, Dump, DumpError, Place, Row, dump_error
from sorm_mediator.vpbx.schema import TABLES

SQLITE: Final = b"SQLite format 3\x00"
"""The first octets of an SQLite file (SQLite, Database File Format, 1.3)."""
UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
"""How a file of UTF-16 begins (the Unicode Standard, 23.8)."""
_HALF: Final = re.compile("[\ud800-\udfff]")
"""Half of a UTF-16 pair, which an escape of JSON may be."""
PACKED: Final = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"PK\x03\x04": "zip"}
"""How packed files begin: RFC 1952, 2.3.1; bzip2; the .xz file format, 2.1.1.1; PKWARE APPNOTE, 4.3.7."""
MOST_OCTETS: Final = 256 << 20
"""The largest dump that is read (our choice)."""


MOST_CELL: Final = 16 << 20
"""Octets of a value, or a row, of an SQLite file (our choice)."""
_END: Final = Phrase("the end", context="of a text")


def read_dump(path: Path) -> Dump:
    """The rows of a dump. Raises :class:`DumpError`."""
    try:
        if path.is_dir():
            return _read_folder(path)
        if not path.exists():
            raise dump_error(path, Phrase("there is no such file"))
        octets = _read_file(path, MOST_OCTETS)
    except OSError as error:
        why = Phrase("can't be read: {error}", error=error.strerror or str(error))
        raise dump_error(error.filename or path, why) from None
    if octets.startswith(SQLITE):
        return _read_sqlite(path)
    for magic, kind in PACKED.items():
        if octets.startswith(magic):
            raise dump_error(path, Phrase("is packed ({kind}); unpack it first", kind=kind))
    if (
        not octets.startswith(UTF16)
        and octets.lstrip()[:1] not in (b"{", b"[")
        and path.suffix.lower() != ".csv"
    ):
        # A dump has BLOBs as they are: octets that are no text stay marked, and only a cell that is used is refused.
        return read_mysql(octets.decode("utf-8-sig", "surrogateescape"), str(path), TABLES)
    text = _decoded(octets, path)
    if path.suffix.lower() == ".csv":
        return _read_csv(text, path, Dump())
    return _JsonReader(text, str(path)).read()


def _read_file(path: Path, most: int) -> bytes:
    """The octets of a file. Raises :class:`DumpError` for what has no end, or is too large, and ``OSError``."""
    if not path.is_dir() and not stat.S_ISREG(path.stat().st_mode):
        raise dump_error(path, Phrase("is no regular file"))
    with path.open("rb") as file:
        octets = file.read(most + 1)
    if len(octets) > most:
        why = Phrase(
            "the dump has over {most} MB; dump only the tables of the tenant", most=MOST_OCTETS >> 20
        )
        raise dump_error(path, why)
    return octets


def _decoded(octets: bytes, path: Path) -> str:
    try:
        return read_utf8(octets)
    except UnicodeError as error:
        raise dump_error(path, str(error)) from None


# --- CSV


def _read_folder(folder: Path) -> Dump:
    files = sorted(one for one in folder.iterdir() if one.suffix.lower() == ".csv")
    if not files:
        raise dump_error(
            folder, Phrase("has no CSV files; one is expected for each table, such as sip_trunks.csv")
        )
    dump, left = Dump(), MOST_OCTETS
    for path in files:
        octets = _read_file(path, left)
        left -= len(octets)
        _read_csv(_decoded(octets, path), path, dump)
    return dump


def _read_csv(text: str, path: Path, dump: Dump) -> Dump:
    """Add the rows of one table. Its first line has the columns; commas or semicolons separate."""
    table, file = path.stem, str(path)
    first = text.split("\n", 1)[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    dump.tables[table] = Place(file, 1)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    line = 0
    try:
        for cells in lines:
            line, before = lines.line_num, line
            place = Place(file, before + 1)
            if not cells:
                continue
            if not header:
                header = [one.strip() for one in cells]
                dump.columns += [
                    (table, name, Place(file, place.line, number)) for number, name in enumerate(header, 1)
                ]
                continue
            if len(cells) != len(header):
                why = Phrase("the row has {values} values, and the header {columns} columns")
                raise dump_error(place, table, why.fill(values=len(cells), columns=len(header)))
            found = {
                name: Cell(None if value == "\\N" else value, Place(file, place.line, number))
                for number, (name, value) in enumerate(zip(header, cells, strict=True), 1)
            }
            dump.add(Row(table, found, place))
    except csv.Error as error:
        why = Phrase("is no CSV: {error}", error=str(error))
        raise dump_error(Place(file, lines.line_num), table, why) from None
    if not header:
        raise dump_error(file, table, Phrase("is empty; its first line has the columns"))
    return dump


# --- SQLite


def _read_sqlite(path: Path) -> Dump:
    file = str(path)
    dump = Dump()
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            # A column that the file computes may be of a thousand million octets.
            database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_CELL)
            database.text_factory = _as_utf8
            names = database.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
            )
            for (table,) in names.fetchall():
                dump.tables[table] = Place(file)
                name = table.replace('"', '""')
                known = TABLES.get(table.lower())
                if known is not None and known.model is None:
                    counted = database.execute(f'SELECT count(*) FROM "{name}"')  # nosec B608 # noqa: S608 - as below
                    (dump.passed_over[table],) = counted.fetchone()
                    continue
                found = database.execute(f'SELECT * FROM "{name}"')  # nosec B608 # noqa: S608 - a name of the file
                columns = [one[0] for one in found.description]
                dump.columns += [(table, one, Place(file)) for one in columns]
                for number, values in enumerate(found, 1):
                    place = Place(file, number, what=f"table {table}, row")
                    cells = {
                        one: Cell(_text(value), place) for one, value in zip(columns, values, strict=True)
                    }
                    dump.add(Row(table, cells, place))
    except sqlite3.Error as error:
        raise dump_error(file, Phrase("is a damaged SQLite file: {error}", error=str(error))) from None
    return dump


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, bytes):
        return _as_utf8(value)
    return str(value)


def _as_utf8(octets: bytes) -> str:
    """A text; octets that are no UTF-8 stay marked."""
    return octets.decode("utf-8", "surrogateescape")


# --- JSON


class _JsonReader:
    """``{"table": [{"column": value}]}``, or the export of phpMyAdmin: a list of ``{"type": "table", "name",
    "data"}``."""

    def __init__(self, text: str, file: str) -> None:
        self._text, self._file = text, file
        self._lines = [0, *(at + 1 for at, one in enumerate(text) if one == "\n")]
        self._at = 0
        # A number stays the text that it is: one of more than 4,300 digits is no number for Python.
        self._decoder = json.JSONDecoder(parse_int=str, parse_float=str)
        self._columns: set[tuple[str, str]] = set()
        self.dump = Dump()

    def read(self) -> Dump:
        """All tables. Raises :class:`DumpError`."""
        try:
            if self._peek() == "{":
                for table, at in self._members():
                    self._table(table, self._place(at))
            else:
                for _ in self._items():
                    self._exported()
            if self._peek():
                raise self.wrong(Phrase("nothing is expected after the end"))
        except json.JSONDecodeError as error:
            why = Phrase("is not JSON: {error}", error=error.msg)
            raise dump_error(self._place(error.pos), why) from None
        except RecursionError:
            raise self.wrong(Phrase("is nested too deeply")) from None
        return self.dump

    def _place(self, at: int) -> Place:
        line = bisect_right(self._lines, at)
        return Place(self._file, line, at - self._lines[line - 1] + 1)

    def wrong(self, text: str) -> DumpError:
        return dump_error(self._place(self._at), text)

    def _peek(self) -> str:
        while self._text[self._at : self._at + 1].isspace():
            self._at += 1
        return self._text[self._at : self._at + 1]

    def _wanted(self, mark: str) -> None:
        got = self._peek()
        if got != mark:
            why = Phrase("{wanted} is expected here, not {got}", wanted=mark, got=shown(got) if got else _END)
            raise self.wrong(why)
        self._at += 1

    def _members(self) -> Iterator[tuple[str, int]]:
        """Names of an object, each with its place; the caller reads the value."""
        self._wanted("{")
        if self._peek() == "}":
            self._at += 1
            return
        while True:
            self._peek()
            at = self._at
            if self._peek() != '"':
                raise self.wrong(Phrase('a name in " is expected here'))
            name = self._value()
            self._wanted(":")
            self._peek()
            yield name, at
            if self._peek() != ",":
                break
            self._at += 1
        self._wanted("}")

    def _items(self) -> Iterator[None]:
        """Items of a list; the caller reads each."""
        self._wanted("[")
        if self._peek() == "]":
            self._at += 1
            return
        while True:
            self._peek()
            yield
            if self._peek() != ",":
                break
            self._at += 1
        self._wanted("]")

    def _value(self) -> Any:
        self._peek()
        value, self._at = self._decoder.raw_decode(self._text, self._at)
        return value

    def _table(self, table: str, place: Place) -> None:
        self.dump.tables.setdefault(table, place)
        if self._peek() == "{":  # options are one row
            self._row(table)
            return
        for _ in self._items():
            self._row(table)

    def _row(self, table: str) -> None:
        if self._peek() != "{":
            raise dump_error(self._place(self._at), table, Phrase("a row in braces is expected here"))
        place = self._place(self._at)
        cells: dict[str, Cell] = {}
        for column, at in self._members():
            where = self._place(self._at)
            value = self._value()
            if isinstance(value, list):
                value = ",".join(map(str, value))
            if isinstance(value, dict):
                why = Phrase("a text or a number is expected here, not an object")
                raise dump_error(where, f"{table}.{column}", why)
            if (table, column) not in self._columns:
                self._columns.add((table, column))
                self.dump.columns.append((table, column, self._place(at)))
            text = _text(value)
            if text is not None and _HALF.search(text):
                why = Phrase(
                    "has half a character: {first} to {last} stand in pairs", first=r"\ud800", last=r"\udfff"
                )
                raise dump_error(where, f"{table}.{column}", why)
            cells[column] = Cell(text, where)
        self.dump.add(Row(table, cells, place))

    def _exported(self) -> None:
        start = self._at
        item = self._value()
        if not isinstance(item, dict) or item.get("type") != "table":
            return
        end, self._at = self._at, start
        table = str(item.get("name", ""))
        for name, at in self._members():
            if name == "data":
                self._table(table, self._place(at))
            else:
                self._value()
        self._at = end
