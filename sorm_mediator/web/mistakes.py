"""What a client is told about a request that is not valid: the words are those of lab files."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError

from sorm_mediator.config.lines import KeyPath
from sorm_mediator.config.mistakes import mistakes


def mistakes_of(request: Request, error: RequestValidationError) -> list[dict[str, Any]]:
    """Each mistake with ``loc`` (FastAPI's form of a place), ``path`` (for people) and ``msg``: what is allowed."""
    errors = error.errors()
    found = []
    for place in dict.fromkeys(one["loc"][0] for one in errors):
        here = [{**one, "loc": one["loc"][1:]} for one in errors if one["loc"][0] == place]
        root = _body_of(request) if place == "body" else None
        found += [
            {
                "type": next(
                    one["type"] for one in here if one["loc"][: len(location)] == location[: len(one["loc"])]
                ),
                "loc": [place, *location],
                "path": _path(str(place), location),
                "msg": mistake.text,
            }
            for mistake in mistakes(here, root)
            for location in [mistake.location]
        ]
    return found


def _path(place: str, location: KeyPath) -> str:
    """Of a body the JSONPath, in which items count from 0 (RFC 9535); else the name of the parameter."""
    if place != "body":
        return ".".join(map(str, location))
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)


def _body_of(request: Request) -> Any:
    """The type of the body of the route that was asked."""
    field = getattr(request.scope.get("route"), "body_field", None)
    return None if field is None else field.field_info.annotation
