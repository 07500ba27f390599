"""One ``load``: reach a lab or start one, control objects, make the calls, judge the limits, write the reports.

Exit codes: 0 every limit kept, 1 one broken or not judged, 2 wrong usage or configuration, 3 could not connect, 130
interrupted.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, cast

from sorm_mediator.addresses import split_host_port
from sorm_mediator.config import ConfigError
from sorm_mediator.console.errors import (
    ConnectError,
    NotReadyError,
    StepError,
    UsageError,
    check_choice,
    check_web,
    report_error,
    unwritable,
    words,
)
from sorm_mediator.console.interrupt import until_signal
from sorm_mediator.console.target import RunTarget
from sorm_mediator.errors import BoxError
from sorm_mediator.language import Phrase, translate
from sorm_mediator.load.check import KINDS
from sorm_mediator.load.console import LoadConsole
from sorm_mediator.load.control import Control, by_reports, by_switch, most_rate
from sorm_mediator.load.curve import ORDER_LIMIT, Ramp, knee
from sorm_mediator.load.generator import Generator, Via
from sorm_mediator.load.limits import ALWAYS, LIMITS, NO_RATE_KEPT, NOTHING_MEASURED, judge
from sorm_mediator.load.measuring import SPARE_OBJECT, Step, measure
from sorm_mediator.load.options import PicturedSettings
from sorm_mediator.load.plan import MOST_CALLS, CallPlan
from sorm_mediator.load.result import LoadResult
from sorm_mediator.load.served import Served, served
from sorm_mediator.output import INTERRUPTED
from sorm_mediator.reports.files import STDOUT, write_reports
from sorm_mediator.reports.progress import progress_bar

WAYS: Final[tuple[Via, ...]] = ("http", "radius")
DEFAULT_RATE: Final = 10.0
"""Calls a second."""
DEFAULT_OBJECTS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSettings(PicturedSettings):
    """The options of ``load``; the help of the command describes each. Raises :class:`UsageError`."""

    host: str = ""
    kpd1: int = 0
    kpd2: int = 0
    web: str = ""
    radius: str = ""
    via: str = "http"
    calls: int = 0
    rate: float = 0.0
    ramp: str = ""
    objects: int = 0
    first_object: int = 10_001
    domain: str = ""
    ring: str = "100ms"
    talk: str = "200ms"
    commands: float = 5.0
    processes: int = 1
    limits: Mapping[str, str] = field(default_factory=dict)
    """By option, as written; "": not given."""

    def __post_init__(self) -> None:
        PicturedSettings.__post_init__(self)
        check_choice("--via", self.via, WAYS)
        check_web(self.web)
        if self.ramp and self.rate:
            raise UsageError("--ramp, --rate: one of them: a ramp has rates of its own")
        if self.calls and (self.duration or self.ramp):
            raise UsageError("--calls: not with --duration or --ramp, which tell how many calls there are")
        for option, value in (("--calls", self.calls), ("--rate", self.rate), ("--objects", self.objects)):
            if value < 0:
                raise UsageError(f"{option}: {value:g} is not allowed: more than 0")
        if not 1 <= self.first_object <= SPARE_OBJECT - max(1, self.objects):
            raise UsageError(
                f"--first-object: {self.first_object} is not allowed: 1 to {SPARE_OBJECT}, with all --objects below it"
            )
        if self.radius:
            try:
                split_host_port(self.radius)
            except ValueError as error:
                raise UsageError(f"--radius: {error}") from None
        for option in ("duration", "ring", "talk"):
            self.seconds(option)
        if self.rates[0] <= 0:
            raise UsageError(f"--rate: {self.rate:g} is not allowed: more than 0")
        _ = self.wanted
        most = max(self.calls_at(rate) for rate in self.rates)
        if sum(self.calls_at(rate) for rate in self.rates) > MOST_CALLS:
            raise UsageError(
                f"--duration: {most} calls at one rate are too many: at most {MOST_CALLS} in all"
            )

    def seconds(self, option: str) -> float:
        """The value of an option that is a time; 0: not given. Raises :class:`UsageError`."""
        return self.time_of(option, may_be_none=option != "duration")

    @property
    def rates(self) -> Sequence[float]:
        """The rates, in turn."""
        if not self.ramp:
            return [self.rate or DEFAULT_RATE]
        try:
            return Ramp.read(self.ramp).rates
        except ValueError as error:
            raise UsageError(f"--ramp: {self.ramp!r} is not allowed: {error}") from None

    def calls_at(self, rate: float) -> int:
        """How many calls there are at a rate."""
        if self.calls:
            return self.calls
        return max(1, round(rate * (self.seconds("duration") or (5.0 if self.ramp else 10.0))))

    @property
    def wanted(self) -> dict[str, float]:
        """The limits, by option, in seconds or as numbers. Raises :class:`UsageError`."""
        found = dict(ALWAYS)
        for limit in LIMITS:
            text = self.limits.get(limit.option, "")
            if not text:
                continue
            try:
                found[limit.option] = limit.read(text)
            except ValueError as error:
                raise UsageError(f"{limit.option}: {text!r} is not allowed: {error}") from None
        if "--min-knee" in found and not self.ramp:
            raise UsageError("--min-knee: only a --ramp has a knee")
        return found

    @property
    def slowest(self) -> float:
        """The p99 of events, in seconds, up to which a mediator keeps up: its limit, else the order's."""
        return self.wanted.get("--max-event-p99", ORDER_LIMIT)

    def plan(self, rate: float, first_call: int, shape: CallPlan) -> CallPlan:
        """The calls at a rate. ``shape``: who calls whom."""
        return replace(
            shape, rate=rate, calls=self.calls_at(rate), first_call=first_call,
            ring=self.seconds("ring"), talk=self.seconds("talk"),
        )  # fmt: skip


