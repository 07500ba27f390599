"""The mediator's part of the HTTP API: everything but the journal's own text is read from memory.

What is served is declared in :mod:`sorm_mediator.mediator.binding.status`; here are the bodies of requests, and what
the web adds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Annotated, Any, Final, Literal, TypeVar

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from protocol import Channel, Ksl
from sorm_mediator.journal.book import EntryDocument, JournalError
from sorm_mediator.language import Phrase
from sorm_mediator.mediator.binding.gateway import Gateway
from sorm_mediator.mediator.binding.status import (
    CallDocument,
    Document,
    KslRowDocument,
    LicenceDocument,
    ObjectDocument,
    StatusDocument,
    StreamDocument,
    call_row,
    ksl_rows,
    object_row,
    objects_found,
)
from sorm_mediator.mediator.core.calls.legs import Call
from sorm_mediator.web.journal_api import journal_file, kinds_of, newest_as_json
from sorm_mediator.web.server import Watchers


@dataclass(frozen=True)
class DoneDocument(Document):
    """What was made happen has happened."""

    sent: int
    """Messages that the console was sent for it."""
    why: str | None = None
    """With 0: why none was sent."""


# --- bodies of requests


class RequestBody(BaseModel):
    """The body of a request: closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class AlarmRequest(RequestBody):
    """An alarm of the node, as message 21h reports it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"type": 2, "code": 7}]})

    type: Annotated[int, Field(ge=1, le=4)]
    """1 tables lost: the technical means stop by themselves; 2 tables kept, the console's operator must act; 3 tables
    kept, nothing to do; 4 the lines to the console changed (order 268, 9.1.4.1)."""
    code: Annotated[int, Field(ge=0, le=255)]
    """The node's own code of the alarm (9.1.4.2)."""


class AccessRequest(RequestBody):
    """An attempt at unauthorised access, as message 26h reports it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"code": 3, "text": "tables read from the shell"}]}
    )

    code: Annotated[int, Field(ge=1, le=5)]
    """1 forbidden port, 2 wrong password, 3 tables read or written, 4 the port to the console reassigned, 5 wrong ORM
    number (order 268, 9.6.4.1)."""
    text: Annotated[str, Field(max_length=40, pattern=r"^[\x20-\x7e]*$")] = ""
    """Further information: up to 40 ASCII characters, octets 6 to 45 (9.6.4.4)."""


class RestartRequest(RequestBody):
    """Nothing to say: the node's software starts again."""


