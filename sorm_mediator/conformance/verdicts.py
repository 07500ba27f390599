"""What a check comes to, and how a dialogue says so."""

from __future__ import annotations

from dataclasses import dataclass, field

from protocol.language import Phrase
from sorm_mediator.conformance.declaration import Check
from sorm_mediator.console.client import Crossed

PASS = Phrase("PASS", "СООТВЕТСТВУЕТ")
FAIL = Phrase("FAIL", "НЕ СООТВЕТСТВУЕТ")
DEVIATION = Phrase("DEVIATION", "ОТКЛОНЕНИЕ")
NOT_TESTED = Phrase("NOT TESTED", "НЕ ПРОВЕРЕНО")
VERDICTS = (PASS, FAIL, DEVIATION, NOT_TESTED)


INTERRUPTED = Phrase("interrupted", "прервано")
"""Why a check was not tested that an interruption left out."""


class Verdict(Exception):  # noqa: N818 - a verdict is no error
    """Ends a dialogue. ``why`` is in words for people."""

    verdict = FAIL

    def __init__(self, why: str, option: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.option = option


class Failed(Verdict):  # verdicts, not errors
    """What came is not what the order rules."""


class Deviates(Verdict):
    """Not what the order rules, but what the profile allows by the named option."""

    verdict = DEVIATION


class Untested(Verdict):
    """It can't be tested here."""

    verdict = NOT_TESTED


class Unprepared(Untested):
    """What has to be there before the check begins could not be brought about."""


@dataclass(slots=True)
class Said:
    """Something that happened in a check besides the units that crossed: a call that was made, a request."""

    time: float
    text: Phrase
    prepared: bool = False


@dataclass(slots=True)
class Crossing:
    """A unit that crossed a channel during a check. ``prepared``: while the check made ready."""

    crossed: Crossed
    prepared: bool


@dataclass(slots=True)
class Result:
    """A check with what came of it."""

    check: Check
    verdict: Phrase = PASS
    why: str = ""
    """The reason, for every verdict but PASS."""
    option: str = ""
    """Which option of the profile allows a deviation."""
    notes: list[Phrase] = field(default_factory=list)
    """What is to be known besides the verdict, also where it is PASS."""
    units: list[Crossing | Said] = field(default_factory=list)
    expected: list[Phrase] = field(default_factory=list)
    ms: float = 0.0
    """How long the answer took where the check is about time; else how long the dialogue took."""
    unprepared: bool = False
