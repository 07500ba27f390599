"""The profile ``sipteco``: tenants of the Sipteco virtual PBX with dial rules and incoming routes.

A user dials an inner number of the tenant, or a number outside, which the dial rules lead to a SIP trunk
(:mod:`sorm_mediator.vpbx.dialling`). A call from a trunk goes where the incoming route of the extension says.

Source: Sipteco platform manual, 4.5 and 5 (no service without registration; one account at several addresses).
What SORM is shown is our choice (docs/vpbx.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from sorm_mediator.config.vpbx import SipTrunkRow, UserRow, VpbxConfig
from sorm_mediator.language import Lang, Phrase, translate
from sorm_mediator.switch.domain import Domain, Subscriber
from sorm_mediator.switch.profiles.profile import Applied, Led, SormView
from sorm_mediator.switch.routing.masks import NOTHING
from sorm_mediator.switch.routing.route import DEFAULT_PLAN, Number, RoutingRequest, RoutingResult, Side
from sorm_mediator.switch.routing.route import Step as TriedStep
from sorm_mediator.vpbx.dialling import INDICATORS, Outgoing, calling_number, incoming, outgoing

PLUS: Final = MappingProxyType({"nai": "internationalNumber"})
"""How a number keeps its dialled ``+``, which is no digit: a nature of address (our choice)."""


class Sipteco:
    """Dial rules of a tenant."""

    def refuses(self, domain: Domain, caller: str) -> str:
        """A stopped tenant takes no calls, and a user that is not registered makes none."""
        tenant = _tenant(domain)
        if not tenant.running:
            return Phrase("tenant {name} is stopped; xm create {name} starts it", name=domain.name)
        return _not_registered(_user(tenant, caller)) if caller else ""

    def dialled(self, digits: str) -> Number:
        """The digits; a ``+`` in front becomes the nature of address."""
        if digits.startswith("+"):
            return Number(digits=digits[1:], attributes=PLUS)
        return Number(digits=digits)

    def lead(self, domain: Domain, request: RoutingRequest, domains: Mapping[str, Domain]) -> Led:
        """The way by the incoming route, to an inner number, or by the dial rules."""
        tenant = _tenant(domain)
        if request.entry:
            return _from_outside(domain, tenant, request)
        dialled, plus = request.b.digits, request.b.attributes.get("nai") == PLUS["nai"]
        user = _user(tenant, dialled)
        if user is not None and not plus:
            return _to_user(domain, request, user, ())
        caller = _user(tenant, request.a.digits)
        if caller is None:
            why = Phrase("{digits} is not a user of {domain}")
            return _failed(request, why.fill(digits=request.a.digits or NOTHING, domain=domain.name), ())
        return _outside(domain, tenant, request, caller, f"+{dialled}" if plus else dialled)

    def view(self, domain: Domain, a: Number, b: Number) -> SormView:
        """Own users by the short number, or by that of "outgoing through" (``vpbx.sorm.user``)."""
        tenant = _tenant(domain)
        if tenant.sorm.user == "short":
            return SormView(a, b)
        applied: list[Applied] = []
        numbers: dict[Side, Number] = {"a": a, "b": b}
        for side, number in list(numbers.items()):
            full = _dial_number(tenant, number.digits) if number.ni == "private" else ""
            if full and number.shown_digits != full:
                numbers[side] = replace(number, sorm_digits=full)
                applied.append(Applied("vpbx.sorm.user", tenant.sorm.user, side, number, numbers[side]))
        return SormView(numbers["a"], numbers["b"], tuple(applied))

    def explained(
        self, domain: Domain, request: RoutingRequest, result: RoutingResult, lang: Lang
    ) -> Iterator[str]:
        """The tenant, the directions that were tried, and the digits after each step."""
        name = translate(Phrase("Tenant {name}", name=domain.name), lang)
        if request.entry:
            yield translate(
                Phrase("{tenant}, call from trunk {trunk}", tenant=name, trunk=request.entry), lang
            )
        elif result.result == "local":
            yield translate(Phrase("{tenant}, inner call", tenant=name), lang)
        else:
            user = _user(_tenant(domain), request.a.digits)
            number = next((one.context for one in result.tried), "") or _shown_number(_tenant(domain), user)
            through = Phrase("{tenant}, outgoing through {number}", tenant=name, number=number or "-")
            yield translate(through, lang)
        for step in result.tried:
            taken = step.failed or Phrase("taken")
            yield f"    {translate(step.rule, lang)}: {translate(taken, lang)}"
        for what, digits in result.steps:
            yield f"  {translate(what, lang)}: {digits}"


def _tenant(domain: Domain) -> VpbxConfig:
    assert domain.config.vpbx is not None  # profile_of chose this profile by it
    return domain.config.vpbx


def _user(tenant: VpbxConfig, number: str) -> UserRow | None:
    return next((one for one in tenant.users if one.number == number), None)


def _shown_number(tenant: VpbxConfig, user: UserRow | None) -> str:
    """The number of "outgoing through" in the form that people see."""
    wanted = None if user is None else user.dial_number_id
    return next((one.number for one in tenant.dial_numbers if one.id == wanted), "")


def _dial_number(tenant: VpbxConfig, short: str) -> str:
    """The number of "outgoing through" of a user as digits; "" for none."""
    user = _user(tenant, short)
    wanted = None if user is None else user.dial_number_id
    return next((one.digits for one in tenant.dial_numbers if one.id == wanted), "")


def _not_registered(user: UserRow | None) -> str:
    if user is None or user.registrations:
        return ""
    return Phrase("{number} is not registered; there is no service without registration", number=user.number)


def _failed(
    request: RoutingRequest,
    reason: str,
    tried: tuple[TriedStep, ...],
    steps: tuple[tuple[str, str], ...] = (),
) -> Led:
    result = RoutingResult(
        result="failed", a=request.a, b=request.b, tried=tried, reason=reason, steps=steps, np=request.np
    )
    return Led(result, None, reason)


def _to_user(
    domain: Domain, request: RoutingRequest, user: UserRow, steps: tuple[tuple[str, str], ...]
) -> Led:
    """To a user of the tenant: at the address that it registered last."""
    if reason := _not_registered(user):
        return _failed(request, reason, (), steps)
    rings = (
        Phrase("{user} rings at {address}", user=user.number, address=user.registrations[-1]),
        user.number,
    )
    subscriber = domain.subscribers[user.number]
    if why := subscriber.not_active:
        return _failed(request, why, (), steps)
    number = Number(digits=user.number, ni="private", attributes=request.b.attributes)
    result = RoutingResult(result="local", a=request.a, b=number, steps=(*steps, rings), np=DEFAULT_PLAN)
    return Led(result, subscriber)


def _outside(
    domain: Domain, tenant: VpbxConfig, request: RoutingRequest, caller: UserRow, dialled: str
) -> Led:
    """By the dial rules to a trunk."""

    def closed(trunk: SipTrunkRow) -> str:
        return domain.trunks[trunk.trunk_name].closed_to("outgoing")

    found = outgoing(tenant, caller, dialled, closed)
    tried = tuple(
        TriedStep(
            found.dial_number,
            Phrase(
                "direction {id} {kind} by {trunk}",
                id=one.direction.id,
                kind=one.direction.direction,
                trunk=one.trunk,
            ),
            request.a.digits,
            dialled,
            request.np,
            one.failed,
        )
        for one in found.tried
    )
    steps = tuple((one.what, one.digits) for one in found.steps)
    if found.trunk is None:
        return _failed(request, found.reason, tried, steps)
    name = found.trunk.trunk_name
    result = RoutingResult(
        result="external", a=request.a, b=_called(tenant, found, request.b), via=(name,), tried=tried, steps=steps,
        np=request.np,
    )  # fmt: skip
    return Led(result, domain.trunks[name])


def _called(tenant: VpbxConfig, found: Outgoing, b: Number) -> Number:
    """B on the trunk, and for SORM."""
    assert found.direction is not None
    kind = found.direction.direction
    sorm = tenant.sorm
    form = {
        "regional": sorm.national,
        "spb": sorm.national,
        "international": sorm.international,
        "emergency": sorm.emergency,
    }.get(kind, "trunk")
    bare = "" if form == "trunk" else found.bare
    shown = bare if bare != found.sent else ""
    return Number(
        digits=found.sent,
        ni=INDICATORS.get(kind, sorm.other),
        attributes=b.attributes,
        sorm_digits=shown or None,
    )


def _from_outside(domain: Domain, tenant: VpbxConfig, request: RoutingRequest) -> Led:
    """By the incoming route to the first user that is free, else to the first that is busy, else it fails."""
    bare, ni = calling_number(tenant, request.a.digits)
    shown = bare if bare != request.a.digits and tenant.sorm.national == "full" else None
    request = replace(request, a=replace(request.a, ni=ni, sorm_digits=shown))
    found = incoming(tenant, request.entry, request.b.digits)
    steps = tuple((one.what, one.digits) for one in found.steps)
    if not found.users:
        return _failed(request, found.reason, (), steps)
    user = min(found.users, key=lambda one: _hindered(one, domain.subscribers[one.number]))
    return _to_user(domain, request, user, steps)


def _hindered(user: UserRow, subscriber: Subscriber) -> tuple[bool, bool, bool]:
    """What keeps a call from a user, the worst first."""
    return not user.registrations, not subscriber.reachable, bool(subscriber.calls)
