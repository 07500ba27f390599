"""Whether the lab's own mediator can log in to the lab's own switch, decided from the lab file alone.

Source: ECSS-10 manual, MultiSORM: reasons to refuse a mediator with a right password.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sorm_mediator.addresses import host_port
from sorm_mediator.config import Config, is_loopback
from sorm_mediator.switch.mediators.access import (
    Sinks,
    Target,
    aggregate,
    aggregate_login,
    domain_login,
    reachable,
    select,
    wrong_sinks,
)

if TYPE_CHECKING:
    from sorm_mediator.config import DomainConfig
    from sorm_mediator.switch.node import Node

_PEER = "127.0.0.1:0"
"""The address of the lab's own mediator for its own switch."""


def login_problem(config: Config, node: Node) -> str:
    """Why the switch would refuse the mediator; "" when it would not, or for a mediator of another switch.

    A switch without domains is not checked: they are declared later. The licence is not checked.
    """
    ssh, first = config.ssh, node.config.ssh_port
    if not node.domains or not is_loopback(ssh.server):
        return ""
    if ssh.port == 0:
        multisorm = ssh.user not in node.domains
    elif first and ssh.port in (first, first + 1):
        multisorm = ssh.port == first + 1
    else:
        return ""
    sinks = Sinks()
    secret = config.radius.secret.get_secret_value()
    sinks.default = Target(config.radius.host, config.radius.port, secret)
    login = aggregate_login if multisorm else domain_login
    problem = login(node, sinks, ssh.user, ssh.password.get_secret_value())
    if problem:
        return problem
    user = aggregate(node, ssh.user)
    names = select(node, user).domains if user is not None and multisorm else (ssh.user,)
    radius = host_port(config.radius.host, config.radius.port)
    wrong = wrong_sinks({name: sinks.find(node.domains[name], radius, _PEER) for name in names})
    return f"{reachable(radius, _PEER)}, the mediator's [radius], {wrong}" if wrong else ""


def knows_own_mediator(domain: DomainConfig, config: Config) -> bool:
    """Whether the lab's own mediator, with its secret, is among the RADIUS servers of a domain."""
    own = reachable(host_port(config.radius.host, config.radius.port), _PEER)
    secret = config.radius.secret.get_secret_value()
    return any(
        reachable(host_port(one.host, one.port), _PEER) == own and one.secret.get_secret_value() == secret
        for one in domain.radius_servers or ()
    )
