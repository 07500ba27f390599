"""A call that the switch does not take: why, what SORM is shown of it, and that running calls go on."""

from __future__ import annotations

from functools import partial
from typing import Any

from sorm_mediator.language import Phrase
from sorm_mediator.switch.admission import Admission, Attempt
from sorm_mediator.switch.calls.call import RELEASE_FAULT, State, why_released
from sorm_mediator.switch.trace import read_request, trace

CLOSED = Phrase("the licence has expired")
A, B, LONG = "28331", "28332", "89001758964"


def closed(_attempt: Attempt, _now: float) -> Phrase:
    return CLOSED


def closed_but_for_emergency(attempt: Attempt, _now: float) -> Phrase | None:
    return None if attempt.emergency else CLOSED


def test_a_call_that_is_not_admitted_exists_and_is_released_at_once_with_01h(switch: Any) -> None:
    switch.engine.node.admission.grounds.append(closed)

    call = switch.call(A, B)

    assert (call.state, call.release_cause, call.not_admitted) == (State.RELEASED, RELEASE_FAULT, CLOSED)
    assert [one.event for one in call.events] == ["dialling", "not-admitted", "release"]
    assert switch.engine.calls[call.id] is call
    assert (switch.engine.active, switch.engine.units.in_use) == (0, 0)
    told = why_released(call.release_cause, [(one.event, one.detail) for one in call.events])
    assert str(told).endswith(f": {CLOSED}")


def test_sorm_is_shown_it_like_a_call_whose_routing_fails(switch: Any, make_object: Any) -> None:
    switch.control(make_object(1, A), make_object(2, B))
    nowhere = switch.call(A, "12345678")
    switch.run()
    lost = switch.told(nowhere, 1)
    switch.engine.node.admission.grounds.append(closed)

    call = switch.call(A, B)
    switch.run()

    assert switch.told(call, 1) == [one.replace("12345678", B) for one in lost]
    assert switch.told(call, 1) == ["41 28331>28332", "43/01 28331>28332"]
    assert [match.object_number for match in switch.last(call).matches] == [1]


def test_running_calls_go_on(switch: Any) -> None:
    running = switch.call(A, B, ring=1, talk=5)
    switch.engine.node.admission.grounds.append(closed)
    switch.run()

    assert (running.not_admitted, running.release_cause) == ("", 0x05)


def test_a_ground_knows_where_the_call_would_lead_before_anything_is_occupied(switch: Any) -> None:
    seen: list[tuple[Any, ...]] = []

    def look(attempt: Attempt, now: float) -> None:
        reached = attempt.reached
        seen.append((attempt.caller, attempt.called, reached, len(attempt.caller.calls), now))

    switch.engine.node.admission.grounds.append(look)
    domain = switch.engine.domains["test.domain"]
    for dialled in (B, LONG, "12345678", "*21#"):
        switch.call(A, dialled)
        switch.run()

    assert [one[0] is domain.subscribers[A] for one in seen] == [True] * 4
    assert [getattr(one[2], "name", getattr(one[2], "number", None)) for one in seen] == [
        B,
        "smg_trunk",
        None,
        None,
    ]
    assert [one[3] for one in seen] == [0] * 4


def test_emergency_calls_are_known_by_their_routed_sign(routed_switch: Any) -> None:
    rules = """
    <context name="main">
      <rule name="sos"><conditions><cdpn digits="112"/></conditions>
        <actions><cdpn ni="emergency"/></actions><result><local/></result></rule>
      <rule name="own"><result><local/></result></rule>
    </context>"""
    subscribers = [{"number": "1"}, {"number": "2"}, {"number": "112"}]
    switch = routed_switch({"main.xml": rules}, subscribers=subscribers)
    switch.engine.node.admission.grounds.append(closed_but_for_emergency)

    assert switch.call("1", "112").not_admitted == ""
    assert switch.call("1", "2").not_admitted == CLOSED


def test_the_first_reason_counts_and_watchers_are_told_of_each_offered_call_alone() -> None:
    admission, told = Admission(), list[tuple[float, str | None]]()
    other = Phrase("too many calls")
    admission.watchers.append(lambda _attempt, now, reason: told.append((now, reason)))
    attempt: Any = None

    assert admission.offer(attempt, 1.0) is None
    admission.grounds += [lambda *_: None, closed, lambda *_: other]
    assert admission.why_not(attempt, 2.0) == CLOSED
    assert admission.offer(attempt, 3.0) == CLOSED
    assert told == [(1.0, None), (3.0, CLOSED)]


def test_the_trace_tells_the_reason_and_shows_what_the_call_shows(switch: Any) -> None:
    node = switch.engine.node
    node.admission.grounds.append(closed)
    told: list[Any] = []
    node.admission.watchers.append(lambda *offered: told.append(offered))
    for dialled in (B, LONG, "*21#"):
        request = read_request([f"cgpn.digits={A}", f"cdpn.digits={dialled}"])
        traced = trace(
            node.domains, node.domains["test.domain"], request, partial(node.admission.why_not, now=1)
        )
        assert not told  # a trace makes no call
        call = switch.call(A, dialled)
        told.clear()

        assert traced.reason == traced.not_admitted == call.not_admitted == CLOSED
        assert traced.made
        (hop,) = traced.hops
        (leg,) = call.legs
        assert hop.failed
        mine, its = ((one.calling.party, one.called.party, one.shown_to_a) for one in (hop.leg, leg))
        assert mine == its
