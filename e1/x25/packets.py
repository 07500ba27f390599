"""X.25 packets, modulo 8: each class encodes and reads itself; :func:`decode` reads any packet.

:func:`decode` raises :class:`PacketError` and nothing else. Its result encodes to the same octets, except that
addresses are padded with 0 and an empty address and facility part of Call Accepted is left out.

Source: X.25 5 and 7 (header, types, facilities), confirmed by tshark field by field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from e1.x25.config import MAX_LCN

MAX_INTERRUPT = 32
"""Octets of an Interrupt packet (1 in the X.25 of 1980)."""
MAX_CALL_USER_DATA = 128
"""With fast select; 16 without."""
PACKET_SIZE_FACILITY, WINDOW_FACILITY = 0x42, 0x43
MODULO_8 = 1

Facilities = tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """Common fields of all packets. ``lcn``: logical channel number 0..4095; 0 only in restart and diagnostic."""

    kind: ClassVar[int]
    """Packet type octet, without the numbers that some types carry in it."""
    title: ClassVar[str]
    """The name of the packet, for people and as an input of the machine (:class:`e1.x25.machine.X25Input`)."""
    vectors: ClassVar[tuple[str, ...]] = ()
    """Packets in hexadecimal that stand for the class in tests."""

    lcn: int = 1

    def encode(self) -> bytes:
        """The octets of the packet. Raises :class:`ValueError` for a field outside its range."""
        return (
            _header(self.lcn, self.kind, getattr(self, "d", False), getattr(self, "q", False)) + self._body()
        )

    def _body(self) -> bytes:
        return b""

    @classmethod
    def read(cls, reader: _Reader) -> Self:
        """The packet of this class in octets whose header is read. Raises :class:`PacketError`."""
        return cls(lcn=reader.lcn)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp(Packet):
    """Fields of both packets that set up a call; addresses are digits, facilities (code, parameter) pairs."""

    bare: ClassVar[bool] = False
    """Whether the header alone is a whole packet."""

    called: str = ""
    calling: str = ""
    facilities: Facilities = ()
    user_data: bytes = b""
    d: bool = False

    def facility(self, code: int) -> bytes | None:
        """Parameter of the facility ``code``, None when the packet doesn't carry it."""
        return next((value for each, value in self.facilities if each == code), None)

    def _body(self) -> bytes:
        return _addresses(self.called, self.calling) + _facilities(self.facilities) + self.user_data

    @classmethod
    def read(cls, reader: _Reader) -> Self:
        d = bool(reader.raw[0] & 0x40)
        if cls.bare and not reader.left:
            return cls(lcn=reader.lcn, d=d)
        lengths = reader.take(1, "the octet of address lengths")[0]
        calling_length, called_length = lengths >> 4, lengths & 0xF
        start = reader.at
        octets = reader.take((calling_length + called_length + 1) // 2, "the addresses")
        digits = octets.hex()[: calling_length + called_length]
        for at, digit in enumerate(digits):
            if not digit.isdecimal():
                which = CALLED_ADDRESS if at < called_length else CALLING_ADDRESS
                raise reader.error(f"address digit {digit.upper()}h", which, start + at // 2)
        facilities = _read_facilities(reader) if reader.left else ()
        if reader.left > MAX_CALL_USER_DATA:
            raise reader.error(f"{reader.left} octets of call user data", TOO_LONG, reader.at)
        return cls(
            lcn=reader.lcn,
            called=digits[:called_length],
            calling=digits[called_length:],
            facilities=facilities,
            user_data=reader.rest(),
            d=d,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest(SetUp):
    """Call Request (from the DTE), Incoming Call (from the DCE)."""

    kind = 0x0B
    title = "call"
    vectors = ("10010b4625001178120642070743" + "0202", "10010b0000", "50010b0000c0ffee")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAccepted(SetUp):
    """Call Accepted (from the called side), Call Connected."""

    bare = True
    kind = 0x0F
    title = "call accepted"
    vectors = ("10010f", "10010f0006420707430202")

    def _body(self) -> bytes:
        if not (self.called or self.calling or self.facilities or self.user_data):
            return b""
        return SetUp._body(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caused(Packet):
    """Fields of clear, reset and restart: a cause and a diagnostic, which a DTE may leave out (None)."""

    cause: int = 0
    diagnostic: int | None = 0

    def _body(self) -> bytes:
        _in_range("cause", self.cause, 0xFF)
        if self.diagnostic is None:
            return bytes([self.cause])
        _in_range("diagnostic", self.diagnostic, 0xFF)
        return bytes([self.cause, self.diagnostic])

    @classmethod
    def read(cls, reader: _Reader) -> Self:
        cause, diagnostic = reader.caused()
        return cls(lcn=reader.lcn, cause=cause, diagnostic=diagnostic)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearRequest(Caused):
    """Clear Request, Clear Indication. ``rest``: the octets of the extended format after the diagnostic."""

    kind = 0x13
    title = "clear"
    vectors = ("1001130000", "10011313" + "24", "100113" + "05", "1001130000" + "0000")

    rest: bytes = b""

    def _body(self) -> bytes:
        if self.rest and self.diagnostic is None:
            raise ValueError("the extended format of clear needs a diagnostic")
        return Caused._body(self) + self.rest

    @classmethod
    def read(cls, reader: _Reader) -> Self:
        cause, diagnostic = reader.caused()
        return cls(lcn=reader.lcn, cause=cause, diagnostic=diagnostic, rest=reader.rest())


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearConfirmation(Packet):
    """Clear Confirmation. ``rest``: the octets of the extended format, which only a DCE sends."""

    kind = 0x17
    title = "clear confirmation"
    vectors = ("100117", "1001170000")

    rest: bytes = b""

    def _body(self) -> bytes:
        return self.rest

    @classmethod
    def read(cls, reader: _Reader) -> Self:
        return cls(lcn=reader.lcn, rest=reader.rest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Data(Packet):
    """Data: ``ps``, ``pr`` 0..7, ``more`` the M bit, ``q`` and ``d`` the bits of the same name."""

    kind = 0x00
    title = "data"
    vectors = ("100100" + "ffff7e1ff8", "100110" + "aa" * 128, "d00162" + "01", "1fffee")

    ps: int = 0
    pr: int = 0
    more: bool = False
    q: bool = False
    d: bool = False
    data: bytes = b""

    def encode(self) -> bytes:
        """The octets of the packet. Raises :class:`ValueError` for a field outside its range."""
        _in_range("P(S)", self.ps, 7)
        _in_range("P(R)", self.pr, 7)
        control = self.pr << 5 | self.more << 4 | self.ps << 1
        return _header(self.lcn, control, self.d, self.q) + self.data

    @classmethod
    def read(cls, reader: _Reader) -> Self:
        return cls(
            lcn=reader.lcn,
            ps=reader.kind >> 1 & 7,
            pr=reader.kind >> 5,
            more=bool(reader.kind & 0x10),
            q=bool(reader.raw[0] & 0x80),
            d=bool(reader.raw[0] & 0x40),
            data=reader.raw[3:],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupt(Packet):
    """Interrupt: 1..32 octets that overtake data."""

    kind = 0x23
    title = "interrupt"
    vectors = ("10012301", "100123" + "55" * MAX_INTERRUPT)

    data: bytes = b"\0"

    def _body(self) -> bytes:
        if not 1 <= len(self.data) <= MAX_INTERRUPT:
            raise ValueError(f"an interrupt carries 1..{MAX_INTERRUPT} octets, not {len(self.data)}")
        return self.data

    @classmethod
    def read(cls, reader: _Reader) -> Self:
        if reader.left > MAX_INTERRUPT:
            raise reader.error(f"{reader.left} octets of interrupt data", TOO_LONG, 3 + MAX_INTERRUPT)
        if not reader.left:
            raise reader.error("an interrupt without data", TOO_SHORT, 3)
        return cls(lcn=reader.lcn, data=reader.rest())


@dataclass(frozen=True, slots=True, kw_only=True)
class InterruptConfirmation(Packet):
    """Interrupt Confirmation."""

    kind = 0x27
    title = "interrupt confirmation"
    vectors = ("100127",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receive(Packet):
    """RR, RNR and REJ: ``pr`` 0..7 is the number of the data packet expected next."""

    pr: int = 0

    def encode(self) -> bytes:
        """The octets of the packet. Raises :class:`ValueError` for a field outside its range."""
        _in_range("P(R)", self.pr, 7)
        return _header(self.lcn, self.pr << 5 | self.kind)

    @classmethod
    def read(cls, reader: _Reader) -> Self:
        return cls(lcn=reader.lcn, pr=reader.kind >> 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveReady(Receive):
    """RR."""

    kind = 0x01
    title = "RR"
    vectors = ("100101", "1001e1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveNotReady(Receive):
    """RNR."""

    kind = 0x05
    title = "RNR"
    vectors = ("100105", "1001a5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject(Receive):
    """REJ: only from a DTE, only by subscription."""

    kind = 0x09
    title = "REJ"
    vectors = ("100129",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetRequest(Caused):
    """Reset Request, Reset Indication."""

    kind = 0x1B
    title = "reset"
    vectors = ("10011b0007", "10011b05", "10011b1d00")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetConfirmation(Packet):
    """Reset Confirmation."""

    kind = 0x1F
    title = "reset confirmation"
    vectors = ("10011f",)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartRequest(Caused):
    """Restart Request, Restart Indication."""

    kind = 0xFB
    title = "restart"
    vectors = ("1000fb0000", "1000fb07", "1000fb0083")

    lcn: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartConfirmation(Packet):
    """Restart Confirmation."""

    kind = 0xFF
    title = "restart confirmation"
    vectors = ("1000ff",)

    lcn: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic(Packet):
    """Diagnostic, from a DCE only. ``explanation``: the first three octets of the packet in error."""

    kind = 0xF1
    title = "diagnostic"
    vectors = ("1000f128100101", "1000f134")

    lcn: int = 0
    code: int = 0
    explanation: bytes = b""

    def _body(self) -> bytes:
        _in_range("diagnostic", self.code, 0xFF)
        return bytes([self.code]) + self.explanation

    @classmethod
    def read(cls, reader: _Reader) -> Self:
        return cls(lcn=reader.lcn, code=reader.take(1, "the code")[0], explanation=reader.rest())


INTERFACE = (RestartRequest, RestartConfirmation, Diagnostic)
"""Packets of logical channel 0."""
PACKETS: tuple[type[Packet], ...] = (
    CallRequest,
    CallAccepted,
    ClearRequest,
    ClearConfirmation,
    Data,
    Interrupt,
    InterruptConfirmation,
    ReceiveReady,
    ReceiveNotReady,
    Reject,
    ResetRequest,
    ResetConfirmation,
    RestartRequest,
    RestartConfirmation,
    Diagnostic,
)
"""All packets of X.25 except registration."""


def _header(lcn: int, kind: int, d: bool = False, q: bool = False) -> bytes:
    _in_range("logical channel", lcn, MAX_LCN)
    return bytes([q << 7 | d << 6 | MODULO_8 << 4 | lcn >> 8, lcn & 0xFF, kind])


def _addresses(called: str, calling: str) -> bytes:
    for name, address in (("called", called), ("calling", calling)):
        if len(address) > 15 or not all("0" <= digit <= "9" for digit in address):
            raise ValueError(f"{name} address {address!r}: up to 15 decimal digits")
    digits = called + calling
    return bytes([len(calling) << 4 | len(called)]) + bytes.fromhex(digits + "0" * (len(digits) % 2))


def _facilities(facilities: Facilities) -> bytes:
    out = b""
    for code, value in facilities:
        _in_range("facility code", code, 0xFF)
        size = (code >> 6) + 1
        if size == 4:
            _in_range(f"length of facility {code:02X}h", len(value), 0xFF)
            out += bytes([code, len(value)]) + value
        elif len(value) == size:
            out += bytes([code]) + value
        else:
            raise ValueError(f"facility {code:02X}h has {size} octets, not {len(value)}")
    _in_range("length of the facilities", len(out), 0xFF)
    return bytes([len(out)]) + out


def _in_range(name: str, value: int, last: int) -> None:
    if not 0 <= value <= last:
        raise ValueError(f"{name} {value}: 0..{last}")


# --- decoding ---------------------------------------------------------------------------------------------------------


TOO_SHORT, TOO_LONG, WRONG_GFI = 0x26, 0x27, 0x28
UNIDENTIFIABLE, NON_ZERO_LCN = 0x21, 0x29
FACILITY_PARAMETER, CALLED_ADDRESS, CALLING_ADDRESS, FACILITY_LENGTH = 0x42, 0x43, 0x44, 0x45


@dataclass(eq=False, repr=False)
class PacketError(Exception):
    """Octets that are no X.25 packet of modulo 8.

    ``diagnostic``: the reason as a code of X.25; ``offset``: the octet in error; ``lcn``: the logical channel;
    ``kind``: the packet type octet. The last two are None if they could not be read.
    """

    text: str
    diagnostic: int
    offset: int
    raw: bytes
    lcn: int | None = None
    kind: int | None = None

    def __str__(self) -> str:
        return f"octet {self.offset}: {self.text}"


def decode(raw: bytes) -> Packet:
    """The packet in ``raw`` (from the general format identifier to the end); :class:`PacketError` if none."""
    if len(raw) < 3:
        raise PacketError(f"a packet has 3 octets or more, not {len(raw)}", TOO_SHORT, len(raw), raw)
    lcn, octet = (raw[0] & 0xF) << 8 | raw[1], raw[2]
    reader = _Reader(raw, lcn, octet)
    if raw[0] >> 4 & 3 != MODULO_8:
        raise reader.error(f"general format identifier {raw[0] >> 4:X} is not of modulo 8", WRONG_GFI, 0)
    if octet & 1 == 0:
        return Data.read(reader)
    kind = _RECEIVE.get(octet & 0x1F) or _KINDS.get(octet)
    if kind is None:
        raise reader.error(f"packet type {octet:02X}h is none of X.25", UNIDENTIFIABLE, 2)
    bits = raw[0] & 0xC0
    if bits and (bits != 0x40 or not issubclass(kind, SetUp)):
        raise reader.error("Q, D or A bit in a packet that has none", WRONG_GFI, 0)
    packet = kind.read(reader)
    if kind in INTERFACE and lcn:
        raise reader.error(f"{packet.title} on logical channel {lcn}", NON_ZERO_LCN, 0)
    if reader.at < len(raw):
        raise reader.error(f"{packet.title} of {len(raw)} octets", TOO_LONG, reader.at)
    return packet


class _Reader:
    """The octets after the header, taken one field at a time."""

    def __init__(self, raw: bytes, lcn: int, kind: int) -> None:
        self.raw, self.lcn, self.kind, self.at = raw, lcn, kind, 3

    @property
    def left(self) -> int:
        return len(self.raw) - self.at

    def take(self, count: int, what: str, diagnostic: int = TOO_SHORT) -> bytes:
        if self.left < count:
            raise self.error(f"{what} is cut", diagnostic, len(self.raw))
        self.at += count
        return self.raw[self.at - count : self.at]

    def rest(self) -> bytes:
        return self.take(self.left, "the rest")

    def caused(self) -> tuple[int, int | None]:
        cause = self.take(1, "the cause")[0]
        return cause, self.take(1, "the diagnostic")[0] if self.left else None

    def error(self, text: str, diagnostic: int, offset: int) -> PacketError:
        return PacketError(text, diagnostic, offset, self.raw, self.lcn, self.kind)


def _read_facilities(reader: _Reader) -> Facilities:
    length = reader.take(1, "the facility length")[0]
    end = reader.at + length
    if reader.left < length:
        raise reader.error("the facilities are cut", FACILITY_LENGTH, len(reader.raw))
    facilities = []
    while reader.at < end:
        code = reader.take(1, "a facility code")[0]
        # the two high bits are the class, which gives the length: 1, 2, 3 octets, or a length octet
        size = (code >> 6) + 1
        if size == 4 and reader.at < end:
            size = reader.take(1, "a facility length")[0]
        if reader.at + size > end:
            raise reader.error(f"facility {code:02X}h goes past the end", FACILITY_LENGTH, reader.at)
        facilities.append((code, reader.take(size, "a facility")))
    return tuple(facilities)


_RECEIVE: Mapping[int, type[Packet]] = {each.kind: each for each in (ReceiveReady, ReceiveNotReady, Reject)}
"""By the type octet without the bits of P(R)."""
_KINDS: Mapping[int, type[Packet]] = {
    each.kind: each for each in PACKETS if not issubclass(each, Data | Receive)
}


# --- causes and diagnostics in words (X.25 annex E); 80h..8Fh in a Restart are ours (e1.x25.outbox) ----------------


Table = Mapping[int, str]
_DTE = "DTE originated"

CLEAR_CAUSES: Table = {
    0x00: _DTE,
    0x01: "number busy",
    0x03: "invalid facility request",
    0x05: "network congestion",
    0x09: "out of order",
    0x0B: "access barred",
    0x0D: "not obtainable",
    0x11: "remote procedure error",
    0x13: "local procedure error",
    0x15: "RPOA out of order",
    0x19: "reverse charging not accepted",
    0x21: "incompatible destination",
    0x29: "fast select not accepted",
    0x39: "destination absent",
}
RESET_CAUSES: Table = {
    0x00: _DTE,
    0x01: "out of order (PVC)",
    0x03: "remote procedure error",
    0x05: "local procedure error",
    0x07: "network congestion",
    0x09: "remote DTE operational (PVC)",
    0x0F: "network operational (PVC)",
    0x11: "incompatible destination",
    0x1D: "network out of order (PVC)",
}
RESTART_CAUSES: Table = {
    0x00: _DTE,
    0x01: "local procedure error",
    0x03: "network congestion",
    0x07: "network operational",
    0x7F: "registration/cancellation confirmed",
}
_STATES = ("r1", "r2", "r3", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "d1", "d2", "d3")
DIAGNOSTICS: Table = {
    0x00: "no additional information",
    0x01: "invalid P(S)",
    0x02: "invalid P(R)",
    0x10: "packet type invalid",
    **{0x11 + at: f"packet type invalid for state {name}" for at, name in enumerate(_STATES)},
    0x20: "packet not allowed",
    0x21: "unidentifiable packet",
    0x22: "call on a one-way logical channel",
    0x23: "packet type invalid on a PVC",
    0x24: "packet on an unassigned logical channel",
    0x25: "REJ not subscribed to",
    0x26: "packet too short",
    0x27: "packet too long",
    0x28: "invalid general format identifier",
    0x29: "restart on a logical channel other than 0",
    0x2A: "packet not compatible with a facility",
    0x2B: "unauthorised interrupt confirmation",
    0x2C: "unauthorised interrupt",
    0x2D: "unauthorised reject",
    0x30: "timer expired",
    0x31: "timer expired for a call",
    0x32: "timer expired for a clear",
    0x33: "timer expired for a reset",
    0x34: "timer expired for a restart",
    0x35: "timer expired for call deflection",
    0x40: "call set-up, clearing or registration problem",
    0x41: "facility code not allowed",
    0x42: "facility parameter not allowed",
    0x43: "invalid called address",
    0x44: "invalid calling address",
    0x45: "invalid facility length",
    0x46: "incoming call barred",
    0x47: "no logical channel available",
    0x48: "call collision",
    0x49: "duplicate facility",
    0x4A: "non-zero address length",
    0x4B: "non-zero facility length",
    0x4C: "facility not provided when expected",
    0x4D: "invalid CCITT-specified DTE facility",
    0x4E: "too many redirections",
    0x50: "miscellaneous",
    0x51: "improper cause code from a DTE",
    0x52: "not octet aligned",
    0x53: "inconsistent Q bit",
    0x54: "NUI problem",
    0x70: "international problem",
    0x71: "remote network problem",
    0x72: "international protocol problem",
    0x73: "international link out of order",
    0x74: "international link busy",
    0x75: "transit network facility problem",
    0x76: "remote network facility problem",
    0x77: "international routing problem",
    0x78: "temporary routing problem",
    0x7A: "maintenance action",
}

_TABLES: Mapping[str, Table] = {"clear": CLEAR_CAUSES, "reset": RESET_CAUSES, "restart": RESTART_CAUSES}

Kind = Literal["clear", "reset", "restart"]


def cause_text(kind: Kind, cause: int) -> str:
    """The cause (0..255) of a clear, reset or restart in words, with the code in hexadecimal."""
    return f"{_DTE if cause & 0x80 else _TABLES[kind].get(cause, 'unknown')} ({cause:02X}h)"


def diagnostic_text(diagnostic: int | None) -> str:
    """The diagnostic (0..255, None: left out) in words, with the code in hexadecimal."""
    return (
        "no diagnostic"
        if diagnostic is None
        else f"{DIAGNOSTICS.get(diagnostic, 'unknown')} ({diagnostic:02X}h)"
    )
