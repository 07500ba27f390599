"""Every event of every call at the console: what is lost, doubled, out of order or wrong is found."""

from __future__ import annotations

import array
from dataclasses import replace
from typing import Any

import pytest

from protocol import Answer, NumberReceived, Release
from protocol.values import Party
from sorm_mediator.load.check import EventCheck
from sorm_mediator.load.plan import STAGES, CallPlan

BY_REPORTS = CallPlan(rate=100, calls=4, objects=2, first_call=10, first_object=500)
BY_SWITCH = replace(BY_REPORTS, numbers=("28332", "28333"), caller="28331", shown={"28331": "738328331"})
PLANS = pytest.mark.parametrize("plan", [BY_REPORTS, BY_SWITCH], ids=["reports", "switch"])
KINDS = (NumberReceived, Answer, Release)


def event(plan: CallPlan, index: int, stage: int, **other: Any) -> Any:
    """The event as it ought to come."""
    calling = plan.calling(index)
    fields: dict[str, Any] = {
        "call_number": 100 + index,
        "object_number": plan.object_of(index),
        "calling": Party(4, plan.shown.get(calling, calling)),
        "called": Party(4, plan.called(index)),
        "operation": 5 if stage == STAGES - 1 else 0xFF,
    }
    return KINDS[stage](**(fields | other))


def checked(plan: CallPlan, *events: Any, sent: int | None = None) -> EventCheck:
    """The check of these events; ``sent`` reports were handed over, by default all."""
    check = EventCheck(plan)
    for moment, one in enumerate(events, 1):
        check.event(one, float(moment))
    count = STAGES * plan.calls
    check.finish(
        array.array("d", [1.0 if at < (count if sent is None else sent) else 0.0 for at in range(count)])
    )
    return check


def all_of(plan: CallPlan) -> list[Any]:
    """Calls at the same time; those of one object one after another, as a number takes one at a time."""
    dues = sorted(
        ((index - plan.first_call) // plan.objects, stage, index)
        for index in plan.indices
        for stage in range(STAGES)
    )
    return [event(plan, index, stage) for _, stage, index in dues]


@PLANS
def test_what_comes_as_it_should_has_no_finding(plan: CallPlan) -> None:
    check = checked(plan, *all_of(plan))
    assert (dict(check.found), check.told, check.complete) == ({}, [], True)
    assert all(check.arrived)


@PLANS
@pytest.mark.parametrize("gone", range(STAGES * 4))
def test_a_lost_event_is_found_whichever_it_is(plan: CallPlan, gone: int) -> None:
    events = all_of(plan)
    left = events.pop(gone)
    check = checked(plan, *events)
    assert check.found["lost"] == 1
    # The event behind the lost one came before it, as far as is known then.
    assert check.found["misordered"] == (left.code != Release.code)
    assert check.found["doubled"] == 0
    assert f"{left.code:02X}h did not come" in " ".join(check.told)


@PLANS
@pytest.mark.parametrize("again", range(STAGES * 4))
def test_a_doubled_event_is_found_whichever_it_is(plan: CallPlan, again: int) -> None:
    events = all_of(plan)
    events.insert(again, events[again])
    check = checked(plan, *events)
    assert dict(check.found) == {"doubled": 1}
    assert "came a second time" in check.told[0]


def test_events_out_of_order_are_found() -> None:
    first, second, last = (event(BY_REPORTS, 10, stage) for stage in range(STAGES))
    assert dict(checked(BY_REPORTS, first, last, second, sent=3).found) == {"misordered": 1}
    assert dict(checked(BY_REPORTS, second, first, last, sent=3).found) == {"misordered": 1}


@pytest.mark.parametrize(
    ("stage", "other", "told"),
    [
        (0, {"object_number": 7}, "object_number is 7, not 500"),
        (1, {"called": Party(4, "123")}, "called is 123, not 73830000000"),
        (1, {"call_number": 9}, "call_number is 9, not 110"),
        (2, {"operation": 3}, "operation is 3, not 5"),
    ],
)
def test_a_wrong_number_is_found(stage: int, other: dict[str, Any], told: str) -> None:
    events = [event(BY_REPORTS, 10, each, **(other if each == stage else {})) for each in range(STAGES)]
    check = checked(BY_REPORTS, *events, sent=3)
    assert dict(check.found) == {"wrong": 1}
    assert told in check.told[0]


def test_a_call_number_that_another_call_has_is_found() -> None:
    events = [event(BY_REPORTS, 10, 0, call_number=1), event(BY_REPORTS, 11, 0, call_number=1)]
    check = EventCheck(BY_REPORTS)
    for one in events:
        check.event(one, 1.0)
    assert "has the call number 1 of call 10, which goes on" in check.told[0]


def test_events_of_other_calls_are_counted_apart() -> None:
    other = event(BY_REPORTS, 10, 0, calling=Party(4, "28331"))
    beyond = event(replace(BY_REPORTS, calls=99), 20, 0)
    check = checked(BY_REPORTS, other, beyond, *all_of(BY_REPORTS))
    assert (check.foreign, dict(check.found)) == (2, {})


def test_of_a_call_that_was_not_finished_only_what_was_sent_is_missed() -> None:
    """A report holds what those before it hold: the answer brings 41h too."""
    check = EventCheck(BY_REPORTS)
    check.finish(array.array("d", [0, 1.0, 0, *[0.0] * 9]))
    assert check.found["lost"] == 2


def test_octets_that_are_no_event_are_wrong() -> None:
    check = EventCheck(BY_REPORTS)
    check.broken("3 octets that belong to no unit")
    assert (check.found["wrong"], check.told) == (1, ["KPD2: 3 octets that belong to no unit"])
