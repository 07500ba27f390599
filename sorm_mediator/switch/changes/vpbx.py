"""Tenants of the Sipteco virtual PBX: made, deleted, started and stopped.

Source: Sipteco platform manual, 4.2 (its list of commands has xm create and xm destroy the wrong way round;
4.3.1 and 4.3.2 have them right).
"""

from __future__ import annotations

from sorm_mediator.config import DomainConfig, VpbxConfig
from sorm_mediator.config.vpbx import free_address
from sorm_mediator.switch.changes import ChangeRefused, created, find, update_domain, update_switch, updated
from sorm_mediator.switch.changes.domains import remove_domain
from sorm_mediator.switch.domain import Domain
from sorm_mediator.switch.node import Change, Node


def tenant_of(node: Node, name: str) -> tuple[Domain, VpbxConfig]:
    """A tenant and its data. Raises :class:`ChangeRefused`."""
    domain = find(node.domains, "tenant", name)
    if domain.config.vpbx is None:
        raise ChangeRefused(f"{name} is no tenant of a virtual PBX")
    return domain, domain.config.vpbx


def install(node: Node, name: str) -> VpbxConfig:
    """Make an empty tenant with the next inner address, and start it. Raises :class:`ChangeRefused`."""
    taken = {one.vpbx.address for one in node.config.domains if one.vpbx is not None}
    address = free_address(taken)
    if not address:
        raise ChangeRefused("there is no free inner address; delete_qfon a tenant first")
    vpbx = created(VpbxConfig, address=address)
    config = created(DomainConfig, name=name, vpbx=vpbx)
    update_switch(node, Change("domain", name), domains=(*node.config.domains, config))
    return vpbx


def delete(node: Node, name: str) -> None:
    """Delete a tenant with its database. Refused while it has calls. Raises :class:`ChangeRefused`."""
    tenant_of(node, name)
    remove_domain(node, name)


def set_running(node: Node, name: str, running: bool) -> None:
    """Start or stop a tenant. Its running calls go on. Raises :class:`ChangeRefused`."""
    _, vpbx = tenant_of(node, name)
    if vpbx.running == running:
        raise ChangeRefused(f"{name} {'runs already' if running else 'is stopped already'}")
    update_domain(node, Change("switch", name), vpbx=updated(vpbx, running=running))
