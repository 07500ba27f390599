"""What calls use of the licence: each row of the switch's table, and what goes beyond it.

Source: ECSS-10 manual, Licence distribution, cp_limit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import captures
from sorm_mediator import config
from sorm_mediator.switch.calls.call import Call, CallRefused, CallRequest, CallUnits, ServiceRequest, State
from sorm_mediator.switch.calls.engine import Engine
from sorm_mediator.switch.changes.licence import delete_licence
from tests.switch.conftest import Switch, refusals

A, B, C, D, E, F = "101", "102", "103", "104", "105", "106"
BASIC = "201"
OWN = [A, B, C, D, E, F, BASIC]
LIMIT = (
    "licence 1 allows {} simultaneous connections (max call attempts): {} are in use, and {} more would be needed; "
    "wait until a call ends, or add a licence"
)


FORWARDS = "202"


def lab(**licence: Any) -> config.Config:
    """One domain, whose subscribers may all pick up each other's calls."""
    subscribers = [{"number": number, "group": "g"} for number in OWN if number != BASIC]
    subscribers += [{"number": BASIC, "group": "g", "terminal": "basic"}]
    subscribers += [{"number": FORWARDS, "services": {"cfu": C}}]
    domain = {"name": "one", "subscribers": subscribers, "trunks": [{"number": 1, "name": "city"}]}
    return config.parse({"switch": {"domains": [domain], "licence": licence}})


class Lab(Switch):
    """A switch with this licence, whose calls ring for a second and last ten."""

    def __init__(self, **licence: Any) -> None:
        switch = lab(**licence).switch
        assert switch is not None
        super().__init__(Engine(switch), domain="one")

    @property
    def used(self) -> int:
        return self.engine.units.in_use

    def call(self, a: str, b: str, *services: dict[str, Any], domain: str = "", **fields: Any) -> Call:
        scripted = [{"ring": 0.1, "talk": 99.0} | service for service in services]
        return super().call(a, b, *scripted, domain=domain, **({"ring": 1.0, "talk": 10.0} | fields))

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.engine.tick(self.now)


def test_a_call_is_one() -> None:
    lab = Lab()

    call = lab.call(A, B)

    assert (lab.used, call.units) == (1, 1)
    lab.wait(5)
    assert (call.state, lab.used) == (State.TALKING, 1)
    lab.wait(10)
    assert (call.state, lab.used, call.units) == (State.RELEASED, 0, 0)


def test_a_call_that_is_forwarded_is_one() -> None:
    lab = Lab()

    call = lab.call(A, FORWARDS)

    assert (call.called.number.digits, lab.used) == (C, 1)


def test_a_call_that_comes_in_by_a_trunk_is_one() -> None:
    lab = Lab()
    lab.call("999", A, origin="trunk:city")

    assert lab.used == 1


def test_a_call_across_domains_and_bridges_is_one() -> None:
    """The manual's example of three domains: a local subscriber calls the city over a bridge."""
    multisorm = config.load(Path(captures.__file__).parent / "labs" / "multisorm" / "lab.toml")
    assert multisorm.switch is not None
    engine = Engine(multisorm.switch, multisorm.directory)

    call = engine.place_call("voip.local", CallRequest(a="200100", b="73832720000"), 0.0)

    assert len(call.legs) > 1
    assert (engine.active, engine.units.in_use) == (1, 1)


def test_pick_up_is_two() -> None:
    lab = Lab()

    call = lab.call(A, B, {"service": "pickup", "number": C, "at": 0.5})
    assert lab.used == 1
    lab.wait(0.6)

    assert (call.called.number.digits, lab.used) == (C, 2)
    lab.wait(20)
    assert lab.used == 0


@pytest.mark.parametrize("by", [A, BASIC])
def test_a_transfer_without_consultation_is_one(by: str) -> None:
    lab = Lab()

    call = lab.call(by, B, {"service": "transfer", "number": C, "at": 2, "by": "a"})
    lab.wait(3)

    assert (call.left, lab.used) == ({"a"}, 1)


