"""LAPB frames, modulo 8, without FCS (X.25 2.3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from e1.lapb.config import LapbConfig


class Kind(StrEnum):
    """The meaning of a control field."""

    I = "I"  # noqa: E741 - the frame's name in X.25
    RR = "RR"
    RNR = "RNR"
    REJ = "REJ"
    SABM = "SABM"
    SABME = "SABME"
    DISC = "DISC"
    DM = "DM"
    UA = "UA"
    FRMR = "FRMR"
    UNDEFINED = "undefined"


SUPERVISORY = {0x01: Kind.RR, 0x05: Kind.RNR, 0x09: Kind.REJ}
UNNUMBERED = {
    0x2F: Kind.SABM,
    0x6F: Kind.SABME,
    0x43: Kind.DISC,
    0x0F: Kind.DM,
    0x63: Kind.UA,
    0x87: Kind.FRMR,
}
CONTROL = {kind: base for base, kind in (SUPERVISORY | UNNUMBERED).items()}
COMMANDS = frozenset({Kind.I, Kind.SABM, Kind.SABME, Kind.DISC})
"""Never a response."""
RESPONSES = frozenset({Kind.DM, Kind.UA, Kind.FRMR})
"""Never a command: 0Fh as a command would be SARM of the older LAP, which is undefined here."""
NUMBERED = frozenset({Kind.I, Kind.RR, Kind.RNR, Kind.REJ})
"""Frames that carry N(R)."""

POLL_FINAL = 0x10
W, X, Y, Z = 0x01, 0x02, 0x04, 0x08
"""Bits of the third octet of FRMR."""
FRMR_BITS = {
    W: "control field undefined or not implemented",
    X: "information where none is allowed, or a frame of wrong length",
    Y: "information longer than N1 allows",
    Z: "invalid N(R)",
}
FRMR_OCTETS = 3


@dataclass(slots=True)
class Frame:
    """A frame as it was received. ``pf``: the P bit of a command, the F bit of a response."""

    kind: Kind
    command: bool
    pf: bool
    ns: int
    nr: int
    control: int
    data: bytes


def parse(raw: bytes, config: LapbConfig) -> Frame | None:
    """The frame in ``raw``, read by the end with ``config``. None if it is too short or has another address."""
    if len(raw) < 2 or raw[0] not in (config.command_address, config.response_address):
        return None
    control = raw[1]
    if not control & 1:
        kind = Kind.I
    elif not control & 2:
        kind = SUPERVISORY.get(control & 0x0F, Kind.UNDEFINED)
    else:
        kind = UNNUMBERED.get(control & ~POLL_FINAL & 0xFF, Kind.UNDEFINED)
    command = raw[0] == config.response_address
    return Frame(kind, command, bool(control & POLL_FINAL), control >> 1 & 7, control >> 5, control, raw[2:])


def information(address: int, ns: int, nr: int, *, poll: bool, data: bytes) -> bytes:
    """An I frame."""
    return bytes((address, nr << 5 | poll << 4 | ns << 1)) + data


def supervisory(address: int, kind: Kind, nr: int, *, pf: bool) -> bytes:
    """RR, RNR or REJ."""
    return bytes((address, nr << 5 | pf << 4 | CONTROL[kind]))


def unnumbered(address: int, kind: Kind, *, pf: bool, data: bytes = b"") -> bytes:
    """A frame without numbers; ``data`` in FRMR only."""
    return bytes((address, CONTROL[kind] | pf << 4)) + data


def frmr_octets(rejected: Frame, vr: int, vs: int, bits: int) -> bytes:
    """The information of FRMR about ``rejected`` (X.25 2.3)."""
    return bytes((rejected.control, vr << 5 | (not rejected.command) << 4 | vs << 1, bits))


def frmr_text(data: bytes) -> str:
    """The three octets of FRMR in words."""
    control, variables, bits = data
    why = [text for bit, text in FRMR_BITS.items() if bits & bit] or ["no reason given"]
    sort = "response" if variables & POLL_FINAL else "command"
    numbers = f"V(R)={variables >> 5} V(S)={variables >> 1 & 7}"
    return f"control field {control:02X}h of a {sort} rejected at {numbers}: {'; '.join(why)}"
