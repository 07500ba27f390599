"""The one place where octets become X.25 packets.

:func:`decode` raises :class:`PacketError` and nothing else. What it gives encodes back to the same octets, except
that addresses are padded with 0 and an empty address and facility part of Call Accepted is left out.
Source: X.25 5 and annex E.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from e1.x25_packets import (
    MAX_CALL_USER_DATA,
    MAX_INTERRUPT,
    MODULO_8,
    CallAccepted,
    CallRequest,
    ClearConfirmation,
    ClearRequest,
    Data,
    Diagnostic,
    Facilities,
    Interrupt,
    InterruptConfirmation,
    Packet,
    Receive,
    ReceiveNotReady,
    ReceiveReady,
    Reject,
    ResetConfirmation,
    ResetRequest,
    RestartConfirmation,
    RestartRequest,
)

TOO_SHORT, TOO_LONG, WRONG_GFI = 0x26, 0x27, 0x28
UNIDENTIFIABLE, NON_ZERO_LCN = 0x21, 0x29
FACILITY_PARAMETER, CALLED_ADDRESS, CALLING_ADDRESS, FACILITY_LENGTH = 0x42, 0x43, 0x44, 0x45


class PacketError(Exception):
    """Octets that are no X.25 packet of modulo 8.

    ``diagnostic`` is X.25's code of the reason, ``offset`` the octet where it shows, ``lcn`` the logical channel
    and ``kind`` the packet type octet, both None as far as they could not be read.
    """

    def __init__(
        self,
        text: str,
        diagnostic: int,
        offset: int,
        raw: bytes,
        *,
        lcn: int | None = None,
        kind: int | None = None,
    ) -> None:
        super().__init__(f"octet {offset}: {text}")
        self.text = text
        self.diagnostic = diagnostic
        self.offset = offset
        self.raw = raw
        self.lcn = lcn
        self.kind = kind


def decode(raw: bytes) -> Packet:
    """The packet in ``raw`` (from the general format identifier to the end); :class:`PacketError` if none."""
    if len(raw) < 3:
        raise PacketError(f"a packet has 3 octets or more, not {len(raw)}", TOO_SHORT, len(raw), raw)
    lcn, octet = (raw[0] & 0xF) << 8 | raw[1], raw[2]
    reader = _Reader(raw, lcn, octet)
    if raw[0] >> 4 & 3 != MODULO_8:
        raise reader.error(f"general format identifier {raw[0] >> 4:X} is not of modulo 8", WRONG_GFI, 0)
    make: Callable[[_Reader], Packet] | None
    if octet & 1 == 0:
        return _data(reader)
    if octet & 0x1F in _RECEIVE:
        make = _receive
    else:
        make = _MAKERS.get(octet)
        if make is None:
            raise reader.error(f"packet type {octet:02X}h is none of X.25", UNIDENTIFIABLE, 2)
    bits = raw[0] & (0x80 if make is _call or make is _accepted else 0xC0)
    if bits:
        raise reader.error("Q, D or A bit in a packet that has none", WRONG_GFI, 0)
    packet = make(reader)
    if octet in _CHANNEL_ZERO and lcn:
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

    def error(self, text: str, diagnostic: int, offset: int) -> PacketError:
        return PacketError(text, diagnostic, offset, self.raw, lcn=self.lcn, kind=self.kind)


def _data(reader: _Reader) -> Data:
    return Data(
        lcn=reader.lcn,
        ps=reader.kind >> 1 & 7,
        pr=reader.kind >> 5,
        more=bool(reader.kind & 0x10),
        q=bool(reader.raw[0] & 0x80),
        d=bool(reader.raw[0] & 0x40),
        data=reader.raw[3:],
    )


def _receive(reader: _Reader) -> Packet:
    return _RECEIVE[reader.kind & 0x1F](lcn=reader.lcn, pr=reader.kind >> 5)


SetUpT = TypeVar("SetUpT", CallRequest, CallAccepted)


def _set_up(reader: _Reader, of: type[SetUpT]) -> SetUpT:
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
    return of(
        lcn=reader.lcn,
        called=digits[:called_length],
        calling=digits[called_length:],
        facilities=facilities,
        user_data=reader.take(reader.left, "call user data"),
        d=bool(reader.raw[0] & 0x40),
    )


def _call(reader: _Reader) -> CallRequest:
    return _set_up(reader, CallRequest)


def _accepted(reader: _Reader) -> CallAccepted:
    if not reader.left:
        return CallAccepted(lcn=reader.lcn, d=bool(reader.raw[0] & 0x40))
    return _set_up(reader, CallAccepted)


def _read_facilities(reader: _Reader) -> Facilities:
    length = reader.take(1, "the facility length")[0]
    end = reader.at + length
    if reader.left < length:
        raise reader.error("the facilities are cut", FACILITY_LENGTH, len(reader.raw))
    facilities = []
    while reader.at < end:
        code = reader.take(1, "a facility code")[0]
        # the two high bits are the class, which tells the length: 1, 2, 3 octets, or a length octet
        size = (code >> 6) + 1
        if size == 4 and reader.at < end:
            size = reader.take(1, "a facility length")[0]
        if reader.at + size > end:
            raise reader.error(f"facility {code:02X}h goes past the end", FACILITY_LENGTH, reader.at)
        facilities.append((code, reader.take(size, "a facility")))
    return tuple(facilities)


CausedT = TypeVar("CausedT", ResetRequest, RestartRequest)


def _caused(of: type[CausedT]) -> Callable[[_Reader], Packet]:
    def make(reader: _Reader) -> Packet:
        cause = reader.take(1, "the cause")[0]
        diagnostic = reader.take(1, "the diagnostic")[0] if reader.left else None
        return of(lcn=reader.lcn, cause=cause, diagnostic=diagnostic)

    return make


def _clear(reader: _Reader) -> Packet:
    cause = reader.take(1, "the cause")[0]
    diagnostic = reader.take(1, "the diagnostic")[0] if reader.left else None
    rest = reader.take(reader.left, "the rest")
    return ClearRequest(lcn=reader.lcn, cause=cause, diagnostic=diagnostic, rest=rest)


def _clear_confirmation(reader: _Reader) -> Packet:
    return ClearConfirmation(lcn=reader.lcn, rest=reader.take(reader.left, "the rest"))


def _interrupt(reader: _Reader) -> Packet:
    if reader.left > MAX_INTERRUPT:
        raise reader.error(f"{reader.left} octets of interrupt data", TOO_LONG, 3 + MAX_INTERRUPT)
    if not reader.left:
        raise reader.error("an interrupt without data", TOO_SHORT, 3)
    return Interrupt(lcn=reader.lcn, data=reader.take(reader.left, "interrupt data"))


def _diagnostic(reader: _Reader) -> Packet:
    code = reader.take(1, "the code")[0]
    return Diagnostic(lcn=reader.lcn, code=code, explanation=reader.take(reader.left, "the explanation"))


def _bare(of: type[Packet]) -> Callable[[_Reader], Packet]:
    return lambda reader: of(lcn=reader.lcn)


_RECEIVE: Mapping[int, type[Receive]] = {each.kind: each for each in (ReceiveReady, ReceiveNotReady, Reject)}
_MAKERS: Mapping[int, Callable[[_Reader], Packet]] = {
    CallRequest.kind: _call,
    CallAccepted.kind: _accepted,
    ClearRequest.kind: _clear,
    ClearConfirmation.kind: _clear_confirmation,
    Interrupt.kind: _interrupt,
    InterruptConfirmation.kind: _bare(InterruptConfirmation),
    ResetRequest.kind: _caused(ResetRequest),
    ResetConfirmation.kind: _bare(ResetConfirmation),
    RestartRequest.kind: _caused(RestartRequest),
    RestartConfirmation.kind: _bare(RestartConfirmation),
    Diagnostic.kind: _diagnostic,
}
_CHANNEL_ZERO = frozenset({RestartRequest.kind, RestartConfirmation.kind, Diagnostic.kind})
