"""Common to the databases of a box (tables, journal): opening, locking, moving a damaged file aside."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Literal

import sqlalchemy as sa


def open_engine(path: Path, *, synchronous: Literal["FULL", "NORMAL"] | None) -> sa.Engine:
    """An engine of one connection to the SQLite file ``path``; ``synchronous`` None opens it read-only.

    FULL: committed data survives a loss of power; NORMAL: it survives the end of the process.
    A new file has mode 0600. Raises ``OSError``.
    """
    if synchronous:
        # Without waiting: opening a named pipe in place of the file would block for ever.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK, 0o600))
    uri = f"{path.absolute().as_uri()}?mode={'rw' if synchronous else 'ro'}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(uri, uri=True, timeout=5.0, check_same_thread=False)
        try:
            if synchronous:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute(f"PRAGMA synchronous={synchronous}")
            else:
                # A reader accepts octets that are no valid text, so that verifying can name the row.
                connection.text_factory = lambda octets: octets.decode("utf-8", "replace")
        except BaseException:
            connection.close()
            raise
        return connection

    engine: sa.Engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.StaticPool)
    return engine


class InUseError(Exception):
    """Another process has the file open for writing."""


def lock_file(path: Path) -> IO[bytes]:
    """Take ``<path>.lock`` until the returned file is closed. Raises :class:`InUseError` and ``OSError``.

    The lock is a separate file: closing any descriptor of the database would drop SQLite's locks on it.
    """
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_WRONLY | os.O_CREAT, 0o600)
    file = open(descriptor, "wb")  # noqa: SIM115 - closed by the holder of the lock
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise InUseError(f"{path}: another process has it open") from None
    return file


def sync(path: Path) -> None:
    """Make the content of a file, or the names in a directory, durable. Raises ``OSError``."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_PASSING = ("BUSY", "LOCKED", "IOERR", "NOMEM", "CANTOPEN", "READONLY", "FULL", "PERM", "AUTH", "CONSTRAINT")


def is_damage(error: Exception) -> bool:
    """Whether an error of SQLite is due to the content of the file, not to a passing state or its directory."""
    name = getattr(getattr(error, "orig", error), "sqlite_errorname", "")
    return not name.removeprefix("SQLITE_").startswith(_PASSING)


def reason(error: Exception) -> str:
    """One line for an error of SQLAlchemy, SQLite or the file system."""
    return str(getattr(error, "orig", None) or getattr(error, "strerror", None) or error)


def move_aside(path: Path, now: float) -> Path:
    """Rename a damaged database, with its log, to ``<path>.damaged-<UTC time>``. Raises ``OSError``."""
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
    for suffix in ("-wal", "-shm", ""):
        companion = path.with_name(path.name + suffix)
        if suffix == "" or companion.exists():
            companion.rename(aside.with_name(aside.name + suffix))
    return aside


def open_database(
    path: Path, synchronous: Literal["FULL", "NORMAL"], prepare: Callable[[sa.Connection], None], now: float
) -> tuple[sa.Connection, str]:
    """Open ``path`` for writing and ``prepare`` its schema; a damaged file is moved aside for a new one.

    Returns the connection and a text about the damaged file, empty if there was none.
    Raises ``OSError`` and errors of SQLAlchemy and SQLite that do not mean damage.
    """
    try:
        return _prepared(path, synchronous, prepare), ""
    except (sa.exc.DatabaseError, sqlite3.DatabaseError, UnicodeDecodeError) as error:
        # UnicodeDecodeError: the text of SQLite's error quotes octets of the file.
        if not is_damage(error):
            raise
        aside = move_aside(path, now)
        damage = f"the file was damaged ({reason(error)}) and moved aside to {aside.name}"
        return _prepared(path, synchronous, prepare), damage


def _prepared(
    path: Path, synchronous: Literal["FULL", "NORMAL"], prepare: Callable[[sa.Connection], None]
) -> sa.Connection:
    engine = open_engine(path, synchronous=synchronous)
    try:
        connection = engine.connect()
        prepare(connection)
    except BaseException:
        # The connection is closed before the file is renamed: on closing, SQLite unlinks the log by its name.
        engine.dispose()
        raise
    return connection
