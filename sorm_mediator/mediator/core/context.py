"""What the rooms of the core share: configuration, tables, channels, counters, and the effects so far."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from protocol.codes import VERSIONS, Channel
from protocol.messages import VersionInfo
from sorm_mediator.mediator.core.channels import ConsoleChannels
from sorm_mediator.mediator.core.effects import NO_CAUSE, Cause, Effect, Journal, Log, Store
from sorm_mediator.mediator.core.numbers import Numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol import Message
    from protocol.values import Time
    from sorm_mediator.config import MediatorConfig
    from sorm_mediator.mediator.core.tables import Change, Tables

_KPD2 = Channel.KPD2


class Queued(NamedTuple):
    """How many wait in a queue, and since when the first of them does; None: none waits."""

    units: int
    since: float | None


class Context:
    """One mediator's shared state. Effects gather in order until the core hands them out."""

    def __init__(
        self,
        config: MediatorConfig,
        tables: Tables,
        local_time: Callable[[float], Time],
        counters: Counter[str],
        *,
        paired: bool = True,
    ) -> None:
        self.tables = tables
        self._local_time = local_time
        self.counters = counters
        self.channels = ConsoleChannels(counters, paired=paired)
        self.line_states: dict[int, int] = {}
        """State of the subscriber line by object number, as far as the switch reported it."""
        self._second: int | None = None
        self._time: Time | None = None
        """The time of day in the second that was asked for last: events of one call and its neighbours share it."""
        self._effects: list[Effect] = []
        self.cause = NO_CAUSE
        """What the effects come from."""
        self.configure(config)

    def configure(self, config: MediatorConfig) -> None:
        """Take settings, at the start and while it runs (:mod:`sorm_mediator.config.live`)."""
        self.config = config
        self.options = config.options
        self.channels.configure(config.console_timeout, config.test_timeout)
        self.numbers = Numbers(config)
        version = self.options.requirements_version
        self._version = VERSIONS[config.order] if version is None else version
        self._single = 1 if self.options.single_message_numbering == "1,1" else 0

    def take(self) -> list[Effect]:
        """The effects since the last time."""
        effects, self._effects = self._effects, []
        self.cause = NO_CAUSE
        return effects

    def emit(self, *effects: Effect) -> None:
        """Add effects."""
        self._effects.extend(effects)

    def store(self, change: Change) -> None:
        """Change the tables, and have it made durable."""
        self.tables.apply(change)
        self._effects.append(Store(change))

    def time_of_day(self, at: float) -> Time | None:
        """The console's day and time of day; "not given" for a moment that no calendar has."""
        try:
            second = int(at)
            if second != self._second:
                self._time = self._local_time(at)
                self._second = second
        except (ValueError, OverflowError, OSError):
            self.counters["times_unknown"] += 1
            return None
        return self._time

    def log(self, level: Literal["debug", "info", "warning", "error"], text: str) -> None:
        """A line for the operator."""
        self._effects.append(Log(level, text))

    def journal(self, kind: str, unit: bytes = b"", *, stranger: bool = False, **fields: object) -> None:
        """An entry of the audit journal; ``unit``: the octets that it is of; ``stranger``: as of the effect."""
        self._effects.append(Journal(kind, fields, unit, stranger))

    @property
    def orm_number(self) -> int:
        """The number of the technical means: as configured, or (option) as command 1 gave it (order 268, 6.1.3)."""
        if self.options.orm_number_from_start == "off" or self.tables.start_number is None:
            return self.config.orm_number
        return self.tables.start_number

    def kpd1(
        self,
        stream: int | None,
        kind: Callable[..., Message],
        *,
        total: int = 0,
        index: int = 0,
        orm_number: int | None = None,
        **fields: Any,
    ) -> None:
        """Send a KPD1 message; ``total`` and ``index`` 0 mean that it is a single one; ``orm_number`` None: the means'
        own, which before the start is that of the last command 1 (order 268, 8.2.1.2)."""
        if orm_number is None:
            given = None if self.tables.started else self.tables.start_number
            orm_number = self.orm_number if given is None else given
        message = kind(
            **fields,
            orm_number=orm_number,
            total=total or self._single,
            index=index or self._single,
            **{"requirements_version" if kind is VersionInfo else "version": self._version},
        )
        self._effects.extend(self.channels.send(stream, Channel.KPD1, message, None, self.cause))

    def unsolicited(self, kind: Callable[..., Message], **fields: Any) -> None:
        """Send a KPD1 message that answers no command: on the pair in use (order 268, 1.4.1.1)."""
        self.kpd1(self.channels.own[Channel.KPD1], kind, **fields)

    def kpd2(
        self,
        message: Message,
        *,
        stream: int | None = None,
        at: float | None = None,
        cause: Cause | None = None,
    ) -> None:
        """Send a KPD2 message on ``stream``, or on the pair in use. ``at``: the moment of the event; ``cause``: its
        call, else what is at hand."""
        channels = self.channels
        if stream is None:
            stream = channels.own[_KPD2]
        self._effects += channels.send(stream, _KPD2, message, at, cause or self.cause)
