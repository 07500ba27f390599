"""Services used while a call runs, as its request scripts them.

Hold, consultation, 3pty, transfer, pick-up, waiting, and the ordering, checking and cancelling of services by
the subscriber. Each is carried out as ordered, or the call's events say why not; the call itself goes on.
What a subscriber's record lists decides what command 12 shows and what happens by itself (forwarding,
waiting).

Source: order 268, 10.2.1.8 and 11.4; pairs of numbers are our choice, except for forwarding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from radius.report import Match, Party, ServiceUse
from sorm_mediator.switch.calls.call import (
    PHASES,
    Call,
    CallRefused,
    CallRequest,
    Endpoint,
    Leg,
    Role,
    ServiceRequest,
    State,
)
from sorm_mediator.switch.licence.units import conference_share, consultation_units
from sorm_mediator.switch.routing.path import way_of
from sorm_mediator.switch.subscribers import FEATURES, FORWARDINGS, SERVICE_CODES, Subscriber

if TYPE_CHECKING:
    from sorm_mediator.switch.calls.engine import Engine

NEEDS_TALK: Final = frozenset({"hold", "end-of-hold", "consultation", "3pty", "transfer"})
"""Services of an established connection: asked for earlier, they wait for the answer."""
NEEDS_NUMBER: Final = frozenset({"consultation", "pickup", "waiting"})
USED: Final = frozenset(SERVICE_CODES) - frozenset(FORWARDINGS)
"""What can be used in a call; forwardings act by themselves."""
ORDERED: Final = frozenset((*FORWARDINGS, *FEATURES))
FORWARDING_CODES: Final = frozenset(SERVICE_CODES[name] for name in FORWARDINGS)
"""What a subscriber orders, checks and cancels."""


class NotPossible(Exception):  # noqa: N818 - an answer, not a mistake
    """The service can't be used now; the text says why."""


def check_request(request: CallRequest) -> None:
    """Refuse what can never be carried out. Raises :class:`CallRefused`."""
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


def run(engine: Engine, call: Call, index: int, now: float) -> None:
    """Carry out a service of the call's request; later, when it needs a conversation that has not begun."""
    service = call.request.services[index]
    if service.phase == "use" and service.service in NEEDS_TALK and call.state is not State.TALKING:
        call.deferred.append(index)
        return
    try:
        if service.phase == "use":
            _USE[service.service](engine, call, service, now)
        else:
            _order(engine, call, service, now)
    except (NotPossible, CallRefused) as reason:
        call.log(now, "service-refused", f"{service.service}: {reason}")


def use(call: Call, name: str, now: float, calling: Party, called: Party, phase: int = PHASES["use"]) -> None:
    """Put a use of a service on record: what 44h is made from."""
    call.services.append(
        ServiceUse(time=now, code=SERVICE_CODES[name], phase=phase, calling=calling, called=called)
    )
    call.log(now, "service", f"{name}: {calling.digits} -> {called.digits}")


def told(call: Call, leg: Leg, matches: Sequence[Match]) -> tuple[ServiceUse, ...]:
    """What a mediator is told of the services, as a leg's domain is set up.

    Without ``send_optional_cf_notification`` the objects of the calling party hear nothing of forwardings.
    """
    calling_alone = all(match.role in ("a", "joined") for match in matches)
    if leg.domain.config.send_optional_cf_notification or not calling_alone:
        return tuple(call.services)
    return tuple(use for use in call.services if use.code not in FORWARDING_CODES)


def _role(call: Call, service: ServiceRequest, default: Role = "a") -> Role:
    """Who uses the service. Raises :class:`NotPossible`."""
    role: Role = service.by or default
    if service.by is None and (call.party(role).subscriber is None or role in call.left):
        role = "b" if role == "a" else "a"
    if role in call.left:
        raise NotPossible(f"{role.upper()} has left the call")
    if call.party(role).subscriber is None:
        raise NotPossible(f"{role.upper()} is no subscriber of {call.leg_of(role).domain.name}")
    return role


def _other(role: Role) -> Role:
    return "b" if role == "a" else "a"


def _hold(engine: Engine, call: Call, service: ServiceRequest, now: float) -> None:
    role = _role(call, service)
    if role in call.held_by:
        raise NotPossible("the call is on hold already")
    call.held_by.add(role)
    use(call, "hold", now, call.party(role).party, call.party(_other(role)).party)
    if service.duration is not None:
        engine.after(now + service.duration, call, lambda at: _release_hold(call, role, at))


