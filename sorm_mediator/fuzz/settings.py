"""The options of ``fuzz`` that every target has, and their checks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from sorm_mediator.console.errors import UsageError, check_choice, check_folders
from sorm_mediator.language import Lang

DEFAULT_SECONDS: Final = 60.0
"""Of a run for which neither seconds nor a number of inputs is given (our choice)."""
LONGEST: Final = 10_000_000
"""Seconds of a run (our choice)."""
FINDINGS: Final = Path("fuzz-findings")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """One run of ``fuzz``; the help of the command describes each option. Raises :class:`UsageError`."""

    seed: int | None = None
    """None: another one each time."""
    seconds: float | None = None
    findings: Path = FINDINGS
    again: Path | None = None
    """A finding that is tried again, in place of a run."""
    junit: Path | None = None
    json: bool = False
    lang: str = "en"

    def __post_init__(self) -> None:
        check_choice("--lang", self.lang, ("en", "ru"))
        if self.seconds is not None and not 0 < self.seconds <= LONGEST:
            raise UsageError(f"--seconds: {self.seconds:g} is not allowed: more than 0, at most {LONGEST}")
        check_folders({"--junit": self.junit}, {"--findings": self.findings})

    @property
    def language(self) -> Lang:
        """``lang``, which is checked."""
        return cast(Lang, self.lang)
