"""What happens in the gateway, as it happens, for its watchers: bounded for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

BACKLOG = 1000
"""Events that wait for one subscriber; beyond that the oldest are dropped, and the next one has their number."""


class Subscription:
    """One watcher's queue. Iterate it; it ends when the gateway stops."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._dropped = 0

    def put(self, event: dict[str, Any] | None) -> None:
        """Add an event; None ends the subscription."""
        if self._queue.qsize() >= BACKLOG:
            self._queue.get_nowait()
            self._dropped += 1
        self._queue.put_nowait(event)

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
    """The subscriptions. Without a watcher an event is not even made."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()

    def subscribe(self) -> Subscription:
        """A new subscription: everything from now on."""
        subscription = Subscription()
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """The watcher is gone."""
        self._subscriptions.discard(subscription)

    def publish(self, kind: str, time: float, make: Callable[[], dict[str, Any]]) -> None:
        """Give ``{"event": kind, "time": time, **make()}`` to every watcher."""
        if self._subscriptions:
            event = {"event": kind, "time": time, **make()}
            for subscription in self._subscriptions:
                subscription.put(event)

    def close(self) -> None:
        """End every subscription."""
        for subscription in self._subscriptions:
            subscription.put(None)
        self._subscriptions.clear()
