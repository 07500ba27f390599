"""Services used during a call, as scripted by its request.

Hold, consultation, 3pty, transfer, pick-up, waiting, and the ordering, checking and cancelling of services by
the subscriber. Each is carried out as ordered, or an event of the call gives the reason why not; the call goes on.
The subscriber's record determines what command 12 shows and which services act by themselves (forwarding,
waiting).

Source: order 268, 10.2.1.8 and 11.4; pairs of numbers are our choice, except for forwarding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol

from radius.report import Party
from sorm_mediator.switch.calls.call import (
    PHASES,
    Call,
    CallRefused,
    CallRequest,
    Endpoint,
    Role,
    ServiceRequest,
    State,
    record_use,
)
from sorm_mediator.switch.calls.units import CallUnits, conference_share, consultation_units
from sorm_mediator.switch.domain import FEATURES, FORWARDINGS, SERVICE_CODES, Domain, Subscriber
from sorm_mediator.switch.path import Hop
from sorm_mediator.switch.routing import RoutingResult

NEEDS_TALK: Final = frozenset({"hold", "end-of-hold", "consultation", "3pty", "transfer"})
"""Services of an established connection; before the answer they wait for it."""
NEEDS_NUMBER: Final = frozenset({"consultation", "pickup", "waiting"})
USED: Final = frozenset(SERVICE_CODES) - frozenset(FORWARDINGS)
"""Services that can be used in a call; forwardings act by themselves."""
ORDERED: Final = frozenset((*FORWARDINGS, *FEATURES))
"""Services that a subscriber orders, checks and cancels."""


class Exchange(Protocol):
    """The part of :class:`~sorm_mediator.switch.calls.engine.Engine` that services use.

    Every ``now`` is Unix seconds.
    """

    units: CallUnits

    def begin(
        self, domain: Domain, request: CallRequest, now: float, *, let_in: bool = False, units: int = 1
    ) -> Call:
        """Make a further call. Raises :class:`CallRefused`."""

    def reach(self, call: Call, role: Role, digits: str) -> tuple[Sequence[Hop], str]:
        """The path of a call of A or B to ``digits``, and why it leads nowhere ("": it arrives)."""

    def send_on(self, call: Call, first: int, hops: Sequence[Hop], now: float) -> None:
        """Lead the call along another path from leg ``first`` on."""

    def join(self, call: Call, subscriber: Subscriber, now: float, *, role: str) -> None:
        """Make a subscriber of the last domain the B of the call."""

    def leave(self, call: Call, subscriber: Subscriber) -> None:
        """End the part of a subscriber in the call."""

    def answer(self, call: Call, now: float) -> None:
        """Let the called party answer."""

    def release(self, call: Call, now: float, *, cause: int | None = None) -> None:
        """End the call."""

    def after(self, at: float, call: Call, action: Callable[[float], None]) -> None:
        """Run ``action`` at a time, unless the call has been released by then."""


class NotPossible(Exception):  # noqa: N818 - an answer, not a mistake
    """The service can't be used now; the text gives the reason."""


def check_request(request: CallRequest) -> None:
    """Raises :class:`CallRefused` for a request that can never be carried out."""
    for index, service in enumerate(request.services):
        problem = _problem(service)
        if not problem and service.by == "a" and request.origin != "subscriber":
            problem = "by: A is outside of the domain and has no services in it"
        if problem:
            raise CallRefused("invalid", f"services.{index}: {problem}")


def _problem(service: ServiceRequest) -> str:
    known = USED if service.phase == "use" else ORDERED
    if service.service not in known:
        verb = "used in a call" if service.phase == "use" else "ordered, checked or cancelled"
        return f"service: {service.service!r} can't be {verb}; there are {', '.join(sorted(known))}"
    forwarding = service.phase == "order" and service.service in FORWARDINGS
    if not service.number and (forwarding or (service.phase == "use" and service.service in NEEDS_NUMBER)):
        return f"number: is required for {service.service}"
    return ""


