"""Which settings take effect while the boxes run, and which need a restart: declared here, and nowhere else.

A key that no pattern names needs a restart: ports and addresses that are listened on, files, the streams, and what the
form of units or the limits of tables are made of at the start. ``[switch]`` is changed by the switch's shell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from fnmatch import fnmatchcase
from functools import cache
from typing import Final

AT_ONCE: Final = (
    "mediator.profile",  # a set of defaults: each option that it changes stands for itself
    "mediator.software_version",
    "mediator.extended_errors",
    "mediator.console_timeout",
    "mediator.test_timeout",
    "mediator.max_objects",
    "mediator.max_trunk_objects",
    "mediator.adaptation.*",
    "mediator.options.*",
    "console.allow",
    "console.most_unsent",
    "ssh.*",
    "radius.secret",
    "radius.clients",
    "radius.require_message_authenticator",
    "rtp.jitter.*",
    "web.watchers",
    "acceptance.*",
)
"""Patterns of keys that take effect at once; those of ``[ssh]`` but its times by a new connection to the switch."""

AT_START: Final[Mapping[str, str]] = {
    "mediator.options.after_restart": "is looked at when the program starts",
    "mediator.options.stream_alarm_codes": "is what the state of a stream means since it came up",
    "mediator.options.stream_unheard": "is what the state of a stream means since it came up",
    "mediator.options.line_restored_code": "is what the state of a stream means since it came up",
    "mediator.options.pair_over_tcp": "decides how the pairs stand to each other",
    "mediator.options.unit_timeout": "belongs to the connections of consoles",
}
"""Keys that a pattern of :data:`AT_ONCE` names and that need a restart all the same, and why."""


@cache
def _of_units() -> frozenset[str]:
    """Keys of the form of units, which the codec is made with."""
    from protocol.options import Options

    return frozenset(
        f"{table}.{one.name}" for one in fields(Options) for table in ("mediator", "mediator.options")
    )


def at_once(key: str) -> bool:
    """Whether a key, such as ``mediator.options.call_expiry``, takes effect without a restart."""
    if key in AT_START or key in _of_units():
        return False
    return any(fnmatchcase(key, pattern) for pattern in AT_ONCE)
