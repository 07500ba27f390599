"""Inputs kept between runs: those that reached something new, and those that showed a fault.

A folder for each target, with ``kept`` and ``faults`` in it. A file is JSON of one input and has the beginning of its
hash as name, so that the corpora of several machines can be laid together.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

KEPT, FAULTS = "kept", "faults"
MOST_KEPT = 4000
"""Inputs of each kind that are read and kept at the most (our choice)."""
_LARGEST = 1 << 20
"""Characters of a file that are read; a longer one is no input."""
_NAME = 20


class Input(NamedTuple):
    """What a target tries."""

    kind: str
    """What the octets are: a channel, or the name of a parser."""
    octets: bytes
    context: str = ""
    """How it is tried, as the target has it."""


def default_folder() -> Path:
    """The folder of all corpora, by the XDG Base Directory Specification."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "sorm-mediator" / "fuzz"


class Corpus:
    """The corpus of a target. ``folder`` None: nothing is read, and nothing is kept."""

    def __init__(self, folder: Path | None, target: str) -> None:
        self._folder = None if folder is None else folder / target
        self.unread: list[str] = []
        """Files that are no inputs."""

    def read(self, which: str) -> list[Input]:
        """The inputs, by name; what is no input is noted in :attr:`unread`. Raises :class:`OSError`."""
        return [] if self._folder is None else list(self._read(self._folder / which))

    def _read(self, folder: Path) -> Iterator[Input]:
        for path in sorted(folder.glob("*.json"))[:MOST_KEPT]:
            try:
                with path.open(encoding="utf-8") as file:
                    document = json.loads(file.read(_LARGEST))
                yield Input(str(document["kind"]), bytes.fromhex(document["hex"]), str(document["context"]))
            except (ValueError, KeyError, TypeError, RecursionError):
                self.unread.append(str(path))

    def keep(self, which: str, one: Input) -> None:
        """Keep an input, unless it is kept already or there are too many. Raises :class:`OSError`."""
        if self._folder is None:
            return
        path, text = self._file(which, one)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() and sum(1 for _ in os.scandir(path.parent)) < MOST_KEPT:
            path.write_text(text, encoding="utf-8")

    def forget(self, which: str, one: Input) -> None:
        """Remove an input that shows nothing any more. Raises :class:`OSError`."""
        if self._folder is not None:
            self._file(which, one)[0].unlink(missing_ok=True)

    def _file(self, which: str, one: Input) -> tuple[Path, str]:
        assert self._folder is not None
        document: dict[str, Any] = {"kind": one.kind, "context": one.context, "hex": one.octets.hex().upper()}
        text = json.dumps(document, sort_keys=True) + "\n"
        return self._folder / which / f"{hashlib.sha256(text.encode()).hexdigest()[:_NAME]}.json", text
