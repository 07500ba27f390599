"""The shell's commands for licences: ``cluster/storage/<CLUSTER>/licence/...``.

Source: ECSS-10 manual, Licences in the CLI.
"""

from __future__ import annotations

from typing import Final

from sorm_mediator.switch.changes import ChangeRefused
from sorm_mediator.switch.changes.licence import add_licence, candidate, delete_licence, set_passport
from sorm_mediator.switch.licence.licence import Licence
from sorm_mediator.switch.licence.limits import LicenceError
from sorm_mediator.switch.shell import licence_text
from sorm_mediator.switch.shell.command import Call, Command, Talk
from sorm_mediator.texts import whole_number

_PATH: Final = "cluster/storage/<CLUSTER>/licence"
QUESTION: Final = "Are you sure?: [yes]/no ?> "
ANSWERS: Final = {"": True, "yes": True, "y": True, "no": False, "n": False}
"""An empty line is the answer in brackets."""


def _now(call: Call) -> float:
    return call.shell.desk.clock()


def _licence(call: Call) -> Licence:
    """The licence whose number was entered. Raises :class:`ChangeRefused`."""
    licences, text = call.node.licences, call["LicenceId"]
    number = whole_number(text, 0, 2**31 - 1)
    if number is None:
        raise ChangeRefused(f"{text[:20]!r} is no number of a licence; list-licence shows them")
    try:
        return licences.get(number)
    except LicenceError as error:
        raise ChangeRefused(str(error)) from None


def _current_limits(call: Call) -> str:
    return licence_text.current_limits(call.node.licences, _now(call))


def _show_licence(call: Call) -> str:
    details = call.flag("--details")
    return licence_text.show_licence(call.node.licences, _licence(call), _now(call), details=details)


def _list_licence(call: Call) -> str:
    return licence_text.list_licences(call.node.licences, _now(call))


def _add(call: Call) -> Talk:
    """Show what would change, ask, and add. The licence is checked before the question and again after it."""
    key, licences = "".join(call.many("LICENCE-KEY")), call.node.licences
    limits = candidate(call.node, key, _now(call)).limits
    parts = []
    if not call.flag("--no-diff"):
        table = licence_text.differences(licences.limits(_now(call)), limits)
        parts = [table, "", licence_text.DIFFERENT] if table else ["The limits remain as they are."]
    if not call.flag("--force"):
        sure = None
        while sure is None:
            answer = yield "\n".join([*parts, QUESTION])
            sure, parts = ANSWERS.get(answer.strip().lower()), []
        if not sure:
            return "cancelled: the licence has not been added"
    licence = add_licence(call.node, key, _now(call))
    ends = f"licence {licence.number} is active; what runs already goes on, also beyond its limits"
    return "\n".join([*parts, "ok", ends])


def _delete(call: Call) -> str:
    delete_licence(call.node, _licence(call).number)
    return "Licence has been deleted"


def _set_passport(call: Call) -> str:
    set_passport(call.node, "".join(call.many("PASSPORT")))
    return "OK"


def _show_passport(call: Call) -> str:
    return licence_text.show_passport(call.node.licences.passport)


COMMANDS: Final = (
    Command(
        f"{_PATH}/current-limits",
        "",
        _current_limits,
        "Show the limits that hold now",
        "Показать действующие лицензионные ограничения",
    ),
    Command(
        f"{_PATH}/show-licence",
        "[--details] <LicenceId>",
        _show_licence,
        "Show a licence; --details: all limits that hold under it",
        "Показать лицензию; --details: все ограничения, действующие при ней",
    ),
    Command(
        f"{_PATH}/list-licence",
        "",
        _list_licence,
        "List the licences; the active one is the highest that has not expired",
        "Показать список лицензий; активна лицензия с наибольшим номером, срок которой не истёк",
    ),
    Command(
        f"{_PATH}/add",
        "[--force|--no-diff] <LICENCE-KEY>...",
        _add,
        "Add a licence: shows what changes, and asks; --force does not ask, --no-diff does not show",
        "Добавить лицензию: показать отличия и спросить; --force: не спрашивать, --no-diff: не показывать",
    ),
    Command(
        f"{_PATH}/delete",
        "<LicenceId>",
        _delete,
        "Delete a licence; the factory licence 0 stays",
        "Удалить лицензию; заводскую лицензию 0 удалить нельзя",
    ),
    Command(
        f"{_PATH}/set-passport",
        "<PASSPORT>...",
        _set_passport,
        "Set the passport of the system",
        "Установить паспорт системы",
    ),
    Command(
        f"{_PATH}/show-passport",
        "",
        _show_passport,
        "Show the passport of the system",
        "Показать паспорт системы",
    ),
)
