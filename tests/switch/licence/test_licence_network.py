"""The licence state of a node, day by day; what a network's agent gives to whom; and the messages between them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs.state_tables import arrows
from sorm_mediator.language import translate
from sorm_mediator.switch.calendar import LAST, Calendar
from sorm_mediator.switch.licence_network.ledger import Ledger
from sorm_mediator.switch.licence_network.members import Agent, Slave
from sorm_mediator.switch.licence_network.messages import (
    AgentAnswer,
    AgentMessageError,
    Hello,
    Question,
    line_of,
    read_line,
)
from sorm_mediator.switch.licence_network.states import (
    DAY,
    NODE_TABLE,
    ClockStepError,
    NodeInput,
    NodeLicence,
    NodeState,
)

START = 1_800_000_000.0
PERIOD = 30 * DAY
REGULAR, FAILOVER, EMERGENCY = NodeState.REGULAR, NodeState.FAILOVER, NodeState.EMERGENCY


def day(number: float) -> float:
    return START + number * DAY


def node() -> NodeLicence:
    return NodeLicence(PERIOD, START)


# --- thirty days


def test_without_its_master_a_node_is_in_failover_and_counts_its_days_down() -> None:
    licence = node()
    licence.lost(day(0))

    assert licence.state is FAILOVER
    for passed, shown in ((0, "30 days"), (0.5, "30 days"), (1, "29 days"), (29, "1 day"), (29.9, "1 day")):
        licence.tick(day(passed))
        text = licence.shown(day(passed))
        assert text is not None
        assert str(text) == f"Failover Period: {shown} left"
    assert "Failover Period" in str(translate(licence.shown(day(29.9)), "ru"))  # type: ignore[arg-type]


def test_on_day_29_the_master_is_back_and_the_clock_begins_anew() -> None:
    licence = node()
    licence.lost(day(0))
    licence.reached(day(29), serial=1, failed=False)
    assert (licence.state, licence.shown(day(29))) == (REGULAR, None)

    licence.lost(day(40))
    licence.tick(day(69))

    assert licence.state is FAILOVER, "day 29 of the second failover"


def test_the_thirtieth_day_is_the_last_one() -> None:
    licence = node()
    licence.lost(day(0))

    licence.tick(day(30))
    assert licence.state is FAILOVER
    licence.tick(day(30) + 0.001)
    assert licence.state is EMERGENCY


def test_on_day_31_the_node_is_in_emergency_and_stays_there_when_the_master_is_back() -> None:
    licence = node()
    licence.reached(day(0), serial=4, failed=False)
    licence.lost(day(0))

    licence.reached(day(31), serial=4, failed=False)

    assert licence.state is EMERGENCY
    assert "activate the licence file on the master" in str(licence.shown(day(31)))


def test_a_licence_file_that_is_newer_leads_out_of_the_emergency() -> None:
    licence = node()
    licence.reached(day(0), serial=4, failed=False)
    licence.lost(day(0))
    licence.tick(day(31))

    licence.reached(day(32), serial=5, failed=False)

    assert (licence.state, licence.serial) == (REGULAR, 5)


_EVENT = st.one_of(
    st.tuples(st.just("lost")),
    st.tuples(st.just("tick")),
    st.tuples(st.just("failed")),
    st.tuples(st.just("reached"), st.integers(0, 3), st.booleans()),
    st.tuples(st.just("activated"), st.integers(0, 3)),
    st.tuples(st.just("back"), st.floats(1, DAY)),
)


@given(st.lists(st.tuples(st.floats(0, 12 * DAY), _EVENT), max_size=40))
def test_no_order_of_events_leads_back_from_emergency_but_an_activation(events: list[Any]) -> None:
    licence, now = node(), START
    for passed, (kind, *values) in events:
        now += passed
        state, serial = licence.state, licence.serial
        newer = False
        if kind == "back":
            kept = licence.kept(now)
            with pytest.raises(ClockStepError):
                licence.tick(min(now, licence.kept(now).now) - values[0] - passed - 1)
            assert licence.kept(now) == kept, "a step of the clock changes nothing"
            licence.tick(now)
        elif kind == "reached":
            newer = values[0] > serial and not values[1]
            licence.reached(now, serial=values[0], failed=values[1])
        elif kind == "activated":
            newer = values[0] > serial
            licence.activated(now, values[0])
        else:
            getattr(licence, kind)(now)
        if state is EMERGENCY and licence.state is not EMERGENCY:
            assert newer
        left = licence.left(now)
        assert (left is not None) == (licence.state is FAILOVER)
        assert left is None or 0 <= left <= PERIOD


def test_of_the_table_activation_alone_leaves_the_emergency() -> None:
    assert [cause for state, cause in NODE_TABLE if state is EMERGENCY] == [NodeInput.ACTIVATED]
    assert "failover --expired--> emergency" in arrows(NODE_TABLE)


# --- a restart, and the clock


def test_a_restart_ends_neither_the_failover_nor_the_emergency() -> None:
    licence = node()
    licence.lost(day(0))
    again = NodeLicence(PERIOD, day(10))
    again.resume(licence.kept(day(9)), day(10))
    assert (again.state, again.left(day(10))) == (FAILOVER, 20 * DAY)

    late = NodeLicence(PERIOD, day(31))
    late.resume(licence.kept(day(9)), day(31))
    assert late.state is EMERGENCY


def test_a_clock_that_is_behind_the_last_run_is_refused_and_nothing_is_changed() -> None:
    licence = node()
    licence.lost(day(0))
    again = node()
    before = again.kept(START)

    with pytest.raises(ClockStepError, match=r"86400 s behind what the last run wrote.*set it right"):
        again.resume(licence.kept(day(9)), day(8))
    assert again.kept(START) == before


def test_days_pass_as_fast_as_the_lab_wants_and_a_step_of_the_clock_does_not_move_them() -> None:
    clock = {"wall": START, "monotonic": 5.0}
    calendar = Calendar(432_000, wall=lambda: clock["wall"], monotonic=lambda: clock["monotonic"])
    clock["monotonic"] += 6
    clock["wall"] += 6
    assert (calendar.now(), calendar.step()) == (START + 30 * DAY, 0.0)

    clock["wall"] += 31 * DAY

    assert calendar.now() == START + 30 * DAY
    assert calendar.step() == 31 * DAY
    assert calendar.step() == 0.0, "it is told once"
    assert calendar.seconds_until(START + 60 * DAY) == 6


def test_the_calendar_stands_where_its_years_would_have_five_digits() -> None:
    clock = {"wall": START, "monotonic": 0.0}
    calendar = Calendar(10_000_000, wall=lambda: clock["wall"], monotonic=lambda: clock["monotonic"])
    clock["monotonic"] = 400 * DAY
    assert datetime.fromtimestamp(calendar.now()).astimezone().year in (9998, 9999)
    calendar.move_to(1e15)
    assert calendar.now() == LAST
    assert calendar.seconds_until(LAST) == 0


# --- the agent


def master(**total: int) -> Agent:
    agent = Agent("m", node(), lambda: {"ip": 1, "concurrent_calls": 2})
    agent.ledger.have({"networking": 2, **total})
    return agent


def ask(agent: Agent, slave: Slave, now: float = START, **wanted: int) -> AgentAnswer:
    answer = agent.answer(slave.question(wanted), now)
    slave.answered(answer, now)
    return answer


def slave(name: str) -> Slave:
    return Slave(name, node())


def test_units_are_counted_over_all_nodes_and_given_back() -> None:
    agent, a, b = master(ip=5, concurrent_calls=10), slave("a"), slave("b")

    assert ask(agent, a, ip=3, concurrent_calls=6).granted == {
        "ip": 3,
        "concurrent_calls": 6,
        "networking": 1,
    }
    assert ask(agent, b, ip=3, concurrent_calls=6).granted == {
        "ip": 1,
        "concurrent_calls": 2,
        "networking": 1,
    }
    assert agent.own_limits == {"networking": 0, "ip": 1, "concurrent_calls": 2}

    ask(agent, a, ip=1)
    assert ask(agent, b, ip=3, concurrent_calls=6).granted == {
        "ip": 3,
        "concurrent_calls": 6,
        "networking": 1,
    }


def test_as_many_licences_as_a_file_can_hold_are_told_to_a_slave() -> None:
    agent, a = master(ip=20_000_000_000), slave("a")
    assert dict(ask(agent, a, ip=3).total) == {"ip": 20_000_000_000, "networking": 2}


def test_each_slave_needs_a_networking_licence_of_its_own() -> None:
    agent = master(ip=9)
    for name in "ab":
        assert ask(agent, slave(name), ip=1).refused == ""

    third = slave("c")
    answer = ask(agent, third, ip=1)

    assert "each slave needs a licence networking, and all 2 are in use" in answer.refused
    assert (third.licence.state, dict(third.granted)) == (FAILOVER, {})
    assert "c" not in agent.ledger.grants


def test_a_slave_with_the_name_of_the_master_is_refused() -> None:
    assert "'m' is the name of the master" in ask(master(), slave("m")).refused


def test_in_failover_a_slave_works_with_what_it_held_and_calls_go_up_to_what_the_network_has() -> None:
    agent, a = master(ip=5, concurrent_calls=10), slave("a")
    ask(agent, a, ip=3, concurrent_calls=4)

    a.unreachable("it does not answer", day(1))

    assert a.own_limits == {"ip": 3, "networking": 1, "concurrent_calls": 10}


def test_a_slave_that_is_silent_keeps_its_licences_for_the_failover_period() -> None:
    agent, a, b = master(ip=4), slave("a"), slave("b")
    ask(agent, a, ip=3)

    assert ask(agent, b, day(30), ip=3).granted["ip"] == 0
    assert ask(agent, b, day(31), ip=3).granted["ip"] == 3


def test_all_nodes_change_together() -> None:
    agent, a, b = master(ip=4), slave("a"), slave("b")
    agent.licence.activated(START, 1)
    ask(agent, a)
    ask(agent, b)
    a.unreachable("the line is cut", day(0))
    a.licence.tick(day(31))

    ask(agent, a, day(31))
    ask(agent, b, day(31))
    assert [one.licence.state for one in (agent, a, b)] == [EMERGENCY] * 3

    agent.licence.activated(day(32), 2)
    ask(agent, b, day(32))
    ask(agent, a, day(32))
    assert [one.licence.state for one in (agent, a, b)] == [REGULAR] * 3


def test_a_slave_in_emergency_that_comes_back_after_the_activation_is_regular_with_the_others() -> None:
    agent, a = master(), slave("a")
    agent.licence.activated(START, 1)
    ask(agent, a)
    a.unreachable("the line is cut", day(0))
    a.licence.tick(day(31))
    agent.licence.activated(day(32), 2)

    ask(agent, a, day(33))

    assert [one.licence.state for one in (agent, a)] == [REGULAR] * 2


@given(
    st.dictionaries(st.sampled_from("xy"), st.integers(0, 9)),
    st.lists(
        st.one_of(
            st.tuples(
                st.just("ask"),
                st.sampled_from("abc"),
                st.dictionaries(st.sampled_from("xyz"), st.integers(0, 9)),
            ),
            st.tuples(st.just("have"), st.dictionaries(st.sampled_from("xy"), st.integers(0, 9))),
            st.tuples(st.just("forget"), st.sampled_from("abc")),
        ),
        max_size=30,
    ),
)
def test_what_nodes_hold_together_never_exceeds_what_there_is(total: Any, steps: list[Any]) -> None:
    ledger = Ledger(PERIOD)
    ledger.have(total)
    for kind, *values in steps:
        if kind == "ask":
            name, wanted = values
            granted = ledger.ask(name, wanted, {}, START)
            assert all(granted[one] <= wanted[one] for one in wanted)
        else:
            getattr(ledger, kind)(*values)
        for resource, units in ledger.held().items():
            assert units <= ledger.total.get(resource, 0)


# --- messages

QUESTION = Question(op="poll", node="a", number=1, state=REGULAR, serial=2, wanted={"ip": 3})


def test_a_message_is_read_with_the_secret_and_the_text_of_its_connection() -> None:
    line = line_of(QUESTION, "secret", "n" * 32)

    assert read_line(line, Question, "secret", "n" * 32) == QUESTION
    assert line.endswith(b"\n")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (line_of(QUESTION, "other", "n" * 32), "signature is wrong: secret differs"),
        (line_of(QUESTION, "secret", "another connection"), "signature is wrong"),
        (line_of(QUESTION, "secret", "n" * 32).replace(b'"ip": 3', b'"ip": 9'), "signature is wrong"),
        (b"{}", "op: Field required"),
        (b"[]", "no JSON object"),
        (b"\xff\n", "no JSON"),
        (b'{"mac": 7, "nonce": "' + b"n" * 32 + b'"}', "op: Field required"),
    ],
)
def test_a_line_that_is_no_message_of_the_network_is_refused(line: bytes, why: str) -> None:
    with pytest.raises(AgentMessageError, match=why):
        read_line(line, Question, "secret", "n" * 32)


@given(st.binary(max_size=200))
def test_any_octets_are_a_message_or_a_declared_error(line: bytes) -> None:
    for kind in (Hello, Question, AgentAnswer):
        with pytest.raises(AgentMessageError):
            read_line(line, kind, "secret", "")
