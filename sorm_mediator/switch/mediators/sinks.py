"""Where the mediators of a domain get their reports: the RADIUS servers that it knows."""

from __future__ import annotations

from typing import NamedTuple

from sorm_mediator.addresses import host_port
from sorm_mediator.switch.domain import Domain


class Target(NamedTuple):
    """Where a mediator gets its reports."""

    host: str
    port: int
    secret: str

    @property
    def mediator(self) -> str:
        """The name that the mediator goes by: ``host:port`` of its sink."""
        return host_port(self.host, self.port)


def reachable(sink: str, peer: str) -> str:
    """A sink's ``host:port`` as seen from here: one that listens on all addresses is where its mediator is."""
    host, _, port = sink.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if host in ("0.0.0.0", "::"):  # noqa: S104 - recognised, not listened on
        host = peer.rpartition(":")[0]
    return host_port("127.0.0.1" if host == "localhost" else host, port)


class Sinks:
    """The RADIUS servers of every domain. ``default``: for those that name none."""

    def __init__(self) -> None:
        self.default: Target | None = None

    def of(self, domain: Domain) -> list[Target]:
        """Those of a domain."""
        servers = domain.config.radius_servers
        if servers is None:
            return [self.default] if self.default else []
        return [Target(server.host, server.port, server.secret.get_secret_value()) for server in servers]

    def find(self, domain: Domain, radius: str, peer: str) -> Target | None:
        """The one that a mediator says is its own; ``peer``: where the mediator is."""
        sink = reachable(radius, peer)
        return next((target for target in self.of(domain) if reachable(target.mediator, peer) == sink), None)
