"""Admission of mediators to the switch: by password and settings, by RADIUS server, by the licence. No I/O.

Source: ECSS-10 manual, MultiSORM: even the right password does not help when a domain "не существует, либо имеет
некорректные настройки для взаимодействия с СОРМ посредником". The reasons are for the log, not for the peer.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from pydantic import SecretStr

from sorm_mediator.addresses import host_of, host_port
from sorm_mediator.config import AggregateConfig
from sorm_mediator.switch.domain import Domain
from sorm_mediator.switch.node import Node
from ssh_control.dialect import NO_RADIUS_SERVER, Notify
from ssh_control.multisorm.patterns import DomainList, Selection

NO_SINK = "the domain has no RADIUS server: nobody to report calls to"


class Target(NamedTuple):
    """The RADIUS server that receives a mediator's reports."""

    host: str
    port: int
    secret: str

    @property
    def mediator(self) -> str:
        """The mediator's identity: ``host:port`` of its sink."""
        return host_port(self.host, self.port)


def reachable(sink: str, peer: str) -> str:
    """A sink's ``host:port`` as seen from the switch. A sink on all addresses has its mediator's address."""
    host, port = host_of(sink), sink.rpartition(":")[2]
    if host in ("0.0.0.0", "::"):  # nosec B104 # noqa: S104 - recognised, not listened on
        host = host_of(peer)
    return host_port("127.0.0.1" if host == "localhost" else host, port)


class Sinks:
    """The RADIUS servers of every domain. ``default``: for domains without any of their own."""

    def __init__(self) -> None:
        self.default: Target | None = None

    def of(self, domain: Domain) -> list[Target]:
        """The RADIUS servers of a domain."""
        servers = domain.config.radius_servers
        if servers is None:
            return [self.default] if self.default else []
        return [Target(server.host, server.port, server.secret.get_secret_value()) for server in servers]

    def find(self, domain: Domain, radius: str, peer: str) -> str:
        """The mediator with this ``radius`` in its hello and this address (``peer``); "" when the domain has none."""
        sink, known = reachable(radius, peer), (target.mediator for target in self.of(domain))
        return next((mediator for mediator in known if reachable(mediator, peer) == sink), "")


def password_problem(password: str, expected: SecretStr | None, without: str) -> str | None:
    """Why a password does not admit; None when it does. ``without``: the reason where none is set.

    Compares in constant time, even for a user that does not exist.
    """
    wanted = expected.get_secret_value() if expected else ""
    right = hmac.compare_digest(password.encode(), wanted.encode())
    if not wanted:
        return without
    return None if right else "wrong password"


def domain_of(node: Node, user: str) -> Domain | None:
    """The domain that mediators log in to as this user."""
    return next((one for one in node.domains.values() if one.config.login == user), None)


def domain_login(node: Node, sinks: Sinks, user: str, password: str) -> str | None:
    """Why a mediator may not log in to one domain; None when it may."""
    domain = domain_of(node, user)
    expected = domain.config.password if domain else None
    problem = password_problem(password, expected, "the domain has no password for SORM")
    if domain is None:
        if aggregate(node, user) is not None:
            return "this is a MultiSORM user: its port is the next one (ssh_port + 1)"
        if user in node.domains:
            return "its mediators have a user of their own (sorm_user), as in a switch before 3.4.2"
        return "there is no such domain"
    if not domain.config.enabled:
        return "SORM is not enabled in the domain"
    return problem or (None if sinks.of(domain) else NO_SINK)


def aggregate_login(node: Node, sinks: Sinks, user: str, password: str) -> str | None:
    """Why a mediator may not log in to MultiSORM; None when it may."""
    found = aggregate(node, user)
    expected = found.password if found else None
    problem = password_problem(password, expected, "the MultiSORM user has no password")
    if found is None:
        if user in node.domains or domain_of(node, user) is not None:
            return "this is a domain: its port is ssh_port; this one is for MultiSORM users (ssh_port + 1)"
        return "there is no such MultiSORM user, and no such domain"
    return problem or "; ".join(problems(node, sinks, found)) or None


def aggregate(node: Node, user: str) -> AggregateConfig | None:
    """The MultiSORM user of that name."""
    return next((one for one in node.config.aggregates if one.user == user), None)


def select(node: Node, found: AggregateConfig) -> Selection:
    """The present domains of a MultiSORM user."""
    return DomainList.parse(found.domains).select(node.domains)


def problems(node: Node, sinks: Sinks, found: AggregateConfig) -> list[str]:
    """All reasons why the domains of a MultiSORM user can't be one exchange.

    A pattern includes every domain that it fits, even one that is not set up: a refused login is better than
    a domain that is silently left out. A pattern such as ``* -test`` leaves one out.
    """
    selection = select(node, found)
    domains = [node.domains[name] for name in selection.domains]
    reasons = {domain.name: why_not_connected(domain, sinks) for domain in domains}
    mistakes = (f"{name}: {reason}" for name, reason in reasons.items() if reason)
    return [*selection.problems, *mistakes, *filter(None, [clash(domains)])]


def why_not_connected(domain: Domain, sinks: Sinks) -> str:
    """All mistakes in a domain's settings for mediators; "" without any."""
    config = domain.config
    reasons = [] if config.enabled else ["SORM is not enabled in the domain"]
    servers = sinks.of(domain)
    if not servers:
        reasons.append(NO_SINK)
    reasons += [f"its RADIUS server {one.mediator} has no secret" for one in servers if not one.secret]
    if config.adaptation and config.adaptation not in domain.contexts:
        reasons.append(f"adaptation: it has no context {config.adaptation!r}")
    return "; ".join(reasons)


