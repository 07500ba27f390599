"""Fields of KPD2 messages from the first to the last one of a call (order 268, 6.5-6.8, 6.15, 10.3, 11)."""

from typing import Any

import pytest

from protocol import Category, Ksl, NumberSign, ObjectType, Priority
from protocol.messages import AddObject, CallEvent, ChangeObject, ConnectKsl, ReleaseKsl, RemoveObject, Stop

OWN, FULL, PARTIAL, TRUNK = ObjectType
HIGH, NORMAL = Priority
STATISTICAL = Category.STATISTICAL
USED = ((0x42, "28331", "28332", 1005.0),)


def call(m: Any, make: Any, number: int, sequence: int = 1, name: str = "", **keys: Any) -> list[CallEvent]:
    """Object ``number`` calls 28332 (its phone is 2833 and the number); the KPD2 messages of it."""
    keys = {"matches": ((number, "a"),)} | keys
    report = make.report(sequence, a=f"2833{number}", call=name or f"call-{number}", **keys)
    return [e for e in m.do(m.core.report(report, m.now)) if isinstance(e, CallEvent)]


def control(event: CallEvent) -> tuple[Any, ...]:
    """How the event shows the control of its call: selection, priority, operation, KSL-A, KSL-B."""
    return (event.selection, event.priority, event.operation, event.ksl_a, event.ksl_b)


def the_event(messages: list[Any], code: int) -> CallEvent:
    (found,) = [m for m in messages if m.code == code]
    return found


def combined(means: Any, make: Any, lines: int = 1, **keys: Any) -> Any:
    """Group 1; ordinary objects 1 and 3, priority objects 8 and 9, a statistical one 5."""
    m = means(**keys).begin(*(make.combined(1, ksl) for ksl in range(1, lines + 1)))
    for number in (1, 3):
        m.says(make.put(number, f"2833{number}", "combined", 1))
    for number in (8, 9):
        m.says(make.put(number, f"2833{number}", "combined", 1, priority=HIGH))
    m.says(make.put(5, "28335", priority=None))
    m.effects.clear()
    return m


LINE = (Ksl(0, 1), Ksl(0, 1))
NONE = (None, None)


# --- command 8


@pytest.mark.parametrize("number", [1, 8], ids=["ordinary", "priority"])
def test_after_command_8_the_call_is_shown_under_statistical_control(
    means: Any, make: Any, number: int
) -> None:
    """11.2.4.1, 11.3.4.1, 11.4.6: selection, KSL, priority, operation FFh."""
    m = combined(means, make)
    call(m, make, number)
    released = the_event(m.send(ReleaseKsl(1, OWN, number, None, None)), 0x52)
    assert control(released) == (0x01, HIGH if number == 8 else NORMAL, 0x01, *LINE)
    phone = f"2833{number}"
    used = ((0x42, phone, "28332", 1005.0),)
    (answered,) = call(m, make, number, 2, answer=1003.0)
    (service,) = call(m, make, number, 3, answer=1003.0, services=used)
    (ended,) = call(m, make, number, 4, answer=1003.0, services=used, release=1009.0, cause=5)
    assert control(answered) == (0x02, None, None, *NONE)
    assert control(service) == (0x02, None, None, *NONE)
    assert control(ended) == (0x02, None, 0x05, *NONE)
    (following,) = call(m, make, number, name="next")
    assert control(following)[:3] == (0x01, HIGH if number == 8 else NORMAL, 0x00), "6.8.6"


# --- command 7


def test_command_7_for_a_statistical_object(means: Any, make: Any) -> None:
    """6.7.4, 11.5.4, 11.2.4.1: a line of the group that the command names, priority 01h, operation 00h."""
    m = means().begin(make.combined(1, 1), make.separate(2, 3, 4), make.put(5, "28335", priority=None))
    (received,) = call(m, make, 5)
    assert control(received) == (0x02, None, None, *NONE)
    connected = the_event(m.send(ConnectKsl(1, OWN, 5, 2)), 0x51)
    pair = (Ksl(0, 3), Ksl(0, 4))
    assert control(connected) == (0x03, HIGH, 0x00, *pair)
    (answered,) = call(m, make, 5, 2, answer=1003.0)
    (ended,) = call(m, make, 5, 3, answer=1003.0, release=1009.0, cause=5)
    assert control(answered) == (0x03, HIGH, 0x00, *pair)
    assert control(ended) == (0x03, HIGH, 0x05, *pair)
    assert m.core.pool.in_use == 0, "6.7.6: free at the end of the call"
    (following,) = call(m, make, 5, name="next")
    assert control(following) == (0x02, None, None, *NONE), "6.7.7: later calls are not changed"


