"""Licences of stations, users and trunks: assigned, released, checked; licence files and what the licence server wants.

Source: docs/network-licence.md; OpenScape Business administration, Licensing.
"""

from __future__ import annotations

from collections.abc import Iterator

from sorm_mediator.config import SubscriberConfig
from sorm_mediator.config.stations import LicencePoolConfig, LicenceServerConfig, RegistrationConfig
from sorm_mediator.switch.assignments import Assignments, AssignmentState, Checked, Who
from sorm_mediator.switch.changes import (
    ChangeRefused,
    find,
    rejections,
    the_domain,
    update_domain,
    update_switch,
    updated,
)
from sorm_mediator.switch.licence import ActivationBody, decode_activation, locking_id
from sorm_mediator.switch.node import Change, Node
from sorm_mediator.texts import as_list

NO_POOL = "this switch needs no licences of stations: write [switch.licence_pool] in the lab file"


def assignments_of(node: Node) -> Assignments:
    """The licences of the subscribers. Raises :class:`ChangeRefused` where none is needed."""
    if node.assignments is None:
        raise ChangeRefused(NO_POOL)
    return node.assignments


def the_subscriber(node: Node, text: str) -> Who:
    """The subscriber ``NUMBER``, or ``NUMBER@DOMAIN``. Raises :class:`ChangeRefused`."""
    number, _, name = text.partition("@")
    if name:
        find(the_domain(node, name).subscribers, "subscriber", number, name)
        return name, number
    found = [domain.name for domain in node.domains.values() if number in domain.subscribers]
    if not found:
        raise ChangeRefused(f"no domain has a subscriber {number!r}")
    if len(found) > 1:
        raise ChangeRefused(f"{number} is a subscriber of {as_list(found)}: write {number}@DOMAIN")
    return found[0], number


def assign(node: Node, text: str, licence: str) -> AssignmentState:
    """Demand a licence for a subscriber; :func:`check` unlocks it. Raises :class:`ChangeRefused`."""
    with rejections():
        state = assignments_of(node).assign(the_subscriber(node, text), licence)
    node.on_demand()
    return state


def release(node: Node, text: str, licence: str) -> AssignmentState:
    """Give a licence back; :func:`check` saves it. Raises :class:`ChangeRefused`."""
    with rejections():
        state = assignments_of(node).release(the_subscriber(node, text), licence)
    node.on_demand()
    return state


def check(node: Node) -> Checked:
    """Save releases, unlock demands, and write both to the settings. Raises :class:`ChangeRefused`."""
    assignments = assignments_of(node)
    checked = assignments.check()
    for domain in [*node.domains.values()]:
        before = domain.config.subscribers
        after = tuple(_as_saved(assignments, domain.name, one) for one in before)
        if after != before:
            update_domain(node, Change("subscribers", domain.name), subscribers=after)
    node.on_demand()
    return checked


def _as_saved(assignments: Assignments, domain: str, config: SubscriberConfig) -> SubscriberConfig:
    station, licences = assignments.confirm((domain, config.number))
    if (station, set(licences)) == (config.station, set(config.licences)):
        return config
    return updated(config, station=station, licences=licences)


def license_trunk(node: Node, name: str, trunk: str, channels: int) -> None:
    """Give a trunk this number of trunk licences. Raises :class:`ChangeRefused`."""
    assignments_of(node)
    domain = the_domain(node, name)
    config = find(domain.trunks, "trunk", trunk, name).config
    if not config.kind:
        raise ChangeRefused(f"trunk {trunk} needs no licences: its kind is neither s2m nor itsp")
    others = sum(
        one.licensed_channels
        for other in node.config.domains
        for one in other.trunks
        if one.kind == config.kind and one is not config
    )
    limit = node.pool.get(config.kind, 0)
    if others + channels > limit:
        raise ChangeRefused(
            f"there are {limit} licences {config.kind}: the other trunks have {others}, so {trunk} can have "
            f"{max(0, limit - others)}, not {channels}"
        )
    changed = updated(config, licensed_channels=channels)
    trunks = tuple(changed if one is config else one for one in domain.config.trunks)
    update_domain(node, Change("trunks", name), trunks=trunks)


# --- activation


def activator(node: Node) -> str:
    """The Locking ID to activate for. Raises :class:`ChangeRefused` on a slave, which activates nothing."""
    network = node.config.licence_network
    if network.role == "slave":
        raise ChangeRefused(
            f"this node is a slave: a network has one licence file, which is activated on its master {network.master}"
        )
    return locking_id(node.config)


def activate(node: Node, text: str) -> ActivationBody:
    """Activate a licence file; it takes the place of the one before. Raises :class:`ChangeRefused`."""
    own = activator(node)
    with rejections():
        body = decode_activation(text)
    if body.locking_id != own:
        raise ChangeRefused(
            f"the licence file is for the Locking ID {body.locking_id}, and this switch has {own}; nothing is changed"
        )
    before = node.activation
    if before is not None and body.serial <= before.serial:
        raise ChangeRefused(
            f"this is licence file {body.serial}, and file {before.serial} is activated already: ask the licence "
            "server for a new one"
        )
    pool = node.config.licence_pool or LicencePoolConfig()
    update_switch(node, Change("switch"), licence_pool=updated(pool, activation="".join(text.split())))
    return body


def set_server(node: Node, url: str) -> None:
    """Set the address of the licence server. Raises :class:`ChangeRefused` for a user without the profile expert."""
    if node.config.admin.profile != "expert":
        raise ChangeRefused("the address of the licence server is for users with the profile expert")
    update_switch(node, Change("switch"), licence_server=updated(LicenceServerConfig(), url=url))


REGISTRATION_KEYS = tuple(RegistrationConfig.model_fields)


def set_registration(node: Node, key: str, value: str) -> None:
    """Set one of the registration data. Raises :class:`ChangeRefused`."""
    if key not in REGISTRATION_KEYS:
        raise ChangeRefused(f"{key!r} is not allowed: {' or '.join(REGISTRATION_KEYS)}")
    update_switch(node, Change("switch"), registration=updated(node.config.registration, **{key: value}))


def trunk_rows(node: Node) -> Iterator[tuple[str, str, str, int, int, int]]:
    """Domain, trunk, kind, channels asked for, channels licensed, and calls of the trunks that need licences."""
    for share in node.trunk_shares:
        active = node.domains[share.domain].trunks[share.trunk].active
        yield share.domain, share.trunk, share.kind, share.asked, share.licensed, active
