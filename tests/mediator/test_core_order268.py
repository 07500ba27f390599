"""What order 268 rules of single commands and messages, clause by clause, as octets in and octets out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from protocol import Category, Channel, GroupType, Ksl, NumberSign, ObjectType, Priority
from protocol.messages import (
    AddObject,
    ChangeObject,
    ConnectKsl,
    GetKsl,
    GetObjects,
    GetServices,
    GetTrunks,
    GetVersion,
    KslInfo,
    ObjectInfo,
    ReleaseKsl,
    RemoveKsl,
    RemoveObject,
    ServicesInfo,
    SetPassword,
    Start,
    Stop,
    Test,
    TrunkInfo,
    UnauthorizedAccess,
)
from protocol.values import KslRow, Raw
from radius.report import Match, Party
from sorm_mediator.config.mediator import CapacityConfig
from sorm_mediator.mediator.core import effects
from sorm_mediator.mediator.core.tables import ControlledObject, GroupLineAdded, Line, ObjectPut, Tables
from ssh_control.dialect import Reply

OWN, FULL, PARTIAL = ObjectType.OWN_SUBSCRIBER, ObjectType.NETWORK_FULL, ObjectType.NETWORK_PARTIAL
HIGH, NORMAL = Priority.HIGH, Priority.NORMAL
EVERY_ROW = GetKsl(None, None, None, None)
WRONG = {"password": "999999"}


def network(number: int, digits: str, kind: ObjectType = FULL, **keys: Any) -> AddObject:
    """Command 5 for a number of the network, under statistical control."""
    sign = keys.pop("sign", NumberSign.RUSSIA)
    return AddObject(number, kind, sign, digits, None, Category.STATISTICAL, None, NORMAL)


def trunk(number: int, which: int) -> AddObject:
    """Command 5 for a trunk, under statistical control."""
    return AddObject(number, ObjectType.TRUNK, None, None, which, Category.STATISTICAL, None, NORMAL)


def removal(number: int, phone: str) -> RemoveObject:
    return RemoveObject(number, OWN, NumberSign.OWN, phone, None)


def line(told: Any) -> tuple[int, int | None, int | None, Ksl | None, int | None]:
    """What an event says of its line: code, selection sign, priority, KSL-A, operation."""
    priority = None if told.priority is None else {HIGH: 1, NORMAL: 2}[told.priority]
    return told.code, told.selection, priority, told.ksl_a, told.operation


def call(m: Any, make: Any, number: int, sequence: int = 1, **keys: Any) -> list[str]:
    """Object ``number`` calls 28339 (its phone is 2833 and the number)."""
    return m.report(
        make.report(
            sequence,
            a=f"2833{number}",
            b="28339",
            call=f"call-{number}",
            matches=((number, "a"),),
            **keys,
        )
    )


def controlled(means: Any, make: Any, *lines: int, objects: int = 3, **keys: Any) -> Any:
    """Group 1 with these combined lines; objects 1.. under full control, object 8 with priority, 9 statistical."""
    m = means(**keys).begin(*(make.combined(1, ksl) for ksl in lines))
    for number in range(1, objects + 1):
        assert m.says(make.put(number, f"2833{number}", "combined", 1)) == "27/00 28/00"
    m.says(make.put(8, "28338", "combined", 1, priority=HIGH))
    m.says(make.put(9, "28339"))
    m.effects.clear()
    return m


def numbers(messages: list[Any]) -> list[int]:
    """The ORM number in the header of each."""
    return [message.orm_number for message in messages]


# --- the number in the header


def test_before_the_start_27h_repeats_the_number_of_the_command(means: Any) -> None:
    """Order 268, 8.2.1.2."""
    m = means(orm_number=1)
    m.connect()
    assert numbers(m.send(GetVersion(orm_number=7))[:1]) == [7]
    assert numbers(m.send(Stop(orm_number=9))) == [9]
    assert numbers(m.do(m.core.broken(0, 0x0A, "cut", bytes([0xCC, 0x21, 0x0A]), m.now))) == [0x21]


def test_before_the_start_other_messages_have_the_number_of_the_last_command_1(means: Any) -> None:
    """Order 268, 8.2.1.2: 21h, 22h and 26h. Command 1 needs not have been executed."""
    m = means(orm_number=1, alarm_while_stopped="on")
    assert numbers(m.connect()) == [1]
    told = m.send(Start(orm_number=5, **WRONG))
    assert [(message.code, message.orm_number) for message in told] == [(0x27, 5), (0x26, 5)]
    m = means(orm_number=1, alarm_while_stopped="on", extended_errors=False)
    m.connect()
    told = m.send(Start(orm_number=5))
    assert [(message.code, message.orm_number) for message in told] == [(0x27, 5), (0x28, 5), (0x26, 5)]
    assert numbers(m.do(m.core.operator_access(4, "", m.now))) == [5]
    assert numbers(m.do(m.core.operator_alarm(2, 1, m.now))) == [5]
    assert numbers(m.do(m.core.operator_restart(m.now))) == [5]


def test_after_the_start_all_have_the_number_of_the_means(means: Any, make: Any) -> None:
    """Order 268, 8.2.1.2, 6.1.3."""
    m = means(orm_number=1).begin(make.put(1, "28331"))
    assert numbers(m.send(GetVersion(orm_number=7))) == [1, 1]
    assert numbers(m.do(m.core.report(make.report(), m.now))) == [1]


def test_command_1_gives_the_number(means: Any, make: Any) -> None:
    """Order 268, 6.1.3; option orm_number_from_start."""
    m = means(orm_number=1, profile="order")
    m.connect()
    m.do(m.core.switch_up(m.now))
    assert make.answers(m.send(Start(orm_number=42))) == "27/00 28/00"
    assert m.core.orm_number == 42
    assert m.says(EVERY_ROW) == "27/18 26/05"
    assert numbers(m.send(replace(EVERY_ROW, orm_number=42))) == [42, 42, 42]
    assert m.says(replace(make.put(1, "28331"), orm_number=42)) == "27/00 28/00"
    (event,) = m.do(m.core.report(make.report(), m.now))
    assert event.orm_number == 42
    m.send(Stop(orm_number=42))
    assert make.answers(m.send(Start(orm_number=3))) == "27/00 28/00"
    assert m.core.orm_number == 3


def test_the_device_has_its_number_configured(means: Any) -> None:
    """Order 268, 6.1.3, by the vendor: another number is refused, and the means stay stopped."""
    m = means(orm_number=1, extended_errors=False)
    m.connect()
    assert m.says(Start(orm_number=42)) == "27/00 28/05 26/05"
    assert not m.tables.started


def test_the_rest_of_the_header(means: Any) -> None:
    """Order 268, 8.2.1.5 to 8.2.1.8: a single message is 1 of 1, the reserve FFh, the version 02h."""
    m = means().begin()
    for message in m.send(GetVersion()):
        assert m.codec.encode(message)[4:10] == bytes.fromhex("0100 0100 FF 02")


# --- before the start


@pytest.mark.parametrize(
    ("keys", "version", "test"),
    [
        ({"profile": "eltex"}, "27/00 2B 28/00", "27/02"),
        ({"profile": "order"}, "27/02", "27/02"),
        ({"profile": "order", "version_before_start": "allow"}, "27/00 2B 28/00", "27/02"),
        ({"profile": "eltex", "version_before_start": "refuse"}, "27/02", "27/02"),
        ({"test_while_stopped": "on"}, "27/00 2B 28/00", "27/00 29 53"),
    ],
)
def test_no_command_is_taken_before_the_start(means: Any, keys: Any, version: str, test: str) -> None:
    """Order 268, 7.3; options version_before_start and test_while_stopped."""
    m = means(extended_errors=False, **keys)
    m.connect()
    assert m.says(GetVersion()) == version
    assert m.says(Test(1)) == test
    for command in (Stop(), SetPassword("654321"), EVERY_ROW, GetTrunks(None)):
        assert m.says(command) == "27/02"


def test_a_wrong_password_is_told_after_its_28h(means: Any) -> None:
    """Order 268, 7.6: 27h, 28h with the reason, 26h; option unauthorized_access_place."""
    assert means().begin().says(replace(EVERY_ROW, **WRONG)) == "27/00 28/03 26/02"
    first = means(unauthorized_access_place="before_28h").begin()
    assert first.says(GetVersion(**WRONG)) == "27/00 26/02 28/03"


# --- the initial state


def used() -> Tables:
    """Tables of means that ran: started as number 5, another password, a group, an object."""
    tables = Tables(password="654321", started=True, start_number=5)
    tables.apply(GroupLineAdded(1, GroupType.COMBINED, Line(Ksl(0, 1), None)))
    row = ControlledObject(
        object_number=1,
        object_type=OWN,
        number_sign=NumberSign.OWN,
        number="28331",
        trunk=None,
        category=Category.COMBINED,
        ksl_group=1,
        priority=NORMAL,
    )
    tables.apply(ObjectPut(row))
    return tables


def test_after_a_restart_the_means_are_in_the_initial_state(means: Any, make: Any) -> None:
    """Order 268, 9.2.3, 9.2.4: stopped, the first password, empty tables, which the console restores."""
    m = means(tables=used())
    assert not m.tables.started
    assert not m.tables.objects
    assert not m.tables.groups
    told = m.connect()
    assert (make.answers(told), numbers(told)) == ("22", [5])
    assert m.says(Start()) == "27/00 28/00"
    assert m.says(GetObjects(None, None, None, None, None)) == "27/00 23 28/53"


def test_or_everything_is_restored(means: Any, make: Any) -> None:
    """Order 268, 9.1.4.1, by option after_restart: tables kept, nothing to do (21h/03h)."""
    m = means(tables=used(), after_restart="restore", orm_number_from_start="on")
    told = m.connect()
    assert (make.answers(told), numbers(told)) == ("22 21/03", [5, 5])
    m.do(m.core.switch_up(m.now))
    assert m.requests[-1][1]["objects"][0]["object_number"] == 1
    assert m.report(make.report()) == ["1 41/00 28331>28332 k0.1"]
    assert m.says(GetVersion(orm_number=5, password="654321")) == "27/00 2B 28/00"


def test_restored_means_that_were_stopped_have_no_alarm(means: Any, make: Any) -> None:
    """Order 268, 9.1.4.1; options after_restart and alarm_while_stopped."""
    assert make.answers(means(after_restart="restore").connect()) == "22"
    assert make.answers(means(after_restart="restore", alarm_while_stopped="on").connect()) == "22 21/03"


def test_lost_tables_are_told_after_the_restart(means: Any, make: Any) -> None:
    """Order 268, 9.1.4.1: 21h/01h, once."""
    m = means(tables=Tables(damaged=True))
    assert make.answers(m.connect()) == "22 21/01"
    m.close(Channel.KPD1)
    assert make.answers(m.open(Channel.KPD1)) == ""
    assert not m.tables.damaged


def test_an_alarm_of_lost_tables_stops_the_means(means: Any, make: Any) -> None:
    """Order 268, 9.1.4.1: they stop by themselves; the start needs the first password; the tables are gone."""
    m = controlled(means, make, 1)
    m.says(SetPassword("654321"))
    call(m, make, 1)
    told = m.do(m.core.operator_alarm(1, 7, m.now))
    assert make.answers(told) == "52 21/01"
    assert (told[1].alarm_type, told[1].alarm_code) == (1, 7)
    assert not m.tables.started
    assert not m.tables.objects
    assert not m.tables.groups
    assert m.requests[-1] == ("sync", {"objects": [], "first": True, "last": True})
    assert m.says(Start(password="654321")) == "27/00 28/03 26/02"
    assert m.says(Start()) == "27/00 28/00"


def test_an_alarm_of_lost_tables_ends_what_runs(means: Any, make: Any) -> None:
    """Order 268, 9.1.4.1: the running command ends with 28h; an answer of the switch comes too late."""
    m = controlled(means, make, 1)
    m.switch = None
    assert m.says(make.put(5, "28335")) == "27/00"
    assert make.answers(m.do(m.core.operator_alarm(1, 0, m.now))) == "28/21 21/01"
    m.answer(Reply(True, {"line_state": 0}))
    assert not m.tables.objects


@pytest.mark.parametrize("kind", [2, 3, 4])
def test_other_alarms_change_nothing(means: Any, make: Any, kind: int) -> None:
    """Order 268, 9.1.4.1: tables kept, or lines changed."""
    m = controlled(means, make, 1)
    (told,) = m.do(m.core.operator_alarm(kind, 9, m.now))
    assert (told.alarm_type, told.alarm_code) == (kind, 9)
    assert call(m, make, 1) == ["1 41/00 28331>28339 k0.1"]


def test_a_restart_of_the_node(means: Any, make: Any) -> None:
    """Order 268, 9.2.3, 9.2.4: calls and tables are gone, 22h is all that is said."""
    m = controlled(means, make, 1)
    call(m, make, 1)
    assert make.answers(m.do(m.core.operator_restart(m.now))) == "22"
    assert len(m.core.calls) == 0
    assert m.core.pool.in_use == 0
    assert not m.tables.started
    assert not m.tables.objects
    assert call(m, make, 1, 2, answer=1003.0) == []


def test_a_restart_that_could_not_be_told_is_told_when_data_flows_again(means: Any, make: Any) -> None:
    """Order 268, 9.2.3; 1.4.1.2 and 6.14.3 have data wait for a command with the valid password."""
    m = controlled(means, make, 1)
    m.close(Channel.KPD1)
    assert m.do(m.core.operator_restart(m.now)) == []
    assert m.open(Channel.KPD1) == []
    assert m.says(GetVersion(**WRONG)) == "27/00 28/03 26/02"
    assert m.says(GetVersion()) == "22 27/00 2B 28/00"
    m = means(test_timeout=60).begin()
    m.later(61)
    assert m.do(m.core.operator_restart(m.now)) == []
    assert m.says(Start()) == "22 27/00 28/00"


def test_after_28h_of_command_2_nothing_more_is_sent(means: Any, make: Any) -> None:
    """Order 268, 6.2.4: 27h, 52h of each line, 28h; then neither events nor alarms."""
    m = controlled(means, make, 1, 2)
    call(m, make, 1)
    call(m, make, 2)
    assert m.says(Stop()) == "27/00 52 52 28/00"
    assert call(m, make, 1, 2, release=1005.0, cause=5) == []
    assert m.do(m.core.ksl_changed([Ksl(0, 1)], in_service=False, alarm_code=1, now=m.now)) == []


# --- command 10


@pytest.mark.parametrize(
    ("command", "asked", "status"),
    [
        (GetObjects(77, None, None, None, None), (77, None, None, None, None), 0x34),
        (GetObjects(None, FULL, None, None, None), (None, FULL, None, None, None), 0x53),
        (GetObjects(1, None, None, "28332", None), (1, None, None, "28332", None), 0x53),
        (GetObjects(None, None, None, None, 8), (None, None, None, None, 8), 0x53),
    ],
)
@pytest.mark.parametrize("extended", [True, False])
def test_what_was_asked_comes_back_when_nothing_fits(
    means: Any, make: Any, extended: bool, command: GetObjects, asked: Any, status: int
) -> None:
    """Order 268, 6.10.6: 23h with the parameters of the request, then 28h with the code of not executed."""
    m = means(extended_errors=extended).begin(make.put(1, "28331"), make.put(2, "28332"))
    received, info, executed = m.send(command)
    assert isinstance(info, ObjectInfo)
    assert (info.object_number, info.object_type, info.number_sign, info.number, info.trunk) == asked
    assert (info.category, info.ksl_group, info.priority, info.line_state) == (None, None, None, 0xFF)
    assert (info.total, info.index) == (1, 1)
    assert (received.status, executed.status) == (0, status if extended else 0x01)


def counted(digits: int) -> GetObjects:
    """Command 10 with the count of digits alone."""
    return GetObjects(None, None, None, Raw(bytes([digits]) + b"\xff" * 9), None)  # type: ignore[arg-type]


def test_objects_by_the_count_of_digits(means: Any, make: Any) -> None:
    """Order 268, 6.10.7.4: the count is a filter of its own."""
    m = means().begin(make.put(1, "28331"), network(2, "73832228332"), make.put(3, "28333"), trunk(4, 7))

    def found(command: GetObjects) -> list[int]:
        return [told.object_number for told in m.send(command) if isinstance(told, ObjectInfo)]

    assert found(counted(5)) == [1, 3]
    assert found(counted(11)) == [2]
    assert found(replace(counted(5), object_number=3)) == [3]
    _, info, executed = m.send(counted(7))
    assert bytes(m.codec.encode(info))[14:24] == bytes([7]) + b"\xff" * 9
    assert executed.status == 0x53


def test_digits_that_are_none_are_refused(means: Any, make: Any) -> None:
    """Order 268, 6.10.7.4, 7.4."""
    m = means().begin(make.put(1, "28331"))
    assert m.says(counted(19)) == "27/10"
    broken = Raw(bytes([3]) + b"\x82" + b"\xff" * 8)
    assert m.says(GetObjects(None, None, None, broken, None)) == "27/10"  # type: ignore[arg-type]


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


# --- the trunk in events


def through(make: Any, a: Party, b: Party) -> Any:
    """A call of object 9 as A or B between two sides."""
    number = "a" if a.digits == "28339" else "b"
    touched = Match(object_number=9, role=number, called=b, time=1000.0)
    return replace(make.report(), calling=a, called=b, matches=(touched,))


INCOMING = (Party(digits="73832223344", ni="zone", trunk=2), Party(digits="28339", ni="private"))
ANONYMOUS = (Party(trunk=2), Party(digits="28339", ni="private"))
OUTGOING = (Party(digits="28339", ni="private"), Party(digits="73832223344", ni="zone", trunk=3))
INNER = (Party(digits="28331", ni="private"), Party(digits="28339", ni="private"))


@pytest.mark.parametrize(
    ("station", "expected"),
    [
        ("terminal", [None, 2, None, None]),
        ("transit", [2, 2, 3, None]),
        ("terminal-transit", [2, 2, 3, None]),
    ],
)
def test_the_trunk_is_told_by_the_type_of_the_node(
    means: Any, make: Any, station: str, expected: list[int | None]
) -> None:
    """Order 268, 10.3.1.5: a terminal node where the caller's number is not known; the others for every call."""
    m = controlled(means, make, 1, station_type=station)
    told = []
    for name, sides in enumerate((INCOMING, ANONYMOUS, OUTGOING, INNER)):
        (event,) = m.do(m.core.report(replace(through(make, *sides), call_id=str(name)), m.now))
        told.append(event.trunk)
    assert told == expected