@pytest.mark.parametrize(
    ("role", "statistical", "full"),
    [("a", 0x02, 0x01), ("b", 0x08, 0x04), ("trunk", 0x20, 0x10), ("service", 0x80, 0x40)],
)
def test_the_sign_of_selection_changes_in_its_own_bits(
    means: Any, make: Any, role: str, statistical: int, full: int
) -> None:
    """10.2.1.6, 11.2.4.1."""
    m = means().begin(make.combined(1, 1), make.put(5, "28335", priority=None))
    (received,) = call(m, make, 5, matches=((5, role),))
    connected = the_event(m.send(ConnectKsl(1, OWN, 5, 1)), 0x51)
    assert (received.selection, connected.selection) == (statistical, full)


# --- 52h of the other reasons


def test_52h_shows_the_call_as_it_was(means: Any, make: Any) -> None:
    """11.6.4, 11.6.5: 04h a fault, 05h command 6, 06h command 2."""
    m = combined(means, make, lines=3)
    for number in (1, 3, 8):
        call(m, make, number)
    sent = m.do(m.core.ksl_changed([Ksl(0, 1)], in_service=False, alarm_code=1, now=m.now))
    assert control(the_event(sent, 0x52)) == (0x01, NORMAL, 0x04, *LINE)
    sent = m.send(RemoveObject(3, OWN, NumberSign.OWN, "28333", None))
    assert control(the_event(sent, 0x52)) == (0x01, NORMAL, 0x05, Ksl(0, 2), Ksl(0, 2))
    sent = m.send(Stop())
    assert control(the_event(sent, 0x52)) == (0x01, HIGH, 0x06, Ksl(0, 3), Ksl(0, 3))


def test_a_removed_object_is_told_52h_and_nothing_more(means: Any, make: Any) -> None:
    """6.6.4: its further 42h, 44h and 43h are not sent."""
    m = combined(means, make)
    call(m, make, 1)
    m.says(RemoveObject(1, OWN, NumberSign.OWN, "28331", None))
    assert call(m, make, 1, 2, answer=1003.0, services=USED, release=1009.0, cause=5) == []


def test_command_15_takes_effect_from_the_next_call(means: Any, make: Any) -> None:
    """6.15.5."""
    m = combined(means, make)
    call(m, make, 1)
    m.says(ChangeObject(1, STATISTICAL, None, None))
    (answered,) = call(m, make, 1, 2, answer=1003.0)
    assert control(answered) == (0x01, NORMAL, 0x00, *LINE)
    (following,) = call(m, make, 1, name="next")
    assert control(following) == (0x02, None, None, *NONE)


def test_an_object_put_during_a_call_is_controlled_from_the_next_one(means: Any, make: Any) -> None:
    """6.5.4."""
    m = means().begin(make.put(1, "28331"))
    call(m, make, 1, b="28332")
    m.now += 1
    m.says(make.put(2, "28332"))
    both = ((1, "a"), (2, "b"))
    assert [e.object_number for e in call(m, make, 1, 2, answer=1003.0, matches=both)] == [1]
    assert [e.object_number for e in call(m, make, 1, name="next", matches=both)] == [1, 2]


# --- numbers


def routed(make: Any, kind: ObjectType = FULL, number: str = "3832728331") -> AddObject:
    """The number as the switch routes it."""
    return make.put(1, number, object_type=kind, number_sign=NumberSign.RUSSIA)


def test_a_destination_that_is_not_the_object_is_shown_as_it_is(means: Any, make: Any) -> None:
    """10.3.2.1 is about the object alone: after forwarding B is another one."""
    m = means().begin(routed(make))
    m.do(m.core.report(make.report(b="28332", matches=((1, "b", "28332"),)), m.now))
    forwarded = make.report(2, b="28399", answer=1003.0, matches=((1, "b", "28332"),))
    (event,) = m.do(m.core.report(forwarded, m.now))
    assert event.called == (NumberSign.OWN, "28399")


def test_a_may_be_missing_in_41h_and_is_in_42h(means: Any, make: Any) -> None:
    """11.2.4, note."""
    m = means().begin(make.put(2, "28332"))
    (received,) = m.do(m.core.report(make.report(a="", matches=((2, "b"),)), m.now))
    (answered,) = m.do(m.core.report(make.report(2, a="28331", answer=1003.0, matches=((2, "b"),)), m.now))
    assert received.calling == (None, None)
    assert answered.calling == (NumberSign.OWN, "28331")


def test_octets_33_to_36_are_used_in_44h_alone(means: Any, make: Any) -> None:
    """10.3.1.11, 11.1.10."""
    m = means().begin(make.put(1, "28331"))
    events = call(m, make, 1, answer=1003.0, services=USED, release=1009.0, cause=5)
    assert [e.code for e in events] == [0x41, 0x42, 0x44, 0x43]
    for event in events:
        octets = m.codec.encode(event)[-4:]
        assert (octets == b"\xff" * 4) is (event.code != 0x44)
