"""What a step is called when it has no title of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sorm_mediator.console import scenario as s
from sorm_mediator.console.errors import ScriptError
from sorm_mediator.console.nodes import Node
from sorm_mediator.console.variables import resolve


def title(step: s.Step, variables: dict[str, Any]) -> str:
    """A short text: who does what."""
    if step.title:
        return step.title
    text = _action(step, variables)
    for word, expectations in (("expect", step.expect), ("events", step.events)):
        if expectations:
            text += f"{', ' if text else ''}{word} {', '.join(one.entry.name for one in expectations)}"
    if step.silence is not None:
        text += f"{', ' if text else ''}silence for {step.silence:g} s"
    return text if step.console == s.MAIN else f"{step.console}: {text}"


def _action(step: s.Step, variables: dict[str, Any]) -> str:
    action = step.action
    if isinstance(action, s.Send):
        return f"send {action.entry.name}"
    if isinstance(action, s.SendRaw):
        return "send bytes"
    if isinstance(action, s.MakeCall):
        keys = action.request.value
        return f"call {_shown(keys['a'], variables)} -> {_shown(keys['b'], variables)}"
    if isinstance(action, s.Http):
        keys = action.request.value
        return f"{keys['method'].value if 'method' in keys else 'GET'} {keys['path'].value}"
    if isinstance(action, s.Restart):
        return "restart the gateway"
    if isinstance(action, s.Connect | s.Disconnect | s.Closed | s.Forget):
        word = {s.Connect: "connect", s.Disconnect: "disconnect", s.Closed: "closed:", s.Forget: "forget"}[
            type(action)
        ]
        return f"{word} {', '.join(channel.upper() for channel in action.channels)}"
    return ""


def _shown(node: Node, variables: dict[str, Any]) -> str:
    try:
        return str(resolve(node, variables).value)
    except ScriptError:
        return str(node.value)


def count_steps(steps: Iterable[s.Step]) -> int:
    """How many steps run when none fails."""
    return sum(
        step.action.times * count_steps(step.action.steps) if isinstance(step.action, s.Repeat) else 1
        for step in steps
    )