@pytest.mark.parametrize("sides", [INCOMING, ANONYMOUS, OUTGOING])
def test_or_of_trunk_objects_alone_by_option(means: Any, make: Any, sides: Any) -> None:
    """Order 268, 10.3.1.5, against option trunk_in_events."""
    m = controlled(means, make, 1, trunk_in_events="objects")
    m.says(trunk(5, 2))
    (event,) = m.do(m.core.report(through(make, *sides), m.now))
    assert event.trunk is None
    report = replace(through(make, *ANONYMOUS), call_id="trunk")
    report = replace(report, matches=(replace(report.matches[0], object_number=5, role="trunk"),))
    (event,) = m.do(m.core.report(report, m.now))
    assert event.trunk == 2


# --- the object as command 5 gave it


SORM = Party(digits="73832228331", ni="zone")
"""How the switch shows a party, whatever number it was found by."""
OTHER = Party(digits="73832229999", ni="zone")


@pytest.mark.parametrize(
    ("put", "shown"),
    [
        (network(1, "79130000001"), (NumberSign.RUSSIA, "79130000001")),
        (network(1, "73832228331"), (NumberSign.RUSSIA, "73832228331")),
        (network(1, "7383222", PARTIAL), (NumberSign.RUSSIA, "73832228331")),
        (network(1, "250011234567890", sign=NumberSign.IMSI), (NumberSign.RUSSIA, "73832228331")),
    ],
)
@pytest.mark.parametrize("role", ["a", "b"])
def test_the_object_is_shown_as_command_5_gave_it(
    means: Any, make: Any, role: str, put: AddObject, shown: Any
) -> None:
    """Order 268, 10.3.2.1: also where the routed number matched; of leading digits (12h) the full number is shown."""
    m = means().begin(put)
    a, b = (SORM, OTHER) if role == "a" else (OTHER, SORM)
    report = replace(
        make.report(answer=1003.0, release=1009.0, cause=5),
        calling=a,
        called=b,
        matches=(Match(object_number=1, role=role, called=b, time=1000.0),),
    )
    told = m.do(m.core.report(report, m.now))
    assert [event.code for event in told] == [0x41, 0x42, 0x43]
    for event in told:
        sides = (event.calling, event.called)
        assert sides == ((shown, (NumberSign.RUSSIA, OTHER.digits)) if role == "a" else (sides[0], shown))
        assert sides[1 if role == "a" else 0] == (NumberSign.RUSSIA, OTHER.digits)