def clash(domains: Iterable[Domain]) -> str:
    """The first number that subscribers of two domains have, as a text; "" without any."""
    owners: dict[str, str] = {}
    found: list[tuple[str, str, str]] = []
    for domain in domains:
        for number in domain.subscribers.keys() & owners.keys():
            found.append((number, owners[number], domain.name))
        owners |= dict.fromkeys(domain.subscribers, domain.name)
    if not found:
        return ""
    number, one, other = min(found)
    more = f", and {len(found) - 1} more number{'s' if len(found) > 2 else ''}" if len(found) > 1 else ""
    return (
        f"the number {number} is a subscriber's in {one} and in {other}{more}; it must be in one domain only"
    )


def clash_note(node: Node, found: AggregateConfig) -> str:
    """The note on a declaration with numbers that prevent the login of a MultiSORM user; "" without any."""
    clashing = clash(node.domains[name] for name in select(node, found).domains)
    return f"{clashing}: until then {found.user} can't log in" if clashing else ""


def wrong_sinks(named: Mapping[str, str]) -> str:
    """Why a mediator can't get the reports of all domains; "" when it can. ``named``: its sink in each domain."""
    without = [name for name, mediator in named.items() if not mediator]
    if without:
        return f"{NO_RADIUS_SERVER} {', '.join(without)}"
    ways = dict.fromkeys(named.values())
    if len(ways) > 1:
        return f"is written in several ways by the domains: {', '.join(ways)}; one is needed"
    return ""


class Channels:
    """The pairs of connected mediators and domains, which the licence counts."""

    def __init__(self, why_no_channel: Callable[[int], str]) -> None:
        """``why_no_channel``: why there can't be one more than this number of pairs; "" when there can."""
        self._why_no_channel = why_no_channel
        self._open: dict[tuple[str, str], int] = {}

    def __len__(self) -> int:
        return len(self._open)

    def problem(self, mediator: str, domains: list[str]) -> str:
        """Why a mediator may not have channels to these domains. Several connections of a mediator need one channel."""
        new = sum((domain, mediator) not in self._open for domain in domains)
        return self._why_no_channel(len(self._open) + new - 1) if domains else ""

    def add(self, mediator: str, domain: str, count: int = 1) -> None:
        """Add this number of connections; a negative number removes them."""
        count += self._open.pop((domain, mediator), 0)
        if count > 0:
            self._open[domain, mediator] = count

    def domains_of(self, mediator: str) -> list[str]:
        """The domains of a connected mediator."""
        return [domain for domain, other in self._open if other == mediator]

    def of(self, domain: str) -> set[str]:
        """The connected mediators of a domain."""
        return {mediator for name, mediator in self._open if name == domain}

    def status(self) -> dict[str, int]:
        """Connections by mediator and domain, for people."""
        return {f"{mediator} in {domain}": n for (domain, mediator), n in self._open.items()}


SecondSession = Literal["same-address", "refuse"]


@dataclass(frozen=True, slots=True, eq=False)
class _Session:
    name: str
    host: str
    notify: Notify


class LiveSessions:
    """The connected mediators. A connected mediator can't be impersonated.

    The address of its RADIUS sink, which its hello contains, identifies a mediator. The password belongs to
    the domain, and several mediators may have it. So a second session with the same sink is admitted only
    from the same address and with the same name. The open sessions get an event in either case.

    ``policy`` is called each time; it returns which second session of a mediator is admitted. Both outcomes
    are counted.
    """

    def __init__(self, policy: Callable[[], SecondSession], counters: Counter[str]) -> None:
        self._policy = policy
        self._counters = counters
        self._live: dict[tuple[str, str], list[_Session]] = {}

    def problem(self, user: str, mediator: str, name: str, peer: str) -> str:
        """Why a session may not be opened; "" when it may. The sessions of that mediator get an event.

        ``user``: domain or MultiSORM user; ``name``, ``mediator``: the peer's name and sink, from its hello.
        """
        live = self._live.get((user, mediator), [])
        if not live:
            return ""
        same = all(one.name == name and one.host == host_of(peer) for one in live)
        admitted = same and self._policy() == "same-address"
        self._counters["second sessions" if admitted else "second sessions refused"] += 1
        host = live[0].host
        event = {"event": "second-session", "mediator": name, "peer": peer, "admitted": admitted}
        self.notify(user, event, mediator)
        return "" if admitted else f"{mediator} is connected already, from {host}"

    def opened(self, user: str, mediator: str, name: str, peer: str, notify: Notify) -> Callable[[], None]:
        """Register an open session. Returns the function to call at its end."""
        key, session = (user, mediator), _Session(name, host_of(peer), notify)
        self._live.setdefault(key, []).append(session)

        def closed() -> None:
            self._live[key].remove(session)
            if not self._live[key]:
                del self._live[key]

        return closed

    def notify(self, user: str, event: dict[str, Any], mediator: str = "") -> None:
        """Send an event to the sessions of a user: those of one mediator, or of all ("")."""
        for (owner, sink), sessions in tuple(self._live.items()):
            if owner == user and mediator in ("", sink):
                for one in tuple(sessions):
                    one.notify(event)
