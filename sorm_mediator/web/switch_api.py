"""HTTP of the emulated switch: make calls, see their result, trace a call without making it.

Source: docs/http.md, docs/switch.md, docs/routing.md.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, SkipValidation, field_validator

from radius.packet import LONGEST_TEXT
from sorm_mediator.config.switch import MOST_NAME
from sorm_mediator.language import Lang, Phrase, translate
from sorm_mediator.mediator.binding.status import LicenceDocument
from sorm_mediator.switch.assignments import INVALID
from sorm_mediator.switch.box import SwitchBox
from sorm_mediator.switch.calls.call import Call, CallRefused, CallRequest, ServiceRequest, connection
from sorm_mediator.switch.calls.messages import MessageRequest
from sorm_mediator.switch.cdr import record
from sorm_mediator.switch.changes.stations import trunk_rows
from sorm_mediator.switch.elph import EXPIRES, ElphRegistration, Platform
from sorm_mediator.switch.mediators.faults import LONGEST_DELAY
from sorm_mediator.switch.path import Hop
from sorm_mediator.switch.trace import TRACE_PARAMETERS, LabTrace, TraceError, read_request, trace
from sorm_mediator.texts import as_list
from sorm_mediator.web.mediator_api import RequestBody
from sorm_mediator.web.preferred import PreferredLang

Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
Digits = Annotated[str, Field(pattern=r"^[0-9*#]{1,18}$")]
Feature = Literal["hold", "end-of-hold", "consultation", "3pty", "transfer", "pickup", "waiting"]
Forwarding = Literal["cfu", "cfb", "cfnr", "cfnrc"]
REFUSED = {"unknown": 404, "invalid": 422, "refused": 409, "licence": 503}
"""Kind of a refusal -> HTTP status."""


class ServiceBody(RequestBody):
    """A service used during the call."""

    service: Literal[Feature, Forwarding]
    """Which one; forwardings act by themselves, here they can be ordered, checked and cancelled."""
    at: Seconds = 0.0
    """Seconds from the start of the call. What needs a conversation waits for the answer."""
    by: Literal["a", "b"] | None = None
    """Who uses it; left out: A where it is a subscriber of the domain, else B (a waiting call comes to B)."""
    number: Digits | Literal[""] = ""
    """The third party; for pickup who picks up; for an order the target of the forwarding."""
    phase: Literal["use", "order", "check", "cancel"] = "use"
    """Used in the call, or ordered, checked, cancelled by the subscriber."""
    digits: Digits | Literal[""] = ""
    """What the subscriber dials to order, check or cancel; left out: ``b`` of the call."""
    duration: Seconds | None = None
    """Hold: seconds until its end; left out: until ``end-of-hold`` or the end of the call."""
    ring: Seconds = 0.05
    """Consultation, waiting: how long the further call rings."""
    talk: Seconds = 0.2
    """Consultation, waiting: how long the further call talks."""

    def request(self) -> ServiceRequest:
        """As the engine takes it."""
        return ServiceRequest(**self.model_dump())


class CallBody(RequestBody):
    """A synthetic call."""

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {"a": "28331", "b": "28332"},
                {"a": "9001758964", "b": "28331", "from": "trunk:smg_trunk", "outcome": "busy"},
                {"a": "28331", "b": "89001758964", "talk": 0.5, "services": [{"service": "hold", "at": 0.1}]},
            ]
        },
    )

    a: Digits | Literal[""]
    """The calling number; empty for a call that comes in without it."""
    b: Annotated[str, Field(pattern=r"^\+?[0-9*#]{1,18}$")]
    """The digits dialled; a + in front is for a tenant of the profile sipteco."""
    origin: Annotated[
        str, Field(alias="from", pattern=r"^(subscriber|trunk:\S+|system:(alarm|custom-cb|dialer))$")
    ] = "subscriber"
    """``subscriber``, ``trunk:NAME`` for a call that comes in, or ``system:alarm``, ``system:custom-cb`` or
    ``system:dialer`` for one that the switch makes itself."""
    outcome: Literal["answer", "busy", "no-answer", "fail", "incomplete"] = "answer"
    """What happens at the number reached; its subscriber's matching forwarding goes on from there."""
    ring: Seconds = 0.05
    """Seconds until the answer, or until the caller gives up."""
    talk: Seconds = 0.2
    """Seconds of conversation."""
    services: list[ServiceBody] = Field(default=[], max_length=32)
    """Services used during the call."""

    def request(self) -> CallRequest:
        """As the engine takes it."""
        fields = self.model_dump(exclude={"services"})
        return CallRequest(**fields, services=tuple(service.request() for service in self.services))


