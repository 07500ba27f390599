"""SORM parameters of a domain and of the switch.

Source: ECSS-10 manual, Internal protocol, and MultiSORM ("Настройка глобальных параметров СОРМ").
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pydantic import SecretStr

from sorm_mediator.addresses import MOST_PORT, host_port, port_number, split_optional_port
from sorm_mediator.config import AggregateConfig, DomainConfig, RadiusServerConfig
from sorm_mediator.switch.changes import (
    ChangeRefused,
    Notes,
    created,
    the_domain,
    update_domain,
    update_switch,
)
from sorm_mediator.switch.mediators.access import clash_note
from sorm_mediator.switch.node import Change, Node
from sorm_mediator.texts import as_list, shown, whole_number
from ssh_control.multisorm.patterns import DomainList

SORM_PARAMETERS: Final = (
    "adaptation",
    "b_digits_mode",
    "enabled",
    "full_dial_number",
    "password",
    "platform_id",
    "private_phone_prefix",
    "radius_servers",
    "send_optional_cf_notification",
    "strict_intercity_numbers",
    "strict_private_numbers",
)
"""The parameters of ``sorm/info``, in its order (ECSS-10 manual, SORM parameters of a domain)."""

TRUTH: Final[Mapping[str, bool]] = MappingProxyType({"true": True, "false": False})

RADIUS_PORT: Final = 1813
"""UDP port of a mediator's sink when none is given (Eltex SMG1016M manual, RADIUS settings)."""


def truth(name: str, value: str) -> bool:
    """``true`` or ``false``. Raises :class:`ChangeRefused`."""
    if value not in TRUTH:
        raise ChangeRefused(f"{name}: {value!r} is not allowed: true or false")
    return TRUTH[value]


def set_parameter(node: Node, name: str, parameter: str, value: str) -> Notes:
    """Set a parameter other than ``radius_servers``."""
    domain = the_domain(node, name)
    _known(parameter)
    if parameter == "radius_servers":
        raise ChangeRefused("radius_servers: say add ADDRESS[:PORT] SECRET, or remove ADDRESS[:PORT]")
    is_flag = DomainConfig.model_fields[parameter].annotation is bool
    update_domain(node, Change("sorm", name), **{parameter: truth(parameter, value) if is_flag else value})
    if parameter != "adaptation" or not value or value in domain.contexts:
        return ()
    return (f"there is no context {value!r} in {name} yet: import it; until then nothing is rewritten by it",)


def clean_parameter(node: Node, name: str, parameter: str) -> None:
    """Set a parameter to its default."""
    the_domain(node, name)
    _known(parameter)
    default = DomainConfig.model_fields[parameter].get_default(call_default_factory=True)
    update_domain(node, Change("sorm", name), **{parameter: default})


def add_radius_server(node: Node, name: str, address: str, secret: str) -> None:
    """Add a mediator's sink: ``ADDRESS`` or ``ADDRESS:PORT``. The first replaces the lab's own mediator."""
    domain = the_domain(node, name)
    host, port = _sink(address)
    known = domain.config.radius_servers or ()
    if any((one.host, one.port) == (host, port) for one in known):
        raise ChangeRefused(
            f"radius_servers: {host_port(host, port)} is already there; remove it first to change its secret"
        )
    if not secret:
        raise ChangeRefused("radius_servers: an empty secret; give the one that the mediator has")
    server = created(RadiusServerConfig, host=host, port=port, secret=SecretStr(secret))
    update_domain(node, Change("sorm", name), radius_servers=(*known, server))


def remove_radius_server(node: Node, name: str, address: str) -> Notes:
    """Remove a sink. Without any, no mediator can log in to the domain."""
    domain = the_domain(node, name)
    host, port = _sink(address)
    known = domain.config.radius_servers or ()
    left = tuple(one for one in known if (one.host, one.port) != (host, port))
    if len(left) == len(known):
        there = as_list(host_port(one.host, one.port) for one in known)
        raise ChangeRefused(f"radius_servers: there is no {host_port(host, port)}; there are: {there}")
    update_domain(node, Change("sorm", name), radius_servers=left)
    if left:
        return ()
    return (f"{name} has no RADIUS server any more: no mediator can log in to it",)


def set_ssh_port(node: Node, port: int) -> None:
    """Set the port for one domain; MultiSORM is on the next one. The caller has moved the listeners."""
    update_switch(node, Change("switch"), ssh_port=port)


def parse_port(node: Node, value: str) -> int:
    """An ``ssh_port``. With MultiSORM users it leaves room for the next one. Raises :class:`ChangeRefused`."""
    port = whole_number(value, 1, MOST_PORT)
    if port is None:
        raise ChangeRefused(f"ssh_port: {shown(value)} is not allowed: 1 to {MOST_PORT}")
    if port == MOST_PORT and node.config.aggregates:
        raise ChangeRefused(
            f"ssh_port: {port} leaves no port for MultiSORM, which is the next one: 1 to {MOST_PORT - 1}, or remove "
            f"the MultiSORM users first: {as_list(one.user for one in node.config.aggregates)}"
        )
    return port


def add_aggregate(node: Node, user: str, password: str, domains: tuple[str, ...]) -> Notes:
    """Add a MultiSORM user, with the names and patterns of its domains."""
    aggregate = created(AggregateConfig, user=user, password=SecretStr(password), domains=domains)
    return _use_aggregates(node, (*node.config.aggregates, aggregate), aggregate)


def replace_aggregate(node: Node, aggregate: AggregateConfig) -> Notes:
    """Give a MultiSORM user another password and other domains."""
    others = (aggregate if one.user == aggregate.user else one for one in node.config.aggregates)
    return _use_aggregates(node, tuple(others), aggregate)


def _use_aggregates(node: Node, all_: tuple[AggregateConfig, ...], aggregate: AggregateConfig) -> Notes:
    """``aggregate``: the one that the notes are about."""
    update_switch(node, Change("switch"), aggregates=all_)
    problems = DomainList.parse(aggregate.domains).select(node.domains).problems
    notes = [f"{problem}: {aggregate.user} can't log in until it is declared" for problem in problems]
    return (*notes, *filter(None, [clash_note(node, aggregate)]))


def remove_aggregate(node: Node, user: str) -> None:
    """Remove a MultiSORM user."""
    left = tuple(one for one in node.config.aggregates if one.user != user)
    if len(left) == len(node.config.aggregates):
        known = as_list(one.user for one in node.config.aggregates)
        raise ChangeRefused(f"aggregate_sorm_settings: there is no user {user!r}; there are: {known}")
    update_switch(node, Change("switch"), aggregates=left)


def _known(parameter: str) -> None:
    if parameter not in SORM_PARAMETERS:
        raise ChangeRefused(f"there is no parameter {parameter!r}; there are: {', '.join(SORM_PARAMETERS)}")


def _sink(address: str) -> tuple[str, int]:
    """Host and port of ``ADDRESS`` or ``ADDRESS:PORT``."""
    host, port = split_optional_port(address)
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ChangeRefused(f"radius_servers: {host!r} is no IP address of a mediator") from None
    number = RADIUS_PORT if port is None else port_number(port)
    if not number:
        raise ChangeRefused(f"radius_servers: {shown(port)} is no port: 1 to 65535")
    return host, number
