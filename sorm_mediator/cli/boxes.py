"""The commands that run boxes: ``demo``, ``lab``, ``gateway`` and ``switch``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sorm_mediator.cli.begin import BUILT_IN, AutoPortsOption, SetOption, labs, load_lab
from sorm_mediator.cli.common import (
    ConfigOption,
    JsonOption,
    LangOption,
    LogOption,
    PcapOption,
    SameFileOption,
    fail,
    located_in,
    the_one,
)

if TYPE_CHECKING:
    from sorm_mediator.lab.lab import Boxes


def demo(
    lang: LangOption = "en",
    as_json: JsonOption = False,
    pcap: PcapOption = None,
    log_level: LogOption = "error",
) -> None:
    """Start a whole lab on free loopback ports, run the built-in scenarios, print a PASS/FAIL table.

    First the main job, step by step: command 5 puts a number under control, a call is made, and every event of it
    arrives; then the other scenarios, a line each. Exit code 0 when all passed, else 1.

    Example: sorm-mediator demo --lang ru
    """
    from sorm_mediator.cli.logs import set_up_logging
    from sorm_mediator.replay.demo import run_demo

    prepare = partial(set_up_logging, log_level)
    prepare()
    raise typer.Exit(run_demo(lang=lang, as_json=as_json, prepare=prepare, capture=_capture(pcap)))


def lab(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The lab file (TOML); without it, a built-in lab.")
    ] = None,
    config: SameFileOption = None,
    given: SetOption = None,
    auto_ports: AutoPortsOption = False,
    pcap: PcapOption = None,
    log_level: LogOption = "info",
) -> None:
    """Run switch, mediator and web until stopped.

    When ready it prints one line {"ready": true, "endpoints": {...}}. Ctrl-C or SIGTERM stop it cleanly with 0.
    Environment variables such as SORM_WEB__PORT=8081 change values too; --set overrides them.

    Example: sorm-mediator lab mylab/lab.toml --set web.port=8081

    Example: sorm-mediator lab --pcap - | wireshark -k -i -
    """
    _run(the_one(file, config), "lab", log_level, given, auto_ports=auto_ports, pcap=pcap)


def gateway(
    config: ConfigOption,
    given: SetOption = None,
    auto_ports: AutoPortsOption = False,
    pcap: PcapOption = None,
    log_level: LogOption = "info",
) -> None:
    """Run the mediator alone, against a switch of [ssh] (its host_key must be pinned).

    Example: sorm-mediator gateway -c mediator.toml
    """
    _run(config, "gateway", log_level, given, auto_ports=auto_ports, pcap=pcap)


def switch(
    config: ConfigOption,
    given: SetOption = None,
    auto_ports: AutoPortsOption = False,
    pcap: PcapOption = None,
    log_level: LogOption = "info",
) -> None:
    """Run the emulated switch alone; the ready line also tells its public host key.

    Example: sorm-mediator switch -c switch.toml
    """
    _run(config, "switch", log_level, given, auto_ports=auto_ports, pcap=pcap)


def _run(
    path: Path | None,
    boxes: Boxes,
    log_level: str,
    given: list[str] | None,
    *,
    auto_ports: bool,
    pcap: Path | None,
) -> None:
    """Start the boxes, print the ready line, and wait for SIGTERM or Ctrl-C."""
    import asyncio

    from sorm_mediator.cli.logs import set_up_logging
    from sorm_mediator.cli.running import run

    set_up_logging(log_level)
    config, name = load_lab(path, given or (), auto_ports=auto_ports)
    with located_in(path or labs() / BUILT_IN):
        asyncio.run(run(config, boxes, name, _capture(pcap), str(pcap)))


def _capture(pcap: Path | None) -> int | None:
    """Where a capture goes, before anything is printed."""
    from sorm_mediator.capture.output import OutputError, open_output

    try:
        return None if pcap is None else open_output(pcap)
    except OutputError as error:
        fail(f"--pcap: {error}")
