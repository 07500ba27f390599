"""SAToP (RFC 4553): an E1 stream, unframed, in UDP packets of 1 ms. Control word, packetiser, jitter buffer, clock.

This module has no I/O; :mod:`e1.carriers.satop_socket` binds it to a socket. Source: RFC 4553. A choice that the RFC
leaves to the equipment is a field of :class:`SatopConfig`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple

from e1.settings import Range, check

OCTETS_PER_FRAME = 32
FRAME_RATE = 8000
AIS = b"\xff"
L_BIT, R_BIT = 0x08, 0x04
_CONTROL_WORD = struct.Struct(">BBH")
_RTP = struct.Struct(">BBHII")
_SHORT = 64
"""A packet shorter than this (control word and payload) has its length in LEN."""
_WRAP = 0x10000
MOST_PACKETS = 8000
"""Limit of a jitter buffer: two seconds of the shortest packets."""


@dataclass(eq=False, repr=False)
class SatopError(ValueError):
    """A datagram that is no SAToP packet of this line. ``offset``: the octet that is wrong; ``raw``: the datagram."""

    offset: int
    reason: str
    raw: bytes

    def __str__(self) -> str:
        return f"octet {self.offset}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SatopConfig:
    """One circuit; both ends must agree about ``payload`` and ``rtp``. Raises :class:`ValueError`."""

    payload: Annotated[int, Range(_SHORT, 1440, step=OCTETS_PER_FRAME)] = 256
    """Octets of the stream in a packet. All equipment supports 256 (1 ms)."""
    rtp: bool = False
    """An RTP header before the control word (RFC 4553)."""
    rtp_payload_type: Annotated[int, Range(0, 127)] = 96
    """Payload type in the RTP header: dynamic from 96 (RFC 3551)."""
    rtp_ssrc: Annotated[int, Range(0, 0xFFFFFFFF)] = 0
    """Source in the RTP header; a receiver does not check it."""
    jitter_packets: Annotated[int, Range(1, MOST_PACKETS)] = 8
    """Packets that wait before the first one is played."""
    buffer_packets: Annotated[int, Range(2, MOST_PACKETS)] = 32
    """The most packets kept. Beyond it the oldest are dropped and the delay is ``jitter_packets`` again."""
    loss_packets: Annotated[int, Range(1)] = 10
    """Consecutive missing packets that make a loss of packets: all ones are played, R = 1 is sent; our choice."""
    recover_packets: Annotated[int, Range(1)] = 10
    """Packets in sequence that end a loss of packets; our choice."""
    leave_out_payload: bool = True
    """A packet with L = 1 has the control word only; off: its payload is all ones."""
    clock: Literal["own", "received"] = "own"
    """Frames are due by elapsed time, or as they arrive (slave to a gateway). A slave without packets uses elapsed
    time too."""
    patience: Annotated[float, Range(0)] = 0.0
    """Seconds without packets that this end waits out, for a far end that is held up. Meanwhile it plays nothing; late
    packets are played at once. A longer silence is a loss of packets; a slave then runs on its own clock. 0: all ones
    replace packets that are not in time, as a gateway with an E1 behind it does; a slave waits as long as its buffer
    lasts."""
    max_batch: Annotated[float, Range(0.001, 1)] = 0.020
    """The most seconds of frames that are due at a time."""
    catch_up: Annotated[float, Range(0)] = 0.1
    """The longest pause in seconds that the clock makes up for, ``max_batch`` at a time. The frames of a longer pause
    are left out."""

    def __post_init__(self) -> None:
        check(
            self,
            ("jitter_packets", self.jitter_packets < self.buffer_packets, "less than buffer_packets"),
        )

    @property
    def frames(self) -> int:
        """Frames in a packet."""
        return self.payload // OCTETS_PER_FRAME


class SatopPacket(NamedTuple):
    """A packet as read. ``payload`` is empty when the packet has none."""

    sequence: int
    l_bit: bool
    """The far end's E1 input is down: all ones are played."""
    r_bit: bool
    """The far end does not receive our packets."""
    payload: bytes


