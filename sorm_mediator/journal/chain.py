"""The hash chain, without a file under it: how an entry is sealed and how tampering is found.

An entry is the canonical JSON of ``{"fields", "kind", "seq", "time"}``; its hash is SHA-256 over the hash
of the entry before it and that text. So one hash vouches for everything that was written before it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GENESIS = hashlib.sha256(b"sorm-mediator journal, version 1").hexdigest()
"""The hash that the first entry is chained to."""

DAMAGED = "journal-damaged"
"""The kind of the entry that a writer puts down when it finds the journal shorter than its sealed head."""


def canonical(value: Mapping[str, Any]) -> str:
    """The one JSON text of ``value``: sorted keys, no blanks, UTF-8. Raises ``ValueError`` for NaN.

    Half of a surrogate pair, which a peer's JSON can hold and UTF-8 can't, becomes ``?``.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "replace").decode()


def link(previous: str, body: str) -> str:
    """The hash of an entry: SHA-256 (hexadecimal) over the hash before it and its canonical JSON."""
    return hashlib.sha256(previous.encode() + body.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """How far a journal reached: the number and hash of its last entry (0 and GENESIS: empty)."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as it lies in the file. Nothing of it is trusted, not even the types."""

    seq: int
    body: object
    previous: object
    hash: object


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a journal. ``seq`` is the entry it is about, None when it is about no single one.

    ``fault`` is ``edited``, ``replaced``, ``reordered``, ``removed``, ``inserted``, ``truncated``,
    ``damaged`` (the writer noted it), ``unsealed`` (no head file) or ``head`` (a noted hash is not there).
    """

    seq: int | None
    fault: str
    text: str

    def __str__(self) -> str:
        return self.text if self.seq is None else f"entry {self.seq}: {self.text}"


def _entries(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"


class Verifier:
    """Walks the rows of a journal in order of ``seq`` and collects :class:`Finding` in ``findings``.

    ``seal`` is the head kept beside the file, ``noted`` a hash that was written down elsewhere. Entries
    beyond the seal are accepted when they chain on: the seal is written after the entry, so a crash between
    the two leaves exactly that, and a forger of them could have forged the seal too.
    """

    def __init__(self, seal: Head | None, noted: str | None = None) -> None:
        self.findings: list[Finding] = []
        self.head = Head(0, GENESIS)
        self.count = 0
        """How many rows there were."""
        self._seal = seal
        self._noted = noted.lower() if noted else None
        self._noted_found = self._noted in (None, GENESIS)
        self._suspect = False  # the entry before is reported already: its hash can't be followed

    def feed(self, row: Row) -> None:
        """Check the next row."""
        self.count += 1
        if type(row.seq) is not int:
            self._report(
                None, "inserted", f"an entry has no number but {ascii(row.seq)[:40]}: it was inserted"
            )
            return
        expected = self.head.seq + 1
        if row.seq < expected:
            self._report(row.seq, "inserted", "stands before the first entry: it was inserted")
            return
        after_gap = row.seq > expected
        if after_gap:
            self._report(expected, "removed", f"{_entries(expected, row.seq - 1)} missing: removed")
        sound_before, sound = not self._suspect, not self._check_content(row)
        if row.previous != self.head.hash and sound and sound_before and not after_gap:
            # Both entries are sound by themselves, so the one before is not the one that stood there.
            text = "was replaced: it is not what the next entry was chained to"
            if self.head.seq == 0:
                text = "is not chained to the beginning of a journal"
            self._report(self.head.seq or row.seq, "replaced", text)
        self._suspect = not sound
        digest = row.hash if isinstance(row.hash, str) else ""
        if self._seal and row.seq == self._seal.seq and digest != self._seal.hash and not self._suspect:
            self._suspect = self._report(
                row.seq, "replaced", "was replaced: the sealed head has another hash"
            )
        self._noted_found = self._noted_found or digest == self._noted
        self.head = Head(row.seq, digest)

    def _check_content(self, row: Row) -> bool:
        text = "was edited: its content does not match its hash"
        if not (isinstance(row.body, str) and isinstance(row.previous, str)):
            return self._report(row.seq, "edited", text)
        if link(row.previous, row.body) != row.hash:
            return self._report(row.seq, "edited", text)
        try:
            body = json.loads(row.body)
            written_as, kind, fields = body["seq"], body["kind"], dict(body["fields"])
        except (ValueError, TypeError, KeyError, RecursionError):
            return self._report(row.seq, "edited", "is not the JSON that this program writes")
        if written_as != row.seq:
            text = f"was reordered: it holds what was written as entry {written_as}"
            return self._report(row.seq, "reordered", text)
        if kind == DAMAGED:
            self._report(row.seq, "damaged", f"the gateway noted when it started: {fields.get('text')}")
        return False

    def finish(self) -> None:
        """Check the end, after the last row."""
        last = self.head.seq
        if self._seal is None:
            text = "the sealed head beside the journal is missing: entries may have been cut off its end"
            self._report(None, "unsealed", text)
        elif self._seal.seq > last:
            text = f"{_entries(last + 1, self._seal.seq)} missing at the end: the journal was truncated"
            self._report(last + 1, "truncated", text)
        elif self._seal.seq == 0 and self._seal.hash != GENESIS:
            self._report(None, "unsealed", "the sealed head beside the journal was edited")
        if not self._noted_found:
            text = "no entry has the noted head: the journal was cut before it, or rewritten"
            self._report(None, "head", text)

    def _report(self, seq: int | None, fault: str, text: str) -> bool:
        self.findings.append(Finding(seq, fault, text))
        return True
