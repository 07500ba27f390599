"""Where a call begins: the number that its caller has, and the leg of the domain that it is made in.

Source: ECSS-10 manual, Routing for SORM, and MultiSORM for numbering plans; what a trace starts from
is what a call starts from.
"""

from __future__ import annotations

from dataclasses import replace

from sorm_mediator.switch.calls.call import Endpoint, Leg
from sorm_mediator.switch.routing import Number, RoutingRequest
from sorm_mediator.switch.routing.numbering import DEFAULT_PLAN
from sorm_mediator.switch.routing.sorm_numbers import as_sorm_sees
from sorm_mediator.switch.subscribers import Domain


def own_number(digits: str) -> Number:
    """A subscriber's own number."""
    return Number(digits=digits, ni="private")


def first_leg(domain: Domain, calling: Endpoint, called: Number) -> Leg:
    """A call that ``calling`` makes, before it is routed.

    It starts in the context of its subscriber, trunk or bridge, else in the default one of the domain, and in the
    numbering plan that the trunk or the bridge has.
    """
    context, np = "", DEFAULT_PLAN
    if calling.subscriber is not None:
        context = calling.subscriber.context
    elif calling.trunk is not None:
        context, np = calling.trunk.context, calling.trunk.config.np
    elif calling.bridge is not None:
        context, np = calling.bridge.side.context, calling.bridge.side.np
    number = as_sorm_sees(domain, calling.number, called)[0]
    request = RoutingRequest(a=calling.number, b=called, context=context or domain.default_context, np=np)
    return Leg(domain, request, replace(calling, number=number), Endpoint(number=called))
