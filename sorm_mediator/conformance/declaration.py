"""The declaration of a check: its name, clause, needs and dialogue."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sorm_mediator.conformance.calling import HttpCaller
from sorm_mediator.conformance.examiner import MAY_STOP, NO_CALLS, NO_WEB, Examiner
from sorm_mediator.conformance.verdicts import PASS, Record
from sorm_mediator.language import MessageId, Phrase

Dialogue = Callable[[Examiner], Awaitable[object]]
"""Carries a check out; raises one of :mod:`sorm_mediator.conformance.verdicts` unless the check passes."""

_ID = re.compile(r"(R\.)?[0-9]+(\.[0-9]+)*-[0-9]+")


class Need(StrEnum):
    """A precondition of a check: equipment, or permission."""

    STOP = "stop"
    """The technical means are stopped and started."""
    CALLS = "calls"
    """Calls can be made."""
    SERVICES = "services"
    """Services are used during calls; only the emulated switch does so on request."""
    WEB = "web"
    """The mediator belongs to a lab, whose HTTP API can cause events that no console can cause."""
    TCP = "tcp"
    """The console is connected over TCP."""
    E1 = "e1"
    """The console is connected over E1."""
    SPEECH = "speech"
    """The console receives the KSL lines of an E1 stream, and the emulated switch sends speech in calls."""
    ORDER_268 = "order 268"
    """The command or message is not in order 70."""
    SLOW = "slow"
    """The check takes minutes."""


def _hears_speech(ex: Examiner) -> bool:
    hears = ex.lines is not None and any(line.speaks for line in ex.lines.lines.values())
    return hears and ex.request is not None


_NEEDS: Final[Mapping[Need, tuple[Callable[[Examiner], bool], Phrase]]] = {
    Need.STOP: (lambda ex: ex.may_stop, MAY_STOP),
    Need.CALLS: (lambda ex: ex.caller is not None, NO_CALLS),
    Need.SERVICES: (
        lambda ex: isinstance(ex.caller, HttpCaller),
        Phrase("needs services used on demand: --calls http"),
    ),
    Need.WEB: (lambda ex: ex.request is not None, NO_WEB),
    Need.TCP: (lambda ex: ex.link == "tcp", Phrase("the console is not connected over TCP")),
    Need.E1: (lambda ex: ex.link == "x25", Phrase("the console is not connected over E1")),
    Need.SPEECH: (_hears_speech, Phrase("nobody speaks, or listens to KSL, here")),
    Need.ORDER_268: (lambda ex: ex.terms.order == "268", Phrase("order 70 does not have it")),
    Need.SLOW: (
        lambda ex: ex.terms.slow or 0 < ex.terms.test_timeout <= 5,
        Phrase("takes 10 minutes: --slow"),
    ),
}
"""Whether a need is met, and the text for people if it is not."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check. ``id`` is stable: the clause and a number that is never reused."""

    id: str
    title: Phrase
    dialogue: Dialogue
    needs: frozenset[Need]
    subject: str
    """The module of its declaration."""

    @property
    def clause(self) -> str:
        """Appendix and clause (6.5.4 is appendix 6, clause 5.4); ``R.5`` is clause 5 of the Rules."""
        return self.id.rpartition("-")[0]

    @property
    def place(self) -> tuple[tuple[int, ...], int]:
        """The sorting key: by clause, then by number."""
        numbers = tuple(int(part) for part in re.findall("[0-9]+", self.clause))
        return (0, *numbers) if self.clause.startswith("R") else numbers, int(self.id.rpartition("-")[2])

    def missing(self, ex: Examiner) -> Phrase | None:
        """The text about the first need that is not met; None if all are met."""
        return next(
            (text for need in sorted(self.needs) for met, text in [_NEEDS[need]] if not met(ex)), None
        )


@dataclass(slots=True, kw_only=True)
class Result(Record):
    """A check and its result."""

    check: Check
    verdict: Phrase = PASS
    why: str = ""
    """The reason of every verdict except PASS."""
    option: str = ""
    """The option of the profile that allows a deviation."""
    ms: float = 0.0
    """Duration of the answer if the check is about time, otherwise of the dialogue."""
    unprepared: bool = False


CHECKS: Final[dict[str, Check]] = {}
"""All declared checks by id."""


def check(name: str, en: MessageId, *needs: Need, **values: object) -> Callable[[Dialogue], Dialogue]:
    """Declare a check: its id, its title in both languages with ``values`` filled in, and its needs."""
    assert _ID.fullmatch(name), name

    def declare(dialogue: Dialogue) -> Dialogue:
        assert name not in CHECKS, f"{name} is declared twice"
        subject = dialogue.__module__.rpartition(".")[2]
        CHECKS[name] = Check(name, Phrase(en).fill(**values), dialogue, frozenset(needs), subject)
        return dialogue

    return declare
