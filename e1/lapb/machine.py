"""The state table of LAPB (X.25 2.4): what each event does in each state. The machine runs on it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf

from e1.lapb.config import LapbConfig, Role
from e1.lapb.frames import (
    COMMANDS,
    FRMR_OCTETS,
    NUMBERED,
    RESPONSES,
    Frame,
    Kind,
    W,
    X,
    Y,
    Z,
    frmr_octets,
    frmr_text,
    information,
    parse,
    supervisory,
    unnumbered,
)
from e1.lapb.window import MODULUS, Window


class State(StrEnum):
    """States of a link, by the names that Linux has for them."""

    S0 = "S0"
    S1 = "S1"
    S2 = "S2"
    S3 = "S3"
    S4 = "S4"


STATE_TEXT = {
    State.S0: "disconnected",
    State.S1: "SABM sent",
    State.S2: "DISC sent",
    State.S3: "information transfer",
    State.S4: "FRMR sent",
}


class Event(StrEnum):
    """What happens to a link: the rows of the table."""

    SABM = "SABM"
    SABM_UNWANTED = "SABM, while layer 3 wants no link"
    SABME = "SABME"
    DISC = "DISC"
    UA_F1 = "UA F=1"
    UA_F0 = "UA F=0"
    DM_F1 = "DM F=1"
    DM_F0 = "DM F=0"
    POLL = "I, RR, RNR, REJ as command P=1"
    COMMAND = "the same, P=0"
    RESPONSE = "RR, RNR, REJ as response"
    FRMR = "FRMR"
    UNDEFINED = "undefined control field"
    INFORMATION = "S or U frame with information"
    TOO_LONG = "I frame longer than N1"
    BAD_NR = "invalid N(R)"
    T1 = "T1"
    T1_N2 = "T1, after N2 attempts"
    T2 = "T2"
    T3 = "T3: the channel was idle"
    T4 = "T4: nothing was heard"
    CONNECT = "layer 3 connects"
    DISCONNECT = "layer 3 disconnects"
    CARRIER_LOST = "the line goes down"
    CARRIER_BACK = "the line comes back"


class Action(StrEnum):
    """What is done, in the order of the table's cell."""

    UA = "UA F=P"
    DM = "DM F=P"
    INVITE = "DM F=0, T1"
    SABM = "SABM P=1, T1"
    DISC = "DISC P=1, T1"
    FRMR_W = "FRMR W, T1"
    FRMR_WX = "FRMR W+X, T1"
    FRMR_Y = "FRMR Y, T1"
    FRMR_Z = "FRMR Z, T1"
    REPEAT = "the same FRMR"
    REPEAT_T1 = "the same FRMR, T1"
    ZERO = "zero variables, stop timers"
    STOP = "stop timers"
    START_T1 = "start T1"
    UP = "link up to layer 3"
    RESETTING = "tell of the link reset"
    DOWN = "link down to layer 3"
    TRANSFER = "information transfer"
    RECOVER = "timer recovery"
    ACKNOWLEDGE = "RR response F=0"
    ASK = "RR command P=1, T1"


@dataclass(frozen=True, slots=True)
class Rule:
    """One cell: actions, then the next state (None: it stays)."""

    actions: tuple[Action, ...] = ()
    next: State | None = None

    def __str__(self) -> str:
        text = ", ".join(self.actions) or ("" if self.next else "ignore")
        return f"{text} → {self.next}".strip() if self.next else text


def _do(*actions: Action, to: State | None = None) -> Rule:
    return Rule(actions, to)


_A, _S = Action, State
_NONE = Rule()

