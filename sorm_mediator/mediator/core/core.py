"""The mediator's protocol logic: takes one input and the time, returns effects to be executed in order.

How it works
------------
* An **input** is one thing that happened outside: a unit came from the console, a channel went up or down, the switch
  replied, a call report came, an operator asked for something, time has passed. Each is one method of :class:`Core`.
  The time is an argument.
* An **effect** is one thing to be done outside: send a message, ask the switch, store a change, write to the journal
  (:mod:`.effects`). An input returns its effects in order. The binding executes all of them before the next input.
* What a command changes must be on disk before its 28h promises it, and a disk may refuse. So the core hands out the
  effects up to a change in the middle of an input, through ``durably``, and goes on by what that returns.
* A **unit** from KPD1 is first held while its console tries too many passwords, then waits for its **turn** while
  another command runs (:data:`~.means.TURNS`), then is taken: 27h, and with 27h/00h exactly one 28h.
* A command between 27h/00h and its 28h is a **job**. Most end at once. One at a time takes longer: it asks the switch,
  or sends a table piece by piece (:data:`~.means.WORK_TABLE`).

The rule: everything that affects the state of the mediator is in ``core/`` and happens in an input. Nothing here
waits, reads a clock or touches a socket, and nothing that a console, a switch or a call report sends raises. An
exception is an error of ours; the binding then stops the mediator.

How a command goes: :meth:`Core.received` → its :class:`~.commands.rule.CommandRule` → 27h → the rule's refusals at
execution → its ``execute`` → 28h (:meth:`Core._finish`). How an event goes: :meth:`Core.report` →
:class:`~.calls.calls.Calls` → :class:`~.calls.kpd2_events.EventComposer` → an effect.

docs/mediator.md has the state tables, the order of checks and every refusal. Source: order 268, appendices 1 and 5-11.
"""

from __future__ import annotations

from collections import Counter, deque
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from protocol.codes import Channel
from protocol.messages import (
    Alarm,
    Command,
    CommandExecuted,
    CommandReceived,
    Restart,
    Start,
    Test,
    TrunkInfo,
    UnauthorizedAccess,
)
from sorm_mediator.journal.masking import command_fields, why_masked
from sorm_mediator.journal.quota import StrangersQuota
from sorm_mediator.mediator.core.calls.calls import Calls
from sorm_mediator.mediator.core.calls.electronic_messages import ElectronicMessages
from sorm_mediator.mediator.core.calls.ksl_pool import KslPool
from sorm_mediator.mediator.core.commands import LAST_COMMAND, RULES
from sorm_mediator.mediator.core.commands.rule import AnyRefusal, AnyRule, Verdict, faulty_fields, field_code
from sorm_mediator.mediator.core.commands.tables import trunk_rows
from sorm_mediator.mediator.core.context import TABLES_INTACT, Context, Queued
from sorm_mediator.mediator.core.effects import NO_CAUSE, Cause, DropChannel, Effect, Taken
from sorm_mediator.mediator.core.means import (
    BUSY,
    DONE,
    INTERRUPTED,
    NOT_DONE,
    Job,
    Means,
    OrmInput,
    OrmState,
    Standing,
    Turn,
    Work,
    WorkInput,
)
from sorm_mediator.mediator.core.passwords import PasswordPace, same_secret
from sorm_mediator.mediator.core.switchside import SwitchSide
from sorm_mediator.mediator.core.tables import DamageReported, StartNumber, Tables
from sorm_mediator.texts import printable
from ssh_control.codes import ExtendedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from protocol import Message, Problem, UnknownUnit
    from protocol.values import Ksl, Time
    from radius.report import CallReport, MessageReport
    from sorm_mediator.config import MediatorConfig
    from ssh_control.dialect import Reply

TCP_STREAMS: Final = (0, 1, 2, 3)
"""Streams whose KSL exist where no E1 says otherwise: the device has up to four (ECSS-10 manual, SORM system)."""

