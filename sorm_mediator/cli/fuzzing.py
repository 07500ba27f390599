"""The command ``fuzz``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sorm_mediator.cli.common import JsonOption, LangText, usage_errors
from sorm_mediator.cli.runs import JunitOption


def fuzz(
    target: Annotated[
        str,
        typer.Option(
            metavar="<codec|parsers>",
            help="codec: the units of the order; parsers: whatever reads text and files.",
        ),
    ] = "codec",
    seconds: Annotated[
        float | None, typer.Option(metavar="N", help="End after so many seconds; 60 without --units.")
    ] = None,
    units: Annotated[int | None, typer.Option(min=1, metavar="N", help="End after so many inputs.")] = None,
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
    junit: JunitOption = None,
    as_json: JsonOption = False,
    lang: LangText = "en",
) -> None:
    """Try inputs that nobody would write.

    What must hold for all of them is checked. Each fault is made as small as it gets and written to a folder: octets, a
    scenario for replay, a capture, and the command that finds it again. The same seed makes the same inputs. Exit code
    0 when every check holds, 1 when one does not, 2 for wrong usage, 130 when interrupted.

    Example: sorm-mediator fuzz --target codec --seconds 300 --junit fuzz.xml

    Example: sorm-mediator fuzz --target codec --again fuzz-findings/hang-8cdbc9a672
    """
    from sorm_mediator.fuzz.session import FuzzSettings, run_fuzz

    with usage_errors():
        settings = FuzzSettings(
            target=target, seconds=seconds, units=units, seed=seed, corpus=corpus, keeps=not no_corpus,
            findings=findings, again=again, workers=workers, junit=junit, json=as_json, lang=lang,
        )  # fmt: skip
        raise typer.Exit(run_fuzz(settings))
