"""How long things took, as histograms of high dynamic range: percentiles of any number of values in bounded memory.

The histogram is Gil Tene's (http://hdrhistogram.org): a value is kept with three decimal digits, from a microsecond to
an hour. Latencies of a load count from when a thing was due, not from when it was begun: what had to wait for others is
not left out ("coordinated omission"; docs/load.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hdrh.histogram import HdrHistogram

LONGEST: Final = 3600.0
"""Seconds; what took longer counts as this."""
DIGITS: Final = 3
"""Decimal digits of a value that are kept."""
_MICRO: Final = 1_000_000
PERCENTILES: Final[Mapping[str, float]] = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99_9": 99.9}
"""What is told of a histogram, by name."""


class Latencies:
    """Times of one kind of thing, in seconds. Memory does not grow with their number."""

    def __init__(self, seconds: Iterable[float] = ()) -> None:
        from hdrh.histogram import HdrHistogram  # a library of the command load alone

        self._histogram: HdrHistogram = HdrHistogram(1, int(LONGEST * _MICRO), DIGITS)
        self.total = 0.0
        for one in seconds:
            self.add(one)

    def __len__(self) -> int:
        return int(self._histogram.get_total_count())

    def add(self, seconds: float) -> None:
        """One more. Less than a microsecond counts as one."""
        seconds = min(max(seconds, 0.0), LONGEST)
        self.total += seconds
        self._histogram.record_value(max(1, round(seconds * _MICRO)))

    def merge(self, other: Latencies) -> None:
        """Take in all that another one has."""
        self._histogram.add(other._histogram)
        self.total += other.total

    def percentile(self, percent: float) -> float:
        """The smallest value that so many percent do not exceed, in seconds, to three decimal digits; 0 of nothing."""
        count = len(self)
        if not count:
            return 0.0
        # The library rounds to the nearest rank, which may be the one below: of few values that is much too good.
        rank = max(1, math.ceil(percent * count / 100 - 1e-9))
        return float(self._histogram.get_value_at_percentile(100 * rank / count)) / _MICRO

    @property
    def longest(self) -> float:
        """The longest; 0 of nothing."""
        return float(self._histogram.get_max_value()) / _MICRO if len(self) else 0.0

    @property
    def mean(self) -> float:
        """The mean; 0 of nothing."""
        return self.total / len(self) if len(self) else 0.0

    def document(self) -> dict[str, object]:
        """For JSON, in milliseconds; ``hdr`` is the whole histogram as other tools read it (base64, HdrHistogram V2,
        microseconds)."""
        found: dict[str, object] = {"count": len(self), "mean": self.mean * 1000}
        found |= {name: self.percentile(percent) * 1000 for name, percent in PERCENTILES.items()}
        return found | {"max": self.longest * 1000, "hdr": self._histogram.encode().decode("ascii")}
