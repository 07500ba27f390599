"""The HTTP API of a box or a lab: OpenAPI at ``/openapi.json``, for people at ``/docs``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from sorm_mediator import __version__
from sorm_mediator.web.guard import Guard
from sorm_mediator.web.mediator_api import mediator_router
from sorm_mediator.web.metrics import metrics_router
from sorm_mediator.web.sse import Watchers

if TYPE_CHECKING:
    from sorm_mediator.mediator.gateway import Gateway
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
    app = FastAPI(
        title="SORM mediator lab",
        summary="State of the mediator, events as they happen, and synthetic calls.",
        description=_ABOUT,
        version=__version__,
        openapi_tags=_TAGS,
    )
    app.state.gateway = gateway
    app.state.switch = switch
    app.state.watchers = Watchers()
    app.add_middleware(Guard, token=token)
    if gateway is not None:
        app.include_router(mediator_router(), prefix="/api/v1", tags=["mediator"])
    if switch is not None:
        from sorm_mediator.web.switch_api import switch_router

        app.include_router(switch_router(switch), prefix="/api/v1", tags=["switch"])
    app.include_router(metrics_router(), tags=["monitoring"])
    return app
