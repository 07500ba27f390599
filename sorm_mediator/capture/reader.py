"""Any input of ``decode`` -> events: the content decides the format, never the file's name."""

from __future__ import annotations

import gzip
import zlib
from collections import Counter, OrderedDict
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO, cast

from e1.carriers.satop import SatopPacket
from sorm_mediator.capture import x25
from sorm_mediator.capture.events import CaptureError, Data, End, Event, Flow, Gap, Trouble
from sorm_mediator.capture.files import Packet, is_capture, read_packets
from sorm_mediator.capture.hextext import parse_text
from sorm_mediator.capture.packets import (
    FRAGMENTS,
    LINKTYPE_ETHERNET,
    Datagram,
    Dissector,
    HalfStream,
    Segment,
    is_frame,
)
from sorm_mediator.capture.x25 import Recognition, SatopFlow
from sorm_mediator.language import Phrase, join

CHUNK = 65_536
MAX_TEXT = 32 * 1024 * 1024
"""The most octets of hex text."""
MAX_PACKED = 4
"""The most nested gzip layers of a file."""
MAX_FLOWS = 4096
"""The most flows followed at once; a further flow ends the one that was silent the longest."""

_Datagram = tuple[bytes, Packet]
_GZIP = b"\x1f\x8b\x08"
_TEXT_CONTROLS = frozenset(b"\t\n\r\f")
_INPUT = "input"


def read_input(stream: BinaryIO, unpacked: int = 0) -> Iterator[Event]:
    """The content of a file or pipe: capture, hex text, hex dump or raw units, packed with gzip or not.

    ``unpacked``: the gzip layers around ``stream`` that are unpacked already.
    Raises :class:`CaptureError` for an empty or unreadable input, :class:`OSError` of the stream.
    """
    start = stream.read(CHUNK)
    if not start:
        raise CaptureError("nothing to decode: the input is empty")
    if start.startswith(_GZIP):
        if unpacked >= MAX_PACKED:
            raise CaptureError(f"packed with gzip more than {MAX_PACKED} times: unpack it first")
        packed = gzip.GzipFile(fileobj=cast(BinaryIO, _Pushed(start, stream)))
        try:
            yield from read_input(cast(BinaryIO, packed), unpacked + 1)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            yield Trouble(Phrase(
                "the gzip file is damaged or cut ({error}): the rest is not read", error=error,
            ))  # fmt: skip
    elif is_capture(start):
        yield from packets_to_events(read_packets(cast(BinaryIO, _Pushed(start, stream))))
    elif (text := _as_text(start, stream)) is not None:
        yield from read_text(text)
    else:
        yield from _raw(start, stream)


def read_text(text: str) -> Iterator[Event]:
    """The content of ``text``: hex or a hex dump.

    Raises :class:`CaptureError` with the first character that fits neither.
    """
    parts = parse_text(text)
    if all(is_frame(part.data) for part in parts):
        frames = (Packet(LINKTYPE_ETHERNET, part.data, None, len(part.data)) for part in parts)
        yield from packets_to_events(frames)
        return
    flows: dict[str, tuple[Flow, int]] = {}
    for part in parts:
        flow, offset = flows.get(part.side, (Flow(_INPUT + part.side), 0))
        for start in range(0, len(part.data), CHUNK):
            yield Data(flow, offset + start, part.data[start : start + CHUNK])
        flows[part.side] = flow, offset + len(part.data)
    for flow, _ in flows.values():
        yield End(flow)


def read_bytes(data: bytes) -> Iterator[Event]:
    """Like :func:`read_input`, for octets in memory."""
    return read_input(BytesIO(data))


class _Pushed:
    """A stream with the octets read from it put back; it has the method that our readers and gzip need."""

    def __init__(self, start: bytes, stream: BinaryIO) -> None:
        self._start = start
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        if not self._start:
            return self._stream.read(size)
        taken = self._start if size < 0 else self._start[:size]
        self._start = self._start[len(taken) :]
        return taken + self._stream.read() if size < 0 else taken


