"""Reading the two capture file formats: pcap and pcapng.

Both are read from blocks of octets as they come, so that memory does not depend on the size of the file, and the
packets of a live input come at once.
Formats: the pcap and pcapng Internet-Drafts of the IETF's opsawg (draft-ietf-opsawg-pcap, -pcapng).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from sorm_mediator.capture.events import CaptureError, Pause, Trouble
from sorm_mediator.capture.source import first_octets
from sorm_mediator.language import Phrase, join

PCAPNG_MAGIC = b"\x0a\x0d\x0d\x0a"
# magic as it stands in the file -> (byte order, nanoseconds of one tick, octets of a record's header)
_PCAP_MAGICS = {
    bytes.fromhex("a1b2c3d4"): (">", 1000, 16),
    bytes.fromhex("d4c3b2a1"): ("<", 1000, 16),
    bytes.fromhex("a1b23c4d"): (">", 1, 16),
    bytes.fromhex("4d3cb2a1"): ("<", 1, 16),
    # Kuznetsov's variant: each record has eight octets more
    bytes.fromhex("a1b2cd34"): (">", 1000, 24),
    bytes.fromhex("34cdb2a1"): ("<", 1000, 24),
}
MAX_BLOCK = 16 * 1024 * 1024
"""The most octets in one record or block; a greater length is damage."""

MAX_INTERFACES = 4096
"""Interfaces that a section may describe."""

INTERFACE, _OLD_PACKET, _SIMPLE, ENHANCED = 1, 2, 3, 6
"""Kinds of blocks of pcapng."""
_PACKET_HEADS = {_OLD_PACKET: "HHIIII", _SIMPLE: "I", ENHANCED: "IIIII"}
"""The numbers before a packet: interface first; time (high, low), octets kept and octets on the wire last."""
COMMENT, IF_NAME, IF_TSRESOL, _IF_TSOFFSET, EPB_FLAGS = 1, 2, 9, 14, 2
"""Options of the blocks that describe an interface, and of packets."""
INBOUND, OUTBOUND = 1, 2
"""The direction in the flags of a packet."""
_DIRECTIONS = {INBOUND: "in", OUTBOUND: "out"}


class Packet(NamedTuple):
    """One captured frame."""

    link_type: int
    data: bytes
    time_ns: int | None
    length: int
    """Octets on the wire; more than ``data`` has if the capture cut the frame."""
    interface: str = ""
    direction: str = ""
    """``in``, ``out``, or empty if the file does not have it."""
    comment: str = ""
    """Its comments, a line each."""


def is_capture(start: bytes) -> bool:
    """Whether a file that begins with ``start`` (at least four octets) is pcap or pcapng."""
    return start[:4] == PCAPNG_MAGIC or start[:4] in _PCAP_MAGICS


def read_packets(blocks: Iterable[bytes | Pause]) -> Iterator[Packet | Trouble | Pause]:
    """The packets of a pcap or pcapng file; damage ends the reading with a :class:`Trouble`.

    Raises :class:`CaptureError` for a stream that is neither.
    """
    following = iter(blocks)
    start = first_octets(following, 4)
    octets = _Octets(chain((start,), following))
    magic = start[:4]
    if magic == PCAPNG_MAGIC:
        yield from _pcapng(octets)
    elif magic in _PCAP_MAGICS:
        yield from _pcap(octets, *_PCAP_MAGICS[magic])
    else:
        raise CaptureError("not a capture file: it begins neither like pcap nor like pcapng")


class _Octets:
    """The octets that have come and are not read yet: :attr:`held` from :attr:`at` on."""

    def __init__(self, blocks: Iterable[bytes | Pause]) -> None:
        self._blocks = iter(blocks)
        self.held = b""
        self.at = 0
        self.position = 0
        """Octets of the file before :attr:`at`."""

    def have(self, size: int) -> Iterator[Pause]:
        """Wait until ``size`` octets are held, or the file ends; the pauses meanwhile."""
        missing = size - (len(self.held) - self.at)
        if missing <= 0:
            return
        parts = [self.held[self.at :]]
        while missing > 0 and (block := next(self._blocks, None)) is not None:
            if isinstance(block, Pause):
                yield block
                continue
            parts.append(block)
            missing -= len(block)
        self.held, self.at = b"".join(parts), 0

    @property
    def rest(self) -> int:
        """How many octets are held."""
        return len(self.held) - self.at

    def pass_over(self, size: int) -> None:
        """Count ``size`` octets as read."""
        self.at += size
        self.position += size


def _pcap(octets: _Octets, order: str, tick: int, record_size: int) -> Iterator[Packet | Trouble | Pause]:
    yield from octets.have(24)
    if octets.rest < 24:
        yield Trouble(Phrase("the pcap file is cut inside its header"))
        return
    link_type: int = struct.unpack_from(order + "I", octets.held, 20)[0] & 0x0FFFFFFF  # above: FCS length
    octets.pass_over(24)
    record = struct.Struct(order + "IIII")
    while True:
        if octets.rest < record_size:
            yield from octets.have(record_size)
            if not octets.rest:
                return
            if octets.rest < record_size:
                yield Trouble(_at(Phrase("the pcap file is cut inside a record's header"), octets.position))
                return
        seconds, fraction, kept, length = record.unpack_from(octets.held, octets.at)
        if kept > MAX_BLOCK:
            claim = Phrase("a pcap record claims {kept} octets", kept=kept)
            yield Trouble(_not_read(_at(claim, octets.position)))
            return
        size = record_size + kept
        if octets.rest < size:
            yield from octets.have(size)
        data = octets.held[octets.at + record_size : octets.at + size]
        yield Packet(link_type, data, seconds * 1_000_000_000 + fraction * tick, length)
        if len(data) < kept:
            missing = Phrase("{count} octets missing", count=kept - len(data))
            cut = _at(Phrase("the pcap file is cut inside the record"), octets.position)
            yield Trouble(join(": ", [cut, missing]))
            return
        octets.pass_over(size)


@dataclass(slots=True)
class _Interface:
    link_type: int
    snap_length: int
    name: str = ""
    ticks_per_second: int = 1_000_000
    offset_seconds: int = 0

    def time_ns(self, ticks: int) -> int:
        if self.ticks_per_second == 1_000_000_000 and not self.offset_seconds:
            return ticks
        return ticks * 1_000_000_000 // self.ticks_per_second + self.offset_seconds * 1_000_000_000


class _Section:
    """What the blocks of a section share: the byte order, and the interfaces described so far."""

    def __init__(self, order: str) -> None:
        self.begin(order)

    def begin(self, order: str) -> None:
        """A new section."""
        self.order = order
        self.kind = struct.Struct(order + "I")
        self.block = struct.Struct(order + "II")
        self.flags = struct.Struct(order + "HHI")
        self.heads = {kind: struct.Struct(order + head) for kind, head in _PACKET_HEADS.items()}
        self.interfaces: list[_Interface] = []


class _DamagedError(Exception):
    """A block with an impossible length or content, described by a :class:`Phrase`."""


def _at(what: Phrase, position: int) -> Phrase:
    return Phrase("{what} at octet {position}", what=what, position=position)


def _not_read(what: Phrase) -> Phrase:
    return join(": ", [what, Phrase("the rest is not read")])


def _pcapng(octets: _Octets) -> Iterator[Packet | Trouble | Pause]:
    section = _Section("<")
    while True:
        if octets.rest < 12:
            yield from octets.have(12)
            if not octets.rest:
                return
        else:  # a packet that is held and in order
            kind, size = section.block.unpack_from(octets.held, octets.at)
            if kind == ENHANCED and 32 <= size <= octets.rest and not size & 3:
                end = octets.at + size
                packet = _enhanced(octets.held[octets.at + 8 : end - 4], section)
                if packet is not None:
                    octets.pass_over(size)
                    yield packet
                    continue
        whole = True
        try:
            size = _block_size(octets, section)
            whole = octets.rest >= size
            if not whole:
                yield from octets.have(size)
                whole = octets.rest >= size
            kind = section.kind.unpack_from(octets.held, octets.at)[0] if octets.rest >= 12 else 0
            body = octets.held[octets.at + 8 : octets.at + size - 4]
            if kind == INTERFACE:
                section.interfaces.append(_interface(body, section))
            elif packet := _packet(kind, body, section):
                yield packet
        except _DamagedError as damage:
            if whole:
                yield Trouble(_not_read(Phrase(
                    "the pcapng block at octet {position} {damage}", position=octets.position, damage=damage.args[0],
                )))  # fmt: skip
                return
        if not whole:
            yield Trouble(_at(Phrase("the pcapng file is cut inside the block"), octets.position))
            return
        octets.pass_over(size)


def _block_size(octets: _Octets, section: _Section) -> int:
    """Octets of the next block, of which twelve are held or the file has no more; a section sets the byte order."""
    head = octets.held[octets.at : octets.at + 12]
    if len(head) < 8 or (head.startswith(PCAPNG_MAGIC) and len(head) < 12):
        return 12
    if head.startswith(PCAPNG_MAGIC):
        mark = head[8:]
        if mark not in (b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a"):
            raise _DamagedError(Phrase("has the byte-order mark {mark}", mark=mark.hex()))
        section.begin(">" if mark[0] == 0x1A else "<")
    size: int = section.kind.unpack_from(head, 4)[0]
    if size < 12 or size % 4 or size > MAX_BLOCK:
        raise _DamagedError(Phrase("claims a length of {size}", size=size))
    return size


def _interface(body: bytes, section: _Section) -> _Interface:
    order = section.order
    if len(body) < 8:
        raise _DamagedError(Phrase("describes an interface in less than {n} octets", n=8))
    if len(section.interfaces) >= MAX_INTERFACES:
        raise _DamagedError(Phrase("describes one more than {most} interfaces", most=MAX_INTERFACES))
    link_type, _reserved, snap_length = struct.unpack_from(order + "HHI", body)
    interface = _Interface(link_type, snap_length)
    for code, value in _options(body[8:], order):
        if code == IF_NAME:
            interface.name = value.decode("utf-8", "replace")
        elif code == IF_TSRESOL and value:
            exponent = value[0] & 0x7F
            interface.ticks_per_second = 2**exponent if value[0] & 0x80 else 10**exponent
        elif code == _IF_TSOFFSET and len(value) == 8:
            (interface.offset_seconds,) = struct.unpack(order + "q", value)
    return interface


def _packet(kind: int, body: bytes, section: _Section) -> Packet | None:
    """The packet in a block, or nothing for a block without one (name resolution, statistics ...)."""
    heads = section.heads.get(kind)
    if heads is None:
        return None
    order, start = section.order, heads.size
    if len(body) < start:
        raise _DamagedError(Phrase("holds a packet in less than {n} octets", n=start))
    head = heads.unpack_from(body)
    index, kept, length = (0, head[0], head[0]) if kind == _SIMPLE else (head[0], *head[-2:])
    if index >= len(section.interfaces):
        raise _DamagedError(Phrase("names the interface {index}, which is not described", index=index))
    interface = section.interfaces[index]
    if kind == _SIMPLE and interface.snap_length:
        kept = min(kept, interface.snap_length)
    data = body[start : start + kept]
    direction = ""
    comments: list[str] = []
    options = start + (kept + 3) // 4 * 4
    for code, value in _options(body[options:], order) if options < len(body) else ():
        if code == EPB_FLAGS and len(value) == 4:
            (flags,) = struct.unpack(order + "I", value)
            direction = _DIRECTIONS.get(flags & 3, "")
        elif code == COMMENT:
            comments.append(value.decode("utf-8", "replace"))
    time_ns = None if kind == _SIMPLE else interface.time_ns(head[-4] << 32 | head[-3])
    return Packet(interface.link_type, data, time_ns, length, interface.name, direction, "\n".join(comments))


def _enhanced(body: bytes, section: _Section) -> Packet | None:
    """A packet of the usual kind; nothing if it needs a closer look (:func:`_packet`)."""
    index, high, low, kept, length = section.heads[ENHANCED].unpack_from(body)
    end = 20 + kept
    options = end + 3 & ~3
    if index >= len(section.interfaces) or options > len(body):
        return None
    direction = ""
    if options + 8 <= len(body):
        code, size, flags = section.flags.unpack_from(body, options)
        if (code, size) == (EPB_FLAGS, 4) and len(body) <= options + 12:  # nothing but the end follows
            direction = _DIRECTIONS.get(flags & 3, "")
        elif code:
            return None
    interface = section.interfaces[index]
    return Packet(
        interface.link_type,
        body[20:end],
        interface.time_ns(high << 32 | low),
        length,
        interface.name,
        direction,
    )


def _options(area: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + 4 <= len(area):
        code, length = struct.unpack_from(order + "HH", area, position)
        if code == 0:
            return
        yield code, area[position + 4 : position + 4 + length]
        position += 4 + (length + 3) // 4 * 4
