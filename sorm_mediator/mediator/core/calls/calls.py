"""Calls: call reports in, KPD2 events out, in order and once.

A report is a cumulative snapshot, so the console is sent the difference between it and what it was sent
before. Loss, doubling, reordering and a Stop without a Start need no case of their own.

Source: order 268, 6.2.4, 6.5-6.8, 6.15, appendices 10 and 11.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from protocol.codes import Category, Priority
from sorm_mediator.mediator.core.calls.kpd2_events import (
    BY_COMMAND_6,
    BY_COMMAND_7,
    BY_COMMAND_8,
    BY_FAULT,
    BY_PRIORITY,
    INCOMPLETE,
    EventComposer,
)
from sorm_mediator.mediator.core.calls.legs import (
    LEG_TABLE,
    ROLE_SHIFT,
    Call,
    Leg,
    LegAction,
    LegInput,
    LegKsl,
    Step,
)
from sorm_mediator.mediator.core.effects import Connect, Free

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from radius.report import CallReport, Match, ServiceUse
    from sorm_mediator.mediator.core.calls.ksl_pool import KslPool
    from sorm_mediator.mediator.core.context import Context
    from sorm_mediator.mediator.core.tables import ControlledObject, Line

CALL_NUMBERS: Final = 0xFFFF
"""0..FFFEh (6.7.8.1); FFFFh is "not given"."""
FINISHED_SECONDS: Final = 3600.0
"""How long a finished call is remembered after its last report: late and doubled reports of it are ignored, also those
that a switch which gets no answer sends again and again."""
FINISHED_CALLS: Final = 65536
"""How many finished calls are remembered at most."""

JOINED: Final = "joined"
"""Role of a match: the object came under control while the call ran."""

OF_A_CONVERSATION: Final = frozenset({0x31, 0x33, 0x40, 0x42, 0x50, 0x51, 0x52})
"""Services that only parties who talk can use (docs/messages.md, services)."""


_SET_UP, _SERVICE = LegInput.SET_UP, LegInput.SERVICE
_ANSWER, _RELEASE = LegInput.ANSWER, LegInput.RELEASE
"""For each report: the members of an enum cost more to look up in its class."""
_step_time: Final = attrgetter("time")


def _before(service: ServiceUse, answer: float) -> bool:
    """Whether a service was used before the answer; at its very moment, only what doesn't need a conversation."""
    return service.time < answer or (service.time == answer and service.code not in OF_A_CONVERSATION)


def _add_services(leg: Leg, used: Sequence[ServiceUse], latest: float, steps: list[Step]) -> float:
    """A step for each; returns the time of the last step."""
    for service in used:
        latest = max(latest, service.time)
        steps.append(Step(latest, _SERVICE, leg, service.time, service))
    return latest


class CallNumbers(dict[int, "Call"]):
    """Live calls by number: 0..FFFEh, each given in turn (order 268, 6.7.8.1). A call may have several."""

    next = 1
    """The number that is tried first."""

    def allocate(self) -> int | None:
        """The next number that no live call has; None when all are in use."""
        if len(self) >= CALL_NUMBERS:
            return None
        while self.next in self:
            self.next = (self.next + 1) % CALL_NUMBERS
        number = self.next
        self.next = (number + 1) % CALL_NUMBERS
        return number