def test_an_own_subscriber_is_shown_as_command_5_gave_it(means: Any, make: Any) -> None:
    """Order 268, 10.3.2.1: the short number, though the switch shows the long one."""
    m = means().begin(make.put(1, "28331"))
    report = replace(
        make.report(), calling=SORM, matches=(Match(object_number=1, role="a", called=OTHER, time=1000.0),)
    )
    (event,) = m.do(m.core.report(report, m.now))
    assert event.calling == (NumberSign.OWN, "28331")


def test_the_object_that_forwards_is_shown_as_command_5_gave_it(means: Any, make: Any) -> None:
    """Order 268, 10.3.2.1: in 44h it is the calling side of the hop."""
    m = means().begin(make.put(1, "28331"))
    service = replace(make.report(services=((0x21, "28331", "28332", 1001.0),)).services[0], calling=SORM)
    report = replace(
        make.report(),
        calling=OTHER,
        called=SORM,
        services=(service,),
        matches=(Match(object_number=1, role="b", called=SORM, time=1000.0),),
    )
    first, used_service = m.do(m.core.report(report, m.now))
    assert first.called == (NumberSign.OWN, "28331")
    assert used_service.calling == (NumberSign.OWN, "28331")


# --- the same number twice


@pytest.mark.parametrize(
    ("keys", "second"),
    [
        ({"profile": "order", "orm_number": 1}, "27/00 28/00"),
        ({"profile": "eltex"}, "27/00 28/36"),
        ({"profile": "eltex", "same_number_again": "allow"}, "27/00 28/00"),
    ],
)
def test_the_same_number_again(means: Any, make: Any, keys: Any, second: str) -> None:
    """Order 268, 6.5.6: whether or not the table has the number; it gets a new object number."""
    m = means(**keys).begin(make.put(1, "28331"))
    assert m.says(make.put(2, "28331")) == second


