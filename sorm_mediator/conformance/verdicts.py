"""What a check comes to, how a dialogue ends with it, and the record of what happened in a check."""

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
"""The reason of a check that was not tested because the examination was interrupted."""


class Verdict(Exception):  # noqa: N818 - a verdict is no error
    """Ends a dialogue. ``why`` is a text for people, ``option`` the option of the profile that allows a deviation."""

    verdict = FAIL

    def __init__(self, why: str, option: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.option = option


class Failed(Verdict):  # verdicts, not errors
    """The answer is not the one that the order demands."""


class Deviates(Verdict):
    """The answer is not the one that the order demands, but the profile allows it by the named option."""

    verdict = DEVIATION


class Untested(Verdict):
    """The check can't be carried out here."""

    verdict = NOT_TESTED


class Unprepared(Untested):
    """A precondition of the check could not be brought about."""


@dataclass(slots=True)
class Action:
    """Something done in a check besides the units that crossed: a call was made, a request was sent."""

    time: float
    text: Phrase
    prepared: bool = False


@dataclass(slots=True)
class Crossing:
    """A unit that crossed a channel during a check. ``prepared``: while the check made ready."""

    crossed: Crossed
    prepared: bool

    @property
    def time(self) -> float:
        """When it crossed, in Unix seconds."""
        return self.crossed.time


@dataclass(slots=True)
class Record:
    """What happened in a check, as the dialogue notes it."""

    notes: list[Phrase] = field(default_factory=list)
    """Remarks that stand beside the verdict, also beside PASS."""
    units: list[Crossing | Action] = field(default_factory=list)
    expected: list[Phrase] = field(default_factory=list)
