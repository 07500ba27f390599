"""What came of one check: what crossed, what was compared, what is wrong and which rule to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from protocol.language import Phrase
from sorm_mediator.acceptance.matrix import Check
from sorm_mediator.switch.trace.trace import Trace

PASS = Phrase("PASS", "СООТВЕТСТВУЕТ")
FAIL = Phrase("FAIL", "НЕ СООТВЕТСТВУЕТ")
SKIPPED = Phrase("n/a", "не применимо")


class Unit(Protocol):
    """One message of a channel, as the console saw it cross."""

    time: float
    outbound: bool
    channel: str
    raw: bytes
    message: Any

    @property
    def name(self) -> str:
        """Name of the message."""

    @property
    def fields(self) -> dict[str, Any]:
        """Its fields in their JSON form."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One value of an event: what was agreed and what came; ``seen`` is None where nothing came."""

    event: str
    field: str
    expected: str
    seen: str | None

    @property
    def holds(self) -> bool:
        """Whether it is as agreed."""
        return self.seen == self.expected


@dataclass(slots=True)
class Outcome:
    """A check that was carried out, or could not be.

    units: commands, answers and events, in the order they crossed. call, routing: the switch's own account of the call.
    trace: what the lab file's routing does with it.
    problems: what is wrong, in words. remedies: which rules and settings made it so.
    """

    check: Check
    object_number: int = 0
    units: list[Unit] = field(default_factory=list)
    compared: list[Compared] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    remedies: list[str] = field(default_factory=list)
    call: str = ""
    routing: list[Mapping[str, Any]] = field(default_factory=list)
    trace: Trace | None = None
    seconds: float = 0.0

    @property
    def verdict(self) -> Phrase:
        """PASS, FAIL or n/a."""
        if self.check.skipped:
            return SKIPPED
        return FAIL if self.problems else PASS
