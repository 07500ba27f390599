"""Captured frames to the data of their TCP or UDP, and TCP segments to streams.

Known link layers: Ethernet, raw IP, Linux cooked v1 and v2, null and loopback, with VLAN tags, PPPoE and MPLS labels
in between. IP fragments are put together (:mod:`sorm_mediator.capture.fragments`). scapy, if installed, decodes any
other frame. Frames with neither TCP nor UDP are counted, not shown.

A :class:`HalfStream` per direction sorts the segments, drops repetitions and reports gaps. At most
``MAX_WAITING_OCTETS`` octets in ``MAX_WAITING_SEGMENTS`` segments wait for a missing segment; beyond that the
missing octets are a gap.
"""

from __future__ import annotations

import struct
from bisect import insort
from collections import Counter
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from sorm_mediator.capture.events import CaptureError, Data, End, Event, Flow, Gap, Trouble
from sorm_mediator.capture.files import Packet
from sorm_mediator.capture.fragments import Fragments
from sorm_mediator.language import Phrase

_IPV4, _IPV6 = 0x0800, 0x86DD
_VLAN_TAGS = (0x8100, 0x88A8, 0x9100)
_MPLS = (0x8847, 0x8848)
_PPPOE = 0x8864
_OF_PPP = {0x0021: _IPV4, 0x0057: _IPV6, 0x0281: _MPLS[0], 0x0283: _MPLS[1]}
"""Protocols of PPP."""
_SNAP = bytes.fromhex("AAAA03000000")
_HIGHEST_LENGTH = 1500
"""A type of Ethernet up to this one is the length of an IEEE 802.3 frame."""
TCP, UDP = 6, 17
"""Protocols in IP."""
_EXTENSIONS = (0, 43, 60, 135, 139, 140)  # IPv6 headers with their own length, in units of 8 octets
_FRAGMENT = 44
LINKTYPE_ETHERNET = 1
_MOST_ENDS = 65_536
"""Pairs of addresses and ports whose texts are kept."""

_CUT = Phrase("cut inside their headers")
_NO_IP = Phrase("neither IPv4 nor IPv6")


class Segment(NamedTuple):
    """A TCP segment."""

    source: str
    destination: str
    sequence: int
    flags: int
    data: bytes

    @property
    def syn(self) -> bool:
        """It opens a connection."""
        return bool(self.flags & 2)

    @property
    def fin(self) -> bool:
        """It is the last one of its direction."""
        return bool(self.flags & 1)

    @property
    def reset(self) -> bool:
        """It ends the connection."""
        return bool(self.flags & 4)


class Datagram(NamedTuple):
    """A UDP datagram."""

    source: str
    destination: str
    data: bytes


class _SkipError(Exception):
    """The frame has neither TCP nor UDP; the text names its content."""


_PLAIN = struct.Struct(">H2xHxB2x12sI4xBB")
"""Of IPv4 without options and TCP: the length, the fragment, protocol, addresses and ports, sequence number, size of
the header of TCP, flags."""


