"""The pytest plugin (docs/testing.md): fixtures for a lab, its console and its switch, and scenarios as tests.

pytest loads it in every run of an environment that has this package. So it imports nothing of the package until a
fixture is used, or a scenario is asked for.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sorm_mediator.api import LabConsole, LabSwitch, RunningLab
    from sorm_mediator.replay.results import ScriptResult

_PCAP = pytest.StashKey[Path]()
_KEPT = pytest.StashKey[bool]()
_TOLD = pytest.StashKey["RunningLab"]()
_PARTS = pytest.StashKey[list[Path]]()
"""The files that are left out of the collection: parts without a name."""
_FIXTURES = ("lab", "console", "switch")
LONGEST_NAME = 100
"""Characters of a test's id in the name of its capture (our choice)."""
_SUFFIXES = (".yaml", ".yml")
_OURS = frozenset(("lab", "header", "finally"))
"""Keys of scenarios that pipelines don't have."""
_STEPS = re.compile(rb"^\s*steps\s*:", re.MULTILINE)
_FAILED, _ALWAYS = "failed", "always"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, and the keys of the ini file."""
    group = parser.getgroup("sorm", "SORM mediator lab")
    group.addoption(
        "--sorm-lab", metavar="FILE", help="lab file of the fixtures, and of scenarios that name none"
    )
    group.addoption("--sorm-link", metavar="LINK", help="how consoles are connected: tcp, x25 or tcp+e1")
    group.addoption("--sorm-host", metavar="HOST", help="a running mediator, in place of labs of the tests")
    group.addoption(
        "--sorm-kpd1",
        default="",
        metavar="[HOST:]PORT",
        help="its KPD1: port, or host and port as its ready line",
    )
    group.addoption("--sorm-kpd2", default="", metavar="[HOST:]PORT", help="the same, for KPD2")
    group.addoption("--sorm-web", default="", metavar="URL", help="the web that makes its calls")
    group.addoption("--sorm-pcap", metavar="DIR", help="write what crosses in each test as pcapng into DIR")
    group.addoption(
        "--sorm-pcap-keep",
        choices=(_FAILED, _ALWAYS),
        help="which captures stay (default: those of failed tests)",
    )
    group.addoption("--sorm-scenarios", action="store_true", help="collect scenarios (.yaml) as tests")
    parser.addini("sorm_lab", "lab file of the fixtures, from the folder of the ini file")
    parser.addini("sorm_link", "how consoles are connected: tcp, x25 or tcp+e1")
    parser.addini(
        "sorm_scenarios",
        "folders and patterns of the scenarios that are tests: scenarios, old/**/*.yaml",
        "args",
    )


def pytest_configure(config: pytest.Config) -> None:
    """The marker that chooses a lab for a test; where the mediator is, when that is given."""
    if any(config.getoption(f"sorm_{name}") for name in ("host", "kpd1", "kpd2", "web")):
        from sorm_mediator.console.errors import UsageError

        try:
            _mediator(config)
        except (UsageError, ImportError) as error:
            raise pytest.UsageError(str(error)) from None
    config.addinivalue_line(
        "markers",
        "sorm_lab(file=None, link='', config=None): the lab of this test, as sorm_mediator.api.lab takes it",
    )
    if not hasattr(config, "workerinput"):  # one of xdist tells nothing that the whole run has told
        for pattern in config.getini("sorm_scenarios"):
            if not _fits_a_file(pattern, _base(config)):
                _warn(
                    config,
                    f"sorm_scenarios: {pattern} fits no {' or '.join(_SUFFIXES)} in {_near(_base(config))}: "
                    "a folder, or a pattern such as scenarios/**/*.yaml",
                )


# --- fixtures


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Iterator[RunningLab]:
    """A lab of this test alone, or the mediator of ``--sorm-host``: :class:`sorm_mediator.api.RunningLab`."""
    from sorm_mediator import api

    config, node = request.config, request.node
    chosen = _marked(node)
    options: dict[str, Any] = {"name": node.name}
    if pcap := _pcap_file(config, node):
        options["pcap"] = pcap
    if link := chosen.pop("link", "") or config.getoption("sorm_link") or config.getini("sorm_link"):
        options["link"] = link
    file = chosen.pop("file", None) or _lab_file(config)
    options["place"] = (str(_near(node.path)), (node.location[1] or 0) + 1)
    with ExitStack() as stack:
        why = ""
        try:
            if (there := _mediator(config))["host"]:
                running = stack.enter_context(api.mediator(file=file, **there, **options))
            else:
                running = stack.enter_context(api.lab(file, **chosen, **options))
        except (api.ConfigError, api.BoxError, api.ScriptError, api.UsageError) as error:
            why = str(error)
        if why:
            pytest.fail(why, pytrace=False)
        node.stash[_TOLD] = running
        yield running


@pytest.fixture
def console(lab: RunningLab, request: pytest.FixtureRequest) -> Iterator[LabConsole]:
    """A console of the lab; it connects at its first step: :class:`sorm_mediator.api.LabConsole`.

    A mediator of ``--sorm-host`` that it has started and not stopped is stopped after the test.
    """
    one = lab.console()
    yield one
    if _mediator(request.config)["host"] and _started(one):
        one.send("stop", expect="any")


def _started(console: LabConsole) -> bool:
    """Whether the last start or stop that was executed is a start."""
    from sorm_mediator.api import CommandExecuted, Start, Stop

    ends = [one.message for one in console.units if isinstance(one.message, CommandExecuted)]
    executed = [one.command for one in ends if not one.status and one.command in (Start.code, Stop.code)]
    return executed[-1:] == [Start.code]


@pytest.fixture
def switch(lab: RunningLab) -> LabSwitch:
    """The switch of the lab: :class:`sorm_mediator.api.LabSwitch`."""
    return lab.switch


def _marked(node: pytest.Item) -> dict[str, Any]:
    marker = node.get_closest_marker("sorm_lab")
    if marker is None:
        return {}
    return {**dict(zip(("file",), marker.args, strict=False)), **marker.kwargs}


def _lab_file(config: pytest.Config) -> Path | None:
    if given := config.getoption("sorm_lab"):
        return Path(config.invocation_params.dir, given)
    given = config.getini("sorm_lab")
    return Path(config.inipath.parent if config.inipath else config.rootpath, given) if given else None


def _mediator(config: pytest.Config) -> dict[str, Any]:
    """Where the mediator is that runs already: ``host``, "" without one, ``kpd1``, ``kpd2`` and ``web``.

    Raises :class:`~sorm_mediator.api.UsageError`.
    """
    from sorm_mediator.reserved import check_names

    check_names()
    from sorm_mediator.console.target import reached

    given = (config.getoption(f"sorm_{name}") or "" for name in ("host", "kpd1", "kpd2", "web"))
    return reached(*given, prefix="--sorm-")._asdict()


def _pcap_file(config: pytest.Config, node: pytest.Item) -> Path | None:
    """The capture of a test: named by the test, so that several workers never write one file."""
    if not (given := config.getoption("sorm_pcap")):
        return None
    folder = Path(config.invocation_params.dir, given)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{_file_name(node.nodeid)}.pcapng"
    node.stash[_PCAP] = file
    return file


def _file_name(test: str) -> str:
    """The id of a test as the name of a file. Where that is not the whole id, a checksum tells it from others."""
    import hashlib

    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", test.replace("::", ".")).strip("_")
    if name == test.replace("::", ".") and len(name) <= LONGEST_NAME:
        return name
    return f"{name[:LONGEST_NAME]}-{hashlib.sha256(test.encode('utf-8', 'replace')).hexdigest()[:8]}"


@pytest.hookimpl(hookwrapper=True)  # not wrapper=True, which pytest 7 may not have yet
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    """A failed test shows its steps and keeps its capture. JUnit's file has the steps of every test as properties."""
    if call.when == "teardown":
        item.user_properties += _properties(item, failed=call.excinfo is not None)
    report: pytest.TestReport = (yield).get_result()
    if report.failed:
        if (running := item.stash.get(_TOLD, None)) is not None and running.result.steps:
            report.sections.append(("SORM steps", running.transcript()))
        if (pcap := item.stash.get(_PCAP, None)) and _holds_packets(pcap):
            report.sections.append(("SORM capture", str(pcap)))
            item.stash[_KEPT] = True
    if report.when == "teardown" and (pcap := item.stash.get(_PCAP, None)) and not _stays(item):
        pcap.unlink(missing_ok=True)


