"""Commands of the SORM parameters, of a domain and of the switch.

Source: ECSS-10 manual, SORM parameters of a domain, and MultiSORM ("Настройка глобальных параметров СОРМ").
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pydantic import SecretStr

from sorm_mediator.addresses import host_port
from sorm_mediator.config import DomainConfig, RadiusServerConfig
from sorm_mediator.switch.changes import sorm
from sorm_mediator.switch.shell.command import Command, Invocation, change
from sorm_mediator.switch.shell.tables import MASKED, flag, format_table, ok

LAB_MEDIATOR = "(the lab's own mediator)"
"""The value shown for ``radius_servers`` when it is left to the lab."""


def _info(call: Invocation) -> str:
    config = call.node.domains[call.domain].config
    shown = call.flag("--secrets")
    rows = [(name, call.domain, _value(config, name, shown=shown)) for name in sorm.SORM_PARAMETERS]
    return format_table(("Property", "Domain", "Value"), rows)


def _value(config: DomainConfig, name: str, *, shown: bool) -> str:
    value = getattr(config, name)
    if name == "radius_servers":
        return LAB_MEDIATOR if value is None else _servers(value, shown=shown)
    if isinstance(value, SecretStr):
        return _secret(value, shown=shown)
    return flag(value) if isinstance(value, bool) else str(value)


def _servers(servers: Iterable[RadiusServerConfig], *, shown: bool) -> str:
    """``"192.168.23.235": "2testing123"``, with the port when it is not the default.

    Source: ECSS-10 manual, SORM parameters of a domain.
    """
    return ", ".join(
        f'"{one.host if one.port == sorm.RADIUS_PORT else host_port(one.host, one.port)}": '
        f'"{_secret(one.secret, shown=shown)}"'
        for one in servers
    )


def _secret(secret: SecretStr, *, shown: bool) -> str:
    text = secret.get_secret_value()
    return text if shown or not text else MASKED


def _set_port(call: Invocation) -> str:
    """Move the listeners first: a port in use is refused and changes nothing."""
    call.shell.context.move_ssh(sorm.parse_port(call["PORT"]))
    return ok(sorm.set_ssh_port(call.node, call["PORT"]))


def _add_aggregate(call: Invocation) -> str:
    return ok(sorm.add_aggregate(call.node, call["NAME"], call["PASSWORD"], call.many("DOMAIN")))


def _list_aggregates(call: Invocation) -> str:
    shown = call.flag("--secrets")
    rows = [
        (one.user, _secret(one.password, shown=shown), " ".join(one.domains))
        for one in call.node.config.aggregates
    ]
    return format_table(("User", "Password", "Domains"), rows)


def _switch_info(call: Invocation) -> str:
    config, shown = call.node.config, call.flag("--secrets")
    users = [
        (
            "aggregate_sorm_settings",
            f'"{one.user}": "{_secret(one.password, shown=shown)}", {" ".join(one.domains)}',
        )
        for one in config.aggregates
    ]
    return format_table(("Property", "Value"), [*users, ("ssh_port", str(config.ssh_port))])


SORM_COMMANDS: Final = (
    Command(
        "domain/<D>/sorm/info", "[--secrets]", _info,
        "The SORM parameters of a domain; passwords and secrets as ****** unless --secrets",
    ),
    Command(
        "domain/<D>/sorm/set", "radius_servers add <ADDRESS> <SECRET>",
        change(sorm.add_radius_server, "D", "ADDRESS", "SECRET"),
        "Report calls to this mediator too: ADDRESS or ADDRESS:PORT of its RADIUS sink, 1813 by default",
    ),
    Command(
        "domain/<D>/sorm/set", "radius_servers remove <ADDRESS>",
        change(sorm.remove_radius_server, "D", "ADDRESS"),
        "Stop reporting calls to this mediator",
    ),
    Command(
        "domain/<D>/sorm/set", "<PARAMETER> <VALUE>", change(sorm.set_parameter, "D", "PARAMETER", "VALUE"),
        "Set a SORM parameter of a domain",
        choices={"PARAMETER": sorm.SORM_PARAMETERS},
    ),
    Command(
        "domain/<D>/sorm/clean", "<PARAMETER>", change(sorm.clean_parameter, "D", "PARAMETER"),
        "Set a SORM parameter to its default",
        choices={"PARAMETER": sorm.SORM_PARAMETERS},
    ),
    Command("sorm/info", "[--secrets]", _switch_info, "The SORM parameters of the whole switch"),
    Command(
        "sorm/set", "ssh_port <PORT>", _set_port,
        "The SSH port for one domain; MultiSORM is on the next one. Connections stay",
    ),
    Command(
        "sorm/set", "aggregate_sorm_settings add <NAME> <PASSWORD> <DOMAIN>...", _add_aggregate,
        'A MultiSORM user and its domains: names, or patterns such as "*" and "-test"',
    ),
    Command(
        "sorm/set", "aggregate_sorm_settings remove <USER>", change(sorm.remove_aggregate, "USER"),
        "Remove a MultiSORM user",
    ),
    Command(
        "sorm/set", "aggregate_sorm_settings list [--secrets]", _list_aggregates,
        "The MultiSORM users",
    ),
)  # fmt: skip
