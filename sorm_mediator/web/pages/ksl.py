"""The KSL groups: which call and which object has which line, A and B apart."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from fastapi import Request

from sorm_mediator.language import Phrase, translate
from sorm_mediator.mediator.binding.status import ksl_rows
from sorm_mediator.web.pages.page import Page
from sorm_mediator.web.pages.shown import language, note_reading
from sorm_mediator.web.pages.streams import MEANINGS

STATES: dict[str, Phrase] = {
    "free": Phrase("free", context="KSL line"),
    "in-use": Phrase("in use", context="KSL line"),
    "faulty": Phrase("faulty", context="KSL line"),
    "none": Phrase("no lines", context="KSL line"),
}
"""State of a line of a group, for people."""


async def ksl(request: Request) -> Mapping[str, Any]:
    """The groups in the order of their numbers, each with its lines, and the streams whose lines are faulty."""
    note_reading(request)
    rows = list(ksl_rows(request.app.state.gateway.core))
    speech = request.app.state.gateway.e1 is not None and request.app.state.switch is not None
    e1 = request.app.state.gateway.e1
    down = {} if e1 is None else {row.stream: row for row in e1.streams.rows() if row.state != "WORK"}
    groups = [(number, list(lines)) for number, lines in groupby(rows, lambda row: row.ksl_group)]
    return {
        "groups": groups,
        "states": STATES,
        "speech": speech,
        "down": down,
        "meanings": MEANINGS,
        "console": _command(request, "console"),
        "send": _command(request, "send"),
        "by_hand": _by_hand(request) if speech else [],
    }


def _command(request: Request, name: str) -> str:
    """A command of a console as it is typed for this lab. What the lab file leaves to chance is told: ports of 0, and
    those of ``--auto-ports``."""
    config, endpoints = request.app.state.gateway.config, request.app.state.gateway.endpoints
    before = [
        f"SORM_E1__{at}__LOCAL={endpoints[f'e1.{one.stream}']}"
        for at, one in enumerate(config.e1, 1)
        if f"e1.{one.stream}" in endpoints and one.local.endswith(":0")
    ]
    file = shlex.quote(str(config.file)) if config.file else translate(Phrase("FILE"), language(request))
    options = [
        f"--{channel} {endpoints[channel]}"
        for channel, port in (("kpd1", config.console.kpd1_port), ("kpd2", config.console.kpd2_port))
        if not port and channel in endpoints
    ]
    if not config.web.port:
        options.append(f"--web {str(request.base_url).rstrip('/')}")
    return " ".join([*before, "sorm-mediator", name, "-c", file, *options])


def _by_hand(request: Request) -> list[str]:
    """What is typed at a console of this lab to hear a call in its first line; empty: nobody here could call."""
    domains = request.app.state.switch.config.domains
    found = ((domain.name, [one.number for one in domain.subscribers[:2]]) for domain in domains)
    domain, numbers = next((one for one in found if len(one[1]) == 2), ("", []))
    if not numbers:
        return []
    a, b = numbers
    return [
        "start",
        f"add-ksl ksl_group=1 group_type=combined ksl_a={request.app.state.gateway.config.e1[0].stream}/1",
        f"add-object object_number=1 number={a} category=combined ksl_group=1",
        f"call domain={domain} a={a} b={b} ring=0 talk=600",
    ]


PAGE = Page("/ksl", "KSL lines", "ksl.html.j2", ksl, box="gateway")
