"""What a console has sent over X.25 and what waits for it: when it is asked to stop sending (RNR), and to go on (RR).

A console that sends commands faster than it takes the answers would fill the memory, or lose answers. It is stopped
by the packet layer itself instead: not by LAPB, whose RNR would keep back its acknowledgements too, so that what waits
for it could never become less.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from protocol import Broken, Unit

Item = tuple[Unit | Broken, float]
"""What was read, and when it arrived."""


@dataclass(slots=True)
class Intake:
    """Of one command channel. ``high``, ``low``: messages waiting for the console, see ``e1.high_water``."""

    high: int
    low: int
    stopped: bool = False
    """No command is taken from the console for now."""
    _items: deque[Item] = field(default_factory=deque)
    _working: bool = False

    def put(self, item: Item) -> None:
        """Something was received. It may be many units in one message, so they wait here while it is stopped."""
        self._items.append(item)

    def __len__(self) -> int:
        return len(self._items)

    def judge(self, waiting: int) -> bool:
        """Stopped above the high-water mark, until the low-water mark is reached; what it is now."""
        self.stopped = waiting > (self.low if self.stopped else self.high)
        return self.stopped

    def work(self, waiting: Callable[[], int], handle: Callable[[Item], None]) -> None:
        """Handle in turn what was received, as long as it is not stopped. What comes meanwhile is handled after it."""
        if self._working:
            return
        self._working = True
        try:
            while not self.judge(waiting()) and self._items:
                handle(self._items.popleft())
        finally:
            self._working = False

    def finish(self, handle: Callable[[Item], None]) -> None:
        """The console is gone: what it sent, and believes to have arrived, is handled all the same."""
        while self._items:
            handle(self._items.popleft())
        self.stopped = False
