"""Numbering plans of a domain, and what their numbers lead to.

Source: ECSS-10 manual, MultiSORM ("Настройка планов нумерации в доменах", and the example).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sorm_mediator.config import NumberBinding
from sorm_mediator.switch.changes.base import ChangeRefused, Notes, alter_domain, listed, made, the_domain
from sorm_mediator.switch.node import Change, Node
from sorm_mediator.switch.routing.numbering import DEFAULT_PLAN, NumberingError, Plan, expand_numbers
from sorm_mediator.switch.subscribers import Domain

Numbers = Mapping[str, NumberBinding]


def declare_plan(node: Node, name: str, plan: str) -> Notes:
    """An empty plan."""
    domain = the_domain(node, name)
    if plan == DEFAULT_PLAN:
        raise ChangeRefused(
            f"every domain has the plan {DEFAULT_PLAN!r}: that of the subscribers' own numbers"
        )
    if plan in domain.plans:
        raise ChangeRefused(f"{name} has a numbering plan {plan!r} already")
    _keep(node, domain, plan, {})
    return ()


def remove_plan(node: Node, name: str, plan: str) -> Notes:
    """Refused while a bridge, a trunk or a context uses it."""
    domain = the_domain(node, name)
    _plan(domain, plan)
    users = [f"bridge {end.bridge.name}" for end in domain.bridges.values() if end.side.np == plan]
    users += [f"trunk {trunk.name}" for trunk in domain.trunks.values() if trunk.config.np == plan]
    users += [f"context {context.name}" for context in domain.contexts.values() if context.np == plan]
    if users:
        raise ChangeRefused(f"plan {plan} is used by: {', '.join(users)}")
    del domain.plans[plan]
    left = {key: numbers for key, numbers in domain.config.numbering_plans.items() if key != plan}
    alter_domain(node, Change("numbering", name), numbering_plans=left)
    return ()


def add_numbers(node: Node, name: str, plan: str, numbers: str) -> Notes:
    """Numbers that lead to nothing yet."""
    domain = the_domain(node, name)
    known = _plan(domain, plan)
    for number in _expanded(numbers):
        if number in known:
            raise ChangeRefused(f"{number} is in plan {plan} of {name} already")
    _keep(node, domain, plan, {**domain.config.numbering_plans[plan], numbers: NumberBinding()})
    return ()


def remove_numbers(node: Node, name: str, plan: str, numbers: str) -> Notes:
    """Out of the plan, whatever they lead to."""
    domain = the_domain(node, name)
    _keep(node, domain, plan, _without(domain, plan, _known(domain, plan, numbers)))
    return ()


def bind_to_bridge(node: Node, name: str, plan: str, numbers: str, bridge: str) -> Notes:
    """Numbers, put into the plan when they are not in it, lead over a bridge of the domain."""
    domain = the_domain(node, name)
    names = {end.bridge.name for end in domain.bridges.values()}
    if bridge not in names:
        raise ChangeRefused(f"{name} has no bridge {bridge!r}; it has: {listed(names)}")
    _bind(node, domain, plan, {numbers: made(NumberBinding, bridge=bridge)})
    return ()


def bind_to_alias(
    node: Node,
    name: str,
    plan: str,
    numbers: str,
    alias: str,
    *,
    group: str = "",
    iface: str = "",
    master: bool = False,
) -> Notes:
    """Numbers lead to subscribers: as many as there are numbers, in order, or one for all."""
    domain = the_domain(node, name)
    full, own = _expanded(numbers), _expanded(alias)
    for number in own:
        if number not in domain.subscribers:
            raise ChangeRefused(f"{number} is no subscriber of {name}: declare it first")
    if len(own) not in (1, len(full)):
        raise ChangeRefused(f"{numbers} is {len(full)} numbers, and {alias} is {len(own)} subscribers")
    pairs = {numbers: alias} if len(own) == 1 else dict(zip(full, own, strict=True))
    bindings = {
        key: made(NumberBinding, alias=number, group=group, iface=iface, master=master)
        for key, number in pairs.items()
    }
    _bind(node, domain, plan, bindings)
    return ()


def unbind(node: Node, name: str, plan: str, numbers: str) -> Notes:
    """Numbers stay in the plan and lead to nothing."""
    domain = the_domain(node, name)
    gone = _known(domain, plan, numbers)
    _keep(node, domain, plan, {**_without(domain, plan, gone), numbers: NumberBinding()})
    return ()


def compact(numbers: Iterable[str]) -> list[str]:
    """Few ranges that stand for exactly these numbers: the reverse of :func:`expand_numbers`."""
    products = {tuple(frozenset({digit}) for digit in number) for number in numbers}
    for position in range(max(map(len, products), default=0) - 1, -1, -1):
        merged: dict[tuple[frozenset[str], ...], frozenset[str]] = {}
        short = {one for one in products if position >= len(one)}
        for one in products - short:
            rest = (*one[:position], frozenset[str](), *one[position + 1 :])
            merged[rest] = merged.get(rest, frozenset()) | one[position]
        products = short | {
            (*rest[:position], digits, *rest[position + 1 :]) for rest, digits in merged.items()
        }
    return sorted("".join(map(_range, one)) for one in products)


def _range(digits: frozenset[str]) -> str:
    first, last = min(digits), max(digits)
    if first == last:
        return first
    if len(digits) == int(last) - int(first) + 1:
        return f"{{{first}-{last}}}"
    return "{" + ",".join(sorted(digits)) + "}"


def _bind(node: Node, domain: Domain, plan: str, bindings: Numbers) -> None:
    known = _plan(domain, plan)
    numbers = {number for key in bindings for number in _expanded(key)}
    left = _without(domain, plan, {number for number in numbers if number in known})
    _keep(node, domain, plan, {**left, **bindings})


def _keep(node: Node, domain: Domain, plan: str, numbers: Numbers) -> None:
    try:
        made_anew = Plan(plan, numbers)
    except NumberingError as error:
        raise ChangeRefused(str(error)) from None
    plans = {**domain.config.numbering_plans, plan: dict(numbers)}
    domain.plans[plan] = made_anew
    alter_domain(node, Change("numbering", domain.name), numbering_plans=plans)


def _without(domain: Domain, plan: str, gone: set[str]) -> dict[str, NumberBinding]:
    """The plan as the lab file has it, without these numbers; ranges that lose some of theirs are cut."""
    left: dict[str, NumberBinding] = {}
    for key, binding in domain.config.numbering_plans[plan].items():
        numbers = expand_numbers(key)
        kept = [number for number in numbers if number not in gone]
        for range_ in [key] if len(kept) == len(numbers) else compact(kept):
            left[range_] = binding
    return left


def _plan(domain: Domain, plan: str) -> Plan:
    found = domain.plans.get(plan)
    if found is None:
        raise ChangeRefused(f"{domain.name} has no numbering plan {plan!r}; it has: {listed(domain.plans)}")
    return found


def _known(domain: Domain, plan: str, numbers: str) -> set[str]:
    known, wanted = _plan(domain, plan), set(_expanded(numbers))
    missing = sorted(number for number in wanted if number not in known)
    if missing:
        raise ChangeRefused(f"{missing[0]} is not in plan {plan} of {domain.name}")
    return wanted


def _expanded(numbers: str) -> list[str]:
    try:
        return expand_numbers(numbers)
    except NumberingError as error:
        raise ChangeRefused(str(error)) from None