def test_each_of_two_objects_with_one_number_has_its_full_set(means: Any, make: Any) -> None:
    """Order 268, 6.5.6: each has its messages, and its line where it is under full control."""
    m = means(same_number_again="allow").begin(make.combined(1, 1), make.combined(1, 2))
    m.says(make.put(1, "28331", "combined", 1))
    m.says(make.put(2, "28331", "combined", 1))
    both = ((1, "a"), (2, "a"))
    told = m.report(make.report(matches=both, answer=1003.0, release=1009.0, cause=5))
    assert [text for text in told if text.startswith("1")] == [
        "1 41/00 28331>28332 k0.1",
        "1 42/00 28331>28332 k0.1",
        "1 43/05 28331>28332 k0.1",
    ]
    assert [text for text in told if text.startswith("2")] == [
        "2 41/00 28331>28332 k0.2",
        "2 42/00 28331>28332 k0.2",
        "2 43/05 28331>28332 k0.2",
    ]
    assert m.says(removal(1, "28331")) == "27/00 28/00"
    assert m.report(make.report(call="next", matches=((2, "a"),))) == ["2 41/00 28331>28332 k0.1"]


# --- category, group and priority


@pytest.mark.parametrize(
    ("category", "group", "priority", "vendor"),
    [
        (Category.SEPARATE, 1, NORMAL, 0x30),
        (Category.COMBINED, 2, NORMAL, 0x30),
        (Category.COMBINED, None, NORMAL, 0x3E),
        (Category.COMBINED, 0, NORMAL, 0x3E),
        (Category.STATISTICAL, 1, NORMAL, 0x3E),
        (Category.COMBINED, 1, None, 0x15),
        (Category.STATISTICAL, None, HIGH, 0x15),
    ],
)
@pytest.mark.parametrize("extended", [True, False])
def test_category_group_and_priority_that_do_not_fit_are_rejected(
    means: Any, make: Any, extended: bool, category: Category, group: int | None, priority: Any, vendor: int
) -> None:
    """Order 268, 6.5.5.7, 6.5.5.8, 6.15.6: rejected at receipt, of commands 5 and 15."""
    m = means(extended_errors=extended, statistical_high_priority="refuse")
    m.begin(make.combined(1, 1), make.separate(2, 5, 6), make.put(1, "28331"))
    told = f"27/{vendor if extended else 1:02X}"
    fields = {"category": category, "ksl_group": group, "priority": priority}
    assert m.says(replace(make.put(2, "28332"), **fields)) == told
    assert m.says(ChangeObject(1, **fields)) == told
    assert sorted(m.tables.objects) == [1]


