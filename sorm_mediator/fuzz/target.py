"""What the fuzzers have in common: a target makes inputs and checks them, and says what does not hold."""

from __future__ import annotations

import traceback
from collections.abc import Hashable, Iterator, Mapping, Set
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Protocol

from sorm_mediator.fuzz.corpus import Input
from sorm_mediator.fuzz.finding import Kind, Step
from sorm_mediator.fuzz.watchdog import HangError
from sorm_mediator.language import Phrase

PACKAGES = ("protocol", "e1", "radius", "ssh_control", "sorm_mediator")
"""What is under test."""
_ROOT = Path(__file__).resolve().parents[2]
_NOWHERE = "?"
_HERE = Path(__file__).resolve().parent


class Violation(Exception):  # noqa: N818 - a result, no error of this program
    """A check does not hold. ``place`` and the kind tell one fault from another."""

    def __init__(self, kind: Kind, place: str, summary: str) -> None:
        super().__init__(summary)
        self.kind = kind
        self.place = place
        self.summary = summary


class Target(Protocol):
    """Something to be fuzzed."""

    name: str
    titles: Mapping[str, Phrase]
    """Each check, and what it means."""
    counts: dict[str, int]
    """Each check, and how often it was made."""
    at: str
    """The check that is made now."""

    def block(self, number: int, random: Random) -> Iterator[Input]:
        """The inputs of one block; the same number and state of ``random`` give the same, but for learned ones."""

    def learn(self, one: Input) -> None:
        """Make inputs of this one too: it reached something new."""

    def check(self, one: Input, *, afresh: bool = False) -> Set[Hashable]:
        """Raises :class:`Violation`, or whatever the code under test raises and does not declare.

        Returns the features of the result: an input with one that no other had is worth keeping. ``afresh``: all
        checks, with nothing kept from inputs before.
        """

    def done(self) -> int:
        """How many units or texts were checked so far."""

    def steps(self, one: Input) -> tuple[Step, ...]:
        """The input as steps of a finding."""

    def options(self, one: Input) -> Mapping[str, object]:
        """What a finding of it was found under."""

    def wanted(self, file: str) -> bool:
        """Whether the lines of a file tell how much was reached."""


def violation_of(error: BaseException, at: str) -> Violation:
    """What an error that came out of a check says about it."""
    if isinstance(error, Violation):
        return error
    if isinstance(error, HangError):
        return Violation(Kind.HANG, at, "no end within the time for one input")
    kind = Kind.MEMORY if isinstance(error, MemoryError) else Kind.UNDECLARED_ERROR
    place = f"{type(error).__name__} in {_place(error.__traceback__)}"
    return Violation(kind, place, f"{type(error).__name__}: {_shortened(str(error))}")


def is_of_product(error: BaseException) -> bool:
    """Whether an error comes out of what is under test; else the fuzzer is wrong."""
    return isinstance(error, Violation | HangError) or _place(error.__traceback__) != _NOWHERE


def trace_of(error: BaseException) -> str:
    """The traceback of an error; "" for what is none."""
    return "" if isinstance(error, Violation) else "".join(traceback.format_exception(error, limit=-20))


def _place(trace: TracebackType | None) -> str:
    """The innermost function under test on the way to the error: ``protocol/wire.py:212 read``."""
    found = _NOWHERE
    for frame, line in traceback.walk_tb(trace):
        path = Path(frame.f_code.co_filename)
        if frame.f_code.co_filename.startswith("<") and frame.f_globals.get("__name__") is None:
            found = f"{frame.f_code.co_filename} {frame.f_code.co_name}"  # generated for a message
        elif path.is_relative_to(_ROOT) and not path.is_relative_to(_HERE):
            inner = path.relative_to(_ROOT)
            if inner.parts[0] in PACKAGES:
                found = f"{inner.as_posix()}:{line} {frame.f_code.co_name}"
    return found


def _shortened(text: str, most: int = 200) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[:most] + "..."
