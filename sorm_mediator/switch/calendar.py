"""The time of licences: days that pass as fast as the lab wants. The rest of the switch keeps real seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

STEP: Final = 60.0
"""Seconds that the system's clock may be corrected by without being told (our choice)."""
LAST: Final = 253_370_764_800.0
"""1 January 9999, UTC: the calendar stands there, since a later date may have a year of five digits."""


class Calendar:
    """Unix seconds that run ``factor`` times as fast as those of the monotonic clock, from the wall clock on.

    A step of the system's clock does not move it: :meth:`step` tells how far the two have come apart.
    """

    def __init__(
        self,
        factor: float = 1.0,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.factor = factor
        self.wall = wall
        self._monotonic = monotonic
        self._began, self._base = monotonic(), wall()
        self._wall_base = self._base

    def now(self) -> float:
        """Unix seconds of the licences."""
        return min(LAST, self._base + (self._monotonic() - self._began) * self.factor)

    def of(self, wall: float) -> float:
        """The time of the licences at a present reading of the wall clock."""
        return wall if self.factor == 1 else self.now()

    def move_to(self, now: float) -> None:
        """Go on from here."""
        self._began, self._base, self._wall_base = self._monotonic(), now, self.wall()

    def seconds_until(self, at: float) -> float:
        """Real seconds until this time."""
        return max(0.0, (at - self.now()) / self.factor)

    def step(self) -> float:
        """Seconds that the system's clock has stepped since the last call or the start; 0 for less than a minute."""
        step = self.wall() - (self._wall_base + self._monotonic() - self._began)
        if abs(step) < STEP:
            return 0.0
        self._wall_base += step
        return step
