"""How long answers and events take, against the limits of order 268 (options ``limits_ms``, ``events_ms``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from protocol import CommandExecuted, CommandReceived, Message, Test, TestReplyKpd1, TestReplyKpd2
from sorm_mediator.mediator.core.commands import RULES

_TABLES = frozenset(message.code for message, rule in RULES.items() if rule.table)

Answer: TypeAlias = Literal["27h", "28h", "29h", "53h", "events"]
"""What has a limit: 27h 9.7.3, 28h 1.5 and 1.6, 29h 9.9.3, 53h 11.7.3, events of calls rule 5."""

FAR: Final = 3600.0
"""Seconds. A reporter keeps a report no longer (:attr:`radius.outbox.Schedule.give_up_after`), so the time of an event
that is further from now is that of another clock."""


@dataclass(slots=True)
class Measured:
    """Answers of one kind: how many, how many came later than the limit, and their times in seconds."""

    answers: int = 0
    late: int = 0
    total: float = 0.0
    longest: float = 0.0


class LimitWatch:
    """Times each answer from the arrival of its command's last octet. Times are in seconds of one clock.

    ``limits`` are in milliseconds by message, such as ``{"27h": 400}``; ``events`` is that of the messages of calls.
    """

    def __init__(self, limits: Mapping[Any, int], events: int) -> None:
        self.measured: dict[Answer, Measured] = {}
        self.configure(limits, events)
        # By message and command code: a console that floods us can't make this grow.
        self._arrived: dict[tuple[Answer, int], float] = {}

    def configure(self, limits: Mapping[Any, int], events: int) -> None:
        """Other limits; what was measured stays."""
        self.limits: dict[Answer, int] = {**limits, "events": events}
        self.measured = {message: self.measured.get(message, Measured()) for message in self.limits}

    def command(self, code: int, arrived: float) -> None:
        """A command (or what was left of one) arrived."""
        self._arrived["27h", code] = arrived
        if code == Test.code:
            self._arrived["29h", code] = self._arrived["53h", code] = arrived

    def sent(self, message: Message, now: float) -> str:
        """An answer is on its way. Returns a warning for the operator when it is late, else nothing."""
        match message:
            case CommandReceived(command=int(code), status=status):
                if status == 0 and code not in _TABLES:  # those take as long as their table
                    self._arrived["28h", code] = self._arrived.get(("27h", code), now)
                return self._answer("27h", code, now)
            case CommandExecuted(command=int(code)):
                self._answer("28h", code, now)  # the core itself reports when it is late
            case TestReplyKpd1():
                self._arrived.pop(("28h", Test.code), None)
                return self._answer("29h", Test.code, now)
            case TestReplyKpd2():
                return self._answer("53h", Test.code, now)
        return ""

    def event(self, message: Message, at: float, now: float) -> str:
        """An event of a call is on its way; it happened ``at`` (Unix seconds by the switch's clock; ``now`` likewise by
        ours, so a switch of another host is measured as far as the clocks agree). Returns a warning for the operator,
        or nothing. A time further from now than :data:`FAR` is not measured."""
        if abs(now - at) > FAR:
            return ""
        return self._measure("events", max(0.0, now - at), f"{message.code:02X}h of a call")

    def _answer(self, message: Answer, code: int, now: float) -> str:
        arrived = self._arrived.pop((message, code), None)
        if arrived is None or message not in self.measured:
            return ""
        return self._measure(message, now - arrived, f"{message} to command {code:02X}h")

    def _measure(self, message: Answer, took: float, what: str) -> str:
        measured = self.measured[message]
        measured.answers += 1
        measured.total += took
        measured.longest = max(measured.longest, took)
        limit = self.limits[message]
        if took * 1000 <= limit:
            return ""
        measured.late += 1
        return f"{what} took {took * 1000:.0f} ms; the limit is {limit} ms"