TABLE: dict[Event, tuple[Rule, Rule, Rule, Rule, Rule]] = {
    Event.SABM: (
        _do(_A.UA, _A.ZERO, _A.UP, to=_S.S3),
        _do(_A.UA, _A.ZERO, _A.UP, to=_S.S3),
        _do(_A.DM, _A.STOP, _A.START_T1, to=_S.S0),
        _do(_A.RESETTING, _A.UA, _A.ZERO, _A.UP),
        _do(_A.UA, _A.ZERO, _A.UP, to=_S.S3),
    ),
    Event.SABM_UNWANTED: (_do(_A.DM), _NONE, _NONE, _NONE, _NONE),
    Event.SABME: (_do(_A.DM),) * 5,
    Event.DISC: (
        _do(_A.DM),
        _do(_A.DM, _A.STOP, _A.DOWN, _A.START_T1, to=_S.S0),
        _do(_A.UA),
        _do(_A.UA, _A.STOP, _A.DOWN, _A.START_T1, to=_S.S0),
        _do(_A.UA, _A.STOP, _A.DOWN, _A.START_T1, to=_S.S0),
    ),
    Event.UA_F1: (
        _NONE,
        _do(_A.ZERO, _A.UP, to=_S.S3),
        _do(_A.STOP, _A.START_T1, to=_S.S0),
        _do(_A.RESETTING, _A.SABM, to=_S.S1),
        _NONE,
    ),
    Event.UA_F0: (_NONE, _NONE, _NONE, _do(_A.RESETTING, _A.SABM, to=_S.S1), _NONE),
    Event.DM_F1: (
        _NONE,
        _do(_A.STOP, _A.DOWN, _A.START_T1, to=_S.S0),
        _do(_A.STOP, _A.START_T1, to=_S.S0),
        _do(_A.STOP, _A.DOWN, _A.SABM, to=_S.S1),
        _do(_A.STOP, _A.DOWN, _A.START_T1, to=_S.S0),
    ),
    Event.DM_F0: (
        _do(_A.SABM, to=_S.S1),
        _NONE,
        _NONE,
        _do(_A.STOP, _A.DOWN, _A.SABM, to=_S.S1),
        _do(_A.STOP, _A.DOWN, _A.START_T1, to=_S.S0),
    ),
    Event.POLL: (_do(_A.DM), _NONE, _do(_A.DM), _do(_A.TRANSFER), _do(_A.REPEAT)),
    Event.COMMAND: (_NONE, _NONE, _NONE, _do(_A.TRANSFER), _do(_A.REPEAT)),
    Event.RESPONSE: (_NONE, _NONE, _NONE, _do(_A.TRANSFER), _NONE),
    Event.FRMR: (
        _NONE,
        _NONE,
        _NONE,
        _do(_A.RESETTING, _A.SABM, to=_S.S1),
        _do(_A.RESETTING, _A.SABM, to=_S.S1),
    ),
    Event.UNDEFINED: (_NONE, _NONE, _NONE, _do(_A.FRMR_W, to=_S.S4), _NONE),
    Event.INFORMATION: (_NONE, _NONE, _NONE, _do(_A.FRMR_WX, to=_S.S4), _NONE),
    Event.TOO_LONG: (_NONE, _NONE, _NONE, _do(_A.FRMR_Y, to=_S.S4), _NONE),
    Event.BAD_NR: (_NONE, _NONE, _NONE, _do(_A.FRMR_Z, to=_S.S4), _NONE),
    Event.T1: (
        _do(_A.SABM, to=_S.S1),
        _do(_A.SABM),
        _do(_A.DISC),
        _do(_A.RECOVER),
        _do(_A.REPEAT_T1),
    ),
    Event.T1_N2: (
        _do(_A.SABM, to=_S.S1),
        _do(_A.STOP, _A.DOWN, _A.START_T1, to=_S.S0),
        _do(_A.STOP, _A.START_T1, to=_S.S0),
        _do(_A.RESETTING, _A.SABM, to=_S.S1),
        _do(_A.RESETTING, _A.SABM, to=_S.S1),
    ),
    Event.T2: (_NONE, _NONE, _NONE, _do(_A.ACKNOWLEDGE), _NONE),
    Event.T3: (_NONE, *(_do(_A.STOP, _A.DOWN, _A.START_T1, to=_S.S0),) * 4),
    Event.T4: (_NONE, _NONE, _NONE, _do(_A.ASK), _NONE),
    Event.CONNECT: (_do(_A.SABM, to=_S.S1), _NONE, _NONE, _NONE, _NONE),
    Event.DISCONNECT: (
        _do(_A.STOP),
        _do(_A.DISC, _A.STOP, _A.DOWN, to=_S.S0),
        _NONE,
        _do(_A.STOP, _A.DISC, _A.DOWN, to=_S.S2),
        _do(_A.STOP, _A.DISC, _A.DOWN, to=_S.S2),
    ),
    Event.CARRIER_LOST: (_do(_A.STOP), *(_do(_A.STOP, _A.DOWN, to=_S.S0),) * 4),
    Event.CARRIER_BACK: (_do(_A.SABM, to=_S.S1), _NONE, _NONE, _NONE, _NONE),
}
"""X.25, of both roles. "Start T1" in S0 only if layer 3 wants the link: when T1 runs out, set-up begins again."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A cell that reads otherwise when ``field`` of the configuration is ``value``, perhaps in one role alone."""

    field: str
    value: str
    event: Event
    state: State
    rule: Rule
    role: Role | None = None