def parse(datagram: bytes, *, rtp: bool) -> SatopPacket:
    """Read a datagram with a payload of any size. Raises :class:`SatopError` for one that can't be SAToP."""
    begin = _RTP.size if rtp else 0
    if len(datagram) < begin + _CONTROL_WORD.size:
        raise SatopError(len(datagram), "cut short", datagram)
    if begin and datagram[0] != 0x80:
        raise SatopError(0, f"RTP header begins with {datagram[0]:#04x}, not 0x80", datagram)
    flags, length, sequence = _CONTROL_WORD.unpack_from(datagram, begin)
    if flags & 0xF0:
        raise SatopError(begin, f"control word begins with {flags >> 4:#x}, not 0", datagram)
    if flags & 0x03 or length & 0xC0:
        raise SatopError(begin, "RSV or FRG is not 0: no fragments are taken", datagram)
    payload = datagram[begin + _CONTROL_WORD.size :]
    if length:
        if not _CONTROL_WORD.size <= length < _SHORT or length - _CONTROL_WORD.size > len(payload):
            raise SatopError(begin + 1, f"LEN {length} with {len(payload)} octets of payload", datagram)
        payload = payload[: length - _CONTROL_WORD.size]  # the rest is padding
    return SatopPacket(sequence, bool(flags & L_BIT), bool(flags & R_BIT), payload)


def rtp_sequence(datagram: bytes) -> int:
    """The sequence number of the RTP header. It counts like that of the control word."""
    return int.from_bytes(datagram[2:4])


def decode(datagram: bytes, config: SatopConfig) -> SatopPacket:
    """Read a datagram. Raises :class:`SatopError` for one that is not of this line."""
    packet = parse(datagram, rtp=config.rtp)
    if len(packet.payload) != config.payload and not (packet.l_bit and not packet.payload):
        begin = _RTP.size if config.rtp else 0
        reason = f"{len(packet.payload)} octets of payload instead of {config.payload}"
        raise SatopError(begin + _CONTROL_WORD.size, reason, datagram)
    return packet


def encode(packet: SatopPacket, config: SatopConfig, timestamp: int = 0) -> bytes:
    """Write a packet. ``timestamp``: of the RTP header if there is one, in units of 125 us."""
    size = _CONTROL_WORD.size + len(packet.payload)
    flags = (L_BIT if packet.l_bit else 0) | (R_BIT if packet.r_bit else 0)
    word = _CONTROL_WORD.pack(flags, size if size < _SHORT else 0, packet.sequence)
    if not config.rtp:
        return word + packet.payload
    header = _RTP.pack(
        0x80, config.rtp_payload_type, packet.sequence, timestamp & 0xFFFFFFFF, config.rtp_ssrc
    )
    return header + word + packet.payload


@dataclass(slots=True)
class SatopCounters:
    """Counts of packets, unless a field has another unit."""

    sent: int = 0
    """Packets made. Those that the socket did not send are its ``unsent``."""
    received: int = 0
    """Packets of this line, in time or not."""
    lost: int = 0
    """Missing at their turn while later ones waited; all ones were played instead. An empty buffer counts in
    ``underruns``, a long gap in ``losses``."""
    late: int = 0
    """Received after their time, or twice."""
    reordered: int = 0
    """Received after a later packet, but in time."""
    malformed: int = 0
    """Datagrams that are not packets of this line."""
    underruns: int = 0
    """Times that the buffer was empty and all ones were inserted: the delay grew by a packet."""
    pauses: int = 0
    """Times that the buffer was empty and this end waited (``patience``)."""
    overruns: int = 0
    """Times that the buffer was too full and dropped its oldest packets."""
    losses: int = 0
    """Times that a loss of packets began."""
    l_packets: int = 0
    """Received with L = 1."""
    r_packets: int = 0
    """Received with R = 1."""


class PlayState(StrEnum):
    """State of the jitter buffer; see :class:`Depacketiser`."""

    LOSS = "loss of packets"
    FILLING = "filling"
    PLAYING = "playing"


class Packetiser:
    """Octets of the stream in, packets out."""

    def __init__(self, config: SatopConfig, counters: SatopCounters, sequence: int = 0) -> None:
        self._config = config
        self._counters = counters
        self._sequence = sequence
        self._timestamp = 0
        self._waiting = b""

    def push(self, data: bytes, *, l_bit: bool, r_bit: bool) -> list[bytes]:
        """The packets that ``data`` completes. The rest of ``data`` waits."""
        config = self._config
        waiting = self._waiting + data
        packets = []
        whole = len(waiting) - len(waiting) % config.payload
        for begin in range(0, whole, config.payload):
            payload = waiting[begin : begin + config.payload]
            if l_bit:
                payload = b"" if config.leave_out_payload else AIS * config.payload
            packet = SatopPacket(self._sequence, l_bit, r_bit, payload)
            packets.append(encode(packet, config, self._timestamp))
            self._sequence = (self._sequence + 1) % _WRAP
            self._timestamp += config.frames
        self._waiting = waiting[whole:]
        self._counters.sent += len(packets)
        return packets