def _stays(item: pytest.Item) -> bool:
    """Whether the capture of a test stays."""
    return item.config.getoption("sorm_pcap_keep") == _ALWAYS or item.stash.get(_KEPT, False)


def _properties(item: pytest.Item, *, failed: bool) -> list[tuple[str, object]]:
    """What JUnit's file says of a test with a lab: ``sorm.lab``, ``sorm.link``, ``sorm.capture``, ``sorm.steps``."""
    running = item.stash.get(_TOLD, None)
    result: ScriptResult | None = running.result if running is not None else getattr(item, "result", None)
    if result is None:
        return []
    from sorm_mediator.replay.results import transcript
    from ssh_control.visible import visible

    pcap = item.stash.get(_PCAP, None)
    kept = pcap is not None and (failed or _stays(item)) and _holds_packets(pcap)
    values = {
        "lab": result.lab,
        "link": result.link,
        "capture": str(pcap) if kept else "",
        "steps": "\n".join(map(visible, transcript(result))),
    }
    return [(f"sorm.{name}", value) for name, value in values.items() if value]


def _holds_packets(pcap: Path) -> bool:
    """Whether there is a capture, and something has crossed."""
    from sorm_mediator.capture.files import Packet, read_packets

    if not pcap.is_file() or not pcap.stat().st_size:
        return False
    return any(isinstance(one, Packet) for one in read_packets([pcap.read_bytes()]))


