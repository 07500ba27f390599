"""The options that every command with reports has, and their checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from sorm_mediator.console.errors import check_choice, check_folders
from sorm_mediator.language import Lang
from sorm_mediator.reports.files import ReportOptions, files_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSettings(ReportOptions):
    """Where reports go, and their language. Raises :class:`~sorm_mediator.console.errors.UsageError`."""

    lang: str = "en"

    def __post_init__(self) -> None:
        check_choice("--lang", self.lang, ("en", "ru"))
        check_folders(files_of(self))

    @property
    def language(self) -> Lang:
        """``lang``, which is checked."""
        return cast(Lang, self.lang)