@pytest.mark.parametrize("priority", [NORMAL, None])
def test_priorities_of_statistical_control(means: Any, make: Any, priority: Any) -> None:
    """Order 268, 6.5.5.8: 02h or FFh, which 41h shows as it was given (10.3.1.9)."""
    m = means(profile="order").begin(make.put(1, "28331", priority=priority))
    (told,) = m.do(m.core.report(make.report(), m.now))
    assert told.priority == priority


@pytest.mark.parametrize(("profile", "told"), [("order", "27/15"), ("eltex", "27/00 28/00")])
def test_a_statistical_priority_object_by_profile(means: Any, make: Any, profile: str, told: str) -> None:
    """Order 268, 6.5.5.8; option statistical_high_priority. Its events have FFh or 02h all the same (10.3.1.9)."""
    m = means(profile=profile).begin()
    assert m.says(make.put(1, "28331", priority=HIGH)) == told
    for event in m.do(m.core.report(make.report(), m.now)):
        assert event.priority is None


# --- capacity


def sized(means: Any, station: str, subscribers: int = 0, trunks: int = 0, **keys: Any) -> Any:
    """A node of this size."""
    capacity = CapacityConfig(subscribers=subscribers, trunks=trunks)
    return means(station_type=station, capacity=capacity, **keys).begin()


