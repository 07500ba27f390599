"""LAPB, single link, modulo 8, without I/O (X.25 2.4, ISO/IEC 7776): the state table, and the machine that runs on it.

:data:`LAPB_TABLE` holds the actions of each event in each state. Below it are the actions and the variables. ``now`` is
the time in seconds of any clock that does not go back. Every input returns the effects, in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from enum import StrEnum
from math import inf
from typing import Final, NamedTuple

from e1.events import ChannelAlarm
from e1.lapb.config import (
    DeliverPacket,
    LapbConfig,
    LapbCounters,
    LapbEffect,
    LinkDown,
    LinkUp,
    Role,
    SendFrame,
)
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


class LapbState(StrEnum):
    """States of a link, with their names in Linux."""

    S0 = "S0"
    """Disconnected."""
    S1 = "S1"
    """SABM sent."""
    S2 = "S2"
    """DISC sent."""
    S3 = "S3"
    """Information transfer."""
    S4 = "S4"
    """FRMR sent."""


class LapbEvent(StrEnum):
    """Events of a link: the rows of the table."""

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
    T4 = "T4: nothing was received"
    CONNECT = "layer 3 connects"
    DISCONNECT = "layer 3 disconnects"
    CARRIER_LOST = "the line goes down"
    CARRIER_BACK = "the line comes back"


class LapbAction(StrEnum):
    """Actions, in the order of the table's cell."""

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
    RESETTING = "alarm: link reset"
    DOWN = "link down to layer 3"
    TRANSFER = "information transfer"
    RECOVER = "timer recovery"
    ACKNOWLEDGE = "RR response F=0"
    ASK = "RR command P=1, T1"


class LapbMove(NamedTuple):
    """One cell of the table. ``next`` None: the state stays."""

    next: LapbState | None = None
    actions: tuple[LapbAction, ...] = ()


def _do(*actions: LapbAction, to: LapbState | None = None) -> LapbMove:
    return LapbMove(to, actions)


_A, _S = LapbAction, LapbState
_NONE = LapbMove()
_SET_UP = _do(_A.SABM, to=_S.S1)
_ACCEPT = _do(_A.UA, _A.ZERO, _A.UP, to=_S.S3)
_RESET = _do(_A.RESETTING, _A.SABM, to=_S.S1)
_DOWN = _do(_A.STOP, _A.DOWN, _A.START_T1, to=_S.S0)
_DOWN_AND_UP = _do(_A.STOP, _A.DOWN, _A.SABM, to=_S.S1)
_RELEASED = _do(_A.STOP, _A.START_T1, to=_S.S0)
_PEER_RELEASES = _do(_A.UA, _A.STOP, _A.DOWN, _A.START_T1, to=_S.S0)
_RELEASE = _do(_A.STOP, _A.DISC, _A.DOWN, to=_S.S2)

