"""The lines of the page of live units, which all of its readers share."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from protocol.messagetext import DEFAULT_CODING
from sorm_mediator.mediator.binding.feed import PAST, EventFeed
from sorm_mediator.web.pages.units import Lines, _batches
from sorm_mediator.web.server import Watchers


class Past:
    """A feed whose documents are counted as they are made."""

    def __init__(self) -> None:
        self.feed = EventFeed()
        self.made: Counter[int] = Counter()

    def tell(self, count: int) -> None:
        for _ in range(count):
            number = self.feed.newest + 1

            def make(number: int = number) -> dict[str, Any]:
                self.made[number] += 1
                return {"state": f"\n{number}"}

            self.feed.publish("link", 0.0, make)


async def numbers(stream: AsyncIterator[str], until: int) -> list[int]:
    found: list[int] = []
    async for text in stream:
        if text.startswith("event: lines"):
            data = json.loads(text.split("data: ", 1)[1])
            found += [one["n"] for one in data["lines"]]
            if found[-1] >= until:
                return found
    return found


async def test_many_readers_have_each_line_made_once() -> None:
    past = Past()
    past.tell(450)
    lines, watchers = Lines(past.feed, "en", DEFAULT_CODING), Watchers()
    for after in (0, 0, 100, 449):
        assert await numbers(_batches(watchers, lines, after), 450) == list(range(after + 1, 451))
    assert set(past.made.values()) == {1}
    assert len(past.made) == 450


async def test_lines_follow_the_events_that_are_kept() -> None:
    past = Past()
    past.tell(3)
    lines = Lines(past.feed, "en", DEFAULT_CODING)
    assert json.loads((await lines.after(0))[1])[2]["n"] == 3
    past.tell(PAST)
    batch, made = await lines.after(0)
    assert [one["n"] for one in json.loads(made)] == [one.number for one in batch] == list(range(4, 204))
    past.tell(1)
    assert json.loads((await lines.after(PAST + 3))[1])[0]["n"] == PAST + 4


async def test_a_number_of_a_former_gateway_replays_nothing() -> None:
    past = Past()
    past.tell(5)
    watchers = Watchers()
    reading = asyncio.create_task(
        numbers(_batches(watchers, Lines(past.feed, "en", DEFAULT_CODING), 77_000), 6)
    )
    while not watchers:  # noqa: ASYNC110 - of its subscription no event tells
        await asyncio.sleep(0)
    past.tell(1)
    assert await reading == [6]
