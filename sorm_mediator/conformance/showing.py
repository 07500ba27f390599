"""What is seen of an examination while it runs: its results as they come on a terminal, else a bar on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from protocol.language import Lang, Phrase
from sorm_mediator.conformance.declaration import Check
from sorm_mediator.conformance.report import Report, appendix_of, ending, rows, table
from sorm_mediator.conformance.verdicts import Result
from ssh_control.visible import visible

Write = Callable[[str], object]


class Showing:
    """Writes the results, each once. ``live``: as they come; else when all is over.

    One whose verdict has changed at the end of the examination is written again.
    """

    def __init__(self, write: Write, checks: Sequence[Check], lang: Lang, *, live: bool) -> None:
        self._write = write
        self._ids = max((len(one.id) for one in checks), default=0)
        self._lang = lang
        self._live = live
        self._written: dict[str, Phrase] = {}
        self._appendix = ""

    def begin(self, heading: str) -> None:
        """It begins."""
        if self._live:
            self._write(visible(heading) + "\n")

    def seen(self, result: Result) -> None:
        """A check is over."""
        if not self._live or self._written.get(result.check.id) == result.verdict:
            return
        self._written[result.check.id] = result.verdict
        title = appendix_of(result, self._lang)
        lines = [] if title == self._appendix else [title]
        self._appendix = title
        for line in (*lines, *rows(result, self._lang, self._ids)):
            self._write(visible(line) + "\n")

    def finish(self, report: Report) -> None:
        """It is over: whatever has not been written yet."""
        if self._live:
            for result in report.examined:
                self.seen(result)
        for line in ending(report, self._lang) if self._live else table(report, self._lang):
            self._write(visible(line) + "\n")


@contextmanager
def bar(total: int) -> Iterator[Callable[[Result], None]]:
    """A bar on stderr, where that is a terminal; yields who is to be told of each check that is over."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns: Any = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        yield lambda result: progress.update(task, advance=1, description=result.check.id)
