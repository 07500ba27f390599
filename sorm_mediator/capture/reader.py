"""Any input of ``decode`` -> events: the content decides the format, never the file's name."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from itertools import chain
from typing import BinaryIO

from e1.carriers.satop import SatopPacket
from sorm_mediator.capture import x25
from sorm_mediator.capture.events import CaptureError, Data, End, Event, Flow, Gap, Pause, Trouble
from sorm_mediator.capture.files import Packet, is_capture, read_packets
from sorm_mediator.capture.hextext import HexLines, Part, parse_text, plain_lines
from sorm_mediator.capture.packets import (
    LINKTYPE_ETHERNET,
    MAX_WAITING_IN_ALL,
    Dissector,
    HalfStream,
    Segment,
    Waiting,
    address_text,
    is_frame,
)
from sorm_mediator.capture.source import BLOCK, GZIP, Source, Unpacked, first_octets
from sorm_mediator.capture.x25 import Recognition, SatopFlow
from sorm_mediator.language import Phrase, join

MAX_TEXT = 32 * 1024 * 1024
"""The most octets of hex text."""
MAX_PACKED = 4
"""The most nested gzip layers of a file."""
MAX_FLOWS = 4096
"""The most flows followed at once; a further flow ends the one that was silent the longest."""

_Datagram = tuple[bytes, Packet]
_Blocks = Iterator[bytes | Pause]
_TEXT_CONTROLS = frozenset(b"\t\n\r\f")
_INPUT = "input"
_LONGEST_MAGIC = 4
_MAGIC_BEGINS = (GZIP[:1], b"\x0a", b"\xa1", b"\xd4", b"\x4d", b"\x34", b"\xff", b"\xfe")
"""The first octets of the formats that more octets tell apart: gzip, pcapng, pcap, UTF-16."""


def read_input(stream: BinaryIO | Source) -> Iterator[Event]:
    """The content of a file or pipe: capture, hex text, hex dump or raw units, packed with gzip or not.

    Raises :class:`CaptureError` for an empty or unreadable input, :class:`OSError` of the stream.
    """
    source = stream if isinstance(stream, Source) else Source(stream)
    return _read(iter(source), source, 0)


def _read(blocks: _Blocks, source: Source, unpacked: int) -> Iterator[Event]:
    """``unpacked``: the gzip layers around ``blocks`` that are unpacked already."""
    start = first_octets(blocks, 1)
    if not start:
        if source.stopped:
            return
        raise CaptureError("nothing to decode: the input is empty")
    if start[:1] in _MAGIC_BEGINS:
        start += first_octets(blocks, _LONGEST_MAGIC - len(start))
    blocks = chain((start,), blocks)
    if start.startswith(GZIP):
        if unpacked >= MAX_PACKED:
            raise CaptureError(f"packed with gzip more than {MAX_PACKED} times: unpack it first")
        packed = Unpacked(blocks)
        yield from _read(iter(packed), source, unpacked + 1)
        if packed.damage and not source.stopped:
            yield Trouble(Phrase(
                "the gzip file is damaged or cut ({error}): the rest is not read", error=packed.damage,
            ))  # fmt: skip
    elif is_capture(start):
        for event in packets_to_events(read_packets(blocks)):
            if not (source.stopped and isinstance(event, Trouble)):  # where it was stopped, it is cut
                yield event
    elif (encoding := _text_encoding(start)) is not None:
        yield from _text(blocks, encoding, live=source.live)
    else:
        yield from _raw(blocks)


def read_text(text: str) -> Iterator[Event]:
    """The content of ``text``: hex or a hex dump.

    Raises :class:`CaptureError` with the first character that fits neither.
    """
    return _parts(parse_text(text))


def read_bytes(data: bytes) -> Iterator[Event]:
    """Like :func:`read_input`, for octets in memory."""
    return read_input(BytesIO(data))


def _parts(parts: Sequence[Part]) -> Iterator[Event]:
    if all(is_frame(part.data) for part in parts):
        frames = (Packet(LINKTYPE_ETHERNET, part.data, None, len(part.data)) for part in parts)
        yield from packets_to_events(frames)
        return
    flows: dict[str, tuple[Flow, int]] = {}
    for part in parts:
        flow, offset = flows.get(part.side, (Flow(_INPUT + part.side), 0))
        yield from _pieces(flow, offset, part.data)
        flows[part.side] = flow, offset + len(part.data)
    for flow, _ in flows.values():
        yield End(flow)


def _pieces(flow: Flow, offset: int, data: bytes) -> Iterator[Data]:
    for start in range(0, len(data), BLOCK):
        yield Data(flow, offset + start, data[start : start + BLOCK])


def _text_encoding(start: bytes) -> str | None:
    """The encoding of an input that begins with these octets, or nothing if it is no text."""
    if start[:2] in (b"\xff\xfe", b"\xfe\xff") and 0 in start[2:4]:
        return "utf-16"
    if not all(octet >= 0x20 or octet in _TEXT_CONTROLS for octet in start):
        return None
    try:
        start.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3 or len(start) < BLOCK:  # else the block's end cuts a character
            return None
    return "utf-8-sig"


def _text(blocks: _Blocks, encoding: str, *, live: bool) -> Iterator[Event]:
    """A text is read as a whole, since its form may show late; the lines of plain hex of a live one as they come."""
    octets = bytearray()
    for block in blocks:
        if not isinstance(block, Pause):
            octets += block
            if len(octets) > MAX_TEXT:
                raise CaptureError(f"more than {MAX_TEXT} octets of text: write it as binary or in pieces")
        elif live and encoding != "utf-16" and plain_lines(_decoded(octets, encoding)):
            begun = octets.decode(encoding).encode()
            yield from _lines(chain((begun, block), blocks))
            return
        else:
            yield block
    yield from read_text(_decoded(octets, encoding))


def _lines(blocks: _Blocks) -> Iterator[Event]:
    """The octets of lines of plain hex, as they come."""
    flow, offset = Flow(_INPUT), 0
    lines = HexLines()
    rest = b""
    for block in chain(blocks, (b"\n",)):
        if isinstance(block, Pause):
            yield block
            continue
        whole, end, rest = (rest + block).rpartition(b"\n")
        data = lines.octets(_decoded(whole, "utf-8") + end.decode())
        yield from _pieces(flow, offset, data)
        offset += len(data)
    yield End(flow)


def _decoded(octets: bytes | bytearray, encoding: str) -> str:
    try:
        return octets.decode(encoding)
    except UnicodeDecodeError as error:
        raise CaptureError(f"not hex: octet {error.start} is no text") from None


def _raw(blocks: _Blocks) -> Iterator[Event]:
    flow, offset = Flow(_INPUT), 0
    for block in blocks:
        if isinstance(block, Pause):
            yield block
            continue
        yield Data(flow, offset, block)
        offset += len(block)
    yield End(flow)


def packets_to_events(packets: Iterable[Packet | Trouble | Pause]) -> Iterator[Event]:
    """Packets -> payload of flows, with TCP reassembled.

    Raises :class:`CaptureError` if no frame can be read because its link type is unknown.
    """
    flows = _Flows()
    for packet in packets:
        if isinstance(packet, Packet):
            yield from flows.packet(packet)
        elif isinstance(packet, Pause):
            if packet.long:
                yield from flows.give_up()
            yield packet
        else:
            yield packet
    yield from flows.finish()


class _Flows:
    """All flows of one capture; bounded."""

    def __init__(self) -> None:
        self._dissector = Dissector()
        self._tcp: OrderedDict[tuple[str, str], HalfStream] = OrderedDict()
        self._waiting = Waiting()
        self._udp: OrderedDict[str, tuple[Flow, int]] = OrderedDict()
        self._lapb: OrderedDict[tuple[str, str], x25.LapbFrames] = OrderedDict()
        self._recognitions: OrderedDict[tuple[str, str], Recognition[_Datagram]] = OrderedDict()
        self._satop: OrderedDict[tuple[str, str], SatopFlow] = OrderedDict()
        self._xot: dict[Flow, x25.XotRecords] = {}
        self._x25: OrderedDict[str, tuple[Flow, int]] = OrderedDict()
        self._cut = 0
        self._read = 0
        self._unreadable: Counter[str] = Counter()

    def packet(self, packet: Packet) -> Iterable[Event]:
        if len(packet.data) < packet.length:
            self._cut += 1
        if packet.link_type in x25.LINKTYPES_LAPB:
            self._read += 1
            return self._lapb_frame(packet)
        try:
            found = self._dissector.take(packet)
        except CaptureError as error:
            self._unreadable[str(error)] += 1
            return ()
        self._read += 1
        if isinstance(found, Segment):
            return self._segment(found, packet)
        if found is not None and found.data:
            return self._datagram((found.source, found.destination), (found.data, packet))
        return ()

    def give_up(self) -> Iterator[Event]:
        """A long pause: what has waited since the last one for what should have come before it waits no longer."""
        for half in list(self._tcp.values()):
            yield from self._of_tcp(half, half.give_up())
        for key, recognition in self._recognitions.items():
            for other in recognition.paused():
                yield from self._other_datagram(key, other)

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
        yield from _next(self._udp, flow, data, packet.time_ns, whole=True, comment=packet.comment)

    def finish(self) -> Iterator[Event]:
        for key, recognition in self._recognitions.items():
            for other in recognition.give_up():
                yield from self._other_datagram(key, other)
        for half in self._tcp.values():
            yield from self._of_tcp(half, half.finish())
        for flow, _ in [*self._udp.values(), *self._x25.values()]:
            yield End(flow)
        for (source, destination), circuit in self._satop.items():
            if not circuit.data_packets:
                way = f"{source} > {destination} udp"
                empty = Phrase(
                    "{way}: {n} packets of an E1 stream (SAToP) without X.25 data", way=way, n=circuit.packets
                )
                yield Trouble(empty, serious=False)
        if not self._read and not self._unreadable:
            yield Trouble(Phrase("the capture has a header, and no packet in it"), serious=False)
        if self._cut:
            cut = Phrase("{n} frames were cut by the capture (snap length)", n=self._cut)
            yield Trouble(cut, serious=False)
        fragments = self._dissector.fragments
        fragments.finish()
        if fragments.first_lost is not None:
            addresses, _, identification = fragments.first_lost
            middle = len(addresses) // 2
            yield Trouble(Phrase(
                "{n} IP datagrams not shown: fragments of them are not in the capture"
                " (the first: {source} > {destination}, identification {identification})",
                n=fragments.lost, source=address_text(addresses[:middle]), destination=address_text(addresses[middle:]),
                identification=identification,
            ))  # fmt: skip
        for why, count in self._dissector.skipped.items():
            yield Trouble(_not_shown(count, why), serious=False)
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
            yield from self._x25_packet(line, inner, packet)
        if len(self._satop) > MAX_FLOWS:
            self._satop.popitem(last=False)

    def _segment(self, segment: Segment, packet: Packet) -> Iterable[Event]:
        key = segment.source, segment.destination
        half = self._tcp.get(key)
        before: Iterable[Event] = ()
        if half is not None and segment.syn and half.begins_anew(segment.sequence):
            before = list(self._of_tcp(half, half.finish()))
            half = None
        if half is None:
            if not (segment.data or segment.syn) or segment.reset:
                return before
            flow = Flow(f"{key[0]} > {key[1]} tcp", *key, "tcp", packet.interface)
            half = self._tcp[key] = HalfStream(flow, self._waiting)
            half.xot = x25.is_xot(flow)
        self._tcp.move_to_end(key)
        sequence = segment.sequence
        if segment.syn:
            half.open(sequence)
            sequence += 1
        events = half.segment(sequence, segment.data, packet.time_ns, fin=segment.fin, comment=packet.comment)
        if half.xot:
            events = [inner for event in events for inner in self._xot_inside(event)]
        if before:
            events = [*before, *events]
        while self._waiting.octets > MAX_WAITING_IN_ALL:
            half = next(one for one in self._tcp.values() if one.waits)
            events += self._of_tcp(half, half.skip_hole())
        if len(self._tcp) > MAX_FLOWS:
            silent = self._tcp.popitem(last=False)[1]
            events += self._of_tcp(silent, silent.finish())
        return events

    def _of_tcp(self, half: HalfStream, events: Iterable[Event]) -> Iterable[Event]:
        """Events of a stream, or of what is in it if it is X.25."""
        if not half.xot:
            return events
        return [inner for event in events for inner in self._xot_inside(event)]

    def _xot_inside(self, event: Event) -> Iterator[Event]:
        """X.25 inside the TCP of port 1998 replaces that stream as soon as there is a data packet."""
        if isinstance(event, Trouble | Pause):
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
            carrier = Packet(0, b"", event.time_ns, 0, event.flow.interface, comment=event.comment)
            yield from self._x25_packet(event.flow.label, packet, carrier)
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
        self._lapb.move_to_end(key)
        if len(self._lapb) > MAX_FLOWS:
            self._lapb.popitem(last=False)
        if inner is not None:
            line = " ".join(part for part in key if part) or "lapb"
            yield from self._x25_packet(line, inner, packet)

    def _x25_packet(self, line: str, inner: bytes, packet: Packet) -> Iterator[Event]:
        """An X.25 packet on a line; ``packet`` is the frame that has brought it."""
        found = x25.packet_data(inner)
        if found is None or not found[1]:
            return
        channel, data = found
        flow = Flow(f"{line} x25 channel {channel}", transport="x25", interface=packet.interface)
        yield from _next(self._x25, flow, data, packet.time_ns, whole=False, comment=packet.comment)


def _next(
    flows: OrderedDict[str, tuple[Flow, int]],
    begun: Flow,
    data: bytes,
    time_ns: int | None,
    *,
    whole: bool,
    comment: str,
) -> Iterator[Event]:
    """The next data of a flow, by its label. With too many flows, the one that was silent the longest ends."""
    flow, offset = flows.pop(begun.label, (begun, 0))
    flows[flow.label] = flow, offset + len(data)
    yield Data(flow, offset, data, time_ns, whole, comment)
    if len(flows) > MAX_FLOWS:
        yield End(flows.popitem(last=False)[1][0])


def _not_shown(count: int, why: str) -> Phrase:
    return Phrase("{n} frames not shown: {why}", n=count, why=why)
