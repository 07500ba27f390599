"""The way of a call through the switch: routing in one domain, over a bridge into the next, until it is somewhere.

Pure: what a call would do now. The engine sets calls up along it, and the trace prints it.

Source: seed 001, routing rules, "Декларация бриджей", numbering plans, the MultiSORM example.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sorm_mediator.switch.bridges import BridgeEnd
from sorm_mediator.switch.numbering import DEFAULT_PLAN
from sorm_mediator.switch.routing import Number, RoutingRequest, RoutingResult, route
from sorm_mediator.switch.routing.route import translate
from sorm_mediator.switch.sorm_numbers import as_sorm_sees
from sorm_mediator.switch.subscribers import Domain, Subscriber, Trunk

if TYPE_CHECKING:
    from sorm_mediator.switch.call import Call

MOST_DOMAINS = 16
"""Domains that one call may pass through: numbers that change at each bridge could go round for ever."""

Exit = Subscriber | Trunk | BridgeEnd
"""What a call leaves a domain by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """A call in one domain: how it came in, what routing did, and what it leaves by.

    ``problem`` says why the call ends here; "" when it goes on or has arrived. ``exit`` may be what refused it then.
    """

    domain: Domain
    request: RoutingRequest
    result: RoutingResult
    exit: Exit | None = None
    problem: str = ""

    @property
    def bridge(self) -> BridgeEnd | None:
        """The bridge that it leaves by."""
        return self.exit if isinstance(self.exit, BridgeEnd) else None


def find_path(domains: Mapping[str, Domain], domain: Domain, request: RoutingRequest) -> tuple[Hop, ...]:
    """Route a call until it comes to a subscriber or a trunk, or can't go on. At least one hop."""
    hops: list[Hop] = []
    passed: list[tuple[str, str, str, str]] = []
    while True:
        place = (domain.name, request.context, request.a.digits, request.b.digits)
        hop = _hop(domain, request, domains)
        end = hop.bridge
        if end is not None and not hop.problem and (place in passed or len(passed) >= MOST_DOMAINS):
            names = [name for name, *_ in passed[passed.index(place) if place in passed else 0 :]]
            hop = replace(hop, problem=f"a circle of domains: {' -> '.join([*names, domain.name])}")
        hops.append(hop)
        if end is None or hop.problem:
            return tuple(hops)
        passed.append(place)
        domain, request = domains[end.far.side.domain], _beyond(end, hop, domains)


def way_of(call: Call) -> tuple[Hop, ...]:
    """The way that a call has come to where it is now."""
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


def _hop(domain: Domain, request: RoutingRequest, domains: Mapping[str, Domain]) -> Hop:
    result = route(request, domain.contexts, domain.subscribers, domain.plans)
    way: Exit | None = None
    problem = result.reason
    if result.result == "external":
        way, problem = _outward(domain, result, domains)
    elif result.result == "local":
        way, problem = _inward(domain, result)
        if isinstance(way, Subscriber):
            number = replace(result.b, digits=way.number, ni=result.b.ni or "private")
            result = replace(result, b=number, np=DEFAULT_PLAN)
        elif isinstance(way, BridgeEnd):
            problem = _forbidden(way, domain, result, domains)
    a, b = as_sorm_sees(domain, result.a, result.b)
    return Hop(domain=domain, request=request, result=replace(result, a=a, b=b), exit=way, problem=problem)


def _outward(domain: Domain, result: RoutingResult, domains: Mapping[str, Domain]) -> tuple[Exit | None, str]:
    """The first direction that takes the call; else the first one that there is, and why none takes it."""
    refused: Exit | None = None
    problems: list[str] = []
    for name in result.via:
        way: Trunk | BridgeEnd | None = domain.trunks.get(name) or domain.bridges.get(name)
        if isinstance(way, Trunk):
            problem = way.closed_to("outgoing")
        elif way is not None:
            problem = _forbidden(way, domain, result, domains)
        else:
            problem = f"{domain.name} has no trunk {name}"
        if not problem:
            return way, ""
        refused = refused or way
        problems.append(problem)
    return refused, "; ".join(problems)


def _inward(domain: Domain, result: RoutingResult) -> tuple[Exit | None, str]:
    """What a number of the domain leads to."""
    digits = result.b.digits
    plan = domain.plans.get(result.np)
    binding = plan.get(digits) if plan is not None else None
    if binding is None:
        subscriber = domain.subscribers.get(digits)
        if subscriber is not None:
            return subscriber, ""
        beyond = ""
        if result.np != DEFAULT_PLAN:
            declared = "" if plan is not None else ", which is not declared"
            beyond = f" nor in its plan {result.np}{declared}"
        return None, f"{digits or 'an empty number'} is no subscriber of {domain.name}{beyond}"
    where = f"{digits} of plan {result.np} in {domain.name}"
    if binding.alias:
        subscriber = domain.subscribers.get(binding.alias)
        if subscriber is None:
            return None, f"{where} leads to {binding.alias}, which is no subscriber"
        return subscriber, ""
    if not binding.bridge:
        return None, f"{where} is bound to nothing"
    end = next((end for end in domain.bridges.values() if end.bridge.name == binding.bridge), None)
    if end is None:
        return None, f"{where} leads to the bridge {binding.bridge}, which {domain.name} has not"
    return end, ""


def _crossing(end: BridgeEnd, domain: Domain, result: RoutingResult) -> tuple[Number, Number]:
    """The numbers as they cross: in the plan of the near end, without what SORM was shown in this domain."""
    a, b = (translate(number, result.np, end.side.np, domain.plans) for number in (result.a, result.b))
    return replace(a, sorm_digits=None, sorm_ni=None), replace(b, sorm_digits=None, sorm_ni=None)


def _beyond(end: BridgeEnd, hop: Hop, domains: Mapping[str, Domain]) -> RoutingRequest:
    """The call as it comes into the domain of the far end."""
    a, b = _crossing(end, hop.domain, hop.result)
    far = end.far.side
    context = far.context or domains[far.domain].default_context
    return RoutingRequest(a=a, b=b, context=context, np=far.np)


def _forbidden(end: BridgeEnd, domain: Domain, result: RoutingResult, domains: Mapping[str, Domain]) -> str:
    """Why the call may not cross; "" when it may."""
    bridge, far = end.bridge, end.far.side
    if far.domain not in domains:
        return f"bridge {bridge.name}: there is no domain {far.domain}"
    if end.end == "b" and not bridge.config.duplex:
        side = bridge.config.a.domain
        return f"bridge {bridge.name} carries calls from {side} only (duplex is false)"
    if bridge.full:
        return f"bridge {bridge.name}: all {bridge.config.capacity} calls of its capacity are in use"
    if not bridge.config.strict:
        return ""
    a, b = _crossing(end, domain, result)
    checked, what = (b, "called") if end.end == "a" else (a, "calling")
    plan = bridge.config.b
    if domains[plan.domain].has_number(plan.np, checked.digits):
        return ""
    number = checked.digits or "(none)"
    return f"bridge {bridge.name} is strict: the {what} number {number} is not in plan {plan.np} of {plan.domain}"
