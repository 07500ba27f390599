"""``${name}`` in the values of a scenario.

A value that is nothing but ``${name}`` takes the variable's value with its type; inside a longer text the
value is written out. ``${name+2}`` and ``${name-2}`` calculate with an integer, ``${name:02d}`` formats.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import replace
from typing import Any

from sorm_mediator.console.nodes import Node, show

_REFERENCE = re.compile(r"\$\{([A-Za-z_]\w*)(?:([+-])(\d{1,9}))?(?::(0?\d{0,2}[dxX]))?\}")


def is_template(value: object) -> bool:
    """Whether ``value`` is a text with a variable in it."""
    return isinstance(value, str) and "${" in value


def check(node: Node, known: Container[str]) -> None:
    """Check that every variable of a text is well formed and known. Raises :class:`ScriptError`."""
    rest = _REFERENCE.sub("", node.value)
    if "${" in rest:
        node.wrong("${name}, ${name+1}, ${name-1} or ${name:02d}")
    for match in _REFERENCE.finditer(node.value):
        if match[1] not in known:
            node.fail(
                f"the variable {match[1]!r} isn't known here; give it under variables: or save: it before"
            )


def resolve(node: Node, variables: Mapping[str, Any]) -> Node:
    """The node with every variable replaced by its value. Raises :class:`ScriptError`."""
    if isinstance(node.value, dict):
        return replace(node, value={key: resolve(child, variables) for key, child in node.value.items()})
    if isinstance(node.value, list):
        return replace(node, value=[resolve(child, variables) for child in node.value])
    if not is_template(node.value):
        return node
    check(node, variables)
    whole = _REFERENCE.fullmatch(node.value)
    if whole is not None:
        return replace(node, value=_value(node, whole, variables))
    return replace(node, value=_REFERENCE.sub(lambda match: str(_value(node, match, variables)), node.value))


def _value(node: Node, match: re.Match[str], variables: Mapping[str, Any]) -> Any:
    value = variables[match[1]]
    if match[2] or match[4]:
        if isinstance(value, bool) or not isinstance(value, int):
            node.fail(f"{match[0]} calculates with {show(value)}, which isn't an integer")
        if match[2]:
            value += int(match[3]) if match[2] == "+" else -int(match[3])
        if match[4]:
            value = format(value, match[4])
    return value