# --- the run


async def measure_all(
    settings: LoadSettings,
    *,
    seen: Callable[[Step], object] = lambda _: None,
    cut_short: Callable[[LoadResult], object] = lambda _: None,
) -> LoadResult:
    """Make all calls and judge them. When it is cancelled, ``cut_short`` gets what was measured until then.

    Raises :class:`ConfigError`, :class:`BoxError`, :class:`NotReadyError`, :class:`ConnectError`, :class:`StepError`.
    """
    steps: list[Step] = []
    began = time.time()
    async with AsyncExitStack() as stack:
        lab = await stack.enter_async_context(served(settings))
        shape = await _shape(settings, lab)
        if shape.numbers:
            settings = _fitted(settings, shape)
        console = LoadConsole(lab.target, lambda *_: None, lambda _: None)
        await console.connect()
        stack.push_async_callback(console.close)
        control = Control(console, shape)
        result = LoadResult(
            against=lab.name, via=cast(Via, settings.via), objects=shape.objects, began=began, steps=steps
        )
        cancelled: asyncio.CancelledError | None = None
        try:
            with progress_bar(shape.objects, translate(_OBJECTS, settings.language)) as advance:
                await control.begin(advance)
            await _steps(settings, lab, shape, console, steps, seen)
        except asyncio.CancelledError as error:
            cancelled = error
        except (StepError, NotReadyError):
            await control.end()
            raise
        ending = asyncio.ensure_future(control.end())
        while not ending.done():
            try:
                await asyncio.wait((ending,))
            except asyncio.CancelledError as error:  # put back in any case
                cancelled = error
        result.not_restored = ending.result()
        _judge(settings, result, interrupted=cancelled is not None)
        if cancelled is not None:
            cut_short(result)
            raise cancelled
    return result


async def _shape(settings: LoadSettings, lab: Served) -> CallPlan:
    objects, first, domain = settings.objects, settings.first_object, settings.domain
    if settings.via == "radius":
        return by_reports(lab, objects or DEFAULT_OBJECTS, first, domain)
    return await by_switch(lab, objects, first, domain)


def _fitted(settings: LoadSettings, shape: CallPlan) -> LoadSettings:
    """The settings with a rate that the numbers of the switch take. Raises :class:`NotReadyError`."""
    most = most_rate(shape, settings.seconds("ring"), settings.seconds("talk"))
    if not settings.rate and not settings.ramp:
        return replace(settings, rate=min(DEFAULT_RATE, most / 2))
    if settings.rates[-1] > most:
        raise NotReadyError(
            Phrase(
                "--rate: {rate:g} calls/s are more than {count} numbers take, {most:.1f}: each takes one call at a "
                "time, of --ring and --talk; more subscribers in the lab file, shorter calls, or --via radius",
                rate=settings.rates[-1], count=shape.objects, most=most,
            )
        )  # fmt: skip
    return settings


_OBJECTS = Phrase("objects under control")


