"""What SORM is shown of a call's numbers, after routing: the domain's SORM parameters.

Source: seed 001, ``sorm/info``; what the parameters do is the plain meaning of their names [inferred].
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sorm_mediator.switch.routing import Number, RoutingRequest, route

if TYPE_CHECKING:
    from sorm_mediator.switch.subscribers import Domain


def as_sorm_sees(domain: Domain, a: Number, b: Number) -> tuple[Number, Number]:
    """Both numbers with the SORM digits and indicators that the domain's parameters give them.

    In this order: ``adaptation``, ``strict_private_numbers``, ``private_phone_prefix``.
    """
    a, b = _adapted(domain, a, b)
    return _private(domain, a), _private(domain, b)


def _adapted(domain: Domain, a: Number, b: Number) -> tuple[Number, Number]:
    """The adaptation context sees the numbers as SORM would; what its rules set for SORM wins."""
    if not domain.config.adaptation:
        return a, b
    request = RoutingRequest(
        a=Number(digits=a.shown_digits, ni=a.shown_ni, attributes=a.attributes),
        b=Number(digits=b.shown_digits, ni=b.shown_ni, attributes=b.attributes),
        context=domain.config.adaptation,
    )
    # A context without a rule that fits changes nothing; whether the last rule says local or external is no matter.
    result = route(request, domain.contexts, domain.subscribers, domain.plans)
    return _take(a, result.a), _take(b, result.b)


def _take(number: Number, adapted: Number) -> Number:
    digits = number.sorm_digits if adapted.sorm_digits is None else adapted.sorm_digits
    ni = number.sorm_ni if adapted.sorm_ni is None else adapted.sorm_ni
    return replace(number, sorm_digits=digits, sorm_ni=ni)


def _private(domain: Domain, number: Number) -> Number:
    if number.shown_ni != "private":
        return number
    config = domain.config
    own = number.digits in domain.subscribers or number.shown_digits in domain.subscribers
    if config.strict_private_numbers and not own:
        return replace(number, sorm_ni="local")
    if config.private_phone_prefix:
        return replace(number, sorm_digits=config.private_phone_prefix + number.shown_digits)
    return number
