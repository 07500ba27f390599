"""What a page is: declared once, in the table of :mod:`sorm_mediator.web.pages.table`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fastapi import Request, Response

from sorm_mediator.language import MessageId, Phrase

Data = Callable[[Request], Awaitable[Mapping[str, Any]]]
"""What a template shows: names -> values. Raises :class:`fastapi.HTTPException` for what is not there."""
Endpoint = Callable[[Request], Awaitable[Response]]
Form = Mapping[str, str]
"""The fields of a form as they were sent, spaces at the ends cut."""
Box = Literal["gateway", "switch", "any"]


@dataclass(frozen=True)
class Redrawn:
    """What an action answers with when a part of its page is to be shown anew, such as a form with its mistakes.

    ``block``: of the page's template, in an element of that id. ``view``: values for it, besides the page's data.
    """

    text: Phrase
    block: str
    view: Mapping[str, Any]
    failed: bool = False


@dataclass(frozen=True)
class Elsewhere:
    """What an action answers with when its outcome is a page of its own: the browser goes there.

    ``path``: below ``/pages``.
    """

    path: str


@dataclass(frozen=True)
class Action:
    """Something that a form makes happen: ``POST /pages`` + ``path``, whose parameters are in ``path_params``.

    ``run`` returns what was done, in words, or :class:`Redrawn`, or :class:`Elsewhere`. It raises
    :class:`fastapi.HTTPException` for what was refused, and lets the ``ValidationError`` of pydantic pass, which is
    shown by field.
    """

    path: str
    run: Callable[[Request, Form], Awaitable[Phrase | Redrawn | Elsewhere]]
    neutral: bool = False
    """It only begins something, such as a call: what is told of it is no success yet."""


@dataclass(frozen=True)
class Page:
    """One page. It is in the navigation of a web server whose boxes it has, unless its path has parameters.

    ``path``: below ``/pages``, as Starlette writes paths (``/calls/{call}``).
    ``template``: in ``templates/``; it extends ``layout.html.j2``, and a block of it can be asked for alone with
    ``?part=BLOCK``, to replace what a page shows by what is true now.
    ``box``: which box must be there.
    ``answers``: further paths of the page with what answers ``GET``, such as a stream of events.
    ``part_of``: the path of the page that the navigation marks while this one is shown.
    """

    path: str
    title: MessageId
    template: str
    data: Data
    box: Box = "any"
    actions: tuple[Action, ...] = ()
    answers: tuple[tuple[str, Endpoint], ...] = ()
    part_of: str = ""

    @property
    def in_navigation(self) -> bool:
        """Whether it can be opened without saying of what."""
        return "{" not in self.path


def has_box(request: Request, box: Box) -> bool:
    """Whether the box that a page needs is of this web server."""
    state = request.app.state
    match box:
        case "gateway":
            return state.gateway is not None
        case "switch":
            return state.switch is not None
    return True
