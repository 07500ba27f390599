"""Patterns of dialled digits.

``_`` stands in front; then ``X`` is a digit 0-9, ``[1234579]`` one of these digits, and ``.`` any number of characters,
also none. Other characters stand for themselves. A pattern without ``_`` is one number.

Source: Sipteco platform manual, 4.5.3 (column pattern). Our choice: ``Z`` 1-9, ``N`` 2-9, ``!`` like ``.`` and
ranges such as ``[1-5]``, as the dial plan of Asterisk has them; ``.`` and ``!`` stand last; ``+`` is a character
of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

DIGITS: Final = frozenset("0123456789")
_CLASSES: Final = {"X": DIGITS, "Z": DIGITS - {"0"}, "N": DIGITS - {"0", "1"}}
_REST: Final = ".!"
_SET: Final = re.compile(r"\[([^\]]*)\]")
_LITERAL: Final = frozenset("0123456789*#+")
MOST_PLACES: Final = 40


class PatternError(ValueError):
    """A pattern can't be read. The text says where and what is allowed."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern: the characters allowed at each place, and whether any may follow (``rest``)."""

    text: str
    places: tuple[frozenset[str], ...]
    rest: bool

    @property
    def head(self) -> str:
        """The characters at its beginning that stand for themselves."""
        sole = takewhile(lambda allowed: len(allowed) == 1, self.places)
        return "".join(one for allowed in sole for one in allowed)

    def matches(self, dialled: str) -> bool:
        """Whether the dialled characters fit."""
        if len(dialled) < len(self.places) or (len(dialled) > len(self.places) and not self.rest):
            return False
        return all(one in allowed for one, allowed in zip(dialled, self.places, strict=False))

    def covers(self, other: Pattern) -> bool:
        """Whether everything that fits ``other`` fits this one."""
        if len(other.places) < len(self.places) or (other.rest and not self.rest):
            return False
        if len(other.places) > len(self.places) and not self.rest:
            return False
        return all(theirs <= mine for mine, theirs in zip(self.places, other.places, strict=False))


def parse_pattern(text: str) -> Pattern:
    """Read a pattern. Raises :class:`PatternError`."""
    if not text:
        raise PatternError("is empty; write one such as _082XXXXX")
    if not text.startswith("_"):
        return Pattern(
            text, tuple(frozenset({_literal(text, at, one)}) for at, one in enumerate(text)), False
        )
    places: list[frozenset[str]] = []
    at = 1
    while at < len(text):
        one = text[at]
        if one in _REST:
            if at + 1 < len(text):
                raise PatternError(f"{text!r}: nothing may follow the {one} at character {at + 1}")
            return _made(text, places, rest=True)
        if one == "[":
            found = _SET.match(text, at)
            if found is None:
                raise PatternError(f"{text!r}: the [ at character {at + 1} is never closed")
            places.append(_choice(text, at, found[1]))
            at = found.end()
            continue
        places.append(_CLASSES.get(one.upper()) or frozenset({_literal(text, at, one)}))
        at += 1
    return _made(text, places, rest=False)


def _made(text: str, places: list[frozenset[str]], *, rest: bool) -> Pattern:
    if not places and not rest:
        raise PatternError(f"{text!r}: nothing follows the _")
    if len(places) > MOST_PLACES:
        raise PatternError(f"{text[:20]!r}... has {len(places)} places; {MOST_PLACES} at most")
    return Pattern(text, tuple(places), rest)


def _literal(text: str, at: int, one: str) -> str:
    if one not in _LITERAL:
        raise PatternError(
            f"{text!r}: {one!r} at character {at + 1} is none of: a digit, X, Z, N, [digits], . * # +"
        )
    return one


def _choice(text: str, at: int, inside: str) -> frozenset[str]:
    digits: set[str] = set()
    for item in re.finditer(r"([0-9])-([0-9])|(.)", inside):
        if item[1] and item[1] <= item[2]:
            digits.update(map(str, range(int(item[1]), int(item[2]) + 1)))
        elif item[3] and item[3] in DIGITS:
            digits.add(item[3])
        else:
            raise PatternError(
                f"{text!r}: [{inside}] at character {at + 1} must hold digits or rising ranges: [12], [1-5]"
            )
    if not digits:
        raise PatternError(f"{text!r}: the [] at character {at + 1} is empty")
    return frozenset(digits)
