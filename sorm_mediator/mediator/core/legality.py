"""Which command is legal when, as tables (the diagrams of docs/mediator.md are generated from them).

Source: PROTOCOL 4 (table of legality, pipelining), 4.13, 10; [inferred] where no option says it.
"""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sorm_mediator.options import MediatorOptions

START: Final = 0x01
STOP: Final = 0x02
INTERRUPT: Final = 0x0D
TEST: Final = 0x0E
GET_TRUNKS: Final = 0x10
GET_VERSION: Final = 0x11


class OrmState(Enum):
    """State of the technical means."""

    STOPPED = "stopped"
    STARTED = "started"


class Verdict(Enum):
    """What the state says to a command."""

    LEGAL = "executed"
    NOT_STARTED = "27h/02h (extended: 27h/17h)"
    ALREADY_STARTED = "28h/07h (extended, option already_started_reply = vendor: 27h/16h)"
    BY_OPTION = "executed if option test_while_stopped is on, else 27h/02h (27h/17h)"


def _legality() -> dict[tuple[OrmState, int], Verdict]:
    table = {(OrmState.STARTED, code): Verdict.LEGAL for code in range(START, GET_VERSION + 1)}
    table |= {(OrmState.STOPPED, code): Verdict.NOT_STARTED for code in range(START, GET_VERSION + 1)}
    table[OrmState.STARTED, START] = Verdict.ALREADY_STARTED
    table[OrmState.STOPPED, START] = Verdict.LEGAL
    table[OrmState.STOPPED, GET_VERSION] = Verdict.LEGAL
    table[OrmState.STOPPED, TEST] = Verdict.BY_OPTION
    return table


LEGALITY: Final[Mapping[tuple[OrmState, int], Verdict]] = MappingProxyType(_legality())

NEXT_STATE: Final[Mapping[tuple[OrmState, int], OrmState]] = MappingProxyType(
    {(OrmState.STOPPED, START): OrmState.STARTED, (OrmState.STARTED, STOP): OrmState.STOPPED}
)
"""What 28h/00h of a command makes of the state; all other commands leave it."""


class Work(Enum):
    """What the mediator is busy with: one command at a time."""

    IDLE = "idle"
    CHANGING = "waiting for the switch (2, 5, 6, 15)"
    ASKING = "waiting for the switch (12, 16)"
    OUTPUT = "sending a table (10, 11, 12, 16)"


class Turn(Enum):
    """What happens to a command that comes while the mediator is busy."""

    EXECUTE = "executed"
    BUSY = "27h/01h (extended: 27h/2Dh)"
    INTERRUPT = "executed: the running command ends with 28h/01h (extended: 28h/21h), then 28h/00h"
    NOTHING_TO_INTERRUPT = "executed: 28h/01h (extended: 28h/39h)"


TURNS: Final[Mapping[tuple[Work, bool], Turn]] = MappingProxyType(
    {
        (Work.IDLE, False): Turn.EXECUTE,
        (Work.IDLE, True): Turn.NOTHING_TO_INTERRUPT,
        (Work.CHANGING, False): Turn.BUSY,
        (Work.CHANGING, True): Turn.NOTHING_TO_INTERRUPT,
        (Work.ASKING, False): Turn.BUSY,
        (Work.ASKING, True): Turn.INTERRUPT,
        (Work.OUTPUT, False): Turn.BUSY,
        (Work.OUTPUT, True): Turn.INTERRUPT,
    }
)
"""By what the mediator does, and whether the command is command 13."""

LAST_COMMAND: Final[Mapping[str, int]] = MappingProxyType({"268": GET_VERSION, "70": 0x0F})
"""Commands of each order: 1 to this (PROTOCOL 10)."""


def verdict(started: bool, code: int, options: MediatorOptions) -> Verdict:
    """What the state says to a command that the order has."""
    found = LEGALITY[OrmState.STARTED if started else OrmState.STOPPED, code]
    if found is Verdict.BY_OPTION:
        return Verdict.LEGAL if options.test_while_stopped == "on" else Verdict.NOT_STARTED
    return found
