"""One ``acceptance``: read the lab file, start the lab or connect to a running mediator, write the reports.

Exit codes: 0 every check passed, 1 a check failed, 2 a mistake on the command line or in the lab file, 3 no
connection, 141 the reader of the output is gone.

The run carries the matrix out: command 5 for each object, the call, its events. It uses the console's own
channels. The emulated switch makes the calls on request over HTTP; its data about each call (``GET calls/{call}``)
shows its release, after which events soon end, and the result of routing.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sorm_mediator.acceptance.compare import (
    EVENTS,
    PASS,
    Outcome,
    compare,
    left_over,
    problems,
    refused,
    refused_number,
    remedies,
)
from sorm_mediator.acceptance.matrix import DIRECTION_NAMES, KINDS, Domains, FormatCheck, PlannedCall, planned
from sorm_mediator.acceptance.report import (
    KIND_NAMES,
    AcceptanceRun,
    document,
    table,
    write_junit,
)
from sorm_mediator.addresses import host_port
from sorm_mediator.config import Config, ConfigError
from sorm_mediator.config.lines import located
from sorm_mediator.config.outside import load_lab
from sorm_mediator.console.client import ALREADY_STARTED, Crossed, Sent
from sorm_mediator.console.errors import (
    ConnectError,
    NotReadyError,
    StepError,
    UsageError,
    check_choice,
    check_web,
    report_error,
    unwritable,
)
from sorm_mediator.console.interrupt import carry_through, until_signal
from sorm_mediator.console.reporting import ReportSettings
from sorm_mediator.console.target import RunTarget
from sorm_mediator.errors import BoxError
from sorm_mediator.lab.targets import in_lab, toward
from sorm_mediator.language import Lang, Phrase, translate
from sorm_mediator.output import INTERRUPTED
from sorm_mediator.reports.files import write_reports
from sorm_mediator.reports.progress import progress_bar
from sorm_mediator.switch.node import Node
from sorm_mediator.switch.trace import read_request, trace
from ssh_control.codes import ExtendedError
from ssh_control.visible import visible

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
"""The first object number of the checks, above the usual ones of a mediator in use."""
_NOT_LOCAL = ExtendedError.NUMBER_NOT_LOCAL
_OBJECT_AGAIN, _NUMBER_AGAIN = ExtendedError.OBJECT_ALREADY_DEFINED, ExtendedError.NUMBER_ALREADY_DEFINED

Done = Callable[[Outcome], None]


class Acceptance:
    """One run of the matrix against one mediator. The context manager starts a stopped mediator, and stops it again.

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
            outcome = await carry_through(self._check(check))  # a signal leaves no object under control
            outcome.seconds = time.monotonic() - began
            outcomes.append(outcome)
            done(outcome)
        return outcomes

    async def _check(self, check: FormatCheck) -> Outcome:
        outcome = Outcome(check)
        if check.skipped:
            return outcome
        if check.call is not None:
            request = read_request(check.call.trace_arguments)
            outcome.trace = trace(self._domains, self._domains[check.call.domain], request)
        if check.problem:
            outcome.problems.append(check.problem)
            return outcome
        assert check.call is not None
        assert check.controlled is not None
        number, self._next_object = self._next_object, self._next_object + 1
        outcome.object_number = number
        mark = len(self._client.log)
        controlled = {
            "object_number": number,
            "object_type": check.controlled.object_type,
            "number_sign": check.controlled.sign,
            "number": check.controlled.number,
        }
        status = await self._command(
            "add-object", {**controlled, "category": "statistical", "priority": "normal"}
        )
        if status:
            outcome.problems.append(refused(status))
            if status in (_OBJECT_AGAIN, _NUMBER_AGAIN):
                outcome.remedies = [left_over(one) for one in await self._in_the_way(controlled, status)]
            if status == _NOT_LOCAL:
                outcome.remedies = refused_number(
                    check.controlled, check.subscriber, self._domains[check.domain]
                )
        else:
            try:
                await self._call(outcome, check.call, mark)
            finally:
                await self._command("remove-object", controlled)
        outcome.units = self._crossed(mark, number)
        if outcome.call:
            outcome.compared = compare(check, [one for one in outcome.units if one.on_kpd2])
            outcome.problems = problems(outcome)
            if outcome.problems:
                outcome.remedies = remedies(outcome, self._domains, self._config)
        return outcome

    async def _in_the_way(self, controlled: dict[str, Any], status: int) -> list[dict[str, Any]]:
        """The objects of command 10 that have the number of the object, or the number under control."""
        names = ("object_number",) if status == _OBJECT_AGAIN else ("object_type", "number_sign", "number")
        mark = len(self._client.log)
        if await self._command("get-objects", {name: controlled[name] for name in names}):
            return []
        answers = [one.fields for one in self._client.log[mark:] if one.name == "object-info"]
        # Where there is no such object, the answer repeats what was asked (order 268, 9.3.5).
        return [one for one in answers if one.get("object_number") is not None and one.get("category")]

    async def _call(self, outcome: Outcome, placed: PlannedCall, mark: int) -> None:
        request = {"a": placed.a, "b": placed.b, "from": placed.origin, "ring": RING, "talk": TALK}
        assert self._target.make_call is not None
        try:
            outcome.call = await self._target.make_call(placed.domain, request)
        except StepError as error:
            outcome.problems.append(error.text)
            return
        until = time.monotonic() + EVENTS_WITHIN
        released = False

        def over() -> bool:
            crossed = self._crossed(mark, outcome.object_number)
            return any(one.on_kpd2 and one.name == EVENTS[-1] for one in crossed)

        while not await self._client.wait(over, LOOK_AGAIN):
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

    def _crossed(self, mark: int, number: int) -> list[Crossed]:
        """Command 5 and 6 with their answers, and the events of this object."""
        log = self._client.log[mark:]
        return [one for one in log if not one.on_kpd2 or one.fields.get("object_number") == number]


