"""What the mediator is doing, as documents for people and monitoring. Never a password is among them.

Each document is declared here once: the gateway fills it, the HTTP API serves it (and adds ``licence`` and ``web`` to
the status), and the docstrings of its fields are its description in OpenAPI.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from protocol.values import Ksl
from sorm_mediator.mediator.core.calls.ksl_pool import KslPool
from sorm_mediator.mediator.core.calls.legs import Call, Leg
from sorm_mediator.mediator.core.core import Core
from sorm_mediator.mediator.core.tables import ControlledObject, Line


class Document:
    """A document whose fields are described in OpenAPI by their docstrings.

    Documents are dataclasses of pydantic: each builds its schema once. A plain dataclass would be read anew by every
    route and every document that holds it, a third of a second at each start.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(use_attribute_docstrings=True)


@dataclass(frozen=True)
class KslDocument(Document):
    """One KSL."""

    stream: int
    ksl: int


@dataclass(frozen=True)
class ChannelDocument(Document):
    """One data channel toward the console."""

    stream: int
    """Number of the stream; 0 while the console is reached by TCP."""
    channel: str
    """kpd1 or kpd2."""
    address: str
    """Where the mediator listens."""
    peer: str | None
    """The console that is connected: host:port, or e1.N over E1."""
    counters: dict[str, int]


@dataclass(frozen=True)
class QueueDocument(Document):
    """What waits at one place on its way through the mediator (docs/limits.md has the places)."""

    holds: str
    """What is counted: units, messages, octets, requests, events, portions."""
    waiting: int
    oldest: float | None
    """Seconds that the one in front waits; of unsent messages, seconds since the console took one; null: not known."""
    most: int | None
    """How many may wait; null: what is before it bounds it."""
    dropped: dict[str, int]
    """How many were dropped since the start, by reason."""


@dataclass(frozen=True)
class LimitDocument(Document):
    """How long one kind of answer took, against its limit."""

    limit_ms: int
    answers: int
    late: int
    """Answers that came later than the limit."""
    total: float
    """Sum of the times, seconds."""
    longest: float
    """Seconds."""


@dataclass(frozen=True)
class JournalState(Document):
    """How far the audit journal reaches."""

    entries: int
    head: str
    """Hash of the last entry: noted elsewhere, it proves later that everything up to it is still there."""
    seal_errors: int


@dataclass(frozen=True)
class UnitsDocument(Document):
    """One limit of the switch's licence."""

    in_use: int
    limit: int | None
    """Null: no limit."""


@dataclass(frozen=True)
class NetworkNodeDocument(Document):
    """A slave of a licence network, as its master has it."""

    state: str | None
    """Its licence state, as it has told it last; null before it did."""
    connected: bool
    granted: dict[str, int]
    """Licence -> how many it holds."""


@dataclass(frozen=True)
class NodeLicenceDocument(Document):
    """The node of a licence network (docs/network-licence.md)."""

    role: str
    """master or slave."""
    node: str
    """Its name."""
    state: str
    """regular, failover or emergency."""
    display: str | None
    """What telephones show, such as Failover Period; null in the regular state."""
    seconds_left: float | None
    """Of the failover period; null in another state."""
    serial: int
    """Number of the network's licence file; 0 without one."""
    reason: str
    """slave: why the master gives no licences; "" when it does."""
    limits: dict[str, int]
    """Licence -> how many the node may use."""
    nodes: dict[str, NetworkNodeDocument]
    """master: its slaves."""
    counters: dict[str, int]


@dataclass(frozen=True)
class LicenceDocument(Document):
    """The licence of the emulated switch that holds now."""

    number: int
    """0 is the factory licence."""
    description: str
    expires: float | None
    """Unix seconds of the first moment that it does not hold any more; null: no limit."""
    sorm_enabled: bool
    max_conversation_time: int
    """Seconds."""
    units: dict[str, UnitsDocument]
    """concurrent_calls (cp_limit), sorm_channels, subscribers, and with ``[switch.licence_pool]`` the licences of
    stations, users and trunks: what is in use, and how many there are."""
    node: NodeLicenceDocument | None = None
    """The node of a licence network; null where there is none."""


