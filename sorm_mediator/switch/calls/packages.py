"""The licence's packages of supplementary services, and the subscribers that use them.

A package, such as ``ECSS-ADV``, covers groups of services (its SS list), and its limit is the number of subscribers
that may have it. A subscriber takes one licence of a package for each group of its services: of the package with the
fewest groups that has one free. A package of several groups serves all of them. A licence is free again when the
subscriber cancels its last service of the group, or is removed.

The packages count where the licence names at least one of them. Then a service without a licence does not act: a
forwarding or call waiting of the record has no effect, and an order or a use in a call is refused. The services of the
lab file take licences first, in the order of domains and subscribers.

Source: ECSS-10 manual, Licence limits: packages with limit, description and SS list. The page of the packages is
referred to only, so the groups of the services (``switch.service_groups``) and the taking of licences are our choice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from sorm_mediator.language import Phrase
from sorm_mediator.switch.calls.call import CallRefused
from sorm_mediator.switch.domain import Domain, Subscriber
from sorm_mediator.switch.licence import PACKAGES, Licence
from sorm_mediator.switch.node import Node

_AS: Mapping[str, str] = {"consultation": "hold"}
"""Services that come with another one."""


class Packages:
    """The licences of packages that the subscribers of a switch have."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._held: dict[Subscriber, set[str]] = {}
        """Subscriber -> keys of its packages."""
        self._settled: Licence | None = None
        self._limits: Mapping[str, float] = {}
        """The packages that the active licence names -> their limits."""

    def named(self, now: float) -> bool:
        """Whether the active licence names packages."""
        self._settle(now)
        return bool(self._limits)

    def in_use(self, now: float) -> dict[str, int]:
        """The named packages -> subscribers that have them."""
        self._settle(now)
        used = self._used()
        return {key: used[key] for key in PACKAGES if key in self._limits}

    def of(self, subscriber: Subscriber, now: float) -> tuple[str, ...]:
        """The packages of a subscriber."""
        self._settle(now)
        held = self._held.get(subscriber, ())
        return tuple(key for key in PACKAGES if key in held)

    def without(self, now: float) -> Iterator[tuple[Domain, Subscriber, tuple[str, ...]]]:
        """The subscribers with services that have no licence, and those services."""
        if not self.named(now):
            return
        for domain in self._node.domains.values():
            for subscriber in domain.subscribers.values():
                names = (*subscriber.forwardings, *sorted(subscriber.features))
                lacking = tuple(name for name in names if not self.licensed(subscriber, name, now))
                if lacking:
                    yield domain, subscriber, lacking

    def licensed(self, subscriber: Subscriber, service: str, now: float) -> bool:
        """Whether a service of a subscriber may act."""
        return not self.named(now) or self._covered(subscriber, self.group(service))

    def group(self, service: str) -> int:
        """The group of a service, as in SS lists."""
        return self._node.config.service_groups.of(_AS.get(service, service))

    def check(self, subscriber: Subscriber, service: str, now: float) -> None:
        """Raises :class:`CallRefused` when a service of a subscriber has no licence.

        A service of the record takes one that has become free.
        """
        if self.licensed(subscriber, service, now):
            return
        group = self.group(service)
        if group not in self._groups(subscriber) or not self._take(subscriber, group, self._used()):
            raise CallRefused("licence", self._refusal(subscriber, service))

    def order(self, subscriber: Subscriber, service: str, now: float) -> None:
        """Take a licence for a service that is ordered. Raises :class:`CallRefused`, and takes none then."""
        if self.named(now) and not self._take(subscriber, self.group(service), self._used()):
            raise CallRefused("licence", self._refusal(subscriber, service))

    def cancelled(self, subscriber: Subscriber) -> None:
        """Give back the licences that the services of a subscriber need no more."""
        held, needed = self._held.get(subscriber, set()), self._groups(subscriber)
        for key in sorted(held, key=lambda one: len(PACKAGES[one])):
            left = held - {key}
            if needed <= {group for other in left for group in PACKAGES[other]} or not (
                needed & PACKAGES[key]
            ):
                held.discard(key)

    def _refusal(self, subscriber: Subscriber, service: str) -> Phrase:
        group = self.group(service)
        covering = [
            f"{key.removeprefix('package.')} {limit:g}"
            for key, limit in self._limits.items()
            if group in PACKAGES[key]
        ]
        assert self._settled is not None
        return Phrase(
            "{number} has no package of licence {licence} with SS {group}, which {service} needs; there are: "
            "{packages}; cancel services of others, order the service, or add a licence",
            number=subscriber.number,
            service=service,
            licence=self._settled.number,
            group=group,
            packages=", ".join(covering) or "-",
        )

    def _settle(self, now: float) -> None:
        """After a change of the configuration or of the active licence, give out the licences again.

        Those that have them come first.
        """
        active = self._node.licences.active(now)
        if active is self._settled:
            return
        self._settled = active
        limits = {key: active.limits.most(key) for key in PACKAGES}
        self._limits = {key: limit for key, limit in limits.items() if limit is not None}
        before, self._held = self._held, {}
        if not self._limits:
            return
        present = [one for domain in self._node.domains.values() for one in domain.subscribers.values()]
        known = set(present)
        used: Counter[str] = Counter()
        for subscriber in (*(one for one in before if one in known), *present):
            for group in sorted(self._groups(subscriber)):
                self._take(subscriber, group, used)

    def _take(self, subscriber: Subscriber, group: int, used: Counter[str]) -> bool:
        """Take a licence for a group; false when there is none. used: licences in use, which are counted on."""
        if self._covered(subscriber, group):
            return True
        free = [key for key, limit in self._limits.items() if group in PACKAGES[key] and used[key] < limit]
        if not free:
            return False
        key = min(free, key=lambda one: len(PACKAGES[one]))
        self._held.setdefault(subscriber, set()).add(key)
        used[key] += 1
        return True

    def _covered(self, subscriber: Subscriber, group: int) -> bool:
        return any(group in PACKAGES[key] for key in self._held.get(subscriber, ()))

    def _used(self) -> Counter[str]:
        return Counter(key for held in self._held.values() for key in held)

    def _groups(self, subscriber: Subscriber) -> set[int]:
        return {self.group(name) for name in (*subscriber.forwardings, *subscriber.features)}
