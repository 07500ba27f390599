"""Server-sent events: what happens in the gateway, as it happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from sorm_mediator.mediator.binding.events import Events, Subscription

HEARTBEAT = 15.0
"""Seconds of silence after which a comment is sent, so that a vanished watcher is noticed."""


class Watchers:
    """The open event streams of one web server, so that stopping it can end them."""

    def __init__(self) -> None:
        self.most = 64
        """How many there may be (``web.watchers``)."""
        self._open: set[Subscription] = set()
        self._closed = False

    async def stream(self, events: Events, kinds: frozenset[str]) -> AsyncIterator[str]:
        """The text of one stream: all events, or those of ``kinds``. It ends with gateway or server."""
        if self._closed or self.full:
            return
        subscription = events.subscribe()
        self._open.add(subscription)
        try:
            yield ": connected\n\n"
            while True:
                try:
                    event = await asyncio.wait_for(anext(subscription), HEARTBEAT)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                except StopAsyncIteration:
                    return
                if not kinds or event["event"] in kinds:
                    yield f"event: {event['event']}\ndata: {json.dumps(event)}\n\n"
        finally:
            self._open.discard(subscription)
            events.unsubscribe(subscription)

    @property
    def full(self) -> bool:
        """Whether there may be no further one."""
        return len(self._open) >= self.most

    def close(self) -> None:
        """End every stream, and those that would still be opened."""
        self._closed = True
        for subscription in self._open:
            subscription.put(None)
