"""Routing in one domain: numbers, rules, contexts and numbering plans, and :func:`route`, a pure function of them.

A numbering plan gives the destination of a full number, and the number of a subscriber in the plan. Besides its
declared plans, every domain has the plan ``default``: its subscribers' own numbers.

Source: ECSS-10 manual, Routing for SORM (the example rule ``to_8``) and MultiSORM (the contexts of its example, and
"Настройка планов нумерации в доменах").
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import product
from math import prod
from types import MappingProxyType
from typing import Literal

from sorm_mediator.config import NumberBinding
from sorm_mediator.language import Phrase
from sorm_mediator.switch.routing.masks import (
    MOST_DIGITS,
    NOTHING,
    DigitMap,
    Mask,
    SubstitutionError,
    Template,
)

NUMBER_INDICATORS = ("private", "local", "zone", "intercity", "international", "emergency")
"""Values of ``ni`` and ``sorm_ni`` (ECSS-10 manual, Routing for SORM)."""

Side = Literal["a", "b"]

EMPTY = Phrase("(empty)")
UNKNOWN = Phrase("(unknown)")

UNSET: Mapping[Side, Mapping[str, str]] = {
    "a": {
        "nai": "nationalNumber",
        "incomplete": "false",
        "npi": "isdnTelephony",
        "apri": "presentationAllowed",
        "screening": "networkProvided",
    },
    "b": {"nai": "nationalNumber", "incomplete": "false", "inni": "undefined", "npi": "undefined"},
}
"""Default attributes of a number, in the order of a trace (ECSS-10 manual, Number format check)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A party's number in routing.

    digits, ni: the call is routed by these. attributes: the others, such as ``nai``.
    sorm_digits, sorm_ni: set for SORM by a rule; ``None`` until then.
    """

    digits: str
    ni: str = ""
    attributes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    sorm_digits: str | None = None
    sorm_ni: str | None = None

    @property
    def shown_digits(self) -> str:
        """The number for SORM: the one set by a rule, else the routed one."""
        return self.digits if self.sorm_digits is None else self.sorm_digits

    @property
    def shown_ni(self) -> str:
        """The indicator for SORM."""
        return self.ni if self.sorm_ni is None else self.sorm_ni

    def get(self, name: str, side: Side) -> str:
        """An attribute by its name in conditions; the default is that of :data:`UNSET`, or ""."""
        if name == "digits":
            return self.digits
        if name == "ni":
            return self.ni
        return self.attributes.get(name) or UNSET[side].get(name, "")


@dataclass(frozen=True, slots=True)
class Condition:
    """One ``<cgpn .../>`` or ``<cdpn .../>``: the mask of the digits, and values for other attributes."""

    side: Side
    digits: Mask | None = None
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def fails(self, number: Number) -> str:
        """Why the number does not fit; "" when it does."""
        tag = TAGS[self.side]
        if self.digits is not None and self.digits.match(number.digits) is None:
            why = Phrase("{tag} {digits} does not match {mask}")
            return why.fill(tag=tag, digits=number.digits or EMPTY, mask=self.digits.text)
        for name, allowed in self.attributes.items():
            value = number.get(name, self.side)
            if value not in allowed:
                why = Phrase("{tag} {name} {value} is not {allowed}")
                expected = reduce(_either, allowed)
                return why.fill(tag=tag, name=name, value=value or UNKNOWN, allowed=expected)
        return ""


def _either(one: str, other: str) -> str:
    return Phrase("{one} or {other}", one=one, other=other)


TAGS: Mapping[Side, str] = MappingProxyType({"a": "cgpn", "b": "cdpn"})


@dataclass(frozen=True, slots=True)
class Action:
    """One tag of ``<actions>``: the changes of a side. ``None``: no change."""

    side: Side
    digits: Template | None = None
    ni: str | None = None
    attributes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    sorm_digits: Template | None = None
    sorm_ni: str | None = None


@dataclass(frozen=True, slots=True)
class External:
    """The call leaves by the first existing one of these directions."""

    directions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Local:
    """The called number is one of the domain's own."""


@dataclass(frozen=True, slots=True)
class Continue:
    """Routing goes on in another context with the present numbers."""

    context: str