def fill(m: Any, commands: list[Any]) -> list[str]:
    return [m.says(command) for command in commands]


def test_own_and_network_objects_are_counted_apart(means: Any, make: Any) -> None:
    """Order 268, 2.2, table 1: 2000 subscribers: 15 own and 256 network objects."""
    m = sized(means, "terminal", 2000)
    assert set(fill(m, [make.put(n, f"2{n:04}") for n in range(15)])) == {"27/00 28/00"}
    assert m.says(make.put(15, "20015")) == "27/00 28/31"
    kinds = [FULL, PARTIAL]
    wanted = [network(1000 + n, f"7{n:06}", kinds[n % 2]) for n in range(256)]
    assert set(fill(m, wanted)) == {"27/00 28/00"}
    assert m.says(network(2000, "79999999999")) == "27/00 28/31"
    assert m.says(network(2000, "7999", PARTIAL)) == "27/00 28/31"
    assert m.says(removal(3, "20003")) == "27/00 28/00"
    assert m.says(make.put(15, "20015")) == "27/00 28/00"
    assert m.says(network(2000, "79999999999")) == "27/00 28/31"


def test_a_transit_node_has_no_own_objects(means: Any, make: Any) -> None:
    """Order 268, 3.2: it controls numbers of the network and trunks."""
    m = sized(means, "transit")
    assert m.says(make.put(1, "28331")) == "27/00 28/31"
    assert m.says(network(2, "73832228331")) == "27/00 28/00"


