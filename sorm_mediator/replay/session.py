"""One ``replay``: several scripts, each against its lab or against a running mediator.

Exit codes: 0 every expectation held, 1 one failed, 2 a script or lab is wrong, 3 could not connect, 141 the
reader of the output has closed it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO, cast

import yaml

from protocol.options import ByteOrder
from sorm_mediator import config as lab_files
from sorm_mediator.capture.output import STDOUT, OutputError, open_output
from sorm_mediator.capture.writer import Blocks
from sorm_mediator.config import Config, ConfigError
from sorm_mediator.config.lab import read_document
from sorm_mediator.config.lines import located
from sorm_mediator.config.outside import document_of, load_lab
from sorm_mediator.console.errors import (
    ConnectError,
    RunInterruptedError,
    ScriptError,
    UsageError,
    check_choice,
    check_folders,
    check_web,
    report_error,
    unwritable,
    words,
)
from sorm_mediator.console.interrupt import carry_through, taken_signals
from sorm_mediator.console.target import LINKS, RunTarget, link_of
from sorm_mediator.errors import BoxError
from sorm_mediator.lab.targets import in_lab, toward, web_url
from sorm_mediator.language import Lang, Phrase, join, translate
from sorm_mediator.output import BROKEN_PIPE, INTERRUPTED, OutputLostError
from sorm_mediator.replay import document, scenario, vendor
from sorm_mediator.replay.results import (
    PASS,
    JsonPrinter,
    PcapRecorder,
    Printer,
    ScriptResult,
    TextPrinter,
    left_out_text,
    shown_path,
    write_junit,
)
from sorm_mediator.replay.runner import ScenarioRunner, Script, ScriptRunner
from sorm_mediator.replay.vendor_runner import VendorRunner
from sorm_mediator.reports.people import Look


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySettings:
    """The options of ``replay``, described in its help. Raises :class:`UsageError`."""

    scripts: tuple[Path, ...]
    host: str = ""
    kpd1: int = 0
    kpd2: int = 0
    """Ports; 0: those of the lab file, without one 1001 and 1002."""
    web: str = ""
    """URL of the web; "": with a lab file that of the file, else none."""
    link: str = ""
    config: Path | None = None
    junit: Path | None = None
    report: Path | None = None
    """A page for people, with the ladder of every script."""
    pcap: Path | None = None
    pcap_speech: bool = True
    """Include the packets of streams that carry speech alone: 600 KB a second for each stream."""
    keep_going: bool = False
    quiet: bool = False
    """Print failed steps and the summary only."""
    keyword: str = ""
    """Run only scripts with this in path or name."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    """Values in place of those under ``variables:``."""
    written: Mapping[str, str] = field(default_factory=dict)
    """How the values were written on the command line: a variable that is a text in its scenario stays one."""
    repeat: int = 1
    jobs: int = 1
    """Scripts at the same time, each in a lab of its own."""
    list: bool = False
    check: bool = False
    strict: bool = False
    """Warnings are mistakes: what they name does not run."""
    object_byte_order: str = ""
    as_json: bool = False
    lang: str = "en"

    def __post_init__(self) -> None:
        check_choice("--lang", self.lang, ("en", "ru"))
        check_choice("--object-byte-order", self.object_byte_order, ("", "little", "big"))
        check_choice("--link", self.link, ("", *LINKS))
        check_web(self.web)
        check_folders({"--junit": self.junit, "--report": self.report, "--pcap": self.pcap})
        if (self.kpd1 or self.kpd2) and not self.host:
            raise UsageError("--kpd1, --kpd2: belong to a running mediator: give --host too")
        if self.jobs > 1 and self.host:
            raise UsageError(
                f"-j: {self.jobs} at once need labs of their own: a mediator (--host) has one console"
            )


def load(path: Path) -> Script:
    """Read a script, whose content tells its kind: an array is the vendor tester's. Raises :class:`ScriptError`."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            is_array = file.read(READ_AHEAD).lstrip().startswith("[")
    except OSError:
        is_array = False
    return vendor.load(path) if is_array else scenario.load(path)


READ_AHEAD = 4096
"""Characters of a script in which its kind is seen."""


STDIN = Path("-")
SUFFIXES = (".yaml", ".yml", ".json")


