"""The octets of an input, as they come.

A pipe, a terminal and a socket are live: what has come is handed on at once, and between two blocks there are pauses.
A file is read in blocks without pauses.
"""

from __future__ import annotations

import io
import os
import select
import stat
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from sorm_mediator.capture.events import HOLD, Pause

BLOCK = 1 << 16
"""The most octets in one block."""
GZIP = b"\x1f\x8b\x08"
"""The first octets of what gzip packed."""


class Source:
    """Blocks of octets, and pauses, of a stream: an iterator, to be used once."""

    def __init__(self, stream: BinaryIO, *, read: Callable[[int], object] = lambda _: None) -> None:
        """``read`` is called with the number of octets of every block."""
        self._stream = stream
        self._read = read
        self._descriptor = _live_descriptor(stream)
        self._wake: tuple[int, int] | None = None
        self.stopped = False
        """Whether :meth:`stop` ended it: what follows is missing, and nothing is wrong with that."""

    @property
    def live(self) -> bool:
        """Whether there may be more to come."""
        return self._descriptor is not None

    def stop(self) -> None:
        """End it before the next block; for the handler of a signal."""
        self.stopped = True
        if self._wake is not None:
            os.write(self._wake[1], b"x")

    def __iter__(self) -> Iterator[bytes | Pause]:
        if self._descriptor is None:
            while not self.stopped and (block := self._stream.read(BLOCK)):
                self._read(len(block))
                yield block
            return
        self._wake = os.pipe()
        try:
            yield from self._blocks_of(self._descriptor, self._wake[0])
        finally:
            ends, self._wake = self._wake, None
            for end in ends:
                os.close(end)

    def _blocks_of(self, descriptor: int, wake: int) -> Iterator[bytes | Pause]:
        waiting = select.poll()
        waiting.register(descriptor, select.POLLIN | select.POLLHUP)
        waiting.register(wake, select.POLLIN)
        paused = time.monotonic()
        while not self.stopped:
            if not waiting.poll(0):
                yield Pause(long=False)
                for _ in range(2):  # what waits does so from one long pause to the next
                    if not waiting.poll(HOLD * 1000):
                        paused = time.monotonic()
                        yield Pause(long=True)
                waiting.poll()
            if self.stopped or not (block := os.read(descriptor, BLOCK)):
                return
            self._read(len(block))
            yield block
            if time.monotonic() - paused >= HOLD:
                paused = time.monotonic()
                yield Pause(long=True)


def _live_descriptor(stream: BinaryIO) -> int | None:
    try:
        descriptor = stream.fileno()
    except (AttributeError, io.UnsupportedOperation):
        return None
    mode = os.fstat(descriptor).st_mode
    return None if stat.S_ISREG(mode) or stat.S_ISBLK(mode) else descriptor


class Unpacked:
    """The same of what gzip packed, in one or more members."""

    def __init__(self, blocks: Iterable[bytes | Pause]) -> None:
        self._blocks = blocks
        self.damage = ""
        """The reason why it ended early, once it has ended."""

    def __iter__(self) -> Iterator[bytes | Pause]:
        inside = zlib.decompressobj(wbits=31)
        begun = True
        for block in self._blocks:
            if isinstance(block, Pause):
                yield block
                continue
            packed: bytes = block
            octets = b""
            while packed or len(octets) == BLOCK:  # what is unpacked may be more than one block
                if inside.eof:  # another member, or zeros that pad the file
                    packed = packed.lstrip(b"\0")
                    if not packed:
                        break
                    inside, begun = zlib.decompressobj(wbits=31), True
                try:
                    octets = inside.decompress(packed, BLOCK)
                except zlib.error as error:
                    self.damage = str(error)
                    return
                if octets:
                    yield octets
                packed = inside.unused_data if inside.eof else inside.unconsumed_tail
                begun = not inside.eof
        if begun:
            self.damage = "it ends before its end mark"


def first_octets(blocks: Iterator[bytes | Pause], count: int) -> bytes:
    """The octets up to the end of the block with the octet ``count``, fewer only at the end; pauses are left out."""
    start = b""
    while len(start) < count:
        block = next(blocks, None)
        if block is None:
            break
        if not isinstance(block, Pause):
            start += block
    return start
