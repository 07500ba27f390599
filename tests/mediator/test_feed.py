"""The latest events of the gateway, and its watchers."""

from __future__ import annotations

from typing import Any

from sorm_mediator.mediator.binding.feed import PAST, EventFeed, event_line
from sorm_mediator.mediator.core.effects import Cause


def filled(count: int) -> EventFeed:
    events = EventFeed()
    for number in range(1, count + 1):
        events.publish("link", float(number), lambda number=number: {"link": f"l{number}"})
    return events


def numbers(events: EventFeed, after: int, most: int = 3) -> list[int]:
    return [one.number for one in events.after(after, most)]


def test_events_are_counted_and_kept() -> None:
    events = filled(5)
    assert events.newest == 5
    assert numbers(events, 0) == [1, 2, 3]
    assert numbers(events, 3) == [4, 5]
    assert numbers(events, 5) == []
    assert numbers(events, 99) == []
    assert [one.number for one in events] == [1, 2, 3, 4, 5]
    assert [one.number for one in reversed(events)] == [5, 4, 3, 2, 1]


def test_the_oldest_go() -> None:
    events = filled(PAST + 10)
    assert numbers(events, 0) == [11, 12, 13]
    assert numbers(events, 20) == [21, 22, 23]
    assert numbers(events, PAST + 8) == [PAST + 9, PAST + 10]
    assert events.find(10) is None
    assert events.find(PAST + 11) is None
    found = events.find(11)
    assert found is not None
    assert found.document() == {"event": "link", "time": 11.0, "number": 11, "link": "l11"}


async def test_a_watcher_gets_documents_and_a_bare_one_only_numbers() -> None:
    events = EventFeed()
    made: list[int] = []
    watcher, bare = events.subscribe(), events.subscribe(bare=True)

    def make() -> dict[str, Any]:
        made.append(1)
        return {"op": "add"}

    events.publish("request", 1.0, make, Cause(call="c-1", objects=(258,)))
    assert await anext(watcher) == {
        "event": "request", "time": 1.0, "number": 1, "call": "c-1", "op": "add",
    }  # fmt: skip
    assert await anext(bare) == {"event": "request", "number": 1}
    assert made == [1]
    events.unsubscribe(watcher)
    events.publish("request", 2.0, make)
    assert made == [1], "without a watcher of documents none is made"


def test_a_line_of_each_kind_of_event() -> None:
    unit = {
        "direction": "sent",
        "unit": {"channel": "kpd2", "kind": "event", "name": "release", "fields": {}},
    }
    assert event_line({"event": "unit", "time": 1.0, "number": 1, **unit}) == "<- KPD2  release"
    reply = {"event": "reply", "time": 1.0, "number": 1, "op": "add", "ok": False, "code": 84, "text": None}
    assert event_line(reply) == "   reply  op=add ok=false code=84"
