"""X.25 in captures: in LAPB frames of an E1 timeslot, in XOT (X.25 over TCP, RFC 1613), in E1 streams over UDP.

This module only reads, without state machines of LAPB or X.25. In an E1 stream (SAToP, RFC 4553) it
recognises the packets among other datagrams, puts them in order, finds the frames, reads HDLC in the
timeslots that may carry data, and leaves repetitions out. It does not read speech and the other timeslots.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar

from e1.carriers.satop import OCTETS_PER_FRAME, SatopError, SatopPacket, parse, rtp_sequence
from sorm_mediator.capture.events import Flow
from sorm_mediator.language import Phrase

LINKTYPE_USER0 = 147
"""Link types in captures of a timeslot."""
LINKTYPE_LAPB_WITH_DIRECTION = 207
LINKTYPES_LAPB = (LINKTYPE_USER0, LINKTYPE_LAPB_WITH_DIRECTION)
XOT_PORT = 1998
_XOT_HEADER = 4


def packet_data(packet: bytes) -> tuple[int, bytes] | None:
    """Logical channel and user data of a data packet; nothing for other packets (X.25 clause 12.4)."""
    if len(packet) < 3:
        return None
    modulo = packet[0] >> 4 & 3  # of the general format identifier: 01 modulo 8, 10 modulo 128
    if packet[2] & 1 or modulo not in (1, 2):
        return None
    return (packet[0] & 0xF) << 8 | packet[1], packet[2 + modulo :]


class LapbFrames:
    """One direction of a LAPB link: gives the packet of every new I frame (modulo 8, X.25 clause 2.3)."""

    def __init__(self) -> None:
        self._recent: dict[int, bytes] = {}  # N(S) -> packet, of the last seven

    def packet(self, frame: bytes) -> bytes | None:
        """The packet of an I frame; nothing if it repeats one of the seven before, perhaps unacknowledged."""
        if len(frame) < 2 or frame[0] not in (1, 3):
            return None
        control = frame[1]
        if control & 1:
            if control & 3 == 3:  # unnumbered: set-up or end of the link, the numbering begins again
                self._recent.clear()
            return None
        number, packet = control >> 1 & 7, frame[2:]
        if self._recent.get(number) == packet:
            return None
        self._recent[number] = packet
        self._recent.pop((number + 1) % 8, None)
        return packet


class XotRecords:
    """Cuts the TCP stream of XOT into X.25 packets. Memory is bounded: a record is at most 65,535 octets."""

    def __init__(self) -> None:
        self._buffer = b""
        self._broken = False
        self.problem: str = ""
        """The reason why the rest of the stream isn't read; the reader reports it and empties it."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The packets that are complete now; nothing after octets that are no header of XOT (version 0)."""
        if self._broken:
            return
        data = self._buffer + data
        self._buffer = b""
        start = 0  # not cut off record by record: a segment may have very many records
        while len(data) - start >= _XOT_HEADER:
            if data[start : start + 2] != b"\0\0":
                self._broken = True
                self.problem = Phrase("no X.25 over TCP from here on, the rest is not read")
                return
            body = start + _XOT_HEADER
            end = body + int.from_bytes(data[start + 2 : body])
            if len(data) < end:
                break
            start = end
            yield data[body:end]
        self._buffer = data[start:]

    def reset(self) -> None:
        """Octets were lost: the beginning of the next record is unknown."""
        self._buffer = b""
        self._broken = True


def is_xot(flow: Flow) -> bool:
    """Whether a flow is on the port of XOT."""
    port = f":{XOT_PORT}"
    return flow.transport == "tcp" and (flow.source.endswith(port) or flow.destination.endswith(port))


# --- E1 streams in UDP packets (SAToP, RFC 4553)

TIMESLOTS = (16, 30, 31)
"""Timeslots without speech (order 268, 1.2, 1.4.1)."""
LONGEST = 4200
"""Octets of a frame with the longest packet of X.25."""
REORDERED = 16
"""Packets that wait for an earlier packet; beyond that the packet counts as lost."""
EVIDENCE = 4
"""Datagrams with consecutive control words after which a flow counts as an E1 stream."""
PAYLOADS = range(32, 1441)
"""Octets of a stream in a packet."""
_SHORT = 60
"""A shorter payload has its length in the control word, and may have padding."""

T = TypeVar("T")
"""The data that accompanies a datagram."""


class _Reading(NamedTuple):
    """A datagram read as SAToP."""

    packet: SatopPacket
    rtp: bool
    lag: int
    """Sequence number of the RTP header less that of the control word; constant in a stream."""

    def follows(self, last: _Reading) -> bool:
        """Whether both can be of one stream: consecutive numbers, or the same packet twice."""
        ahead = (self.packet.sequence - last.packet.sequence) & 0xFFFF
        near = ahead <= REORDERED or ahead >= 0x10000 - REORDERED
        return near and (self.rtp, self.lag) == (last.rtp, last.lag)


