"""One ``acceptance``: read the lab file, start the lab or connect to a running mediator, write the reports.

Exit codes: 0 every check passed, 1 a check failed, 2 a mistake on the command line or in the lab file, 3 no
connection, 141 the reader of the output is gone.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from sorm_mediator import config as lab_files
from sorm_mediator.acceptance.compare import PASS, Outcome
from sorm_mediator.acceptance.formats import KINDS, Kind
from sorm_mediator.acceptance.matrix import FormatCheck, matrix
from sorm_mediator.acceptance.report import (
    DIRECTION_NAMES,
    KIND_NAMES,
    AcceptanceRun,
    document,
    table,
    write_junit,
)
from sorm_mediator.acceptance.run import Acceptance, NotReadyError
from sorm_mediator.addresses import host_port
from sorm_mediator.config import Config, ConfigError
from sorm_mediator.console.errors import (
    ConnectError,
    UsageError,
    check_choice,
    check_folders,
    check_web,
    drop_output,
    report_error,
)
from sorm_mediator.console.target import RunTarget
from sorm_mediator.errors import BoxError
from sorm_mediator.lab.targets import in_lab, toward
from sorm_mediator.language import Lang, Phrase, translate
from sorm_mediator.switch.node import Node
from ssh_control.visible import visible

STDOUT = "-"
OWN_LAB = Phrase("a lab of its own, made of the file")


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceSettings:
    """The options of ``acceptance``; the help of the command describes each. Raises :class:`UsageError`."""

    config: Path
    report: Path | None = None
    json: str = ""
    junit: Path | None = None
    only: tuple[str, ...] = ()
    host: str = ""
    kpd1: int = 1001
    kpd2: int = 1002
    web: str = ""
    lang: str = "en"

    def __post_init__(self) -> None:
        check_choice("--lang", self.lang, ("en", "ru"))
        for kind in self.only:
            check_choice("--only", kind, KINDS)
        check_web(self.web)
        if self.host and not self.web:
            raise UsageError(
                "--web: is needed with --host: the URL of the emulated switch that makes the calls"
            )
        if self.web and not self.host:
            raise UsageError("--host: is needed with --web: the address of the mediator that is running")
        json_file = Path(self.json) if self.json and self.json != STDOUT else None
        check_folders({"--report": self.report, "--junit": self.junit, "--json": json_file})


def run_acceptance(settings: AcceptanceSettings, write: Callable[[str], object] | None = None) -> int:
    """Run the matrix and write the reports. Returns the exit code; errors go to stderr."""
    try:
        run = asyncio.run(carry_out(settings))
        _write(settings, run, write or sys.stdout.write)
        sys.stdout.flush()
    except (ConfigError, BoxError, NotReadyError) as error:
        return report_error(error, 2)
    except ConnectError as error:
        return report_error(error, 3)
    except BrokenPipeError:
        return drop_output()
    except OSError as error:
        return report_error(f"{error.filename}: can't be written: {error.strerror}", 2)
    return 0 if run.verdict == PASS else 1


async def carry_out(settings: AcceptanceSettings) -> AcceptanceRun:
    """Read the lab file and run its matrix.

    Raises :class:`ConfigError`, :class:`BoxError`, :class:`NotReadyError`, :class:`ConnectError`.
    """
    config = lab_files.load(settings.config)
    name = str(settings.config)
    checks, node = planned(config, name)
    if not settings.host:
        _check_login(config, node, name)
    only = cast(tuple[Kind, ...], tuple(kind for kind in KINDS if kind in settings.only))
    if only:
        checks = tuple(check for check in checks if check.kind in only)
    began = time.time()
    lang = cast(Lang, settings.lang)
    async with _target(config, settings) as target, Acceptance(target, config, node.domains) as acceptance:
        with _progress(checks, lang) as done:
            outcomes = await acceptance.run(checks, done)
    against = host_port(settings.host, settings.kpd1) if settings.host else translate(OWN_LAB, lang)
    return AcceptanceRun(lab=name, against=against, time=began, config=config, outcomes=outcomes, only=only)


def planned(config: Config, name: str) -> tuple[tuple[FormatCheck, ...], Node]:
    """The matrix of a lab file, and its switch. Raises :class:`ConfigError` naming the file and the key."""
    if config.switch is None:
        raise ConfigError(
            f"{name}: switch: a [switch] table is needed: its routing says which calls check which operator"
        )
    try:
        node = Node(config.switch, config.directory)
        return matrix(config, node.domains), node
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None


def _check_login(config: Config, node: Node, name: str) -> None:
    """Raises :class:`ConfigError` if the lab's switch would refuse its mediator, and so every object."""
    from sorm_mediator.lab.login_checks import login_problem

    own = config.model_copy(update={"ssh": config.ssh.model_copy(update={"port": 0})})
    problem = login_problem(own, node)
    if problem:
        raise ConfigError(f"{name}: ssh.user: the switch does not let {config.ssh.user!r} in: {problem}")


def _target(config: Config, settings: AcceptanceSettings) -> AbstractAsyncContextManager[RunTarget]:
    by_e1 = config.console.link == "x25"
    if settings.host:
        return toward(config, settings.host, settings.kpd1, settings.kpd2, web=settings.web, by_e1=by_e1)
    # The run uses empty tables and leaves the tables of the lab unchanged.
    mediator = config.mediator.model_copy(update={"state": ":memory:", "journal": ""})
    own = config.model_copy(update={"mediator": mediator})
    return in_lab(own, str(settings.config), by_e1=by_e1)


@contextmanager
def _progress(checks: Sequence[FormatCheck], lang: Lang) -> Iterator[Callable[[Outcome], None]]:
    """A bar on stderr, if stderr is a terminal; yields the function to call with each outcome."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(checks))

        def done(outcome: Outcome) -> None:
            check = outcome.check
            text = f"{translate(KIND_NAMES[check.kind], lang)}, {translate(DIRECTION_NAMES[check.direction], lang)}"
            progress.update(task, advance=1, description=text)

        yield done


def _write(settings: AcceptanceSettings, run: AcceptanceRun, write: Callable[[str], object]) -> None:
    """The reports. Raises :class:`OSError`."""
    lang = cast(Lang, settings.lang)
    if settings.report is not None:
        from sorm_mediator.acceptance.html import page

        settings.report.write_text(page(run, lang), encoding="utf-8")
    if settings.junit is not None:
        write_junit(settings.junit, run)
    if settings.json:
        text = json.dumps(document(run, lang), ensure_ascii=False, indent=1) + "\n"
        if settings.json == STDOUT:
            write(text)
            return
        Path(settings.json).write_text(text, encoding="utf-8")
    for line in table(run, lang):
        write(visible(line) + "\n")
