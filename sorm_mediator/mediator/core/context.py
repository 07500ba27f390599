"""What the rooms of the core share: configuration, tables, channels, counters, and the effects so far."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from protocol.codes import VERSIONS, Channel
from protocol.messages import Alarm, VersionInfo
from sorm_mediator.mediator.core.channels import ConsoleChannels
from sorm_mediator.mediator.core.effects import NO_CAUSE, Cause, Effect, Journal, Log, Store
from sorm_mediator.mediator.core.numbers import Numbers
from sorm_mediator.mediator.core.tables import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol import Message
    from protocol.values import Time
    from sorm_mediator.config import MediatorConfig
    from sorm_mediator.mediator.core.tables import Change, Tables

TABLES_AT_RISK: Final = 0x02
TABLES_INTACT: Final = 0x03
"""21h: the tables are kept; the operator of the console is to act, or need not (order 268, 9.1.4.1)."""
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
        durably: Callable[[list[Effect]], bool],
        *,
        paired: bool = True,
    ) -> None:
        self.tables = tables
        self._durably = durably
        self._owed: list[Change] = []
        """Changes that the tables have and the disk has not: what no command asked for is made all the same."""
        self.disk_works = True
        """Whether the disk took what it was given last."""
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

    def durable(self, *changes: Change) -> bool:
        """Have all the changes made durable, or none; whether they are. The tables do not have them yet."""
        effects, self._effects = self._effects, []
        works = self._durably([*effects, *map(Store, (*self._owed, *changes))])
        if works:
            self._owed.clear()
        else:
            self.counters["changes_refused_by_disk"] += len(changes)
        self.disk(works)
        return works

    def keep(self, *changes: Change) -> bool:
        """Have the changes made durable, and then make them; False: the disk refuses, and nothing is changed."""
        if not self.durable(*changes):
            return False
        for change in changes:
            self.tables.apply(change)
        return True

    def owe(self, change: Change) -> None:
        """Make a change that no command answers for; while the disk refuses, it is owed and goes with the next one."""
        self.tables.apply(change)
        if not self.durable(change):
            # At most one of each kind: the last one says it, and a stop begins anew.
            stop = isinstance(change, Stopped)
            self._owed = [] if stop else [one for one in self._owed if type(one) is not type(change)]
            self._owed.append(change)

    def disk(self, works: bool) -> None:
        """The disk refuses, or takes again what it is given. Tables are kept either way: 21h/02h, the operator of the
        console is to act, then 21h/03h (order 268, 9.1.4.1; our choice: option ``disk_alarm``)."""
        if works is self.disk_works:
            return
        self.disk_works = works
        if works:
            self.log("warning", "the disk takes changes and entries of the journal again")
        else:
            self.log(
                "error",
                "the disk refuses: commands that change the tables end with 28h/01h until it takes again",
            )
        self.journal("disk", works=works)
        options = self.options
        if options.disk_alarm == "on" and (self.tables.started or options.alarm_while_stopped == "on"):
            self.unsolicited(Alarm, alarm_type=TABLES_INTACT if works else TABLES_AT_RISK, alarm_code=0)

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
