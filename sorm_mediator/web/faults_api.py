"""Faults of the links over HTTP: begin, list, end. :mod:`sorm_mediator.lab.faults` makes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic.dataclasses import dataclass

from sorm_mediator.faults.order import Action, FaultOrder, Link
from sorm_mediator.faults.registry import FaultRefused
from sorm_mediator.language import Phrase
from sorm_mediator.mediator.binding.status import Document
from sorm_mediator.web.mediator_api import who_asks


@dataclass(frozen=True, kw_only=True)
class LinkFaultDocument(Document):
    """An active fault."""

    id: int
    """What ``DELETE faults/{id}`` takes."""
    link: Link
    action: Action
    given: dict[str, Any]
    """The other parameters of the order."""
    seed: int
    """Given again, it repeats what came by chance."""
    left: float | None
    """Seconds until it ends by itself; null: until it is cleared, or has touched ``count`` units."""
    did: dict[str, int]
    """What it has done: units touched, dropped, delayed, reordered, copies made, connections cut and refused."""


@dataclass(frozen=True, kw_only=True)
class EndedDocument(Document):
    """Faults have ended."""

    ended: int
    """How many."""


class FaultDesk(Protocol):
    """The faults of a lab. What it can't have raises :class:`FaultRefused`."""

    def order(self, order: FaultOrder, who: str) -> LinkFaultDocument | EndedDocument:
        """A fault begins, or those of a link end."""
        ...

    def rows(self) -> list[LinkFaultDocument]:
        """Those that are active, the oldest first."""
        ...

    def end(self, number: int | None, who: str) -> int:
        """One ends, or all; returns how many did."""
        ...

    def totals(self) -> Mapping[str, Mapping[str, Mapping[str, int]]]:
        """What all faults since the start have done: link -> action -> word -> number."""
        ...


async def _desk(request: Request) -> FaultDesk:
    desk: FaultDesk | None = request.app.state.faults
    if desk is None:
        raise HTTPException(404, Phrase("there is nothing here that could have a fault"))
    return desk


Desk = Annotated[FaultDesk, Depends(_desk)]

faults_router = APIRouter()
"""The routes, which serve ``app.state.faults``."""


@faults_router.post(
    "/faults",
    responses={
        409: {"description": "The lab can't have this fault: it lacks the link, its switch or its address"}
    },
    summary="Begin a fault of a link, or clear them",
)
async def order_fault(desk: Desk, request: Request, body: FaultOrder) -> LinkFaultDocument | EndedDocument:
    """Make a fault where a network or a peer would make it: at once, until it ends by itself or is cleared.

    The answer is the fault, or with `clear` how many have ended.
    """
    try:
        return desk.order(body, who_asks(request))
    except FaultRefused as refused:
        raise HTTPException(409, refused.text) from None


@faults_router.get("/faults", summary="The active faults")
async def all_faults(desk: Desk) -> list[LinkFaultDocument]:
    """Those that are active, the oldest first, with what they have done."""
    return desk.rows()


@faults_router.delete("/faults", summary="End all faults")
async def end_faults(desk: Desk, request: Request) -> EndedDocument:
    """All faults end."""
    return EndedDocument(ended=desk.end(None, who_asks(request)))


@faults_router.delete(
    "/faults/{number}", responses={404: {"description": "No such fault"}}, summary="End a fault"
)
async def end_fault(desk: Desk, request: Request, number: int) -> EndedDocument:
    """One fault ends."""
    if not (ended := desk.end(number, who_asks(request))):
        raise HTTPException(
            404, Phrase("there is no fault {number}, or it is over: GET faults lists them", number=number)
        )
    return EndedDocument(ended=ended)
