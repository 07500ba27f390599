"""One ``soak``: phases in turn until the time is over, samples beside them, and a verdict.

Exit codes: 0 nothing leaked, nothing was lost and every answer came; 1 not so, or not checked; 2 wrong usage or
configuration; 130 interrupted, with the report of what was until then.
"""

from __future__ import annotations

import asyncio
import gc
import math
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from protocol import GetVersion
from sorm_mediator.config import ConfigError
from sorm_mediator.console.errors import (
    ConnectError,
    NotReadyError,
    StepError,
    UsageError,
    check_choice,
    check_folders,
    report_error,
    unwritable,
    words,
)
from sorm_mediator.console.interrupt import until_signal
from sorm_mediator.errors import BoxError
from sorm_mediator.language import Phrase, translate
from sorm_mediator.load.check import KINDS
from sorm_mediator.load.console import LoadConsole
from sorm_mediator.load.control import Control, by_reports, by_switch, most_rate
from sorm_mediator.load.generator import Generator, Via
from sorm_mediator.load.measuring import Step, measure
from sorm_mediator.load.options import PicturedSettings
from sorm_mediator.load.plan import CallPlan
from sorm_mediator.load.served import Served
from sorm_mediator.load.session import interrupted_text
from sorm_mediator.output import INTERRUPTED
from sorm_mediator.reports.files import STDOUT, write_reports
from sorm_mediator.reports.progress import Advance, progress_bar
from sorm_mediator.soak.boxes import AGAINST, SoakBox, soak_boxes
from sorm_mediator.soak.faults import CUTS, FaultMaker
from sorm_mediator.soak.leaks import FEWEST, least_seconds
from sorm_mediator.soak.result import PHASES, Done, PhaseKind, SoakResult

