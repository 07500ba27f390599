"""Programs that serve until a signal: their signals, and their ready line."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from sorm_mediator.ready import ReadyFile, ready_file

log = logging.getLogger("sorm_mediator")


def stop_signals() -> asyncio.Event:
    """An event that SIGTERM and Ctrl-C set, in the running loop."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def tell_ready(ready: Mapping[str, object], file: ReadyFile) -> None:
    """Print the ready line, and write it to the file of ``--ready-file``. Raises :class:`BoxError`."""
    line = json.dumps({"ready": True, **ready})
    file.write(line)
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def serve(
    start: Callable[[], Awaitable[Mapping[str, object]]],
    stop: Callable[[], Awaitable[None]],
    ready_path: Path | None,
) -> None:
    """Start, print the ready line, wait for a signal, and stop. ``start`` gives the members of the line.

    Raises :class:`BoxError`, also that of ``start``.
    """
    signalled = stop_signals()
    with ready_file(ready_path) as ready_too:
        ready = await start()
        try:
            tell_ready(ready, ready_too)
            await signalled.wait()
            log.info("stopping")
        finally:
            await stop()
