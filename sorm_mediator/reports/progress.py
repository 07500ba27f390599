"""The bar that shows how far long work is, on stderr if that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol


class Advance(Protocol):
    """Takes what was done."""

    def __call__(self, count: int = 1, /, *, now: str | None = None) -> None:
        """``count`` more is done; ``now`` is what is at work."""


@contextmanager
def progress_bar(
    total: int, what: str = "", *, shown: bool = True, octets: bool = False
) -> Iterator[Advance]:
    """A bar up to ``total``, which counts octets or things; gone when the work is done.

    Without a terminal at stderr, or with ``shown`` false, there is none.
    """
    if not (shown and sys.stderr.isatty()):
        yield _no_bar
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns: Any = (TextColumn("{task.description}"), BarColumn())
    columns += (DownloadColumn(), Remaining()) if octets else (MofNCompleteColumn(),)
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as progress:
        task = progress.add_task(what, total=total)

        def advance(count: int = 1, /, *, now: str | None = None) -> None:
            progress.update(task, advance=count, description=now)

        yield advance


def _no_bar(count: int = 1, /, *, now: str | None = None) -> None:
    """There is none."""
