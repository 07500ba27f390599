"""Limits: how they are written, kept and broken."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sorm_mediator.load.limits import ALWAYS, LIMITS, judge, read_duration, shown_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("200ms", 0.2), ("0.2 s", 0.2), ("1500us", 0.0015), (" 2min ", 120.0), ("0ms", 0.0), ("20 ms", 0.02)],
)
def test_a_time_has_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert read_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "200", "ms", "-1ms", "1e3ms", "1h", "1 m s", "0,2s", "nan s"])
def test_anything_else_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as 200ms or 0\.2s"):
        read_duration(text)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 ms"), (0.000_25, "250 us"), (0.0123, "12.3 ms"), (1.5, "1.5 s"), (61.234, "61.2 s")],
)
def test_times_are_shown_in_a_fitting_unit(seconds: float, shown: str) -> None:
    assert shown_duration(seconds) == shown


def verdicts(wanted: Mapping[str, float], measured: Mapping[str, float], late: str = "") -> dict[str, str]:
    return {one.limit.option: one.verdict for one in judge(wanted, measured.get, late)}


def test_each_limit_is_judged_at_its_border() -> None:
    wanted = {"--max-event-p99": 0.2, "--min-rate": 100.0}
    assert verdicts(wanted, {"event_p99": 0.2, "through": 100}) == dict.fromkeys(wanted, "kept")
    assert verdicts(wanted, {"event_p99": 0.201, "through": 99.9}) == dict.fromkeys(wanted, "broken")


def test_what_was_not_measured_is_broken() -> None:
    assert set(verdicts(ALWAYS, {}).values()) == {"broken"}


def test_a_late_generator_is_no_verdict_about_the_mediator() -> None:
    wanted = {"--max-event-p99": 0.2, "--max-lost": 0.0}
    assert verdicts(wanted, {"event_p99": 0.5, "lost": 1}, "late") == {
        "--max-event-p99": "not judged",
        "--max-lost": "broken",
    }
    assert verdicts(wanted, {"event_p99": 0.1, "lost": 0}, "late") == dict.fromkeys(wanted, "kept")


def test_all_broken_limits_are_named_with_what_was_measured() -> None:
    judged = judge({"--max-event-p99": 0.2, "--max-27h-p99": 0.02}, {"event_p99": 0.25, "27h_p99": 0.03}.get)
    assert [str(one.text) for one in judged] == [
        "events, 99 %: 250 ms, limit <= 200 ms",
        "27h, 99 %: 30 ms, limit <= 20 ms",
    ]


def test_every_limit_that_always_holds_is_one() -> None:
    assert set(ALWAYS) <= {one.option for one in LIMITS}
