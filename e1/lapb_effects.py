"""What a LAPB link asks for, and what it counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


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
