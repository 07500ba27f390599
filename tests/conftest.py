"""What every test starts from, its ring, and the skips counted at the end.

Two rings: ``core`` is what decides, without processes, sockets and tasks, to be run on each save (``make test-core``);
``lab`` is the rest. A test belongs to ``lab`` when its file stands in a folder of :data:`LAB_FOLDERS`, uses a module
of :data:`LAB_MODULES`, or holds a coroutine.
"""

import ast
import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

LAB_FOLDERS = frozenset({"acceptance", "cli", "conformance", "console", "lab", "web"})
LAB_MODULES = frozenset({"asyncio", "asyncssh", "fastapi", "httpx", "socket", "subprocess", "uvicorn"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put each test into its ring."""
    for item in items:
        item.add_marker(_ring(item.path))


@cache
def _ring(file: Path) -> str:
    if LAB_FOLDERS & set(file.relative_to(Path(__file__).parent).parts):
        return "lab"
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        modules = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module]
        if isinstance(node, ast.AsyncFunctionDef) or {one.partition(".")[0] for one in modules} & LAB_MODULES:
            return "lab"
    return "core"


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A command run in this process sets up logging of its own; the next test doesn't inherit it."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
    logging.disable(logging.NOTSET)
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
