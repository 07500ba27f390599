"""The shell's commands for the smart licence: ``cluster/storage/<CLUSTER>/licence/smart/...``. Our own paths.

Source: docs/smart-licence.md.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sorm_mediator.config.switch import MOST_COUNT
from sorm_mediator.switch.changes import ChangeRefused
from sorm_mediator.switch.changes.licence import set_smart_counts
from sorm_mediator.switch.shell.command import Command, Invocation, format_table
from sorm_mediator.switch.shell.licence_commands import columns
from sorm_mediator.switch.smart.agent import SmartAgent
from sorm_mediator.switch.smart.client import RequestKind
from sorm_mediator.texts import whole_number

_PATH: Final = "cluster/storage/<CLUSTER>/licence/smart"
LATEST: Final = 20
"""Lines of the log, and failed calls, that are shown."""


def _agent(call: Invocation) -> SmartAgent:
    agent = call.shell.context.smart
    if agent is None:
        raise ChangeRefused("this switch has no smart licence: set switch.smart_licence.enabled")
    return agent


def _summary(call: Invocation) -> str:
    """The License Summary."""
    return columns((f"{name}:", value) for name, value in _agent(call).summary().items())


def _usage(call: Invocation) -> str:
    """The row of the account's report."""
    cloud = _agent(call).cloud
    if cloud is None:
        raise ChangeRefused("the licence cloud is elsewhere: GET its own /usage")
    row = cloud.usage().row()
    return (
        f"Virtual Account: {cloud.account}\n{format_table([*row], [[str(value) for value in row.values()]])}"
    )


def _ask(call: Invocation, kind: RequestKind, token: str = "") -> str:  # nosec B107 # that of the lab file
    agent = _agent(call)
    if agent.client.root is None:
        raise ChangeRefused("there is no licence cloud: set switch.smart_licence.server and root")
    if kind != "register" and agent.client.registration is None:
        raise ChangeRefused("the switch is not registered: register it first")
    agent.ask_soon(kind, token)
    return "ok: asked; smart/summary shows the result"


def _register(call: Invocation) -> str:
    return _ask(call, "register", call["TOKEN"])


def _authorise(call: Invocation) -> str:
    return _ask(call, "authorise")


def _deregister(call: Invocation) -> str:
    return _ask(call, "deregister")


def _set(call: Invocation) -> str:
    """Other counts: that of this switch, of other proxies, or what the account has bought."""
    _agent(call)
    key, numbers = (
        call["count|purchased|other_counts"],
        [whole_number(word, 0, MOST_COUNT) for word in call.many("COUNT")],
    )
    if None in numbers:
        raise ChangeRefused(f"COUNT: {' '.join(call.many('COUNT'))[:40]!r} is not allowed: 0 to {MOST_COUNT}")
    if key != "other_counts" and len(numbers) != 1:
        raise ChangeRefused(f"COUNT: {key} is one number")
    set_smart_counts(call.node, **{key: numbers if key == "other_counts" else numbers[0]})
    return "ok: set; smart/summary and smart/usage show the result"


def _failed_calls(call: Invocation) -> str:
    """Calls that were refused for too many calls per second."""
    agent = _agent(call)
    if not agent.config.failed_call_log:
        raise ChangeRefused("failed calls are not recorded: set switch.smart_licence.failed_call_log")
    rows = [
        (f"{datetime.fromtimestamp(one.time, UTC):%d.%m.%Y %H:%M:%S}", one.domain, one.a, one.b, one.reason)
        for one in list(agent.failed_calls)[-LATEST:]
    ]
    return format_table(("Time (UTC)", "Domain", "A", "B", "Reason"), rows)


def _log(call: Invocation) -> str:
    return "\n".join(list(_agent(call).lines)[-LATEST:]) or "nothing has been logged yet"


SMART_COMMANDS: Final[tuple[Command, ...]] = (
    Command(f"{_PATH}/summary", "", _summary, "Show the License Summary of the smart licence"),
    Command(f"{_PATH}/usage", "", _usage, "Show what the account has bought, and what is in use"),
    Command(
        f"{_PATH}/register", "[<TOKEN>]", _register,
        "Register the switch with the licence cloud, and have its count authorised",
    ),
    Command(f"{_PATH}/authorise", "", _authorise, "Have the count authorised now"),
    Command(f"{_PATH}/deregister", "", _deregister, "Give the registration up"),
    Command(
        f"{_PATH}/set", "<count|purchased|other_counts> [<COUNT>...]", _set,
        "Set the count asked for, what the account has bought, or the counts of its other proxies",
    ),
    Command(
        f"{_PATH}/failed-calls", "", _failed_calls, "Show the latest calls refused for too many calls per second"
    ),
    Command(f"{_PATH}/log", "", _log, "Show the latest registrations and authorisations"),
)  # fmt: skip
