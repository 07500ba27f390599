"""``decode`` and ``encode``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

if TYPE_CHECKING:
    from protocol.texts import Lang
    from sorm_mediator.capture.events import Event
    from sorm_mediator.capture.units import Found, Item

STDIN = "-"
_OCTETS = "What octets look like (encode needs the same as decode)"

FileOption = Annotated[
    str | None, typer.Option("-f", "--file", metavar="FILE", help="Read FILE; - is standard input.")
]
OrderOption = Annotated[Literal["268", "70"], typer.Option(help="Codes and number signs of this order.")]
ObjectOrder = Annotated[
    Literal["little", "big"], typer.Option(help="Byte order of object numbers.", rich_help_panel=_OCTETS)
]
TrunkOrder = Annotated[
    Literal["little", "big"], typer.Option(help="Byte order of trunk numbers.", rich_help_panel=_OCTETS)
]
CountOrder = Annotated[
    Literal["little", "big"],
    typer.Option(help="Byte order of count and number in KPD1 messages.", rich_help_panel=_OCTETS),
]
ServicePosition = Annotated[
    Literal["third", "first"],
    typer.Option(help="Which of its three octets is the service code.", rich_help_panel=_OCTETS),
]
ServicesLength = Annotated[
    Literal["variable", "fixed45"], typer.Option(help="Payload of message 25h.", rich_help_panel=_OCTETS)
]
ZeroDigit = Annotated[Literal["0", "A"], typer.Option(help="Half-byte of digit 0.", rich_help_panel=_OCTETS)]
ExtraDigits = Annotated[
    bool, typer.Option("--extra-digits", help="Half-bytes B and C are * and #.", rich_help_panel=_OCTETS)
]


def decode(
    octets: Annotated[
        list[str] | None,
        typer.Argument(metavar="HEX", help="Hex in any common writing; - is standard input."),
    ] = None,
    file: FileOption = None,
    channel: Annotated[
        Literal["auto", "command", "kpd1", "kpd2"],
        typer.Option(help="What the units are; auto: what the code of each says."),
    ] = "auto",
    order: OrderOption = "268",
    lang: Annotated[Literal["en", "ru"], typer.Option(help="Language of what is shown.")] = "en",
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document on stdout and nothing else.")
    ] = False,
    object_byte_order: ObjectOrder = "little",
    trunk_byte_order: TrunkOrder = "little",
    count_byte_order: CountOrder = "little",
    service_code_position: ServicePosition = "third",
    m25_length: ServicesLength = "variable",
    zero_digit: ZeroDigit = "0",
    extra_digits: ExtraDigits = False,
) -> None:
    """Read commands and messages: from hex, a hex dump, binary, pcap or pcapng, told apart by content.

    Everything is shown, with what is wrong with it. Exit code 0: all of it is right; 1: something is broken
    or has problems; 2: there is nothing to decode, or it isn't hex.

    Examples:

    sorm-mediator decode CC 01 0E 01 31 32 33 34 35 36 07

    sorm-mediator decode -f console.pcapng --lang ru

    xxd dump.bin | sorm-mediator decode - --json
    """
    from protocol import Channel, Options
    from sorm_mediator.capture.errors import CaptureError
    from sorm_mediator.capture.units import decode_events

    options = Options(
        order=order,
        object_byte_order=object_byte_order,
        trunk_byte_order=trunk_byte_order,
        count_byte_order=count_byte_order,
        service_code_position=service_code_position,
        m25_length=m25_length,
        zero_digit=zero_digit,
        extra_digits=extra_digits,
    )
    only = None if channel == "auto" else Channel(channel)
    words = octets or []
    show = _JsonShow(lang) if as_json else _PeopleShow(lang)
    try:
        for item in decode_events(_events(words, file), channel=only, options=options):
            show.item(item)
    except CaptureError as error:
        show.stop()
        _fail(str(error) + _hint(words))
    except OSError as error:
        show.stop()
        _fail(f"{file or 'standard input'}: {error.strerror or error}")
    show.end()
    raise typer.Exit(0 if show.fine else 1)


def encode(
    file: FileOption = None,
    binary: Annotated[
        bool, typer.Option("--binary", help="Write the octets themselves, not lines of hex.")
    ] = False,
    order: OrderOption = "268",
    object_byte_order: ObjectOrder = "little",
    trunk_byte_order: TrunkOrder = "little",
    count_byte_order: CountOrder = "little",
    service_code_position: ServicePosition = "third",
    m25_length: ServicesLength = "variable",
    zero_digit: ZeroDigit = "0",
    extra_digits: ExtraDigits = False,
) -> None:
    """Write the octets of messages given as JSON: what decode --json printed, or written by hand.

    Reads a list of objects, one object, or one object a line; from standard input without -f. An object needs
    name and fields; of the fields, those that may be "not given" and those of the header can be left out. The
    fields count, never hex. Exit code 0: all were written; 1: one can't be sent (the others are written);
    2: no JSON.

    Examples:

    sorm-mediator decode --json -f dump.txt | sorm-mediator encode

    echo '{"name": "test", "fields": {"test_number": 7}}' | sorm-mediator encode
    """
    from protocol import Codec, EncodeError, Options
    from protocol.jsonform import from_json

    options = Options(
        order=order,
        object_byte_order=object_byte_order,
        trunk_byte_order=trunk_byte_order,
        count_byte_order=count_byte_order,
        service_code_position=service_code_position,
        m25_length=m25_length,
        zero_digit=zero_digit,
        extra_digits=extra_digits,
    )
    codec = Codec(options)
    fine = True
    write = _write_octets if binary else _write_hex
    documents = _documents(_text(file))
    for number, document in enumerate(documents, 1):
        try:
            message = from_json(document, options)
            write(message if isinstance(message, bytes) else codec.encode(message))
        except EncodeError as error:
            fine = False
            where = f"object {number}: " if len(documents) > 1 else ""
            typer.echo(f"sorm-mediator: {where}{error}", err=True)
    raise typer.Exit(0 if fine else 1)


# --- input
def _events(words: list[str], file: str | None) -> Iterator[Event]:
    from sorm_mediator.capture.reader import read_input, read_text

    if file is not None and words:
        _fail(f"give hex or -f {file}, not both")
    if words and words != [STDIN]:
        yield from read_text(" ".join(words))
        return
    if file is None and not words and sys.stdin.isatty():
        _fail(
            "nothing to decode: give HEX, -f FILE, or - for standard input; see sorm-mediator decode --help"
        )
    if file in (None, STDIN):
        yield from read_input(sys.stdin.buffer)
        return
    with Path(str(file)).open("rb") as stream:
        yield from read_input(stream)


def _hint(words: list[str]) -> str:
    """A word to who gave the name of a file where hex is expected."""
    if len(words) == 1 and words[0] != STDIN and Path(words[0]).is_file():
        return f"; to read the file of that name: sorm-mediator decode -f {words[0]}"
    return ""


def _text(file: str | None) -> str:
    try:
        data = sys.stdin.buffer.read() if file in (None, STDIN) else Path(str(file)).read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        _fail(f"{file or 'standard input'}: {error.strerror or error}")
    except UnicodeDecodeError as error:
        _fail(f"not JSON: octet {error.start} is no UTF-8")


def _documents(text: str) -> list[Any]:
    """The objects in ``text``: a list of them, one, or one a line."""
    if not text.strip():
        _fail("nothing to encode: the input is empty")
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        if len(lines) < 2 or error.msg != "Extra data":
            _fail(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}")
    else:
        return document if isinstance(document, list) else [document]
    documents = []
    for number, line in lines:
        try:
            documents.append(json.loads(line))
        except json.JSONDecodeError as error:
            _fail(f"not JSON: {error.msg} at line {number}, column {error.colno}")
    return documents


def _fail(text: str) -> NoReturn:
    typer.echo(f"sorm-mediator: {text}", err=True)
    raise typer.Exit(2)


# --- output
def _write_hex(octets: bytes) -> None:
    sys.stdout.write(octets.hex().upper() + "\n")


def _write_octets(octets: bytes) -> None:
    sys.stdout.buffer.write(octets)


def _note(text: str) -> None:
    typer.echo(f"sorm-mediator: {text}", err=True)


def time_text(time_ns: int) -> str:
    """A moment as ISO 8601 in UTC with nanoseconds."""
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (
        OverflowError,
        ValueError,
        OSError,
    ):  # a damaged capture: the number itself is all there is to say
        return f"{seconds}.{nanoseconds:09}"
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09}Z"


class _Show:
    """What both forms of output share: notes on stderr, and whether all was fine."""

    def __init__(self, lang: Lang) -> None:
        self.lang: Lang = lang
        self.fine = True
        self.count = 0
        self._skipped: list[str] = []

    def item(self, item: Item) -> None:
        """One thing that was found."""
        from sorm_mediator.capture.events import Trouble
        from sorm_mediator.capture.units import Skipped

        if isinstance(item, Trouble):
            self.fine &= not item.serious
            _note(item.text)
        elif isinstance(item, Skipped):
            self._skipped.append(f"{item.flow.label}: {item.octets} octets, no units")
        else:
            self.count += 1
            self.fine &= not item.problems
            self.found(item)

    def found(self, item: Found) -> None:
        """One unit, or octets that are none."""
        raise NotImplementedError

    def stop(self) -> None:
        """The input can't be read on."""

    def end(self) -> None:
        """Nothing more comes."""
        for text in self._skipped:
            _note(f"not shown: {text}")
        if not self.count:
            self.fine = False
            _note("no units found")


