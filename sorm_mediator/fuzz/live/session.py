"""A run of ``fuzz`` against a mediator that runs, or a lab that is started: settings in, report and exit code out."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import SystemRandom
from typing import Any, Final

from protocol import Options
from sorm_mediator.addresses import host_and_or_port, host_port
from sorm_mediator.config import Config
from sorm_mediator.config.outside import load_lab
from sorm_mediator.console.errors import ConnectError, UsageError, check_folders, report_error
from sorm_mediator.console.interrupt import taken_signals
from sorm_mediator.errors import BoxError
from sorm_mediator.fuzz import finding as findings
from sorm_mediator.fuzz.finding import Finding, FindingError, Step
from sorm_mediator.fuzz.live.action import Action, ActionError, Round, documents, rounds_of
from sorm_mediator.fuzz.live.fuzzer import (
    SURFACES,
    TRIES,
    Fuzzer,
    Opener,
    Progress,
    Shown,
    bench,
    seconds_or_rounds,
)
from sorm_mediator.fuzz.live.judge import CHECKS, NotReady
from sorm_mediator.fuzz.live.starting import Link, by_e1, lab_process, running
from sorm_mediator.fuzz.live.surface import Breach
from sorm_mediator.fuzz.live.telling import told
from sorm_mediator.fuzz.report import FuzzReport, table, write_junit
from sorm_mediator.fuzz.settings import DEFAULT_SECONDS, RunSettings
from sorm_mediator.lab.targets import listens_at, runs_already
from sorm_mediator.language import Phrase, translate
from sorm_mediator.output import INTERRUPTED
from sorm_mediator.reports.people import Look
from sorm_mediator.reports.progress import progress_bar
from ssh_control.transport import KeyProblem, private_host_key
from ssh_control.visible import visible_lines

MOST_PATIENCE: Final = 1000
PASSED, FAILED, NOT_REACHED = 0, 1, 3
MOST_STEPS: Final = 20
"""How often an octet string that is repeated stands in the files of a finding; the number is in its actions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings(RunSettings):
    """As the command line has them. ``target``: ``HOST:PORT`` of KPD1, or a lab file."""

    target: str
    config: Path | None = None
    """A lab file that describes the mediator at ``HOST:PORT``."""
    ready_file: Path | None = None
    """The ready line of a lab that runs."""
    kpd2: str = ""
    ssh: str = ""
    radius: str = ""
    web: str = ""
    link: str = ""
    """Where the mediator logs in to its switch."""
    link_key: Path | None = None
    """The host key that is shown there."""
    log_file: Path | None = None
    rounds: int | None = None
    surfaces: tuple[str, ...] = ()
    patience: float = 1.0
    tries: int = TRIES

    def __post_init__(self) -> None:
        RunSettings.__post_init__(self)
        if wrong := set(self.surfaces) - set(SURFACES):
            text = f"{', '.join(sorted(wrong))} is not allowed: some of {', '.join(SURFACES)}"
            raise UsageError(f"--surfaces: {text}")
        if not 0 < self.patience <= MOST_PATIENCE:
            raise UsageError(
                f"--patience: {self.patience:g} is not allowed: more than 0, at most {MOST_PATIENCE}"
            )
        check_folders({"--log-file": self.log_file, "--between-key": self.link_key})


@dataclass(frozen=True, slots=True)
class Way:
    """How a target is reached, and whether each time it is a new one."""

    opened: Opener
    fresh: bool
    link: Link | None = None

    async def close(self) -> None:
        """End what stays from try to try."""
        if self.link is not None:
            await self.link.close()


def run_live(settings: LiveSettings) -> int:
    """Fuzz, print the report, write findings and JUnit. Returns the exit code.

    Raises :class:`UsageError`, :class:`~sorm_mediator.config.ConfigError`.
    """
    if settings.seed is None:
        settings = replace(settings, seed=SystemRandom().getrandbits(32))
    try:
        return asyncio.run(_run(settings))
    except (ConnectError, BoxError, NotReady) as error:
        return report_error(f"{settings.target}: {error}", NOT_REACHED)


async def _run(settings: LiveSettings) -> int:
    again = None if settings.again is None else _finding_again(settings.again)
    reached = await _way(settings)
    try:
        return await (_played(settings, reached) if again is None else _again(settings, reached, *again))
    finally:
        await reached.close()