RING, TALK = 0.1, 0.2
CALM: Final = 4
"""How much less often the numbers of the switch are called than they could be: a busy machine ends calls later, and a
call to a number that is still in the one before it can't be judged."""
FIRST_OBJECT, FIRST_SUBSCRIBER = 10_001, 20_001
"""Numbers of the objects of reports, and of those of calls."""
BACK_WITHIN: Final = 10.0
"""Seconds within which a console that was cut off is let in again, and answered."""
ENDED_WITHIN: Final = 1.0
"""Seconds for the end of a box to be seen, when a soak ends before its time."""
SETTLED: Final = 1.0
"""Seconds from the last fault of a phase to its last call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoakSettings(PicturedSettings):
    """The options of ``soak``; the help of the command describes each. Raises :class:`UsageError`."""

    duration: str = "60min"
    rate: float = 50.0
    objects: int = 50
    sample: str = ""
    phase: str = ""
    only: tuple[str, ...] = ()
    seed: int = 0
    findings: Path = Path("fuzz-findings")

    def __post_init__(self) -> None:
        PicturedSettings.__post_init__(self)
        for one in self.only:
            check_choice("--only", one, PHASES)
        for option in ("duration", "sample", "phase"):
            self.time_of(option)
        if self.seconds < 5:
            raise UsageError(f"--duration: {self.duration!r} is not allowed: 5s or more")
        if self.seconds < (least := least_seconds(self.every)):
            raise UsageError(
                f"--duration: {self.duration!r} is not allowed: {math.ceil(least)}s or more: growth is judged by "
                f"{FEWEST} samples after the warm-up, {self.every:g} s from one to the next"
            )
        if self.rate <= 0:
            raise UsageError(f"--rate: {self.rate:g} is not allowed: more than 0")
        check_folders({}, {"--findings": self.findings})

    @property
    def seconds(self) -> float:
        """The duration."""
        return self.time_of("duration")

    @property
    def every(self) -> float:
        """Seconds between two samples."""
        return self.time_of("sample") or min(10.0, max(0.5, self.seconds / 200))

    @property
    def length(self) -> float:
        """Seconds of a phase."""
        return self.time_of("phase") or min(15.0, max(2.0, self.seconds / 30))

    @property
    def kinds(self) -> Sequence[PhaseKind]:
        """The phases of a cycle."""
        return [one for one in PHASES if not self.only or one in self.only]


class Soak:
    """The phases. Calls are numbered through, so that no two of a soak have one number."""

    def __init__(self, settings: SoakSettings, lab: Served, result: SoakResult, boxes: list[SoakBox]) -> None:
        self._settings, self._lab, self._result, self._boxes = settings, lab, result, boxes
        self._rng = random.Random(settings.seed)  # noqa: S311 - repeatable, not secret
        self._begin = time.monotonic()
        self._first_call = 0
        assert lab.target.request is not None
        self._faults = FaultMaker(lab.target.request, self._rng)
        self._console = LoadConsole(lab.target, lambda *_: None, lambda _: None)

    @property
    def passed(self) -> float:
        """Seconds since the begin."""
        return time.monotonic() - self._begin

    async def run(self, advance: Advance) -> None:
        """Phases in turn until the time is over; at least one cycle."""
        sampling = asyncio.create_task(self._sample(advance))
        phases = asyncio.create_task(self._phases())
        try:
            await asyncio.wait((sampling, phases), return_when=asyncio.FIRST_COMPLETED)
            for task in (sampling, phases):
                if task.done():
                    task.result()
        finally:
            for task in (phases, sampling):
                task.cancel()
            await asyncio.gather(sampling, phases, return_exceptions=True)
            await self._console.close()
            self._result.seconds = self.passed
            for box in self._boxes:
                if await self._has_ended(box):
                    self._trouble(Phrase("{box} has ended: {log}", box=box.name, log=box.last_words()))
            self._result.faults = self._faults.count
            self._result.troubles += self._faults.troubles
            self._logs()

    async def _has_ended(self, box: SoakBox) -> bool:
        """Whether a process has ended by itself. One that is ending closes its connections first."""
        if self.passed < self._settings.seconds and not self._result.interrupted:
            with suppress(TimeoutError):
                async with asyncio.timeout(ENDED_WITHIN):
                    await box.process.ended()
        return box.process.exit_code is not None

    async def _sample(self, advance: Advance) -> None:
        shown = 0
        for number in range(1_000_000_000):
            await asyncio.sleep(max(0.0, number * self._settings.every - self.passed))
            for box in self._boxes:
                await box.sample(self.passed)
            self._logs()
            now = min(int(self.passed), int(self._settings.seconds))
            advance(now - shown)
            shown = now

    def _logs(self) -> None:
        for box in self._boxes:
            for line in box.read_log():
                self._trouble(Phrase("log of {box}: {line}", box=box.name, line=line))

    def _trouble(self, text: str) -> None:
        self._result.troubles.append(text)

    async def _phases(self) -> None:
        """Cycle after cycle."""
        kinds = [kind for kind in self._settings.kinds if kind != "fuzz"]
        while True:
            if kinds:
                await self._controlled(kinds)
            if "fuzz" in self._settings.kinds and not self._over:
                await self._fuzz()
            if self._over:
                return

    @property
    def _over(self) -> bool:
        return self.passed >= self._settings.seconds and not self._result.missing

    async def _controlled(self, kinds: Sequence[PhaseKind]) -> None:
        """The phases of a cycle that have objects under control."""
        reports = by_reports(self._lab, self._settings.objects, FIRST_OBJECT)
        calls = await by_switch(self._lab, 0, FIRST_SUBSCRIBER)
        await self._console.connect()
        controls = [Control(self._console, shape) for shape in (reports, calls)]
        for control in controls:
            await control.begin(lambda *_, **__: None)
        for kind in kinds:
            if self._over:
                break
            began = self.passed
            step = None
            if kind == "reconnect":
                await self._reconnect()
            else:
                step = await self._load(kind, calls if kind == "calls" else reports)
            self._result.done.append(Done(kind, began, self.passed - began, step))
        await self._links_back()
        for control in reversed(controls):
            if left := await control.end():
                self._trouble(
                    Phrase("not put back after {kind}, {at:.0f} s after the begin: {what}",
                           kind=self._result.done[-1].kind if self._result.done else "-", at=self.passed, what=left)
                )  # fmt: skip
        await self._console.close()

    async def _links_back(self) -> None:
        """Wait until what the phases cut is there again: the console, and the switch at the mediator. What is not
        within :data:`BACK_WITHIN` is told by the commands that follow."""
        if self._console.lost.is_set():
            await self._back()
        assert self._lab.target.request is not None
        with suppress(TimeoutError):
            async with asyncio.timeout(BACK_WITHIN):
                while True:
                    with suppress(ConnectError):
                        status, reply = await self._lab.target.request("GET", "status", None)
                        if status == 200 and (reply["switch"] is None or reply["switch"]["state"] == "up"):
                            return
                    await asyncio.sleep(0.1)

    async def _load(self, kind: PhaseKind, shape: CallPlan) -> Step:
        """Calls at the rate, and faults beside them where that is the phase."""
        length = self._settings.length
        rate = self._settings.rate
        via: Via = "http" if kind == "calls" else "radius"
        if via == "http":
            rate = min(rate, most_rate(shape, RING, TALK) / CALM)
        plan = replace(
            shape,
            rate=rate,
            calls=max(1, round(rate * length)),
            first_call=self._first_call,
            ring=RING,
            talk=TALK,
        )
        self._first_call += plan.calls
        lab = self._lab
        server, secret = (
            (lab.web, lab.config.web.token.get_secret_value())
            if via == "http"
            else (lab.radius, lab.secret())
        )
        faults = kind == "faults"
        async with Generator(plan, server, secret, via=via) as generator:
            spoiling = asyncio.create_task(self._faults.keep_on(length - SETTLED)) if faults else None
            try:
                step = await measure(
                    self._console, generator, plan, commands=5.0, tables=not faults, advance=lambda *_, **__: None,
                    pid=None, status=_no_status, cut_short=lambda step: None,
                )  # fmt: skip
            finally:
                if spoiling is not None:
                    spoiling.cancel()
                    await asyncio.gather(spoiling, return_exceptions=True)
                    await self._faults.clear()
        self._judge(kind, step)
        return step

    def _judge(self, kind: PhaseKind, step: Step) -> None:
        found: dict[str, int] = {name: step.found.get(name, 0) for name in KINDS}
        found |= {"unconfirmed": step.unconfirmed, "refused": step.refused}
        wrong = ", ".join(f"{name} {count}" for name, count in found.items() if count)
        at = Phrase("{kind}, {at:.0f} s after the begin", kind=kind, at=self.passed)
        if wrong:
            self._trouble(Phrase("{phase}: {wrong}", phase=at, wrong=wrong))
        for text in step.told:
            self._trouble(Phrase("{phase}: {wrong}", phase=at, wrong=text))

    async def _reconnect(self) -> None:
        """Both channels are cut, and the console comes back."""
        for fault in CUTS:
            await self._faults.order(fault)
        with suppress(TimeoutError):
            async with asyncio.timeout(BACK_WITHIN):
                await self._console.lost.wait()
        await self._back()

    async def _back(self) -> None:
        """The console connects again. Raises :class:`NotReadyError` when it is not served within
        :data:`BACK_WITHIN`."""
        await self._console.close()
        deadline = time.monotonic() + BACK_WITHIN
        while True:
            try:
                await self._console.connect()
                answered = await self._console.command(GetVersion())
                if answered.good:
                    return
                why: str = f"{answered.status:02X}h" if answered.status else Phrase("no answer")
            except (ConnectError, StepError) as error:
                why = words(error)
            await self._console.close()
            if time.monotonic() >= deadline:
                raise NotReadyError(
                    Phrase("the console was cut off and is not served again within {seconds:g} s: {why}",
                           seconds=BACK_WITHIN, why=why)
                )  # fmt: skip
            await asyncio.sleep(0.1)

    async def _fuzz(self) -> None:
        """The fuzzer, whose own console watches that the mediator answers."""
        from sorm_mediator.soak.fuzzing import fuzz

        began = self.passed
        ends: dict[str, str] = {}
        for box in reversed(self._boxes):  # the mediator's are those that count
            ends |= box.process.endpoints
        done = await fuzz(
            self._lab, ends, self._settings.length, self._rng.getrandbits(31), self._boxes[0].file,
            self._settings.findings,
        )  # fmt: skip
        for text in done.found:
            self._trouble(Phrase("fuzz, {at:.0f} s after the begin: {what}", at=began, what=text))
        self._result.rounds += done.rounds
        self._result.done.append(Done("fuzz", began, self.passed - began))


async def _no_status() -> None:
    return None


async def soak(
    settings: SoakSettings, folder: Path, *, cut_short: Callable[[SoakResult], object] = lambda _: None
) -> SoakResult:
    """Soak the boxes; their logs are in ``folder``. When it is cancelled, ``cut_short`` gets what was until then.

    Raises :class:`BoxError` and :class:`ConfigError` when they do not start.
    """
    async with AsyncExitStack() as stack:
        lab, boxes = await stack.enter_async_context(soak_boxes(settings.config, folder))
        result = SoakResult(
            against=lab.name, began=time.time(), seed=settings.seed, boxes=boxes, wanted=settings.kinds
        )
        going = Soak(settings, lab, result, boxes)
        text = translate(Phrase("seconds of soak"), settings.language)
        with progress_bar(int(settings.seconds), text) as advance:
            try:
                await going.run(advance)
            except asyncio.CancelledError:
                result.interrupted = True
                cut_short(result)
                raise
            except (BoxError, ConnectError, StepError, NotReadyError) as error:
                result.troubles.append(words(error))
    return result


def _before_all(settings: SoakSettings, began: float) -> SoakResult:
    """The result of a soak that was interrupted before its boxes ran."""
    against = str(settings.config or AGAINST)
    return SoakResult(
        against=against, began=began, seed=settings.seed, wanted=settings.kinds, interrupted=True
    )


def run_soak(settings: SoakSettings, write: Callable[[str], object] = sys.stdout.write) -> int:
    """Soak, and write the reports. Returns the exit code; errors go to stderr."""
    from sorm_mediator.soak.report import document, lines, page, png, write_junit

    lang = settings.language
    kept: list[SoakResult] = []
    began = time.time()
    gc.freeze()
    try:
        with tempfile.TemporaryDirectory(prefix="sorm-soak-") as folder:
            done = asyncio.run(until_signal(soak(settings, Path(folder), cut_short=kept.append)))
        result = done or (kept[0] if kept else _before_all(settings, began))
        if settings.plot is not None:
            settings.plot.write_bytes(png(result, lang))
        free = write_reports(
            settings,
            lambda: page(result, lang),
            partial(write_junit, result=result),
            lambda: document(result),
        )
        if free or settings.json != STDOUT:
            write("".join(f"{line}\n" for line in lines(result, lang)))
    except (ConfigError, BoxError, NotReadyError) as error:
        return report_error(translate(words(error), lang), 2)
    except OSError as error:
        return report_error(unwritable(error), 2)
    finally:
        gc.unfreeze()
    if result.interrupted:
        return report_error(translate(interrupted_text(result.done), lang), INTERRUPTED)
    return 0 if result.good else 1
