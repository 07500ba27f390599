"""The meaning of causes and diagnostics of X.25, in words.

The codes are those of X.25 annex E; 80h..8Fh in a Restart are ours (:mod:`e1.x25.outbox`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

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
