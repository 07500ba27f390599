"""Whatever consoles, the switch, reports, an operator and the clock do, in whatever order: what must always hold."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from protocol import Category, Channel, GroupType, Ksl, NumberSign, ObjectType, Priority
from protocol.commands import (
    AddKsl,
    AddObject,
    ChangeObject,
    ConnectKsl,
    GetKsl,
    GetObjects,
    GetServices,
    GetTrunks,
    GetVersion,
    Interrupt,
    ReleaseKsl,
    RemoveKsl,
    RemoveObject,
    SetPassword,
    Start,
    Stop,
    Test,
)
from protocol.events import CallEvent
from protocol.messages import CommandExecuted, CommandReceived, ElectronicMessage
from protocol.strategies import message as any_message
from radius.report import MESSAGE_ROLES, CallReport, Match, MessageReport, Party, ServiceUse
from sorm_mediator.mediator.core import effects
from sorm_mediator.mediator.core.calls.legs import Call
from sorm_mediator.mediator.core.channels import USABLE
from ssh_control.dialect import Reply

NUMBERS = st.integers(0, 5)
PHONES = {number: f"2833{number}" for number in range(6)}
KSL = st.builds(Ksl, st.integers(0, 1), st.integers(1, 5))
GROUPS = st.sampled_from([None, 0, 1, 2, 3])
CATEGORIES = st.sampled_from(Category)
PRIORITIES = st.sampled_from(Priority)
CALLS = st.integers(1, 4)
OWN, SIGN = ObjectType.OWN_SUBSCRIBER, NumberSign.OWN
ABOVE = (7, 8, 13, 14)
"""Commands that never wait; nor does 2, but for another 2 (order 268, 7.2)."""
STOPPING = "waiting for the switch (2)"
FULL_CONTROL = 0b01010101
"""Bits of the selection sign that only full control sets (order 268, 10.2.1.6)."""


@st.composite
def objects(draw: Any) -> AddObject:
    number = draw(NUMBERS)
    category = draw(CATEGORIES)
    group = None if category is Category.STATISTICAL else draw(st.integers(1, 2))
    return AddObject(number, OWN, SIGN, PHONES[number], None, category, group, draw(PRIORITIES))


def removal(number: int) -> RemoveObject:
    return RemoveObject(number, OWN, SIGN, PHONES[number], None)


sensible = st.one_of(
    st.builds(Start),
    st.builds(Stop),
    st.builds(SetPassword, st.sampled_from(["123456", "654321"])),
    st.builds(AddKsl, st.integers(1, 2), st.just(GroupType.COMBINED), KSL, st.none()),
    st.builds(AddKsl, st.just(2), st.just(GroupType.SEPARATE), KSL, KSL),
    objects(),
    objects(),
    st.builds(removal, NUMBERS),
    st.builds(ConnectKsl, CALLS, st.just(OWN), NUMBERS, GROUPS),
    st.builds(ReleaseKsl, CALLS | st.none(), st.none(), NUMBERS | st.none(), KSL | st.none(), st.none()),
    st.builds(RemoveKsl, GROUPS, KSL, st.none()),
    st.builds(GetObjects, NUMBERS | st.none(), st.none(), st.none(), st.none(), st.none()),
    st.builds(GetKsl, GROUPS, st.none(), st.none(), st.none()),
    st.builds(GetServices, st.just(SIGN), st.just("28331")),
    st.builds(Interrupt),
    st.builds(Test, st.integers(0, 255)),
    st.builds(ChangeObject, NUMBERS, CATEGORIES, GROUPS, PRIORITIES),
    st.builds(GetTrunks, st.none()),
    st.builds(GetVersion),
)
replies = st.one_of(
    st.none(),
    st.builds(
        Reply,
        st.just(True),
        st.just({"line_state": 0, "services": [0x21], "trunks": [{"trunk": 1, "name": "t"}]}),
    ),
    st.builds(
        Reply,
        st.booleans(),
        st.dictionaries(
            st.sampled_from(["line_state", "services", "trunks", "line_states", "refused"]),
            st.recursive(
                st.none() | st.integers() | st.text(max_size=3),
                lambda inner: (
                    st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
                ),
                max_leaves=4,
            ),
        ),
        st.none() | st.integers(),
    ),
)


class Machine(RuleBasedStateMachine):
    """Random consoles against a random switch, with simulated calls underneath."""

    kind: Any
    options: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        super().__init__()
        usual = {"console_timeout": 60, "call_expiry": 500, "password_tries_per_minute": 0}
        self.m = self.kind(max_objects=5, **(usual | self.options))
        self.waits = self.m.config.options.command_while_busy == "wait"
        self.newest: dict[Call, int] = {}
        self.reports: dict[str, CallReport] = {}
        self.sent: list[CallReport] = []
        self.names = 0
        self.seen = 0
        self.told: dict[tuple[int, int], list[int]] = defaultdict(list)
        self.due: Counter[int] = Counter()
        self.unanswered: Counter[int] = Counter()
        self.at_once: tuple[int, int] | None = None
        """The unit that comes now and is answered in the same input: its code and its stream."""
        self.waiting: deque[tuple[int, int]] = deque()
        """Those that wait, in the order in which they came."""

    # --- what goes in

    @initialize()
    def begin(self) -> None:
        self.m.connect()
        self.m.do(self.m.core.switch_up(self.m.now))
        line = AddKsl(1, GroupType.COMBINED, Ksl(0, 1), None)
        pair = AddKsl(2, GroupType.SEPARATE, Ksl(0, 2), Ksl(0, 3))
        for command in (Start(), line, pair, *(self.object(n) for n in range(3))):
            self.send(command)

    def object(self, number: int) -> AddObject:
        """Two ordinary objects and a priority one, for two lines."""
        category = Category.SEPARATE if number == 1 else Category.COMBINED
        priority = Priority.HIGH if number == 2 else Priority.NORMAL
        return AddObject(number, OWN, SIGN, PHONES[number], None, category, 1 + (number == 1), priority)

    @rule(answers=st.booleans())
    def switch_mood(self, answers: bool) -> None:
        """A switch that accepts everything at once, or one that answers when another rule says so."""
        self.m.switch = (lambda op, params: Reply(True, {"line_state": 0})) if answers else None

    def send(self, command: Any, stream: int = 0) -> None:
        command = (
            replace(command, password=self.m.tables.password) if command.password == "123456" else command
        )
        self.give(command.code, stream, lambda: self.m.send(command, stream))

    def give(self, code: int, stream: int, act: Callable[[], list[Any]], *, whole: bool = True) -> None:
        """A unit comes. It is answered at once, by 27h with its code before everything else; or it waits."""
        self.collect()
        work, core = self.m.core.work, self.m.core
        above = whole and (code in ABOVE or (code == 2 and work != STOPPING))
        free = work == "idle" and not self.waiting
        if above or free or not self.waits:
            self.at_once = (code, stream)
            sent = act()
            if (stream, Channel.KPD1) in self.m.up and not core.channels.untested:
                assert isinstance(sent[0], CommandReceived)
                assert sent[0].command == code
            else:
                assert not any(isinstance(m, CommandReceived) and m.command == code for m in sent[:1])
        else:
            self.waiting.append((code, stream))
            act()
        self.collect()
        assert self.at_once is None, "not answered at once"

    @rule(command=sensible, stream=st.sampled_from([0, 0, 0, 1]))
    def command(self, command: Any, stream: int) -> None:
        self.send(command, stream)

    @rule(number=NUMBERS, commands=st.lists(sensible, min_size=1, max_size=4))
    def burst(self, number: int, commands: list[Any]) -> None:
        """Commands come while the switch has not answered one."""
        self.m.switch = None
        self.send(self.object(number) if number not in self.m.tables.objects else removal(number))
        for command in commands:
            self.send(command)

    @precondition(lambda self: self.m.core.work != "idle")
    @rule()
    def stop(self) -> None:
        """Command 2 above whatever runs."""
        self.send(Stop())

    @rule(command=sensible, wrong=st.sampled_from([{"password": "000000"}, {"orm_number": 9}]))
    def stranger(self, command: Any, wrong: dict[str, Any]) -> None:
        if isinstance(command, Start) and self.m.config.options.orm_number_from_start == "on":
            wrong = {"password": "000000"}
        tables = repr(self.m.tables.objects), self.m.tables.started
        self.give(command.code, 0, lambda: self.m.send(replace(command, **wrong)))
        assert (repr(self.m.tables.objects), self.m.tables.started) == tables

    @rule(data=st.data())
    def broken(self, data: Any) -> None:
        """A command of any content, some of its octets changed."""
        command = data.draw(
            st.sampled_from([AddKsl, AddObject, RemoveObject, ConnectKsl, ReleaseKsl, GetObjects])
        )
        unit = bytearray(self.m.codec.encode(data.draw(any_message(command))))
        unit[1], unit[4:10] = 1, self.m.tables.password.encode("latin-1")
        for _ in range(data.draw(st.integers(0, 3))):
            unit[data.draw(st.integers(10, len(unit) - 1))] = data.draw(st.integers(0, 255))
        self.give(unit[2], 0, lambda: self.m.send(bytes(unit)))

    @rule(code=st.none() | st.integers(0, 255), raw=st.binary(max_size=20))
    def cut(self, code: int | None, raw: bytes) -> None:
        core = self.m.core
        self.give(
            code or 0, 0, lambda: self.m.do(core.broken(0, code, "length", raw, self.m.now)), whole=False
        )

    @precondition(lambda self: self.m.asked)
    @rule(reply=replies, last=st.booleans())
    def switch_answers(self, reply: Reply | None, last: bool) -> None:
        question = self.m.asked.pop(-1 if last else 0)
        self.m.do(self.m.core.switch_reply(question.token, reply, self.m.now))

    @rule()
    def switch_up(self) -> None:
        self.m.do(self.m.core.switch_up(self.m.now))

    @rule()
    def switch_down(self) -> None:
        self.m.do(self.m.core.switch_down("cut", self.m.now))

    @rule(
        event=st.dictionaries(
            st.sampled_from(["event", "object_number", "line_state", "trunk", "name"]),
            st.sampled_from(["line-state", "trunk-renamed", 1, None, [], "name " * 20]),
        )
    )
    def switch_tells(self, event: dict[str, Any]) -> None:
        self.m.do(self.m.core.switch_event(event, self.m.now))

    @rule(stream=st.sampled_from([0, 1]), channel=st.sampled_from([Channel.KPD1, Channel.KPD2]))
    def channel(self, stream: int, channel: Channel) -> None:
        if (stream, channel) in self.m.up:
            self.m.close(channel, stream)
            if channel is Channel.KPD1:
                # Its console knows that what has had no 27h was not taken.
                self.waiting = deque(unit for unit in self.waiting if unit[1] != stream)
        else:
            self.m.open(channel, stream)

    @rule(seconds=st.sampled_from([0.5, 5, 30, 100, 600]))
    def time(self, seconds: float) -> None:
        self.m.later(seconds)

    @rule(stream=st.sampled_from([0, 1]))
    def writable(self, stream: int) -> None:
        self.m.do(self.m.core.writable(stream, self.m.now))

    @rule(ksl=KSL, works=st.booleans())
    def line(self, ksl: Ksl, works: bool) -> None:
        self.m.do(self.m.core.ksl_changed([ksl], in_service=works, alarm_code=1, now=self.m.now))

    # --- an operator

    @rule(kind=st.sampled_from([1, 2, 3, 4]), code=st.integers(0, 255))
    def alarm(self, kind: int, code: int) -> None:
        self.m.do(self.m.core.operator_alarm(kind, code, self.m.now))
        assert kind != 1 or self.is_initial()

    @rule()
    def restart(self) -> None:
        self.waiting.clear()
        self.m.do(self.m.core.operator_restart(self.m.now))
        assert self.is_initial()

    def is_initial(self) -> bool:
        """Stopped, the first password, no tables, nothing that runs; what waited may have begun something since."""
        if self.waiting:
            return True
        tables = self.m.tables
        empty = not (tables.started or tables.objects or tables.groups)
        return empty and tables.password == "123456" and self.m.core.work == "idle"

    @rule(code=st.integers(1, 5), text=st.text(max_size=50), number=NUMBERS, state=st.integers(0, 255))
    def operator_says(self, code: int, text: str, number: int, state: int) -> None:
        core, now = self.m.core, self.m.now
        for told in (
            *self.m.do(core.operator_access(code, text, now)),
            *self.m.do(core.tables_read(text, now)),
            *self.m.do(core.refused_connection(1, text, code, now)),
        ):
            assert told.code == 0x26
            assert len(told.text) <= 40
        assert self.m.do(core.operator_line_state(number, state, now)) == []
        assert set(core.line_states) <= set(self.m.tables.objects)

    # --- messages

    @rule(
        name=st.integers(1, 30),
        touched=st.lists(st.tuples(NUMBERS, st.sampled_from(MESSAGE_ROLES)), max_size=3),
        text=st.sampled_from(["", "short", "\u0436" * 200]),
        delivered=st.sampled_from([None, True, False]),
    )
    def message(self, name: int, touched: list[tuple[int, str]], text: str, delivered: bool | None) -> None:
        side = Party(digits=PHONES[0], ni="private")
        report = MessageReport(
            message_id=str(name),
            domain="d",
            time=self.m.now,
            sender=side,
            receiver=side,
            text=text,
            delivered=delivered,
            matches=tuple(
                Match(object_number=n, role=role, called=side, time=self.m.now) for n, role in touched
            ),
        )
        told = self.m.do(self.m.core.message_report(report, self.m.now))
        sets: list[list[ElectronicMessage]] = []
        for part in told:
            assert isinstance(part, ElectronicMessage)
            if part.index == 1:
                sets.append([])
            sets[-1].append(part)
        known = [n for n, _ in touched if n in self.m.tables.objects]
        if told:
            assert self.m.tables.started
            assert [parts[0].object_number for parts in sets] == known
        for parts in sets:
            assert [(p.total, p.index) for p in parts] == [(len(parts), n + 1) for n in range(len(parts))]
            assert b"".join(p.text for p in parts) == text.encode()
            assert len({(p.object_number, p.delivery_state, p.sender, p.time) for p in parts}) == 1
        assert self.m.do(self.m.core.message_report(report, self.m.now)) == [] or not told

    # --- calls

    @rule(a=NUMBERS, b=NUMBERS, setup=st.booleans())
    def call(self, a: int, b: int, setup: bool) -> None:
        self.names += 1
        side = Party(digits=PHONES[b], ni="private")
        report = CallReport(
            call_id=f"call-{self.names}",
            domain="d",
            sequence=1,
            time=self.m.now,
            connection=0x1C,
            calling=Party(digits=PHONES[a], ni="private"),
            called=side,
            setup_time=self.m.now if setup else None,
            matches=tuple(
                Match(object_number=n, role=role, called=side, time=self.m.now)
                for n, role in ((a, "a"), (b, "b"))
            ),
        )
        self.reports[report.call_id] = report
        self.tell(report)

    @precondition(lambda self: self.reports)
    @rule(
        data=st.data(),
        what=st.sampled_from(["setup", "answer", "service", "forward", "release"]),
        lost=st.booleans(),
    )
    def goes_on(self, data: Any, what: str, lost: bool) -> None:
        report = self.reports[data.draw(st.sampled_from(sorted(self.reports)))]
        now = self.m.now
        match what:
            case "setup" if report.setup_time is None:
                report = replace(report, setup_time=now)
            case "answer" if report.setup_time is not None and report.answer_time is None:
                report = replace(report, answer_time=now)
            case "service" | "forward" if report.setup_time is not None:
                target = Party(digits=PHONES[data.draw(NUMBERS)], ni="private")
                used = ServiceUse(time=now, code=0x21, phase=4, calling=report.called, called=target)
                report = replace(report, services=(*report.services, used))
                if what == "forward" and report.answer_time is None:
                    number = data.draw(NUMBERS)
                    touched = Match(object_number=number, role="b", called=target, time=now)
                    report = replace(report, matches=(*report.matches, touched), called=target)
            case "release":
                cause = 2 if report.setup_time is None else 5 if report.answer_time else 4
                report = replace(report, release_time=now, release_cause=cause)
            case _:
                return
        report = replace(report, sequence=report.sequence + 1, time=now)
        if what == "release":
            del self.reports[report.call_id]
        else:
            self.reports[report.call_id] = report
        if not lost:
            self.tell(report)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def again(self, data: Any) -> None:
        """A report comes twice, or overtaken by others, or after the end of its call."""
        self.tell(data.draw(st.sampled_from(self.sent)))

    def tell(self, report: CallReport) -> None:
        """Events go over the pair in use, which works; without one nothing is said."""
        first = len(self.m.effects)
        self.m.do(self.m.core.report(report, self.m.now))
        channels = self.m.core.channels
        for effect in self.m.effects[first:]:
            if isinstance(effect, effects.Send):
                assert effect.stream == channels.own(Channel.KPD2)
                assert channels[effect.stream].state in USABLE
                assert not channels.untested
        self.sent.append(report)

    # --- what comes out

    @invariant()
    def calls_are_of_objects_on_control_and_never_go_back_to_an_older_report(self) -> None:
        for call in self.m.core.calls:
            assert set(call.legs) <= set(self.m.tables.objects)
            assert call.report.sequence >= self.newest.get(call, 0)
            self.newest[call] = call.report.sequence

    @invariant()
    def lines_belong_to_full_control_or_command_7(self) -> None:
        for call in self.m.core.calls:
            for leg in call.legs.values():
                if leg.line is not None:
                    assert self.m.core.pool.exists(leg.line.ksl_a)
                    assert self.m.core.pool.faulty.isdisjoint(leg.line.ksls)

    @invariant()
    def while_stopped_nothing_is_controlled(self) -> None:
        if not self.m.tables.started:
            assert len(self.m.core.calls) == 0
            assert not self.m.tables.objects

    @invariant()
    def the_pair_in_use_works_and_nothing_goes_elsewhere(self) -> None:
        channels = self.m.core.channels
        for channel in (Channel.KPD1, Channel.KPD2):
            own = channels.own(channel)
            assert own is None or channels.usable(own, channel)
            assert own is None or channels[own].state in USABLE
            assert {(stream, channel) for stream in channels.connected(channel)} <= self.m.up

    @invariant()
    def what_was_sent_is_in_order(self) -> None:
        self.collect()
        running = sum(self.due.values())
        assert running == (self.m.core.work != "idle"), "every accepted command has one end"
        assert not self.waiting or self.m.core.work != "idle", "a command waits, and nothing runs"

    def collect(self) -> None:
        """Judge the effects that are new."""
        new, self.seen = self.m.effects[self.seen :], len(self.m.effects)
        for effect in new:
            match effect:
                case effects.Journal("command", fields):
                    self.judge_turn((fields["command"], fields["stream"]), fields["receipt"])
                    self.due[fields["command"]] += fields["receipt"] == 0
                case effects.Journal("executed", fields):
                    self.due[fields["command"]] -= 1
                    assert self.due[fields["command"]] >= 0
                case effects.Send(message=CallEvent() as event):
                    self.judge_event(event)
                case effects.Send(message=CommandReceived() as received):
                    self.unanswered[received.command] += 1
                case effects.Send(message=CommandExecuted() as executed):
                    self.unanswered[executed.command] -= 1
                    assert self.unanswered[executed.command] >= 0, "28h without its 27h"

    def judge_turn(self, unit: tuple[int, int], receipt: int) -> None:
        """Units are taken in the order in which they came, but for those that are answered at once."""
        bound = self.m.config.options.waiting_commands
        if self.at_once == unit:
            self.at_once = None
        elif len(self.waiting) > bound:
            assert self.waiting.pop() == unit
            assert receipt in (0x2D, 0x01)
        else:
            assert self.waiting.popleft() == unit

    def judge_event(self, event: CallEvent) -> None:
        key = (event.call_number, event.object_number)
        before = self.told[key]
        code = event.code
        if code == 0x43:
            # A call number may be used again once its call is over.
            del self.told[key]
            return
        if code in (0x41, 0x42):
            assert code not in before, f"{code:02X}h twice"
        if code == 0x41:
            assert 0x42 not in before
            assert 0x44 not in before
        before.append(code)
        if event.operation is None:
            assert code in (0x41, 0x42, 0x44)
            assert event.ksl_a is None
            assert event.ksl_b is None
        if code in (0x51, 0x52):
            assert (event.ksl_a is not None) == (code == 0x52 or event.operation == 0x00)
        # Shown under full control if and only if there is a line (11.1.8, 11.2.4.1).
        assert bool(event.selection & FULL_CONTROL) == (event.ksl_a is not None)
        assert event.ksl_a is not None or event.priority is not Priority.HIGH

    def teardown(self) -> None:
        """Left alone, everything comes to rest: no command waits, no line is lost, no call is left."""
        self.m.do(self.m.core.switch_down("end", self.m.now))
        self.m.later(3000)
        self.collect()
        assert not self.waiting
        assert sum(self.due.values()) == 0
        assert self.m.core.work == "idle"
        assert len(self.m.core.calls) == 0
        assert self.m.core.pool.in_use == 0
        assert self.m.core.calls._numbers == {}
        assert self.m.core.calls._legs_of == {}
        assert self.m.core.calls._waiting == {}
        assert self.m.core.next_deadline() is None or self.m.core.next_deadline() > self.m.now


OTHERWISE = {
    "extended_errors": False,
    "late_ksl": "on",
    "join_running_call_on_add": "on",
    "change_running_call": "at_once",
    "same_call_number_for_both_objects": "off",
    "busy_ksl_removal": "release",
    "mass_removal": "all",
    "stop_clears_groups": "off",
    "test_command_28h": "on",
    "unauthorized_access_place": "before_28h",
    "combined_ksl_b": "ff",
    "command_while_busy": "refuse",
    "ksl_choice": "lowest",
    "line_lost_shown": "none-free",
    "tell_table_access": "on",
    "test_while_stopped": "on",
    "alarm_while_stopped": "on",
}
TIMES = {"test_timeout": 90, "console_timeout": 0, "waiting_commands": 2, "late_ksl": "on"}


@pytest.mark.parametrize(
    "options",
    [{}, {"profile": "order"}, OTHERWISE, TIMES, {"paired": False}],
    ids=["eltex", "order", "otherwise", "times", "unpaired"],
)
def test_nothing_breaks_the_core(means: Any, monkeypatch: Any, options: dict[str, Any]) -> None:
    """Order 268, 7.1, 7.2, 1.4.1.1, 6.14.3 and all that is told of calls, for any sequence of inputs."""
    monkeypatch.setattr("sorm_mediator.mediator.core.means.MESSAGES_AT_ONCE", 2)
    case = type("Case", (Machine,), {"kind": means, "options": options})
    run_state_machine_as_test(
        case,
        settings=settings(
            max_examples=30,
            stateful_step_count=45,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
