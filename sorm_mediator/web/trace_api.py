"""HTTP of the trace: what the running switch would do with a call, and what the console would be shown.

Source: docs/routing.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Request

from sorm_mediator.mediator.core.calls.numbers import Numbers
from sorm_mediator.switch.trace.console import LabTrace
from sorm_mediator.switch.trace.trace import TRACE_PARAMETERS, TraceError, read_request

if TYPE_CHECKING:
    from sorm_mediator.config import MediatorConfig
    from sorm_mediator.switch.calls.engine import Engine

_EXAMPLES = {"cdpn.digits": "89001758964", "cgpn.digits": "28331", "mode": "enblock"}
_QUERY = [
    {
        "name": name,
        "in": "query",
        "required": name == "cdpn.digits",
        "schema": {"type": "string", "examples": [_EXAMPLES[name]] if name in _EXAMPLES else []},
    }
    for name in TRACE_PARAMETERS
]


def trace_router(engine: Engine, mediator: MediatorConfig) -> APIRouter:
    """The route, to be put under ``/api/v1``. ``mediator``: whose console is shown the numbers."""
    router = APIRouter()
    tracer = LabTrace(engine.domains, mediator, Numbers(mediator))

    @router.get(
        "/switch/domains/{domain}/trace",
        responses={404: {"description": "No such domain"}, 422: {"description": "Not a trace"}},
        openapi_extra={"parameters": _QUERY},
        summary="Trace a call",
    )
    async def trace_call(
        request: Request, domain: Annotated[str, Path(examples=["test.domain"])]
    ) -> dict[str, Any]:
        """What routing would do with a call now, and what the console would be shown; nothing is called.

        Parameters are those of ``sorm-mediator trace``; what can't be routed has ``result: failed`` and the reason.
        """
        found = engine.domains.get(domain)
        if found is None:
            known = ", ".join(sorted(engine.domains)) or "none"
            raise HTTPException(404, f"there is no domain {domain!r}; there are: {known}")
        try:
            asked = read_request(f"{name}={value}" for name, value in request.query_params.multi_items())
            return tracer.document(tracer.trace(found, asked))
        except TraceError as error:
            raise HTTPException(422, str(error)) from None

    return router
