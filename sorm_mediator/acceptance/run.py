"""Carries the matrix out: command 5 for each object, the call, its events.

The run uses the console's own channels. The emulated switch makes the calls on request over HTTP; its data
about each call (``GET calls/{call}``) shows its release, after which events soon end, and the result of routing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from sorm_mediator.acceptance.compare import EVENTS, Outcome, compare, problems, refused, remedies
from sorm_mediator.acceptance.matrix import Domains, FormatCheck, PlannedCall
from sorm_mediator.acceptance.proposals import refused_number
from sorm_mediator.addresses import host_port
from sorm_mediator.config import Config
from sorm_mediator.console.client import ALREADY_STARTED, Crossed, Sent
from sorm_mediator.console.errors import ConnectError, StepError
from sorm_mediator.console.target import RunTarget
from sorm_mediator.switch.trace.trace import Trace, read_request, trace

ANSWER_WITHIN = 16.0
"""Seconds for the answers to a command: order 268, 1.5 gives 15 s for commands 5 and 6."""
EVENTS_WITHIN = 5.0
"""Seconds for a call and its events."""
AFTER_RELEASE = 1.0
"""Seconds after the release of a call in which an event may still come: order 268, rule 5 allows 200 ms from
the node to the port; the rest is for a busy machine (our choice)."""
LOOK_AGAIN = 0.05
"""Seconds without events between two requests to the switch for the state of a call."""
RING, TALK = 0.02, 0.05
"""Seconds that a call rings and talks."""
FIRST_OBJECT = 40_001
"""The first object number of the checks, above the usual numbers: a mediator in use may have its own
objects."""
_NOT_LOCAL = 0x54

Done = Callable[[Outcome], None]


class NotReadyError(Exception):
    """The mediator refuses the console's first command. The text gives the reason and the remedy."""