class LineStateRequest(RequestBody):
    """Another state of the line of an object that is a subscriber of the node."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"object": 258, "state": 3}]})

    object: Annotated[int, Field(ge=0, le=0xFFFE)]
    """Its object number."""
    state: Literal[0, 1, 3, 7, 255]
    """0 fine, 1 faulty, 3 blocked, 7 restricted, 255 not known (order 268, 9.3.6.4)."""


class FaultRequest(RequestBody):
    """A fault to inject into a stream."""

    state: Literal["LOS", "AIS", "RAI", "LOF", "LOMF", "OFF", "clear"]
    """RAI: the far end loses our signal and reports it. The others: what we receive. clear: end it."""


# --- routes

Row = TypeVar("Row")

_IN_A_TURN: Final = 200
"""Rows of a list that are made in one turn of the event loop."""
_OBJECTS: Final = TypeAdapter(list[ObjectDocument])
_CALLS: Final = TypeAdapter(list[CallDocument])
Limit = Annotated[int, Query(ge=1, le=10_000, description="At most so many.")]
_MOST = 2**63 - 1
"""The largest number of an entry or row that the database and an iterator take."""
Offset = Annotated[int, Query(ge=0, le=_MOST, description="Leave out so many at the beginning.")]


async def _gateway(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


Mediator = Annotated[Gateway, Depends(_gateway)]


async def _reader(gateway: Mediator, request: Request) -> Gateway:
    """The gateway, with a note that its tables are read (option ``tell_table_access``: with 26h to the console)."""
    gateway.tables_read(who_asks(request))
    return gateway


Tables = Annotated[Gateway, Depends(_reader)]


def mediator_router() -> APIRouter:
    """The routes, which serve the gateway of ``app.state``."""
    router = APIRouter()
    router.add_api_route("/status", _status, summary="State of the mediator")
    router.add_api_route("/ksl", _ksl, summary="KSL lines, and who has them")
    router.add_api_route(
        "/ksl/{stream}/{line}/listen",
        _listen,
        summary="Listen to a KSL line",
        response_class=StreamingResponse,
        responses=_SPEECH,
    )
    router.add_api_route(
        "/objects", _objects, response_model=list[ObjectDocument], summary="Objects under control"
    )
    router.add_api_route(
        "/calls", _calls, response_model=list[CallDocument], summary="Calls that touch objects"
    )
    router.add_api_route(
        "/streams", read_streams, response_model=list[StreamDocument], summary="E1 streams toward the console"
    )
    router.add_api_route(
        "/streams/{stream}/fault",
        inject_fault,
        methods=["POST"],
        response_model=StreamDocument,
        summary="Inject a fault into a stream",
        responses={
            404: {"description": "No such stream"},
            409: {
                "description": "The stream can't have this fault: LOMF without CRC-4, states of an E1 without one"
            },
        },
    )
    order = partial(router.add_api_route, methods=["POST"], status_code=202, response_model_exclude_none=True)
    order("/mediator/alarm", _alarm, summary="Raise an alarm of the node")
    order("/mediator/unauthorized-access", _access, summary="Report unauthorised access")
    order("/mediator/restart", _restart, summary="Restart the software of the node")
    order(
        "/mediator/line-state",
        _line_state,
        responses={404: {"description": "No such object"}},
        summary="Change the state of an object's line",
    )
    router.add_api_route(
        "/journal",
        _journal,
        response_model=list[EntryDocument],
        summary="The newest entries of the journal",
    )
    router.add_api_route(
        "/events",
        _events,
        response_class=StreamingResponse,
        responses=_EVENT_STREAM,
        summary="Events as they happen",
    )
    return router


async def _status(gateway: Mediator, request: Request) -> StatusDocument:
    """State, numbers of things, channels, links and counters."""
    return read_status(gateway, request)


def read_status(gateway: Gateway, request: Request) -> StatusDocument:
    """The gateway's status, with what this web server knows: the licence and the MultiSORM domains of its switch,
    and its own counters."""
    switch = request.app.state.switch
    licence = LicenceDocument(**switch.licence()) if switch else None
    status = gateway.status()
    warnings = [*status.warnings, *(switch.multisorm_troubles(gateway.config.ssh.user) if switch else ())]
    return replace(status, licence=licence, warnings=warnings, web=dict(request.app.state.web_counters))


async def _ksl(gateway: Tables) -> list[KslRowDocument]:
    """Every line of every KSL group, and who has it."""
    return list(ksl_rows(gateway.core))


_SPEECH: dict[int | str, dict[str, object]] = {
    200: {
        "description": "Linear samples of 16 bits, 8 kHz, until the call is over.",
        "content": {"audio/wav": {}},
    },
    409: {"description": "The line carries no call now, or the lab has no speech or no switch of its own"},
    503: {"description": "There are enough listeners"},
}


async def _listen(
    gateway: Mediator,
    request: Request,
    stream: Annotated[int, Path(ge=0, le=7)],
    line: Annotated[int, Path(ge=1, le=28)],
) -> StreamingResponse:
    """Listen to a KSL line, as the console hears it: the synthetic speech of the lab.

    Under combined control both parties are mixed on one KSL; under separate control A and B have one each.
    """
    from sorm_mediator.mediator.binding.listening import CannotListen, wav_header

    if request.app.state.switch is None:
        raise HTTPException(409, "only the synthetic speech of a lab's own switch can be listened to")
    ksl = Ksl(stream, line)
    try:
        listener = gateway.listen(ksl, who_asks(request))
    except CannotListen as refused:
        raise HTTPException(503 if refused.full else 409, str(refused)) from None

    async def speech() -> AsyncGenerator[bytes, None]:
        try:
            yield wav_header()
            async for samples in listener:
                yield samples
        finally:
            if gateway.e1 is not None:
                gateway.e1.voice.leave(ksl, listener)

    watchers: Watchers = request.app.state.watchers
    return StreamingResponse(
        watchers.until_closed(speech()), media_type="audio/wav", headers={"Cache-Control": "no-store"}
    )


def who_asks(request: Request) -> str:
    """Who sent a request, for the journal."""
    return f"HTTP {request.client.host}" if request.client else "HTTP"


async def _objects(
    gateway: Tables,
    limit: Limit = 1000,
    offset: Offset = 0,
    find: Annotated[
        str,
        Query(
            max_length=40,
            description="Only those with this in their number, or with this object number or trunk, or `group N`.",
        ),
    ] = "",
) -> Response:
    """The objects under control; the header X-Total-Count has their number."""
    found, states = objects_found(gateway.core, find), gateway.core.line_states
    page = found[offset : offset + limit]
    return await _listed(
        _OBJECTS, page, lambda row: object_row(row, states.get(row.object_number)), len(found)
    )


def read_objects(
    gateway: Gateway, limit: int, offset: int, find: str = ""
) -> tuple[list[ObjectDocument], int]:
    """Some of the objects that are found, and how many are."""
    found = objects_found(gateway.core, find)
    states = gateway.core.line_states
    page = found[offset : offset + limit]
    return [object_row(row, states.get(row.object_number)) for row in page], len(found)


async def _calls(gateway: Tables, limit: Limit = 1000, offset: Offset = 0) -> Response:
    """The calls in progress that touch objects; X-Total-Count has their number."""
    calls = gateway.core.calls
    count = len(calls)
    first = min(offset, count)  # an iterator counts to 2^63 - 1, and offset and limit together may be more
    return await _listed(_CALLS, list(islice(calls, first, first + limit)), _in_progress, count)


def _in_progress(call: Call) -> CallDocument | None:
    """None: it has ended since the list was begun."""
    return call_row(call) if call.legs else None


async def _listed(
    adapter: TypeAdapter[list[Any]], rows: Sequence[Row], make: Callable[[Row], Any], count: int
) -> Response:
    """Some of ``count`` rows, ten thousand at most: made in turns, and written beside the event loop, since a console
    must not wait for them. ``make`` gives None for a row that is not there any more."""
    documents: list[Any] = []
    for number, row in enumerate(rows, 1):
        if (document := make(row)) is not None:
            documents.append(document)
        if number % _IN_A_TURN == 0:
            await asyncio.sleep(0)
    content = await asyncio.to_thread(adapter.dump_json, documents)
    return Response(content, headers={"X-Total-Count": str(count)}, media_type="application/json")


async def read_streams(gateway: Mediator) -> list[StreamDocument]:
    """The E1 streams toward the console: over TCP those that carry the speech, or none."""
    return [] if gateway.e1 is None else gateway.e1.streams.rows()


async def inject_fault(gateway: Mediator, stream: int, fault: FaultRequest) -> StreamDocument:
    """Inject a fault into a stream, or end it. The states at both ends follow within some ten milliseconds."""
    if gateway.e1 is None or stream not in gateway.e1.streams:
        raise HTTPException(404, Phrase("there is no E1 stream {stream}", stream=stream))
    try:
        gateway.e1.streams.fault(stream, fault.state)
    except ValueError as error:
        raise HTTPException(409, str(error)) from error
    return gateway.e1.streams.row(stream)


def _done(gateway: Mediator, sent: int, otherwise: str = "nothing had to be told") -> DoneDocument:
    """How many messages went to the console; with none, why."""
    if sent:
        return DoneDocument(sent)
    if not gateway.core.channels.connected[Channel.KPD1]:
        return DoneDocument(0, "KPD1 is not connected")
    if not gateway.core.tables.started:
        return DoneDocument(0, "the technical means are stopped")
    return DoneDocument(0, otherwise)


async def _alarm(gateway: Mediator, alarm: AlarmRequest) -> DoneDocument:
    """Have the node raise an alarm: the console is sent 21h. Type 1 stops the technical means."""
    return _done(gateway, gateway.operator_alarm(alarm.type, alarm.code))


async def _access(gateway: Mediator, access: AccessRequest) -> DoneDocument:
    """Have the node notice an attempt at unauthorised access: the console is sent 26h."""
    return _done(gateway, gateway.operator_access(access.code, access.text))


async def _restart(gateway: Mediator, restart: RestartRequest | None = None) -> DoneDocument:
    """Have the node's software start again: tables empty, first password, stopped; the console is sent 22h."""
    return _done(gateway, gateway.operator_restart())


