"""Every parser of text takes time in proportion to the text: no small file holds up a box."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sorm_mediator.console.errors import ScriptError
from sorm_mediator.fuzz.growth import MOST, growth
from sorm_mediator.replay import vendor
from sorm_mediator.switch.changes import ChangeRefused
from sorm_mediator.switch.routing.context_file import ContextError, parse_context
from sorm_mediator.switch.routing.masks import (
    DigitMapError,
    MaskError,
    compile_digitmap,
    compile_mask,
    compile_template,
)
from sorm_mediator.switch.routing.route import NumberingError, expand_numbers
from sorm_mediator.switch.shell.parser import Parser, split
from sorm_mediator.switch.shell.session import commands
from ssh_control.messages import LineReader

CONTEXTS = {
    "a long tag, and the last one open": lambda size: b"<" + b"a" * size + b"><b",
    "many <": lambda size: b"<context>" + b"<a" * size,
    "white space after a /": lambda size: b"<context name='c'/" + b" " * size + b"<",
    "many / before white space": lambda size: b"<context name='c'/<" + b"/ " * size,
    "no-break spaces": lambda size: b"<context\xc2\xa0" + b"\xc2\xa0" * size + b"/>",
    "quotation marks": lambda size: "<context name=”".encode() * (size // 10),
    "unknown attributes of a long tag": lambda size: (
        b"<context " + b" ".join(b"a%d='1'" % number for number in range(size // 10)) + b"/>"
    ),
}


def read_context(text: bytes) -> None:
    with suppress(ContextError):
        parse_context(text, "c.xml")


@pytest.mark.parametrize("name", CONTEXTS)
def test_a_context(name: str) -> None:
    assert growth(CONTEXTS[name], read_context, 8_000) < MOST


LINES = {
    "a long word": lambda size: "x" * size,
    "a long word in quotes": lambda size: '"' + "x" * size + '"',
    "many words": lambda size: "x " * size,
    "words that end in a dot": lambda size: "domain/list " + "a. " * (size // 40),
    "a path of many parts": lambda size: "/".join("x" * (size // 20)),
}


@pytest.mark.parametrize("name", LINES)
def test_a_line_of_the_shell(name: str) -> None:
    parser = Parser(commands(), lambda _name, _path: ())

    def understand(line: str) -> None:
        with suppress(ChangeRefused):
            parser.understand(split(line))

    assert growth(LINES[name], understand, 16_000) < MOST


def test_the_lines_of_a_vendor_script() -> None:
    def read(text: str) -> None:
        with suppress(ScriptError):
            vendor.parse(text, Path("x.json"))

    assert growth(lambda size: "[\n" + '"//",\n' * size + '"//"]', read, 8_000) < MOST


def test_a_line_of_the_dialect_that_comes_in_pieces() -> None:
    def read(pieces: list[bytes]) -> None:
        reader = LineReader(1 << 20)
        for piece in pieces:
            reader.feed(piece)

    assert growth(lambda size: [b"x"] * size, read, 16_000) < MOST


NUMBERS: dict[str, Any] = {
    "masks": (lambda size: ",".join(["7(0-9)%"] * (size // 20)), compile_mask.__wrapped__),
    "open classes": (lambda size: "(" * size, compile_mask.__wrapped__),
    "templates": (lambda size: "{1}" * size, compile_template),
    "open templates": (lambda size: "{" * size, compile_template),
    "digit maps": (lambda size: "|".join(["1xx."] * size), compile_digitmap),
    "ranges": (lambda size: "{0-9}" * 4 + "1" * size, expand_numbers),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_masks_maps_and_ranges(name: str) -> None:
    make, compile_ = NUMBERS[name]

    def read(text: str) -> None:
        with suppress(MaskError, DigitMapError, NumberingError):
            compile_(text)

    assert growth(make, read, 4_000) < MOST
