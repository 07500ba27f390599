"""The shell's commands for what subscribers use of a licence.

The packages of services have commands of our own: the manual refers to another page for them.
"""

from __future__ import annotations

from typing import Final

from sorm_mediator.config import ServiceGroupsConfig
from sorm_mediator.switch.licence import LIMITS, PACKAGES, shown
from sorm_mediator.switch.shell.call_commands import exchange_of
from sorm_mediator.switch.shell.command import Command, Invocation, format_table


def _packages(call: Invocation) -> str:
    """The packages of the active licence: what they cover, and how many subscribers have them."""
    now = call.shell.context.clock()
    active = call.node.licences.active(now)
    groups = call.node.config.service_groups
    rows = []
    for key, used in exchange_of(call).engine.packages.in_use(now).items():
        names = [
            field.alias or name
            for name, field in ServiceGroupsConfig.model_fields.items()
            if getattr(groups, name) in PACKAGES[key]
        ]
        (listed,) = (text for label, text in LIMITS[key].after if label == "SS list")
        limit = shown(active.limits.values[key])
        rows.append((key.removeprefix("package."), listed, ", ".join(names), limit, used))
    return format_table(("Package", "SS list", "Services", "Limit", "In use"), rows)


def _licensed(call: Invocation) -> str:
    """The subscribers of a domain that have packages or lack one."""
    now, packages = call.shell.context.clock(), exchange_of(call).engine.packages
    lacking = {subscriber: services for _, subscriber, services in packages.without(now)}
    rows = [
        (one.number, ", ".join(key.removeprefix("package.") for key in held), ", ".join(lacking.get(one, ())))
        for one in call.node.domains[call.domain].subscribers.values()
        if (held := packages.of(one, now)) or one in lacking
    ]
    return format_table(("Number", "Packages", "Services without a licence"), rows)


SERVICE_COMMANDS: Final = (
    Command(
        "system/licence/packages/usage", "", _packages,
        "The licence's packages of services, and how many subscribers have them",
    ),
    Command(
        "domain/<D>/ss/packages", "", _licensed,
        "The subscribers that have packages of services, and services without a licence",
    ),
)  # fmt: skip
