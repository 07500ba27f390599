"""Routing: contexts read from XML, and what they make of a call. Pure: nothing here knows of calls."""

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
