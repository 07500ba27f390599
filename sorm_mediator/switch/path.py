"""The path of a call through the switch: routing in one domain, over a bridge into the next, up to its end.

:func:`find_path` computes the present path of a call; the engine sets calls up along the path, and the trace
prints the path. :func:`sorm_view` applies the domain's SORM parameters to the routed numbers. :func:`shown_a`
and :func:`shown_b` give the numbers by the type of the node, where neither a rule nor a parameter has set a
SORM number. All functions are pure.

Source: ECSS-10 manual, Routing for SORM, and MultiSORM for bridges and numbering plans; ECSS-10 manual, SORM parameters
of a domain (``sorm/info``), where the effect of a parameter is the plain meaning of its name (our choice); order 268,
10.3.2.2 and 10.3.2.3, for the numbers by the type of the node.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from sorm_mediator.config import DomainConfig
from sorm_mediator.language import Phrase, join
from sorm_mediator.switch.domain import BridgeEnd, Domain, Subscriber, Trunk
from sorm_mediator.switch.routing.masks import NOTHING
from sorm_mediator.switch.routing.route import (
    DEFAULT_PLAN,
    NONE,
    Number,
    RoutingRequest,
    RoutingResult,
    Side,
    route,
    translate,
)

_CALLED, _CALLING = Phrase("called", context="switch path"), Phrase("calling", context="switch path")
MOST_DOMAINS = 16
"""Limit of domains in one path: a call with numbers that change at each bridge could circle endlessly."""

Exit = Subscriber | Trunk | BridgeEnd
"""The exit of a call from a domain, or its destination."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """A call in one domain: its entry, the result of routing, and its exit.

    ``problem``: why the call ends here; "" when the call goes on or has arrived. ``exit`` may then be the
    trunk or bridge that refused the call. ``applied``: the changes of the numbers for SORM by the domain's
    parameters. ``remarks``: sentences about a parameter that did not do what it is probably meant for.
    """

    domain: Domain
    request: RoutingRequest
    result: RoutingResult
    exit: Exit | None = None
    problem: str = ""
    applied: tuple[Applied, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def bridge(self) -> BridgeEnd | None:
        """The bridge by which the call leaves."""
        return self.exit if isinstance(self.exit, BridgeEnd) else None


def find_path(domains: Mapping[str, Domain], domain: Domain, request: RoutingRequest) -> tuple[Hop, ...]:
    """Route a call until it reaches a subscriber or a trunk, or can't go on. At least one hop."""
    hops: list[Hop] = []
    passed: list[tuple[str, str, str, str]] = []
    while True:
        place = (domain.name, request.context, request.a.digits, request.b.digits)
        hop = _hop(domain, request, domains)
        end = hop.bridge
        if end is not None and not hop.problem and (place in passed or len(passed) >= MOST_DOMAINS):
            names = [name for name, *_ in passed[passed.index(place) if place in passed else 0 :]]
            circle = " -> ".join([*names, domain.name])
            hop = replace(hop, problem=Phrase("a circle of domains: {circle}", circle=circle))
        hops.append(hop)
        if end is None or hop.problem:
            return tuple(hops)
        passed.append(place)
        a, b = _crossing(end, domain, hop.result)
        far = end.far.side
        domain = domains[far.domain]
        request = RoutingRequest(a=a, b=b, context=far.context or domain.default_context, np=far.np)


def no_path(domain: Domain, request: RoutingRequest, problem: str) -> Hop:
    """The path of a call that is not routed: it ends in its own domain, with the numbers it came with."""
    failed = RoutingResult(result="failed", a=request.a, b=request.b, reason=problem, np=request.np)
    return Hop(domain=domain, request=request, result=failed, problem=problem)


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
    return Hop(
        domain=domain, request=request, result=result, exit=way, problem=problem,
        applied=view.applied, remarks=view.remarks,
    )  # fmt: skip


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
    if not subscriber.active and subscriber.without_line is not None:
        return None, subscriber.without_line
    return subscriber, ""


