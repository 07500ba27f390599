"""Verdicts of checks, the exceptions that end a dialogue with one, and the record of a check."""

from __future__ import annotations

from dataclasses import dataclass, field

from sorm_mediator.console.client import Crossed
from sorm_mediator.language import Phrase

PASS = Phrase("PASS")
FAIL = Phrase("FAIL")
DEVIATION = Phrase("DEVIATION")
NOT_TESTED = Phrase("NOT TESTED")
VERDICTS = (PASS, FAIL, DEVIATION, NOT_TESTED)
INTERRUPTED = Phrase("interrupted")
"""The reason of a check that an interruption left untested."""


class Verdict(Exception):  # noqa: N818 - a verdict is no error
    """Ends a dialogue. ``why`` is a text for people, ``option`` the option of the profile that allows a deviation."""

    verdict = FAIL

    def __init__(self, why: str, option: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.option = option


class Failed(Verdict):  # verdicts, not errors
    """The answer contradicts the order."""


class Deviates(Verdict):
    """The answer contradicts the order, but the profile allows it by the named option."""

    verdict = DEVIATION


class Untested(Verdict):
    """The check can't be carried out here."""

    verdict = NOT_TESTED


class Unprepared(Untested):
    """A precondition of the check could not be met."""


@dataclass(slots=True)
class Action:
    """An action in a check besides units: a call was made, a request was sent."""

    time: float
    text: Phrase
    prepared: bool = False


@dataclass(slots=True)
class Crossing:
    """A unit on a channel during a check. ``prepared``: during the preparation of the check."""

    crossed: Crossed
    prepared: bool

    @property
    def time(self) -> float:
        """Time of the unit, in Unix seconds."""
        return self.crossed.time


@dataclass(slots=True)
class Record:
    """The dialogue's record of a check."""

    notes: list[Phrase] = field(default_factory=list)
    """Remarks beside the verdict, even beside PASS."""
    units: list[Crossing | Action] = field(default_factory=list)
    expected: list[Phrase] = field(default_factory=list)
