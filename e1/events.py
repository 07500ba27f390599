"""What a data channel (KPD) reports to its user, whichever layer it comes from and whatever carries the channel."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message arrived."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Up:
    """Messages can cross."""


@dataclass(frozen=True, slots=True)
class Down:
    """Messages can't cross any more. Waiting messages are kept (``keep_on_reset``)."""

    reason: str


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A message was given up. ``in_doubt``: it may have arrived."""

    message: bytes
    in_doubt: bool


@dataclass(frozen=True, slots=True)
class InterruptReceived:
    """Octets that the peer sent ahead of the data."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ChannelAlarm:
    """A message for people. ``kind``: one word for programs; ``text``: a sentence."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class FrameCrossed:
    """A sent or received frame (address, control, information; no FCS), for captures."""

    outbound: bool
    frame: bytes


@dataclass(frozen=True, slots=True)
class PacketCrossed:
    """A sent or received X.25 packet without a frame (XOT), for captures."""

    outbound: bool
    packet: bytes


ChannelEvent = (
    Message | Up | Down | Undelivered | InterruptReceived | ChannelAlarm | FrameCrossed | PacketCrossed
)
