"""What a script needs around it, known before its first step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sorm_mediator.config import Config
from sorm_mediator.console.errors import ScriptError
from sorm_mediator.console.target import LINKS, Link
from sorm_mediator.replay import scenario as s
from sorm_mediator.replay import vendor as v

Script = s.Scenario | v.VendorScript


def links(script: Script) -> tuple[Link, ...]:
    """The links that a script can run over: speech is heard over E1 only, and a scenario may name its link."""
    if not isinstance(script, s.Scenario):
        return LINKS
    if script.link is not None:
        return (script.link,)
    hears = any(step.hears is not None for step in _all_steps((*script.steps, *script.finally_)))
    return ("x25", "tcp+e1") if hears else LINKS


def link_of(config: Config) -> Link:
    """The link of a lab: streams beside TCP are there for the speech."""
    return "tcp+e1" if config.console.link == "tcp" and config.e1 else config.console.link


def check(script: Script, *, calls: bool, web: bool, restart: bool, e1: bool = False) -> None:
    """Look for the first step that needs something that isn't there.

    ``calls``: who makes calls; ``web``: the HTTP API; ``restart``: a mediator of this run; ``e1``: lines with speech.
    Raises :class:`ScriptError`.
    """
    if isinstance(script, s.Scenario):
        for step in _all_steps((*script.steps, *script.finally_)):
            _check_step(step, calls=calls, web=web, restart=restart, e1=e1)
        return
    for line in script.steps:
        if isinstance(line, v.Calls) and any(watch.make for watch in line.watches) and not calls:
            raise ScriptError(f"{script.path}:{line.line}: make: needs a switch: give --web URL, or a lab")


def _all_steps(steps: Iterable[s.Step]) -> Iterator[s.Step]:
    """Steps, those of a repetition in its place."""
    for step in steps:
        if isinstance(step.action, s.Repeat):
            yield from _all_steps(step.action.steps)
        else:
            yield step


def _check_step(step: s.Step, *, calls: bool, web: bool, restart: bool, e1: bool) -> None:
    action = step.action
    if isinstance(action, s.MakeCall) and not calls:
        step.node.fail("call: needs a switch: give --web URL, or lab: in the scenario and no --host")
    elif isinstance(action, s.Http | s.Ask) and not web:
        asking = action.request if isinstance(action, s.Http) else action.keys
        asking.fail("needs the web of a lab: give --web URL, or lab: in the scenario and no --host")
    elif isinstance(action, s.Restart) and not restart:
        step.node.fail("restart: needs a lab of this run: give lab: in the scenario, and no --host")
    if step.hears is not None and not e1:
        step.hears.node.fail("speech is heard over E1 only: give --link x25 or tcp+e1")
