"""Routing in one domain: contexts read from XML, masks, and numbering plans. Pure."""

from sorm_mediator.switch.routing.context_file import ContextError, parse_context
from sorm_mediator.switch.routing.route import Context, Number, RoutingRequest, RoutingResult, Step, route

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
