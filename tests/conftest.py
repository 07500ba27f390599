"""What every test starts from, and the skips counted at the end."""

import logging
from collections.abc import Iterator

import pytest


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
