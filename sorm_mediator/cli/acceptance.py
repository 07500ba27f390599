"""``sorm-mediator acceptance``: the matrix of number formats that a node is checked by before it is handed over."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sorm_mediator.cli.output import echo


def acceptance(
    config: Annotated[
        Path,
        typer.Option(
            "-c", "--config", metavar="FILE", help="The lab file; its [acceptance] is what was agreed."
        ),
    ],
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="OUT.html", help="Write the report for people, printable."),
    ] = None,
    as_json: Annotated[
        str,
        typer.Option(
            "--json", metavar="OUT.json", help="Write it for programs; - is stdout, with nothing else there."
        ),
    ] = "",
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="OUT.xml", help="Write a JUnit report.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", metavar="KIND", help="own, local, intercity, international, emergency; may be repeated."
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            "--host", help="A mediator that is running; without it, the lab of the file is started."
        ),
    ] = "",
    kpd1: Annotated[int, typer.Option("--kpd1", min=1, max=65535, help="Port of KPD1.")] = 1001,
    kpd2: Annotated[int, typer.Option("--kpd2", min=1, max=65535, help="Port of KPD2.")] = 1002,
    web: Annotated[
        str,
        typer.Option(
            "--web", metavar="URL", help="With --host: the web of the switch, which makes the calls."
        ),
    ] = "",
    lang: Annotated[str, typer.Option("--lang", help="Language of what is shown: en or ru.")] = "en",
    log_level: Annotated[
        str, typer.Option("--log-level", help="debug, info, warning or error; logs of the lab go to stderr.")
    ] = "error",
) -> None:
    """Check before handing a node over: is every kind of number under control, and shown, as it was agreed?

    Five kinds of subscriber, incoming and outgoing, by every operator: command 5, a call, its events compared.
    Exit code 0 when every check passed, 1 when one failed, 2 for a mistake in the lab file, 3 when the mediator can't
    be reached.

    Example: sorm-mediator acceptance -c captures/labs/acceptance.toml --report acceptance.html
    """
    from sorm_mediator.acceptance.session import Settings, run_acceptance
    from sorm_mediator.cli.logs import set_up_logging
    from sorm_mediator.console.session import UsageError

    set_up_logging(log_level)
    try:
        settings = Settings(
            config=config,
            report=report,
            json=as_json,
            junit=junit,
            only=tuple(only or ()),
            host=host,
            kpd1=kpd1,
            kpd2=kpd2,
            web=web,
            lang=lang,
        )
        code = run_acceptance(settings)
    except UsageError as error:
        echo(f"sorm-mediator: {error}", err=True)
        raise typer.Exit(2) from None
    raise typer.Exit(code)
