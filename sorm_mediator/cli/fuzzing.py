"""The command ``fuzz``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from sorm_mediator.cli.common import JsonOption, JunitOption, LangText, usage_errors
from sorm_mediator.cli.runs import listed
from sorm_mediator.texts import as_list


def fuzz(  # long by its options, each with its help
    target: Annotated[
        str,
        typer.Option(
            metavar="<codec|parsers|HOST:PORT|LAB>",
            help="codec: the units of the order; parsers: whatever reads text and files; HOST:PORT: KPD1 of a mediator "
            "that runs; a lab file: its lab is started, or joined where it runs.",
        ),
    ] = "codec",
    seconds: Annotated[
        float | None, typer.Option(metavar="N", help="End after so many seconds; 60 without --units.")
    ] = None,
    units: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="End after so many inputs; of a mediator: rounds."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="S", help="Makes the inputs of an earlier run again; by default another."),
    ] = None,
    corpus: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where inputs that reached something new are kept between runs; by default "
            "~/.cache/sorm-mediator/fuzz.",
        ),
    ] = None,
    no_corpus: Annotated[
        bool, typer.Option("--no-corpus", help="Neither read a corpus nor keep one.")
    ] = False,
    findings: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Where a folder for each finding goes. Those in it are tried first."
        ),
    ] = Path("fuzz-findings"),
    again: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Try the input of this finding alone.")
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=64, metavar="N", help="Processes that share the work.")
    ] = 1,
    config: Annotated[
        Path | None,
        typer.Option(
            "-c", "--config", metavar="LAB", help="With HOST:PORT: the lab file that describes the mediator."
        ),
    ] = None,
    kpd2: Annotated[str, typer.Option(metavar="[HOST:]PORT", help="With HOST:PORT: KPD2.")] = "",
    ssh: Annotated[
        str, typer.Option(metavar="[HOST:]PORT", help="The switch's SSH port, which is fuzzed too.")
    ] = "",
    between: Annotated[
        str,
        typer.Option(
            metavar="[HOST:]PORT",
            help="Where the mediator logs in to its switch: this listens there, passes on to --ssh and spoils answers.",
        ),
    ] = "",
    between_key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The host key that it shows there, which the mediator has pinned; a missing file is made.",
        ),
    ] = None,
    radius: Annotated[
        str, typer.Option(metavar="[HOST:]PORT", help="The mediator's accounting sink, which is fuzzed too.")
    ] = "",
    web: Annotated[
        str,
        typer.Option(
            metavar="[HOST:]PORT",
            help="The web, which is fuzzed too; it makes the calls that are checked after each round.",
        ),
    ] = "",
    ready_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="With a lab file: join the lab that has written it, with its ports."
        ),
    ] = None,
    log_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The log of a mediator that runs: searched for traces and secrets."
        ),
    ] = None,
    surfaces: Annotated[
        str,
        typer.Option(
            metavar="LIST", help="Some of kpd,e1,ssh,switch,radius,http,clock; by default all there are."
        ),
    ] = "",
    patience: Annotated[
        float, typer.Option(metavar="X", help="Multiplies the limits of time, for a busy machine.")
    ] = 1.0,
    junit: JunitOption = None,
    as_json: JsonOption = False,
    lang: LangText = "en",
) -> None:
    """Try inputs that nobody would write.

    What must hold for all of them is checked. Of a mediator, every way in is tried, in rounds of some actions; after
    each a console that behaves well must get its answers and the events of a call in time: docs/fuzz-live.md.

    Each fault is made as small as it gets and written to a folder: octets, a scenario for replay, a capture, and the
    command that finds it again. The same seed makes the same inputs. Exit code 0 when every check holds, 1 when one
    does not, 2 for wrong usage, 3 when the mediator can't be reached, 130 when interrupted.

    Example: sorm-mediator fuzz --target codec --seconds 300 --junit fuzz.xml

    Example: sorm-mediator fuzz --target captures/labs/laptop.toml --seconds 300

    Example: sorm-mediator fuzz --target codec --again fuzz-findings/hang-8cdbc9a672
    """
    from sorm_mediator.fuzz.session import TARGETS, FuzzSettings, run_fuzz

    with usage_errors():
        of_live = {
            "--config": config, "--kpd2": kpd2, "--ssh": ssh, "--radius": radius, "--web": web,
            "--between": between, "--between-key": between_key,
            "--ready-file": ready_file, "--log-file": log_file, "--surfaces": surfaces,
            "--patience": patience != 1.0,
        }  # fmt: skip
        of_codec = {"--corpus": corpus, "--no-corpus": no_corpus, "--workers": workers > 1}
        is_live = target not in TARGETS
        _none_of(of_codec if is_live else of_live, target, TARGETS if is_live else ("a running mediator",))
        if is_live:
            from sorm_mediator.fuzz.live.session import LiveSettings, run_live

            live = LiveSettings(
                target=target, config=config, ready_file=ready_file, kpd2=kpd2, ssh=ssh, radius=radius, web=web,
                link=between, link_key=between_key, log_file=log_file, seed=seed, seconds=seconds, rounds=units,
                surfaces=listed(surfaces),
                patience=patience, findings=findings, again=again, junit=junit, json=as_json, lang=lang,
            )  # fmt: skip
            raise typer.Exit(run_live(live))
        settings = FuzzSettings(
            target=target, seconds=seconds, units=units, seed=seed, corpus=corpus, keeps=not no_corpus,
            findings=findings, again=again, workers=workers, junit=junit, json=as_json, lang=lang,
        )  # fmt: skip
        raise typer.Exit(run_fuzz(settings))


def _none_of(options: Mapping[str, object], target: str, wanted: Iterable[str]) -> None:
    """Raises :class:`UsageError` for the first that is given."""
    from sorm_mediator.console.errors import UsageError

    for name, value in options.items():
        if value:
            raise UsageError(
                f"{name} is not for --target {target}: leave it out; it is for {as_list(wanted)}"
            )
