"""The documents of the mediator's HTTP API."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Document(BaseModel):
    """A document whose fields say in OpenAPI what they mean."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class KslDocument(Document):
    """One KSL."""

    stream: int
    ksl: int


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


class JournalState(Document):
    """How far the audit journal reaches."""

    entries: int
    head: str
    """Hash of the last entry: noted elsewhere, it proves later that everything up to it is still there."""
    seal_errors: int


class UnitsDocument(Document):
    """One limit of the switch's licence."""

    in_use: int
    limit: int | None
    """Null: no limit."""


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
    """concurrent_calls (cp_limit), sorm_channels, subscribers: what is in use, and how many there are."""


class StatusDocument(Document):
    """The mediator as a whole."""

    orm_number: int
    order: str
    state: str
    """started or stopped, by commands 1 and 2."""
    pair_in_use: int | None
    """Stream of the pair of data channels that events go by (order 268, 1.4.1); null before any was connected."""
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
    journal: JournalState | None
    """Null when no journal is kept."""
    counters: dict[str, int]
    web: dict[str, int] = {}
    """Clients of this HTTP server that were dropped or refused."""


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


class ObjectDocument(Document):
    """One object under control; names and values are those of message 23h."""

    object_number: int
    object_type: str
    number_sign: str | None
    number: str | None
    trunk: int | None
    category: str
    ksl_group: int | None
    priority: str | None
    line_state: int | None
    """State of the subscriber line as far as the switch told it (order 268, 9.3.6.4)."""


class ToldDocument(Document):
    """What the console was told on KPD2."""

    number_received: bool = Field(alias="number-received")
    answer: bool
    services: int
    """Number of 44h."""


class LegDocument(Document):
    """One object in a call."""

    object_number: int
    call_number: int
    selection: int
    """Why the object is touched: octet 10 of the header (order 268, 10.2.1.6)."""
    ksl_a: KslDocument | None
    ksl_b: KslDocument | None
    told: ToldDocument


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


class EntryDocument(Document):
    """One entry of the audit journal."""

    seq: int
    time: str
    """ISO 8601, UTC."""
    unix: float
    kind: str
    fields: dict[str, Any]
    hash: str


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
    t1: int
    """Times that an acknowledgement did not come in time."""
    resets: int
    """Of the link."""


class StreamDocument(Document):
    """One E1 stream toward the console."""

    stream: int
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
    """G.826 (near, and far_ as the far end tells it) and frame alignment where there are frames, and of the line."""
    alarms: dict[str, int]
    """What the data channels complained of, by kind."""
    channels: dict[str, StreamChannelDocument]


class RequestBody(Document):
    """The body of a request: closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class AlarmRequest(RequestBody):
    """An alarm of the node, as message 21h tells it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"type": 2, "code": 7}]})

    type: Annotated[int, Field(ge=1, le=4)]
    """1 tables lost: the technical means stop by themselves; 2 tables kept, the console's operator must act; 3 tables
    kept, nothing to do; 4 the lines to the console changed (order 268, 9.1.4.1)."""
    code: Annotated[int, Field(ge=0, le=255)]
    """The node's own code of the alarm (9.1.4.2)."""


class AccessRequest(RequestBody):
    """An attempt at unauthorised access, as message 26h tells it."""

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


class DoneDocument(Document):
    """What was made happen has happened."""

    sent: int
    """Messages that the console was sent for it."""
    why: str | None = None
    """With 0: why none was sent."""


class FaultRequest(RequestBody):
    """A fault to inject into a stream."""

    state: Literal["LOS", "AIS", "RAI", "LOF", "LOMF", "OFF", "clear"]
    """RAI: the far end loses our signal and says so. The others: what we receive. clear: end it."""
