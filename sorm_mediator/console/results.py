"""What a run of scripts came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from protocol.language import Phrase
from sorm_mediator.console.matching import Failure

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