# --- scenarios as tests


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ScenarioFile | None:
    """A scenario, when it is asked for: by ``--sorm-scenarios``, or by a pattern of the ini file."""
    if file_path.suffix.lower() not in _SUFFIXES:
        return None
    config = parent.config
    base = _base(config)
    asked = file_path.is_relative_to(base) and any(
        _fits(file_path.relative_to(base), one, base) for one in config.getini("sorm_scenarios")
    )
    if not (asked or config.getoption("sorm_scenarios")):
        return None
    from sorm_mediator.reserved import check_names

    check_names()
    if not _is_scenario(file_path, asked=asked):
        from sorm_mediator.replay.session import is_part

        if is_part(file_path):
            config.stash.setdefault(_PARTS, []).append(file_path)
        return None
    file: ScenarioFile = ScenarioFile.from_parent(parent, path=file_path)
    return file


def _base(config: pytest.Config) -> Path:
    """The folder that the paths of the ini file begin in."""
    return config.inipath.parent if config.inipath else config.rootpath


def _fits(path: PurePath, pattern: str, base: Path) -> bool:
    """Whether a path from ``base`` is in a folder, or fits a pattern, whose beginning may be anywhere.

    ``**`` stands for any number of folders, also for none. (``PurePath.match`` of Python 3.11 has no such thing.)
    """
    wanted = PurePath(pattern)
    if (base / wanted).is_dir():
        return path.is_relative_to(wanted)
    return not wanted.is_absolute() and _match(path.parts, ("**", *wanted.parts))


def _match(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    if not wanted:
        return not parts
    if wanted[0] == "**":
        return any(_match(parts[skipped:], wanted[1:]) for skipped in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], wanted[0]) and _match(parts[1:], wanted[1:])


def _fits_a_file(pattern: str, base: Path) -> bool:
    """Whether there is a file that a folder or a pattern of the ini file takes."""
    parts = PurePath(pattern).parts
    if PurePath(pattern).is_absolute() or ".." in parts:
        return False
    start = base
    for part in parts:
        # Most patterns begin with a folder: what is beside it is searched only when there is nothing in it.
        if not (start / part).is_dir():
            break
        start /= part
    return any(_is_taken(one, pattern, base) for each in (start, base) for one in each.rglob("*"))


def _is_taken(path: Path, pattern: str, base: Path) -> bool:
    return (
        path.suffix.lower() in _SUFFIXES and _fits(path.relative_to(base), pattern, base) and path.is_file()
    )


def _warn(config: pytest.Config, text: str) -> None:
    """Warn. Raises :class:`pytest.UsageError` in a run whose warnings are errors.

    A worker of xdist can't end the run, so the warning stays one there.
    """
    try:
        config.issue_config_time_warning(pytest.PytestWarning(text), stacklevel=2)
    except pytest.PytestWarning as warning:
        if not hasattr(config, "workerinput"):
            raise pytest.UsageError(str(warning)) from None
        message = warnings.WarningMessage(warning, type(warning), __file__, 0)
        told = {"warning_message": message, "when": "config", "nodeid": "", "location": None}
        config.hook.pytest_warning_recorded.call_historic(kwargs=told)


