"""The common part of several commands: lines for people, and options."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn, TextIO

import typer

from ssh_control.visible import visible_lines

if TYPE_CHECKING:
    from sorm_mediator.config import Config
    from sorm_mediator.console.target import Reached

ConfigOption = Annotated[Path, typer.Option("-c", "--config", metavar="FILE", help="The lab file (TOML).")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout and nothing else.")]
JsonLinesOption = Annotated[
    bool, typer.Option("--json", help="One JSON object a line on stdout and nothing else.")
]
JsonFileOption = Annotated[
    str,
    typer.Option(
        "--json", metavar="FILE", help="Write the results as JSON; - is stdout, and nothing else there."
    ),
]
LangOption = Annotated[Literal["en", "ru"], typer.Option("--lang", help="Language of what is shown.")]
LangText = Annotated[str, typer.Option("--lang", metavar="<en|ru>", help="Language of what is shown.")]
LinkOption = Annotated[
    str,
    typer.Option(
        "--link",
        metavar="<tcp|x25|tcp+e1>",
        help="How the console is connected: by TCP, in the streams of [[e1]] (X.25), or by TCP with the speech in the "
        "streams; by default as the lab says.",
    ),
]
LogText = Annotated[
    str,
    typer.Option("--log-level", metavar="<debug|info|warning|error>", help="Logs of the lab go to stderr."),
]
LogOption = Annotated[
    Literal["debug", "info", "warning", "error"], typer.Option("--log-level", help="Logs go to stderr.")
]
LogFormOption = Annotated[
    Literal["text", "json"], typer.Option("--log", help="Lines of the log for people, or a JSON object each.")
]
ReportOption = Annotated[
    Path | None, typer.Option(metavar="OUT.html", help="Write the report for people, printable.")
]
PicturesOption = Annotated[
    Path | None, typer.Option("--report", metavar="OUT.html", help="Write a page with figures and pictures.")
]
PlotOption = Annotated[Path | None, typer.Option(metavar="OUT.png", help="Write the pictures.")]
JunitOption = Annotated[Path | None, typer.Option(metavar="FILE", help="Write a JUnit report.")]
PcapOption = Annotated[
    Path | None,
    typer.Option(
        "--pcap",
        metavar="FILE",
        help="Write what crosses as pcapng, over a file that is there; - is stdout, for wireshark -k -i -.",
    ),
]
ReadyFileOption = Annotated[
    Path | None,
    typer.Option(
        "--ready-file",
        metavar="FILE",
        help="Write the ready line there too, when it is printed; the file is removed at the end.",
    ),
]
Kpd1Option = Annotated[
    str,
    typer.Option(
        "--kpd1",
        metavar="[HOST:]PORT",
        help="KPD1: its port, or host and port as the ready line shows them; by default that of -c, else 1001.",
    ),
]
Kpd2Option = Annotated[
    str,
    typer.Option(
        "--kpd2", metavar="[HOST:]PORT", help="The same, for KPD2; by default that of -c, else 1002."
    ),
]


def reached(host: str, kpd1: str, kpd2: str, web: str) -> Reached:
    """The options of one mediator together. Raises :class:`UsageError`."""
    from sorm_mediator.console import target

    return target.reached(host, kpd1, kpd2, web)


def echo(text: object, *, err: bool = False) -> None:
    """Write one or more lines on stdout or stderr.

    Octets from peers in the text can't control the terminal.
    """
    typer.echo(visible_lines(text), err=err)


def write_anything(*streams: TextIO) -> None:
    """Have the streams write characters that their coding lacks as ``\\u041f``, which JSON reads too."""
    codecs.register_error("escaped", _escaped)
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="escaped")


def _escaped(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    pairs = (units[at : at + 2].hex() for at in range(0, len(units), 2))
    return "".join(f"\\u{pair}" for pair in pairs), error.end


SameFileOption = Annotated[
    Path | None, typer.Option("-c", "--config", metavar="FILE", help="The same, as for other commands.")
]


def the_one(file: Path | None, option: Path | None) -> Path | None:
    """The lab file, which is an argument or an option."""
    if file and option:
        raise typer.BadParameter(f"one lab file, not both {file} and {option}")
    return file or option


@contextmanager
def located_in(config: Config) -> Iterator[None]:
    """Put the lines of a lab file into the errors that name its keys."""
    from sorm_mediator.errors import ConfigError

    try:
        yield
    except ConfigError as error:
        raise ConfigError(config.located(str(error))) from None


def fail(text: object) -> NoReturn:
    """End the command with this line on stderr and exit code 2."""
    echo(f"sorm-mediator: {text}", err=True)
    raise typer.Exit(2)


@contextmanager
def usage_errors(lang: str = "en") -> Iterator[None]:
    """Print a :class:`UsageError` in a language, and end the command with exit code 2."""
    from sorm_mediator.console.errors import UsageError, words
    from sorm_mediator.language import translate

    try:
        yield
    except UsageError as error:
        fail(translate(words(error), "ru" if lang == "ru" else "en"))