def test_ten_trunks(means: Any) -> None:
    """Order 268, 3.1, 4.1: beside the other objects."""
    m = sized(means, "transit")
    assert set(fill(m, [trunk(n, n) for n in range(10)])) == {"27/00 28/00"}
    assert m.says(trunk(10, 10)) == "27/00 28/4B"
    assert m.says(network(11, "73832228331")) == "27/00 28/00"


@pytest.mark.parametrize(("extended", "full"), [(True, "27/00 28/73"), (False, "27/00 28/01")])
def test_as_many_ksl_as_the_node_may_have(means: Any, make: Any, extended: bool, full: str) -> None:
    """Order 268, 2.2, table 1: 8 KSL of the smallest node, however they are grouped."""
    m = sized(means, "terminal", 300, extended_errors=extended)
    assert set(fill(m, [make.combined(1, n) for n in range(1, 8)])) == {"27/00 28/00"}
    assert m.says(make.separate(2, 10, 11)) == full
    assert m.says(make.combined(1, 8)) == "27/00 28/00"
    assert m.says(make.combined(3, 9)) == full


def test_as_many_calls_under_full_control_as_the_node_may_have(means: Any, make: Any) -> None:
    """Order 268, 2.2, table 1: 4 calls of the smallest node, though there are lines for more."""
    m = sized(means, "terminal", 300)
    fill(m, [make.combined(1, n) for n in range(1, 7)])
    fill(m, [make.put(n, f"2833{n}", "combined", 1) for n in range(1, 7)])
    told = [call(m, make, n)[0][:7] for n in range(1, 6)]
    assert told == ["1 41/00", "2 41/00", "3 41/00", "4 41/00", "5 41/01"]
    call(m, make, 2, 2, release=1005.0, cause=5)
    assert call(m, make, 6)[0][:7] == "6 41/00"


def test_without_a_size_one_number_bounds_all_objects(means: Any, make: Any) -> None:
    """Order 268, 2.2, not asked for: mediator.max_objects."""
    m = means(max_objects=2).begin(make.put(1, "28331"))
    assert m.says(network(2, "73832228331")) == "27/00 28/00"
    assert m.says(network(3, "73832228332")) == "27/00 28/31"


# --- trunk names


def renamed(m: Any, name: Any, which: int = 2) -> list[Any]:
    return m.do(m.core.switch_event({"event": "trunk-renamed", "trunk": which, "name": name}, m.now))


def test_a_new_name_of_a_trunk_is_told(means: Any) -> None:
    """Order 268, 9.10.3: when the operator changes it."""
    m = means().begin()
    (told,) = renamed(m, "MOSCOW-1")
    assert isinstance(told, TrunkInfo)
    assert (told.trunk, told.name, told.total, told.index) == (2, "MOSCOW-1", 1, 1)


def test_a_long_name_goes_on_in_further_messages(means: Any) -> None:
    """Order 268, 9.10.5: over 43 octets; likewise in answer to command 16."""
    name = "".join(chr(ord("A") + n % 26) for n in range(100))
    m = means().begin()
    told = renamed(m, name)
    assert [(part.total, part.index, len(part.name)) for part in told] == [(3, 1, 43), (3, 2, 43), (3, 3, 14)]
    assert "".join(part.name for part in told) == name
    trunks = [{"trunk": 2, "name": name}, {"trunk": 1, "name": "short"}]
    m.switch = lambda op, params: Reply(True, {"trunks": trunks})
    told = m.send(GetTrunks(None))[1:-1]
    assert [(part.trunk, part.total, part.index) for part in told] == [
        (1, 4, 1),
        (2, 4, 2),
        (2, 4, 3),
        (2, 4, 4),
    ]


def test_a_name_of_43_octets_is_one_message(means: Any) -> None:
    """Order 268, 9.10.5."""
    assert len(renamed(means().begin(), "x" * 43)) == 1
    assert len(renamed(means().begin(), "x" * 44)) == 2


def test_a_new_name_that_is_not_told(means: Any) -> None:
    """Order 268, 7.3, 9.10: not while the means are stopped; order 70 has no such message."""
    m = means()
    m.connect()
    assert renamed(m, "MOSCOW-1") == []
    other = means(order="70").begin()
    assert renamed(other, "MOSCOW-1") == []
    assert (m.core.counters["trunk_names_untold"], other.core.counters["trunk_names_untold"]) == (1, 1)


