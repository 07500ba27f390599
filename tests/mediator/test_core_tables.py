"""Answers that are tables, and command 13 (order 268, 6.10-6.13, 6.16)."""

from dataclasses import replace
from typing import Any

import pytest

from protocol import Channel, NumberSign, ObjectType
from protocol.messages import GetKsl, GetObjects, GetServices, GetTrunks, GetVersion, Interrupt
from sorm_mediator.mediator.core.tables import ObjectPut
from ssh_control.dialect import Reply

ALL = GetObjects(None, None, None, None, None)
OWN = ObjectType.OWN_SUBSCRIBER


def many(means: Any, make: Any, count: int, **keys: Any) -> Any:
    return means(max_objects=5000, **keys).begin(*(make.put(n, f"2{n:04}") for n in range(count)))


def test_numbering_is_one_to_n(means: Any, make: Any) -> None:
    m = many(means, make, 3)
    told = m.send(ALL)
    assert make.answers(told) == "27/00 23 23 23 28/00"
    assert [(t.total, t.index, t.object_number) for t in told[1:4]] == [(3, 1, 0), (3, 2, 1), (3, 3, 2)]


def test_a_long_table_goes_in_pieces_as_the_channel_takes_them(means: Any, make: Any) -> None:
    m = many(means, make, 150, command_while_busy="refuse")
    told = m.send(ALL)
    assert len(told) == 1 + 64
    assert m.do(m.core.writable(3, m.now)) == []
    told += m.do(m.core.writable(0, m.now))
    assert len(told) == 1 + 128
    assert m.says(GetVersion()) == "27/2D"
    told += m.do(m.core.writable(0, m.now))
    assert make.answers(told[-1:]) == "28/00"
    assert [t.object_number for t in told[1:-1]] == list(range(150))
    assert m.work == "idle"
    assert m.do(m.core.writable(0, m.now)) == []


@pytest.mark.parametrize(
    ("extended", "told"),
    [
        (True, "27/00 28/21 28/00"),
        (False, "27/00 28/01 28/00"),
    ],
)
def test_command_13_stops_it_at_once(means: Any, make: Any, extended: bool, told: str) -> None:
    m = many(means, make, 150, extended_errors=extended)
    m.send(ALL)
    answer = m.send(Interrupt())
    assert make.answers(answer) == told
    assert [t.command for t in answer] == [0x0D, 0x0A, 0x0D]
    assert m.do(m.core.writable(0, m.now)) == []
    assert m.says(GetVersion()) == "27/00 2B 28/00"


@pytest.mark.parametrize(("extended", "told"), [(True, "27/00 28/39"), (False, "27/00 28/01")])
def test_command_13_with_nothing_to_interrupt(means: Any, make: Any, extended: bool, told: str) -> None:
    m = many(means, make, 2, extended_errors=extended)
    m.send(ALL)
    assert m.says(Interrupt()) == told


def test_command_13_with_a_wrong_password_interrupts_nothing(means: Any, make: Any) -> None:
    m = many(means, make, 100)
    m.send(ALL)
    assert m.says(Interrupt(password="000000")) == "27/00 28/03 26/02"
    assert len(m.do(m.core.writable(0, m.now))) == 100 - 64 + 1


def test_command_13_while_the_switch_is_asked_for_a_table(means: Any, make: Any) -> None:
    m = means().begin()
    m.switch = None
    assert m.says(GetTrunks(None)) == "27/00"
    assert m.says(Interrupt()) == "27/00 28/21 28/00"
    assert m.answer(Reply(True, {"trunks": [{"trunk": 1, "name": "one"}]})) == []


def test_command_13_does_not_stop_a_change(means: Any, make: Any) -> None:
    m = means().begin()
    m.switch = None
    assert m.says(make.put(1, "28331")) == "27/00"
    assert m.says(Interrupt()) == "27/00 28/39"
    assert make.answers(m.answer(Reply(True))) == "28/00"


def test_a_console_that_leaves_ends_its_table(means: Any, make: Any) -> None:
    m = many(means, make, 100)
    m.send(ALL)
    m.close(Channel.KPD1)
    m.open(Channel.KPD1)
    assert m.do(m.core.writable(0, m.now)) == []
    assert m.says(GetVersion()) == "27/00 2B 28/00"


def test_a_console_that_falls_silent_ends_its_table(means: Any, make: Any) -> None:
    m = many(means, make, 100, console_timeout=5)
    m.send(ALL)
    m.later(6)
    assert m.do(m.core.writable(0, m.now)) == []
    assert m.says(GetVersion()) == "27/00 2B 28/00"


def test_a_console_that_does_not_take_its_table_holds_up_nobody_for_ever(means: Any, make: Any) -> None:
    m = many(means, make, 100, output_timeout=30)
    m.connect(1)
    m.send(ALL)
    assert m.says(GetVersion(), stream=1) == ""
    assert make.answers(m.later(29)) == ""
    assert make.answers(m.later(1)) == "28/21 27/00 2B 28/00"
    assert m.core.counters["outputs_stuck"] == 1


# --- command 10


