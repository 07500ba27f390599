"""Ends a check that takes too long: a hang becomes an error in the code that hangs.

The clock is that of the processor, so a busy machine makes no hang. It works in the main thread of a process, where
Python runs the handlers of signals.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

LIMIT = 2.0
"""Seconds of processor time for one input (our choice: a unit takes a fifth of a millisecond)."""


class HangError(BaseException):
    """Raised in what takes too long; no ``Exception``, so that what is checked does not take it for one of its own."""


class Watchdog:
    """Counts the time of each input."""

    def __init__(self, limit: float = LIMIT) -> None:
        self._limit = limit
        self._number = 0
        self._seen = -1
        self._running = False

    def begin(self) -> None:
        """A new input begins now."""
        self._number += 1
        self._running = True

    def end(self) -> None:
        """The input has ended."""
        self._running = False

    def _tick(self, _number: int, _frame: FrameType | None) -> None:
        if self._running and self._number == self._seen:
            self._running = False
            raise HangError
        self._seen = self._number

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch meanwhile. An input is ended between one and two times the limit."""
        before = signal.signal(signal.SIGVTALRM, self._tick)
        timer = signal.setitimer(signal.ITIMER_VIRTUAL, self._limit, self._limit)
        try:
            yield
        finally:
            signal.signal(signal.SIGVTALRM, before)
            signal.setitimer(signal.ITIMER_VIRTUAL, *timer)  # one around this one goes on