@pytest.mark.parametrize("which", [-1, 0xFFFF, "2", None])
def test_a_trunk_that_has_no_number_is_counted(means: Any, which: Any) -> None:
    """Order 268, 9.10.4.1: 0..FFFEh."""
    m = means().begin()
    assert renamed(m, "x", which) == []
    assert m.core.counters["switch_events_unknown"] == 1


# --- services


EVERY_SERVICE = (0x20, 0x21, 0x28, 0x29, 0x2A, 0x2B, 0x31, 0x32, 0x33, 0x40, 0x41, 0x42, 0x43)


def services(means: Any, *codes: int, **keys: Any) -> tuple[Any, list[Any]]:
    m = means(**keys).begin()
    m.switch = lambda op, params: Reply(True, {"services": list(codes)})
    return m, m.send(GetServices(NumberSign.OWN, "28331"))


def test_more_than_eleven_services_take_more_messages(means: Any) -> None:
    """Order 268, 9.5.4: at most 45 octets each."""
    m, told = services(means, *EVERY_SERVICE[:12])
    infos = [message for message in told if isinstance(message, ServicesInfo)]
    assert [(part.total, part.index, len(part.services)) for part in infos] == [(2, 1, 11), (2, 2, 1)]
    assert [len(m.codec.encode(part)) - 10 for part in infos] == [45, 15]
    assert told[-1].status == 0


def test_a_subscriber_without_services(means: Any) -> None:
    """Order 268, 9.5.5.3: executed; count 0, and the rest filled with FFh to 45 octets."""
    m, told = services(means)
    content = bytes(m.codec.encode(told[1]))[10:]
    assert (len(content), content[11]) == (45, 0)
    assert content[22:] == b"\xff" * 23
    assert told[-1].status == 0


def test_or_a_refusal_by_option(means: Any, make: Any) -> None:
    """Order 268, 9.5.5.3, against option no_services_reply."""
    _, told = services(means, no_services_reply="61h")
    assert make.answers(told) == "27/00 28/61"


# --- what an operator says of lines, and who reads the tables


@pytest.mark.parametrize("state", [0x00, 0x01, 0x03, 0x07, 0xFF])
def test_the_state_of_a_line(means: Any, make: Any, state: int) -> None:
    """Order 268, 9.3.6.4."""
    m = means().begin(make.put(1, "28331"))
    assert m.do(m.core.operator_line_state(1, state, m.now)) == []
    (info,) = [told for told in m.send(GetObjects(1, None, None, None, None)) if isinstance(told, ObjectInfo)]
    assert info.line_state == state
    m.do(m.core.operator_line_state(77, state, m.now))
    assert 77 not in m.core.line_states


@pytest.mark.parametrize("state", [2, 8, 0x100, -1, None, "0", []])
def test_a_line_state_that_the_order_has_not_is_not_known(means: Any, make: Any, state: Any) -> None:
    """Order 268, 9.3.6.4: FFh. A switch may say anything."""
    m = means().begin(make.put(1, "28331"))
    m.do(m.core.switch_event({"event": "line-state", "object_number": 1, "line_state": 0}, m.now))
    m.do(m.core.switch_event({"event": "line-state", "object_number": 1, "line_state": state}, m.now))
    (info,) = [told for told in m.send(GetObjects(1, None, None, None, None)) if isinstance(told, ObjectInfo)]
    assert info.line_state == 0xFF


@pytest.mark.parametrize(("option", "told"), [("on", ["26/03"]), ("off", [])])
def test_reading_the_tables_is_told_by_option(means: Any, make: Any, option: str, told: list[str]) -> None:
    """Order 268, 9.6.4.1: 26h/03h; option tell_table_access."""
    m = means(tell_table_access=option).begin()
    messages = m.do(m.core.tables_read("GET /objects from 10.0.0.7, русский текст", m.now))
    assert [make.answers([message]) for message in messages] == told
    for message in messages:
        assert isinstance(message, UnauthorizedAccess)
        assert message.text == "GET /objects from 10.0.0.7, ??????? ????"


@pytest.mark.parametrize("code", [0x01, 0x03, 0x04])
def test_access_that_an_operator_tells(means: Any, code: int) -> None:
    """Order 268, 9.6.4.1, 9.6.4.4: the code, and further information in octets 6 to 45."""
    m = means().begin()
    (told,) = m.do(m.core.operator_access(code, "x" * 50, m.now))
    assert (told.access_code, told.text) == (code, "x" * 40)


def test_no_effect_but_journal_and_log_when_a_table_is_read_in_secret(means: Any) -> None:
    """Order 268, 9.6.4.1: by default the lab's own pages are not told of."""
    m = means().begin()
    m.do(m.core.tables_read("GET /objects", m.now))
    assert [effect for effect in m.effects if isinstance(effect, effects.Send)] == []
