"""What a check is: its name, the clause it is of, what it needs, and the dialogue that carries it out."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from protocol.language import Phrase

if TYPE_CHECKING:
    from sorm_mediator.conformance.examiner import Examiner

Dialogue = Callable[["Examiner"], Awaitable[None]]
"""Carries a check out; raises one of :mod:`sorm_mediator.conformance.verdicts` unless it passed."""

_ID = re.compile(r"(R\.)?[0-9]+(\.[0-9]+)*-[0-9]+")


class Need(StrEnum):
    """What must be there for a check, or be allowed."""

    STOP = "stop"
    """The technical means are stopped and started."""
    CALLS = "calls"
    """Somebody makes calls."""
    SERVICES = "services"
    """Services are used during calls: only the emulated switch does so on demand."""
    WEB = "web"
    """The mediator is that of a lab, whose HTTP API can be asked for what no console can bring about."""
    TCP = "tcp"
    """The console is connected over TCP."""
    E1 = "e1"
    """The console is connected over E1."""
    SPEECH = "speech"
    """The console hears the KSL of an E1, and the emulated switch speaks in calls."""
    ORDER_268 = "order 268"
    """The command or message is not in order 70."""
    SLOW = "slow"
    """It takes minutes."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check. ``id`` is stable: the clause and a number that is never given again."""

    id: str
    title: Phrase
    dialogue: Dialogue
    needs: frozenset[Need]
    subject: str
    """The module that declares it."""

    @property
    def clause(self) -> str:
        """Appendix and clause (6.5.4 is appendix 6, clause 5.4); ``R.5`` is clause 5 of the rules themselves."""
        return self.id.rpartition("-")[0]

    @property
    def place(self) -> tuple[tuple[int, ...], int]:
        """Where it stands among the others: by clause, then by number."""
        numbers = tuple(int(part) for part in re.findall("[0-9]+", self.clause))
        return (0, *numbers) if self.clause.startswith("R") else numbers, int(self.id.rpartition("-")[2])


_CHECKS: dict[str, Check] = {}


def check(name: str, en: str, ru: str, *needs: Need) -> Callable[[Dialogue], Dialogue]:
    """Declare a check: its id, its title in both languages, and what it needs."""
    assert _ID.fullmatch(name), name

    def declare(dialogue: Dialogue) -> Dialogue:
        assert name not in _CHECKS, f"{name} is declared twice"
        module = getattr(dialogue, "__module__", "") or ""
        _CHECKS[name] = Check(name, Phrase(en, ru), dialogue, frozenset(needs), module.rpartition(".")[2])
        return dialogue

    return declare


def all_checks() -> tuple[Check, ...]:
    """Every check, in the order of the clauses."""
    from sorm_mediator.conformance import checks  # noqa: F401  # it declares them

    return tuple(sorted(_CHECKS.values(), key=lambda one: one.place))


def chosen(clauses: Iterable[str]) -> tuple[Check, ...]:
    """The checks of these clauses and of what stands below them, or by their ids; of all when none is named.

    Raises :class:`ValueError` for one that no check is of.
    """
    checks, wanted = all_checks(), tuple(clauses)
    for clause in wanted:
        if not any(_is_of(one, clause) for one in checks):
            raise ValueError(clause)
    return tuple(one for one in checks if not wanted or any(_is_of(one, clause) for clause in wanted))


def _is_of(one: Check, clause: str) -> bool:
    return clause in (one.id, one.clause) or one.clause.startswith(f"{clause}.")
