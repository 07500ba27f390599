"""The objects under control: found by number, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import Request

from sorm_mediator.texts import whole_number
from sorm_mediator.web.mediator_api import read_objects
from sorm_mediator.web.pages.page import Page
from sorm_mediator.web.pages.shown import note_reading

ROWS = 50
"""Objects on one page of the table."""
_MOST = 2**31


async def objects(request: Request) -> Mapping[str, Any]:
    """One page of the table of those that are found."""
    note_reading(request)
    find = request.query_params.get("find", "").strip()[:40]
    offset = whole_number(request.query_params.get("offset", "0"), 0, _MOST) or 0
    rows, total = read_objects(request.app.state.gateway, ROWS, offset, find)
    return {
        "rows": rows,
        "total": total,
        "limit": ROWS,
        "offset": offset,
        "find": find,
        "query": urlencode({"find": find}) if find else "",
    }


PAGE = Page("/objects", "Objects", "objects.html.j2", objects, box="gateway")