Side = Annotated[str, Field(pattern=r"^([0-9*#]{1,18}|trunk:\S+)$")]
Imsi = Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]


class MessageBody(RequestBody):
    """A synthetic electronic message, such as an SMS."""

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {"from": "28331", "to": "28332", "text": "Come at ten.", "delivered": True},
                {"from": "9001758964", "to": "28331", "text": "No.", "from_trunk": "smg_trunk"},
                {"from": "trunk:smg_trunk", "to": "28331", "text": "?", "to_imsi": "250011234567890"},
            ]
        },
    )

    sender: Annotated[Side, Field(alias="from")]
    """The sender: a number, or ``trunk:NAME`` where only its trunk is known."""
    receiver: Annotated[Side, Field(alias="to")]
    """The receiver, in the same way."""
    text: Annotated[str, Field(min_length=1)]
    """Header and content: at most 2800 octets of UTF-8, which is what a report has room for."""
    delivered: bool | None = None
    """Whether it was delivered; null: not known."""
    from_trunk: Annotated[str, Field(pattern=r"^\S*$")] = ""
    """The trunk that a sender of the network is reached by; left out: not known."""
    to_trunk: Annotated[str, Field(pattern=r"^\S*$")] = ""
    """The trunk that the message goes out by; left out: by routing."""
    from_imsi: Imsi | Literal[""] = ""
    """IMSI of the sender."""
    to_imsi: Imsi | Literal[""] = ""
    """IMSI of the receiver."""

    @field_validator("text")
    @classmethod
    def _can_be_reported(cls, text: str) -> str:
        try:
            octets = len(text.encode())
        except UnicodeEncodeError as error:
            raise ValueError(f"not a text: {error.reason}") from None
        if octets > LONGEST_TEXT:
            raise ValueError(f"{octets} octets of UTF-8; at most {LONGEST_TEXT}")
        return text


class ElphBody(RequestBody):
    """A device that registers as an Elph client."""

    number: Annotated[str, Field(pattern=r"^[0-9]{1,18}$", examples=["28331"])]
    """The subscriber."""
    device: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,64}$", examples=["phone-1"])]
    """Its name; each device uses a licence."""
    client: Platform
    """The platform."""
    expires: Annotated[float, Field(gt=0, le=2**31 - 1, allow_inf_nan=False)] = EXPIRES
    """Seconds until the registration ends unless it is renewed."""


class TrunkBody(RequestBody):
    """What is changed of a trunk."""

    name: Annotated[
        str, Field(min_length=1, max_length=MOST_NAME, pattern=r"^[\x21-\x7e]+$", examples=["city_2"])
    ]
    """Its name, as in routing directions and message 2Ah: up to 172 ASCII characters without spaces."""


class FaultBody(RequestBody):
    """How a domain answers its mediators; calls go on as before."""

    answer: Literal["slow", "dead", "clear"]
    """``slow``: ``delay`` seconds late; ``dead``: never; ``clear``: at once again."""
    delay: Annotated[float, Field(ge=0, le=LONGEST_DELAY, allow_inf_nan=False)] = 5.0
    """Seconds, of ``slow``."""


