"""Payload of flows -> decoded units; every octet is in exactly one of them.

A flow of a capture carries SORM if it begins with a unit or consists mostly of units. The other flows (SSH,
RADIUS, sound) are counted (:class:`Skipped`), not shown.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, cast

from protocol import (
    Broken,
    BrokenReason,
    Channel,
    Codec,
    Message,
    Noise,
    Options,
    Problem,
    StreamFramer,
    Unit,
    UnknownUnit,
)
from protocol.messages import classes
from protocol.render import REACH
from sorm_mediator.capture.events import Data, Event, Flow, Gap, Pause, Trouble
from sorm_mediator.language import Phrase

UNDECIDED = 65_536
"""Octets of a flow after which the flow is classified as one with units or without."""
MOST_WAITING = 4 * UNDECIDED
"""Octets of units that wait for a flow to be classified; above that it is classified with what there is."""
MAX_SHOWN = 4096
"""The most octets in one piece of noise; longer noise is several pieces."""


class Found(NamedTuple):
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
    comment: str = ""
    """Of the packet with the last octet, if the capture has one."""
    before: bytes = b""
    """Of octets that are no unit: those before them in the flow, in which a command may have begun."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A flow that carries no units."""

    flow: Flow
    octets: int


Item = Found | Skipped | Trouble | Pause


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
        if isinstance(event, (Data, Gap)):
            units = flows.get(event.flow)
            if units is None:
                units = flows[event.flow] = _FlowUnits(event.flow, codec, channel)
            items = units.data(event) if isinstance(event, Data) else units.gap(event)
            yield from items if units.carries and not queue.waiting else queue.put(units, items)
        elif isinstance(event, Trouble):
            yield from queue.put(None, [event])
        elif isinstance(event, Pause):
            if event.long:
                yield from queue.let_go()
            yield event
        else:
            units = flows.pop(event.flow, None) or _FlowUnits(event.flow, codec, channel)
            yield from queue.put(units, units.end())
    for units in flows.values():
        yield from queue.put(units, units.end())


class _Queue:
    """Items in the order in which they came. Those behind one of a flow that is not yet classified wait for it."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[_FlowUnits | None, Item]] = deque()
        self._octets = 0
        self._old = 0  # items that waited at the last long pause

    def put(self, units: _FlowUnits | None, items: Iterable[Item]) -> Iterator[Item]:
        """Add items of a flow; returns those that are in turn."""
        for item in items:
            if not self.waiting and (units is None or units.carries):
                yield item
                continue
            self.waiting.append((units, item))
            self._octets += _size(item)
        while self.waiting:
            first = self.waiting[0][0]
            if first is not None and first.carries is None:
                if self._octets <= MOST_WAITING:
                    return
                first.decide(final=True)
            yield from self._first()

    def let_go(self) -> Iterator[Item]:
        """A long pause: what waited at the last one comes, unless it is of a flow that isn't known to carry units."""
        still: list[tuple[_FlowUnits | None, Item]] = []
        for _ in range(min(self._old, len(self.waiting))):
            units = self.waiting[0][0]
            if units is not None:
                units.decide_soon()
            if units is not None and units.carries is None:
                still.append(self.waiting.popleft())
            else:
                yield from self._first()
        self.waiting.extendleft(reversed(still))
        self._old = len(self.waiting)

    def _first(self) -> Iterator[Item]:
        """The first item, whose flow is classified, if it is to be shown."""
        units, item = self.waiting.popleft()
        self._octets -= _size(item)
        self._old = max(self._old - 1, 0)
        if units is None or units.carries or isinstance(item, Skipped):
            yield item


def _size(item: Item) -> int:
    return len(item.raw) if isinstance(item, Found) else 0