def run(exchange: Exchange, call: Call, index: int, now: float) -> None:
    """Carry out a service of the call's request. A service that needs a conversation waits for it."""
    service = call.request.services[index]
    if service.phase == "use" and service.service in NEEDS_TALK and call.state is not State.TALKING:
        call.deferred.append(index)
        return
    try:
        if service.phase == "use":
            _USE[service.service](exchange, call, service, now)
        else:
            _order(exchange, call, service, now)
    except (NotPossible, CallRefused) as reason:
        call.log(now, "service-refused", f"{service.service}: {reason}")


def _role(call: Call, service: ServiceRequest, default: Role = "a") -> Role:
    """The party that uses the service. Raises :class:`NotPossible`."""
    role: Role = service.by or default
    if service.by is None and (call.party(role).subscriber is None or role in call.left):
        role = _other(role)
    if role in call.left:
        raise NotPossible(f"{role.upper()} has left the call")
    if call.party(role).subscriber is None:
        raise NotPossible(f"{role.upper()} is no subscriber of {call.leg_of(role).domain.name}")
    return role


def _other(role: Role) -> Role:
    return "b" if role == "a" else "a"


def _hold(exchange: Exchange, call: Call, service: ServiceRequest, now: float) -> None:
    role = _role(call, service)
    if role in call.held_by:
        raise NotPossible("the call is on hold already")
    call.held_by.add(role)
    record_use(call, "hold", now, call.party(role).party, call.party(_other(role)).party)
    if service.duration is not None:
        exchange.after(now + service.duration, call, lambda at: _release_hold(call, role, at))


def _end_of_hold(_exchange: Exchange, call: Call, service: ServiceRequest, now: float) -> None:
    role = service.by or next(iter(sorted(call.held_by)), None)
    if role is None or role not in call.held_by:
        raise NotPossible("the call is not on hold")
    _release_hold(call, role, now)


def _release_hold(call: Call, role: Role, now: float) -> None:
    if role in call.held_by:
        call.held_by.discard(role)
        record_use(call, "end-of-hold", now, call.party(role).party, call.party(_other(role)).party)


def _consult(exchange: Exchange, call: Call, service: ServiceRequest, now: float) -> Call:
    role = _role(call, service)
    if call.consultation is not None and call.consultation.state is not State.RELEASED:
        raise NotPossible("there is a consultation call already")
    user = call.party(role)
    assert user.subscriber is not None
    request = CallRequest(a=user.subscriber.number, b=service.number, ring=service.ring, talk=service.talk)
    units = consultation_units(user.subscriber)
    call.consultation = exchange.begin(call.leg_of(role).domain, request, now, units=units)
    record_use(call, "consultation", now, user.party, call.consultation.called.party)
    return call.consultation


def _consultation(exchange: Exchange, call: Call, service: ServiceRequest, now: float) -> None:
    _consult(exchange, call, service, now)


def _third(call: Call) -> Endpoint | None:
    """The third party of a party's consultation call."""
    consultation = call.consultation
    if consultation is None or consultation.state not in (State.RINGING, State.TALKING):
        return None
    return consultation.called


def _three_party(exchange: Exchange, call: Call, service: ServiceRequest, now: float) -> None:
    role = _role(call, service)
    if _third(call) is None and service.number:
        alone = consultation_units(call.party(role).subscriber)
        exchange.units.check(conference_share(call, alone), now)
        _consult(exchange, call, service, now)
    third, consultation = _third(call), call.consultation
    if third is None or consultation is None:
        raise NotPossible("there is no third party: no consultation call, and no number that answers")
    exchange.units.use(consultation, conference_share(call, consultation.units), now)
    record_use(call, "3pty", now, call.party(role).party, third.party)


