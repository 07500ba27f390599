"""Services used in a call: their 44h, and what they do to the parties."""

from __future__ import annotations

from typing import Any

import pytest

from sorm_mediator.switch.calls.call import CallRefused, State
from tests.switch.conftest import refusals

A, B, C = "28331", "28332", "28333"


def test_hold_and_its_end(switch: Any, make_object: Any) -> None:
    switch.control(make_object(1, A))

    call = switch.call(A, B, {"service": "hold", "at": 1}, {"service": "end-of-hold", "at": 2}, talk=5)
    switch.run()

    assert switch.told(call, 1) == [
        "41 28331>28332",
        "42 28331>28332",
        "44/42 28331>28332",
        "44/40 28331>28332",
        "43/05 28331>28332",
    ]


def test_parties_hear_each_other_while_they_talk_and_neither_is_on_hold(switch: Any) -> None:
    call = switch.call(
        A, B, {"service": "hold", "at": 2}, {"service": "end-of-hold", "at": 3}, ring=1, talk=5
    )
    heard = [call.conversing]
    for seconds in (0.5, 1, 1, 1, 10):
        switch.run(seconds)
        heard.append(call.conversing)
    assert heard == [False, False, True, False, True, False]


def test_hold_by_b_for_a_while(switch: Any, make_object: Any) -> None:
    switch.control(make_object(1, A))

    call = switch.call(A, B, {"service": "hold", "by": "b", "at": 1, "duration": 2}, talk=5)
    switch.run()

    assert switch.told(call, 1)[2:4] == ["44/42 28332>28331", "44/40 28332>28331"]
    assert [use.time - call.started for use in call.services] == [1, 3]


def test_a_hold_asked_for_too_early_waits_for_the_answer(switch: Any) -> None:
    call = switch.call(A, B, {"service": "hold", "at": 0.1}, ring=1, talk=1)
    switch.run()

    assert call.services[0].time == call.answer_time


@pytest.mark.parametrize(
    ("services", "said"),
    [
        ([{"service": "hold", "at": 1}, {"service": "hold", "at": 2}], "hold: the call is on hold already"),
        ([{"service": "end-of-hold", "at": 1}], "end-of-hold: the call is not on hold"),
        ([{"service": "3pty", "at": 1}], "3pty: there is no third party"),
        ([{"service": "transfer", "at": 1}], "transfer: there is no number, and no consultation call"),
        ([{"service": "transfer", "at": 1, "number": "28343"}], "transfer: 28343 is busy or out of service"),
        ([{"service": "transfer", "at": 1, "number": "28999"}], "transfer: 28999 is not a subscriber"),
        ([{"service": "pickup", "at": 1, "number": C}], "pickup: the call is not ringing"),
        ([{"service": "waiting", "at": 1, "number": "99"}], "waiting: a: 99 is not a subscriber"),
    ],
)
def test_what_cannot_be_done_is_said_and_the_call_goes_on(switch: Any, services: Any, said: str) -> None:
    call = switch.call(A, B, *services, talk=5)
    switch.run()

    assert refusals(call)[0].startswith(said)
    assert call.release_cause == 5


def test_a_service_of_a_call_that_never_talked_is_told(switch: Any) -> None:
    call = switch.call(A, B, {"service": "hold", "at": 0.01}, outcome="no-answer", ring=1)
    switch.run()

    assert refusals(call) == ["hold: the call has ended"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"service": "cfu"}, "services.0: service: 'cfu' can't be used in a call"),
        ({"service": "nothing"}, "services.0: service: 'nothing' can't be used in a call"),
        ({"service": "consultation"}, "services.0: number: is required for consultation"),
        ({"service": "cfu", "phase": "order"}, "services.0: number: is required for cfu"),
        ({"service": "end-of-hold", "phase": "order"}, "can't be ordered, checked or cancelled"),
    ],
)
def test_what_can_never_be_done_is_refused_at_once(switch: Any, fields: Any, said: str) -> None:
    with pytest.raises(CallRefused) as raised:
        switch.call(A, B, fields)

    assert raised.value.kind == "invalid"
    assert said in raised.value.text