Verdict = External | Local | Continue


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, taken when all its conditions hold. ``line``: its line in the file."""

    name: str
    conditions: tuple[Condition, ...]
    actions: tuple[Action, ...]
    verdict: Verdict
    line: int


@dataclass(frozen=True, slots=True)
class Context:
    """A routing context: rules, tried from the first.

    ``np``: the numbering plan into which numbers are translated on entry; "": no translation.
    ``digitmap``: decides whether the digits dialled so far are complete; ``None``: each number is final.
    """

    name: str
    rules: tuple[Rule, ...]
    np: str = ""
    source: str = ""
    digitmap: DigitMap | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingRequest:
    """A call to be routed: its numbers, the context of the calling interface, and its numbering plan."""

    a: Number
    b: Number
    context: str = ""
    np: str = "default"
    entry: str = ""
    """The trunk that the call came in by; "" for a call of a subscriber or over a bridge."""


@dataclass(frozen=True, slots=True)
class Step:
    """A rule that was tried. a, b, np: the numbers before the rule, and their numbering plan.

    ``failed``: the reason why it was not taken; "" when it was.
    """

    context: str
    rule: str
    a: str
    b: str
    np: str
    failed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingResult:
    """The result of routing a call. via: the directions of an external call, in order. reason: of a failure.

    a, b: the numbers as routed and for SORM; np: their final plan. tried: every rule that was tried.
    steps: what dial rules did to the called digits, each with the digits after it.
    """

    result: Literal["external", "local", "failed"]
    a: Number
    b: Number
    via: tuple[str, ...] = ()
    tried: tuple[Step, ...] = ()
    reason: str = ""
    np: str = "default"
    steps: tuple[tuple[str, str], ...] = ()

    @property
    def path(self) -> tuple[Step, ...]:
        """The rules that were taken."""
        return tuple(step for step in self.tried if not step.failed)


# --- numbering plans

DEFAULT_PLAN = "default"
MOST_NUMBERS = 100_000
"""Limit of numbers in one range."""

_RANGE = re.compile(r"([0-9])-([0-9])")
_PLACE = re.compile(r"\{(.*?)\}|\((.*?)\)|.", re.DOTALL)
"""A choice of digits, or one symbol."""


class NumberingError(ValueError):
    """A range or a change of a plan is wrong; the text gives the reason and what is allowed."""


def expand_numbers(text: str) -> list[str]:
    """The numbers of a range, in order: ``738327{0-1}000{0-1}`` is four.

    Braces (or parentheses) hold digits and rising ranges, with commas. Raises :class:`NumberingError`.
    """
    parts: list[list[str]] = []
    for part in _PLACE.finditer(text):
        symbol, inside = part[0], part[part.lastindex] if part.lastindex else None
        if inside is not None:
            parts.append(_choices(text, inside))
        elif symbol in "{(":
            raise NumberingError(f"{text!r}: the {symbol} at {part.start() + 1} is never closed")
        elif symbol in "0123456789":
            parts.append([symbol])
        else:
            raise NumberingError(f"{text!r}: {symbol!r} is neither a digit nor a range such as {{0-9}}")
    if not parts:
        raise NumberingError("an empty number")
    if len(parts) > MOST_DIGITS:
        raise NumberingError(
            f"{text[:20]!r}... has {len(parts)} digits, and the longest number has {MOST_DIGITS}"
        )
    if prod(map(len, parts)) > MOST_NUMBERS:
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
        self.of_alias: dict[str, list[str]] = {}
        """Subscriber -> its numbers, the master first."""
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
            self.of_alias.setdefault(binding.alias, []).append(number)
        for alias, master in masters.items():
            self.of_alias[alias].sort(key=master.__ne__)

    def __contains__(self, number: object) -> bool:
        return number in self.numbers

    def number_of(self, alias: str) -> str | None:
        """The number of a subscriber in this plan: its master, else the first one bound to it."""
        return next(iter(self.numbers_of(alias)), None)

    def numbers_of(self, alias: str) -> Sequence[str]:
        """All numbers that lead to a subscriber, its master first."""
        return self.of_alias.get(alias, ())


# --- routing one call through contexts

NONE = Phrase("(none)")
MOST_CONTEXTS = 32
"""Limit of contexts for one call: a call with numbers that change in each could circle endlessly."""


def route(
    request: RoutingRequest,
    contexts: Mapping[str, Context],
    own_numbers: Collection[str] = (),
    plans: Mapping[str, Plan] = MappingProxyType({}),
) -> RoutingResult:
    """Route a call. Without any context, and none requested, only ``own_numbers`` are routed, locally.

    A context with a numbering plan translates the numbers into this plan (:func:`translate`).
    Never raises: a call that can't be routed has the result ``failed`` and its reason.
    """
    a, b, np, name = request.a, request.b, request.np, request.context
    tried: list[Step] = []
    passed: list[tuple[str, Number, Number]] = []

    def found(result: Literal["external", "local"], via: tuple[str, ...] = ()) -> RoutingResult:
        return RoutingResult(result=result, a=a, b=b, via=via, tried=tuple(tried), np=np)

    def failed(reason: str) -> RoutingResult:
        return RoutingResult(result="failed", a=a, b=b, tried=tuple(tried), reason=reason, np=np)

    if not contexts and not name:
        if b.digits in own_numbers or (np in plans and b.digits in plans[np]):
            return found("local")
        digits = b.digits or NOTHING
        return failed(Phrase("{digits} is not a subscriber, and there is no routing context", digits=digits))
    while True:
        context = contexts.get(name)
        if context is None:
            return failed(Phrase("there is no context {name!r}", name=name))
        if (name, a, b) in passed or len(passed) >= MOST_CONTEXTS:
            return failed(Phrase("a circle of contexts: {circle}", circle=_circle(passed, name, a, b)))
        passed.append((name, a, b))
        if context.np and context.np != np:
            a, b = (translate(number, np, context.np, plans) for number in (a, b))
            np = context.np
        rule = _first_fit(context, a, b, np, tried)
        if rule is None:
            here, there = a.digits or NONE, b.digits or NONE
            return failed(Phrase("no rule of context {name!r} fits {a} -> {b}", name=name, a=here, b=there))
        try:
            a, b = _act(rule, a, b)
        except SubstitutionError as error:
            at = Phrase("rule {rule!r} of context {name!r}: {error}")
            return failed(at.fill(rule=rule.name, name=name, error=error.phrase))
        if isinstance(rule.verdict, External):
            return found("external", rule.verdict.directions)
        if isinstance(rule.verdict, Local):
            return found("local")
        name = rule.verdict.context


def _circle(passed: list[tuple[str, Number, Number]], name: str, a: Number, b: Number) -> str:
    start = passed.index((name, a, b)) if (name, a, b) in passed else 0
    return " -> ".join([context for context, _, _ in passed[start:]] + [name])


def translate(number: Number, here: str, there: str, plans: Mapping[str, Plan]) -> Number:
    """Translate a number of the plan ``here`` into the plan ``there``; an unknown number is unchanged.

    A subscriber's own number becomes its number in ``there``, and a full number becomes the own one.
    """
    digits = number.digits
    target = plans.get(there)
    if here == there or (target is not None and digits in target):
        return number
    source = plans.get(here)
    binding = source.numbers.get(digits) if source is not None else None
    if binding is not None:
        if not binding.alias:
            return number
        digits = binding.alias
    if target is not None:
        digits = target.number_of(digits) or number.digits
    return number if digits == number.digits else replace(number, digits=digits)


def _first_fit(context: Context, a: Number, b: Number, np: str, tried: list[Step]) -> Rule | None:
    for rule in context.rules:
        results = (condition.fails(a if condition.side == "a" else b) for condition in rule.conditions)
        failed = next(filter(None, results), "")
        tried.append(Step(context.name, rule.name, a.digits, b.digits, np, failed))
        if not failed:
            return rule
    return None


def _act(rule: Rule, a: Number, b: Number) -> tuple[Number, Number]:
    """Apply the actions. All substitutions of a rule start from the numbers before the rule."""
    before: dict[Side, Number] = {"a": a, "b": b}
    after = dict(before)

    def filled(side: Side, template: Template) -> str:
        digits, rest = before[side].digits, ""
        if template.needs_rest:
            rest = next(
                condition.digits.match(digits) or ""
                for condition in rule.conditions
                if condition.side == side and condition.digits is not None and condition.digits.rest
            )
        return template.fill(digits, rest)

    for action in rule.actions:
        number = after[action.side]
        if action.digits is not None:
            number = replace(number, digits=filled(action.side, action.digits))
        if action.ni is not None:
            number = replace(number, ni=action.ni)
        if action.attributes:
            attributes = MappingProxyType({**number.attributes, **action.attributes})
            number = replace(number, attributes=attributes)
        if action.sorm_digits is not None:
            number = replace(number, sorm_digits=filled(action.side, action.sorm_digits))
        if action.sorm_ni is not None:
            number = replace(number, sorm_ni=action.sorm_ni)
        after[action.side] = number
    return after["a"], after["b"]
