"""How long the switch takes to answer, by operation, as a histogram of fixed buckets."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the buckets in seconds; one more has no bound."""


@dataclass(slots=True)
class Latencies:
    """The times of one operation."""

    total: float = 0.0
    """Sum in seconds."""
    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    """How many replies took at most each bound, and more than the one before it."""

    def add(self, seconds: float) -> None:
        """One more reply."""
        self.total += seconds
        self.counts[bisect_left(BOUNDS, seconds)] += 1