async def _line_state(gateway: Mediator, line: LineStateRequest) -> DoneDocument:
    """Give the line of an object another state, which message 23h shows."""
    if line.object not in gateway.core.tables.objects:
        raise HTTPException(404, Phrase("there is no object {number}", number=line.object))
    sent = gateway.operator_line_state(line.object, line.state)
    return _done(gateway, sent, "a state is not told by itself: command 10 asks for it, and 23h tells it")


async def _journal(
    gateway: Mediator,
    limit: Limit = 100,
    before: Annotated[
        int | None, Query(ge=1, le=_MOST, description="Only entries before this number.")
    ] = None,
    kind: Annotated[list[str] | None, Query(description="Only entries of this kind; repeatable.")] = None,
) -> Response:
    """The newest entries of the audit journal, oldest first. `journal verify` checks the chain.

    When there is none of a kind, the header `X-Kinds` names the kinds that there are.
    """
    path, headers = journal_file(gateway), {}
    try:
        content, any_found = await asyncio.to_thread(newest_as_json, path, limit, before, kind or ())
        if kind and not any_found:
            headers["X-Kinds"] = ", ".join(await asyncio.to_thread(kinds_of, path))
    except JournalError as error:
        raise HTTPException(500, str(error)) from error
    return Response(content, headers=headers, media_type="application/json")


