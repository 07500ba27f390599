"""Forwarding: both tables of the vendor's tester exactly, each kind, chains, circles."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

A, B, C, D = "01010", "01001", "01101", "01100"


def exchange(plain_switch: Any, **services: dict[str, str]) -> Any:
    numbers = {A, B, C, D}
    return plain_switch(
        subscribers=[{"number": n, "services": services.get(f"n{n}", {})} for n in sorted(numbers)]
    )


def test_one_forwarding(plain_switch: Any, make_object: Any) -> None:
    switch = exchange(plain_switch, n01001={"cfu": C})
    switch.control(make_object(1, A), make_object(2, B), make_object(3, C))

    call = switch.call(A, B)
    switch.run()

    final = ["42 01010>01101", "43/05 01010>01101"]
    assert switch.told(call, 1) == ["41 01010>01001", "44/21 01001>01101", *final]
    assert switch.told(call, 2) == ["41 01010>01001", "44/21 01001>01101", *final]
    assert switch.told(call, 3) == ["41 01010>01101", "44/21 01001>01101", *final]
    assert [(m.object_number, m.role) for m in switch.last(call).matches] == [(1, "a"), (2, "b"), (3, "b")]


def test_a_chain_of_two(plain_switch: Any, make_object: Any) -> None:
    switch = exchange(plain_switch, n01100={"cfu": B}, n01001={"cfu": C})
    switch.control(make_object(1, A), make_object(2, D), make_object(3, B), make_object(4, C))

    call = switch.call(A, D)
    switch.run()

    rest = ["44/21 01100>01001", "44/21 01001>01101", "42 01010>01101", "43/05 01010>01101"]
    assert switch.told(call, 1) == ["41 01010>01100", *rest]
    assert switch.told(call, 2) == ["41 01010>01100", *rest]
    assert switch.told(call, 3) == ["41 01010>01001", *rest]
    assert switch.told(call, 4) == ["41 01010>01101", *rest]


@pytest.mark.parametrize(
    ("service", "code", "outcome"),
    [("cfu", "21", "answer"), ("cfb", "29", "busy"), ("cfnr", "2A", "no-answer"), ("cfnrc", "2B", "fail")],
)
def test_each_kind(plain_switch: Any, make_object: Any, service: str, code: str, outcome: Any) -> None:
    switch = exchange(plain_switch, n01001={service: C})
    switch.control(make_object(1, C))

    call = switch.call(A, B, outcome=outcome, ring=2)
    switch.run()

    assert switch.told(call, 1) == [
        "41 01010>01101",
        f"44/{code} 01001>01101",
        "42 01010>01101",
        "43/05 01010>01101",
    ]
    assert call.answer_time - call.started == (4 if service == "cfnr" else 2)


@pytest.mark.parametrize(("service", "outcome", "cause"), [("cfb", "no-answer", 4), ("cfnr", "busy", 3)])
def test_a_forwarding_that_does_not_match_does_nothing(
    plain_switch: Any, service: str, outcome: Any, cause: int
) -> None:
    switch = exchange(plain_switch, n01001={service: C})

    call = switch.call(A, B, outcome=outcome)
    switch.run()

    assert (call.release_cause, call.services) == (cause, [])


def test_who_is_really_busy_forwards_too(plain_switch: Any, make_object: Any) -> None:
    switch = exchange(plain_switch, n01001={"cfb": C})
    switch.control(make_object(1, B))
    switch.call(D, B, talk=10)
    switch.run(1)

    call = switch.call(A, B)
    switch.run()

    assert switch.told(call, 1)[1] == "44/29 01001>01101"
    assert switch.told(call, 1)[-1] == "43/05 01010>01101"


def test_the_outcome_is_that_of_the_number_reached(plain_switch: Any) -> None:
    """An unconditional forwarding passes the outcome on; a conditional one is answered at its target."""
    switch = exchange(plain_switch, n01100={"cfu": B}, n01001={"cfb": C})

    call = switch.call(A, D, outcome="busy")
    switch.run()

    assert [use.code for use in call.services] == [0x21, 0x29]
    assert (call.called.number.digits, call.release_cause) == (C, 5)


@pytest.mark.parametrize(
    ("services", "hops", "said"),
    [
        ({"n01001": {"cfu": B}}, 0, "a circle of forwardings: 01001 -> 01001"),
        ({"n01001": {"cfu": C}, "n01101": {"cfu": B}}, 1, "a circle of forwardings: 01001 -> 01101 -> 01001"),
        ({"n01001": {"cfu": "777"}}, 0, "777 is not a subscriber, and there is no routing context"),
    ],
)
def test_forwardings_that_lead_nowhere(
    plain_switch: Any, make_object: Any, services: Any, hops: int, said: str
) -> None:
    switch = exchange(plain_switch, **services)
    switch.control(make_object(1, A))

    call = switch.call(A, B)
    switch.run()

    assert (call.release_cause, len(call.services)) == (1, hops)
    assert said in next(event.detail for event in call.events if event.event == "forwarding-failed")
    assert switch.told(call, 1)[-1].startswith("43/01")


def test_a_chain_has_an_end(plain_switch: Any) -> None:
    chain = [str(number) for number in range(100, 110)]
    subscribers = [{"number": one, "services": {"cfu": following}} for one, following in pairwise(chain)]
    switch = plain_switch(subscribers=[*subscribers, {"number": chain[-1]}, {"number": A}])

    call = switch.call(A, "100")

    assert (call.release_cause, len(call.services)) == (1, 5)
    assert "forwarded 5 times already" in call.events[-2].detail


def test_a_call_forwarded_back_to_its_caller_finds_him_busy(plain_switch: Any) -> None:
    switch = exchange(plain_switch, n01001={"cfu": A})

    call = switch.call(A, B)

    assert (call.release_cause, len(call.services)) == (3, 1)


def test_a_forwarding_out_of_the_node(switch: Any, make_object: Any) -> None:
    """28339 forwards to 89001758964: routed as 28339's own call, trunk and network object are touched."""
    target = make_object(2, "89001758964", "network-full", "russia")
    switch.control(make_object(1, "28339"), target, make_object(3, 2))

    call = switch.call("28331", "28339")
    switch.run()

    report = switch.last(call)
    rest = ["44/21 28339>89001758964", "42 28331>89001758964", "43/05 28331>89001758964"]
    assert switch.told(call, 1) == ["41 28331>28339", *rest]
    assert switch.told(call, 2) == ["41 28331>89001758964", *rest]
    assert [(m.object_number, m.role) for m in report.matches] == [(1, "b"), (2, "b"), (3, "trunk")]
    assert (report.connection, report.called.trunk, report.called_station) == (0x11, 2, "9001758964")


def test_who_has_forwarded_is_free_again(plain_switch: Any) -> None:
    switch = exchange(plain_switch, n01001={"cfnr": C})
    switch.call(A, B, outcome="no-answer", ring=1, talk=10)
    switch.run(3)

    other = switch.call(D, B)
    switch.run()

    assert other.release_cause == 5


def test_a_blocked_line_forwards_when_not_reachable(switch: Any) -> None:
    call = switch.call("28331", "28344")
    switch.run()

    assert [use.code for use in call.services] == [0x2B]
    assert call.called.number.digits == "28333"
