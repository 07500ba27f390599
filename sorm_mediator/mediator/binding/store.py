"""The mediator's tables on disk: SQLAlchemy Core over SQLite, in WAL mode with ``synchronous=FULL``.

A change is one small transaction that is durable when :meth:`TableStore.apply` returns, so what 28h/00 confirms
outlives a kill -9 and a loss of power. Every row carries a checksum: SQLite itself would not notice a digit
of a controlled number that the disk changed.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from protocol.codes import GroupType
from protocol.values import Ksl
from sorm_mediator.mediator.core.tables import (
    Change,
    ControlledObject,
    DamageReported,
    Group,
    GroupLineAdded,
    GroupLineRemoved,
    Line,
    ObjectPut,
    ObjectRemoved,
    PasswordChanged,
    Started,
    StartNumber,
    Stopped,
    Tables,
)
from sorm_mediator.sqlite import (
    InUseError,
    is_damage,
    lock_file,
    move_aside,
    open_database,
    reason,
    sync,
)

log = logging.getLogger(__name__)

SCHEMA = 1
"""Version of the tables below, kept as SQLite's ``user_version``; 0 is a new file."""

_metadata = sa.MetaData()


def _table(name: str, *columns: sa.Column[Any]) -> sa.Table:
    return sa.Table(name, _metadata, *columns, sa.Column("crc", sa.Integer, nullable=False))


