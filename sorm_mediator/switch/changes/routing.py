"""Routing contexts of a domain, imported from files of the lab's directory, and its numbering plans.

Source: ECSS-10 manual, MultiSORM ("Создание контекстов маршрутизации", "Настройка планов нумерации в доменах", and the
example).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sorm_mediator.config import NumberBinding
from sorm_mediator.switch.changes import (
    ChangeRefused,
    Notes,
    created,
    find,
    numbers_of,
    the_domain,
    update_domain,
)
from sorm_mediator.switch.domain import Domain
from sorm_mediator.switch.node import Change, Node
from sorm_mediator.switch.routing.context_file import ContextError, parse_context
from sorm_mediator.switch.routing.doubts import doubts
from sorm_mediator.switch.routing.route import DEFAULT_PLAN, Context, Continue, Plan, expand_numbers
from sorm_mediator.texts import as_list


def import_context(node: Node, name: str, text: bytes, file: str) -> tuple[Context, Notes]:
    """Add a context, or replace the one from the same file. The first one of a domain is its default.

    ``text``: the XML. ``file``: the path of its file as in the lab file, from the lab's directory.
    """
    domain = the_domain(node, name)
    try:
        context = parse_context(text, str(node.directory / file))
    except ContextError as error:
        raise ChangeRefused(str(error)) from None
    replaced = {one.name for one in domain.contexts.values() if one.source == context.source}
    for gone in replaced - {context.name}:
        _check_unused(node, domain, gone)
    sources = {one.source for one in domain.contexts.values() if one.name in {context.name, *replaced}}
    kept = [one for one in domain.config.contexts if str(node.directory / one) not in sources]
    for gone in replaced:
        del domain.contexts[gone]
    domain.contexts[context.name] = context
    notes = [] if context.name not in replaced else [f"context {context.name} was read again"]
    if not domain.default_context or domain.default_context in replaced - {context.name}:
        domain.default_context = context.name
        notes.append(f"context {context.name} is the default of {name} now")
    default = domain.default_context
    update_domain(node, Change("routing", name), contexts=(*kept, file), default_context=default)
    return context, (*notes, *_gaps(domain, context))


def remove_context(node: Node, name: str, context: str) -> None:
    """Remove a context. Refused while anything starts or continues in it."""
    domain = the_domain(node, name)
    found = find(domain.contexts, "context", context, name)
    _check_unused(node, domain, context)
    del domain.contexts[context]
    kept = tuple(one for one in domain.config.contexts if str(node.directory / one) != found.source)
    if not domain.contexts:
        domain.default_context = ""
    update_domain(node, Change("routing", name), contexts=kept, default_context=domain.default_context)


def set_default_context(node: Node, name: str, context: str) -> None:
    """Set the context of calls from interfaces that name none."""
    domain = the_domain(node, name)
    find(domain.contexts, "context", context, name)
    domain.default_context = context
    update_domain(node, Change("routing", name), default_context=context)


def _check_unused(node: Node, domain: Domain, context: str) -> None:
    """Raises :class:`ChangeRefused` naming the users of the context."""
    config = domain.config
    users = [f"subscriber {one.number}" for one in config.subscribers if one.context == context]
    users += [f"trunk {one.name}" for one in config.trunks if one.context == context]
    users += [f"bridge {end.bridge.name}" for end in domain.bridges.values() if end.side.context == context]
    if domain.default_context == context and len(domain.contexts) > 1:
        users.append("default context of the domain")
    if config.adaptation == context:
        users.append("parameter adaptation")
    users += [
        f"rule {rule.name} of {other.name}"
        for other in domain.contexts.values()
        for rule in other.rules
        if other.name != context and rule.verdict == Continue(context)
    ]
    if users:
        raise ChangeRefused(f"context {context} is used by: {', '.join(users)}")


def _gaps(domain: Domain, context: Context) -> Notes:
    gaps = (
        f"rule {rule.name!r} continues in {rule.verdict.context!r}, which is not imported yet: "
        "calls that come to it fail"
        for rule in context.rules
        if isinstance(rule.verdict, Continue) and rule.verdict.context not in domain.contexts
    )
    return (*gaps, *(f"rule {rule.name!r} {text}" for rule, text in doubts(context)))


# --- numbering plans

Numbers = Mapping[str, NumberBinding]


def declare_plan(node: Node, name: str, plan: str) -> None:
    """Declare an empty plan."""
    domain = the_domain(node, name)
    if plan == DEFAULT_PLAN:
        raise ChangeRefused(
            f"every domain has the plan {DEFAULT_PLAN!r}: that of the subscribers' own numbers"
        )
    if plan in domain.plans:
        raise ChangeRefused(f"{name} has a numbering plan {plan!r} already")
    _keep(node, domain, plan, {})


def remove_plan(node: Node, name: str, plan: str) -> None:
    """Remove a plan. Refused while a bridge, a trunk or a context uses it."""
    domain = the_domain(node, name)
    _plan(domain, plan)
    users = [f"bridge {end.bridge.name}" for end in domain.bridges.values() if end.side.np == plan]
    users += [f"trunk {trunk.name}" for trunk in domain.trunks.values() if trunk.config.np == plan]
    users += [f"context {context.name}" for context in domain.contexts.values() if context.np == plan]
    if users:
        raise ChangeRefused(f"plan {plan} is used by: {', '.join(users)}")
    left = {key: numbers for key, numbers in domain.config.numbering_plans.items() if key != plan}
    update_domain(node, Change("numbering", name), numbering_plans=left)


def add_numbers(node: Node, name: str, plan: str, numbers: str) -> None:
    """Add numbers that lead to nothing yet."""
    domain = the_domain(node, name)
    known = _plan(domain, plan)
    for number in numbers_of(numbers):
        if number in known:
            raise ChangeRefused(f"{number} is in plan {plan} of {name} already")
    _keep(node, domain, plan, {**domain.config.numbering_plans[plan], numbers: NumberBinding()})


def remove_numbers(node: Node, name: str, plan: str, numbers: str) -> None:
    """Remove numbers from the plan, bound or not."""
    domain = the_domain(node, name)
    _keep(node, domain, plan, _without(domain, plan, _known(domain, plan, numbers)))


def bind_to_bridge(node: Node, name: str, plan: str, numbers: str, bridge: str) -> None:
    """Bind numbers to a bridge of the domain. Numbers that are not in the plan are added."""
    domain = the_domain(node, name)
    find({end.bridge.name: end for end in domain.bridges.values()}, "bridge", bridge, name)
    _bind(node, domain, plan, {numbers: created(NumberBinding, bridge=bridge)})


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
) -> None:
    """Bind numbers to subscribers: as many as there are numbers, in order, or one for all."""
    domain = the_domain(node, name)
    full, own = numbers_of(numbers), numbers_of(alias)
    for number in own:
        if number not in domain.subscribers:
            others = [other.name for other in node.domains.values() if number in other.subscribers]
            where = f"; it is one of {as_list(others)}" if others else ""
            raise ChangeRefused(f"{number} is not a subscriber of {name}: declare it first{where}")
    if len(own) not in (1, len(full)):
        raise ChangeRefused(f"{numbers} is {len(full)} numbers, and {alias} is {len(own)} subscribers")
    pairs = {numbers: alias} if len(own) == 1 else dict(zip(full, own, strict=True))
    bindings = {
        key: created(NumberBinding, alias=number, group=group, iface=iface, master=master)
        for key, number in pairs.items()
    }
    _bind(node, domain, plan, bindings)


def unbind(node: Node, name: str, plan: str, numbers: str) -> None:
    """Unbind numbers. They stay in the plan and lead to nothing."""
    domain = the_domain(node, name)
    gone = _known(domain, plan, numbers)
    _keep(node, domain, plan, {**_without(domain, plan, gone), numbers: NumberBinding()})


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
    numbers = {number for key in bindings for number in numbers_of(key)}
    left = _without(domain, plan, {number for number in numbers if number in known})
    _keep(node, domain, plan, {**left, **bindings})


def _keep(node: Node, domain: Domain, plan: str, numbers: Numbers) -> None:
    plans = {**domain.config.numbering_plans, plan: dict(numbers)}
    update_domain(node, Change("numbering", domain.name), numbering_plans=plans)


def _without(domain: Domain, plan: str, gone: set[str]) -> dict[str, NumberBinding]:
    """The plan in the form of the lab file, without these numbers; ranges with some of them are cut."""
    left: dict[str, NumberBinding] = {}
    for key, binding in domain.config.numbering_plans[plan].items():
        numbers = expand_numbers(key)
        kept = [number for number in numbers if number not in gone]
        for range_ in [key] if len(kept) == len(numbers) else compact(kept):
            left[range_] = binding
    return left


def _plan(domain: Domain, plan: str) -> Plan:
    return find(domain.plans, "numbering plan", plan, domain.name)


def _known(domain: Domain, plan: str, numbers: str) -> set[str]:
    known, wanted = _plan(domain, plan), set(numbers_of(numbers))
    missing = sorted(number for number in wanted if number not in known)
    if missing:
        raise ChangeRefused(f"{missing[0]} is not in plan {plan} of {domain.name}")
    return wanted
