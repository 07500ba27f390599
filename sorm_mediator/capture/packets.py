"""Captured frames to the data of their TCP or UDP, and TCP segments to streams.

Known link layers: Ethernet (with VLAN tags), raw IP, Linux cooked v1 and v2, null and loopback. scapy, if
installed, decodes any other frame. Frames with neither TCP nor UDP are counted, not shown.

A :class:`HalfStream` per direction sorts the segments, drops repetitions and reports gaps. At most
``MAX_WAITING_OCTETS`` octets in ``MAX_WAITING_SEGMENTS`` segments wait for a missing segment; beyond that the
missing octets are a gap.
"""

from __future__ import annotations

import struct
from bisect import insort
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from sorm_mediator.capture.events import CaptureError, Data, End, Event, Flow, Gap, Trouble
from sorm_mediator.capture.files import Packet
from sorm_mediator.language import Phrase

_IPV4, _IPV6 = 0x0800, 0x86DD
_VLAN_TAGS = (0x8100, 0x88A8, 0x9100)
TCP, UDP = 6, 17
"""Protocols in IP."""
_EXTENSIONS = (0, 43, 60, 135, 139, 140)  # IPv6 headers with their own length, in units of 8 octets
_FRAGMENT = 44
LINKTYPE_ETHERNET = 1

FRAGMENTS = Phrase("IP fragments, which are not put together")
"""A reason of :attr:`Dissector.skipped` for which units may be missing."""

_CUT = Phrase("cut inside their headers")
_NO_IP = Phrase("neither IPv4 nor IPv6")


@dataclass(frozen=True, slots=True)
class Segment:
    """A TCP segment."""

    source: str
    destination: str
    sequence: int
    syn: bool
    fin: bool
    reset: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Datagram:
    """A UDP datagram."""

    source: str
    destination: str
    data: bytes


class _SkipError(Exception):
    """The frame has neither TCP nor UDP; the text names its content."""


class Dissector:
    """Dissects frames; ``skipped`` counts the unused ones by reason."""

    def __init__(self) -> None:
        self.skipped: Counter[str] = Counter()

    def take(self, packet: Packet) -> Segment | Datagram | None:
        """The TCP or UDP in ``packet``.

        Raises :class:`CaptureError` for a link type that neither this module nor an installed scapy can read.
        """
        try:
            return _network(_link(packet))
        except _SkipError as why:
            self.skipped[why.args[0]] += 1
        except (struct.error, IndexError, AddressValueError):
            self.skipped[_CUT] += 1
        return None


_LINK_LAYERS: dict[int, tuple[int | None, int]] = {
    0: (None, 4),  # NULL: the address family, in the byte order of the capturing host
    LINKTYPE_ETHERNET: (12, 14),
    12: (None, 0),
    14: (None, 0),
    101: (None, 0),
    108: (None, 4),  # LOOP
    113: (14, 16),  # Linux cooked
    228: (None, 0),
    229: (None, 0),
    276: (0, 20),  # Linux cooked v2
}
"""Link type -> where its header has the type of the packet (None: nowhere), and the octets of the header."""


def _link(packet: Packet) -> bytes:
    layer = _LINK_LAYERS.get(packet.link_type)
    if layer is None:
        return _scapy_network_layer(packet)
    type_at, size = layer
    if type_at is not None:
        (kind,) = struct.unpack_from(">H", packet.data, type_at)
        while kind in _VLAN_TAGS and packet.link_type == LINKTYPE_ETHERNET:
            (kind,) = struct.unpack_from(">H", packet.data, size + 2)
            size += 4
        if kind not in (_IPV4, _IPV6):
            raise _SkipError(_NO_IP)
    return packet.data[size:]