class SwitchDocument(BaseModel):
    """A document whose fields are described in OpenAPI by their docstrings."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class PlacedDocument(SwitchDocument):
    """A call that was made."""

    call: Annotated[str, Field(examples=["3fa9c1-1"])]
    """Its id, for ``GET calls/{call}``."""


class NotMadeDocument(SwitchDocument):
    """Why the switch does not take a call."""

    detail: str
    """The reason."""
    call: str | None = None
    """The id of a call that was not admitted, for ``GET calls/{call}``: it was released at once with 01h. Left out: the
    licence has no room for the call, and there is none."""


class AssignmentDocument(SwitchDocument):
    """A licence that a subscriber holds or demands."""

    domain: str
    number: str
    licence: Annotated[str, Field(examples=["ip"])]
    state: Annotated[str, Field(examples=["licensed"])]
    """licensed, not-licensed, unsaved-demand, unsaved-demand-release or unsaved-release (docs/network-licence.md)."""
    red: bool
    """The demand has no licence."""
    reason: str
    """Why it has none; "" when it has."""


class TrunkLicenceDocument(SwitchDocument):
    """The licences of a trunk."""

    domain: str
    trunk: str
    kind: str
    """s2m or itsp."""
    channels: int
    """Calls at the same time that it asks for (``licensed_channels``)."""
    licensed: int
    """Calls at the same time that it has licences for."""
    calls: int
    """Its calls now."""


class AssignmentsDocument(SwitchDocument):
    """The licences of subscribers and trunks."""

    pool: dict[str, int]
    """Licence -> how many this switch may use."""
    assignments: list[AssignmentDocument]
    """Those that subscribers hold or demand."""
    invalid: list[AssignmentDocument]
    """Those of them that have no licence."""
    trunks: list[TrunkLicenceDocument]


class SentDocument(SwitchDocument):
    """A message that was sent."""

    message: Annotated[str, Field(examples=["3fa9c1-2"])]
    """Its id, as it stands in the reports."""


class TrunkNameDocument(SwitchDocument):
    """A trunk of a domain."""

    trunk: int
    """Its number, as in commands 5 and 16."""
    name: str


class TrunkDocument(TrunkNameDocument):
    """A trunk, and what is to be seen to after the change."""

    notes: list[str]
    """Routing rules that still lead to the name that it had."""


class ElphDocument(SwitchDocument):
    """A device that is registered as an Elph client."""

    number: str
    device: str
    client: Platform
    since: float
    """Unix seconds."""
    until: float


class NumberDocument(SwitchDocument):
    """A number with its indicator."""

    digits: str
    ni: str
    """private, local, zone, intercity, international, emergency, or empty: unknown."""


class SormDocument(SwitchDocument):
    """The numbers that SORM is shown."""

    a: NumberDocument
    b: NumberDocument


class StepDocument(SwitchDocument):
    """A rule that was taken."""

    domain: str
    context: str
    rule: str


class RoutingDocument(SwitchDocument):
    """What routing did: once for each domain of the call's way, and again for each time it was sent on."""

    domain: str
    result: Literal["external", "local", "failed"]
    via: list[str]
    """The directions of an external call."""
    a: NumberDocument
    b: NumberDocument
    sorm: SormDocument
    path: list[StepDocument]
    reason: SkipValidation[str]
    """Why it failed."""


class EventDocument(SwitchDocument):
    """Something that happened in the call."""

    time: float
    """Unix seconds."""
    event: str
    detail: str


class SwitchCallDocument(SwitchDocument):
    """A call of the switch. Nothing in it says whether an object on control took part (order 268, rule 6)."""

    call: str
    domain: str
    state: Literal["dialling", "ringing", "talking", "released"]
    a: str
    b: str
    """As dialled."""
    connection: Annotated[str, Field(examples=["1C"])]
    """Octet of the kind of connection, hex (order 268, 10.2.1.7)."""
    units: int
    """What it uses of the licence's simultaneous connections now."""
    started: float
    """Unix seconds, as all times here."""
    setup_time: float | None
    answer_time: float | None
    release_time: float | None
    release_cause: int | None
    """Octet of event 43h (order 268, 11.3.5)."""
    routing: list[RoutingDocument]
    events: list[EventDocument]


class RecordDocument(SwitchDocument):
    """A call detail record."""

    domain: str
    mode: Literal["basic", "sorm3"]
    fields: dict[str, str]
    """As in docs/cdr.md."""


class MediatorDocument(SwitchDocument):
    """A mediator of a MultiSORM user, connected or not."""

    user: str
    mediator: str
    """host:port of its RADIUS sink."""
    connections: int
    objects: int
    """On control, in all domains."""
    domains: dict[str, Literal["in step", "silent", "catching up"]]
    """Domain -> how it stands."""
    not_connected: dict[str, str]
    """Domain that it should have, too -> why it has not."""


class FaultDocument(SwitchDocument):
    """A fault that was ordered."""

    answer: Literal["slow", "dead"]
    delay: float
    """Seconds."""


class MultisormDocument(SwitchDocument):
    """MultiSORM as it stands."""

    mediators: list[MediatorDocument]
    faults: dict[str, FaultDocument]
    """Domain -> its fault."""