def _read(datagram: bytes) -> _Reading | None:
    """A datagram read as SAToP: it begins with 8 with an RTP header, with 0 without one."""
    rtp = datagram[:1] == b"\x80"
    try:
        packet = parse(datagram, rtp=rtp)
    except SatopError:
        return None
    if packet.payload or not packet.l_bit:
        begin = 12 if rtp else 0
        given, long = datagram[begin + 1] != 0, len(datagram) - begin - 4 >= _SHORT
        if len(packet.payload) not in PAYLOADS or given is long:
            return None
    return _Reading(packet, rtp, (rtp_sequence(datagram) - packet.sequence) & 0xFFFF if rtp else 0)


class Recognition(Generic[T]):
    """Recognises an E1 stream in the datagrams of one flow: by control words, sizes, and their sequence.

    The first packets set the size of the payload and the presence of an RTP header. Until the flow is
    recognised, at most :data:`REORDERED` datagrams are kept.
    """

    def __init__(self) -> None:
        self._kept: list[tuple[_Reading, T]] = []
        self._last: _Reading | None = None
        self._size = 0
        self._paused = 0  # the datagrams that were kept at the last long pause
        self.certain = False

    def take(self, datagram: bytes, item: T) -> tuple[list[tuple[SatopPacket, T]], list[T]]:
        """Packets of the stream, and other datagrams, in order; both may have been kept until now."""
        reading = _read(datagram)
        if reading is None or not self._fits(reading):
            if self.certain:
                return [], [item]
            others = self.give_up()
            if reading is None:
                return [], [*others, item]
            self._accept(reading)
            self._kept = [(reading, item)]
            return [], others
        self._accept(reading)
        if self.certain:
            return [(reading.packet, item)], []
        self._kept.append((reading, item))
        if len({kept.packet.sequence for kept, _ in self._kept}) < EVIDENCE:
            return [], self.give_up() if len(self._kept) >= REORDERED else []
        self.certain = True
        found, self._kept = [(kept.packet, of) for kept, of in self._kept], []
        return found, []

    def give_up(self) -> list[T]:
        """The kept datagrams, which are no E1 stream."""
        others, self._kept = [item for _, item in self._kept], []
        self._last, self._size = None, 0
        return others

    def paused(self) -> list[T]:
        """A long pause: the kept datagrams, if the first of them was kept at the last one already."""
        waited, self._paused = self._paused > 0, len(self._kept)
        if not (waited and self._kept):
            return []
        self._paused = 0
        return self.give_up()

    def _fits(self, reading: _Reading) -> bool:
        size = len(reading.packet.payload)
        if size and self._size and size != self._size:
            return False
        if self._last is None:
            return True
        if self.certain:  # the stream may begin again, or come back after a gap of the capture
            return (reading.rtp, reading.lag) == (self._last.rtp, self._last.lag)
        return reading.follows(self._last)

    def _accept(self, reading: _Reading) -> None:
        self._last = reading
        self._size = self._size or len(reading.packet.payload)


class SatopFlow:
    """One direction of a circuit."""

    def __init__(self) -> None:
        # imports numpy, which other captures do not need
        from e1.g704.framer import FrameReceiver
        from e1.g704.frames import demux
        from e1.hdlc import HdlcReceiver

        self._demux = demux
        self.packets = 0
        self.data_packets = 0
        """X.25 packets found."""
        # With or without CRC-4, frames are found by their alignment.
        self._frames = FrameReceiver(crc4=False)
        self._slots = {slot: (HdlcReceiver(LONGEST), LapbFrames()) for slot in TIMESLOTS}
        self._next: int | None = None
        self._waiting: dict[int, bytes] = {}
        self._behind = 0  # consecutive packets that came too late
        self._size = 0

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
        """Octets of the stream. Of lost ones, only those are filled in that keep the position within the frame."""
        self._size = self._size or len(packet.payload)
        if self._next is None or self._behind > REORDERED:  # the sender has begun again
            self._next, self._waiting = packet.sequence, {}
        if self._distance(packet.sequence) < 0x8000:
            self._behind = 0
            self._waiting[packet.sequence] = b"" if packet.l_bit else packet.payload
        else:
            self._behind += 1
        while self._waiting:
            if self._next not in self._waiting:
                if len(self._waiting) <= REORDERED:
                    return
                following = min(self._waiting, key=self._distance)
                yield self._gap(self._distance(following))
                self._next = following
            octets = self._waiting.pop(self._next)
            self._next = (self._next + 1) & 0xFFFF
            yield octets or self._gap(1)

    def _gap(self, packets: int) -> bytes:
        return b"\xff" * (packets * self._size % OCTETS_PER_FRAME)

    def _distance(self, sequence: int) -> int:
        assert self._next is not None
        return (sequence - self._next) & 0xFFFF
