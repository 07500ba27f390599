"""What SORM is shown of a call's numbers, after routing: the domain's SORM parameters.

Source: ECSS-10 manual, SORM parameters of a domain (``sorm/info``); what the parameters do is the plain meaning of
their names (our choice).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from sorm_mediator.switch.routing import Number, RoutingRequest, route

if TYPE_CHECKING:
    from sorm_mediator.switch.routing.model import Side
    from sorm_mediator.switch.subscribers import Domain

Setting = Literal["adaptation", "strict_private_numbers", "private_phone_prefix"]
"""The parameters that change what SORM is shown, in the order that they apply."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What one parameter made of a number. ``by``: its value; of ``adaptation`` the rules taken as ``context/rule``."""

    setting: Setting
    by: str
    side: Side
    before: Number
    after: Number


@dataclass(frozen=True, slots=True)
class SormView:
    """Both numbers with the digits and indicators that SORM is shown, and which parameters changed them."""

    a: Number
    b: Number
    applied: tuple[Applied, ...] = ()


def as_sorm_sees(domain: Domain, a: Number, b: Number) -> tuple[Number, Number]:
    """Both numbers with the SORM digits and indicators that the domain's parameters give them."""
    view = sorm_view(domain, a, b)
    return view.a, view.b


def sorm_view(domain: Domain, a: Number, b: Number) -> SormView:
    """What SORM is shown of a call that was routed with these numbers."""
    applied: list[Applied] = []
    numbers: dict[Side, Number] = {"a": a, "b": b}

    def apply(setting: Setting, by: str, side: Side, after: Number) -> None:
        before, numbers[side] = numbers[side], after
        if (before.shown_digits, before.shown_ni) != (after.shown_digits, after.shown_ni):
            applied.append(Applied(setting, by, side, before, after))

    if domain.config.adaptation:
        adapted_a, adapted_b, rules = _adapted(domain, a, b)
        apply("adaptation", rules, "a", adapted_a)
        apply("adaptation", rules, "b", adapted_b)
    sides: tuple[Side, ...] = ("a", "b")
    for side in sides:
        setting, after = _private(domain, numbers[side])
        if setting is not None:
            value = domain.config.private_phone_prefix if setting == "private_phone_prefix" else "true"
            apply(setting, value, side, after)
    return SormView(numbers["a"], numbers["b"], tuple(applied))


def _adapted(domain: Domain, a: Number, b: Number) -> tuple[Number, Number, str]:
    """The adaptation context sees the numbers as SORM would; what its rules set for SORM wins."""
    request = RoutingRequest(
        a=Number(digits=a.shown_digits, ni=a.shown_ni, attributes=a.attributes),
        b=Number(digits=b.shown_digits, ni=b.shown_ni, attributes=b.attributes),
        context=domain.config.adaptation,
    )
    # A context without a rule that fits changes nothing; whether the last rule says local or external is no matter.
    result = route(request, domain.contexts, domain.subscribers, domain.plans)
    rules = " -> ".join(f"{step.context}/{step.rule}" for step in result.path)
    return _take(a, result.a), _take(b, result.b), rules


def _take(number: Number, adapted: Number) -> Number:
    digits = number.sorm_digits if adapted.sorm_digits is None else adapted.sorm_digits
    ni = number.sorm_ni if adapted.sorm_ni is None else adapted.sorm_ni
    return replace(number, sorm_digits=digits, sorm_ni=ni)


def _private(domain: Domain, number: Number) -> tuple[Setting | None, Number]:
    if number.shown_ni != "private":
        return None, number
    config = domain.config
    own = number.digits in domain.subscribers or number.shown_digits in domain.subscribers
    if config.strict_private_numbers and not own:
        return "strict_private_numbers", replace(number, sorm_ni="local")
    if config.private_phone_prefix:
        digits = config.private_phone_prefix + number.shown_digits
        return "private_phone_prefix", replace(number, sorm_digits=digits)
    return None, number
