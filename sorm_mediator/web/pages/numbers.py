"""What routing would do with a call: every rule that was tried, and the numbers that the console would be sent."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from fastapi import Request

from sorm_mediator.language import Phrase
from sorm_mediator.switch.routing.route import NUMBER_INDICATORS
from sorm_mediator.switch.trace import MODES, TRACE_PARAMETERS, LabTrace, TraceError, read_request, trace
from sorm_mediator.web.pages.page import Page

_MAIN: Final = ("cgpn.digits", "cdpn.digits", "iface", "mode")
"""What most traces need; the other parameters are folded away."""
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "ni": NUMBER_INDICATORS,
    "incomplete": ("false", "true"),
    "mode": MODES,
}
"""Values by the last part of a parameter's name; what is not here is a text."""


RESULTS: Final[Mapping[str, Phrase]] = {
    "external": Phrase("leaves the node"),
    "local": Phrase("stays in the node"),
    "failed": Phrase("failed"),
}
"""What routing comes to, for people."""


async def numbers(request: Request) -> Mapping[str, Any]:
    """The form as it was sent, and the trace for it."""
    switch = request.app.state.switch
    domains = switch.engine.domains
    given = {name: request.query_params.get(name, "").strip() for name in TRACE_PARAMETERS}
    name = request.query_params.get("domain", next(iter(domains), ""))
    parameters = [
        {"name": one, "value": given[one], "choices": _CHOICES.get(one.rpartition(".")[2], ())}
        for one in TRACE_PARAMETERS
    ]
    view: dict[str, Any] = {
        "domains": list(domains),
        "domain": name,
        "main": sorted(
            (one for one in parameters if one["name"] in _MAIN), key=lambda one: _MAIN.index(one["name"])
        ),
        "more": [one for one in parameters if one["name"] not in _MAIN],
        "more_given": any(given[one] for one in TRACE_PARAMETERS if one not in _MAIN),
        "refused": "",
        "trace": None,
        "text": {},
        "results": RESULTS,
    }
    if not any(given.values()):
        return view
    if name not in domains:
        return view | {"refused": Phrase("There is no domain {name}.", name=name)}
    tracer: LabTrace = request.app.state.tracer
    try:
        asked = read_request(f"{one}={value}" for one, value in given.items() if value)
        admits = partial(switch.engine.node.admission.why_not, now=switch.now())
        traced = trace(domains, domains[name], asked, admits)
    except TraceError as error:
        return view | {"refused": str(error)}
    now = time.time()
    texts = {"en": tracer.text(traced, now, "en"), "ru": tracer.text(traced, now, "ru")}
    return view | {"trace": tracer.document(traced), "text": texts}


PAGE = Page("/numbers", "Numbers", "numbers.html.j2", numbers, box="switch")
