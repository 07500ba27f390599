"""One command at a time, and those that go above a running one (order 268, 7.1, 7.2)."""

from typing import Any

import pytest

from protocol import Channel, Ksl, ObjectType
from protocol.commands import (
    ConnectKsl,
    GetKsl,
    GetObjects,
    GetTrunks,
    GetVersion,
    Interrupt,
    ReleaseKsl,
    SetPassword,
    Start,
    Stop,
    Test,
)
from sorm_mediator.mediator.core import effects
from ssh_control.dialect import Reply

OWN = ObjectType.OWN_SUBSCRIBER
OBJECTS = GetObjects(None, None, None, None, None)


def busy(means: Any, make: Any, **keys: Any) -> Any:
    """A call of object 1 with a line, one of object 2 without; command 5 waits for the switch."""
    m = means(**keys).begin(
        make.combined(1, 1), make.combined(2, 2), make.put(1, "28331", "combined", 1), make.put(2, "28332")
    )
    m.report(make.report())
    m.report(make.report(call="call-2", a="28332", matches=((2, "a"),)))
    m.switch = None
    assert m.says(make.put(9, "28339")) == "27/00"
    m.effects.clear()
    return m


def test_a_command_is_not_taken_until_the_one_before_has_its_28h(means: Any, make: Any) -> None:
    """7.1: then they are taken in the order in which they came."""
    m = busy(means, make)
    assert m.says(GetVersion()) == ""
    assert m.says(GetKsl(1, None, None, None)) == ""
    assert m.says(bytes.fromhex("CC011200313233343536")) == "", "what is no command waits, too"
    told = m.answer(Reply(True))
    assert make.answers(told) == "28/00 27/00 2B 28/00 27/00 24 28/00 27/11"
    taken = [(e.code, e.waited) for e in m.effects if isinstance(e, effects.Taken)]
    assert taken == [(0x11, True), (0x0B, True), (0x12, True)], "their time limits run from now on"


def test_a_waiting_command_that_needs_the_switch_makes_the_next_one_wait(means: Any, make: Any) -> None:
    """7.1."""
    m = busy(means, make)
    assert m.says(make.put(10, "28340")) == ""
    assert m.says(GetVersion()) == ""
    assert make.answers(m.answer(Reply(True))) == "28/00 27/00"
    assert make.answers(m.answer(Reply(False, {}, 0x54, "no"))) == "28/54 27/00 2B 28/00"


def test_each_is_answered_where_it_came(means: Any, make: Any) -> None:
    """7.1 over all streams together."""
    m = busy(means, make)
    m.connect(1)
    m.says(GetVersion(), 1)
    m.says(GetVersion(), 0)
    m.effects.clear()
    m.answer(Reply(True))
    assert [e.stream for e in m.effects if isinstance(e, effects.Send)] == [0, 1, 1, 1, 0, 0, 0]


@pytest.mark.parametrize(("extended", "told"), [(True, "27/2D"), (False, "27/01")])
def test_there_is_room_for_so_many_and_no_more(means: Any, make: Any, extended: bool, told: str) -> None:
    """7.1 gives no number (option waiting_commands)."""
    m = busy(means, make, waiting_commands=2, extended_errors=extended)
    assert [m.says(GetVersion()) for _ in range(3)] == ["", "", told]
    assert make.answers(m.answer(Reply(True))) == "28/00 27/00 2B 28/00 27/00 2B 28/00"
    assert m.core.counters["commands_overflowing"] == 1


@pytest.mark.parametrize(("extended", "told"), [(True, "27/2D"), (False, "27/01")])
def test_or_they_are_refused_at_once_by_option(means: Any, make: Any, extended: bool, told: str) -> None:
    """7.1 (option command_while_busy)."""
    m = busy(means, make, command_while_busy="refuse", extended_errors=extended)
    assert m.says(GetVersion()) == told
    assert m.says(Test(1)) == "27/00 29 53"
    assert make.answers(m.answer(Reply(True))) == "28/00"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (ConnectKsl(2, OWN, 2, 2), "27/00 51 28/00"),
        (ReleaseKsl(1, OWN, 1, None, None), "27/00 52 28/00"),
        (ReleaseKsl(None, None, None, Ksl(0, 1), None), "27/00 52 28/00"),
        (Interrupt(), "27/00 28/39"),
        (Test(5), "27/00 29 53"),
    ],
)
def test_commands_7_8_13_and_14_are_taken_above_a_running_one(
    means: Any, make: Any, command: Any, told: str
) -> None:
    """7.2: at any moment, and before those that wait."""
    m = busy(means, make)
    assert m.says(GetVersion()) == ""
    assert m.says(command) == told
    assert make.answers(m.answer(Reply(True))) == "28/00 27/00 2B 28/00"


