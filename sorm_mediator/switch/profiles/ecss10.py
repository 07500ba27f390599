"""The profile ``ecss10``: domains with routing contexts in XML, numbering plans and bridges.

Source: ECSS-10 manual, Routing for SORM, MultiSORM, and SORM parameters of a domain (``sorm/info``), where the
effect of a parameter is the plain meaning of its name (our choice).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from sorm_mediator.language import Lang, Phrase, join, translate
from sorm_mediator.switch.domain import BridgeEnd, Domain, Subscriber, Trunk
from sorm_mediator.switch.profiles.profile import Applied, Exit, Led, Setting, SormView
from sorm_mediator.switch.routing.masks import NOTHING
from sorm_mediator.switch.routing.route import (
    DEFAULT_PLAN,
    NONE,
    Number,
    RoutingRequest,
    RoutingResult,
    Side,
    route,
)
from sorm_mediator.switch.routing.route import (
    translate as in_plan,
)

_CALLED, _CALLING = Phrase("called", context="switch path"), Phrase("calling", context="switch path")
FULL: Final = 11
"""Digits of a number with its country code (order 268, format of numbers)."""


class Ecss10:
    """Contexts, numbering plans and bridges of ECSS-10."""

    def refuses(self, domain: Domain, caller: str) -> str:
        """Every domain takes calls."""
        return ""

    def dialled(self, digits: str) -> Number:
        """The digits as they are."""
        return Number(digits=digits)

    def lead(self, domain: Domain, request: RoutingRequest, domains: Mapping[str, Domain]) -> Led:
        """The way through the contexts of the domain, to a subscriber, a trunk or a bridge."""
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
        return Led(result, way, problem)

    def view(self, domain: Domain, a: Number, b: Number) -> SormView:
        """The numbers with the SORM parameters of the domain."""
        return _view(domain, a, b)

    def explained(
        self, domain: Domain, request: RoutingRequest, result: RoutingResult, lang: Lang
    ) -> Iterator[str]:
        """The rules that were tried."""
        yield f'Default context is {{"{domain.name}",{request.context or "undefined"}}}'
        place, plan = None, translate(Phrase("numbering plan"), lang)
        for step in result.tried:
            if place != (step.context, step.a, step.b, step.np):
                place = (step.context, step.a, step.b, step.np)
                numbers = f"A {step.a or 'undefined'}, B {step.b or 'undefined'}, {plan} {step.np}"
                if step.np != DEFAULT_PLAN and step.np not in domain.plans:
                    numbers = f"{numbers}, {translate(Phrase('which is not declared'), lang)}"
                yield f"  {step.context}: {numbers}"
            yield f"    {step.rule}: {translate(step.failed or Phrase('taken'), lang)}"


def _outward(domain: Domain, result: RoutingResult, domains: Mapping[str, Domain]) -> tuple[Exit | None, str]:
    """The first direction that accepts the call; else the first existing one, and why none accepts."""
    refused: Exit | None = None
    problems: list[str] = []
    for name in result.via:
        way: Trunk | BridgeEnd | None = domain.trunks.get(name) or domain.bridges.get(name)
        if isinstance(way, Trunk):
            problem = way.closed_to("outgoing")
        elif way is not None:
            problem = _forbidden(way, domain, result, domains)
        else:
            problem = Phrase("{domain} has no trunk {name}", domain=domain.name, name=name)
        if not problem:
            return way, ""
        refused = refused or way
        problems.append(problem)
    return refused, join("; ", problems)


def _inward(domain: Domain, result: RoutingResult) -> tuple[Exit | None, str]:
    """The destination of a number of the domain."""
    digits = result.b.digits
    plan = domain.plans.get(result.np)
    binding = plan.numbers.get(digits) if plan is not None else None
    if binding is None:
        subscriber = domain.subscribers.get(digits)
        if subscriber is not None:
            return _serving(subscriber)
        return None, _nobody(domain, digits, result.np, declared=plan is not None)
    where = Phrase("{digits} of plan {np} in {domain}", digits=digits, np=result.np, domain=domain.name)
    if binding.alias:
        subscriber = domain.subscribers.get(binding.alias)
        if subscriber is None:
            why = Phrase("{where} leads to {alias}, which is not a subscriber")
            return None, why.fill(where=where, alias=binding.alias)
        return _serving(subscriber)
    if not binding.bridge:
        return None, Phrase("{where} is bound to nothing", where=where)
    end = next((end for end in domain.bridges.values() if end.bridge.name == binding.bridge), None)
    if end is None:
        why = Phrase("{where} leads to the bridge {bridge}, which {domain} has not")
        return None, why.fill(where=where, bridge=binding.bridge, domain=domain.name)
    return end, ""


def _serving(subscriber: Subscriber) -> tuple[Exit | None, str]:
    """The subscriber as a destination, unless it is inactive."""
    if why := subscriber.not_active:
        return None, why
    return subscriber, ""


def _nobody(domain: Domain, digits: str, np: str, *, declared: bool) -> str:
    """The reason when the number does not exist in the domain."""
    number = digits or NOTHING
    if np == DEFAULT_PLAN:
        return Phrase("{digits} is not a subscriber of {domain}", digits=number, domain=domain.name)  # fmt: skip
    where = Phrase("{digits} is not a subscriber of {domain} nor in its plan {np}")
    where = where.fill(digits=number, domain=domain.name, np=np)
    return where if declared else Phrase("{where}, which is not declared", where=where)


def crossing(end: BridgeEnd, domain: Domain, result: RoutingResult) -> tuple[Number, Number]:
    """The numbers on the bridge: in the plan of the near end, without the SORM numbers of this domain."""
    a, b = (in_plan(number, result.np, end.side.np, domain.plans) for number in (result.a, result.b))
    return replace(a, sorm_digits=None, sorm_ni=None), replace(b, sorm_digits=None, sorm_ni=None)


def _forbidden(end: BridgeEnd, domain: Domain, result: RoutingResult, domains: Mapping[str, Domain]) -> str:
    """Why the call may not cross; "" when it may."""
    bridge, far = end.bridge, end.far.side
    if far.domain not in domains:
        return Phrase("bridge {name}: there is no domain {domain}", name=bridge.name, domain=far.domain)
    if end.end == "b" and not bridge.config.duplex:
        why = Phrase("bridge {name} carries calls from {side} only (duplex is false)")
        return why.fill(name=bridge.name, side=bridge.config.a.domain)
    if bridge.full:
        why = Phrase("bridge {name}: all {capacity} calls of its capacity are in use")
        return why.fill(name=bridge.name, capacity=bridge.config.capacity)
    if not bridge.config.strict:
        return ""
    a, b = crossing(end, domain, result)
    checked, what = (b, _CALLED) if end.end == "a" else (a, _CALLING)
    plan = bridge.config.b
    if domains[plan.domain].has_number(plan.np, checked.digits):
        return ""
    why = Phrase("bridge {name} is strict: the {what} number {number} is not in plan {np} of {domain}")
    number = checked.digits or NONE
    return why.fill(name=bridge.name, what=what, number=number, np=plan.np, domain=plan.domain)


# --- the SORM parameters of a domain


def _view(domain: Domain, a: Number, b: Number) -> SormView:
    """The numbers shown to SORM of a call routed with these numbers."""
    applied: list[Applied] = []
    remarks: list[str] = []
    numbers: dict[Side, Number] = {"a": a, "b": b}

    def apply(setting: Setting, by: str, side: Side, after: Number) -> None:
        before, numbers[side] = numbers[side], after
        if (before.shown_digits, before.shown_ni) != (after.shown_digits, after.shown_ni):
            applied.append(Applied(setting, by, side, before, after))

    if domain.config.adaptation:
        adapted_a, adapted_b, rules = _adapted(domain, a, b)
        if not rules:
            remarks.append(_unadapted(domain, a, b))
        apply("adaptation", rules, "a", adapted_a)
        apply("adaptation", rules, "b", adapted_b)
    strict, prefix = domain.config.strict_private_numbers, domain.config.private_phone_prefix
    for side, number in list(numbers.items()):
        if number.shown_ni != "private":
            continue
        own = number.digits in domain.subscribers or number.shown_digits in domain.subscribers
        if strict and not own:
            apply("strict_private_numbers", "true", side, replace(number, sorm_ni="local"))
        elif prefix:
            longer = replace(number, sorm_digits=prefix + number.shown_digits)
            apply("private_phone_prefix", prefix, side, longer)
            if len(longer.shown_digits) > FULL:
                remarks.append(_too_long(prefix, side, number, longer))
    return SormView(numbers["a"], numbers["b"], tuple(applied), tuple(remarks))


def _unadapted(domain: Domain, a: Number, b: Number) -> str:
    return Phrase(
        "adaptation {name}: no rule fits A {a}, B {b}; the rules are given the numbers for SORM, not the dialled ones",
        name=domain.config.adaptation,
        a=a.shown_digits or NOTHING,
        b=b.shown_digits or NOTHING,
    )


def _too_long(prefix: str, side: Side, before: Number, after: Number) -> str:
    return Phrase(
        "private_phone_prefix {prefix}: {side} {after} has {digits} digits, and a full number has {full}; "
        "{before} may be a full number already",
        prefix=prefix,
        side=side.upper(),
        after=after.shown_digits,
        digits=len(after.shown_digits),
        full=FULL,
        before=before.shown_digits,
    )


def _adapted(domain: Domain, a: Number, b: Number) -> tuple[Number, Number, str]:
    """Route the numbers for SORM through the adaptation context; its rules replace them."""
    shown = [Number(digits=one.shown_digits, ni=one.shown_ni, attributes=one.attributes) for one in (a, b)]
    request = RoutingRequest(a=shown[0], b=shown[1], context=domain.config.adaptation)
    # A context without a rule that fits changes nothing; the result of the last rule, local or external, has no effect.
    result = route(request, domain.contexts, domain.subscribers, domain.plans)
    rules = " -> ".join(f"{step.context}/{step.rule}" for step in result.path)
    return _take(a, result.a), _take(b, result.b), rules


def _take(number: Number, adapted: Number) -> Number:
    digits = number.sorm_digits if adapted.sorm_digits is None else adapted.sorm_digits
    ni = number.sorm_ni if adapted.sorm_ni is None else adapted.sorm_ni
    return replace(number, sorm_digits=digits, sorm_ni=ni)
