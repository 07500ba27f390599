"""The common part of several commands: lines for people, and options."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from ssh_control.visible import visible_lines

ConfigOption = Annotated[Path, typer.Option("-c", "--config", metavar="FILE", help="The lab file (TOML).")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout and nothing else.")]
LangOption = Annotated[Literal["en", "ru"], typer.Option("--lang", help="Language of what is shown.")]
LogOption = Annotated[
    Literal["debug", "info", "warning", "error"], typer.Option("--log-level", help="Logs go to stderr.")
]

Kpd1Option = Annotated[
    int, typer.Option("--kpd1", min=0, max=65535, help="Port of KPD1; by default that of -c, else 1001.")
]
Kpd2Option = Annotated[
    int, typer.Option("--kpd2", min=0, max=65535, help="Port of KPD2; by default that of -c, else 1002.")
]


def echo(text: object, *, err: bool = False) -> None:
    """Write one or more lines on stdout or stderr.

    Octets from peers in the text can't control the terminal.
    """
    typer.echo(visible_lines(text), err=err)


def fail(text: object) -> NoReturn:
    """End the command with this line on stderr and exit code 2."""
    echo(f"sorm-mediator: {text}", err=True)
    raise typer.Exit(2)


@contextmanager
def usage_errors() -> Iterator[None]:
    """Print a :class:`UsageError`, and end the command with exit code 2."""
    from sorm_mediator.console.errors import UsageError

    try:
        yield
    except UsageError as error:
        fail(error)