class Depacketiser:
    """The jitter buffer: packets in, in any order; the requested number of octets of the stream out.

    ======== ================================================== ================================================
    state    is played                                          ends with
    ======== ================================================== ================================================
    LOSS     all ones                                           ``recover_packets`` in sequence: FILLING
    FILLING  all ones                                           ``jitter_packets`` waiting: PLAYING
    PLAYING  the packet whose turn it is; all ones if missing   ``loss_packets`` missing in a row: LOSS
    ======== ================================================== ================================================

    The buffer begins in LOSS. With ``patience`` an empty buffer plays nothing until ``jitter_packets`` wait again. It
    plays packets beyond those at once, so it inserts no octet and the delay stays the same.
    """

    def __init__(self, config: SatopConfig, counters: SatopCounters) -> None:
        self._config = config
        self._counters = counters
        self.state = PlayState.LOSS
        self._filler = AIS * config.payload
        self._waiting: dict[int, bytes] = {}
        self._next = 0  # sequence number whose turn it is
        self._newest = 0
        self._in_sequence = 0  # in LOSS
        self._missing = 0  # in a row, in PLAYING
        self._played = b""
        self._refilling = False

    @property
    def waiting(self) -> int:
        """Packets in the buffer."""
        return len(self._waiting)

    @property
    def dry(self) -> bool:
        """Whether the buffer should have packets to play and has none."""
        few = len(self._waiting) < self._config.jitter_packets
        return self.state is PlayState.PLAYING and (not self._waiting or (self._refilling and few))

    def put(self, packet: SatopPacket) -> None:
        """A packet has arrived."""
        payload = self._filler if packet.l_bit else packet.payload
        if self.state is PlayState.LOSS:
            follows = packet.sequence == (self._newest + 1) % _WRAP
            self._in_sequence = self._in_sequence + 1 if follows else 1
            self._newest = packet.sequence
            if self._in_sequence < self._config.recover_packets:
                return
            self._next = packet.sequence
            self._waiting = {}
            self.state = PlayState.FILLING
        ahead = _ahead(packet.sequence, self._next)
        if ahead < 0 or packet.sequence in self._waiting:
            self._counters.late += 1
            return
        if _ahead(packet.sequence, self._newest) < 0:
            self._counters.reordered += 1
        else:
            self._newest = packet.sequence
        self._waiting[packet.sequence] = payload
        if len(self._waiting) > self._config.buffer_packets:
            self._skip()
        if self.state is PlayState.FILLING and len(self._waiting) >= self._config.jitter_packets:
            self.state = PlayState.PLAYING
            self._missing = 0

    def _skip(self) -> None:
        """Too many packets wait, or the sender restarted far ahead: keep the newest."""
        self._counters.overruns += 1
        order = sorted(self._waiting, key=lambda sequence: _ahead(sequence, self._next))
        kept = order[-self._config.jitter_packets :]
        self._waiting = {sequence: self._waiting[sequence] for sequence in kept}
        self._next = kept[0]

    def play(self, octets: int) -> bytes:
        """The next ``octets`` octets of the stream."""
        pieces, have = [self._played], len(self._played)
        while have < octets:
            pieces.append(self._turn())
            have += self._config.payload
        return self._cut(b"".join(pieces), octets)

    def play_patiently(self, octets: int) -> bytes:
        """As :meth:`play`, with no octets in place of packets that may still arrive, and more when more wait."""
        if self.state is not PlayState.PLAYING:
            return self.play(octets)
        usual = self._config.jitter_packets
        if self.dry:
            if not self._refilling:
                self._counters.pauses += 1
            self._refilling = True
            return self._cut(self._played, octets)
        self._refilling = False
        size = self._config.payload
        octets += max(0, len(self._waiting) * size + len(self._played) - octets - usual * size)
        pieces, have = [self._played], len(self._played)
        while have < octets and self._waiting and self.state is PlayState.PLAYING:
            pieces.append(self._turn())
            have += size
        return self._cut(b"".join(pieces), octets)

    def _cut(self, played: bytes, octets: int) -> bytes:
        self._played = played[octets:]
        return played[:octets]

    def lose(self) -> None:
        """No packet has arrived for too long."""
        self._counters.losses += 1
        self.state = PlayState.LOSS
        self._in_sequence = 0
        self._waiting = {}
        self._refilling = False

    def _turn(self) -> bytes:
        if self.state is not PlayState.PLAYING:
            return self._filler
        payload = self._waiting.pop(self._next, None)
        if payload is not None:
            self._missing = 0
            self._next = (self._next + 1) % _WRAP
            return payload
        self._missing += 1
        if self._waiting:
            self._counters.lost += 1
            self._next = (self._next + 1) % _WRAP
        else:
            self._counters.underruns += 1
        if self._missing >= self._config.loss_packets:
            self.lose()
        return self._filler