def test_a_caller_from_outside_has_no_services_here(switch: Any) -> None:
    with pytest.raises(CallRefused, match=r"services\.0: by: A is outside"):
        switch.call("9001758964", B, {"service": "hold", "by": "a"}, origin="trunk:smg_trunk")


def test_with_a_from_outside_it_is_b_who_holds(switch: Any) -> None:
    call = switch.call("9001758964", B, {"service": "hold", "at": 0.1}, origin="trunk:smg_trunk", talk=1)
    switch.run()

    assert (call.services[0].calling.digits, call.services[0].called.digits) == (B, "89001758964")


def test_a_consultation_is_a_call_of_its_own(switch: Any, make_object: Any) -> None:
    switch.control(make_object(1, A), make_object(3, C))

    call = switch.call(A, B, {"service": "consultation", "at": 1, "number": C, "ring": 1, "talk": 1}, talk=9)
    switch.run()

    assert switch.told(call, 1)[2] == "44/33 28331>28333"
    assert call.consultation is not None
    assert call.consultation.id != call.id
    for number in (1, 3):
        assert switch.told(call.consultation, number) == [
            "41 28331>28333",
            "42 28331>28333",
            "43/05 28331>28333",
        ]
    assert [match.object_number for match in switch.last(call).matches] == [1]


def test_a_consultation_ends_with_its_call(switch: Any) -> None:
    call = switch.call(A, B, {"service": "consultation", "at": 1, "number": C, "talk": 99}, talk=2)
    switch.run()

    assert call.consultation.release_time == call.release_time


def test_three_parties(switch: Any, make_object: Any) -> None:
    switch.control(make_object(2, B))

    call = switch.call(
        A,
        B,
        {"service": "consultation", "at": 1, "number": C, "talk": 9},
        {"service": "3pty", "at": 2},
        talk=3,
    )
    switch.run()

    assert switch.told(call, 2)[2:4] == ["44/33 28331>28333", "44/52 28331>28333"]


def test_three_parties_in_one_step(switch: Any) -> None:
    call = switch.call(A, B, {"service": "3pty", "at": 1, "number": C}, talk=3)
    switch.run()

    assert [use.code for use in call.services] == [0x33, 0x52]


def test_transfer_of_a_consultation(switch: Any, make_object: Any) -> None:
    """B consults C and hands the call over: A goes on talking with C."""
    switch.control(make_object(1, A), make_object(3, C))

    call = switch.call(
        A,
        B,
        {"service": "consultation", "by": "b", "at": 1, "number": C, "talk": 9},
        {"service": "transfer", "by": "b", "at": 2},
        talk=5,
    )
    switch.run(3)
    domain = switch.engine.domains["test.domain"]
    assert call.consultation.state is State.RELEASED
    assert (domain.subscribers[B].calls, domain.subscribers[C].calls) == (set(), {call.id})
    switch.run()

    assert switch.told(call, 1) == [
        "41 28331>28332",
        "42 28331>28332",
        "44/33 28332>28333",
        "44/31 28332>28333",
        "43/05 28331>28333",
    ]
    assert [(m.object_number, m.role) for m in switch.last(call).matches] == [(1, "a"), (3, "b")]


@pytest.mark.parametrize("at", [0, 1.0], ids=["waits for the answer", "at its moment"])
def test_a_transfer_at_the_moment_of_the_answer_leaves_42h_to_who_answered(
    switch: Any, make_object: Any, at: float
) -> None:
    switch.control(make_object(1, A))
    call = switch.call(A, B, {"service": "transfer", "by": "b", "at": at, "number": C}, ring=1.0, talk=5)
    switch.run()

    # All at one moment: the order between 42h and 44h is the mediator's.
    assert sorted(switch.told(call, 1)) == [
        "41 28331>28332",
        "42 28331>28332",
        "43/05 28331>28333",
        "44/31 28332>28333",
    ]


