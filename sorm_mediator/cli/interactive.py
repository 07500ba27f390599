"""The commands for work by hand: ``console``, ``send``, ``watch`` and ``fault``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sorm_mediator.cli.common import (
    JsonLinesOption,
    JsonOption,
    Kpd1Option,
    Kpd2Option,
    LangText,
    LinkOption,
    reached,
    usage_errors,
)

if TYPE_CHECKING:
    from sorm_mediator.interactive.station import Where

HostOption = Annotated[
    str, typer.Option("--host", help="Address of the mediator; by default that of -c, else 127.0.0.1.")
]
WebOption = Annotated[
    str,
    typer.Option(
        "--web", metavar="URL", help="The web of the lab; by default that of -c, else http://127.0.0.1:8080."
    ),
]
LabOption = Annotated[
    Path | None,
    typer.Option(
        "-c", "--config", metavar="LAB", help="The mediator's lab file: addresses, password, order, options."
    ),
]
OctetsOption = Annotated[bool, typer.Option("-x", "--octets", help="Show every unit in hexadecimal too.")]
WithinOption = Annotated[
    float, typer.Option("--within", min=0, help="Seconds for the end of a command (order 268, 1.5: 15).")
]


def console(
    host: HostOption = "",
    kpd1: Kpd1Option = "",
    kpd2: Kpd2Option = "",
    web: WebOption = "",
    link: LinkOption = "",
    config: LabOption = None,
    octets: OctetsOption = False,
    details: Annotated[bool, typer.Option("--details", help="Show every field with its meaning.")] = False,
    within: WithinOption = 15.0,
    lang: LangText = "en",
) -> None:
    """Drive a mediator by hand, at a prompt.

    help lists the words; Tab completes names, fields and values. From a pipe, each line is carried out in turn: exit
    code 0 when all went well, 1 when a command failed, 2 for a line that can't be understood, 3 when the mediator can't
    be reached.

    Example: sorm-mediator console -c captures/labs/laptop.toml

    Example: echo 'get-version' | sorm-mediator console -x
    """
    from sorm_mediator.interactive.terminal import ConsoleSettings, run_console

    with usage_errors():
        settings = ConsoleSettings(
            where=_where(host, kpd1, kpd2, web, link, config, lang),
            octets=octets,
            details=details,
            within=within,
        )
        raise typer.Exit(run_console(settings))


def send(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="COMMAND [FIELD=VALUE]...", help="The command, or: raw HEX.", show_default=False
        ),
    ],
    host: HostOption = "",
    kpd1: Kpd1Option = "",
    kpd2: Kpd2Option = "",
    web: WebOption = "",
    link: LinkOption = "",
    config: LabOption = None,
    octets: OctetsOption = False,
    within: WithinOption = 15.0,
    as_json: JsonLinesOption = False,
    lang: LangText = "en",
) -> None:
    """Send one command and show its answers.

    Fields are those of docs/messages.md; one that is left out is "not given", or has the default that the console's
    help shows. Exit code 0 when the command was accepted and executed, 1 when not, 2 for wrong words, 3 when the
    mediator can't be reached.

    Example: sorm-mediator send add-object object_number=258 number=28331 category=statistical
    """
    from sorm_mediator.interactive.send import SendSettings, run_send

    with usage_errors():
        settings = SendSettings(
            where=_where(host, kpd1, kpd2, web, link, config, lang), words=tuple(words), octets=octets, within=within,
            as_json=as_json,
        )  # fmt: skip
        raise typer.Exit(run_send(settings))


def watch(
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            metavar="KIND",
            help="command, message, event, call, link, request, reply or a name such as release; repeatable.",
        ),
    ] = None,
    objects: Annotated[
        list[int] | None, typer.Option("--object", metavar="N", help="Object number; repeatable.")
    ] = None,
    calls: Annotated[
        list[int] | None, typer.Option("--call", metavar="N", help="Call number; repeatable.")
    ] = None,
    web: WebOption = "",
    config: LabOption = None,
    as_json: JsonLinesOption = False,
    lang: LangText = "en",
) -> None:
    """Show every unit that crosses a mediator, a line each.

    Ctrl-C ends it. The mediator's web tells them, so its console stays connected. Filters of different options hold
    together.

    Example: sorm-mediator watch --kind event --object 258
    """
    from sorm_mediator.interactive.watch import WatchSettings, run_watch

    with usage_errors():
        settings = WatchSettings(
            where=_where("", "", "", web, "", config, lang), kinds=tuple(kind or ()), objects=tuple(objects or ()),
            calls=tuple(calls or ()), as_json=as_json,
        )  # fmt: skip
        raise typer.Exit(run_watch(settings))


def fault(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[LINK ACTION [KEY=VALUE]...]",
            help="ssh, radius, kpd1 or kpd2; drop, delay, duplicate, reorder, cut, restart or clear. "
            "Or: clear [NUMBER].",
            show_default=False,
        ),
    ] = None,
    web: WebOption = "",
    config: LabOption = None,
    as_json: JsonOption = False,
    lang: LangText = "en",
) -> None:
    """Break a link of a running lab, on purpose.

    Without words the active faults are listed, with what they have done. A fault acts at once, until it ends by itself
    (for=SECONDS, count=UNITS) or is cleared. Keys: for, share, count, seconds, jitter, copies, direction, pair,
    address, domain, seed (docs/faults.md). Exit code 0 when it is done, 1 when the lab refuses, 2 for wrong words, 3
    when the lab can't be reached.

    Example: sorm-mediator fault ssh cut for=2

    Example: sorm-mediator fault radius drop direction=to-switch count=3

    Example: sorm-mediator fault kpd2 delay seconds=0.5 jitter=0.1 -c captures/labs/laptop.toml

    Example: sorm-mediator fault clear
    """
    from sorm_mediator.interactive.fault import FaultSettings, run_fault

    with usage_errors():
        where = _where("", "", "", web, "", config, lang)
        raise typer.Exit(run_fault(FaultSettings(where=where, words=tuple(words or ()), as_json=as_json)))


def _where(host: str, kpd1: str, kpd2: str, web: str, link: str, config: Path | None, lang: str) -> Where:
    from sorm_mediator.interactive.station import Where

    return Where(**reached(host, kpd1, kpd2, web)._asdict(), link=link, config=config, lang=lang)
