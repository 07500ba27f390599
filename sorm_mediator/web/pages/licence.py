"""The licence manager: the licence of the emulated switch that holds, its limits, and what is in use of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request

from sorm_mediator.web.pages.page import Page


async def licence(request: Request) -> Mapping[str, Any]:
    """The licence that holds now."""
    return {"licence": request.app.state.switch.licence()}


PAGE = Page("/licence", "Licence", "licence.html.j2", licence, box="switch")
