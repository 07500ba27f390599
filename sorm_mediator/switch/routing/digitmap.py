"""Digit maps: whether digits that are still being dialled make a number already.

============  ====================================================
``1 * #``     that symbol
``x``         any digit 0..9
``[0-9*]``    one symbol of a class
``.``         the symbol before it any number of times, also none
``T``         a pause of the caller; at the end, and of no effect
``(a|b)``     any of several maps
============  ====================================================

Source: ECSS-10 manual, MultiSORM: attribute ``digitmap`` of the contexts, in which only service codes and numbers that
begin with 1 stand. That it is the notation of MGCP (RFC 3435, 2.1.5) is our reading: a number that no map can begin is
final as soon as it is there.
"""

from __future__ import annotations

from dataclasses import dataclass

_DIGITS = frozenset("0123456789")
_SYMBOLS = _DIGITS | frozenset("*#")
_TIMER = "Tt"
_ANY = "xX"


class DigitMapError(ValueError):
    """A digit map is not written as it must be; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class _Place:
    """One place of a map: the symbols that fit, and whether it may repeat (also not be there at all)."""

    symbols: frozenset[str]
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class DigitMap:
    """A compiled digit map."""

    text: str
    maps: tuple[tuple[_Place, ...], ...]

    def incomplete(self, digits: str) -> bool:
        """Whether more digits are to come: a map begins so, and none is fulfilled."""
        open_, fulfilled = False, False
        for places in self.maps:
            at = _reached(places, digits)
            fulfilled |= len(places) in at
            open_ |= bool(at)
        return open_ and not fulfilled


def _reached(places: tuple[_Place, ...], digits: str) -> set[int]:
    """The places that the next digit may stand at; the number of places itself: the map is fulfilled."""
    at = _skipping(places, {0})
    for digit in digits:
        onward = set()
        for place in at:
            if place < len(places) and digit in places[place].symbols:
                onward.add(place if places[place].repeats else place + 1)
        at = _skipping(places, onward)
    return at


def _skipping(places: tuple[_Place, ...], at: set[int]) -> set[int]:
    """What repeats may also be left out."""
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
    return DigitMap(text, tuple(_places(text, one) for one in inside.split("|")))


def _places(text: str, one: str) -> tuple[_Place, ...]:
    if not one:
        raise DigitMapError(f"{text!r}: an empty map between two |")
    places: list[_Place] = []
    position = 0
    while position < len(one):
        symbol = one[position]
        if symbol in _ANY:
            places.append(_Place(_DIGITS))
        elif symbol in _SYMBOLS:
            places.append(_Place(frozenset(symbol)))
        elif symbol == "[":
            inside, closed, _ = one[position + 1 :].partition("]")
            if not closed:
                raise DigitMapError(f"{text!r}: the [ in {one} is never closed")
            places.append(_Place(_class(text, inside)))
            position += len(inside) + 1
        elif symbol == ".":
            if not places or places[-1].repeats:
                raise DigitMapError(f"{text!r}: the . in {one} has nothing before it to repeat")
            places[-1] = _Place(places[-1].symbols, repeats=True)
        elif symbol not in _TIMER or position != len(one) - 1:
            raise DigitMapError(
                f"{text!r}: {symbol!r} is not allowed in {one}; use digits, *, #, x, [0-9], . and a final T"
            )
        position += 1
    return tuple(places)


def _class(text: str, inside: str) -> frozenset[str]:
    symbols: set[str] = set()
    position = 0
    while position < len(inside):
        ends = inside[position : position + 3]
        if len(ends) == 3 and ends[1] == "-" and {ends[0], ends[2]} <= _DIGITS and ends[0] <= ends[2]:
            symbols.update(str(digit) for digit in range(int(ends[0]), int(ends[2]) + 1))
            position += 3
        elif inside[position] in _SYMBOLS:
            symbols.add(inside[position])
            position += 1
        else:
            raise DigitMapError(f"{text!r}: [{inside}] must hold digits, *, # or rising ranges: [0-9*]")
    if not symbols:
        raise DigitMapError(f"{text!r}: [] allows no digit")
    return frozenset(symbols)