def _as_text(start: bytes, stream: BinaryIO) -> str | None:
    """The whole input as text, or nothing if its beginning isn't text (then the rest is not read)."""
    if start[:2] in (b"\xff\xfe", b"\xfe\xff") and 0 in start[2:4]:
        encoding = "utf-16"
    elif all(octet >= 0x20 or octet in _TEXT_CONTROLS for octet in start):
        encoding = "utf-8-sig"
        try:
            start.decode(encoding)
        except UnicodeDecodeError as error:
            if error.start < len(start) - 3 or len(start) < CHUNK:  # else the block's end cuts a character
                return None
    else:
        return None
    rest = stream.read(MAX_TEXT)
    if len(rest) == MAX_TEXT:
        raise CaptureError(f"more than {MAX_TEXT} octets of text: write it as binary or in pieces")
    try:
        return (start + rest).decode(encoding)
    except UnicodeDecodeError as error:
        raise CaptureError(f"not hex: octet {error.start} is no text") from None


def _raw(start: bytes, stream: BinaryIO) -> Iterator[Event]:
    flow, offset, data = Flow(_INPUT), 0, start
    while data:
        yield Data(flow, offset, data)
        offset += len(data)
        data = stream.read(CHUNK)
    yield End(flow)


def packets_to_events(packets: Iterator[Packet | Trouble]) -> Iterator[Event]:
    """Packets -> payload of flows, with TCP reassembled.

    Raises :class:`CaptureError` if no frame can be read because its link type is unknown.
    """
    flows = _Flows()
    for packet in packets:
        if isinstance(packet, Trouble):
            yield packet
        else:
            yield from flows.packet(packet)
    yield from flows.finish()


