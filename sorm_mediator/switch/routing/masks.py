"""Digit masks, substitutions and digit maps of routing contexts.

A mask is matched against a whole number:

==========  =====================================================================================
``5``       that digit (also ``*`` and ``#``)
``?``       any one digit 0..9
``(0-1)``   one digit of a class: ranges and single digits, commas allowed: ``(0-15)``, ``(0-1,5)``
``%``       any digits, also none; only at the end
``,``       between masks: any of them
==========  =====================================================================================

A substitution builds a number from the one that was matched: ``{n}`` and ``{1,2,3}`` are its digits by place,
counted from 1, ``{%}`` is the part that matched ``%``; everything else stands for itself.

A digit map decides whether the digits dialled so far form a complete number:

============  ====================================================
``1 * #``     that symbol
``x``         any digit 0..9
``[0-9*]``    one symbol of a class
``.``         the symbol before it any number of times, also none
``T``         a pause of the caller; at the end, and of no effect
``(a|b)``     any of several maps
============  ====================================================

Source: ECSS-10 manual, Routing for SORM, and MultiSORM (the masks ``8%``, ``45???``, ``738327(0-1)????``, ``7{%}``,
``38327{1,2,3,4,5}``; the contexts' attribute ``digitmap``, with service codes and numbers that begin with 1 only).
Our reading: lists of masks; several ranges in a class; digit maps as in MGCP (RFC 3435, 2.1.5), so that a number that
no map can begin is final at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from sorm_mediator.language import Phrase
from sorm_mediator.texts import whole_number

SYMBOLS = "0123456789*#"
"""The characters of a number."""
_DIGITS = frozenset("0123456789")

MOST_DIGITS = 64
"""Limit of digits in a substitution (our choice): ``{%}{%}`` in a circle of contexts doubles a number."""

NOTHING = Phrase("an empty number")
"""The text for a number without digits."""


class MaskError(ValueError):
    """A malformed mask or substitution; the text gives the reason."""


class SubstitutionError(ValueError):
    """A substitution refers to a digit that the number does not have. ``phrase``: the text, for translation."""

    def __init__(self, phrase: Phrase) -> None:
        super().__init__(phrase)
        self.phrase = phrase


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of a mask's alternatives: the symbols that fit at each place, and whether ``%`` follows."""

    symbols: tuple[frozenset[str], ...]
    rest: bool

    @property
    def pattern(self) -> str:
        """As a regular expression."""
        classes = ("[" + "".join(map(re.escape, sorted(one))) + "]" for one in self.symbols)
        return "".join(classes) + ("([0-9*#]*)" if self.rest else "")

    def covers(self, other: Alternative) -> bool:
        """Whether each number that fits ``other`` fits this one."""
        mine, its = len(self.symbols), len(other.symbols)
        if its < mine or (not self.rest and (other.rest or its > mine)):
            return False
        return all(one <= wide for wide, one in zip(self.symbols, other.symbols, strict=False))


