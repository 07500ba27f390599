"""What the steps of scripts name: messages with their fields (docs/messages.md), and requests to the HTTP API.

Names and values are those of ``decode --json``. A script's values are checked by the forms declared in
:mod:`protocol.messages`. An expected value may also be ``{one_of: [...]}`` or ``{not: value}``.

A request is a row of :data:`REQUESTS`: its keys with their checks, the path, and the status of an accepted
one. The bodies are those of the HTTP API (docs/http.md), which checks them again.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any
from urllib.parse import quote

import protocol
from protocol import Message
from protocol.forms import Form
from protocol.messages import forms
from sorm_mediator.console.comparing import Not, OneOf
from sorm_mediator.console.errors import ScriptError
from sorm_mediator.language import Phrase, join
from sorm_mediator.replay.document import KeyCheck, Node, check, is_template, resolve

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
    entries = {}
    for kind in declared:
        headers_last = sorted(fields(kind), key=lambda field: bool(field.kw_only))
        read = {field.name: forms(kind)[field.name] for field in headers_last}
        entries[kind.message_name] = Entry(kind.message_name, kind.code, read)
    return entries


COMMANDS: Mapping[str, Entry] = _entries(protocol.COMMANDS)
"""Commands of the console."""
KPD1: Mapping[str, Entry] = _entries(protocol.KPD1_MESSAGES)
"""Messages of the mediator on KPD1."""
KPD2: Mapping[str, Entry] = _entries(protocol.EVENTS)
"""Messages of the mediator on KPD2."""

OUTCOMES = ("answer", "busy", "no-answer", "fail", "incomplete")


def _integer(low: int, high: int) -> KeyCheck:
    return partial(Node.integer, low=low, high=high)


def _choice(*names: str) -> KeyCheck:
    return partial(Node.choice, names=names)


def _line_state(node: Node) -> None:
    if node.value not in (0, 1, 3, 7, 255) or isinstance(node.value, bool):
        node.wrong("0 (fine), 1 (faulty), 3 (blocked), 7 (restricted), 255 (not known)")


def _delivered(node: Node) -> None:
    if node.value is not None and not isinstance(node.value, bool):
        node.wrong("true, false, null")


def _mappings(node: Node) -> None:
    for item in node.items():
        item.mapping()


def _anything(_: Node) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One kind of step."""

    method: str
    path: str
    """The path below /api/v1. A key of the step used as ``{key}`` is not a key of the body."""
    accepted: int = 202
    """The status of an accepted request."""
    required: Mapping[str, KeyCheck] = field(default_factory=dict)
    optional: Mapping[str, KeyCheck] = field(default_factory=dict)
    saves: str = ""
    """The key of the reply for ``save``; "": none."""
    supersedes: str = ""
    """Name of the message caused by the request. Earlier unread ones of this name no longer count."""
    title: Phrase
    shown: tuple[str, ...] = ()
    """Keys with values shown in the title of the step."""

    def fill(self, node: Node, variables: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
        """Method, path and body, every variable filled in. Raises :class:`ScriptError`."""
        filled = resolve(node, variables)
        filled.keys(self.required, self.optional)
        body: dict[str, Any] = filled.plain()
        place = {name: quote(str(value), safe="") for name, value in body.items()}
        return (
            self.method,
            self.path.format_map(place),
            {name: value for name, value in body.items() if f"{{{name}}}" not in self.path},
        )

    def title_of(self, node: Node, variables: Mapping[str, Any]) -> str:
        """The title of the step, for people."""
        values = [_value_shown(node.value[name], variables) for name in self.shown if name in node.value]
        return join(" ", [self.title, " -> ".join(values)] if values else [self.title])


def _value_shown(node: Node, variables: Mapping[str, Any]) -> str:
    try:
        return str(resolve(node, variables).value)
    except ScriptError:
        return str(node.value)


RESTART = "restart"
"""The node's software starts again. The step's other form, ``restart: gateway``, ends the program."""
REQUESTS: Mapping[str, Request] = {
    "call": Request(
        method="POST",
        path="switch/domains/{domain}/calls",
        required=dict.fromkeys(("domain", "a", "b"), Node.text),
        optional={
            "from": Node.text,
            "outcome": _choice(*OUTCOMES),
            "ring": Node.seconds,
            "talk": Node.seconds,
            "services": _mappings,
        },
        saves="call",
        title=Phrase("call"),
        shown=("a", "b"),
    ),
    "answer-call": Request(
        method="POST",
        path="calls/{call}/answer",
        accepted=200,
        required={"call": Node.text},
        title=Phrase("answer call"),
        shown=("call",),
    ),
    "release-call": Request(
        method="POST",
        path="calls/{call}/release",
        accepted=200,
        required={"call": Node.text},
        title=Phrase("release call"),
        shown=("call",),
    ),
    "use-service": Request(
        method="POST",
        path="calls/{call}/service",
        accepted=200,
        required=dict.fromkeys(("call", "service"), Node.text),
        optional={
            "by": _choice("a", "b"),
            **dict.fromkeys(("number", "phase", "digits"), Node.text),
            **dict.fromkeys(("duration", "ring", "talk"), Node.seconds),
        },
        title=Phrase("use service"),
        shown=("service", "number"),
    ),
    "http": Request(
        method="GET",
        path="{path}",
        required={"path": Node.text},
        optional={
            "method": _choice("GET", "POST", "PUT", "DELETE"),
            "body": _anything,
            "status": _integer(100, 599),
            "reply": _anything,
        },
        title=Phrase("HTTP request"),
    ),
    "alarm": Request(
        method="POST",
        path="mediator/alarm",
        required={"type": _integer(1, 4), "code": _integer(0, 255)},
        title=Phrase("alarm"),
        shown=("type", "code"),
    ),
    "unauthorized-access": Request(
        method="POST",
        path="mediator/unauthorized-access",
        required={"code": _integer(1, 5)},
        optional={"text": Node.text},
        title=Phrase("unauthorised access", context="replay requests"),
        shown=("code",),
    ),
    RESTART: Request(
        method="POST",
        path="mediator/restart",
        supersedes="restart",
        title=Phrase("restart the node's software"),
    ),
    "line-state": Request(
        method="POST",
        path="mediator/line-state",
        required={"object": _integer(0, 0xFFFE), "state": _line_state},
        title=Phrase("state of the line of object"),
        shown=("object", "state"),
    ),
    "message": Request(
        method="POST",
        path="switch/domains/{domain}/messages",
        required=dict.fromkeys(("domain", "from", "to", "text"), Node.text),
        optional={
            "delivered": _delivered,
            **dict.fromkeys(("from_trunk", "to_trunk", "from_imsi", "to_imsi"), Node.text),
        },
        saves="message",
        title=Phrase("message"),
        shown=("from", "to"),
    ),
    "rename-trunk": Request(
        method="PUT",
        path="switch/domains/{domain}/trunks/{trunk}",
        accepted=200,
        required={"domain": Node.text, "trunk": _integer(0, 0xFFFE), "name": Node.text},
        title=Phrase("rename trunk"),
        shown=("trunk", "name"),
    ),
}
"""The steps by their names."""
SAVED = {name: one.saves for name, one in REQUESTS.items() if one.saves}
"""Steps with an id in the reply, and the key of that id for ``save``."""
