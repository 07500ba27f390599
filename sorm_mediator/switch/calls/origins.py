"""Where calls come from: a subscriber, a trunk, or the switch itself; and the channels of its dialer.

The switch itself makes the calls of its services: ``system:alarm`` (wake-up call), ``system:custom-cb`` (a call back)
and ``system:dialer`` (the dialer, which calls numbers of a list). Such a call uses one unit of the licence as any
other, and one of the dialer a channel of the licence's ``dialer.channels`` too. Without a free channel it waits.

Source: ECSS-10 manual, Licence distribution: cp_limit ("when the system itself makes an outgoing connection") and
dialer, channels.
"""

from __future__ import annotations

from typing import Final

from sorm_mediator.language import Phrase, join
from sorm_mediator.switch.calls.call import Call, CallRefused, CallRequest, Endpoint, State, own_number
from sorm_mediator.switch.domain import Domain
from sorm_mediator.switch.node import Node
from sorm_mediator.switch.routing.route import Number

DIALER: Final = "system:dialer"
SYSTEM: Final = ("system:alarm", "system:custom-cb", DIALER)
"""Origins of calls that the switch makes itself."""
CHANNELS: Final = "dialer.channels"
"""The key of the limit."""


def calling_party(domain: Domain, request: CallRequest) -> Endpoint:
    """The calling party. Raises :class:`CallRefused`."""
    kind, _, name = request.origin.partition(":")
    if request.origin == "subscriber":
        subscriber = domain.subscribers.get(request.a)
        if subscriber is None:
            told = Phrase("a: {number} is not a subscriber of {domain}", number=request.a, domain=domain.name)
            raise CallRefused("invalid", told)
        if (problem := subscriber.without_line) is not None:
            raise CallRefused("refused", Phrase("a: {reason}", reason=problem))
        if not subscriber.reachable:
            told = Phrase("a: the line of {number} is {state}", number=request.a, state=subscriber.line_state)
            raise CallRefused("refused", told)
        return Endpoint(number=own_number(request.a), subscriber=subscriber)
    if request.origin in SYSTEM:
        return Endpoint(number=Number(digits=request.a))
    trunk = domain.trunks.get(name)
    if kind != "trunk" or trunk is None:
        known = ", ".join(["subscriber", *(f"trunk:{name}" for name in sorted(domain.trunks)), *SYSTEM])
        told = Phrase("from: {origin!r} is none of: {known}", origin=request.origin, known=known)
        raise CallRefused("invalid", told)
    if trunk.closed_to("incoming"):
        raise CallRefused("refused", join(": ", ["from", trunk.closed_to("incoming")]))
    return Endpoint(number=Number(digits=request.a), trunk=trunk)


class Dialer:
    """The channels of the dialer, and the calls that wait for one."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._calls: list[Call] = []
        """Calls with a channel."""
        self._waiting: list[Call] = []
        """The first one in front."""

    @property
    def in_use(self) -> int:
        """Channels in use."""
        return len(self._calls)

    def check(self, now: float) -> None:
        """Raises :class:`CallRefused` when the licence has no channel at all."""
        if self._limit(now) == 0:
            number = self._node.licences.active(now).number
            told = Phrase(
                "licence {number} allows 0 channels on dialer outgoing calls; add a licence", number=number
            )
            raise CallRefused("licence", told)

    def enter(self, call: Call, now: float) -> bool:
        """Give a new call a channel; false: it waits for one."""
        if self.in_use < self._limit(now) and not self._waiting:
            self._calls.append(call)
            return True
        self._waiting.append(call)
        told = Phrase(
            "dialer: {count} of {limit} channels of licence {number} are in use",
            count=self.in_use,
            limit=f"{self._limit(now):g}",
            number=self._node.licences.active(now).number,
        )
        call.log(now, "waiting", told)
        return False

    def next(self, now: float) -> Call | None:
        """Give the first call that waits a channel that has become free; None: there is none of either."""
        while self._waiting and self.in_use < self._limit(now):
            call = self._waiting.pop(0)
            if call.state is not State.RELEASED:
                self._calls.append(call)
                return call
        return None

    def ended(self, call: Call) -> None:
        """A call has ended, and its channel is free."""
        for calls in (self._calls, self._waiting):
            if call in calls:
                calls.remove(call)

    def _limit(self, now: float) -> float:
        return self._node.licences.active(now).limits.most(CHANNELS) or 0