_EVENT_STREAM: dict[int | str, dict[str, object]] = {
    200: {
        "description": "Server-sent events. `data` is one JSON object with `event`, `time` and: of a `unit`,"
        " `direction` and `unit` (the form of `decode --json`, passwords masked); of a `call`, `call`, `kind`"
        " and `sequence`; of a `message`, `message`: its id; of a `link`, `link` and `state`."
        " Of a `request` to the switch, `request` (its token), `op` and `params`; of its `reply`, `request`, `op`, `ok`"
        " and, refused, `code` and `text`. Of a `warning`, `text`: a new one"
        " of `warnings` of the status. `number` counts the events; `call`: the switch's id of the call that the"
        " event belongs to, where it does. `dropped_before`: so many were lost before it.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


async def _events(
    request: Request,
    gateway: Mediator,
    kind: Annotated[
        list[Literal["unit", "call", "message", "link", "request", "reply", "warning"]] | None,
        Query(description="Only these; repeatable."),
    ] = None,
) -> StreamingResponse:
    """What happens, as it happens."""
    watchers: Watchers = request.app.state.watchers
    if watchers.full:
        request.app.state.web_counters["watchers_refused"] += 1
        raise HTTPException(503, f"there are {watchers.most} streams of events already (web.watchers)")
    stream = watchers.stream(gateway.events, frozenset(kind or ()))
    return StreamingResponse(
        stream,
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
