"""How a domain answers its mediators: at once, or with a fault that a lab engineer has ordered. Sans-IO.

A slow domain does what it is asked ``delay`` seconds later, one thing after the other; a dead one does nothing of it
and what it had not done yet is lost. Its calls go on either way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Literal, get_args

Fault = Literal["slow", "dead", "clear"]
FAULTS: Final[tuple[str, ...]] = get_args(Fault)
LONGEST_DELAY: Final = 3600.0
"""Seconds."""

Act = Callable[[], None]


class Answering:
    """One domain's way to answer. ``now`` is seconds of a steady clock."""

    def __init__(self) -> None:
        self.fault: Fault = "clear"
        self.delay = 0.0
        self._queue: deque[tuple[float, Act]] = deque()

    @property
    def at_once(self) -> bool:
        """Whether nothing keeps it from answering now."""
        return self.fault == "clear" and not self._queue

    @property
    def deadline(self) -> float | None:
        """When :meth:`due` is wanted."""
        return self._queue[0][0] if self._queue else None

    def order(self, fault: Fault, delay: float) -> None:
        """Have this fault from now on; "clear": what waits is due at once."""
        self.fault, self.delay = fault, delay if fault == "slow" else 0.0
        if fault == "dead":
            self._queue.clear()
        elif fault == "clear":
            self._queue = deque((0.0, act) for _, act in self._queue)

    def put(self, act: Act, now: float) -> bool:
        """Do it when it is due. False: it will never be done."""
        if self.fault == "dead":
            return False
        last = self._queue[-1][0] if self._queue else 0.0
        self._queue.append((max(now + self.delay, last), act))
        return True

    def due(self, now: float) -> Act | None:
        """The next thing to be done now. One by one: what is asked meanwhile comes after what waits already."""
        if not self._queue or self._queue[0][0] > now:
            return None
        return self._queue.popleft()[1]
