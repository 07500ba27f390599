"""Routing: contexts read from XML, numbering plans, bridges, and the way of a call through the domains. Pure."""

from sorm_mediator.switch.routing.model import Context, Number, RoutingRequest, RoutingResult, Step
from sorm_mediator.switch.routing.route import route
from sorm_mediator.switch.routing.xmlfile import parse_context
from sorm_mediator.switch.routing.xmltext import ContextError

__all__ = [
    "Context",
    "ContextError",
    "Number",
    "RoutingRequest",
    "RoutingResult",
    "Step",
    "parse_context",
    "route",
]
