"""The pytest plugin (docs/testing.md): fixtures for a lab, its console and its switch, and scenarios as tests.

pytest loads it in every run of an environment that has this package. So it imports nothing of the package until a
fixture is used, or a scenario is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sorm_mediator.api import LabConsole, LabSwitch, RunningLab
    from sorm_mediator.replay.results import ScriptResult

_PCAP = pytest.StashKey[Path]()
_KEPT = pytest.StashKey[bool]()
_TOLD = pytest.StashKey["RunningLab"]()
LONGEST_NAME = 100
"""Characters of a test's id in the name of its capture (our choice)."""
_SUFFIXES = (".yaml", ".yml")
_OURS = frozenset(("lab", "header", "finally"))
"""Keys of scenarios that pipelines don't have."""
_FAILED, _ALWAYS = "failed", "always"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, and the keys of the ini file."""
    group = parser.getgroup("sorm", "SORM mediator lab")
    group.addoption(
        "--sorm-lab", metavar="FILE", help="lab file of the fixtures, and of scenarios that name none"
    )
    group.addoption("--sorm-link", metavar="LINK", help="how consoles are connected: tcp, x25 or tcp+e1")
    group.addoption("--sorm-host", metavar="HOST", help="a running mediator, in place of labs of the tests")
    group.addoption("--sorm-kpd1", type=int, default=0, metavar="PORT", help="its port of KPD1")
    group.addoption("--sorm-kpd2", type=int, default=0, metavar="PORT", help="its port of KPD2")
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
        "sorm_scenarios", "patterns of the scenarios that are tests, such as scenarios/*.yaml", "args"
    )


def pytest_configure(config: pytest.Config) -> None:
    """The marker that chooses a lab for a test."""
    config.addinivalue_line(
        "markers",
        "sorm_lab(file=None, link='', config=None): the lab of this test, as sorm_mediator.api.lab takes it",
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
            if host := config.getoption("sorm_host"):
                running = stack.enter_context(api.mediator(host, file=file, **_ports(config), **options))
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
    if request.config.getoption("sorm_host") and _started(one):
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


def _ports(config: pytest.Config) -> dict[str, Any]:
    return {name: config.getoption(f"sorm_{name}") for name in ("kpd1", "kpd2", "web")}


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
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """A failed test shows its steps and keeps its capture."""
    report: pytest.TestReport = (yield).get_result()
    if report.failed:
        if (running := item.stash.get(_TOLD, None)) is not None and running.result.steps:
            report.sections.append(("SORM steps", running.transcript()))
        if (pcap := item.stash.get(_PCAP, None)) and _holds_packets(pcap):
            report.sections.append(("SORM capture", str(pcap)))
            item.stash[_KEPT] = True
    if report.when == "teardown" and (pcap := item.stash.get(_PCAP, None)):
        always = item.config.getoption("sorm_pcap_keep") == _ALWAYS
        if not always and not item.stash.get(_KEPT, False):
            pcap.unlink(missing_ok=True)


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
    patterns: Iterable[str] = config.getini("sorm_scenarios")
    base = config.inipath.parent if config.inipath else config.rootpath
    asked = any(file_path.is_relative_to(base) and file_path.relative_to(base).match(one) for one in patterns)
    if not (asked or config.getoption("sorm_scenarios")) or not _is_scenario(file_path):
        return None
    file: ScenarioFile = ScenarioFile.from_parent(parent, path=file_path)
    return file


def _is_scenario(path: Path) -> bool:
    """Whether a file has a name, and steps of which one is a step of ours. Files of other programs are theirs, such as
    pipelines, which have a name and steps too."""
    from sorm_mediator.api import ScriptError
    from sorm_mediator.replay import document
    from sorm_mediator.replay.scenario import ACTIONS, INCLUDE, LISTENING

    try:
        root = document.load(path).value
    except ScriptError:
        return False
    if not isinstance(root, dict) or "name" not in root or "steps" not in root:
        return False
    if root.keys() & _OURS:
        return True
    words = {*ACTIONS, INCLUDE, *LISTENING}
    steps = root["steps"].value
    return isinstance(steps, list) and any(
        isinstance(step.value, dict) and step.value.keys() & words for step in steps
    )


def _near(path: Path) -> Path:
    """The path from the current folder, when it is in there."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


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
            host=config.getoption("sorm_host") or "",
            link=config.getoption("sorm_link") or config.getini("sorm_link"),
            config=_lab_file(config),
            **_ports(config),
        )
        pcap = _pcap_file(config, self)
        with nullcontext() if pcap is None else PcapRecorder(pcap) as recorder:
            result = asyncio.run(run_script(self.script, settings, TextPrinter(lambda text: None), recorder))
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
        return "\n".join([*lines, "all steps:", *transcript(result)])

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The place of the test, for people."""
        return self.path, None, self.name
