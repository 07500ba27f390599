"""A live input: units come as soon as they are complete, and nothing waits for ever."""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import captures
from sorm_mediator.capture.events import CaptureError, Pause, Trouble
from sorm_mediator.capture.reader import read_input
from sorm_mediator.capture.source import Source
from sorm_mediator.capture.units import Found, Item, Skipped, decode_events
from tests.capture.frames import ETHERNET, SYN, A, B, enhanced, framed, interface, pcap, section, tcp

START = bytes.fromhex("CC010100313233343536")
TEST = bytes.fromhex("CC010E0131323334353607")
UNKNOWN = bytes.fromhex("CC0199003132333435363738")
OTHER = ("10.0.0.1", 5555), ("10.0.0.2", 5556)


class Pipe:
    """The reading end is decoded; what is written comes at once."""

    def __init__(self) -> None:
        reading, self._writing = os.pipe()
        self._stream = os.fdopen(reading, "rb")
        self.source = Source(self._stream)
        self._items: Iterator[Item] = decode_events(read_input(self.source))

    def write(self, octets: bytes) -> None:
        os.write(self._writing, octets)

    def until_pause(self, *, long: bool = False) -> list[Item]:
        """What comes until the input is silent."""
        found: list[Item] = []
        for item in self._items:
            if isinstance(item, Pause) and item.long >= long:
                break
            found.append(item)
        return [item for item in found if not isinstance(item, Pause)]

    def units(self, *, long: bool = False) -> list[bytes]:
        return [item.raw for item in self.until_pause(long=long) if isinstance(item, Found)]

    def end(self) -> list[Item]:
        os.close(self._writing)
        return [item for item in self._items if not isinstance(item, Pause)]

    def close(self) -> None:
        self._stream.close()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


def in_pcap(*segments: bytes) -> list[bytes]:
    """The header of a file, and a record for each segment."""
    header = pcap([])
    return [header, *(pcap([framed(ETHERNET, segment)])[len(header) :] for segment in segments)]


def in_pcapng(*segments: bytes) -> list[bytes]:
    return [section() + interface(), *(enhanced(framed(ETHERNET, segment)) for segment in segments)]


@pytest.mark.parametrize("written", [in_pcap, in_pcapng])
def test_a_unit_of_a_capture_comes_with_its_packet(pipe: Pipe, written: object) -> None:
    assert callable(written)
    header, first, second, third = written(
        tcp(A, B, 1, START), tcp(A, B, 11, TEST[:5]), tcp(A, B, 16, TEST[5:])
    )
    pipe.write(header + first)
    assert pipe.units() == [START]
    pipe.write(second)
    assert pipe.units() == []
    pipe.write(third[:20])
    assert pipe.units() == []
    pipe.write(third[20:])
    assert pipe.units() == [TEST]
    assert pipe.end() == []


def test_a_packed_capture_is_live_too(pipe: Pipe) -> None:
    pipe.write(gzip.compress(b"".join(in_pcap(tcp(A, B, 1, START)))))
    assert pipe.units() == [START]


def test_binary_units_come_one_by_one(pipe: Pipe) -> None:
    for octets, came in ((START + TEST[:3], [START]), (TEST[3:], [TEST]), (START, [START])):
        pipe.write(octets)
        assert pipe.units() == came


def test_lines_of_hex_come_one_by_one(pipe: Pipe) -> None:
    pipe.write(b"# a comment\nCC 01 01 00 31 32 33 34 35 36\nCC 01 0E 01 31")
    assert pipe.units() == [START]
    pipe.write(b" 32 33 34 35 36 07\n")
    assert pipe.units() == [TEST]
    pipe.write(b"0xCC, 0x01, 0x01, 0x00\n")
    assert pipe.units() == []
    pipe.write(b"313233343536\n")
    assert pipe.units() == [START]
    assert pipe.end() == []


def test_a_line_that_is_no_hex_is_named_by_its_place_in_the_whole_input(pipe: Pipe) -> None:
    pipe.write(START.hex().encode() + b"\n")
    assert pipe.units() == [START]
    pipe.write(b"CC zz\n")
    with pytest.raises(CaptureError, match=r"'z' at character 25 \(line 2, column 4\)"):
        pipe.units()


def test_a_dump_is_read_when_it_has_ended(pipe: Pipe) -> None:
    pipe.write(b"00000000: cc01 0100 3132 3334 3536 cc01 0e01 3132  ....123456......\n")
    assert pipe.units() == []
    pipe.write(b"00000010: 3334 3536 07                             3456.\n")
    assert pipe.units() == []
    assert [item.raw for item in pipe.end() if isinstance(item, Found)] == [START, TEST]


def test_units_wait_a_bounded_time_for_a_flow_that_may_carry_units(pipe: Pipe) -> None:
    pipe.write(b"".join(in_pcap(tcp(*OTHER, 1, UNKNOWN), tcp(A, B, 1, START))))
    assert pipe.units() == []  # the other flow may still prove to carry units
    assert pipe.units(long=True) + pipe.units(long=True) == [START]
    rest = pipe.end()
    assert [item.octets for item in rest if isinstance(item, Skipped)] == [len(UNKNOWN)]


def test_a_lost_segment_is_given_up_after_a_bounded_time(pipe: Pipe) -> None:
    pipe.write(b"".join(in_pcap(tcp(A, B, 0, b"", SYN), tcp(A, B, 1, START), tcp(A, B, 22, START))))
    assert pipe.units() == [START]
    came = [*pipe.until_pause(long=True), *pipe.until_pause(long=True), *pipe.end()]
    assert [item.raw for item in came if isinstance(item, Found)] == [START]
    assert any("11 octets from octet 10 on" in item.text for item in came if isinstance(item, Trouble))


def test_a_source_that_is_stopped_ends_without_a_complaint(pipe: Pipe) -> None:
    header, first, second = in_pcap(tcp(A, B, 1, START), tcp(A, B, 11, TEST))
    pipe.write(header + first + second[:9])
    assert pipe.units() == [START]
    stopping = threading.Thread(target=pipe.source.stop)
    stopping.start()
    rest = list(pipe._items)
    stopping.join()
    assert [item for item in rest if not isinstance(item, Pause)] == []


def test_a_file_has_no_pauses() -> None:
    with (Path(captures.__path__[0]) / "runs" / "main-job.pcapng").open("rb") as stream:
        assert not Source(stream).live
        assert not any(isinstance(item, Pause) for item in decode_events(read_input(stream)))
