"""The effects of the X.25 packet layer: what is to be done, in order."""

from __future__ import annotations

from dataclasses import dataclass

from e1.events import ChannelAlarm, InterruptReceived, Undelivered, Up


@dataclass(frozen=True, slots=True)
class SendPacket:
    """Give this packet to the link."""

    packet: bytes


@dataclass(frozen=True, slots=True)
class DeliverMessage:
    """A whole message arrived. ``qualified``: its packets had the Q bit."""

    message: bytes
    qualified: bool = False


@dataclass(frozen=True, slots=True)
class CircuitDown:
    """Data can't cross any more. ``cause``, ``diagnostic``: of the packet that ended the circuit, if any."""

    reason: str
    cause: int | None = None
    diagnostic: int | None = None


X25Effect = SendPacket | DeliverMessage | Up | CircuitDown | InterruptReceived | Undelivered | ChannelAlarm