class _JsonShow(_Show):
    """One list, written as its members come."""

    def found(self, item: Found) -> None:
        from protocol.jsonform import to_json, unknown_json

        if item.message is None:
            document = unknown_json(item.raw, item.offset, item.problems)
        else:
            document = to_json(item.message, item.raw, item.offset, item.problems, lang=self.lang)
        if item.flow.transport:
            document["flow"] = item.flow.label
        if item.time_ns is not None:
            document["time"] = time_text(item.time_ns)
        sys.stdout.write(("[" if self.count == 1 else ",\n ") + json.dumps(document, ensure_ascii=False))

    def stop(self) -> None:
        if self.count:
            sys.stdout.write("]\n")

    def end(self) -> None:
        sys.stdout.write("]\n" if self.count else "[]\n")
        super().end()


class _PeopleShow(_Show):
    """Headings, aligned fields, octets and problems."""

    def __init__(self, lang: Lang) -> None:
        super().__init__(lang)
        from rich.console import Console
        from rich.text import Text

        # soft_wrap: a line belongs to one field, however narrow the terminal or wide the value
        console = Console(highlight=False, soft_wrap=True)

        def line(text: str, style: str = "") -> None:
            console.print(Text(text, style=style))

        self._line: Callable[..., None] = line

    def found(self, item: Found) -> None:
        from protocol.render import masked_hex, octet_rows, render

        self._line(", ".join(self._where(item)), "dim")
        if item.message is None:
            for row in octet_rows(item.raw, self.lang):
                self._line(f"  {row.value}")
        else:
            heading, *fields = render(item.message, self.lang)
            self._line(heading, "bold")
            for text in fields:
                self._line(text)
            self._line(f"  {masked_hex(item.raw, channel=item.message.channel)}", "dim")
        for problem in item.problems:
            path = f" {problem.path}" if problem.path else ""
            self._line(
                f"  ! {'байт' if self.lang == 'ru' else 'octet'} {problem.offset}{path}: {problem.message}",
                "red",
            )
        self._line("")

    def _where(self, item: Found) -> Iterator[str]:
        if self.lang == "ru":
            yield f"смещение {item.offset}, байт: {len(item.raw)}"
        else:
            yield f"offset {item.offset}, {len(item.raw)} octets"
        if item.flow.transport:
            yield item.flow.label
        if item.time_ns is not None:
            yield time_text(item.time_ns)
