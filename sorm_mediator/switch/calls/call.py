"""One call: its request, its parties, its state, its events, and its units of the licence.

The life of a call is :data:`CALL_TABLE`; :mod:`sorm_mediator.switch.calls.engine` moves it from state to state.

Source: order 268, 10.2, 10.3 and appendix 11; docs/switch.md for the request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from protocol.texts import OPERATIONS_RELEASE, phrase_of
from radius.report import Match, Media, Party, ServiceUse
from sorm_mediator.language import Phrase, join
from sorm_mediator.switch.domain import Bridge, BridgeEnd, Domain, Subscriber, Trunk
from sorm_mediator.switch.node import Node
from sorm_mediator.switch.objects import SwitchObject, Touched
from sorm_mediator.switch.path import Hop, shown_a, shown_b, sorm_view
from sorm_mediator.switch.routing.route import DEFAULT_PLAN, Number, RoutingRequest

Outcome = Literal["answer", "busy", "no-answer", "fail", "incomplete"]
Role = Literal["a", "b"]
Phase = Literal["use", "order", "check", "cancel"]

OWN_TO_OWN: Final = 0x1C
OUTGOING: Final = 0x11
INCOMING: Final = 0x12
TRANSIT: Final = 0x18
TRANSIT_INTERNATIONAL: Final = 0x14
"""Kinds of connection, all set up automatically (order 268, 10.2.1.7)."""

RELEASE_FAULT: Final = 0x01
RELEASE_INCOMPLETE: Final = 0x02
RELEASE_BUSY: Final = 0x03
RELEASE_NO_ANSWER: Final = 0x04
RELEASE_AFTER_TALK: Final = 0x05
"""Causes of release (order 268, 11.3.5)."""


class State(Enum):
    """The state of a call."""

    DIALLING = "dialling"
    """The destination is being looked for."""
    RINGING = "ringing"
    """The destination is reached and not answered."""
    TALKING = "talking"
    """The destination has answered."""
    RELEASED = "released"
    """The call is over."""


class Input(Enum):
    """What moves a call on."""

    ALERT = "alert"
    """The destination is reached."""
    FORWARD = "forward"
    """The number that was reached sends the call on to another one."""
    ANSWER = "answer"
    """The destination answers."""
    RELEASE = "release"
    """A party, the switch or a time-out ends the call."""


CALL_TABLE: Final[Mapping[tuple[State, Input], State]] = {
    (State.DIALLING, Input.ALERT): State.RINGING,
    (State.DIALLING, Input.FORWARD): State.DIALLING,
    (State.DIALLING, Input.RELEASE): State.RELEASED,
    (State.RINGING, Input.FORWARD): State.DIALLING,
    (State.RINGING, Input.ANSWER): State.TALKING,
    (State.RINGING, Input.RELEASE): State.RELEASED,
    (State.TALKING, Input.RELEASE): State.RELEASED,
}
"""State and input -> next state. A forwarded call is in ``dialling`` until it reaches its new destination.

What is done in a move is in :mod:`sorm_mediator.switch.calls.engine`. Another pair raises :class:`IllegalInputError`.
"""


class IllegalInputError(Exception):
    """The state of the call does not allow this input; the state is unchanged."""


class CallRefused(Exception):  # noqa: N818 - an answer, not a mistake
    """The switch does not make this call. ``kind`` classifies the reason; the text gives it."""

    def __init__(self, kind: Literal["unknown", "invalid", "refused", "licence"], text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRequest:
    """A service to be used during a call.

    service: a name of ``SERVICE_CODES``. at: seconds from the start of the call; a service that needs a
    conversation waits for it. by: the party that uses the service; None: A where A is a subscriber of the
    domain, else B. number: the third party, or the target of a forwarding ordered. phase: the service is
    used, ordered, checked or cancelled. digits: dialled to order, check or cancel. duration: seconds until
    the end of a hold. ring, talk: of the further call of a consultation or of call waiting.
    """

    service: str
    at: float = 0.0
    by: Role | None = None
    number: str = ""
    phase: Phase = "use"
    digits: str = ""
    duration: float | None = None
    ring: float = 0.05
    talk: float = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest:
    """A call to be made, as described in docs/switch.md. Times are seconds.

    origin: ``subscriber``, ``trunk:NAME``, or one of the switch itself, such as ``system:alarm``. ring: time until
    the answer (or until the caller gives up).
    """

    a: str
    b: str
    origin: str = "subscriber"
    outcome: Outcome = "answer"
    ring: float = 0.05
    talk: float = 0.2
    services: tuple[ServiceRequest, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A party of a call in a domain: its number, and its subscriber, trunk or bridge."""

    number: Number
    subscriber: Subscriber | None = None
    trunk: Trunk | None = None
    bridge: BridgeEnd | None = None
    shown: str | None = None
    """The digits shown to SORM where the type of the node determines them; None: those of the number."""

    @classmethod
    def at(cls, number: Number, exit_: Subscriber | Trunk | BridgeEnd | None) -> Endpoint:
        """The party reached by ``exit_``."""
        if isinstance(exit_, Subscriber):
            return cls(number=number, subscriber=exit_)
        if isinstance(exit_, Trunk):
            return cls(number=number, trunk=exit_)
        return cls(number=number, bridge=exit_)

    @property
    def outside(self) -> Trunk | BridgeEnd | None:
        """The trunk or bridge of the party; None for a subscriber or a number not routed yet."""
        return self.trunk or self.bridge

    @property
    def party(self) -> Party:
        """The party as it is shown to SORM."""
        trunk = self.trunk.number if self.trunk else None
        digits = self.number.shown_digits if self.shown is None else self.shown
        return Party(digits=digits, ni=self.number.shown_ni, trunk=trunk)

    def touched(self, domain: Domain) -> Touched:
        """The party for matching in a domain."""
        number = self.number
        numbers = (number.digits, number.shown_digits)
        # Where both are the same, the number is the SORM number, and its sign counts (order 268, 6.5.7).
        any_kind = domain.match_routed == "any" and number.digits != number.shown_digits
        routed = number.digits if any_kind else ""
        if self.subscriber is not None:
            full = domain.numbers_of(self.subscriber)
            return Touched(True, (*numbers, *full), number.shown_ni, routed=routed)
        strict = domain.config.strict_intercity_numbers
        return Touched(False, numbers, number.shown_ni, strict, routed)


