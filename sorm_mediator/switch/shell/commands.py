"""All commands of the shell, from the modules that have some."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from sorm_mediator.switch.shell.command import Command

MODULES = (
    "sorm_mediator.switch.shell.builtin",
    "sorm_mediator.switch.shell.domain_commands",
    "sorm_mediator.switch.shell.sorm_commands",
    "sorm_mediator.switch.shell.routing_commands",
    "sorm_mediator.switch.shell.numbering_commands",
    "sorm_mediator.switch.shell.bridge_commands",
    "sorm_mediator.switch.shell.licence_commands",
    "sorm_mediator.switch.shell.config_commands",
)
"""Each has a tuple ``COMMANDS``."""


@cache
def commands() -> tuple[Command, ...]:
    """Every command, in the order of :data:`MODULES`."""
    return tuple(command for name in MODULES for command in import_module(name).COMMANDS)
