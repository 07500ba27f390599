"""Reads the text of a dump as mysqldump and mariadb-dump write it: CREATE TABLE for the columns, INSERT and REPLACE for
the rows. Every other statement is passed over. Pure.

Source: MySQL Reference Manual, 9.1 Literal Values, 9.7 Comments, 13.2.7 INSERT; MariaDB Knowledge Base, mariadb-dump.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Container, Iterator
from typing import Final, NamedTuple

from sorm_mediator.texts import shown
from sorm_mediator.vpbx.rows import Cell, Dump, DumpError, Place, Row

_TOKEN: Final = re.compile(
    r"""(?P<skip>\s+|--(?=[\s]|$)[^\n]*|\#[^\n]*|/\*.*?\*/)
    |(?P<string>'(?:[^'\\]++|\\.|'')*+'|"(?:[^"\\]++|\\.|"")*+")
    |`(?P<name>(?:[^`]++|``)++)`
    |(?P<hex>0x[0-9A-Fa-f]+|[xX]'[0-9A-Fa-f]*')
    |(?P<number>[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)
    |(?P<word>[A-Za-z_$@][\w$@]*)
    |(?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES: Final = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}
_NO_COLUMN: Final = frozenset(
    ("KEY", "PRIMARY", "UNIQUE", "CONSTRAINT", "INDEX", "FULLTEXT", "FOREIGN", "CHECK", "SPATIAL", "PERIOD")
)
"""Words that begin an item of CREATE TABLE that is no column."""
_DELIMITER: Final = re.compile(r"^DELIMITER[ \t]+;[ \t\r]*$", re.MULTILINE | re.IGNORECASE)


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


class _Reader:
    """The statements of a text."""

    def __init__(self, text: str, file: str, known: Container[str]) -> None:
        self.dump = Dump()
        self._known = known
        self._text, self._file = text, file
        self._lines = [0, *(found.end() for found in re.finditer(r"\n", text))]
        self._declared: dict[str, list[str]] = {}
        self._at = 0
        self._next = self._scan()

    def place(self, at: int) -> Place:
        """Line and column of an offset."""
        line = bisect_right(self._lines, at)
        return Place(self._file, line, at - self._lines[line - 1] + 1)

    def wrong(self, at: int, text: str, table: str = "") -> DumpError:
        """The error at an offset."""
        return DumpError(f"{self.place(at)}: {f'{table}: ' if table else ''}{text}")

    # --- tokens

    def _scan(self) -> _Token:
        while self._at < len(self._text):
            found = _TOKEN.match(self._text, self._at)
            assert found is not None  # the last alternative takes any character
            start, self._at = self._at, found.end()
            kind = found.lastgroup or ""
            if kind == "skip":
                continue
            if kind == "mark" and found[0] in "'\"`":
                raise self.wrong(start, f"the {found[0]} here is never closed; is the dump cut off?")
            if self._text.startswith("/*", start):
                raise self.wrong(start, "the comment here is never closed; is the dump cut off?")
            return _Token(kind, found["name"].replace("``", "`") if kind == "name" else found[0], start)
        return _Token("end", "", len(self._text))

    def _take(self) -> _Token:
        token, self._next = self._next, self._scan()
        return token

    def _is(self, *words: str) -> bool:
        """Whether the next token is one of these words or marks."""
        return self._next.kind in ("word", "mark") and self._next.text.upper() in words

    def _wanted(self, mark: str, table: str) -> None:
        if not self._is(mark):
            got = shown(self._next.text) if self._next.text else "the end of the dump"
            raise self.wrong(self._next.at, f"{mark} is expected here, not {got}", table)
        self._take()

    # --- statements

    def read(self) -> Dump:
        """All statements. Raises :class:`DumpError`."""
        while self._next.kind != "end":
            first = self._take()
            word = first.text.upper() if first.kind == "word" else ""
            if word == "CREATE" and self._is("TABLE", "TEMPORARY"):
                self._create()
            elif word in ("INSERT", "REPLACE"):
                self._insert()
            elif word == "DELIMITER":
                self._pass_routines(first.at)
                continue
            elif first.text == ";":
                continue
            self._pass()
        return self.dump

    def _pass(self) -> None:
        """To the end of the statement."""
        while self._next.kind != "end" and not self._is(";"):
            self._take()

    def _pass_routines(self, at: int) -> None:
        """Triggers and routines, which have statements of their own, to the line ``DELIMITER ;``."""
        found = _DELIMITER.search(self._text, at)
        self._at = found.end() if found else len(self._text)
        self._next = self._scan()

    def _table_name(self) -> _Token:
        name = self._take()
        if self._is("."):  # database.table
            self._take()
            name = self._take()
        if name.kind not in ("name", "word"):
            raise self.wrong(name.at, f"the name of a table is expected here, not {shown(name.text)}")
        return name

    def _create(self) -> None:
        while self._is("TABLE", "TEMPORARY", "IF", "NOT", "EXISTS"):
            self._take()
        name = self._table_name()
        table = name.text
        self.dump.tables.setdefault(table, self.place(name.at))
        if not self._is("("):
            return  # CREATE TABLE ... LIKE, or AS SELECT: it gives no columns
        columns: list[str] = []
        self._take()
        depth, begins = 1, True
        while depth:
            token = self._take()
            if token.kind == "end":
                raise self.wrong(token.at, "the dump ends within CREATE TABLE; is it cut off?", table)
            if begins and (
                token.kind == "name" or (token.kind == "word" and token.text.upper() not in _NO_COLUMN)
            ):
                columns.append(token.text)
                self.dump.columns.append((table, token.text, self.place(token.at)))
            begins = depth == 1 and token.text == "," and token.kind == "mark"
            if token.kind == "mark":
                depth += {"(": 1, ")": -1}.get(token.text, 0)
        self._declared[table] = columns

    def _insert(self) -> None:
        while self._is("INTO", "IGNORE", "DELAYED", "LOW_PRIORITY", "HIGH_PRIORITY"):
            self._take()
        name = self._table_name()
        table = name.text
        self.dump.tables.setdefault(table, self.place(name.at))
        columns = self._declared.get(table)
        if table.lower() not in self._known:
            return  # whoever reads the dump says that there is no such table
        if self._is("("):
            columns = list(self._columns(table))
        if not self._is("VALUES", "VALUE"):
            raise self.wrong(
                self._next.at, "VALUES is expected here; other forms of INSERT are not read", table
            )
        self._take()
        if columns is None:
            text = "its columns are not told: dump it with CREATE TABLE, or with --complete-insert"
            raise self.wrong(name.at, text, table)
        while True:
            self.dump.add(self._row(table, columns))
            if not self._is(","):
                break
            self._take()
        if not self._is(";", "ON") and self._next.kind != "end":
            raise self.wrong(self._next.at, f"; is expected here, not {shown(self._next.text)}", table)
        if self._next.kind == "end":
            raise self.wrong(
                self._next.at, "the dump ends within INSERT, without its ;; is it cut off?", table
            )

    def _columns(self, table: str) -> Iterator[str]:
        self._take()
        while True:
            token = self._take()
            if token.kind not in ("name", "word"):
                raise self.wrong(
                    token.at, f"a column's name is expected here, not {shown(token.text)}", table
                )
            self.dump.columns.append((table, token.text, self.place(token.at)))
            yield token.text
            if not self._is(","):
                break
            self._take()
        self._wanted(")", table)

    def _row(self, table: str, columns: list[str]) -> Row:
        start = self._next.at
        self._wanted("(", table)
        cells: dict[str, Cell] = {}
        count = 0
        while not self._is(")"):
            if count:
                self._wanted(",", table)
            at = self._next.at
            column = columns[count] if count < len(columns) else ""
            default, value = self._value(f"{table}.{column}" if column else table)
            count += 1
            if column and not default:
                cells[column] = Cell(value, self.place(at))
        if count != len(columns):
            raise self.wrong(
                start, f"the row has {count} values, and the table has {len(columns)} columns", table
            )
        self._take()
        return Row(table, cells, self.place(start))

    def _value(self, where: str) -> tuple[bool, str | None]:
        """Whether a value is the column's default; and the value."""
        token = self._take()
        if token.kind == "word" and token.text.startswith("_") and self._next.kind in ("string", "hex"):
            token = self._take()  # _utf8mb4'text', _binary'text'
        if token.kind == "string":
            return False, _unescaped(token.text)
        if token.kind == "number":
            return False, token.text.removeprefix("+")
        if token.kind == "hex":
            digits = token.text[2:].rstrip("'")
            return False, bytes.fromhex(digits.zfill(len(digits) + len(digits) % 2)).decode(
                "utf-8", "replace"
            )
        word = token.text.upper() if token.kind == "word" else ""
        if word in ("TRUE", "FALSE"):
            return False, "1" if word == "TRUE" else "0"
        if word in ("NULL", "DEFAULT"):
            return word == "DEFAULT", None
        got = shown(token.text) if token.text else "the end of the dump"
        raise self.wrong(token.at, f"a value is expected here, not {got}", where)


def _unescaped(literal: str) -> str:
    quote, inside = literal[0], literal[1:-1]
    if "\\" in inside:
        return re.sub(
            rf"\\(.)|{quote}{quote}",
            lambda found: quote if found[1] is None else _ESCAPES.get(found[1], found[1]),
            inside,
            flags=re.DOTALL,
        )
    return inside.replace(quote * 2, quote)


def read_mysql(text: str, file: str, known: Container[str]) -> Dump:
    """The rows of a dump. ``file``: its name, for errors. ``known``: tables to be read. Raises :class:`DumpError`.

    ``text``: octets that are no UTF-8 as half surrogates (``surrogateescape``), which BLOBs may have.
    """
    return _Reader(text, file, known).read()