def chosen(
    settings: ReplaySettings,
    stdin: TextIO,
    broken: list[ScriptResult] | None = None,
    left_out: list[Path] | None = None,
) -> list[Script]:
    """The scripts of a run: files, all files of folders, and stdin, as far as ``-k`` chooses them.

    ``broken`` gets a result for each script that has a mistake, ``left_out`` the parts in the folders. Raises
    :class:`ScriptError` for other mistakes, and without ``broken`` for these, a line for each.
    """
    scripts: list[Script] = []
    parts: list[Path] = [] if left_out is None else left_out
    mistakes: list[str] = []
    unusable: list[ScriptResult] = []
    for path in settings.scripts:
        files = [path]
        if os.path.isdir(path):
            found = [
                one for one in sorted(path.rglob("*")) if one.is_file() and one.suffix.lower() in SUFFIXES
            ]
            parts += [one for one in found if is_part(one)]
            files = [one for one in found if one not in parts]
            if not found:
                mistakes.append(f"{path}: holds no script: {', '.join(SUFFIXES)}")
            elif not files:
                mistakes += [
                    Phrase(
                        "{file}: does not run: it has no name; name: makes it a scenario",
                        file=shown_path(one),
                    )
                    for one in found
                ]
        for file in files:
            try:
                script = scenario.parse(stdin.read(), STDIN) if file == STDIN else load(file)
            except ScriptError as error:
                if file == path or settings.keyword.lower() in str(file).lower():
                    unusable.append(ScriptResult(file.stem, file, error=error))
                continue
            if settings.keyword.lower() in f"{file} {script.name}".lower():
                scripts.append(script)
    variables = settings.variables
    unknown = set(variables) - {
        name for one in scripts if isinstance(one, scenario.Scenario) for name in one.variables
    }
    mistakes += [
        f"--var: no chosen scenario has {name} among its variables" for name in sorted(unknown) if scripts
    ]
    if not scripts and not mistakes and not unusable:
        mistakes.append(f"-k: {settings.keyword!r} chooses none of the scripts")
    if broken is None or mistakes:
        mistakes = [*(words(one.error) for one in unusable if one.error is not None), *mistakes]
    else:
        broken += unusable
    if mistakes:
        raise ScriptError(join("\n", mistakes))
    given: list[Script] = []
    for script in scripts:
        one = _with_variables(script, settings)
        try:
            if isinstance(one, scenario.Scenario):
                one.check_values()
        except ScriptError as error:
            if broken is None:
                raise
            broken.append(_without_a_run(one, error))
        else:
            given.append(one)
    return [script for script in given for _ in range(settings.repeat)]


def _without_a_run(script: Script, error: Exception | None = None) -> ScriptResult:
    """The result of a script that has not run."""
    result = ScriptResult(script.name, script.path, planned=script.planned, error=error)
    if isinstance(script, scenario.Scenario):
        result.variables, result.secrets = script.shown_variables, script.secrets
    return result


def _check_lab(script: Script, settings: ReplaySettings) -> None:
    """Read the lab that a script would run in. Raises :class:`ConfigError`, :class:`ScriptError`."""
    if settings.host:
        load_lab(settings.config)
        return
    file = _lab_of(script, settings)
    changes = script.config if isinstance(script, scenario.Scenario) else None
    config = private_lab(file, changes, Path(tempfile.gettempdir()), outside=script.lab is None)
    _link(script, settings, config)


def _lab_of(script: Script, settings: ReplaySettings) -> Path:
    """The lab file that a script runs in. Raises :class:`ScriptError` without one."""
    file = script.lab or settings.config
    if file is None:
        raise ScriptError(
            f"{script.path}: does not name a lab; give --host of a running mediator, or a lab with -c"
        )
    return file


def _checked(
    scripts: Sequence[Script], settings: ReplaySettings, broken: list[ScriptResult]
) -> tuple[list[Script], list[ScriptResult]]:
    """The scripts whose labs can be read, and a result for every script, as ``--check`` reports them."""
    fine: list[Script] = []
    results = list(broken)
    for script in {id(one): one for one in scripts}.values():  # once each, whatever --repeat says
        result = _without_a_run(script)
        try:
            _check_lab(script, settings)
            fine.append(script)
        except (ConfigError, ScriptError) as error:
            result.error = error
            broken.append(result)
        results.append(result)
    return fine, results


