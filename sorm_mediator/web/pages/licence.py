"""The licence manager: the licences of the emulated switch, the one that holds, its limits, and what is in use of them.

A licence is added by its key and deleted by its number, as in the shell.

The smart licence is shown where the switch has one.

Source: docs/licence.md; docs/smart-licence.md; ECSS-10 manual, Licences on the web ("License manager").
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException, Request

from sorm_mediator.language import Phrase
from sorm_mediator.switch.box import SwitchBox
from sorm_mediator.switch.changes import ChangeRefused
from sorm_mediator.switch.changes.licence import add_licence, delete_licence
from sorm_mediator.switch.smart.agent import SmartAgent
from sorm_mediator.switch.smart.modes import REFUSES
from sorm_mediator.texts import whole_number
from sorm_mediator.web.pages.page import Action, Form, Page


@dataclass(frozen=True)
class LicenceLine:
    """One installed licence. ``expires``: Unix seconds of the first moment after it; None: it has no end."""

    number: int
    description: str
    expires: float | None
    expired: bool
    active: bool


async def licence(request: Request) -> Mapping[str, Any]:
    """The licence that holds now, and all that are installed."""
    switch, now = _switch(request), time.time()
    licences = switch.engine.node.licences
    active = licences.active(now)
    lines = [
        LicenceLine(one.number, one.body.description, one.expiry, licences.expired(one, now), one is active)
        for one in licences.installed.values()
    ]
    return {
        "licence": switch.licence(),
        "passport": licences.passport,
        "lines": lines,
        "smart": None if switch.smart is None else _smart(switch.smart),
    }


def _smart(agent: SmartAgent) -> Mapping[str, Any]:
    """The smart licence: its state, the row of the account's report, and its summary."""
    return {
        "status": agent.status(),
        "admits": agent.client.mode not in REFUSES,
        "usage": None if agent.cloud is None else agent.cloud.usage(),
        "summary": agent.summary(),
    }


async def add(request: Request, form: Form) -> Phrase:
    """Add a licence by its key. It becomes active; calls and links go on."""
    try:
        made = add_licence(_switch(request).engine.node, form.get("key", ""), time.time())
    except ChangeRefused as refusal:
        raise HTTPException(409, str(refusal)) from None
    return Phrase("Licence {number} is added and active.", number=made.number)


async def delete(request: Request, form: Form) -> Phrase:
    """Delete a licence by its number."""
    number = whole_number(form.get("number", ""), 0, 2**31 - 1)
    if number is None:
        raise HTTPException(422, Phrase("Which licence is to be deleted?"))
    try:
        delete_licence(_switch(request).engine.node, number)
    except ChangeRefused as refusal:
        raise HTTPException(409, str(refusal)) from None
    return Phrase("Licence {number} is deleted.", number=number)


def _switch(request: Request) -> SwitchBox:
    switch: SwitchBox | None = request.app.state.switch
    if switch is None:
        raise HTTPException(404, Phrase("This web server has no switch."))
    return switch


PAGE = Page(
    "/licence",
    "Licence",
    "licence.html.j2",
    licence,
    box="switch",
    actions=(Action("/licence", add), Action("/licence/delete", delete)),
)
