"""The options that ``load`` and ``soak`` have in common, and their checks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sorm_mediator.console.errors import UsageError, check_folders
from sorm_mediator.console.reporting import ReportSettings
from sorm_mediator.load.limits import read_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturedSettings(ReportSettings):
    """A lab, and reports with pictures. Raises :class:`UsageError`."""

    config: Path | None = None
    duration: str = ""
    plot: Path | None = None
    """Where the pictures go, a PNG; None: nowhere."""

    def __post_init__(self) -> None:
        ReportSettings.__post_init__(self)
        check_folders({"--plot": self.plot})
        if self.plot is not None:
            if self.plot.suffix.lower() != ".png":
                raise UsageError(f"--plot: {self.plot}: is not allowed: a file .png")
            from sorm_mediator.load.plots import check_library

            check_library("--plot")

    def time_of(self, option: str, *, may_be_none: bool = False) -> float:
        """Seconds of an option that is a time; 0: not given. ``may_be_none``: so may 0s. Raises :class:`UsageError`."""
        text = getattr(self, option)
        try:
            found = read_duration(text) if text else 0.0
        except ValueError as error:
            raise UsageError(f"--{option}: {text!r} is not allowed: {error}") from None
        if text and not found and not may_be_none:
            raise UsageError(f"--{option}: {text!r} is not allowed: more than 0")
        return found
