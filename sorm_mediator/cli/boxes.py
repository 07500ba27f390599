"""The commands that run boxes: ``demo``, ``lab``, ``gateway`` and ``switch``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sorm_mediator.cli.begin import AutoPortsOption, SetOption, load_lab
from sorm_mediator.cli.common import (
    JsonOption,
    LangOption,
    LogFormOption,
    LogOption,
    PcapOption,
    ReadyFileOption,
    SameFileOption,
    fail,
    located_in,
    the_one,
)

if TYPE_CHECKING:
    from sorm_mediator.cli.logs import Form
    from sorm_mediator.lab.lab import Boxes


FileArgument = Annotated[Path | None, typer.Argument(metavar="FILE", help="The lab file (TOML).")]


def demo(
    lang: LangOption = "en",
    as_json: JsonOption = False,
    pcap: PcapOption = None,
    log_level: LogOption = "error",
    log: LogFormOption = "text",
) -> None:
    """Run a whole lab and the built-in scenarios: PASS or FAIL.

    The lab is on free loopback ports. First the main job, step by step: command 5 puts a number under control, a
    call is made, and every event of it arrives; then the other scenarios, a line each. Exit code 0 when all passed,
    else 1.

    Example: sorm-mediator demo --lang ru
    """
    from sorm_mediator.cli.logs import set_up_logging
    from sorm_mediator.replay.demo import run_demo

    prepare = partial(set_up_logging, log_level, log)
    prepare()
    options = ("--log-level", log_level, "--log", log)
    raise typer.Exit(
        run_demo(lang=lang, as_json=as_json, prepare=prepare, log=options, capture=_capture(pcap))
    )


def lab(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The lab file (TOML); without it, a built-in lab.")
    ] = None,
    config: SameFileOption = None,
    given: SetOption = None,
    auto_ports: AutoPortsOption = False,
    pcap: PcapOption = None,
    ready_file: ReadyFileOption = None,
    log_level: LogOption = "info",
    log: LogFormOption = "text",
) -> None:
    """Run switch, mediator and web until stopped.

    When ready it prints one line {"ready": true, "endpoints": {...}}. Ctrl-C or SIGTERM stop it cleanly with 0.
    Environment variables such as SORM_WEB__PORT=8081 change values too; --set overrides them.

    Example: sorm-mediator lab mylab/lab.toml --set web.port=8081

    Example: sorm-mediator lab --pcap - | wireshark -k -i -
    """
    _run(
        the_one(file, config),
        "lab",
        (log_level, log),
        given,
        auto_ports=auto_ports,
        pcap=pcap,
        ready_file=ready_file,
    )


def gateway(
    file: FileArgument = None,
    config: SameFileOption = None,
    given: SetOption = None,
    auto_ports: AutoPortsOption = False,
    pcap: PcapOption = None,
    ready_file: ReadyFileOption = None,
    log_level: LogOption = "info",
    log: LogFormOption = "text",
) -> None:
    """Run the mediator alone, against a switch.

    The switch is that of [ssh], and its host_key must be pinned.

    Example: sorm-mediator gateway mediator.toml
    """
    box = _needed(file, config, "gateway")
    _run(box, "gateway", (log_level, log), given, auto_ports=auto_ports, pcap=pcap, ready_file=ready_file)


def switch(
    file: FileArgument = None,
    config: SameFileOption = None,
    given: SetOption = None,
    auto_ports: AutoPortsOption = False,
    pcap: PcapOption = None,
    ready_file: ReadyFileOption = None,
    log_level: LogOption = "info",
    log: LogFormOption = "text",
) -> None:
    """Run the emulated switch alone.

    The ready line also has its public host key.

    Example: sorm-mediator switch switch.toml
    """
    box = _needed(file, config, "switch")
    _run(box, "switch", (log_level, log), given, auto_ports=auto_ports, pcap=pcap, ready_file=ready_file)


def _needed(file: Path | None, option: Path | None, command: str) -> Path:
    """The lab file, without which a box alone can't run."""
    found = the_one(file, option)
    if found is None:
        raise typer.BadParameter(f"which lab file? sorm-mediator {command} FILE")
    return found


def _run(
    path: Path | None,
    boxes: Boxes,
    log: tuple[str, Form],
    given: list[str] | None,
    *,
    auto_ports: bool,
    pcap: Path | None,
    ready_file: Path | None,
) -> None:
    """Start the boxes, print the ready line, and wait for SIGTERM or Ctrl-C."""
    import asyncio

    from sorm_mediator.cli import loops
    from sorm_mediator.cli.logs import set_up_logging
    from sorm_mediator.cli.running import run
    from sorm_mediator.errors import BoxError
    from sorm_mediator.lab.targets import runs_already, web_url

    set_up_logging(*log, "mediator" if boxes == "gateway" else boxes)
    config, name = load_lab(path, given or (), auto_ports=auto_ports)
    with located_in(config):
        try:
            loops.run(run(config, boxes, name, _capture(pcap), str(pcap), ready_file))
        except BoxError as error:
            if not asyncio.run(runs_already(config)):
                raise
            raise BoxError(f"{error}; this lab runs already: its web is {web_url(config)}") from None


def _capture(pcap: Path | None) -> int | None:
    """Where a capture goes, before anything is printed."""
    from sorm_mediator.capture.output import OutputError, open_output

    try:
        return None if pcap is None else open_output(pcap)
    except OutputError as error:
        fail(f"--pcap: {error}")