def _path_of(call: Call) -> tuple[Hop, ...]:
    """The path of a call so far."""
    return tuple(
        Hop(
            domain=leg.domain,
            request=leg.request,
            result=RoutingResult(
                result="external" if leg.called.outside else "local",
                a=leg.calling.number,
                b=leg.called.number,
            ),
            exit=leg.called.subscriber or leg.called.outside,
        )
        for leg in call.legs
    )


def _transfer(exchange: Exchange, call: Call, service: ServiceRequest, now: float) -> None:
    role = _role(call, service)
    user = call.party(role)
    assert user.subscriber is not None
    if service.number:
        hops, problem = exchange.reach(call, role, service.number)
        if problem:
            raise NotPossible(problem)
        reached = hops[-1].exit
        if isinstance(reached, Subscriber) and (reached.calls or not reached.reachable):
            raise NotPossible(f"{service.number} is busy or out of service")
    else:
        consultation = call.consultation
        if _third(call) is None or consultation is None:
            raise NotPossible("there is no number, and no consultation call to transfer to")
        hops = _path_of(consultation)
        exchange.units.move(consultation, call, consultation_units(consultation.calling.subscriber))
        exchange.release(consultation, now)
    target = Endpoint.at(hops[0].result.b, hops[0].exit)
    record_use(call, "transfer", now, user.party, target.party)
    exchange.leave(call, user.subscriber)
    if role == "a":
        call.left.add("a")
    call.held_by.clear()
    exchange.send_on(call, 0 if role == "a" else len(call.legs) - 1, hops, now)


def _pickup(exchange: Exchange, call: Call, service: ServiceRequest, now: float) -> None:
    if call.state is not State.RINGING:
        raise NotPossible("the call is not ringing")
    ringing, leg = call.called.subscriber, call.legs[-1]
    picker = leg.domain.subscribers.get(service.number)
    if ringing is None:
        raise NotPossible(f"B is no subscriber of {leg.domain.name}")
    if picker is None:
        raise NotPossible(f"{service.number} is no subscriber of {leg.domain.name}")
    if picker.group != ringing.group:
        raise NotPossible(f"{picker.number} and {ringing.number} are in different pick-up groups")
    if picker.calls or not picker.reachable:
        raise NotPossible(f"{picker.number} is busy or out of service")
    exchange.units.use(call, call.units + 1, now)
    before = call.called
    exchange.leave(call, ringing)
    exchange.join(call, picker, now, role="service")
    record_use(call, "pickup", now, call.called.party, before.party)
    exchange.answer(call, now)


def _waiting(exchange: Exchange, call: Call, service: ServiceRequest, now: float) -> None:
    role = _role(call, service, default="b")
    user = call.party(role).subscriber
    assert user is not None
    request = CallRequest(a=service.number, b=user.number, ring=service.ring, talk=service.talk)
    exchange.begin(call.leg_of(role).domain, request, now, let_in=True)


def _order(_exchange: Exchange, call: Call, service: ServiceRequest, now: float) -> None:
    """Order, check or cancel a service: the record changes, and 44h shows the digits dialled."""
    user = call.party(_role(call, service))
    subscriber = user.subscriber
    assert subscriber is not None
    if service.phase == "order":
        if service.service in FORWARDINGS:
            subscriber.forwardings[service.service] = service.number
        else:
            subscriber.features.add(service.service)
    elif service.phase == "cancel":
        subscriber.forwardings.pop(service.service, None)
        subscriber.features.discard(service.service)
    dialled = Party(digits=service.digits or call.request.b)
    record_use(call, service.service, now, user.party, dialled, PHASES[service.phase])


_USE: Final[Mapping[str, Callable[[Exchange, Call, ServiceRequest, float], None]]] = MappingProxyType(
    {
        "hold": _hold,
        "end-of-hold": _end_of_hold,
        "consultation": _consultation,
        "3pty": _three_party,
        "transfer": _transfer,
        "pickup": _pickup,
        "waiting": _waiting,
    }
)
