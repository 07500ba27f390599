"""The first page: what runs, what is connected, and what was counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request

from sorm_mediator.web.mediator_api import read_status
from sorm_mediator.web.pages.page import Page


async def overview(request: Request) -> Mapping[str, Any]:
    """State, channels, limits and counters of the boxes that there are."""
    gateway, switch = request.app.state.gateway, request.app.state.switch
    return {
        "status": None if gateway is None else read_status(gateway, request),
        "switch_status": None if switch is None else switch.status(),
        "endpoints": {
            **({} if switch is None else switch.endpoints),
            **({} if gateway is None else gateway.endpoints),
            "web": request.url.netloc,
        },
        "domains": [] if switch is None else list(switch.engine.domains.values()),
    }


PAGE = Page("/", "Overview", "overview.html.j2", overview)
