"""Listening to a KSL line in the lab: the octets that its timeslot gets, as a WAV file without an end.

The speech of a lab is synthetic: tones of the emulated switch. Who listens, and to what, is in the journal.
"""

from __future__ import annotations

import asyncio
import struct
from typing import Final

from e1.voice.g711 import SAMPLE_RATE, decode

MOST_LISTENERS: Final = 8
BACKLOG: Final = 250
"""Portions that wait for a listener, some 20 ms each; a listener that does not read them is dropped."""
_UNKNOWN: Final = 0xFFFF_FFFF
"""Length of a WAV file that is not known (Multimedia Programming Interface and Data Specifications 1.0, RIFF)."""
_OCTETS: Final = 2


def wav_header() -> bytes:
    """The header of a WAV file of linear samples, 16 bits, one channel, of unknown length."""
    form = struct.pack("<IHHIIHH", 16, 1, 1, SAMPLE_RATE, SAMPLE_RATE * _OCTETS, _OCTETS, 8 * _OCTETS)
    return b"RIFF" + struct.pack("<I", _UNKNOWN) + b"WAVEfmt " + form + b"data" + struct.pack("<I", _UNKNOWN)


class CannotListen(Exception):  # noqa: N818 - an answer
    """Nobody can listen to this line now; the text says why, and ``full``: because enough do already."""

    def __init__(self, text: str, *, full: bool = False) -> None:
        super().__init__(text)
        self.full = full


class Listener:
    """One listener's queue. Iterate it for portions of linear samples; it ends with the call on the line."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()

    def put(self, octets: bytes) -> None:
        """Add octets of A-law. Raises ``asyncio.QueueFull`` when too many wait."""
        if self._queue.qsize() >= BACKLOG:
            raise asyncio.QueueFull
        self._queue.put_nowait(octets)

    def __len__(self) -> int:
        return self._queue.qsize()

    def end(self) -> None:
        """The line carries nothing any more."""
        self._queue.put_nowait(None)

    def drop(self) -> None:
        """End it at once: what waits is not sent any more."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    def __aiter__(self) -> Listener:
        return self

    async def __anext__(self) -> bytes:
        octets = await self._queue.get()
        if octets is None:
            raise StopAsyncIteration
        return decode(octets).astype("<i2").tobytes()


class Listeners:
    """Who listens to which KSL, by stream and number."""

    def __init__(self) -> None:
        self._of: dict[tuple[int, int], set[Listener]] = {}
        self.dropped = 0
        """Listeners that did not read in time."""

    def __len__(self) -> int:
        return sum(map(len, self._of.values()))

    @property
    def waiting(self) -> int:
        """Portions that wait for the listener that is furthest behind."""
        return max((len(one) for listeners in self._of.values() for one in listeners), default=0)

    def add(self, ksl: tuple[int, int]) -> Listener:
        """A listener of a KSL. Raises :class:`CannotListen` when there are enough."""
        if len(self) >= MOST_LISTENERS:
            raise CannotListen(f"there are {MOST_LISTENERS} listeners already", full=True)
        listener = Listener()
        self._of.setdefault(ksl, set()).add(listener)
        return listener

    def remove(self, ksl: tuple[int, int], listener: Listener) -> None:
        """The listener is gone."""
        self._of.get(ksl, set()).discard(listener)

    def hear(self, ksl: tuple[int, int], octets: bytes) -> None:
        """Give the octets of a timeslot to its listeners."""
        for listener in list(self._of.get(ksl, ())):
            try:
                listener.put(octets)
            except asyncio.QueueFull:
                self.remove(ksl, listener)
                listener.drop()
                self.dropped += 1

    def end(self, ksl: tuple[int, int]) -> None:
        """The line carries no call any more."""
        for listener in self._of.pop(ksl, ()):
            listener.end()

    def close(self) -> None:
        """End all."""
        for ksl in list(self._of):
            self.end(ksl)