async def _played(settings: LiveSettings, reached: Way) -> int:
    known = _known(settings)
    began, began_at = time.monotonic(), time.time()
    seconds = settings.seconds or (0.0 if settings.rounds else DEFAULT_SECONDS)
    total = settings.rounds or round(seconds)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in taken_signals():
        loop.add_signal_handler(number, stopped.set)
    with progress_bar(total, "fuzz", shown=not settings.json) as advance:
        at = 0

        def on_round(progress: Progress, surface: str) -> None:
            nonlocal at
            now = progress.rounds if settings.rounds else min(total, int(time.monotonic() - began))
            advance(now - at, now=f"{surface}, {len(progress.shown)} found")
            at = now

        fuzzer = Fuzzer(
            reached.opened, settings.seed or 0, fresh=reached.fresh, only=settings.surfaces,
            patience=settings.patience, tries=settings.tries, on_round=on_round,
        )  # fmt: skip
        limit = seconds_or_rounds(seconds, settings.rounds or 0)
        skipped: list[Phrase] = []

        async def work() -> list[str]:
            gone = []
            for one in known:
                if stopped.is_set():
                    break
                folder = str(settings.findings / one.name)
                try:
                    shows = await fuzzer.again(_breach_of(one), rounds_of(one.options["rounds"]))
                except ActionError as error:
                    skipped.append(Phrase("not tried again: {folder}: {why}", folder=folder, why=str(error)))
                    continue
                if not shows:
                    gone.append(folder)
            await fuzzer.run(lambda done: not stopped.is_set() and limit(done))
            return gone

        try:
            gone = await _until(work(), stopped)
        finally:
            for number in taken_signals():
                loop.remove_signal_handler(number)
    took = time.monotonic() - began
    report = _report(
        settings, fuzzer, began_at, took, gone=gone, skipped=skipped, interrupted=stopped.is_set()
    )
    _write(settings, report)
    if stopped.is_set():
        return INTERRUPTED
    return FAILED if report.failed else PASSED


PATIENCE_AT_END: Final = 10.0
"""Seconds that a signal gives to the round that is played."""


async def _until(run: Coroutine[Any, Any, list[str]], stopped: asyncio.Event) -> list[str]:
    """The run; after a signal its round may end, and no more."""
    task = asyncio.ensure_future(run)
    signalled = asyncio.ensure_future(stopped.wait())
    await asyncio.wait((task, signalled), return_when=asyncio.FIRST_COMPLETED)
    if not task.done():
        await asyncio.wait((task,), timeout=PATIENCE_AT_END)
    if not task.done():
        task.cancel()
    signalled.cancel()
    with suppress(asyncio.CancelledError):
        return await task
    return []


def _known(settings: LiveSettings) -> list[Finding]:
    """The findings of earlier runs, which are done again first. Raises :class:`UsageError`."""
    if not settings.findings.is_dir():
        return []
    try:
        found = [one for one in findings.known(settings.findings) if one.target == settings.target]
        for one in found:
            rounds_of(one.options.get("rounds"))
    except OSError as error:
        raise UsageError(f"--findings: {error.filename}: can't be read: {error.strerror or error}") from None
    except (FindingError, ActionError) as error:
        raise UsageError(f"--findings: {settings.findings}: {error}") from None
    return found


def _breach_of(finding: Finding) -> Breach:
    return Breach(finding.check, finding.kind, finding.place, finding.summary, finding.trace)


async def _way(settings: LiveSettings) -> Way:
    target = settings.target
    if _is_file(target):
        return await _of_lab(settings, load_lab(Path(target)))
    try:
        host, port = host_and_or_port(target)
    except ValueError:
        text = "codec, parsers, a lab file, or HOST:PORT of KPD1"
        raise UsageError(f"--target: {target!r} is not allowed: {text}") from None
    if not port:
        raise UsageError(f"--target: {target!r}: the port of KPD1 is missing: HOST:PORT")
    config = load_lab(settings.config) if settings.config is not None else None
    endpoints = {"kpd1": host_port(host or "127.0.0.1", port), **_given(settings, host or "127.0.0.1")}
    link = _link(settings)
    if "kpd2" not in endpoints:
        raise UsageError(f"--target {target}: needs --kpd2 [HOST:]PORT: where the mediator serves KPD2")
    return Way(
        lambda: running(config, target, endpoints, log_file=settings.log_file, link=link),
        fresh=False, link=link,
    )  # fmt: skip


def _link(settings: LiveSettings) -> Link | None:
    """Where to stand between the mediator and its switch. Raises :class:`UsageError`."""
    if not settings.link:
        return None
    if not settings.ssh:
        raise UsageError("--between: needs --ssh HOST:PORT: the switch that is behind it")
    try:
        host, port = host_and_or_port(settings.link, "127.0.0.1")
        key = private_host_key(settings.link_key)
    except (ValueError, KeyProblem) as error:
        raise UsageError(f"--between: {settings.link!r}: {error}") from None
    if not port:
        raise UsageError(f"--between: {settings.link!r}: a port, or HOST:PORT")
    return Link((host or "127.0.0.1", port), key)