def _ahead(sequence: int, of: int) -> int:
    """How far ``sequence`` is ahead of another, -32768..32767."""
    return (sequence - of + _WRAP // 2) % _WRAP - _WRAP // 2


class SatopLine:
    """One circuit, both directions, and its clock. Times are in seconds of any clock that does not go back."""

    def __init__(self, config: SatopConfig | None = None, *, sequence: int = 0) -> None:
        self.config = config = config or SatopConfig()
        self.counters = SatopCounters()
        self.far_loss = False
        """The far end reports that it does not receive our packets (R bit)."""
        self.far_down = False
        """The far end reports that its input is down (L bit)."""
        self._packetiser = Packetiser(config, self.counters, sequence)
        self.depacketiser = Depacketiser(config, self.counters)
        self._begin: float | None = None
        self._given = 0  # frames that were due since _begin
        self._arrived = 0  # frames of arrived packets that :meth:`due` has not returned yet (slave)
        self._last_packet: float | None = None
        self._last_turn: float | None = None

    @property
    def loss(self) -> bool:
        """Whether this end has a loss of packets: it plays all ones and sends R = 1."""
        return self.depacketiser.state is PlayState.LOSS

    def received(self, datagram: bytes, now: float) -> bool:
        """Take a datagram. False, and a count, for one that is not a packet of this line."""
        try:
            packet = decode(datagram, self.config)
        except SatopError:
            self.counters.malformed += 1
            return False
        self.counters.received += 1
        self.counters.l_packets += packet.l_bit
        self.counters.r_packets += packet.r_bit
        self.far_down, self.far_loss = packet.l_bit, packet.r_bit
        self._arrived += self.config.frames
        self._last_packet = now
        self.depacketiser.put(packet)
        return True

    def due(self, now: float) -> int:
        """The number of frames to play and send now, in whole packets. The first call starts the clock."""
        if self._begin is None:
            self._begin = now
        if self._last_packet is not None and self._last_turn is not None:
            asleep = now - self._last_turn - self.config.max_batch
            if asleep > 0:  # time without a turn here was not silence of the far end
                self._last_packet = min(now, self._last_packet + asleep)
        self._last_turn = now
        if self.config.clock == "received" and self._slaved(now):
            frames, self._arrived = self._arrived, 0
            self._restart_clock(now)
            return frames
        self._arrived = 0
        elapsed = int((now - self._begin) * FRAME_RATE + 1e-6)
        frames = elapsed - self._given
        if frames > self.config.catch_up * FRAME_RATE + self.config.frames:  # too long a pause to make up for
            self._restart_clock(now)
            return int(self.config.max_batch * FRAME_RATE) // self.config.frames * self.config.frames
        # The rest is due at the next call: two ends in one process, held up together, catch up in turn.
        frames = min(frames, int(self.config.max_batch * FRAME_RATE))
        frames -= frames % self.config.frames
        self._given += max(0, frames)
        return max(0, frames)

    def _slaved(self, now: float) -> bool:
        """Whether packets arrive. A pause counts as arrival as long as the buffer lasts."""
        if self._last_packet is None:
            return False
        patience = self.config.patience or self.config.jitter_packets * self.config.frames / FRAME_RATE
        return now - self._last_packet <= max(patience, self.config.max_batch)

    def _restart_clock(self, now: float) -> None:
        self._begin, self._given = now, 0

    def play(self, frames: int) -> bytes:
        """The octets received in the time of so many frames, at any bit alignment. ``patience`` may vary the number."""
        octets = frames * OCTETS_PER_FRAME
        patience, last, now = self.config.patience, self._last_packet, self._last_turn
        if not patience or last is None or now is None:
            return self.depacketiser.play(octets)
        if now - last > patience and self.depacketiser.dry:
            self.depacketiser.lose()
        return self.depacketiser.play_patiently(octets)

    def send(self, data: bytes, *, down: bool = False) -> list[bytes]:
        """Datagrams for the octets of the stream. ``down``: the stream has no signal, which L = 1 reports."""
        return self._packetiser.push(data, l_bit=down, r_bit=self.loss)
