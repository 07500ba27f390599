"""The sealed head: a small file beside the journal that says how far it reached.

It is written after the entry it names is on disk, by renaming, so at any moment it is whole and never
ahead of the journal: a crash leaves it behind at most. Cutting entries off the end leaves it ahead, and
that is how truncation is found.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
from pathlib import Path

from sorm_mediator.journal.chain import Head
from sorm_mediator.sqlite import sync_directory

log = logging.getLogger(__name__)


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
    sync_directory(target.parent)


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
                self._sync_log()
                write_head(self._journal, head)
            except OSError as error:
                self.errors += 1
                log.error("journal: the sealed head can't be written: %s", error)  # noqa: TRY400

    def _sync_log(self) -> None:
        with contextlib.suppress(FileNotFoundError):  # checkpointed: SQLite has synced the database itself
            descriptor = os.open(self._log, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