OWN_LAB = Phrase("a lab of its own, made of the file")


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceSettings(ReportSettings):
    """The options of ``acceptance``; the help of the command describes each. Raises :class:`UsageError`."""

    config: Path
    only: tuple[str, ...] = ()
    host: str = ""
    kpd1: int = 1001
    kpd2: int = 1002
    web: str = ""

    def __post_init__(self) -> None:
        ReportSettings.__post_init__(self)
        for kind in self.only:
            check_choice("--only", kind, KINDS)
        check_web(self.web)
        if self.host and not self.web:
            raise UsageError(
                "--web: is needed with --host: the URL of the emulated switch that makes the calls"
            )
        if self.web and not self.host:
            raise UsageError("--host: is needed with --web: the address of the mediator that is running")


def run_acceptance(settings: AcceptanceSettings) -> int:
    """Run the matrix and write the reports. Returns the exit code; errors go to stderr."""
    try:
        run = asyncio.run(until_signal(carry_out(settings)))
        if run is None:
            return report_error("interrupted; no report is written", INTERRUPTED)
        _write(settings, run)
        sys.stdout.flush()
    except (ConfigError, BoxError, NotReadyError) as error:
        return report_error(located(str(error), settings.config), 2)
    except ConnectError as error:
        return report_error(error, 3)
    except OSError as error:
        return report_error(unwritable(error), 2)
    return 0 if run.verdict == PASS else 1


async def carry_out(settings: AcceptanceSettings) -> AcceptanceRun:
    """Read the lab file and run its matrix.

    Raises :class:`ConfigError`, :class:`BoxError`, :class:`NotReadyError`, :class:`ConnectError`.
    """
    config = load_lab(settings.config)
    name = str(settings.config)
    checks, node = planned(config, name)
    if not settings.host:
        _check_login(config, node, name)
    only = tuple(kind for kind in KINDS if kind in settings.only)
    if only:
        checks = tuple(check for check in checks if check.kind in only)
    began = time.time()
    lang = settings.language
    async with _target(config, settings) as target, Acceptance(target, config, node.domains) as acceptance:
        with _progress(checks, lang) as done:
            outcomes = await acceptance.run(checks, done)
    against = host_port(settings.host, settings.kpd1) if settings.host else translate(OWN_LAB, lang)
    return AcceptanceRun(lab=name, against=against, time=began, config=config, outcomes=outcomes, only=only)


def _check_login(config: Config, node: Node, name: str) -> None:
    """Raises :class:`ConfigError` if the lab's switch would refuse its mediator, and so every object."""
    from sorm_mediator.lab.checks import login_problem

    own = config.model_copy(update={"ssh": config.ssh.model_copy(update={"port": 0})})
    problem = login_problem(own, node)
    if problem:
        raise ConfigError(f"{name}: ssh.user: the switch does not let {config.ssh.user!r} in: {problem}")


def _target(config: Config, settings: AcceptanceSettings) -> AbstractAsyncContextManager[RunTarget]:
    by_e1 = config.console.link == "x25"
    if settings.host:
        return toward(config, settings.host, settings.kpd1, settings.kpd2, web=settings.web, by_e1=by_e1)
    # The run uses empty tables and leaves the tables of the lab unchanged.
    mediator = config.mediator.model_copy(update={"state": ":memory:", "journal": ""})
    own = config.model_copy(update={"mediator": mediator})
    return in_lab(own, str(settings.config), by_e1=by_e1)


@contextmanager
def _progress(checks: Sequence[FormatCheck], lang: Lang) -> Iterator[Callable[[Outcome], None]]:
    """A bar on stderr, if stderr is a terminal; yields the function to call with each outcome."""
    with progress_bar(len(checks)) as advance:

        def done(outcome: Outcome) -> None:
            check = outcome.check
            kind, direction = KIND_NAMES[check.kind], DIRECTION_NAMES[check.direction]
            advance(now=f"{translate(kind, lang)}, {translate(direction, lang)}")

        yield done


def _write(settings: AcceptanceSettings, run: AcceptanceRun) -> None:
    """The reports. Raises :class:`OSError`."""
    lang = settings.language

    def page() -> str:
        from sorm_mediator.acceptance import html  # jinja2, only where it is needed

        return html.page(run, lang)

    if write_reports(settings, page, partial(write_junit, run=run), lambda: document(run, lang)):
        for line in table(run, lang):
            sys.stdout.write(visible(line) + "\n")