@dataclass(frozen=True, slots=True)
class CallEvent:
    """An event of a call, for people: Unix seconds, a name, and details."""

    time: float
    event: str
    detail: str = ""


KEPT_FROM: Final = ("not-admitted", "routing-failed", "forwarding-failed")
"""Events of a call that reached no number."""


def why_released(cause: int, events: Sequence[tuple[str, str]]) -> Phrase:
    """Why a call ended: the cause of its 43h, and what kept it from a number; ``events``: names and details."""
    text = phrase_of(OPERATIONS_RELEASE, cause)
    kept = next((detail for event, detail in reversed(events) if event in KEPT_FROM), "")
    return join(": ", [text, kept]) if kept else text


@dataclass(slots=True, eq=False)
class Leg:
    """A call in one domain of its path: its entry, and its parties with the numbers of that domain."""

    domain: Domain
    request: RoutingRequest
    calling: Endpoint
    called: Endpoint

    @property
    def dialled(self) -> Party:
        """B with the digits as they came into the domain."""
        return replace(self.called.party, digits=self.request.b.digits)

    @property
    def shown_to_a(self) -> Party:
        """B as shown by 41h of the object at A.

        Digits dialled by an own subscriber are unmodified (ECSS-10 manual, Number format check, item 3).
        Digits from another exchange may contain its exit prefix, so an incoming call has the SORM number.
        """
        config, sorm = self.domain.config, self.called.party
        longer = config.full_dial_number and len(sorm.digits) > len(self.request.b.digits)
        dialled_here = self.calling.subscriber is not None and self.called.shown is None
        if config.b_digits_mode == "route" or longer or not dialled_here:
            return sorm
        return self.dialled


class TouchedObject(NamedTuple):
    """An object touched by a call, the reason, and the domain that has the object on control."""

    item: SwitchObject
    match: Match
    domain: Domain


@dataclass(slots=True, eq=False)
class View:
    """A call as one domain reports it to one mediator: the objects of the mediator touched there.

    call_id: of its reports. matches: the objects, each with its reason. sequence: reports so far.
    """

    call_id: str
    leg: Leg
    matches: list[TouchedObject] = field(default_factory=list)
    sequence: int = 0
    answered: Party | None = None
    """The B that answered, as shown to this mediator."""


