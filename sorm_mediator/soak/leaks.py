"""Whether a series of samples grows without end.

What a box holds rises while its tables fill, and goes up and down with its work. So the samples of the warm-up are
left out, and of the rest each stretch of time counts by its lowest sample: a leak lifts the troughs too. A series is a
leak when both hold (docs/soak.md):

* its troughs rise by more than chance: the test of Mann and Kendall, one-sided, at :data:`SIGNIFICANT`. It knows
  nothing of the form of the growth, and a few wild samples do not move it;
* they rise by more than what is allowed: the slope of Theil and Sen, the median of the slopes of all pairs, times the
  time of the samples.

Sources: Mann, Econometrica 13 (1945) 245; Kendall, Rank Correlation Methods (1975); Sen, J. Amer. Statist. Assoc. 63
(1968) 1379.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal

Measure = Literal["memory", "descriptors", "tasks", "threads"]
MEASURES: Final[tuple[Measure, ...]] = ("memory", "descriptors", "tasks", "threads")
SIGNIFICANT: Final = 0.001
"""Probability of a rise by chance, below which it is none."""
WARM_UP, WARM_UP_LEAST = 1 / 3, 60.0
"""The part of the time that is left out, and at least so many seconds: the mediator remembers requests for 30 s, and
the latest 10,000 things that happened."""
STRETCHES: Final = 24
"""Into how many stretches of time the rest is cut."""
FEWEST: Final = 8
"""Troughs that a verdict needs: fewer can't be significant together with a slope."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Growth that is no leak: ``absolute``, or the ``share`` of what there was, whichever is more; and ``known``, what
    is kept on purpose and up to a limit."""

    absolute: float
    share: float
    known: float = 0.0


ALLOWED: Final[dict[Measure, Allowed]] = {
    "memory": Allowed(8 * 2**20, 0.06),
    "descriptors": Allowed(3, 0.0),
    "tasks": Allowed(3, 0.0),
    "threads": Allowed(2, 0.0),
}
"""Growth after the warm-up: of memory in octets, because an allocator does not give back all that is freed."""

Sample = tuple[float, float]
"""Seconds, value."""


@dataclass(frozen=True, slots=True)
class Growth:
    """The verdict on a series. ``slope``: a second. ``rise``: by the slope, over the time that was judged."""

    judged: bool
    """False: there were too few samples, which is no verdict."""
    leak: bool
    slope: float
    rise: float
    allowed: float
    chance: float
    """The probability of such a rise without a trend."""
    troughs: Sequence[Sample]


def growth(samples: Sequence[Sample], allowed: Allowed) -> Growth:
    """Judge a series of samples, the oldest first."""
    kept = troughs(samples)
    if len(kept) < FEWEST:
        return Growth(False, False, 0.0, 0.0, 0.0, 1.0, kept)
    slope = sen_slope(kept)
    rise = slope * (kept[-1][0] - kept[0][0])
    limit = max(allowed.absolute, allowed.share * kept[0][1]) + allowed.known
    chance = rise_by_chance([value for _, value in kept])
    return Growth(True, chance < SIGNIFICANT and rise > limit, slope, rise, limit, chance, kept)


def least_seconds(every: float) -> float:
    """Seconds that a verdict needs at least, with a sample ``every`` so many seconds."""
    return max(WARM_UP_LEAST + FEWEST * every, FEWEST * every / (1 - WARM_UP))


def warmed_up(first: float, last: float) -> float:
    """When the warm-up of samples between two moments is over."""
    return first + max(WARM_UP_LEAST, WARM_UP * (last - first))


def troughs(samples: Sequence[Sample]) -> list[Sample]:
    """The lowest sample of each stretch after the warm-up."""
    if not samples:
        return []
    first, last = samples[0][0], samples[-1][0]
    begin = warmed_up(first, last)
    width = max(0.0, (last - begin) / STRETCHES)
    lowest: dict[int, Sample] = {}
    for moment, value in samples:
        if moment < begin:
            continue
        stretch = min(STRETCHES - 1, int((moment - begin) / width)) if width else 0
        if stretch not in lowest or value < lowest[stretch][1]:
            lowest[stretch] = (moment, value)
    return [lowest[stretch] for stretch in sorted(lowest)]


def sen_slope(samples: Sequence[Sample]) -> float:
    """The median of the slopes between all pairs."""
    slopes = [(late[1] - early[1]) / (late[0] - early[0]) for early, late in combinations(samples, 2)]
    return statistics.median(slopes) if slopes else 0.0


def rise_by_chance(values: Sequence[float]) -> float:
    """The probability that values without a trend rise as much as these: the normal approximation of Mann and Kendall's
    test, with ties."""
    count = len(values)
    pairs = sum((late > early) - (late < early) for early, late in combinations(values, 2))
    ties = sum(equal * (equal - 1) * (2 * equal + 5) for equal in Counter(values).values())
    variance = (count * (count - 1) * (2 * count + 5) - ties) / 18
    if pairs <= 0 or variance <= 0:
        return 1.0
    return 0.5 * math.erfc((pairs - 1) / math.sqrt(2 * variance))