def _scapy_network_layer(packet: Packet) -> bytes:
    try:
        from scapy.config import conf
        from scapy.layers import all as _layers  # noqa: F401  (fills the table of link types)
        from scapy.layers.inet import IP
        from scapy.layers.inet6 import IPv6
    except ImportError:
        raise CaptureError(
            f"frames of link type {packet.link_type} need scapy: pip install sorm-mediator[scapy]"
        ) from None
    layer = conf.l2types.num2layer.get(packet.link_type)
    if layer is None:
        raise CaptureError(f"frames of link type {packet.link_type} are known neither here nor to scapy")
    try:
        frame = layer(packet.data)
        network = frame.getlayer(IP) or frame.getlayer(IPv6)
    except Exception as error:  # noqa: BLE001  (scapy's layers raise anything on damaged frames)
        raise _SkipError(Phrase("not understood by scapy ({error})", error=type(error).__name__)) from None
    if network is None:
        raise _SkipError(_NO_IP)
    return bytes(network.original)


def _network(packet: bytes) -> Segment | Datagram:
    if packet[0] >> 4 == 4:
        protocol, source, destination, payload = _ipv4(packet)
    elif packet[0] >> 4 == 6:
        protocol, source, destination, payload = _ipv6(packet)
    else:
        raise _SkipError(_NO_IP)
    if protocol == TCP:
        return _tcp(source, destination, payload)
    if protocol == UDP:
        return _udp(source, destination, payload)
    raise _SkipError(Phrase("neither TCP nor UDP"))


def _ipv4(packet: bytes) -> tuple[int, str, str, bytes]:
    size = (packet[0] & 0xF) * 4
    total, _identification, fragment = struct.unpack_from(">HHH", packet, 2)
    if fragment & 0x3FFF:
        raise _SkipError(FRAGMENTS)
    # A host with segmentation offload captures its own packets with length 0.
    payload = packet[size : total or len(packet)]
    return packet[9], str(IPv4Address(packet[12:16])), str(IPv4Address(packet[16:20])), payload


def _ipv6(packet: bytes) -> tuple[int, str, str, bytes]:
    (length,) = struct.unpack_from(">H", packet, 4)
    following, position = packet[6], 40
    end = 40 + length if length else len(packet)
    source, destination = str(IPv6Address(packet[8:24])), str(IPv6Address(packet[24:40]))
    while following in _EXTENSIONS or following == _FRAGMENT:
        if following == _FRAGMENT:
            (fragment,) = struct.unpack_from(">H", packet, position + 2)
            if fragment & 0xFFF9:
                raise _SkipError(FRAGMENTS)
            following, position = packet[position], position + 8
        else:
            following, position = packet[position], position + (packet[position + 1] + 1) * 8
    return following, f"[{source}]", f"[{destination}]", packet[position:end]


def _tcp(source: str, destination: str, segment: bytes) -> Segment:
    source_port, destination_port, sequence = struct.unpack_from(">HHI", segment)
    size, flags = segment[12] >> 4, segment[13]
    if size < 5 or len(segment) < size * 4:
        raise _SkipError(_CUT)
    return Segment(
        f"{source}:{source_port}",
        f"{destination}:{destination_port}",
        sequence,
        syn=bool(flags & 2),
        fin=bool(flags & 1),
        reset=bool(flags & 4),
        data=segment[size * 4 :],
    )


def _udp(source: str, destination: str, datagram: bytes) -> Datagram:
    source_port, destination_port, length = struct.unpack_from(">HHH", datagram)
    end = length if length >= 8 else len(datagram)
    return Datagram(f"{source}:{source_port}", f"{destination}:{destination_port}", datagram[8:end])


def is_frame(data: bytes) -> bool:
    """Whether ``data`` is an Ethernet frame with IPv4 whose header checksum is right (a copied hex dump)."""
    if len(data) < 34 or data[12:14] != b"\x08\x00" or data[14] >> 4 != 4:
        return False
    header = data[14 : 14 + (data[14] & 0xF) * 4]
    return len(header) >= 20 and checksum(header) == 0


