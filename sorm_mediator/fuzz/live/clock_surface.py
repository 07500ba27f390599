"""The wall clock of a lab is set, by an hour or two days, back and forward, also while a call is in progress.

Calls, time-outs and the order of times may not depend on it.
"""

from __future__ import annotations

import asyncio
import random
import time
from http import HTTPStatus
from typing import Final

from sorm_mediator.console.errors import ConnectError, StepError
from sorm_mediator.fuzz.finding import Kind
from sorm_mediator.fuzz.live.action import Action, ActionError
from sorm_mediator.fuzz.live.judge import SILENCE, CallPlan
from sorm_mediator.fuzz.live.surface import Breach, drawn
from sorm_mediator.fuzz.live.target import Gateway
from sorm_mediator.fuzz.live.wall import WallClock

NAME: Final = "clock"
HOUR, DAY = 3600.0, 86_400.0
STEPS: Final = (-2 * DAY, -HOUR, HOUR, 2 * DAY)
TALK: Final = 0.4
"""Seconds of a call; the clock is set in the middle."""


class ClockSurface:
    """The clock of both boxes of a lab."""

    name = NAME
    takes_console = False
    changes_tables = False

    def __init__(self, gateway: Gateway, wall: WallClock, plan: CallPlan | None, patience: float) -> None:
        self._run = gateway.run
        self._wall = wall
        self._plan = plan
        self._within = TALK + SILENCE * patience
        self._hangs = False
        """Whether a call of this round has not ended: its subscribers are busy."""

    def begin(self) -> None:
        """The clock is that of the machine again."""
        self._hangs = False
        self._wall.set(0.0)

    def draw(self, rng: random.Random) -> Action:
        kind = drawn(rng, {"call": 3, "step": 1} if self._plan is not None else {"step": 1})
        return Action(NAME, kind, {"seconds": rng.choice(STEPS)})

    async def do(self, action: Action) -> list[Breach]:
        match action.kind:
            case "step":
                self._wall.set(float(action.values["seconds"]))
            case "call":
                return await self._call(float(action.values["seconds"]))
            case _:
                raise ActionError(f"{action.kind!r} is no action of {NAME}")
        return []

    async def _call(self, seconds: float) -> list[Breach]:
        """A call over a step of the clock ends when its talk is over."""
        make, plan = self._run.make_call, self._plan
        if make is None or plan is None or self._hangs:
            return []
        try:
            call = await make(plan.domain, {"a": plan.a, "b": plan.b, "ring": 0, "talk": TALK})
            await asyncio.sleep(TALK / 2)
            self._wall.set(seconds)
            state = await self._state_at_the_end(call)
        except (ConnectError, StepError) as error:
            state = str(error)
        if state == "released":
            return []
        self._hangs = True
        step = f"a step of the wall clock by {seconds:g} s"
        text = f"a call over {step} is not released within {self._within:g} s: {state}"
        return [Breach(NAME, Kind.HANG, "call", text)]

    async def _state_at_the_end(self, call: str) -> str:
        """The state of a call when it is released, or should be."""
        assert self._run.request is not None
        deadline = time.monotonic() + self._within
        state = ""
        while state != "released" and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
            status, found = await self._run.request("GET", f"calls/{call}", None)
            state = found["state"] if status == HTTPStatus.OK else f"HTTP {status}"
        return state

    async def settle(self) -> list[Breach]:
        """The clock stays where it is, so that the judge sees the mediator under it."""
        return []

    def secrets(self) -> frozenset[str]:
        return frozenset()
