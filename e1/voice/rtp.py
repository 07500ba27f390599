"""RTP with A-law speech: packets (RFC 3550, RFC 3551 payload type 8), and a jitter buffer. Sans-IO.

A-law has one octet for each tick of the RTP clock (8000 Hz), so time is counted in octets here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Annotated, Final, NamedTuple

from e1.settings import Range, check
from e1.voice.g711 import SAMPLE_RATE, silence

PCMA: Final = 8
"""Payload type of A-law (RFC 3551, table 4)."""
FRAME: Final = 160
"""Octets of 20 ms."""
_HEADER: Final = struct.Struct("!BBHII")
_unpack: Final = _HEADER.unpack_from
_pack: Final = _HEADER.pack
_new: Final = tuple.__new__
_VERSION: Final = 0x80
_PADDING: Final = 0x20
_EXTENSION: Final = 0x10
_STAMPS: Final = 1 << 32
_HALF: Final = 1 << 31


class RtpError(ValueError):
    """A datagram is not an RTP packet, or a packet can't be built. The text has the reason."""


class RtpPacket(NamedTuple):
    """An RTP packet, without padding, extension and contributing sources."""

    sequence: int
    """0..65535."""
    timestamp: int
    """32 bits, in octets."""
    ssrc: int
    """32 bits: the source of this direction of speech."""
    payload: bytes
    payload_type: int = PCMA
    marker: bool = False
    """First packet of a talk spurt."""


def parse(datagram: bytes) -> RtpPacket:
    """The packet in a datagram (RFC 3550, 5.1). Raises :class:`RtpError`."""
    try:
        first, second, sequence, timestamp, ssrc = _unpack(datagram)
    except struct.error:
        raise RtpError(f"{len(datagram)} octets; a header has {_HEADER.size}") from None
    payload = datagram[12:] if first == _VERSION else _payload(first, datagram)
    # RtpPacket's own __new__ would take half of the time per packet.
    return _new(RtpPacket, (sequence, timestamp, ssrc, payload, second & 0x7F, second > 0x7F))


def _payload(first: int, datagram: bytes) -> bytes:
    """The payload without the optional parts before and after it."""
    if first & 0xC0 != _VERSION:
        raise RtpError(f"version {first >> 6} instead of 2")
    begin, end = _HEADER.size + 4 * (first & 15), len(datagram)
    if first & _EXTENSION:
        begin += 4 + 4 * int.from_bytes(datagram[begin + 2 : begin + 4], "big")
    if first & _PADDING:
        padding = datagram[-1]
        if padding == 0:
            raise RtpError("padding of 0 octets")
        end -= padding
    if begin > end:
        raise RtpError(f"header and padding need {begin + len(datagram) - end} of {len(datagram)} octets")
    return datagram[begin:end]


def build(packet: RtpPacket) -> bytes:
    """The datagram of a packet. Raises :class:`RtpError` for a field that does not fit."""
    sequence, timestamp, ssrc, payload, payload_type, marker = packet
    if payload_type >> 7:
        raise RtpError(f"payload type {payload_type}: 7 bits")
    try:
        return _pack(_VERSION, marker << 7 | payload_type, sequence, timestamp, ssrc) + payload
    except struct.error:
        text = f"sequence {sequence}, timestamp {timestamp}, SSRC {ssrc}: 16 bits, 32 bits each"
        raise RtpError(text) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class JitterConfig:
    """Settings of a jitter buffer; lengths in octets (8 a millisecond), all our choice."""

    depth: Annotated[int, Range(0, 8000)] = 2 * FRAME
    """Delay of the first packet."""
    limit: Annotated[int, Range(FRAME, 16000)] = 10 * FRAME
    """The most speech kept. Packets further ahead are dropped."""
    guard: Annotated[int, Range(0, 8000)] = FRAME // 2
    """The least slack. A frame is inserted if a packet of a window had less time before its turn."""
    window: Annotated[int, Range(1)] = 50
    """Packets of a window, after which the delay is checked."""
    misfits: Annotated[int, Range(1)] = 3
    """Consecutive packets, too late or too far ahead, after which the delay restarts."""
    restart: Annotated[int, Range(1, 32_767)] = 3000
    """Distance from the last sequence number that means a new start, not a loss (RFC 3550, A.1)."""

    def __post_init__(self) -> None:
        fits = self.depth + FRAME <= self.limit
        check(self, ("depth", fits, f"a frame of {FRAME} less than limit, which is {self.limit}"))


