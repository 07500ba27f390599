"""Corrections: the attributes of a rule that would show a number as agreed. Pure.

A proposal is made from one call. If a rule takes numbers of several kinds, the proposal suits the number of
this call.
"""

from __future__ import annotations

from pathlib import Path

from protocol.codes import Order
from sorm_mediator.acceptance.formats import NI_OF_KIND, Agreed, Kind
from sorm_mediator.acceptance.matrix import Domains
from sorm_mediator.language import Phrase
from sorm_mediator.mediator.core.numbers import SIGN_OF_NI
from sorm_mediator.switch.domain import Domain
from sorm_mediator.switch.path import Hop
from sorm_mediator.switch.routing.route import Action, Rule, Side
from sorm_mediator.switch.trace import applied_text

TAG_OF_SIDE = {"a": "calling", "b": "called"}
"""The tag of ``<actions>`` that sets the SORM number of a side."""
_SAME = 3
"""Common last digits by which two numbers count as two forms of one number."""


def advice(
    hop: Hop, side: Side, agreed: Agreed, kind: Kind, order: Order, domains: Domains, directory: Path
) -> list[str]:
    """The change that makes SORM show ``agreed``: settings of the domain after routing, otherwise a rule."""
    number = hop.result.a if side == "a" else hop.result.b
    applied = [
        Phrase("{domain}: {text}", domain=hop.domain.name, text=applied_text(one))
        for one in hop.applied
        if one.side == side
    ]
    signs = SIGN_OF_NI[order]
    wrong_digits = number.shown_digits != agreed.number
    wrong_sign = signs.get(number.shown_ni) != agreed.sign
    if not wrong_digits and not wrong_sign:
        return []
    full = _outside(number.shown_digits, agreed, domains) if wrong_digits else []
    found: list[str] = [*applied, *full]
    if not found:
        found += _rule(hop, side, agreed, directory, _indicator(agreed, kind, order) if wrong_sign else "")
    return found


def refused_number(agreed: Agreed, subscriber: str, domain: Domain) -> list[str]:
    """The change if the switch has no own subscriber with the agreed number (54h)."""
    if not subscriber or domain.subscriber_at(agreed.number) is not None:
        return []
    return [
        Phrase(
            "{domain} has no subscriber {number}: if {subscriber} is meant, its full number belongs into a numbering "
            'plan ("{number}" = {{ alias = "{subscriber}" }} in switch.domains.numbering_plans)',
            domain=domain.name,
            number=agreed.number,
            subscriber=subscriber,
        )
    ]


def _outside(shown: str, agreed: Agreed, domains: Domains) -> list[str]:
    """The subscriber is shown by its own full number, which may be the agreed one."""
    for domain in domains.values():
        subscriber = domain.subscribers.get(agreed.number)
        if subscriber is not None and shown in domain.numbers_of(subscriber):
            return [
                Phrase(
                    "{shown} is the full number of {number}: if calls that leave the node are to show it, "
                    'acceptance.formats.own.outside = "full"',
                    shown=shown, number=agreed.number,
                )
            ]  # fmt: skip
    return []


def _indicator(agreed: Agreed, kind: Kind, order: Order) -> str:
    """The ``sorm_ni`` for the agreed sign; "" without one."""
    fitting = [ni for ni, sign in SIGN_OF_NI[order].items() if sign == agreed.sign]
    own = NI_OF_KIND[kind]
    return own if own in fitting else next(iter(fitting), "")


def _rule(hop: Hop, side: Side, agreed: Agreed, directory: Path, ni: str) -> list[str]:
    steps = [
        (step, rule)
        for step in hop.result.path
        if (rule := find_rule(hop.domain, step.context, step.rule)) is not None
    ]
    if not steps:
        return []
    setting = [(step, rule) for step, rule in steps if _template(rule, side) is not None]
    step, rule = (setting or steps)[-1]
    number = hop.result.a if side == "a" else hop.result.b
    parts = []
    if number.shown_digits != agreed.number:
        digits = _digits(rule, side, number.shown_digits, step.a if side == "a" else step.b, agreed.number)
        if digits:
            parts.append(f'sorm_digits="{digits}"')
        elif not ni:
            return []
    if ni:
        parts.append(f'sorm_ni="{ni}"')
    return [
        Phrase(
            "in rule {rule} ({place}) let <{tag}> of its <actions> have {parts}",
            tag=TAG_OF_SIDE[side], parts=" ".join(parts), rule=rule.name,
            place=place_of(rule, hop.domain, step.context, directory),
        )
    ]  # fmt: skip


def find_rule(domain: Domain, context: str, name: str) -> Rule | None:
    """A rule by the names of its context and of the rule; None: the domain has no such rule."""
    found = domain.contexts.get(context)
    return next((one for one in found.rules if one.name == name), None) if found else None


def place_of(rule: Rule, domain: Domain, context: str, directory: Path) -> str:
    """File and line of a rule; the path is relative to the folder of the lab file if the file is below it."""
    source = Path(domain.contexts[context].source)
    file = source.relative_to(directory) if source.is_relative_to(directory) else source
    return f"{file}:{rule.line}"


def _template(rule: Rule, side: Side) -> Action | None:
    """The last action of a rule that sets the SORM digits of a side."""
    setting = [one for one in rule.actions if one.side == side and one.sorm_digits is not None]
    return setting[-1] if setting else None


def _digits(rule: Rule, side: Side, shown: str, came: str, agreed: str) -> str:
    """A substitution from the number at the rule to the agreed number; "" if none is found.

    ``{%}`` keeps the number, with other digits in front; otherwise the substitution keeps the common last
    digits.
    """
    action = _template(rule, side)
    if action is not None and action.sorm_digits is not None and action.sorm_digits.needs_rest:
        text = action.sorm_digits.text
        literal = len(text) - len(text.lstrip("0123456789*#"))
        tail = shown[literal:]
        if len(tail) >= _SAME and agreed.endswith(tail):
            return agreed[: len(agreed) - len(tail)] + text[literal:]
    same = 0
    while same < min(len(came), len(agreed)) and came[-1 - same] == agreed[-1 - same]:
        same += 1
    if same < min(_SAME, len(agreed)):
        return ""
    places = ",".join(str(place) for place in range(len(came) - same + 1, len(came) + 1))
    return f"{agreed[: len(agreed) - same]}{{{places}}}"
