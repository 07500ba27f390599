"""What order 268 rules of the fields of KPD2 messages, of the ring of lines, and of commands 7 and 8 (6, 10, 11)."""

from dataclasses import replace
from typing import Any

import pytest

from protocol import Category, Channel, Ksl, NumberSign, ObjectType, Priority
from protocol.commands import AddObject, ChangeObject, ConnectKsl, ReleaseKsl, RemoveObject, Stop
from protocol.events import CallEvent
from radius.report import Party

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


# --- the ring


@pytest.mark.parametrize(
    ("option", "lines"), [("ring", [1, 2, 3, 1, 2, 3, 1]), ("lowest", [1, 1, 1, 1, 1, 1, 1])]
)
def test_lines_of_a_group_are_given_round_the_ring(
    means: Any, make: Any, option: str, lines: list[int]
) -> None:
    """6.4.3: from the lowest number to the highest, then again from the lowest."""
    m = combined(means, make, lines=3, ksl_choice=option)
    given = []
    for n in range(7):
        given += [e.ksl_a.ksl for e in call(m, make, 1, name=f"call-{n}")]  # type: ignore[union-attr]
        call(m, make, 1, 2, name=f"call-{n}", release=1009.0, cause=5)
    assert given == lines


def test_the_ring_passes_over_lines_that_are_busy_or_faulty(means: Any, make: Any) -> None:
    """6.4.3."""
    m = combined(means, make, lines=4)
    m.do(m.core.ksl_changed([Ksl(0, 2)], in_service=False, alarm_code=1, now=m.now))
    first = call(m, make, 1)[0]
    given = []
    for n in range(4):
        given += [e.ksl_a.ksl for e in call(m, make, 3, name=f"n-{n}")]  # type: ignore[union-attr]
        call(m, make, 3, 2, name=f"n-{n}", release=1009.0, cause=5)
    assert (first.ksl_a, given) == (Ksl(0, 1), [3, 4, 3, 4])


def test_each_group_has_its_own_ring(means: Any, make: Any) -> None:
    """6.4.3, with pairs of a separate group."""
    m = means().begin(
        make.combined(1, 1),
        make.combined(1, 2),
        make.separate(2, 3, 4),
        make.separate(2, 5, 6),
        make.put(1, "28331", "combined", 1),
        make.put(2, "28332", "separate", 2),
    )
    given = []
    for n in range(4):
        number = 1 + n % 2
        (event,) = call(m, make, number, name=f"call-{n}")
        given.append((event.ksl_a, event.ksl_b))
        call(m, make, number, 2, name=f"call-{n}", release=1009.0, cause=5)
    assert given == [
        (Ksl(0, 1), Ksl(0, 1)),
        (Ksl(0, 3), Ksl(0, 4)),
        (Ksl(0, 2), Ksl(0, 2)),
        (Ksl(0, 5), Ksl(0, 6)),
    ]


# --- full control without a line


@pytest.mark.parametrize(("option", "priority"), [("ff", None), ("02h", NORMAL)])
def test_no_line_is_free(means: Any, make: Any, option: str, priority: Priority | None) -> None:
    """11.1.8: the sign of statistical control, priority FFh or 02h, operation 01h; 11.2.4: 42h repeats it."""
    m = combined(means, make, priority_without_line=option)
    call(m, make, 8)
    for number in (1, 9):
        (received,) = call(m, make, number)
        (answered,) = call(m, make, number, 2, answer=1003.0)
        for event in (received, answered):
            assert control(event) == (0x02, priority, 0x01, *NONE)
        (released,) = call(m, make, number, 3, answer=1003.0, release=1009.0, cause=5)
        assert control(released) == (0x02, priority, 0x05, *NONE)


def test_a_priority_object_takes_any_ordinary_ones_line(means: Any, make: Any) -> None:
    """6.5.5.8; 52h shows the fields as they were (11.6.4)."""
    m = combined(means, make)
    call(m, make, 1)
    released, received = call(m, make, 8)
    assert (released.object_number, control(released)) == (1, (0x01, NORMAL, 0x02, *LINE))
    assert (received.object_number, control(received)) == (8, (0x01, HIGH, 0x00, *LINE))


