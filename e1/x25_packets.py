"""X.25 packets, modulo 8: one class per packet, which encodes itself (:mod:`e1.x25_decode` reads them).

Source: X.25 5 and 7 (header, types, facilities), confirmed by tshark field by field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

MAX_LCN = 0xFFF
MAX_INTERRUPT = 32
"""Octets of an Interrupt packet (1 in the X.25 of 1980)."""
MAX_CALL_USER_DATA = 128
"""With fast select; 16 without."""
PACKET_SIZE_FACILITY, WINDOW_FACILITY = 0x42, 0x43
MODULO_8 = 1

Facilities = tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """What every packet has. ``lcn``: logical channel number 0..4095; 0 only in restart and diagnostic."""

    kind: ClassVar[int]
    """Packet type octet, without the numbers that some types carry in it."""
    title: ClassVar[str]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp(Packet):
    """Fields of both packets that set up a call; addresses are digits, facilities (code, parameter) pairs."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest(SetUp):
    """Call Request (from the DTE), Incoming Call (from the DCE)."""

    kind = 0x0B
    title = "call"
    vectors = ("10010b4625001178120642070743" + "0202", "10010b0000", "50010b0000c0ffee")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAccepted(SetUp):
    """Call Accepted (from the called side), Call Connected; may be the header alone."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearRequest(Caused):
    """Clear Request, Clear Indication. ``rest``: what the extended format has after the diagnostic."""

    kind = 0x13
    title = "clear"
    vectors = ("1001130000", "10011313" + "24", "100113" + "05", "1001130000" + "0000")

    rest: bytes = b""

    def _body(self) -> bytes:
        if self.rest and self.diagnostic is None:
            raise ValueError("the extended format of clear needs a diagnostic")
        return Caused._body(self) + self.rest


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearConfirmation(Packet):
    """Clear Confirmation. ``rest``: what the extended format of a DCE has."""

    kind = 0x17
    title = "clear confirmation"
    vectors = ("100117", "1001170000")

    rest: bytes = b""

    def _body(self) -> bytes:
        return self.rest


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
    """Diagnostic, from a DCE only. ``explanation``: the first three octets of the packet it complains of."""

    kind = 0xF1
    title = "diagnostic"
    vectors = ("1000f128100101", "1000f134")

    lcn: int = 0
    code: int = 0
    explanation: bytes = b""

    def _body(self) -> bytes:
        _in_range("diagnostic", self.code, 0xFF)
        return bytes([self.code]) + self.explanation


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
"""Every packet there is; registration is not."""


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