class _Flows:
    """All flows of one capture; bounded."""

    def __init__(self) -> None:
        self._dissector = Dissector()
        self._tcp: OrderedDict[tuple[str, str], HalfStream] = OrderedDict()
        self._udp: OrderedDict[str, tuple[Flow, int]] = OrderedDict()
        self._lapb: dict[tuple[str, str], x25.LapbFrames] = {}
        self._recognitions: OrderedDict[tuple[str, str], Recognition[_Datagram]] = OrderedDict()
        self._satop: OrderedDict[tuple[str, str], SatopFlow] = OrderedDict()
        self._xot: dict[Flow, x25.XotRecords] = {}
        self._x25: OrderedDict[str, tuple[Flow, int]] = OrderedDict()
        self._cut = 0
        self._read = 0
        self._unreadable: Counter[str] = Counter()

    def packet(self, packet: Packet) -> Iterator[Event]:
        if len(packet.data) < packet.length:
            self._cut += 1
        if packet.link_type in x25.LINKTYPES_LAPB:
            self._read += 1
            yield from self._lapb_frame(packet)
            return
        try:
            found = self._dissector.take(packet)
        except CaptureError as error:
            self._unreadable[str(error)] += 1
            return
        self._read += 1
        if isinstance(found, Segment):
            for event in self._segment(found, packet):
                yield from self._xot_inside(event)
        elif isinstance(found, Datagram) and found.data:
            yield from self._datagram((found.source, found.destination), (found.data, packet))

    def _datagram(self, key: tuple[str, str], datagram: _Datagram) -> Iterator[Event]:
        """A datagram of an E1 stream, or of other data; the first ones of a flow wait until that is known."""
        recognition = self._recognitions.setdefault(key, Recognition())
        self._recognitions.move_to_end(key)
        found, others = recognition.take(datagram[0], datagram)
        for other in others:
            yield from self._other_datagram(key, other)
        for stream, (_, packet) in found:
            yield from self._satop_inside(key, stream, packet)
        if len(self._recognitions) > MAX_FLOWS:
            silent, recognition = self._recognitions.popitem(last=False)
            for other in recognition.give_up():
                yield from self._other_datagram(silent, other)

    def _other_datagram(self, key: tuple[str, str], datagram: _Datagram) -> Iterator[Event]:
        data, packet = datagram
        flow = Flow(f"{key[0]} > {key[1]} udp", *key, "udp", packet.interface)
        yield from _next(self._udp, flow, data, packet.time_ns, whole=True)

    def finish(self) -> Iterator[Event]:
        for key, recognition in self._recognitions.items():
            for other in recognition.give_up():
                yield from self._other_datagram(key, other)
        for half in self._tcp.values():
            for event in half.finish():
                yield from self._xot_inside(event)
        for flow, _ in [*self._udp.values(), *self._x25.values()]:
            yield End(flow)
        for (source, destination), circuit in self._satop.items():
            if not circuit.data_packets:
                way = f"{source} > {destination} udp"
                empty = Phrase(
                    "{way}: {n} packets of an E1 stream (SAToP) without X.25 data", way=way, n=circuit.packets
                )
                yield Trouble(empty, serious=False)
        if self._cut:
            cut = Phrase("{n} frames were cut by the capture (snap length)", n=self._cut)
            yield Trouble(cut, serious=False)
        for why, count in self._dissector.skipped.items():
            yield Trouble(_not_shown(count, why), serious=why == FRAGMENTS)
        for text, count in self._unreadable.items():
            if not self._read:
                raise CaptureError(text)
            yield Trouble(_not_shown(count, text))

    def _satop_inside(self, key: tuple[str, str], stream: SatopPacket, packet: Packet) -> Iterator[Event]:
        """X.25 inside the timeslots of an E1 stream."""
        circuit = self._satop.setdefault(key, SatopFlow())
        self._satop.move_to_end(key)
        for timeslot, inner in circuit.feed(stream):
            line = f"{key[0]} > {key[1]} udp e1 timeslot {timeslot}"
            yield from self._x25_packet(line, inner, packet.time_ns, packet.interface)
        if len(self._satop) > MAX_FLOWS:
            self._satop.popitem(last=False)

    def _segment(self, segment: Segment, packet: Packet) -> Iterator[Event]:
        key = segment.source, segment.destination
        half = self._tcp.get(key)
        if half is not None and segment.syn and half.begins_anew(segment.sequence):
            yield from half.finish()
            half = None
        if half is None:
            if not (segment.data or segment.syn) or segment.reset:
                return
            flow = Flow(f"{key[0]} > {key[1]} tcp", *key, "tcp", packet.interface)
            half = self._tcp[key] = HalfStream(flow)
        self._tcp.move_to_end(key)
        if segment.syn:
            half.open(segment.sequence)
        sequence = segment.sequence + 1 if segment.syn else segment.sequence
        yield from half.segment(sequence, segment.data, packet.time_ns, fin=segment.fin)
        if len(self._tcp) > MAX_FLOWS:
            yield from self._tcp.popitem(last=False)[1].finish()

    def _xot_inside(self, event: Event) -> Iterator[Event]:
        """X.25 inside the TCP of port 1998 replaces that stream as soon as there is a data packet."""
        if isinstance(event, Trouble) or not x25.is_xot(event.flow):
            yield event
            return
        if isinstance(event, End):
            self._xot.pop(event.flow, None)
            return
        records = self._xot.setdefault(event.flow, x25.XotRecords())
        if isinstance(event, Gap):
            records.reset()
            yield Trouble(Phrase(
                "{flow}: {n} octets of X.25 over TCP are not in the capture", flow=event.flow.label, n=event.length,
            ))  # fmt: skip
            return
        for packet in records.feed(event.data):
            yield from self._x25_packet(event.flow.label, packet, event.time_ns, event.flow.interface)
        if records.problem:
            yield Trouble(join(": ", [event.flow.label, records.problem]))
            records.problem = ""

    def _lapb_frame(self, packet: Packet) -> Iterator[Event]:
        data, direction = packet.data, packet.direction
        if data and packet.link_type == x25.LINKTYPE_LAPB_WITH_DIRECTION:
            direction = direction or ("out" if data[0] == 0 else "in")
            data = data[1:]
        key = packet.interface, direction
        inner = self._lapb.setdefault(key, x25.LapbFrames()).packet(data)
        if inner is not None:
            line = " ".join(part for part in key if part) or "lapb"
            yield from self._x25_packet(line, inner, packet.time_ns, packet.interface)

    def _x25_packet(self, line: str, packet: bytes, time_ns: int | None, interface: str) -> Iterator[Event]:
        found = x25.packet_data(packet)
        if found is None or not found[1]:
            return
        channel, data = found
        flow = Flow(f"{line} x25 channel {channel}", transport="x25", interface=interface)
        yield from _next(self._x25, flow, data, time_ns, whole=False)


def _next(
    flows: OrderedDict[str, tuple[Flow, int]], begun: Flow, data: bytes, time_ns: int | None, *, whole: bool
) -> Iterator[Event]:
    """The next data of a flow, by its label. With too many flows, the one that was silent the longest ends."""
    flow, offset = flows.pop(begun.label, (begun, 0))
    flows[flow.label] = flow, offset + len(data)
    yield Data(flow, offset, data, time_ns, whole=whole)
    if len(flows) > MAX_FLOWS:
        yield End(flows.popitem(last=False)[1][0])


def _not_shown(count: int, why: str) -> Phrase:
    return Phrase("{n} frames not shown: {why}", n=count, why=why)