def checksum(data: bytes) -> int:
    """The Internet checksum of RFC 1071; over data that holds a right checksum it is 0."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


# --- TCP streams

MAX_WAITING_OCTETS = 1 << 20
MAX_WAITING_SEGMENTS = 256
_HALF = 1 << 31
_MASK = (1 << 32) - 1


class HalfStream:
    """One direction of a TCP connection (RFC 9293 sequence numbers, modulo 2**32)."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self._base: int | None = None  # sequence number of offset 0
        self._offset = 0  # next octet to hand out
        self._waiting: list[tuple[int, bytes, int | None]] = []  # (offset, data, time), sorted
        self._waiting_octets = 0
        self._end: int | None = None  # offset after the last octet, once FIN was seen
        self._early = 0  # octets from before the first segment of the capture
        self.ended = False

    def begins_anew(self, sequence: int) -> bool:
        """Whether a SYN with this sequence number opens a new connection."""
        return self._base is not None and (sequence + 1) & _MASK != self._base

    def open(self, sequence: int) -> None:
        """A SYN was seen: the first octet is the one after ``sequence``."""
        if self._base is None:
            self._base = (sequence + 1) & _MASK

    def segment(
        self, sequence: int, data: bytes, time_ns: int | None, *, fin: bool = False
    ) -> Iterator[Event]:
        """Add one segment's payload; the data that is complete now."""
        if self._base is None:
            self._base = sequence
        offset = self._offset_of(sequence)
        if fin:
            self._end = offset + len(data)
        if data:
            if offset < 0:
                self._early += min(len(data), -offset)
            self._hold(offset, data, time_ns)
        yield from self._ready()
        if len(self._waiting) > MAX_WAITING_SEGMENTS or self._waiting_octets > MAX_WAITING_OCTETS:
            yield from self._skip_hole()

    def finish(self) -> Iterator[Event]:
        """End of the stream: the waiting data, with the gaps."""
        while self._waiting:
            yield from self._skip_hole()
        if not self.ended:
            if self._end is not None and self._offset < self._end:
                yield Gap(self.flow, self._offset, self._end - self._offset)
            self.ended = True
            yield End(self.flow)
        if self._early:
            yield Trouble(Phrase(
                "{flow}: {n} octets came from before the capture's first segment", flow=self.flow.label, n=self._early,
            ))  # fmt: skip
            self._early = 0

    def _offset_of(self, sequence: int) -> int:
        assert self._base is not None
        distance = (sequence - self._base - self._offset) & _MASK
        return self._offset + (distance - (1 << 32) if distance >= _HALF else distance)

    def _hold(self, offset: int, data: bytes, time_ns: int | None) -> None:
        """Keep the part of ``data`` that is neither handed out nor waiting: the first copy counts."""
        if offset < self._offset:
            data = data[self._offset - offset :]
            offset = self._offset
        for start, known, _ in list(self._waiting):
            if not data:
                return
            end = start + len(known)
            if end <= offset or start >= offset + len(data):
                continue
            if start > offset:
                self._insert(offset, data[: start - offset], time_ns)
            data = data[end - offset :]
            offset = end
        if data:
            self._insert(offset, data, time_ns)

    def _insert(self, offset: int, data: bytes, time_ns: int | None) -> None:
        insort(self._waiting, (offset, data, time_ns), key=lambda part: part[0])
        self._waiting_octets += len(data)

    def _ready(self) -> Iterator[Event]:
        while self._waiting and self._waiting[0][0] == self._offset:
            offset, data, time_ns = self._waiting.pop(0)
            self._waiting_octets -= len(data)
            self._offset += len(data)
            yield Data(self.flow, offset, data, time_ns)
        if self._end is not None and self._offset >= self._end and not self.ended:
            self.ended = True
            yield End(self.flow)

    def _skip_hole(self) -> Iterator[Event]:
        start = self._waiting[0][0]
        yield Gap(self.flow, self._offset, start - self._offset)
        self._offset = start
        yield from self._ready()