_DOWN = _do(_A.STOP, _A.DOWN, _A.START_T1, to=_S.S0)

VARIANTS: tuple[Variant, ...] = (
    Variant("set_up", "dte", Event.T1, _S.S0, _do(_A.INVITE), "dce"),
    Variant("set_up", "dte", Event.T1_N2, _S.S0, _do(_A.INVITE), "dce"),
    Variant("set_up", "dte", Event.CARRIER_BACK, _S.S0, _do(_A.START_T1), "dce"),
    Variant("set_up", "dte", Event.DM_F0, _S.S0, _NONE, "dce"),
    Variant("set_up", "dte", Event.DM_F1, _S.S3, _DOWN, "dce"),
    Variant("set_up", "dte", Event.DM_F0, _S.S3, _DOWN, "dce"),
    Variant("s0_exhausted", "stay", Event.T1_N2, _S.S0, _NONE, "dce"),
    Variant("s0_exhausted", "sabm", Event.T1_N2, _S.S0, _do(_A.SABM, to=_S.S1), "dce"),
    Variant("s3_exhausted", "down", Event.T1_N2, _S.S3, _DOWN),
    Variant("s4_exhausted", "down", Event.T1_N2, _S.S4, _DOWN),
    Variant("poll_in_s0", "ignore", Event.POLL, _S.S0, _NONE),
    Variant("disc_in_s0", "ua", Event.DISC, _S.S0, _do(_A.UA)),
    Variant("disc_in_s1", "stay", Event.DISC, _S.S1, _do(_A.DM)),
    Variant("disc_in_s4", "ignore", Event.DISC, _S.S4, _NONE),
    Variant("command_in_s4", "ignore", Event.POLL, _S.S4, _NONE),
    Variant("command_in_s4", "ignore", Event.COMMAND, _S.S4, _NONE),
    Variant("sabme", "frmr", Event.SABME, _S.S3, _do(_A.FRMR_W, to=_S.S4)),
    Variant("unsolicited_ua", "ignore", Event.UA_F1, _S.S3, _NONE),
    Variant("unsolicited_ua", "ignore", Event.UA_F0, _S.S3, _NONE),
    Variant("undefined_control", "ignore", Event.UNDEFINED, _S.S3, _NONE),
)
"""Later ones win. ``information_not_allowed`` and ``too_long`` have no cell: with ``accept`` these events don't
happen."""


WHY_DOWN = {
    Event.DISC: "the peer has disconnected",
    Event.DM_F1: "the peer is disconnected (DM)",
    Event.DM_F0: "the peer is disconnected (DM)",
    Event.T1_N2: "the peer does not answer",
    Event.T3: "the channel is idle",
    Event.DISCONNECT: "disconnected by request",
    Event.CARRIER_LOST: "the line is down",
}
WHY_RESET = {
    Event.SABM: "the peer has reset the link",
    Event.UA_F1: "unsolicited UA: resetting the link",
    Event.UA_F0: "unsolicited UA: resetting the link",
    Event.FRMR: "after FRMR: resetting the link",
    Event.T1_N2: "no acknowledgement: resetting the link",
}


def table(config: LapbConfig) -> dict[tuple[State, Event], Rule]:
    """The cells for ``config``."""
    cells = {
        (state, event): rule
        for event, rules in TABLE.items()
        for state, rule in zip(State, rules, strict=True)
    }
    for variant in VARIANTS:
        if getattr(config, variant.field) == variant.value and variant.role in (None, config.role):
            cells[variant.state, variant.event] = variant.rule
    return cells


def diagram() -> str:
    """The table as Markdown: a row an event, a column a state, for a link whose every option is the default."""
    head = [f"{state} {STATE_TEXT[state]}" for state in State]
    lines = ["| event | " + " | ".join(head) + " |", "|---" * (len(head) + 1) + "|"]
    lines += [f"| {event} | " + " | ".join(map(str, rules)) + " |" for event, rules in TABLE.items()]
    return "\n".join(lines) + "\n"


