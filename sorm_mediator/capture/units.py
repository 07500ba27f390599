"""Payload of flows -> decoded units; every octet is in exactly one of them.

A flow of a capture carries SORM if it begins with a unit or consists mostly of units. The other flows (SSH,
RADIUS, sound) are counted (:class:`Skipped`), not shown.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from protocol import Broken, Channel, Codec, Message, Noise, Options, Problem, StreamFramer, Unit, UnknownUnit
from protocol.messages import classes
from sorm_mediator.capture.events import Data, Event, Flow, Gap, Trouble
from sorm_mediator.language import Phrase

UNDECIDED = 65_536
"""Octets of a flow after which the flow is classified as one with units or without."""
MOST_WAITING = 4 * UNDECIDED
"""Octets of units that wait for a flow to be classified; above that it is classified with what there is."""
MAX_SHOWN = 4096
"""The most octets in one piece of noise; longer noise is several pieces."""


@dataclass(frozen=True, slots=True)
class Found:
    """One unit, or octets that are no unit."""

    flow: Flow
    offset: int
    """Offset in the flow."""
    raw: bytes
    message: Message | UnknownUnit | None
    """None for noise and for a broken unit."""
    problems: tuple[Problem, ...] = ()
    time_ns: int | None = None
    """Time of the last octet, in nanoseconds since 1970, if the input has it."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A flow that carries no units."""

    flow: Flow
    octets: int


Item = Found | Skipped | Trouble


def decode_events(
    events: Iterable[Event], *, channel: Channel | None = None, options: Options | None = None
) -> Iterator[Item]:
    """The units of all flows, in the order in which they were complete.

    ``channel`` None: the code of each unit decides. Raises the errors of the reader behind ``events``.
    """
    codec = Codec(options)
    flows: dict[Flow, _FlowUnits] = {}
    queue = _Queue()
    for event in events:
        if isinstance(event, Trouble):
            yield from queue.put(None, (event,))
            continue
        units = flows.get(event.flow)
        if units is None:
            units = flows[event.flow] = _FlowUnits(event.flow, codec, channel)
        if isinstance(event, Data):
            yield from queue.put(units, units.data(event))
        elif isinstance(event, Gap):
            yield from queue.put(units, units.gap(event))
        else:
            yield from queue.put(units, units.end())
            del flows[event.flow]
    for units in flows.values():
        yield from queue.put(units, units.end())


