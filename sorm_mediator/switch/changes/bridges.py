"""Bridges between domains.

Source: ECSS-10 manual, MultiSORM ("Декларация бриджей").
"""

from __future__ import annotations

from sorm_mediator.config import BridgeConfig, ConfigError
from sorm_mediator.switch.changes.base import (
    ChangeRefused,
    Notes,
    alter_switch,
    context_notes,
    listed,
    plan_notes,
)
from sorm_mediator.switch.node import Change, Node


def declare_bridge(node: Node, config: BridgeConfig) -> Notes:
    """A bridge. Contexts and plans that it names may come later."""
    try:
        node.connect(config, f"bridge {config.name}", strict=False)
    except ConfigError as error:
        raise ChangeRefused(str(error)) from None
    alter_switch(node, Change("bridges"), bridges=(*node.config.bridges, config))
    notes: list[str] = []
    for side in (config.a, config.b):
        domain = node.domains[side.domain]
        notes += plan_notes(domain, side.np) + context_notes(domain, side.context)
    return tuple(notes)


def remove_bridge(node: Node, name: str) -> Notes:
    """Refused while calls cross it, and while numbers of a plan lead over it."""
    bridge = node.bridges.get(name)
    if bridge is None:
        raise ChangeRefused(f"there is no bridge {name!r}; there are: {listed(node.bridges)}")
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
    for end in bridge.ends:
        del node.domains[end.side.domain].bridges[end.iface]
    del node.bridges[name]
    left = tuple(one for one in node.config.bridges if one.name != name)
    alter_switch(node, Change("bridges"), bridges=left)
    return ()
