"""What becomes of the units that cross one direction of a link while it has faults. No input or output.

A unit is what the link carries one by one: a message or command of the order, a line of the dialect, a datagram, a
frame of LAPB. The first fault that touches a unit is carried out, and no other. Time is an argument, and chance comes
from a generator of each fault, so that a seed repeats a run.
"""

from __future__ import annotations

import heapq
import random
import secrets
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Final, Generic, TypeVar

from sorm_mediator.faults.order import HOLD, FaultOrder

MOST_HELD: Final = 65_536
"""Units that one direction of a link holds back. Beyond it the one that is due next goes on early, so that the memory
is bounded whatever is ordered (our choice)."""

MOST_OCTETS: Final = 16 * 1024 * 1024
"""Octets that one direction of a link holds back, which bounds the memory where units are long (our choice)."""

T = TypeVar("T")


@dataclass(eq=False)
class Fault:
    """A fault that was ordered, and what it has done. ``over`` is called when its ``count`` is used up."""

    number: int
    order: FaultOrder
    ends_at: float | None = None
    """When it ends by itself, seconds of the loop's clock; None: when it is cleared."""
    did: Counter[str] = field(default_factory=Counter)
    """What it has done, by words: touched, dropped, delayed, ..."""
    over: Callable[[], object] = lambda: None
    seed: int = 0
    _left: int | None = None
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.seed = secrets.randbits(32) if self.order.seed is None else self.order.seed
        self._random = random.Random(self.seed)  # noqa: S311 - chance that can be repeated is what is wanted
        self._left = self.order.count

    def hits(self) -> bool:
        """Whether it touches the next unit; one that does is counted."""
        if self._left == 0 or (self.order.share < 1 and self._random.random() >= self.order.share):
            return False
        self.did["touched"] += 1
        if self._left is not None:
            self._left -= 1
        return True

    @property
    def spent(self) -> bool:
        """Whether it has touched as many units as it may."""
        return self._left == 0

    def later(self) -> float:
        """Seconds that a unit, or a copy, is late."""
        more = self._random.random() * self.order.jitter if self.order.jitter else 0.0
        return (self.order.seconds or 0.0) + more if self.order.action == "delay" else more


def octets_of(item: object) -> int:
    """The octets of a unit: of a line or frame, of a datagram with its address, of a unit of the order."""
    match item:
        case bytes() as octets, _:
            return len(octets)
        case bytes():
            return len(item)
    return len(getattr(item, "raw", b""))


class Gate(Generic[T]):
    """One direction of a link. ``ordered``: it never reorders by itself (TCP, SSH, a line): who is delayed, delays
    those behind it. Datagrams overtake each other.

    ``idle``: nothing has to be put in: no fault touches this direction, and nothing is held.
    """

    def __init__(self, *, ordered: bool = True) -> None:
        self.idle = True
        self._ordered = ordered
        self._faults: tuple[Fault, ...] = ()
        self._late: list[tuple[float, int, T]] = []
        self._numbers = count()
        self._octets = 0
        """Of the units that are late."""
        self._last = 0.0
        self._overtaken: tuple[float, T] | None = None
        """A unit that waits to be overtaken, and until when."""

    def use(self, faults: Iterable[Fault], *, release: bool = False) -> None:
        """The faults from now on. ``release``: what is held is due at once, in order; else it is due as it was."""
        self._faults = tuple(faults)
        if release:
            self._last = 0.0
            self._late = [
                (0.0, number, item) for _, number, item in sorted(self._late, key=lambda one: one[:2])
            ]
            if self._overtaken is not None:
                self._overtaken = (0.0, self._overtaken[1])
        self._settle()

    @property
    def held(self) -> int:
        """Units that are held back now."""
        return len(self._late) + (self._overtaken is not None)

    @property
    def next_due(self) -> float | None:
        """When :meth:`due` is to be called."""
        times = [self._late[0][0]] if self._late else []
        if self._overtaken is not None:
            times.append(self._overtaken[0])
        return min(times, default=None)

    @property
    def _too_much(self) -> bool:
        return len(self._late) > MOST_HELD or self._octets > MOST_OCTETS

    def put(self, item: T, now: float) -> list[T]:
        """A unit comes; returns what goes on now, in order."""
        passed = self.due(now)
        fault = next((one for one in self._faults if one.hits()), None)
        action = "" if fault is None else fault.order.action
        if fault is None:
            self._go(item, now, passed)
        elif action in ("drop", "cut"):
            fault.did["dropped"] += 1
        elif action == "delay":
            fault.did["delayed"] += 1
            self._go(item, now + fault.later(), passed, now)
        elif action == "duplicate":
            self._go(item, now, passed)
            room = min(MOST_HELD - self.held, (MOST_OCTETS - self._octets) // max(1, octets_of(item)))
            copies = max(0, min(fault.order.copies, room))
            fault.did["copies"] += copies
            for _ in range(copies):
                self._go(item, now + fault.later(), passed, now)
        elif action == "reorder" and self._overtaken is None:
            fault.did["reordered"] += 1
            self._overtaken = (now + (fault.order.seconds or HOLD), item)
        else:  # the one that overtakes
            self._go(item, now, passed)
        if fault is not None and fault.spent:
            fault.over()
        self._settle()
        return passed

    def due(self, now: float) -> list[T]:
        """What has been held long enough, in order."""
        passed: list[T] = []
        while self._late and (self._late[0][0] <= now or self._too_much):
            item = heapq.heappop(self._late)[2]
            self._octets -= octets_of(item)
            passed.append(item)
        if self._overtaken is not None and self._overtaken[0] <= now:
            self._place(self._overtaken[1], now, passed, now)
            self._overtaken = None
        self._settle()
        return passed

    def take_all(self) -> list[T]:
        """Everything that is held, in order: it is held no more."""
        found = [item for _, _, item in sorted(self._late, key=lambda one: one[:2])]
        if self._overtaken is not None:
            found.append(self._overtaken[1])
        self._late, self._overtaken, self._octets = [], None, 0
        self._settle()
        return found

    def _go(self, item: T, when: float, passed: list[T], now: float | None = None) -> None:
        """A unit goes on, and takes along the one that it has overtaken."""
        now = when if now is None else now
        self._place(item, when, passed, now)
        if self._overtaken is not None:
            _, overtaken = self._overtaken
            self._overtaken = None
            self._place(overtaken, when, passed, now)

    def _place(self, item: T, when: float, passed: list[T], now: float) -> None:
        if self._ordered and self._late:
            when = max(when, self._last)
        if when <= now and not (self._ordered and self._late):
            passed.append(item)
            return
        self._last = when
        heapq.heappush(self._late, (when, next(self._numbers), item))
        self._octets += octets_of(item)

    def _settle(self) -> None:
        self.idle = not (self._faults or self._late or self._overtaken)