_ROWS: Mapping[LapbEvent, tuple[LapbMove, LapbMove, LapbMove, LapbMove, LapbMove]] = {
    # The cells of a row are the states S0, S1, S2, S3, S4.
    LapbEvent.SABM: (
        _ACCEPT,
        _ACCEPT,
        _do(_A.DM, _A.STOP, _A.START_T1, to=_S.S0),
        _do(_A.RESETTING, _A.UA, _A.ZERO, _A.UP),
        _ACCEPT,
    ),
    LapbEvent.SABM_UNWANTED: (_do(_A.DM), _NONE, _NONE, _NONE, _NONE),
    LapbEvent.SABME: (_do(_A.DM),) * 5,
    LapbEvent.DISC: (
        _do(_A.DM),
        _do(_A.DM, _A.STOP, _A.DOWN, _A.START_T1, to=_S.S0),
        _do(_A.UA),
        _PEER_RELEASES,
        _PEER_RELEASES,
    ),
    LapbEvent.UA_F1: (_NONE, _do(_A.ZERO, _A.UP, to=_S.S3), _RELEASED, _RESET, _NONE),
    LapbEvent.UA_F0: (_NONE, _NONE, _NONE, _RESET, _NONE),
    LapbEvent.DM_F1: (_NONE, _DOWN, _RELEASED, _DOWN_AND_UP, _DOWN),
    LapbEvent.DM_F0: (_SET_UP, _NONE, _NONE, _DOWN_AND_UP, _DOWN),
    LapbEvent.POLL: (_do(_A.DM), _NONE, _do(_A.DM), _do(_A.TRANSFER), _do(_A.REPEAT)),
    LapbEvent.COMMAND: (_NONE, _NONE, _NONE, _do(_A.TRANSFER), _do(_A.REPEAT)),
    LapbEvent.RESPONSE: (_NONE, _NONE, _NONE, _do(_A.TRANSFER), _NONE),
    LapbEvent.FRMR: (_NONE, _NONE, _NONE, _RESET, _RESET),
    LapbEvent.UNDEFINED: (_NONE, _NONE, _NONE, _do(_A.FRMR_W, to=_S.S4), _NONE),
    LapbEvent.INFORMATION: (_NONE, _NONE, _NONE, _do(_A.FRMR_WX, to=_S.S4), _NONE),
    LapbEvent.TOO_LONG: (_NONE, _NONE, _NONE, _do(_A.FRMR_Y, to=_S.S4), _NONE),
    LapbEvent.BAD_NR: (_NONE, _NONE, _NONE, _do(_A.FRMR_Z, to=_S.S4), _NONE),
    LapbEvent.T1: (_SET_UP, _do(_A.SABM), _do(_A.DISC), _do(_A.RECOVER), _do(_A.REPEAT_T1)),
    LapbEvent.T1_N2: (_SET_UP, _DOWN, _RELEASED, _RESET, _RESET),
    LapbEvent.T2: (_NONE, _NONE, _NONE, _do(_A.ACKNOWLEDGE), _NONE),
    LapbEvent.T3: (_NONE, *(_DOWN,) * 4),
    LapbEvent.T4: (_NONE, _NONE, _NONE, _do(_A.ASK), _NONE),
    LapbEvent.CONNECT: (_SET_UP, _NONE, _NONE, _NONE, _NONE),
    LapbEvent.DISCONNECT: (_do(_A.STOP), _do(_A.DISC, _A.STOP, _A.DOWN, to=_S.S0), _NONE, _RELEASE, _RELEASE),
    LapbEvent.CARRIER_LOST: (_do(_A.STOP), *(_do(_A.STOP, _A.DOWN, to=_S.S0),) * 4),
    LapbEvent.CARRIER_BACK: (_SET_UP, _NONE, _NONE, _NONE, _NONE),
}
"""By event, a cell for each state in order."""

LAPB_TABLE: Final[Mapping[tuple[LapbState, LapbEvent], LapbMove]] = {
    (state, event): move for event, row in _ROWS.items() for state, move in zip(LapbState, row, strict=True)
}
"""X.25, for both roles, with every setting at its default. "Start T1" in S0 applies only if layer 3 requests the link:
set-up begins again when T1 expires."""


class Variant(NamedTuple):
    """A different cell for the case that ``field`` of the settings is ``value``, perhaps for one role only."""

    field: str
    value: str
    event: LapbEvent
    state: LapbState
    move: LapbMove
    role: Role | None = None


