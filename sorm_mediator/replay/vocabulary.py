"""The messages and their fields in scripts (docs/messages.md).

Names and values are those of ``decode --json``. A script's values are checked by the forms declared in
:mod:`protocol.messages`. An expected value may also be ``{one_of: [...]}`` or ``{not: value}``.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import protocol
from protocol import Message
from protocol.forms import Form
from protocol.messages import forms
from sorm_mediator.console.comparing import Not, OneOf
from sorm_mediator.replay.document import Node, check, is_template

_OCTETS = re.compile(r"0[xX](?:[0-9A-Fa-f]{2})+")


@dataclass(frozen=True, slots=True)
class Checker:
    """Reads values. ``known``: the variables that a value may use."""

    known: Container[str]
    expected: bool
    """Whether values are only compared: ``one_of`` and ``not`` are allowed, keys of a mapping may be left out."""

    def read(self, node: Node, form: Form) -> Any:
        """The value of one field in ``form``. A template with known variables is kept unchanged."""
        value = node.value
        if is_template(value):
            check(node, self.known)
            return value
        if self.expected and isinstance(value, dict) and len(value) == 1:
            if "one_of" in value:
                return OneOf(tuple(self.read(child, form) for child in value["one_of"].items()))
            if "not" in value:
                return Not(self.read(value["not"], form))
        if value is None:
            return None
        if isinstance(value, str) and _OCTETS.fullmatch(value):
            if form.hexadecimal == "octets":
                return "0x" + value[2:].upper()
            if form.hexadecimal == "integer":
                node = replace(node, value=int(value, 16))
        return form.from_script(node, self)


@dataclass(frozen=True, slots=True)
class Entry:
    """One message: its name, its code and the forms of its fields by name."""

    name: str
    code: int
    fields: Mapping[str, Form]


def _entries(declared: Iterable[type[Message]]) -> dict[str, Entry]:
    return {kind.message_name: _entry(kind) for kind in declared}


def _entry(kind: type[Message]) -> Entry:
    declared = forms(kind)
    headers_last = sorted(fields(kind), key=lambda field: bool(field.kw_only))
    return Entry(kind.message_name, kind.code, {field.name: declared[field.name] for field in headers_last})


COMMANDS: Mapping[str, Entry] = _entries(protocol.COMMANDS)
"""Commands of the console."""
KPD1: Mapping[str, Entry] = _entries(protocol.KPD1_MESSAGES)
"""Messages of the mediator on KPD1."""
KPD2: Mapping[str, Entry] = _entries(protocol.EVENTS)
"""Messages of the mediator on KPD2."""
