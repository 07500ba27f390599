"""The HTTP API of a box or a lab: OpenAPI at ``/openapi.json``, for people at ``/docs``."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi_offline import FastAPIOffline

from sorm_mediator import __version__
from sorm_mediator.web.mediator_api import mediator_router
from sorm_mediator.web.metrics import metrics_router
from sorm_mediator.web.mistakes import mistakes_of
from sorm_mediator.web.server import Guard, Watchers

if TYPE_CHECKING:
    from sorm_mediator.mediator.binding.gateway import Gateway
    from sorm_mediator.switch.box import SwitchBox


_ABOUT = """
A lab emulator and protocol gateway for the SORM mediator. All times are Unix seconds unless a field says
otherwise; names of fields and values are those of the decoder (`sorm-mediator decode --json`).

A token is needed when the lab file sets `web.token`: `Authorization: Bearer TOKEN`.
"""
_TAGS = [
    {"name": "mediator", "description": "The technical means: state, tables, calls, channels, journal."},
    {"name": "switch", "description": "The emulated switch: making calls."},
    {"name": "monitoring", "description": "For Prometheus."},
]


def create_app(gateway: Gateway | None = None, switch: SwitchBox | None = None, token: str = "") -> FastAPI:
    """The application for the boxes given; what belongs to a box that is not there is not there either.

    ``app.state.gateway`` may be replaced while it serves (a gateway that was restarted).
    """
    # Offline: a lab's machine need not reach the network that /docs would load its scripts from.
    app = FastAPIOffline(
        redoc_url=None,
        title="SORM mediator lab",
        summary="State of the mediator, events as they happen, and synthetic calls.",
        description=_ABOUT,
        version=__version__,
        openapi_tags=_TAGS,
    )
    app.state.gateway = gateway
    app.state.switch = switch
    app.state.watchers = Watchers()
    app.state.web_counters = Counter()
    app.state.connections = lambda: 0
    app.add_middleware(Guard, token=token)
    app.add_exception_handler(RequestValidationError, _not_valid)  # type: ignore[arg-type]  # Starlette asks for less
    app.add_api_route("/", _to_docs, include_in_schema=False)
    if gateway is not None:
        app.include_router(mediator_router(), prefix="/api/v1", tags=["mediator"])
    if switch is not None:
        from sorm_mediator.config import MediatorConfig
        from sorm_mediator.mediator.core.numbers import Numbers
        from sorm_mediator.switch.trace import LabTrace
        from sorm_mediator.web.switch_api import switch_router

        mediator = gateway.config.mediator if gateway is not None else MediatorConfig()
        app.state.tracer = LabTrace(mediator, Numbers(mediator))
        app.include_router(switch_router, prefix="/api/v1", tags=["switch"])
    app.include_router(metrics_router, tags=["monitoring"])
    return app


def _to_docs() -> Response:
    return RedirectResponse("/docs")


async def _not_valid(request: Request, error: RequestValidationError) -> Response:
    """422 with what is wrong where; 415 when a body came as something else than JSON, as curl's ``-d`` sends it."""
    sent = request.headers.get("content-type", "nothing")
    if request.method in ("POST", "PUT") and not sent.partition(";")[0].strip().endswith("json"):
        return JSONResponse({"detail": f"the body came as {sent}: send content-type: application/json"}, 415)
    # In ASCII: a body may hold half of a surrogate pair, which has no UTF-8.
    return Response(json.dumps({"detail": mistakes_of(request, error)}), 422, media_type="application/json")
