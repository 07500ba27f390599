"""Routing one call through contexts: a pure function of the numbers and the rules."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType

from protocol.language import Phrase
from sorm_mediator.switch.routing.masks import NOTHING, SubstitutionError, Template
from sorm_mediator.switch.routing.model import (
    Context,
    Continue,
    External,
    Number,
    RoutingRequest,
    RoutingResult,
    Rule,
    Side,
    Step,
)
from sorm_mediator.switch.routing.numbering import Plan

NONE = Phrase("(none)", "(нет)")
MOST_CONTEXTS = 32
"""Contexts that one call may pass through: numbers that change in each could go round for ever."""


def route(
    request: RoutingRequest,
    contexts: Mapping[str, Context],
    own_numbers: Collection[str] = (),
    plans: Mapping[str, Plan] = MappingProxyType({}),
) -> RoutingResult:
    """Route a call. Without any context, and none asked for, ``own_numbers`` are routed locally and nothing else.

    A context with a numbering plan translates the numbers into it (:func:`translate`).
    Never raises: what can't be routed has the result ``failed`` and its reason.
    """
    a, b, np = request.a, request.b, request.np
    tried: list[Step] = []
    if not contexts and not request.context:
        if b.digits in own_numbers:
            return RoutingResult(result="local", a=a, b=b, np=np)
        if np in plans and b.digits in plans[np]:
            return RoutingResult(result="local", a=a, b=b, np=np)
        reason: str = Phrase(
            "{digits} is no subscriber, and there is no routing context",
            "{digits} не абонент, а контекстов маршрутизации нет",
            digits=b.digits or NOTHING,
        )
        return RoutingResult(result="failed", a=a, b=b, reason=reason, np=np)

    name = request.context
    passed: list[tuple[str, Number, Number]] = []
    while True:
        reason = ""
        context = contexts.get(name)
        if context is None:
            reason = Phrase("there is no context {name!r}", "нет контекста {name!r}", name=name)
        elif (name, a, b) in passed or len(passed) >= MOST_CONTEXTS:
            reason = Phrase(
                "a circle of contexts: {circle}", "контексты замкнуты в круг: {circle}",
                circle=_circle(passed, name, a, b),
            )  # fmt: skip
        if context is None or reason:
            break
        passed.append((name, a, b))
        if context.np and context.np != np:
            a, b = (translate(number, np, context.np, plans) for number in (a, b))
            np = context.np
        rule = _first_fit(context, a, b, np, tried)
        if rule is None:
            reason = Phrase(
                "no rule of context {name!r} fits {a} -> {b}",
                "ни одно правило контекста {name!r} не подходит для {a} -> {b}",
                name=name, a=a.digits or NONE, b=b.digits or NONE,
            )  # fmt: skip
            break
        try:
            a, b = _act(rule, a, b)
        except SubstitutionError as error:
            reason = Phrase(
                "rule {rule!r} of context {name!r}: {error}", "правило {rule!r} контекста {name!r}: {error}",
                rule=rule.name, name=name, error=error.phrase,
            )  # fmt: skip
            break
        if isinstance(rule.verdict, Continue):
            name = rule.verdict.context
            continue
        if isinstance(rule.verdict, External):
            via = rule.verdict.directions
            return RoutingResult(result="external", a=a, b=b, via=via, tried=tuple(tried), np=np)
        return RoutingResult(result="local", a=a, b=b, tried=tuple(tried), np=np)
    return RoutingResult(result="failed", a=a, b=b, tried=tuple(tried), reason=reason, np=np)


def _circle(passed: list[tuple[str, Number, Number]], name: str, a: Number, b: Number) -> str:
    start = passed.index((name, a, b)) if (name, a, b) in passed else 0
    return " -> ".join([context for context, _, _ in passed[start:]] + [name])


def translate(number: Number, here: str, there: str, plans: Mapping[str, Plan]) -> Number:
    """A number of the plan ``here`` as the plan ``there`` has it; one that ``there`` has no name for stays as it is.

    A subscriber's own number becomes the number that it is known by in ``there``, and a full number the own one.
    """
    digits = number.digits
    target = plans.get(there)
    if here == there or (target is not None and digits in target):
        return number
    source = plans.get(here)
    binding = source.get(digits) if source is not None else None
    if binding is not None:
        if not binding.alias:
            return number
        digits = binding.alias
    if target is not None:
        digits = target.number_of(digits) or number.digits
    return number if digits == number.digits else replace(number, digits=digits)


def _first_fit(context: Context, a: Number, b: Number, np: str, tried: list[Step]) -> Rule | None:
    for rule in context.rules:
        failed = ""
        for condition in rule.conditions:
            failed = condition.fails(a if condition.side == "a" else b)
            if failed:
                break
        tried.append(Step(context.name, rule.name, failed, a.digits, b.digits, np))
        if not failed:
            return rule
    return None


def _act(rule: Rule, a: Number, b: Number) -> tuple[Number, Number]:
    """All substitutions of a rule start from the numbers as they were when it was entered."""
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
