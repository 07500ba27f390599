"""The HTTP API of a box or a lab, OpenAPI at ``/openapi.json`` and ``/docs``, and the pages on ``/``."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from sorm_mediator import __version__
from sorm_mediator.language import Phrase, translate
from sorm_mediator.web.access import Access
from sorm_mediator.web.faults_api import faults_router
from sorm_mediator.web.jobs_api import jobs_router
from sorm_mediator.web.journal_api import journal_router
from sorm_mediator.web.mediator_api import mediator_router
from sorm_mediator.web.metrics import metrics_router
from sorm_mediator.web.mistakes import mistakes_of
from sorm_mediator.web.preferred import language_of
from sorm_mediator.web.server import Guard, Watchers
from sorm_mediator.web.settings_api import settings_router

if TYPE_CHECKING:
    from sorm_mediator.config import Config, MediatorConfig
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
    {"name": "faults", "description": "Faults of the links, made on purpose."},
    {"name": "calls", "description": "What all boxes know about a call."},
    {"name": "settings", "description": "The settings of the lab file, and changes of them."},
    {"name": "runs", "description": "Replay, acceptance and conformance against this lab."},
    {"name": "monitoring", "description": "For Prometheus."},
]


def configure_app(app: FastAPI, config: Config) -> None:
    """Take settings that differ only in keys that need no restart (:mod:`sorm_mediator.config.live`)."""
    app.state.watchers.most = config.web.watchers
    if app.state.switch is not None:
        _trace_for(app, config.mediator)


def _trace_for(app: FastAPI, mediator: MediatorConfig) -> None:
    """Trace calls down to the console of this mediator, also in the shell of a switch that runs beside it."""
    from sorm_mediator.mediator.core.numbers import Numbers
    from sorm_mediator.switch.trace import LabTrace

    app.state.tracer = LabTrace(mediator, Numbers(mediator))
    if app.state.gateway is not None:
        app.state.switch.trace_with(app.state.tracer.text)


def create_app(  # nosec B107 # "": without a token, on loopback alone
    gateway: Gateway | None = None, switch: SwitchBox | None = None, token: str = ""
) -> FastAPI:
    """The application for the boxes given; what belongs to a box that is not there is not there either.

    ``app.state.gateway`` may be replaced while it serves (a gateway that was restarted). ``app.state.settings`` is
    what shows and changes settings (:class:`~sorm_mediator.web.settings_api.Settings`), ``app.state.jobs`` what runs
    replay and the like against the boxes (:class:`~sorm_mediator.web.jobs_api.Jobs`); None: nothing does.
    ``app.state.faults`` makes faults of the links (:class:`~sorm_mediator.web.faults_api.FaultDesk`).
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
    app.state.settings = None
    app.state.jobs = None
    app.state.faults = None
    app.state.watchers = Watchers()
    app.state.unit_lines = {}
    app.state.web_counters = Counter()
    app.state.connections = lambda: 0
    app.state.access = Access(token)
    app.add_middleware(Guard, access=app.state.access)
    app.add_exception_handler(RequestValidationError, _not_valid)  # type: ignore[arg-type]  # Starlette asks for less
    app.add_exception_handler(HTTPException, _refused)  # type: ignore[arg-type]  # as above
    if gateway is not None:
        app.include_router(mediator_router(), prefix="/api/v1", tags=["mediator"])
        app.include_router(journal_router, prefix="/api/v1", tags=["mediator"])
    if switch is not None:
        from sorm_mediator.config import MediatorConfig
        from sorm_mediator.web.switch_api import switch_router

        _trace_for(app, gateway.config.mediator if gateway is not None else MediatorConfig())
        app.include_router(switch_router, prefix="/api/v1", tags=["switch"])
        if switch.smart is not None:
            from sorm_mediator.web.smart_api import smart_router

            app.include_router(smart_router, prefix="/api/v1", tags=["switch"])
    if gateway is not None or switch is not None:
        from sorm_mediator.web.ladder import ladder_router

        app.include_router(ladder_router, prefix="/api/v1", tags=["calls"])
    app.include_router(faults_router, prefix="/api/v1", tags=["faults"])
    app.include_router(settings_router, prefix="/api/v1", tags=["settings"])
    app.include_router(jobs_router, prefix="/api/v1", tags=["runs"])
    app.include_router(metrics_router, tags=["monitoring"])
    pages = _Pages()
    app.router.routes += [Route("/", pages), Mount("/pages", pages)]
    return app


class _Pages:
    """The pages, imported when the first one is opened: a lab must start without them."""

    def __init__(self) -> None:
        self._site: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._site is None:
            # In a thread: consoles are answered meanwhile.
            self._site = await asyncio.to_thread(_load_pages)
        await self._site(scope, receive, send)


def _load_pages() -> ASGIApp:
    from sorm_mediator.web.pages.site import make_site

    return make_site()


async def _refused(request: Request, error: HTTPException) -> Response:
    """A refusal, in the language that the client prefers as far as its text has two."""
    if isinstance(error.detail, Phrase):
        text = translate(error.detail, language_of(request))
        error = HTTPException(error.status_code, text, error.headers)
    return await http_exception_handler(request, error)


async def _not_valid(request: Request, error: RequestValidationError) -> Response:
    """422 with what is wrong where; 415 when a body came as something else than JSON, as curl's ``-d`` sends it."""
    sent = request.headers.get("content-type", "nothing")
    if request.method in ("POST", "PUT") and not sent.partition(";")[0].strip().endswith("json"):
        return JSONResponse({"detail": f"the body came as {sent}: send content-type: application/json"}, 415)
    # In ASCII: a body may hold half of a surrogate pair, which has no UTF-8.
    return Response(json.dumps({"detail": mistakes_of(request, error)}), 422, media_type="application/json")