@dataclass(frozen=True, slots=True)
class Mask:
    """A compiled mask."""

    text: str
    pattern: re.Pattern[str]
    alternatives: tuple[Alternative, ...]

    @property
    def rest(self) -> bool:
        """Whether every alternative ends in ``%``."""
        return all(one.rest for one in self.alternatives)

    @property
    def lengths(self) -> tuple[int, int | None]:
        """The least and the most digits of a number that fits; None: any number."""
        counts = [len(one.symbols) for one in self.alternatives]
        return min(counts), None if any(one.rest for one in self.alternatives) else max(counts)

    def covers(self, other: Mask) -> bool:
        """Whether each number that fits an alternative of ``other`` fits one of this mask."""
        return all(any(mine.covers(one) for mine in self.alternatives) for one in other.alternatives)

    def match(self, digits: str) -> str | None:
        """The part that matches ``%`` ("" without one) when the whole number fits, else ``None``."""
        found = self.pattern.fullmatch(digits)
        if found is None:
            return None
        return found[found.lastindex] if found.lastindex else ""


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled substitution: texts, places (from 1), and ``None`` for ``{%}``."""

    text: str
    parts: tuple[str | int | None, ...]

    @property
    def needs_rest(self) -> bool:
        """Whether the substitution uses ``{%}``."""
        return None in self.parts

    def fill(self, digits: str, rest: str) -> str:
        """The number made from ``digits`` and the part that matched ``%``. Raises :class:`SubstitutionError`."""
        made = []
        for part in self.parts:
            if part is None:
                made.append(rest)
            elif isinstance(part, str):
                made.append(part)
            elif part <= len(digits):
                made.append(digits[part - 1])
            else:
                problem = Phrase("{text}: {digits} has no digit {place}")
                raise SubstitutionError(problem.fill(text=self.text, digits=digits or NOTHING, place=part))
        number = "".join(made)
        if len(number) > MOST_DIGITS:
            problem = Phrase("{text}: makes a number of {count} digits, and the longest has {most}")
            raise SubstitutionError(problem.fill(text=self.text, count=len(number), most=MOST_DIGITS))
        return number


@lru_cache(maxsize=4096)
def compile_mask(text: str) -> Mask:
    """Compile a mask. Raises :class:`MaskError`."""
    alternatives = tuple(map(_alternative, _split(text)))
    pattern = "|".join(one.pattern for one in alternatives)
    return Mask(text, re.compile(pattern), alternatives)


def compile_template(text: str) -> Template:
    """Compile a substitution. Raises :class:`MaskError`."""
    parts: list[str | int | None] = []
    for part in re.finditer(r"\{(.*?)\}|.", text, re.DOTALL):
        symbol = part[0]
        if part[1] is not None:
            parts += _places(text, part[1])
        elif symbol == "{":
            raise MaskError(f"{text!r}: the {{ at {part.start() + 1} is never closed")
        elif symbol in SYMBOLS:
            parts.append(symbol)
        else:
            raise MaskError(f"{text!r}: {symbol!r} is neither a digit nor a substitution in {{}}")
    return Template(text, tuple(parts))


def _places(text: str, inside: str) -> list[str | int | None]:
    if inside.strip() == "%":
        return [None]
    places: list[str | int | None] = []
    for item in inside.split(","):
        place = whole_number(item.strip(), 1, 99)
        if place is None:
            raise MaskError(f"{text!r}: {{{inside}}} must be {{%}} or places from 1, such as {{1,2,3}}")
        places.append(place)
    return places


def _split(text: str) -> list[str]:
    """The alternatives: cut at commas outside of classes."""
    depth, alternatives, start = 0, [], 0
    for position, symbol in enumerate(text):
        depth += (symbol == "(") - (symbol == ")")
        if symbol == "," and depth == 0:
            alternatives.append(text[start:position].strip())
            start = position + 1
    alternatives.append(text[start:].strip())
    if "" in alternatives:
        raise MaskError(f"{text!r}: an empty mask; write % for any number")
    return alternatives


def _alternative(mask: str) -> Alternative:
    symbols: list[frozenset[str]] = []
    for part in re.finditer(r"\((.*?)\)|.", mask, re.DOTALL):
        symbol = part[0]
        if part[1] is not None:
            symbols.append(_class(mask, part[1]))
        elif symbol in SYMBOLS:
            symbols.append(frozenset(symbol))
        elif symbol == "?":
            symbols.append(_DIGITS)
        elif symbol == "%":
            if part.end() != len(mask):
                raise MaskError(f"{mask!r}: % stands for the rest of the number, so it must be the last")
            return Alternative(tuple(symbols), rest=True)
        elif symbol == "(":
            raise MaskError(f"{mask!r}: the ( at {part.start() + 1} is never closed")
        else:
            raise MaskError(f"{mask!r}: {symbol!r} is not allowed; use digits, *, #, ?, (0-1) and a final %")
    return Alternative(tuple(symbols), rest=False)


def _class(mask: str, inside: str) -> frozenset[str]:
    allowed: set[str] = set()
    items = re.findall(r"([0-9])-([0-9])|([0-9*#])|([^,\s])", inside)
    for low, high, single, wrong in items:
        if wrong or low > high:
            raise MaskError(f"{mask!r}: ({inside}) must hold digits or rising ranges: (0-1), (0-3,5)")
        if single:
            allowed.add(single)
        else:
            allowed.update(str(digit) for digit in range(int(low), int(high) + 1))
    if not allowed:
        raise MaskError(f"{mask!r}: ({inside}) allows no digit")
    return frozenset(allowed)


# --- digit maps

_SYMBOLS = _DIGITS | frozenset("*#")
_TIMER = "Tt"
_ANY = "xX"


class DigitMapError(ValueError):
    """A malformed digit map; the text gives the reason."""


@dataclass(frozen=True, slots=True)
class _Place:
    """One place of a map: the symbols that fit, and whether they may be absent or repeated."""

    symbols: frozenset[str]
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class DigitMap:
    """A compiled digit map."""

    text: str
    maps: tuple[tuple[_Place, ...], ...]

    def incomplete(self, digits: str) -> bool:
        """Whether more digits must follow: the digits begin a map, and complete none."""
        reached = [(len(places), _reached(places, digits)) for places in self.maps]
        return any(at for _, at in reached) and not any(end in at for end, at in reached)


def _reached(places: tuple[_Place, ...], digits: str) -> set[int]:
    """The possible places of the next digit; an index past the last place: the map is complete."""
    at = _skipping(places, {0})
    for digit in digits:
        onward = set()
        for place in at:
            if place < len(places) and digit in places[place].symbols:
                onward.add(place if places[place].repeats else place + 1)
        at = _skipping(places, onward)
    return at


def _skipping(places: tuple[_Place, ...], at: set[int]) -> set[int]:
    """Add the places after those that may be absent."""
    found = set(at)
    for place, symbols in enumerate(places):
        if place in found and symbols.repeats:
            found.add(place + 1)
    return found


def compile_digitmap(text: str) -> DigitMap:
    """Compile a digit map. White space has no meaning. Raises :class:`DigitMapError`."""
    inside = "".join(text.split())
    if inside.startswith("(") != inside.endswith(")"):
        raise DigitMapError(f"{text!r}: the ( at its begin and the ) at its end belong together")
    if inside.startswith("("):
        inside = inside[1:-1]
    return DigitMap(text, tuple(_map_places(text, one) for one in inside.split("|")))


def _map_places(text: str, one: str) -> tuple[_Place, ...]:
    if not one:
        raise DigitMapError(f"{text!r}: an empty map between two |")
    places: list[_Place] = []
    for part in re.finditer(r"\[(.*?)\]|.", one):
        symbol = part[0]
        if part[1] is not None:
            places.append(_Place(_map_class(text, part[1])))
        elif symbol in _ANY:
            places.append(_Place(_DIGITS))
        elif symbol in _SYMBOLS:
            places.append(_Place(frozenset(symbol)))
        elif symbol == "[":
            raise DigitMapError(f"{text!r}: the [ in {one} is never closed")
        elif symbol == ".":
            if not places or places[-1].repeats:
                raise DigitMapError(f"{text!r}: the . in {one} has nothing before it to repeat")
            places[-1] = _Place(places[-1].symbols, repeats=True)
        elif symbol not in _TIMER or part.end() != len(one):
            raise DigitMapError(
                f"{text!r}: {symbol!r} is not allowed in {one}; use digits, *, #, x, [0-9], . and a final T"
            )
    return tuple(places)


def _map_class(text: str, inside: str) -> frozenset[str]:
    symbols: set[str] = set()
    for low, high, single in re.findall(r"([0-9])-([0-9])|(.)", inside):
        if low and low <= high:
            symbols.update(str(digit) for digit in range(int(low), int(high) + 1))
        elif single in _SYMBOLS:
            symbols.add(single)
        else:
            raise DigitMapError(f"{text!r}: [{inside}] must hold digits, *, # or rising ranges: [0-9*]")
    if not symbols:
        raise DigitMapError(f"{text!r}: [] allows no digit")
    return frozenset(symbols)
