"""Admission: whether the switch takes a call at all, and why not.

A ground is a reason for which the switch takes no call, such as a licence that has expired. Each part of the switch
that has one adds it to :attr:`Admission.grounds` of :attr:`Node.admission <sorm_mediator.switch.node.Node>`. The
engine asks for every call, when it has looked up where the call would lead to and before the call occupies anything.
A call that is not admitted exists: its event ``not-admitted`` has the reason, and it is released at once with 01h.
Running calls go on.

SORM is shown of such a call what it is shown of a call that fails in routing at once: the object at A gets 41h with the
digits dialled, and 43h with operation 01h; B is not reached, so no object at B is touched (order 268, 10.3 and 11.3.5).

Source: docs/switch.md, "Calls that are not admitted" (our choice).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from sorm_mediator.language import Phrase
from sorm_mediator.switch.domain import Domain
from sorm_mediator.switch.path import Hop
from sorm_mediator.switch.profiles.profile import Exit


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A call that the switch is asked to take.

    domain: where it begins. caller: the subscriber, trunk or bridge it comes from; None: a trace that knows the number
    alone. calling: the digits of A; "" for none. called: the digits dialled. path: where routing leads the call; empty
    where no number is dialled: an incomplete number, or a service code that the switch itself answers.
    """

    domain: Domain
    caller: Exit | None
    calling: str
    called: str
    path: Sequence[Hop] = ()

    @property
    def emergency(self) -> bool:
        """Whether the call is one to an emergency number: routing gives it, or SORM is shown it, as ``emergency``."""
        numbers = (number for hop in self.path for number in (hop.request.b, hop.result.b))
        return any("emergency" in (number.ni, number.shown_ni) for number in numbers)

    @property
    def reached(self) -> Exit | None:
        """The subscriber or trunk that the call would reach, before any forwarding; None: routing leads nowhere."""
        last = self.path[-1] if self.path else None
        return None if last is None or last.problem else last.exit


class Refusal(Phrase):
    """A reason for which ``POST calls`` answers another HTTP status than 503."""

    __slots__ = ("http_status",)
    http_status: int

    def __new__(cls, reason: Phrase, http_status: int) -> Refusal:
        self = cast(Refusal, super().__new__(cls, "{reason}", reason=reason))
        self.http_status = http_status
        return self


Ground = Callable[[Attempt, float], Phrase | None]
"""Why the switch does not take this call now (Unix seconds), also a :class:`Refusal`; None: it passes this ground.

It changes nothing: a trace asks, too. What counts calls is told of them by :attr:`Admission.watchers`.
"""

Offered = Callable[[Attempt, float, Phrase | None], None]
"""Told of each call that was offered to the switch: its time in Unix seconds, and why it was not admitted."""


@dataclass(slots=True)
class Admission:
    """The grounds on which a switch takes no call. Without a ground it takes every call."""

    grounds: list[Ground] = field(default_factory=list)
    """Asked in this order; the first reason counts."""
    watchers: list[Offered] = field(default_factory=list)

    def why_not(self, attempt: Attempt, now: float) -> Phrase | None:
        """Why the switch would not take the call; None: it would. Nothing is counted."""
        reasons = (ground(attempt, now) for ground in self.grounds)
        return next((reason for reason in reasons if reason is not None), None)

    def offer(self, attempt: Attempt, now: float) -> Phrase | None:
        """Decide about a call that is really made, and tell the watchers."""
        reason = self.why_not(attempt, now)
        for watcher in tuple(self.watchers):
            watcher(attempt, now, reason)
        return reason
