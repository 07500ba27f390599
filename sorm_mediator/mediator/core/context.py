"""What the rooms of the core share: configuration, tables, channels, counters, and the effects so far."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

from protocol.codes import VERSIONS, Channel
from protocol.messages import VersionInfo
from sorm_mediator.mediator.core.effects import Effect, Journal, Log, Store
from sorm_mediator.mediator.core.links import Links
from sorm_mediator.mediator.core.numbers import Numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol import Message
    from protocol.values import Time
    from sorm_mediator.config import MediatorConfig
    from sorm_mediator.mediator.core.tables import Change, Tables


class Context:
    """One mediator's shared state. Effects gather in order until the core hands them out."""

    def __init__(
        self,
        config: MediatorConfig,
        tables: Tables,
        local_time: Callable[[float], Time],
        counters: Counter[str],
    ) -> None:
        self.config = config
        self.options = config.options
        self.tables = tables
        self._local_time = local_time
        self.counters = counters
        self.links = Links(config.console_timeout, counters)
        self.numbers = Numbers(config)
        self.line_states: dict[int, int] = {}
        """State of the subscriber line by object number, as far as the switch told it."""
        version = self.options.requirements_version
        self._version = VERSIONS[config.order] if version is None else version
        self._single = 1 if self.options.single_message_numbering == "1,1" else 0
        self._effects: list[Effect] = []

    def take(self) -> list[Effect]:
        """The effects since the last time."""
        effects, self._effects = self._effects, []
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
            return self._local_time(at)
        except (ValueError, OverflowError, OSError):
            self.counters["times_unknown"] += 1
            return None

    def log(self, level: Literal["debug", "info", "warning", "error"], text: str) -> None:
        """A line for the operator."""
        self._effects.append(Log(level, text))

    def journal(self, kind: str, **fields: Any) -> None:
        """An entry of the audit journal."""
        self._effects.append(Journal(kind, fields))

    def kpd1(
        self, stream: int, kind: Callable[..., Message], *payload: Any, total: int = 0, index: int = 0
    ) -> None:
        """Send a KPD1 message; ``total`` and ``index`` 0 mean that it is not part of a table."""
        header = {
            "orm_number": self.config.orm_number,
            "total": total or self._single,
            "index": index or self._single,
            "requirements_version" if kind is VersionInfo else "version": self._version,
        }
        self._effects.extend(self.links.send(stream, Channel.KPD1, kind(*payload, **header)))

    def kpd2(self, message: Message, stream: int | None = None) -> None:
        """Send a KPD2 message: on ``stream``, or on the lowest one that works.

        That one pair of channels carries the events of all objects is inferred: the sheet says of 53h alone
        that it goes everywhere.
        """
        if stream is None:
            stream = next(iter(self.links.usable_streams(Channel.KPD2)), 0)
        self._effects.extend(self.links.send(stream, Channel.KPD2, message))
