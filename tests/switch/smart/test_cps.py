"""Calls per second: ten snapshots of 30 s against 5 calls/s of each licence, and the older check at once."""

from __future__ import annotations

from math import floor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sorm_mediator import config
from sorm_mediator.config.switch import SmartLicenceConfig
from sorm_mediator.fuzz.growth import MOST, growth
from sorm_mediator.switch.smart.agent import cps_check
from sorm_mediator.switch.smart.cps import CALLS_PER_LICENCE, InstantCheck, WindowCheck

START = 1_700_000_000.0
LIMIT = 50.0
"""Of ten licences, 5 calls/s each."""
FULL = 300 * 50
"""Calls of a window whose mean is the limit."""


def calls(check: WindowCheck, count: int, at: float) -> None:
    for _ in range(count):
        check.offered(START + at)


def ten_licences() -> WindowCheck:
    return WindowCheck(LIMIT, START)


def test_one_licence_is_five_calls_per_second() -> None:
    assert CALLS_PER_LICENCE == 5
    assert cps_check(SmartLicenceConfig(), START).limit == 50
    assert cps_check(SmartLicenceConfig(count=216), START).limit == 1080


def test_a_snapshot_is_taken_each_30_seconds_and_nothing_changes_before_it() -> None:
    check = ten_licences()
    calls(check, FULL + 1, at=0)
    assert not check.refuses(START + 29.9)
    assert check.refuses(START + 30)


def test_a_mean_that_equals_the_limit_is_still_admitted() -> None:
    check = ten_licences()
    calls(check, FULL, at=0)
    assert check.mean(START + 30) == LIMIT
    assert not check.refuses(START + 30)


def test_the_window_is_of_ten_snapshots() -> None:
    check = ten_licences()
    calls(check, FULL + 1, at=0)
    assert [check.refuses(START + 30 * place) for place in range(12)] == [False] + [True] * 10 + [False]


def test_service_comes_back_when_the_mean_has_fallen_to_the_limit() -> None:
    check = ten_licences()
    calls(check, 1, at=0)
    calls(check, FULL, at=30)
    assert check.refuses(START + 60)
    assert check.refuses(START + 329)
    assert not check.refuses(START + 330)  # the one call has left the window: the mean is the limit
    assert check.mean(START + 330) == LIMIT


def test_refused_calls_count_so_a_volume_that_stays_high_is_refused_for_ever() -> None:
    check = ten_licences()
    for second in range(3600):
        calls(check, 51, at=second)
        assert check.refuses(START + second) == (second >= 300)


def test_missing_snapshots_of_the_first_window_count_as_no_calls_or_not_at_all() -> None:
    zero, mean = ten_licences(), WindowCheck(LIMIT, START, first="mean")
    for check in (zero, mean):
        calls(check, 30 * 51, at=0)
    assert (zero.mean(START + 30), mean.mean(START + 30)) == (5.1, 51)
    assert (zero.refuses(START + 30), mean.refuses(START + 30)) == (False, True)


def test_the_older_check_refuses_the_calls_of_a_second_beyond_the_limit_at_once() -> None:
    check = InstantCheck(3, START)
    refused = []
    for at in (0.0, 0.1, 0.2, 0.3, 0.9, 1.0):
        refused.append(check.refuses(START + at))
        check.offered(START + at)
    assert refused == [False, False, False, True, True, False]


def test_the_window_is_made_of_whole_snapshots() -> None:
    with pytest.raises(config.ConfigError, match=r"cps_window: 100 s is no multiple of cps_snapshot, 30 s"):
        config.parse({"switch": {"smart_licence": {"cps_window": 100}}})


# --- against a plain count of all calls


def reference(times: list[float], now: float, limit: float, kept: int, snapshot: int, first: str) -> bool:
    """Refusing, from all calls that were offered so far: counted anew at each end of a snapshot."""
    refusing = False
    for end in range(1, floor(now / snapshot) + 1):
        begin = max(0, end - kept)
        inside = sum(begin <= floor(at / snapshot) < end for at in times)
        seconds = snapshot * (kept if first == "zero" else end - begin)
        mean = inside / seconds
        if mean > limit:
            refusing = True
        elif mean <= limit:
            refusing = False
    return refusing


steps = st.lists(st.tuples(st.floats(0, 400, allow_nan=False), st.integers(0, 40)), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(
    steps,
    st.sampled_from([0.0, 0.05, 0.5, 1.0, 2.0]),
    st.sampled_from([(10, 30), (1, 30), (3, 7)]),
    st.sampled_from(["zero", "mean"]),
)
def test_admission_is_a_function_of_the_times_and_the_limit(
    course: list[tuple[float, int]], limit: float, form: tuple[int, int], first: Any
) -> None:
    kept, snapshot = form
    check = WindowCheck(limit, 0.0, window=kept * snapshot, snapshot=snapshot, first=first)
    now, times = 0.0, list[float]()
    for wait, count in course:
        now += wait
        assert check.refuses(now) == reference(times, now, limit, kept, snapshot, first)
        for _ in range(count):
            check.offered(now)
            times.append(now)


@settings(max_examples=40, deadline=None)
@given(steps, st.sampled_from([0.05, 0.5, 1.0]))
def test_admitted_calls_exceed_the_limit_by_one_snapshot_at_most(
    course: list[tuple[float, int]], limit: float
) -> None:
    check = WindowCheck(limit, 0.0)
    now, admitted = 0.0, list[float]()
    for wait, count in course:
        now += wait
        for _ in range(count):
            if not check.refuses(now):
                place = floor(now / 30)
                window = [at for at in admitted if place - 10 <= floor(at / 30) < place]
                assert (
                    len(window) / 300 <= limit
                )  # what goes beyond it is of the snapshot that is being counted
                admitted.append(now)
            check.offered(now)


def test_a_clock_that_jumps_ahead_costs_no_more_than_the_window_has_snapshots() -> None:
    def jump(window: int) -> None:
        check = WindowCheck(1, 0, window=window, snapshot=1)
        check.offered(0)
        assert not check.refuses(400 * 86_400)

    assert growth(lambda size: size, jump, 10_000) < MOST