class _Queue:
    """Items in the order in which they came. Those behind one of a flow that is not yet classified wait for it."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[_FlowUnits | None, Item]] = deque()
        self._octets = 0

    def put(self, units: _FlowUnits | None, items: Iterable[Item]) -> Iterator[Item]:
        """Add items of a flow; returns those that are in turn."""
        for item in items:
            if not self._waiting and (units is None or units.carries):
                yield item
                continue
            self._waiting.append((units, item))
            self._octets += _size(item)
        while self._waiting:
            first = self._waiting[0][0]
            if first is not None and first.carries is None:
                if self._octets <= MOST_WAITING:
                    return
                first.decide(final=True)
            units, item = self._waiting.popleft()
            self._octets -= _size(item)
            if units is None or units.carries or isinstance(item, Skipped):
                yield item


def _size(item: Item) -> int:
    return len(item.raw) if isinstance(item, Found) else 0


class _FlowUnits:
    """The units of one flow."""

    def __init__(self, flow: Flow, codec: Codec, channel: Channel | None) -> None:
        self._flow = flow
        self._codec = codec
        self._channel = channel
        self._framer = StreamFramer(channel, codec.options)
        self._base = 0  # offset in the flow of the framer's first octet
        self._fed = 0  # octets the framer was given
        self._shown = 0  # offset in the flow up to which octets were given out
        self._kept = bytearray()  # those from there on
        self._time_ns: int | None = None
        self.carries = None if flow.transport else True
        """Whether the flow is shown, as hex text and raw octets always are; None: not yet classified."""
        self._begins_well = False
        self._not_shown = 0  # octets before the flow is classified, or skipped
        self._in_units = 0  # octets of units among them

    def data(self, event: Data) -> Iterator[Item]:
        self._time_ns = event.time_ns
        self._kept += event.data
        self._fed += len(event.data)
        yield from self._show(self._framer.feed(event.data))
        if event.whole:
            yield from self._flush()
            return
        while len(self._kept) - self._framer.pending > MAX_SHOWN:  # long noise in pieces: memory is bounded
            yield from self._octets(self._shown + MAX_SHOWN)

    def gap(self, event: Gap) -> Iterator[Item]:
        yield from self._flush()
        self._framer = StreamFramer(self._channel, self._codec.options)
        self._base = self._shown = event.offset + event.length
        self._fed = 0
        text = Phrase(
            "{flow}: {count} octets from octet {offset} on are not in the capture",
            flow=self._flow.label,
            count=event.length,
            offset=event.offset,
        )
        yield from self._pass(Trouble(text))

    def end(self) -> Iterator[Item]:
        yield from self._flush()
        self.decide(final=True)
        if self._not_shown:
            yield Skipped(self._flow, self._not_shown)

    def _flush(self) -> Iterator[Item]:
        yield from self._show(self._framer.flush())
        rest = self._base + self._fed
        if rest > self._shown:
            yield from self._octets(rest)

    def _show(self, items: Iterable[Unit | Broken | Noise]) -> Iterator[Item]:
        for item in items:
            offset = self._base + item.offset
            if isinstance(item, Noise):
                yield from self._octets(offset + item.length)
                continue
            if offset > self._shown:
                yield from self._octets(offset)
            self._drop(len(item.raw))
            yield from self._pass(self._found(offset, item))

    def _found(self, offset: int, item: Unit | Broken) -> Found:
        """A unit. A broken one of an unknown code is shown with only its code: its length is a guess."""
        short = len(item.raw) < _HEADER
        if isinstance(item, Broken) and (short or item.code in classes(self._codec.options.order)):
            problem = Problem(0, "", Phrase("broken unit: {reason}", reason=item.reason.phrase))
            return Found(self._flow, offset, item.raw, None, (problem,), self._time_ns)
        message, problems = self._codec.decode_lenient(item.raw, self._channel)
        return Found(self._flow, offset, item.raw, message, problems, self._time_ns)

    def _octets(self, end: int) -> Iterator[Item]:
        """The octets up to the offset ``end``, which are no unit."""
        while self._shown < end:
            size = min(end - self._shown, MAX_SHOWN)
            raw = bytes(self._kept[:size])
            offset = self._shown
            self._drop(size)
            yield from self._pass(Found(self._flow, offset, raw, None, (_NOISE,), self._time_ns))

    def _drop(self, size: int) -> None:
        del self._kept[:size]
        self._shown += size

    # --- whether the flow is shown
    def _pass(self, item: Item) -> Iterator[Item]:
        """``item``, or nothing if the flow carries no units."""
        if self.carries:
            yield item
            return
        if isinstance(item, Found):
            is_message = isinstance(item.message, Message)
            self._begins_well |= is_message and not self._not_shown
            self._not_shown += len(item.raw)
            self._in_units += len(item.raw) if is_message else 0
        if self.carries is None:
            yield item
            self.decide(final=False)

    def decide(self, *, final: bool) -> None:
        """Classify the flow, ``final`` with what there is, else when it is certain."""
        if self.carries is not None or not (final or self._begins_well or self._not_shown > UNDECIDED):
            return
        self.carries = self._begins_well or (self._in_units > 0 and 2 * self._in_units >= self._not_shown)
        if self.carries:
            self._not_shown = 0


_HEADER = 4
"""The octets common to all headers."""
_NOISE = Problem(0, "", Phrase("octets that belong to no unit"))
