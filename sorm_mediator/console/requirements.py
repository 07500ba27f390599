"""What a script needs around it, known before its first step."""

from __future__ import annotations

from collections.abc import Iterable

from sorm_mediator.console import scenario as s
from sorm_mediator.console import vendor as v
from sorm_mediator.console.errors import ScriptError

Script = s.Scenario | v.VendorScript


def check(script: Script, *, calls: bool, web: bool, restart: bool) -> None:
    """Look for the first step that needs something that isn't there.

    ``calls``: who makes calls; ``web``: the HTTP API; ``restart``: a mediator of this run. Raises :class:`ScriptError`.
    """
    if isinstance(script, s.Scenario):
        _check_steps((*script.steps, *script.finally_), calls=calls, web=web, restart=restart)
        return
    for step in script.steps:
        if isinstance(step, v.Calls) and any(watch.make for watch in step.watches) and not calls:
            raise ScriptError(f"{script.path}:{step.line}: make: needs a switch: give --web URL, or a lab")


def _check_steps(steps: Iterable[s.Step], *, calls: bool, web: bool, restart: bool) -> None:
    for step in steps:
        action = step.action
        if isinstance(action, s.Repeat):
            _check_steps(action.steps, calls=calls, web=web, restart=restart)
        elif isinstance(action, s.MakeCall) and not calls:
            step.node.fail("call: needs a switch: give --web URL, or lab: in the scenario and no --host")
        elif isinstance(action, s.Http) and not web:
            action.request.fail(
                "needs the web of a lab: give --web URL, or lab: in the scenario and no --host"
            )
        elif isinstance(action, s.Restart) and not restart:
            step.node.fail("restart: needs a lab of this run: give lab: in the scenario, and no --host")
