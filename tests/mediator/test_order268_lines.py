"""What order 268 rules of KSL: commands 4, 7, 8, 9 and 11, and what events show of lines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from protocol import Category, GroupType, Ksl
from protocol.messages import (
    ChangeObject,
    ConnectKsl,
    GetKsl,
    KslInfo,
    ReleaseKsl,
    RemoveKsl,
)
from protocol.values import KslRow
from tests.mediator.order268 import EVERY_ROW, NORMAL, OWN, call, controlled, line, removal

# --- command 11


def grouped(means: Any, make: Any) -> Any:
    """Combined groups 1 (0.1, 0.2) and 2 (0.5), separate group 3 (0.8 + 0.9)."""
    return means().begin(
        make.combined(1, 1), make.combined(1, 2), make.combined(2, 5), make.separate(3, 8, 9)
    )


def rows(messages: list[Any]) -> list[tuple[int | None, int | None]]:
    """Group and number of KSL-A, of all rows."""
    return [
        (row.ksl_group, row.ksl_a.ksl if row.ksl_a else None)
        for message in messages
        if isinstance(message, KslInfo)
        for row in message.rows
    ]


K = {number: Ksl(0, number) for number in (1, 2, 5, 8, 9, 20)}


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (EVERY_ROW, [(1, 1), (1, 2), (2, 5), (3, 8)]),
        (GetKsl(1, GroupType.SEPARATE, K[5], K[9]), [(1, 1), (1, 2)]),
        (GetKsl(None, GroupType.SEPARATE, K[5], K[1]), [(3, 8)]),
        (GetKsl(None, GroupType.COMBINED, None, None), [(1, 1), (1, 2), (2, 5)]),
        (GetKsl(None, None, K[2], None), [(1, 2)]),
        (GetKsl(None, None, None, K[5]), [(2, 5)]),
        (GetKsl(None, None, None, K[9]), [(3, 8)]),
        (GetKsl(None, None, K[1], K[2]), [(1, 1)]),
        (GetKsl(None, None, K[8], K[9]), [(3, 8)]),
    ],
)
def test_the_group_goes_before_the_type_and_the_type_before_the_ksl(
    means: Any, make: Any, command: GetKsl, found: list[tuple[int, int]]
) -> None:
    """Order 268, 6.11.8.1 to 6.11.8.3: what is given first in this order makes the rest ignored."""
    told = grouped(means, make).send(command)
    assert rows(told) == found
    assert told[-1].status == 0


def test_the_partner_of_a_separate_ksl_is_shown(means: Any, make: Any) -> None:
    """Order 268, 6.11.8.3."""
    told = grouped(means, make).send(GetKsl(None, None, None, K[9]))
    assert told[1].rows == (KslRow(3, GroupType.SEPARATE, K[8], K[9]),)


@pytest.mark.parametrize(
    ("command", "asked", "status"),
    [
        (GetKsl(None, None, K[1], K[5]), KslRow(None, None, K[1], K[5]), 0x32),
        (GetKsl(None, None, K[8], K[1]), KslRow(None, None, K[8], K[1]), 0x32),
        (GetKsl(None, None, K[20], None), KslRow(None, None, K[20], None), 0x32),
        (GetKsl(77, None, K[1], None), KslRow(77, None, K[1], None), 0x3E),
    ],
)
def test_rows_that_are_not_there_come_back_as_they_were_asked_for(
    means: Any, make: Any, command: GetKsl, asked: KslRow, status: int
) -> None:
    """Order 268, 6.11.6, 6.11.7: 24h with the parameters of the request, then 28h: not executed."""
    received, info, executed = grouped(means, make).send(command)
    assert (received.status, info.rows, executed.status) == (0, (asked,), status)


# --- lines round the ring


def test_lines_are_given_round_the_ring(means: Any, make: Any) -> None:
    """Order 268, 6.4.3: from the lowest number to the highest, then again from the lowest."""
    m = controlled(means, make, 1, 2, 3)
    given = []
    for turn in range(5):
        (told,) = m.report(make.report(call=f"turn-{turn}"))
        m.report(make.report(2, call=f"turn-{turn}", release=1001.0, cause=5))
        given.append(told[-4:])
    assert given == ["k0.1", "k0.2", "k0.3", "k0.1", "k0.2"]


def test_busy_and_faulty_lines_are_passed_over(means: Any, make: Any) -> None:
    """Order 268, 6.4.3: the next one that can be given."""
    m = controlled(means, make, 1, 2, 3, 4)
    m.do(m.core.ksl_changed([Ksl(0, 2)], in_service=False, alarm_code=1, now=m.now))
    assert call(m, make, 1)[0][-4:] == "k0.1"
    assert call(m, make, 2)[0][-4:] == "k0.3"
    call(m, make, 2, 2, release=1001.0, cause=5)
    assert call(m, make, 3)[0][-4:] == "k0.4"
    assert call(m, make, 8)[0][-4:] == "k0.3"


def test_each_group_has_a_ring_of_its_own(means: Any, make: Any) -> None:
    """Order 268, 6.4.3: lines in a group are given round the ring; a new line takes its place by its number."""
    m = controlled(means, make, 1, 4)
    m.says(make.separate(2, 8, 9))
    m.says(make.put(4, "28334", "separate", 2))
    assert call(m, make, 1)[0][-4:] == "k0.1"
    assert call(m, make, 4)[0][-9:] == " k0.8+0.9"
    m.says(make.combined(1, 2))
    assert call(m, make, 2)[0][-4:] == "k0.2"
    assert call(m, make, 3)[0][-4:] == "k0.4"


def test_or_the_lowest_free_line_by_option(means: Any, make: Any) -> None:
    """Order 268, 6.4.3, against option ksl_choice."""
    m = controlled(means, make, 1, 2, ksl_choice="lowest")
    for turn in range(3):
        assert m.report(make.report(call=f"t-{turn}"))[0][-4:] == "k0.1"
        m.report(make.report(2, call=f"t-{turn}", release=1001.0, cause=5))


# --- command 9


@pytest.mark.parametrize(("extended", "refused"), [(True, "27/00 28/73"), (False, "27/00 28/01")])
def test_the_last_line_stays_while_objects_count_on_the_group(
    means: Any, make: Any, extended: bool, refused: str
) -> None:
    """Order 268, 6.9.7."""
    m = controlled(means, make, 1, 2, objects=1, extended_errors=extended)
    assert m.says(RemoveKsl(1, Ksl(0, 2), None)) == "27/00 28/00"
    assert m.says(RemoveKsl(1, Ksl(0, 1), None)) == refused
    assert m.says(removal(1, "28331")) == "27/00 28/00"
    assert m.says(RemoveKsl(1, Ksl(0, 1), None)) == refused
    assert m.says(ChangeObject(8, Category.STATISTICAL, None, NORMAL)) == "27/00 28/00"
    assert m.says(RemoveKsl(1, Ksl(0, 1), None)) == "27/00 28/00"


# --- command 8


def apart(means: Any, make: Any, **keys: Any) -> Any:
    """Object 1 has the pair 0.3 + 0.4 in call 1, object 2 the pair 0.5 + 0.6 in call 2; 0.7 is a combined line."""
    m = means(**keys).begin(make.separate(2, 3, 4), make.separate(2, 5, 6), make.combined(1, 7))
    for number in (1, 2):
        m.says(make.put(number, f"2833{number}", "separate", 2))
        call(m, make, number)
    m.effects.clear()
    return m


@pytest.mark.parametrize(
    ("a", "b", "vendor"),
    [(3, None, 0x40), (4, None, 0x40), (None, 4, 0x3F), (None, 3, 0x3F)],
)
@pytest.mark.parametrize("extended", [True, False])
def test_one_ksl_of_a_pair_without_the_other_is_rejected(
    means: Any, make: Any, extended: bool, a: int | None, b: int | None, vendor: int
) -> None:
    """Order 268, 6.8.9: rejected because of wrong parameters, which is 27h."""
    m = apart(means, make, extended_errors=extended)
    command = ReleaseKsl(None, None, None, a and Ksl(0, a), b and Ksl(0, b))
    assert m.says(command) == f"27/{vendor if extended else 1:02X}"
    assert m.core.pool.in_use == 2


@pytest.mark.parametrize(
    ("a", "b", "status"), [(20, None, 0x3F), (20, 21, 0x3F), (None, 20, 0x3F), (3, 6, 0x40)]
)
def test_a_ksl_of_no_group_or_of_another_call_is_accepted_and_not_executed(
    means: Any, make: Any, a: int | None, b: int | None, status: int
) -> None:
    """Order 268, 6.8.10, 6.8.8."""
    m = apart(means, make)
    command = ReleaseKsl(None, None, None, a and Ksl(0, a), b and Ksl(0, b))
    assert m.says(command) == f"27/00 28/{status:02X}"
    assert m.core.pool.in_use == 2


def test_a_pair_is_released_by_both_of_its_ksl(means: Any, make: Any) -> None:
    """Order 268, 6.8.5."""
    m = apart(means, make)
    assert m.says(ReleaseKsl(None, None, None, Ksl(0, 3), Ksl(0, 4))) == "27/00 52 28/00"
    assert m.core.pool.in_use == 1


# --- commands 7 and 8, and what events say then


def test_command_7_ignores_its_group_under_full_control(means: Any, make: Any) -> None:
    """Order 268, 6.7.5.1: the group of command 5 counts; also one that does not exist is ignored."""
    m = controlled(means, make, 1)
    m.says(make.combined(2, 5))
    call(m, make, 1)
    for group in (2, 77, 0, None):
        assert m.says(ReleaseKsl(1, OWN, 1, None, None)) == "27/00 52 28/00"
        told = m.send(ConnectKsl(1, OWN, 1, group))
        assert make.events(told) == ["1 51/00 28331>28339 k0.1"]


def test_command_7_uses_its_group_under_statistical_control(means: Any, make: Any) -> None:
    """Order 268, 6.7.4."""
    m = controlled(means, make, 1)
    m.says(make.combined(2, 5))
    m.report(make.report(a="28339", matches=((9, "a"),)))
    assert m.says(ConnectKsl(1, OWN, 9, None)) == "27/3E"
    assert m.says(ConnectKsl(1, OWN, 9, 77)) == "27/00 28/3E"
    told = m.send(ConnectKsl(1, OWN, 9, 2))
    assert make.events(told) == ["9 51/00 28339>28332 k0.5"]


@pytest.mark.parametrize(("option", "priority"), [("ff", None), ("02h", 2)])
def test_full_control_without_a_line_is_shown_as_statistical(
    means: Any, make: Any, option: str, priority: int | None
) -> None:
    """Order 268, 11.1.8, 11.1.9: statistical selection, priority FFh or 02h, no KSL, operation 01h."""
    m = controlled(means, make, 1, priority_without_line=option)
    call(m, make, 1)
    report = make.report(a="28332", call="call-2", matches=((2, "a"),))
    (told,) = m.do(m.core.report(report, m.now))
    assert line(told) == (0x41, 0x02, priority, None, 0x01)
    (told,) = m.do(m.core.report(replace(report, sequence=2, answer_time=1003.0), m.now))
    assert line(told) == (0x42, 0x02, priority, None, 0x01)


@pytest.mark.parametrize(("group", "kind", "sign"), [(1, "combined", 0x01), (2, "separate", 0x03)])
def test_after_command_7_the_call_is_a_priority_one_under_full_control(
    means: Any, make: Any, group: int, kind: str, sign: int
) -> None:
    """Order 268, 11.2.4.1, 11.5.4: selection by the line, KSL, priority 01h, operation 00h."""
    m = controlled(means, make, 1)
    m.says(make.separate(2, 5, 6))
    m.report(make.report(a="28339", matches=((9, "a"),)))
    (told,) = (event for event in m.send(ConnectKsl(1, OWN, 9, group)) if event.code == 0x51)
    ksl = Ksl(0, 1) if kind == "combined" else Ksl(0, 5)
    assert line(told) == (0x51, sign, 1, ksl, 0x00)
    report = make.report(2, a="28339", matches=((9, "a"),), answer=1003.0)
    (told,) = m.do(m.core.report(report, m.now))
    assert line(told) == (0x42, sign, 1, ksl, 0x00)
    (told,) = m.do(m.core.report(replace(report, sequence=3, release_time=1009.0, release_cause=5), m.now))
    assert line(told) == (0x43, sign, 1, ksl, 0x05)
    (told,) = m.do(m.core.report(make.report(a="28339", matches=((9, "a"),), call="next"), m.now))
    assert line(told) == (0x41, 0x02, 2, None, None)


@pytest.mark.parametrize(("option", "priority"), [("ff", None), ("02h", 2)])
def test_after_command_8_the_call_is_under_statistical_control(
    means: Any, make: Any, option: str, priority: int | None
) -> None:
    """Order 268, 11.2.4.1, 11.3.4, 11.4.6: selection statistical, no KSL, priority FFh or 02h, operation FFh."""
    m = controlled(means, make, 1, priority_without_line=option)
    call(m, make, 8)
    m.send(ReleaseKsl(1, OWN, 8, None, None))
    keys: dict[str, Any] = {
        "a": "28338",
        "b": "28339",
        "call": "call-8",
        "matches": ((8, "a"),),
        "answer": 1003.0,
    }
    (told,) = m.do(m.core.report(make.report(2, **keys), m.now))
    assert line(told) == (0x42, 0x02, priority, None, None)
    keys["services"] = ((0x40, "28338", "28339", 1004.0),)
    (told,) = m.do(m.core.report(make.report(3, **keys), m.now))
    assert line(told) == (0x44, 0x02, priority, None, None)
    (told,) = m.do(m.core.report(make.report(4, **keys, release=1009.0, cause=5), m.now))
    assert line(told) == (0x43, 0x02, priority, None, 0x05)


def test_a_line_by_command_7_is_not_taken_by_a_priority_object(means: Any, make: Any) -> None:
    """Order 268, 11.2.4.1: the call has the mark of a priority object."""
    m = controlled(means, make, 1)
    call(m, make, 1)
    m.send(ReleaseKsl(1, OWN, 1, None, None))
    m.send(ConnectKsl(1, OWN, 1, None))
    assert call(m, make, 8) == ["8 41/01 28338>28339"]


def test_command_7_that_finds_no_line_of_full_control(means: Any, make: Any) -> None:
    """Order 268, 11.5.3, 11.5.5: 51h as the result, the fields of 41h, operation 01h."""
    m = controlled(means, make, 1)
    call(m, make, 8)
    call(m, make, 1)
    received, told, executed = m.send(ConnectKsl(2, OWN, 1, None))
    assert line(told) == (0x51, 0x02, None, None, 0x01)
    assert (received.status, executed.status) == (0x00, 0x73)


def test_command_7_that_finds_no_line_of_statistical_control(means: Any, make: Any) -> None:
    """Order 268, 11.5.6: the fields of 41h but for octet 32, which becomes 01h."""
    m = controlled(means, make, 1)
    call(m, make, 8)
    report = make.report(a="28339", call="call-9", matches=((9, "a"),))
    (first,) = m.do(m.core.report(report, m.now))
    received, told, executed = m.send(ConnectKsl(2, OWN, 9, 1))
    assert line(first) == (0x41, 0x02, 2, None, None)
    assert line(told) == (0x51, 0x02, 2, None, 0x01)
    assert (told.calling, told.called, told.call_number) == (first.calling, first.called, first.call_number)
    assert (received.status, executed.status) == (0x00, 0x73)


def test_command_7_for_an_empty_group(means: Any, make: Any) -> None:
    """Order 268, 11.5.6: there is no line that could be given."""
    m = controlled(means, make, 1)
    m.says(make.combined(2, 5))
    m.says(RemoveKsl(2, Ksl(0, 5), None))
    m.report(make.report(a="28339", matches=((9, "a"),)))
    assert m.says(ConnectKsl(1, OWN, 9, 2)) == "27/00 51 28/5F"


def test_52h_repeats_the_fields_of_41h_but_for_its_reason(means: Any, make: Any) -> None:
    """Order 268, 11.6.4: full selection, KSL and priority of the time when the line was connected."""
    m = controlled(means, make, 1)
    (first,) = m.do(m.core.report(make.report(), m.now))
    m.now += 5
    _, released, _ = m.send(ReleaseKsl(1, OWN, 1, None, None))
    changed = {"operation": released.operation, "time": released.time}
    shown = {
        name: getattr(first, name)
        for name in (
            "orm_number",
            "call_number",
            "object_type",
            "object_number",
            "selection",
            "connection",
            "calling",
            "called",
            "trunk",
            "ksl_a",
            "ksl_b",
            "priority",
        )
    }
    assert {name: getattr(released, name) for name in shown} == shown
    assert changed["operation"] == 0x01
    assert line(released) == (0x52, 0x01, 2, Ksl(0, 1), 0x01)


@pytest.mark.parametrize(("option", "operation"), [("statistical", None), ("none-free", 0x01)])
def test_a_line_that_was_lost_to_a_priority_object(
    means: Any, make: Any, option: str, operation: int | None
) -> None:
    """Order 268, 6.5.5.8, 11.6.5; 11.2.4.1 is silent about it: option line_lost_shown."""
    m = controlled(means, make, 1, line_lost_shown=option)
    call(m, make, 1)
    assert call(m, make, 8) == ["1 52/02 28331>28339 k0.1", "8 41/00 28338>28339 k0.1"]
    report = make.report(2, b="28339", call="call-1", answer=1003.0)
    (told,) = m.do(m.core.report(report, m.now))
    assert line(told) == (0x42, 0x02, None, None, operation)