_meta = _table(
    "meta", sa.Column("key", sa.Text, primary_key=True), sa.Column("value", sa.Text, nullable=False)
)
_groups = _table(
    "groups",
    sa.Column("ksl_group", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("group_type", sa.Text, nullable=False),
)
_lines = _table(
    "lines",
    sa.Column("stream_a", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("ksl_a", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("stream_b", sa.Integer),
    sa.Column("ksl_b", sa.Integer),
    sa.Column("ksl_group", sa.Integer, nullable=False),
)
_objects = _table(
    "objects",
    sa.Column("object_number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("object_type", sa.Text, nullable=False),
    sa.Column("number_sign", sa.Text),
    sa.Column("number", sa.Text),
    sa.Column("trunk", sa.Integer),
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("ksl_group", sa.Integer),
    sa.Column("priority", sa.Text),
)


def _upsert(table: sa.Table) -> sa.Executable:
    statement = insert(table)
    keys = [column.name for column in table.primary_key]
    values = {column.name: statement.excluded[column.name] for column in table.columns}
    return statement.on_conflict_do_update(index_elements=keys, set_=values)


_UPSERT = {table.name: _upsert(table) for table in (_meta, _groups, _lines, _objects)}


class StoreError(Exception):
    """The tables can't be read or written. The text names the file and the remedy."""


class _DamagedError(Exception):
    """What the file holds is not what this program wrote."""


class TableStore:
    """The tables of one mediator in the file ``path``; None keeps none (``:memory:``).

    ``password`` is the configured one: it is valid until command 3 sets another. One process has a file at a
    time. :meth:`load` comes first. Everything raises :class:`StoreError` and nothing else.
    """

    def __init__(self, path: Path | None, *, password: str) -> None:
        self.path = path
        self.damage = ""
        """What :meth:`load` found wrong, empty when nothing was."""
        self._password = password
        self._resources: list[Callable[[], None]] = []

    def load(self, *, now: float) -> Tables:
        """The tables as the last change left them.

        A file that is damaged is moved aside to ``<path>.damaged-<time>``, and the tables are new ones that
        are marked so (``damaged``), also after another restart, until it was reported to the console.
        """
        if self.path is None:
            return Tables(password=self._password)
        try:
            return self._load(self.path, now)
        except InUseError:
            text = (
                f"{self.path}: another gateway has these tables open: give each its own, --set mediator.state=FILE, "
                "or keep none, --set mediator.state=:memory:"
            )
            raise StoreError(text) from None
        except (sa.exc.SQLAlchemyError, sqlite3.Error, OSError) as error:
            self.close()
            raise StoreError(f"{self.path}: can't be opened: {reason(error)}") from error

    def _load(self, path: Path, now: float) -> Tables:
        self._resources.append(lock_file(path).close)
        self._connection, self.damage = open_database(path, "FULL", _prepare, now)
        if not self.damage:
            try:
                return self._read()
            except _DamagedError as error:
                self._connection.engine.dispose()
                aside = move_aside(path, now)
                self.damage = f"the tables were damaged ({error}) and moved aside to {aside.name}"
                self._connection, _ = open_database(path, "FULL", _prepare, now)
        log.error("%s: %s; the console is told to load them again", path, self.damage)
        with self._connection.begin():
            self._set("damaged", "1")
        sync(path.parent)
        return self._read()

    def _read(self) -> Tables:
        try:
            return self._replay()
        except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
            raise _DamagedError(" ".join(str(error).split()) or type(error).__name__) from error
        except (sa.exc.DatabaseError, sqlite3.DatabaseError) as error:
            if not is_damage(error):
                raise
            raise _DamagedError(reason(error)) from error
        finally:
            self._connection.rollback()

    def _replay(self) -> Tables:
        verdicts = self._connection.exec_driver_sql("PRAGMA integrity_check(3)").scalars().all()
        if verdicts != ["ok"]:  # a row for each problem
            raise ValueError("; ".join(map(str, verdicts)))
        meta = {row["key"]: row["value"] for row in self._rows(_meta)}
        tables = Tables(
            password=meta.get("password", self._password),
            started=meta.get("started") == "1",
            damaged=meta.get("damaged") == "1",
            start_number=int(meta["start_number"]) if meta.get("start_number") else None,
        )
        types = {row["ksl_group"]: GroupType(row["group_type"]) for row in self._rows(_groups)}
        for row in self._rows(_lines):
            group = row["ksl_group"]
            if group not in types:
                raise ValueError(f"a line of group {group}, which is none")
            tables.apply(GroupLineAdded(group, types[group], _line(row)))
        for group, group_type in types.items():
            tables.groups.setdefault(group, Group(group_type))
        for row in self._rows(_objects):
            tables.apply(ObjectPut(ControlledObject.from_plain(row)))
        return tables

    def _rows(self, table: sa.Table) -> Iterator[Mapping[str, Any]]:
        for row in self._connection.execute(sa.select(table)).mappings():
            values = {column: value for column, value in row.items() if column != "crc"}
            if row["crc"] != _crc(values):
                raise ValueError(f"checksum of a row in {table.name}")
            yield values

    def apply(self, *changes: Change) -> None:
        """Make all the changes durable, or none of them. Without any it tries whether the disk takes a write."""
        if self.path is None:
            return
        try:
            with self._connection.begin():
                for change in changes:
                    self._write(change)
                if not changes:
                    self._set("tried", "1")
        except (sa.exc.SQLAlchemyError, sqlite3.Error) as error:
            raise StoreError(f"{self.path}: a change can't be written: {reason(error)}") from error

    def _write(self, change: Change) -> None:
        execute = self._connection.execute
        match change:
            case Started(number):
                self._set("started", "1")
                self._set("start_number", "" if number is None else str(number))
            case StartNumber(number):
                self._set("start_number", str(number))
            case PasswordChanged(password):
                self._set("password", password)
            case GroupLineAdded(group, group_type, line):
                self._put(_groups, {"ksl_group": group, "group_type": str(group_type)})
                self._put(_lines, _line_row(group, line))
            case GroupLineRemoved(_, line):
                stream, ksl = line.ksl_a
                execute(_lines.delete().where(_lines.c.stream_a == stream, _lines.c.ksl_a == ksl))
            case ObjectPut(row):
                self._put(_objects, row.plain())
            case ObjectRemoved(number):
                execute(_objects.delete().where(_objects.c.object_number == number))
            case Stopped(clear_groups, new_password):
                self._set("started", "0")
                execute(_objects.delete())
                if clear_groups:
                    execute(_lines.delete())
                    execute(_groups.delete())
                if new_password is not None:
                    self._set("password", new_password)
            case DamageReported():
                execute(_meta.delete().where(_meta.c.key == "damaged"))

    def _set(self, key: str, value: str) -> None:
        self._put(_meta, {"key": key, "value": value})

    def _put(self, table: sa.Table, values: dict[str, Any]) -> None:
        self._connection.execute(_UPSERT[table.name], values | {"crc": _crc(values)})

    def close(self) -> None:
        """Close the file; what was applied is already there."""
        if hasattr(self, "_connection"):
            self._connection.close()
            self._connection.engine.dispose()
        while self._resources:
            self._resources.pop()()


def _prepare(connection: sa.Connection) -> None:
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if version > SCHEMA:
        raise OSError(f"written by a newer version of this program (schema {version}, known: {SCHEMA})")
    if version == 0:  # else a table that is missing is damage
        _metadata.create_all(connection)
        connection.exec_driver_sql(f"PRAGMA user_version={SCHEMA}")
    connection.commit()


def _crc(values: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(values, sort_keys=True).encode())


def _line_row(group: int, line: Line) -> dict[str, Any]:
    stream_b, ksl_b = line.ksl_b or (None, None)
    return {
        "stream_a": line.ksl_a.stream,
        "ksl_a": line.ksl_a.ksl,
        "stream_b": stream_b,
        "ksl_b": ksl_b,
        "ksl_group": group,
    }


def _line(row: Mapping[str, Any]) -> Line:
    ksl_b = None if row["ksl_b"] is None else Ksl(row["stream_b"], row["ksl_b"])
    return Line(Ksl(row["stream_a"], row["ksl_a"]), ksl_b)
