"""What a run of scripts came to."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from protocol.language import Phrase
from sorm_mediator.console.comparing import Failure
from sorm_mediator.reports import junit
from sorm_mediator.reports.junit import Case

PASS = Phrase("PASS", "ВЫПОЛНЕН")
FAIL = Phrase("FAIL", "НЕ ВЫПОЛНЕН")
ERROR = Phrase("ERROR", "ОШИБКА")


@dataclass(slots=True)
class StepResult:
    """One step that has run."""

    number: str
    title: str
    line: int
    failure: Failure | None = None
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    began: float = field(default_factory=time.monotonic)

    @property
    def verdict(self) -> Phrase:
        """PASS or FAIL."""
        return FAIL if self.failure else PASS


@dataclass(slots=True)
class ScriptResult:
    """One script: its steps as far as they ran, and what kept it from running when something did."""

    name: str
    path: Path
    steps: list[StepResult] = field(default_factory=list)
    planned: int = 0
    seconds: float = 0.0
    findings: dict[str, int] = field(default_factory=dict)
    """How often a unit came split or together with others, or had something wrong in it."""
    error: Exception | None = None

    @property
    def failures(self) -> list[StepResult]:
        """The steps that failed."""
        return [step for step in self.steps if step.failure]

    @property
    def verdict(self) -> Phrase:
        """PASS, FAIL or ERROR (it could not run)."""
        if self.error is not None:
            return ERROR
        return FAIL if self.failures else PASS


NAME = "sorm-mediator replay"


def write_junit(path: Path, results: Sequence[ScriptResult]) -> None:
    """Write the report. Raises :class:`OSError`."""
    junit.write(path, NAME, [("replay", list(map(_case, results)))])


def _case(result: ScriptResult) -> Case:
    if result.error is not None:
        text = str(result.error)
        return _of(result, "error", text, type(result.error).__name__, text)
    if result.failures:
        texts = [
            f"step {step.number}, {result.path}:{step.line}: {step.title}\n{step.failure}"
            for step in result.failures
        ]
        return _of(result, "failure", _first(result), "Expectation", "\n\n".join(texts))
    return _of(result, "passed")


def _of(
    result: ScriptResult, status: junit.Status, message: str = "", kind: str = "", text: str = ""
) -> Case:
    return Case(
        name=result.name, classname=result.path.stem, file=str(result.path), seconds=result.seconds,
        status=status, message=message, kind=kind, text=text,
    )  # fmt: skip


def _first(result: ScriptResult) -> str:
    step = result.failures[0]
    assert step.failure is not None
    reason = "; ".join(one.text for one in step.failure.differences) or step.failure.reason
    return f"step {step.number}, {step.title}: {reason}"
