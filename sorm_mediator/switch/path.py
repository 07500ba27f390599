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
from typing import Final

from sorm_mediator.config import DomainConfig
from sorm_mediator.language import Phrase
from sorm_mediator.switch.domain import BridgeEnd, Domain
from sorm_mediator.switch.profiles import profile_of
from sorm_mediator.switch.profiles.ecss10 import crossing
from sorm_mediator.switch.profiles.profile import Applied, Exit, SormView
from sorm_mediator.switch.routing.route import Number, RoutingRequest, RoutingResult

MOST_DOMAINS = 16
"""Limit of domains in one path: a call with numbers that change at each bridge could circle endlessly."""


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
        a, b = crossing(end, domain, hop.result)
        far = end.far.side
        domain = domains[far.domain]
        request = RoutingRequest(a=a, b=b, context=far.context or domain.default_context, np=far.np)


def no_path(domain: Domain, request: RoutingRequest, problem: str) -> Hop:
    """The path of a call that is not routed: it ends in its own domain, with the numbers it came with."""
    failed = RoutingResult(result="failed", a=request.a, b=request.b, reason=problem, np=request.np)
    return Hop(domain=domain, request=request, result=failed, problem=problem)


def _hop(domain: Domain, request: RoutingRequest, domains: Mapping[str, Domain]) -> Hop:
    profile = profile_of(domain)
    led = profile.lead(domain, request, domains)
    result = led.result
    view = profile.view(domain, result.a, result.b)
    result = replace(result, a=view.a, b=view.b)
    return Hop(
        domain=domain, request=request, result=result, exit=led.exit, problem=led.problem,
        applied=view.applied, remarks=view.remarks,
    )  # fmt: skip


def sorm_view(domain: Domain, a: Number, b: Number) -> SormView:
    """The numbers shown to SORM of a call routed with these numbers."""
    return profile_of(domain).view(domain, a, b)


# --- numbers by the type of the node

NATIONAL: Final = 10
"""Digits of a national number with its area code."""
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
