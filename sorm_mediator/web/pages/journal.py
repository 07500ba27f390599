"""The audit journal: its entries by page and kind, the check of its chain, and its export."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import HTTPException, Request

from protocol.messages import BY_CODE
from sorm_mediator.journal.book import JournalError, to_document
from sorm_mediator.language import Phrase
from sorm_mediator.texts import whole_number
from sorm_mediator.web.journal_api import journal_file, kinds_of, newest, verify_journal
from sorm_mediator.web.pages.page import Action, Form, Page

SHOWN: Final = 50
"""Entries of a page."""
_MOST: Final = 2**62


async def journal(request: Request) -> Mapping[str, Any]:
    """The entries before one, or the newest."""
    gateway = request.app.state.gateway
    if gateway.journal is None:
        return {"kept": False}
    path = journal_file(gateway)
    before = whole_number(request.query_params.get("before", ""), 1, _MOST)
    kinds = tuple(one for one in request.query_params.getlist("kind") if one)
    try:
        entries = await asyncio.to_thread(newest, path, SHOWN, before, kinds)
        # All entries are read for them, so not each time that the table alone is shown anew.
        known = [] if "part" in request.query_params else await asyncio.to_thread(kinds_of, path)
    except JournalError as error:
        raise HTTPException(500, str(error)) from error
    rows = [
        {"seq": one.seq, "time": one.unix, "kind": one.kind, "fields": _shown(one.fields), "hash": one.hash}
        for one in map(to_document, reversed(entries))
    ]
    filters = [("kind", one) for one in kinds]
    return {
        "kept": True,
        "rows": rows,
        "kinds": known,
        "chosen": kinds,
        "newest": before is None,
        "older": urlencode([*filters, ("before", rows[-1]["seq"])]) if len(rows) == SHOWN else "",
        "filter": urlencode(filters),
        "entries": gateway.journal.head.seq,
        "head": gateway.journal.head.hash,
    }


def _shown(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The fields of an entry as text; a command with its name beside its number."""

    def text(name: str, value: Any) -> str:
        if name == "command" and isinstance(value, int) and value in BY_CODE:
            return f"{value} {BY_CODE[value].message_name}"
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    return [(name, text(name, value)) for name, value in fields.items() if value not in ("", None)]


async def verify(request: Request, form: Form) -> Phrase:
    """Walk the chain."""
    found = await verify_journal(request.app.state.gateway)
    if found.intact:
        return Phrase(
            "The journal is intact: {count} entry, head {head}",
            plural="The journal is intact: {count} entries, head {head}",
            count=found.entries,
            head=found.head,
        )
    told = "; ".join(f"{one.seq}: {one.text}" if one.seq else one.text for one in found.findings[:10])
    raise HTTPException(
        409,
        Phrase(
            "The journal is not intact, {count} finding: {told}",
            plural="The journal is not intact, {count} findings: {told}",
            count=len(found.findings),
            told=told,
        ),
    )


PAGE = Page(
    "/journal",
    "Journal",
    "journal.html.j2",
    journal,
    box="gateway",
    actions=(Action("/journal/verify", verify),),
)
