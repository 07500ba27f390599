"""A console, a mediator and a switch with everything that can go wrong between them, on simulated time.

The boxes are made of the real cores: the mediator's, the switch's engine and tables, the dialect, the outbox and the
sink of call reports, LAPB and X.25. What must hold is checked in :class:`World` while it runs, and in
:meth:`World.settle` when everything has been healed and left alone.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from protocol import AddKsl, AddObject, Category, Channel, GroupType, Ksl, NumberSign, ObjectType, Priority
from protocol.messages import CallEvent, ChangeObject, Command, GetObjects, RemoveObject, Start, Stop, Test
from radius.outbox import IDENTIFIERS, Transmit
from radius.report import CallReport
from sorm_mediator import config
from sorm_mediator.mediator.core.calls import calls as calls_module
from sorm_mediator.mediator.core.switchside import SwitchState
from sorm_mediator.switch.calls.call import CallRequest
from tests.invariants.console import SIDES, Console, Given, TcpChannels, TimeslotChannels
from tests.invariants.links import Clock, Datagrams
from tests.invariants.mediator import REMEMBERED, Mediator
from tests.invariants.switch import DOMAIN, MOST_REPORTS, Switch, SwitchLink

PHONES = {0: "28331", 1: "28332", 2: "28333", 3: "28334", 4: "28335"}
OWN = ObjectType.OWN_SUBSCRIBER, NumberSign.OWN
INCOMPLETE = 0x02
MOST_AT_ONCE = 20_000
"""Things that may happen within a second."""
LONGEST_STORM = 1800.0
"""Seconds that a datagram may be on its way or be sent again by a network gone mad."""
WAITING = 4
"""Commands that may wait for another one to end."""
SWITCH_TIMEOUT = 8.0
PATIENCE = {"tcp": 60.0, "x25": 120.0}
"""Seconds within which a command is answered: each of :data:`WAITING` + 2 has the switch's time, and a line that loses
frames takes its own."""

FOLLOWS = {
    0x41: {0x41, 0x42, 0x43, 0x44},
    0x42: {0x42, 0x43},
    0x43: {0x43},
    0x44: {0x43},
    0x51: {0x43},
    0x52: {0x43},
}
"""What an event of a call never follows in one life of the mediator, whatever happens (order 268, 11.1 to 11.6)."""

SUBSCRIBERS = [
    {"number": "28331"},
    {"number": "28332"},
    {"number": "28333"},
    {"number": "28334", "services": {"cfu": "28333"}},
    {"number": "28335", "services": {"cfnr": "28332"}},
]
_LAB = config.parse(
    {"switch": {"domains": [{"name": DOMAIN, "password": "123", "subscribers": SUBSCRIBERS}]}}
)


@dataclass(eq=False)
class CallRecord:
    """A call as the switch has it, and what the mediator made of it."""

    report: CallReport
    unclear: set[int] = field(default_factory=set)
    """Objects of which it is not certain what the console is to be told: control began or ended meanwhile."""
    disturbed: bool = False
    """A box was started anew, or the means, while it ran: its events may be missing, or come again."""
    settled: bool = False
    """The mediator has its last report."""
    wanted: list[tuple[int, int]] = field(default_factory=list)
    """Events that the mediator composed: object and code."""
    told: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    """Their codes by life of the mediator and object."""


class World:
    """``over``: ``tcp`` or ``x25``. ``restore``: option ``after_restart``. ``seed``: of the noise."""

    def __init__(self, *, over: str, restore: bool, seed: int) -> None:
        self.clock = Clock()
        self.noise = random.Random(seed)  # noqa: S311
        self.restore, self.patience = restore, PATIENCE[over]
        self.wall = 0.0
        self.radius = Datagrams(self.clock, self.noise)
        self.reach = {"primary": True, "backup": True}
        self._lives = count(1)
        self.calls: dict[str, CallRecord] = {}
        self.recent: list[tuple[float, Switch, Transmit]] = []
        self.dropped_before = self.counted_before = 0
        self.console = Console(self.clock)
        self.console.initial = not restore
        self.console.confirmed = self._confirmed
        self.console.ended = self._ended
        self.touched: Counter[int] = Counter()
        self.changing = 0
        """Commands 1 and 2 that have not ended."""
        self.channels: Any = (
            TcpChannels(self.clock, self.console)
            if over == "tcp"
            else TimeslotChannels(self.clock, self.console, self.noise)
        )
        self.taken: dict[tuple[int, str], float] = {}
        self.switch = self._new_switch()
        self.mediator: Mediator
        self._start_mediator(None)
        self.lost_reports = 0

    # --- the boxes

    def _new_switch(self) -> Switch:
        assert _LAB.switch is not None
        switch = Switch(_LAB.switch, self.clock, next(self._lives), self.wall, self.radius, self._to_sink)
        switch.on_report, switch.taken = self._reported, self.taken
        return switch

    def _to_sink(self, switch: Switch, transmit: Transmit) -> None:
        self.recent.append((self.clock.now, switch, transmit))
        self.storm_datagram(switch, transmit)

    def storm_datagram(self, switch: Switch, transmit: Transmit) -> None:
        """A datagram arrives; its answer goes back to the switch that sent it, if that lives."""
        self.mediator.answered = lambda octets, address: self.radius.send(
            lambda: switch.answered(address[1] - 40_000, octets)
        )
        self.mediator.datagram(transmit.datagram, transmit.port)

    def _start_mediator(self, tables: Any) -> None:
        self.link = SwitchLink(self.clock, lambda address: self._found(address))
        options = {
            "after_restart": "restore" if self.restore else "initial",
            "switch_timeout": SWITCH_TIMEOUT,
            "call_expiry": 7200.0,
            "password_tries_per_minute": 0,
            "waiting_commands": WAITING,
            "test_while_stopped": "on",
        }
        self.mediator = Mediator(
            self.clock, next(self._lives), self.wall, self.link, tables, self._wanted, options
        )
        self.channels.mediator = self.mediator
        self.mediator.channels = self.channels
        self.mediator.heard = self._heard
        self.link.start()
        self.channels.mediator_started()

    def _found(self, address: str) -> Switch | None:
        return self.switch if self.reach[address] and not self.switch.dead else None

    def kill_mediator(self, seconds: float) -> None:
        """It ends at once; what was on its disk is there again after so many seconds."""
        mediator = self.mediator
        mediator.dead = True
        self.link.close()
        self._count_out()
        tables = deepcopy(mediator.m.replayed)
        self.channels.mediator_died()
        for call in self.calls.values():
            call.disturbed = (
                True  # what is finished is forgotten: a report of it that comes again is told again
            )
        self.run(seconds)
        self._start_mediator(tables)

    def kill_switch(self, seconds: float) -> None:
        """Objects, calls and unconfirmed reports are gone; after so many seconds it is there again."""
        self.switch.dead = True
        self.link.cut(0.0)
        self._disturb_all()
        self.run(seconds)
        self.switch = self._new_switch()

    def _count_out(self) -> None:
        self.dropped_before += self.mediator.dropped
        self.counted_before += self.mediator.m.core.counters["dropped_kpd2"]

    def _disturb_all(self) -> None:
        for call in self.calls.values():
            call.disturbed |= not call.settled

    # --- what the console gives

    def give(self, command: Command) -> None:
        """A command; of the objects that it names it is not certain until its end when their control begins or ends."""
        if not self.channels.ready:
            return
        if not self.console.ready_for(command):
            command = Test(0)
        if any(given.command.code == command.code for given in self.console.pending):
            return  # answers name the code of their command alone
        match command:
            case AddObject(object_number=int(number)) | RemoveObject(object_number=int(number)):
                self.touched[number] += 1
                self._blur(number)
            case Start() | Stop():
                self.changing += 1
                self._disturb_all()
        self.console.give(command)

    def add(self, number: int, *, full: bool, high: bool = False) -> None:
        category = Category.COMBINED if full else Category.STATISTICAL
        group = 1 if full else None
        priority = Priority.HIGH if high else Priority.NORMAL
        self.give(AddObject(number, *OWN, PHONES[number], None, category, group, priority))

    def change(self, number: int, *, full: bool) -> None:
        category = Category.COMBINED if full else Category.STATISTICAL
        self.give(ChangeObject(number, category, 1 if full else None, Priority.NORMAL))

    def remove(self, number: int) -> None:
        self.give(RemoveObject(number, *OWN, PHONES[number], None))

    def line(self) -> None:
        self.give(AddKsl(1, GroupType.COMBINED, Ksl(0, 1), None))

    def _blur(self, number: int) -> None:
        for call in self.calls.values():
            if not call.settled:
                call.unclear.add(number)

    def _confirmed(self, given: Given) -> None:
        """Success is heard only of what the switch took, and the disk has."""
        command = given.command
        if not isinstance(command, AddObject):
            return
        number, phone = command.object_number, str(command.number)
        assert number is not None
        assert self.taken.get((number, phone), 0.0) >= given.at, "the switch did not take it"
        if self.touched[number] == 1 and not self.changing:
            assert number in self.mediator.m.replayed.objects, "it is confirmed and not on the disk"

    def _ended(self, command: Command, status: int | None) -> None:
        match command:
            case AddObject(object_number=int(number)) | RemoveObject(object_number=int(number)):
                self.touched[number] -= 1
                self._blur(number)
            case Start() | Stop():
                self.changing -= 1
                self._disturb_all()

    # --- calls and what is told of them

    def call(self, a: int, b: int, outcome: str, ring: float, talk: float) -> None:
        """A call of two subscribers, of any outcome."""
        if self.switch.dead:
            return
        request = CallRequest(a=PHONES[a], b=PHONES[b], outcome=outcome, ring=ring, talk=talk)  # type: ignore[arg-type]
        self.switch.engine.place_call(DOMAIN, request, self.switch.now)
        self.switch.tick()

    def _reported(self, report: CallReport) -> None:
        """The switch has a report of a call for its outbox."""
        record = self.calls.get(report.call_id)
        if record is None:
            record = self.calls[report.call_id] = CallRecord(report)
            record.disturbed = bool(self.changing) or not self.mediator.m.tables.started or self.mediator.dead
        record.report = report
        controlled, known = self.mediator.m.tables.objects, self.switch.objects
        for number in PHONES:
            if self.touched[number] or (number in controlled) != (number in known):
                record.unclear.add(number)

    def _wanted(self, call: str, event: CallEvent, sent: bool) -> None:
        record = self.calls.get(call)
        assert record is not None, f"an event of no call: {event}"
        assert event.object_number is not None
        record.wanted.append((event.object_number, event.code))
        before = record.told.setdefault((self.mediator.life, event.object_number), [])
        assert FOLLOWS[event.code].isdisjoint(before), f"{call}: {event.code:02X}h after {before}"
        before.append(event.code)

    def _heard(self, report: CallReport) -> None:
        if report.release_time is not None and not self.mediator.dead:
            self.calls[report.call_id].settled = True

    # --- faults

    def storm(self, copies: int) -> None:
        """Datagrams of the last half hour come again, in any order."""
        self.recent = [each for each in self.recent if each[0] > self.clock.now - LONGEST_STORM][-200:]
        for _ in range(copies):
            if self.recent and not self.mediator.dead:
                _, switch, transmit = self.noise.choice(self.recent)
                self.storm_datagram(switch, transmit)

    def lose_address(self, address: str, there: bool, notice: float) -> None:
        """An address of the switch goes, or comes back."""
        self.reach[address] = there
        if not there and self.link.where == address:
            self.link.cut(notice)

    def heal(self) -> None:
        """Everything works again."""
        self.radius.heal()
        self.reach = {"primary": True, "backup": True}
        self.switch.delay = 0.0
        self.mediator.m.disk = True
        self.channels.heal()

    # --- time

    def run(self, seconds: float) -> None:
        """Let time pass, from one thing that is due to the next."""
        until = self.clock.now + seconds
        moments: deque[float] = deque(maxlen=MOST_AT_ONCE)
        while True:
            deadline = self._deadline()
            if deadline is None or deadline > until:
                break
            # A box whose clock has another zero may find by rounding that it is not quite time yet.
            self.clock.now = max(self.clock.now + 1e-6, deadline)
            moments.append(self.clock.now)
            assert len(moments) < MOST_AT_ONCE or moments[-1] - moments[0] > 1.0, "without end"
            self.clock.run_due()
            self.switch.tick()
            self.mediator.tick()
            self.channels.tick()
            self.check()
        self.clock.now = max(self.clock.now, until)

    def _deadline(self) -> float | None:
        boxes = (self.clock, self.switch, self.mediator, self.channels)
        times = [box.deadline for box in boxes]
        return min((time for time in times if time is not None), default=None)

    # --- what must hold

    def check(self) -> None:
        """At any moment."""
        self._lost_reports_are_counted()
        assert self.mediator.dropped == self.mediator.m.core.counters["dropped_kpd2"], "drops are counted"
        for given in self.console.pending:
            assert self.clock.now - given.at < self.patience, f"{given.command} is not answered"
        self.memory_is_bounded()

    def _lost_reports_are_counted(self) -> None:
        counters = self.switch.outbox.counters
        lost = counters.dropped + counters.given_up
        if lost != self.lost_reports:
            self.lost_reports = lost
            self._disturb_all()

    def memory_is_bounded(self) -> None:
        """Every queue and table has a limit."""
        core, outbox = self.mediator.m.core, self.switch.outbox
        ended = (outbox.counters.answered, outbox.counters.superseded, outbox.counters.dropped)
        assert outbox.counters.queued == sum(ended) + outbox.counters.given_up + outbox.unconfirmed
        assert outbox.waiting <= MOST_REPORTS
        assert outbox.outstanding <= IDENTIFIERS
        assert len(self.mediator.sink._duplicates) <= 2 * REMEMBERED + self.mediator.sink._batch
        assert len(core._waiting) <= WAITING
        assert sum(map(len, core._held.values())) <= WAITING
        assert len(core.calls._finished) <= calls_module.FINISHED_CALLS + 1
        assert len(core.calls) <= len(self.calls)
        assert len(core._switch._asked) + len(core._switch._waiting) <= 2, "one command asks at a time"
        assert len(core._context._owed) <= 3

    def settle(self) -> None:
        """Healed and left alone, everything is as it was confirmed, and every event is told or counted."""
        self.heal()
        self.run(60.0)
        self.channels.connect()
        self.run(30.0)
        self.give(Test(1))  # a console that came back is to show its password (order 268, 1.4.1.2)
        self.run(3700.0)
        assert self.switch.engine.active == 0
        assert self.switch.outbox.unconfirmed == 0
        self.give(GetObjects(None, None, None, None, None))
        self.run(self.patience)
        assert self.console.pending == []
        self.no_confirmed_object_is_lost()
        self.no_event_is_lost_or_told_twice()
        self.run(7200.0)
        core = self.mediator.m.core
        assert len(core.calls) == 0
        assert core.pool.in_use == 0

    def no_confirmed_object_is_lost(self) -> None:
        core, console = self.mediator.m.core, self.console
        assert core._switch.state is SwitchState.IN_STEP
        tables = {number: row.number for number, row in core.tables.objects.items()}
        assert self.switch.objects == tables, "the switch has what the tables have"
        assert set(console.objects) - console.unsure <= set(tables), "what was confirmed is there"
        assert set(tables) - console.unsure <= set(console.objects), "what was taken off is not"
        assert console.started in (None, core.tables.started)
        assert self.mediator.m.replayed == core.tables

    def no_event_is_lost_or_told_twice(self) -> None:
        for name, call in self.calls.items():
            if not call.disturbed:
                assert call.settled, f"{name}: the mediator never had its last report"
                self._check_events(name, call)
        self.channels.finish()
        self.channels.ledger.check()
        self._count_out()
        assert self.dropped_before == self.counted_before

    def _check_events(self, name: str, call: CallRecord) -> None:
        """Every event of the call, once and in order; sent, or counted as dropped."""
        report = call.report
        matched = {match.object_number for match in report.matches}
        for number in matched | {number for number, _ in call.wanted}:
            if number in call.unclear:
                continue
            # Lines are beside the matter: 51h and 52h tell of them.
            codes = [code for each, code in call.wanted if each == number and code not in (0x51, 0x52)]
            assert codes == expected_codes(report), f"{name}, object {number}: {codes}"


def expected_codes(report: CallReport) -> list[int]:
    """What the console is to be told of a call without services that has ended (order 268, 11.1 to 11.3)."""
    codes = []
    if report.setup_time is not None:
        codes.append(0x41)
    if report.release_cause != INCOMPLETE:
        before = [
            use for use in report.services if report.answer_time is None or use.time <= report.answer_time
        ]
        codes += [0x44] * len(before)
        if report.answer_time is not None:
            codes.append(0x42)
        codes += [0x44] * (len(report.services) - len(before))
    codes.append(0x43)
    return codes


__all__ = ["PHONES", "SIDES", "Channel", "World", "expected_codes"]
