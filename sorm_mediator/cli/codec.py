"""``decode`` and ``encode``."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from sorm_mediator.cli.common import JsonOption, echo, fail
from sorm_mediator.output import INTERRUPTED

if TYPE_CHECKING:
    from protocol import Options
    from sorm_mediator.capture.events import Event
    from sorm_mediator.capture.source import Source
    from sorm_mediator.language import Lang

STDIN = "-"
_LARGE = 8 << 20
"""Octets of a file from which on a bar shows how far reading is."""
_WAITING = "waiting for {what} on standard input; end it with Ctrl-D"
_OCTETS = "What octets look like (encode needs the same as decode)"
_CHOICES: dict[str, tuple[str, ...]] = {
    "channel": ("auto", "command", "kpd1", "kpd2"),
    "lang": ("en", "ru"),
    "order": ("268", "70"),
    "object_byte_order": ("little", "big"),
    "trunk_byte_order": ("little", "big"),
    "count_byte_order": ("little", "big"),
    "service_code_position": ("third", "first"),
    "m25_length": ("variable", "fixed45"),
    "message_text": ("utf-8", "gsm7", "ucs2", "cp1251"),
    "zero_digit": ("0", "A"),
}
"""The allowed values of options, checked here so that a mistake is one line like any other."""


def _choice(name: str, text: str, *, octets: bool = True) -> Any:
    shown = f"<{'|'.join(_CHOICES[name])}>"
    return typer.Option(metavar=shown, help=text, rich_help_panel=_OCTETS if octets else None)


InputOption = Annotated[
    str | None, typer.Option("-f", "--file", metavar="FILE", help="Read FILE; - is standard input.")
]
OrderOption = Annotated[str, _choice("order", "Codes and number signs of this order.", octets=False)]
ObjectOrder = Annotated[str, _choice("object_byte_order", "Byte order of object numbers.")]
TrunkOrder = Annotated[str, _choice("trunk_byte_order", "Byte order of trunk numbers.")]
CountOrder = Annotated[str, _choice("count_byte_order", "Byte order of count and number in KPD1 messages.")]
ServicePosition = Annotated[
    str, _choice("service_code_position", "Which of its three octets is the service code.")
]
ServicesLength = Annotated[str, _choice("m25_length", "Payload of message 25h.")]
MessageText = Annotated[str, _choice("message_text", "Coding of the text of message 2Ch.", octets=False)]
ZeroDigit = Annotated[str, _choice("zero_digit", "Half-byte of digit 0.")]
ExtraDigits = Annotated[
    bool, typer.Option("--extra-digits", help="Half-bytes B and C are * and #.", rich_help_panel=_OCTETS)
]


def decode(  # long by its options, each with its help
    octets: Annotated[
        list[str] | None,
        typer.Argument(metavar="HEX", help="Hex in any common writing; - is standard input."),
    ] = None,
    file: InputOption = None,
    channel: Annotated[
        str, _choice("channel", "What the units are; auto: what the code of each says.", octets=False)
    ] = "auto",
    order: OrderOption = "268",
    lang: Annotated[str, _choice("lang", "Language of what is shown.", octets=False)] = "en",
    as_json: JsonOption = False,
    as_json_lines: Annotated[
        bool,
        typer.Option(
            "--json-lines", "--jsonl", help="One JSON object a line, each as soon as its unit is complete."
        ),
    ] = False,
    object_byte_order: ObjectOrder = "little",
    trunk_byte_order: TrunkOrder = "little",
    count_byte_order: CountOrder = "little",
    service_code_position: ServicePosition = "third",
    m25_length: ServicesLength = "variable",
    message_text: MessageText = "utf-8",
    zero_digit: ZeroDigit = "0",
    extra_digits: ExtraDigits = False,
) -> None:
    """Show the units in octets or in a capture.

    It reads hex, a hex dump, binary, pcap or pcapng, told apart by content. Everything is shown, with what is wrong
    with it; units from a pipe as soon as they are complete. Exit code 0: all of it is right; 1: something is broken
    or has problems; 2: there is nothing to decode, or it isn't hex; 130: interrupted, after what was read by then.

    Examples:

    sorm-mediator decode CC 01 0E 01 31 32 33 34 35 36 07

    sorm-mediator decode -f console.pcapng --lang ru

    xxd dump.bin | sorm-mediator decode - --json

    tcpdump -i eth0 -U -w - tcp port 1001 | sorm-mediator decode -
    """
    from protocol import Channel
    from sorm_mediator.capture.events import CaptureError
    from sorm_mediator.capture.units import decode_events
    from sorm_mediator.cli.showing import JsonLinesShow, JsonShow, PeopleShow, Show

    options = _options(
        order=order,
        object_byte_order=object_byte_order,
        trunk_byte_order=trunk_byte_order,
        count_byte_order=count_byte_order,
        service_code_position=service_code_position,
        m25_length=m25_length,
        message_text=message_text,
        zero_digit=zero_digit,
        extra_digits=extra_digits,
    )
    _check(channel=channel, lang=lang)
    only = None if channel == "auto" else Channel(channel)
    words = octets or []
    language = cast("Lang", lang)
    show: Show
    if as_json or as_json_lines:
        show = JsonLinesShow(language) if as_json_lines else JsonShow(language)
    else:
        show = PeopleShow(language, options.message_text)
    interruption = _Interruption()
    try:
        with interruption.taken():
            for item in decode_events(_events(words, file, interruption), channel=only, options=options):
                show.item(item)
    except CaptureError as error:
        show.stop()
        fail(str(error) + _hint(words))
    except OSError as error:
        show.stop()
        fail(f"{file or 'standard input'}: {error.strerror or error}")
    if interruption.came:
        show.stop()
        echo("sorm-mediator: interrupted", err=True)
        raise typer.Exit(INTERRUPTED)
    show.end()
    raise typer.Exit(0 if show.fine else 1)


def encode(
    file: InputOption = None,
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
    """Write the octets of units given as JSON.

    The JSON is what decode --json printed, or written by hand. Reads a list of objects, one object, or one object a
    line; from standard input without -f. An object needs name and fields; of the fields, those that may be "not
    given" and those of the header can be left out. The fields count, never hex. Exit code 0: all were written; 1:
    one can't be sent (the others are written); 2: no JSON.

    Examples:

    sorm-mediator decode --json -f dump.txt | sorm-mediator encode

    echo '{"name": "test", "fields": {"test_number": 7}}' | sorm-mediator encode
    """
    from protocol import Codec, EncodeError
    from protocol.jsonform import from_json

    options = _options(
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
    documents = _documents(_text(file))
    for number, document in enumerate(documents, 1):
        try:
            message = from_json(document, options)
            octets = message if isinstance(message, bytes) else codec.encode(message)
        except EncodeError as error:
            fine = False
            where = f"object {number}: " if len(documents) > 1 else ""
            echo(f"sorm-mediator: {where}{error}", err=True)
            continue
        if binary:
            sys.stdout.buffer.write(octets)
        else:
            sys.stdout.write(octets.hex().upper() + "\n")
    raise typer.Exit(0 if fine else 1)


def _check(**given: object) -> None:
    for name, value in given.items():
        if name in _CHOICES and value not in _CHOICES[name]:
            option = "--" + name.replace("_", "-")
            fail(f"{option}: {value!r} is not allowed: {', '.join(_CHOICES[name])}")


def _options(**given: Any) -> Options:
    from protocol import Options

    _check(**given)
    return Options(**given)


# --- input
class _Interruption:
    """SIGINT and SIGTERM end the input: what was read until then is shown."""

    def __init__(self) -> None:
        self.came = False
        self._source: Source | None = None

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Take the signals meanwhile."""
        before = {number: signal.signal(number, self._end) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def of(self, source: Source) -> Source:
        """The source that they end."""
        self._source = source
        return source

    def _end(self, _number: int, _frame: object) -> None:
        self.came = True
        if self._source is None:
            raise KeyboardInterrupt
        self._source.stop()


def _events(words: list[str], file: str | None, interruption: _Interruption) -> Iterator[Event]:
    from sorm_mediator.capture.reader import read_input, read_text
    from sorm_mediator.capture.source import Source
    from sorm_mediator.reports.progress import progress_bar

    if file is not None and words:
        fail(f"give hex or -f {file}, not both")
    if words and words != [STDIN]:
        yield from read_text(" ".join(words))
        return
    if file is None and not words and sys.stdin.isatty():
        fail("nothing to decode: give HEX, -f FILE, or - for standard input; see sorm-mediator decode --help")
    if file in (None, STDIN):
        _tell_waiting("hex, a capture or binary units")
        yield from read_input(interruption.of(Source(sys.stdin.buffer)))
        return
    with Path(str(file)).open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        large = size >= _LARGE and not sys.stdout.isatty()
        with progress_bar(size, str(file), shown=large, octets=True) as advance:
            yield from read_input(interruption.of(Source(stream, read=advance)))


def _tell_waiting(what: str) -> None:
    """Tell a person at a terminal what is waited for."""
    if sys.stdin.isatty():
        echo(f"sorm-mediator: {_WAITING.format(what=what)}", err=True)


def _hint(words: list[str]) -> str:
    """A hint when a file name was given in place of hex."""
    if len(words) == 1 and words[0] != STDIN and os.path.isfile(words[0]):
        return f"; to read the file of that name: sorm-mediator decode -f {words[0]}"
    return ""


def _text(file: str | None) -> str:
    if file is None and sys.stdin.isatty():
        fail("nothing to encode: give -f FILE, or -f - for standard input; see sorm-mediator encode --help")
    if file in (None, STDIN):
        _tell_waiting("JSON, such as decode --json prints,")
    try:
        data = sys.stdin.buffer.read() if file in (None, STDIN) else Path(str(file)).read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        fail(f"{file or 'standard input'}: {error.strerror or error}")
    except UnicodeDecodeError as error:
        fail(f"not JSON: octet {error.start} is no UTF-8")


def _documents(text: str) -> list[Any]:
    """The objects in ``text``: a list of them, one, or one a line."""
    if not text.strip():
        fail("nothing to encode: the input is empty")
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        if len(lines) < 2 or error.msg != "Extra data":
            fail(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}")
    except (ValueError, RecursionError) as error:
        fail(f"not JSON: {_unreadable(error)}")
    else:
        return document if isinstance(document, list) else [document]
    documents = []
    for number, line in lines:
        try:
            documents.append(json.loads(line))
        except json.JSONDecodeError as error:
            fail(f"not JSON: {error.msg} at line {number}, column {error.colno}")
        except (ValueError, RecursionError) as error:
            fail(f"not JSON: {_unreadable(error)} at line {number}")
    return documents


def _unreadable(error: Exception) -> str:
    """Why JSON can't be read that is right by its grammar."""
    return (
        "it is nested too deep" if isinstance(error, RecursionError) else "a number of more than 4,300 digits"
    )
