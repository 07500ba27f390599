"""The ladder of a call, from the events that are kept."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sorm_mediator.mediator.binding.feed import PAST, EventFeed
from sorm_mediator.mediator.core.effects import Cause
from sorm_mediator.web.ladder import MOST_STEPS, ladder


class Past:
    """A feed whose documents are counted as they are made."""

    def __init__(self) -> None:
        self.feed = EventFeed()
        self.made: Counter[str] = Counter()

    def tell(self, name: str, cause: Cause, kind: str = "request") -> None:
        def make() -> dict[str, Any]:
            self.made[name] += 1
            unit = {"kind": "message", "name": name, "fields": {}}
            return {"op": name, "params": {}, "direction": "sent", "unit": unit}

        self.feed.publish(kind, float(self.feed.newest), make, cause)


def names(past: Past, call: str) -> list[str]:
    found = ladder(past.feed, None, call)
    assert found is not None
    return [step.name for step in found.steps]


def test_it_begins_with_the_last_command_that_put_the_object_under_control() -> None:
    past = Past()
    past.tell("first add", Cause(objects=(1,), adds=True), "unit")
    past.tell("add", Cause(objects=(1,), adds=True), "unit")
    past.tell("its request", Cause(objects=(1,), adds=True))
    past.tell("of another object", Cause(objects=(2,), adds=True), "unit")
    past.tell("of another call", Cause(call="other", objects=(1,)))
    past.tell("report", Cause(call="call", objects=(1,)))
    past.tell("later", Cause(objects=(1,), adds=True), "unit")
    assert names(past, "call") == ["add", "its request", "report"]


def test_an_object_that_was_added_before_what_is_kept_has_the_call_alone() -> None:
    past = Past()
    for _ in range(PAST):
        past.tell("of the object", Cause(objects=(1,)))
    past.tell("report", Cause(call="call", objects=(1,)))
    assert names(past, "call") == ["report"]
    assert past.made == {"report": 1}, "no document is made of what is not shown"


def test_of_a_long_call_the_newest_steps_are_shown_and_no_others_made() -> None:
    past = Past()
    for number in range(MOST_STEPS + 7):
        past.tell(f"step {number}", Cause(call="call", objects=(1,)))
        past.tell("no step", Cause(call="call"), "link")
    found = ladder(past.feed, None, "call")
    assert found is not None
    assert (found.left_out, len(found.steps)) == (7, MOST_STEPS)
    assert (found.steps[-1].name, past.made.total()) == (f"step {MOST_STEPS + 6}", MOST_STEPS)
