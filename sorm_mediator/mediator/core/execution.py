"""What the commands do, once every check is passed.

An executor returns the status of 28h, or None: the command goes on (it waits for the switch, or sends a
table) and is finished later.

Source: PROTOCOL 4.1-4.17.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from protocol.codes import Channel, GroupType
from protocol.codes import StationType as Station
from protocol.events import TestReplyKpd2
from protocol.messages import TestReplyKpd1, VersionInfo
from sorm_mediator.mediator.core.checks import INTERRUPTED
from sorm_mediator.mediator.core.conditions import blank, is_mass_removal
from sorm_mediator.mediator.core.legality import Work
from sorm_mediator.mediator.core.output import (
    ksl_output,
    objects_output,
    services_output,
    trunks_output,
)
from sorm_mediator.mediator.core.select import find_line, matching_objects, matching_rows
from sorm_mediator.mediator.core.switchside import Missing, Outcome, on_the_wire
from sorm_mediator.mediator.core.tables import (
    ControlledObject,
    GroupLineAdded,
    GroupLineRemoved,
    Line,
    ObjectPut,
    ObjectRemoved,
    PasswordChanged,
    StateChanged,
    Stopped,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sorm_mediator.mediator.core.output import Output
    from sorm_mediator.mediator.core.state import Job, State

DONE: Final = 0x00
NOT_DONE: Final = 0x01
NO_TRUNK: Final = 0x25
NO_SERVICES: Final = 0x61
UNKNOWN_TO_SWITCH: Final = frozenset({0x34, 0x35, 0x53})
"""The switch's ways to say that it has no such object: then a removal has reached its end."""