@dataclass(slots=True)
class JitterCounters:
    """Counters of a jitter buffer, in packets unless a field has another unit."""

    received: int = 0
    lost: int = 0
    """Missing in the numbering. A packet that arrives late is no longer counted."""
    reordered: int = 0
    duplicates: int = 0
    late: int = 0
    """Arrived after their turn and were dropped entirely or in part."""
    overrun: int = 0
    """Too far ahead, dropped."""
    inserted: int = 0
    """Frames of silence inserted, because packets arrive later and later."""
    skipped: int = 0
    """Frames left out because the delay had grown."""
    resyncs: int = 0
    ssrc_changes: int = 0
    silent_octets: int = 0
    """Octets of silence returned since the first packet for lack of speech."""

    def add(self, other: JitterCounters) -> None:
        """Add the counts of another source."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class JitterBuffer:
    """Packets of one source in, an even flow of octets out.

    :meth:`put` takes packets when they arrive, :meth:`take` returns octets when the line needs them, so its
    caller is the clock. The timestamp gives the place of an octet; an octet that is missing at its turn is
    silence. The time between a packet's arrival and its turn is its slack. Different clocks change the slack.
    Once in a window of packets a frame is inserted if the least slack was under ``guard``, or left out if it
    was more than ``depth`` and a frame; so delay and memory stay bounded. A jump of the source, or another
    source (SSRC), restarts the delay.
    """

    def __init__(self, config: JitterConfig = JitterConfig()) -> None:
        self.config = config
        self.counters = JitterCounters()
        self.jitter = 0.0
        """Interarrival jitter in octets (RFC 3550, A.8)."""
        self._ssrc: int | None = None
        self._packets: dict[int, bytes] = {}
        """By timestamp; none ends more than ``limit`` after ``_play``."""
        self._play = 0
        """Timestamp of the next octet to return; without meaning before the first packet."""
        self._highest = 0
        self._seen = 0
        """Bit n: the packet n before the highest has arrived."""
        self._arrival = 0.0
        self._stamp = 0
        self._least = _HALF
        self._window_left = config.window
        self._misfits = 0

    @property
    def waiting(self) -> int:
        """Octets kept."""
        return sum(map(len, self._packets.values()))

    def put(self, packet: RtpPacket, now: float) -> None:
        """Take a packet; ``now``: seconds of any clock that does not jump."""
        sequence, timestamp, ssrc, payload, _, _ = packet
        self.counters.received += 1
        if ssrc != self._ssrc:
            self._begin(packet, now)
        elif sequence == (self._highest + 1) & 0xFFFF:
            self._highest = sequence
            self._seen = (self._seen << 1 | 1) & 0xFFFF_FFFF_FFFF_FFFF
        elif not self._out_of_order(sequence):
            return
        step = (timestamp - self._stamp) & 0xFFFF_FFFF
        if step < _HALF:
            moved = abs((now - self._arrival) * SAMPLE_RATE - step)
            self._arrival, self._stamp = now, timestamp
            self.jitter += (moved - self.jitter) / 16
        slack = (timestamp - self._play) & 0xFFFF_FFFF
        if slack + len(payload) > self.config.limit:
            slack = self._misfit(timestamp, payload, slack, newest=sequence == self._highest)
        else:
            self._packets[timestamp] = payload
            self._misfits = 0
        if slack < self._least:
            self._least = slack
        self._window_left -= 1
        if not self._window_left:
            self._regulate()

    def take(self, octets: int = FRAME) -> bytes:
        """The next octets, always the requested number."""
        play = self._play
        payload = self._packets.pop(play, None)
        self._play = (play + octets) & 0xFFFF_FFFF
        if payload is None:
            if not self._packets:
                if self._ssrc is not None:
                    self.counters.silent_octets += octets
                return silence(octets)
        elif len(payload) == octets:
            return payload
        else:
            self._packets[play] = payload
        return self._assemble(play, octets)

    def _assemble(self, play: int, octets: int) -> bytes:
        """Octets from parts of packets, for portions that differ from packets in length."""
        portion = bytearray(silence(octets))
        heard = 0
        for timestamp, payload in list(self._packets.items()):
            begin = (timestamp - play + _HALF) % _STAMPS - _HALF
            end = begin + len(payload)
            if begin >= octets:
                continue
            del self._packets[timestamp]
            if end > octets:
                self._packets[(play + octets) & 0xFFFF_FFFF] = payload[octets - begin :]
                end = octets
            if end > max(begin, 0):
                portion[max(begin, 0) : end] = payload[max(-begin, 0) : end - begin]
                heard += end - max(begin, 0)
        self.counters.silent_octets += max(0, octets - heard)
        return bytes(portion)

    def _begin(self, packet: RtpPacket, now: float) -> None:
        """The first packet of a source."""
        if self._ssrc is not None:
            self.counters.ssrc_changes += 1
        self._ssrc = packet.ssrc
        self._highest, self._seen = packet.sequence, 1
        self._arrival, self._stamp = now, packet.timestamp
        self.jitter = 0.0
        self._start_at(packet.timestamp)

    def _start_at(self, timestamp: int) -> None:
        """Set the turn of a packet that arrives now to ``depth`` later."""
        self._packets.clear()
        self._play = (timestamp - self.config.depth) & 0xFFFF_FFFF
        self._misfits = 0
        self._least, self._window_left = _HALF, self.config.window

    def _out_of_order(self, sequence: int) -> bool:
        """Whether to use a packet that is not the next one."""
        ahead = (sequence - self._highest) & 0xFFFF
        behind = 0x10000 - ahead if ahead else 0
        if ahead and ahead < self.config.restart:
            self.counters.lost += ahead - 1
            self._highest = sequence
            self._seen = (self._seen << ahead | 1) & 0xFFFF_FFFF_FFFF_FFFF
        elif behind < 64:
            if self._seen >> behind & 1:
                self.counters.duplicates += 1
                return False
            self._seen |= 1 << behind
            self.counters.reordered += 1
            # No packet is missing before the first packet of a source.
            self.counters.lost = max(0, self.counters.lost - 1)
        elif behind < self.config.restart:
            self.counters.reordered += 1
        else:
            self._highest, self._seen = sequence, 1
        return True

    def _misfit(self, timestamp: int, payload: bytes, slack: int, *, newest: bool) -> int:
        """Handle a packet outside the kept range; returns its slack, which may be negative.

        Only the newest packets show that the delay has changed: an overtaken packet is merely late.
        """
        if slack >= _HALF:
            slack -= _STAMPS
            self.counters.late += 1
            if slack + len(payload) > 0:
                self._packets.setdefault(self._play, payload[-slack:])
        else:
            self.counters.overrun += 1
        self._misfits += newest
        if (
            newest
            and self._misfits >= self.config.misfits
            and len(payload) + self.config.depth <= self.config.limit
        ):
            self.counters.resyncs += 1
            self._start_at(timestamp)
            self._packets[timestamp] = payload
            slack = self.config.depth
        return slack

    def _regulate(self) -> None:
        """At the end of a window of packets, keep the delay within its bounds and drop packets that are past."""
        for timestamp in [t for t in self._packets if (t - self._play) & 0xFFFF_FFFF >= _HALF]:
            del self._packets[timestamp]
        if self._least > self.config.depth + FRAME:
            self.take(FRAME)
            self.counters.skipped += 1
        elif self._least < self.config.guard and self.waiting + 3 * FRAME <= self.config.limit:
            self._play = (self._play - FRAME) & 0xFFFF_FFFF
            self.counters.inserted += 1
        self._least, self._window_left = _HALF, self.config.window
