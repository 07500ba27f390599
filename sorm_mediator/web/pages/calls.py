"""Calls: the list, making one, driving one that runs, and its ladder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, get_args

from fastapi import HTTPException, Request

from protocol.messages import BY_CODE
from sorm_mediator.language import Lang, Phrase, join, translate
from sorm_mediator.mediator.binding.status import CallDocument, call_row
from sorm_mediator.reports import drawing
from sorm_mediator.reports.drawing import Drawing, Row
from sorm_mediator.switch.box import SwitchBox
from sorm_mediator.switch.calls.call import Call, CallRefused, why_released
from sorm_mediator.switch.calls.origins import SYSTEM
from sorm_mediator.texts import short
from sorm_mediator.web.ladder import (
    LadderDocument,
    LadderStep,
    Lane,
    ids_of,
    known_calls,
    ladder,
    objects_by_call,
)
from sorm_mediator.web.pages.captions import HAPPENED, caption_of
from sorm_mediator.web.pages.page import Action, Form, Page
from sorm_mediator.web.pages.shown import clock, language, note_reading
from sorm_mediator.web.switch_api import (
    REFUSED,
    CallBody,
    Feature,
    ServiceBody,
    SwitchCallDocument,
    document,
)

LATEST = 100
"""Calls in the list."""
STATES: dict[str, Phrase] = {
    "dialling": Phrase("dialling"),
    "ringing": Phrase("ringing"),
    "talking": Phrase("talking"),
    "released": Phrase("released"),
}
"""State of a call of the switch, for people."""
OUTCOMES: dict[str, Phrase] = {
    "answer": Phrase("answered"),
    "busy": Phrase("busy"),
    "no-answer": Phrase("not answered"),
    "fail": Phrase("can't be reached"),
    "incomplete": Phrase("number incomplete"),
}
"""What a synthetic call comes to, for people."""


class CallLine(NamedTuple):
    """One call of the list, as far as the boxes of this web server know it."""

    call: str
    domain: str
    calling: str
    called: str
    state: str
    """A key of :data:`STATES`; empty: only the mediator knows the call."""
    started: float | None
    objects: tuple[int, ...]
    why: str = ""
    """Why it ended, or reached nobody."""


async def calls(request: Request) -> Mapping[str, Any]:
    """The latest calls of the switch; of a mediator alone those that touch objects."""
    gateway, switch = request.app.state.gateway, request.app.state.switch
    touched, known = {}, {}
    if gateway is not None:
        known = objects_by_call(gateway.events)
        note_reading(request)
        touched = {row.call: row for row in map(call_row, gateway.core.calls)}
    lines: list[CallLine] = []
    if switch is not None:
        for made in reversed(list(switch.engine.calls.values())[-LATEST:]):
            objects = _objects(ids_of(made), touched, known)
            request_ = made.request
            lines.append(
                CallLine(
                    made.id,
                    made.domain.name,
                    request_.a,
                    request_.b,
                    made.state.value,
                    made.started,
                    objects,
                    _why(made),
                )
            )
    elif gateway is not None:
        for call in known_calls(gateway.events, LATEST):
            row = touched.get(call)
            objects = _objects({call}, touched, known)
            if row is None:
                lines.append(CallLine(call, "", "", "", "released", None, objects))
            else:
                lines.append(CallLine(call, row.domain, row.calling, row.called, "", row.setup_time, objects))
    return {
        "lines": lines,
        "states": STATES,
        "outcomes": OUTCOMES,
        "domains": [] if switch is None else list(switch.engine.domains),
        "origins": ["subscriber", *(f"trunk:{name}" for name in sorted(_trunks(switch))), *SYSTEM],
    }


def _objects(
    ids: set[str], touched: Mapping[str, CallDocument], known: Mapping[str, set[int]]
) -> tuple[int, ...]:
    """The objects of a call by its ids: those that it touches now, and those that it has touched."""
    found = {number for one in ids for number in known.get(one, ())}
    found |= {leg.object_number for one in ids if one in touched for leg in touched[one].objects}
    return tuple(sorted(found))


def _why(call: Call) -> str:
    """Why a call of the switch ended: the cause of its 43h, and before it what kept it from a number."""
    if call.release_cause is None:
        return ""
    return why_released(call.release_cause, [(one.event, one.detail) for one in call.events])


def _trunks(switch: SwitchBox | None) -> set[str]:
    if switch is None:
        return set()
    return {trunk.name for domain in switch.engine.domains.values() for trunk in domain.trunks.values()}


async def place(request: Request, form: Form) -> Phrase:
    """Make a call."""
    body = CallBody.model_validate(
        {key: form[key] for key in ("a", "b", "from", "outcome") if key in form}
        | {key: form[key] for key in ("ring", "talk") if form.get(key)}
    )
    call = _asked(lambda: _switch(request).place_call(form.get("domain", ""), body.request()))
    if call.not_admitted:
        told = Phrase("Call {call} is not admitted: {reason}", call=call.id, reason=call.not_admitted)
        raise HTTPException(call.reject_status, told)
    return Phrase("Call {call}: {a} calls {b}.", call=call.id, a=body.a or form.get("from", ""), b=body.b)


# --- one call


async def one(request: Request) -> Mapping[str, Any]:
    """A call with its ladder and, of the switch, its state and its routing."""
    gateway, switch = request.app.state.gateway, request.app.state.switch
    call = request.path_params["call"]
    steps = ladder(None if gateway is None else gateway.events, switch, call, language(request))
    if steps is None:
        raise HTTPException(404, Phrase("There is no call {call}, or it was long ago.", call=call))
    made = None if switch is None else switch.engine.calls.get(call)
    shown: SwitchCallDocument | None = None if made is None else document(made, language(request))
    return {
        "call": call,
        "made": shown,
        "states": STATES,
        "ladder": steps,
        "drawing": draw(steps, language(request)),
        "lanes": LANES,
        "label": _label,
        "services": {one: caption_of(one, "services") for one in get_args(Feature)},
    }


async def drive(request: Request, form: Form) -> Phrase:
    """Answer a call or end it, now."""
    call, switch = request.path_params["call"], _switch(request)
    if form.get("do") == "answer":
        _asked(lambda: switch.pick_up(call))
        return Phrase("Call {call} is answered.", call=call)
    if not switch.hang_up(call):
        raise HTTPException(404, Phrase("There is no call {call} that goes on.", call=call))
    return Phrase("Call {call} is ended.", call=call)


async def use_service(request: Request, form: Form) -> Phrase:
    """Use a service in a call, now."""
    call, switch = request.path_params["call"], _switch(request)
    given = {key: form[key] for key in ("service", "by", "number") if form.get(key)}
    body = ServiceBody.model_validate(given)
    _asked(lambda: switch.use_service(call, body.request()))
    return Phrase("Call {call}: {service} is used.", call=call, service=body.service)


def _switch(request: Request) -> SwitchBox:
    switch: SwitchBox | None = request.app.state.switch
    if switch is None:
        raise HTTPException(404, Phrase("This web server has no switch."))
    return switch


def _asked(ask: Any) -> Any:
    """What the switch gives; what it refuses is answered with the reason."""
    try:
        return ask()
    except CallRefused as refusal:
        raise HTTPException(REFUSED[refusal.kind], refusal.text) from None


# --- the drawing of a ladder

LANES: dict[Lane, Phrase] = {
    "console": Phrase("Console"),
    "mediator": Phrase("Mediator", context="ladder"),
    "switch": Phrase("Switch"),
}
"""The vertical lines, from left to right."""
_LEFT, _APART, _RIGHT, _TOP, _ROW = 220, 285, 270, 40, 30
_TIME, _AFTER = 95, 158
_MOST_TEXT, _MOST_ASIDE = 39, 38
"""Characters that stand above an arrow between its ends, and beside a mark on the last lane."""
_TELLING = ("object_number", "number", "digits", "trunk", "ksl_group", "call_number")
"""Fields that say what a command or a request is about: above an arrow stand their values alone."""
_CODES = {kind.message_name: code for code, kind in BY_CODE.items()}


def draw(steps: LadderDocument, lang: Lang) -> Drawing:
    """The picture of a ladder."""
    places: dict[Lane, int] = {lane: _LEFT + at * _APART for at, lane in enumerate(LANES)}
    begun = next((step.time for step in steps.steps if step.kind in ("report", "call")), None)
    return Drawing(
        width=_LEFT + 2 * _APART + _RIGHT,
        height=_TOP + _ROW * len(steps.steps) + 20,
        head=32,
        lanes=[drawing.Lane(x, translate(LANES[lane], lang), box=124) for lane, x in places.items()],
        rows=[_row(at, step, places, begun, lang) for at, step in enumerate(steps.steps)],
        times=translate(Phrase("time, ms of the call"), lang),
    )


def _label(step: LadderStep) -> str:
    """The step in few words: ``41h number-received 28331 → 28332``; the whole line stands in its title."""
    if step.kind == "call":
        if step.name == "dialling" and step.detail:
            return step.detail
        what = HAPPENED.get(step.name, Phrase("{name}", name=step.name))
        return join(", " if step.name == "release" else " ", [what, step.detail]) if step.detail else what
    code = _CODES.get(step.name)
    if step.kind == "request":
        return _about(step)
    if step.kind not in ("command", "message", "event") or code is None:
        return step.text
    parties = re.search(r" calling=(\S+) called=(\S+)", step.text) if step.kind == "event" else None
    line = f"{step.name} {parties[1]} → {parties[2]}" if parties else _about(step)
    if answered := re.search(r" command=(\S+) status=(\w+)", step.text):
        line = f"{step.name.removeprefix('command-')} {answered[1]} {answered[2]}"  # the status must be seen
    return f"{code:02X}h {line}"


def _about(step: LadderStep) -> str:
    """The name of a step with the values that say what it is about; all of it when there are none."""
    given = dict(re.findall(r"(\w+)=(\S+)", step.text))
    told = [given[name] for name in _TELLING if name in given]
    return " ".join((step.name, *told)) if told else step.text


def _row(at: int, step: LadderStep, places: Mapping[Lane, int], begun: float | None, lang: Lang) -> Row:
    stays = step.source == step.target
    text = translate(_label(step), lang)
    times = [(_TIME, clock(step.time))]
    if begun is not None:  # and milliseconds since the first step of the call itself
        times.append((_AFTER, f"{(step.time - begun) * 1000:+.0f}"))
    return Row(
        kind="mark" if stays else "arrow",
        style=step.kind,
        y=_TOP + _ROW * (at + 1),
        start=places[step.source],
        end=places[step.target],
        text=short(text, _MOST_ASIDE if stays else _MOST_TEXT),
        title=text if stays else translate(step.text, lang),
        times=tuple(times),
    )


PAGE = Page(
    "/calls",
    "Calls",
    "calls.html.j2",
    calls,
    actions=(Action("/calls", place, neutral=True),),
)
ONE = Page(
    "/calls/{call}",
    "Call",
    "call.html.j2",
    one,
    actions=(Action("/calls/{call}/drive", drive), Action("/calls/{call}/service", use_service)),
    part_of="/calls",
)
