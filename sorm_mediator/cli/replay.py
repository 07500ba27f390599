"""``sorm-mediator replay``: runs scenarios (YAML) and the vendor tester's scripts (JSON) as a console."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sorm_mediator.cli.output import echo


def replay(
    scripts: Annotated[
        list[Path], typer.Argument(metavar="SCRIPT...", help="Scenarios (.yaml) or vendor scripts (.json).")
    ],
    host: Annotated[
        str,
        typer.Option("--host", help="A mediator that is running; without it, the script's lab is started."),
    ] = "",
    kpd1: Annotated[int, typer.Option("--kpd1", min=1, max=65535, help="Port of KPD1.")] = 1001,
    kpd2: Annotated[int, typer.Option("--kpd2", min=1, max=65535, help="Port of KPD2.")] = 1002,
    web: Annotated[
        str, typer.Option("--web", metavar="URL", help="The web of the running lab, which makes the calls.")
    ] = "",
    link: Annotated[
        str,
        typer.Option(
            "--link",
            help="How the console is connected: tcp, x25 (the lines of [[e1]]: X.25 over SAToP, ttys or TCP), or "
            "tcp+e1 (tcp, and the speech in the streams of [[e1]]); by default as the lab says, or as the script needs "
            "it.",
        ),
    ] = "",
    config: Annotated[
        Path | None,
        typer.Option(
            "-c",
            "--config",
            metavar="LAB",
            help="Lab file: with --host, what it says of the mediator (password, order, options); "
            "without, the lab for scripts that name none.",
        ),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write a JUnit report.")
    ] = None,
    pcap: Annotated[
        Path | None, typer.Option("--pcap", metavar="FILE", help="Write what crossed as pcapng.")
    ] = None,
    keep_going: Annotated[bool, typer.Option("--keep-going", help="Go on after a failed step.")] = False,
    object_byte_order: Annotated[
        str,
        typer.Option(
            help="Of object numbers: little or big; by default the lab's, and big in vendor scripts."
        ),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")] = False,
    lang: Annotated[str, typer.Option("--lang", help="Language of what is shown: en or ru.")] = "en",
    log_level: Annotated[
        str, typer.Option("--log-level", help="debug, info, warning or error; logs of the lab go to stderr.")
    ] = "error",
) -> None:
    """Run scripts as a console and check every answer; print each step with bytes, meaning and time.

    Exit code 0 when every expectation held, 1 when one failed, 2 for a mistake in a script, 3 when the mediator
    can't be reached.

    Example: sorm-mediator replay captures/scenarios/events.yaml --junit report.xml
    """
    from sorm_mediator.cli.logs import set_up_logging
    from sorm_mediator.console.session import Settings, UsageError, run_scripts

    set_up_logging(log_level)
    try:
        settings = Settings(
            scripts=tuple(scripts),
            host=host,
            kpd1=kpd1,
            kpd2=kpd2,
            web=web,
            link=link,
            config=config,
            junit=junit,
            pcap=pcap,
            keep_going=keep_going,
            object_byte_order=object_byte_order,
            as_json=as_json,
            lang=lang,
        )
        code = run_scripts(settings)
    except UsageError as error:
        echo(f"sorm-mediator: {error}", err=True)
        raise typer.Exit(2) from None
    raise typer.Exit(code)
