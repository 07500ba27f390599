"""Domains, their subscribers and trunks, and the bridges between them.

Source: ECSS-10 manual, MultiSORM: its example, steps 1 to 4, and "Декларация бриджей".
"""

from __future__ import annotations

from collections.abc import Iterator

from sorm_mediator.config import BridgeConfig, DomainConfig, SubscriberConfig, TrunkConfig
from sorm_mediator.switch.changes import (
    ChangeRefused,
    Notes,
    created,
    find,
    numbers_of,
    the_domain,
    update_domain,
    update_switch,
    updated,
)
from sorm_mediator.switch.changes.licence import check_room
from sorm_mediator.switch.domain import Domain, Subscriber
from sorm_mediator.switch.mediators.access import clash_note, select
from sorm_mediator.switch.node import Change, Node, context_notes, plan_notes
from sorm_mediator.switch.routing.route import External
from sorm_mediator.texts import as_list


def declare_domain(node: Node, name: str) -> None:
    """Declare an empty domain with the defaults of a lab file."""
    config = created(DomainConfig, name=name)
    update_switch(node, Change("domain", name), domains=(*node.config.domains, config))


def remove_domain(node: Node, name: str) -> None:
    """Remove a domain. Refused while calls run in it, and while bridges or MultiSORM users name it."""
    domain = the_domain(node, name)
    if domain.bridges:
        names = as_list(end.bridge.name for end in domain.bridges.values())
        raise ChangeRefused(f"{name} has bridges: {names}; remove them first")
    users = [one.user for one in node.config.aggregates if name in one.domains]
    if users:
        raise ChangeRefused(
            f"{name} is named by the MultiSORM users {as_list(users)}: "
            "sorm/set aggregate_sorm_settings remove them first"
        )
    busy = [number for number, subscriber in domain.subscribers.items() if subscriber.calls]
    busy += [trunk.name for trunk in domain.trunks.values() if trunk.active]
    if busy:
        raise ChangeRefused(f"{name} has calls: {as_list(busy)}; wait until they have ended")
    left = tuple(one for one in node.config.domains if one.name != name)
    update_switch(node, Change("domain", name), domains=left)


def declare_subscribers(
    node: Node,
    name: str,
    context: str,
    group: str,
    ifaces: str,
    alias: str = "",
    *,
    now: float,
    active: bool = True,
    virtual: bool = False,
) -> Notes:
    """Declare subscribers of the interfaces ``USER@DOMAIN``; ranges as in numbering plans.

    ``alias``: their numbers; "": the user part of the interface is the number. ``now``: Unix seconds, for the
    limit of the licence, which inactive subscribers do not count for.
    """
    domain = the_domain(node, name)
    user, _, host = ifaces.partition("@")
    # An interface that is not a number, such as s10p20@msan, has its number as alias
    # (ECSS-10 manual, Number format check).
    users = numbers_of(user) if not alias or "{" in user else [user]
    numbers = numbers_of(alias) if alias else users
    if len(users) != len(numbers):
        raise ChangeRefused(f"{ifaces} is {len(users)} interfaces, and {alias} is {len(numbers)} numbers")
    if active:
        check_room(node, len(numbers), now, virtual=virtual)
    # Only what differs from the default is given, so that a lab file that is saved has no more than it needs.
    state = {"active": False} if not active else {}
    state |= {"virtual": True} if virtual else {}
    new = tuple(
        created(
            SubscriberConfig,
            number=number,
            context=context,
            group=group,
            iface=f"{user}@{host or name}",
            **state,
        )
        for user, number in zip(users, numbers, strict=True)
    )
    update_domain(node, Change("subscribers", name), subscribers=(*domain.config.subscribers, *new))
    notes = [*context_notes(domain, context)]
    if host != name and host in node.domains:
        notes.append(
            f"{ifaces} is named as one of {host}, and is declared in {name}; "
            f"if {host} was meant: sip/user/remove it here, then domain/{host}/sip/user/declare"
        )
    clashes = (clash_note(node, one) for one in node.config.aggregates if name in select(node, one).domains)
    return (*notes, *filter(None, clashes))


def activate_subscribers(node: Node, name: str, numbers: str, now: float) -> None:
    """Give inactive subscribers service. Refused where the licence has no room for them. ``now``: Unix seconds."""
    domain = the_domain(node, name)
    chosen = _subscribers(domain, numbers)
    for virtual in (False, True):
        more = sum(not one.active and one.virtual is virtual for one in chosen)
        check_room(node, more, now, virtual=virtual)
    _set_active(node, domain, {one.number for one in chosen}, active=True)


def deactivate_subscribers(node: Node, name: str, numbers: str) -> None:
    """Take service from subscribers; they stay declared. Refused while they are in a call."""
    domain = the_domain(node, name)
    chosen = _subscribers(domain, numbers)
    for subscriber in chosen:
        if subscriber.calls:
            raise ChangeRefused(f"{subscriber.number} is in a call; wait until it has ended")
    _set_active(node, domain, {one.number for one in chosen}, active=False)


