"""The commands around a dialogue of others: ``pcap2scenario`` and ``tap``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sorm_mediator.cli.common import JsonLinesOption, PcapOption, ReadyFileOption, usage_errors


def pcap2scenario(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What decode reads: pcap, pcapng, hex; - is stdin.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT.yaml", help="The scenario; - is stdout.")
    ] = Path("-"),
    config: Annotated[
        Path | None,
        typer.Option(
            "-c", "--config", metavar="LAB", help="The lab to replay it in: its order, octet orders, calls."
        ),
    ] = None,
    calls: Annotated[
        str,
        typer.Option(
            "--calls", metavar="DOMAIN", help="Make a call of this domain where events of one begin."
        ),
    ] = "",
    real_time: Annotated[
        bool, typer.Option("--real-time", help="Keep the pauses, in which nothing may come.")
    ] = False,
    channel: Annotated[
        str, typer.Option(help="auto, kpd1 or kpd2: the units of one channel alone.")
    ] = "auto",
    script: Annotated[
        str,
        typer.Option("--script", metavar="NAME", help="Of a capture of several scripts of replay: this one."),
    ] = "",
    console: Annotated[
        int | None,
        typer.Option(
            "--console",
            metavar="N",
            min=1,
            help="Of several consoles at the same time: this one, from 1.",
        ),
    ] = None,
    order: Annotated[str, typer.Option(metavar="<268|70>", help="By default that of -c, else 268.")] = "",
    object_byte_order: Annotated[
        str, typer.Option(help="Of object numbers: little or big; by default that of -c, else little.")
    ] = "",
) -> None:
    """Make a scenario of a capture.

    It holds what the console sent, what was answered, and the events. Passwords become variables. Calls come
    from call reports in the capture; without them, a comment says where a call has to be made, or --calls makes
    it.

    Example: sorm-mediator pcap2scenario run.pcapng -c captures/labs/minimal.toml --calls test.domain -o again.yaml
    """
    from dataclasses import replace

    from sorm_mediator import config as lab_files
    from sorm_mediator.config import Config
    from sorm_mediator.console.errors import check_choice, check_folders
    from sorm_mediator.replay.from_capture import STDIO, CaptureSettings, run_pcap2scenario
    from sorm_mediator.replay.transcript import lab_beside

    with usage_errors():
        check_choice("--channel", channel, ("auto", "kpd1", "kpd2"))
        check_choice("--order", order, ("", "268", "70"))
        check_choice("--object-byte-order", object_byte_order, ("", "little", "big"))
        if output != STDIO:
            check_folders({"-o": output})
    lab = lab_files.load(config) if config is not None else Config()
    options = lab.mediator.codec_options
    given: dict[str, Any] = {"order": order, "object_byte_order": object_byte_order}
    options = replace(options, **{key: value for key, value in given.items() if value})
    settings = CaptureSettings(
        file=file, output=output, options=options, channel=channel,
        lab="" if config is None else lab_beside(config, output), calls=calls, real_time=real_time,
        script=script, console=console or 0,
        trunks={} if lab.switch is None else {
            trunk.number: trunk.name for domain in lab.switch.domains for trunk in domain.trunks
        },
    )  # fmt: skip
    raise typer.Exit(run_pcap2scenario(settings))


def tap(
    listen_kpd1: Annotated[
        str,
        typer.Option("--listen-kpd1", metavar="[HOST:]PORT", help="Where the console connects; 0: any port."),
    ] = "127.0.0.1:0",
    listen_kpd2: Annotated[
        str, typer.Option("--listen-kpd2", metavar="[HOST:]PORT", help="The same, for KPD2.")
    ] = "127.0.0.1:0",
    kpd1: Annotated[
        str,
        typer.Option(
            "--kpd1",
            metavar="[HOST:]PORT",
            help="KPD1 of the mediator; by default that of -c, else port 1001.",
        ),
    ] = "",
    kpd2: Annotated[
        str,
        typer.Option(
            "--kpd2",
            metavar="[HOST:]PORT",
            help="KPD2 of the mediator; by default that of -c, else port 1002.",
        ),
    ] = "",
    config: Annotated[
        Path | None,
        typer.Option(
            "-c", "--config", metavar="LAB", help="The mediator's lab file: addresses, order, octet orders."
        ),
    ] = None,
    pcap: PcapOption = None,
    record: Annotated[
        Path | None,
        typer.Option("--record", metavar="OUT.yaml", help="At the end, write what crossed as a scenario."),
    ] = None,
    calls: Annotated[
        str, typer.Option("--calls", metavar="DOMAIN", help="With --record: as in pcap2scenario.")
    ] = "",
    spoil: Annotated[
        list[str] | None,
        typer.Option(
            "--spoil",
            metavar="RULE",
            help="drop, duplicate, cut, delay=SECONDS, corrupt[=OCTET] or replace=HEX, with filters channel=, "
            "direction=, name=, nth=, p=; repeatable.",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Repeat the chance of another run, whose ready line has it.")
    ] = None,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Listen beyond loopback; console.allow of -c holds.")
    ] = False,
    connections: Annotated[
        int, typer.Option("--connections", min=1, max=1000, help="Connections of one channel at a time.")
    ] = 16,
    ready_file: ReadyFileOption = None,
    as_json: JsonLinesOption = False,
) -> None:
    """Stand between a console and a mediator.

    It shows every unit, records it, and spoils some on demand. Octets are passed unchanged and at once. When
    ready it prints one line {"ready": true, "endpoints": {...}}; Ctrl-C or SIGTERM stop it with 0, or with 3
    when consoles came and the mediator was never reached.

    Example: sorm-mediator tap --listen-kpd1 127.0.0.1:2001 --listen-kpd2 127.0.0.1:2002 -c mylab/lab.toml

    Example: sorm-mediator tap -c mylab/lab.toml --pcap run.pcapng --spoil drop,name=answer,nth=2
    """
    from sorm_mediator.tap.session import TapSettings, run_tap

    with usage_errors():
        settings = TapSettings(
            listen_kpd1=listen_kpd1, listen_kpd2=listen_kpd2, kpd1=kpd1, kpd2=kpd2, config=config, pcap=pcap,
            record=record, calls=calls, as_json=as_json, spoil=tuple(spoil or ()), seed=seed,
            allow_remote=allow_remote, connections=connections, ready_file=ready_file,
        )  # fmt: skip
        raise typer.Exit(run_tap(settings))
