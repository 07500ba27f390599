"""Leaks: a planted one is found in noise, and noise without one is none."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sorm_mediator.soak.leaks import ALLOWED, Allowed, Sample, growth, rise_by_chance, sen_slope, troughs

HOUR = 3600.0
MB = 2**20


def memory(seed: int, leak: float = 0.0, *, seconds: float = HOUR, every: float = 10.0) -> list[Sample]:
    """The memory of a box with work in phases: it fills tables for some minutes, goes up and down by 8 MB with its
    phases, has noise and now and then a spike. ``leak``: octets a second."""
    rng = random.Random(seed)  # noqa: S311 - repeatable
    found = []
    at = 0.0
    while at <= seconds:
        filling = 30 * MB * (1 - math.exp(-at / (seconds / 20)))
        phase = 8 * MB * ((at // 15) % 3)
        spike = 60 * MB if rng.random() < 0.01 else 0
        found.append((at, 100 * MB + filling + phase + rng.gauss(0, MB / 4) + spike + leak * at))
        at += every
    return found


@pytest.mark.parametrize("seed", range(30))
def test_noise_phases_spikes_and_filling_tables_are_no_leak(seed: int) -> None:
    judged = growth(memory(seed), ALLOWED["memory"])
    assert judged.judged
    assert not judged.leak


@pytest.mark.parametrize("seed", range(30))
def test_a_planted_leak_is_found(seed: int) -> None:
    """25 MB an hour; the phases alone move it by 16."""
    judged = growth(memory(seed, 25 * MB / HOUR), ALLOWED["memory"])
    assert judged.leak
    assert judged.slope * HOUR == pytest.approx(25 * MB, rel=0.3)


def test_five_minutes_find_a_leak_of_six_megabytes_a_minute() -> None:
    assert not growth(memory(1, seconds=300, every=1.5), ALLOWED["memory"]).leak
    assert growth(memory(1, 100_000, seconds=300, every=1.5), ALLOWED["memory"]).leak


@pytest.mark.parametrize("measure", ["descriptors", "tasks", "threads"])
def test_one_more_now_and_then_is_a_leak_and_coming_and_going_is_none(measure: str) -> None:
    allowed = ALLOWED[measure]  # type: ignore[index]  # the names of a table
    rng = random.Random(2)  # noqa: S311 - repeatable
    still = [(at * 10.0, float(22 + rng.choice((0, 0, 1, 3)))) for at in range(360)]
    leaking = [(at, value + at // 300) for at, value in still]
    assert not growth(still, allowed).leak
    assert growth(leaking, allowed).leak


def test_less_than_what_is_allowed_is_no_leak_however_sure_it_is() -> None:
    rising = [(float(at), 100.0 + at / 100) for at in range(600)]
    assert growth(rising, Allowed(3, 0.0)).leak
    judged = growth(rising, Allowed(5, 0.0))
    assert (judged.leak, judged.chance < 1e-6) == (False, True)
    assert not growth(rising, Allowed(0, 0.05)).leak


@pytest.mark.parametrize("samples", [[], [(0.0, 1.0)], [(float(at), 1.0) for at in range(60)]])
def test_too_few_samples_are_no_verdict(samples: list[Sample]) -> None:
    judged = growth(samples, ALLOWED["tasks"])
    assert (judged.judged, judged.leak) == (False, False)


def test_the_warm_up_is_left_out_and_each_stretch_has_its_lowest() -> None:
    kept = troughs([(float(at), float(at % 10)) for at in range(901)])
    assert kept[0] == (300.0, 0.0)
    assert {value for _, value in kept} == {0.0}
    assert len(kept) == 24


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=2, max_size=40))
def test_what_falls_or_stands_still_never_rises(values: list[int]) -> None:
    falling = sorted((float(one) for one in values), reverse=True)
    assert rise_by_chance(falling) == 1.0
    assert sen_slope(list(enumerate(falling))) <= 0


def test_the_probability_is_that_of_the_test_of_mann_and_kendall() -> None:
    """Ten values in rising order: S = 45, variance 125, z = 44 / 11.18 = 3.935."""
    assert rise_by_chance([float(one) for one in range(10)]) == pytest.approx(4.16e-5, rel=0.01)
