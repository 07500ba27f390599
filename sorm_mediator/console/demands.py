"""Steps that ask the lab for one thing over its HTTP API: an alarm, a restart, an electronic message.

Each is a row of :data:`DEMANDS`: its keys with their checks, where the request goes, and what counts as accepted. The
bodies are those of the HTTP API (docs/http.md), which checks them again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from protocol.language import Phrase, join
from sorm_mediator.console.errors import ScriptError
from sorm_mediator.console.nodes import Node
from sorm_mediator.console.variables import check, is_template, resolve

Check = Callable[[Node], object]
"""Raises :class:`ScriptError` for a value that is not allowed."""


def _integer(low: int, high: int) -> Check:
    return lambda node: node.integer(low, high)


def _line_state(node: Node) -> None:
    if node.value not in (0, 1, 3, 7, 255) or isinstance(node.value, bool):
        node.wrong("0 (fine), 1 (faulty), 3 (blocked), 7 (restricted), 255 (not known)")


def _text(node: Node) -> object:
    return node.text()


def _delivered(node: Node) -> None:
    if node.value is not None and not isinstance(node.value, bool):
        node.wrong("true, false, null")


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One kind of step."""

    method: str
    path: str
    """Below /api/v1; ``{key}`` is a key of the step, which is then no key of the body."""
    accepted: int
    """The status of a request that was accepted."""
    required: Mapping[str, Check]
    optional: Mapping[str, Check] = field(default_factory=dict)
    saves: str = ""
    """A key of the reply that ``save`` may keep; "" = none."""
    supersedes: str = ""
    """A message that came before the request no longer counts: what is expected is that which the request causes."""
    title: Phrase
    shown: tuple[str, ...] = ()
    """Keys whose values the title of the step shows."""

    @property
    def keys(self) -> dict[str, Check]:
        """Every key with its check."""
        return {**self.required, **self.optional}

    def read(self, node: Node, known: Any) -> None:
        """Check the keys of a step. Raises :class:`ScriptError`."""
        keys = node.mapping(self.keys)
        for name in self.required:
            if name not in keys:
                node.fail(f"{name} is missing")
        for name, value in keys.items():
            if is_template(value.value):
                check(value, known)
            else:
                self.keys[name](value)

    def request(self, node: Node, variables: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
        """Method, path and body, every variable filled in. Raises :class:`ScriptError`."""
        filled = resolve(node, variables)
        for name, value in filled.mapping(self.keys).items():
            self.keys[name](value)
        body: dict[str, Any] = filled.plain()
        place = {name: quote(str(value), safe="") for name, value in body.items()}
        return (
            self.method,
            self.path.format_map(place),
            {name: value for name, value in body.items() if f"{{{name}}}" not in self.path},
        )

    def title_of(self, node: Node, variables: Mapping[str, Any]) -> str:
        """What the step does, for people."""
        values = [_shown(node.value[name], variables) for name in self.shown if name in node.value]
        return join(" ", [self.title, " -> ".join(values)] if values else [self.title])


def _shown(node: Node, variables: Mapping[str, Any]) -> str:
    try:
        return str(resolve(node, variables).value)
    except ScriptError:
        return str(node.value)


RESTART = "restart"
"""The node's software starts again. The step's other form, ``restart: gateway``, ends the program."""
DEMANDS: Mapping[str, Demand] = {
    "alarm": Demand(
        method="POST",
        path="mediator/alarm",
        accepted=202,
        required={"type": _integer(1, 4), "code": _integer(0, 255)},
        title=Phrase("alarm", "авария"),
        shown=("type", "code"),
    ),
    "unauthorized-access": Demand(
        method="POST",
        path="mediator/unauthorized-access",
        accepted=202,
        required={"code": _integer(1, 5)},
        optional={"text": _text},
        title=Phrase("unauthorised access", "несанкционированный доступ"),
        shown=("code",),
    ),
    RESTART: Demand(
        method="POST",
        path="mediator/restart",
        accepted=202,
        required={},
        supersedes="restart",
        title=Phrase("restart the node's software", "перезапустить ПО станции"),
    ),
    "line-state": Demand(
        method="POST",
        path="mediator/line-state",
        accepted=202,
        required={"object": _integer(0, 0xFFFE), "state": _line_state},
        title=Phrase("state of the line of object", "состояние линии объекта"),
        shown=("object", "state"),
    ),
    "message": Demand(
        method="POST",
        path="switch/domains/{domain}/messages",
        accepted=202,
        required={"domain": _text, "from": _text, "to": _text, "text": _text},
        optional={
            "delivered": _delivered,
            **dict.fromkeys(("from_trunk", "to_trunk", "from_imsi", "to_imsi"), _text),
        },
        saves="message",
        title=Phrase("message", "сообщение"),
        shown=("from", "to"),
    ),
    "rename-trunk": Demand(
        method="PUT",
        path="switch/domains/{domain}/trunks/{trunk}",
        accepted=200,
        required={"domain": _text, "trunk": _integer(0, 0xFFFE), "name": _text},
        title=Phrase("rename trunk", "переименовать пучок каналов"),
        shown=("trunk", "name"),
    ),
}
"""The steps by their names."""
