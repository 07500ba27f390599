"""Boxes that run until a signal; apart from their commands, whose ``--help`` needs no event loop."""

from __future__ import annotations

import asyncio
import gc
import logging
from contextlib import AsyncExitStack
from pathlib import Path

from sorm_mediator.capture.boxes import BoxCapture
from sorm_mediator.cli.serving import stop_signals, tell_ready
from sorm_mediator.config import Config
from sorm_mediator.lab.lab import Boxes, Lab
from sorm_mediator.ready import ready_file
from sorm_mediator.replay.fitting import missing

log = logging.getLogger("sorm_mediator")

COLLECTIONS = (10_000, 10, 50)
"""How many new objects there are between two collections, and how many of those until older objects are looked through
too: with Python's 700, 10 and 10, a tenth of a busy mediator's time goes into looking through its feed of events."""


async def run(
    config: Config,
    boxes: Boxes,
    name: str,
    descriptor: int | None = None,
    pcap: str = "",
    ready_path: Path | None = None,
) -> None:
    """Start the boxes, print the ready line, and wait for SIGTERM or Ctrl-C. ``name``: the file of ``config``;
    ``descriptor``: where a capture named ``pcap`` goes; ``ready_path``: where the ready line is written too.

    Raises :class:`~sorm_mediator.errors.BoxError` when a box can't start or go on.
    """
    stop = stop_signals()
    async with AsyncExitStack() as stack:
        ready_too = stack.enter_context(ready_file(ready_path))
        capture = None
        if descriptor is not None:
            capture = BoxCapture(descriptor, pcap, config.mediator.codec_options)
            stack.callback(capture.close)
        lab = await stack.enter_async_context(
            Lab(config, boxes=boxes, name=name, capture=capture, missing=missing)
        )
        warnings = await asyncio.to_thread(lab.warnings)
        located = config.locate("\n".join(warnings)) if warnings else []
        for one in located:
            if one.message not in lab.link_problem:  # which is in the log already
                log.warning("%s", one.text)
        ready: dict[str, object] = {"endpoints": lab.endpoints}
        if lab.switch is not None:
            ready["host_key"] = lab.switch.public_host_key
        if located:
            ready["warnings"] = [one.text for one in located]
        # The objects loaded so far stay. Collections leave them out, and no longer delay answers by 100 ms.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECTIONS)
        tell_ready(ready, ready_too)
        await _stopped(stop, lab)
        log.info("stopping")


async def _stopped(stop: asyncio.Event, lab: Lab) -> None:
    """Wait for a signal. Raises the :class:`BoxError` of a mediator that has stopped serving."""
    stopping = asyncio.ensure_future(stop.wait())
    waiting: set[asyncio.Future[object]] = {stopping}  # type: ignore[arg-type]  # a future of True
    failure = lab.gateway.failure if lab.gateway is not None else None
    if failure is not None:
        waiting.add(failure)  # type: ignore[arg-type]  # a future of what went wrong
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        await asyncio.gather(stopping, return_exceptions=True)
    if failure is not None and failure.done():
        raise failure.result()
