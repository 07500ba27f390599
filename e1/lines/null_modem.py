"""Two pseudo-terminals wired to each other: what is written to one can be read from the other.

For runs over serial lines on a machine that has none.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty

_PIECE = 4096
_MOST = 64 * 1024
"""Octets kept for a side that reads slowly; until then the other one is not read."""


class NullModem:
    """The cable. ``names``: what to open at its two ends. Made in a running loop; :meth:`close` takes it away."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        pairs = [os.openpty(), os.openpty()]
        self._masters = [master for master, _ in pairs]
        self._devices = [
            device for _, device in pairs
        ]  # kept open: a tty that nobody has open reads as an error
        for master, device in pairs:
            tty.setraw(device)
            os.set_blocking(master, False)
        self.names = (os.ttyname(self._devices[0]), os.ttyname(self._devices[1]))
        self._waiting = {master: bytearray() for master in self._masters}
        for master in self._masters:
            self._loop.add_reader(master, self._readable, master)

    def close(self) -> None:
        """Take the cable away: whoever has an end open finds it broken. A second call does nothing."""
        for master in self._masters:
            self._loop.remove_reader(master)
            self._loop.remove_writer(master)
        for descriptor in (*self._masters, *self._devices):
            os.close(descriptor)
        self._masters, self._devices = [], []

    def _readable(self, master: int) -> None:
        other = self._masters[1 - self._masters.index(master)]
        with contextlib.suppress(BlockingIOError):
            self._waiting[other] += os.read(master, _PIECE)
        self._write(other)

    def _write(self, master: int) -> None:
        waiting = self._waiting[master]
        with contextlib.suppress(BlockingIOError):
            while waiting:
                del waiting[: os.write(master, waiting)]
        source = self._masters[1 - self._masters.index(master)]
        if waiting:
            self._loop.add_writer(master, self._write, master)
        else:
            self._loop.remove_writer(master)
        if len(waiting) >= _MOST:
            self._loop.remove_reader(source)
        else:
            self._loop.add_reader(source, self._readable, source)