def test_a_transfer_after_consultation_is_two_for_a_smart_terminal() -> None:
    lab = Lab()

    call = lab.call(
        A, B, {"service": "consultation", "number": C, "at": 2}, {"service": "transfer", "at": 4, "by": "a"}
    )
    lab.wait(3)
    assert lab.used == 2, "the consultation call is a call of its own"
    lab.wait(2)

    assert call.consultation is not None
    assert (call.consultation.state, call.left) == (State.RELEASED, {"a"})
    assert (call.units, lab.used) == (2, 2)
    lab.wait(20)
    assert lab.used == 0


def test_a_transfer_after_consultation_is_one_for_a_basic_terminal() -> None:
    lab = Lab()

    call = lab.call(
        BASIC,
        B,
        {"service": "consultation", "number": C, "at": 2},
        {"service": "transfer", "at": 4, "by": "a"},
    )
    lab.wait(3)
    assert (lab.engine.active, lab.used) == (2, 1), (
        "the switch makes the consultation call within the one call"
    )
    lab.wait(2)

    assert (call.left, call.units, lab.used) == ({"a"}, 1, 1)


@pytest.mark.parametrize("by", [A, BASIC])
def test_an_add_on_conference_is_one_for_each_participant(by: str) -> None:
    lab = Lab()

    call = lab.call(by, B, {"service": "3pty", "number": C, "at": 2, "talk": 4}, talk=20)
    lab.wait(3)

    assert (lab.engine.active, lab.used) == (2, 3)
    lab.wait(5)
    assert (call.state, lab.used) == (State.TALKING, 1), "the third party has left"


@pytest.mark.parametrize(("by", "left"), [(A, 2), (BASIC, 1)])
def test_a_transfer_out_of_a_conference(by: str, left: int) -> None:
    lab = Lab()

    lab.call(by, B, {"service": "3pty", "number": C, "at": 2}, {"service": "transfer", "at": 4, "by": "a"})
    lab.wait(3)
    assert lab.used == 3
    lab.wait(2)

    assert (lab.engine.active, lab.used) == (1, left)


def test_a_conference_of_a_call_that_was_picked_up_is_three() -> None:
    lab = Lab()

    lab.call(
        A,
        B,
        {"service": "pickup", "number": C, "at": 0.5},
        {"service": "3pty", "number": D, "at": 2, "by": "a"},
    )
    lab.wait(3)

    assert lab.used == 3


def test_a_waiting_call_is_one_more() -> None:
    lab = Lab()

    lab.call(A, B, {"service": "waiting", "number": C, "at": 2})
    lab.wait(3)

    assert lab.used == 2


# --- beyond the limit


def test_a_call_is_refused_and_the_next_may_pass() -> None:
    lab = Lab(concurrent_calls=1)
    lab.call(A, B)

    with pytest.raises(CallRefused) as refused:
        lab.call(C, D)

    assert (refused.value.kind, refused.value.text) == ("licence", LIMIT.format(1, 1, 1))
    lab.wait(20)
    assert lab.call(C, D).units == 1


@pytest.mark.parametrize(
    ("limit", "service", "more"),
    [
        (1, {"service": "pickup", "number": C, "at": 0.5}, 1),
        (1, {"service": "consultation", "number": C, "at": 2}, 1),
        (2, {"service": "3pty", "number": C, "at": 2}, 2),
        (1, {"service": "waiting", "number": C, "at": 2}, 1),
    ],
)
def test_a_service_is_refused_and_the_call_goes_on(limit: int, service: dict[str, Any], more: int) -> None:
    lab = Lab(concurrent_calls=limit)

    call = lab.call(A, B, service)
    lab.wait(3)

    assert refusals(call) == [f"{service['service']}: {LIMIT.format(limit, 1, more)}"]
    assert (call.state, call.called.number.digits, lab.engine.active, lab.used) == (State.TALKING, B, 1, 1)


def test_a_conference_is_refused_and_its_consultation_goes_on() -> None:
    lab = Lab(concurrent_calls=2)

    call = lab.call(A, B, {"service": "consultation", "number": C, "at": 2}, {"service": "3pty", "at": 3})
    lab.wait(4)

    assert refusals(call) == [f"3pty: {LIMIT.format(2, 2, 1)}"]
    assert (lab.engine.active, lab.used) == (2, 2)


def test_a_transfer_after_consultation_needs_no_unit_more() -> None:
    lab = Lab(concurrent_calls=2)

    call = lab.call(
        A, B, {"service": "consultation", "number": C, "at": 2}, {"service": "transfer", "at": 4, "by": "a"}
    )
    lab.wait(5)

    assert (refusals(call), lab.used) == ([], 2)


