"""The MultiSORM lab in a folder of its own, and somebody at its shell."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import captures
from sorm_mediator import config
from sorm_mediator.switch.calls.call import Call, CallRequest
from sorm_mediator.switch.calls.engine import Engine
from sorm_mediator.switch.node import Change
from sorm_mediator.switch.shell.command import ShellContext
from sorm_mediator.switch.shell.session import ShellSession

MULTISORM = Path(captures.__file__).parent / "labs" / "multisorm"
NOW = 1_614_829_459.0


class Typist:
    """Types lines, and says what came back. Time stands still, but for half a second at each look at the stopwatch."""

    def __init__(self, file: Path) -> None:
        lab = config.load(file)
        assert lab.switch is not None
        self.file = file
        self.engine = Engine(lab.switch, lab.directory)
        self.node = self.engine.node
        self.moved: list[int] = []
        self.told: list[Change] = []
        self.node.watchers.append(self.told.append)
        self.context = ShellContext(
            node=self.node,
            file=file,
            move_ssh=self.moved.append,
            clock=lambda: NOW,
            stopwatch=self._stopwatch,
        )
        self.shell = ShellSession(self.context)
        self._seconds = 0.0

    def _stopwatch(self) -> float:
        self._seconds += 0.5
        return self._seconds

    def gets(self, *lines: str) -> str:
        """What the last line shows; none of them may fail."""
        text = ""
        for line in lines:
            outcome = self.shell.enter(line)
            assert not outcome.error, f"{line}: {outcome.error}"
            text = outcome.text
        return text

    def is_refused(self, line: str) -> str:
        """Why a line is refused; it changes nothing."""
        before, told = self.node.config, len(self.told)
        outcome = self.shell.enter(line)
        assert outcome.error, f"{line} was not refused: {outcome.text}"
        assert self.node.config is before
        assert len(self.told) == told
        return outcome.error.removeprefix("Error: ").rstrip("\n")

    def calls(self, domain: str, a: str, b: str, **fields: Any) -> Call:
        """A call that is set up and goes on until it is let run."""
        return self.engine.place_call(domain, CallRequest(a=a, b=b, **fields), NOW)

    def lets_calls_end(self) -> None:
        while (deadline := self.engine.next_deadline()) is not None:
            self.engine.tick(max(deadline, NOW))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the lab's directory."""
    return Path(shutil.copytree(MULTISORM, tmp_path / "multisorm"))


@pytest.fixture
def typist(folder: Path) -> Typist:
    """At the shell of the MultiSORM lab."""
    return Typist(folder / "lab.toml")


@pytest.fixture
def beginner(folder: Path) -> Typist:
    """At the shell of the empty switch."""
    return Typist(folder / "empty.toml")
