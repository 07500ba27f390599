"""The ladder of a call: what console, mediator and switch sent each other about it, and when.

The mediator's part is read from its latest events (:class:`~sorm_mediator.mediator.binding.feed.EventFeed`): what the
call caused, and of each object in it the command that put it under control, with what followed from that. The switch's
part is what its own call remembers. All times are Unix seconds by the clock of the box that noted them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, Literal

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, ConfigDict, SkipValidation

from protocol.oneline import one_line
from sorm_mediator.language import Lang, Phrase, join
from sorm_mediator.mediator.binding.feed import EventFeed, Happened

if TYPE_CHECKING:
    from sorm_mediator.switch.box import SwitchBox
    from sorm_mediator.switch.calls.call import Call

Lane = Literal["console", "mediator", "switch"]
MOST_STEPS = 500
"""Steps of a ladder; of a longer one the oldest are left out."""


class LadderStep(BaseModel):
    """One thing that went from one box to another, or happened in one."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    time: float
    """Unix seconds."""
    source: Lane
    target: Lane
    """The same as ``source``: it happened there."""
    kind: Literal["command", "message", "event", "request", "reply", "report", "call"]
    """A unit of KPD1 or KPD2, a request to the switch or its reply, a call report, or a change of the switch's call."""
    name: str
    """Of the unit, of the request, of the report's kind, or of the change."""
    text: SkipValidation[str]
    """All of it in one line."""
    detail: SkipValidation[str] = ""
    """Of a change of the switch's call: what more is known of it."""
    number: int | None = None
    """Of the event in the feed; null for what the switch's call remembers."""


class LadderDocument(BaseModel):
    """Everything that is known about one call."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    call: str
    objects: list[int]
    """Under control, that the call touches."""
    steps: list[LadderStep]
    """In the order of time."""
    left_out: int
    """Older steps that were left out."""


def ladder(
    events: EventFeed | None, switch: SwitchBox | None, call: str, lang: Lang = "en"
) -> LadderDocument | None:
    """The ladder of a call; None when neither box knows it. ``lang``: of the texts of statuses."""
    made = None if switch is None else switch.engine.calls.get(call)
    ids = {call} if made is None else ids_of(made)
    found = [] if events is None else list(_of_call(events, ids))
    if made is None and not found:
        return None
    objects = sorted({number for one in found for number in one.cause.objects})
    if events is not None and found:
        found = [*_before(events, set(objects), found), *found]
    of_feed = [one for one in found if one.kind in _STEPS]
    own = [] if made is None else list(_own_steps(made))
    # Documents are made of what is shown alone: each takes its time.
    steps = [*(_step(one, lang) for one in of_feed[-MOST_STEPS:]), *own[-MOST_STEPS:]]
    steps.sort(key=lambda step: step.time)
    steps = steps[-MOST_STEPS:]
    return LadderDocument(
        call=call, objects=objects, steps=steps, left_out=len(of_feed) + len(own) - len(steps)
    )


def known_calls(events: EventFeed, most: int) -> list[str]:
    """The calls of the latest events, the newest first."""
    found: dict[str, None] = {}
    for one in reversed(events):
        if one.cause.call:
            found.setdefault(one.cause.call)
            if len(found) == most:
                break
    return list(found)


def objects_by_call(events: EventFeed) -> dict[str, set[int]]:
    """The objects that each call of the latest events has touched, also those that have ended since."""
    found: dict[str, set[int]] = {}
    for one in events:
        if one.cause.call:
            found.setdefault(one.cause.call, set()).update(one.cause.objects)
    return found


def ids_of(call: Call) -> set[str]:
    """The ids under which the mediators know a call."""
    return {call.id, *_views(call)}


def _views(call: Call) -> Iterator[str]:
    """A call that leads through several domains has an id in the reports of each."""
    for views in call.views.values():
        for view in views:
            yield view.call_id


def _of_call(events: EventFeed, ids: set[str]) -> Iterator[Happened]:
    """What belongs to the call, and the commands that were given about it, with their answers."""
    return (one for one in events if one.cause.call in ids)


def _before(events: EventFeed, objects: set[int], found: list[Happened]) -> Iterable[Happened]:
    """What put the objects under control: of each the last command 5 before the call, and what followed from it."""
    kept: dict[int, list[Happened]] = {number: [] for number in objects}
    added: dict[int, Happened] = {}
    first = found[0].number
    for one in reversed(events):
        if one.number >= first or one.cause.call:
            continue
        for number in objects.intersection(one.cause.objects):
            kept[number].append(one)
            if one.cause.adds and one.kind == "unit":  # and not the request that it causes
                added |= {each.number: each for each in kept[number]}
                objects = objects - {number}
        if not objects:
            break
    return [added[number] for number in sorted(added)]


_STEPS: Final = frozenset(("unit", "request", "reply", "call"))
"""Kinds of events that are steps of a ladder."""


def _step(one: Happened, lang: Lang) -> LadderStep:
    """An event of the feed, of one of the kinds :data:`_STEPS`, as a step."""
    document = one.document()
    source: Lane = "mediator"
    target: Lane = "mediator"
    kind: Any = one.kind
    match one.kind:
        case "unit":
            unit = document["unit"]
            source, target = (
                ("console", "mediator") if document["direction"] == "received" else ("mediator", "console")
            )
            kind = unit["kind"] if unit["kind"] in ("message", "event") else "command"
            name, text = str(unit.get("name") or "unknown"), one_line(unit, lang)
        case "request":
            target, name = "switch", str(document["op"])
            text = " ".join((name, *_pairs(document["params"])))
        case "reply":
            source, name = "switch", str(document["op"])
            text = f"{name}: ok" if document["ok"] else f"{name}: {_refusal(document)}"
        case _:
            source, kind, name = "switch", "report", str(document["kind"])
            text = Phrase("{kind}, report {number}", kind=name, number=document["sequence"])
    return LadderStep(
        time=one.time, source=source, target=target, kind=kind, name=name, text=text, number=one.number
    )


def _refusal(document: dict[str, Any]) -> str:
    code = document.get("code")
    return str(document["text"]) if code is None else f"{code:02X}h {document['text']}"


def _pairs(params: dict[str, Any]) -> Iterator[str]:
    for name, value in params.items():
        if isinstance(value, dict):
            yield from _pairs(value)
        elif value is not None:
            yield f"{name}={value}"


def _own_steps(call: Call) -> Iterator[LadderStep]:
    for event in call.events:
        yield LadderStep(
            time=event.time,
            source="switch",
            target="switch",
            kind="call",
            name=event.event,
            text=join(" ", [event.event, event.detail]) if event.detail else event.event,
            detail=event.detail,
        )


ladder_router = APIRouter()
"""The route of the ladder, to be put under ``/api/v1``."""


@ladder_router.get(
    "/calls/{call}/ladder",
    responses={404: {"description": "No such call"}},
    summary="What was sent about a call",
)
async def read_ladder(request: Request, call: str) -> LadderDocument:
    """What console, mediator and switch sent each other about a call, from the latest 10,000 events."""
    gateway, switch = request.app.state.gateway, request.app.state.switch
    found = ladder(None if gateway is None else gateway.events, switch, call)
    if found is None:
        raise HTTPException(404, f"there is no call {call!r}, or it was long ago")
    return found
