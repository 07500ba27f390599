"""What the fuzzer speaks to: surfaces, each with its own model of what may come next."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sorm_mediator.fuzz.finding import Kind
from sorm_mediator.fuzz.live.action import Action


@dataclass(frozen=True, slots=True)
class Breach:
    """Something that does not hold. ``check``, ``kind`` and ``place`` tell one fault from another."""

    check: str
    kind: Kind
    place: str
    summary: str
    trace: str = ""

    @property
    def signature(self) -> tuple[str, Kind, str]:
        """Equal for two breaches of one fault."""
        return self.check, self.kind, self.place


D = TypeVar("D")


def drawn(rng: random.Random, weights: Mapping[D, int]) -> D:
    """One of the keys, each as often as its number says."""
    return rng.choices(tuple(weights), tuple(weights.values()))[0]


class Surface(Protocol):
    """One way into a mediator.

    ``takes_console``: its rounds need the console channels of the good console, which leaves them for that time.
    """

    name: str
    takes_console: bool

    def begin(self) -> None:
        """A round begins; the model forgets what ended with the round before."""

    def draw(self, rng: random.Random) -> Action:
        """The next action: of all that make sense after what was sent and came so far."""

    async def do(self, action: Action) -> list[Breach]:
        """Carry out an action of this surface. Returns what is wrong in the answer itself.

        Raises :class:`~sorm_mediator.fuzz.live.action.ActionError` for an action that it does not have.
        """

    async def settle(self) -> list[Breach]:
        """The round is over: close all that is open."""

    def secrets(self) -> frozenset[str]:
        """What was sent in places of passwords in this round: it may appear nowhere."""

    @property
    def changes_tables(self) -> bool:
        """Whether the round may have changed, with the right password, what the good console has set."""
