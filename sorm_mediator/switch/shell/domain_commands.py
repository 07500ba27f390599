"""Commands of domains, their subscribers, trunks and SIP network.

Source: ECSS-10 manual, MultiSORM: its example, steps 1 to 4.
"""

from __future__ import annotations

import ipaddress

from sorm_mediator.addresses import host_port
from sorm_mediator.switch.changes import ChangeRefused, domains
from sorm_mediator.switch.shell.command import Call, Command
from sorm_mediator.switch.shell.notes import ok
from sorm_mediator.switch.shell.tables import drawn, flag
from sorm_mediator.texts import whole_number

ALIAS_AS_USER = "alias-as-user"
"""The number is the user part of the interface."""
AUTHENTICATIONS = ("qop_authentication", "no_qop_authentication")
"""How a phone would register; no SIP is spoken."""


def _declare(call: Call) -> str:
    return ok(domains.declare_domain(call.node, call["NAME"]))


def _list(call: Call) -> str:
    header = ("Domain", "SORM", "Subscribers", "Trunks", "Contexts", "Plans", "Bridges", "ip_set")
    rows = [
        (
            domain.name,
            flag(domain.config.enabled),
            str(len(domain.subscribers)),
            str(len(domain.trunks)),
            str(len(domain.contexts)),
            str(len(domain.plans)),
            str(len(domain.bridges)),
            ", ".join(domain.config.ip_set),
        )
        for domain in call.node.domains.values()
    ]
    return drawn(header, rows)


def _remove(call: Call) -> str:
    return ok(domains.remove_domain(call.node, call["DOMAIN"]))


def _declare_user(call: Call) -> str:
    if call["AUTH"] not in ("", *AUTHENTICATIONS):
        raise ChangeRefused(f"AUTH: {call['AUTH']!r} is not allowed: {' or '.join(AUTHENTICATIONS)}")
    return ok(
        domains.declare_subscribers(
            call.node,
            call.domain,
            call["CONTEXT"],
            call["GROUP"],
            call["IFACE"],
            "" if call["ALIAS"] == ALIAS_AS_USER else call["ALIAS"],
            now=call.shell.desk.clock(),
        )
    )


def _list_users(call: Call) -> str:
    rows = [
        (one.number, one.iface, one.group, one.context, one.line_state)
        for one in call.node.domains[call.domain].config.subscribers
    ]
    return drawn(("Number", "Interface", "Group", "Context", "Line"), rows)


def _remove_users(call: Call) -> str:
    return ok(domains.remove_subscribers(call.node, call.domain, call["LOCAL"]))


def _set_network(call: Call) -> str:
    text = " ".join(call.many("SET")).strip("[]").replace(",", " ")
    return ok(domains.set_network(call.node, call.domain, tuple(text.split())))


def _network(call: Call) -> str:
    return drawn(("Property", "Value"), [("ip_set", ", ".join(call.node.domains[call.domain].config.ip_set))])


def _declare_trunk(call: Call) -> str:
    try:
        host = ipaddress.ip_address(call["ADDRESS"])
    except ValueError:
        raise ChangeRefused(f"{call['ADDRESS']!r} is no IP address of the far end") from None
    port = _whole(call["PORT"], "PORT", 1, 65535)
    peer = host_port(str(host), port)
    number = _whole(call.option("--number"), "--number", 0, 0xFFFE) if call.option("--number") else None
    return ok(
        domains.declare_trunk(call.node, call.domain, call["CONTEXT"], call["NAME"], peer, number=number)
    )


def _whole(text: str, what: str, least: int, most: int) -> int:
    number = whole_number(text, least, most)
    if number is None:
        shown = text if len(text) <= 20 else f"{text[:20]}..."
        raise ChangeRefused(f"{what}: {shown!r} is not allowed: {least} to {most}")
    return number


def _list_trunks(call: Call) -> str:
    rows = [
        (
            str(trunk.number),
            trunk.name,
            trunk.config.peer,
            trunk.context,
            trunk.config.np,
            trunk.config.direction,
            f"{trunk.active} of {trunk.config.capacity}",
        )
        for trunk in call.node.domains[call.domain].trunks.values()
    ]
    return drawn(("Number", "Name", "Peer", "Context", "Plan", "Direction", "Calls"), rows)


def _rename_trunk(call: Call) -> str:
    number = _whole(call["NUMBER"], "NUMBER", 0, 0xFFFE)
    return ok(domains.rename_trunk(call.node, call.domain, number, call["NAME"]))


def _remove_trunk(call: Call) -> str:
    return ok(domains.remove_trunk(call.node, call.domain, call["TRUNK"]))


COMMANDS = (
    Command("domain/declare", "<NAME>", _declare, "Declare a domain", "Создать домен"),
    Command("domain/list", "", _list, "The domains", "Список доменов"),
    Command("domain/remove", "<DOMAIN>", _remove, "Remove a domain", "Удалить домен"),
    Command(
        "domain/<D>/sip/network/set", "ip_set <SET>...", _set_network,
        "SIP network sets; kept and shown, no SIP is spoken",
        "Наборы IP-адресов SIP; хранятся и показываются, SIP не поддерживается",
    ),
    Command("domain/<D>/sip/network/info", "", _network, "SIP network sets", "Наборы IP-адресов SIP"),
    Command(
        "domain/<D>/sip/user/declare",
        "<CONTEXT> <GROUP> <IFACE> [<ALIAS>] [<AUTH>] [<LOGIN>] [<PASSWORD>]",
        _declare_user,
        "Declare subscribers; IFACE is NUMBER@DOMAIN, with ranges such as 2001{0-9}",
        "Создать абонентов; IFACE — НОМЕР@ДОМЕН, возможны диапазоны, например 2001{0-9}",
    ),
    Command("domain/<D>/sip/user/list", "", _list_users, "The subscribers", "Список абонентов"),
    Command("domain/<D>/sip/user/remove", "<LOCAL>", _remove_users, "Remove subscribers", "Удалить абонентов"),
    Command(
        "domain/<D>/trunk/sip/declare",
        "<CONTEXT> <GROUP> <NAME> <IP_SET> static <ADDRESS> <PORT> [sip-proxy] [<PROXY_PORT>] [--number <NUMBER>]",
        _declare_trunk,
        "Declare a trunk; --number is the one of commands 5 and 16, without it the lowest free one",
        "Создать транк; --number — номер для команд 5 и 16, без него наименьший свободный",
    ),
    Command(
        "domain/<D>/trunk/set", "<NUMBER> name <NAME>", _rename_trunk,
        "Rename the trunk of this number; its mediators are told (2Ah)",
        "Переименовать транк с этим номером; посредники узнают об этом (2Ah)",
    ),
    Command("domain/<D>/trunk/sip/list", "", _list_trunks, "The trunks", "Список транков"),
    Command("domain/<D>/trunk/sip/remove", "<TRUNK>", _remove_trunk, "Remove a trunk", "Удалить транк"),
)  # fmt: skip