ACCEPTED: Final = 0x00
REFUSED: Final = 0x01
REFUSED_NOT_STARTED: Final = 0x02
"""27h (order 268, 9.7.4.2)."""
WRONG_PASSWORD: Final = 0x03
WRONG_NUMBER: Final = 0x05
ALREADY_RUNNING: Final = 0x07
"""28h (order 268, 9.8.4.2)."""
ACCESS_PASSWORD: Final = 0x02
ACCESS_TABLES: Final = 0x03
ACCESS_NUMBER: Final = 0x05
"""26h (order 268, 9.6.4.1)."""
ACCESS_CODES: Final = MappingProxyType({WRONG_PASSWORD: ACCESS_PASSWORD, WRONG_NUMBER: ACCESS_NUMBER})
"""Which 26h goes with which refusing 28h (order 268, 7.6)."""
TABLES_LOST: Final = 0x01
LINES_CHANGED: Final = 0x04
"""21h (order 268, 9.1.4.1)."""
DISK_RETRY: Final = 10.0
"""Seconds until a disk that refused is tried again without a command that needs it."""
TEXT_LENGTH: Final = 40
"""Octets of further information in 26h (order 268, 9.6.4.4)."""


class Unit(NamedTuple):
    """A unit that came on KPD1: a command, or something that is none."""

    stream: int
    session: int
    """Of the connection that it came by."""
    peer: str
    code: int
    raw: bytes
    message: Command | None = None
    """The command; None where the unit is none, or can't be read as one."""
    problems: tuple[Problem, ...] = ()
    broken: str = ""
    """Why it is no whole unit of its code."""
    cause: Cause = NO_CAUSE
    at: float = 0.0
    """When it came."""


