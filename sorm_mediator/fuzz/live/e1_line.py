"""The fuzzer's end of an E1: channels that also send what LAPB and X.25 would not."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from e1.carriers.carrier import FramedCarrier
from e1.channel import DataChannel
from e1.events import ChannelEvent as ChannelReport
from e1.events import Message as Arrived
from e1.hdlc import HdlcTransmitter
from e1.lapb.config import LapbConfig
from e1.stream import CHANNEL_NAMES
from e1.x25.config import X25Config
from e1.x25.effects import X25Effect
from e1.x25.layer import PacketLayer
from sorm_mediator.console.e1_client import ConsoleLine

LONGER: Final = 4
"""How many times the bits of a right frame a wrong one may have."""
MOST_RAW: Final = 64_000
"""Octets that wait for the timeslot: eight seconds."""


class LateLayer(PacketLayer):
    """A packet layer that may keep its acknowledgements, and its data with them, for a while: P(R) has no limit of time
    (X.25 4.4.1.4)."""

    withheld_until = 0.0

    def _pump(self) -> None:
        if self._now >= self.withheld_until:
            super()._pump()

    def tick(self, now: float) -> list[X25Effect]:
        if 0 < self.withheld_until <= now:
            self.withheld_until = 0.0
            return self._run(None, now) + super().tick(now)
        return super().tick(now)


class SpoiltChannel(DataChannel):
    """A data channel of the console's end that also sends what LAPB and X.25 would not."""

    def __init__(self, lapb: LapbConfig, x25: X25Config) -> None:
        # Its own end sends frames that are too long for the other.
        super().__init__(replace(lapb, n1=LONGER * lapb.n1), x25)
        self.x25: LateLayer = LateLayer(x25)
        self._raw: deque[bytes] = deque()
        self._waiting = 0

    def raw(self, octets: bytes) -> None:
        """Octets of the timeslot, as they are."""
        if self._waiting + len(octets) <= MOST_RAW:
            self._raw.append(octets)
            self._waiting += len(octets)

    def frame_past_lapb(self, frame: bytes) -> None:
        """A whole frame of HDLC that LAPB has not made."""
        sender = HdlcTransmitter()
        sender.queue(frame)
        self.raw(sender.take(sender.pending + 2))

    def packet_past_x25(self, packet: bytes, now: float) -> None:
        """A packet in an I frame that X.25 has not made."""
        self._events += self._carry_out(self.lapb.send(packet, now), now)

    def withhold(self, until: float) -> None:
        """Acknowledge no data packet before this time."""
        self.x25.withheld_until = until

    def restart(self, now: float) -> None:
        """Send Restart on a link that holds."""
        self._events += self._carry_out(self.x25.link_up(now), now)

    def clear(self, now: float) -> None:
        """End the call."""
        self._events += self._carry_out(self.x25.clear(now), now)

    def call(self, now: float) -> None:
        """Place a call."""
        self._events += self._carry_out(self.x25.call(now), now)

    def packet_of_type(self, kind: int, now: float, more: bytes = b"") -> None:
        """A packet of the circuit's channel that X.25 has not made."""
        lcn = self.x25.config.lcn
        self.packet_past_x25(bytes((0x10 | lcn >> 8, lcn & 0xFF, kind)) + more, now)

    def transmit(self, octets: int, now: float) -> bytes:
        taken = bytearray()
        while self._raw and len(taken) < octets:
            piece = self._raw.popleft()
            room = octets - len(taken)
            taken += piece[:room]
            if len(piece) > room:
                self._raw.appendleft(piece[room:])
        self._waiting -= len(taken)
        return bytes(taken) + super().transmit(octets - len(taken), now)

    def forget(self) -> None:
        """Send nothing more of it."""
        self._raw.clear()
        self._waiting = 0


def spoil(line: ConsoleLine) -> None:
    """Give a line spoilt channels, before it is opened. Raises :class:`ValueError` for one without timeslots."""
    carrier = line.carrier
    if not isinstance(carrier, FramedCarrier):
        raise ValueError(f"e1.{line.number}: a line without timeslots")  # noqa: TRY004 - of the lab file
    config = carrier.e1.config
    for name in CHANNEL_NAMES:
        carrier.e1.channels[name] = channel = SpoiltChannel(config.lapb, config.x25)
        channel.disconnect(time.monotonic())


class Ear:
    """What arrives in a channel of the fuzzer's console."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    def more(self, count: int) -> Callable[[], bool]:
        """Whether so many messages more than now have come."""
        wanted = len(self.messages) + count
        return lambda: len(self.messages) >= wanted

    def happened(self, event: ChannelReport) -> None:
        """An event of the channel."""
        if isinstance(event, Arrived):
            self.messages.append(event.data)
