"""E1 streams in UDP packets (SAToP, RFC 4553): down to the X.25 packets in the timeslots that may carry data.

Only reading, for captures: packets are put in order, frames found, HDLC opened, repetitions left out. Speech and the
other timeslots are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

from e1.lines.satop import SatopConfig, SatopError, SatopPacket, decode
from sorm_mediator.capture.x25 import LapbFrames

TIMESLOTS = (16, 30, 31)
"""Those that carry no speech (PROTOCOL 1.2)."""
LONGEST = 4200
"""Octets of a frame with the longest packet of X.25."""
REORDERED = 16
"""Packets that wait for one before them; then it counts as lost."""

_CONFIG = SatopConfig()


def satop_packet(data: bytes) -> SatopPacket | None:
    """The packet in a datagram, or nothing when it is none of 256 octets of a stream."""
    try:
        return decode(data, _CONFIG)
    except SatopError:
        return None


class SatopFlow:
    """One direction of a circuit."""

    def __init__(self) -> None:
        # numpy, which other captures can do without
        from e1.framer import FrameReceiver
        from e1.frames import demux
        from e1.hdlc import HdlcReceiver

        self._demux = demux
        self.packets = 0
        self.data_packets = 0
        """X.25 packets found."""
        # CRC-4 or not: frames are found by their alignment alone.
        self._frames = FrameReceiver(crc4=False)
        self._slots = {slot: (HdlcReceiver(LONGEST), LapbFrames()) for slot in TIMESLOTS}
        self._next: int | None = None
        self._waiting: dict[int, bytes] = {}

    def feed(self, packet: SatopPacket) -> Iterator[tuple[int, bytes]]:
        """The X.25 packets that are complete now, with their timeslots."""
        self.packets += 1
        for octets in self._in_order(packet):
            frames = self._frames.feed(octets)
            if not len(frames):
                continue
            timeslots = self._demux(frames)
            for slot, (hdlc, lapb) in self._slots.items():
                for frame in hdlc.feed(timeslots[slot].tobytes()):
                    inner = lapb.packet(frame)
                    if inner is not None:
                        self.data_packets += 1
                        yield slot, inner

    def _in_order(self, packet: SatopPacket) -> Iterator[bytes]:
        """Octets of the stream. What is lost is left out: it is whole frames, so only what it held is missing."""
        if self._next is None:
            self._next = packet.sequence
        ahead = (packet.sequence - self._next) & 0xFFFF
        if ahead < 0x8000:
            self._waiting[packet.sequence] = b"" if packet.l_bit else packet.payload
        while self._waiting:
            if self._next not in self._waiting:
                if len(self._waiting) <= REORDERED:
                    return
                self._next = min(self._waiting, key=self._distance)
            octets = self._waiting.pop(self._next)
            self._next = (self._next + 1) & 0xFFFF
            if octets:
                yield octets

    def _distance(self, sequence: int) -> int:
        assert self._next is not None
        return (sequence - self._next) & 0xFFFF
