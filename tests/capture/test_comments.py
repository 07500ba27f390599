"""What the packets of a capture say as their comments."""

from __future__ import annotations

from protocol import Codec, Start
from sorm_mediator.capture.comments import MOST_UNITS, UnitComments

START = bytes.fromhex("CC010100313233343536")
RECEIVED = bytes.fromhex("CC01270200000000FF020100")
SET_PASSWORD = bytes.fromhex("CC010306313233343536363534333231")


def comments() -> UnitComments:
    return UnitComments(Codec())


def test_a_packet_says_the_units_that_end_in_it() -> None:
    told = comments()
    assert told.data(START[:4]) == ""
    assert told.data(START[4:] + RECEIVED) == "start; command-received command=start status=00h (accepted)"


def test_many_units_are_counted() -> None:
    assert comments().data(START * (MOST_UNITS + 3)) == "; ".join(["start"] * MOST_UNITS + ["3 more"])


def test_a_comment_holds_no_password() -> None:
    told = comments()
    for octets in (SET_PASSWORD, START[:7] + START, bytes.fromhex("CC011F00") + START[4:], b"123456" + START):
        said = told.data(octets)
        assert "123456" not in said
        assert "313233" not in said
        assert "654321" not in said


def test_octets_that_are_no_unit_are_counted() -> None:
    assert comments().data(bytes(5) + START) == "5 octets that are no unit; start"


def test_an_x25_packet_in_a_frame_says_its_unit() -> None:
    told = comments()
    assert told.frame(b"\x03\x00" + b"\x10\x01\x00" + START) == "start"
    assert told.frame(b"\x03\x00" + b"\x10\x01\x00" + START) == ""  # repeated
    assert told.frame(b"\x03\x01") == ""  # RR


def test_a_record_of_x25_over_tcp_says_its_unit() -> None:
    packet = b"\x10\x01\x00" + Codec().encode(Start())
    assert comments().records(b"\0\0" + len(packet).to_bytes(2, "big") + packet) == "start"
