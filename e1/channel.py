"""One data channel (KPD) in one timeslot: HDLC, LAPB and X.25. No input or output; time goes in as ``now``.

Octets are timeslot octets, 8 a millisecond. The owner gives what it receives to :meth:`DataChannel.receive`, takes as
many octets as the timeslot needs with :meth:`DataChannel.transmit`, and says with :meth:`DataChannel.carrier` whether
the stream is there.
"""

from __future__ import annotations

from e1.data_link import (
    ChannelAlarm,
    ChannelEvent,
    DataLink,
    Down,
    Frame,
    Interrupt,
    Message,
    Packet,
    Undelivered,
    Up,
)
from e1.hdlc import MOST_WAITING, HdlcCounters, HdlcReceiver, HdlcTransmitter
from e1.lapb import LapbConfig
from e1.x25 import X25Config

__all__ = [
    "ChannelAlarm",
    "ChannelEvent",
    "DataChannel",
    "Down",
    "Frame",
    "Interrupt",
    "LapbConfig",
    "Message",
    "Packet",
    "Undelivered",
    "Up",
    "X25Config",
]


class DataChannel(DataLink):
    """A :class:`DataLink` with the HDLC of a timeslot below it."""

    def __init__(self, lapb: LapbConfig, x25: X25Config) -> None:
        self._sender = HdlcTransmitter(limit=max(MOST_WAITING, 16 * lapb.n1))
        # a frame longer than N1 must still be read, for LAPB to refuse it (FRMR Y)
        self._receiver = HdlcReceiver(2 * lapb.n1)
        self._idle = False
        self._carrier: bool | None = None
        super().__init__(lapb, x25, self._sender.queue)

    @property
    def hdlc(self) -> HdlcCounters:
        """Counters of the frames received, good and bad."""
        return self._receiver.counters

    @property
    def pending(self) -> int:
        """Octets of frames that wait for the timeslot."""
        return self._sender.pending

    def carrier(self, up: bool, now: float) -> list[ChannelEvent]:
        """The timeslot is there, or is gone (LOS, AIS, LOF). A new channel is silent until it is there."""
        if not up and self._carrier:
            self._sender.abort()
        self._carrier = up
        return super().carrier(up, now)

    def receive(self, octets: bytes, now: float) -> list[ChannelEvent]:
        """Octets of the timeslot. They mean nothing while the timeslot is told gone."""
        if self._carrier is False:
            return []
        events: list[ChannelEvent] = []
        for frame in self._receiver.feed(octets):
            events += self.frame(frame, now)
        if self._receiver.idle is not self._idle:
            self._idle = self._receiver.idle
            events += self._carry_out(self.lapb.idle(self._idle, now), now)
        return events

    def transmit(self, octets: int, now: float) -> bytes:
        """The next ``octets`` octets for the timeslot: frames, then flags."""
        return self._sender.take(octets)
