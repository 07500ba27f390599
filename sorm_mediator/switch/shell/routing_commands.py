"""Commands of routing contexts and of numbering plans.

Source: ECSS-10 manual, MultiSORM ("Создание контекстов маршрутизации", "Настройка планов нумерации в доменах").
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sorm_mediator.switch.changes import ChangeRefused, find, routing
from sorm_mediator.switch.node import Node
from sorm_mediator.switch.routing.route import TAGS, Action, Condition, Continue, External, Rule
from sorm_mediator.switch.shell.command import Command, Invocation, change, format_table, ok
from sorm_mediator.switch.trace import TRACE_PARAMETERS, TraceError, trace_text

HOSTS = ("ecss1",)
"""The hosts for the import of contexts; the switch has one."""


def _import_context(call: Invocation) -> str:
    if call["HOST"] not in HOSTS:
        raise ChangeRefused(f"there is no host {call['HOST']!r}; there are: {', '.join(HOSTS)}")
    path, written = _locate(call.node, call.domain, call["FILE"])
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ChangeRefused(f"{written}: can't be read: {error.strerror or error}") from None
    context, notes = routing.import_context(call.node, call.domain, text, written)
    return ok((f"context {context.name}: {len(context.rules)} rules", *notes))


def _locate(node: Node, name: str, file: str) -> tuple[Path, str]:
    """The file, and its path as in the lab file. Users of the shell can read no other file of this machine.

    The file is in the folder with the domain's name in the lab's directory, else in the directory itself.
    """
    root = node.directory.resolve()
    tried = [root / file] if Path(file).is_absolute() else [root / name / file, root / file]
    for path in tried:
        real = path.resolve()
        if not real.is_relative_to(root):
            raise ChangeRefused(f"{file}: is outside of the lab's directory {root}; copy it there first")
        if os.path.isfile(real):
            return real, str(path.relative_to(root))
    raise ChangeRefused(f"{file}: there is no such file in {' or '.join(str(path.parent) for path in tried)}")


def _trace(call: Invocation) -> str:
    try:
        context = call.shell.context
        arguments = call.many("PARAMETER=VALUE")
        return trace_text(call.node, call.domain, arguments, context.clock(), context.trace_with)
    except TraceError as error:
        raise ChangeRefused(str(error)) from None


def _show_contexts(call: Invocation) -> str:
    domain = call.node.domains[call.domain]
    if not call["CONTEXT"]:
        default, here = domain.default_context, f"{call.node.directory}/"
        rows = [
            (one.name, one.np, len(one.rules), one.name == default, one.source.removeprefix(here))
            for one in domain.contexts.values()
        ]
        return format_table(("Context", "Plan", "Rules", "Default", "File"), rows)
    context = find(domain.contexts, "context", call["CONTEXT"], domain.name)
    return format_table(("Rule", "Conditions", "Actions", "Result"), map(_rule, context.rules))


def _rule(rule: Rule) -> tuple[str, str, str, str]:
    verdict = rule.verdict
    if isinstance(verdict, External):
        result = f"external {', '.join(verdict.directions)}"
    else:
        result = f"continue {verdict.context}" if isinstance(verdict, Continue) else "local"
    conditions = "; ".join(map(_condition, rule.conditions))
    return rule.name, conditions, "; ".join(map(_action, rule.actions)), result


def _condition(condition: Condition) -> str:
    digits = {"digits": condition.digits.text} if condition.digits is not None else {}
    others = {name: "|".join(values) for name, values in condition.attributes.items()}
    return f"{TAGS[condition.side]} {_pairs({**digits, **others})}".rstrip()


def _action(action: Action) -> str:
    given = {
        "digits": action.digits.text if action.digits is not None else None,
        "ni": action.ni,
        "sorm_digits": action.sorm_digits.text if action.sorm_digits is not None else None,
        "sorm_ni": action.sorm_ni,
    }
    known = {name: value for name, value in given.items() if value is not None}
    return f"{TAGS[action.side]} {_pairs({**known, **action.attributes})}".rstrip()


def _pairs(values: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())


ROUTING_COMMANDS: Final = (
    Command(
        "domain/<D>/routing/import", "<HOST> <FILE>", _import_context,
        "Import a routing context: an XML file of the lab's directory, or of the folder in it named as the domain",
        choices={"HOST": HOSTS},
    ),
    Command(
        "domain/<D>/routing/remove", "<CONTEXT>", change(routing.remove_context, "D", "CONTEXT"),
        "Remove a context",
    ),
    Command(
        "domain/<D>/routing/default", "<CONTEXT>", change(routing.set_default_context, "D", "CONTEXT"),
        "Set the default context, for calls from interfaces that name none",
    ),
    Command(
        "domain/<D>/routing/trace", "<PARAMETER=VALUE>...", _trace,
        "The routing of a call and its numbers for SORM: cgpn.digits=28331 cdpn.digits=89001758964",
        choices={"PARAMETER=VALUE": tuple(f"{name}=" for name in TRACE_PARAMETERS)},
    ),
    Command(
        "domain/<D>/routing/show", "[<CONTEXT>]", _show_contexts,
        "The contexts of a domain, or the rules of one",
    ),
)  # fmt: skip


# --- numbering plans


def _list_plans(call: Invocation) -> str:
    plans = call.node.domains[call.domain].plans
    return format_table(("Plan", "Numbers"), [(name, len(plan.numbers)) for name, plan in plans.items()])


def _bind_alias(call: Invocation) -> str:
    if call.flag("--master") and call.flag("--passive"):
        raise ChangeRefused("--master and --passive: a number is one or the other")
    names, master = (call["PLAN"], call["NUMBERS"], call["LOCAL"]), call.flag("--master")
    routing.bind_to_alias(
        call.node, call.domain, *names, group=call["GROUP"], iface=call["IFACE"], master=master
    )
    return ok()


def _list_numbers(call: Invocation) -> str:
    domain = call.node.domains[call.domain]
    find(domain.plans, "numbering plan", call["PLAN"], domain.name)
    rows = [
        (numbers, one.alias, one.bridge, one.group, one.iface, one.master if one.alias else "")
        for numbers, one in domain.config.numbering_plans[call["PLAN"]].items()
    ]
    return format_table(("Numbers", "Alias", "Bridge", "Group", "Interface", "Master"), rows)


PLAN_COMMANDS: Final = (
    Command(
        "domain/<D>/np/declare", "<NAME>", change(routing.declare_plan, "D", "NAME"),
        "Declare a numbering plan",
    ),
    Command("domain/<D>/np/list", "", _list_plans, "The numbering plans"),
    Command(
        "domain/<D>/np/remove", "<PLAN>", change(routing.remove_plan, "D", "PLAN"),
        "Remove a numbering plan",
    ),
    Command(
        "domain/<D>/np/numbers/add", "<PLAN> <NUMBERS>", change(routing.add_numbers, "D", "PLAN", "NUMBERS"),
        "Add numbers to a plan, with ranges such as 738327{0-1}000{0-1}",
    ),
    Command(
        "domain/<D>/np/numbers/bind", "<PLAN> <NUMBERS> --bridge <BRIDGE>",
        change(routing.bind_to_bridge, "D", "PLAN", "NUMBERS", "BRIDGE"),
        "Bind numbers to a bridge",
    ),
    Command(
        "domain/<D>/np/numbers/bind",
        "<PLAN> <NUMBERS> --alias <LOCAL> [<GROUP>] [<IFACE>] [--master|--passive]",
        _bind_alias,
        "Bind numbers to subscribers; a master is the subscriber's number in this plan",
    ),
    Command(
        "domain/<D>/np/numbers/unbind", "<PLAN> <NUMBERS>", change(routing.unbind, "D", "PLAN", "NUMBERS"),
        "Unbind numbers",
    ),
    Command("domain/<D>/np/numbers/list", "<PLAN>", _list_numbers, "The numbers of a plan"),
    Command(
        "domain/<D>/np/numbers/remove", "<PLAN> <NUMBERS>",
        change(routing.remove_numbers, "D", "PLAN", "NUMBERS"),
        "Remove numbers from a plan",
    ),
)  # fmt: skip