@dataclass(slots=True, eq=False)
class Call:
    """A call. ``domain`` is where the call was made; bridges may lead it through others."""

    id: str
    domain: Domain
    request: CallRequest
    started: float
    legs: list[Leg]
    """One for each domain of the path, at least one. B of the last leg is the number reached."""
    outcome: Outcome
    """The outcome at the number reached."""
    state: State = State.DIALLING
    setup_time: float | None = None
    answer_time: float | None = None
    release_time: float | None = None
    release_cause: int | None = None
    media: Media | None = None
    """SSRC of its speech."""
    services: list[ServiceUse] = field(default_factory=list)
    views: dict[str, list[View]] = field(default_factory=dict)
    """By mediator."""
    events: list[CallEvent] = field(default_factory=list)
    routing: list[Hop] = field(default_factory=list)
    """The path of the call itself, then the path of each forwarding or transfer."""
    forwarders: list[Subscriber] = field(default_factory=list)
    members: list[Subscriber] = field(default_factory=list)
    """The subscribers occupied by the call."""
    carriers: list[Trunk | Bridge] = field(default_factory=list)
    """The trunks and bridges that carry the call."""
    epoch: int = 0
    """Timers of an earlier state have an earlier epoch and no effect."""
    deferred: list[int] = field(default_factory=list)
    """Services that wait for the answer, by their place in the request."""
    held_by: set[Role] = field(default_factory=set)
    left: set[Role] = field(default_factory=set)
    """The parties that have left the call by a transfer."""
    consultation: Call | None = None
    units: int = 0
    """Units of the licence (cp_limit) in use: :class:`CallUnits`."""
    let_in: bool = False
    """The called subscriber accepts this call as a waiting call, even without the service in its record."""
    not_admitted: str = ""
    """Why the switch did not take the call (:mod:`sorm_mediator.switch.admission`); "": it did."""
    reject_status: int = 503
    """HTTP status of the answer about a call that was not admitted."""
    noted: Callable[[Call, CallEvent], None] = lambda _call, _event: None
    """Called with each further event."""

    def move(self, cause: Input) -> None:
        """Go to the next state. Raises :class:`IllegalInputError`."""
        try:
            self.state = CALL_TABLE[self.state, cause]
        except KeyError:
            raise IllegalInputError(f"{self.id}: {cause.value} while {self.state.value}") from None
        self.epoch += 1

    def log(self, time: float, event: str, detail: str = "") -> None:
        """Add an event."""
        self.events.append(CallEvent(time, event, detail))
        self.noted(self, self.events[-1])

    @property
    def conversing(self) -> bool:
        """Whether the call is answered and not on hold."""
        return self.state is State.TALKING and not self.held_by

    @property
    def calling(self) -> Endpoint:
        """The original A."""
        return self.legs[0].calling

    @property
    def called(self) -> Endpoint:
        """The current B; before routing, the number as dialled."""
        return self.legs[-1].called

    def leg_of(self, role: Role) -> Leg:
        """The leg of A or B."""
        return self.legs[0 if role == "a" else -1]

    def party(self, role: Role) -> Endpoint:
        """A or the current B."""
        return self.calling if role == "a" else self.called

    def connection_of(self, leg: Leg, mediator: str) -> int:
        """The :func:`connection` as a leg shows it to a mediator: the domains under its control are one exchange."""
        return connection(*self._ends(leg, mediator))

    def seen_from(self, leg: Leg, mediator: str) -> tuple[Party, Party]:
        """A and B with the numbers of a leg, and the trunks of the exchange formed by the mediator's domains.

        Reports of calls that touch no trunk object contain the trunks, too (order 268, 10.3.1.5).
        """
        a, b = (end.party.trunk for end in self._ends(leg, mediator))
        return replace(leg.calling.party, trunk=a), replace(leg.called.party, trunk=b)

    def _ends(self, leg: Leg, mediator: str) -> tuple[Endpoint, Endpoint]:
        """The legs where the call enters and leaves the exchange under a mediator's control, around a leg."""
        if leg not in self.legs:
            return leg.calling, leg.called
        first = last = self.legs.index(leg)
        while first > 0 and mediator in self.legs[first - 1].domain.tables:
            first -= 1
        while last + 1 < len(self.legs) and mediator in self.legs[last + 1].domain.tables:
            last += 1
        return self.legs[first].calling, self.legs[last].called


def legs_along(legs: Sequence[Leg], first: int, hops: Sequence[Hop], *, redirected: bool) -> list[Leg]:
    """The legs of a call that takes this path from leg ``first`` on.

    The A of a redirected call (``redirected``) is not new: in the leg of the redirection, only B is new.
    """
    turned = legs[first]
    own = redirected or turned.calling.subscriber is not None
    dialled = hops[0].request.b.digits if own else ""
    leaves = own and not isinstance(hops[-1].exit, Subscriber)

    def called(hop: Hop) -> Endpoint:
        reached = Endpoint.at(hop.result.b, hop.exit)
        return replace(reached, shown=shown_b(hop.domain.config, reached.number, dialled, outgoing=leaves))

    turned.called = called(hops[0])
    if not redirected:
        number = hops[0].result.a
        shown = shown_a(turned.domain.config, number, hops[0].request.a.digits)
        turned.calling = replace(turned.calling, number=number, shown=shown)
    laid = [*legs[: first + 1]]
    for before, hop in pairwise(hops):
        assert before.bridge is not None
        shown = shown_a(hop.domain.config, hop.result.a, hop.request.a.digits)
        calling = Endpoint(number=hop.result.a, bridge=before.bridge.far, shown=shown)
        laid.append(Leg(hop.domain, hop.request, calling, called(hop)))
    return laid