def is_part(path: Path) -> bool:
    """Whether a file is for ``include:`` alone: it has steps, no name, and no key that such a file may not have."""
    try:
        root = document.load(path).value
    except ScriptError:
        return False
    return (
        isinstance(root, dict)
        and "steps" in root
        and "name" not in root
        and root.keys() <= set(scenario.PART)
    )


def not_included(parts: Sequence[Path], folders: Iterable[Path]) -> list[Path]:
    """The parts that no file of these folders includes."""
    if not parts:
        return []
    included: set[Path] = set()
    for folder in folders:
        for file in folder.rglob("*") if os.path.isdir(folder) else (folder,):
            if file.suffix.lower() in SUFFIXES and os.path.isfile(file):
                with suppress(ScriptError):
                    included |= {one.resolve() for one in _includes(document.load(file))}
    return [part for part in parts if part.resolve() not in included]


def _includes(node: document.Node) -> Iterator[Path]:
    """The files that the steps below a node include."""
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            if key == scenario.INCLUDE and isinstance(child.value, str):
                yield scenario.included(child)
            yield from _includes(child)
    for item in node.value if isinstance(node.value, list) else ():
        yield from _includes(item)


def _doubts(
    scripts: Sequence[Script], settings: ReplaySettings, left_out: Sequence[Path]
) -> Iterator[ScriptResult]:
    """What is allowed and probably not meant: a result that says why, for each script or part."""
    for path in not_included(left_out, settings.scripts):
        why = Phrase(
            "{file}: does not run: it has no name, and nothing in the folder includes it; "
            "name: makes it a scenario",
            file=shown_path(path),
        )
        yield ScriptResult(path.stem, path, error=ScriptError(why))
    if settings.check or settings.strict:
        for script in {id(one): one for one in scripts}.values():
            if isinstance(script, scenario.Scenario) and script.expects_nothing:
                why = Phrase(
                    "{file}: nothing is expected: give a step expect, events or silence",
                    file=shown_path(script.path),
                )
                yield _without_a_run(script, ScriptError(why))


def read_variables(given: Iterable[str]) -> dict[str, Any]:
    """The values of ``--var NAME=VALUE``, each as YAML. Raises :class:`UsageError`."""
    values: dict[str, Any] = {}
    for word in given:
        name, equals, text = word.partition("=")
        try:
            value = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError):
            value = []
        if not (equals and name.isidentifier()) or not isinstance(value, str | int | float | bool | None):
            raise UsageError(
                f"--var: {word!r} is not allowed: NAME=VALUE, a text, a number, true, false or null"
            )
        values[name] = value
    return values


def _with_variables(script: Script, settings: ReplaySettings) -> Script:
    if not isinstance(script, scenario.Scenario):
        return script
    own = {name: value for name, value in settings.variables.items() if name in script.variables}
    for name, value in own.items():
        if isinstance(script.variables[name], str) and not isinstance(value, str | None):
            own[name] = settings.written.get(name, str(value))
    return replace(script, variables={**script.variables, **own})


def _tell(scripts: Sequence[Script], settings: ReplaySettings, write: Callable[[str], object]) -> int:
    """The list of scripts, for ``--list`` and ``--check``."""
    for script in scripts:
        if settings.as_json:
            row = {"name": script.name, "file": str(script.path), "steps": script.planned}
            write(json.dumps(row, ensure_ascii=False) + "\n")
        else:
            write(f"{script.path}: {script.name} ({script.planned})\n")
    return 0


def _check_reachable(scripts: Sequence[Script], settings: ReplaySettings) -> None:
    """Raises :class:`ScriptError` for the first step that needs what a running mediator has not."""
    web = bool(_web(settings, load_lab(settings.config)))
    for script in scripts:
        script.check(calls=web, web=web, restart=False, e1=settings.link != "tcp")


