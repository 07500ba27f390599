"""X.25 over TCP (RFC 1613): the packet layer of one circuit on one TCP connection, without LAPB. No input or output.

Every packet follows a header of version and length. Permanent circuits are set up by an exchange of PVC Setup packets
first. The binding to asyncio is :mod:`e1.carriers.xot_socket`. Source: RFC 1613.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import Final, NamedTuple

from e1.channel import event_of
from e1.events import ChannelAlarm, ChannelEvent, PacketCrossed, Up
from e1.x25.config import X25Config
from e1.x25.effects import SendPacket, X25Effect
from e1.x25.layer import PacketLayer
from e1.x25.machine import X25State
from e1.x25.packets import CallRequest, ClearRequest, PacketError, decode

PORT = 1998
VERSION = 0
HEADER = 4
LONGEST = 3 + 4096
"""Octets of the longest packet: data."""
_SHORTEST = 3
_PVC_SETUP, _PVC_VERSION = 0xF5, 0x81
_SETUP = struct.Struct(">HBBBBHBHBBBB")
_NOT_OBTAINABLE = 0x0D


class XotError(Exception):
    """Octets that are not XOT: the connection must be closed. ``offset``: in the stream."""

    def __init__(self, text: str, offset: int) -> None:
        super().__init__(f"octet {offset}: {text}")
        self.offset = offset


class PvcStatus(IntEnum):
    """Status of a PVC Setup (RFC 1613, 5.2), with its text."""

    text: str

    def __new__(cls, code: int, text: str) -> PvcStatus:
        status = int.__new__(cls, code)
        status._value_, status.text = code, text
        return status

    WAITING = 0x00, "up"
    """From the initiator: a request. From the responder: the circuit is up."""
    DISCONNECTED = 0x08, "destination disconnected"
    REFUSED = 0x09, "connection refused"
    ROUTING_ERROR = 0x0A, "routing error"
    TIMED_OUT = 0x0B, "connection timed out"
    NO_INTERFACE = 0x13, "no such interface"
    INTERFACE_DOWN = 0x14, "the interface is down"
    NOT_X25 = 0x15, "not an X.25 interface"
    NO_PVC = 0x16, "no such PVC"
    MISMATCH = 0x17, "the PVC is configured otherwise"
    FLOW_MISMATCH = 0x18, "windows or packet sizes differ"
    FLOW_UNSUPPORTED = 0x19, "windows or packet sizes not supported"
    PROTOCOL_ERROR = 0x1A, "protocol error"


STATUS_TEXTS: Mapping[int, str] = {status: status.text for status in PvcStatus}


@dataclass(frozen=True, slots=True, kw_only=True)
class PvcSetup:
    """The first packet each way on a permanent circuit. Windows in packets, sizes in octets (powers of two)."""

    status: int = PvcStatus.WAITING
    initiator: str = ""
    initiator_lcn: int = 1
    responder: str = ""
    responder_lcn: int = 1
    window_in: int = 2
    window_out: int = 2
    size_in: int = 128
    size_out: int = 128
    lcn: int = 0

    def encode(self) -> bytes:
        """The packet. Raises :class:`ValueError` for a name over 255 octets or a number too large for its field."""
        names = [name.encode("latin-1") for name in (self.initiator, self.responder)]
        try:
            fixed = _SETUP.pack(
                0x1000 | self.lcn,
                _PVC_SETUP,
                _PVC_VERSION,
                self.status,
                len(names[0]),
                self.initiator_lcn,
                len(names[1]),
                self.responder_lcn,
                self.window_in,
                self.window_out,
                self.size_in.bit_length() - 1,
                self.size_out.bit_length() - 1,
            )
        except struct.error as error:
            raise ValueError(f"PVC Setup: {error}") from error
        return fixed + b"".join(names)

    @classmethod
    def decode(cls, packet: bytes) -> PvcSetup:
        """Read a packet. Raises :class:`XotError` if it is no PVC Setup; ``offset`` counts from the packet's start."""
        if len(packet) < _SETUP.size:
            raise XotError(f"PVC Setup of {len(packet)} octets", len(packet))
        head, kind, version, status, n, from_lcn, m, to_lcn, win_in, win_out, log_in, log_out = (
            _SETUP.unpack_from(packet)
        )
        if head >> 12 & 3 != 1 or kind != _PVC_SETUP:
            raise XotError("no PVC Setup", 2)
        if version != _PVC_VERSION:
            raise XotError(f"PVC Setup of version {version:02X}h", 3)
        if len(packet) != _SETUP.size + n + m:
            raise XotError(f"PVC Setup of {len(packet)} octets, its names have {n} and {m}", _SETUP.size)
        if max(log_in, log_out) > 15:
            raise XotError(f"packet sizes 2^{log_in}, 2^{log_out}", _SETUP.size - 2)
        names = packet[_SETUP.size :].decode("latin-1")
        return cls(
            status=status,
            initiator=names[:n],
            initiator_lcn=from_lcn,
            responder=names[n:],
            responder_lcn=to_lcn,
            window_in=win_in,
            window_out=win_out,
            size_in=1 << log_in,
            size_out=1 << log_out,
            lcn=head & 0xFFF,
        )


