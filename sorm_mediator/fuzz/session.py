"""One ``fuzz``: make inputs until a limit, write what was found, report.

Exit codes: 0 all checks hold, 1 one does not or nothing was tried, 2 wrong usage, 130 interrupted, 141 the reader of
the output is gone.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import multiprocessing
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from random import SystemRandom
from typing import Any, cast

from sorm_mediator.console.errors import SIGNALS, UsageError, check_choice, report_error
from sorm_mediator.fuzz import finding as findings
from sorm_mediator.fuzz.corpus import Corpus, Input, default_folder
from sorm_mediator.fuzz.engine import Engine, Limits, Outcome
from sorm_mediator.fuzz.finding import Finding, FindingError, smallest
from sorm_mediator.fuzz.parsers import ParserTarget, clean_up
from sorm_mediator.fuzz.report import FuzzReport, table, write_junit
from sorm_mediator.fuzz.settings import DEFAULT_SECONDS, RunSettings
from sorm_mediator.fuzz.target import Target
from sorm_mediator.fuzz.units import CodecTarget
from sorm_mediator.language import Phrase, translate
from sorm_mediator.output import INTERRUPTED
from sorm_mediator.reports.people import Look
from sorm_mediator.reports.progress import Advance, progress_bar

TARGETS: dict[str, Callable[[int], Target]] = {
    "codec": CodecTarget,
    "parsers": ParserTarget,
}
"""The targets that need nothing to run."""
MOST_WORKERS = 64
_NEEDS = "hypothesis"
_STORAGE = "HYPOTHESIS_STORAGE_DIRECTORY"


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzSettings(RunSettings):
    """The options of ``fuzz``; the help of the command describes each. Raises :class:`UsageError`."""

    target: str = "codec"
    units: int | None = None
    corpus: Path | None = None
    keeps: bool = True
    """Whether a corpus is read and kept."""
    workers: int = 1

    def __post_init__(self) -> None:
        RunSettings.__post_init__(self)
        check_choice("--target", self.target, tuple(TARGETS))
        if self.corpus is not None and not self.keeps:
            raise UsageError("--corpus and --no-corpus exclude each other")
        if importlib.util.find_spec(_NEEDS) is None:
            raise UsageError(
                f"fuzz: the package {_NEEDS} is missing: pip install 'sorm-mediator[{_NEEDS}]' has it"
            )

    @property
    def limits(self) -> Limits:
        """When the run ends."""
        seconds = DEFAULT_SECONDS if self.seconds is None and self.units is None else self.seconds
        return Limits(inputs=self.units, seconds=seconds)


def run_fuzz(settings: FuzzSettings) -> int:
    """Fuzz the target. Returns the exit code; errors go to stderr. Raises :class:`UsageError`."""
    seed = SystemRandom().getrandbits(32) if settings.seed is None else settings.seed
    logging.getLogger().addHandler(
        logging.NullHandler()
    )  # what is wrong with inputs is logged where it is read
    os.environ.setdefault(_STORAGE, str(default_folder() / "hypothesis"))  # and not in the current folder
    folder = (settings.corpus or default_folder()) if settings.keeps else None
    try:
        known = _known(settings)
        began = time.time()
        clock = time.monotonic()
        fuzzing = _Fuzzing(settings, seed, folder, [one for _, one in known])
        outcomes = fuzzing.again() if settings.again else fuzzing.run()
        report = _report(settings, seed, began, time.monotonic() - clock, outcomes, known)
        if settings.junit is not None:
            write_junit(settings.junit, [report], settings.language)
    except FindingError as error:
        return report_error(error, 2)
    except OSError as error:
        return report_error(f"{error.filename or 'fuzz'}: {error.strerror or error}", 2)
    _show(report, settings)
    if report.interrupted:
        return INTERRUPTED
    return 1 if report.failed else 0


def _known(settings: FuzzSettings) -> list[tuple[Path, Input]]:
    """The findings that are tried first, with their folders."""
    if settings.again is not None:
        found = findings.read(settings.again)
        if found.target != settings.target:
            raise UsageError(
                f"--again: {settings.again} is of the target {found.target}: --target {found.target}"
            )
        if not found.steps:
            raise UsageError(f"--again: {settings.again} has no input: {shlex.join(found.command)}")
        return [(settings.again, _input(found))]
    if not settings.findings.is_dir():
        return []
    return [
        (settings.findings / found.name, _input(found))
        for found in findings.known(settings.findings)
        if found.target == settings.target and found.steps
    ]


def _input(finding: Finding) -> Input:
    octets = finding.steps[0].octets if finding.steps else b""
    return Input(str(finding.options.get("channel", "")), octets, str(finding.options.get("context", "")))


class _Fuzzing:
    """The engine of a run, in this process or in several others."""

    def __init__(
        self, settings: FuzzSettings, seed: int, corpus: Path | None, known: Sequence[Input]
    ) -> None:
        self._settings = settings
        self._seed = seed
        self._corpus = corpus
        self._known = known
        self._engine: Engine | None = None
        self._workers: list[Any] = []
        self._stopped = False

    def _made(self, part: int, parts: int) -> tuple[Engine, Target]:
        settings = self._settings
        target = TARGETS[settings.target](self._seed)
        words = ["sorm-mediator", "fuzz", "--target", settings.target, "--seed", str(self._seed)]
        if not settings.keeps:
            words.append("--no-corpus")
        elif settings.corpus is not None:
            words += ["--corpus", str(settings.corpus)]
        if parts > 1:
            words += ["--workers", str(parts)]
        engine = Engine(
            target, self._seed, corpus=Corpus(self._corpus, target.name), first=self._known,
            keep=lambda found: _kept(settings, found), command=words, part=part, parts=parts,
        )  # fmt: skip
        return engine, target

    def again(self) -> list[_Worked]:
        """Try the known finding alone."""
        engine, target = self._made(0, 1)
        return [_Worked(engine.again(self._known), target.counts)]

    def run(self) -> list[_Worked]:
        """Fuzz until a limit, with a bar that shows how far it is."""
        limits = self._settings.limits
        total = limits.inputs or int(limits.seconds or 0)
        by_inputs = limits.inputs is not None
        with self._signals(), progress_bar(total, f"fuzz {self._settings.target}") as advance:
            told = _Progress(advance, by_inputs=by_inputs).told
            if self._settings.workers == 1:
                self._engine, target = self._made(0, 1)
                if self._stopped:
                    self._engine.stop()
                return [_Worked(self._engine.run(limits, told), target.counts)]
            return self._run_workers(limits, told)

    def _run_workers(self, limits: Limits, told: Callable[[int], None]) -> list[_Worked]:
        count = self._settings.workers
        context = multiprocessing.get_context("fork")
        ends: list[Connection] = []
        for part in range(count):
            here, there = context.Pipe(duplex=False)
            share = None if limits.inputs is None else (limits.inputs + count - 1 - part) // count
            worker = context.Process(
                target=self._work, args=(part, count, Limits(share, limits.seconds), there), daemon=True
            )
            worker.start()
            there.close()
            self._workers.append(worker)
            ends.append(here)
        worked: list[_Worked] = []
        while ends:
            for end in cast("list[Connection]", wait(ends)):
                try:
                    sent = end.recv()
                except EOFError:
                    ends.remove(end)
                    continue
                if isinstance(sent, int):
                    told(sent)
                elif isinstance(sent, OSError):
                    self._end_workers()
                    raise sent
                else:
                    worked.append(sent)
        for worker in self._workers:
            worker.join()
        died = [worker.exitcode for worker in self._workers if worker.exitcode]
        if died:
            raise OSError(0, f"a worker has ended with exit code {died[0]}", "fuzz --workers")
        return worked

    def _work(self, part: int, parts: int, limits: Limits, end: Connection) -> None:
        """In a process of its own."""
        engine, target = self._made(part, parts)
        self._workers = []
        self._engine = engine
        for number in SIGNALS:
            signal.signal(number, self._stop)
        try:
            end.send(_Worked(engine.run(limits, end.send), target.counts))
        except OSError as error:
            end.send(error)
        finally:
            clean_up()  # a process of multiprocessing ends without what Python does at its end

    @contextmanager
    def _signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._stop) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, _number: int, _frame: object) -> None:
        self._stopped = True
        if self._engine is not None:
            self._engine.stop()
        self._end_workers()

    def _end_workers(self) -> None:
        for worker in self._workers:
            if worker.pid is not None and worker.is_alive():
                os.kill(worker.pid, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class _Worked:
    """What one worker has done."""

    outcome: Outcome
    counts: dict[str, int]


class _Progress:
    """Moves a bar by inputs, or by seconds."""

    def __init__(self, advance: Advance, *, by_inputs: bool) -> None:
        self._advance = advance
        self._by_inputs = by_inputs
        self._began = time.monotonic()
        self._seconds = 0

    def told(self, count: int) -> None:
        """``count`` more inputs were tried."""
        if self._by_inputs:
            self._advance(count)
            return
        seconds = int(time.monotonic() - self._began)
        self._advance(seconds - self._seconds)
        self._seconds = seconds


def _folder(settings: FuzzSettings, finding: Finding) -> Path:
    """Where a finding is: the folder of ``--again`` for its own fault, else one of ``--findings``."""
    if settings.again is not None and findings.read(settings.again).signature == finding.signature:
        return settings.again
    return settings.findings / finding.name


def _kept(settings: FuzzSettings, finding: Finding, *, gone: Container[Path] = ()) -> Finding:
    """Write a finding, and return it as it is written.

    One of the same fault that is there keeps its seed and the size that was found, and its input unless the new one
    is smaller or alone shows the fault. ``gone``: folders whose inputs show nothing any more. ``--again`` leaves
    the folder as it is.
    """
    folder = _folder(settings, finding)
    if (folder.is_file() or (folder / findings.DOCUMENT).is_file()) and folder not in gone:
        before = findings.read(folder)
        if before.reduced >= finding.reduced:
            smaller = finding.size < before.size and before.reduced == finding.reduced
            finding = replace(finding, seed=before.seed, size_found=before.size_found) if smaller else before
    if finding.steps and finding.reduced:
        words = ("sorm-mediator", "fuzz", "--target", settings.target, "--again", str(folder))
        finding = replace(finding, command=words)
    if folder != settings.again:
        folder.parent.mkdir(parents=True, exist_ok=True)
        findings.write(folder.parent, finding)
    return finding


def _report(
    settings: FuzzSettings,
    seed: int,
    began: float,
    seconds: float,
    worked: Sequence[_Worked],
    known: Sequence[tuple[Path, Input]],
) -> FuzzReport:
    target = TARGETS[settings.target](seed)
    outcomes = [one.outcome for one in worked]
    found = smallest([one for outcome in outcomes for one in outcome.findings.values()])
    counts = {name: sum(one.counts.get(name, 0) for one in worked) for name in target.titles}
    gone_inputs = {one for outcome in outcomes for one in outcome.gone}
    gone = [path for path, one in known if one in gone_inputs]
    # The smallest of what several workers have found.
    found = [_kept(settings, one, gone=gone) for one in found]
    reached = max((outcome.lines for outcome in outcomes), default=0)  # none of a target that traces nothing
    measured: dict[Phrase, float | int] = {
        **({Phrase("lines reached"): reached} if reached else {}),
        Phrase("kept in the corpus"): sum(outcome.kept for outcome in outcomes),
        Phrase("megabytes of memory"): max((outcome.megabytes for outcome in outcomes), default=0),
    }
    return FuzzReport(
        target=settings.target,
        seed=seed,
        began=began,
        seconds=seconds,
        inputs=sum(outcome.inputs for outcome in outcomes),
        checks=counts,
        titles=target.titles,
        findings=found,
        folders={one.signature: _folder(settings, one) for one in found},
        measured=measured,
        gone=list(map(str, gone)),
        interrupted=any(outcome.interrupted for outcome in outcomes),
    )


def _show(report: FuzzReport, settings: FuzzSettings) -> None:
    if settings.json:
        sys.stdout.write(json.dumps(report.document(), ensure_ascii=False, indent=1) + "\n")
        return
    lang = settings.language
    look = Look.of_stdout()
    lines = table(report, lang, look)
    if report.findings and settings.again is None:  # --again: each finding tells its own folder
        lines.append(translate(Phrase("what was found is in {folder}", folder=settings.findings), lang))
    sys.stdout.write("".join(f"{part}\n" for line in lines for part in look.wrapped(line)))