def _is_scenario(path: Path, *, asked: bool) -> bool:
    """Whether a file is a scenario, or was meant as one: then its mistakes are errors of the collection.

    A scenario has a name, and steps of which one is a step of ours. Files of other programs are theirs, such as
    pipelines, which have a name and steps too. A file that is not YAML is meant as a scenario when a pattern of the ini
    file has it (``asked``), or when a line of it begins with ``steps:``.
    """
    from sorm_mediator.console.errors import ScriptError
    from sorm_mediator.replay import document
    from sorm_mediator.replay.scenario import ACTIONS, INCLUDE, LISTENING, PART

    try:
        root = document.load(path).value
    except ScriptError:
        return asked or not os.access(path, os.R_OK) or bool(_STEPS.search(path.read_bytes()))
    if not isinstance(root, dict):
        return False
    if "steps" not in root:
        return {"name", "lab"} <= root.keys()
    if "name" in root and root.keys() & _OURS:
        return True
    words = {*ACTIONS, INCLUDE, *LISTENING}
    steps = root["steps"].value
    is_ours = isinstance(steps, list) and any(
        isinstance(step.value, dict) and step.value.keys() & words for step in steps
    )
    return is_ours and ("name" in root or not root.keys() <= set(PART))


def _near(path: Path) -> Path:
    """The path from the current folder, when it is in there."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Before the first test: names that hide the package's are told once, and parts that nothing includes."""
    if any(isinstance(item, ScenarioItem) or _uses_a_lab(item) for item in items):
        from sorm_mediator.reserved import HiddenError, check_names

        try:
            check_names()
        except HiddenError as error:
            raise pytest.UsageError(str(error)) from None
    if parts := [one for one in config.stash.get(_PARTS, []) if _is_asked_for(one, config)]:
        from sorm_mediator.replay.session import not_included

        scenarios = {item.path for item in items if isinstance(item, ScenarioItem)}
        for part in not_included(parts, (*scenarios, *parts)):
            _warn(
                config,
                f"{_near(part)}: does not run: it has no name, and no scenario of this run includes it; "
                "name: makes it a scenario",
            )


def _is_asked_for(path: Path, config: pytest.Config) -> bool:
    """Whether a file, or a folder above it, is among the arguments of the run: pytest asks for its neighbours too."""
    folder = config.invocation_params.dir
    given = (Path(os.path.abspath(folder / one.partition("::")[0])) for one in config.args)
    return any(path.is_relative_to(one) for one in given)


def _uses_a_lab(item: pytest.Item) -> bool:
    """Whether a test uses a fixture of this plugin."""
    found = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    last = (definitions[-1] for name, definitions in found.items() if name in _FIXTURES and definitions)
    return any(one.func.__module__ == __name__ for one in last)


class ScenarioFile(pytest.File):
    """A file with one scenario."""

    def collect(self) -> Iterator[ScenarioItem]:
        """The scenario. A mistake in it is an error of the collection."""
        from sorm_mediator.api import ScriptError, load_script

        try:
            script = load_script(_near(self.path))
        except ScriptError as error:
            raise self.CollectError(str(error)) from None
        item: ScenarioItem = ScenarioItem.from_parent(self, name=script.name)
        item.script = script
        yield item


class ScenarioError(Exception):
    """A scenario has failed, or could not run."""

    def __init__(self, result: ScriptResult) -> None:
        super().__init__(result.name)
        self.result = result


class ScenarioItem(pytest.Item):
    """A scenario as a test: every step is an expectation."""

    script: Any
    result: ScriptResult | None = None

    def runtest(self) -> None:
        """Run it in a lab of its own, or against the mediator of ``--sorm-host``."""
        import asyncio
        from contextlib import nullcontext

        from sorm_mediator.api import ReplaySettings
        from sorm_mediator.replay.results import PcapRecorder, TextPrinter
        from sorm_mediator.replay.session import run_script

        config = self.config
        settings = ReplaySettings(
            scripts=(self.path,),
            link=config.getoption("sorm_link") or config.getini("sorm_link"),
            config=_lab_file(config),
            **_mediator(config),
        )
        pcap = _pcap_file(config, self)
        with nullcontext() if pcap is None else PcapRecorder(pcap) as recorder:
            result = asyncio.run(run_script(self.script, settings, TextPrinter(lambda text: None), recorder))
        self.result = result
        if result.error is not None or result.failures:
            raise ScenarioError(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The failed steps with what crossed in them, then every step."""
        if not isinstance(excinfo.value, ScenarioError):
            return super().repr_failure(excinfo, style)
        from sorm_mediator.replay.results import failed_lines, transcript

        result = excinfo.value.result
        lines = [] if result.error is None else [str(result.error), ""]
        for step in result.failures:
            lines += [*failed_lines(step), ""]
        steps = ["all steps:", *transcript(result)] if result.steps else []
        return "\n".join([*lines, *steps]).rstrip()

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The place of the test, for people."""
        return self.path, None, self.name
