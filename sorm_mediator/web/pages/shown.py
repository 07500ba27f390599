"""Values as people read them, and the header that every page has."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from fastapi import Request

from sorm_mediator.language import MessageId, Phrase

NONE = "\N{EN DASH}"
"""What stands for a value that is not there."""


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


FILTERS: dict[str, Callable[..., Any]] = {
    "clock": clock,
    "moment": moment,
    "duration": duration,
    "milliseconds": milliseconds,
    "present": present,
    "ksl": ksl,
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
        for name in ("kpd1", "kpd2"):
            peers = [one for one in status.channels if one.channel == name and one.peer]
            up = Phrase("connected") if peers else Phrase("not connected")
            states.append(state(bool(peers), "KPD1" if name == "kpd1" else "KPD2", up))
        link = (status.switch or {}).get("state", "")
        states.append(state(link == "up", "Link to the switch", str(link)))
        if gateway.e1 is not None:
            rows = gateway.e1.streams.rows()
            working = sum(row.state == "WORK" for row in rows)
            states.append(state(working == len(rows), "E1 streams", f"{working}/{len(rows)} WORK"))
    if switch is not None:
        states.append(state(True, "Switch", Phrase("{count} calls", count=switch.engine.active)))
    return {"orm_number": None if gateway is None else gateway.core.orm_number, "states": states}
