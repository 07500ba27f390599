"""TCP streams put together from segments: sorted, without repetitions, with the holes reported.

One :class:`HalfStream` per direction. Bounded: at most ``MAX_WAITING_OCTETS`` octets in
``MAX_WAITING_SEGMENTS`` segments wait for a missing one; then the missing part is given up as a gap.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator

from protocol.language import Phrase
from sorm_mediator.capture.events import Data, End, Event, Flow, Gap, Trouble

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
        """Whether a SYN with this sequence number opens another connection than the one being read."""
        return self._base is not None and (sequence + 1) & _MASK != self._base

    def open(self, sequence: int) -> None:
        """A SYN was seen: the first octet is the one after ``sequence``."""
        if self._base is None:
            self._base = (sequence + 1) & _MASK

    def segment(
        self, sequence: int, data: bytes, time_ns: int | None, *, fin: bool = False
    ) -> Iterator[Event]:
        """One segment's payload; gives what is complete now."""
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
        """Nothing more comes: hand out what waits, with its gaps."""
        while self._waiting:
            yield from self._skip_hole()
        if not self.ended:
            if self._end is not None and self._offset < self._end:
                yield Gap(self.flow, self._offset, self._end - self._offset)
            self.ended = True
            yield End(self.flow)
        if self._early:
            en = "{flow}: {n} octets came from before the capture's first segment"
            ru = "{flow}: байтов до первого сегмента записи: {n}"
            yield Trouble(Phrase(en, ru, flow=self.flow.label, n=self._early))
            self._early = 0

    def _offset_of(self, sequence: int) -> int:
        assert self._base is not None
        distance = (sequence - self._base - self._offset) & _MASK
        return self._offset + (distance - (1 << 32) if distance >= _HALF else distance)

    def _hold(self, offset: int, data: bytes, time_ns: int | None) -> None:
        """Keeps of ``data`` what is neither handed out nor waiting already: the first copy counts."""
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