@dataclass(frozen=True, kw_only=True)
class StatusDocument(Document):
    """The mediator as a whole."""

    orm_number: int
    order: str
    state: str
    """started or stopped, by commands 1 and 2."""
    pair_in_use: int | None
    """Stream of the pair of data channels that events go by (order 268, 1.4.1); null before any was connected."""
    blocked: list[int]
    """Streams whose pair of data channels came back and sends no events before a command with the valid password
    (order 268, 1.4.1.2)."""
    serving: bool
    """False when the disk refused and the gateway stopped by itself."""
    uptime: float
    """Seconds."""
    objects: int
    ksl_groups: int
    ksl: int
    """KSL that belong to groups."""
    lines_in_use: int
    calls: int
    """Calls in progress that touch objects."""
    channels: list[ChannelDocument]
    switch: dict[str, Any] | None
    """The SSH link to the switch."""
    licence: LicenceDocument | None = None
    """That of the emulated switch; null when it is not of this process."""
    radius: dict[str, Any]
    """The accounting sink."""
    speech: dict[str, Any] | None
    """RTP of the switch, and the conferences of the submodules; null while the console is reached by TCP."""
    limits: dict[str, LimitDocument]
    queues: dict[str, QueueDocument]
    """Where something waits, in the order of its way: call reports, commands, requests, messages, watchers."""
    journal: JournalState | None
    """Null when no journal is kept."""
    counters: dict[str, int]
    warnings: list[str] = field(default_factory=list)
    """What is wrong now and loses something, with the remedy."""
    web: dict[str, int] = field(default_factory=dict)
    """Clients of this HTTP server that were dropped or refused."""


@dataclass(frozen=True, kw_only=True)
class KslRowDocument(Document):
    """One line of a KSL group; a group without lines is one row with state none."""

    ksl_group: int
    group_type: str
    ksl_a: KslDocument | None
    ksl_b: KslDocument | None
    state: str
    """free, in-use, faulty or none."""
    call_number: int | None
    object_number: int | None
    """Who has the line."""
    call: str | None = None
    """The switch's own id of the call that has it."""


@dataclass(frozen=True, kw_only=True)
class ObjectDocument(ControlledObject, Document):
    """One object under control; names and values are those of message 23h."""

    line_state: int | None
    """State of the subscriber line as far as the switch reported it (order 268, 9.3.6.4)."""


@dataclass(frozen=True, kw_only=True)
class ToldDocument(Document):
    """What the console was sent on KPD2."""

    number_received: Annotated[bool, Field(serialization_alias="number-received")]
    answer: bool
    services: int
    """Number of 44h."""


@dataclass(frozen=True, kw_only=True)
class LegDocument(Document):
    """One object in a call."""

    object_number: int
    call_number: int
    selection: int
    """Why the object is touched: octet 10 of the header (order 268, 10.2.1.6)."""
    ksl_a: KslDocument | None
    ksl_b: KslDocument | None
    told: ToldDocument


@dataclass(frozen=True, kw_only=True)
class CallDocument(Document):
    """One call in progress that touches objects."""

    call: str
    """The switch's own id of the call."""
    domain: str
    call_number: int
    calling: str
    called: str
    setup_time: float | None
    answer_time: float | None
    objects: list[LegDocument]


@dataclass(frozen=True, kw_only=True)
class StreamChannelDocument(Document):
    """One data channel in its timeslot, or on its own line."""

    up: bool
    """Messages can cross."""
    alarm: str
    """What the channel complained of last since it was up, in words; empty: of nothing."""
    link: str
    """State of LAPB; empty over TCP (XOT), which has no such link."""
    circuit: str
    """State of the X.25 circuit."""
    waiting: int
    """Messages that the console has not acknowledged."""
    stopped: bool
    """The console sends faster than it takes the answers: it is asked to send nothing for now."""
    hdlc: dict[str, int]
    """Frames received, good and bad; none over XOT."""
    lapb: dict[str, int]
    """Frames of LAPB, those sent again, and how often the link came up and went down; none over XOT."""
    x25: dict[str, int]
    """Restarts, resets and clears of the circuit, and its calls."""
    t1: int
    """Times that an acknowledgement did not come in time."""
    resets: int
    """Of the link."""