async def _switch(request: Request) -> AsyncIterator[SwitchBox]:
    """The switch; what it refuses is answered with the reason."""
    switch: SwitchBox = request.app.state.switch
    if switch.ended:
        raise HTTPException(503, Phrase("the switch is down: a fault has ended it (GET faults)"))
    try:
        yield switch
    except CallRefused as refusal:
        raise HTTPException(REFUSED[refusal.kind], refusal.text) from None


Switch = Annotated[SwitchBox, Depends(_switch)]
DomainName = Annotated[str, Path(examples=["test.domain"])]

switch_router = APIRouter()
"""The routes of the switch of ``app.state``, to be put under ``/api/v1``."""
_ERRORS: dict[int | str, dict[str, Any]] = {
    404: {"description": "No such domain"},
    409: {"description": "The calling line is out of service"},
    500: {"description": "The call is not admitted, with ``cps_reject = 500``", "model": NotMadeDocument},
    503: {
        "description": "The call is not admitted, or the licence has no room for it",
        "model": NotMadeDocument,
    },
}


@switch_router.post(
    "/switch/domains/{domain}/calls",
    status_code=202,
    response_model=PlacedDocument,
    responses=_ERRORS,
    summary="Make a call",
)
async def place_call(
    switch: Switch, domain: DomainName, body: CallBody, lang: PreferredLang
) -> PlacedDocument | JSONResponse:
    """Make a synthetic call; it goes on by itself."""
    call = switch.place_call(domain, body.request())
    if not call.not_admitted:
        return PlacedDocument(call=call.id)
    told = NotMadeDocument(detail=translate(call.not_admitted, lang), call=call.id)
    return JSONResponse(told.model_dump(), call.reject_status)


@switch_router.post(
    "/switch/domains/{domain}/messages",
    status_code=202,
    responses={
        404: {"description": "No such domain, subscriber or trunk"},
        409: {"description": "The sender's line is out of service, or the way out is closed"},
    },
    summary="Send an electronic message",
)
async def send_message(switch: Switch, domain: DomainName, body: MessageBody) -> SentDocument:
    """Send a synthetic message, such as an SMS; mediators with an object that it touches get a report."""
    return SentDocument(message=switch.send_message(domain, MessageRequest(**body.model_dump())))


@switch_router.get(
    "/switch/domains/{domain}/trunks",
    responses={404: {"description": "No such domain"}},
    summary="The trunks of a domain",
)
async def trunks(switch: Switch, domain: DomainName) -> list[TrunkNameDocument]:
    """Numbers and present names, by number."""
    found = switch.engine.domains.get(domain)
    if found is None:
        raise HTTPException(404, Phrase("there is no domain {domain!r}", domain=domain))
    named = [TrunkNameDocument(trunk=one.number, name=one.name) for one in found.trunks.values()]
    return sorted(named, key=lambda one: one.trunk)


@switch_router.put(
    "/switch/domains/{domain}/trunks/{number}",
    responses={
        404: {"description": "No such domain or trunk"},
        409: {"description": "The name is that of another interface"},
    },
    summary="Rename a trunk",
)
async def rename_trunk(
    switch: Switch,
    domain: DomainName,
    number: Annotated[int, Path(ge=0, le=0xFFFE, examples=[2])],
    body: TrunkBody,
) -> TrunkDocument:
    """Rename a trunk; it is reported to the mediators of the domain, and by them to the console (message 2Ah)."""
    notes = switch.rename_trunk(domain, number, body.name)
    return TrunkDocument(trunk=number, name=body.name, notes=list(notes))


@switch_router.get("/switch/licence", summary="The licence, and what is in use of it")
async def licence(switch: Switch) -> LicenceDocument:
    """The licence that holds now: the highest number of those that have not expired."""
    return LicenceDocument(**switch.licence())