def record(packet: bytes) -> bytes:
    """A packet with its header, as sent on the connection."""
    return struct.pack(">HH", VERSION, len(packet)) + packet


def is_pvc_setup(packet: bytes) -> bool:
    """Whether a packet is a PVC Setup, valid or not."""
    return len(packet) > 2 and packet[2] == _PVC_SETUP


class XotFramer:
    """Cuts the stream of a connection into packets; holds no more than one record."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._done = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the packets that are complete now.

        Raises :class:`XotError` for another version or an impossible length, after the packets before it.
        """
        self._buffer += data
        at = 0
        try:
            while len(self._buffer) - at >= HEADER:
                version, length = struct.unpack_from(">HH", self._buffer, at)
                if version != VERSION:
                    raise XotError(f"version {version}", self._done + at)
                if not _SHORTEST <= length <= LONGEST:
                    raise XotError(f"a packet of {length} octets", self._done + at + 2)
                begin, end = at + HEADER, at + HEADER + length
                if end > len(self._buffer):
                    break
                at = end
                yield bytes(self._buffer[begin:end])
        finally:
            del self._buffer[:at]
            self._done += at


@dataclass(frozen=True, slots=True, kw_only=True)
class XotConfig:
    """One circuit over TCP. ``x25.transport`` is always taken as ``xot``."""

    x25: X25Config
    initiator: bool = True
    """Whether this end opens the connection; it then also sends PVC Setup, or the Call."""
    interface: str = ""
    """Permanent circuits: the name of our interface; "" as a responder: any name is accepted."""
    peer_interface: str = ""
    """Permanent circuits: the name of the other end's interface."""
    peer_lcn: int = 1
    """Permanent circuits: the logical channel number of the circuit at the other end."""
    setup_timeout: float = 30.0
    """The most seconds for PVC Setup, or for the peer's Call."""
    reconnect: float = 5.0
    """Seconds until an initiator connects again."""
    refused: float = 300.0
    """Seconds until an initiator connects again after a PVC Setup that was refused (RFC 1613: about 5 minutes)."""


@dataclass(frozen=True, slots=True)
class Write:
    """Send these octets on the connection."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection; an initiator may open another after ``retry`` seconds."""

    reason: str
    retry: float


XotEffect = Write | Close | ChannelEvent


# --- the state of a connection ----------------------------------------------------------------------------------------


class XotKind(StrEnum):
    """Kind of a circuit, and this end of it. Each kind has its own machine."""

    PVC_INITIATOR = "permanent circuit, initiator"
    PVC_RESPONDER = "permanent circuit, responder"
    SVC = "switched circuit"


class XotState(StrEnum):
    """State of a circuit's connection."""

    CLOSED = "no connection"
    SETTING_UP = "setting up"
    """PVC Setup is under way."""
    CARRYING = "carrying"
    """The connection carries the circuit. The circuit has not been up on it, or has had no call."""
    ESTABLISHED = "established"
    """The circuit was up on this connection, or there is a call."""
    CLOSING = "closing"
    """This side closes the connection and ignores octets that still arrive."""


class XotInput(StrEnum):
    """An event of a connection."""

    CONNECTED = "connection made"
    LOST = "connection lost"
    SETUP_FITS = "PVC Setup fits"
    """The peer's request is for this circuit, or its answer accepts ours."""
    SETUP_WRONG = "PVC Setup does not fit"
    NO_SETUP = "another packet"
    PACKET = "packet"
    BAD_OCTETS = "octets that are not XOT"
    TIMEOUT = "setup_timeout is over"
    CIRCUIT_UP = "circuit up"
    CALL_BEGUN = "call begun"
    CALL_ENDED = "call ended"