def test_what_runs_goes_on_when_the_limit_sinks() -> None:
    lab = Lab()
    calls = [
        lab.call(
            A,
            B,
            {"service": "consultation", "number": E, "at": 2},
            {"service": "transfer", "at": 4, "by": "a"},
        ),
        *(lab.call("999", number, origin="trunk:city") for number in (C, D, F)),
    ]
    lab.wait(3)
    assert lab.used == 5

    delete_licence(lab.engine.node, 1)
    lab.wait(2)

    assert all(call.state is State.TALKING for call in calls)
    assert (refusals(calls[0]), lab.used) == ([], 5)
    with pytest.raises(CallRefused, match="licence 0 allows 5 simultaneous connections"):
        lab.call("999", BASIC, origin="trunk:city")


def test_a_conversation_ends_at_its_limit() -> None:
    lab = Lab(max_conversation_time=5)

    long, short = lab.call(A, B, talk=100.0), lab.call(C, D, talk=5.0)
    lab.wait(200)

    for call, events in ((long, ["answer", "licence", "release"]), (short, ["answer", "release"])):
        assert call.release_time is not None
        assert call.answer_time is not None
        assert (call.release_time - call.answer_time, call.release_cause) == (5.0, 5)
        assert [event.event for event in call.events][-len(events) :] == events
    assert long.events[-2].detail == "licence 1: 5 s are the longest conversation"


def test_the_factory_licence_ends_a_conversation_after_a_minute() -> None:
    lab = Lab(installed=False)

    call = lab.call(A, B, talk=100.0)
    lab.wait(61.5)

    assert (call.state, call.release_cause) == (State.RELEASED, 5)


# --- whatever happens

NUMBER = st.sampled_from(OWN)
SERVICE = st.builds(
    ServiceRequest,
    service=st.sampled_from(["pickup", "consultation", "3pty", "transfer", "waiting"]),
    at=st.sampled_from([0.0, 0.5, 1.5, 3.0, 4.0]),
    by=st.sampled_from([None, "a", "b"]),
    number=st.one_of(NUMBER, NUMBER, st.just("")),
    ring=st.sampled_from([0.0, 0.5]),
    talk=st.sampled_from([0.5, 5.0]),
)
REQUEST = st.builds(
    CallRequest,
    a=NUMBER,
    b=NUMBER,
    outcome=st.sampled_from(["answer", "answer", "answer", "busy", "no-answer", "incomplete"]),
    ring=st.sampled_from([0.0, 1.0]),
    talk=st.sampled_from([0.5, 5.0]),
    services=st.lists(SERVICE, max_size=4).map(tuple),
)


@given(st.lists(st.one_of(REQUEST, st.sampled_from([0.5, 2.0])), max_size=12), st.integers(0, 5))
@settings(max_examples=200, deadline=None)
def test_units_are_never_negative_never_above_the_limit_and_none_without_calls(
    steps: list[CallRequest | float], limit: int
) -> None:
    lab = Lab(concurrent_calls=limit)
    seen = watched(lab.engine.units)
    for step in steps:
        if isinstance(step, float):
            lab.wait(step)
            continue
        needed = [one for one in step.services if one.number or one.service in ("3pty", "transfer")]
        lab.engine.tick(lab.now)
        before, refusal = lab.used, None
        try:
            lab.engine.place_call("one", replace(step, services=tuple(needed)), lab.now)
        except CallRefused as refused:
            refusal = refused
        assert (refusal is not None and refusal.kind == "licence") == (before == limit)
    lab.wait(1000)

    assert lab.engine.active == lab.used == 0
    assert all(0 <= units <= limit for units in seen)
    assert all(call.units == 0 for call in lab.engine.calls.values())


def watched(units: CallUnits) -> list[int]:
    """Every value that ``in_use`` has from now on."""
    seen = [units.in_use]
    change: Callable[[Call, int], None] = units._set

    def set_and_see(call: Call, wanted: int) -> None:
        change(call, wanted)
        assert call.units >= 0
        seen.append(units.in_use)

    units._set = set_and_see  # type: ignore[method-assign]
    return seen
