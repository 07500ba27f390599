"""Ramps and the knee of a synthetic curve."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from sorm_mediator.load.curve import Knee, Ramp, knee


@dataclass
class Point:
    rate: float
    through: float
    event_p99: float
    generator_late: bool = False


def queue(rate: float, capacity: float) -> Point:
    """A server of this capacity with random service times (M/M/1): ``p99 = ln(100) / (capacity - rate)``."""
    if rate >= capacity:
        return Point(rate, capacity, 5.0)
    return Point(rate, rate, 4.6 / (capacity - rate))


@pytest.mark.parametrize(
    ("capacity", "found"),
    [
        (1000.0, Knee(900, 1000)),  # at 1,000 there is no more time left
        (935.0, Knee(900, 1000)),  # 131 ms at 900
        (920.0, Knee(800, 900)),  # 230 ms at 900
        (50.0, Knee(None, 100)),
        (5000.0, Knee(1200, None)),
    ],
)
def test_the_knee_is_the_last_rate_that_is_kept_up_with(capacity: float, found: Knee) -> None:
    assert knee([queue(rate, capacity) for rate in Ramp.read("100:1200:100").rates]) == found


def test_a_dip_behind_the_knee_changes_nothing() -> None:
    points = [Point(100, 100, 0.01), Point(200, 150, 0.01), Point(300, 300, 0.01)]
    assert knee(points) == Knee(100, 200)


def test_a_generator_that_is_late_ends_the_curve_without_a_verdict() -> None:
    points = [Point(100, 100, 0.01), Point(200, 120, 9.0, generator_late=True)]
    assert knee(points) == Knee(100, None, 200)


def test_a_tighter_limit_moves_it() -> None:
    points = [queue(rate, 1000.0) for rate in Ramp.read("100:900:100").rates]
    assert knee(points, limit=0.01) == Knee(500, 600)


def test_a_ramp_has_its_last_rate_if_the_steps_meet_it() -> None:
    assert Ramp.read("100:300:100").rates == [100, 200, 300]
    assert Ramp.read("1:2:0.1").rates[-1] == pytest.approx(2.0)
    assert Ramp.read("100:250:100").rates == [100, 200]


@pytest.mark.parametrize(
    "text", ["", "100", "1:2", "a:b:c", "0:5:1", "5:1:1", "1:2:0", "1:2:-1", "1:inf:1", "nan:2:1"]
)
def test_what_is_no_ramp_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="FROM:TO:STEP"):
        Ramp.read(text)


def test_too_many_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="1000 steps; at most 200"):
        Ramp.read("1:1000:1")
