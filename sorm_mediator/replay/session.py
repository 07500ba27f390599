"""One ``replay``: several scripts, each against its lab or against a running mediator.

Exit codes: 0 every expectation held, 1 one failed, 2 a script or lab is wrong, 3 could not connect, 141 the
reader of the output has closed it.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import tomllib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from protocol.options import ByteOrder
from sorm_mediator import config as lab_files
from sorm_mediator.config import Config, ConfigError
from sorm_mediator.console.errors import (
    BROKEN_PIPE,
    INTERRUPTED,
    SIGNALS,
    ConnectError,
    RunInterruptedError,
    ScriptError,
    check_choice,
    check_folders,
    check_web,
    drop_output,
    report_error,
    unreadable,
)
from sorm_mediator.console.target import LINKS, RunTarget, link_of
from sorm_mediator.errors import BoxError
from sorm_mediator.lab.targets import in_lab, toward
from sorm_mediator.language import Lang
from sorm_mediator.replay import scenario, vendor
from sorm_mediator.replay.results import (
    PASS,
    JsonPrinter,
    PcapRecorder,
    Printer,
    ScriptResult,
    TextPrinter,
    write_junit,
)
from sorm_mediator.replay.runner import ScenarioRunner, Script, ScriptRunner
from sorm_mediator.replay.vendor_runner import VendorRunner


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySettings:
    """The options of ``replay``, described in its help. Raises :class:`UsageError`."""

    scripts: tuple[Path, ...]
    host: str = ""
    kpd1: int = 1001
    kpd2: int = 1002
    web: str = ""
    link: str = ""
    config: Path | None = None
    junit: Path | None = None
    pcap: Path | None = None
    pcap_speech: bool = True
    """Include the packets of streams that carry speech alone: 600 KB a second for each stream."""
    keep_going: bool = False
    object_byte_order: str = ""
    as_json: bool = False
    lang: str = "en"

    def __post_init__(self) -> None:
        check_choice("--lang", self.lang, ("en", "ru"))
        check_choice("--object-byte-order", self.object_byte_order, ("", "little", "big"))
        check_choice("--link", self.link, ("", *LINKS))
        check_web(self.web)
        check_folders({"--junit": self.junit, "--pcap": self.pcap})


def load(path: Path) -> Script:
    """Read a script; ``.json`` is the vendor tester's. Raises :class:`ScriptError`."""
    return vendor.load(path) if path.suffix.lower() == ".json" else scenario.load(path)


def run_scripts(settings: ReplaySettings, write: Callable[[str], object] | None = None) -> int:
    """Run every script and write the reports. Returns the exit code; errors are printed on stderr."""
    stdout = _Stdout()
    results: list[ScriptResult] = []
    try:
        scripts = [load(path) for path in settings.scripts]
        if settings.host:
            for script in scripts:
                script.check(
                    calls=bool(settings.web),
                    web=bool(settings.web),
                    restart=False,
                    e1=settings.link != "tcp",
                )
        with suppress(asyncio.CancelledError):
            asyncio.run(stdout.during(run(scripts, settings, write or stdout.write, results)))
        if settings.junit is not None:
            write_junit(settings.junit, results)
    except ScriptError as error:
        return report_error(error, 2)
    except OSError as error:
        return report_error(f"{error.filename}: can't be written: {error.strerror}", 2)
    if stdout.gone:
        return BROKEN_PIPE
    if stdout.interrupted:
        return report_error("interrupted", INTERRUPTED)
    errors = [result.error for result in results if result.error is not None]
    for each in errors:
        report_error(each, 2)
    if errors:
        return 3 if all(isinstance(each, ConnectError) for each in errors) else 2
    return 0 if all(result.verdict == PASS for result in results) else 1


async def run(
    scripts: list[Script],
    settings: ReplaySettings,
    write: Callable[[str], object],
    results: list[ScriptResult],
) -> None:
    """Run scripts one after the other. ``results`` gets a result for each, also if the run is cancelled.

    Raises :class:`OSError` when the capture can't be written.
    """
    printer: Printer = (
        JsonPrinter(write) if settings.as_json else TextPrinter(write, cast(Lang, settings.lang))
    )
    file = settings.pcap
    try:
        with nullcontext() if file is None else PcapRecorder(file, speech=settings.pcap_speech) as recorder:
            for script in scripts:
                await run_script(script, settings, printer, recorder, results)
    except asyncio.CancelledError:
        results += [
            ScriptResult(
                one.name,
                one.path,
                planned=one.planned,
                error=RunInterruptedError("interrupted before it began"),
            )
            for one in scripts[len(results) :]
        ]
        printer.summary(results)
        raise
    printer.summary(results)