class Core:
    """One mediator.

    ``tables`` are changed here alone. ``local_time`` turns Unix seconds into the console's day and time of day; it
    may raise :class:`ValueError`, :class:`OverflowError` or :class:`OSError` for moments that it doesn't know.
    ``equipped_streams`` are the streams whose KSL exist. ``conferences``: how many lines can be mixed at the same time
    (None: any number); a line under separate control takes ``separate_conferences`` of them. ``paired``: KPD1 and KPD2
    of a stream fail together. ``durably`` executes effects in order, of which the last ones are ``Store``, and returns
    whether the disk has these changes and the entries of the journal before them; else it has none of the changes.

    Every input method returns the effects to be executed, in order.
    """

    def __init__(
        self,
        config: MediatorConfig,
        tables: Tables,
        *,
        local_time: Callable[[float], Time],
        durably: Callable[[list[Effect]], bool],
        equipped_streams: Iterable[int] = TCP_STREAMS,
        conferences: int | None = None,
        separate_conferences: int = 0,
        paired: bool = True,
    ) -> None:
        self.tables = tables
        self.counters: Counter[str] = Counter()
        self.results: Counter[tuple[int, int, int]] = Counter()
        """How often a command got a status: by 27h or 28h, the code of the command, and the status."""
        self._context = Context(config, tables, local_time, self.counters, durably, paired=paired)
        self.channels = self._context.channels
        self.line_states = self._context.line_states
        capacity = config.limits
        self.pool = KslPool(
            tables,
            equipped_streams,
            conferences,
            separate_conferences,
            full_control_calls=None if capacity is None else capacity.full_control_calls,
            ring=config.options.ksl_choice == "ring",
        )
        self.calls = Calls(self._context, self.pool)
        self._messages = ElectronicMessages(self._context)
        self._switch = SwitchSide(self._context)
        self._means = Means(self._context, self.pool, self.calls, self._switch, capacity)
        self._means.finish = self._finish
        self._waiting: deque[Unit] = deque()
        """Units that came while a command ran (order 268, 7.1)."""
        self._access = StrangersQuota(config.options.access_messages_per_minute)
        """26h about what others do who can do it as often as they like."""
        self._pace = PasswordPace(config.options.password_tries_per_minute)
        self._held: dict[int, deque[Unit]] = {}
        """Units by stream that are not looked at yet, because too many wrong passwords came before them."""
        self._restart_reported = False
        self._disk_retry: float | None = None
        """When a disk that refuses is tried again; None: it works."""

    @property
    def config(self) -> MediatorConfig:
        """The settings that hold now."""
        return self._context.config

    def configure(self, config: MediatorConfig) -> None:
        """Take settings that differ only in keys that need no restart (:mod:`sorm_mediator.config.live`)."""
        before = self.config.options.access_messages_per_minute
        self._context.configure(config)
        if config.options.access_messages_per_minute != before:
            self._access.configure(config.options.access_messages_per_minute)
        self.pool.ring = config.options.ksl_choice == "ring"
        self._pace.configure(config.options.password_tries_per_minute)

    # --- inputs: channels

    def started(self, now: float) -> list[Effect]:
        """The mediator's program has started with these tables: the node is ready (order 268, 9.2.3)."""
        context, tables = self._context, self.tables
        if tables.damaged:
            context.log(
                "error", "the stored tables were lost or corrupt; they begin empty, the console is told"
            )
        if self.config.options.after_restart == "initial":
            self._means.enter_initial_state()
        context.journal(
            "restart",
            state=self._means.state.value,
            objects=len(tables.objects),
            damaged=tables.damaged,
        )
        return self._effects(now)

    def channel_up(self, stream: int, channel: Channel, peer: str, now: float) -> list[Effect]:
        """A data channel works. The restart is reported on the first KPD1 after it (order 268, 9.2.3)."""
        self._context.channels.up(stream, channel, peer, now)
        self._context.journal("channel-up", stranger=True, stream=stream, channel=str(channel), peer=peer)
        self._report_restart()
        return self._effects(now)

    def channel_down(self, stream: int, channel: Channel, now: float) -> list[Effect]:
        """A data channel is gone. A change that waits for the switch goes on; a table's output ends, and commands that
        have not been taken yet are deleted: without 27h the console takes them as not executed."""
        self._context.emit(*self._context.channels.down(stream, channel))
        stranger = not self._context.channels[stream].proven
        self._context.journal("channel-down", stranger=stranger, stream=stream, channel=str(channel))
        if channel is not Channel.KPD2:
            self._abandon_output(stream)
            self.counters["commands_held_dropped"] += len(self._held.pop(stream, ()))
            self._forget_waiting(stream)
        return self._effects(now)

    def refused_connection(self, peer: str, reason_code: int, now: float) -> list[Effect]:
        """A connection was refused: 26h with this code."""
        self._unauthorized(reason_code, peer, now, peer=peer, stranger=True)
        return self._effects(now)

    def writable(self, stream: int, now: float) -> list[Effect]:
        """KPD1 of ``stream`` has taken what was sent: the next piece of a table, if one is running there."""
        job = self._means.job
        if job is not None and job.output is not None and job.stream == stream:
            self._means.advance(job, now)
        return self._effects(now)

    # --- inputs: commands

    def received(
        self,
        stream: int,
        message: Message | UnknownUnit,
        problems: Sequence[Problem],
        raw: bytes,
        now: float,
        cause: Cause = NO_CAUSE,
    ) -> list[Effect]:
        """A unit of an allowed length came on KPD1: a command, or something that is none."""
        code = message.code
        command = (
            message if isinstance(message, Command) and code <= LAST_COMMAND[self.config.order] else None
        )
        pair = self._context.channels[stream]
        unit = Unit(stream, pair.session, pair.peer, code, raw, command, tuple(problems), cause=cause, at=now)
        self._admit(unit, now)
        return self._effects(now)

    def broken(
        self, stream: int, code: int | None, reason: str, raw: bytes, now: float, cause: Cause = NO_CAUSE
    ) -> list[Effect]:
        """A unit whose length its code doesn't allow, or that was cut: refused at receipt."""
        pair = self._context.channels[stream]
        why, code = str(reason) or "broken", (code or 0) & 0xFF
        unit = Unit(stream, pair.session, pair.peer, code, raw, broken=why, cause=cause, at=now)
        self._admit(unit, now)
        return self._effects(now)

    # --- inputs: the switch

    def switch_up(self, now: float) -> list[Effect]:
        """The link to the switch works: the objects are brought back."""
        self._context.journal("switch-up")
        self._switch.link_up(now)
        return self._effects(now)

    def switch_down(self, reason: str, now: float) -> list[Effect]:
        """The link to the switch is gone."""
        self._context.log("warning", f"switch: link down: {reason}")
        self._context.journal("switch-down", reason=reason)
        self._switch.link_down(now)
        return self._effects(now)

    def switch_reply(self, token: int, reply: Reply | None, now: float) -> list[Effect]:
        """The reply to an ``AskSwitch``; None: there will be none."""
        self._switch.reply(token, reply, now)
        return self._effects(now)

    def switch_event(self, event: dict[str, object], now: float) -> list[Effect]:
        """The switch reports something unasked: a line's state, or a trunk's new name (2Ah: 9.10.3)."""
        kind, number, trunk = event.get("event"), event.get("object_number"), event.get("trunk")
        if kind == "line-state" and isinstance(number, int):
            self._switch.note_line_state(number, event.get("line_state"))
        elif kind == "trunk-renamed" and isinstance(trunk, int) and 0 <= trunk < 0xFFFF:
            self._trunk_renamed(trunk, str(event.get("name", "")))
        elif kind == "second-session":
            self._second_session(event)
        else:
            self.counters["switch_events_unknown"] += 1
        return self._effects(now)

    def report(self, report: CallReport, now: float, cause: Cause = NO_CAUSE) -> list[Effect]:
        """A call report."""
        self._context.cause = cause
        self.calls.report(report, now)
        return self._effects(now)

    def message_report(self, report: MessageReport, now: float) -> list[Effect]:
        """A report of an electronic message."""
        self._context.cause = Cause(report.message_id)
        self._messages.report(report)
        return self._effects(now)

    # --- inputs: lines and time

    def ksl_changed(
        self, ksls: Iterable[Ksl], *, in_service: bool, alarm_code: int, now: float
    ) -> list[Effect]:
        """KSL went out of order (52h/04h for the calls that have them) or came back; 21h type 04h either way."""
        faulty = self.pool.faulty
        for ksl in ksls:
            if in_service:
                faulty.discard(ksl)
            else:
                faulty.add(ksl)
                if (line := self.tables.line_of(ksl)) is not None:
                    self.calls.out_of_order(line, now)
        self._context.journal("ksl-changed", in_service=in_service, alarm_code=alarm_code)
        if self.tables.started or self.config.options.alarm_while_stopped == "on":
            self._context.unsolicited(Alarm, alarm_type=LINES_CHANGED, alarm_code=alarm_code)
        return self._effects(now)

    def disk_refused(self, now: float) -> list[Effect]:
        """The disk refused an entry of the journal: it is tried again after :data:`DISK_RETRY`."""
        self._context.disk(False)
        return self._effects(now)

    def tick(self, now: float) -> list[Effect]:
        """Time has passed: what is due at ``now`` is done."""
        channels = self._context.channels
        if self._disk_retry is not None and now >= self._disk_retry:
            self._disk_retry = None
            self._context.durable()
        for drop in channels.expire(now):
            self.counters["console_timeouts"] += 1
            self._silence(drop, "console-timeout", "no command for too long; the channel is faulty")
        silenced = channels.expire_test(now)
        if silenced:
            self.counters["test_timeouts"] += 1
        for drop in silenced:
            self._silence(drop, "test-timeout", "no command 14 for too long; nothing is sent")
        stuck = self._means.deadline
        if stuck is not None and now >= stuck:
            self.counters["outputs_stuck"] += 1
            self._context.log("warning", "a console does not take its table: it ends, others go on")
            self._end_running()
        self._switch.tick(now)
        self.calls.expire(now)
        self._release(now)
        return self._effects(now)

    def next_deadline(self) -> float | None:
        """When :meth:`tick` has something to do, if nothing else happens before."""
        nearest = self.calls.deadline
        for due in (
            self._context.channels.deadline,
            self._means.deadline,
            self._switch.deadline,
            self._disk_retry,
        ):
            if due is not None and (nearest is None or due < nearest):
                nearest = due
        for stream in self._held:
            due = self._pace.due(stream)
            if due is not None and (nearest is None or due < nearest):
                nearest = due
        return nearest

    # --- inputs: an operator asks for what a node does of itself

    def operator_alarm(self, alarm_type: int, alarm_code: int, now: float) -> list[Effect]:
        """21h. With type 01h the tables are lost and the means stop (order 268, 9.1.4.1)."""
        self._context.journal("operator-alarm", alarm_type=alarm_type, alarm_code=alarm_code)
        if alarm_type == TABLES_LOST:
            self._end_running()
            self._means.move(OrmInput.TABLES_LOST, now)
        self._context.unsolicited(Alarm, alarm_type=alarm_type, alarm_code=alarm_code)
        if alarm_type == TABLES_LOST:
            self._context.channels.stopped()
        return self._effects(now)

    def operator_access(self, code: int, text: str, now: float) -> list[Effect]:
        """26h with this code and further information."""
        self._unauthorized(code, text, now)
        return self._effects(now)

    def operator_restart(self, now: float) -> list[Effect]:
        """The node restarts: its calls, its tables and what waits there are gone, 22h (order 268, 9.2.3, 9.2.4)."""
        self._context.journal("operator-restart")
        self._forget_waiting()
        self._end_running()
        self._means.move(OrmInput.RESTART, now)
        self._restart_reported = False
        self._report_restart()
        self._context.channels.stopped()
        return self._effects(now)

    def operator_line_state(self, object_number: int, state: int, now: float) -> list[Effect]:
        """The state of an object's subscriber line, which 23h shows (order 268, 9.3.6.4)."""
        self._context.journal("operator-line-state", object_number=object_number, state=state)
        self._switch.note_line_state(object_number, state)
        return self._effects(now)

    def tables_read(self, text: str, now: float) -> list[Effect]:
        """The tables were read past the console: 26h/03h by option ``tell_table_access`` (order 268, 9.6.4.1)."""
        if self.config.options.tell_table_access == "on":
            self._unauthorized(ACCESS_TABLES, text, now, stranger=True)
        return self._effects(now)

    # --- for looking at

    def owes(self, stream: int) -> bool:
        """Whether a command of ``stream`` runs or waits: its answers are still to come."""
        job = self._means.job
        return (
            (job is not None and job.stream == stream)
            or stream in self._held
            or any(unit.stream == stream for unit in self._waiting)
        )

    @property
    def held(self) -> Queued:
        """Units that are held back because of wrong passwords before them."""
        units = [unit for held in self._held.values() for unit in held]
        return Queued(len(units), min((unit.at for unit in units), default=None))

    @property
    def waiting(self) -> Queued:
        """Commands that wait for another one to end."""
        return Queued(len(self._waiting), self._waiting[0].at if self._waiting else None)

    @property
    def switch_waiting(self) -> Queued:
        """Requests that wait until the switch has the objects again."""
        return self._switch.waiting

    @property
    def orm_number(self) -> int:
        """The number of the technical means."""
        return self._context.orm_number

    # --- a unit's way: heard, settled, taken

    def _admit(self, unit: Unit, now: float) -> None:
        """Look at a unit, or hold it back while its stream has tried too many wrong passwords."""
        stream = unit.stream
        if stream not in self._held and now >= self._pace.due(stream):
            self._settle(unit, now, waited=False)
            return
        self.counters["commands_held"] += 1
        held = self._held.setdefault(stream, deque())
        if len(held) < max(1, self.config.options.waiting_commands):
            held.append(unit)
        else:
            self.counters["commands_overflowing"] += 1
            self._receipt(unit, self._means.extended(BUSY, REFUSED))

    def _release(self, now: float) -> None:
        """Look at the held units whose time has come."""
        for stream, held in list(self._held.items()):
            while held and now >= self._pace.due(stream):
                self._settle(held.popleft(), now, waited=True)
            if not held:
                del self._held[stream]

    def _check_password(self, unit: Unit, command: Command, now: float) -> None:
        """The valid password unblocks the pair and ends the silence for want of a test (order 268, 1.4.1.2, 6.14.3); a
        wrong one counts for the pace."""
        context, channels = self._context, self._context.channels
        if not same_secret(command.password, self.tables.password):
            self._pace.wrong(unit.stream, now)
            return
        self._pace.right(unit.stream)
        if channels[unit.stream].session == unit.session:
            channels[unit.stream].proven = True
        if not channels.awaits_command(unit.stream):
            return
        if channels.valid_command(unit.stream, now, test=isinstance(command, Test)):
            context.log("info", f"stream {unit.stream}: a command with the valid password: data flows again")
            context.journal("channel-unblocked", stream=unit.stream)

    def _settle(self, unit: Unit, now: float, *, waited: bool) -> None:
        """Take the unit, or let it wait until the running command has ended; it ends a console time-out. A password is
        judged when its command is taken; the valid one unblocks the pair as soon as it comes."""
        if self._context.channels.heard(unit.stream, now):
            self._context.log("info", f"stream {unit.stream}: the console is heard again")
        command, rule = unit.message, self._rule(unit)
        standing = Standing.IN_TURN if rule is None else rule.standing
        busy = self._means.turn(standing) is Turn.WAIT or (standing is Standing.IN_TURN and self._waiting)
        waits = busy and self.config.options.command_while_busy == "wait"
        if command is not None and (not waits or same_secret(command.password, self.tables.password)):
            self._check_password(unit, command, now)
        if not self._restart_reported:
            self._report_restart()  # the node restarted while nothing could be sent
        if waits:
            of_stream = sum(one.stream == unit.stream for one in self._waiting)
            if of_stream < self.config.options.waiting_commands:
                self._waiting.append(unit)
                return
            self.counters["commands_overflowing"] += 1
            self._receipt(unit, self._means.extended(BUSY, REFUSED))
            return
        self._take(unit, now, waited=waited)

    def _rule(self, unit: Unit) -> AnyRule | None:
        return None if unit.message is None else RULES[type(unit.message)]

    def _take(self, unit: Unit, now: float, *, waited: bool) -> None:
        """Receipt (27h), and what follows."""
        self._context.cause = unit.cause
        self._context.emit(Taken(unit.code, waited))
        command, rule = unit.message, self._rule(unit)
        if command is None or rule is None:
            code = ExtendedError.WRONG_LENGTH if unit.broken else ExtendedError.WRONG_PARAMETERS
            self._receipt(unit, self._means.extended(code, REFUSED))
            return
        stopped = not self.tables.started
        if stopped and isinstance(command, Start) and command.orm_number != self.tables.start_number:
            self._context.owe(StartNumber(command.orm_number))
        status = self._format_status(unit, command, rule)
        if status is None:
            status = self._receipt_status(command, rule)
        self._receipt(unit, status)
        if status == ACCEPTED:
            self._accept(Job(command, unit.stream, unit.session, unit.peer, cause=unit.cause), rule, now)
        elif status == ExtendedError.WRONG_ORM_NUMBER and self._wrong_number(command):
            self._unauthorized(ACCESS_NUMBER, unit.peer, now, sent=unit)
        elif status == ExtendedError.ALREADY_STARTED and not same_secret(
            command.password, self.tables.password
        ):
            self._unauthorized(ACCESS_PASSWORD, unit.peer, now, sent=unit)

    def _take_waiting(self, now: float) -> None:
        while self._waiting and self._means.turn(Standing.IN_TURN) is Turn.EXECUTE:
            if now < self._pace.due(self._waiting[0].stream):
                self._hold_waiting(self._waiting[0].stream)
                continue
            unit = self._waiting.popleft()
            if unit.message is not None:
                self._check_password(unit, unit.message, now)
            self._take(unit, now, waited=True)

    def _hold_waiting(self, stream: int) -> None:
        """The commands of a stream that wait are held back, in front of those that came later."""
        back = [unit for unit in self._waiting if unit.stream == stream]
        self._waiting = deque(unit for unit in self._waiting if unit.stream != stream)
        self.counters["commands_held"] += len(back)
        self._held.setdefault(stream, deque()).extendleft(reversed(back))

    def _forget_waiting(self, stream: int | None = None) -> None:
        """Delete the commands that wait, of one stream or all: none of them was taken."""
        kept = deque(unit for unit in self._waiting if stream not in (None, unit.stream))
        self.counters["commands_never_taken"] += len(self._waiting) - len(kept)
        self._waiting = kept
        if stream is None:
            self.counters["commands_never_taken"] += sum(map(len, self._held.values()))
            self._held.clear()

    # --- receipt (27h)

    def _format_status(self, unit: Unit, command: Command, rule: AnyRule) -> int | None:
        """The refusal of a unit that can't be read, if it can't (order 268, 7.4)."""
        names = faulty_fields(command)
        for problem in unit.problems:
            if not problem.accepted and problem.path != "password":
                names.add(problem.path.partition(".")[0])
        names -= rule.partial
        if "ksl_a" in names and getattr(command, "ksl_a", None) == getattr(command, "ksl_b", None):
            names.discard("ksl_b")  # a combined line, which names its one KSL twice
        return self._means.extended(field_code(names), REFUSED) if names else None

    def _receipt_status(self, command: Command, rule: AnyRule) -> int:
        """The status of 27h for a command that can be read."""
        means, config, options = self._means, self.config, self.config.options
        failed = self._first_refusal(rule.receipt, command)
        if failed is not None:
            return means.extended(failed.extended, REFUSED)
        if means.turn(rule.standing) is Turn.WAIT:
            return means.extended(BUSY, REFUSED)
        verdict = rule.verdict(means.state, options)
        if verdict is Verdict.NOT_STARTED:
            return means.extended(ExtendedError.NOT_STARTED, REFUSED_NOT_STARTED)
        if (
            config.extended_errors
            and options.wrong_orm_number_reply == "vendor"
            and self._wrong_number(command)
        ):
            return ExtendedError.WRONG_ORM_NUMBER
        vendor = config.extended_errors and options.already_started_reply == "vendor"
        if vendor and verdict is Verdict.ALREADY_STARTED:
            return ExtendedError.ALREADY_STARTED
        return ACCEPTED

    def _wrong_number(self, command: Command) -> bool:
        """The number is not that of the means; command 1 may give them another one (option)."""
        gives = isinstance(command, Start) and self._means.state is OrmState.STOPPED
        if gives and self.config.options.orm_number_from_start == "on":
            return False
        return command.orm_number != self._context.orm_number

    def _first_refusal(self, refusals: Sequence[AnyRefusal], command: Command) -> AnyRefusal | None:
        return next((refusal for refusal in refusals if refusal.when(self._means, command)), None)

    def _receipt(self, unit: Unit, status: int) -> None:
        """27h. Before the start it repeats the number that the command has (order 268, 8.2.1.2)."""
        context = self._context
        context.cause = unit.cause
        self.counters["commands"] += 1
        self.counters["commands_refused"] += status != ACCEPTED
        self.results[CommandReceived.code, unit.code, status] += 1
        fields: dict[str, object]
        masked = why_masked(unit.raw, unit.problems, whole=unit.message is not None)
        if unit.message is None or masked:
            # What can't be read may hold the password of the command behind it.
            fields = {"masked": masked, "reason": unit.broken} if unit.broken else {"masked": masked}
        else:
            fields = command_fields(unit.message)
        context.journal(
            "command",
            unit.raw,
            stranger=self._is_stranger(unit),
            stream=unit.stream,
            peer=unit.peer,
            command=unit.code,
            receipt=status,
            fields=fields,
        )
        given = unit.raw[1] if len(unit.raw) > 1 and not self.tables.started else None
        if self._reaches(unit.stream, unit.session):
            context.kpd1(unit.stream, CommandReceived, orm_number=given, command=unit.code, status=status)

    def _is_stranger(self, sent: Unit | Job[Command]) -> bool:
        """Whether the connection that something came by has not shown the password."""
        pair = self._context.channels[sent.stream]
        return not (pair.proven and pair.session == sent.session)

    def _reaches(self, stream: int, session: int) -> bool:
        """Whether the connection that a command came by is still there; its answers go there or nowhere."""
        pair = self._context.channels[stream]
        if pair.kpd1 and pair.session == session:
            return True
        self.counters["undeliverable_replies"] += 1
        return False

    # --- execution (28h)

    def _accept(self, job: Job[Command], rule: AnyRule, now: float) -> None:
        """27h/00h is out: from here on, one 28h is due."""
        status = self._refusal(job, rule, now)
        access = ACCESS_CODES.get(status) if status is not None else None
        first = self.config.options.unauthorized_access_place == "before_28h"
        if access is not None and first:
            self._unauthorized(access, job.peer, now, sent=job)
        if status is None:
            if self._means.turn(rule.standing) is Turn.END_RUNNING:
                self._end_running()
            status = rule.execute(self._means, job, now)
        if status is not None:
            self._finish(job, status)
        if access is not None and not first:
            self._unauthorized(access, job.peer, now, sent=job)

    def _refusal(self, job: Job[Command], rule: AnyRule, now: float) -> int | None:
        """Why an accepted command is not executed, if it is not."""
        command, means = job.command, self._means
        if self._wrong_number(command):
            return WRONG_NUMBER
        if not same_secret(command.password, self.tables.password):
            return WRONG_PASSWORD
        if rule.verdict(means.state, self.config.options) is Verdict.ALREADY_STARTED:
            return ALREADY_RUNNING
        failed = self._first_refusal(rule.execution, command)
        if failed is None:
            return None
        if failed.before_28h is not None:
            failed.before_28h(means, job, now)
        return means.extended(failed.extended)

    def _finish(self, job: Job[Command], status: int) -> None:
        """The one 28h of an accepted command, sent to the connection that gave it."""
        if self._means.job is job:
            self._means.set_work(job, WorkInput.END)
        context, code = self._context, job.command.code
        before, context.cause = context.cause, job.cause  # another command may have ended this one
        self.results[CommandExecuted.code, code, status] += 1
        stranger = status in ACCESS_CODES and self._is_stranger(job)
        context.journal(
            "executed", stranger=stranger, stream=job.stream, peer=job.peer, command=code, status=status
        )
        silent = isinstance(job.command, Test) and status == DONE  # its answer is 29h (order 268, 9.8.3)
        if self._reaches(job.stream, job.session) and (
            not silent or self.config.options.test_command_28h == "on"
        ):
            context.kpd1(job.stream, CommandExecuted, command=code, status=status)
        if status == DONE and RULES[type(job.command)].moves is OrmInput.STOP:
            context.channels.stopped()
        context.cause = before

    def _end_running(self) -> None:
        """The running command ends: another one goes first (order 268, 7.2, 6.13.3)."""
        running = self._means.job
        if running is not None:
            self._finish(running, self._means.extended(INTERRUPTED))

    def _abandon_output(self, stream: int) -> None:
        """The console that a table goes to is gone or silent: the rest is dropped."""
        job = self._means.job
        if job is None or self._means.work not in (Work.ASKING, Work.OUTPUT) or job.stream != stream:
            return
        self._means.set_work(job, WorkInput.END)
        self.counters["outputs_abandoned"] += 1
        self._context.journal(
            "executed",
            stream=job.stream,
            peer=job.peer,
            command=job.command.code,
            status=NOT_DONE,
            abandoned=True,
        )

    def _silence(self, drop: DropChannel, kind: str, text: str) -> None:
        """Nothing more is sent on a stream for now."""
        self._context.emit(drop)
        self._context.log("warning", f"stream {drop.stream}: {text}")
        self._context.journal(kind, stream=drop.stream)
        self._abandon_output(drop.stream)

    # --- what is sent unasked

    def _report_restart(self) -> None:
        """22h, then how the tables are: lost (01h), or by option ``after_restart`` kept (03h; order 268, 9.1.4.1)."""
        if self._restart_reported or self._context.channels.own[Channel.KPD1] is None:
            return
        self._restart_reported = True
        options = self.config.options
        if options.restart_message == "on":
            self._context.unsolicited(Restart)
        if self.tables.damaged:
            self._context.unsolicited(Alarm, alarm_type=TABLES_LOST, alarm_code=0)
            self._context.owe(DamageReported())
        elif (
            options.restart_message == "on"
            and options.after_restart == "restore"
            and (self.tables.started or options.alarm_while_stopped == "on")
        ):
            self._context.unsolicited(Alarm, alarm_type=TABLES_INTACT, alarm_code=0)

    def _second_session(self, event: dict[str, object]) -> None:
        """A second peer with the switch's password has logged in there in the name of this mediator."""
        self.counters["second_sessions"] += 1
        name, peer = (printable(str(event.get(key, "")), 64) for key in ("mediator", "peer"))
        outcome = "let in" if event.get("admitted") is True else "refused"
        self._context.log(
            "warning", f"switch: {name or 'somebody'} at {peer} came as this mediator: {outcome}"
        )
        self._context.journal("second-session", stranger=True, mediator=name, peer=peer, outcome=outcome)

    def _trunk_renamed(self, trunk: int, name: str) -> None:
        """2Ah, where order 268 has it; as many as the name takes (9.10.3, 9.10.5)."""
        self._context.journal("trunk-renamed", trunk=trunk, name=name)
        if not self.tables.started or self.config.order != "268":
            self.counters["trunk_names_untold"] += 1
            return
        rows = trunk_rows(trunk, name)
        for index, row in enumerate(rows, 1):
            self._context.unsolicited(TrunkInfo, total=len(rows), index=index, **row)

    def _unauthorized(
        self,
        code: int,
        text: str,
        now: float,
        *,
        sent: Unit | Job[Command] | None = None,
        peer: str = "",
        stranger: bool = False,
    ) -> None:
        """26h: the answer to a command, ``sent``, goes where it came from, all else on the pair in use."""
        context = self._context
        stream = context.channels.own[Channel.KPD1]
        if sent is not None:
            stream, peer, stranger = sent.stream, sent.peer, self._is_stranger(sent)
        self.counters["unauthorized"] += 1
        context.journal(
            "unauthorized-access", stranger=stranger, stream=stream, code=code, peer=peer, text=text
        )
        context.log("warning", f"unauthorised access, code {code}: {printable(text, 200) or 'unknown'}")
        if sent is None and stranger:
            if not self._access.admits(now):
                self.counters["access_left_out"] += 1
                return
            if left_out := self._access.take_left_out():
                more = f" (+{left_out})"
                text = printable(text, TEXT_LENGTH - len(more)) + more
        context.kpd1(
            stream,
            UnauthorizedAccess,
            access_code=code,
            time=context.time_of_day(now),
            text=printable(text, TEXT_LENGTH),
        )

    def _effects(self, now: float) -> list[Effect]:
        if self._waiting:
            self._take_waiting(now)
        self.calls.offer(now)
        if self._context.disk_works:
            self._disk_retry = None
        elif self._disk_retry is None:
            self._disk_retry = now + DISK_RETRY
        return self._context.take()
