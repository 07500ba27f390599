"""The faults of a lab: those of the links of its mediator, and those of its switch (docs/faults.md)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Protocol

from sorm_mediator.errors import BoxError, ConfigError
from sorm_mediator.faults.gate import Fault
from sorm_mediator.faults.order import FaultOrder
from sorm_mediator.faults.registry import FaultRefused, Faults
from sorm_mediator.language import Phrase
from sorm_mediator.web.faults_api import EndedDocument, LinkFaultDocument

if TYPE_CHECKING:
    from sorm_mediator.mediator.binding.gateway import Gateway
    from sorm_mediator.switch.box import SwitchBox

log = logging.getLogger(__name__)

AGAIN = 1.0
"""Seconds after which a switch that could not start is started again."""


class HasBoxes(Protocol):
    """A lab, as far as its faults go."""

    gateway: Gateway | None
    switch: SwitchBox | None

    async def end_switch(self) -> None:
        """The switch ends as if killed."""

    async def start_switch(self) -> None:
        """It is there again, with what its lab file says alone. Raises :class:`BoxError` and :class:`ConfigError`."""

    def note(self, kind: str, /, **fields: object) -> None:
        """Write an entry of the mediator's journal, if there is one."""


class LabFaults:
    """The desk where the faults of a lab are ordered (:class:`~sorm_mediator.web.faults_api.FaultDesk`)."""

    def __init__(self, lab: HasBoxes) -> None:
        self._lab = lab
        self.faults = Faults()
        self.faults.watchers.append(self._changed)
        self._moves: asyncio.Task[None] | None = None

    def order(self, order: FaultOrder, who: str) -> LinkFaultDocument | EndedDocument:
        """A fault begins, or those of a link end. Raises :class:`FaultRefused`."""
        if order.action == "clear":
            return EndedDocument(ended=self._ended(self.faults.clear(order), who))
        self._check(order)
        fault = self.faults.begin(order)
        given = ", ".join(f"{key}={value}" for key, value in order.given.items())
        self._lab.note("fault-began", who=who, link=order.link, action=order.action, parameters=given)
        log.warning("fault %d: %s %s %s", fault.number, order.link, order.action, given)
        return self._row(fault)

    def rows(self) -> list[LinkFaultDocument]:
        """Those that are active."""
        return [self._row(one) for one in self.faults.active]

    def end(self, number: int | None, who: str) -> int:
        """One ends, or all; returns how many did."""
        if number is None:
            return self._ended(self.faults.clear(), who)
        return self._ended(int(self.faults.end(number, release=True)), who)

    def totals(self) -> Mapping[str, Mapping[str, Mapping[str, int]]]:
        """What all faults since the start have done."""
        return self.faults.totals()

    async def close(self) -> None:
        """The lab stops: no fault goes on, and no switch comes back."""
        self.faults.close()
        moves, self._moves = self._moves, None
        if moves is not None:
            moves.cancel()
            await asyncio.wait([moves])

    def _ended(self, count: int, who: str) -> int:
        if count:
            self._lab.note("faults-cleared", who=who, faults=count)
        return count

    def _check(self, order: FaultOrder) -> None:
        gateway, switch = self._lab.gateway, self._lab.switch
        if order.domain is not None or order.action == "restart":
            what = "action: restart" if order.domain is None else f"domain: {order.domain}"
            if switch is None:
                raise FaultRefused(
                    Phrase("{what}: the switch is not of this lab: ask the web of its box", what=what)
                )
            if order.domain is not None and order.domain not in switch.engine.domains:
                raise FaultRefused(
                    Phrase("{what}: there is none: {have}", what=what, have=", ".join(switch.engine.domains))
                )
            if order.domain is None and any(one.order.action == "restart" for one in self.faults.active):
                raise FaultRefused(Phrase("{what}: the switch is away already", what=what))
        elif gateway is not None:
            gateway.faults.check(order)
        elif order.address is not None:
            raise FaultRefused(Phrase("address: it is the mediator that has two: ask the web of its box"))
        elif order.link in ("kpd1", "kpd2"):
            raise FaultRefused(
                Phrase(
                    "link: {link}: the mediator is not of this lab: ask the web of its box", link=order.link
                )
            )

    def _row(self, fault: Fault) -> LinkFaultDocument:
        now = asyncio.get_running_loop().time()
        return LinkFaultDocument(
            id=fault.number,
            link=fault.order.link,
            action=fault.order.action,
            given=fault.order.given,
            seed=fault.seed,
            left=None if fault.ends_at is None else max(0.0, fault.ends_at - now),
            did=dict(fault.did),
        )

    # --- the switch

    def _changed(self, fault: Fault, began: bool) -> None:
        order, switch = fault.order, self._lab.switch
        if order.action == "restart":
            self._next(self._lab.end_switch() if began else self._come_back())
        elif order.domain is not None and switch is not None and order.domain in switch.engine.domains:
            self._put_in_force(switch, order.domain)

    def _put_in_force(self, switch: SwitchBox, domain: str) -> None:
        """The domain answers as the oldest of its faults says, as the oldest of a link touches a unit first."""
        order = next((one.order for one in self.faults.active if one.order.domain == domain), None)
        if order is None:
            switch.fault(domain, "clear", 0.0)
        else:
            switch.fault(domain, "dead" if order.action == "drop" else "slow", order.seconds or 0.0)

    def _next(self, move: Awaitable[None]) -> None:
        """The switch ends and starts in the order in which it was told to."""
        before = self._moves

        async def after() -> None:
            if before is not None:
                await asyncio.wait([before])
            await move

        self._moves = asyncio.get_running_loop().create_task(after(), name="switch restarts")
        self._moves.add_done_callback(_log_error)

    async def _come_back(self) -> None:
        while True:
            try:
                await self._lab.start_switch()
            except (BoxError, ConfigError) as error:
                log.error("the switch is not back yet: %s", error)  # noqa: TRY400 - one line that says what to do
                await asyncio.sleep(AGAIN)
            else:
                break
        if (switch := self._lab.switch) is not None:  # the new one, which knows of no fault
            for domain in switch.engine.domains:
                if any(one.order.domain == domain for one in self.faults.active):
                    self._put_in_force(switch, domain)


def _log_error(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("the switch does not come back: an error of our own", exc_info=error)
