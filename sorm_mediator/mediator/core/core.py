"""The mediator core: a synchronous state machine. Inputs and the time go in, effects come out.

Nothing here waits, reads a clock or touches a socket; nothing that a console, a switch or a call report says
makes it raise. See docs/mediator.md for the order of checks and for every refusal.

Source: DESIGN 4; PROTOCOL 4 (common steps), 5, 11.2.
"""

from __future__ import annotations

from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from protocol.base import Command
from protocol.codes import Channel
from protocol.messages import Alarm, CommandExecuted, CommandReceived, Restart, UnauthorizedAccess
from sorm_mediator.mediator.core import checks
from sorm_mediator.mediator.core.calls import Calls
from sorm_mediator.mediator.core.context import Context
from sorm_mediator.mediator.core.execution import DONE, NOT_DONE, Execution, printable
from sorm_mediator.mediator.core.ksl import Lines
from sorm_mediator.mediator.core.legality import (
    INTERRUPT,
    LAST_COMMAND,
    TEST,
    Turn,
    Verdict,
    verdict,
)
from sorm_mediator.mediator.core.record import command_fields, same_secret
from sorm_mediator.mediator.core.state import Job, State
from sorm_mediator.mediator.core.switchside import SwitchSide
from sorm_mediator.mediator.core.tables import DamageReported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from protocol import Problem
    from protocol.values import Ksl, Time
    from radius.report import CallReport
    from sorm_mediator.config import MediatorConfig
    from sorm_mediator.mediator.core.effects import Effect
    from sorm_mediator.mediator.core.tables import Tables
    from ssh_control.dialect import Reply

TCP_STREAMS: Final = (0, 1, 2, 3)
"""Streams whose KSL exist where no E1 says otherwise: the product has up to four [seed]."""

ACCEPTED: Final = 0x00
REFUSED: Final = 0x01
REFUSED_NOT_STARTED: Final = 0x02
"""27h (PROTOCOL 5.7)."""
WRONG_PASSWORD: Final = 0x03
WRONG_NUMBER: Final = 0x05
ALREADY_RUNNING: Final = 0x07
"""28h (PROTOCOL 5.8)."""
ACCESS_PASSWORD: Final = 0x02
ACCESS_NUMBER: Final = 0x05
"""26h (PROTOCOL 5.6)."""
ACCESS_CODES: Final = MappingProxyType({WRONG_PASSWORD: ACCESS_PASSWORD, WRONG_NUMBER: ACCESS_NUMBER})
"""Which 26h goes with which refusing 28h."""
TABLES_LOST: Final = 0x01
TABLES_INTACT: Final = 0x03
LINES_CHANGED: Final = 0x04
"""21h (PROTOCOL 5.1)."""
TEXT_LENGTH: Final = 40