def _octets_of_units(pieces: Iterable[Unit | Broken | Noise]) -> int:
    """Octets of the units before the first piece that is none."""
    octets = 0
    for piece in pieces:
        if piece.__class__ is not Unit:
            break
        octets += len(piece.raw)
    return octets


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
        self._before = b""  # the last octets that were given out
        self._time_ns: int | None = None
        self._comment = ""
        self.carries = None if flow.transport else True
        """Whether the flow is shown, as hex text and raw octets always are; None: not yet classified."""
        self._begins_well = False
        self._not_shown = 0  # octets before the flow is classified, or skipped
        self._in_units = 0  # octets of units among them

    def data(self, event: Data) -> list[Item]:
        self._time_ns, self._comment = event.time_ns, event.comment
        self._fed += len(event.data)
        pieces = self._framer.feed(event.data)
        found: list[Item] = []
        if self.carries and not self._kept and _octets_of_units(pieces) == len(event.data):
            for piece in cast("list[Unit]", pieces):
                message, problems = self._codec.decode_lenient(piece.raw, self._channel)
                found.append(
                    Found(self._flow, self._shown, piece.raw, message, problems, event.time_ns, event.comment)
                )
                self._shown += len(piece.raw)
            self._before = event.data[-REACH:]
            return found
        self._kept += event.data
        self._show(pieces, found)
        if event.whole:
            self._flush(found)
            return found
        while len(self._kept) - self._framer.pending > MAX_SHOWN:  # long noise in pieces: memory is bounded
            self._octets(self._shown + MAX_SHOWN, found)
        return found

    def gap(self, event: Gap) -> list[Item]:
        found: list[Item] = []
        self._flush(found)
        self._framer = StreamFramer(self._channel, self._codec.options)
        self._base = self._shown = event.offset + event.length
        self._fed = 0
        self._before = b""
        text = Phrase(
            "{flow}: {count} octets from octet {offset} on are not in the capture",
            flow=self._flow.label,
            count=event.length,
            offset=event.offset,
        )
        self._pass(Trouble(text), found)
        return found

    def end(self) -> list[Item]:
        found: list[Item] = []
        self._flush(found)
        self.decide(final=True)
        if self._not_shown:
            found.append(Skipped(self._flow, self._not_shown))
        return found

    def _flush(self, found: list[Item]) -> None:
        self._show(self._framer.flush(), found)
        rest = self._base + self._fed
        if rest > self._shown:
            self._octets(rest, found)

    def _show(self, items: Iterable[Unit | Broken | Noise], found: list[Item]) -> None:
        for item in items:
            offset = self._base + item.offset
            if isinstance(item, Noise):
                self._octets(offset + item.length, found)
                continue
            if offset > self._shown:
                self._octets(offset, found)
            shown = self._found(offset, item)
            self._drop(len(item.raw))
            self._pass(shown, found)

    def _found(self, offset: int, item: Unit | Broken) -> Found:
        """A unit. A broken one of an unknown code is shown with only its code: its length is a guess."""
        if isinstance(item, Broken) and (
            len(item.raw) < _HEADER or item.code in classes(self._codec.options.order)
        ):
            reason = Phrase("broken unit: {reason}", reason=item.explain(self._codec.options))
            of_length = item.reason is BrokenReason.LENGTH
            problem = Problem(3, "length", reason) if of_length else Problem(0, "", reason)
            return Found(
                self._flow, offset, item.raw, None, (problem,), self._time_ns, self._comment, self._before
            )
        message, problems = self._codec.decode_lenient(item.raw, self._channel)
        return Found(self._flow, offset, item.raw, message, problems, self._time_ns, self._comment)

    def _octets(self, end: int, found: list[Item]) -> None:
        """The octets up to the offset ``end``, which are no unit."""
        while self._shown < end:
            size = min(end - self._shown, MAX_SHOWN)
            raw = bytes(self._kept[:size])
            offset, before = self._shown, self._before
            self._drop(size)
            self._pass(
                Found(self._flow, offset, raw, None, (_NOISE,), self._time_ns, self._comment, before), found
            )

    def _drop(self, size: int) -> None:
        self._before = (self._before + self._kept[max(0, size - REACH) : size])[-REACH:]
        del self._kept[:size]
        self._shown += size

    # --- whether the flow is shown
    def _pass(self, item: Item, found: list[Item]) -> None:
        """Add ``item``, unless the flow carries no units."""
        if self.carries:
            found.append(item)
            return
        if isinstance(item, Found):
            is_message = isinstance(item.message, Message)
            self._begins_well |= is_message and not self._not_shown
            self._not_shown += len(item.raw)
            self._in_units += len(item.raw) if is_message else 0
        if self.carries is None:
            found.append(item)
            self.decide(final=False)

    def decide(self, *, final: bool) -> None:
        """Classify the flow, ``final`` with what there is, else when it is certain."""
        if self.carries is not None or not (final or self._begins_well or self._not_shown > UNDECIDED):
            return
        self.carries = self._begins_well or self._mostly_units
        if self.carries:
            self._not_shown = 0

    def decide_soon(self) -> None:
        """The flow carries units if it does so far; else it remains open."""
        if self.carries is None and self._mostly_units:
            self.decide(final=True)

    @property
    def _mostly_units(self) -> bool:
        return self._in_units > 0 and 2 * self._in_units >= self._not_shown


_HEADER = 4
"""The octets common to all headers."""
_NOISE = Problem(0, "", Phrase("octets that belong to no unit"))
