"""The journal on disk: its entries, its sealed head, how much strangers may add to it, and its export as text.

The entries are one row each in an SQLite file (SQLAlchemy Core, WAL mode). An entry is in the file when
:meth:`Journal.append` returns, so a killed process loses none. The sealed head follows when the disk has it
(:class:`Sealer`); after a loss of power the journal ends at or after the sealed head.
"""

from __future__ import annotations

import csv
import json
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, TextIO

import sqlalchemy as sa
from pydantic import ConfigDict

from sorm_mediator.journal.chain import DAMAGED, GENESIS, Head, Row, Verifier, canonical, link
from sorm_mediator.sqlite import (
    InUseError,
    is_damage,
    lock_file,
    move_aside,
    open_database,
    open_engine,
    reason,
    sync,
)

log = logging.getLogger(__name__)

_metadata = sa.MetaData()
_entries = sa.Table(
    "entries",
    _metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("previous", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)
_TRIGGERS = tuple(
    f"CREATE TRIGGER IF NOT EXISTS entries_no_{action.lower()} BEFORE {action} ON entries"
    f" BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"
    for action in ("UPDATE", "DELETE")
)
_SCHEMA = 1
_BATCH = 1000
_MOST_ENTRIES = 2**62
"""A number of an entry that is never reached: the next ones must still fit into SQLite's 64 bits."""
_FAR = 253_402_300_800.0
"""Unix time of the year 10000, which no calendar here reaches."""
_time = sa.cast(sa.func.json_extract(_entries.c.body, "$.time"), sa.Float)
_kind = sa.func.json_extract(_entries.c.body, "$.kind")


class JournalError(Exception):
    """The journal can't be read or written. The text names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: number, Unix time in seconds, kind, what was recorded, and its hash."""

    seq: int
    time: float
    kind: str
    fields: dict[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class Query:
    """Which entries to read: ``since`` <= time < ``until`` (Unix seconds), of these kinds; None: all."""

    since: float | None = None
    until: float | None = None
    kinds: tuple[str, ...] = ()

    def select(self) -> sa.Select[tuple[int, str, str]]:
        statement = sa.select(_entries.c.seq, _entries.c.body, _entries.c.hash)
        if self.since is not None:
            statement = statement.where(_time >= self.since)
        if self.until is not None:
            statement = statement.where(_time < self.until)
        if self.kinds:
            statement = statement.where(_kind.in_(self.kinds))
        return statement


def _prepare(connection: sa.Connection) -> None:
    _metadata.create_all(connection)
    for trigger in _TRIGGERS:
        connection.exec_driver_sql(trigger)
    connection.exec_driver_sql(f"PRAGMA user_version={_SCHEMA}")
    connection.commit()


class _ForeignError(Exception):
    """The table of entries is not the one that this program makes."""


def _last(connection: sa.Connection) -> Head:
    """The last entry, behind which the next one can be written.

    Raises :class:`_ForeignError` where numbers of entries can be anything else, the errors of SQLAlchemy for damage.
    """
    try:
        columns = {
            row[1]: (row[2], row[5]) for row in connection.exec_driver_sql("PRAGMA table_info(entries)")
        }
        if columns.keys() != {column.name for column in _entries.columns}:
            raise _ForeignError(f"its columns are {', '.join(map(str, columns))[:100]}")
        if columns["seq"] != ("INTEGER", 1):
            raise _ForeignError("its numbers of entries are not whole numbers")
        newest = sa.select(_entries.c.seq, _entries.c.hash).order_by(_entries.c.seq.desc()).limit(1)
        row = connection.execute(newest).first()
        if row is not None and (type(row.seq) is not int or not 0 < row.seq < _MOST_ENTRIES):
            raise _ForeignError(f"entry {row.seq} is out of range")
        head = Head(0, GENESIS) if row is None else Head(row.seq, str(row.hash))
        # A damaged page may hide entries from one question and not from the next, so a write is tried.
        trial = {"seq": head.seq + 1, "body": "", "previous": "", "hash": ""}
        connection.execute(_entries.insert(), trial)
    finally:
        connection.rollback()
    return head


def _hash_of(connection: sa.Connection, seq: int) -> str | None:
    """The hash of an entry; None if there is none."""
    if seq == 0:
        return GENESIS
    try:
        return connection.execute(sa.select(_entries.c.hash).where(_entries.c.seq == seq)).scalar()
    finally:
        connection.rollback()


class Journal:
    """A journal open for writing, by one process at a time.

    Opening one that is shorter than its sealed head, or whose file is damaged, does not stop the box: what
    was found becomes an entry of kind ``journal-damaged``, which ``verify`` reports from then on. A damaged
    file is moved aside first. Raises :class:`JournalError` when the file can't be opened or another process
    writes it.
    """

    def __init__(self, path: Path, *, now: float) -> None:
        self.path = path
        try:
            with ExitStack() as stack:
                self._lock = stack.enter_context(lock_file(path))
                damage = self._open(now)
                stack.pop_all()
        except InUseError:
            text = (
                f"{path}: another process writes this journal: give each box its own, "
                "--set mediator.journal=FILE, or none, --set mediator.journal="
            )
            raise JournalError(text) from None
        except (sa.exc.SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise JournalError(f"{path}: can't be opened as a journal: {reason(error)}") from error
        self.sealer = Sealer(path)
        if damage:
            log.error("%s: %s: run journal verify", path, damage)
            self.append(now, DAMAGED, {"text": damage})

    def _open(self, now: float) -> str:
        """Returns what is wrong with what is there, empty when nothing is."""
        seal, sealed = read_head(self.path), os.path.exists(head_path(self.path))
        connection, damage = open_database(self.path, "NORMAL", _prepare, now)
        hash_at_seal: str | None = None
        try:
            last = _last(connection)
            if seal is not None:
                hash_at_seal = _hash_of(connection, seal.seq)
        except (_ForeignError, sa.exc.DatabaseError) as error:
            contradicts = isinstance(error, _ForeignError | sa.exc.IntegrityError)
            if not contradicts and not is_damage(error):
                raise
            connection.engine.dispose()
            aside = move_aside(self.path, now)
            what = (
                f"was no journal of this program ({error})"
                if isinstance(error, _ForeignError)
                else f"was damaged ({reason(error)})"
            )
            damage = f"the file {what} and moved aside to {aside.name}"
            connection, _ = open_database(self.path, "NORMAL", _prepare, now)
            last = _last(connection)
        self._connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        self.head = last
        """The number and hash of the last entry: what to note elsewhere to prove later that it stood."""
        if damage:
            return damage
        if seal is None:
            if sealed or last.seq:
                return "the sealed head was missing or unreadable"
            # Sealed while it is empty: from the first entry on, a missing head is tampering and no crash.
            sync(self.path.parent)
            write_head(self.path, last)
        elif seal.seq > last.seq:
            return f"entries {last.seq + 1} to {seal.seq} were missing"
        elif hash_at_seal != seal.hash:
            return f"entry {seal.seq} had another hash than the sealed head"
        return ""

    def append(self, now: float, kind: str, fields: Mapping[str, Any]) -> Entry:
        """Write one entry; it is in the file on return. Raises :class:`JournalError`."""
        seq, previous = self.head.seq + 1, self.head.hash
        body = canonical({"seq": seq, "time": now, "kind": kind, "fields": dict(fields)})
        digest = link(previous, body)
        row = {"seq": seq, "body": body, "previous": previous, "hash": digest}
        try:
            self._connection.execute(_entries.insert(), row)
        except sa.exc.SQLAlchemyError as error:
            raise JournalError(f"{self.path}: entry {seq} can't be written: {reason(error)}") from error
        self.head = Head(seq, digest)
        self.sealer.seal(self.head)
        return Entry(seq, now, kind, dict(fields), digest)

    def close(self) -> None:
        """Seal the last entry and close the file."""
        self.sealer.close()
        self._connection.close()
        self._connection.engine.dispose()
        self._lock.close()


class JournalReader:
    """A journal open for reading, also while a box writes it. Raises :class:`JournalError`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # Before the first row: a head read later could be ahead of the rows that this reader sees.
        self.seal = read_head(path)
        if not os.path.isfile(path):
            lost = f", but its sealed head names entry {self.seal.seq}" if self.seal else ""
            raise JournalError(f"{path}: there is no journal{lost}")
        self._engine = open_engine(path, synchronous=None)

    def verify(self, noted: str | None = None, *, progress: Callable[[], object] = lambda: None) -> Verifier:
        """Walk the whole chain, calling ``progress`` after each entry.

        ``noted`` is the hash of a head that was written down elsewhere.
        """
        verifier = Verifier(self.seal, noted)
        for row in self.rows():
            verifier.feed(row)
            progress()
        verifier.finish()
        return verifier

    def rows(self) -> Iterator[Row]:
        """Every row as it lies in the file, by number."""
        columns = (_entries.c.seq, _entries.c.body, _entries.c.previous, _entries.c.hash)
        # Types are the file's: an edited column may hold anything.
        statement = sa.select(*(sa.type_coerce(column, sa.types.NullType()) for column in columns))
        for row in self._stream(statement.order_by(_entries.c.seq)):
            yield Row(*row)

    def entries(self, query: Query = Query()) -> Generator[Entry, None, None]:
        """The entries that ``query`` asks for, by number."""
        for row in self._stream(query.select().order_by(_entries.c.seq)):
            yield _entry(*row)

    def latest(self, limit: int, *, before: int | None = None, query: Query = Query()) -> list[Entry]:
        """The newest ``limit`` entries (with numbers below ``before``), oldest first."""
        statement = query.select().order_by(_entries.c.seq.desc()).limit(limit)
        if before is not None:
            statement = statement.where(_entries.c.seq < before)
        return [_entry(*row) for row in self._stream(statement)][::-1]

    def count(self, query: Query = Query()) -> int:
        """How many entries ``query`` asks for."""
        statement = query.select().with_only_columns(sa.func.count(), maintain_column_froms=True)
        with self._connected() as connection:
            return int(connection.execute(statement).scalar_one())

    def kinds(self) -> tuple[str, ...]:
        """The kinds of its entries."""
        statement = sa.select(_kind).distinct().order_by(_kind)
        with self._connected() as connection:
            return tuple(str(kind) for (kind,) in connection.execute(statement))

    def _stream(self, statement: sa.Executable) -> Iterator[Any]:
        with self._connected() as connection:
            yield from connection.execution_options(yield_per=_BATCH).execute(statement)

    @contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except (sa.exc.SQLAlchemyError, sqlite3.Error, UnicodeDecodeError) as error:
            raise JournalError(f"{self.path}: can't be read as a journal: {reason(error)}") from error

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()


def _entry(seq: int, body: str, digest: str) -> Entry:
    try:
        content = json.loads(body)
        time = float(content["time"])
        if not 0 <= time < _FAR:  # nor is a NaN
            raise ValueError("its time is none")  # noqa: TRY301 - one text for all that may be wrong
        kind, fields = content["kind"], content["fields"]
        # What edited text may hold, and no file in UTF-8: half of a surrogate pair.
        json.dumps([kind, fields], ensure_ascii=False).encode()
        return Entry(seq, time, str(kind), dict(fields), str(digest))
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
        why = ascii(str(error))[1:101]
        raise JournalError(
            f"entry {seq}: is not what this program writes ({why}): run journal verify"
        ) from error


# --- The sealed head: a small file beside the journal that says how far it reached.
#
# It is written after the entry it names is on disk, by renaming, so at any moment it is whole and never
# ahead of the journal: a crash leaves it behind at most. Cutting entries off the end leaves it ahead, and
# that is how truncation is found.


def head_path(journal: Path) -> Path:
    """Where the head of ``journal`` lies: ``<journal>.head``."""
    return journal.with_name(journal.name + ".head")


def read_head(journal: Path) -> Head | None:
    """The sealed head of ``journal``; None when there is none, or none that can be read as one."""
    try:
        document = json.loads(head_path(journal).read_text(encoding="utf-8"))
        seq, digest = document["seq"], document["hash"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    if type(seq) is not int or seq < 0 or not isinstance(digest, str):
        return None
    return Head(seq, digest)


def write_head(journal: Path, head: Head) -> None:
    """Replace the head of ``journal`` atomically and durably. Raises ``OSError``."""
    target = head_path(journal)
    draft = target.with_name(target.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps({"seq": head.seq, "hash": head.hash}) + "\n")
        file.flush()
        os.fsync(descriptor)
    draft.replace(target)
    sync(target.parent)


class Sealer:
    """Writes heads in a thread of its own, so that waiting for the disk delays no console.

    Each round makes the write-ahead log durable first and writes the newest head after it. Heads that
    were overtaken while the disk was busy are skipped.
    """

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._log = journal.with_name(journal.name + "-wal")
        self._changed = threading.Condition()
        self._wanted: Head | None = None
        self._closing = False
        self.errors = 0
        """Heads that could not be written; the next one makes up for them."""
        self._thread = threading.Thread(target=self._run, name="journal-sealer", daemon=True)
        self._thread.start()

    def seal(self, head: Head) -> None:
        """Write this head as soon as the disk allows."""
        with self._changed:
            self._wanted = head
            self._changed.notify_all()

    def close(self) -> None:
        """Write what is wanted still, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._wanted is not None)
                head, self._wanted = self._wanted, None
            if head is None:
                return
            try:
                with suppress(FileNotFoundError):  # checkpointed: SQLite has synced the database itself
                    sync(self._log)
                write_head(self._journal, head)
            except OSError as error:
                self.errors += 1
                log.error("journal: the sealed head can't be written: %s", error)  # noqa: TRY400


# --- How much strangers may make the journal grow. Pure: time is passed in.


# --- Entries as text for other programs: JSON Lines, and CSV for spreadsheets.


CSV_COLUMNS = ("peer", "command", "name", "receipt", "status", "unit")
"""Fields that most entries have: columns of their own; the others stand in ``other`` as JSON."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def iso_time(time: float) -> str:
    """Unix seconds as ISO 8601 in UTC with microseconds."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True)
class EntryDocument:
    """One entry of the audit journal."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(use_attribute_docstrings=True)

    seq: int
    time: str
    """ISO 8601, UTC."""
    unix: float
    kind: str
    fields: dict[str, Any]
    hash: str


def to_document(entry: Entry) -> EntryDocument:
    """An entry as it is exported and served."""
    return EntryDocument(entry.seq, iso_time(entry.time), entry.time, entry.kind, entry.fields, entry.hash)


def write_jsonl(entries: Iterable[Entry], file: TextIO) -> None:
    """One JSON object a line."""
    for entry in entries:
        file.write(json.dumps(vars(to_document(entry)), ensure_ascii=False) + "\n")


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