def _line(text: str) -> None:
    sys.stdout.write(visible_lines(text) + "\n")


def _is_file(target: str) -> bool:
    return target.endswith(".toml") or os.path.isfile(target)


def _given(settings: LiveSettings, host: str) -> dict[str, str]:
    """The addresses of the options."""
    found = {}
    for name in ("kpd2", "ssh", "radius", "web"):
        option = getattr(settings, name)
        if not option:
            continue
        try:
            where, port = host_and_or_port(option.removeprefix("http://").rstrip("/"), host)
        except ValueError as error:
            raise UsageError(f"--{name}: {option!r}: {error}") from None
        if not port:
            raise UsageError(f"--{name}: {option!r}: a port, or HOST:PORT")
        found[name] = host_port(where or host, port)
    if "ssh" in found:
        found["multisorm"] = found["ssh"]  # whichever the user of the lab file logs in to
    return found


async def _of_lab(settings: LiveSettings, config: Config) -> Way:
    """A lab that runs by its ready file or its ports; else one that is started for each try."""
    name = settings.target
    endpoints: Mapping[str, str] | None = None
    if settings.ready_file is not None:
        endpoints = _ready(settings.ready_file)
    elif await runs_already(config):
        endpoints = _ports_of(config)
    if endpoints is None:
        return Way(lambda: lab_process(config, name), fresh=True)
    known = {**endpoints, **_given(settings, listens_at(config.console.host))}
    link = _link(settings)
    return Way(
        lambda: running(config, name, known, log_file=settings.log_file, link=link),
        fresh=False, link=link,
    )  # fmt: skip


def _ready(path: Path) -> Mapping[str, str]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return {str(key): str(value) for key, value in document["endpoints"].items()}
    except OSError as error:
        text = f"--ready-file: {path}: can't be read: {error.strerror or error}: is the lab ready?"
        raise UsageError(text) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(f"--ready-file: {path}: holds no ready line") from None


def _ports_of(config: Config) -> dict[str, str]:
    """Where the boxes of a lab file listen, as far as its ports are fixed."""
    console, radius, switch, web = config.console, config.radius, config.switch, config.web
    ports = {
        "web": (web.host, web.port),
        "radius": (radius.host, radius.port),
        "ssh": (switch.host, switch.ssh_port) if switch is not None else ("", 0),
        "multisorm": (switch.host, switch.ssh_port and switch.ssh_port + 1)
        if switch is not None
        else ("", 0),
    }
    if not by_e1(config):
        ports |= {"kpd1": (console.host, console.kpd1_port), "kpd2": (console.host, console.kpd2_port)}
    found = {name: host_port(listens_at(host), port) for name, (host, port) in ports.items() if port}
    return found | {f"e1.{one.stream}": one.local for one in config.e1 if one.local and by_e1(config)}


# --- findings


def finding_of(settings: LiveSettings, shown: Shown, options: Options) -> Finding:
    """A breach with the files that show it again. ``options``: of the mediator's codec."""
    breach = shown.breach
    made = Finding(
        target=settings.target, check=breach.check, kind=breach.kind, place=breach.place, summary=breach.summary,
        seed=settings.seed or 0, steps=tuple(steps_of(shown.rounds)), trace=breach.trace, size_found=shown.size_found,
        options={"rounds": documents(shown.rounds), "shown_again": shown.reproduced},
        told=told(shown.rounds, options), reduced=shown.reproduced,
    )  # fmt: skip
    return replace(made, command=_again_command(settings, settings.findings / made.name))


def _as_first_found(settings: LiveSettings, finding: Finding, gone: Sequence[str]) -> Finding:
    """With its first seed and size, where its folder still shows it."""
    folder = settings.findings / finding.name
    if not (folder / findings.DOCUMENT).is_file() or str(folder) in gone:
        return finding
    before = findings.read(folder)
    return replace(finding, seed=before.seed, size_found=before.size_found)


def _again_command(settings: LiveSettings, folder: Path) -> tuple[str, ...]:
    """The words that do the finding in a folder again, with all that says how the target is reached."""
    reached = {
        "--config": settings.config, "--ready-file": settings.ready_file, "--kpd2": settings.kpd2,
        "--ssh": settings.ssh, "--radius": settings.radius, "--web": settings.web, "--between": settings.link,
        "--between-key": settings.link_key, "--log-file": settings.log_file,
        "--patience": f"{settings.patience:g}" if settings.patience != 1.0 else "",
    }  # fmt: skip
    options = [word for name, value in reached.items() if value for word in (name, str(value))]
    return ("sorm-mediator", "fuzz", "--target", settings.target, *options, "--again", str(folder))


