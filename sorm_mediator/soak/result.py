"""The result of a soak: its phases, the samples of its boxes, and the verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sorm_mediator.load.measuring import Step
from sorm_mediator.mediator.core.calls.calls import FINISHED_CALLS
from sorm_mediator.soak.boxes import SoakBox
from sorm_mediator.soak.leaks import ALLOWED, MEASURES, Allowed, Growth, Measure, growth, warmed_up

REMEMBERED: Final = 400
"""Octets of a finished call that the mediator remembers, for an hour or until there are :data:`FINISHED_CALLS` (our
measurement: 330)."""
PhaseKind = Literal["reports", "calls", "faults", "reconnect", "fuzz"]
PHASES: Final[tuple[PhaseKind, ...]] = ("reports", "calls", "faults", "reconnect", "fuzz")


@dataclass(frozen=True, slots=True)
class Done:
    """A phase that is over. ``step``: what was measured in it. ``at``: seconds after the begin of the soak."""

    kind: PhaseKind
    at: float
    seconds: float
    step: Step | None = None


@dataclass(slots=True, kw_only=True)
class SoakResult:
    """What a soak has found."""

    against: str
    began: float
    seed: int
    seconds: float = 0.0
    done: list[Done] = field(default_factory=list)
    boxes: list[SoakBox] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    """What went wrong, other than leaks."""
    faults: dict[str, int] = field(default_factory=dict)
    rounds: int = 0
    """Of the fuzzer."""
    wanted: Sequence[PhaseKind] = ()
    interrupted: bool = False

    def verdicts(self) -> list[tuple[str, Measure, Growth]]:
        """Of each box and measure."""
        return [
            (box.name, measure, growth(box.samples.get(measure, []), self._allowed(measure)))
            for box in self.boxes
            for measure in MEASURES
        ]

    def _allowed(self, measure: Measure) -> Allowed:
        """What is allowed: of memory also the finished calls that the mediator remembers on purpose."""
        allowed = ALLOWED[measure]
        if measure != "memory":
            return allowed
        made = [(one.at, one.step.calls) for one in self.done if one.step is not None]
        warm = warmed_up(0.0, self.seconds)
        before, whole = sum(calls for at, calls in made if at < warm), sum(calls for _, calls in made)
        remembered = min(whole, FINISHED_CALLS) - min(before, FINISHED_CALLS)
        return Allowed(allowed.absolute, allowed.share, remembered * REMEMBERED)

    @property
    def events(self) -> int:
        """Events that were checked."""
        return sum(one.step.events for one in self.done if one.step is not None)

    @property
    def missing(self) -> list[PhaseKind]:
        """Phases that were wanted and not carried out."""
        return [kind for kind in self.wanted if all(one.kind != kind for one in self.done)]

    @property
    def good(self) -> bool:
        """Whether nothing leaked and nothing went wrong, and all of that was checked."""
        verdicts = self.verdicts()
        checked = (
            self.events > 0 and not self.missing and verdicts and all(one.judged for *_, one in verdicts)
        )
        return bool(checked) and not self.troubles and not any(one.leak for *_, one in verdicts)


def summary_of(result: SoakResult) -> dict[str, Any]:
    """Calls, events and findings by phase."""
    found: dict[str, Counter[str]] = {}
    for one in result.done:
        row = found.setdefault(one.kind, Counter())
        row["phases"] += 1
        if one.kind == "fuzz":
            row["rounds"] = result.rounds
        if one.step is not None:
            row["calls"] += one.step.calls
            row["events"] += one.step.events
    return {kind: dict(row) for kind, row in found.items()}
