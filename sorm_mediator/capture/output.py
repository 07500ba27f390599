"""Output that never holds up or harms who writes it: a thread of its own, and a bounded queue before it.

A disk that is full, or a reader that is slow or gone, costs what is written, and nothing else: it is counted, and the
owner is called once.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from sorm_mediator.capture.writer import create

MOST_WAITING = 16 * 1024 * 1024
"""Octets that wait for a slow disk or reader; what comes on top is left out (our choice)."""
CLOSED_WITHIN = 2.0
"""Seconds at the end for what still waits."""
_AT_ONCE = 64 * 1024
"""Octets of one write."""


STDOUT = Path("-")
"""In place of a file: the capture goes to standard output, for ``wireshark -k -i -``."""
_OUT, _ERR = 1, 2


class OutputError(Exception):
    """A capture can't be written there. The text names the file and the reason."""


def open_output(path: Path) -> int:
    """The descriptor of a capture. After ``-`` everything else that is printed goes to standard error.

    Raises :class:`OutputError`.
    """
    if path != STDOUT:
        try:
            return create(path)
        except OSError as error:
            raise OutputError(f"{path}: can't be written: {error.strerror}") from None
    if os.isatty(_OUT):
        raise OutputError("-: standard output is a terminal: pipe it, such as | wireshark -k -i -")
    sys.stdout.flush()
    descriptor = os.dup(_OUT)
    os.dup2(_ERR, _OUT)
    return descriptor


class BoundedOutput:
    """Writes blocks to a descriptor, which it owns. What is left out is left out in whole blocks.

    ``failed`` is called once, when the first block is left out, with the reason; in any thread.
    """

    def __init__(self, descriptor: int, failed: Callable[[str], object], *, most: int = MOST_WAITING) -> None:
        self._descriptor = descriptor
        self._failed = failed
        self._most = most
        self._waiting: deque[bytes] = deque()
        self._octets = 0
        self._unwritten = 0
        self._why = ""
        self._lost = 0
        self._told = False
        self._broken = False
        self._closing = False
        self._change = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """The blocks that were left out."""
        return self._lost

    def write(self, block: bytes, /) -> int:
        """Queue one block. It is left out when too much waits, or when the output has failed."""
        with self._change:
            full = self._octets + len(block) > self._most
            if full or self._broken or self._closing:
                self._lost += 1
            else:
                self._waiting.append(block)
                self._octets += len(block)
                self._unwritten += 1
                self._change.notify_all()
        if full:
            self._tell("it is not taken fast enough")
        return len(block)

    def check(self) -> None:
        """Wait for a moment until what came so far is written. Raises :class:`OutputError` with the reason alone when
        it can't be."""
        with self._change:
            self._change.wait_for(lambda: self._broken or not self._unwritten, CLOSED_WITHIN)
            if self._broken:
                raise OutputError(self._why)

    def close(self) -> None:
        """Write what waits, for a moment, and close."""
        with self._change:
            self._closing = True
            self._change.notify()
        self._thread.join(CLOSED_WITHIN)

    def _run(self) -> None:
        regular = stat.S_ISREG(os.fstat(self._descriptor).st_mode)
        try:
            while blocks := self._next():
                octets = b"".join(blocks)
                written = 0
                try:
                    while written < len(octets):
                        written += os.write(self._descriptor, octets[written:])
                except OSError as error:
                    with self._change:
                        self._broken = True
                        self._why = error.strerror or str(error)
                        self._change.notify_all()
                        self._lost += len(blocks) + len(self._waiting)
                        self._waiting.clear()
                        self._octets = 0
                    if regular:  # no half block at the end
                        os.ftruncate(self._descriptor, os.lseek(self._descriptor, 0, os.SEEK_CUR) - written)
                    self._tell(self._why)
                    return
                with self._change:
                    self._unwritten -= len(blocks)
                    self._change.notify_all()
        finally:
            os.close(self._descriptor)

    def _next(self) -> list[bytes]:
        """Some blocks; none at the end."""
        with self._change:
            while not self._waiting and not self._closing:
                self._change.wait()
            blocks: list[bytes] = []
            size = 0
            while self._waiting and size < _AT_ONCE:
                blocks.append(self._waiting.popleft())
                size += len(blocks[-1])
            self._octets -= size
            return blocks

    def _tell(self, why: str) -> None:
        with self._change:
            told, self._told = self._told, True
        if not told:
            self._failed(why)
