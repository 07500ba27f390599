"""The commands that are a console: ``replay``, ``acceptance`` and ``conformance``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from sorm_mediator.cli import common
from sorm_mediator.cli.common import (
    JsonFileOption,
    JsonLinesOption,
    JunitOption,
    LangText,
    LinkOption,
    LogText,
    ReportOption,
    usage_errors,
)

Kpd1Option = Annotated[
    str,
    typer.Option(
        metavar="[HOST:]PORT", help="KPD1: its port, or host and port as the ready line shows them."
    ),
]
Kpd2Option = Annotated[str, typer.Option(metavar="[HOST:]PORT", help="The same, for KPD2.")]
WebOption = Annotated[
    str, typer.Option(metavar="URL", help="The web of the running lab, which makes the calls.")
]


def replay(  # long by its options, each with its help
    scripts: Annotated[
        list[Path],
        typer.Argument(
            metavar="SCRIPT...",
            help="Scenarios (.yaml), vendor scripts (.json), folders of them, or - for stdin.",
        ),
    ],
    host: Annotated[
        str, typer.Option(help="A mediator that is running; without it, the script's lab is started.")
    ] = "",
    kpd1: common.Kpd1Option = "",
    kpd2: common.Kpd2Option = "",
    web: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="With --host: the web of the lab, which makes the calls; by default that of -c.",
        ),
    ] = "",
    link: LinkOption = "",
    config: Annotated[
        Path | None,
        typer.Option(
            "-c",
            "--config",
            metavar="LAB",
            help="Lab file: with --host, what it says of the mediator (ports, web, password, order, options); "
            "without, the lab for scripts that name none.",
        ),
    ] = None,
    junit: JunitOption = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="OUT.html", help="Write a page with a ladder of every script, printable."),
    ] = None,
    pcap: common.PcapOption = None,
    keep_going: Annotated[bool, typer.Option("--keep-going", help="Go on after a failed step.")] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Show only failed steps and the summary.")
    ] = False,
    keyword: Annotated[
        str, typer.Option("-k", metavar="TEXT", help="Only scripts with this in their path or name.")
    ] = "",
    var: Annotated[
        list[str] | None,
        typer.Option(
            "--var", metavar="NAME=VALUE", help="Another value of a scenario's variable; repeatable."
        ),
    ] = None,
    repeat: Annotated[int, typer.Option(min=1, metavar="N", help="Run every script N times.")] = 1,
    jobs: Annotated[
        int,
        typer.Option(
            "-j", "--jobs", min=1, max=64, metavar="N", help="Scripts at once, each in its own lab."
        ),
    ] = 1,
    check: Annotated[
        bool, typer.Option("--check", help="Only read the scripts and their labs, and tell every mistake.")
    ] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Warnings are mistakes: a scenario that expects nothing, a file without a name that nothing includes.",
        ),
    ] = False,
    list_: Annotated[
        bool, typer.Option("--list", help="Only list the scripts, with their count of steps.")
    ] = False,
    object_byte_order: Annotated[
        str,
        typer.Option(
            metavar="<little|big>",
            help="Of object numbers; by default the lab's, and big in vendor scripts.",
        ),
    ] = "",
    as_json: JsonLinesOption = False,
    lang: LangText = "en",
    log_level: LogText = "error",
    log: common.LogFormOption = "text",
) -> None:
    """Run scripts as a console and check every answer.

    Each step is printed with octets, meaning and time. Exit code 0 when every command succeeded and every
    expectation held, 1 when not, 2 for a mistake in a script, 3 when the mediator can't be reached, 130 when
    interrupted.

    Example: sorm-mediator replay captures/scenarios/events.yaml --junit report.xml

    Example: sorm-mediator replay tests/ -k number -j 4 -q
    """
    from sorm_mediator.cli.logs import set_up_logging
    from sorm_mediator.replay.session import ReplaySettings, read_variables, run_scripts

    set_up_logging(log_level, log)
    with usage_errors():
        settings = ReplaySettings(
            scripts=tuple(scripts), **common.reached(host, kpd1, kpd2, web)._asdict(), link=link, config=config,
            junit=junit, report=report, pcap=pcap, keep_going=keep_going, object_byte_order=object_byte_order,
            as_json=as_json,
            lang=lang, quiet=quiet, keyword=keyword, variables=read_variables(var or ()),
            written={name: text for name, _, text in (one.partition("=") for one in var or ())},
            repeat=repeat, jobs=jobs, check=check, strict=strict, list=list_,
        )  # fmt: skip
        raise typer.Exit(run_scripts(settings))


def acceptance(
    config: Annotated[
        Path,
        typer.Option(
            "-c", "--config", metavar="FILE", help="The lab file; its [acceptance] is what was agreed."
        ),
    ],
    report: ReportOption = None,
    as_json: JsonFileOption = "",
    junit: JunitOption = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND", help="own, local, intercity, international, emergency; may be repeated."
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="A mediator that is running; without it, the lab of the file is started.")
    ] = "",
    kpd1: Kpd1Option = "1001",
    kpd2: Kpd2Option = "1002",
    web: Annotated[
        str, typer.Option(metavar="URL", help="With --host: the web of the switch, which makes the calls.")
    ] = "",
    lang: LangText = "en",
    log_level: LogText = "error",
    log: common.LogFormOption = "text",
) -> None:
    """Check the number formats before a node is handed over.

    Is every kind of number under control, and shown, as it was agreed? Five kinds of subscriber, incoming and
    outgoing, by every operator: command 5, a call, its events compared. Exit code 0 when every check passed, 1 when
    one failed, 2 for a mistake in the lab file, 3 when the mediator can't be reached.

    Example: sorm-mediator acceptance -c captures/labs/acceptance.toml --report acceptance.html
    """
    from sorm_mediator.acceptance.session import AcceptanceSettings, run_acceptance
    from sorm_mediator.cli.logs import set_up_logging

    set_up_logging(log_level, log)
    with usage_errors():
        settings = AcceptanceSettings(
            config=config, report=report, json=as_json, junit=junit, only=tuple(only or ()), lang=lang,
            **common.reached(host, kpd1, kpd2, web)._asdict(),
        )  # fmt: skip
        raise typer.Exit(run_acceptance(settings))


def conformance(  # long by its options, each with its help  # nosec B107 # names of variables
    config: Annotated[
        Path | None,
        typer.Option(
            "-c",
            "--config",
            metavar="LAB",
            help="Lab file: it is started and examined; with --host, what it says of the mediator.",
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="A mediator that is running.")] = "",
    kpd1: Kpd1Option = "1001",
    kpd2: Kpd2Option = "1002",
    link: LinkOption = "",
    profile: Annotated[
        str,
        typer.Option(
            metavar="<order|eltex>",
            help="order: what differs fails; eltex: what its options allow is a deviation. By default that of the "
            "lab with -c, else order.",
        ),
    ] = "",
    clauses: Annotated[
        str | None, typer.Option(metavar="LIST", help="Only these, such as 6.5,7 or 6.5.6-1.")
    ] = None,
    calls: Annotated[
        str,
        typer.Option(
            metavar="HOW",
            help="Who makes calls: http (the emulated switch), hook:COMMAND, ask (the operator), none. COMMAND is run "
            "for each call with {a} {b} {outcome} {ring} {talk} {trunk} filled in and SORM_CALL (JSON) in its "
            "environment: docs/conformance.md.",
        ),
    ] = "",
    web: WebOption = "",
    domain: Annotated[str, typer.Option(help="Domain of the emulated switch for --web.")] = "",
    own: Annotated[str, typer.Option(metavar="LIST", help="Subscribers of the node: 28331,28332,...")] = "",
    network: Annotated[
        str,
        typer.Option(
            metavar="DIALLED[/CONTROLLED]",
            help="A number of the network; as it is put under control where that differs.",
        ),
    ] = "",
    caller: Annotated[str, typer.Option(help="A number of the network that calls in.")] = "",
    trunk: Annotated[str, typer.Option(metavar="NUMBER[=NAME]", help="The trunk by which it calls in.")] = "",
    order: Annotated[
        str, typer.Option(metavar="<268|70>", help="The order of the messages; by default as the lab says.")
    ] = "",
    orm_number: Annotated[
        int | None, typer.Option(min=0, max=255, help="Number of the technical means.")
    ] = None,
    password_env: Annotated[
        str, typer.Option(metavar="NAME", help="Variable of the environment with the password.")
    ] = "SORM_PASSWORD",  # noqa: S107 - the name of a variable
    first_password_env: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Variable with the first password, which holds after a stop, where it is another one.",
        ),
    ] = "SORM_FIRST_PASSWORD",  # noqa: S107 - the name of a variable
    ask_password: Annotated[bool, typer.Option("--ask-password", help="Ask for the password.")] = False,
    errors: Annotated[
        str,
        typer.Option(metavar="<order|extended|any>", help="Codes that are accepted; extended: the vendor's."),
    ] = "any",
    timing: Annotated[
        str,
        typer.Option(
            metavar="<judge|report>", help="judge: what is late fails; report: times are told only."
        ),
    ] = "judge",
    may_stop: Annotated[
        bool,
        typer.Option(
            "--may-stop", help="Stop technical means that were found running; their tables are put back."
        ),
    ] = False,
    slow: Annotated[bool, typer.Option("--slow", help="Also what takes 10 minutes.")] = False,
    within: Annotated[float, typer.Option(help="Seconds until an answer counts as missing.")] = 5.0,
    report: ReportOption = None,
    as_json: JsonFileOption = "",
    junit: JunitOption = None,
    lang: LangText = "en",
    log_level: LogText = "error",
    log: common.LogFormOption = "text",
) -> None:
    """Examine a mediator clause by clause of order 268.

    It may be ours or any other. Exit code 0 when no check failed, 1 when one did or nothing was tested, 2 for wrong
    usage, 3 when the mediator or the web can't be reached, 130 when interrupted.

    Example: sorm-mediator conformance -c captures/labs/order268.toml --report conformance.html
    """
    from sorm_mediator.cli.logs import set_up_logging
    from sorm_mediator.conformance.session import ConformanceSettings, run_conformance

    set_up_logging(log_level, log)
    password = os.environ.get(password_env, "")
    if ask_password:
        password = typer.prompt("Password", hide_input=True, err=True)
    with usage_errors():
        settings = ConformanceSettings(
            config=config, **common.reached(host, kpd1, kpd2, web)._asdict(), link=link, profile=profile,
            clauses=_clauses(clauses), calls=calls, domain=domain, own=listed(own), network=network,
            caller=caller, trunk=trunk, order=order, orm_number=orm_number, password=password,
            first_password=os.environ.get(first_password_env, ""), errors=errors,
            timing=timing, may_stop=may_stop, slow=slow, within=within, report=report, json=as_json, junit=junit,
            lang=lang,
        )  # fmt: skip
        raise typer.Exit(run_conformance(settings))


def _clauses(text: str | None) -> tuple[str, ...]:
    from sorm_mediator.console.errors import UsageError

    if text is not None and not listed(text):
        raise UsageError(f"--clauses: {text!r} is not allowed: such as 6.5,7 or 6.5.6-1")
    return listed(text or "")


def listed(text: str) -> tuple[str, ...]:
    """The parts between commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