def _end_of_hold(_engine: Engine, call: Call, service: ServiceRequest, now: float) -> None:
    role = service.by or next(iter(sorted(call.held_by)), None)
    if role is None or role not in call.held_by:
        raise NotPossible("the call is not on hold")
    _release_hold(call, role, now)


def _release_hold(call: Call, role: Role, now: float) -> None:
    if role in call.held_by:
        call.held_by.discard(role)
        use(call, "end-of-hold", now, call.party(role).party, call.party(_other(role)).party)


def _consult(engine: Engine, call: Call, service: ServiceRequest, now: float) -> Call:
    role = _role(call, service)
    if call.consultation is not None and call.consultation.state is not State.RELEASED:
        raise NotPossible("there is a consultation call already")
    user = call.party(role)
    assert user.subscriber is not None
    request = CallRequest(a=user.subscriber.number, b=service.number, ring=service.ring, talk=service.talk)
    units = consultation_units(user.subscriber)
    call.consultation = engine.begin(call.leg_of(role).domain, request, now, units=units)
    use(call, "consultation", now, user.party, call.consultation.called.party)
    return call.consultation


def _consultation(engine: Engine, call: Call, service: ServiceRequest, now: float) -> None:
    _consult(engine, call, service, now)


def _third(call: Call) -> Endpoint | None:
    """The third party that somebody of the call is talking to in a consultation call."""
    consultation = call.consultation
    if consultation is None or consultation.state not in (State.RINGING, State.TALKING):
        return None
    return consultation.called


def _three_party(engine: Engine, call: Call, service: ServiceRequest, now: float) -> None:
    role = _role(call, service)
    if _third(call) is None and service.number:
        alone = consultation_units(call.party(role).subscriber)
        engine.units.check(conference_share(call, alone), now)
        _consult(engine, call, service, now)
    third, consultation = _third(call), call.consultation
    if third is None or consultation is None:
        raise NotPossible("there is no third party: no consultation call, and no number that answers")
    engine.units.use(consultation, conference_share(call, consultation.units), now)
    use(call, "3pty", now, call.party(role).party, third.party)


def _transfer(engine: Engine, call: Call, service: ServiceRequest, now: float) -> None:
    role = _role(call, service)
    user = call.party(role)
    assert user.subscriber is not None
    if service.number:
        hops, problem = engine.reach(call, role, service.number)
        if problem:
            raise NotPossible(problem)
        reached = hops[-1].exit
        if isinstance(reached, Subscriber) and (reached.calls or not reached.reachable):
            raise NotPossible(f"{service.number} is busy or out of service")
    else:
        consultation = call.consultation
        if _third(call) is None or consultation is None:
            raise NotPossible("there is no number, and no consultation call to transfer to")
        hops = way_of(consultation)
        engine.units.move(consultation, call, consultation_units(consultation.calling.subscriber))
        engine.release(consultation, now)
    target = Endpoint.at(hops[0].result.b, hops[0].exit)
    use(call, "transfer", now, user.party, target.party)
    engine.leave(call, user.subscriber)
    if role == "a":
        call.left.add("a")
    call.held_by.clear()
    engine.send_on(call, 0 if role == "a" else len(call.legs) - 1, hops, now)


def _pickup(engine: Engine, call: Call, service: ServiceRequest, now: float) -> None:
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
    engine.units.use(call, call.units + 1, now)
    before = call.called
    engine.leave(call, ringing)
    engine.join(call, picker, now, role="service")
    use(call, "pickup", now, call.called.party, before.party)
    engine.answer(call, now)


def _waiting(engine: Engine, call: Call, service: ServiceRequest, now: float) -> None:
    role = _role(call, service, default="b")
    user = call.party(role).subscriber
    assert user is not None
    request = CallRequest(a=service.number, b=user.number, ring=service.ring, talk=service.talk)
    engine.begin(call.leg_of(role).domain, request, now, let_in=True)


def _order(_engine: Engine, call: Call, service: ServiceRequest, now: float) -> None:
    """A subscriber orders, checks or cancels a service: its record changes, and 44h shows what it dialled."""
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
    use(call, service.service, now, user.party, dialled, PHASES[service.phase])


_USE: Final[Mapping[str, Callable[[Engine, Call, ServiceRequest, float], None]]] = MappingProxyType(
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