class Dissector:
    """Dissects frames; ``skipped`` counts the unused ones by reason."""

    def __init__(self) -> None:
        self.skipped: Counter[str] = Counter()
        self.fragments = Fragments()
        self._ends: dict[bytes, tuple[str, str]] = {}

    def take(self, packet: Packet) -> Segment | Datagram | None:
        """The TCP or UDP in ``packet``; nothing for a fragment of a datagram that is not whole yet.

        Raises :class:`CaptureError` for a link type that neither this module nor an installed scapy can read.
        """
        data = packet.data
        if packet.link_type == LINKTYPE_ETHERNET and data[12:15] == b"\x08\x00\x45" and len(data) >= 54:
            total, fragment, protocol, ends, sequence, size, flags = _PLAIN.unpack_from(data, 16)
            begin, end = 34 + (size >> 4) * 4, 14 + total
            if protocol == TCP and not fragment & 0x3FFF and 54 <= begin <= end and begin <= len(data):
                texts = self._ends.get(ends) or self._texts(ends[:8], ends[8:])
                return Segment(*texts, sequence, flags, data[begin:end])
        try:
            return self._network(_link(packet), packet.time_ns)
        except _SkipError as why:
            self.skipped[why.args[0]] += 1
        except (struct.error, IndexError):
            self.skipped[_CUT] += 1
        return None

    def _network(self, packet: bytes, time_ns: int | None) -> Segment | Datagram | None:
        if packet[0] >> 4 == 4:
            return self._ipv4(packet, time_ns)
        if packet[0] >> 4 == 6:
            return self._ipv6(packet, time_ns)
        raise _SkipError(_NO_IP)

    def _ipv4(self, packet: bytes, time_ns: int | None) -> Segment | Datagram | None:
        size = (packet[0] & 0xF) * 4
        total, identification, fragment = struct.unpack_from(">HHH", packet, 2)
        # A host with segmentation offload captures its own packets with length 0.
        payload = packet[size : total or len(packet)]
        if len(packet) < 20:
            raise _SkipError(_CUT)
        protocol, addresses = packet[9], packet[12:20]
        if fragment & 0x3FFF:
            whole = self.fragments.add(
                (addresses, protocol, identification), (fragment & 0x1FFF) * 8, payload,
                length=max(total - size, 0), last=not fragment & 0x2000, protocol=protocol, time_ns=time_ns,
            )  # fmt: skip
            if whole is None:
                return None
            protocol, payload = whole
        return self._transport(protocol, addresses, payload)

    def _ipv6(self, packet: bytes, time_ns: int | None) -> Segment | Datagram | None:
        (length,) = struct.unpack_from(">H", packet, 4)
        if len(packet) < 40:
            raise _SkipError(_CUT)
        following, addresses = packet[6], packet[8:40]
        payload = packet[40 : 40 + length if length else len(packet)]
        missing = max(length - len(payload), 0)  # cut by the capture
        while following in _EXTENSIONS or following == _FRAGMENT:
            if following != _FRAGMENT:
                following, payload = payload[0], payload[(payload[1] + 1) * 8 :]
                continue
            following, _, fragment, identification = struct.unpack_from(">BBHI", payload)
            payload = payload[8:]
            if fragment & 0xFFF9:
                whole = self.fragments.add(
                    (addresses, 0, identification), fragment & 0xFFF8, payload,
                    length=len(payload) + missing, last=not fragment & 1, protocol=following, time_ns=time_ns,
                )  # fmt: skip
                if whole is None:
                    return None
                following, payload = whole
                missing = 0
        return self._transport(following, addresses, payload)

    def _transport(self, protocol: int, addresses: bytes, payload: bytes) -> Segment | Datagram:
        if protocol == TCP:
            sequence, size, flags = struct.unpack_from(">IxxxxBB", payload, 4)
            size = size >> 4
            if size < 5 or len(payload) < size * 4:
                raise _SkipError(_CUT)
            return Segment(*self._texts(addresses, payload[:4]), sequence, flags, payload[size * 4 :])
        if protocol == UDP:
            (length,) = struct.unpack_from(">H", payload, 4)
            end = length if length >= 8 else len(payload)
            return Datagram(*self._texts(addresses, payload[:4]), payload[8:end])
        raise _SkipError(Phrase("neither TCP nor UDP"))

    def _texts(self, addresses: bytes, ports: bytes) -> tuple[str, str]:
        """``address:port`` of source and destination."""
        key = addresses + ports
        known = self._ends.get(key)
        if known is None:
            if len(self._ends) >= _MOST_ENDS:
                self._ends.clear()
            half = len(addresses) // 2
            numbers = struct.unpack(">HH", ports)
            source, destination = (
                f"{address_text(one)}:{port}"
                for one, port in zip((addresses[:half], addresses[half:]), numbers, strict=True)
            )
            known = self._ends[key] = source, destination
        return known


def address_text(packed: bytes) -> str:
    """An address of IPv4, or one of IPv6 in brackets."""
    return str(IPv4Address(packed)) if len(packed) == 4 else f"[{IPv6Address(packed)}]"


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
    type_at, at = layer
    data = packet.data
    if type_at is None:
        return data[at:]
    kind = data[type_at] << 8 | data[type_at + 1]
    while kind not in (_IPV4, _IPV6):
        kind, at = _inside(kind, data, at)
    return data[at:]


def _inside(kind: int, data: bytes, at: int) -> tuple[int, int]:
    """Type and place of what is in a packet of the type ``kind`` that begins at ``at``."""
    if kind in _VLAN_TAGS:
        return _type_at(data, at + 2), at + 4
    if kind == _PPPOE:  # six octets, then PPP (RFC 2516), whose protocol may be one octet
        if data[at + 6] & 1:
            return _OF_PPP.get(data[at + 6], 0), at + 7
        return _OF_PPP.get(_type_at(data, at + 6), 0), at + 8
    if kind in _MPLS:
        while not data[at + 2] & 1:  # the bottom of the stack of labels (RFC 3032)
            at += 4
        at += 4
        version = data[at] >> 4
        if version:
            return {4: _IPV4, 6: _IPV6}.get(version, 0), at
        return _type_at(data, at + 16), at + 18  # Ethernet behind a control word (RFC 4448)
    if 0 < kind <= _HIGHEST_LENGTH and data[at : at + 6] == _SNAP:
        return _type_at(data, at + 6), at + 8
    raise _SkipError(_NO_IP)


def _type_at(data: bytes, at: int) -> int:
    return data[at] << 8 | data[at + 1]


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
MAX_WAITING_IN_ALL = 64 << 20
"""Octets that wait in all streams; beyond that the stream that was silent the longest waits no longer."""
MAX_WAITING_SEGMENTS = 256
_HALF = 1 << 31
_MASK = (1 << 32) - 1


class Waiting:
    """The octets that wait in all streams of a capture."""

    def __init__(self) -> None:
        self.octets = 0