VARIANTS: tuple[Variant, ...] = (
    Variant("set_up", "dte", LapbEvent.T1, _S.S0, _do(_A.INVITE), "dce"),
    Variant("set_up", "dte", LapbEvent.T1_N2, _S.S0, _do(_A.INVITE), "dce"),
    Variant("set_up", "dte", LapbEvent.CARRIER_BACK, _S.S0, _do(_A.START_T1), "dce"),
    Variant("set_up", "dte", LapbEvent.DM_F0, _S.S0, _NONE, "dce"),
    Variant("set_up", "dte", LapbEvent.DM_F1, _S.S3, _DOWN, "dce"),
    Variant("set_up", "dte", LapbEvent.DM_F0, _S.S3, _DOWN, "dce"),
    Variant("s0_exhausted", "stay", LapbEvent.T1_N2, _S.S0, _NONE, "dce"),
    Variant("s0_exhausted", "sabm", LapbEvent.T1_N2, _S.S0, _SET_UP, "dce"),
    Variant("s3_exhausted", "down", LapbEvent.T1_N2, _S.S3, _DOWN),
    Variant("s4_exhausted", "down", LapbEvent.T1_N2, _S.S4, _DOWN),
    Variant("poll_in_s0", "ignore", LapbEvent.POLL, _S.S0, _NONE),
    Variant("disc_in_s0", "ua", LapbEvent.DISC, _S.S0, _do(_A.UA)),
    Variant("disc_in_s1", "stay", LapbEvent.DISC, _S.S1, _do(_A.DM)),
    Variant("disc_in_s4", "ignore", LapbEvent.DISC, _S.S4, _NONE),
    Variant("command_in_s4", "ignore", LapbEvent.POLL, _S.S4, _NONE),
    Variant("command_in_s4", "ignore", LapbEvent.COMMAND, _S.S4, _NONE),
    Variant("sabme", "frmr", LapbEvent.SABME, _S.S3, _do(_A.FRMR_W, to=_S.S4)),
    Variant("unsolicited_ua", "ignore", LapbEvent.UA_F1, _S.S3, _NONE),
    Variant("unsolicited_ua", "ignore", LapbEvent.UA_F0, _S.S3, _NONE),
    Variant("undefined_control", "ignore", LapbEvent.UNDEFINED, _S.S3, _NONE),
)
"""Later variants win. ``information_not_allowed`` and ``too_long`` have no cell: ``accept`` makes no such event."""


WHY_DOWN = {
    LapbEvent.DISC: "the peer has disconnected",
    LapbEvent.DM_F1: "the peer is disconnected (DM)",
    LapbEvent.DM_F0: "the peer is disconnected (DM)",
    LapbEvent.T1_N2: "the peer does not answer",
    LapbEvent.T3: "the channel is idle",
    LapbEvent.DISCONNECT: "disconnected by request",
    LapbEvent.CARRIER_LOST: "the line is down",
}
WHY_RESET = {
    LapbEvent.SABM: "the peer has reset the link",
    LapbEvent.UA_F1: "unsolicited UA: resetting the link",
    LapbEvent.UA_F0: "unsolicited UA: resetting the link",
    LapbEvent.FRMR: "after FRMR: resetting the link",
    LapbEvent.T1_N2: "no acknowledgement: resetting the link",
}


def _table(config: LapbConfig) -> dict[tuple[LapbState, LapbEvent], LapbMove]:
    """The cells for ``config``."""
    cells = dict(LAPB_TABLE)
    for variant in VARIANTS:
        if getattr(config, variant.field) == variant.value and variant.role in (None, config.role):
            cells[variant.state, variant.event] = variant.move
    return cells


_NO_FRAME = Frame(Kind.UNDEFINED, command=True, pf=False, ns=0, nr=0, control=0, data=b"")


