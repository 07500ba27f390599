"""What happens in the gateway, as it happens, for its watchers: bounded for each of them; and the latest of it."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from protocol.codes import MessageCoding
from protocol.messagetext import DEFAULT_CODING
from protocol.oneline import one_line
from sorm_mediator.language import Lang, Phrase, translate
from sorm_mediator.mediator.core.effects import NO_CAUSE, Cause
from sorm_mediator.texts import short

_BESIDE = ("event", "time", "number", "dropped_before")
_KPD1, _KPD2 = Phrase("KPD1"), Phrase("KPD2")
_NONE: Final = "no argument"
_BEFORE_ARGUMENTS: Final = 4 + len(Cause._fields)
_FIELDS: Final = _BEFORE_ARGUMENTS + 3
"""Of an event as it is kept: number, kind, time, ``make``, those of its cause, and three arguments."""
BACKLOG = 1000
"""Events that wait for one subscriber; beyond that the oldest are dropped, and the next one has their number."""
PAST = 10_000
"""Events that are kept to be looked at afterwards; the oldest go."""


class Happened(NamedTuple):
    """One event. Its document is made when somebody looks at it."""

    number: int
    """Counted from 1 since the gateway was started."""
    kind: str
    time: float
    """Unix seconds."""
    make: Callable[..., dict[str, Any]]
    arguments: tuple[Any, ...]
    """Of ``make``."""
    cause: Cause

    @classmethod
    def kept(cls, fields: Sequence[Any]) -> Happened:
        """Made of its fields as :class:`EventFeed` keeps them."""
        number, kind, time, make, *cause = fields[:_BEFORE_ARGUMENTS]
        given = tuple(one for one in fields[_BEFORE_ARGUMENTS:] if one is not _NONE)
        return cls(number, kind, time, make, given, Cause(*cause))

    def document(self) -> dict[str, Any]:
        """``{"event": kind, "time": time, "number": number, ...}``; ``call`` where it belongs to one."""
        call = {"call": self.cause.call} if self.cause.call else {}
        return {
            "event": self.kind,
            "time": self.time,
            "number": self.number,
            **call,
            **self.make(*self.arguments),
        }


def event_line(event: dict[str, Any], lang: Lang = "en", *, coding: MessageCoding = DEFAULT_CODING) -> str:
    """A document of the feed as one line, without its time. ``lang``, ``coding``: those of :func:`one_line`."""
    if event["event"] == "unit":
        unit = event["unit"]
        arrow = "->" if event["direction"] == "received" else "<-"
        channel = _KPD2 if unit.get("channel") == "kpd2" else _KPD1
        return f"{arrow} {translate(channel, lang)}  {one_line(unit, lang, coding=coding)}"
    if event["event"] == "warning":
        return f"   warning  {event['text']}"
    rest = {key: value for key, value in event.items() if key not in _BESIDE}
    pairs = " ".join(f"{key}={_short(value)}" for key, value in rest.items() if value is not None)
    return f"   {event['event']:<4}  {pairs}"


def _short(value: object) -> str:
    return short(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), 60)


def _events(fields: Iterator[Any]) -> Iterator[Happened]:
    while one := list(islice(fields, _FIELDS)):
        yield Happened.kept(one)


class Subscription:
    """One watcher's queue. Iterate it; it ends when the gateway stops."""

    def __init__(self, *, bare: bool = False) -> None:
        self.bare = bare
        """Only kind and number of each event are wanted."""
        self._queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._dropped = 0

    def put(self, event: dict[str, Any] | None) -> bool:
        """Add an event; None ends the subscription. False: the oldest one was dropped for it."""
        full = self._queue.qsize() >= BACKLOG
        if full:
            self._queue.get_nowait()
            self._dropped += 1
        self._queue.put_nowait(event)
        return not full

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> dict[str, Any]:
        event = await self._queue.get()
        if event is None:
            raise StopAsyncIteration
        if self._dropped:
            event = event | {"dropped_before": self._dropped}
            self._dropped = 0
        return event

    def taken(self) -> list[dict[str, Any]]:
        """The events that are waiting now, which then wait no longer."""
        waiting = [self._queue.get_nowait() for _ in range(self._queue.qsize())]
        return [event for event in waiting if event is not None]

    def __len__(self) -> int:
        return self._queue.qsize()


class EventFeed:
    """The subscriptions, and the latest events. Without a watcher no document is made of an event."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()
        self.dropped = 0
        """Events that watchers lost, since they did not read them in time."""
        self._past: deque[Any] = deque(maxlen=PAST * _FIELDS)
        """The fields of the events one after the other, without a container for each: a collection of garbage, during
        which no console gets an answer, would look through all of them."""
        self._count = 0

    def subscribe(self, *, bare: bool = False) -> Subscription:
        """A new subscription: everything from now on; ``bare``: only its kind and number."""
        subscription = Subscription(bare=bare)
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """The watcher is gone."""
        self._subscriptions.discard(subscription)

    def publish(
        self,
        kind: str,
        time: float,
        make: Callable[..., dict[str, Any]],
        cause: Cause = NO_CAUSE,
        first: Any = _NONE,
        second: Any = _NONE,
        third: Any = _NONE,
    ) -> None:
        """Keep an event, and give its document to every watcher. ``make`` gives the same whenever it is called with
        these arguments, which are numbers, texts and octets where events are many."""
        self._count += 1
        past = (self._count, kind, time, make, *cause, first, second, third)
        self._past.extend(past)
        if self._subscriptions:
            document: dict[str, Any] | None = None
            for subscription in self._subscriptions:
                if subscription.bare:
                    kept = subscription.put({"event": kind, "number": self._count})
                else:
                    document = document or Happened.kept(past).document()
                    kept = subscription.put(document)
                self.dropped += not kept

    @property
    def waiting(self) -> int:
        """Events that wait for the watcher that is furthest behind."""
        return max(map(len, self._subscriptions), default=0)

    @property
    def newest(self) -> int:
        """The number of the newest event; 0: there was none."""
        return self._count

    def __len__(self) -> int:
        """How many events are kept."""
        return len(self._past) // _FIELDS

    def __iter__(self) -> Iterator[Happened]:
        """The events that are kept, the oldest first."""
        return _events(iter(self._past))

    def __reversed__(self) -> Iterator[Happened]:
        fields = reversed(self._past)
        while one := list(islice(fields, _FIELDS)):
            yield Happened.kept(one[::-1])

    def after(self, number: int, most: int) -> list[Happened]:
        """At most so many of the kept events behind ``number``, the oldest first."""
        new = min(self._count - number, len(self))
        if new <= 0:
            return []
        if new <= most:  # few of many: from their end
            return list(islice(reversed(self), new))[::-1]
        skipped = (len(self) - new) * _FIELDS
        return list(_events(islice(self._past, skipped, skipped + most * _FIELDS)))

    def find(self, number: int) -> Happened | None:
        """The event with this number; None: there was none, or it is kept no more."""
        found = self.after(number - 1, 1)
        return found[0] if found and found[0].number == number else None

    def close(self) -> None:
        """End every subscription."""
        for subscription in self._subscriptions:
            subscription.put(None)
        self._subscriptions.clear()
