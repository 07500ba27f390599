"""The check of calls per second against the licence. Pure: time is an argument, in seconds of any clock that never
steps back.

It is another check than that of the usage: the cloud compares *configured counts* with what was bought and never looks
at traffic (:mod:`sorm_mediator.switch.smart.cloud`); this one counts the calls that are offered, refused ones too.

Source: docs/smart-licence.md, "Calls per second".
"""

from __future__ import annotations

from collections import deque
from math import floor
from typing import Final, Literal, Protocol

CALLS_PER_LICENCE: Final = 5
"""Calls per second of one licence."""

FirstWindow = Literal["zero", "mean"]


class CpsCheck(Protocol):
    """Whether a further call is refused."""

    limit: float

    def refuses(self, now: float) -> bool:
        """Whether a call that came now would be refused. Nothing is counted."""

    def offered(self, now: float) -> None:
        """Count a call that came now, refused or not."""

    def mean(self, now: float) -> float:
        """The calls per second that the limit is compared with."""


class WindowCheck:
    """The mean of the last snapshots against the limit (release 9.1.5 and later).

    Time from ``start`` on is cut into snapshots of ``snapshot`` seconds; at the end of each, the mean of the calls of
    the last ``window`` seconds is compared with ``limit``, in calls per second. A mean above it begins the refusing, a
    mean that has fallen to it, or lower, ends it. So a mean that equals the limit changes nothing while calls are
    admitted. Between two ends of snapshots nothing changes. Snapshots that are still missing in the first window count
    as 0, or with ``first="mean"`` not at all.
    """

    def __init__(
        self,
        limit: float,
        start: float,
        *,
        window: int = 300,
        snapshot: int = 30,
        first: FirstWindow = "zero",
    ) -> None:
        self.limit = limit
        self._start, self._snapshot, self._first = start, snapshot, first
        self._kept = window // snapshot
        self._taken: deque[int] = deque(maxlen=self._kept)
        self._place = 0
        """The number of the snapshot that is being counted."""
        self._counted = 0
        self._refusing = False

    def refuses(self, now: float) -> bool:
        self._advance(now)
        return self._refusing

    def offered(self, now: float) -> None:
        self._advance(now)
        self._counted += 1

    def mean(self, now: float) -> float:
        self._advance(now)
        return self._mean()

    def _mean(self) -> float:
        snapshots = self._kept if self._first == "zero" else len(self._taken)
        return sum(self._taken) / (snapshots * self._snapshot) if snapshots else 0.0

    def _advance(self, now: float) -> None:
        place = floor((now - self._start) / self._snapshot)
        # After so many snapshots without a call the window is empty, and further ones change nothing.
        for _ in range(min(place - self._place, self._kept + 1)):
            self._taken.append(self._counted)
            self._counted = 0
        if place > self._place:
            self._refusing = self._mean() > self.limit
            self._place = place


class InstantCheck:
    """The calls of the current second against the limit, as before release 9.1.5: one more is refused at once.

    Seconds begin at ``start`` (our choice); all calls of a second count, refused ones too.
    """

    def __init__(self, limit: float, start: float) -> None:
        self.limit = limit
        self._start = start
        self._second = 0
        self._counted = 0

    def refuses(self, now: float) -> bool:
        return self._of(now) + 1 > self.limit

    def offered(self, now: float) -> None:
        self._counted = self._of(now) + 1
        self._second = self._number(now)

    def mean(self, now: float) -> float:
        return float(self._of(now))

    def _of(self, now: float) -> int:
        return self._counted if self._number(now) == self._second else 0

    def _number(self, now: float) -> int:
        return max(self._second, floor(now - self._start))
