"""One object in one call, and the KPD2 messages that tell of it.

Source: PROTOCOL 2.3, 3.8, 3.13, 7.1-7.8.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from protocol.codes import Category
from protocol.values import Party

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from protocol import Message
    from protocol.values import Ksl
    from radius.report import CallReport, Match, ServiceUse
    from sorm_mediator.mediator.core.context import Context
    from sorm_mediator.mediator.core.tables import ControlledObject, Line

KSL_CONNECTED: Final = 0x00
NO_FREE_KSL: Final = 0x01
STATISTICAL: Final = 0xFF
"""Operation codes of 41h, 42h, 44h (PROTOCOL 3.13)."""

RELEASED_FAULT: Final = 0x01
RELEASED_INCOMPLETE: Final = 0x02
RELEASED_AFTER_TALK: Final = 0x05
"""Operation codes of 43h that the core chooses itself (PROTOCOL 3.13)."""

ROLE_SHIFT: Final[Mapping[str, int]] = MappingProxyType({"a": 0, "b": 2, "trunk": 4, "service": 6})
CATEGORY_BITS: Final[Mapping[Category, int]] = MappingProxyType(
    {Category.COMBINED: 0b01, Category.SEPARATE: 0b11, Category.STATISTICAL: 0b10}
)
"""The selection sign is the category's two bits, shifted by the reason (PROTOCOL 3.8)."""


@dataclass(slots=True, eq=False)
class Call:
    """A call of the switch that touches objects of ours."""

    key: tuple[str, str]
    """Domain and the switch's own id."""
    number: int
    report: CallReport
    """The newest snapshot."""
    first_seen: float
    """When the first report of it came in, by the mediator's clock."""
    last_seen: float | None = None
    """When a report of it was last taken in."""
    legs: dict[int, Leg] = field(default_factory=dict)
    """By object number."""
    ignored: set[int] = field(default_factory=set)
    """Objects that are not controlled in this call: taken off control, or put on it after it began."""


@dataclass(slots=True, eq=False)
class Leg:
    """One object in one call: what the console has been told, and the line it has."""

    call: Call
    call_number: int
    object: ControlledObject
    """As it was when the call began (command 15 acts on the next call)."""
    first: Match
    roles: set[str] = field(default_factory=set)
    line: Line | None = None
    line_since: float = 0.0
    received: bool = False
    """41h is out, or the object joined the call later."""
    answered: bool = False
    services: int = 0
    """How many services of the report the console has been told of."""
    muted: bool = False
    """The console released the line by command 8: a late KSL is not for this leg."""

    @property
    def statistical(self) -> bool:
        """Controlled without lines."""
        return self.object.category is Category.STATISTICAL

    @property
    def selection(self) -> int:
        """Why the console is told: PROTOCOL 3.8. One object that matches twice has both reasons."""
        bits = CATEGORY_BITS[self.object.category]
        sign = 0
        for role in self.roles:
            sign |= bits << ROLE_SHIFT[role]
        return sign

    @property
    def operation(self) -> int:
        """Operation code of 41h, 42h, 44h: how it stands with the line."""
        if self.line is not None:
            return KSL_CONNECTED
        return STATISTICAL if self.statistical else NO_FREE_KSL


class Events:
    """Builds and sends the KPD2 messages of legs."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def send(
        self,
        kind: Callable[..., Message],
        leg: Leg,
        at: float,
        *,
        operation: int,
        service: ServiceUse | None = None,
        line: Line | None = None,
    ) -> None:
        """Send one message about ``leg``; ``at`` is the moment of the event (Unix seconds).

        ``line`` defaults to the leg's own.
        """
        context = self._context
        calling, called = self._parties(leg, service)
        ksl_a, ksl_b = self._ksls(line or leg.line)
        payload: tuple[Any, ...] = (
            leg.call_number,
            leg.object.object_type,
            leg.object.object_number,
            _octet(leg.selection),
            _octet(leg.call.report.connection),
            _octet(service.phase) if service else 0,
            calling,
            called,
            leg.object.trunk,
            ksl_a,
            ksl_b,
            context.time_of_day(at),
            leg.object.priority,
            _octet(operation),
            _octet(service.code) if service else None,
            None,
        )
        context.kpd2(kind(*payload, orm_number=context.config.orm_number))
        context.counters["events"] += 1

    def _parties(self, leg: Leg, service: ServiceUse | None) -> tuple[Party, Party]:
        """41h shows the destination by which the object is touched, 44h the hop, 42h and 43h the final B
        (PROTOCOL 7.10)."""
        numbers, report = self._context.numbers, leg.call.report
        by_a = "a" in leg.roles
        if service is not None:
            return numbers.plain(service.calling), numbers.called(service.called, by_a=by_a)
        called = report.called if leg.received else leg.first.called
        return numbers.plain(report.calling), numbers.called(called, by_a=by_a)

    def _ksls(self, line: Line | None) -> tuple[Ksl | None, Ksl | None]:
        if line is None:
            return None, None
        if line.ksl_b is None and self._context.options.combined_ksl_b == "equal_a":
            return line.ksl_a, line.ksl_a
        return line.ksl_a, line.ksl_b


def _octet(value: int) -> int | None:
    """A coded octet; FFh, and what fits no octet, is "not given"."""
    return value if 0 <= value < 0xFF else None