def _subscribers(domain: Domain, numbers: str) -> list[Subscriber]:
    """The subscribers of a range. Raises :class:`ChangeRefused`."""
    found = []
    for number in numbers_of(numbers.partition("@")[0]):
        subscriber = domain.subscribers.get(number)
        if subscriber is None:
            raise ChangeRefused(f"{number} is not a subscriber of {domain.name}")
        found.append(subscriber)
    return found


def _set_active(node: Node, domain: Domain, numbers: set[str], *, active: bool) -> None:
    subscribers = tuple(
        updated(one, active=active) if one.number in numbers and one.active is not active else one
        for one in domain.config.subscribers
    )
    update_domain(node, Change("subscribers", domain.name), subscribers=subscribers)


def remove_subscribers(node: Node, name: str, numbers: str) -> None:
    """Remove subscribers. Refused while they are in a call, and while a numbering plan leads to them."""
    domain = the_domain(node, name)
    gone = set(numbers_of(numbers.partition("@")[0]))
    for number in sorted(gone):
        subscriber = domain.subscribers.get(number)
        if subscriber is None:
            raise ChangeRefused(f"{number} is not a subscriber of {name}")
        if subscriber.calls:
            raise ChangeRefused(f"{number} is in a call; wait until it has ended")
        for plan in domain.plans.values():
            full = plan.number_of(number)
            if full is not None:
                raise ChangeRefused(
                    f"{full} of plan {plan.name} leads to {number}: np/numbers/unbind it first"
                )
    left = tuple(one for one in domain.config.subscribers if one.number not in gone)
    update_domain(node, Change("subscribers", name), subscribers=left)


def set_network(node: Node, name: str, sets: tuple[str, ...]) -> None:
    """Set the SIP network sets of a domain. They are kept and shown only; the switch has no SIP."""
    the_domain(node, name)
    update_domain(node, Change("network", name), ip_set=sets)


def declare_trunk(
    node: Node, name: str, context: str, trunk: str, peer: str, *, number: int | None = None
) -> Notes:
    """Declare a trunk group. ``number``: as in commands 5 and 16; ``None``: the lowest free one, from 1."""
    domain = the_domain(node, name)
    if number is None:
        taken = {other.number for other in domain.trunks.values()}
        number = next(free for free in range(1, len(taken) + 2) if free not in taken)
    config = created(TrunkConfig, number=number, name=trunk, peer=peer, context=context)
    update_domain(node, Change("trunks", name), trunks=(*domain.config.trunks, config))
    return context_notes(domain, context)


def rename_trunk(node: Node, name: str, number: int, trunk: str) -> Notes:
    """Rename the trunk of this number. Its calls go on; the mediators get an event (message 2Ah)."""
    domain = the_domain(node, name)
    found = next((one for one in domain.trunks.values() if one.number == number), None)
    if found is None:
        known = as_list(str(one.number) for one in domain.trunks.values())
        raise ChangeRefused(f"{name} has no trunk {number}; it has: {known}")
    before = found.config
    if trunk == before.name:
        return ()
    config = updated(before, name=trunk)
    trunks = tuple(config if one is before else one for one in domain.config.trunks)
    update_domain(node, Change("trunks", name, renamed=(number, trunk)), trunks=trunks)
    return tuple(_rules_without(domain, before.name))


def _rules_without(domain: Domain, trunk: str) -> Iterator[str]:
    """Notes on the rules that still name a trunk by its old name."""
    for context in domain.contexts.values():
        for rule in context.rules:
            if isinstance(rule.verdict, External) and trunk in rule.verdict.directions:
                yield (
                    f"rule {rule.name!r} of context {context.name!r} still names {trunk!r}: import the context with "
                    "the new name; until then it leads no call there"
                )


def remove_trunk(node: Node, name: str, trunk: str) -> None:
    """Remove a trunk. Refused while the trunk carries calls."""
    domain = the_domain(node, name)
    found = find(domain.trunks, "trunk", trunk, name)
    if found.active:
        raise ChangeRefused(f"trunk {trunk} carries {found.active} calls; wait until they have ended")
    left = tuple(one for one in domain.config.trunks if one.name != trunk)
    update_domain(node, Change("trunks", name), trunks=left)


# --- bridges


def declare_bridge(node: Node, config: BridgeConfig) -> Notes:
    """Declare a bridge. Its contexts and plans may be declared later."""
    update_switch(node, Change("bridges"), bridges=(*node.config.bridges, config))
    notes: list[str] = []
    for side in (config.a, config.b):
        domain = node.domains[side.domain]
        notes += plan_notes(domain, side.np) + context_notes(domain, side.context)
    return tuple(notes)


def remove_bridge(node: Node, name: str) -> None:
    """Remove a bridge. Refused while calls cross it, and while numbers of a plan lead over it."""
    bridge = find(node.bridges, "bridge", name)
    if bridge.active:
        raise ChangeRefused(f"{bridge.active} calls cross bridge {name}; wait until they have ended")
    for end in bridge.ends:
        domain = node.domains[end.side.domain]
        for plan in domain.plans.values():
            for number, binding in plan.numbers.items():
                if binding.bridge == name:
                    raise ChangeRefused(
                        f"{number} of plan {plan.name} in {domain.name} leads over {name}: np/numbers/unbind first"
                    )
    left = tuple(one for one in node.config.bridges if one.name != name)
    update_switch(node, Change("bridges"), bridges=left)