def steps_of(rounds: Sequence[Round]) -> list[Step]:
    """The octets of rounds, by channel."""
    return [
        Step(_channel(action), action.octets, received=action.surface == "switch")
        for one in rounds
        for action in one.actions
        if action.octets
        for _ in range(min(action.times, MOST_STEPS))
    ]


def _channel(action: Action) -> str:
    if action.surface == "kpd":
        return str(action.values.get("channel") or ("kpd2" if action.values.get("wire") == "d" else "kpd1"))
    if action.surface == "e1":
        channel = str(action.values["channel"])
        return f"e1 {channel}" if action.kind == "message" else f"e1 {action.kind} in {channel.upper()}"
    return action.surface


def _report(
    settings: LiveSettings,
    fuzzer: Fuzzer,
    began: float,
    seconds: float,
    *,
    gone: Sequence[str],
    skipped: Sequence[Phrase],
    interrupted: bool,
) -> FuzzReport:
    progress = fuzzer.progress
    found = [
        _as_first_found(settings, finding_of(settings, one, fuzzer.options), gone)
        for one in progress.shown.values()
    ]
    folders = {one.signature: findings.write(settings.findings, one) for one in found}
    measured: dict[Phrase, float | int] = {Phrase("actions"): progress.actions}
    for name, count in sorted(progress.by_surface.items()):
        measured[Phrase("rounds of {surface}", surface=name)] = count
    notes = list(skipped)
    notes += [
        Phrase("not used: {surface}: {why}", surface=name, why=why)
        for name, why in fuzzer.not_offered.items()
    ]
    notes += [
        Phrase("not checked: {check}: {why}", check=name, why=why) for name, why in fuzzer.not_checked.items()
    ]
    notes += [
        Phrase(
            "seen in {count} rounds: {what}",
            count=progress.times[one.breach.signature],
            what=one.breach.summary,
        )
        for one in progress.shown.values()
        if progress.times[one.breach.signature] > 1
    ]
    notes += [
        Phrase("late once, and not when it was done again: {what}", what=one.summary)
        for one in progress.doubtful.values()
    ]
    return FuzzReport(
        target=settings.target, seed=settings.seed or 0, began=began, seconds=seconds, inputs=progress.rounds,
        checks=fuzzer.checks, titles=CHECKS, findings=found, folders=folders, measured=measured, notes=notes, gone=gone,
        interrupted=interrupted,
    )  # fmt: skip


def _write(settings: LiveSettings, report: FuzzReport) -> None:
    if settings.junit is not None:
        try:
            write_junit(settings.junit, [report], settings.language)
        except OSError as error:
            raise UsageError(f"--junit: {settings.junit}: can't be written: {error.strerror}") from None
    if settings.json:
        _line(json.dumps(report.document(), ensure_ascii=False))
        return
    look = Look.of_stdout()
    for line in table(report, settings.language, look):
        for part in look.wrapped(line):
            _line(part)


# --- a finding again


def _finding_again(folder: Path) -> tuple[Finding, list[Round]]:
    """The finding of ``--again``, and its rounds. Raises :class:`UsageError`."""
    try:
        known = findings.read(folder)
        if "rounds" not in known.options:
            raise UsageError(f"--again: {folder} is of the target {known.target}: --target {known.target}")
        return known, rounds_of(known.options["rounds"])
    except OSError as error:
        raise UsageError(f"--again: {folder}: can't be read: {error.strerror or error}") from None
    except (FindingError, ActionError) as error:
        raise UsageError(f"--again: {folder}: {error}") from None


async def _again(settings: LiveSettings, reached: Way, known: Finding, rounds: Sequence[Round]) -> int:
    """Do the rounds of a finding again. Exit code 1 when it still shows."""
    shown: list[Breach] = []
    try:
        async with bench(reached.opened, patience=settings.patience) as one:
            for each in rounds:
                shown += await one.again(each)
                if shown:
                    break
    except ActionError as error:
        raise UsageError(f"--again: {settings.again}: {error}") from None
    same = (known.check, known.kind, known.place)
    if settings.json:
        rows = [
            {"check": one.check, "kind": str(one.kind), "place": one.place, "summary": one.summary}
            for one in shown
        ]
        document = {
            "target": settings.target,
            "passed": not shown,
            "finding": str(settings.again),
            "shown": rows,
        }
        _line(json.dumps(document, ensure_ascii=False))
    else:
        for breach in shown:
            _line(f"{breach.check}: {breach.kind}: {breach.summary}")
        again = any(one.signature == same for one in shown)
        text = Phrase("the fault shows") if again else Phrase("the fault does not show any more")
        _line(translate(text, settings.language))
    return FAILED if shown else PASSED