class Execution:
    """The seventeen commands. ``finish`` ends a command that was not done at once."""

    def __init__(self, state: State, finish: Callable[[Job, int], None]) -> None:
        self._state = state
        self._context = state.context
        self._finish = finish

    def run(self, job: Job, now: float) -> int | None:
        """Execute. Returns the status of 28h, or None when the command goes on."""
        executor: Executor = EXECUTORS[job.code]
        return executor(self, job, job.command, now)

    def extended(self, code: int) -> int:
        """The status in the error style that is configured."""
        return code if self._state.config.extended_errors else NOT_DONE

    def advance(self, job: Job) -> None:
        """Send the next piece of a table."""
        if job.output is not None and job.output.send_piece(self._context, job.stream):
            self._finish(job, DONE)

    # --- state, password

    def _start(self, job: Job, command: Any, now: float) -> int:
        self._context.store(StateChanged(True))
        self._context.journal("started", stream=job.stream, peer=job.peer)
        return DONE

    def _stop(self, job: Job, command: Any, now: float) -> int | None:
        return self._ask(job, "clear", {}, self._stopped, now)

    def _stopped(self, job: Job, outcome: Outcome, now: float) -> int:
        failure = self._failure(outcome, down_is_failure=False)
        if failure:
            return failure
        self._state.calls.stop(now)
        options, config = self._state.options, self._state.config
        reset = options.stop_resets_password == "on"  # noqa: S105 - an option's value
        password = config.password.get_secret_value() if reset else None
        self._context.line_states.clear()
        self._context.store(Stopped(options.stop_clears_groups == "on", password))
        self._context.journal("stopped", stream=job.stream, peer=job.peer)
        return DONE

    def _set_password(self, job: Job, command: Any, now: float) -> int:
        self._context.store(PasswordChanged(str(command.new_password)))
        return DONE

    # --- KSL

    def _add_ksl(self, job: Job, command: Any, now: float) -> int:
        separate = command.group_type is GroupType.SEPARATE
        line = Line(command.ksl_a, command.ksl_b if separate else None)
        self._context.store(GroupLineAdded(command.ksl_group, command.group_type, line))
        return DONE

    def _remove_ksl(self, job: Job, command: Any, now: float) -> int:
        group = self._state.tables.groups[command.ksl_group]
        line = find_line(group.lines, command.ksl_a, command.ksl_b)
        if line is None:
            return self.extended(0x32)
        self._state.calls.out_of_order([line], now)
        self._context.store(GroupLineRemoved(command.ksl_group, line))
        return DONE

    def _connect_ksl(self, job: Job, command: Any, now: float) -> int:
        calls = self._state.calls
        leg = calls.find(command.call_number, command.object_type, command.object_number)
        if leg is None:
            return self.extended(0x3D)
        calls.connect(leg, command.ksl_group, now)
        return DONE

    def _release_ksl(self, job: Job, command: Any, now: float) -> int:
        state = self._state
        if command.call_number is not None:
            leg = state.calls.find(command.call_number, command.object_type, command.object_number)
        else:
            line = state.tables.line_of(command.ksl_a)
            leg = state.lines.owner(line) if line else None
        if leg is None:
            return self.extended(0x3D)
        state.calls.disconnect(leg, now)
        return DONE

    # --- objects

    def _add_object(self, job: Job, command: Any, now: float) -> int | None:
        row = ControlledObject(
            object_number=command.object_number,
            object_type=command.object_type,
            number_sign=command.number_sign,
            number=None if blank(command.number) else str(command.number),
            trunk=command.trunk,
            category=command.category,
            ksl_group=command.ksl_group,
            priority=command.priority,
        )

        def added(job: Job, outcome: Outcome, now: float) -> int:
            failure = self._failure(outcome)
            if not failure and not isinstance(outcome, Missing):
                self._context.store(ObjectPut(row))
                self._state.switch.note_line_state(row.object_number, outcome.data.get("line_state"))
                self._state.calls.object_put(row.object_number, now)
                self._join_running_calls(row.object_number, now)
            return failure

        return self._ask(job, "add", {"object": on_the_wire(row)}, added, now)

    def _join_running_calls(self, number: int, now: float) -> None:
        """Only after the object is in the tables: a report that overtakes it would find nobody."""
        if self._state.options.join_running_call_on_add == "off":
            return

        def asked(outcome: Outcome, now: float) -> None:
            if isinstance(outcome, Missing) or not outcome.ok:
                self._context.counters["joins_failed"] += 1
                self._context.log("warning", f"switch: object {number} could not join the running calls")

        self._state.switch.ask("join", {"object_number": number}, asked, now)

    def _change_object(self, job: Job, command: Any, now: float) -> int | None:
        old = self._state.tables.objects[command.object_number]
        row = ControlledObject(
            object_number=old.object_number,
            object_type=old.object_type,
            number_sign=old.number_sign,
            number=old.number,
            trunk=old.trunk,
            category=command.category,
            ksl_group=command.ksl_group,
            priority=command.priority,
        )

        def changed(job: Job, outcome: Outcome, now: float) -> int:
            failure = self._failure(outcome)
            if not failure:
                self._context.store(ObjectPut(row))
                self._state.calls.object_changed(row, now)
            return failure

        wire = on_the_wire(row)
        params = {name: wire[name] for name in ("object_number", "category", "priority")}
        return self._ask(job, "change", params, changed, now)

    def _remove_object(self, job: Job, command: Any, now: float) -> int | None:
        if is_mass_removal(self._state, command):
            return self._ask(job, "clear", {}, self._removed_all, now)

        def removed(job: Job, outcome: Outcome, now: float) -> int:
            gone = not isinstance(outcome, Missing) and not outcome.ok and outcome.code in UNKNOWN_TO_SWITCH
            failure = 0 if gone else self._failure(outcome)
            if not failure:
                self._forget(command.object_number, now)
            return failure

        return self._ask(job, "remove", {"object_number": command.object_number}, removed, now)

    def _removed_all(self, job: Job, outcome: Outcome, now: float) -> int:
        failure = self._failure(outcome)
        if not failure:
            for number in list(self._state.tables.objects):
                self._forget(number, now)
        return failure

    def _forget(self, number: int, now: float) -> None:
        self._state.calls.object_removed(number, now)
        self._context.line_states.pop(number, None)
        self._context.store(ObjectRemoved(number))

    # --- tables

    def _get_objects(self, job: Job, command: Any, now: float) -> None:
        numbers = matching_objects(self._state.tables, command)
        self._output(job, objects_output(self._context, numbers))

    def _get_ksl(self, job: Job, command: Any, now: float) -> None:
        rows = matching_rows(self._state.tables, command, self._state.options)
        self._output(job, ksl_output(rows))

    def _get_services(self, job: Job, command: Any, now: float) -> int | None:
        params = {"number": str(command.number), "number_sign": str(command.number_sign)}

        def told(job: Job, outcome: Outcome, now: float) -> int | None:
            failure = self._failure(outcome)
            if failure or isinstance(outcome, Missing):
                return failure
            services = _octets(outcome.data.get("services"))
            if not services and self._state.options.no_services_reply == "61h":
                return self.extended(NO_SERVICES)
            self._output(
                job, services_output(self._context, command.number_sign, str(command.number), services)
            )
            return None

        return self._ask(job, "services", params, told, now, work=Work.ASKING)

    def _get_trunks(self, job: Job, command: Any, now: float) -> int | None:
        def told(job: Job, outcome: Outcome, now: float) -> int | None:
            failure = self._failure(outcome)
            if failure or isinstance(outcome, Missing):
                return failure
            trunks = _trunks(outcome.data.get("trunks"))
            if not trunks:
                return self.extended(NO_TRUNK)
            self._output(job, trunks_output(trunks))
            return None

        return self._ask(job, "trunks", {"trunk": command.trunk}, told, now, work=Work.ASKING)

    def _interrupt(self, job: Job, command: Any, now: float) -> int:
        running = self._state.job
        if running is not None:
            self._finish(running, self.extended(INTERRUPTED))
        return DONE

    # --- the rest

    def _test(self, job: Job, command: Any, now: float) -> int:
        """29h where the command came from, 53h on every KPD2 (order 645 clause 9)."""
        context = self._context
        flip = 0xFF if self._state.options.bitmap_polarity == "0=in service" else 0
        bitmaps = [context.links.bitmap(channel) ^ flip for channel in (Channel.KPD1, Channel.KPD2)]
        context.kpd1(job.stream, TestReplyKpd1, command.test_number, *bitmaps)
        for stream in context.links.usable_streams(Channel.KPD2):
            reply = TestReplyKpd2(command.test_number, *bitmaps, orm_number=self._state.config.orm_number)
            context.kpd2(reply, stream)
        return DONE

    def _get_version(self, job: Job, command: Any, now: float) -> int:
        config = self._state.config
        self._context.kpd1(job.stream, VersionInfo, config.software_version, Station(config.station_type))
        return DONE

    # --- helpers

    def _output(self, job: Job, output: Output) -> None:
        """Send a table; the first piece goes at once."""
        job.work, job.output = Work.OUTPUT, output
        self._state.job = job
        self.advance(job)

    def _ask(
        self,
        job: Job,
        op: str,
        params: dict[str, Any],
        then: Callable[[Job, Outcome, float], int | None],
        now: float,
        *,
        work: Work = Work.CHANGING,
    ) -> int | None:
        """Ask the switch and go on with ``then``, unless the command has been interrupted meanwhile."""
        job.work = work
        self._state.job = job

        def done(outcome: Outcome, now: float) -> None:
            if self._state.job is not job:
                return
            status = then(job, outcome, now)
            if status is not None:
                self._finish(job, status)

        self._state.switch.ask(op, params, done, now)
        return None

    def _failure(self, outcome: Outcome, *, down_is_failure: bool = True) -> int:
        """The status that this outcome of a question means; 0 for success."""
        if outcome is Missing.DOWN:
            return NOT_DONE if down_is_failure else DONE
        if isinstance(outcome, Missing):
            return NOT_DONE
        if outcome.ok:
            return DONE
        code = outcome.code
        return self.extended(code) if isinstance(code, int) and 0x10 <= code <= 0xFE else NOT_DONE


