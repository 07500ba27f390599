"""Routing one call through contexts: a pure function of the numbers and the rules."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType

from sorm_mediator.switch.routing.masks import SubstitutionError, Template
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

MOST_CONTEXTS = 32
"""Contexts that one call may pass through: numbers that change in each could go round for ever."""


def route(
    request: RoutingRequest, contexts: Mapping[str, Context], own_numbers: Collection[str] = ()
) -> RoutingResult:
    """Route a call. A domain without any context routes ``own_numbers`` locally and nothing else.

    Never raises: what can't be routed has the result ``failed`` and its reason.
    """
    a, b = request.a, request.b
    tried: list[Step] = []
    if not contexts:
        if b.digits in own_numbers:
            return RoutingResult(result="local", a=a, b=b)
        reason = f"{b.digits or 'an empty number'} is no subscriber, and there is no routing context"
        return RoutingResult(result="failed", a=a, b=b, reason=reason)

    name = request.context
    passed: list[tuple[str, Number, Number]] = []
    np = ""
    while True:
        reason = ""
        context = contexts.get(name)
        if context is None:
            reason = f"there is no context {name!r}"
        elif (name, a, b) in passed or len(passed) >= MOST_CONTEXTS:
            reason = f"a circle of contexts: {_circle(passed, name, a, b)}"
        if context is None or reason:
            break
        passed.append((name, a, b))
        np = context.np
        rule = _first_fit(context, a, b, tried)
        if rule is None:
            reason = f"no rule of context {name!r} fits {a.digits or '(none)'} -> {b.digits or '(none)'}"
            break
        try:
            a, b = _act(rule, a, b)
        except SubstitutionError as error:
            reason = f"rule {rule.name!r} of context {name!r}: {error}"
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


def _first_fit(context: Context, a: Number, b: Number, tried: list[Step]) -> Rule | None:
    for rule in context.rules:
        failed = ""
        for condition in rule.conditions:
            failed = condition.fails(a if condition.side == "a" else b)
            if failed:
                break
        tried.append(Step(context.name, rule.name, failed))
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
