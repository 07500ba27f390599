"""Monitoring of the E1 streams, as on the device: submodules, states, statistics, timeslots; faults at a click."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, get_args

from fastapi import Request

from protocol.values import Ksl
from sorm_mediator.config import E1Config
from sorm_mediator.language import Phrase
from sorm_mediator.mediator.binding.gateway import Gateway
from sorm_mediator.mediator.binding.status import StreamDocument
from sorm_mediator.mediator.binding.streams import Fault
from sorm_mediator.web.mediator_api import FaultRequest, inject_fault, read_streams
from sorm_mediator.web.pages.page import Action, Form, Page

TimeslotUse = Literal["frame", "kpd1", "kpd2", "free", "in-use", "faulty", "none"]
"""What a timeslot carries: alignment, a data channel, a KSL (of a group: free, in use or faulty), or nothing."""
_FAR = "far_"
MEANINGS: dict[str, Phrase] = {
    "WORK": Phrase("works"),
    "RAI": Phrase("the far end receives no signal of ours"),
    "LOS": Phrase("no signal"),
    "AIS": Phrase("alarm indication signal"),
    "LOF": Phrase("no frame alignment"),
    "LOMF": Phrase("no multiframe alignment"),
    "OFF": Phrase("switched off"),
    "ABSENT": Phrase("not there"),
}
"""State of a stream -> what it means (ITU-T G.704, G.732)."""


class Timeslot(NamedTuple):
    """One of the 32 timeslots of a stream."""

    number: int
    use: TimeslotUse
    ksl: int | None = None
    object_number: int | None = None
    call: str = ""


async def streams(request: Request) -> Mapping[str, Any]:
    """Every stream with its rows, its counters by kind, and its timeslots."""
    gateway: Gateway = request.app.state.gateway
    rows = await read_streams(gateway)
    configured = {one.stream: one for one in gateway.config.e1}
    return {
        "streams": [_stream(gateway, row, configured.get(row.stream)) for row in rows],
        "meanings": MEANINGS,
        "faults": [fault for fault in get_args(Fault) if fault != "clear"],
        "over_tcp": gateway.config.console.link == "tcp",
    }


def _stream(gateway: Gateway, row: StreamDocument, config: E1Config | None) -> dict[str, Any]:
    near = {name: value for name, value in row.counters.items() if not name.startswith(_FAR)}
    far = {name.removeprefix(_FAR): value for name, value in row.counters.items() if name.startswith(_FAR)}
    return {
        "row": row,
        "near": near,
        "far": far,
        "timeslots": [] if config is None or config.line == "xot" else list(_timeslots(gateway, config)),
    }


def _timeslots(gateway: Gateway, config: E1Config) -> Iterator[Timeslot]:
    core = gateway.core
    channels: dict[int, TimeslotUse] = {}
    if gateway.config.console.link == "x25":
        channels = {config.kpd1_timeslot: "kpd1", config.kpd2_timeslot: "kpd2"}
    ksl_of = {timeslot: number for number, timeslot in enumerate(config.ksl_timeslots, 1)}
    for timeslot in range(32):
        if timeslot == 0:
            yield Timeslot(0, "frame")
        elif timeslot in channels:
            yield Timeslot(timeslot, channels[timeslot])
        else:
            number = ksl_of.get(timeslot)
            line = None if number is None else core.tables.line_of(Ksl(config.stream, number))
            if line is None:
                yield Timeslot(timeslot, "none", number)
                continue
            owner = core.pool.owner(line)
            faulty = not core.pool.faulty.isdisjoint(line.ksls)
            yield Timeslot(
                timeslot,
                "faulty" if faulty else "in-use" if owner else "free",
                number,
                owner.object.object_number if owner else None,
                owner.call.report.call_id if owner else "",
            )


async def fault(request: Request, form: Form) -> Phrase:
    """Inject a fault into a stream, or end it."""
    stream = int(request.path_params["stream"])
    wanted = FaultRequest.model_validate({"state": form.get("state")})
    await inject_fault(request.app.state.gateway, stream, wanted)
    if wanted.state == "clear":
        return Phrase("Stream {stream}: the faults are ended.", stream=stream)
    return Phrase("Stream {stream}: {fault} is injected.", stream=stream, fault=wanted.state)


PAGE = Page(
    "/streams",
    "E1 streams",
    "streams.html.j2",
    streams,
    box="gateway",
    actions=(Action("/streams/{stream:int}/fault", fault),),
)
