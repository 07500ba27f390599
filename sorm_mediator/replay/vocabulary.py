"""The messages by the names that scripts use, each with the readers of its fields (docs/messages.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

import protocol
from protocol import Message
from sorm_mediator.replay.fields import READERS, VERSION_TEXT, Reader


@dataclass(frozen=True, slots=True)
class Entry:
    """One message: its name, its code and the readers of its fields by name."""

    name: str
    code: int
    fields: Mapping[str, Reader]


_HEADER = ("orm_number", "password", "total", "index", "reserve", "version", "requirements_version")
"""Shown after the fields of the payload."""


def _entries(declared: Iterable[type[Message]]) -> dict[str, Entry]:
    return {entry.name: entry for entry in map(_entry, declared)}


def _entry(declared: type[Message]) -> Entry:
    names = sorted((field.name for field in fields(declared)), key=_HEADER.__contains__)
    readers = {name: READERS[name] for name in names}
    if "requirements_version" in readers:
        readers["version"] = VERSION_TEXT
    return Entry(declared.message_name, declared.code, readers)


COMMANDS: Mapping[str, Entry] = _entries(protocol.COMMANDS)
"""Commands of the console."""
KPD1: Mapping[str, Entry] = _entries(protocol.KPD1_MESSAGES)
"""What the mediator sends on KPD1."""
KPD2: Mapping[str, Entry] = _entries(protocol.EVENTS)
"""What the mediator sends on KPD2."""
