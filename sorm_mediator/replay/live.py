"""A scenario that is told step by step: a program decides the next step by what has come."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from sorm_mediator.console.client import ConsoleClient
from sorm_mediator.console.target import RunTarget
from sorm_mediator.replay.document import Node
from sorm_mediator.replay.results import PcapRecorder, Printer, StepResult
from sorm_mediator.replay.runner import ScenarioRunner
from sorm_mediator.replay.scenario import Scenario, StepReader


class LiveRunner(ScenarioRunner):
    """Runs steps one by one. ``name`` and ``path`` are those of what tells them, in reports.

    Begin with :meth:`begin`, end with :meth:`end`.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        target: RunTarget,
        printer: Printer,
        *,
        recorder: PcapRecorder | None = None,
    ) -> None:
        super().__init__(
            Scenario(name, path, ()), target, printer, keep_going=True, recorder=recorder, reports=True
        )
        self._variables = {}
        self._secrets = {}
        self._reader = StepReader(set())

    def begin(self) -> None:
        """Before the first step."""
        self.result.ran_on(self._target)
        self._printer.begin(self.result)

    async def do(self, steps: Node) -> StepResult:
        """Run the steps of a list, as a scenario has them; a failed one does not end the run. Returns the last one.

        Raises :class:`ScriptError` for steps that can't be, :class:`ConnectError`.
        """
        read = tuple(self._reader.read(steps))
        target, part = self._target, replace(self._script, steps=read)
        part.check(
            calls=target.make_call is not None,
            web=target.request is not None,
            restart=target.restart is not None,
            e1=target.heard is not None,
        )
        first = self.result.planned + 1
        self.result.planned += len(read)
        for number, step in enumerate(read, first):
            await self._steps((step,), "", number)
        self.result.seconds = time.monotonic() - self._began_monotonic
        return self.result.steps[-1]

    async def end(self) -> None:
        """Close the consoles."""
        await self._end()

    def saved(self, name: str) -> object:
        """The value of a variable that a step has saved."""
        return self._variables[name]

    def client(self, name: str) -> ConsoleClient | None:
        """The client of a console; None before its first step."""
        console = self._consoles.get(name)
        return None if console is None else console.client