class Lapb:
    """One end of a link.

    A new link is disconnected and silent until :meth:`connect`, until :meth:`carrier` reports a line (it then sets up,
    or invites the peer: ``set_up``), or until the peer sets up.
    """

    def __init__(self, config: LapbConfig) -> None:
        self.config = config
        self.state = LapbState.S0
        self.counters = LapbCounters()
        self._table = _table(config)
        self._effects: list[LapbEffect] = []
        self.timers: dict[LapbEvent, float] = {}
        """When each running timer is due."""
        self._ua_due = -1.0
        """The latest time for a UA that answers our SABM although the link is already up."""
        self.attempts = 0
        """Times that the present frame was sent without an answer; at N2 the link gives it up."""
        self._wanted = True
        """Layer 3 requests the link: this end sets up, and accepts SABM."""
        self._carrier: bool | None = None
        self._up = False
        """The link is up for layer 3; also during a link reset."""
        self._reported_down = False
        self._reported_mismatch = False
        self._reported_modulo = False
        self._window = Window(config.k)
        self._vr = 0
        self._unacknowledged = 0
        """I frames received since N(R) was last sent."""
        self._rejected = False
        """This end sent REJ and waits for the I frame."""
        self._peer_busy = False
        self._own_busy = False
        self._repeated_at = -inf
        """When the peer last repeated frames, or may have."""
        self._taken_at: deque[float] = deque(maxlen=config.k + 1)
        """When the last I frames in sequence arrived."""
        self._refused = False
        """This end dropped I frames while busy."""
        self._recovering = False
        self._frmr, self._frmr_final = b"", False
        self._event = LapbEvent.CONNECT
        self._frame = _NO_FRAME
        self._now = 0.0
        self._actions: dict[LapbAction, Callable[[], None]] = {
            LapbAction.UA: lambda: self._respond(Kind.UA, final=self._frame.pf),
            LapbAction.DM: lambda: self._respond(Kind.DM, final=self._frame.pf),
            LapbAction.INVITE: self._invite,
            LapbAction.SABM: lambda: self._command(Kind.SABM),
            LapbAction.DISC: lambda: self._command(Kind.DISC),
            LapbAction.FRMR_W: lambda: self._reject(W),
            LapbAction.FRMR_WX: lambda: self._reject(W | X),
            LapbAction.FRMR_Y: lambda: self._reject(Y),
            LapbAction.FRMR_Z: lambda: self._reject(Z),
            LapbAction.REPEAT: lambda: self._respond(Kind.FRMR, final=self._frame.pf, data=self._frmr),
            LapbAction.REPEAT_T1: self._repeat_frmr,
            LapbAction.ZERO: self._zero,
            LapbAction.STOP: lambda: self._stop(LapbEvent.T1, LapbEvent.T2, LapbEvent.T4),
            LapbAction.START_T1: self._start_retry,
            LapbAction.UP: self._link_up,
            LapbAction.RESETTING: self._resetting,
            LapbAction.DOWN: self._link_down,
            LapbAction.TRANSFER: self._transfer,
            LapbAction.RECOVER: self._recover,
            LapbAction.ACKNOWLEDGE: lambda: self._status(final=False),
            LapbAction.ASK: self._ask,
        }

    # --- inputs of layer 3 and the line

    @property
    def up(self) -> bool:
        """Whether layer 3 may send. Information sent during a link reset is lost with ``on_reset`` at ``drop``."""
        return self._up

    @property
    def queued(self) -> int:
        """Pieces of information that are not acknowledged."""
        return len(self._window)

    def in_time(self, now: float) -> bool:
        """Whether the peer sent the last received I frame at once when its layer 3 passed it on.

        The frames that it acknowledges had then reached the peer before. It is false if the peer repeated frames within
        the last T1, or sent so many that this frame may have waited for its window.
        """
        window_was_full = len(self._taken_at) > self.config.k and now - self._taken_at[0] < self.config.t1
        return now - self._repeated_at >= self.config.t1 and not window_was_full

    def next_deadline(self) -> float | None:
        """When :meth:`tick` is due, or None."""
        return min(self.timers.values(), default=None)

    def connect(self, now: float) -> list[LapbEffect]:
        """Layer 3 requests the link: set it up, now or when there is a line, and again after every loss."""
        self._wanted, self._reported_down = True, False
        if self._carrier is not False:
            self._dispatch(LapbEvent.CONNECT, now)
        return self._out()

    def disconnect(self, now: float) -> list[LapbEffect]:
        """Layer 3 gives up the link: DISC, and DM to a peer that sets up."""
        self._wanted = False
        self._dispatch(LapbEvent.DISCONNECT, now)
        return self._out()

    def carrier(self, up: bool, now: float) -> list[LapbEffect]:
        """The line went down (LOS, AIS, LOF; the timeslot) or came back."""
        if up != self._carrier:
            self._carrier, self._reported_mismatch, self._reported_modulo = up, False, False
            self._reported_down = self._reported_down and not up
            if not up:
                self._stop(LapbEvent.T3)
                self._dispatch(LapbEvent.CARRIER_LOST, now)
            elif self._wanted:
                self._dispatch(LapbEvent.CARRIER_BACK, now)
        return self._out()

    def idle(self, on: bool, now: float) -> list[LapbEffect]:
        """The channel became idle (15 ones or more in a row), or has flags again: T3."""
        if not on:
            self._stop(LapbEvent.T3)
        elif self.config.t3 and LapbEvent.T3 not in self.timers:
            self.timers[LapbEvent.T3] = now + self.config.t3
        return self._out()

    def busy(self, on: bool, now: float) -> list[LapbEffect]:
        """Layer 3 can't take more (RNR), or can again (RR, or REJ if an I frame was refused meanwhile)."""
        changed, self._own_busy, self._now = on != self._own_busy, on, now
        if changed and self.state is LapbState.S3:
            if not on and self._refused and not self._rejected:
                self._send_reject(final=False)
            else:
                self._status(final=False)
        if not on:
            self._refused = False
        return self._out()

    def send(self, data: bytes, now: float) -> list[LapbEffect]:
        """Send the information of an I frame. While the link is down it is refused with an alarm.

        Raises :class:`ValueError` if it is longer than N1 allows.
        """
        if len(data) > self.config.most_data:
            raise ValueError(
                f"{len(data)} octets of information; N1 of {self.config.n1} allows {self.config.most_data}"
            )
        if not self._up:
            return [ChannelAlarm("not-sent", f"{len(data)} octets were not sent: the link is down")]
        self._window.append(data)
        self._now = now
        self._send_waiting()
        return self._out()

    def tick(self, now: float) -> list[LapbEffect]:
        """Carry out the timers that are due."""
        for timer in (LapbEvent.T1, LapbEvent.T2, LapbEvent.T3, LapbEvent.T4):
            if self.timers.get(timer, now + 1) <= now:
                del self.timers[timer]
                if timer is LapbEvent.T1:
                    self.counters.t1 += 1
                    self._dispatch(LapbEvent.T1_N2 if self.attempts >= self.config.n2 else LapbEvent.T1, now)
                else:
                    self._dispatch(timer, now)
        return self._out()

    def received(self, frame: bytes, now: float) -> list[LapbEffect]:
        """Take a received frame (without FCS). No content raises an error. Frames from a dead line are ignored."""
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
        if self.config.t4 and self.state is LapbState.S3:
            self._start(LapbEvent.T4, self.config.t4)
        if found.kind is Kind.SABME:
            self._other_modulo(frame)
        event = self._classify(found, len(frame))
        if event is LapbEvent.POLL or found.kind is Kind.REJ:
            self._repeated_at = now
        if event is LapbEvent.SABM and self.state is LapbState.S1:
            # SABM that cross, or the first of ours was lost: the link is up when UA is sent (X.25 2.4.4.5).
            self._ua_due = now + self.config.t1
        elif (
            event in (LapbEvent.UA_F1, LapbEvent.UA_F0) and self.state is LapbState.S3 and now <= self._ua_due
        ):
            self._ua_due = -1.0  # the answer to our SABM, if it was not lost
            return self._out()
        self._dispatch(event, now, found)
        return self._out()

    def _classify(self, frame: Frame, octets: int) -> LapbEvent:
        kind = frame.kind
        if kind is Kind.UNDEFINED or (kind in RESPONSES and frame.command):
            return LapbEvent.UNDEFINED
        if kind is Kind.I:
            if octets + 2 > self.config.n1 and self.config.too_long == "frmr":
                return LapbEvent.TOO_LONG
        elif (
            len(frame.data) != (FRMR_OCTETS if kind is Kind.FRMR else 0)
            and self.config.information_not_allowed == "frmr"
        ):
            return LapbEvent.INFORMATION
        if kind in NUMBERED:
            if self.state is LapbState.S3 and not self._window.valid(frame.nr):
                return LapbEvent.BAD_NR
            if not frame.command:
                return LapbEvent.RESPONSE
            return LapbEvent.POLL if frame.pf else LapbEvent.COMMAND
        if kind is Kind.UA:
            return LapbEvent.UA_F1 if frame.pf else LapbEvent.UA_F0
        if kind is Kind.DM:
            if self.state is LapbState.S0 and not self._wanted:
                return LapbEvent.DM_F1
            return LapbEvent.DM_F1 if frame.pf else LapbEvent.DM_F0
        if kind is Kind.SABM and self.state is LapbState.S0 and not self._wanted:
            return LapbEvent.SABM_UNWANTED
        return LapbEvent(kind.value)

    def _mismatch(self, frame: Frame) -> None:
        """Report once that both ends have one role, or that our own frames come back."""
        if self._reported_mismatch:
            return
        self._reported_mismatch = True
        own, other = self.config.role.upper(), "DCE" if self.config.role == "dte" else "DTE"
        address = self.config.command_address if frame.kind in COMMANDS else self.config.response_address
        what = "my own command address" if frame.kind in COMMANDS else "my own response address"
        text = (
            f"the peer uses {what} {address:02X}h for {frame.kind}: both ends are set to {own}"
            f" (one must be {other}), or the line is looped back"
        )
        self._effects.append(ChannelAlarm("role-mismatch", text))

    def _other_modulo(self, frame: bytes) -> None:
        """Report once that the peer numbers frames modulo 128, unlike this end."""
        if not self._reported_modulo:
            self._reported_modulo = True
            text = (
                f"the peer sets up LAPB modulo 128 (SABME, {frame.hex(' ')}): this end has modulo 8 alone,"
                " set the peer to modulo 8"
            )
            self._effects.append(ChannelAlarm("modulo-mismatch", text))

    # --- the machine

    def _dispatch(self, event: LapbEvent, now: float, frame: Frame = _NO_FRAME) -> None:
        move = self._table[self.state, event]
        self._event, self._frame, self._now = event, frame, now
        if move.next is not None:
            if move.next is not self.state:
                self.attempts = 0
            self.state = move.next
        for action in move.actions:
            self._actions[action]()

    def _out(self) -> list[LapbEffect]:
        effects, self._effects = self._effects, []
        return effects

    def _start(self, timer: LapbEvent, seconds: float) -> None:
        self.timers[timer] = self._now + seconds

    def _stop(self, *timers: LapbEvent) -> None:
        for timer in timers:
            self.timers.pop(timer, None)

    def _transmit(self, kind: Kind, frame: bytes) -> None:
        self.counters.sent[kind] += 1
        self._effects.append(SendFrame(frame))

    def _respond(self, kind: Kind, *, final: bool, data: bytes = b"") -> None:
        self._transmit(kind, unnumbered(self.config.response_address, kind, pf=final, data=data))

    def _command(self, kind: Kind) -> None:
        self.attempts += 1
        self._start(LapbEvent.T1, self.config.t1)
        self._transmit(kind, unnumbered(self.config.command_address, kind, pf=True))

    def _invite(self) -> None:
        self.attempts += 1
        self._start(LapbEvent.T1, self.config.t1)
        self._respond(Kind.DM, final=False)

    def _start_retry(self) -> None:
        self.attempts = 0
        if self._wanted and self._carrier is not False:
            self._start(LapbEvent.T1, self.config.t1)

    def _reject(self, bits: int) -> None:
        """Send FRMR about the present frame. T2 and T4 have no meaning until the peer sets up again."""
        self._stop(LapbEvent.T2, LapbEvent.T4)
        self._frmr = frmr_octets(self._frame, self._vr, self._window.vs, bits)
        self._effects.append(ChannelAlarm("frmr-sent", frmr_text(self._frmr)))
        self._frmr_final = self._frame.command and self._frame.pf
        self._repeat_frmr()

    def _repeat_frmr(self) -> None:
        self.attempts += 1
        self._start(LapbEvent.T1, self.config.t1)
        self._respond(Kind.FRMR, final=self._frmr_final, data=self._frmr)

    # --- link up, reset, down

    def _zero(self) -> None:
        self._stop(LapbEvent.T1, LapbEvent.T2, LapbEvent.T4)
        self._window.zero()
        self._vr = self._unacknowledged = self.attempts = 0
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
        self._up = True
        self._reported_down = self._reported_mismatch = self._reported_modulo = False
        if self.config.t4:
            self._start(LapbEvent.T4, self.config.t4)
        if self._own_busy:
            self._status(final=False)
        self._send_waiting()

    def _resetting(self) -> None:
        text = WHY_RESET[self._event]
        if self._event is LapbEvent.FRMR:
            data = self._frame.data
            why = frmr_text(data) if len(data) == FRMR_OCTETS else "the peer sent FRMR"
            text = f"{why}; resetting the link"
        kind = "frmr-received" if self._event is LapbEvent.FRMR else "link-reset"
        self._effects.append(ChannelAlarm(kind, text))

    def _link_down(self) -> None:
        """Reported once until the link comes up, or until :meth:`connect`."""
        lost = self._window.drop()
        if self._up or not self._reported_down:
            self._effects.append(LinkDown(WHY_DOWN[self._event], lost))
            self._reported_down = True
        self.counters.downs += self._up
        self._up = False

    # --- information transfer (X.25 2.4.5)

    def _transfer(self) -> None:
        frame = self._frame
        self._acknowledged(frame.nr)
        if frame.kind is Kind.I:
            self._information(frame)
        else:
            self._supervisory(frame)
        self._send_waiting()
        if not self.config.t2 and LapbEvent.T2 in self.timers:
            self._status(final=False)

    def _acknowledged(self, nr: int) -> None:
        """Take N(R), which :meth:`received` has checked."""
        done = self._window.acknowledge(nr)
        if self._recovering or self._peer_busy:
            return
        if not self._window.out:
            self._stop(LapbEvent.T1)
            self.attempts = 0
        elif done:
            self._start(LapbEvent.T1, self.config.t1)

    def _information(self, frame: Frame) -> None:
        if self._own_busy:
            self._refused = True
            self._status(final=frame.pf)
        elif frame.ns == self._vr:
            self._vr = (self._vr + 1) % MODULUS
            self._rejected = False
            self._taken_at.append(self._now)
            self._effects.append(DeliverPacket(frame.data))
            self._unacknowledged += 1
            if frame.pf or 2 * self._unacknowledged > self.config.k:
                # Half a window is acknowledged at once: waiting out T2 would stop a peer whose window is full by then.
                self._status(final=frame.pf)
            elif LapbEvent.T2 not in self.timers:
                self._start(LapbEvent.T2, self.config.t2)
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
            self.attempts = 0
        if self._recovering and final:
            self._recovering = False
            self._go_back()
        elif frame.kind is Kind.REJ and not self._recovering:
            self._go_back()
        if self._peer_busy:
            if final or LapbEvent.T1 not in self.timers:
                self._start(LapbEvent.T1, self.config.t1)
        elif not self._window.out and not self._recovering:
            self._stop(LapbEvent.T1)
            self.attempts = 0

    def _go_back(self) -> None:
        self._window.go_back()
        self._stop(LapbEvent.T1)

    def _send_waiting(self) -> None:
        """Send I frames, as far as window, peer and recovery allow."""
        if self.state is not LapbState.S3 or self._peer_busy or self._recovering:
            return
        while self._window.open:
            self._send_information(poll=False)

    def _send_information(self, *, poll: bool) -> None:
        ns, data, again = self._window.take()
        self.counters.resent += again
        self._acknowledging()
        if LapbEvent.T1 not in self.timers:
            self._start(LapbEvent.T1, self.config.t1)
        self._transmit(Kind.I, information(self.config.command_address, ns, self._vr, poll=poll, data=data))

    def _acknowledging(self) -> None:
        """Note that a frame with N(R) is sent."""
        self._stop(LapbEvent.T2)
        self._unacknowledged = 0

    def _status(self, *, final: bool, command: bool = False) -> None:
        """Send RR, or RNR while busy. It acknowledges all received frames."""
        self._acknowledging()
        kind = Kind.RNR if self._own_busy else Kind.RR
        address = self.config.command_address if command else self.config.response_address
        self._transmit(kind, supervisory(address, kind, self._vr, pf=final))

    def _send_reject(self, *, final: bool) -> None:
        self._rejected = True
        self._acknowledging()
        self._transmit(Kind.REJ, supervisory(self.config.response_address, Kind.REJ, self._vr, pf=final))

    def _recover(self) -> None:
        """T1 expired: no acknowledgement, or the peer is busy (X.25 2.4.5.9)."""
        may_send = self._window.most_out > 0 and not self._peer_busy
        if may_send and self.config.resend == "linux":
            self.attempts += 1
            again = self._window.most_out
            self._window.go_back()
            for _ in range(again):
                self._send_information(poll=False)
        elif may_send and self.config.resend == "i-frame":
            self.attempts += 1
            self._recovering = True
            self._window.go_back()
            self._send_information(poll=True)
        else:
            self._poll()

    def _ask(self) -> None:
        """T4: the peer was silent. While T1 runs, an answer is due already."""
        self._start(LapbEvent.T4, self.config.t4)
        if LapbEvent.T1 not in self.timers:
            self._poll()

    def _poll(self) -> None:
        self.attempts += 1
        self._recovering = self.config.resend != "linux"
        self._start(LapbEvent.T1, self.config.t1)
        self._status(final=True, command=True)
