"""The messages by their names (docs/messages.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import protocol
from protocol import Message


def _by_name(declared: Iterable[type[Message]]) -> dict[str, type[Message]]:
    return {one.message_name: one for one in declared}


COMMANDS: Mapping[str, type[Message]] = _by_name(protocol.COMMANDS)
"""Commands of the console."""
KPD1: Mapping[str, type[Message]] = _by_name(protocol.KPD1_MESSAGES)
"""Messages of the mediator on KPD1."""
KPD2: Mapping[str, type[Message]] = _by_name(protocol.EVENTS)
"""Messages of the mediator on KPD2."""

ALREADY_STARTED = (0x16, 0x07)
"""Statuses of a command 1 while the technical means run already.

Source: order 268, 9.8.4.2 (07h); Eltex SMG1016M manual, SORM settings (16h).
"""

DATA_OF: Mapping[str, str] = {
    "object-info": "get-objects",
    "ksl-info": "get-ksl",
    "services-info": "get-services",
    "test-reply": "test",
    "trunk-info": "get-trunks",
    "version-info": "get-version",
}
"""The command answered by a data message of KPD1 (order 268, 9.3.3, 9.4.3, 9.5.3, 9.9.3, 9.10.3, 9.11.3)."""