class XotAction(StrEnum):
    """An action; each has one method."""

    ASK = "send PVC Setup"
    ANSWER = "answer PVC Setup"
    LINK_UP = "link up to the packet layer"
    LINK_DOWN = "link down to the packet layer"
    HAND_UP = "packet to the packet layer"
    CLOSE = "alarm, close the connection"


class XotMove(NamedTuple):
    """One cell of the table."""

    next: XotState
    actions: tuple[XotAction, ...] = ()


_PVC = (XotKind.PVC_INITIATOR, XotKind.PVC_RESPONDER)
_UP = (XotState.CARRYING, XotState.ESTABLISHED)
_OPEN = [(kind, state) for kind in XotKind for state in _UP] + [(kind, XotState.SETTING_UP) for kind in _PVC]
_CLOSE = XotMove(XotState.CLOSING, (XotAction.CLOSE,))
_LOST = XotMove(XotState.CLOSED, (XotAction.LINK_DOWN,))
_BEGIN = XotMove(XotState.CARRYING, (XotAction.LINK_UP,))
_HAND_UP = (XotAction.HAND_UP,)

XOT_TABLE: Final[Mapping[tuple[XotKind, XotState, XotInput], XotMove]] = {
    (XotKind.PVC_INITIATOR, XotState.CLOSED, XotInput.CONNECTED): XotMove(
        XotState.SETTING_UP, (XotAction.ASK,)
    ),
    (XotKind.PVC_INITIATOR, XotState.SETTING_UP, XotInput.SETUP_FITS): _BEGIN,
    (XotKind.PVC_INITIATOR, XotState.SETTING_UP, XotInput.SETUP_WRONG): _CLOSE,
    (XotKind.PVC_RESPONDER, XotState.CLOSED, XotInput.CONNECTED): XotMove(XotState.SETTING_UP),
    (XotKind.PVC_RESPONDER, XotState.SETTING_UP, XotInput.SETUP_FITS): XotMove(
        XotState.CARRYING, (XotAction.ANSWER, XotAction.LINK_UP)
    ),
    (XotKind.PVC_RESPONDER, XotState.SETTING_UP, XotInput.SETUP_WRONG): XotMove(
        XotState.CLOSING, (XotAction.ANSWER, XotAction.CLOSE)
    ),
    **{(kind, XotState.SETTING_UP, XotInput.NO_SETUP): _CLOSE for kind in _PVC},
    **{(kind, XotState.CARRYING, XotInput.CIRCUIT_UP): XotMove(XotState.ESTABLISHED) for kind in _PVC},
    (XotKind.SVC, XotState.CLOSED, XotInput.CONNECTED): _BEGIN,
    (XotKind.SVC, XotState.CARRYING, XotInput.CALL_BEGUN): XotMove(XotState.ESTABLISHED),
    (XotKind.SVC, XotState.ESTABLISHED, XotInput.CALL_ENDED): _CLOSE,
    **{(kind, state, XotInput.PACKET): XotMove(state, _HAND_UP) for kind in XotKind for state in _UP},
    **{(*at, XotInput.BAD_OCTETS): _CLOSE for at in _OPEN},
    **{(*at, XotInput.TIMEOUT): _CLOSE for at in _OPEN},
    **{(*at, XotInput.LOST): _LOST for at in _OPEN},
    **{(kind, XotState.CLOSING, XotInput.LOST): _LOST for kind in XotKind},
}
"""Inputs that are not in the table are ignored: they are too late, or have no meaning for the circuit."""


