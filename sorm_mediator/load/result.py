"""The result of a load: its steps, judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sorm_mediator.load.curve import Knee
from sorm_mediator.load.generator import Via
from sorm_mediator.load.limits import Judged
from sorm_mediator.load.measuring import Step


@dataclass(kw_only=True)
class LoadResult:
    """All steps of a load, judged."""

    against: str
    via: Via
    objects: int
    began: float
    steps: list[Step]
    judged: Sequence[Judged] = ()
    knee: Knee | None = None
    interrupted: bool = False
    not_restored: str = ""
    """What could not be put back; "": all was."""

    @property
    def good(self) -> bool:
        """Whether events were checked, every limit was kept, and all was put back."""
        checked = bool(self.steps) and any(step.events for step in self.steps)
        return checked and all(one.verdict == "kept" for one in self.judged) and not self.not_restored
