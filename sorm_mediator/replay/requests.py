"""Steps that are one request to the lab's HTTP API: a call, an alarm, an electronic message, or any request.

Each is a row of :data:`REQUESTS`: its keys with their checks, the path of the request, and the status of an
accepted one. The bodies are those of the HTTP API (docs/http.md), which checks them again.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import quote

from sorm_mediator.console.errors import ScriptError
from sorm_mediator.language import Phrase, join
from sorm_mediator.replay.document import KeyCheck, Node, resolve

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
    """The path below /api/v1. A key of the step used as ``{key}`` is no key of the body."""
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

    def read(self, node: Node, known: Container[str]) -> None:
        """Check the keys of a step. Raises :class:`ScriptError`."""
        node.keys(self.required, self.optional, known)

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
        values = [_shown(node.value[name], variables) for name in self.shown if name in node.value]
        return join(" ", [self.title, " -> ".join(values)] if values else [self.title])


def _shown(node: Node, variables: Mapping[str, Any]) -> str:
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