async def run_script(
    script: Script,
    settings: ReplaySettings,
    printer: Printer,
    recorder: PcapRecorder | None = None,
    results: list[ScriptResult] | None = None,
) -> ScriptResult:
    """Run one script. The result's ``error`` gives the reason when it could not run.

    The result is returned, and appended to ``results`` if given, also when the run is cancelled.
    """
    result: ScriptResult | None = None
    try:
        async with _target(script, settings) as target:
            runner: ScriptRunner[Any] = (
                VendorRunner(script, target, printer, keep_going=settings.keep_going, recorder=recorder)
                if isinstance(script, vendor.VendorScript)
                else ScenarioRunner(
                    script, target, printer, keep_going=settings.keep_going, recorder=recorder
                )
            )
            result = runner.result
            await runner.run()
    except (ConfigError, BoxError, ScriptError, ConnectError) as error:
        result = ScriptResult(script.name, script.path, error=error)
        printer.begin(result)
        printer.end(result)
    finally:
        if result is not None and results is not None:
            results.append(result)
    return result


@asynccontextmanager
async def _target(script: Script, settings: ReplaySettings) -> AsyncIterator[RunTarget]:
    vendors = "big" if isinstance(script, vendor.VendorScript) else None
    byte_order = cast("ByteOrder | None", settings.object_byte_order or vendors)
    async with AsyncExitStack() as stack:
        if settings.host:
            config = lab_files.load(settings.config) if settings.config else Config()
            link = _link(script, settings, config)
            yield await stack.enter_async_context(
                toward(
                    config, settings.host, settings.kpd1, settings.kpd2, web=settings.web,
                    byte_order=byte_order, by_e1=link == "x25", speech=link == "tcp+e1",
                )
            )  # fmt: skip
            return
        file = script.lab or settings.config
        if file is None:
            raise ScriptError(
                f"{script.path}: names no lab; give --host of a running mediator, or a lab with -c"
            )
        config = _lab_config(
            file, script, byte_order, Path(stack.enter_context(tempfile.TemporaryDirectory()))
        )
        link = _link(script, settings, config)
        yield await stack.enter_async_context(
            in_lab(config, str(file), byte_order, by_e1=link == "x25", speech=link == "tcp+e1")
        )


def _link(script: Script, settings: ReplaySettings, config: Config) -> str:
    """The link of a script's consoles: from the command line, else from the lab, else from the script.

    Raises :class:`ScriptError` for a link that the script can't use.
    """
    own, possible = link_of(config), script.links
    needed = script.link if isinstance(script, scenario.Scenario) else None
    if settings.link and needed not in (None, settings.link):
        raise ScriptError(f"{script.path}: link: it runs over {needed} alone, not over {settings.link}")
    return settings.link or (own if own in possible else possible[0])


def _lab_config(file: Path, script: Script, byte_order: ByteOrder | None, folder: Path) -> Config:
    """The lab file with the changes of the script. ``folder`` holds its tables during the run."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(unreadable(file, error)) from None
    name = str(file)
    changes = script.config if isinstance(script, scenario.Scenario) else None
    if changes is not None:
        document = _merged(document, changes.plain())
        name = f"{changes.file}:{changes.line}: config on {file}"
    own: dict[str, Any] = {"state": str(folder / "state.db"), "journal": str(folder / "journal.db")}
    if byte_order is not None:
        own["options"] = {"object_byte_order": byte_order}
    document = _merged(document, {"mediator": own})
    return lab_files.parse(document, directory=file.resolve().parent, name=name)


def _merged(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(document)
    for key, value in changes.items():
        old = merged.get(key)
        is_table = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(cast(Mapping[str, Any], old), value) if is_table else value
    return merged


class _Stdout:
    """Standard output, and the signals that end a run.

    When the reader closes the output, the run is cancelled, and ``finally`` runs without output. A signal cancels it
    too; further signals change nothing, so that ``finally`` is carried through. Writing does not raise: most output is
    printed where an exception would only close a connection.
    """

    def __init__(self) -> None:
        self.gone = False
        self.interrupted = False
        """A signal came."""
        self._run: asyncio.Task[Any] | None = None

    def write(self, text: str) -> None:
        if self.gone:
            return
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            self.gone = True
            drop_output()
            self._end()

    def _interrupt(self) -> None:
        self.interrupted = True
        self._end()

    def _end(self) -> None:
        if self._run is not None:
            self._run.cancel()
            self._run = None

    async def during(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work``, and cancel it at a signal, or when the reader closes the output."""
        self._run = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._interrupt)
        try:
            await work
        finally:
            self._run = None
            for number in SIGNALS:
                loop.remove_signal_handler(number)