def variants() -> str:
    """The cells that the options change, as Markdown."""
    lines = ["| setting | event | state | then |", "|---|---|---|---|"]
    for v in VARIANTS:
        setting = f"`{v.field} = {v.value!r}`" + (f" of a {v.role.upper()}" if v.role else "")
        lines.append(f"| {setting} | {v.event} | {v.state} {STATE_TEXT[v.state]} | {v.rule} |")
    return "\n".join(lines) + "\n"


# --- What a LAPB link asks for, and what it counts.


@dataclass(frozen=True, slots=True)
class Transmit:
    """Send this frame (address, control, information; no FCS)."""

    frame: bytes


@dataclass(frozen=True, slots=True)
class Deliver:
    """The information of the next I frame in sequence, for layer 3."""

    data: bytes


@dataclass(frozen=True, slots=True)
class LinkUp:
    """Information may be sent. ``reset``: the link was up before, and ``undelivered`` pieces of information that were
    handed in are gone; the peer may have had some of them without our knowing."""

    reset: bool
    undelivered: int = 0


@dataclass(frozen=True, slots=True)
class LinkDown:
    """No information goes any more, or set-up failed. ``undelivered``: as in :class:`LinkUp`."""

    reason: str
    undelivered: int


@dataclass(frozen=True, slots=True)
class LapbAlarm:
    """Something that a person should know, in words. ``kind`` is ``role-mismatch``, ``modulo-mismatch``,
    ``link-reset``, ``frmr-sent``, ``frmr-received`` or ``not-sent`` (information that came while the link was down)."""

    kind: str
    text: str


LapbEffect = Transmit | Deliver | LinkUp | LinkDown | LapbAlarm


@dataclass(slots=True)
class LapbCounters:
    """What has crossed."""

    sent: Counter[str] = field(default_factory=Counter)
    """Frames sent, by kind."""
    received: Counter[str] = field(default_factory=Counter)
    """Frames with a known address that were received, by kind."""
    resent: int = 0
    """I frames sent again; they count as sent, too."""
    invalid: int = 0
    """Frames discarded: too short, a foreign address, a command sent as a response, or anything from a dead line."""
    out_of_sequence: int = 0
    """I frames whose N(S) was not the expected one."""
    t1: int = 0
    """How often T1 ran out."""
    resets: int = 0
    """Link resets, whoever began them."""
    ups: int = 0
    """How often the link came up."""
    downs: int = 0
    """How often it went down."""


# --- LAPB, single link, modulo 8, without I/O (X.25 2.4, ISO/IEC 7776).
#
# What happens is decided by the table in :mod:`e1.lapb.machine`; here are the actions and the variables. Time comes in
# as ``now`` (seconds, of any clock that does not go back); every input returns what is to be done, in order.


__all__ = [
    "Deliver",
    "Lapb",
    "LapbAlarm",
    "LapbConfig",
    "LapbCounters",
    "LapbEffect",
    "LinkDown",
    "LinkUp",
    "Role",
    "State",
    "Transmit",
]


_FRMR_EVENTS = {Action.FRMR_W: W, Action.FRMR_WX: W | X, Action.FRMR_Y: Y, Action.FRMR_Z: Z}
_NO_FRAME = Frame(Kind.UNDEFINED, command=True, pf=False, ns=0, nr=0, control=0, data=b"")


