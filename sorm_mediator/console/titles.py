"""What a step is called when it has no title of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from protocol.language import Phrase, join
from sorm_mediator.console import scenario as s
from sorm_mediator.console.client import SHOWN
from sorm_mediator.console.errors import ScriptError
from sorm_mediator.console.hearing import title_of
from sorm_mediator.console.nodes import Node
from sorm_mediator.console.variables import resolve


def title(step: s.Step, variables: dict[str, Any]) -> str:
    """A short text: who does what. A title of the step's own is in the language of its author."""
    if step.title:
        return step.title
    parts = [_action(step, variables)]
    for verb, expectations in ((_EXPECT, step.expect), (_EVENTS, step.events)):
        if expectations:
            parts.append(join(" ", [verb, ", ".join(one.entry.name for one in expectations)]))
    if step.hears is not None:
        parts.append(title_of(step.hears))
    if step.silence is not None:
        parts.append(Phrase("silence for {seconds:g} s", "тишина {seconds:g} с", seconds=step.silence))
    text = join(", ", [part for part in parts if part])
    return text if step.console == s.MAIN else join(": ", [step.console, text])


def _action(step: s.Step, variables: dict[str, Any]) -> str:
    action = step.action
    if isinstance(action, s.Send):
        return join(" ", [_SEND, action.entry.name])
    if isinstance(action, s.SendRaw):
        return Phrase("send bytes", "послать байты")
    if isinstance(action, s.MakeCall):
        keys = action.request.value
        return join(" ", [CALL, _shown(keys["a"], variables), "->", _shown(keys["b"], variables)])
    if isinstance(action, s.Http):
        keys = action.request.value
        return f"{keys['method'].value if 'method' in keys else 'GET'} {keys['path'].value}"
    if isinstance(action, s.Ask):
        return action.demand.title_of(action.keys, variables)
    if isinstance(action, s.Restart):
        return Phrase("restart the gateway", "перезапустить шлюз")
    if isinstance(action, s.Connect | s.Disconnect | s.Closed | s.Forget):
        return join(" ", [_VERBS[type(action)], join(", ", [SHOWN[channel] for channel in action.channels])])
    return ""


CALL = Phrase("call", "вызов")
_SEND = Phrase("send", "послать")
_EXPECT = Phrase("expect", "ожидать")
_EVENTS = Phrase("events", "события")
_VERBS: dict[type, Phrase] = {
    s.Connect: Phrase("connect", "подключить"),
    s.Disconnect: Phrase("disconnect", "отключить"),
    s.Closed: Phrase("closed:", "закрыт:"),
    s.Forget: Phrase("forget", "забыть"),
}


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
