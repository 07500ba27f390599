"""The whole of the core's state in one place, for the checks and the execution of commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sorm_mediator.mediator.core.legality import TURNS, Turn, Work

if TYPE_CHECKING:
    from sorm_mediator.config import MediatorConfig
    from sorm_mediator.mediator.core.calls import Calls
    from sorm_mediator.mediator.core.context import Context
    from sorm_mediator.mediator.core.ksl import Lines
    from sorm_mediator.mediator.core.output import Output
    from sorm_mediator.mediator.core.switchside import SwitchSide
    from sorm_mediator.mediator.core.tables import Tables
    from sorm_mediator.options import MediatorOptions


@dataclass(slots=True, eq=False)
class Job:
    """The command that was accepted and is not done yet."""

    command: Any
    stream: int
    session: int
    """Of the connection that the command came by: its 28h goes there or nowhere."""
    peer: str
    work: Work = Work.CHANGING
    output: Output | None = None

    @property
    def code(self) -> int:
        """The command's code."""
        return int(self.command.code)


@dataclass(slots=True, eq=False)
class State:
    """What checks may look at and execution may change."""

    context: Context
    lines: Lines
    calls: Calls
    switch: SwitchSide
    job: Job | None = None

    @property
    def config(self) -> MediatorConfig:
        """The configuration."""
        return self.context.config

    @property
    def options(self) -> MediatorOptions:
        """``[mediator.options]``."""
        return self.context.options

    @property
    def tables(self) -> Tables:
        """The tables that survive."""
        return self.context.tables

    @property
    def work(self) -> Work:
        """What the mediator is busy with."""
        return self.job.work if self.job else Work.IDLE

    def turn(self, *, interrupt: bool) -> Turn:
        """What happens now to a command, or to command 13."""
        return TURNS[self.work, interrupt]

    def interruptible(self) -> bool:
        """Whether command 13 has something to interrupt."""
        return self.turn(interrupt=True) is Turn.INTERRUPT