class Lapb:
    """One end of a link.

    A new one is disconnected and silent until :meth:`connect`, until :meth:`carrier` says that the line is there (it
    then sets up, or invites the peer to: ``set_up``), or until the peer sets up.
    """

    def __init__(self, config: LapbConfig) -> None:
        self.config = config
        self.state = State.S0
        self.counters = LapbCounters()
        self._table = table(config)
        self._effects: list[LapbEffect] = []
        self._timers: dict[Event, float] = {}
        self._ua_due = -1.0
        """Until when a UA may come that answers our own SABM, though the link is up already."""
        self._attempts = 0
        """n2count."""
        self._wanted = True
        """Layer 3 wants the link: set up by ourselves, and accept SABM."""
        self._carrier: bool | None = None
        self._up = False
        """Layer 3 knows the link as up; also during a link reset."""
        self._told_down = False
        self._told_mismatch = False
        self._told_modulo = False
        self._window = Window(config.k)
        self._vr = 0
        self._unacknowledged = 0
        """I frames received since N(R) was last sent."""
        self._rejected = False
        """Our REJ waits for its I frame."""
        self._peer_busy = False
        self._own_busy = False
        self._repeated_at = -inf
        """When something told that the peer sends, or may send, frames again."""
        self._taken_at: deque[float] = deque(maxlen=config.k + 1)
        """When the last I frames in sequence came in."""
        self._refused = False
        """I frames were dropped because we are busy."""
        self._recovering = False
        self._frmr, self._frmr_final = b"", False
        self._event = Event.CONNECT
        self._frame = _NO_FRAME
        self._now = 0.0
        self._actions: dict[Action, Callable[[], None]] = {
            Action.UA: lambda: self._respond(Kind.UA, final=self._frame.pf),
            Action.DM: lambda: self._respond(Kind.DM, final=self._frame.pf),
            Action.INVITE: self._invite,
            Action.SABM: lambda: self._command(Kind.SABM),
            Action.DISC: lambda: self._command(Kind.DISC),
            Action.REPEAT: lambda: self._respond(Kind.FRMR, final=self._frame.pf, data=self._frmr),
            Action.REPEAT_T1: self._repeat_frmr,
            Action.ZERO: self._zero,
            Action.STOP: lambda: self._stop(Event.T1, Event.T2, Event.T4),
            Action.START_T1: self._start_retry,
            Action.UP: self._link_up,
            Action.RESETTING: self._resetting,
            Action.DOWN: self._link_down,
            Action.TRANSFER: self._transfer,
            Action.RECOVER: self._recover,
            Action.ACKNOWLEDGE: lambda: self._status(final=False),
            Action.ASK: self._ask,
        }
        for action, bits in _FRMR_EVENTS.items():
            self._actions[action] = lambda bits=bits: self._reject(bits)  # type: ignore[misc]

    # What layer 3 and the line do.

    @property
    def up(self) -> bool:
        """Whether layer 3 may send; what it sends during a link reset is lost with ``on_reset`` at ``drop``."""
        return self._up

    @property
    def queued(self) -> int:
        """Pieces of information that were handed in and are not acknowledged."""
        return len(self._window)

    def in_time(self, now: float) -> bool:
        """Whether the I frame that came in last was sent when layer 3 of the peer handed it in.

        What that frame acknowledges had then reached the peer before. It is not so if within the last T1 the peer
        sent frames again, or so many that this one may have waited for its window.
        """
        window_was_full = len(self._taken_at) > self.config.k and now - self._taken_at[0] < self.config.t1
        return now - self._repeated_at >= self.config.t1 and not window_was_full

    def next_deadline(self) -> float | None:
        """When :meth:`tick` is due, or None."""
        return min(self._timers.values(), default=None)

    def connect(self, now: float) -> list[LapbEffect]:
        """Layer 3 wants the link: set it up, now or when the line is there, and again whenever it is lost."""
        self._wanted, self._told_down = True, False
        if self._carrier is not False:
            self._dispatch(Event.CONNECT, now)
        return self._out()

    def disconnect(self, now: float) -> list[LapbEffect]:
        """Layer 3 wants no link: DISC, and DM to a peer who sets up."""
        self._wanted = False
        self._dispatch(Event.DISCONNECT, now)
        return self._out()

    def carrier(self, up: bool, now: float) -> list[LapbEffect]:
        """The line (LOS, AIS, LOF; the timeslot) went down or came back."""
        if up != self._carrier:
            self._carrier, self._told_mismatch, self._told_modulo = up, False, False
            self._told_down = self._told_down and not up
            if not up:
                self._stop(Event.T3)
                self._dispatch(Event.CARRIER_LOST, now)
            elif self._wanted:
                self._dispatch(Event.CARRIER_BACK, now)
        return self._out()

    def idle(self, on: bool, now: float) -> list[LapbEffect]:
        """The channel became idle (15 ones or more in a row), or has flags again: T3."""
        if not on:
            self._stop(Event.T3)
        elif self.config.t3 and Event.T3 not in self._timers:
            self._timers[Event.T3] = now + self.config.t3
        return self._out()

    def busy(self, on: bool, now: float) -> list[LapbEffect]:
        """Layer 3 can't take more (RNR), or can again (RR, or REJ if something was refused meanwhile)."""
        changed, self._own_busy, self._now = on != self._own_busy, on, now
        if changed and self.state is State.S3:
            if not on and self._refused and not self._rejected:
                self._send_reject(final=False)
            else:
                self._status(final=False)
        if not on:
            self._refused = False
        return self._out()

    def send(self, data: bytes, now: float) -> list[LapbEffect]:
        """Hand in the information of an I frame. While the link is down it is not taken, and an alarm says so.

        Raises :class:`ValueError` if it is longer than N1 allows.
        """
        if len(data) > self.config.most_data:
            raise ValueError(
                f"{len(data)} octets of information; N1 of {self.config.n1} allows {self.config.most_data}"
            )
        if not self._up:
            return [LapbAlarm("not-sent", f"{len(data)} octets were not sent: the link is down")]
        self._window.append(data)
        self._now = now
        self._send_waiting()
        return self._out()

    def tick(self, now: float) -> list[LapbEffect]:
        """Carry out the timers that are due."""
        for timer in (Event.T1, Event.T2, Event.T3, Event.T4):
            if self._timers.get(timer, now + 1) <= now:
                del self._timers[timer]
                if timer is Event.T1:
                    self.counters.t1 += 1
                    self._dispatch(Event.T1_N2 if self._attempts >= self.config.n2 else Event.T1, now)
                else:
                    self._dispatch(timer, now)
        return self._out()

    def received(self, frame: bytes, now: float) -> list[LapbEffect]:
        """A frame (without FCS) came in. Nothing is raised, whatever it holds. From a dead line none is taken."""
        self._now = now
        found = None if self._carrier is False else parse(frame, self.config)
        if found is None:
            self.counters.invalid += 1
            return self._out()
        self.counters.received[found.kind] += 1
        if found.kind in (RESPONSES if found.command else COMMANDS):
            self._mismatch(found)
            if not found.command:
                self.counters.invalid += 1
                return self._out()
        if self.config.t4 and self.state is State.S3:
            self._start(Event.T4, self.config.t4)
        if found.kind is Kind.SABME:
            self._other_modulo(frame)
        event = self._classify(found, len(frame))
        if event is Event.POLL or found.kind is Kind.REJ:
            self._repeated_at = now
        if event is Event.SABM and self.state is State.S1:
            # SABM that cross, or the first of ours was lost: the link is up when UA is sent (X.25 2.4.4.5).
            self._ua_due = now + self.config.t1
        elif event in (Event.UA_F1, Event.UA_F0) and self.state is State.S3 and now <= self._ua_due:
            self._ua_due = -1.0  # the answer to ours, if it was not lost
            return self._out()
        self._dispatch(event, now, found)
        return self._out()

    def _classify(self, frame: Frame, octets: int) -> Event:
        kind = frame.kind
        if kind is Kind.UNDEFINED or (kind in RESPONSES and frame.command):
            return Event.UNDEFINED
        if kind is Kind.I:
            if octets + 2 > self.config.n1 and self.config.too_long == "frmr":
                return Event.TOO_LONG
        elif (
            len(frame.data) != (FRMR_OCTETS if kind is Kind.FRMR else 0)
            and self.config.information_not_allowed == "frmr"
        ):
            return Event.INFORMATION
        if kind in NUMBERED:
            if self.state is State.S3 and not self._window.valid(frame.nr):
                return Event.BAD_NR
            if not frame.command:
                return Event.RESPONSE
            return Event.POLL if frame.pf else Event.COMMAND
        if kind is Kind.UA:
            return Event.UA_F1 if frame.pf else Event.UA_F0
        if kind is Kind.DM:
            if self.state is State.S0 and not self._wanted:
                return Event.DM_F1
            return Event.DM_F1 if frame.pf else Event.DM_F0
        if kind is Kind.SABM and self.state is State.S0 and not self._wanted:
            return Event.SABM_UNWANTED
        return Event(kind.value)

    def _mismatch(self, frame: Frame) -> None:
        """Both ends of one role, or our own frames coming back: told once."""
        if self._told_mismatch:
            return
        self._told_mismatch = True
        own, other = self.config.role.upper(), "DCE" if self.config.role == "dte" else "DTE"
        address = self.config.command_address if frame.kind in COMMANDS else self.config.response_address
        what = "my own command address" if frame.kind in COMMANDS else "my own response address"
        text = (
            f"the peer uses {what} {address:02X}h for {frame.kind}: both ends are set to {own}"
            f" (one must be {other}), or the line is looped back"
        )
        self._effects.append(LapbAlarm("role-mismatch", text))

    def _other_modulo(self, frame: bytes) -> None:
        """The peer numbers frames modulo 128, which this end does not: told once."""
        if not self._told_modulo:
            self._told_modulo = True
            text = (
                f"the peer sets up LAPB modulo 128 (SABME, {frame.hex(' ')}): this end has modulo 8 alone,"
                " set the peer to modulo 8"
            )
            self._effects.append(LapbAlarm("modulo-mismatch", text))

    # The machine.

    def _dispatch(self, event: Event, now: float, frame: Frame = _NO_FRAME) -> None:
        rule = self._table[self.state, event]
        self._event, self._frame, self._now = event, frame, now
        if rule.next is not None:
            if rule.next is not self.state:
                self._attempts = 0
            self.state = rule.next
        for action in rule.actions:
            self._actions[action]()

    def _out(self) -> list[LapbEffect]:
        effects, self._effects = self._effects, []
        return effects

    def _start(self, timer: Event, seconds: float) -> None:
        self._timers[timer] = self._now + seconds

    def _stop(self, *timers: Event) -> None:
        for timer in timers:
            self._timers.pop(timer, None)

    def _transmit(self, kind: Kind, frame: bytes) -> None:
        self.counters.sent[kind] += 1
        self._effects.append(Transmit(frame))

    def _respond(self, kind: Kind, *, final: bool, data: bytes = b"") -> None:
        self._transmit(kind, unnumbered(self.config.response_address, kind, pf=final, data=data))

    def _command(self, kind: Kind) -> None:
        self._attempts += 1
        self._start(Event.T1, self.config.t1)
        self._transmit(kind, unnumbered(self.config.command_address, kind, pf=True))

    def _invite(self) -> None:
        self._attempts += 1
        self._start(Event.T1, self.config.t1)
        self._respond(Kind.DM, final=False)

    def _start_retry(self) -> None:
        self._attempts = 0
        if self._wanted and self._carrier is not False:
            self._start(Event.T1, self.config.t1)

    def _reject(self, bits: int) -> None:
        """FRMR about the frame at hand; T2 and T4 mean nothing until the peer sets up again."""
        self._stop(Event.T2, Event.T4)
        self._frmr = frmr_octets(self._frame, self._vr, self._window.vs, bits)
        self._effects.append(LapbAlarm("frmr-sent", frmr_text(self._frmr)))
        self._frmr_final = self._frame.command and self._frame.pf
        self._repeat_frmr()

    def _repeat_frmr(self) -> None:
        self._attempts += 1
        self._start(Event.T1, self.config.t1)
        self._respond(Kind.FRMR, final=self._frmr_final, data=self._frmr)

    # Link up, reset, down.

    def _zero(self) -> None:
        self._stop(Event.T1, Event.T2, Event.T4)
        self._window.zero()
        self._vr = self._unacknowledged = self._attempts = 0
        self._rejected = self._peer_busy = self._refused = self._recovering = False

    def _link_up(self) -> None:
        lost = 0
        if self._up and self.config.on_reset == "drop":
            lost = self._window.drop()
        self._effects.append(LinkUp(self._up, lost))
        if self._up:
            self.counters.resets += 1
        else:
            self.counters.ups += 1
        self._up, self._told_down, self._told_mismatch, self._told_modulo = True, False, False, False
        if self.config.t4:
            self._start(Event.T4, self.config.t4)
        if self._own_busy:
            self._status(final=False)
        self._send_waiting()

    def _resetting(self) -> None:
        text = WHY_RESET[self._event]
        if self._event is Event.FRMR:
            said = self._frame.data
            text = (
                f"{frmr_text(said) if len(said) == FRMR_OCTETS else 'the peer sent FRMR'}; resetting the link"
            )
        kind = "frmr-received" if self._event is Event.FRMR else "link-reset"
        self._effects.append(LapbAlarm(kind, text))

    def _link_down(self) -> None:
        """Told once, until the link comes up, or somebody wants to know again."""
        lost = self._window.drop()
        if self._up or not self._told_down:
            self._effects.append(LinkDown(WHY_DOWN[self._event], lost))
            self._told_down = True
        self.counters.downs += self._up
        self._up = False

    # Information transfer (X.25 2.4.5).

    def _transfer(self) -> None:
        frame = self._frame
        self._acknowledged(frame.nr)
        if frame.kind is Kind.I:
            self._information(frame)
        else:
            self._supervisory(frame)
        self._send_waiting()
        if not self.config.t2 and Event.T2 in self._timers:
            self._status(final=False)

    def _acknowledged(self, nr: int) -> None:
        """N(R) was checked when the frame came in."""
        done = self._window.acknowledge(nr)
        if self._recovering or self._peer_busy:
            return
        if not self._window.out:
            self._stop(Event.T1)
            self._attempts = 0
        elif done:
            self._start(Event.T1, self.config.t1)

    def _information(self, frame: Frame) -> None:
        if self._own_busy:
            self._refused = True
            self._status(final=frame.pf)
        elif frame.ns == self._vr:
            self._vr = (self._vr + 1) % MODULUS
            self._rejected = False
            self._taken_at.append(self._now)
            self._effects.append(Deliver(frame.data))
            self._unacknowledged += 1
            if frame.pf or 2 * self._unacknowledged > self.config.k:
                # Half a window is told at once: waiting out T2 would stop a peer whose window is full by then.
                self._status(final=frame.pf)
            elif Event.T2 not in self._timers:
                self._start(Event.T2, self.config.t2)
        else:
            self.counters.out_of_sequence += 1
            self._repeated_at = self._now
            if not self._rejected:
                self._send_reject(final=frame.pf)
            elif frame.pf:
                self._status(final=True)

    def _supervisory(self, frame: Frame) -> None:
        final = frame.pf and not frame.command
        self._peer_busy = frame.kind is Kind.RNR
        if frame.pf and frame.command:
            self._status(final=True)
        if final:
            self._attempts = 0
        if self._recovering and final:
            self._recovering = False
            self._go_back()
        elif frame.kind is Kind.REJ and not self._recovering:
            self._go_back()
        if self._peer_busy:
            if final or Event.T1 not in self._timers:
                self._start(Event.T1, self.config.t1)
        elif not self._window.out and not self._recovering:
            self._stop(Event.T1)
            self._attempts = 0

    def _go_back(self) -> None:
        self._window.go_back()
        self._stop(Event.T1)

    def _send_waiting(self) -> None:
        """I frames, as far as window, peer and recovery let them go."""
        if self.state is not State.S3 or self._peer_busy or self._recovering:
            return
        while self._window.open:
            self._send_information(poll=False)

    def _send_information(self, *, poll: bool) -> None:
        ns, data, again = self._window.take()
        self.counters.resent += again
        self._acknowledging()
        if Event.T1 not in self._timers:
            self._start(Event.T1, self.config.t1)
        self._transmit(Kind.I, information(self.config.command_address, ns, self._vr, poll=poll, data=data))

    def _acknowledging(self) -> None:
        """N(R) goes out, in whatever frame."""
        self._stop(Event.T2)
        self._unacknowledged = 0

    def _status(self, *, final: bool, command: bool = False) -> None:
        """RR, or RNR while we are busy: acknowledges, so nothing is pending any more."""
        self._acknowledging()
        kind = Kind.RNR if self._own_busy else Kind.RR
        address = self.config.command_address if command else self.config.response_address
        self._transmit(kind, supervisory(address, kind, self._vr, pf=final))

    def _send_reject(self, *, final: bool) -> None:
        self._rejected = True
        self._acknowledging()
        self._transmit(Kind.REJ, supervisory(self.config.response_address, Kind.REJ, self._vr, pf=final))

    def _recover(self) -> None:
        """T1 ran out: no acknowledgement, or the peer is busy (X.25 2.4.5.9)."""
        may_send = self._window.most_out > 0 and not self._peer_busy
        if may_send and self.config.resend == "linux":
            self._attempts += 1
            again = self._window.most_out
            self._window.go_back()
            for _ in range(again):
                self._send_information(poll=False)
        elif may_send and self.config.resend == "i-frame":
            self._attempts += 1
            self._recovering = True
            self._window.go_back()
            self._send_information(poll=True)
        else:
            self._poll()

    def _ask(self) -> None:
        """T4: the peer was silent. If T1 runs, an answer is due anyway."""
        self._start(Event.T4, self.config.t4)
        if Event.T1 not in self._timers:
            self._poll()

    def _poll(self) -> None:
        self._attempts += 1
        self._recovering = self.config.resend != "linux"
        self._start(Event.T1, self.config.t1)
        self._status(final=True, command=True)
