"""The seventeen commands, each declared once (order 268, appendices 6 and 7; order 70 has the first fifteen)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from protocol.messages import COMMANDS, Command
from sorm_mediator.mediator.core.commands import ksl, objects, state, tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sorm_mediator.mediator.core.commands.rule import AnyRule

_RULES: Final = {rule.message: rule for room in (state, ksl, objects, tables) for rule in room.RULES}

RULES: Final[Mapping[type[Command], AnyRule]] = MappingProxyType(
    {message: _RULES[message] for message in COMMANDS}
)
"""The rule of each command, in the order of their codes."""

LAST_COMMAND: Final[Mapping[str, int]] = MappingProxyType({"268": 0x11, "70": 0x0F})
"""Commands of each order: 1 to this (order 268, appendix 6; order 70 has no trunk names and no version)."""
