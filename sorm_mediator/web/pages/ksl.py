"""The KSL groups: which call and which object has which line, A and B apart."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from fastapi import Request

from sorm_mediator.language import Phrase
from sorm_mediator.mediator.binding.status import ksl_rows
from sorm_mediator.web.pages.page import Page
from sorm_mediator.web.pages.shown import note_reading
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
    config, e1 = request.app.state.gateway.config, request.app.state.gateway.e1
    down = {} if e1 is None else {row.stream: row for row in e1.streams.rows() if row.state != "WORK"}
    groups = [(number, list(lines)) for number, lines in groupby(rows, lambda row: row.ksl_group)]
    return {
        "groups": groups,
        "states": STATES,
        "speech": speech,
        "down": down,
        "meanings": MEANINGS,
        "file": config.file or Phrase("FILE"),
    }


PAGE = Page("/ksl", "KSL lines", "ksl.html.j2", ksl, box="gateway")
