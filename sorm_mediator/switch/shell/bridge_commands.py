"""Commands of bridges.

Source: ECSS-10 manual, MultiSORM ("Декларация бриджей").
"""

from __future__ import annotations

from sorm_mediator.config import BridgeConfig, BridgeSideConfig
from sorm_mediator.switch.changes import ChangeRefused, bridges
from sorm_mediator.switch.changes.base import made
from sorm_mediator.switch.changes.sorm import TRUTH
from sorm_mediator.switch.shell.command import Call, Command
from sorm_mediator.switch.shell.notes import ok
from sorm_mediator.switch.shell.tables import drawn, flag
from sorm_mediator.texts import whole_number

MOST_CALLS = 2**31 - 1
"""The largest capacity that is entered (our choice)."""


def _declare(call: Call) -> str:
    text = call["CAPACITY"]
    capacity = text if text == "unbounded" else whole_number(text, 1, MOST_CALLS)
    if capacity is None:
        raise ChangeRefused(f"capacity: {text[:20]!r} is not allowed: unbounded, or a number of calls from 1")
    config = made(
        BridgeConfig,
        name=call["NAME"],
        duplex=_truth(call, "DUPLEX"),
        strict=_truth(call, "STRICT"),
        capacity=capacity,
        a=_side(call, "A"),
        b=_side(call, "B"),
    )
    return ok(bridges.declare_bridge(call.node, config))


def _truth(call: Call, name: str) -> bool:
    if call[name] not in TRUTH:
        raise ChangeRefused(f"{name.lower()}: {call[name]!r} is not allowed: true or false")
    return TRUTH[call[name]]


def _side(call: Call, end: str) -> BridgeSideConfig:
    return made(
        BridgeSideConfig,
        domain=call[f"DOMAIN_{end}"],
        np=call[f"NP_{end}"],
        iface=call[f"IFACE_{end}"],
        tg=call[f"TG_{end}"],
        context=call[f"CONTEXT_{end}"],
    )


def _list(call: Call) -> str:
    rows = []
    for bridge in call.node.bridges.values():
        config = bridge.config
        sides = [f"{end.side.domain}, {end.side.np}, {end.iface}, {end.side.context}" for end in bridge.ends]
        calls = f"{bridge.active} of {config.capacity}"
        rows.append((bridge.name, flag(config.duplex), flag(config.strict), calls, *sides))
    return drawn(("Bridge", "Duplex", "Strict", "Calls", "A", "B"), rows)


def _remove(call: Call) -> str:
    return ok(bridges.remove_bridge(call.node, call["BRIDGE"]))


COMMANDS = (
    Command(
        "bridge/declare",
        "<NAME> <DUPLEX> <STRICT> <CAPACITY> <DOMAIN_A> <NP_A> <IFACE_A> <TG_A> <CONTEXT_A> "
        "<DOMAIN_B> <NP_B> <IFACE_B> <TG_B> <CONTEXT_B>",
        _declare,
        "Declare a bridge between two domains; CAPACITY is unbounded or calls at the same time",
        "Создать бридж между двумя доменами; CAPACITY — unbounded или число одновременных вызовов",
    ),
    Command("bridge/list", "", _list, "The bridges", "Список бриджей"),
    Command("bridge/remove", "<BRIDGE>", _remove, "Remove a bridge", "Удалить бридж"),
)  # fmt: skip
