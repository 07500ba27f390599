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
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import BaseModel, TypeAdapter, ValidationError

import protocol
from protocol import Message
from protocol.forms import ABSENT, AbsentForm, Form
from protocol.messages import forms
from sorm_mediator.config.mistakes import mistakes
from sorm_mediator.console.comparing import Not, OneOf
from sorm_mediator.console.errors import ScriptError
from sorm_mediator.faults.order import FaultOrder
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
            if isinstance(form, AbsentForm) and int(value, 16) == ABSENT:
                return None
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
        node.wrong(Phrase("0 (fine), 1 (faulty), 3 (blocked), 7 (restricted), 255 (not known)"))


def _delivered(node: Node) -> None:
    if node.value is not None and not isinstance(node.value, bool):
        node.wrong("true, false, null")


def _mappings(node: Node) -> None:
    for item in node.items():
        item.mapping()


def _anything(_: Node) -> None:
    pass


def _declared(model: type[BaseModel], name: str) -> KeyCheck:
    """The check of a key by the declaration of the body."""
    field = model.model_fields[name]
    kind: Any = field.annotation
    adapter: TypeAdapter[Any] = TypeAdapter(Annotated[kind, *field.metadata] if field.metadata else kind)

    def check_value(node: Node) -> None:
        try:
            adapter.validate_python(node.plain())
        except ValidationError as error:
            node.fail(mistakes(error.errors(), None)[0].text)

    return check_value


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
    meanings: Mapping[str, str] = field(default_factory=dict)
    """What each key means and takes, with its unit and what holds when it is left out; in both languages."""
    example: str = ""
    """The request as it is typed in the console, without its name."""
    body: type[BaseModel] | None = None
    """The declaration of the whole body, where keys must fit each other too."""

    def check_body(self, node: Node) -> None:
        """Check how the keys fit each other, as far as no variable is in them. Raises :class:`ScriptError`."""
        if self.body is None or any(is_template(one.value) for one in node.value.values()):
            return
        try:
            self.body.model_validate(node.plain())
        except ValidationError as error:
            first = mistakes(error.errors(), self.body)[0]
            key = str(first.location[0]) if first.location else ""
            node.value.get(key, node).fail(first.text if key in node.value else join(": ", [key, first.text]))

    def fill(self, node: Node, variables: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
        """Method, path and body, every variable filled in. Raises :class:`ScriptError`."""
        filled = resolve(node, variables)
        filled.keys(self.required, self.optional)
        self.check_body(filled)
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


_CALL = Phrase("the id of a call that goes on: Tab lists them")
_DOMAIN = Phrase("the domain of the switch, as switch.domains.name of the lab file")
_TRUNK_LEFT_OUT = Phrase("name of a trunk; left out: not known")
_IMSI = Phrase("IMSI, 1 to 18 digits; left out: not known")

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
        meanings={
            "domain": _DOMAIN,
            "a": Phrase("the calling number, 1 to 18 digits, * or #; '' for a call that comes in without it"),
            "b": Phrase("the digits dialled, 1 to 18"),
            "from": Phrase(
                "where the call comes from: subscriber (left out), or trunk:NAME for a call that comes in"
            ),
            "outcome": Phrase(
                "what happens at the number reached: {outcomes}; left out: answer",
                outcomes=", ".join(OUTCOMES),
            ),
            "ring": Phrase("seconds until the answer, or until the caller gives up; left out: 0.05"),
            "talk": Phrase("seconds of conversation; left out: 0.2"),
            "services": Phrase(
                "services used in the call, each with its time in seconds: {example}",
                example="'services=[{service: hold, at: 0.1}]'",
            ),
        },
        example="domain=test.domain a=28331 b=28332 ring=1 talk=5",
    ),
    "answer-call": Request(
        method="POST",
        path="calls/{call}/answer",
        accepted=200,
        required={"call": Node.text},
        title=Phrase("answer call"),
        shown=("call",),
        meanings={
            "call": _CALL,
        },
        example="call=3fa9c1-1",
    ),
    "release-call": Request(
        method="POST",
        path="calls/{call}/release",
        accepted=200,
        required={"call": Node.text},
        title=Phrase("release call"),
        shown=("call",),
        meanings={
            "call": _CALL,
        },
        example="call=3fa9c1-1",
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
        meanings={
            "call": _CALL,
            "service": Phrase(
                "the service, such as hold, end-of-hold, transfer, 3pty, pickup (docs/switch.md)"
            ),
            "by": Phrase("who uses it: a, b; left out: A where it is a subscriber of the domain, else B"),
            "number": Phrase(
                "the third party; for pickup who picks up; for an order the target of the forwarding"
            ),
            "phase": Phrase(
                "use (left out), order, check, cancel: used in the call, or ordered, checked, cancelled"
            ),
            "digits": Phrase("what the subscriber dials to order, check or cancel; left out: b of the call"),
            "duration": Phrase(
                "hold: seconds until its end; left out: until end-of-hold or the end of the call"
            ),
            "ring": Phrase("consultation, waiting: seconds that the further call rings; left out: 0.05"),
            "talk": Phrase("consultation, waiting: seconds that the further call talks; left out: 0.2"),
        },
        example="call=3fa9c1-1 service=hold duration=2",
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
        meanings={
            "type": Phrase(
                "1 tables lost, the technical means stop; 2 tables kept, the operator must act; "
                "3 tables kept, nothing to do; 4 the lines to the console changed"
            ),
            "code": Phrase("the node's own code of the alarm, 0 to 255"),
        },
        example="type=2 code=7",
    ),
    "unauthorized-access": Request(
        method="POST",
        path="mediator/unauthorized-access",
        required={"code": _integer(1, 5)},
        optional={"text": Node.text},
        title=Phrase("unauthorised access", context="replay requests"),
        shown=("code",),
        meanings={
            "code": Phrase(
                "1 forbidden port; 2 wrong password; 3 tables read or written; "
                "4 the port to the console reassigned; 5 wrong ORM number"
            ),
            "text": Phrase("further information, up to 40 ASCII characters; left out: none"),
        },
        example="code=3 text=shell",
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
        meanings={
            "object": Phrase("the number of an object that is a subscriber of the node"),
            "state": Phrase("0 fine; 1 faulty; 3 blocked; 7 restricted; 255 not known"),
        },
        example="object=258 state=3",
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
        meanings={
            "domain": _DOMAIN,
            "from": Phrase("the sender: a number, or trunk:NAME where only its trunk is known"),
            "to": Phrase("the receiver: a number, or trunk:NAME"),
            "text": Phrase("header and content, at most 2800 octets of UTF-8"),
            "delivered": Phrase("whether it was delivered: true, false, null; left out: not known"),
            "from_trunk": _TRUNK_LEFT_OUT,
            "to_trunk": Phrase("name of the trunk that it goes out by; left out: by routing"),
            "from_imsi": _IMSI,
            "to_imsi": _IMSI,
        },
        example="domain=test.domain from=28331 to=28332 text=hello delivered=true",
    ),
    "fault": Request(
        method="POST",
        path="faults",
        accepted=200,
        required={name: _declared(FaultOrder, name) for name in ("link", "action")},
        optional={
            field.alias or name: _declared(FaultOrder, name)
            for name, field in FaultOrder.model_fields.items()
            if name not in ("link", "action")
        },
        title=Phrase("fault"),
        shown=("link", "action"),
        meanings=FaultOrder.meanings(),
        example="link=ssh action=cut for=2",
        body=FaultOrder,
    ),
    "rename-trunk": Request(
        method="PUT",
        path="switch/domains/{domain}/trunks/{trunk}",
        accepted=200,
        required={"domain": Node.text, "trunk": _integer(0, 0xFFFE), "name": Node.text},
        title=Phrase("rename trunk"),
        shown=("trunk", "name"),
        meanings={
            "domain": _DOMAIN,
            "trunk": Phrase("the number of the trunk, as in commands 5 and 16"),
            "name": Phrase("its new name, up to 172 ASCII characters without spaces"),
        },
        example="domain=test.domain trunk=2 name=city_2",
    ),
}
"""The steps by their names."""
SAVED = {name: one.saves for name, one in REQUESTS.items() if one.saves}
"""Steps with an id in the reply, and the key of that id for ``save``."""
