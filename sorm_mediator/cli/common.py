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

PcapOption = Annotated[
    Path | None,
    typer.Option(
        "--pcap",
        metavar="FILE",
        help="Write what crosses as pcapng; - is stdout, for wireshark -k -i -.",
    ),
]
Kpd1Option = Annotated[
    int,
    typer.Option(
        "--kpd1", min=0, max=65535, help="Port of KPD1; by default that of -c, else 1001.", show_default=False
    ),
]
Kpd2Option = Annotated[
    int,
    typer.Option(
        "--kpd2", min=0, max=65535, help="Port of KPD2; by default that of -c, else 1002.", show_default=False
    ),
]


def echo(text: object, *, err: bool = False) -> None:
    """Write one or more lines on stdout or stderr.

    Octets from peers in the text can't control the terminal.
    """
    typer.echo(visible_lines(text), err=err)


SameFileOption = Annotated[
    Path | None, typer.Option("-c", "--config", metavar="FILE", help="The same, as for other commands.")
]


def the_one(file: Path | None, option: Path | None) -> Path | None:
    """The lab file, which is an argument or an option."""
    if file and option:
        raise typer.BadParameter(f"one lab file, not both {file} and {option}")
    return file or option


@contextmanager
def located_in(path: Path) -> Iterator[None]:
    """Put the lines of a lab file into the errors that name its keys."""
    from sorm_mediator.config.lines import located
    from sorm_mediator.errors import ConfigError

    try:
        yield
    except ConfigError as error:
        raise ConfigError(located(str(error), path)) from None


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
