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
    """Something that a person should know. ``kind``: role-mismatch, link-reset, frmr-sent, frmr-received, not-sent."""

    kind: str
    text: str


LapbEffect = Transmit | Deliver | LinkUp | LinkDown | LapbAlarm


@dataclass(slots=True)
class LapbCounters:
    """What has crossed: ``sent`` and ``received`` by kind of frame (I frames sent again are ``resent`` too), frames
    ``invalid`` (too short, foreign address, command and response mixed up), ``out_of_sequence`` I frames, ``t1`` run
    out, ``resets`` and link ``ups`` and ``downs``."""

    sent: Counter[str] = field(default_factory=Counter)
    received: Counter[str] = field(default_factory=Counter)
    resent: int = 0
    invalid: int = 0
    out_of_sequence: int = 0
    t1: int = 0
    resets: int = 0
    ups: int = 0
    downs: int = 0
