"""Percentiles: those of the histogram against a slow reference, and what coordinated omission would hide."""

from __future__ import annotations

import array
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sorm_mediator.load.check import EventCheck
from sorm_mediator.load.generator import Handed
from sorm_mediator.load.latency import PERCENTILES, Latencies
from sorm_mediator.load.measuring import LATE, Step, expected_events, stays, summed
from sorm_mediator.load.plan import STAGES, CallPlan
from tests.load.test_check import event


def slow_percentile(values: list[float], percent: float) -> float:
    """The smallest value that so many percent do not exceed."""
    return sorted(values)[max(0, math.ceil(percent / 100 * len(values)) - 1)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(1e-5, 3000), min_size=1, max_size=300))
def test_a_percentile_is_that_of_the_sorted_values_to_three_digits(values: list[float]) -> None:
    latencies = Latencies(values)
    for percent in PERCENTILES.values():
        assert latencies.percentile(percent) == pytest.approx(
            slow_percentile(values, percent), rel=2e-3, abs=2e-6
        )
    assert latencies.longest == pytest.approx(max(values), rel=2e-3, abs=2e-6)
    assert latencies.mean == pytest.approx(sum(values) / len(values))


def test_histograms_are_merged() -> None:
    one, other = Latencies([0.001] * 99), Latencies([1.0])
    one.merge(other)
    assert (len(one), one.percentile(50), one.longest) == (
        100,
        pytest.approx(0.001, rel=1e-3),
        pytest.approx(1.0, rel=1e-3),
    )


def test_nothing_has_no_time() -> None:
    empty = Latencies()
    assert (len(empty), empty.percentile(99), empty.longest, empty.mean) == (0, 0.0, 0.0, 0.0)


def test_the_document_has_the_whole_histogram() -> None:
    from hdrh.histogram import HdrHistogram

    document = Latencies([0.001, 0.002, 0.003]).document()
    assert document["count"] == 3
    assert HdrHistogram.decode(str(document["hdr"])).get_total_count() == 3


def step(plan: CallPlan, arrived: list[float], handed: list[float] | None = None) -> Step:
    """The step in which events of a plan came and reports were sent at these seconds after its begin."""
    check, begin = EventCheck(plan), 1000.0
    for at, moment in enumerate(arrived):
        check.event(event(plan, plan.first_call + at // STAGES, at % STAGES), begin + moment)
    dues = [plan.after(plan.first_call + at // STAGES, at % STAGES) for at in range(STAGES * plan.calls)]
    times = array.array("d", [begin + one for one in handed or dues])
    return summed(check, Handed(times=times, unconfirmed=0, sent=0, repeated=0), begin)


def test_what_waits_behind_a_stall_counts_from_when_it_was_due() -> None:
    """A mediator stands still for a second, and then passes on at once what came meanwhile: 100 calls, each with a time
    of its own. Who had waited for each answer before the next call would have seen one slow event of them all."""
    plan = CallPlan(rate=100, calls=200, ring=0.0, talk=0.0)
    arrived = [max(1.0, plan.after(at // STAGES, at % STAGES)) + 0.001 for at in range(STAGES * 200)]
    stalled = step(plan, arrived)
    assert stalled.event.percentile(50) == pytest.approx(0.001, rel=0.01)
    assert stalled.event.percentile(75) == pytest.approx(0.5, rel=0.05)
    assert stalled.event.longest == pytest.approx(1.001, rel=0.01)
    assert [one.at for one in stalled.timeline] == [0, 1]
    assert (stalled.timeline[0].p50, stalled.timeline[1].p50) == (
        pytest.approx(0.5, rel=0.05),
        pytest.approx(0.001, rel=0.01),
    )


def test_a_generator_that_is_late_is_told_apart() -> None:
    plan = CallPlan(rate=100, calls=100, ring=0.0, talk=0.0)
    dues = [plan.after(at // STAGES, at % STAGES) for at in range(STAGES * 100)]
    on_time = step(plan, [one + 0.1 for one in dues])
    late = step(plan, [one + 2 * LATE + 0.001 for one in dues], [one + 2 * LATE for one in dues])
    assert not on_time.generator_late
    assert late.generator_late
    assert "the generator itself was late at 100 calls/s, by 40" in late.late_text
    assert [(str(one.where)[:9], round(one.mean, 4)) for one in stays(late, None, None, by_switch=False)] == [
        ("generator", 0.04),
        ("from ther", 0.001),
    ]


def test_the_mediators_own_figures_tell_where_events_were() -> None:
    plan = CallPlan(rate=100, calls=1, ring=0.0, talk=0.0)
    measured = step(plan, [0.1, 0.1, 0.1], [0.01, 0.01, 0.01])
    before, after = ({"limits": {"events": {"answers": n, "total": t}}} for n, t in ((5, 2.0), (8, 2.18)))
    shown = [round(one.mean, 3) for one in stays(measured, before, after, by_switch=False)]
    assert shown == [0.01, 0.05, 0.04]  # 60 ms from the time in the report, of which the generator had 10


def test_what_comes_through_is_less_than_the_rate_where_events_fall_behind() -> None:
    plan = CallPlan(rate=100, calls=100, ring=0.0, talk=0.0)
    kept_up = step(plan, [at // STAGES / 100 for at in range(300)])
    behind = step(plan, [at // STAGES / 50 for at in range(300)])
    assert kept_up.through == pytest.approx(100)
    assert behind.through == pytest.approx(50, rel=0.02)
    assert step(plan, []).through == 0


def test_a_report_brings_the_events_of_those_before_it() -> None:
    assert expected_events(array.array("d", [1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0])) == 3 + 1 + 3
