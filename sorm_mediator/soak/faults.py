"""The faults of a soak: those that a mediator outlasts without losing an event (docs/faults.md)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Any, Final

from sorm_mediator.console.errors import ConnectError
from sorm_mediator.console.target import Requester
from sorm_mediator.faults.order import FaultOrder
from sorm_mediator.language import Phrase

OUTLASTED: Final[tuple[Mapping[str, Any], ...]] = (
    {"link": "radius", "action": "drop", "share": 0.3, "for": 2},
    {"link": "radius", "action": "duplicate", "copies": 5, "for": 2},
    {"link": "radius", "action": "reorder", "for": 2},
    {"link": "radius", "action": "delay", "seconds": 0.1, "jitter": 0.2, "for": 2},
    {"link": "ssh", "action": "cut", "for": 1},
    {"link": "ssh", "action": "delay", "seconds": 0.2, "for": 2},
    {"link": "kpd1", "action": "delay", "seconds": 0.1, "for": 2},
    {"link": "kpd2", "action": "delay", "seconds": 0.1, "for": 2},
)
"""A report that is lost, doubled or overtaken heals with the next or its repetition, and a connection is made again."""
CUTS: Final[tuple[Mapping[str, Any], ...]] = (
    {"link": "kpd1", "action": "cut", "for": 0.5},
    {"link": "kpd2", "action": "cut", "for": 0.5},
)
"""The console's channels. What is in them is gone, as the order has it: no call goes on meanwhile."""
for _one in (*OUTLASTED, *CUTS):
    FaultOrder.model_validate(_one)


class FaultMaker:
    """Orders faults at the web of the mediator. ``count``: how many, by link and action."""

    def __init__(self, request: Requester, rng: random.Random) -> None:
        self._request, self._rng = request, rng
        self.count: dict[str, int] = {}
        self.troubles: list[str] = []

    async def order(self, fault: Mapping[str, Any]) -> None:
        """One fault."""
        name = f"{fault['link']} {fault['action']}"
        try:
            status, reply = await self._request("POST", "faults", dict(fault))
        except ConnectError as error:
            status, reply = 0, str(error)
        if status == 200:
            self.count[name] = self.count.get(name, 0) + 1
        else:
            self.troubles.append(Phrase("fault {name}: {reply}", name=name, reply=str(reply)))

    async def keep_on(self, seconds: float) -> None:
        """One fault after another, so that the last has ended by then."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while True:
            fault = self._rng.choice(OUTLASTED)
            if loop.time() + fault["for"] > end:
                return
            await self.order(fault)
            await asyncio.sleep(fault["for"])

    async def clear(self) -> None:
        """No fault goes on."""
        try:
            await self._request("DELETE", "faults", None)
        except ConnectError as error:
            self.troubles.append(str(error))