class Core:
    """The technical means of ORM, as far as they think.

    ``tables`` are changed by nobody else. ``local_time`` turns Unix seconds into the console's day and time
    of day; it may raise :class:`ValueError`, :class:`OverflowError` or :class:`OSError` for moments that it
    doesn't know.
    ``equipped_streams`` are the streams whose KSL exist. ``conferences``: how many lines can be mixed at the same
    time (None: any number); a line under separate control takes ``separate_conferences`` of them.

    Every input method returns the effects to be executed, in order.
    """

    def __init__(
        self,
        config: MediatorConfig,
        tables: Tables,
        *,
        local_time: Callable[[float], Time],
        equipped_streams: Iterable[int] = TCP_STREAMS,
        conferences: int | None = None,
        separate_conferences: int = 0,
    ) -> None:
        self.config = config
        self.tables = tables
        self.counters: Counter[str] = Counter()
        self._context = Context(config, tables, local_time, self.counters)
        lines = Lines(tables, equipped_streams, conferences, separate_conferences)
        calls = Calls(self._context, lines)
        self._state = State(self._context, lines, calls, SwitchSide(self._context))
        self._execution = Execution(self._state, self._finish)
        self._restart_told = False

    # --- inputs: channels

    def started(self, now: float) -> list[Effect]:
        """The mediator's program has started with these tables."""
        tables = self.tables
        if tables.damaged:
            self._context.log(
                "error", "the stored tables were lost or corrupt; they begin empty, the console is told"
            )
        state = "started" if tables.started else "stopped"
        self._context.journal("restart", state=state, objects=len(tables.objects), damaged=tables.damaged)
        return self._effects(now)

    def channel_up(self, stream: int, channel: Channel, peer: str, now: float) -> list[Effect]:
        """A data channel works. The first KPD1 after a restart hears of the restart (PROTOCOL 5.2)."""
        self._context.links.up(stream, channel, peer, now)
        self._context.journal("channel-up", stream=stream, channel=str(channel), peer=peer)
        if channel is not Channel.KPD2 and not self._restart_told:
            self._restart_told = True
            self._tell_restart(stream)
        return self._effects(now)

    def channel_down(self, stream: int, channel: Channel, now: float) -> list[Effect]:
        """A data channel is gone. A command that waits for the switch goes on; a table's output ends."""
        self._context.links.down(stream, channel)
        self._context.journal("channel-down", stream=stream, channel=str(channel))
        job = self._state.job
        if channel is not Channel.KPD2 and job and job.stream == stream and job.output is not None:
            self._abandon_output(job)
        return self._effects(now)

    def refused_connection(self, stream: int, peer: str, reason_code: int, now: float) -> list[Effect]:
        """Somebody was not let in: 26h with this code on the stream's KPD1."""
        self._unauthorized(stream, reason_code, peer, now)
        return self._effects(now)

    def writable(self, stream: int, now: float) -> list[Effect]:
        """KPD1 of ``stream`` has taken what was sent: the next piece of a table, if one is running there."""
        job = self._state.job
        if job is not None and job.output is not None and job.stream == stream:
            self._execution.advance(job)
        return self._effects(now)

    @property
    def output_stream(self) -> int | None:
        """The stream whose :meth:`writable` a running table waits for."""
        job = self._state.job
        return job.stream if job is not None and job.output is not None else None

    # --- inputs: commands

    def received(
        self, stream: int, message: Any, problems: Sequence[Problem], raw: bytes, now: float
    ) -> list[Effect]:
        """A unit of an allowed length came on KPD1: a command, or something that is none."""
        self._heard(stream, now)
        code = int(message.code)
        known = isinstance(message, Command) and code <= LAST_COMMAND[self.config.order]
        status = self._format_status(message, problems) if known else self._style(checks.PARAMETERS)
        if status is None:
            status = self._receipt_status(message)
        fields = command_fields(message) if known else {"hex": raw[:64].hex()}
        self._receipt(stream, code, status, fields)
        if status == ACCEPTED:
            link = self._context.links[stream]
            self._accept(Job(message, stream, link.session, link.peer), now)
        elif known and message.orm_number != self.config.orm_number and status == checks.WRONG_ORM_NUMBER:
            self._unauthorized(stream, ACCESS_NUMBER, self._context.links[stream].peer, now)
        return self._effects(now)

    def broken(self, stream: int, code: int | None, reason: str, raw: bytes, now: float) -> list[Effect]:
        """A unit whose length its code doesn't allow, or that was cut: refused at receipt."""
        self._heard(stream, now)
        fields = {"reason": str(reason), "hex": raw[:64].hex()}
        self._receipt(stream, (code or 0) & 0xFF, self._style(checks.WRONG_LENGTH), fields)
        return self._effects(now)

    # --- inputs: the switch

    def switch_up(self, now: float) -> list[Effect]:
        """The link to the switch works: the objects are brought back."""
        self._context.journal("switch-up")
        self._state.switch.link_up(now)
        return self._effects(now)

    def switch_down(self, reason: str, now: float) -> list[Effect]:
        """The link to the switch is gone."""
        self._context.log("warning", f"switch: link down: {reason}")
        self._context.journal("switch-down", reason=reason)
        self._state.switch.link_down(now)
        return self._effects(now)

    def switch_reply(self, token: int, reply: Reply | None, now: float) -> list[Effect]:
        """The reply to an ``AskSwitch``; None: there will be none."""
        self._state.switch.reply(token, reply, now)
        return self._effects(now)

    def switch_event(self, event: dict[str, Any], now: float) -> list[Effect]:
        """The switch tells something of its own accord. Only ``line-state`` means anything."""
        number = event.get("object_number")
        if event.get("event") == "line-state" and isinstance(number, int):
            self._state.switch.note_line_state(number, event.get("line_state"))
        else:
            self.counters["switch_events_unknown"] += 1
        return self._effects(now)

    def report(self, report: CallReport, now: float) -> list[Effect]:
        """A call report."""
        self._state.calls.report(report, now)
        return self._effects(now)

    # --- inputs: lines and time

    def ksl_changed(
        self, ksls: Iterable[Ksl], *, in_service: bool, alarm_code: int, now: float
    ) -> list[Effect]:
        """KSL went out of order (52h/04h for whoever has them) or came back; 21h type 04h either way."""
        faulty = self._state.lines.faulty
        for ksl in ksls:
            if in_service:
                faulty.discard(ksl)
            else:
                faulty.add(ksl)
                self._state.calls.ksl_fault(ksl, now)
        self._context.journal("ksl-changed", in_service=in_service, alarm_code=alarm_code)
        if self.tables.started or self.config.options.alarm_while_stopped == "on":
            for stream in self._context.links.usable_streams(Channel.KPD1):
                self._context.kpd1(stream, Alarm, LINES_CHANGED, alarm_code)
        return self._effects(now)

    def tick(self, now: float) -> list[Effect]:
        """Time has passed: whatever is due at ``now`` is done."""
        for drop in self._context.links.expire(now):
            self.counters["console_timeouts"] += 1
            self._context.emit(drop)
            self._context.log(
                "warning", f"stream {drop.stream}: no command for too long; the channel is faulty"
            )
            self._context.journal("console-timeout", stream=drop.stream)
            job = self._state.job
            if job is not None and job.output is not None and job.stream == drop.stream:
                self._abandon_output(job)
        self._state.switch.tick(now)
        self._state.calls.expire(now)
        return self._effects(now)

    def next_deadline(self) -> float | None:
        """When :meth:`tick` has something to do, if nothing else happens before."""
        state = self._state
        times = (self._context.links.deadline, state.switch.deadline, state.calls.deadline)
        return min((time for time in times if time is not None), default=None)

    def status(self) -> dict[str, Any]:
        """What an operator wants to see."""
        state = self._state
        return {
            "state": "started" if self.tables.started else "stopped",
            "work": state.work.value,
            "objects": len(self.tables.objects),
            "groups": len(self.tables.groups),
            "calls": len(state.calls),
            "ksl_in_use": state.lines.in_use,
            "switch_up": state.switch.up,
            "synchronising": state.switch.syncing,
            "counters": dict(self.counters),
        }

    @property
    def calls(self) -> Calls:
        """The live calls, for looking at."""
        return self._state.calls

    @property
    def lines(self) -> Lines:
        """The owners of lines, for looking at."""
        return self._state.lines

    @property
    def line_states(self) -> dict[int, int]:
        """States of subscriber lines by object number, for looking at."""
        return self._context.line_states

    # --- receipt (27h)

    def _heard(self, stream: int, now: float) -> None:
        """Also a command that is refused ends a console time-out: somebody is there."""
        if self._context.links.heard(stream, now):
            self._context.log("info", f"stream {stream}: the console is heard again")

    def _style(self, extended: int, order: int = REFUSED) -> int:
        """The status in the error style that is configured."""
        return extended if self.config.extended_errors else order

    def _format_status(self, message: Any, problems: Sequence[Problem]) -> int | None:
        """The refusal of a unit that can't be read, if it can't."""
        names = checks.faulty_fields(message)
        for problem in problems:
            if not problem.accepted and problem.path != "password":
                names.add(problem.path.partition(".")[0])
        if "ksl_a" in names and message.ksl_a == message.ksl_b:
            names.discard("ksl_b")  # a combined line, which names its one KSL twice
        return self._style(checks.field_code(names)) if names else None

    def _receipt_status(self, command: Any) -> int:
        """What 27h says to a command that can be read."""
        state, config, options = self._state, self.config, self.config.options
        failed = checks.first_failure(state, command, checks.RECEIPT)
        if failed is not None:
            return self._style(failed.extended)
        if state.turn(interrupt=command.code == INTERRUPT) is Turn.BUSY:
            return self._style(checks.BUSY)
        legal = verdict(self.tables.started, command.code, options)
        if legal is Verdict.NOT_STARTED:
            return self._style(checks.NOT_STARTED, REFUSED_NOT_STARTED)
        vendor = config.extended_errors and options.wrong_orm_number_reply == "vendor"
        if vendor and command.orm_number != config.orm_number:
            return checks.WRONG_ORM_NUMBER
        vendor = config.extended_errors and options.already_started_reply == "vendor"
        if vendor and legal is Verdict.ALREADY_STARTED:
            return checks.ALREADY_STARTED
        return ACCEPTED

    def _receipt(self, stream: int, code: int, status: int, fields: dict[str, Any]) -> None:
        self.counters["commands"] += 1
        self.counters["commands_refused"] += status != ACCEPTED
        peer = self._context.links[stream].peer
        self._context.journal(
            "command", stream=stream, peer=peer, command=code, receipt=status, fields=fields
        )
        self._context.kpd1(stream, CommandReceived, code, status)

    # --- execution (28h)

    def _accept(self, job: Job, now: float) -> None:
        """27h/00h is out: from here on, one 28h is due."""
        status = self._refusal(job)
        access = ACCESS_CODES.get(status) if status is not None else None
        first = self.config.options.unauthorized_access_place == "before_28h"
        if access is not None and first:
            self._unauthorized(job.stream, access, job.peer, now)
        if status is None:
            status = self._execution.run(job, now)
        if status is not None:
            self._finish(job, status)
        if access is not None and not first:
            self._unauthorized(job.stream, access, job.peer, now)

    def _refusal(self, job: Job) -> int | None:
        """Why an accepted command is not executed, if it is not."""
        command, config = job.command, self.config
        if command.orm_number != config.orm_number:
            return WRONG_NUMBER
        if not same_secret(command.password, self.tables.password):
            return WRONG_PASSWORD
        if verdict(self.tables.started, job.code, config.options) is Verdict.ALREADY_STARTED:
            return ALREADY_RUNNING
        failed = checks.first_failure(self._state, command, checks.EXECUTION)
        return None if failed is None else self._style(failed.extended)

    def _finish(self, job: Job, status: int) -> None:
        """The one 28h of an accepted command, sent to the connection that gave it."""
        if self._state.job is job:
            self._state.job = None
        job.output = None
        context = self._context
        context.journal("executed", stream=job.stream, peer=job.peer, command=job.code, status=status)
        link = context.links[job.stream]
        if not link.kpd1 or link.session != job.session:
            self.counters["answers_to_nobody"] += 1
        elif job.code != TEST or status != DONE or self.config.options.test_command_28h == "on":
            context.kpd1(job.stream, CommandExecuted, job.code, status)

    def _abandon_output(self, job: Job) -> None:
        """The console that a table goes to is gone or silent: the rest is dropped."""
        self._state.job = None
        job.output = None
        self.counters["outputs_abandoned"] += 1
        self._context.journal(
            "executed", stream=job.stream, peer=job.peer, command=job.code, status=NOT_DONE, abandoned=True
        )

    # --- unsolicited messages

    def _tell_restart(self, stream: int) -> None:
        """22h, then how the tables are. That they are intact is said while started only: to a stopped console
        there is nothing to say; that they were lost is said in any case (PROTOCOL 5.1, 5.2)."""
        options = self.config.options
        if options.restart_message == "on":
            self._context.kpd1(stream, Restart)
        if self.tables.damaged:
            self._context.kpd1(stream, Alarm, TABLES_LOST, 0)
            self._context.store(DamageReported())
        elif options.restart_message == "on" and (self.tables.started or options.alarm_while_stopped == "on"):
            self._context.kpd1(stream, Alarm, TABLES_INTACT, 0)

    def _unauthorized(self, stream: int, code: int, peer: str, now: float) -> None:
        context = self._context
        self.counters["unauthorized"] += 1
        context.journal("unauthorized-access", stream=stream, code=code, peer=peer)
        context.log("warning", f"unauthorised access, code {code}, from {peer or 'unknown'}")
        text = printable(peer, TEXT_LENGTH)
        context.kpd1(stream, UnauthorizedAccess, code, context.time_of_day(now), text)

    def _effects(self, now: float) -> list[Effect]:
        self._state.calls.offer(now)
        return self._context.take()
