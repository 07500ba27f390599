"""Commands of domains, their subscribers, trunks, SIP network and SORM parameters, and of the bridges between them.

Source: ECSS-10 manual, MultiSORM: its example, steps 1 to 4, and "Декларация бриджей"; SORM parameters of a
domain; MultiSORM ("Настройка глобальных параметров СОРМ").
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from pydantic import SecretStr

from sorm_mediator.addresses import host_port
from sorm_mediator.config import (
    AggregateConfig,
    BridgeConfig,
    BridgeSideConfig,
    DomainConfig,
    RadiusServerConfig,
)
from sorm_mediator.switch.changes import ChangeRefused, created, domains, sorm, updated
from sorm_mediator.switch.changes.sorm import TRUTH
from sorm_mediator.switch.domain import FEATURES, FORWARDINGS, Subscriber
from sorm_mediator.switch.mediators.access import aggregate
from sorm_mediator.switch.shell.command import (
    MASKED,
    Command,
    Invocation,
    Talk,
    change,
    confirmed,
    format_table,
    ok,
)
from sorm_mediator.texts import as_list, shown, whole_number

ALIAS_AS_USER = "alias-as-user"
"""The number is the user part of the interface."""
AUTHENTICATIONS = ("qop_authentication", "no_qop_authentication")
"""The credentials of a phone; the switch has no SIP."""


def _list_domains(call: Invocation) -> str:
    header = ("Domain", "SORM", "Subscribers", "Trunks", "Contexts", "Plans", "Bridges", "ip_set")
    rows = [
        (
            domain.name,
            domain.config.enabled,
            len(domain.subscribers),
            len(domain.trunks),
            len(domain.contexts),
            len(domain.plans),
            len(domain.bridges),
            ", ".join(domain.config.ip_set),
        )
        for domain in call.node.domains.values()
        if call.shell.rights.cover(domain.name)
    ]
    return format_table(header, rows)


def _declare_user(call: Invocation) -> str:
    if call["AUTH"] not in ("", *AUTHENTICATIONS):
        raise ChangeRefused(f"AUTH: {call['AUTH']!r} is not allowed: {' or '.join(AUTHENTICATIONS)}")
    alias = "" if call["ALIAS"] == ALIAS_AS_USER else call["ALIAS"]
    names = (call["CONTEXT"], call["GROUP"], call["IFACE"], alias)
    notes = domains.declare_subscribers(
        call.node,
        call.domain,
        *names,
        now=call.shell.context.clock(),
        active=not call.flag("--inactive"),
        virtual=call.flag("--virtual"),
    )
    return ok(notes)


def _activate(call: Invocation) -> str:
    domains.activate_subscribers(call.node, call.domain, call["LOCAL"], call.shell.context.clock())
    return ok()


def _list_users(call: Invocation) -> str:
    domain = call.node.domains[call.domain]
    rows = [
        (
            one.number,
            one.iface,
            one.group,
            one.context,
            one.line_state,
            ("virtual, " if one.virtual else "") + ("active" if one.active else "inactive"),
            _services(domain.subscribers[one.number]),
        )
        for one in domain.config.subscribers
    ]
    return format_table(("Number", "Interface", "Group", "Context", "Line", "State", "Services"), rows)


def _services(subscriber: Subscriber) -> str:
    """The services as they are now: subscribers order and cancel them in calls."""
    forwardings = (
        f"{name}={subscriber.forwardings[name]}" for name in FORWARDINGS if name in subscriber.forwardings
    )
    return ", ".join([*forwardings, *(name for name in FEATURES if name in subscriber.features)])


def _set_network(call: Invocation) -> str:
    text = " ".join(call.many("SET")).strip("[]").replace(",", " ")
    domains.set_network(call.node, call.domain, tuple(text.split()))
    return ok()


def _network(call: Invocation) -> str:
    sets = call.node.domains[call.domain].config.ip_set
    return format_table(("Property", "Value"), [("ip_set", ", ".join(sets))])


def _declare_trunk(call: Invocation) -> str:
    try:
        host = ipaddress.ip_address(call["ADDRESS"])
    except ValueError:
        raise ChangeRefused(f"{call['ADDRESS']!r} is no IP address of the far end") from None
    port = _whole(call["PORT"], "PORT", 1, 65535)
    peer = host_port(str(host), port)
    number = _whole(call.option("--number"), "--number", 0, 0xFFFE) if call.option("--number") else None
    names = (call["CONTEXT"], call["NAME"])
    return ok(domains.declare_trunk(call.node, call.domain, *names, peer, number=number))


def _whole(text: str, what: str, least: int, most: int) -> int:
    number = whole_number(text, least, most)
    if number is None:
        raise ChangeRefused(f"{what}: {shown(text)} is not allowed: {least} to {most}")
    return number


def _list_trunks(call: Invocation) -> str:
    rows = [
        (
            trunk.number,
            trunk.name,
            trunk.config.peer,
            trunk.config.context,
            trunk.config.np,
            trunk.config.direction,
            f"{trunk.active} of {trunk.config.capacity}",
        )
        for trunk in call.node.domains[call.domain].trunks.values()
    ]
    return format_table(("Number", "Name", "Peer", "Context", "Plan", "Direction", "Calls"), rows)


def _rename_trunk(call: Invocation) -> str:
    number = _whole(call["NUMBER"], "NUMBER", 0, 0xFFFE)
    return ok(domains.rename_trunk(call.node, call.domain, number, call["NAME"]))


DOMAIN_COMMANDS: Final = (
    Command("domain/declare", "<NAME>", change(domains.declare_domain, "NAME"), "Declare a domain"),
    Command("domain/list", "", _list_domains, "The domains", own=True),
    Command("domain/remove", "<DOMAIN>", change(domains.remove_domain, "DOMAIN"), "Remove a domain"),
    Command(
        "domain/<D>/sip/network/set", "ip_set <SET>...", _set_network,
        "SIP network sets; they are kept and shown only, the switch has no SIP",
    ),
    Command("domain/<D>/sip/network/info", "", _network, "SIP network sets"),
    Command(
        "domain/<D>/sip/user/declare",
        "<CONTEXT> <GROUP> <IFACE> [<ALIAS>] [<AUTH>] [<LOGIN>] [<PASSWORD>] [--inactive] [--virtual]",
        _declare_user,
        "Declare subscribers; IFACE is NUMBER@DOMAIN, with ranges such as 2001{0-9}; --inactive: without service",
        choices={"ALIAS": (ALIAS_AS_USER,), "AUTH": AUTHENTICATIONS, "LOGIN": ("login-as-user",)},
    ),
    Command("domain/<D>/sip/user/list", "", _list_users, "The subscribers"),
    Command(
        "domain/<D>/sip/user/activate", "<LOCAL>", _activate,
        "Give inactive subscribers service, where the licence has room for them",
    ),
    Command(
        "domain/<D>/sip/user/deactivate", "<LOCAL>", change(domains.deactivate_subscribers, "D", "LOCAL"),
        "Take service from subscribers; they stay declared, and do not count for the licence",
    ),
    Command(
        "domain/<D>/sip/user/remove", "<LOCAL>", change(domains.remove_subscribers, "D", "LOCAL"),
        "Remove subscribers",
    ),
    Command(
        "domain/<D>/trunk/sip/declare",
        "<CONTEXT> <GROUP> <NAME> <IP_SET> static <ADDRESS> <PORT> [sip-proxy] [<PROXY_PORT>] [--number <NUMBER>]",
        _declare_trunk,
        "Declare a trunk; --number is the one of commands 5 and 16, without it the lowest free one",
    ),
    Command(
        "domain/<D>/trunk/set", "<NUMBER> name <NAME>", _rename_trunk,
        "Rename the trunk of this number; its mediators get an event (2Ah)",
    ),
    Command("domain/<D>/trunk/sip/list", "", _list_trunks, "The trunks"),
    Command(
        "domain/<D>/trunk/sip/remove", "<TRUNK>", change(domains.remove_trunk, "D", "TRUNK"),
        "Remove a trunk",
    ),
)  # fmt: skip


# --- bridges

MOST_CALLS = 2**31 - 1
"""The largest capacity that is entered (our choice)."""


def _declare_bridge(call: Invocation) -> str:
    text = call["CAPACITY"]
    capacity = text if text == "unbounded" else whole_number(text, 1, MOST_CALLS)
    if capacity is None:
        raise ChangeRefused(f"capacity: {shown(text)} is not allowed: unbounded, or a number of calls from 1")
    config = created(
        BridgeConfig,
        name=call["NAME"],
        duplex=sorm.truth("duplex", call["DUPLEX"]),
        strict=sorm.truth("strict", call["STRICT"]),
        capacity=capacity,
        a=_bridge_side(call, "A"),
        b=_bridge_side(call, "B"),
    )
    return ok(domains.declare_bridge(call.node, config))


def _bridge_side(call: Invocation, end: str) -> BridgeSideConfig:
    keys = ("domain", "np", "iface", "tg", "context")
    return created(BridgeSideConfig, **{key: call[f"{key.upper()}_{end}"] for key in keys})


def _list_bridges(call: Invocation) -> str:
    rows = []
    for bridge in call.node.bridges.values():
        config = bridge.config
        sides = [f"{end.side.domain}, {end.side.np}, {end.iface}, {end.side.context}" for end in bridge.ends]
        calls = f"{bridge.active} of {config.capacity}"
        rows.append((bridge.name, config.duplex, config.strict, calls, *sides))
    return format_table(("Bridge", "Duplex", "Strict", "Calls", "A", "B"), rows)


BRIDGE_COMMANDS: Final = (
    Command(
        "bridge/declare",
        "<NAME> <DUPLEX> <STRICT> <CAPACITY> <DOMAIN_A> <NP_A> <IFACE_A> <TG_A> <CONTEXT_A> "
        "<DOMAIN_B> <NP_B> <IFACE_B> <TG_B> <CONTEXT_B>",
        _declare_bridge,
        "Declare a bridge between two domains; CAPACITY is unbounded or calls at the same time",
        choices={"DUPLEX": tuple(TRUTH), "STRICT": tuple(TRUTH), "CAPACITY": ("unbounded",)},
    ),
    Command("bridge/list", "", _list_bridges, "The bridges"),
    Command("bridge/remove", "<BRIDGE>", change(domains.remove_bridge, "BRIDGE"), "Remove a bridge"),
)  # fmt: skip


LAB_MEDIATOR = "(the lab's own mediator)"
"""The value shown for ``radius_servers`` when it is left to the lab."""


def _info(call: Invocation) -> str:
    config = call.node.domains[call.domain].config
    shown = call.flag("--secrets")
    rows = [(name, call.domain, _value(config, name, shown=shown)) for name in sorm.SORM_PARAMETERS]
    return format_table(("Property", "Domain", "Value"), rows)


def _value(config: DomainConfig, name: str, *, shown: bool) -> object:
    value = getattr(config, name)
    if name == "radius_servers":
        return LAB_MEDIATOR if value is None else _servers(value, shown=shown)
    if isinstance(value, SecretStr):
        return _secret(value, shown=shown)
    return value


def _servers(servers: Iterable[RadiusServerConfig], *, shown: bool) -> str:
    """``"192.168.23.235": "2testing123"`` (ECSS-10 manual, SORM parameters of a domain), without the default port."""
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
    port = sorm.parse_port(call.node, call["PORT"])
    call.shell.context.move_ssh(port)
    sorm.set_ssh_port(call.node, port)
    return ok()


def _add_aggregate(call: Invocation) -> Talk:
    """Of a user that is there, the password decides: the same one adds domains, another one replaces the user."""
    user, given = call["NAME"], call.many("DOMAIN")
    wanted = created(AggregateConfig, user=user, password=SecretStr(call["PASSWORD"]), domains=given)
    before = aggregate(call.node, user)
    if before is None:
        return ok(sorm.add_aggregate(call.node, user, call["PASSWORD"], given))
    there = f"there is a user {user!r} already, with {as_list(before.domains)}"
    if wanted.password == before.password:
        more = tuple(one for one in dict.fromkeys(given) if one not in before.domains)
        if not more:
            return ok((f"{there}: nothing to add",))
        wanted = updated(before, domains=(*before.domains, *more))
        question = f"{there}: add {as_list(more)} to its domains? yes/no ?> "
    else:
        question = f"{there}: replace its domains by {as_list(given)}, and its password? yes/no ?> "
    if not (yield from confirmed(question)):
        return f"cancelled: {user} stays as it is"
    if aggregate(call.node, user) is not before:
        raise ChangeRefused(f"{user} was changed meanwhile: enter the command again")
    return ok(sorm.replace_aggregate(call.node, wanted))


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
        f'"{one.user}": "{_secret(one.password, shown=shown)}", {" ".join(one.domains)}'
        for one in config.aggregates
    ]
    rows = [*(("aggregate_sorm_settings", user) for user in users), ("ssh_port", config.ssh_port)]
    return format_table(("Property", "Value"), rows)


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
        'A MultiSORM user and its domains: names, or patterns such as "*" and "-test"; asks before it changes a user',
    ),
    Command(
        "sorm/set", "aggregate_sorm_settings remove <USER>", change(sorm.remove_aggregate, "USER"),
        "Remove a MultiSORM user",
    ),
    Command("sorm/set", "aggregate_sorm_settings list [--secrets]", _list_aggregates, "The MultiSORM users"),
)  # fmt: skip