def test_transfer_to_a_number_outside(switch: Any, make_object: Any) -> None:
    switch.control(make_object(1, B), make_object(2, 2))

    call = switch.call(A, B, {"service": "transfer", "at": 1, "by": "a", "number": "89001758964"}, talk=3)
    switch.run(2)
    assert not switch.engine.domains["test.domain"].subscribers[A].calls
    switch.run()

    assert switch.told(call, 1)[2:] == ["44/31 28331>89001758964", "43/05 28331>89001758964"]
    assert switch.last(call).matches[-1].role == "trunk"


def test_who_has_left_uses_no_services(switch: Any) -> None:
    call = switch.call(
        A, B, {"service": "transfer", "at": 1, "number": C}, {"service": "hold", "by": "a", "at": 2}, talk=3
    )
    switch.run()

    assert refusals(call) == ["hold: A has left the call"]


def test_pick_up(switch: Any, make_object: Any) -> None:
    switch.control(make_object(1, A), make_object(3, C))

    call = switch.call(A, B, {"service": "pickup", "at": 1, "number": C}, ring=9, talk=2)
    switch.run()

    assert switch.told(call, 1) == [
        "41 28331>28332",
        "44/32 28333>28332",
        "42 28331>28333",
        "43/05 28331>28333",
    ]
    assert call.answer_time - call.started == 1
    assert [(m.object_number, m.role) for m in switch.last(call).matches] == [(1, "a"), (3, "service")]


def test_pick_up_is_for_the_group(switch: Any) -> None:
    call = switch.call(A, B, {"service": "pickup", "at": 1, "number": "28342"}, ring=2)
    switch.run()

    assert refusals(call) == ["pickup: 28342 and 28332 are in different pick-up groups"]


def test_call_waiting_by_the_record(switch: Any, make_object: Any) -> None:
    """28342 has call waiting: a second call rings though it is talking."""
    switch.control(make_object(1, "28342"))
    switch.call(A, "28342", talk=10)
    switch.run(1)

    second = switch.call(C, "28342", ring=1, talk=1)
    switch.run()

    assert switch.told(second, 1) == [
        "41 28333>28342",
        "44/41 28333>28342",
        "42 28333>28342",
        "43/05 28333>28342",
    ]


def test_call_waiting_by_the_script(switch: Any, make_object: Any) -> None:
    switch.control(make_object(1, B))

    call = switch.call(A, B, {"service": "waiting", "at": 1, "number": C}, talk=5)
    switch.run()

    second = next(one for one in switch.engine.calls.values() if one is not call)
    assert switch.told(second, 1)[:2] == ["41 28333>28332", "44/41 28333>28332"]


def test_ordering_a_forwarding_changes_what_happens_next(switch: Any, make_object: Any) -> None:
    switch.control(make_object(1, A))
    order = {"service": "cfu", "phase": "order", "number": C}
    call = switch.call(A, "*21*28333#", order)
    switch.run()

    assert switch.told(call, 1) == [
        "41 28331>*21*28333#",
        "44/21.1 28331>*21*28333#",
        "42 28331>*21*28333#",
        "43/05 28331>*21*28333#",
    ]
    forwarded = switch.call(B, A)
    switch.run()
    assert forwarded.called.number.digits == C
    assert 0x21 in switch.engine.domains["test.domain"].subscribers[A].service_codes()


def test_checking_and_cancelling(switch: Any, make_object: Any) -> None:
    switch.control(make_object(1, "28334"))

    call = switch.call(
        "28334",
        A,
        {"service": "cfu", "phase": "check", "digits": "*#21#", "at": 0.1},
        {"service": "cfu", "phase": "cancel", "digits": "#21#", "at": 0.2},
        talk=1,
    )
    switch.run()

    assert switch.told(call, 1)[2:4] == ["44/21.2 28334>*#21#", "44/21.3 28334>#21#"]
    assert switch.engine.domains["test.domain"].subscribers["28334"].service_codes() == []


def test_services_of_a_record_ascend(switch: Any) -> None:
    subscribers = switch.engine.domains["test.domain"].subscribers

    assert subscribers[A].service_codes() == [0x31, 0x32, 0x42, 0x52]
    assert subscribers["28334"].service_codes() == [0x21]
    assert subscribers["28343"].service_codes() == []
