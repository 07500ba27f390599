"""What the licence agent of a network has given to whom: (node, resource, units). Without I/O.

The units that nodes hold together never exceed what there is. A node that is not reachable keeps its units for the
failover period, since it works on with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Units = Mapping[str, int]


@dataclass(slots=True)
class Grant:
    """The units of one node, and when it asked last."""

    units: dict[str, int] = field(default_factory=dict)
    asked: float = 0.0


class Ledger:
    """The units that the nodes of a network hold. ``keep``: seconds that a silent node keeps its own."""

    def __init__(self, keep: float) -> None:
        self._keep = keep
        self.total: dict[str, int] = {}
        """Resource -> how many units there are."""
        self.grants: dict[str, Grant] = {}
        """By node, in the order of their first question."""

    def ask(self, node: str, wanted: Units, own: Units, now: float) -> Units:
        """Give a node as much as there is of what it wants, in place of what it holds.

        ``own``: the units that the master itself uses. What the node does not want any more is free again.
        """
        self.expire(now)
        grant = self.grants.setdefault(node, Grant())
        others = self.held(without=node)
        grant.units = {}
        for resource, units in wanted.items():
            free = self.total.get(resource, 0) - others.get(resource, 0) - own.get(resource, 0)
            grant.units[resource] = max(0, min(units, free))
        grant.asked = now
        return grant.units

    def give_back(self, node: str, resources: Iterable[str]) -> None:
        """A node gives its units of these resources back."""
        grant = self.grants.get(node)
        if grant is not None:
            grant.units.update({name: 0 for name in resources if name in grant.units})

    def forget(self, node: str) -> None:
        """A node has no units any more."""
        self.grants.pop(node, None)

    def held(self, *, without: str = "") -> dict[str, int]:
        """Resource -> the units that all nodes hold, but for one of them."""
        counted: dict[str, int] = {}
        for node, grant in self.grants.items():
            if node != without:
                for resource, units in grant.units.items():
                    counted[resource] = counted.get(resource, 0) + units
        return counted

    def have(self, total: Units) -> None:
        """There is another number of units. Where it is less than what is held, the last nodes lose theirs."""
        self.total = dict(total)
        over = {name: units - self.total.get(name, 0) for name, units in self.held().items()}
        for grant in reversed(self.grants.values()):
            for resource, units in grant.units.items():
                lost = min(units, max(0, over[resource]))
                grant.units[resource] -= lost
                over[resource] -= lost

    def expire(self, now: float) -> None:
        """Take the units of nodes that have not asked for the failover period."""
        for node in [one for one, grant in self.grants.items() if now - grant.asked > self._keep]:
            del self.grants[node]