class HalfStream:
    """One direction of a TCP connection (RFC 9293 sequence numbers, modulo 2**32). ``waiting`` counts what waits."""

    def __init__(self, flow: Flow, waiting: Waiting | None = None) -> None:
        self.flow = flow
        self._all_waiting = waiting or Waiting()
        self.xot = False
        """Whether it is X.25 over TCP, for the reader."""
        self._base: int | None = None  # sequence number of offset 0
        self._offset = 0  # next octet to hand out
        self._waiting: list[tuple[int, bytes, int | None, str]] = []  # (offset, data, time, comment), sorted
        self._waiting_octets = 0
        self._end: int | None = None  # offset after the last octet, once FIN was seen
        self._early = 0  # octets from before the first segment of the capture
        self._hole: int | None = None  # where the waiting data began at the last long pause
        self.ended = False

    def begins_anew(self, sequence: int) -> bool:
        """Whether a SYN with this sequence number opens a new connection."""
        return self._base is not None and (sequence + 1) & _MASK != self._base

    def open(self, sequence: int) -> None:
        """A SYN was seen: the first octet is the one after ``sequence``."""
        if self._base is None:
            self._base = (sequence + 1) & _MASK

    def segment(
        self, sequence: int, data: bytes, time_ns: int | None, *, fin: bool = False, comment: str = ""
    ) -> list[Event]:
        """Add one segment's payload; the data that is complete now."""
        if self._base is None:
            self._base = sequence
        if (
            not self._waiting
            and self._end is None
            and not fin
            and (sequence - self._base - self._offset) & _MASK == 0
        ):
            offset = self._offset
            self._offset += len(data)
            return [Data(self.flow, offset, data, time_ns, comment=comment)] if data else []
        offset = self._offset_of(sequence)
        if fin:
            self._end = offset + len(data)
        if data:
            if offset < 0:
                self._early += min(len(data), -offset)
            self._hold(offset, data, time_ns, comment)
        events = self._ready()
        if len(self._waiting) > MAX_WAITING_SEGMENTS or self._waiting_octets > MAX_WAITING_OCTETS:
            events += self.skip_hole()
        return events

    def finish(self) -> list[Event]:
        """End of the stream: the waiting data, with the gaps."""
        events: list[Event] = []
        while self._waiting:
            events += self.skip_hole()
        if not self.ended:
            if self._end is not None and self._offset < self._end:
                events.append(Gap(self.flow, self._offset, self._end - self._offset))
            self.ended = True
            events.append(End(self.flow))
        if self._early:
            events.append(Trouble(Phrase(
                "{flow}: {n} octets came from before the capture's first segment", flow=self.flow.label, n=self._early,
            )))  # fmt: skip
            self._early = 0
        return events

    def give_up(self) -> list[Event]:
        """A long pause: what waits for a segment since the last one is handed out, with the gap before it."""
        hole, self._hole = self._hole, self._waiting[0][0] if self._waiting else None
        if hole is None or hole != self._hole:
            return []
        self._hole = None
        return self.skip_hole()

    def _offset_of(self, sequence: int) -> int:
        assert self._base is not None
        distance = (sequence - self._base - self._offset) & _MASK
        return self._offset + (distance - (1 << 32) if distance >= _HALF else distance)

    def _hold(self, offset: int, data: bytes, time_ns: int | None, comment: str) -> None:
        """Keep the part of ``data`` that is neither handed out nor waiting: the first copy counts."""
        if offset < self._offset:
            data = data[self._offset - offset :]
            offset = self._offset
        for start, known, *_ in list(self._waiting):
            if not data:
                return
            end = start + len(known)
            if end <= offset or start >= offset + len(data):
                continue
            if start > offset:
                self._insert(offset, data[: start - offset], time_ns, comment)
            data = data[end - offset :]
            offset = end
        if data:
            self._insert(offset, data, time_ns, comment)

    def _insert(self, offset: int, data: bytes, time_ns: int | None, comment: str) -> None:
        insort(self._waiting, (offset, data, time_ns, comment), key=lambda part: part[0])
        self._waiting_octets += len(data)
        self._all_waiting.octets += len(data)

    def _ready(self) -> list[Event]:
        events: list[Event] = []
        while self._waiting and self._waiting[0][0] == self._offset:
            offset, data, time_ns, comment = self._waiting.pop(0)
            self._waiting_octets -= len(data)
            self._all_waiting.octets -= len(data)
            self._offset += len(data)
            events.append(Data(self.flow, offset, data, time_ns, comment=comment))
        if self._end is not None and self._offset >= self._end and not self.ended:
            self.ended = True
            events.append(End(self.flow))
        return events

    @property
    def waits(self) -> bool:
        """Whether octets wait for some before them."""
        return bool(self._waiting)

    def skip_hole(self) -> list[Event]:
        """Where octets wait: those up to the next hole, with the gap before them."""
        start = self._waiting[0][0]
        gap = Gap(self.flow, self._offset, start - self._offset)
        self._offset = start
        return [gap, *self._ready()]