def connection(calling: Endpoint, called: Endpoint) -> int:
    """Octet of the kind of connection between two parties (order 268, 10.2.1.7)."""
    if calling.outside is None:
        return OWN_TO_OWN if called.outside is None else OUTGOING
    if called.outside is None:
        return INCOMING
    abroad = "international" in (calling.number.shown_ni, called.number.shown_ni)
    return TRANSIT_INTERNATIONAL if abroad else TRANSIT


# --- where a call begins; a trace begins in the same way


def own_number(digits: str) -> Number:
    """A subscriber's own number."""
    return Number(digits=digits, ni="private")


def first_leg(domain: Domain, calling: Endpoint, called: Number) -> Leg:
    """The first leg of a call from ``calling``, before routing.

    The call starts in the context of its subscriber, trunk or bridge, else in the default one of the domain,
    and in the numbering plan of the trunk or the bridge.
    """
    context, np, entry = "", DEFAULT_PLAN, ""
    if calling.subscriber is not None:
        context = calling.subscriber.context
    elif calling.trunk is not None:
        context, np, entry = calling.trunk.config.context, calling.trunk.config.np, calling.trunk.name
    elif calling.bridge is not None:
        context, np = calling.bridge.side.context, calling.bridge.side.np
    number = sorm_view(domain, calling.number, called).a
    start = context or domain.default_context
    request = RoutingRequest(a=calling.number, b=called, context=start, np=np, entry=entry)
    return Leg(domain, request, replace(calling, number=number), Endpoint(number=called))


# --- units of the licence


class CallUnits:
    """How calls use the licence's simultaneous connections (cp_limit): the manual's table, as the engine counts it.

    | what | units |
    |---|---|
    | a call, through any number of domains and bridges, forwarded or not | 1 |
    | pick-up: it ties the call to that of the subscriber who picks up | 2 |
    | transfer of a smart terminal without a consultation call | 1 |
    | transfer of a smart terminal after a consultation call: both calls go on, tied together | 2 |
    | transfer of a basic terminal: the switch itself ties the parties within one call | 1 |
    | add-on conference (3pty) | 1 for each participant |
    | a call that the switch makes itself (alarm, custom-cb, dialer) | 1 |

    A smart terminal makes its consultation call itself, so that call uses a unit like any other. The consultation
    call of a basic terminal is made within its call and uses no unit. A call that is tied to others in several
    ways uses one more unit for each. A request beyond the limit is refused and changes nothing. A lower limit
    does not end running calls. ``in_use`` is the sum of :attr:`Call.units`.

    Source: ECSS-10 manual, Licence distribution, cp_limit.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self.in_use = 0

    def check(self, more: int, now: float) -> None:
        """Raises :class:`CallRefused` of kind ``licence`` when this number of further units is too many."""
        active = self._node.licences.active(now)
        limit, counted = active.limits.concurrent_calls, self._node.counted
        if counted is not None:
            most = counted.get("concurrent_calls", 0)
            if more > 0 and self.in_use + more > most:
                away = self._node.master_away
                remedy = Phrase("buy more for the network")
                if away:
                    remedy = Phrase("make its master {master} reachable", master=away)
                if self.in_use:
                    remedy = Phrase("wait until a call ends, or {remedy}", remedy=remedy)
                told = Phrase(
                    "the licence network gives this node {limit} simultaneous connections: {used} are in use, "
                    "and {more} more would be needed; {remedy}",
                    limit=most,
                    used=self.in_use,
                    more=more,
                    remedy=remedy,
                )
                raise CallRefused("licence", told)
            return
        if more > 0 and self.in_use + more > limit:
            told = Phrase(
                "licence {number} allows {limit} simultaneous connections (max call attempts): {used} are in use, "
                "and {more} more would be needed; wait until a call ends, or add a licence",
                number=active.number,
                limit=limit,
                used=self.in_use,
                more=more,
            )
            raise CallRefused("licence", told)

    def use(self, call: Call, units: int, now: float) -> None:
        """Set the number of units of a call. Raises :class:`CallRefused`, and changes nothing then."""
        self.check(units - call.units, now)
        self._set(call, units)

    def move(self, source: Call, target: Call, units: int) -> None:
        """Move units from one call to another, at most all of them. The total is unchanged."""
        units = min(units, source.units)
        self._set(source, source.units - units)
        self._set(target, target.units + units)

    def _set(self, call: Call, units: int) -> None:
        self.in_use += units - call.units
        call.units = units