@dataclass(frozen=True, kw_only=True)
class StreamDocument(Document):
    """One E1 stream toward the console."""

    stream: int
    submodule: int
    """The M4E1 submodule that it is on."""
    state: str
    """ABSENT, OFF, LOS, AIS, LOF, LOMF, RAI or WORK: of what is received; OFF, LOS or WORK without E1."""
    line: str
    """satop, serial, xot or memory."""
    address: str
    """Where the line is: host:port, or the ttys."""
    mode: str
    """dce or dte: the mediator's side of X.25."""
    faults: dict[str, str]
    """What is injected: on the receiving or the transmitting side."""
    counters: dict[str, int]
    """G.826 (near, and far_ as the far end reports it) and frame alignment where there are frames, and of the line."""
    alarms: dict[str, int]
    """What the data channels complained of, by kind."""
    channels: dict[str, StreamChannelDocument]


# --- filled from the core


def ksl_rows(core: Core) -> Iterator[KslRowDocument]:
    """Every line of every group, by group and line, and who has it; a group without lines is one row."""
    for number, group in sorted(core.tables.groups.items()):
        for line in group.lines or (None,):
            owner = core.pool.owner(line) if line else None
            ksl_a, ksl_b = map(_ksl, line or (None, None))
            yield KslRowDocument(
                ksl_group=number,
                group_type=str(group.group_type),
                ksl_a=ksl_a,
                ksl_b=ksl_b,
                state=_line_state(line, owner, core.pool),
                call_number=owner.call_number if owner else None,
                object_number=owner.object.object_number if owner else None,
                call=owner.call.report.call_id if owner else None,
            )


def _line_state(line: Line | None, owner: Leg | None, pool: KslPool) -> str:
    if line is None:
        return "none"
    if not pool.faulty.isdisjoint(line.ksls):
        return "faulty"
    return "in-use" if owner else "free"


def _ksl(ksl: Ksl | None) -> KslDocument | None:
    return None if ksl is None else KslDocument(*ksl)


def objects_found(core: Core, find: str) -> list[ControlledObject]:
    """The objects with ``find`` in their number, or with this object number, trunk or KSL group; empty: all."""
    objects = core.tables.objects.values()
    if not find:
        return list(objects)
    return [
        row
        for row in objects
        if find in (row.number or "")
        or find == str(row.object_number)
        or (row.trunk is not None and find == str(row.trunk))
        or (row.ksl_group is not None and find == f"group {row.ksl_group}")
    ]


def object_row(row: ControlledObject, line_state: int | None) -> ObjectDocument:
    """One object under control, by the names of message 23h."""
    return ObjectDocument(**row.fields(), line_state=line_state)


def call_row(call: Call) -> CallDocument:
    """One call that touches objects, and what the console was sent for each of them."""
    report = call.report
    return CallDocument(
        call=report.call_id,
        domain=report.domain,
        call_number=call.number,
        calling=report.calling.digits,
        called=report.called.digits,
        setup_time=report.setup_time,
        answer_time=report.answer_time,
        objects=[_leg_row(leg) for leg in call.legs.values()],
    )


def _leg_row(leg: Leg) -> LegDocument:
    ksl_a, ksl_b = map(_ksl, leg.line or (None, None))
    return LegDocument(
        object_number=leg.object.object_number,
        call_number=leg.call_number,
        selection=leg.selection(leg.line),
        ksl_a=ksl_a,
        ksl_b=ksl_b,
        told=ToldDocument(number_received=leg.received, answer=leg.answered, services=leg.services),
    )
