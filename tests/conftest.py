"""What every test starts from, its ring, and the skips counted at the end.

Two rings: ``core`` is what decides, without processes, sockets and tasks, to be run on each save (``make test-core``);
``lab`` is the rest. A test belongs to ``lab`` when its file stands in a folder of :data:`LAB_FOLDERS` or in none (the
tests of the whole tree), when the file or a module of the tests that it imports uses a module of :data:`LAB_MODULES`
or holds a coroutine, or when it says so: ``pytestmark = pytest.mark.lab``, for what takes many seconds.
"""

import ast
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

from ssh_control.logged import take_events

settings.register_profile("lab", deadline=None)  # a machine that is busy makes no test fail
settings.load_profile("lab")

LAB_FOLDERS = frozenset({"acceptance", "api", "cli", "conformance", "console", "lab", "replay", "web"})
LAB_MODULES = (
    "asyncio",
    "asyncssh",
    "fastapi",
    "httpx",
    "hypothesis.stateful",
    "socket",
    "subprocess",
    "uvicorn",
)
TESTS = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    """A home of their own for all tests: what this user has installed or keeps there (plugins of Wireshark, keys, the
    state of a lab) changes nothing. The tools that tests keep between runs stay where they are."""
    if hasattr(config, "workerinput"):  # one of several processes: it has that of the first
        return
    os.environ.setdefault("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        os.environ.pop(name, None)
    os.environ["HOME"] = home = tempfile.mkdtemp(prefix="sorm-tests-home-")
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With ``-m core`` the files of the other ring are not even imported."""
    if config.option.markexpr == "core" and collection_path.name.startswith("test_"):
        return True if _ring(collection_path) == "lab" else None
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put each test into its ring."""
    for item in items:
        item.add_marker(_ring(item.path))


@cache
def _ring(file: Path) -> str:
    folders = file.relative_to(TESTS).parts[:-1]
    if not folders or LAB_FOLDERS & set(folders) or _needs_a_lab(file):
        return "lab"
    return "lab" if "\npytestmark = pytest.mark.lab" in file.read_text(encoding="utf-8") else "core"


@cache
def _needs_a_lab(file: Path) -> bool:
    """Whether the file, or a module of the tests that it imports, uses one of the modules or holds a coroutine."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        modules = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module]
        if isinstance(node, ast.AsyncFunctionDef) or any(_is_in(one, LAB_MODULES) for one in modules):
            return True
        helpers = (
            TESTS.parent / f"{one.replace('.', '/')}.py" for one in modules if one.startswith("tests.")
        )
        if any(helper.is_file() and _needs_a_lab(helper) for helper in helpers):
            return True
    return False


def _is_in(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == one or module.startswith(f"{one}.") for one in packages)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A command run in this process sets up logging of its own; the next test doesn't inherit it."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
    logging.disable(logging.NOTSET)
    take_events(None)
    for name in list(logging.root.manager.loggerDict):
        logging.getLogger(name).disabled = False


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests were skipped, by reason: a tool that is missing must not go unnoticed."""
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[reason] = reasons.get(reason, 0) + 1
    if reasons:
        terminalreporter.section(f"{sum(reasons.values())} skipped")
        for reason, count in sorted(reasons.items()):
            terminalreporter.line(f"{count:4} {reason}")
