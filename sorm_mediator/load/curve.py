"""Rates one after another, and the knee of their curve: the most that a mediator takes before it falls behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

KEPT_UP: Final = 0.9
"""Of the rate, what must come through for a mediator to keep up with it: events that are late by what is allowed make
it less than 1, the more the shorter a step is."""
MOST_STEPS: Final = 200
ORDER_LIMIT: Final = 0.2
"""Seconds within which an event is sent (order 268, rule 5)."""


@dataclass(frozen=True, slots=True)
class Ramp:
    """Rates from ``first`` by ``step`` until ``last``, in calls a second."""

    first: float
    last: float
    step: float

    @classmethod
    def read(cls, text: str) -> Ramp:
        """``FROM:TO:STEP``. Raises :class:`ValueError` with what is wrong."""
        try:
            first, last, step = (float(part) for part in text.split(":"))
        except ValueError:
            raise ValueError("FROM:TO:STEP in calls/s, such as 100:1000:100") from None
        if not (0 < first <= last < float("inf") and 0 < step < float("inf")):
            raise ValueError("FROM:TO:STEP where 0 < FROM, FROM <= TO and 0 < STEP")
        ramp = cls(first, last, step)
        if ramp.count > MOST_STEPS:
            raise ValueError(f"{ramp.count} steps; at most {MOST_STEPS}: a longer STEP")
        return ramp

    @property
    def count(self) -> int:
        """How many rates."""
        return int((self.last - self.first) / self.step + 1e-9) + 1

    @property
    def rates(self) -> list[float]:
        """The rates."""
        return [self.first + self.step * at for at in range(self.count)]


class Point(Protocol):
    """A step of a curve."""

    @property
    def rate(self) -> float:
        """The rate that was wanted, calls a second."""

    @property
    def through(self) -> float:
        """The calls a second whose events came."""

    @property
    def event_p99(self) -> float:
        """Seconds."""

    @property
    def generator_late(self) -> bool:
        """Whether the generator did not make the rate: nothing is known of the mediator."""


@dataclass(frozen=True, slots=True)
class Knee:
    """Where a curve bends. ``rate``: the highest that the mediator kept up with, None: not even the lowest;
    ``beyond``: the first that it did not keep up with, None: it kept up with all; ``limited``: the rate at which the
    generator itself was late, so that the curve ends there."""

    rate: float | None
    beyond: float | None
    limited: float | None = None


def keeps_up(point: Point, limit: float = ORDER_LIMIT) -> bool:
    """Whether a mediator takes a rate: all of it comes through, and its p99 is within the limit (seconds)."""
    return point.through >= KEPT_UP * point.rate and point.event_p99 <= limit


def knee(points: Sequence[Point], limit: float = ORDER_LIMIT) -> Knee:
    """The knee of points whose rates rise. What lies behind the first rate that is too much is not looked at."""
    best: float | None = None
    for point in points:
        if point.generator_late:
            return Knee(best, None, point.rate)
        if not keeps_up(point, limit):
            return Knee(best, point.rate)
        best = point.rate
    return Knee(best, None)