def _nobody(domain: Domain, digits: str, np: str, *, declared: bool) -> str:
    """The reason when the number does not exist in the domain."""
    number = digits or NOTHING
    if np == DEFAULT_PLAN:
        return Phrase("{digits} is not a subscriber of {domain}", digits=number, domain=domain.name)  # fmt: skip
    where = Phrase("{digits} is not a subscriber of {domain} nor in its plan {np}")
    where = where.fill(digits=number, domain=domain.name, np=np)
    return where if declared else Phrase("{where}, which is not declared", where=where)


def _crossing(end: BridgeEnd, domain: Domain, result: RoutingResult) -> tuple[Number, Number]:
    """The numbers on the bridge: in the plan of the near end, without the SORM numbers of this domain."""
    a, b = (translate(number, result.np, end.side.np, domain.plans) for number in (result.a, result.b))
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
    a, b = _crossing(end, domain, result)
    checked, what = (b, _CALLED) if end.end == "a" else (a, _CALLING)
    plan = bridge.config.b
    if domains[plan.domain].has_number(plan.np, checked.digits):
        return ""
    why = Phrase("bridge {name} is strict: the {what} number {number} is not in plan {np} of {domain}")
    number = checked.digits or NONE
    return why.fill(name=bridge.name, what=what, number=number, np=plan.np, domain=plan.domain)


# --- the SORM parameters of a domain

Setting = Literal["adaptation", "strict_private_numbers", "private_phone_prefix"]
"""The parameters that change the numbers for SORM, in their order of application."""


@dataclass(frozen=True, slots=True)
class Applied:
    """The change of a number by one parameter. ``by``: its value; for ``adaptation`` rules as ``context/rule``."""

    setting: Setting
    by: str
    side: Side
    before: Number
    after: Number


@dataclass(frozen=True, slots=True)
class SormView:
    """Both numbers with the digits and indicators shown to SORM, and the parameters that changed them.

    ``remarks``: as of :class:`Hop`.
    """

    a: Number
    b: Number
    applied: tuple[Applied, ...] = ()
    remarks: tuple[str, ...] = ()


def sorm_view(domain: Domain, a: Number, b: Number) -> SormView:
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


# --- numbers by the type of the node

NATIONAL: Final = 10
"""Digits of a national number with its area code."""
FULL: Final = NATIONAL + 1
"""Digits of a number with its country code (order 268, format of numbers)."""
COUNTRY: Final = "7"
"""Country code, a possible prefix of a national number."""


def shown_a(config: DomainConfig, number: Number, came: str) -> str | None:
    """A as received from the terminal or the neighbouring network; None: the SORM number applies."""
    if config.b_number_format == "routed" or number.sorm_digits is not None:
        return None
    return came


def shown_b(config: DomainConfig, number: Number, dialled: str, *, outgoing: bool) -> str | None:
    """B by the type of the node; None: the SORM number applies.

    dialled: the digits dialled by an own subscriber; "" for an incoming call. outgoing: an own subscriber's
    call that leaves the node.
    """
    form = config.b_number_format
    if form == "routed" or number.sorm_digits is not None:
        return None
    if form == "terminal":
        return dialled or None
    prefixed = outgoing and form == "terminal-transit"
    if number.shown_ni == "international":
        bare = number.digits.removeprefix(config.international_prefix)
        return config.international_prefix + bare if prefixed else bare
    national = _national(config, number)
    if not national:
        return None
    return config.intercity_prefix + national if prefixed else national


def _national(config: DomainConfig, number: Number) -> str:
    """The ten digits with the area code; "" for numbers that have none, such as emergency numbers."""
    digits = number.digits
    if number.shown_ni in ("", "emergency"):
        return ""
    if len(config.area_code) + len(digits) == NATIONAL:
        return config.area_code + digits
    for prefix in (config.intercity_prefix, COUNTRY):
        if prefix and digits.startswith(prefix) and len(digits) == len(prefix) + NATIONAL:
            return digits.removeprefix(prefix)
    return ""
