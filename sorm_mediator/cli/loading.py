"""The command that drives a mediator as hard as is wanted: ``load``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sorm_mediator.cli import common
from sorm_mediator.cli.common import (
    JsonFileOption,
    JunitOption,
    LangText,
    LogText,
    PicturesOption,
    PlotOption,
    usage_errors,
)


def load(  # long by its options, each with its help
    calls: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="How many calls; by default as many as --duration has."),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="R",
            help="Calls a second, each when it is due; by default 10, via http half of what the subscribers take.",
        ),
    ] = None,
    objects: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="M",
            help="Objects under control, called in turn; by default 100, via http all subscribers.",
        ),
    ] = None,
    duration: Annotated[
        str, typer.Option(metavar="TIME", help="How long calls begin; by default 10s, of a ramp 5s a step.")
    ] = "",
    ramp: Annotated[
        str,
        typer.Option(
            metavar="FROM:TO:STEP", help="Rates one after another, until the mediator falls behind: the knee."
        ),
    ] = "",
    via: Annotated[
        str,
        typer.Option(
            metavar="<http|radius>",
            help="Who makes the calls: the emulated switch; or reports straight to the mediator, for rates that the "
            "switch can't make.",
        ),
    ] = "http",
    ring: Annotated[str, typer.Option(metavar="TIME", help="From a call's begin to its answer.")] = "100ms",
    talk: Annotated[str, typer.Option(metavar="TIME", help="From the answer to the release.")] = "200ms",
    commands: Annotated[
        float,
        typer.Option(
            min=0,
            max=100,
            metavar="R",
            help="Commands a second beside the calls, 27h and 28h measured; 0: none.",
        ),
    ] = 5.0,
    processes: Annotated[
        int, typer.Option(min=1, max=64, metavar="N", help="Processes of the generator.")
    ] = 1,
    max_event_p50: Annotated[str, typer.Option(metavar="TIME", help="Limit: the median of events.")] = "",
    max_event_p99: Annotated[
        str, typer.Option(metavar="TIME", help="Limit: 99 % of events, such as 200ms or 0.2s.")
    ] = "",
    max_event_max: Annotated[str, typer.Option(metavar="TIME", help="Limit: the slowest event.")] = "",
    max_27h_p99: Annotated[
        str, typer.Option("--max-27h-p99", metavar="TIME", help="Limit: 99 % of 27h.")
    ] = "",
    max_28h_p99: Annotated[
        str, typer.Option("--max-28h-p99", metavar="TIME", help="Limit: 99 % of 28h.")
    ] = "",
    max_lost: Annotated[str, typer.Option(metavar="N", help="Limit: events that did not come; 0.")] = "",
    max_doubled: Annotated[str, typer.Option(metavar="N", help="Limit: events that came twice; 0.")] = "",
    max_misordered: Annotated[str, typer.Option(metavar="N", help="Limit: events out of order; 0.")] = "",
    max_wrong: Annotated[str, typer.Option(metavar="N", help="Limit: events with wrong numbers; 0.")] = "",
    max_unconfirmed: Annotated[
        str, typer.Option(metavar="N", help="Limit: reports and calls that were not confirmed; 0.")
    ] = "",
    max_refused: Annotated[
        str, typer.Option(metavar="N", help="Limit: commands refused or not answered; 0.")
    ] = "",
    min_rate: Annotated[
        str, typer.Option(metavar="R", help="Limit: calls a second that came through whole.")
    ] = "",
    min_knee: Annotated[str, typer.Option(metavar="R", help="Limit: the knee of --ramp.")] = "",
    host: Annotated[
        str, typer.Option(help="Address of a running mediator; by default that of -c, else 127.0.0.1.")
    ] = "",
    kpd1: common.Kpd1Option = "",
    kpd2: common.Kpd2Option = "",
    web: Annotated[
        str,
        typer.Option(metavar="URL", help="The web of the lab, which makes the calls; by default that of -c."),
    ] = "",
    radius: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT",
            help="With --via radius: where reports go; by default as -c says. Its secret is that of -c, or "
            "SORM_RADIUS_SECRET.",
        ),
    ] = "",
    domain: Annotated[str, typer.Option(help="Domain of the calls; by default the mediator's.")] = "",
    first_object: Annotated[
        int, typer.Option(min=1, max=65_000, metavar="N", help="Number of the first object.")
    ] = 10_001,
    config: Annotated[
        Path | None,
        typer.Option(
            "-c",
            "--config",
            metavar="LAB",
            help="The lab file: if its lab runs it is driven, else it is started, with tables of its own.",
        ),
    ] = None,
    report: PicturesOption = None,
    plot: PlotOption = None,
    as_json: JsonFileOption = "",
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a JUnit report, a case for each limit.")
    ] = None,
    lang: LangText = "en",
    log_level: LogText = "error",
    log: common.LogFormOption = "text",
) -> None:
    """Make calls at a rate, and check and time every event.

    Latency counts from when a thing was due. An event that is lost, doubled, out of order or has wrong numbers is a
    failure, and so is every limit that is broken. Ctrl-C ends it with the report of what was measured until then. Exit
    code 0 when all was kept, 1 when not or when nothing was checked, 2 for wrong usage, 3 when the mediator can't be
    reached, 130 when interrupted.

    Example: sorm-mediator load -c captures/labs/laptop.toml --calls 20

    Example: sorm-mediator load -c captures/labs/laptop.toml --via radius --rate 500 --max-event-p99 200ms

    Example: sorm-mediator load -c captures/labs/laptop.toml --via radius --ramp 200:3000:200 --report load.html
    """
    from sorm_mediator.cli.logs import set_up_logging
    from sorm_mediator.console.errors import UsageError
    from sorm_mediator.load.session import LoadSettings, run_load

    set_up_logging(log_level, log)
    limits = {
        "--max-event-p50": max_event_p50, "--max-event-p99": max_event_p99, "--max-event-max": max_event_max,
        "--max-27h-p99": max_27h_p99, "--max-28h-p99": max_28h_p99, "--max-lost": max_lost,
        "--max-doubled": max_doubled, "--max-misordered": max_misordered, "--max-wrong": max_wrong,
        "--max-unconfirmed": max_unconfirmed, "--max-refused": max_refused, "--min-rate": min_rate,
        "--min-knee": min_knee,
    }  # fmt: skip
    with usage_errors(lang):
        if rate == 0:
            raise UsageError("--rate: 0 is not allowed: more than 0")
        settings = LoadSettings(
            config=config, **common.reached(host, kpd1, kpd2, web)._asdict(), radius=radius, via=via, calls=calls or 0,
            rate=rate or 0.0, duration=duration, ramp=ramp, objects=objects or 0, first_object=first_object,
            domain=domain, ring=ring, talk=talk, commands=commands, processes=processes, limits=limits,
            report=report, plot=plot, junit=junit, json=as_json, lang=lang,
        )  # fmt: skip
        raise typer.Exit(run_load(settings))


def soak(
    duration: Annotated[str, typer.Option(metavar="TIME", help="How long, such as 300s or 60min.")] = "60min",
    rate: Annotated[float, typer.Option(min=0, metavar="R", help="Calls a second.")] = 50.0,
    objects: Annotated[
        int, typer.Option(min=1, max=9000, metavar="M", help="Objects under control, beside the subscribers.")
    ] = 50,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PHASE", help="reports, calls, faults, reconnect, fuzz; repeatable; by default all."
        ),
    ] = None,
    phase: Annotated[str, typer.Option(metavar="TIME", help="Length of a phase.")] = "",
    sample: Annotated[str, typer.Option(metavar="TIME", help="From one sample to the next.")] = "",
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Repeats what comes by chance.")] = 0,
    findings: Annotated[
        Path, typer.Option(metavar="DIR", help="Where a folder for each finding of the fuzzer goes.")
    ] = Path("fuzz-findings"),
    config: Annotated[
        Path | None,
        typer.Option(
            "-c",
            "--config",
            metavar="LAB",
            help="This lab, as one process; by default a switch and a mediator of their own, each a process.",
        ),
    ] = None,
    report: PicturesOption = None,
    plot: PlotOption = None,
    as_json: JsonFileOption = "",
    junit: JunitOption = None,
    lang: LangText = "en",
    log_level: LogText = "error",
    log: common.LogFormOption = "text",
) -> None:
    """Run a lab for long, and look for leaks and losses.

    Load, faults and fuzzing take turns. Memory, descriptors, tasks and threads of each process are sampled. Exit code 0
    when none grows without end, no event was lost, every command was answered and no log has an error of the program;
    1 when not; 2 for wrong usage, 130 when interrupted, with the report of what was measured until then.

    Example: sorm-mediator soak --duration 300s --report soak.html
    """
    from sorm_mediator.cli.logs import set_up_logging
    from sorm_mediator.soak.session import SoakSettings, run_soak

    set_up_logging(log_level, log)
    with usage_errors(lang):
        settings = SoakSettings(
            config=config, duration=duration, rate=rate, objects=objects, only=tuple(only or ()), phase=phase,
            sample=sample, seed=seed, findings=findings, report=report, plot=plot, junit=junit, json=as_json, lang=lang,
        )  # fmt: skip
        raise typer.Exit(run_soak(settings))
