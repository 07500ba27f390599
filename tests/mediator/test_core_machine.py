"""Whatever consoles, the switch, call reports and the clock do, in whatever order: what must always hold."""

from __future__ import annotations

from collections import Counter, defaultdict
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
from protocol.messages import CommandExecuted, CommandReceived
from protocol.strategies import message as any_message
from radius.report import CallReport, Match, Party, ServiceUse
from sorm_mediator.mediator.core import effects
from sorm_mediator.mediator.core.calls.legs import Call
from ssh_control.dialect import Reply

NUMBERS = st.integers(0, 5)
PHONES = {number: f"2833{number}" for number in range(6)}
KSL = st.builds(Ksl, st.integers(0, 1), st.integers(1, 5))
GROUPS = st.sampled_from([None, 0, 1, 2, 3])
CATEGORIES = st.sampled_from(Category)
PRIORITIES = st.sampled_from(Priority)
CALLS = st.integers(1, 4)
OWN, SIGN = ObjectType.OWN_SUBSCRIBER, NumberSign.OWN


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
        self.m = self.kind(max_objects=5, console_timeout=60, call_expiry=500, **self.options)
        self.newest: dict[Call, int] = {}
        self.reports: dict[str, CallReport] = {}
        self.sent: list[CallReport] = []
        self.names = 0
        self.seen = 0
        self.told: dict[tuple[int, int], list[int]] = defaultdict(list)
        self.due: Counter[int] = Counter()

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
        before = self.receipts()
        command = (
            replace(command, password=self.m.tables.password) if command.password == "123456" else command
        )
        sent = self.m.send(command, stream)
        self.judge(command.code, stream, before, sent)

    def receipts(self) -> int:
        return sum(self.m.core.counters[c] for c in ("commands",))

    def judge(self, code: int, stream: int, before: int, sent: list[Any]) -> None:
        """One unit, one 27h with its code, and it comes before everything else that answers."""
        assert self.receipts() == before + 1
        answers = [m for m in sent if isinstance(m, CommandReceived)]
        if (stream, Channel.KPD1) in self.m.up:
            assert [a.command for a in answers] == [code]
            assert sent[0] is answers[0]
        else:
            assert answers == []

    @rule(command=sensible, stream=st.sampled_from([0, 0, 0, 1]))
    def command(self, command: Any, stream: int) -> None:
        self.send(command, stream)

    @rule(command=sensible, wrong=st.sampled_from([{"password": "000000"}, {"orm_number": 9}]))
    def stranger(self, command: Any, wrong: dict[str, Any]) -> None:
        before = self.receipts()
        tables = repr(self.m.tables.objects), self.m.tables.started
        sent = self.m.send(replace(command, **wrong))
        self.judge(command.code, 0, before, sent)
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
        before = self.receipts()
        self.judge(unit[2], 0, before, self.m.send(bytes(unit)))

    @rule(code=st.none() | st.integers(0, 255), raw=st.binary(max_size=20))
    def cut(self, code: int | None, raw: bytes) -> None:
        before = self.receipts()
        sent = self.m.do(self.m.core.broken(0, code, "length", raw, self.m.now))
        self.judge(code or 0, 0, before, sent)

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
            st.sampled_from(["event", "object_number", "line_state"]),
            st.sampled_from(["line-state", 1, None, []]),
        )
    )
    def switch_tells(self, event: dict[str, Any]) -> None:
        self.m.do(self.m.core.switch_event(event, self.m.now))

    @rule(stream=st.sampled_from([0, 1]), channel=st.sampled_from([Channel.KPD1, Channel.KPD2]))
    def channel(self, stream: int, channel: Channel) -> None:
        if (stream, channel) in self.m.up:
            self.m.close(channel, stream)
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
        new, self.seen = self.m.effects[self.seen :], len(self.m.effects)
        for effect in new:
            match effect:
                case effects.Journal("command", {"receipt": 0}):
                    self.due[effect.fields["command"]] += 1
                case effects.Journal("executed"):
                    self.due[effect.fields["command"]] -= 1
                    assert self.due[effect.fields["command"]] >= 0
                case effects.Send(message=CallEvent() as event):
                    self.judge_event(event)
        waiting = sum(self.due.values())
        assert waiting == (self.m.core.work != "idle"), "every accepted command has one end"

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
            assert event.ksl_a is not None

    @invariant()
    def executed_is_told_to_the_console_that_asked(self) -> None:
        sent = [e for e in self.m.effects if isinstance(e, effects.Send)]
        received = Counter(e.message.command for e in sent if isinstance(e.message, CommandReceived))
        executed = Counter(e.message.command for e in sent if isinstance(e.message, CommandExecuted))
        assert not executed - received

    def teardown(self) -> None:
        """Left alone, everything comes to rest: no line is lost, no call left."""
        self.m.do(self.m.core.switch_down("end", self.m.now))
        self.m.later(2000)
        if self.m.core.output_stream is not None:
            for _ in range(3):
                self.m.do(self.m.core.writable(self.m.core.output_stream or 0, self.m.now))
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
    "unauthorized_access_place": "after_28h",
    "combined_ksl_b": "ff",
}


@pytest.mark.parametrize("options", [{}, OTHERWISE], ids=["defaults", "otherwise"])
def test_nothing_breaks_the_core(means: Any, options: dict[str, Any]) -> None:
    case = type("Case", (Machine,), {"kind": means, "options": options})
    run_state_machine_as_test(
        case,
        settings=settings(
            max_examples=120,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
