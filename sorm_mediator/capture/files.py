"""Reading the two capture file formats: pcap and pcapng.

Both are read block by block from a binary stream, so that memory does not depend on the size of the file.
Formats: the pcap and pcapng Internet-Drafts of the IETF's opsawg (draft-ietf-opsawg-pcap, -pcapng).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from sorm_mediator.capture.events import CaptureError, Trouble
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
IF_NAME, IF_TSRESOL, _IF_TSOFFSET, EPB_FLAGS = 2, 9, 14, 2
"""Options of the blocks that describe an interface, and of packets."""
INBOUND, OUTBOUND = 1, 2
"""The direction in the flags of a packet."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One captured frame."""

    link_type: int
    data: bytes
    time_ns: int | None
    length: int
    """Octets on the wire; more than ``data`` has if the capture cut the frame."""
    interface: str = ""
    direction: str = ""
    """``in``, ``out``, or empty if the file does not have it."""


def is_capture(start: bytes) -> bool:
    """Whether a file that begins with ``start`` (at least four octets) is pcap or pcapng."""
    return start[:4] == PCAPNG_MAGIC or start[:4] in _PCAP_MAGICS


def read_packets(stream: BinaryIO) -> Iterator[Packet | Trouble]:
    """The packets of a pcap or pcapng file; damage ends the reading with a :class:`Trouble`.

    Raises :class:`CaptureError` for a stream that is neither.
    """
    magic = _read(stream, 4)
    if magic == PCAPNG_MAGIC:
        yield from _pcapng(stream)
    elif magic in _PCAP_MAGICS:
        yield from _pcap(stream, *_PCAP_MAGICS[magic])
    else:
        raise CaptureError("not a capture file: it begins neither like pcap nor like pcapng")


def _read(stream: BinaryIO, size: int) -> bytes:
    """``size`` octets, fewer only at the end of the stream; one read of a pipe may return fewer."""
    parts: list[bytes] = []
    while size > 0 and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _pcap(stream: BinaryIO, order: str, tick: int, record_size: int) -> Iterator[Packet | Trouble]:
    header = _read(stream, 20)
    if len(header) < 20:
        yield Trouble(Phrase("the pcap file is cut inside its header"))
        return
    link_type: int = struct.unpack(order + "I", header[16:])[0] & 0x0FFFFFFF  # above: FCS length
    record = struct.Struct(order + "IIII")
    position = 24
    while head := _read(stream, record_size):
        if len(head) < record_size:
            yield Trouble(_at(Phrase("the pcap file is cut inside a record's header"), position))
            return
        seconds, fraction, kept, length = record.unpack(head[:16])
        if kept > MAX_BLOCK:
            claim = Phrase("a pcap record claims {kept} octets", kept=kept)
            yield Trouble(_not_read(_at(claim, position)))
            return
        data = _read(stream, kept)
        yield Packet(link_type, data, seconds * 1_000_000_000 + fraction * tick, length)
        if len(data) < kept:
            missing = Phrase("{count} octets missing", count=kept - len(data))
            cut = _at(Phrase("the pcap file is cut inside the record"), position)
            yield Trouble(join(": ", [cut, missing]))
            return
        position += record_size + kept


@dataclass(slots=True)
class _Interface:
    link_type: int
    snap_length: int
    name: str = ""
    ticks_per_second: int = 1_000_000
    offset_seconds: int = 0

    def time_ns(self, ticks: int) -> int:
        return ticks * 1_000_000_000 // self.ticks_per_second + self.offset_seconds * 1_000_000_000


@dataclass(slots=True)
class _Section:
    order: str
    interfaces: list[_Interface] = field(default_factory=list)


class _DamagedError(Exception):
    """A block with an impossible length or content, described by a :class:`Phrase`."""


def _at(what: Phrase, position: int) -> Phrase:
    return Phrase("{what} at octet {position}", what=what, position=position)


def _not_read(what: Phrase) -> Phrase:
    return join(": ", [what, Phrase("the rest is not read")])


def _pcapng(stream: BinaryIO) -> Iterator[Packet | Trouble]:
    section = _Section("<")
    position = 0
    head = PCAPNG_MAGIC  # already read for the format
    while head:
        whole = True
        try:
            kind, body, size, whole = _block(stream, head, section)
            if kind == INTERFACE:
                section.interfaces.append(_interface(body, section))
            elif packet := _packet(kind, body, section):
                yield packet
        except _DamagedError as damage:
            if whole:
                yield Trouble(_not_read(Phrase(
                    "the pcapng block at octet {position} {damage}", position=position, damage=damage.args[0],
                )))  # fmt: skip
                return
        if not whole:
            yield Trouble(_at(Phrase("the pcapng file is cut inside the block"), position))
            return
        position += size
        head = _read(stream, 4)


def _block(stream: BinaryIO, head: bytes, section: _Section) -> tuple[int, bytes, int, bool]:
    """Kind, body, size and completeness of the block that begins with ``head``; a section sets the byte order."""
    rest = _read(stream, 4)
    if len(head) < 4 or len(rest) < 4:
        return 0, b"", 0, False
    taken = b""
    if head == PCAPNG_MAGIC:
        taken = _read(stream, 4)
        if len(taken) < 4:
            return 0, b"", 0, False
        if taken not in (b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a"):
            raise _DamagedError(Phrase("has the byte-order mark {mark}", mark=taken.hex()))
        section.order = ">" if taken[0] == 0x1A else "<"
        section.interfaces.clear()
    kind, size = struct.unpack(section.order + "II", head + rest)
    if size < 12 or size % 4 or size > MAX_BLOCK:
        raise _DamagedError(Phrase("claims a length of {size}", size=size))
    wanted = size - 8 - len(taken)
    content = _read(stream, wanted)
    body = taken + content[: wanted - 4]
    return kind, body, size, len(content) == wanted


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
    if kind not in _PACKET_HEADS:
        return None
    order = section.order
    start = struct.calcsize(order + _PACKET_HEADS[kind])
    if len(body) < start:
        raise _DamagedError(Phrase("holds a packet in less than {n} octets", n=start))
    head = struct.unpack_from(order + _PACKET_HEADS[kind], body)
    index, kept, length = (0, head[0], head[0]) if kind == _SIMPLE else (head[0], *head[-2:])
    if index >= len(section.interfaces):
        raise _DamagedError(Phrase("names the interface {index}, which is not described", index=index))
    interface = section.interfaces[index]
    if kind == _SIMPLE and interface.snap_length:
        kept = min(kept, interface.snap_length)
    data = body[start : start + kept]
    direction = ""
    for code, value in _options(body[start + (kept + 3) // 4 * 4 :], order):
        if code == EPB_FLAGS and len(value) == 4:
            (flags,) = struct.unpack(order + "I", value)
            direction = {INBOUND: "in", OUTBOUND: "out"}.get(flags & 3, "")
    time_ns = None if kind == _SIMPLE else interface.time_ns(head[-4] << 32 | head[-3])
    return Packet(interface.link_type, data, time_ns, length, interface.name, direction)


def _options(area: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + 4 <= len(area):
        code, length = struct.unpack_from(order + "HH", area, position)
        if code == 0:
            return
        yield code, area[position + 4 : position + 4 + length]
        position += 4 + (length + 3) // 4 * 4
