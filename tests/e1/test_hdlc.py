"""HDLC against the published vectors, against a receiver written bit by bit, and in any pieces."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from e1.hdlc import (
    REVERSED,
    HdlcCounters,
    HdlcReceiver,
    HdlcTransmitter,
    fcs16,
    timeslot_order,
    with_fcs,
)

VECTORS = json.loads(Path(__file__).with_name("hdlc_vectors.json").read_text())
APPENDIX_I = [("033f", "5bec"), ("0173", "8357"), ("013f", "ebdf"), ("0373", "3364")]
"""X.25 Appendix I: DCE SABM, DCE UA, DTE SABM, DTE UA, and the FCS as it goes to the line."""

FLAG = "01111110"


def octets(bits: str) -> bytes:
    """Timeslot octets of ``bits`` in line order; what the last one lacks are zeros."""
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[place : place + 8], 2) for place in range(0, len(bits), 8))


def line(data: bytes) -> str:
    return "".join(f"{octet:08b}" for octet in data)


def stuffed(frame: bytes) -> str:
    """Frame and FCS as line bits between flags, by the definition."""
    bits, ones = "", 0
    for bit in line(with_fcs(frame).translate(REVERSED)):
        bits += bit
        ones = ones + 1 if bit == "1" else 0
        if ones == 5:
            bits, ones = bits + "0", 0
    return bits


class BitByBit:
    """The receiver as one would write it from the clause: one bit after the other."""

    def __init__(self) -> None:
        self.counters, self.frames, self.idle = HdlcCounters(), [], False
        self.ones, self.content, self.in_frame = 0, "", False

    def feed(self, data: bytes) -> None:
        for bit in line(data):
            if bit == "1":
                self.ones += 1
                if self.ones == 7:
                    self.counters.aborted += self.in_frame and len(self.content) > 6
                    self.in_frame = False
                self.idle = self.idle or self.ones >= 15
                self.content += "1"
                continue
            if self.ones == 6:
                if self.in_frame and len(self.content) > 7:
                    self.frame(self.content[:-7])
                self.in_frame, self.idle, self.content = True, False, ""
            elif self.ones > 6:
                self.content = ""
            else:
                self.content += "0"
            self.ones = 0

    def frame(self, content: str) -> None:
        bits = content.replace("111110", "11111")
        if len(bits) < 32:
            self.counters.short += 1
        elif len(bits) % 8:
            self.counters.unaligned += 1
        else:
            data = octets(bits).translate(REVERSED)
            if fcs16(data[:-2]).to_bytes(2, "little") != data[-2:]:
                self.counters.fcs_errors += 1
            else:
                self.counters.good += 1
                self.counters.octets += len(data) - 2
                self.frames.append(data[:-2])


def test_the_check_value_of_the_crc() -> None:
    assert fcs16(b"123456789") == 0x906E


def test_the_register_over_a_frame_and_its_fcs_ends_in_the_good_residue() -> None:
    register = 0xFFFF
    for octet in with_fcs(b"123456789"):
        register ^= octet
        for _ in range(8):
            register = register >> 1 ^ (0x8408 if register & 1 else 0)
    assert register == 0xF0B8


@pytest.mark.parametrize(("frame", "fcs"), APPENDIX_I)
def test_the_patterns_of_x25_appendix_i(frame: str, fcs: str) -> None:
    assert with_fcs(bytes.fromhex(frame)).hex() == frame + fcs
    assert timeslot_order(bytes.fromhex(frame)).translate(REVERSED).hex() == frame + fcs


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"].partition(" ")[0])
def test_a_vector_goes_to_the_line_and_comes_back(vector: dict[str, str]) -> None:
    frame, on_line = bytes.fromhex(vector["frame"]), bytes.fromhex(vector["ts_octets_msb_first"])
    assert fcs16(frame) == int(vector["fcs"], 16)
    transmitter = HdlcTransmitter()
    transmitter.queue(frame)
    sent = transmitter.take(len(on_line))
    assert sent == on_line
    assert line(sent).startswith(vector["bits"])
    assert FLAG + stuffed(frame) + FLAG == vector["bits"]
    assert HdlcReceiver().feed(sent) == [frame]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"].partition(" ")[0])
def test_every_single_bit_error_of_a_frame_is_caught_and_counted(vector: dict[str, str]) -> None:
    content = stuffed(bytes.fromhex(vector["frame"]))
    for place, bit in enumerate(content):
        wrong = content[:place] + "01"[bit == "0"] + content[place + 1 :]
        receiver = HdlcReceiver()
        assert receiver.feed(octets(FLAG + wrong + FLAG * 2)) == [], place
        assert receiver.counters.good == 0
        assert receiver.counters.bad >= 1, place


@pytest.mark.parametrize(
    ("between", "counter"),
    [
        pytest.param(stuffed(b"\x01\x3f")[:31], "short", id="31 bits"),
        pytest.param(stuffed(b"\x03\x73") + "0", "unaligned", id="not a multiple of eight bits"),
        pytest.param("0" + stuffed(b"\x03\x73\x00")[1:], "fcs_errors", id="FCS wrong"),
        pytest.param(stuffed(b"\x03\x73")[:-4] + "01111111" + "0" + FLAG, "aborted", id="seven ones"),
        pytest.param(stuffed(b"\x03" * 9), "long", id="nine octets where eight are taken"),
        pytest.param(stuffed(b"\x03" * 900), "long", id="900 octets where eight are taken"),
    ],
)
def test_a_bad_frame_is_counted_by_its_kind_and_the_next_one_is_read(between: str, counter: str) -> None:
    receiver = HdlcReceiver(max_octets=8)
    good = b"\x01\x3f"
    assert receiver.feed(octets(FLAG + between + FLAG + stuffed(good) + FLAG)) == [good]
    expected = HdlcCounters(good=1, octets=2)
    setattr(expected, counter, 1)
    assert receiver.counters == expected
    assert receiver.counters.bad == 1


def test_a_frame_of_exactly_the_octets_that_are_taken() -> None:
    frame = b"\xff" * 8
    assert HdlcReceiver(max_octets=8).feed(octets(FLAG + stuffed(frame) + FLAG)) == [frame]


def test_nonsense_for_the_longest_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="max_octets 1"):
        HdlcReceiver(max_octets=1)


def test_two_flags_may_share_a_zero_and_one_flag_may_close_and_open() -> None:
    receiver = HdlcReceiver()
    shared = FLAG + FLAG[1:] * 40 + stuffed(b"\x01\x3f") + FLAG + stuffed(b"\x03\x73") + FLAG[:-1] + FLAG
    assert receiver.feed(octets(shared)) == [b"\x01\x3f", b"\x03\x73"]
    assert receiver.counters.bad == 0


def test_the_channel_is_idle_after_fifteen_ones_until_a_flag() -> None:
    receiver = HdlcReceiver()
    receiver.feed(octets(FLAG + "0" + "1" * 14 + "0"))
    assert not receiver.idle
    receiver.feed(octets("0" * 7 + "1" * 9))
    receiver.feed(octets("1" * 6 + "00"))
    assert receiver.idle, "the ones of two pieces are one run"
    receiver.feed(b"\xff" * 20)
    receiver.feed(b"\xff\xf0\x00")
    assert receiver.idle, "a wrong bit alone does not make a channel active"
    assert receiver.feed(octets(FLAG + stuffed(b"\x01\x3f") + FLAG)) == [b"\x01\x3f"]
    assert not receiver.idle
    assert receiver.counters == HdlcCounters(good=1, octets=2, aborted=1)


def test_ones_between_flags_are_no_aborted_frame() -> None:
    receiver = HdlcReceiver()
    receiver.feed(octets(FLAG + "1" * 40 + FLAG))
    assert receiver.counters == HdlcCounters()


def test_a_line_without_flags_holds_no_more_than_one_frame() -> None:
    receiver = HdlcReceiver(max_octets=100)
    receiver.feed(b"\x7e")
    for _ in range(1000):
        receiver.feed(b"\xaa" * 50)
    assert receiver.counters == HdlcCounters(long=1)
    assert sum(map(len, receiver._held)) <= 150


def test_all_ones_line_as_in_los_costs_nothing_and_says_idle() -> None:
    receiver = HdlcReceiver()
    assert receiver.feed(b"\xff" * 160) == []
    assert receiver.idle
    assert receiver.counters == HdlcCounters()


def test_an_empty_transmitter_sends_flags_in_one_phase() -> None:
    transmitter = HdlcTransmitter()
    assert transmitter.take(3) == b"\x7e\x7e\x7e"
    transmitter.queue(b"\x01\x3f")
    bits = line(transmitter.take(30))
    assert bits.strip("01") == ""
    after = bits.partition(stuffed(b"\x01\x3f"))[2]
    assert after == (FLAG * 30)[: len(after)]


def test_an_empty_transmitter_that_fills_with_ones() -> None:
    transmitter = HdlcTransmitter(fill="ones")
    assert transmitter.take(3) == b"\xff" * 3
    transmitter.queue(b"\x01\x3f")
    transmitter.queue(b"\x03\x73")
    bits = line(transmitter.take(30))
    frames = FLAG + stuffed(b"\x01\x3f") + FLAG + stuffed(b"\x03\x73") + FLAG
    assert bits == frames + "1" * (240 - len(frames))
    assert HdlcReceiver().feed(octets(bits)) == [b"\x01\x3f", b"\x03\x73"]


def test_what_waits_is_told_and_taken_in_pieces() -> None:
    transmitter = HdlcTransmitter()
    assert transmitter.pending == 0
    assert transmitter.take(0) == b""
    transmitter.queue(bytes(100))
    assert transmitter.pending >= 102
    first = transmitter.take(50)
    assert 52 <= transmitter.pending <= 60
    assert HdlcReceiver().feed(first + transmitter.take(60)) == [bytes(100)]
    assert transmitter.pending == 0


@pytest.mark.parametrize("taken", range(1, 14))
def test_an_abort_ends_the_frame_on_the_line_and_drops_the_rest(taken: int) -> None:
    transmitter, receiver = HdlcTransmitter(), HdlcReceiver()
    transmitter.queue(b"\x01\x00" + b"\xf8" * 8)
    transmitter.queue(b"\x03\x73")
    sent = transmitter.take(taken)
    transmitter.abort()
    assert transmitter.pending <= 3
    transmitter.queue(b"\x01\x3f")
    sent += transmitter.take(20)
    assert receiver.feed(sent) == [b"\x01\x3f"]
    assert receiver.counters == HdlcCounters(good=1, octets=2, aborted=int(taken > 1))
    assert "1" * 7 in line(sent)
    assert "1" * 15 not in line(sent), "an abort is not an idle channel"


def test_an_abort_with_nothing_on_the_line_drops_what_waits() -> None:
    transmitter = HdlcTransmitter()
    transmitter.queue(b"\x01\x3f")
    transmitter.abort()
    assert transmitter.take(2) == b"\x7e\x7e"


telling = st.sampled_from([0x00, 0x1F, 0x3F, 0x7E, 0x7F, 0xF8, 0xFC, 0xFE, 0xFF])
frames_of_any_kind = st.lists(
    st.lists(st.one_of(telling, st.integers(0, 255)), min_size=2, max_size=60).map(bytes),
    min_size=1,
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(frames_of_any_kind, st.sampled_from(["flags", "ones"]), st.lists(st.integers(0, 40)), st.data())
def test_frames_cross_in_any_pieces(
    frames: list[bytes], fill: str, takes: list[int], data: st.DataObject
) -> None:
    transmitter = HdlcTransmitter(fill=fill)  # type: ignore[arg-type]
    sent = b""
    for frame in frames:
        transmitter.queue(frame)
        if takes:
            sent += transmitter.take(takes.pop())
    sent += transmitter.take(transmitter.pending + len(frames) * 20 + 2)
    whole = HdlcReceiver()
    assert whole.feed(sent) == frames
    cut = data.draw(st.integers(0, len(sent)))
    for pieces in ([sent[:cut], sent[cut:]], [bytes((octet,)) for octet in sent]):
        receiver = HdlcReceiver()
        assert [frame for piece in pieces for frame in receiver.feed(piece)] == frames
        assert receiver.counters == whole.counters
        assert receiver.idle == whole.idle


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from([FLAG, FLAG[1:], "1" * 6, "1" * 7, "1" * 15, "0", "1", "11111", "111110"]),
            st.lists(telling, min_size=2, max_size=12).map(bytes).map(stuffed),
            st.text("01", max_size=40),
        ),
        max_size=30,
    ).map("".join),
    st.lists(st.integers(1, 12), min_size=1),
)
@example(FLAG + "1" * 12 + FLAG + "0" * 40 + FLAG, [1])
def test_any_line_reads_as_bit_by_bit(bits: str, sizes: list[int]) -> None:
    data = octets(bits)
    expected, receiver, frames = BitByBit(), HdlcReceiver(), []
    expected.feed(data)
    place = turn = 0
    while place < len(data):
        size = sizes[turn % len(sizes)]
        frames += receiver.feed(data[place : place + size])
        place, turn = place + size, turn + 1
    assert frames == expected.frames
    assert receiver.counters == expected.counters
    assert receiver.idle == expected.idle


def test_what_waits_is_bounded_and_the_line_goes_on() -> None:
    sender, receiver = HdlcTransmitter(limit=100), HdlcReceiver()

    for _ in range(50):
        sender.queue(b"\x03\x97\x11\x02\x08")

    assert sender.pending <= 100
    sent = receiver.feed(sender.take(200))
    assert 10 < len(sent) == 50 - sender.dropped < 20
    sender.queue(b"\x03\x73")
    assert receiver.feed(sender.take(10)) == [b"\x03\x73"]