@switch_router.get(
    "/switch/licence/assignments",
    responses={404: {"description": "The switch needs no licences of stations"}},
    summary="The licences of subscribers and trunks",
)
async def assignments(switch: Switch) -> AssignmentsDocument:
    """Who has which licence, in which state, and how many there are."""
    node = switch.engine.node
    if node.assignments is None:
        raise HTTPException(
            404, Phrase("this switch has no [switch.licence_pool], so it needs no licences of stations")
        )
    rows = [
        AssignmentDocument(
            domain=one.domain,
            number=one.number,
            licence=one.licence,
            state=one.state.value,
            red=one.state in INVALID,
            reason=one.reason,
        )
        for one in node.assignments.overview()
    ]
    shares = [
        TrunkLicenceDocument(
            domain=domain, trunk=trunk, kind=kind, channels=asked, licensed=licensed, calls=calls
        )
        for domain, trunk, kind, asked, licensed, calls in trunk_rows(node)
    ]
    invalid = [row for row in rows if row.red]
    return AssignmentsDocument(pool=dict(node.pool), assignments=rows, invalid=invalid, trunks=shares)


@switch_router.get(
    "/switch/domains/{domain}/elph",
    responses={404: {"description": "No such domain"}},
    summary="The registered Elph clients",
)
async def elph_clients(switch: Switch, domain: DomainName) -> list[ElphDocument]:
    """The devices that are registered in a domain, by number and name."""
    if domain not in switch.engine.domains:
        raise HTTPException(404, Phrase("there is no domain {domain!r}", domain=domain))
    return [_elph(one) for one in switch.elph.registered(time.time(), domain)]


@switch_router.post(
    "/switch/domains/{domain}/elph",
    status_code=201,
    responses={
        404: {"description": "No such domain or subscriber"},
        409: {"description": "The subscriber has no service"},
        503: {"description": "The licence allows no more registrations"},
    },
    summary="Register an Elph client",
)
async def register_elph(switch: Switch, domain: DomainName, body: ElphBody) -> ElphDocument:
    """Register a device, or renew its registration."""
    made = switch.elph.register(domain, body.number, body.client, body.device, time.time(), body.expires)
    return _elph(made)


@switch_router.delete(
    "/switch/domains/{domain}/elph/{number}/{device}",
    status_code=204,
    responses={404: {"description": "No such domain or registration"}},
    summary="Cancel the registration of an Elph client",
)
async def cancel_elph(switch: Switch, domain: DomainName, number: str, device: str) -> None:
    """Its licence is free at once."""
    switch.elph.cancel(domain, number, device, time.time())


def _elph(one: ElphRegistration) -> ElphDocument:
    return ElphDocument(
        number=one.number, device=one.device, client=one.platform, since=one.since, until=one.until
    )


@switch_router.post(
    "/switch/domains/{domain}/fault",
    status_code=204,
    responses={404: {"description": "No such domain"}},
    summary="Make a domain slow or dead",
)
async def order_fault(switch: Switch, domain: DomainName, body: FaultBody) -> None:
    """Have a domain answer its mediators late or never, over SSH, alone and in MultiSORM."""
    switch.fault(domain, body.answer, body.delay)


@switch_router.get("/switch/multisorm", summary="MultiSORM: mediators, domains, faults")
async def multisorm(switch: Switch) -> MultisormDocument:
    """The mediators of MultiSORM users with the standing of each domain, and the faults of domains."""
    status = switch.status()
    return MultisormDocument(mediators=status["multisorm"], faults=status["faults"])