async def _steps(
    settings: LoadSettings,
    lab: Served,
    shape: CallPlan,
    console: LoadConsole,
    steps: list[Step],
    seen: Callable[[Step], object],
) -> None:
    first_call = 0
    http = settings.via == "http"
    server, secret = (
        (lab.web, lab.config.web.token.get_secret_value()) if http else (lab.radius, lab.secret())
    )
    for rate in settings.rates:
        plan = settings.plan(rate, first_call, shape)
        first_call += plan.calls
        async with Generator(
            plan, server, secret, via=cast(Via, settings.via), processes=settings.processes
        ) as generator:
            text = translate(Phrase("{rate:g} calls/s", rate=rate), settings.language)
            with progress_bar(3 * plan.calls, text) as advance:
                step = await measure(
                    console, generator, plan, commands=settings.commands, advance=advance, pid=lab.pid,
                    status=partial(_status, lab.target), cut_short=steps.append,
                )  # fmt: skip
        steps.append(step)
        seen(step)
        point = knee(steps, settings.slowest)
        if console.lost.is_set() or point.beyond is not None or point.limited is not None:
            return


async def _status(target: RunTarget) -> Mapping[str, Any] | None:
    if target.request is None:
        return None
    with suppress(ConnectError):  # a mediator without a web is measured from outside
        status, reply = await target.request("GET", "status", None)
        if status == 200 and isinstance(reply, dict):
            return reply
    return None


def _judge(settings: LoadSettings, result: LoadResult, *, interrupted: bool) -> None:
    """Judge the limits. Those of a ramp hold up to its knee: behind it nothing is promised."""
    steps, wanted = result.steps, dict(settings.wanted)
    result.interrupted = interrupted
    if settings.ramp and steps:
        result.knee = knee(steps, settings.slowest)
        kept = [step for step in steps if result.knee.rate is not None and step.rate <= result.knee.rate]
    else:
        kept = steps
    late = next((step.late_text for step in kept if step.generator_late), "")

    def measured(name: str) -> float | None:
        if name == "knee":
            return None if result.knee is None else (result.knee.rate or 0.0)
        of = steps if name in (*KINDS, "unconfirmed", "refused") and not settings.ramp else kept
        values = [value for step in of if (value := step.measure(name)) is not None]
        if not values:
            return None
        if name == "through":
            return values[-1]
        return sum(values) if name in (*KINDS, "unconfirmed", "refused") else max(values)

    nothing = NOTHING_MEASURED if kept or not steps else NO_RATE_KEPT
    result.judged = judge(wanted, measured, late, nothing=nothing, interrupted=interrupted)


def _before_all(settings: LoadSettings, began: float) -> LoadResult:
    """The result of a load that was interrupted before its first step: no limit is judged."""
    against = str(settings.config or settings.host or settings.web)
    result = LoadResult(
        against=against, via=cast(Via, settings.via), objects=settings.objects, began=began, steps=[]
    )
    _judge(settings, result, interrupted=True)
    return result


def interrupted_text(measured: object) -> Phrase:
    """What a command says that was interrupted. ``measured``: false when there was nothing."""
    if measured:
        return Phrase("interrupted; this is what was measured until then")
    return Phrase("interrupted before anything was measured; the reports say so")


def run_load(settings: LoadSettings, write: Callable[[str], object] = sys.stdout.write) -> int:
    """Run a load and write its reports. Returns the exit code; errors go to stderr."""
    from sorm_mediator.load.report import document, page, step_lines, summary, write_junit

    lang = settings.language
    quiet = settings.json == STDOUT

    def seen(step: Step) -> None:
        if not quiet:
            write("".join(f"{line}\n" for line in step_lines(step, lang)))
            sys.stdout.flush()

    kept: list[LoadResult] = []
    began = time.time()
    gc.freeze()  # collections of the console leave out what is loaded: their pauses are none of the mediator
    try:
        done = asyncio.run(until_signal(measure_all(settings, seen=seen, cut_short=kept.append)))
        result = done or (kept[0] if kept else _before_all(settings, began))
        if result.interrupted and result.steps:
            seen(result.steps[-1])
        if settings.plot is not None:
            from sorm_mediator.load.plots import png

            settings.plot.write_bytes(png(result, lang))
        free = write_reports(
            settings,
            lambda: page(result, lang),
            partial(write_junit, result=result),
            lambda: document(result, lang),
        )
        if free:
            write("".join(f"{line}\n" for line in summary(result, lang)))
    except (ConfigError, BoxError, NotReadyError) as error:
        return report_error(translate(words(error), lang), 2)
    except (ConnectError, StepError) as error:
        return report_error(translate(words(error), lang), 3)
    except OSError as error:
        return report_error(unwritable(error), 2)
    finally:
        gc.unfreeze()
    if result.interrupted:
        return report_error(translate(interrupted_text(result.steps), lang), INTERRUPTED)
    return 0 if result.good else 1