class Calls:
    """The calls that touch objects of ours."""

    def __init__(self, context: Context, pool: KslPool) -> None:
        self._context = context
        self._pool = pool
        self.events = events = EventComposer(context)
        self._actions: Final[Mapping[LegAction, Callable[[Leg, Step], None]]] = {
            LegAction.TAKE_LINE: self._take_line,
            LegAction.TAKE_LATE_LINE: self._take_late_line,
            LegAction.SEND_41: events.number_received,
            LegAction.SEND_42: events.answer,
            LegAction.SEND_43: events.release,
            LegAction.SEND_44: events.service_used,
            LegAction.LEAVE: self._leave,
        }
        self._live: OrderedDict[tuple[str, str], Call] = OrderedDict()
        """The call that was heard of longest ago first."""
        self._finished: OrderedDict[tuple[str, str], float] = OrderedDict()
        self.numbers = CallNumbers()
        self._legs_of: dict[int, dict[Leg, None]] = {}
        """By object number, so that taking an object off control costs what its own calls cost."""
        self._put_at: dict[int, float] = {}
        """When an object was put under control, by the mediator's clock; only while calls are live."""
        self._waiting: dict[int, dict[Leg, None]] = {}
        """Legs that found no line, by group; kept only when a late KSL is given."""

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[Call]:
        return iter(self._live.values())

    # --- reports

    def report(self, report: CallReport, now: float) -> None:
        """Take in a snapshot and send the console what is new in it."""
        context = self._context
        key = (report.domain, report.call_id)
        if not context.tables.started:
            context.counters["reports_while_stopped"] += 1
        elif key in self._finished:
            context.counters["reports_late"] += 1
            self._finished[key] = now
            self._finished.move_to_end(key)
            self._forget_finished(now)
        elif (call := self._live.get(key) or self._begin(key, report, now)) is None:
            pass  # counted where it is found
        elif call.last_seen is not None and report.sequence <= call.report.sequence:
            context.counters["reports_old"] += 1
        else:
            previous, call.report, call.last_seen = call.report, report, now
            self._live.move_to_end(key)
            self._match(call, previous)
            self._send_news(call)
            if report.release_time is not None:
                self._finish(call, now)
                self._forget_finished(now)

    def _begin(self, key: tuple[str, str], report: CallReport, now: float) -> Call | None:
        self._forget_finished(now)
        objects = self._context.tables.objects
        for match in report.matches:
            if match.object_number in objects:
                break
        else:
            self._context.counters["reports_without_object"] += 1
            return None
        number = self.numbers.allocate()
        if number is None:
            self._context.counters["calls_without_number"] += 1
            self._context.log(
                "error", f"call {report.call_id}: all call numbers are in use; it is not reported"
            )
            return None
        call = Call(key, number, report, first_seen=now)
        self._live[key] = self.numbers[number] = call
        return call

    def _match(self, call: Call, previous: CallReport) -> None:
        """Open a leg for every object that the call touches now."""
        context = self._context
        for match in call.report.matches:
            number, role = match.object_number, match.role
            if role not in ROLE_SHIFT or number in call.ignored:
                continue
            leg = call.legs.get(number)
            if leg is None:
                joined = {one.object_number: one for one in call.report.matches if one.role == JOINED}
                row = context.tables.objects.get(number)
                if row is None:
                    context.counters["matches_without_object"] += 1
                    continue
                joins = number in joined or self._put_at.get(number, call.first_seen) > call.first_seen
                if joins and context.options.join_running_call_on_add == "off":
                    call.ignored.add(number)
                    context.counters["matches_before_control"] += 1
                    continue
                shared = context.options.same_call_number_for_both_objects == "on"
                own = call.number if shared else self._own_number(call)
                if own is None:
                    continue
                leg = Leg(call, own, row, match)
                call.legs[number] = leg
                self._legs_of.setdefault(number, {})[leg] = None
                if joins:
                    self._join(leg, _as_it_was(call.report, joined[number]) if number in joined else previous)
            leg.roles.add(role)
            if role == "b" and match.called not in leg.called:
                leg.called.append(match.called)

    def _join(self, leg: Leg, before: CallReport) -> None:
        """The object came under control during the call: no 41h, a 51h if it gets a line."""
        leg.roles.add(leg.first.role)
        leg.services = len(before.services)
        if before.setup_time is None:
            cause = None if before.answer_time is None else LegInput.JOIN_TALK
        else:
            cause = LegInput.JOIN if before.answer_time is None else LegInput.JOIN_ANSWERED
        if cause is not None:
            self._move(Step(leg.first.time, cause, leg, leg.first.time))

    def _send_news(self, call: Call) -> None:
        """All that is new, in the order in which it happened; each leg's own order is 41 44* 42 44* 43."""
        steps: list[Step] = []
        for leg in call.legs.values():
            self._add_steps(leg, steps)
        if len(call.legs) > 1:
            steps.sort(key=_step_time)
        for step in steps:
            self._move(step)

    def _add_steps(self, leg: Leg, steps: list[Step]) -> None:
        """What is new for one leg, in its order."""
        report = leg.call.report
        answer, release = report.answer_time, report.release_time
        received, answered = leg.received, leg.answered
        # An answer without a moment of set-up is a switch's slip: the number must have been known by then.
        setup = answer if report.setup_time is None else report.setup_time
        latest = float("-inf")
        if not received:
            if setup is not None:
                latest = max(setup, leg.first.time)
                steps.append(Step(latest, _SET_UP, leg, latest))
            elif release is None:
                return
        used: Sequence[ServiceUse] = report.services[leg.services :]
        if setup is None and report.release_cause == INCOMPLETE:
            used = ()
        answering = not answered and answer is not None
        if used:
            after = 0
            if answer is not None and answering:
                while after < len(used) and _before(used[after], answer):
                    after += 1
            latest = _add_services(leg, used[:after], latest, steps)
        if answer is not None and answering:
            latest = max(latest, answer)
            steps.append(Step(latest, _ANSWER, leg, answer))
        if used:
            latest = _add_services(leg, used[after:], latest, steps)
        if release is not None:
            steps.append(Step(max(latest, release), _RELEASE, leg, release))

    # --- the moves of a leg

    def _move(self, step: Step) -> None:
        """Do what :data:`LEG_TABLE` has. The state comes last: what a message shows depends on those before it."""
        leg = step.leg
        following, actions = LEG_TABLE[leg.state, step.input]
        for action in actions:
            self._actions[action](leg, step)
        leg.state = following

    def _take_line(self, leg: Leg, step: Step) -> None:
        if not leg.statistical:
            high = leg.object.priority is Priority.HIGH
            self._attach(leg, step.time, pre_empt=BY_PRIORITY if high else None)

    def _take_late_line(self, leg: Leg, step: Step) -> None:
        """After the call has begun: 51h reports the line, if there is one."""
        if not leg.statistical:
            self._attach(leg, step.time, pre_empt=None)
            if leg.line is not None:
                self.events.ksl_connected(leg, step.time)

    # --- lines

    def _attach(self, leg: Leg, at: float, *, group: int | None = None, pre_empt: int | None) -> None:
        """Give the leg a free line of the group, or an ordinary object's (52h ``pre_empt``)."""
        group = leg.object.ksl_group if group is None else group
        if group is None:
            return
        line = self._pool.free(group)
        if line is None and pre_empt is not None and (loser := self._pool.victim(group)) is not None:
            line = self._detach(loser, at, pre_empt)
            self._wait(loser)
        if line is None:
            leg.ksl = LegKsl.NONE_FREE
            self._wait(leg)
            return
        leg.ksl = LegKsl.TAKEN
        self._pool.take(line, leg, at)
        self._stop_waiting(leg)
        self._context.emit(Connect(line, leg.call_number, leg.object.object_number, leg.call.report.media))

    def _detach(self, leg: Leg, at: float, reason: int | None) -> Line:
        """Take the leg's line, with 52h unless ``reason`` is None. The line is free then."""
        line = self._pool.release(leg)
        self._context.emit(Free(line, leg.call_number, leg.object.object_number))
        if reason is not None:
            self.events.ksl_released(leg, at, line, reason)
        if reason in (BY_PRIORITY, BY_COMMAND_7):
            self._context.counters["lines_preempted"] += 1
        if reason == BY_COMMAND_8:
            leg.ksl = LegKsl.RELEASED
        elif reason is not None and self._context.options.line_lost_shown == "none-free":
            leg.ksl = LegKsl.NONE_FREE
        else:
            leg.ksl = LegKsl.NONE
        return line

    def _wait(self, leg: Leg) -> None:
        group = leg.object.ksl_group
        if (
            self._context.options.late_ksl == "on"
            and group is not None
            and not (leg.statistical or leg.ksl is LegKsl.RELEASED)
        ):
            self._waiting.setdefault(group, {})[leg] = None

    def _stop_waiting(self, leg: Leg) -> None:
        group = leg.object.ksl_group
        if group is not None and (waiting := self._waiting.get(group)) is not None:
            waiting.pop(leg, None)
            if not waiting:
                del self._waiting[group]

    def offer(self, at: float) -> None:
        """Give lines that have become free to legs that found none: priority objects first, then by age."""
        if not self._waiting:
            return
        for group in list(self._waiting):
            for leg in sorted(self._waiting[group], key=lambda leg: leg.object.priority is not Priority.HIGH):
                if self._pool.free(group) is None:
                    break
                self._attach(leg, at, pre_empt=None)
                self.events.ksl_connected(leg, at)

    # --- commands

    def find(self, call_number: object, object_type: object, object_number: object) -> Leg | None:
        """The leg that the console names by octets 4..8 of a KPD2 header; the type may be left out."""
        call = self.numbers.get(call_number) if isinstance(call_number, int) else None
        leg = call.legs.get(object_number) if call and isinstance(object_number, int) else None
        if leg is None or leg.call_number != call_number:
            return None
        if object_type is not None and object_type != leg.object.object_type:
            return None
        return leg

    def connect(self, leg: Leg, group: int, now: float) -> None:
        """Command 7: give the leg a line of ``group``, if need be an ordinary object's (52h/03h, 51h)."""
        self._attach(leg, now, group=group, pre_empt=BY_COMMAND_7)
        leg.ksl = LegKsl.BY_COMMAND_7
        self.events.ksl_connected(leg, now)

    def disconnect(self, leg: Leg, now: float) -> None:
        """Command 8: the line goes, the call goes on (52h/01h)."""
        self._detach(leg, now, BY_COMMAND_8)

    def out_of_order(self, line: Line, now: float) -> None:
        """Take the line from the call that has it (52h/04h)."""
        owner = self._pool.owner(line)
        if owner is not None:
            self._detach(owner, now, BY_FAULT)
            self._wait(owner)

    def object_put(self, number: int, now: float) -> None:
        """Command 5: control begins with the next call."""
        if self._live:
            self._put_at[number] = now

    def object_removed(self, number: int, now: float) -> None:
        """Command 6: the object's lines are released (52h/05h) and its events stop."""
        self._put_at.pop(number, None)
        for leg in list(self._legs_of.get(number, ())):
            if leg.line is not None:
                self._detach(leg, now, BY_COMMAND_6)
            leg.call.ignored.add(number)
            del leg.call.legs[number]
            self._move(Step(now, LegInput.DROP, leg, now))

    def object_changed(self, row: ControlledObject, now: float) -> None:
        """Command 15: from the next call on, or (option) at once for the calls that are running."""
        if self._context.options.change_running_call != "at_once":
            return
        for leg in list(self._legs_of.get(row.object_number, ())):
            self._stop_waiting(leg)
            if leg.line is not None and row.category is Category.STATISTICAL:
                self._detach(leg, now, BY_COMMAND_6)
            leg.object = row
            if leg.received and leg.line is None and leg.ksl is not LegKsl.RELEASED:
                self._take_late_line(leg, Step(now, LegInput.JOIN, leg, now))

    def stop(self, reason: int | None, now: float) -> None:
        """The means are stopped: every connected line is released (52h ``reason``; None: nothing is sent), and no call
        is reported any more."""
        for call in list(self._live.values()):
            for leg in list(call.legs.values()):
                if leg.line is not None:
                    self._detach(leg, now, reason)
                self._move(Step(now, LegInput.DROP, leg, now))
            self._finish(call, now)
        self._waiting.clear()
        self._put_at.clear()
        self._forget_finished(now)

    # --- the end of calls

    @property
    def deadline(self) -> float | None:
        """When the call that was heard of longest ago is given up."""
        expiry = self._context.options.call_expiry
        oldest = next(iter(self._live.values()), None)
        if oldest is None or not expiry:
            return None
        return (oldest.first_seen if oldest.last_seen is None else oldest.last_seen) + expiry

    def expire(self, now: float) -> None:
        """Give up the calls not reported for too long: 43h/01h, and their lines are free."""
        while (deadline := self.deadline) is not None and now >= deadline:
            call = next(iter(self._live.values()))
            self._context.counters["calls_expired"] += 1
            self._context.log("warning", f"call {call.key[1]}: no report for too long; given up")
            for leg in list(call.legs.values()):
                self._move(Step(now, LegInput.RELEASE if leg.received else LegInput.DROP, leg, now))
            self._finish(call, now)
        self._forget_finished(now)

    def _leave(self, leg: Leg, _: Step) -> None:
        """The leg is over: nothing refers to it any more but its call."""
        self._stop_waiting(leg)
        if leg.line is not None:
            self._detach(leg, 0.0, None)
        if leg.call_number != leg.call.number:
            del self.numbers[leg.call_number]
        legs = self._legs_of[leg.object.object_number]
        legs.pop(leg, None)
        if not legs:
            del self._legs_of[leg.object.object_number]

    def _finish(self, call: Call, now: float) -> None:
        del self._live[call.key]
        del self.numbers[call.number]
        self._finished[call.key] = now
        call.legs.clear()  # they refer to the call: without this a collection of garbage would have to find both
        if not self._live:
            self._put_at.clear()

    def _forget_finished(self, now: float) -> None:
        finished = self._finished
        while finished:
            first = next(iter(finished.values()))
            if len(finished) <= FINISHED_CALLS and now < first + FINISHED_SECONDS:
                break
            finished.popitem(last=False)

    # --- call numbers

    def _own_number(self, call: Call) -> int | None:
        """A leg's number where each object has its own (option); the first leg has the call's."""
        if not call.legs:
            return call.number
        number = self.numbers.allocate()
        if number is not None:
            self.numbers[number] = call
        return number


def _as_it_was(report: CallReport, joined: Match) -> CallReport:
    """The call at the moment when the object joined it: what the console is not sent any more."""

    def by_then(at: float | None) -> float | None:
        return at if at is not None and at <= joined.time else None

    return replace(
        report,
        setup_time=by_then(report.setup_time),
        answer_time=by_then(report.answer_time),
        services=tuple(use for use in report.services if use.time <= joined.time),
    )
