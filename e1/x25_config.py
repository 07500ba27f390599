"""Settings of an X.25 circuit. Every fact that the sources leave open is a field here (LINK 1.3, 2.2-2.6, 8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from e1.x25_packets import MAX_LCN
from e1.x25_table import Circuit, Role

PACKET_SIZES = tuple(2**exponent for exponent in range(4, 13))
MAX_WINDOW = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class X25Config:
    """One circuit on one link. Times are in seconds. :class:`ValueError` for a value outside its range."""

    role: Role = "dte"
    """Which side of X.25 we are: decides timers, causes, and who gives way when two calls collide."""
    circuit: Circuit = "pvc"
    """Permanent or switched; public sources don't say which the consoles of this field use."""
    lcn: int = 1
    """Logical channel number, 1..4095, the same on both ends."""
    packet_size: int = 128
    """Octets of user data in a packet: a power of two, 16..4096. Of a call: what we ask for."""
    window: int = 2
    """Unacknowledged data packets in one direction, 1..7. Of a call: what we ask for."""
    calls: bool = False
    """Switched circuits: whether this side places the call (again ``call_retry`` after it was cleared)."""
    called_address: str = ""
    """Digits of the other side, in our call."""
    calling_address: str = ""
    """Our digits, in our call; a responder over XOT takes calls to these alone, or to any number if there are none."""
    call_retry: float = 5.0
    negotiate: bool = True
    """Our call carries the facilities packet size and window."""
    default_packet_size: int = 128
    """Of a call that carries no such facility."""
    default_window: int = 2
    """Of a call that carries no such facility."""

    t20: float = 180.0
    """DTE, after Restart; ``r20``: how often it is sent again before there is an alarm."""
    t21: float = 200.0
    """DTE, after Call."""
    t22: float = 180.0
    """DTE, after Reset; ``r22``: how often it is sent again."""
    t23: float = 180.0
    """DTE, after Clear; ``r23``: how often it is sent again."""
    r20: int = 1
    r22: int = 1
    r23: int = 1
    t10: float = 60.0
    """DCE, after Restart; ``r10`` as for a DTE."""
    t11: float = 180.0
    """DCE, after Call."""
    t12: float = 60.0
    """DCE, after Reset."""
    t13: float = 60.0
    """DCE, after Clear."""
    r10: int = 1
    r12: int = 1
    r13: int = 1

    transport: Literal["lapb", "xot"] = "lapb"
    """Over XOT there is no Restart, Diagnostic or REJ, and the logical channel number means nothing."""
    unassigned: Literal["clear", "diagnostic"] = "clear"
    """Answer to a packet on another logical channel; ``diagnostic`` (1988) is for a DCE only."""
    diagnostics: bool = True
    """A DCE tells unreadable packets with a Diagnostic packet; off: they are discarded."""
    confirm_interrupts: bool = True
    """Interrupts are confirmed at once; off: by ``confirm_interrupt``."""
    keep_on_reset: bool = True
    """Messages that are not acknowledged survive Reset, Restart, Clear and link loss; off: they are given up."""
    in_doubt: Literal["report", "repeat"] = "report"
    """A message that was sent entirely when the link was lost, unacknowledged, when the peer doesn't tell what
    arrived: give it up and report it (never twice), or send it again (never lost)."""
    resume: bool = True
    """Tell the peer in the diagnostic of a Restart (80h..8Fh) how many messages arrived."""
    queue_limit: int = 10_000
    """Messages that wait; one more is given up at once."""
    max_message: int = 65_536
    """Octets of a received message, over all its packets."""

    def __post_init__(self) -> None:
        if self.role not in ("dte", "dce"):
            raise ValueError(f"role {self.role!r}: 'dte' or 'dce'")
        if self.circuit not in ("pvc", "svc"):
            raise ValueError(f"circuit {self.circuit!r}: 'pvc' or 'svc'")
        if not 1 <= self.lcn <= MAX_LCN:
            raise ValueError(f"lcn {self.lcn}: 1..{MAX_LCN}")
        for name in ("packet_size", "default_packet_size"):
            if getattr(self, name) not in PACKET_SIZES:
                raise ValueError(f"{name} {getattr(self, name)}: a power of two, 16..4096")
        for name in ("window", "default_window"):
            if not 1 <= getattr(self, name) <= MAX_WINDOW:
                raise ValueError(f"{name} {getattr(self, name)}: 1..{MAX_WINDOW}")