class XotEnd:
    """One end of a circuit. It outlives connections: waiting messages go over the next one."""

    def __init__(self, config: XotConfig) -> None:
        self.config = config
        self.x25 = PacketLayer(
            replace(config.x25, transport="xot", calls=config.initiator and config.x25.circuit == "svc")
        )
        self.state = XotState.CLOSED
        self.wanted = True
        """Set by the owner: connections are opened and accepted. Off: an open one stays and no other is made."""
        self.packets_sent = self.packets_received = 0
        """Packets since the start."""
        self._kind = XotKind.SVC
        if config.x25.circuit == "pvc":
            self._kind = XotKind.PVC_INITIATOR if config.initiator else XotKind.PVC_RESPONDER
        rows = XOT_TABLE.items()
        self._table = {(state, what): move for (kind, state, what), move in rows if kind is self._kind}
        self._framer = XotFramer()
        self._deadline: float | None = None
        self._packet = b""
        """The packet at hand, its time, and its status as PVC Setup."""
        self._now = 0.0
        self._status = PvcStatus.WAITING
        self._out: list[XotEffect] = []

    @property
    def up(self) -> bool:
        """Whether messages can cross."""
        return self.x25.up

    @property
    def connected(self) -> bool:
        """Whether there is a connection."""
        return self.state is not XotState.CLOSED

    @property
    def linked(self) -> bool:
        """Whether a connection carries the circuit: a permanent one is set up at both ends."""
        return self.state in _UP

    @property
    def released(self) -> bool:
        """Whether there is no connection."""
        return not self.connected

    @property
    def queued(self) -> int:
        """Messages that are not fully acknowledged."""
        return self.x25.queued

    def discard(self) -> list[bytes]:
        """Take out the messages of which no part was sent, without an event."""
        return self.x25.discard()

    def connection_made(self, now: float) -> list[XotEffect]:
        """A TCP connection is there."""
        self._framer = XotFramer()
        self._deadline, self._now = now + self.config.setup_timeout, now
        self._input(XotInput.CONNECTED)
        return self._take()

    def connection_lost(self, reason: str, now: float) -> list[XotEffect]:
        """The TCP connection is gone."""
        self._deadline, self._now = None, now
        self._input(XotInput.LOST, reason)
        return self._take()

    def received(self, data: bytes, now: float) -> list[XotEffect]:
        """Octets of the connection."""
        self._now = now
        try:
            for packet in self._framer.feed(data):
                if self.state is XotState.CLOSING:
                    break
                self.packets_received += 1
                self._out.append(PacketCrossed(False, packet))
                self._packet = packet
                if self.state is not XotState.SETTING_UP:
                    self._input(XotInput.PACKET)
                elif self.config.initiator:
                    self._answered()
                else:
                    self._asked()
        except XotError as error:
            self._input(XotInput.BAD_OCTETS, f"not X.25 over TCP: {error}")
        return self._take()

    def send(self, message: bytes, now: float) -> list[XotEffect]:
        """Send a message, or keep it until the circuit is up. Raises :class:`ValueError` for an empty one."""
        self._carry_out(self.x25.send(message, now))
        return self._take()

    def busy(self, on: bool, now: float) -> list[XotEffect]:
        """Ask the peer to send no more messages for now (RNR), or to go on (RR)."""
        self._carry_out(self.x25.busy(on, now))
        return self._take()

    def clear(self, now: float) -> list[XotEffect]:
        """End a call. The connection is closed after the peer's confirmation."""
        self._carry_out(self.x25.clear(now))
        return self._take()

    def tick(self, now: float) -> list[XotEffect]:
        """Time has passed."""
        if self._deadline is not None and now >= self._deadline:
            self._input(XotInput.TIMEOUT, "the peer does not set the circuit up")
        else:
            self._carry_out(self.x25.tick(now))
        return self._take()

    def next_deadline(self) -> float | None:
        """When :meth:`tick` is due."""
        deadlines = (self._deadline, self.x25.next_deadline() if self.connected else None)
        return min((each for each in deadlines if each is not None), default=None)

    def accepts(self, packet: bytes) -> PvcStatus | None:
        """As a responder: the status of a connection's first packet; WAITING if it is for this circuit.

        None: the packet is for another circuit (another kind, another number).
        """
        config = self.config
        if not is_pvc_setup(packet):
            return PvcStatus.WAITING if self._is_our_call(packet) else None
        if config.x25.circuit != "pvc":
            return None
        try:
            setup = PvcSetup.decode(packet)
        except XotError:
            return PvcStatus.PROTOCOL_ERROR
        if config.interface and setup.responder != config.interface:
            return PvcStatus.NO_INTERFACE
        if setup.responder_lcn != config.x25.lcn:
            return PvcStatus.NO_PVC
        if config.peer_interface and (setup.initiator, setup.initiator_lcn) != (
            config.peer_interface,
            config.peer_lcn,
        ):
            return PvcStatus.MISMATCH
        flow = (setup.window_in, setup.window_out, setup.size_in, setup.size_out)
        if flow != (config.x25.window, config.x25.window, config.x25.packet_size, config.x25.packet_size):
            return PvcStatus.FLOW_MISMATCH
        return PvcStatus.WAITING

    def _is_our_call(self, packet: bytes) -> bool:
        try:
            call = decode(packet)
        except PacketError:
            return False
        if self.config.x25.circuit != "svc" or not isinstance(call, CallRequest):
            return False
        # a responder's own address is the number that the peer calls
        own = self.config.x25.calling_address
        return not own or call.called == own

    def _write(self, packet: bytes) -> None:
        self.packets_sent += 1
        self._out += [Write(record(packet)), PacketCrossed(True, packet)]

    # --- the machine

    def _input(self, what: XotInput, reason: str = "", retry: float | None = None) -> None:
        """The transition function. ``reason`` and ``retry`` apply to a connection that this input ends."""
        move = self._table.get((self.state, what))
        if move is None:
            return
        self.state = move.next
        for action in move.actions:
            match action:
                case XotAction.HAND_UP:
                    self._deadline = None
                    self._carry_out(self.x25.received(self._packet, self._now))
                case XotAction.ASK:
                    self._write(self._setup().encode())
                case XotAction.ANSWER:
                    self._write(refusal(self._packet, self._status))
                case XotAction.LINK_UP:
                    if self._kind is not XotKind.SVC:
                        self._deadline = None  # that of a switched circuit runs until the first packet
                    self._carry_out(self.x25.link_up(self._now))
                case XotAction.LINK_DOWN:
                    self._carry_out(self.x25.link_down(reason, self._now))
                case XotAction.CLOSE:
                    self._deadline = None
                    self._out.append(ChannelAlarm("xot", reason))
                    self._out.append(Close(reason, self.config.reconnect if retry is None else retry))

    def _asked(self) -> None:
        status = self.accepts(self._packet)
        if status is None:
            self._input(XotInput.NO_SETUP, "the peer sends other packets before PVC Setup")
            return
        self._status = status
        if status is PvcStatus.WAITING:
            self._input(XotInput.SETUP_FITS)
        else:
            self._input(XotInput.SETUP_WRONG, f"PVC Setup refused: {status.text}")

    def _answered(self) -> None:
        try:
            setup = PvcSetup.decode(self._packet)
        except XotError as error:
            self._input(XotInput.NO_SETUP, f"no answer to PVC Setup: {error}", self.config.refused)
            return
        if setup.status == PvcStatus.WAITING:
            self._input(XotInput.SETUP_FITS)
            return
        why = f"{STATUS_TEXTS.get(setup.status, 'unknown')} ({setup.status:02X}h)"
        self._input(XotInput.SETUP_WRONG, f"the peer refuses the PVC: {why}", self.config.refused)

    def _setup(self) -> PvcSetup:
        config, x25 = self.config, self.config.x25
        return PvcSetup(
            initiator=config.interface,
            initiator_lcn=x25.lcn,
            responder=config.peer_interface,
            responder_lcn=config.peer_lcn,
            window_in=x25.window,
            window_out=x25.window,
            size_in=x25.packet_size,
            size_out=x25.packet_size,
        )

    def _carry_out(self, effects: Iterable[X25Effect]) -> None:
        for effect in effects:
            if isinstance(effect, SendPacket):
                self._write(effect.packet)
                continue
            if isinstance(effect, Up):
                self._input(XotInput.CIRCUIT_UP)
            if (
                self.state is XotState.CARRYING
                and isinstance(effect, ChannelAlarm)
                and effect.kind == "reset"
            ):
                continue  # the reset that sets a permanent circuit up is no alarm
            self._out.append(event_of(effect))
        if self._kind is not XotKind.SVC:
            return
        if self.x25.state is X25State.READY:
            self._input(XotInput.CALL_ENDED, "the call was cleared")
        else:
            self._input(XotInput.CALL_BEGUN)

    def _take(self) -> list[XotEffect]:
        effects, self._out = self._out, []
        return effects


def refusal(packet: bytes, status: PvcStatus) -> bytes:
    """The answer to a PVC Setup: the same packet with the status."""
    return packet[:4] + bytes([status]) + packet[5:]


def not_for_us(packet: bytes, status: PvcStatus | None) -> bytes:
    """The record that answers the first packet of a connection that no circuit here accepts; b"" for none."""
    if is_pvc_setup(packet):
        return record(refusal(packet, status or PvcStatus.NO_PVC)) if len(packet) >= _SETUP.size else b""
    try:
        call = decode(packet)
    except PacketError:
        return b""
    if not isinstance(call, CallRequest):
        return b""
    return record(ClearRequest(lcn=call.lcn, cause=_NOT_OBTAINABLE).encode())