def run_scripts(settings: ReplaySettings, write: Callable[[str], object] | None = None) -> int:
    """Run every script and write the reports. Returns the exit code; errors are printed on stderr."""
    stdout = _Stdout()
    results: list[ScriptResult] = []
    try:
        broken: list[ScriptResult] = []
        left_out: list[Path] = []
        if settings.config is not None:
            read_document(
                settings.config
            )  # a mistyped name is told, also where every script names its own lab
        scripts = chosen(settings, sys.stdin, broken, left_out)
        if settings.check:
            scripts, results = _checked(scripts, settings, broken)
        doubts = list(_doubts(scripts, settings, left_out))
        if settings.strict:
            doubted = {one.path for one in doubts}
            scripts = [one for one in scripts if one.path not in doubted]
            results = [one for one in results if one.path not in doubted]
            if settings.check:
                results += doubts
            broken += doubts
            doubts = []
        if broken:
            told = join("\n", dict.fromkeys(words(one.error) for one in broken if one.error is not None))
            report_error(translate(told, cast(Lang, settings.lang)), 2)
        told_of = [left_out_text(path) for path in left_out] if settings.list or settings.check else []
        warnings = [
            Phrase("warning: {text}", text=words(one.error)) for one in doubts if one.error is not None
        ]
        for phrase in (*told_of, *warnings):
            report_error(translate(phrase, cast(Lang, settings.lang)), 0)
        if settings.list or settings.check:
            if settings.junit is not None and settings.check:
                write_junit(settings.junit, results, variables=settings.variables)
            return _tell(scripts, settings, write or stdout.write) or (2 if broken else 0)
        if settings.host:
            _check_reachable(scripts, settings)
        results += broken
        if scripts:
            with suppress(asyncio.CancelledError):
                asyncio.run(
                    stdout.during(
                        run(scripts, settings, write or stdout.write, results, stdout.lost, left_out=left_out)
                    )
                )
        if settings.junit is not None:
            write_junit(settings.junit, results, variables=settings.variables)
        if settings.report is not None:
            from sorm_mediator.replay.page import write_page  # jinja2, only where it is needed

            write_page(settings.report, results, cast(Lang, settings.lang))
    except (ScriptError, ConfigError) as error:
        return report_error(translate(words(error), cast(Lang, settings.lang)), 2)
    except OutputError as error:
        return report_error(f"--pcap: {error}", 2)
    except OSError as error:
        return report_error(unwritable(error), 2)
    if stdout.gone:
        return BROKEN_PIPE
    if stdout.interrupted:
        return report_error("interrupted", INTERRUPTED)
    errors = [result.error for result in results if result.error is not None and result not in broken]
    if settings.as_json:  # for people, whom the text's summary tells them
        for each in errors:
            report_error(each, 2)
    if errors:
        return 3 if not broken and all(isinstance(each, ConnectError) for each in errors) else 2
    if broken:
        return 2
    return 0 if all(result.verdict == PASS for result in results) else 1


async def run(
    scripts: list[Script],
    settings: ReplaySettings,
    write: Callable[[str], object],
    results: list[ScriptResult],
    lost: Callable[[], object] = lambda: None,
    *,
    left_out: Sequence[Path] = (),
) -> None:
    """Run scripts, ``settings.jobs`` at a time. ``results`` gets a result for each, also if the run is cancelled.

    ``lost`` is called when the reader of a capture on standard output has closed it.

    Raises :class:`OutputError` or :class:`OSError` when the capture can't be written.
    """
    turns = asyncio.Semaphore(settings.jobs)
    slots: list[list[ScriptResult]] = [[] for _ in scripts]

    async def one(script: Script, slot: list[ScriptResult], recorder: PcapRecorder | None) -> None:
        async with turns:
            lines: list[str] = []  # of a script at a time, where several run
            printer = _printer(settings, write if settings.jobs == 1 else lines.append)
            try:
                await run_script(script, settings, printer, recorder, slot)
            finally:
                write("".join(lines))

    file = settings.pcap
    try:
        with (
            nullcontext()
            if file is None
            else PcapRecorder(_capture_to(file, lost), speech=settings.pcap_speech) as recorder
        ):
            tasks = [asyncio.ensure_future(one(*each, recorder)) for each in zip(scripts, slots, strict=True)]
            try:
                await asyncio.gather(*tasks)
            except BaseException:
                for task in tasks:
                    task.cancel()
                await carry_through(asyncio.wait(tasks))  # what a script has begun is put back
                raise
    finally:
        never = RunInterruptedError("interrupted before it began")
        for script, slot in zip(scripts, slots, strict=True):
            results += slot or [_without_a_run(script, never)]
        if settings.repeat > 1:
            _number_runs(results[-len(scripts) :], settings.repeat)
        _printer(settings, write).summary(results, left_out)


def _number_runs(results: Sequence[ScriptResult], runs: int) -> None:
    """Tell the runs of ``--repeat`` apart."""
    for place, result in enumerate(results):
        result.name = f"{result.name}, run {place % runs + 1} of {runs}"


