"""Composes the KPD2 messages of calls: 41h-44h, 51h, 52h.

41h reports that a call of an object can be set up. 42h, 43h and 44h repeat it, but for what has happened to its line:
a call that has one is shown under full control, a call that has none (or lost it) under statistical control.

Source: order 268, appendices 10 and 11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from protocol.codes import Category, Priority
from protocol.messages import (
    Answer,
    KslConnected,
    KslReleased,
    NumberReceived,
    Release,
    ServiceUsed,
)
from protocol.texts import OPERATIONS_RELEASE
from protocol.values import Party
from sorm_mediator.mediator.core.calls.legs import Leg, LegKsl, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    import radius.report as report
    from protocol import Message
    from radius.report import ServiceUse
    from sorm_mediator.mediator.core.context import Context
    from sorm_mediator.mediator.core.tables import Line


CONNECTED: Final = 0x00
NONE_FREE: Final = 0x01
STATISTICAL: Final = 0xFF
"""Operation code of 41h, 42h, 44h, 51h: how it stands with the line (11.1.9)."""

TECHNICAL: Final = 0x01
INCOMPLETE: Final = 0x02
AFTER_TALK: Final = 0x05
"""Operation codes of 43h that the mediator chooses itself (11.3.5)."""

BY_COMMAND_8: Final = 0x01
BY_PRIORITY: Final = 0x02
BY_COMMAND_7: Final = 0x03
BY_FAULT: Final = 0x04
BY_COMMAND_6: Final = 0x05
BY_STOP: Final = 0x06
"""Operation codes of 52h: why a line was released (11.6.5)."""


_HIGH, _NORMAL, _ONLY_STATISTICAL = Priority.HIGH, Priority.NORMAL, Category.STATISTICAL
_NONE_FREE = LegKsl.NONE_FREE
"""For each event: the members of an enum cost more to look up in its class."""


class EventComposer:
    """Builds and sends the KPD2 messages of legs. ``at`` is the moment of the event (Unix seconds)."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def number_received(self, leg: Leg, step: Step) -> None:
        """41h: the call can be set up (11.1)."""
        self._send(NumberReceived, leg, step.at, operation=self._connection_code(leg))

    def answer(self, leg: Leg, step: Step) -> None:
        """42h: the called party answered (11.2)."""
        operation, answered = self._connection_code(leg), leg.call.report.answered
        self._send(Answer, leg, step.at, operation=operation, called=answered)

    def release(self, leg: Leg, step: Step) -> None:
        """43h: the call ended, or is given up (11.3). Its operation is the switch's, or ours where the switch has none
        of the order's (11.3.5)."""
        report = leg.call.report
        cause = report.release_cause
        if report.release_time is None:  # it is given up
            cause = TECHNICAL
        elif cause is None or cause not in OPERATIONS_RELEASE:
            cause = TECHNICAL if report.answer_time is None else AFTER_TALK
        self._send(Release, leg, step.at, operation=cause)

    def service_used(self, leg: Leg, step: Step) -> None:
        """44h: a service was used (11.4)."""
        self._send(ServiceUsed, leg, step.at, operation=self._connection_code(leg), service=step.service)
        leg.services += 1

    def ksl_connected(self, leg: Leg, at: float) -> None:
        """51h: the leg has a line by command 7, or by an option that gives one later (11.5)."""
        self._send(KslConnected, leg, at, operation=CONNECTED)

    def no_ksl(self, leg: Leg, at: float) -> None:
        """51h: command 7 found no line (11.5.5, 11.5.6)."""
        self._send(KslConnected, leg, at, operation=NONE_FREE)

    def ksl_released(self, leg: Leg, at: float, line: Line, reason: int) -> None:
        """52h: ``line`` was released. All else is as it was while the leg had it (11.6.4)."""
        self._send(KslReleased, leg, at, operation=reason, line=line)

    # --- fields

    def _send(
        self,
        kind: Callable[..., Message],
        leg: Leg,
        at: float,
        *,
        operation: int,
        service: ServiceUse | None = None,
        line: Line | None = None,
        called: report.Party | None = None,
    ) -> None:
        context = self._context
        line = line or leg.line
        shown_a, shown_b = self._parties(leg, service, called)
        ksl_a, ksl_b = line or (None, None)
        if ksl_b is None and context.options.combined_ksl_b == "equal_a":
            ksl_b = ksl_a
        message = kind(
            orm_number=context.orm_number,
            call_number=leg.call_number,
            object_type=leg.object.object_type,
            object_number=leg.object.object_number,
            selection=_octet(leg.selection(line)),
            connection=_octet(leg.call.report.connection),
            service_phase=_octet(service.phase) if service else 0,
            calling=shown_a,
            called=shown_b,
            trunk=self._trunk(leg),
            ksl_a=ksl_a,
            ksl_b=ksl_b,
            time=context.time_of_day(at),
            priority=self._priority(leg, line),
            operation=_octet(operation),
            service=_octet(service.code) if service else None,
            additional=None,
        )
        context.kpd2(message, at=at, cause=leg.cause)
        context.counters["events"] += 1

    def _connection_code(self, leg: Leg) -> int:
        """Octet 32 of 41h, 42h, 44h (11.1.9, 11.2.4.1): a leg whose line was released is under statistical control."""
        if leg.line is not None:
            return CONNECTED
        return NONE_FREE if leg.ksl is _NONE_FREE else STATISTICAL

    def _priority(self, leg: Leg, line: Line | None) -> Priority | None:
        """Octet 31: of a call under full control that of the object, 01h by command 7 (11.2.4.1); without a line 02h or
        FFh (10.3.1.9, 11.1.8, option ``priority_without_line``)."""
        if line is not None:
            return leg.priority
        if leg.object.category is _ONLY_STATISTICAL and leg.object.priority is not _HIGH:
            return leg.object.priority
        return _NORMAL if self._context.options.priority_without_line == "02h" else None

    def _parties(
        self, leg: Leg, service: ServiceUse | None, answered: report.Party | None
    ) -> tuple[Party, Party]:
        """41h shows the destination by which the object is touched, 44h the hop, 42h who answered, 43h the final B. The
        party that the object is shows the number as command 5 gave it (10.3.2.1)."""
        numbers, snapshot = self._context.numbers, leg.call.report
        if service is not None:
            calling, called = service.calling, service.called
        else:
            final = answered or snapshot.called
            calling, called = snapshot.calling, final if leg.received else leg.first.called
        by_a = "a" in leg.roles
        shown_a, shown_b = numbers.plain(calling), numbers.called(called, by_a=by_a)
        given = leg.given
        if given is not None:
            # In 44h the object may stand on either side of the hop: it forwards a call, or is the one forwarded to.
            if (by_a and _same(calling, snapshot.calling)) or (calling.digits and _was_called(leg, calling)):
                shown_a = given
            if _was_called(leg, called):
                shown_b = given
        return shown_a, shown_b

    def _trunk(self, leg: Leg) -> int | None:
        """Octets 23-24 (10.3.1.5): of a trunk object its own; of other calls the trunk they came by, else the one they
        leave by. A terminal node has it where the A number of an incoming call is not known."""
        context, snapshot = self._context, leg.call.report
        if leg.object.trunk is not None or context.options.trunk_in_events == "objects":
            return leg.object.trunk
        incoming, outgoing = snapshot.calling.trunk, snapshot.called.trunk
        if context.config.station_type == "terminal":
            return incoming if not snapshot.calling.digits else None
        return outgoing if incoming is None else incoming


def _same(one: report.Party, other: report.Party) -> bool:
    return one is other or (one.digits == other.digits and one.ni == other.ni)


def _was_called(leg: Leg, party: report.Party) -> bool:
    """Whether the object of ``leg`` was called as ``party``."""
    for called in leg.called:  # noqa: SIM110 - a generator takes twice as long
        if _same(party, called):
            return True
    return False


def _octet(value: int) -> int | None:
    """A coded octet; FFh, and what fits no octet, is "not given"."""
    return value if 0 <= value < 0xFF else None
