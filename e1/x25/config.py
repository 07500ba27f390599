"""Settings of an X.25 circuit. What the sources leave open is a setting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from e1.settings import Range, check

Role = Literal["dte", "dce"]
Circuit = Literal["pvc", "svc"]
PacketSize = Literal[16, 32, 64, 128, 256, 512, 1024, 2048, 4096]
MAX_LCN = 0xFFF
"""The highest logical channel number: 12 bits (X.25 5.1)."""
MAX_WINDOW = 7
FRAME_OVERHEAD = 7
"""Octets of an I frame with a data packet that are not user data: address, control, packet header, FCS."""
MOST_DIGITS = 15
"""The most digits of an address, whose length has four bits (X.25 5.2)."""

_Window = Annotated[int, Range(1, MAX_WINDOW)]
_Timer = Annotated[float, Range(above=0)]
_Retries = Annotated[int, Range(0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class X25Config:
    """One circuit on one link. Times are in seconds. :class:`ValueError` for a value outside its range."""

    role: Role = "dte"
    """Side of X.25 of this end: it decides timers, causes, and the end that gives way when two calls collide."""
    circuit: Circuit = "pvc"
    """Permanent or switched; no public source states which of them the consoles use."""
    lcn: Annotated[int, Range(1, MAX_LCN)] = 1
    """Logical channel number, 1..4095, the same on both ends."""
    packet_size: PacketSize = 128
    """Octets of user data in a packet: a power of two, 16..4096. Of a call: what we ask for."""
    window: _Window = 2
    """Unacknowledged data packets in one direction, 1..7. Of a call: what we ask for."""
    calls: bool = False
    """Switched circuits: whether this side places the call (again ``call_retry`` after it was cleared)."""
    called_address: str = ""
    """Digits of the other side, in our call."""
    calling_address: str = ""
    """Our digits, in our call; a responder over XOT takes calls to these alone, or to any number if there are none."""
    call_retry: _Timer = 5.0
    """Seconds until the next call after a circuit was cleared or not set up."""
    negotiate: bool = True
    """Our call carries the facilities packet size and window."""
    default_packet_size: PacketSize = 128
    """Of a call that carries no such facility."""
    default_window: _Window = 2
    """Of a call that carries no such facility."""

    t20: _Timer = 180.0
    """DTE, seconds after Restart that its confirmation may take."""
    t21: _Timer = 200.0
    """DTE, seconds after Call."""
    t22: _Timer = 180.0
    """DTE, seconds after Reset."""
    t23: _Timer = 180.0
    """DTE, seconds after Clear."""
    r20: _Retries = 1
    """DTE: how often Restart is sent again before there is an alarm."""
    r22: _Retries = 1
    """DTE: how often Reset is sent again."""
    r23: _Retries = 1
    """DTE: how often Clear is sent again."""
    t10: _Timer = 60.0
    """DCE, seconds after Restart that its confirmation may take."""
    t11: _Timer = 180.0
    """DCE, seconds after Call."""
    t12: _Timer = 60.0
    """DCE, seconds after Reset."""
    t13: _Timer = 60.0
    """DCE, seconds after Clear."""
    r10: _Retries = 1
    """DCE: how often Restart is sent again before there is an alarm."""
    r12: _Retries = 1
    """DCE: how often Reset is sent again."""
    r13: _Retries = 1
    """DCE: how often Clear is sent again."""

    transport: Literal["lapb", "xot"] = "lapb"
    """Over XOT there is no Restart, Diagnostic or REJ, and the logical channel number means nothing."""
    unassigned: Literal["clear", "diagnostic"] = "clear"
    """Answer to a packet on another logical channel; ``diagnostic`` (1988) is for a DCE only."""
    diagnostics: bool = True
    """A DCE reports unreadable packets with a Diagnostic packet; off: they are discarded."""
    keep_on_reset: bool = True
    """Unacknowledged messages survive Reset, Restart, Clear and link loss; off: they are given up."""
    in_doubt: Literal["report", "repeat"] = "report"
    """A message that was sent entirely and not acknowledged, when it is not known whether it arrived: after a link
    loss if the peer doesn't report it; at a Reset, Clear or Restart if LAPB can't show it either. Give it up and report
    it (never twice), or send it again (never lost)."""
    resume: bool = True
    """Report to the peer how many messages arrived, in the diagnostic of a Restart (80h..8Fh)."""
    queue_limit: Annotated[int, Range(1)] = 10_000
    """The most messages that wait; a further one is given up at once."""
    max_message: Annotated[int, Range(1)] = 65_536
    """Octets of a received message, over all its packets."""

    def __post_init__(self) -> None:
        digits = f"up to {MOST_DIGITS} digits"
        check(
            self,
            ("called_address", _is_address(self.called_address), digits),
            ("calling_address", _is_address(self.calling_address), digits),
        )


def _is_address(text: str) -> bool:
    return len(text) <= MOST_DIGITS and (not text or (text.isascii() and text.isdigit()))
