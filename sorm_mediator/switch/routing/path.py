"""The way of a call through the switch: routing in one domain, over a bridge into the next, until it is somewhere.

Pure: what a call would do now. The engine sets calls up along it, and the trace prints it.

Source: ECSS-10 manual, Routing for SORM, and MultiSORM for bridges and numbering plans.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from protocol.language import Phrase, join
from sorm_mediator.switch.routing import Number, RoutingRequest, RoutingResult, route
from sorm_mediator.switch.routing.bridges import BridgeEnd
from sorm_mediator.switch.routing.masks import NOTHING
from sorm_mediator.switch.routing.numbering import DEFAULT_PLAN
from sorm_mediator.switch.routing.route import NONE, translate
from sorm_mediator.switch.routing.sorm_numbers import Applied, sorm_view
from sorm_mediator.switch.subscribers import Domain, Subscriber, Trunk

if TYPE_CHECKING:
    from sorm_mediator.switch.calls.call import Call

_CALLED, _CALLING = Phrase("called", "вызываемого"), Phrase("calling", "вызывающего")
MOST_DOMAINS = 16
"""Domains that one call may pass through: numbers that change at each bridge could go round for ever."""

Exit = Subscriber | Trunk | BridgeEnd
"""What a call leaves a domain by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """A call in one domain: how it came in, what routing did, and what it leaves by.

    ``problem`` says why the call ends here; "" when it goes on or has arrived. ``exit`` may be what refused it then.
    ``applied``: what the domain's parameters changed of the numbers for SORM, after routing.
    """

    domain: Domain
    request: RoutingRequest
    result: RoutingResult
    exit: Exit | None = None
    problem: str = ""
    applied: tuple[Applied, ...] = ()

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
            circle = " -> ".join([*names, domain.name])
            hop = replace(
                hop,
                problem=Phrase(
                    "a circle of domains: {circle}", "домены замкнуты в круг: {circle}", circle=circle
                ),
            )
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
    view = sorm_view(domain, result.a, result.b)
    result = replace(result, a=view.a, b=view.b)
    return Hop(domain=domain, request=request, result=result, exit=way, problem=problem, applied=view.applied)


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
            problem = Phrase(
                "{domain} has no trunk {name}", "в {domain} нет транка {name}", domain=domain.name, name=name
            )
        if not problem:
            return way, ""
        refused = refused or way
        problems.append(problem)
    return refused, join("; ", problems)


def _inward(domain: Domain, result: RoutingResult) -> tuple[Exit | None, str]:
    """What a number of the domain leads to."""
    digits = result.b.digits
    plan = domain.plans.get(result.np)
    binding = plan.get(digits) if plan is not None else None
    if binding is None:
        subscriber = domain.subscribers.get(digits)
        if subscriber is not None:
            return subscriber, ""
        return None, _nobody(domain, digits, result.np, declared=plan is not None)
    where = Phrase(
        "{digits} of plan {np} in {domain}", "{digits} плана {np} в {domain}",
        digits=digits, np=result.np, domain=domain.name,
    )  # fmt: skip
    if binding.alias:
        subscriber = domain.subscribers.get(binding.alias)
        if subscriber is None:
            return None, Phrase(
                "{where} leads to {alias}, which is no subscriber", "{where} ведёт к {alias}, а это не абонент",
                where=where, alias=binding.alias,
            )  # fmt: skip
        return subscriber, ""
    if not binding.bridge:
        return None, Phrase("{where} is bound to nothing", "{where} никуда не ведёт", where=where)
    end = next((end for end in domain.bridges.values() if end.bridge.name == binding.bridge), None)
    if end is None:
        return None, Phrase(
            "{where} leads to the bridge {bridge}, which {domain} has not",
            "{where} ведёт к бриджу {bridge}, которого в {domain} нет",
            where=where, bridge=binding.bridge, domain=domain.name,
        )  # fmt: skip
    return end, ""


def _nobody(domain: Domain, digits: str, np: str, *, declared: bool) -> str:
    """Nothing in the domain has the number."""
    values = {"digits": digits or NOTHING, "domain": domain.name, "np": np}
    if np == DEFAULT_PLAN:
        return Phrase("{digits} is no subscriber of {domain}", "{digits} не абонент {domain}", **values)
    en, ru = (
        "{digits} is no subscriber of {domain} nor in its plan {np}",
        "{digits} нет ни среди абонентов {domain}, ни в плане {np}",
    )
    if not declared:
        en, ru = f"{en}, which is not declared", f"{ru}, который не создан"
    return Phrase(en, ru, **values)


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
        return Phrase(
            "bridge {name}: there is no domain {domain}", "бридж {name}: нет домена {domain}",
            name=bridge.name, domain=far.domain,
        )  # fmt: skip
    if end.end == "b" and not bridge.config.duplex:
        side = bridge.config.a.domain
        return Phrase(
            "bridge {name} carries calls from {side} only (duplex is false)",
            "бридж {name} пропускает вызовы только из {side} (duplex — false)",
            name=bridge.name, side=side,
        )  # fmt: skip
    if bridge.full:
        return Phrase(
            "bridge {name}: all {capacity} calls of its capacity are in use",
            "бридж {name}: заняты все вызовы (capacity — {capacity})",
            name=bridge.name, capacity=bridge.config.capacity,
        )  # fmt: skip
    if not bridge.config.strict:
        return ""
    a, b = _crossing(end, domain, result)
    checked, what = (b, _CALLED) if end.end == "a" else (a, _CALLING)
    plan = bridge.config.b
    if domains[plan.domain].has_number(plan.np, checked.digits):
        return ""
    return Phrase(
        "bridge {name} is strict: the {what} number {number} is not in plan {np} of {domain}",
        "бридж {name} с проверкой (strict): номера {what} {number} нет в плане {np} домена {domain}",
        name=bridge.name, what=what, number=checked.digits or NONE, np=plan.np, domain=plan.domain,
    )  # fmt: skip