@pytest.mark.parametrize(
    ("command", "numbers"),
    [
        (ALL, [1, 2, 3]),
        (GetObjects(2, None, None, None, None), [2]),
        (GetObjects(None, OWN, None, None, None), [1, 2]),
        (GetObjects(None, None, None, "28332", None), [2]),
        (GetObjects(None, None, None, None, 5), [3]),
        (GetObjects(1, OWN, NumberSign.OWN, "28331", None), [1]),
    ],
)
def test_command_10(means: Any, make: Any, command: GetObjects, numbers: list[int]) -> None:
    trunk = make.put(3, None, object_type=ObjectType.TRUNK, number_sign=None, trunk=5)
    m = means().begin(make.put(2, "28332"), make.put(1, "28331"), trunk)
    assert [t.object_number for t in m.send(command)[1:-1]] == numbers


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize(
    ("command", "vendor"),
    [
        (GetObjects(9, None, None, None, None), "27/00 23 28/34"),
        (GetObjects(1, None, None, "28332", None), "27/00 23 28/53"),
        (GetObjects(None, None, None, "99999", None), "27/00 23 28/53"),
        (GetObjects(None, None, None, None, 7), "27/00 23 28/53"),
    ],
)
def test_command_10_finds_nothing(
    means: Any, make: Any, command: GetObjects, vendor: str, extended: bool
) -> None:
    m = means(extended_errors=extended).begin(make.put(1, "28331"))
    assert m.says(command) == (vendor if extended else "27/00 23 28/01")


# --- command 12

SERVICES = GetServices(NumberSign.OWN, "28331")


@pytest.mark.parametrize(
    ("found", "option", "told", "services"),
    [
        ([0x42, 0x21, 0x21], "empty", "27/00 25 28/00", (0x21, 0x42)),
        ([], "empty", "27/00 25 28/00", ()),
        ([], "61h", "27/00 28/61", None),
        (None, "empty", "27/00 25 28/00", ()),
        (["x", 0x29, 700, -1], "empty", "27/00 25 28/00", (0x29,)),
    ],
)
def test_command_12(
    means: Any, make: Any, found: Any, option: str, told: str, services: tuple[int, ...] | None
) -> None:
    m = means(no_services_reply=option).begin()
    m.switch = lambda op, params: Reply(True, {"services": found})
    answer = m.send(SERVICES)
    assert make.answers(answer) == told
    assert m.requests == [("services", {"number": "28331", "number_sign": "own"})]
    if services is not None:
        (table,) = answer[1:-1]
        assert (table.services, table.number) == (services, "28331")
        assert (table.total, table.index) == (1, 1), "25h is numbered from 1 as the other tables are"


def test_more_services_than_a_fixed_25h_holds_take_two(means: Any) -> None:
    m = means(m25_length="fixed45").begin()
    codes = [0x20, 0x21, 0x28, 0x29, 0x2A, 0x2B, 0x31, 0x32, 0x33, 0x40, 0x41, 0x42]
    m.switch = lambda op, params: Reply(True, {"services": codes})
    pages = m.send(SERVICES)[1:-1]
    assert [(p.total, p.index, p.services) for p in pages] == [(2, 1, tuple(codes[:11])), (2, 2, (0x42,))]


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize(
    ("command", "vendor"),
    [
        (GetServices(None, "28331"), "27/13"),
        (GetServices(NumberSign.OWN, None), "27/10"),
    ],
)
def test_command_12_refused(means: Any, command: GetServices, vendor: str, extended: bool) -> None:
    m = means(extended_errors=extended).begin()
    assert m.says(command) == (vendor if extended else "27/01")


@pytest.mark.parametrize("command", [SERVICES, GetTrunks(2)])
def test_tables_of_the_switch_without_the_switch(means: Any, command: Any) -> None:
    m = means().begin()
    m.switch = lambda op, params: Reply(False, {}, 0x54, "no")
    assert m.says(command) == "27/00 28/54"
    m.do(m.core.switch_down("cut", m.now))
    assert m.says(command) == "27/00 28/01"


# --- command 16


def test_command_16(means: Any) -> None:
    m = means().begin()
    trunks = [{"trunk": 7, "name": "b\xe9\n" + "x" * 60}, {"trunk": 2, "name": "a"}, {"trunk": "z"}, None]
    m.switch = lambda op, params: Reply(True, {"trunks": trunks})
    told = m.send(GetTrunks(None))
    assert [(t.trunk, t.name, t.total, t.index) for t in told[1:-1]] == [
        (2, "a", 3, 1),
        (7, "b??" + "x" * 40, 3, 2),
        (7, "x" * 20, 3, 3),
    ]
    assert m.requests == [("trunks", {"trunk": None})]


def test_more_trunks_than_messages_can_number(means: Any) -> None:
    m = means().begin()
    m.switch = lambda op, params: Reply(True, {"trunks": [{"trunk": 1, "name": "x"}] * 70_000})
    told = m.send(GetTrunks(None))
    assert (told[1].total, told[1].index) == (0xFFFF, 1)
    assert m.says(Interrupt()) == "27/00 28/21 28/00"
    assert m.core.counters["trunk_names_cut"] == 70_000 - 0xFFFF


@pytest.mark.parametrize(("extended", "told"), [(True, "27/00 28/25"), (False, "27/00 28/01")])
def test_command_16_unknown_trunk(means: Any, extended: bool, told: str) -> None:
    assert means(extended_errors=extended).begin().says(GetTrunks(9)) == told


# --- growth


def test_a_full_table_can_be_asked_for_and_interrupted(means: Any, make: Any) -> None:
    m = means(max_objects=65535, command_while_busy="refuse").begin(make.put(0, "1000000"))
    template = m.tables.objects[0]
    for number in range(1, 0xFFFF):
        change = ObjectPut(replace(template, object_number=number, number=str(1000000 + number)))
        m.tables.apply(change)
        m.replayed.apply(change)
    assert m.says(make.put(0xFFFE, "28331")) == "27/00 28/33"
    told = m.send(ALL)
    assert (told[1].total, len(told)) == (0xFFFF, 65)
    assert m.says(GetKsl(None, None, None, None)) == "27/2D"
    assert m.says(Interrupt()) == "27/00 28/21 28/00"