@pytest.mark.parametrize(("option", "operation"), [("statistical", None), ("none-free", 0x01)])
def test_after_a_line_was_lost_to_a_priority_object(
    means: Any, make: Any, option: str, operation: int | None
) -> None:
    """By analogy with 11.2.4.1, after command 8 (option line_lost_shown)."""
    m = combined(means, make, line_lost_shown=option)
    call(m, make, 1)
    call(m, make, 8)
    (answered,) = call(m, make, 1, 2, answer=1003.0)
    assert control(answered) == (0x02, None, operation, *NONE)


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


def test_command_8_with_lines_of_two_calls(means: Any, make: Any) -> None:
    """6.8.8: accepted, not executed."""
    m = combined(means, make, lines=2, extended_errors=False)
    call(m, make, 1)
    call(m, make, 3)
    assert m.says(ReleaseKsl(None, None, None, Ksl(0, 1), Ksl(0, 2))) == "27/00 28/01"
    assert m.core.pool.in_use == 2


@pytest.mark.parametrize(("a", "b"), [(Ksl(0, 3), None), (Ksl(0, 4), None), (None, Ksl(0, 4))])
def test_command_8_with_half_a_pair(means: Any, make: Any, a: Ksl | None, b: Ksl | None) -> None:
    """6.8.9: rejected."""
    m = means(extended_errors=False).begin(make.separate(2, 3, 4), make.put(1, "28331", "separate", 2))
    call(m, make, 1)
    assert m.says(ReleaseKsl(None, None, None, a, b)) == "27/01"
    assert m.core.pool.in_use == 1


def test_command_8_with_a_line_of_no_group(means: Any, make: Any) -> None:
    """6.8.10: accepted, not executed."""
    m = combined(means, make, extended_errors=False)
    for a, b in ((Ksl(0, 9), None), (None, Ksl(0, 9)), (Ksl(0, 9), Ksl(0, 9))):
        assert m.says(ReleaseKsl(None, None, None, a, b)) == "27/00 28/01"


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


@pytest.mark.parametrize("group", [2, 77, None, 0])
def test_command_7_under_full_control_ignores_its_group(means: Any, make: Any, group: int | None) -> None:
    """6.7.5.1: the group of command 5 counts."""
    m = means().begin(make.combined(1, 1), make.combined(2, 2), make.put(1, "28331", "combined", 1))
    call(m, make, 1)
    assert m.says(ReleaseKsl(1, OWN, 1, None, None)) == "27/00 52 28/00"
    connected = the_event(m.send(ConnectKsl(1, OWN, 1, group)), 0x51)
    assert control(connected) == (0x01, HIGH, 0x00, *LINE)


def test_command_7_under_full_control_only_without_a_line(means: Any, make: Any) -> None:
    """6.7.5."""
    m = combined(means, make, lines=2, extended_errors=False)
    call(m, make, 1)
    assert m.says(ConnectKsl(1, OWN, 1, 1)) == "27/00 28/01"


def test_command_7_takes_an_ordinary_line_and_keeps_it_from_priority_objects(means: Any, make: Any) -> None:
    """11.6.5, code 03h; the call is a priority one now (11.5.4), so nobody takes its line."""
    m = combined(means, make)
    call(m, make, 1)
    call(m, make, 5)
    sent = m.send(ConnectKsl(2, OWN, 5, 1))
    assert make.answers(sent) == "27/00 52 51 28/00"
    lost = the_event(sent, 0x52)
    assert (lost.object_number, control(lost)) == (1, (0x01, NORMAL, 0x03, *LINE))
    (received,) = call(m, make, 8)
    assert control(received) == (0x02, None, 0x01, *NONE)
    released = the_event(m.send(ReleaseKsl(2, OWN, 5, None, None)), 0x52)
    assert control(released) == (0x01, HIGH, 0x01, *LINE)
    (answered,) = call(m, make, 5, 2, answer=1003.0)
    assert control(answered) == (0x02, None, None, *NONE)


@pytest.mark.parametrize(
    ("number", "call_number"), [(5, 2), (9, 3)], ids=["statistical", "under full control"]
)
def test_command_7_finds_no_line(means: Any, make: Any, number: int, call_number: int) -> None:
    """11.5.5, 11.5.6: 51h with operation 01h is the result; 42h is as 41h was."""
    m = combined(means, make, extended_errors=False)
    call(m, make, 8)
    call(m, make, 5)
    (received,) = call(m, make, 9)
    before = {5: None, 9: received.operation}
    sent = m.send(ConnectKsl(call_number, OWN, number, 1))
    assert make.answers(sent) == "27/00 51 28/01"
    assert control(the_event(sent, 0x51)) == (0x02, None, 0x01, *NONE)
    (answered,) = call(m, make, number, 2, answer=1003.0)
    assert control(answered) == (0x02, None, before[number], *NONE)


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


