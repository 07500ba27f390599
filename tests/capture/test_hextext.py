"""Octets in all the ways that people and tools write them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sorm_mediator.capture.events import CaptureError
from sorm_mediator.capture.hextext import Part, parse_text

UNIT = bytes.fromhex("CC010513313233343536020101010B3738550501F1FFFFFFFFFF010102")
REPEATING = UNIT + bytes(64) + UNIT


def octets(text: str) -> bytes:
    (part,) = parse_text(text)
    assert part.side == ""
    return part.data


@pytest.mark.parametrize(
    "text",
    [
        "CC 01 05",
        "cc0105",
        "CC0105\n",
        "cc:01:05",
        "CC-01-05",
        "cc,01,05",
        "0xCC, 0x01, 0x05",
        "0xCC 0x1 0x5",
        "{0xCC, 0x01, 0x05};",
        "[cc 01 05]",
        '"CC 01 05"',
        "0xCC0105",
        "CCh 01h 05h",
        "16#CC, 16#01, 16#05",
        r"\xCC\x01\x05",
        r"\xcc \x01 \x05",
        r'b"\xcc\x01\x05"',
        r"'\xcc\001\5'",
        "CC\n01\r\n05",
        "CC 0105",
        "CCh 1h 5h",
        "{0xCC, 0x1, 0x5}",
        "CC0\n105",
        "# a start\nCC 01 05 # the rest",
        "unsigned char x[] = {\n  0xcc, 0x01, 0x05\n};\nunsigned int x_len = 3;\n",
        "0000  cc 01 05   ...",
        "00000000  cc 01 05                                          |...|\n00000003\n",
        "00000000: cc01 05                                  ...\n",
    ],
)
def test_common_writings_all_say_the_same(text: str) -> None:
    assert octets(text) == b"\xcc\x01\x05"


@given(st.binary(min_size=1, max_size=80).filter(lambda data: not data.isascii()))
def test_what_python_prints_of_bytes_is_read(data: bytes) -> None:
    assert octets(repr(data)) == data


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("zz", "not hex: 'z' at character 1"),
        ("CC 0G", "not hex: 'G' at character 5"),
        ("CC 01 0E 01 31 32 33 34 35 36 0", "not hex: half an octet at character 31"),
        ("CC, 1, 5", "not hex: half an octet at character 5"),
        ("CC 012", "3 digits, an odd number, at character 4"),
        ("CC 01\n05 x", "'x' at character 10 (line 2, column 4)"),
        ("hello", "'h' at character 1"),
        ("", "nothing to decode"),
        (" \n\t ", "nothing to decode"),
        ("# only a remark", "nothing to decode"),
        (r"b'\xcc\q'", r"unknown escape '\\q' at character 7"),
        (r"'\xccЖ'", "not a byte string: 'Ж' at character 6"),
        ("CC Ж1", "'Ж' at character 4"),
    ],
)
def test_what_is_no_hex_is_refused_with_its_place(text: str, complaint: str) -> None:
    with pytest.raises(CaptureError) as caught:
        parse_text(text)
    assert complaint in str(caught.value)


DUMPS = [
    "xxd",
    "xxd -g1",
    "xxd -c 32",
    "xxd -p",
    "xxd -i",
    "xxd -u",
    "hexdump",
    "hexdump -C",
    "hexdump -v -C",
    "od -A x -t x1z",
    "od -A d -t x1",
    "od -t x1",
    "od -v -t x2",
    "od -v -A x -t x1",
]


ASCII = b"0123456789abcdef" * 3
"""Its column of text looks like octets."""


@pytest.mark.parametrize(
    ("command", "data"),
    [
        *((command, data) for command in DUMPS for data in (REPEATING[:-1], ASCII)),
        *((command, UNIT[:size]) for command in ("xxd", "hexdump -C", "od -t x1") for size in (8, 16, 28)),
    ],
)
def test_dumps_of_the_usual_tools_are_read_back(command: str, data: bytes, tmp_path: Path) -> None:
    tool, *arguments = command.split()
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed: apt install xxd bsdextrautils coreutils")
    file = tmp_path / "unit.bin"
    file.write_bytes(data)
    dump = subprocess.run(
        [tool, *arguments, file.name], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert octets(dump.stdout) == data


def test_followed_stream_of_wireshark_tells_two_directions_apart() -> None:
    dump = """\
00000000  cc 01 01 00 31 32 33 34  35 36                     ....1234 56
    00000000  cc 01 27 02 00 00 00 00  ff 02 01 00               ..'..... ....
    0000000C  cc 01 28 02 00 00 00 00  ff 02 01 00               ..(..... ....
0000000A  cc 01 02 00 31 32 33 34  35 36                     ....1234 56
"""
    assert parse_text(dump) == [
        Part(bytes.fromhex("CC010100313233343536CC010200313233343536")),
        Part(bytes.fromhex("CC01270200000000FF020100CC01280200000000FF020100"), " 2"),
    ]


def test_packets_of_wireshark_begin_again_at_zero() -> None:
    dump = "0000   cc 01 01 00 31 32 33 34 35 36   ....123456\n\n0000   cc 01 02 00 31 32 33 34 35 36   ....123456\n"
    assert [part.data for part in parse_text(dump)] == [
        bytes.fromhex("CC010100313233343536"),
        bytes.fromhex("CC010200313233343536"),
    ]


def test_a_dump_may_begin_anywhere() -> None:
    dump = f"00000100: {UNIT[:16].hex(' ')}\n00000110: {UNIT[16:].hex(' ')}\n"
    assert octets(dump) == UNIT


def test_hex_that_only_looks_like_a_dump_is_plain_hex() -> None:
    assert octets("CC01 05\nCC01 06") == bytes.fromhex("CC0105CC0106")


def test_repeated_lines_of_a_dump_are_bounded() -> None:
    with pytest.raises(CaptureError):
        parse_text("00000000  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00\n*\nfffffffffff0\n")


@settings(max_examples=200)
@given(st.text(alphabet=st.sampled_from("0123456789abcdefxX\\h:#*|>,.\n\t {}='\"bЖ"), max_size=60))
def test_any_text_gives_octets_or_a_capture_error(text: str) -> None:
    try:
        parts = parse_text(text)
    except CaptureError:
        return
    assert any(part.data for part in parts)
