"""HTTP of the stand-in of the licence cloud: what switches send, the report of the account, and its faults.

Source: docs/smart-licence.md, "The licence cloud".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.requests import ClientDisconnect

from sorm_mediator.addresses import host_port
from sorm_mediator.config import WebConfig
from sorm_mediator.switch.smart.cloud import Fault, LicenceCloud
from sorm_mediator.switch.smart.messages import MessageError
from sorm_mediator.web.access import Access
from sorm_mediator.web.server import Guard, Watchers, WebServer

_router = APIRouter()


class CloudFault(BaseModel):
    """What is wrong with the cloud."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    fault: Fault
    """``none``, ``down``, ``wrong-signature``, ``repeated-nonce``, ``ooc``, ``expired``, ``clock`` or ``refuse``."""


async def _answer(
    request: Request, ask: Callable[[LicenceCloud, Any, float], dict[str, Any] | None]
) -> Response:
    cloud: LicenceCloud = request.app.state.cloud
    try:
        document = await request.json()
    except (ValueError, RecursionError):
        raise HTTPException(422, "the body is no JSON") from None
    except ClientDisconnect:  # nobody reads the answer
        return Response(status_code=400)
    try:
        answer = ask(cloud, document, request.app.state.clock())
    except MessageError as error:
        raise HTTPException(422, str(error)) from None
    return Response(status_code=503) if answer is None else JSONResponse(answer)


@_router.post("/register")
async def _register(request: Request) -> Response:
    return await _answer(request, LicenceCloud.register)


@_router.post("/authorise")
async def _authorise(request: Request) -> Response:
    return await _answer(request, LicenceCloud.authorise)


@_router.post("/deregister")
async def _deregister(request: Request) -> Response:
    return await _answer(request, LicenceCloud.deregister)


@_router.get("/usage")
async def _usage(request: Request) -> dict[str, Any]:
    cloud: LicenceCloud = request.app.state.cloud
    return {"Virtual Account": cloud.account, "licenses": [cloud.usage().row()]}


@_router.put("/fault", status_code=204)
async def _fault(request: Request, body: CloudFault) -> None:
    request.app.state.cloud.break_with(body.fault)


def cloud_app(cloud: LicenceCloud, clock: Callable[[], float]) -> FastAPI:
    """The application of a cloud. ``clock``: Unix seconds."""
    app = FastAPI(title="Licence cloud of a SORM mediator lab", openapi_url=None)
    app.state.cloud, app.state.clock = cloud, clock
    app.state.watchers, app.state.web_counters = Watchers(), Counter()
    app.add_middleware(Guard, access=Access(""))
    app.include_router(_router)
    return app


class CloudServer:
    """Serves a cloud on loopback: :meth:`start` it, :meth:`stop` it."""

    def __init__(self, cloud: LicenceCloud, clock: Callable[[], float], port: int = 0) -> None:
        self._server = WebServer(cloud_app(cloud, clock), WebConfig().host, port, key="--port")

    async def start(self) -> str:
        """Listen; its URL. Raises :class:`~sorm_mediator.errors.BoxError`."""
        return f"http://{host_port(*await self._server.start())}"

    async def stop(self) -> None:
        """Stop listening."""
        await self._server.stop()
