"""Rules of a routing context that can't do what they are there for: no call comes to them, or none gets on.

Source: ECSS-10 manual, Routing for SORM: the first rule whose conditions hold is taken.
"""

from __future__ import annotations

from collections.abc import Iterator

from sorm_mediator.switch.routing.masks import Mask, Template, compile_mask
from sorm_mediator.switch.routing.route import TAGS, Condition, Context, Rule


def doubts(context: Context) -> Iterator[tuple[Rule, str]]:
    """The rules with a doubt, and the doubt."""
    for number, rule in enumerate(context.rules):
        before = next((one for one in context.rules[:number] if _covers(one, rule)), None)
        if before is not None:
            yield (
                rule,
                f"is never taken: rule {before.name!r} in line {before.line} fits every call that it fits; put it "
                "before that rule",
            )
        yield from ((rule, text) for text in _places(rule))


def _covers(first: Rule, rule: Rule) -> bool:
    """Whether every call that fits ``rule`` fits ``first``."""
    return all(
        _always(condition) or any(_implies(own, condition) for own in rule.conditions)
        for condition in first.conditions
    )


_ANY = compile_mask("%")


def _always(condition: Condition) -> bool:
    return not condition.attributes and (condition.digits is None or condition.digits.covers(_ANY))


def _implies(own: Condition, condition: Condition) -> bool:
    """Whether ``condition`` holds wherever ``own`` holds."""
    if own.side != condition.side:
        return False
    if condition.digits is not None and (own.digits is None or not condition.digits.covers(own.digits)):
        return False
    return all(
        name in own.attributes and set(own.attributes[name]) <= set(values)
        for name, values in condition.attributes.items()
    )


def _places(rule: Rule) -> Iterator[str]:
    """Substitutions with places that a number which fits does not have."""
    for action in rule.actions:
        for name, template in (("digits", action.digits), ("sorm_digits", action.sorm_digits)):
            masks = [
                one.digits for one in rule.conditions if one.side == action.side and one.digits is not None
            ]
            if template is not None and masks:
                yield from _beyond(TAGS[action.side], name, template, masks)


def _beyond(tag: str, name: str, template: Template, masks: list[Mask]) -> Iterator[str]:
    last = max((part for part in template.parts if isinstance(part, int)), default=0)
    mosts = [most for mask in masks if (most := mask.lengths[1]) is not None]
    if not mosts:
        return
    most, least = min(mosts), max(mask.lengths[0] for mask in masks)
    if last > most:
        yield f"{name} {template.text}: {tag} has at most {most} digits here, so there is no digit {last}"
    elif last > least:
        yield f"{name} {template.text}: {tag} may have {least} digits only, and so no digit {last}"