def _octets(values: object) -> list[int]:
    """The service codes of a reply; whatever is no octet is left out."""
    return [v for v in values if isinstance(v, int) and 0 <= v < 0xFF] if isinstance(values, list) else []


def _trunks(values: object) -> list[tuple[int, str]]:
    """Numbers and names of a reply, as 2Ah can carry them: 43 printable ASCII characters."""
    trunks = []
    for value in values if isinstance(values, list) else []:
        number, name = (value.get("trunk"), value.get("name")) if isinstance(value, dict) else (None, None)
        if isinstance(number, int) and 0 <= number < 0xFFFF:
            trunks.append((number, printable(str(name), 43)))
    return trunks


def printable(text: str, length: int) -> str:
    """``text`` as the order's ASCII fields can carry it."""
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text)[:length]


Executor: TypeAlias = "Callable[[Execution, Job, Any, float], int | None]"

EXECUTORS: Final[Mapping[int, Executor]] = MappingProxyType(
    {
        0x01: Execution._start,
        0x02: Execution._stop,
        0x03: Execution._set_password,
        0x04: Execution._add_ksl,
        0x05: Execution._add_object,
        0x06: Execution._remove_object,
        0x07: Execution._connect_ksl,
        0x08: Execution._release_ksl,
        0x09: Execution._remove_ksl,
        0x0A: Execution._get_objects,
        0x0B: Execution._get_ksl,
        0x0C: Execution._get_services,
        0x0D: Execution._interrupt,
        0x0E: Execution._test,
        0x0F: Execution._change_object,
        0x10: Execution._get_trunks,
        0x11: Execution._get_version,
    }
)
