"""The commands that run boxes: ``demo``, ``lab``, ``gateway`` and ``switch``."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sorm_mediator.cli.common import ConfigOption, JsonOption, LangOption, LogOption

if TYPE_CHECKING:
    from sorm_mediator.config import Config
    from sorm_mediator.lab.lab import Boxes, Lab

log = logging.getLogger("sorm_mediator")


def demo(
    lang: LangOption = "en",
    as_json: JsonOption = False,
    log_level: LogOption = "error",
) -> None:
    """Start a whole lab on free loopback ports, run the built-in scenarios, print a PASS/FAIL table.

    First the main job, step by step: command 5 puts a number under control, a call is made, and every event of it
    arrives; then the other scenarios, a line each. Exit code 0 when all passed, else 1.

    Example: sorm-mediator demo --lang ru
    """
    from sorm_mediator.cli.logs import set_up_logging
    from sorm_mediator.replay.demo import run_demo

    set_up_logging(log_level)
    prepare = partial(set_up_logging, log_level)
    raise typer.Exit(run_demo(lang=lang, as_json=as_json, prepare=prepare))


def lab(config: ConfigOption, log_level: LogOption = "info") -> None:
    """Run switch, mediator and web until stopped.

    When ready it prints one line {"ready": true, "endpoints": {...}}. Ctrl-C or SIGTERM stop it cleanly with 0.

    Example: sorm-mediator lab -c captures/labs/laptop.toml
    """
    _run(config, "lab", log_level)


def gateway(config: ConfigOption, log_level: LogOption = "info") -> None:
    """Run the mediator alone, against a switch of [ssh] (its host_key must be pinned).

    Example: sorm-mediator gateway -c mediator.toml
    """
    _run(config, "gateway", log_level)


def switch(config: ConfigOption, log_level: LogOption = "info") -> None:
    """Run the emulated switch alone; the ready line also tells its public host key.

    Example: sorm-mediator switch -c switch.toml
    """
    _run(config, "switch", log_level)


def _run(path: Path, boxes: Boxes, log_level: str) -> None:
    """Start the boxes, print the ready line, and wait for SIGTERM or Ctrl-C."""
    from sorm_mediator import config
    from sorm_mediator.cli.logs import set_up_logging

    set_up_logging(log_level)
    asyncio.run(_run_until_stopped(config.load(path), boxes, str(path)))


async def _run_until_stopped(config: Config, boxes: Boxes, name: str) -> None:
    from sorm_mediator.lab.lab import Lab

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Lab(config, boxes=boxes, name=name) as lab:
        _warn_of_memory(config, boxes, name)
        ready: dict[str, object] = {"ready": True, "endpoints": lab.endpoints}
        if lab.switch is not None:
            ready["host_key"] = lab.switch.public_host_key
        # The objects loaded so far stay. Collections leave them out, and no longer delay answers by 100 ms.
        gc.collect()
        gc.freeze()
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await _stopped(stop, lab)
        log.info("stopping")


def _warn_of_memory(config: Config, boxes: Boxes, name: str) -> None:
    if boxes == "switch":
        return
    for number, stream in enumerate(config.e1):
        if stream.line == "memory":
            log.warning(
                '%s: e1.%d.line: "memory" is within this process: no console outside reaches the stream; '
                '"satop", "xot" and "serial" do',
                name,
                number,
            )


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
