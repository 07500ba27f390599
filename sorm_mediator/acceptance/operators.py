"""Who is tested, and which operators there are: what the matrix takes from the lab file and the switch. Pure.

Source: ECSS-10 manual, Number format check; ECSS-10 manual, MultiSORM, where the domains of an aggregate are one
exchange.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sorm_mediator.config import Config, ConfigError
from sorm_mediator.config.acceptance import Direction
from sorm_mediator.switch.calls.call import Endpoint, first_leg, own_number
from sorm_mediator.switch.domain import Domain, Subscriber, Trunk
from sorm_mediator.switch.path import Exit, Hop, find_path
from sorm_mediator.switch.routing import Number
from sorm_mediator.switch.routing.numbering import aliases
from ssh_control.multisorm.patterns import DomainList, PatternError

Domains = Mapping[str, Domain]


@dataclass(frozen=True, slots=True)
class Operator:
    """A trunk toward an operator. name: as in the lab file, NAME@DOMAIN where two domains have a trunk of that name."""

    name: str
    domain: str
    trunk: Trunk

    def carries(self, direction: Direction) -> bool:
        """Whether calls of this direction go by it at all."""
        return self.trunk.config.direction in ("both", direction)

    def is_exit(self, exit_: Exit | None) -> bool:
        """Whether a call leaves by it."""
        return exit_ is self.trunk


def controlled_domains(config: Config, domains: Domains) -> list[Domain]:
    """The domains of the mediator's user, of an aggregate all that it stands for, in the order of the lab file.

    Raises :class:`ConfigError`.
    """
    user = config.ssh.user
    if user in domains:
        return [domains[user]]
    assert config.switch is not None
    for aggregate in config.switch.aggregates:
        if aggregate.user == user:
            try:
                wanted = DomainList.parse(aggregate.domains)
            except PatternError as error:
                raise ConfigError(f"switch.aggregates: {user}: domains: {error}") from None
            return [domain for name, domain in domains.items() if wanted.takes(name)]
    known = ", ".join([*domains, *(one.user for one in config.switch.aggregates)]) or "none"
    raise ConfigError(
        f"ssh.user: {user!r} is no domain of the switch, nor an aggregate user; there are: {known}"
    )


def operators_of(domains: Iterable[Domain]) -> list[Operator]:
    """All trunks of the domains, each an operator's direction."""
    found = [(domain, trunk) for domain in domains for trunk in domain.trunks.values()]
    times = Counter(trunk.name for _, trunk in found)
    return [
        Operator(trunk.name if times[trunk.name] == 1 else f"{trunk.name}@{domain.name}", domain.name, trunk)
        for domain, trunk in found
    ]


def testable(domain: Domain) -> list[Subscriber]:
    """The subscribers that a call comes to and stays with: no forwarding, a line that works."""
    return [one for one in domain.subscribers.values() if one.reachable and not one.forwardings]


def full_numbers(domain: Domain, subscriber: Subscriber) -> list[str]:
    """The numbers of the domain's plans that lead to a subscriber; first those that it is known by."""
    masters = [plan.number_of(subscriber.number) for plan in domain.plans.values()]
    others = aliases(domain.plans.values()).get(subscriber.number, set())
    return list(dict.fromkeys([*filter(None, masters), *sorted(others)]))


def path_from(domains: Domains, domain: Domain, subscriber: Subscriber, dialled: str) -> tuple[Hop, ...]:
    """The way of a call that a subscriber makes."""
    caller = Endpoint(number=own_number(subscriber.number), subscriber=subscriber)
    return find_path(domains, domain, first_leg(domain, caller, Number(digits=dialled)).request)


def path_in(domains: Domains, operator: Operator, calling: str, dialled: str) -> tuple[Hop, ...]:
    """The way of a call that comes in by a trunk."""
    domain = domains[operator.domain]
    caller = Endpoint(number=Number(digits=calling), trunk=operator.trunk)
    return find_path(domains, domain, first_leg(domain, caller, Number(digits=dialled)).request)
