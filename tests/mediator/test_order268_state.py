"""What order 268 rules of the state of the technical means: numbers, start, stop, restart, operators."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from protocol import Category, Channel, GroupType, Ksl, NumberSign
from protocol.messages import (
    GetObjects,
    GetTrunks,
    GetVersion,
    ObjectInfo,
    SetPassword,
    Start,
    Stop,
    Test,
    UnauthorizedAccess,
)
from sorm_mediator.mediator.core import effects
from sorm_mediator.mediator.core.tables import ControlledObject, GroupLineAdded, Line, ObjectPut, Tables
from ssh_control.dialect import Reply
from tests.mediator.order268 import EVERY_ROW, NORMAL, OWN, WRONG, call, controlled, numbers

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
    assert m.says(Start(orm_number=3)) == "27/18 26/05", "only the first one gives the number"
    assert numbers(m.send(replace(EVERY_ROW, orm_number=42))) == [42, 42, 42]
    assert m.says(replace(make.put(1, "28331"), orm_number=42)) == "27/00 28/00"
    (event,) = m.do(m.core.report(make.report(), m.now))
    assert event.orm_number == 42
    m.send(Stop(orm_number=42))
    assert make.answers(m.send(Start(orm_number=3))) == "27/00 28/00"
    assert m.core.orm_number == 3


@pytest.mark.parametrize("code", [0x00, 0x12, 0x20])
def test_a_code_that_no_command_has_is_a_wrong_parameter(means: Any, code: int) -> None:
    """Order 268, 7.1."""
    m = means(orm_number=1).begin()
    assert m.says(bytes((0xCC, 1, code, 0)) + b"123456") == "27/11"
    assert [effect.fields["command"] for effect in m.effects if isinstance(effect, effects.Journal)] == [code]


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