def _capture_to(file: Path, lost: Callable[[], object]) -> int | Blocks:
    descriptor = open_output(file)
    return _Piped(descriptor, lost) if file == STDOUT else descriptor


class _Piped(Blocks):
    """A capture on standard output. When its reader goes, ``lost`` is called, and what follows goes nowhere."""

    def __init__(self, descriptor: int, lost: Callable[[], object]) -> None:
        self._file = open(descriptor, "wb", buffering=0)  # noqa: SIM115 - until close
        self._lost = lost
        self._gone = False

    def write(self, block: bytes, /) -> int:
        """Write one block."""
        if not self._gone:
            try:
                return self._file.write(block) or 0
            except BrokenPipeError:
                self._gone = True
                self._lost()
        return len(block)

    def close(self) -> None:
        """No block follows."""
        self._file.close()


def _printer(settings: ReplaySettings, write: Callable[[str], object]) -> Printer:
    if settings.as_json:
        return JsonPrinter(write)
    return TextPrinter(
        write, cast(Lang, settings.lang), quiet=settings.quiet, summed_up=True, look=Look.of_stdout()
    )


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
            kind: Any = VendorRunner if isinstance(script, vendor.VendorScript) else ScenarioRunner
            runner: ScriptRunner[Any] = kind(
                script, target, printer,
                keep_going=settings.keep_going, recorder=recorder, reports=settings.report is not None,
            )  # fmt: skip
            result = runner.result
            result.ran_on(target)
            await runner.run()
    except (ConfigError, BoxError, ScriptError, ConnectError) as error:
        result = _without_a_run(script, error)
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
            config = load_lab(settings.config)
            link = _link(script, settings, config)
            console = config.console
            yield await stack.enter_async_context(
                toward(
                    config, settings.host, settings.kpd1 or console.kpd1_port, settings.kpd2 or console.kpd2_port,
                    web=_web(settings, config),
                    byte_order=byte_order, by_e1=link == "x25", speech=link == "tcp+e1",
                )
            )  # fmt: skip
            return
        file = _lab_of(script, settings)
        changes = script.config if isinstance(script, scenario.Scenario) else None
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        config = private_lab(file, changes, folder, byte_order=byte_order, outside=script.lab is None)
        link = _link(script, settings, config)
        yield await stack.enter_async_context(
            in_lab(config, str(file), byte_order, by_e1=link == "x25", speech=link == "tcp+e1")
        )


def _web(settings: ReplaySettings, config: Config) -> str:
    return settings.web or (web_url(config, settings.host) if settings.config else "")


def _link(script: Script, settings: ReplaySettings, config: Config) -> str:
    """The link of a script's consoles: from the command line, else from the lab, else from the script.

    Raises :class:`ScriptError` for a link that the script can't use.
    """
    own, possible = link_of(config), script.links
    needed = script.link if isinstance(script, scenario.Scenario) else None
    if settings.link and needed not in (None, settings.link):
        raise ScriptError(f"{script.path}: link: it runs over {needed} alone, not over {settings.link}")
    return settings.link or (own if own in possible else possible[0])


def private_lab(
    file: Path,
    changes: document.Node | None,
    folder: Path,
    *,
    byte_order: ByteOrder | None = None,
    outside: bool = False,
) -> Config:
    """The lab file with ``changes``, and with values of the environment where ``outside`` says so.

    ``folder`` holds its tables during the run. Raises :class:`ConfigError`.
    """
    lab = document_of(file) if outside else read_document(file)
    name = str(file)
    if changes is not None:
        lab = _merged(lab, changes.plain())
        name = f"{changes.file}:{changes.line}: config on {file}"
    own: dict[str, Any] = {"state": str(folder / "state.db"), "journal": str(folder / "journal.db")}
    if byte_order is not None:
        own["options"] = {"object_byte_order": byte_order}
    lab = _merged(lab, {"mediator": own})
    try:
        return lab_files.parse(lab, directory=file.resolve().parent, name=name)
    except ConfigError as error:
        raise ConfigError(located(str(error), file)) from None


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
        except OutputLostError:
            self.lost()

    def lost(self) -> None:
        """The reader is gone: end the run."""
        self.gone = True
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
        taken = taken_signals()
        for number in taken:
            loop.add_signal_handler(number, self._interrupt)
        try:
            await work
        finally:
            self._run = None
            for number in taken:
                loop.remove_signal_handler(number)