@switch_router.get("/switch/calls", summary="The latest calls")
async def recent_calls(
    switch: Switch, lang: PreferredLang, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[SwitchCallDocument]:
    """The latest calls of the switch, the newest first; of released ones, the last thousand."""
    calls = list(switch.engine.calls.values())[-limit:]
    return [document(call, lang) for call in reversed(calls)]


@switch_router.get("/calls/{call}", responses={404: {"description": "No such call"}}, summary="One call")
async def one_call(switch: Switch, lang: PreferredLang, call: str) -> SwitchCallDocument:
    """Its state, the routing it took, and what happened in it."""
    return document(_kept(switch, call), lang)


@switch_router.get(
    "/calls/{call}/cdr", responses={404: {"description": "No such call"}}, summary="Its call detail records"
)
async def call_records(switch: Switch, call: str) -> list[RecordDocument]:
    """The records that it leaves in the domains it passed through, by the modes that they and the licence have; none
    until it has ended."""
    found = _kept(switch, call)
    return [
        RecordDocument.model_validate(
            {"domain": leg.domain.name, "mode": mode, "fields": record(found, leg, mode)}
        )
        for leg, mode in switch.call_records(found)
    ]


def _kept(switch: SwitchBox, call: str) -> Call:
    found = switch.engine.calls.get(call)
    if found is None:
        raise HTTPException(404, Phrase("there is no call {call!r}, or it was released long ago", call=call))
    return found


@switch_router.delete(
    "/calls/{call}",
    status_code=204,
    responses={404: {"description": "No such call, or it is over"}},
    summary="Hang up",
)
async def hang_up(switch: Switch, call: str) -> None:
    """The caller hangs up."""
    if not switch.hang_up(call):
        raise HTTPException(404, Phrase("there is no call {call!r} that goes on", call=call))


_DRIVEN: dict[int | str, dict[str, Any]] = {
    404: {"description": "No such call, or it is over"},
    409: {"description": "Not in this state of the call, or the switch refuses it"},
}


@switch_router.post("/calls/{call}/answer", responses=_DRIVEN, summary="Answer")
async def answer(switch: Switch, lang: PreferredLang, call: str) -> SwitchCallDocument:
    """The called party of a ringing call answers now, whatever its ``ring``."""
    return document(switch.pick_up(call), lang)


@switch_router.post(
    "/calls/{call}/release", responses={404: _DRIVEN[404]}, summary="Hang up, and tell what was"
)
async def release(switch: Switch, lang: PreferredLang, call: str) -> SwitchCallDocument:
    """The caller hangs up, as with DELETE."""
    found = switch.engine.calls.get(call)
    if found is None or not switch.hang_up(call):
        raise HTTPException(404, Phrase("there is no call {call!r} that goes on", call=call))
    return document(found, lang)


@switch_router.post("/calls/{call}/service", responses=_DRIVEN, summary="Use a service in a call")
async def use_service(
    switch: Switch, lang: PreferredLang, call: str, body: ServiceBody
) -> SwitchCallDocument:
    """A party holds, transfers, or uses another service now; ``at`` is 0."""
    return document(switch.use_service(call, body.request()), lang)


def document(call: Call, lang: Lang) -> SwitchCallDocument:
    """A call as the API shows it."""
    return SwitchCallDocument(
        call=call.id,
        domain=call.domain.name,
        state=call.state.value,
        a=call.request.a,
        b=call.request.b,
        connection=f"{connection(call.calling, call.called):02X}",
        units=call.units,
        started=call.started,
        setup_time=call.setup_time,
        answer_time=call.answer_time,
        release_time=call.release_time,
        release_cause=call.release_cause,
        routing=[_routing(hop, lang) for hop in call.routing],
        events=[
            EventDocument(time=e.time, event=e.event, detail=translate(e.detail, lang)) for e in call.events
        ],
    )


def _routing(hop: Hop, lang: Lang) -> RoutingDocument:
    result = hop.result
    a, b = result.a, result.b
    return RoutingDocument(
        domain=hop.domain.name,
        result=result.result,
        via=list(result.via),
        a=NumberDocument(digits=a.digits, ni=a.ni),
        b=NumberDocument(digits=b.digits, ni=b.ni),
        sorm=SormDocument(
            a=NumberDocument(digits=a.shown_digits, ni=a.shown_ni),
            b=NumberDocument(digits=b.shown_digits, ni=b.shown_ni),
        ),
        path=[
            StepDocument(domain=hop.domain.name, context=step.context, rule=step.rule) for step in result.path
        ],
        reason=translate(hop.problem, lang),
    )


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


@switch_router.get(
    "/switch/domains/{domain}/trace",
    responses={404: {"description": "No such domain"}, 422: {"description": "Not a trace"}},
    openapi_extra={"parameters": _QUERY},
    summary="Trace a call",
)
async def trace_call(request: Request, switch: Switch, domain: DomainName) -> dict[str, Any]:
    """What routing would do with a call now, and what the console would be shown; nothing is called.

    Parameters are those of ``sorm-mediator trace``; what can't be routed has ``result: failed`` and the reason.
    """
    found = switch.engine.domains.get(domain)
    if found is None:
        raise HTTPException(
            404, f"there is no domain {domain!r}; there are: {as_list(switch.engine.domains)}"
        )
    tracer: LabTrace = request.app.state.tracer
    try:
        asked = read_request(f"{name}={value}" for name, value in request.query_params.multi_items())
        admits = partial(switch.engine.node.admission.why_not, now=switch.now())
        return tracer.document(trace(switch.engine.domains, found, asked, admits))
    except TraceError as error:
        raise HTTPException(422, str(error)) from None
