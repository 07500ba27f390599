"""Numbering plans of a domain: the destination of a full number, and the number of a subscriber in a plan.

Besides its declared plans, every domain has the plan ``default``: its subscribers' own numbers.

Source: ECSS-10 manual, MultiSORM ("Настройка планов нумерации в доменах", and the example).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import product

from sorm_mediator.config import NumberBinding
from sorm_mediator.switch.routing.masks import MOST_DIGITS

DEFAULT_PLAN = "default"
MOST_NUMBERS = 100_000
"""Limit of numbers in one range."""

_RANGE = re.compile(r"([0-9])-([0-9])")


class NumberingError(ValueError):
    """A range or a change of a plan is wrong; the text gives the reason and what is allowed."""


def expand_numbers(text: str) -> list[str]:
    """The numbers of a range, in order: ``738327{0-1}000{0-1}`` is four.

    Braces (or parentheses) hold digits and rising ranges, with commas. Raises :class:`NumberingError`.
    """
    parts: list[list[str]] = []
    position = 0
    while position < len(text):
        symbol = text[position]
        if symbol in "{(":
            close = "}" if symbol == "{" else ")"
            end = text.find(close, position)
            if end < 0:
                raise NumberingError(f"{text!r}: the {symbol} at {position + 1} is never closed")
            parts.append(_choices(text, text[position + 1 : end]))
            position = end + 1
        elif symbol in "0123456789":
            parts.append([symbol])
            position += 1
        else:
            raise NumberingError(f"{text!r}: {symbol!r} is neither a digit nor a range such as {{0-9}}")
    if not parts:
        raise NumberingError("an empty number")
    if len(parts) > MOST_DIGITS:
        raise NumberingError(
            f"{text[:20]!r}... has {len(parts)} digits, and the longest number has {MOST_DIGITS}"
        )
    count = 1
    for part in parts:
        count *= len(part)
        if count > MOST_NUMBERS:
            raise NumberingError(f"{text!r} stands for more than {MOST_NUMBERS} numbers")
    return ["".join(digits) for digits in product(*parts)]


def _choices(text: str, inside: str) -> list[str]:
    digits: list[str] = []
    for item in inside.split(","):
        item = item.strip()
        ends = _RANGE.fullmatch(item)
        if ends and ends[1] <= ends[2]:
            digits += [str(digit) for digit in range(int(ends[1]), int(ends[2]) + 1)]
        elif len(item) == 1 and item in "0123456789":
            digits.append(item)
        else:
            raise NumberingError(
                f"{text!r}: {{{inside}}} must hold digits or rising ranges: {{0-1}}, {{0-3,5}}"
            )
    return sorted(set(digits))


class Plan:
    """One numbering plan, made anew when its numbers change. Both lookups take the same time for any size."""

    def __init__(self, name: str, numbers: Mapping[str, NumberBinding]) -> None:
        """``numbers``: keys may be ranges. Raises :class:`NumberingError`."""
        self.name = name
        self.numbers: dict[str, NumberBinding] = {}
        for key, binding in numbers.items():
            for number in expand_numbers(key):
                if number in self.numbers:
                    raise NumberingError(f"{number} is in plan {name!r} twice")
                self.numbers[number] = binding
        self._of_alias: dict[str, list[str]] = {}
        masters: dict[str, str] = {}
        for number, binding in self.numbers.items():
            if not binding.alias:
                continue
            if binding.master:
                if binding.alias in masters:
                    raise NumberingError(
                        f"{binding.alias} has two master numbers in plan {name!r}: {masters[binding.alias]} "
                        f"and {number}; only one is possible"
                    )
                masters[binding.alias] = number
            self._of_alias.setdefault(binding.alias, []).append(number)
        for alias, master in masters.items():
            self._of_alias[alias].sort(key=master.__ne__)

    def __contains__(self, number: object) -> bool:
        return number in self.numbers

    def get(self, number: str) -> NumberBinding | None:
        """The destination of a number of the plan."""
        return self.numbers.get(number)

    def number_of(self, alias: str) -> str | None:
        """The number of a subscriber in this plan: its master, else the first one bound to it."""
        return next(iter(self.numbers_of(alias)), None)

    def numbers_of(self, alias: str) -> Sequence[str]:
        """All numbers that lead to a subscriber, its master first."""
        return self._of_alias.get(alias, ())


def aliases(plans: Iterable[Plan]) -> dict[str, set[str]]:
    """Every subscriber with a number in this plan, with its full numbers."""
    found: dict[str, set[str]] = {}
    for plan in plans:
        for number, binding in plan.numbers.items():
            if binding.alias:
                found.setdefault(binding.alias, set()).add(number)
    return found