# --- the trunk


@pytest.mark.parametrize(
    ("station", "incoming", "outgoing", "a", "told"),
    [
        ("terminal", 7, None, "", 7),
        ("terminal", 7, None, "73832000000", None),
        ("terminal", None, 8, "28331", None),
        ("transit", 7, 8, "73832000000", 7),
        ("transit", 7, 8, "", 7),
        ("terminal-transit", 7, None, "73832000000", 7),
        ("terminal-transit", None, 8, "28331", 8),
        ("terminal-transit", None, None, "28331", None),
    ],
)
def test_the_number_of_the_trunk(
    means: Any, make: Any, station: str, incoming: int | None, outgoing: int | None, a: str, told: int | None
) -> None:
    """10.3.1.5: a terminal node where A is not known; the others for every kind of call."""
    m = means(station_type=station).begin(make.put(2, "28332"))
    report = replace(
        make.report(matches=((2, "b"),)),
        calling=Party(digits=a, ni="intercity" if a else "", trunk=incoming),
        called=Party(digits="28332", ni="private", trunk=outgoing),
    )
    (event,) = m.do(m.core.report(report, m.now))
    assert event.trunk == told


def test_a_trunk_object_has_its_own_number(means: Any, make: Any) -> None:
    """10.3.2.1; by option trunk_in_events only such a one has any."""
    trunk = AddObject(3, TRUNK, None, None, 8, STATISTICAL, None, None)
    for option, other in (("all", 7), ("objects", None)):
        m = means(trunk_in_events=option).begin(trunk, make.put(2, "28332"))
        report = replace(
            make.report(matches=((3, "trunk"), (2, "b"))),
            calling=Party(digits="73832000000", ni="intercity", trunk=7),
            called=Party(digits="28332", ni="private", trunk=8),
        )
        by_trunk, by_number = m.do(m.core.report(report, m.now))
        assert (by_trunk.trunk, by_number.trunk) == (8, other)


# --- numbers


def routed(make: Any, kind: ObjectType = FULL, number: str = "3832728331") -> AddObject:
    """The number as the switch routes it."""
    return make.put(1, number, object_type=kind, number_sign=NumberSign.RUSSIA)


@pytest.mark.parametrize(("role", "side"), [("a", "calling"), ("b", "called")])
def test_the_object_is_shown_as_command_5_gave_it(means: Any, make: Any, role: str, side: str) -> None:
    """10.3.2.1: also when it was touched by another number than that which the call shows."""
    m = means().begin(routed(make))
    (event,) = m.do(m.core.report(make.report(matches=((1, role),)), m.now))
    assert getattr(event, side) == (NumberSign.RUSSIA, "3832728331")
    other = "called" if side == "calling" else "calling"
    assert getattr(event, other).number == ("28332" if other == "called" else "28331")


def test_an_incomplete_number_is_shown_in_full(means: Any, make: Any) -> None:
    """10.3.2.1: for type 12h the full number."""
    m = means().begin(routed(make, PARTIAL, "7383"))
    report = make.report(b="73832728331", ni="intercity", matches=((1, "b", "73832728331"),))
    (event,) = m.do(m.core.report(report, m.now))
    assert event.called == (NumberSign.RUSSIA, "73832728331")


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


def test_call_numbers_are_one_sequence(means: Any, make: Any) -> None:
    """6.7.8.1: 0000h..FFFEh for all calls, then 0000h again."""
    m = means().begin(make.put(1, "28331"), make.put(2, "28332"))
    numbers = []
    for n in range(3):
        numbers += [e.call_number for e in call(m, make, 1 + n % 2, name=f"call-{n}")]
    assert numbers == [1, 2, 3]


def test_events_go_over_kpd2_alone(means: Any, make: Any) -> None:
    """10.1."""
    m = means().begin(make.put(1, "28331"))
    m.effects.clear()
    call(m, make, 1)
    assert {e.channel for e in m.effects if hasattr(e, "channel")} == {Channel.KPD2}
