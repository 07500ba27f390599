"""Commands of routing contexts.

Source: ECSS-10 manual, MultiSORM ("Создание контекстов маршрутизации").
"""

from __future__ import annotations

from collections.abc import Mapping

from sorm_mediator.switch.changes import ChangeRefused, routing
from sorm_mediator.switch.changes.base import listed
from sorm_mediator.switch.routing.model import Action, Condition, Continue, External, Rule
from sorm_mediator.switch.shell.command import Call, Command
from sorm_mediator.switch.shell.notes import ok
from sorm_mediator.switch.shell.tables import drawn, flag
from sorm_mediator.switch.trace.request import TraceError
from sorm_mediator.switch.trace.text import trace_text

HOSTS = ("ecss1",)
"""The hosts that a context can be imported on; the switch has one."""

_CONDITION = {"a": "cgpn", "b": "cdpn"}


def _import(call: Call) -> str:
    if call["HOST"] not in HOSTS:
        raise ChangeRefused(f"there is no host {call['HOST']!r}; there are: {', '.join(HOSTS)}")
    context, notes = routing.import_context(call.node, call.domain, call["FILE"])
    return ok((f"context {context.name}: {len(context.rules)} rules", *notes))


def _remove(call: Call) -> str:
    return ok(routing.remove_context(call.node, call.domain, call["CONTEXT"]))


def _default(call: Call) -> str:
    return ok(routing.set_default_context(call.node, call.domain, call["CONTEXT"]))


def _trace(call: Call) -> str:
    try:
        return trace_text(call.node, call.domain, call.many("PARAMETER=VALUE"), call.shell.desk.clock())
    except TraceError as error:
        raise ChangeRefused(str(error)) from None


def _show(call: Call) -> str:
    domain = call.node.domains[call.domain]
    if not call["CONTEXT"]:
        rows = [
            (
                one.name,
                one.np,
                str(len(one.rules)),
                flag(one.name == domain.default_context),
                one.source.removeprefix(f"{call.node.directory}/"),
            )
            for one in domain.contexts.values()
        ]
        return drawn(("Context", "Plan", "Rules", "Default", "File"), rows)
    context = domain.contexts.get(call["CONTEXT"])
    if context is None:
        raise ChangeRefused(
            f"{call.domain} has no context {call['CONTEXT']!r}; it has: {listed(domain.contexts)}"
        )
    return drawn(("Rule", "Conditions", "Actions", "Result"), map(_rule, context.rules))


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
    return f"{_CONDITION[condition.side]} {_pairs({**digits, **others})}".rstrip()


def _action(action: Action) -> str:
    given = {
        "digits": action.digits.text if action.digits is not None else None,
        "ni": action.ni,
        "sorm_digits": action.sorm_digits.text if action.sorm_digits is not None else None,
        "sorm_ni": action.sorm_ni,
    }
    known = {name: value for name, value in given.items() if value is not None}
    return f"{_CONDITION[action.side]} {_pairs({**known, **action.attributes})}".rstrip()


def _pairs(values: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())


COMMANDS = (
    Command(
        "domain/<D>/routing/import", "<HOST> <FILE>", _import,
        "Import a routing context: an XML file of the lab's directory, or of the folder in it named as the domain",
        "Импортировать контекст маршрутизации из файла XML каталога стенда или папки в нём с именем домена",
    ),
    Command("domain/<D>/routing/remove", "<CONTEXT>", _remove, "Remove a context", "Удалить контекст"),
    Command(
        "domain/<D>/routing/default", "<CONTEXT>", _default,
        "The context that calls start in whose interface names none",
        "Контекст по умолчанию для интерфейсов, у которых он не указан",
    ),
    Command(
        "domain/<D>/routing/trace", "<PARAMETER=VALUE>...", _trace,
        "What routing does with a call and what SORM is shown: cgpn.digits=28331 cdpn.digits=89001758964",
        "Трассировка вызова и номера для СОРМ: cgpn.digits=28331 cdpn.digits=89001758964",
    ),
    Command(
        "domain/<D>/routing/show", "[<CONTEXT>]", _show,
        "The contexts of a domain, or the rules of one", "Контексты домена или правила одного из них",
    ),
)  # fmt: skip
