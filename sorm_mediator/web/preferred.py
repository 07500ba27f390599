"""The language that a client of HTTP prefers (RFC 9110, 12.5.4)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from sorm_mediator.language import Lang


def preferred(accept_language: str) -> Lang:
    """The first of the header ``Accept-Language`` that is ours, else English. Weights are not read."""
    for one in accept_language.lower().split(","):
        name = one.strip().partition(";")[0].partition("-")[0]
        if name == "ru":
            return "ru"
        if name == "en":
            break
    return "en"


def language_of(request: Request) -> Lang:
    """The language of an answer of the API."""
    return preferred(request.headers.get("accept-language", ""))


PreferredLang = Annotated[Lang, Depends(language_of)]
"""A parameter of a route."""
