"""Whatever consoles, the switch, call reports and the clock do, in whatever order: what must always hold."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

import pytest
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
from protocol.messages import (
    AddKsl,
    AddObject,
    CallEvent,
    ChangeObject,
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
    RemoveKsl,
    RemoveObject,
    SetPassword,
    Start,
    Stop,
    Test,
)
from protocol.strategies import message as any_message
from radius.report import CallReport, Match, MessageReport, Party, ServiceUse
from sorm_mediator.mediator.core import effects
from sorm_mediator.mediator.core import means as means_module
from sorm_mediator.mediator.core.calls.legs import Call
from sorm_mediator.mediator.core.channels import USABLE, PairState
from ssh_control.dialect import Reply
from tests.machines import machine_settings

pytestmark = pytest.mark.lab  # random lines and floods: seconds each

NUMBERS = st.integers(0, 5)
PHONES = {number: f"2833{number}" for number in range(6)}
KSL = st.builds(Ksl, st.integers(0, 1), st.integers(1, 5))
GROUPS = st.sampled_from([None, 0, 1, 2, 3])
CATEGORIES = st.sampled_from(Category)
PRIORITIES = st.sampled_from(Priority)
CALLS = st.integers(1, 4)
OWN, SIGN = ObjectType.OWN_SUBSCRIBER, NumberSign.OWN
STREAMS = st.sampled_from([0, 0, 0, 1])
OVERTAKING = frozenset({0x02, 0x07, 0x08, 0x0D, 0x0E})
"""Commands that are taken above a running one (order 268, 7.2)."""


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


class Unit(NamedTuple):
    """A unit that the console sent and that has had no 27h yet."""

    code: int
    stream: int
    session: int


class Machine(RuleBasedStateMachine):
    """Random consoles against a random switch, with simulated calls underneath."""

    kind: Any
    options: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        super().__init__()
        limits = {"max_objects": 5, "console_timeout": 60, "call_expiry": 500}
        self.m = self.kind(**(limits | {"password_tries_per_minute": 0} | self.options))
        self.newest: dict[Call, int] = {}
        self.reports: dict[str, CallReport] = {}
        self.sent: list[CallReport] = []
        self.names = 0
        self.told: dict[tuple[int, int], list[int]] = defaultdict(list)
        self.lines: dict[tuple[int, int], Ksl | None] = {}
        """The KSL-A that the console knows of, by call and object."""
        self.dropped = 0
        self.due: Counter[int] = Counter()
        self.sessions: Counter[int] = Counter()
        self.unanswered: list[Unit] = []
        self.untested = False
        self.owed: Counter[int] = Counter()

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
        """The console knows the password and the number of the means."""
        keys = {"password": self.m.tables.password, "orm_number": self.m.core.orm_number}
        self.unit(command.code, stream)
        self.m.send(replace(command, **keys), stream)
        self.what_was_sent_is_in_order()
        if command.code in OVERTAKING and command.code != Stop.code:  # a second 2 waits for the first
            assert all(unit.code != command.code or unit.stream != stream for unit in self.unanswered)

    def unit(self, code: int, stream: int = 0) -> None:
        self.unanswered.append(Unit(code, stream, self.sessions[stream]))

    @rule(command=sensible, stream=STREAMS)
    def command(self, command: Any, stream: int) -> None:
        self.send(command, stream)

    @rule(number=NUMBERS, commands=st.lists(sensible, min_size=1, max_size=4))
    def burst(self, number: int, commands: list[Any]) -> None:
        """Commands come while the switch has not answered one."""
        self.m.switch = None
        self.send(removal(number) if number in self.m.tables.objects else self.object(number))
        for command in commands:
            self.send(command)

    @precondition(lambda self: self.m.work != "idle")
    @rule()
    def stop(self) -> None:
        """Command 2 above whatever runs (order 268, 7.2)."""
        self.send(Stop())

    @rule(command=sensible, wrong=st.sampled_from(["password", "orm_number"]))
    def stranger(self, command: Any, wrong: str) -> None:
        """Changes nothing, whatever it says (order 268, 7.5, 7.6)."""
        own = {"password": self.m.tables.password, "orm_number": self.m.core.orm_number}
        gives = wrong == "orm_number" and isinstance(command, Start) and not self.m.tables.started
        if gives and self.m.config.options.orm_number_from_start == "on":
            return  # then it is no stranger: command 1 gives the number
        own[wrong] = "000000" if wrong == "password" else own["orm_number"] ^ 8
        tables = repr(self.m.tables.objects), self.m.tables.started, self.m.tables.password
        self.unit(command.code)
        self.m.send(replace(command, **own))
        assert (repr(self.m.tables.objects), self.m.tables.started, self.m.tables.password) == tables

    @rule(data=st.data())
    def broken(self, data: Any) -> None:
        """A command of any content, some of its octets changed."""
        command = data.draw(
            st.sampled_from([AddKsl, AddObject, RemoveObject, ConnectKsl, ReleaseKsl, GetObjects])
        )
        unit = bytearray(self.m.codec.encode(data.draw(any_message(command))))
        unit[1], unit[4:10] = self.m.core.orm_number, self.m.tables.password.encode("latin-1")
        for _ in range(data.draw(st.integers(0, 3))):
            unit[data.draw(st.integers(10, len(unit) - 1))] = data.draw(st.integers(0, 255))
        self.unit(unit[2])
        self.m.send(bytes(unit))

    @rule(code=st.none() | st.integers(0, 255), raw=st.binary(max_size=20))
    def cut(self, code: int | None, raw: bytes) -> None:
        self.unit(code or 0)
        self.m.do(self.m.core.broken(0, code, "length", raw, self.m.now))

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
            st.sampled_from(["line-state", "trunk-renamed", 1, None, []]),
        )
    )
    def switch_tells(self, event: dict[str, Any]) -> None:
        self.m.do(self.m.core.switch_event(event, self.m.now))

    @rule(stream=st.sampled_from([0, 1]), channel=st.sampled_from([Channel.KPD1, Channel.KPD2]))
    def channel(self, stream: int, channel: Channel) -> None:
        if (stream, channel) in self.m.up:
            if channel is Channel.KPD1:
                self.unanswered = [unit for unit in self.unanswered if unit.stream != stream]
            self.m.close(channel, stream)
        else:
            self.sessions[stream] += channel is Channel.KPD1
            self.m.open(channel, stream)

    @rule(what=st.integers(0, 5), octet=st.integers(1, 4))
    def operator(self, what: int, octet: int) -> None:
        core, now = self.m.core, self.m.now
        match what:
            case 0:
                self.m.do(core.operator_alarm(octet, octet, now))
            case 1:
                self.m.do(core.operator_access(octet, "somebody", now))
            case 2:
                self.unanswered.clear()
                self.m.do(core.operator_restart(now))
                assert not self.m.tables.started
                assert self.m.tables.objects == {}
            case 3:
                self.m.do(core.operator_line_state(octet, 3, now))
            case 4:
                self.m.do(core.tables_read("somebody", now))
            case _:
                self.m.do(core.refused_connection("somebody", 1, now))

    @rule(
        roles=st.lists(st.tuples(NUMBERS, st.sampled_from(["a", "b", "a-imsi", "trunk"])), max_size=2),
        name=st.integers(0, 3),
    )
    def message(self, roles: list[tuple[int, str]], name: int) -> None:
        """An electronic message, perhaps one that has been reported already."""
        sides = {"sender": Party(digits=PHONES[0], ni="private"), "receiver": Party(trunk=1)}
        matches = tuple(
            Match(object_number=n, role=role, called=sides["receiver"], time=self.m.now) for n, role in roles
        )
        report = MessageReport(
            message_id=str(name), domain="d", time=self.m.now, text="x" * 300, matches=matches, **sides
        )
        sets: list[list[Any]] = []
        for part in self.m.do(self.m.core.message_report(report, self.m.now)):
            if part.index == 1:
                sets.append([])
            sets[-1].append(part)
        known = [number for number, _ in roles if number in self.m.tables.objects]
        assert [parts[0].object_number for parts in sets] in ([], known)
        for parts in sets:
            assert [(part.total, part.index) for part in parts] == [(2, 1), (2, 2)]
            assert b"".join(part.text for part in parts) == b"x" * 300
            assert len({(part.object_number, part.delivery_state, part.time) for part in parts}) == 1

    @rule(seconds=st.sampled_from([0.5, 5, 30, 100, 600]))
    def time(self, seconds: float) -> None:
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        """What is due is done moment by moment, and looked at."""
        until = self.m.now + seconds
        while (deadline := self.m.core.next_deadline()) is not None and deadline <= until:
            self.m.later(max(0.0, deadline - self.m.now))
            self.what_was_sent_is_in_order()
        self.m.later(until - self.m.now)

    @rule(works=st.booleans())
    def disk(self, works: bool) -> None:
        """The disk takes changes, or refuses them; or it refuses an entry of the journal."""
        self.m.disk = works
        self.m.do(self.m.core.disk_refused(self.m.now))

    @rule(stream=st.sampled_from([0, 1]))
    def writable(self, stream: int) -> None:
        self.m.do(self.m.core.writable(stream, self.m.now))

    @rule(ksl=KSL, works=st.booleans())
    def line(self, ksl: Ksl, works: bool) -> None:
        self.m.do(self.m.core.ksl_changed([ksl], in_service=works, alarm_code=1, now=self.m.now))

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
        what=st.sampled_from(["setup", "answer", "slip", "service", "forward", "release"]),
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
            case "slip" if report.answer_time is None:  # the switch reports no moment of set-up
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
        self.m.do(self.m.core.report(report, self.m.now))
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
    def what_was_sent_is_in_order(self) -> None:
        new = list(self.m.effects)
        self.m.effects.clear()
        if self.m.core.counters["dropped_kpd2"] != self.dropped:
            self.dropped = self.m.core.counters["dropped_kpd2"]
            self.lines.clear()  # the console has missed something
        for place, effect in enumerate(new):
            match effect:
                case effects.Journal("command"):
                    self.judge_receipt(effect, new[place + 1 :])
                case effects.Journal("executed"):
                    self.due[effect.fields["command"]] -= 1
                    assert self.due[effect.fields["command"]] >= 0
                case effects.Send(message=CallEvent() as event):
                    assert self.m.core.channels[effect.stream].state in USABLE
                    self.judge_event(event)
                case effects.Send(message=CommandReceived() as message):
                    self.owed[message.command] += 1
                case effects.Send(message=CommandExecuted() as message):
                    self.owed[message.command] -= 1
                    assert self.owed[message.command] >= 0, "28h without 27h"
        busy = self.m.work != "idle"
        assert sum(self.due.values()) == busy, "every accepted command has one end"
        assert busy or not self.unanswered, "only a running command makes others wait"
        for stream in (0, 1):
            waiting = sum(unit.stream == stream for unit in self.unanswered)
            assert waiting <= self.m.config.options.waiting_commands
        assert not self.unanswered or self.m.config.options.command_while_busy == "wait"

    def judge_receipt(self, entry: effects.Journal, then: list[effects.Effect]) -> None:
        """Each unit has one 27h: in the order in which they came, but for those that overtake (order 268, 7.1, 7.2)."""
        code, stream = entry.fields["command"], entry.fields["stream"]
        found = [n for n, unit in enumerate(self.unanswered) if (unit.code, unit.stream) == (code, stream)]
        assert found, f"27h for a command {code:02X}h that nobody sent"
        too_many = len(self.unanswered) > self.m.config.options.waiting_commands
        if too_many and entry.fields["receipt"] != 0:
            found.reverse()  # the last one finds no room, and is refused at once
        else:
            assert code in OVERTAKING or found[0] == 0
        unit = self.unanswered.pop(found[0])
        if entry.fields["receipt"] == 0:
            self.due[code] += 1
        there = (
            self.sessions[stream] == unit.session and stream in self.m.core.channels.connected[Channel.KPD1]
        )
        told = bool(then) and isinstance(then[0], effects.Send) and then[0].message.code == 0x27
        assert told is there, "27h goes to the console that sent the command, if it is there"

    @invariant()
    def nothing_is_sent_without_a_test_until_a_valid_command(self) -> None:
        """Order 268, 6.14.3."""
        channels = self.m.core.channels
        if channels.untested:
            assert not channels.connected[Channel.KPD1]
            assert not channels.connected[Channel.KPD2]
            assert channels.own[Channel.KPD1] is channels.own[Channel.KPD2] is None

    @invariant()
    def messages_of_its_own_go_over_a_pair_that_works(self) -> None:
        """Order 268, 1.4.1.1, 1.4.1.2."""
        channels = self.m.core.channels
        for channel in (Channel.KPD1, Channel.KPD2):
            own = channels.own[channel]
            if own is not None:
                assert (own, channel) in self.m.up
                assert channels[own].state not in (PairState.FAILED, PairState.BLOCKED)

    def judge_event(self, event: CallEvent) -> None:
        """Order 268, 10.3, 11.1-11.6."""
        key = (event.call_number, event.object_number)
        before, code = self.told[key], event.code
        line = None if event.ksl_a is None else (event.ksl_a, event.ksl_b)
        if line is None:
            assert event.ksl_b is None
            assert event.priority in (None, Priority.NORMAL)
            control = 0b10
        else:
            control = 0b01 if event.ksl_b in (None, event.ksl_a) else 0b11
        assert all((event.selection or 0xFF) >> shift & 0b11 in (0, control) for shift in (0, 2, 4, 6))
        if code in (0x41, 0x42, 0x44):
            assert event.operation in ((0x00,) if line else (0x01, None))
        if code == 0x51:
            assert event.operation == (0x00 if line else 0x01)
        if code == 0x52:
            assert line is not None
            assert event.operation in range(1, 7)
        if code in (0x42, 0x43, 0x44, 0x52) and key in self.lines:
            assert self.lines[key] == event.ksl_a, "the line that 41h or 51h told, until 52h"
        self.lines[key] = None if code == 0x52 else event.ksl_a
        if code == 0x43:
            # A call number may be used again once its call is over.
            del self.told[key]
            self.lines.pop(key, None)
            return
        if code in (0x41, 0x42):
            assert code not in before, f"{code:02X}h twice"
        if code == 0x41:
            assert 0x42 not in before
            assert 0x44 not in before
        before.append(code)

    def teardown(self) -> None:
        """Left alone, everything comes to rest: no line is lost, no call left, no command without its end."""
        self.m.do(self.m.core.switch_down("end", self.m.now))
        self.what_was_sent_is_in_order()
        for _ in range(300):
            if self.m.work == "idle":
                break
            for stream in (0, 1):
                self.m.do(self.m.core.writable(stream, self.m.now))
                self.what_was_sent_is_in_order()
        self.pass_time(2000)
        self.what_was_sent_is_in_order()
        assert self.m.work == "idle"
        assert self.unanswered == []
        assert len(self.m.core.calls) == 0
        assert self.m.core.pool.in_use == 0
        assert len(self.m.core.calls.numbers) == 0
        assert not self.m.core.calls._legs_of
        assert not self.m.core.calls._waiting
        assert self.m.core.next_deadline() is None or self.m.core.next_deadline() > self.m.now


THE_ORDER = {
    "profile": "order",
    "station_type": "terminal",
    "capacity": {"subscribers": 257},
    "extended_errors": False,
    "test_timeout": 100,
    "console_timeout": 0,
    "waiting_commands": 2,
    "tell_table_access": "on",
    "wrong_orm_number_reply": "order",
}
OTHERWISE = {
    "extended_errors": False,
    "command_while_busy": "refuse",
    "ksl_choice": "lowest",
    "after_restart": "restore",
    "alarm_while_stopped": "on",
    "late_ksl": "on",
    "join_running_call_on_add": "on",
    "change_running_call": "at_once",
    "same_call_number_for_both_objects": "off",
    "busy_ksl_removal": "release",
    "mass_removal": "all",
    "stop_clears_groups": "off",
    "stop_resets_password": "off",
    "test_command_28h": "on",
    "unauthorized_access_place": "before_28h",
    "combined_ksl_b": "ff",
    "line_lost_shown": "none-free",
    "priority_without_line": "02h",
    "trunk_in_events": "objects",
}
EACH_FOR_ITSELF = {"paired": False, "late_ksl": "on", "test_timeout": 70, "waiting_commands": 1}


@pytest.mark.parametrize(
    "options",
    [{}, THE_ORDER, OTHERWISE, EACH_FOR_ITSELF],
    ids=["defaults", "order", "otherwise", "each channel for itself"],
)
def test_nothing_breaks_the_core(
    means: Any, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        means_module, "MESSAGES_AT_ONCE", 1
    )  # so that tables of few rows wait for the channel
    case = type("Case", (Machine,), {"kind": means, "options": options})
    run_state_machine_as_test(case, settings=machine_settings(20, 50))