class Acceptance:
    """One run of the matrix against one mediator. A context manager: it starts a stopped mediator and stops
    it again at the end.

    Raises :class:`ConnectError` if a channel can't be reached or is lost, :class:`NotReadyError`.
    """

    def __init__(self, target: RunTarget, config: Config, domains: Domains) -> None:
        self._target = target
        self._config = config
        self._domains = domains
        self._client = target.console()
        self._started_here = False
        self._next_object = FIRST_OBJECT

    async def __aenter__(self) -> Acceptance:
        await self._client.connect()
        status = await self._command("start")
        self._started_here = status == 0
        if status and status not in ALREADY_STARTED:
            await self._client.close()
            raise NotReadyError(
                f"mediator.password: {refused(status, 1)}: is it the password of this mediator?"
            )
        await self._check_link()
        return self

    async def _check_link(self) -> None:
        """Raise :class:`NotReadyError` for a lab's mediator without its switch, which would refuse every command 5."""
        if self._target.restart is None:
            return  # the web may belong to another lab
        assert self._target.request is not None
        status, document = await self._target.request("GET", "status", None)
        link = document.get("switch") if status == 200 and isinstance(document, dict) else None
        if isinstance(link, dict) and link.get("state") != "up":
            await self.__aexit__()
            raise NotReadyError(
                f"the mediator has no link to its switch: {link.get('reason') or link['state']}"
            )

    async def __aexit__(self, *_: object) -> None:
        if self._started_here and "kpd1" in self._client.connected:
            await self._command("stop")
        await self._client.close()

    async def run(self, checks: Sequence[FormatCheck], done: Done) -> list[Outcome]:
        """Carry the checks out one after the other; ``done`` is called with each outcome."""
        outcomes = []
        for check in checks:
            began = time.monotonic()
            outcome = await self._check(check)
            outcome.seconds = time.monotonic() - began
            outcomes.append(outcome)
            done(outcome)
        return outcomes

    async def _check(self, check: FormatCheck) -> Outcome:
        outcome = Outcome(check)
        if check.skipped:
            return outcome
        if check.call is not None:
            outcome.trace = trace_of(check.call, self._domains)
        if check.problem:
            outcome.problems.append(check.problem)
            return outcome
        outcome.object_number, self._next_object = self._next_object, self._next_object + 1
        mark = len(self._client.log)
        status = await self._put_under_control(outcome)
        if status:
            outcome.problems.append(refused(status))
            if status == _NOT_LOCAL and check.controlled is not None and check.call is not None:
                own = check.call.a if check.role == "calling" else ""
                outcome.remedies = refused_number(
                    check.controlled,
                    own or self._config.acceptance.formats.own.subscriber,
                    self._domains[check.domain],
                )
            outcome.units = self._crossed(mark, outcome.object_number)
            return outcome
        try:
            await self._call(outcome, mark)
        finally:
            await self._release_control(outcome)
        outcome.units = self._crossed(mark, outcome.object_number)
        if outcome.call:
            events = self._events(mark, outcome.object_number)
            outcome.compared = compare(check, events)
            outcome.problems += problems(check, outcome.compared, outcome.routing)
        if outcome.problems and outcome.compared:
            outcome.remedies = remedies(
                check, outcome.compared, outcome.routing, outcome.trace, self._domains, self._config
            )
        return outcome

    async def _put_under_control(self, outcome: Outcome) -> int:
        agreed = outcome.check.controlled
        assert agreed is not None
        fields = {
            "object_number": outcome.object_number,
            "object_type": agreed.object_type,
            "number_sign": agreed.sign,
            "number": agreed.number,
            "category": "statistical",
            "priority": "normal",
        }
        return await self._command("add-object", fields)

    async def _release_control(self, outcome: Outcome) -> None:
        agreed = outcome.check.controlled
        assert agreed is not None
        fields = {
            "object_number": outcome.object_number,
            "object_type": agreed.object_type,
            "number_sign": agreed.sign,
            "number": agreed.number,
        }
        await self._command("remove-object", fields)

    async def _call(self, outcome: Outcome, mark: int) -> None:
        placed, target = outcome.check.call, self._target
        assert placed is not None
        assert target.make_call is not None
        try:
            outcome.call = await target.make_call(placed.domain, _request(placed))
        except StepError as error:
            outcome.problems.append(error.text)
            return
        until = time.monotonic() + EVENTS_WITHIN
        number = outcome.object_number
        released = False
        while not await self._client.wait(lambda: self._over(mark, number), LOOK_AGAIN):
            if time.monotonic() >= until:
                break
            if not released and (await self._document(outcome.call)).get("state") == "released":
                released, until = True, min(until, time.monotonic() + AFTER_RELEASE)
        outcome.routing = list((await self._document(outcome.call)).get("routing", ()))

    async def _document(self, call: str) -> dict[str, Any]:
        assert self._target.request is not None
        status, document = await self._target.request("GET", f"calls/{call}", None)
        if status != 200 or not isinstance(document, dict):
            raise ConnectError(f"GET calls/{call}: the switch answers HTTP {status}: {document}")
        return document

    async def _command(self, name: str, fields: dict[str, Any] | None = None) -> int:
        """Send a command and wait for the answer; the status of a refusal, 0 for an executed command."""
        client = self._client
        lost = client.lost
        sent: tuple[Sent, ...] = await client.send(client.command(name, fields or {}))
        await client.wait(lambda: sent[0].done or client.lost > lost, ANSWER_WITHIN)
        if not sent[0].done:
            reason = (
                "the channel was closed" if client.lost > lost else f"no answer within {ANSWER_WITHIN:g} s"
            )
            raise ConnectError(f"{host_port(self._target.host, self._target.kpd1)}: {name}: {reason}")
        return sent[0].refusal

    def _over(self, mark: int, number: int) -> bool:
        return any(one.name == EVENTS[-1] for one in self._events(mark, number))

    def _events(self, mark: int, number: int) -> list[Crossed]:
        return [
            one
            for one in self._client.log[mark:]
            if one.on_kpd2 and one.fields.get("object_number") == number
        ]

    def _crossed(self, mark: int, number: int) -> list[Any]:
        """Command 5 and 6 with their answers, and the events of this object."""
        log = self._client.log[mark:]
        return [one for one in log if not one.on_kpd2 or one.fields.get("object_number") == number]


def trace_of(placed: PlannedCall, domains: Domains) -> Trace:
    """The trace of a call of the matrix through routing."""
    return trace(domains, domains[placed.domain], read_request(placed.trace_arguments))


def _request(placed: PlannedCall) -> dict[str, Any]:
    """The call as the body of POST switch/domains/{d}/calls."""
    return {"a": placed.a, "b": placed.b, "from": placed.origin, "ring": RING, "talk": TALK}
