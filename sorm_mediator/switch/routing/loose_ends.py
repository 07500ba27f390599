"""What a switch's configuration names and has not: calls that come to it fail, everything else works.

Such gaps are no errors, since the manual declares bridges, contexts and numbers one after the other, in any order.

Source: ECSS-10 manual, MultiSORM: its example, which imports contexts before it declares the bridges that they name.
"""

from __future__ import annotations

from collections.abc import Iterator

from sorm_mediator.switch.node import Node
from sorm_mediator.switch.routing.model import External
from sorm_mediator.switch.routing.numbering import DEFAULT_PLAN
from sorm_mediator.switch.subscribers import Domain


def loose_ends(node: Node) -> Iterator[str]:
    """Each gap as one line: where it stands, what is missing, and what there is."""
    for index, domain in enumerate(node.domains.values()):
        key = f"switch.domains.{index} ({domain.name})"
        yield from (f"{key}: {text}" for text in (*_rules(domain), *_plans(domain), *_refused(node, domain)))


def _rules(domain: Domain) -> Iterator[str]:
    ways = {*domain.trunks, *domain.bridges}
    for context in domain.contexts.values():
        if context.np and context.np != DEFAULT_PLAN and context.np not in domain.plans:
            plans = ", ".join(sorted(domain.plans)) or "none"
            yield f"{context.source}: context {context.name!r}: no numbering plan {context.np!r}; there are: {plans}"
        for rule in context.rules:
            if isinstance(rule.verdict, External) and not ways.intersection(rule.verdict.directions):
                missing = " or ".join(rule.verdict.directions)
                known = ", ".join(sorted(ways)) or "none"
                where = f"{context.source}:{rule.line}: rule {rule.name!r}"
                yield f"{where}: no trunk or bridge {missing}; there are: {known}"


def _plans(domain: Domain) -> Iterator[str]:
    bridges = {end.bridge.name for end in domain.bridges.values()}
    for plan in domain.plans.values():
        aliases = {b.alias for b in plan.numbers.values() if b.alias and b.alias not in domain.subscribers}
        for alias in sorted(aliases):
            yield f"numbering_plans.{plan.name}: {alias}, which {plan.number_of(alias)} leads to, is no subscriber"
        for bridge in sorted({b.bridge for b in plan.numbers.values() if b.bridge} - bridges):
            known = ", ".join(sorted(bridges)) or "none"
            yield f"numbering_plans.{plan.name}: numbers lead to the bridge {bridge}; there are: {known}"


def _refused(node: Node, domain: Domain) -> Iterator[str]:
    """Numbers that are bound to a strict bridge which does not let calls to them across."""
    for end in domain.bridges.values():
        far, plan = end.far.side, domain.plans.get(end.side.np)
        if plan is None or end.end != "a" or not end.bridge.config.strict:
            continue
        bound = [number for number, one in plan.numbers.items() if one.bridge == end.bridge.name]
        lost = [number for number in bound if not node.domains[far.domain].has_number(far.np, number)]
        if lost:
            more = f", and {len(lost) - 1} more numbers" if len(lost) > 1 else ""
            yield (
                f"numbering_plans.{plan.name}: {lost[0]}{more}, bound to the bridge {end.bridge.name}: not in plan "
                f"{far.np} of {far.domain}, and the bridge is strict"
            )
