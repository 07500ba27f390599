"""Values as people read them, and the header that every page has."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

from fastapi import Request
from markupsafe import Markup

from protocol import texts
from sorm_mediator.config.places import shipped_file
from sorm_mediator.language import Lang, MessageId, Phrase, join
from sorm_mediator.web.pages.captions import caption_of, limit
from sorm_mediator.web.preferred import language_of
from ssh_control.client import LinkState

LINKS: dict[LinkState, Phrase] = {
    LinkState.IDLE: Phrase("not begun"),
    LinkState.CONNECTING: Phrase("connecting"),
    LinkState.UP: Phrase("up"),
    LinkState.BACKING_OFF: Phrase("waiting for the next attempt"),
    LinkState.REFUSED: Phrase("refused"),
    LinkState.CLOSED: Phrase("closed"),
}
CHANNELS: dict[str, Phrase] = {"kpd1": Phrase("KPD1"), "kpd2": Phrase("KPD2")}
LANGUAGES: tuple[Lang, ...] = get_args(Lang)
NONE = "\N{EN DASH}"
"""What stands for a value that is not there."""


def language(request: Request) -> Lang:
    """The language of a page: as chosen now, as chosen before, as the browser prefers, else English."""
    chosen = (request.query_params.get("lang", ""), request.cookies.get("sorm_lang", ""))
    return next((one for one in chosen if one in LANGUAGES), language_of(request))


def clock(seconds: float | None) -> str:
    """Time of day with milliseconds, in the time zone of this machine, of Unix seconds."""
    if seconds is None:
        return NONE
    return f"{time.strftime('%H:%M:%S', time.localtime(seconds))}.{int(seconds % 1 * 1000):03d}"


def moment(seconds: float | None) -> str:
    """Day and time of day, in the time zone of this machine, of Unix seconds."""
    return NONE if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def duration(seconds: float | None) -> str:
    """Hours, minutes and seconds, such as 1:02:03."""
    if seconds is None:
        return NONE
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def milliseconds(seconds: float | None) -> str:
    """Milliseconds with one decimal, of seconds."""
    return NONE if seconds is None else f"{seconds * 1000:.1f}"


def present(value: Any) -> Any:
    """The value, or a dash for none."""
    return NONE if value is None or value == "" else value


def ksl(value: Any) -> str:
    """A KSL as stream/number."""
    return NONE if value is None else f"{value.stream}/{value.ksl}"


def value(name: Any, lang: Lang) -> str:
    """A named value of the order, such as a type of object, for people."""
    return NONE if name is None else texts.value_name_text(str(name), lang)


def line_state(code: int | None, lang: Lang) -> str:
    """The state of a subscriber's line (order 268, 9.3.6.4)."""
    return NONE if code is None else texts.look_up(texts.LINE_STATES, code, lang)


def counted(counters: Mapping[str, Any], of: str = "counters") -> str:
    """The counters that have counted something; those in a table of their own with its name before theirs."""
    flat = dict(counters)
    for name, inner in counters.items():
        if isinstance(inner, Mapping):
            del flat[name]
            flat |= {f"{name} {key}": value for key, value in inner.items()}
    counted = sorted((name, value) for name, value in flat.items() if value)
    if not counted:
        return NONE
    return join(
        ", ", [Phrase("{name}: {value}", name=caption_of(name, of), value=value) for name, value in counted]
    )


def marked(text: str) -> Markup:
    """A text whose ``names`` stand in double backquotes, with those as code."""
    parts = re.split("``(.+?)``", text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts)
    )


def link(name: str) -> str:
    """The state of the link to the switch, for people; a dash for no link."""
    return LINKS[LinkState(name)] if name else NONE


def shipped(path: str) -> str:
    """A shipped file as it is typed on this machine, for its path in the source."""
    return shlex.quote(str(shipped_file(Path(path)) or path))


FILTERS: dict[str, Callable[..., Any]] = {
    "clock": clock,
    "moment": moment,
    "duration": duration,
    "milliseconds": milliseconds,
    "present": present,
    "ksl": ksl,
    "counted": counted,
    "link": link,
    "value": value,
    "line_state": line_state,
    "caption_of": caption_of,
    "channel": CHANNELS.__getitem__,
    "marked": marked,
    "limit": limit,
    "shipped": shipped,
    "zip_same": lambda values: [(one, one) for one in values],
}
"""The filters of templates."""


def state(good: bool, name: MessageId, text: str) -> dict[str, Any]:
    """One state of a box for the header: shown by colour, sign and words."""
    return {"good": good, "name": Phrase(name), "text": text}


def header(request: Request) -> dict[str, Any]:
    """The state of the boxes, for the head of every page."""
    gateway, switch = request.app.state.gateway, request.app.state.switch
    states: list[dict[str, Any]] = []
    if gateway is not None:
        status = gateway.status()
        started = status.state == "started"
        text = (
            Phrase("started", context="technical means")
            if started
            else Phrase("stopped", context="technical means")
        )
        states.append(state(started, "Technical means", text))
        for channel in ("kpd1", "kpd2"):
            peers = [one for one in status.channels if one.channel == channel and one.peer]
            up = Phrase("connected") if peers else Phrase("not connected")
            states.append(state(bool(peers), "KPD1" if channel == "kpd1" else "KPD2", up))
        name = str((status.switch or {}).get("state", ""))
        states.append(state(name == "up", "Link to the switch", link(name)))
        if gateway.e1 is not None:
            rows = gateway.e1.streams.rows()
            working = sum(row.state == "WORK" for row in rows)
            text = Phrase("{working} of {count} work", working=working, count=len(rows))
            states.append(state(working == len(rows), "E1 streams", text))
    if switch is not None:
        states.append(
            state(True, "Switch", Phrase("{count} call", plural="{count} calls", count=switch.engine.active))
        )
    return {"orm_number": None if gateway is None else gateway.core.orm_number, "states": states}


def note_reading(request: Request) -> None:
    """The tables are read past the console (option ``tell_table_access``): told once for each opening of a page, and
    not when a page that is open asks for what has changed."""
    if "part" not in request.query_params:
        client = request.client
        request.app.state.gateway.tables_read(f"HTTP {client.host}" if client else "HTTP")
