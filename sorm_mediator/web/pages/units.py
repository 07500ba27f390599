"""Live units: a line for each as ``watch`` prints it, opened to its octets and fields.

The browser keeps the latest lines in a bounded window and shows those that are in sight (``static/units.js``).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.responses import StreamingResponse

from protocol import Codec, DecodeError
from protocol.codes import MessageCoding
from protocol.render import render
from sorm_mediator.language import Lang, Phrase
from sorm_mediator.mediator.binding.feed import PAST, EventFeed, Happened, event_line
from sorm_mediator.mediator.binding.gateway import Gateway
from sorm_mediator.texts import whole_number
from sorm_mediator.web.pages.page import Page
from sorm_mediator.web.pages.shown import clock, language
from sorm_mediator.web.server import HEARTBEAT, Watchers

BATCH = 200
"""Lines that are made at a time, for all readers together: a burst must not keep consoles waiting."""
PAUSE = 0.1
"""Seconds between two batches of new lines."""
KINDS: dict[str, Phrase] = {
    "command": Phrase("commands"),
    "message": Phrase("messages of KPD1"),
    "event": Phrase("events of KPD2"),
    "call": Phrase("call reports"),
    "request": Phrase("requests to the switch"),
    "reply": Phrase("replies of the switch"),
    "link": Phrase("links"),
    "warning": Phrase("warnings"),
}
"""Kinds of lines that the page can show alone."""
_MOST = 2**53
_MASKED = "**"
_OCTET = re.compile(r"[0-9A-F]{2}|\*\*")


async def units(request: Request) -> Mapping[str, Any]:
    """What the page begins with; with ``number`` one unit with octets and fields."""
    events: EventFeed = request.app.state.gateway.events
    number = whole_number(request.query_params.get("number", ""), 1, _MOST)
    found = None if number is None else events.find(number)
    if number is not None and found is None:
        raise HTTPException(404, Phrase("Event {number} is kept no more.", number=number))
    return {"kinds": KINDS, "opened": None if found is None else _opened(request, found)}


def _opened(request: Request, happened: Happened) -> dict[str, Any]:
    gateway: Gateway = request.app.state.gateway
    document = happened.document()
    unit = document.get("unit", {})
    octets = _OCTET.findall(str(unit.get("hex", "")))
    return {
        "number": happened.number,
        "time": clock(happened.time),
        "line": event_line(document, language(request), coding=_coding(gateway)),
        "call": happened.cause.call,
        "octets": [" ".join(octets[at : at + 16]) for at in range(0, len(octets), 16)],
        "text": _text(gateway, unit, octets, language(request)),
        "masked": unit.get("masked", ""),
        "fields": unit.get("fields") or {k: v for k, v in document.items() if k not in ("event", "unit")},
        "problems": [problem["message"] for problem in unit.get("problems", ())],
    }


def _text(gateway: Gateway, unit: Mapping[str, Any], octets: list[str], lang: Lang) -> str:
    """The unit as ``decode`` prints it, a password as asterisks; empty where it can't be shown."""
    if not octets or unit.get("masked"):
        return ""
    codec = Codec(gateway.config.mediator.codec_options)
    raw = bytes.fromhex("".join("2A" if octet == _MASKED else octet for octet in octets))
    try:
        return "\n".join(render(codec.decode(raw), lang, raw=raw))
    except (DecodeError, ValueError):
        return ""


async def feed(request: Request) -> Response:
    """Server-sent events ``lines``, each a list of lines: those that are kept behind ``after``, then new ones."""
    watchers: Watchers = request.app.state.watchers
    if watchers.full:
        request.app.state.web_counters["watchers_refused"] += 1
        raise HTTPException(503, Phrase("There are too many streams of events already (web.watchers)."))
    gateway: Gateway = request.app.state.gateway
    given = request.headers.get("last-event-id") or request.query_params.get("after", "0")
    after = whole_number(given, 0, _MOST) or 0
    return StreamingResponse(
        _batches(watchers, _lines(request, gateway), after),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


def _coding(gateway: Gateway) -> MessageCoding:
    return gateway.config.mediator.options.message_text


def _lines(request: Request, gateway: Gateway) -> Lines:
    """The lines in the language of a reader; of a gateway that was started anew there are others."""
    kept: dict[tuple[Lang, MessageCoding], Lines] = request.app.state.unit_lines
    key = language(request), _coding(gateway)
    if key not in kept or kept[key].events is not gateway.events:
        kept[key] = Lines(gateway.events, *key)
    return kept[key]


class Lines:
    """The lines of the events that are kept, as JSON: made once, whoever reads them, and one batch at a time."""

    def __init__(self, events: EventFeed, lang: Lang, coding: MessageCoding) -> None:
        self.events = events
        self._lang, self._coding = lang, coding
        self._made: deque[str] = deque(maxlen=PAST)
        """Those of successive events."""
        self._newest = 0
        """The number of the last of them."""
        self._turn = asyncio.Lock()

    async def after(self, number: int) -> tuple[list[Happened], str]:
        """At most :data:`BATCH` events behind ``number``, and the list of their lines."""
        async with self._turn:
            batch = self.events.after(number, BATCH)
            if not batch:
                return [], "[]"
            texts = [self._of(one) for one in batch]
            await asyncio.sleep(0)  # others get their turn before the next batch of any reader
            return batch, f"[{','.join(texts)}]"

    def _of(self, happened: Happened) -> str:
        back = self._newest - happened.number
        if 0 <= back < len(self._made):
            return self._made[-1 - back]
        text = json.dumps(_line(happened, self._lang, self._coding), ensure_ascii=False)
        if back == -1 or not self._made:
            self._made.append(text)
            self._newest = happened.number
        return text


async def _batches(watchers: Watchers, lines: Lines, after: int) -> AsyncIterator[str]:
    events = lines.events
    after = min(after, events.newest)  # more: it was told by a gateway before this one
    async for event in watchers.follow(events, HEARTBEAT, bare=True):
        if event is None:
            yield ": still here\n\n"
        while True:
            batch, made = await lines.after(after)
            if not batch:
                break
            lost = batch[0].number - after - 1 if after else 0
            after = batch[-1].number
            yield f'event: lines\nid: {after}\ndata: {{"lost": {lost}, "lines": {made}}}\n\n'
            await asyncio.sleep(0 if after < events.newest else PAUSE)


def _line(happened: Happened, lang: Lang, coding: MessageCoding) -> dict[str, Any]:
    document = happened.document()
    unit = document.get("unit", {})
    fields = unit.get("fields") or {}
    kind = unit.get("kind", happened.kind)
    return {
        "n": happened.number,
        "kind": kind if kind in KINDS else "command",
        "objects": list(happened.cause.objects),
        "calls": [happened.cause.call, fields.get("call_number")],
        "line": f"{clock(happened.time)} {event_line(document, lang, coding=coding)}",
    }


PAGE = Page(
    "/units",
    "Live units",
    "units.html.j2",
    units,
    box="gateway",
    answers=(("/units/feed", feed),),
)
