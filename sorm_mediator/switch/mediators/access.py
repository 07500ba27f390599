"""Who may log in to the switch as a mediator, and why not. Without I/O.

Source: ECSS-10 manual, MultiSORM: even the right password does not help when a domain "не существует, либо имеет
некорректные настройки для взаимодействия с СОРМ посредником". The reasons are for the log, not for the peer.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping

from pydantic import SecretStr

from sorm_mediator.config import AggregateConfig
from sorm_mediator.switch.domain import Domain
from sorm_mediator.switch.mediators.sinks import Sinks
from sorm_mediator.switch.node import Node
from ssh_control.patterns import DomainList, Selection

NO_SINK = "the domain has no RADIUS server: nobody to report calls to"


def right(password: str, expected: SecretStr | None) -> bool:
    """Compare in constant time, also with that of somebody who is not there."""
    wanted = expected.get_secret_value() if expected else ""
    return hmac.compare_digest(password.encode(), wanted.encode()) and bool(wanted)


def domain_login(node: Node, sinks: Sinks, user: str, password: str) -> str | None:
    """Why a mediator may not log in to one domain; None when it may."""
    domain = node.domains.get(user)
    matches = right(password, domain.config.password if domain else None)
    if domain is None:
        if aggregate(node, user) is not None:
            return "this is a MultiSORM user: its port is the next one (ssh_port + 1)"
        return "there is no such domain"
    if not domain.config.enabled:
        return "SORM is not enabled in the domain"
    if not domain.config.password.get_secret_value():
        return "the domain has no password for SORM"
    if not matches:
        return "wrong password"
    return None if sinks.of(domain) else NO_SINK


def aggregate_login(node: Node, sinks: Sinks, user: str, password: str) -> str | None:
    """Why a mediator may not log in to MultiSORM; None when it may."""
    found = aggregate(node, user)
    matches = right(password, found.password if found else None)
    if found is None:
        if user in node.domains:
            return "this is a domain: its port is ssh_port; this one is for MultiSORM users (ssh_port + 1)"
        return "there is no such MultiSORM user, and no such domain"
    if not found.password.get_secret_value():
        return "the MultiSORM user has no password"
    if not matches:
        return "wrong password"
    return "; ".join(problems(node, sinks, found)) or None


def aggregate(node: Node, user: str) -> AggregateConfig | None:
    """The MultiSORM user of that name."""
    return next((one for one in node.config.aggregates if one.user == user), None)


def select(node: Node, found: AggregateConfig) -> Selection:
    """The domains that a MultiSORM user stands for now."""
    return DomainList.parse(found.domains).select(node.domains)


def problems(node: Node, sinks: Sinks, found: AggregateConfig) -> list[str]:
    """All that keeps the domains of a MultiSORM user from being one exchange.

    A pattern stands for every domain that it fits, also for those that are not set up: a domain that is left out in
    silence would be worse than a login refused. Who wants it left out says so (``* -test``).
    """
    selection = select(node, found)
    told = list(selection.problems)
    for name in selection.domains:
        problem = why_not_connected(node.domains[name], sinks)
        if problem:
            told.append(f"{name}: {problem}")
    clashing = clash(node.domains[name] for name in selection.domains)
    return [*told, clashing] if clashing else told


def why_not_connected(domain: Domain, sinks: Sinks) -> str:
    """All that is wrong with a domain's settings for mediators; "" when nothing is."""
    config = domain.config
    told = [] if config.enabled else ["SORM is not enabled in the domain"]
    servers = sinks.of(domain)
    if not servers:
        told.append(NO_SINK)
    told += [f"its RADIUS server {one.mediator} has no secret" for one in servers if not one.secret]
    if config.adaptation and config.adaptation not in domain.contexts:
        told.append(f"adaptation: it has no context {config.adaptation!r}")
    return "; ".join(told)


def clash(domains: Iterable[Domain]) -> str:
    """The first subscriber's number that is in two domains, in words; "" when there is none."""
    owners: dict[str, str] = {}
    found: list[tuple[str, str, str]] = []
    for domain in domains:
        for number in domain.subscribers.keys() & owners.keys():
            found.append((number, owners[number], domain.name))
        owners |= dict.fromkeys(domain.subscribers, domain.name)
    if not found:
        return ""
    number, one, other = min(found)
    more = f", and {len(found) - 1} more numbers" if len(found) > 1 else ""
    return (
        f"the number {number} is a subscriber's in {one} and in {other}{more}; it must be in one domain only"
    )


def clash_note(node: Node, found: AggregateConfig) -> str:
    """What to say, when something is declared, of numbers that keep a MultiSORM user out; "" when there are none."""
    clashing = clash(node.domains[name] for name in select(node, found).domains)
    return f"{clashing}: until then {found.user} can't log in" if clashing else ""


def wrong_sinks(domains: Mapping[str, Domain], find: Callable[[Domain], str]) -> str:
    """Why a mediator can't be told of the calls of all domains; ``find``: its name in one, "" for none."""
    named = {name: find(domain) for name, domain in domains.items()}
    without = [name for name, mediator in named.items() if not mediator]
    if without:
        return f"is no RADIUS server of {', '.join(without)}"
    ways = dict.fromkeys(named.values())
    if len(ways) > 1:
        return f"is written in several ways by the domains: {', '.join(ways)}; one is needed"
    return ""