@pytest.mark.parametrize(("extended", "ended", "late"), [(True, "28/21", "27/17"), (False, "28/01", "27/02")])
def test_command_2_is_taken_above_a_running_one(
    means: Any, make: Any, extended: bool, ended: str, late: str
) -> None:
    """7.2; 6.2.4: 52h after 27h; what waited is refused, since the means are stopped (7.3)."""
    m = busy(means, make, extended_errors=extended)
    assert m.says(SetPassword("654321")) == ""
    assert m.says(Stop()) == f"27/00 {ended}"
    put, clear = m.asked
    assert (put.op, clear.op) == ("add", "clear")
    m.asked = [clear, put]
    assert make.answers(m.answer(Reply(True))) == f"52 28/00 {late}"
    assert m.answer(Reply(True)) == [], "the switch's late reply to command 5 puts nothing on control"
    assert m.tables.objects == {}
    assert m.says(Start()) == "27/00 28/00"


def test_a_second_stop_waits_for_the_first(means: Any, make: Any) -> None:
    """7.1: it is then refused, since the means are stopped."""
    m = means().begin()
    m.switch = None
    assert m.says(Stop()) == "27/00"
    assert m.says(Stop()) == ""
    assert make.answers(m.answer(Reply(True))) == "28/00 27/17"


def test_command_14_does_not_disturb_a_table(means: Any, make: Any) -> None:
    """7.2."""
    m = means().begin(*(make.put(n, f"2{n:04}") for n in range(70)))
    m.send(OBJECTS)
    assert m.says(Test(5)) == "27/00 29 53"
    told = m.do(m.core.writable(0, m.now))
    assert [t.index for t in told[:-1]] == list(range(65, 71))
    assert make.answers(told[-1:]) == "28/00"


# --- consoles that leave


def test_a_command_of_a_connection_that_is_gone_is_never_taken(means: Any, make: Any) -> None:
    """Who has had no 27h knows that it was not (7.1)."""
    m = busy(means, make)
    m.connect(1)
    assert m.says(make.put(10, "28340"), 1) == ""
    assert m.says(GetVersion(), 0) == ""
    m.close(Channel.KPD1, 1)
    m.open(Channel.KPD1, 1)
    assert make.answers(m.answer(Reply(True))) == "28/00 27/00 2B 28/00"
    assert sorted(m.tables.objects) == [1, 2, 9]
    assert m.core.counters["commands_never_taken"] == 1


def test_a_table_of_the_switch_is_not_for_the_next_connection(means: Any) -> None:
    m = means().begin()
    m.switch = None
    assert m.says(GetTrunks(None)) == "27/00"
    m.close(Channel.KPD1)
    m.open(Channel.KPD1)
    assert m.says(GetVersion()) == "27/00 2B 28/00", "nothing runs any more"
    assert m.answer(Reply(True, {"trunks": [{"trunk": 1, "name": "one"}]})) == []


def test_a_table_for_a_console_that_may_hear_nothing_is_dropped(means: Any, make: Any) -> None:
    """6.14.3: what was not sent is destroyed, and holds nobody up."""
    m = means(test_timeout=5, switch_timeout=8).begin(*(make.put(n, f"2{n:04}") for n in range(100)))
    m.switch = None
    m.says(make.put(500, "28339"))
    m.says(OBJECTS)
    assert make.answers(m.later(9)) == ""
    assert m.core.work == "idle"
    assert m.core.counters["outputs_abandoned"] == 1


def test_a_node_that_restarts_forgets_what_waits(means: Any, make: Any) -> None:
    """9.2.4: the initial state."""
    m = busy(means, make)
    m.says(Stop())
    m.says(Start())
    assert make.answers(m.do(m.core.operator_restart(m.now))) == "28/21 22"
    assert not m.tables.started
