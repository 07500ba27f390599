"""Commands while another one is executed: which wait, which go first (order 268, 7.1, 7.2)."""

from __future__ import annotations

from typing import Any

import pytest

from protocol import Channel, NumberSign, ObjectType
from protocol.messages import (
    AddKsl,
    CommandExecuted,
    CommandReceived,
    ConnectKsl,
    GetKsl,
    GetObjects,
    GetServices,
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
ALL = GetObjects(None, None, None, None, None)
GROUPS = GetKsl(None, None, None, None)
WRONG = {"password": "999999"}
DONE = Reply(True, {"line_state": 0})
TABLE = 150
"""Objects whose table takes three pieces."""


def receipts(messages: list[Any]) -> list[str]:
    """27h and 28h as ``27 05/00``: message, command, status."""
    return [
        f"{m.code:02X} {m.command:02X}/{m.status:02X}"
        for m in messages
        if isinstance(m, CommandReceived | CommandExecuted)
    ]


def asking(means: Any, make: Any, **keys: Any) -> Any:
    """Command 5 for object 5 waits for the switch; object 1 has line 0.1 of group 1 in call 1, line 0.2 is free."""
    m = means(**keys).begin(make.combined(1, 1), make.combined(1, 2), make.put(1, "28331", "combined", 1))
    m.report(make.report())
    m.switch = None
    assert m.says(make.put(5, "28335")) == "27/00"
    m.effects.clear()
    return m


def sending(means: Any, make: Any, **keys: Any) -> Any:
    """The table of objects is being sent; object 0 has line 0.1 of group 1 in call 1."""
    objects = (make.put(n, f"2{n:04}") for n in range(1, TABLE))
    keys.setdefault("max_objects", 5000)
    m = means(**keys).begin(make.combined(1, 1), make.put(0, "28331", "combined", 1), *objects)
    m.report(make.report(matches=((0, "a"),)))
    assert len(m.send(ALL)) == 1 + 64
    assert m.work == "sending a table (10, 11, 12, 16)"
    m.effects.clear()
    return m


def taken(m: Any) -> list[tuple[int, bool]]:
    """Commands that were taken: code, and whether they had waited."""
    return [(e.code, e.waited) for e in m.effects if isinstance(e, effects.Taken)]


# --- 7.1: one after the other


def test_commands_wait_and_are_answered_in_their_order(means: Any, make: Any) -> None:
    """Order 268, 7.1: no command is taken before the 28h of the one before it."""
    m = asking(means, make)
    assert m.says(GetVersion()) == ""
    assert m.says(make.combined(1, 3)) == ""
    assert m.says(GROUPS) == ""
    assert taken(m) == []
    told = m.answer(DONE)
    assert receipts(told) == [
        "28 05/00",
        *("27 11/00", "28 11/00"),
        *("27 04/00", "28 04/00"),
        *("27 0B/00", "28 0B/00"),
    ]
    assert [m.code for m in told] == [0x28, 0x27, 0x2B, 0x28, 0x27, 0x28, 0x27, 0x24, 0x28]
    assert taken(m) == [(0x11, True), (0x04, True), (0x0B, True)]


def test_a_waiting_command_of_the_switch_runs_by_itself(means: Any, make: Any) -> None:
    """Order 268, 7.1: the next one waits for its 28h in turn, and the switch is asked one thing at a time."""
    m = asking(means, make)
    assert m.says(make.put(6, "28336")) == ""
    assert m.says(make.put(7, "28337")) == ""
    assert len(m.asked) == 1
    for last, following in ((5, 6), (6, 7)):
        assert receipts(m.answer(DONE)) == ["28 05/00", "27 05/00"]
        assert sorted(m.tables.objects) == [1, *range(5, last + 1)]
        assert m.asked[0].params["object"]["object_number"] == following
    assert receipts(m.answer(DONE)) == ["28 05/00"]


def test_a_command_behind_waiting_ones_waits_though_nothing_runs_above_it(means: Any, make: Any) -> None:
    """Order 268, 7.1: what came first is answered first."""
    m = sending(means, make)
    assert m.says(make.put(200, "28200")) == ""
    assert m.says(GetVersion()) == ""
    told = m.do(m.core.writable(0, m.now)) + m.do(m.core.writable(0, m.now))
    assert receipts(told) == ["28 0A/00", "27 05/00", "28 05/00", "27 11/00", "28 11/00"]


def test_the_time_of_a_command_that_did_not_wait_runs_from_its_arrival(means: Any) -> None:
    """Order 268, 9.7.3: the limits of a command that had to wait run from when it is taken."""
    m = means().begin()
    m.says(GetVersion())
    assert taken(m) == [(0x11, False)]


def test_a_switch_that_does_not_answer_holds_nothing_up_for_ever(means: Any, make: Any) -> None:
    """Order 268, 7.1: the running command ends with 28h/01h by its time limit, and the next is taken."""
    m = asking(means, make, switch_timeout=8)
    assert m.says(GetVersion()) == ""
    assert receipts(m.later(8)) == ["28 05/01", "27 11/00", "28 11/00"]


def test_a_link_that_breaks_ends_the_running_command_and_the_next_is_taken(means: Any, make: Any) -> None:
    """Order 268, 7.1."""
    m = asking(means, make)
    assert m.says(GetVersion()) == ""
    assert receipts(m.do(m.core.switch_down("cut", m.now))) == ["28 05/01", "27 11/00", "28 11/00"]


def test_a_switch_that_refuses_ends_the_running_command_and_the_next_is_taken(means: Any, make: Any) -> None:
    """Order 268, 7.1: 28h with any status lets the next command in."""
    m = asking(means, make)
    assert m.says(GetVersion()) == ""
    assert receipts(m.answer(Reply(False, {}, 0x35))) == ["28 05/35", "27 11/00", "28 11/00"]


def test_each_console_gets_its_own_answers(means: Any, make: Any) -> None:
    """Order 268, 7.1, for the means as a whole: commands on two pairs are executed one after the other, too."""
    m = asking(means, make)
    m.connect(1)
    assert m.says(GetVersion(), 1) == ""
    assert m.says(GROUPS, 0) == ""
    m.effects.clear()
    m.answer(DONE)
    sent = [(e.stream, e.message.code) for e in m.effects if isinstance(e, effects.Send)]
    assert sent == [(0, 0x28), (1, 0x27), (1, 0x2B), (1, 0x28), (0, 0x27), (0, 0x24), (0, 0x28)]


# --- the checks are those of the moment when the command is taken


def test_an_object_number_that_is_taken_meanwhile(means: Any, make: Any) -> None:
    """Order 268, 7.1, 6.5.5.1: the command is judged by the tables as the one before it left them."""
    m = asking(means, make)
    m.says(make.put(5, "28336"))
    assert receipts(m.answer(DONE)) == ["28 05/00", "27 05/00", "28 05/33"]


def test_a_group_that_is_made_meanwhile(means: Any, make: Any) -> None:
    """Order 268, 7.1, 6.5.5.7."""
    m = asking(means, make)
    m.says(make.combined(2, 9))
    m.says(make.put(6, "28336", "combined", 2))
    told = m.answer(DONE) + m.answer(DONE)
    assert receipts(told) == ["28 05/00", "27 04/00", "28 04/00", "27 05/00", "28 05/00"]


def test_a_password_that_changes_meanwhile(means: Any, make: Any) -> None:
    """Order 268, 7.1, 7.5: valid is the password at the moment when the command is taken."""
    m = asking(means, make)
    m.says(SetPassword("654321"))
    m.says(GetVersion())
    m.says(GetVersion(password="654321"))
    told = m.answer(DONE)
    assert make.answers(told) == "28/00 27/00 28/00 27/00 28/03 26/02 27/00 2B 28/00"


def test_means_that_are_stopped_meanwhile(means: Any, make: Any) -> None:
    """Order 268, 7.1, 7.3: what waited for the stop is refused, but for command 1."""
    m = asking(means, make)
    m.says(GROUPS)
    m.says(Start())
    m.says(GROUPS)
    assert receipts(m.send(Stop())) == ["27 02/00", "28 05/21"]
    m.asked.pop(0)
    told = m.answer(DONE)
    assert make.answers(told) == "52 28/00 27/17 27/00 28/00 27/00 24 28/5F"


def test_a_stranger_waits_likewise(means: Any, make: Any) -> None:
    """Order 268, 7.1, 7.6: a wrong password is found out when the command is taken."""
    m = asking(means, make)
    assert m.says(GetVersion(**WRONG)) == ""
    assert make.answers(m.answer(DONE)) == "28/00 27/00 28/03 26/02"


def test_units_that_are_no_commands_wait_likewise(means: Any, make: Any) -> None:
    """Order 268, 7.1, 7.4: their 27h/01h keeps its place among the answers."""
    m = asking(means, make)
    assert m.says(GetVersion()) == ""
    assert m.do(m.core.broken(0, 0x0A, "cut", b"\xcc\x01\x0a", m.now)) == []
    assert m.says(bytes([0xCC, 1, 0x7F, 0, *b"123456"])) == ""
    assert m.says(make.combined(0, 3)) == ""
    told = m.answer(DONE)
    assert receipts(told) == ["28 05/00", "27 11/00", "28 11/00", "27 0A/10", "27 7F/11", "27 04/3E"]


# --- connections that go


def test_a_waiting_command_of_a_connection_that_has_gone_is_not_taken(means: Any, make: Any) -> None:
    """Order 268, 7.1: it has had no 27h, so its console knows; the next console hears nothing of it."""
    m = asking(means, make)
    m.connect(1)
    m.says(make.combined(1, 3))
    assert m.says(GROUPS, 1) == ""
    m.close(Channel.KPD1)
    m.open(Channel.KPD1)
    assert receipts(m.answer(DONE)) == ["27 0B/00", "28 0B/00"]
    assert m.core.counters["commands_never_taken"] == 1
    assert sorted(m.tables.objects) == [1, 5]
    assert [line.ksl_a.ksl for line in m.tables.groups[1].lines] == [1, 2]
    assert m.says(GetVersion()) == "27/00 2B 28/00"


def test_a_restart_of_the_node_takes_nothing_that_waits(means: Any, make: Any) -> None:
    """Order 268, 9.2.3: what waited is gone with the rest."""
    m = asking(means, make)
    m.says(GetVersion())
    assert make.answers(m.do(m.core.operator_restart(m.now))) == "28/21 22"
    assert m.answer(DONE) == []
    assert m.core.counters["commands_never_taken"] == 1


def test_a_table_that_is_asked_for_by_a_connection_that_has_gone_ends(means: Any, make: Any) -> None:
    """Order 268, 7.1: a waiting request for a table whose console left does not hold up others."""
    m = asking(means, make)
    m.connect(1)
    m.says(ALL, 1)
    m.close(Channel.KPD1, 1)
    assert m.says(GetVersion()) == ""
    assert receipts(m.answer(DONE)) == ["28 05/00", "27 11/00", "28 11/00"]


# --- 7.2: above a running command


@pytest.mark.parametrize("busy", [asking, sending])
def test_command_7_goes_above_a_running_one(means: Any, make: Any, busy: Any) -> None:
    """Order 268, 7.2: while the switch is asked, and while a table is sent."""
    m = busy(means, make)
    number = 1 if busy is asking else 0
    assert make.answers(m.send(ReleaseKsl(1, OWN, number, None, None))) == "27/00 52 28/00"
    assert make.answers(m.send(ConnectKsl(1, OWN, number, None))) == "27/00 51 28/00"
    assert taken(m) == [(0x08, False), (0x07, False)]
    assert m.work != "idle"


@pytest.mark.parametrize("busy", [asking, sending])
def test_command_8_goes_above_a_running_one_and_before_what_waits(means: Any, make: Any, busy: Any) -> None:
    """Order 268, 7.2: it is executed with precedence."""
    m = busy(means, make)
    number = 1 if busy is asking else 0
    assert m.says(GetVersion()) == ""
    assert make.answers(m.send(ReleaseKsl(1, OWN, number, None, None))) == "27/00 52 28/00"
    rest = (
        m.answer(DONE)
        if busy is asking
        else m.do(m.core.writable(0, m.now)) + m.do(m.core.writable(0, m.now))
    )
    assert receipts(rest)[1:] == ["27 11/00", "28 11/00"]


@pytest.mark.parametrize("busy", [asking, sending])
def test_command_14_goes_above_a_running_one(means: Any, make: Any, busy: Any) -> None:
    """Order 268, 7.2."""
    m = busy(means, make)
    assert m.says(Test(7)) == "27/00 29 53"
    assert m.work != "idle"


@pytest.mark.parametrize(("extended", "ended", "nothing"), [(True, 0x21, 0x39), (False, 0x01, 0x01)])
def test_command_13_ends_a_table_and_nothing_else(
    means: Any, make: Any, extended: bool, ended: int, nothing: int
) -> None:
    """Order 268, 7.2, 6.13.3: output ends; where none runs, the command is accepted and not executed."""
    m = sending(means, make, extended_errors=extended)
    told = m.send(Interrupt())
    assert receipts(told) == ["27 0D/00", f"28 0A/{ended:02X}", "28 0D/00"]
    m = asking(means, make, extended_errors=extended)
    assert receipts(m.send(Interrupt())) == ["27 0D/00", f"28 0D/{nothing:02X}"]
    assert receipts(m.answer(DONE)) == ["28 05/00"]


@pytest.mark.parametrize("command", [GetServices(NumberSign.OWN, "28331"), GetTrunks(None)])
def test_command_13_ends_a_table_that_the_switch_is_asked_for(means: Any, command: Any) -> None:
    """Order 268, 6.13.3: the request is output as well; the switch's answer then comes too late."""
    m = means().begin()
    m.switch = None
    m.send(command)
    told = m.send(Interrupt())
    assert receipts(told) == ["27 0D/00", f"28 {command.code:02X}/21", "28 0D/00"]
    assert m.answer(Reply(True, {"services": [1], "trunks": [{"trunk": 1, "name": "t"}]})) == []
    assert m.work == "idle"


def test_after_command_13_the_waiting_command_is_taken(means: Any, make: Any) -> None:
    """Order 268, 7.1, 7.2."""
    m = sending(means, make)
    m.says(GetVersion())
    told = m.send(Interrupt())
    assert receipts(told) == ["27 0D/00", "28 0A/21", "28 0D/00", "27 11/00", "28 11/00"]


@pytest.mark.parametrize("busy", [asking, sending])
def test_command_2_ends_a_running_one(means: Any, make: Any, busy: Any) -> None:
    """Order 268, 7.2, 6.2.4: 27h, the 28h of the command that ends, 52h, and nothing after the 28h."""
    m = busy(means, make)
    m.switch = lambda op, params: DONE
    told = m.send(Stop())
    running = "05" if busy is asking else "0A"
    assert receipts(told) == ["27 02/00", f"28 {running}/21", "28 02/00"]
    assert told[-1].command == 2
    assert [message.code for message in told] == [0x27, 0x28, 0x52, 0x28]
    assert not m.tables.started
    assert not m.tables.objects
    if busy is asking:
        assert m.answer(DONE) == []
        assert not m.tables.objects
    else:
        assert m.do(m.core.writable(0, m.now)) == []


@pytest.mark.parametrize("command", [Stop(**WRONG), Interrupt(**WRONG)])
def test_a_stranger_ends_nothing(means: Any, make: Any, command: Any) -> None:
    """Order 268, 7.5: only a command with the valid password is executed."""
    m = sending(means, make)
    assert m.says(command) == "27/00 28/03 26/02"
    assert m.work == "sending a table (10, 11, 12, 16)"
    told = m.do(m.core.writable(0, m.now)) + m.do(m.core.writable(0, m.now))
    assert receipts(told) == ["28 0A/00"]


def test_a_second_stop_waits_for_the_first(means: Any, make: Any) -> None:
    """Order 268, 7.2, 7.3: it finds the means stopped."""
    m = means().begin()
    m.switch = None
    assert m.says(Stop()) == "27/00"
    assert m.says(Stop()) == ""
    assert m.says(Test(1)) == "27/00 29 53"
    assert make.answers(m.answer(DONE)) == "28/00 27/17"


# --- how many may wait


@pytest.mark.parametrize(("extended", "busy"), [(True, "27/2D"), (False, "27/01")])
def test_one_more_than_may_wait_is_refused(means: Any, make: Any, extended: bool, busy: str) -> None:
    """Order 268, 7.1, gives no number: option waiting_commands."""
    m = asking(means, make, waiting_commands=2, extended_errors=extended)
    assert m.says(GetVersion()) == ""
    assert m.says(GetVersion()) == ""
    assert m.says(GetVersion()) == busy
    assert m.core.counters["commands_overflowing"] == 1
    assert m.says(Test(1)) == "27/00 29 53"
    assert make.answers(m.answer(DONE)) == "28/00 27/00 2B 28/00 27/00 2B 28/00"
    assert m.says(GetVersion()) == "27/00 2B 28/00"


def test_none_may_wait(means: Any, make: Any) -> None:
    """Option waiting_commands = 0."""
    m = asking(means, make, waiting_commands=0)
    assert m.says(GetVersion()) == "27/2D"
    assert make.answers(m.answer(DONE)) == "28/00"


def test_as_many_as_may_wait_are_taken_without_a_deep_stack(means: Any, make: Any) -> None:
    """Order 268, 7.1: thousands of commands that wait are answered one after the other."""
    m = asking(means, make, waiting_commands=3000)
    for _ in range(3000):
        m.core.broken(0, 0x0A, "cut", b"\xcc\x01\x0a", m.now)
    assert len(m.answer(DONE)) == 3001


def test_guesses_that_wait_for_a_command_are_not_all_looked_at_when_it_ends(means: Any, make: Any) -> None:
    """The pace of wrong passwords holds for them too, and the valid one waits for one interval at most."""
    m = asking(means, make, password_tries_per_minute=2)
    for guess in range(8):
        assert m.says(GetVersion(password=f"{guess:06}")) == ""
    assert make.answers(m.answer(DONE)) == "28/00 27/00 28/03 26/02 27/00 28/03 26/02"
    assert m.says(GetVersion()) == ""
    assert m.core.next_deadline() == m.now + 30
    assert [make.answers(m.later(30)) for _ in range(6)] == ["27/00 28/03 26/02"] * 6
    assert make.answers(m.later(30)) == "27/00 2B 28/00"
    assert m.says(GetVersion()) == "27/00 2B 28/00"


# --- option command_while_busy = "refuse"


@pytest.mark.parametrize(("extended", "busy"), [(True, "27/2D"), (False, "27/01")])
@pytest.mark.parametrize("running", [asking, sending])
def test_a_command_is_refused_while_another_runs(
    means: Any, make: Any, running: Any, extended: bool, busy: str
) -> None:
    """Order 268, 7.1: not taken until the other is answered; the option says so with 27h."""
    m = running(means, make, command_while_busy="refuse", extended_errors=extended)
    assert m.says(GetVersion()) == busy
    assert m.says(make.combined(1, 5)) == busy
    assert m.says(AddKsl(0, None, None, None)) == ("27/3E" if extended else "27/01")
    assert m.says(Test(1)) == "27/00 29 53"
    number = 1 if running is asking else 0
    assert m.says(ReleaseKsl(1, OWN, number, None, None)) == "27/00 52 28/00"
    assert 5 not in [line.ksl_a.ksl for line in m.tables.groups[1].lines]
    m.switch = lambda op, params: DONE
    assert receipts(m.send(Stop()))[-1] == "28 02/00"
