"""Commands of numbering plans.

Source: ECSS-10 manual, MultiSORM ("Настройка планов нумерации в доменах").
"""

from __future__ import annotations

from sorm_mediator.switch.changes import ChangeRefused, numbering
from sorm_mediator.switch.changes.base import listed
from sorm_mediator.switch.shell.command import Call, Command
from sorm_mediator.switch.shell.notes import ok
from sorm_mediator.switch.shell.tables import drawn, flag


def _declare(call: Call) -> str:
    return ok(numbering.declare_plan(call.node, call.domain, call["NAME"]))


def _remove(call: Call) -> str:
    return ok(numbering.remove_plan(call.node, call.domain, call["PLAN"]))


def _list(call: Call) -> str:
    plans = call.node.domains[call.domain].plans
    return drawn(("Plan", "Numbers"), [(name, str(len(plan.numbers))) for name, plan in plans.items()])


def _add(call: Call) -> str:
    return ok(numbering.add_numbers(call.node, call.domain, call["PLAN"], call["NUMBERS"]))


def _remove_numbers(call: Call) -> str:
    return ok(numbering.remove_numbers(call.node, call.domain, call["PLAN"], call["NUMBERS"]))


def _bind_bridge(call: Call) -> str:
    notes = numbering.bind_to_bridge(call.node, call.domain, call["PLAN"], call["NUMBERS"], call["BRIDGE"])
    return ok(notes)


def _bind_alias(call: Call) -> str:
    if call.flag("--master") and call.flag("--passive"):
        raise ChangeRefused("--master and --passive: a number is one or the other")
    return ok(
        numbering.bind_to_alias(
            call.node,
            call.domain,
            call["PLAN"],
            call["NUMBERS"],
            call["LOCAL"],
            group=call["GROUP"],
            iface=call["IFACE"],
            master=call.flag("--master"),
        )
    )


def _unbind(call: Call) -> str:
    return ok(numbering.unbind(call.node, call.domain, call["PLAN"], call["NUMBERS"]))


def _list_numbers(call: Call) -> str:
    domain = call.node.domains[call.domain]
    if call["PLAN"] not in domain.plans:
        raise ChangeRefused(
            f"{domain.name} has no numbering plan {call['PLAN']!r}; it has: {listed(domain.plans)}"
        )
    rows = [
        (numbers, one.alias, one.bridge, one.group, one.iface, flag(one.master) if one.alias else "")
        for numbers, one in domain.config.numbering_plans[call["PLAN"]].items()
    ]
    return drawn(("Numbers", "Alias", "Bridge", "Group", "Interface", "Master"), rows)


COMMANDS = (
    Command("domain/<D>/np/declare", "<NAME>", _declare, "Declare a numbering plan", "Создать план нумерации"),
    Command("domain/<D>/np/list", "", _list, "The numbering plans", "Список планов нумерации"),
    Command("domain/<D>/np/remove", "<PLAN>", _remove, "Remove a numbering plan", "Удалить план нумерации"),
    Command(
        "domain/<D>/np/numbers/add", "<PLAN> <NUMBERS>", _add,
        "Add numbers to a plan, with ranges such as 738327{0-1}000{0-1}",
        "Добавить номера в план, возможны диапазоны, например 738327{0-1}000{0-1}",
    ),
    Command(
        "domain/<D>/np/numbers/bind", "<PLAN> <NUMBERS> --bridge <BRIDGE>", _bind_bridge,
        "Calls to these numbers go over a bridge", "Направить вызовы на эти номера через бридж",
    ),
    Command(
        "domain/<D>/np/numbers/bind",
        "<PLAN> <NUMBERS> --alias <LOCAL> [<GROUP>] [<IFACE>] [--master|--passive]",
        _bind_alias,
        "These numbers lead to subscribers; a master is what the subscriber is known by",
        "Сопоставить номера абонентам; мастер — номер, под которым абонент известен",
    ),
    Command(
        "domain/<D>/np/numbers/unbind", "<PLAN> <NUMBERS>", _unbind,
        "These numbers lead to nothing", "Отвязать номера",
    ),
    Command("domain/<D>/np/numbers/list", "<PLAN>", _list_numbers, "The numbers of a plan", "Номера плана"),
    Command(
        "domain/<D>/np/numbers/remove", "<PLAN> <NUMBERS>", _remove_numbers,
        "Remove numbers from a plan", "Удалить номера из плана",
    ),
)  # fmt: skip
