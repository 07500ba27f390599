"""SAToP captures (raw E1 in UDP) decoded down to the order's messages."""

from __future__ import annotations

import random
import struct
import subprocess
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from shutil import which

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e1.carriers.satop import Packetiser, SatopConfig, SatopCounters
from e1.lapb.config import LapbConfig
from e1.stream import ChannelEvent, E1Stream, StreamConfig
from e1.x25.config import X25Config
from protocol import Codec, CommandExecuted, CommandReceived, GetVersion, Start
from sorm_mediator.capture.events import Data, Trouble
from sorm_mediator.capture.reader import read_bytes, read_input
from sorm_mediator.capture.units import Found, decode_events
from sorm_mediator.capture.x25 import _read
from tests.capture.frames import framed, pcap, udp

CONSOLE, MEDIATOR = ("192.0.2.1", 50002), ("192.0.2.2", 50002)
PLAIN = SatopConfig()
FORMS = [
    SatopConfig(payload=payload, rtp=rtp, rtp_ssrc=0x12345678)
    for payload in (64, 128, 512, 1024, 1440)
    for rtp in (False, True)
] + [SatopConfig(rtp=True, rtp_payload_type=8)]
CODEC = Codec()
COMMANDS = [Start(), GetVersion()]
ANSWERS = [CommandReceived(1, 0), CommandExecuted(1, 0)]


def end(role: str, crc4: bool, timeslot: int) -> E1Stream:
    lapb, x25 = LapbConfig(role=role), X25Config(role=role)
    return E1Stream(StreamConfig(crc4=crc4, kpd1_timeslot=timeslot, lapb=lapb, x25=x25))


def datagrams(
    crc4: bool = True, timeslot: int = 30, shift: int = 0, line: SatopConfig = PLAIN
) -> list[tuple[bool, bytes]]:
    """A dialogue over E1, sampled on both directions: from the console or not, and the packet."""
    ends = {True: end("dte", crc4, timeslot), False: end("dce", crc4, timeslot)}
    ways = {side: Packetiser(line, SatopCounters(), 0xFFF0) for side in ends}
    crossed = []
    said = False
    for turn in range(300):
        now = turn * 0.001
        for side, stream in ends.items():
            octets = stream.transmit(8, now)
            if turn == 0 and shift:
                octets = octets[shift:]  # packets need not begin with a frame
            crossed += [(side, packet) for packet in ways[side].push(octets, l_bit=False, r_bit=False)]
            for event in ends[not side].receive(octets, now):
                assert isinstance(event, ChannelEvent) or event.new
        if not said and all(end.channels["kpd1"].up for end in ends.values()):
            said = True
            for command in COMMANDS:
                ends[True].send("kpd1", CODEC.encode(command), now)
            for answer in ANSWERS:
                ends[False].send("kpd1", CODEC.encode(answer), now)
    return crossed


def capture(crossed: list[tuple[bool, bytes]]) -> bytes:
    ways = {True: (CONSOLE, MEDIATOR), False: (MEDIATOR, CONSOLE)}
    return pcap([framed(1, udp(*ways[side], packet)) for side, packet in crossed])


def told(data: bytes) -> dict[str, list[object]]:
    """Messages by flow; nothing else may be in it."""
    messages: dict[str, list[object]] = {}
    for item in decode_events(read_bytes(data)):
        assert isinstance(item, Found)
        assert not item.problems
        messages.setdefault(item.flow.label, []).append(item.message)
    return messages


def both(timeslot: int) -> dict[str, list[object]]:
    return {
        f"192.0.2.1:50002 > 192.0.2.2:50002 udp e1 timeslot {timeslot} x25 channel 1": COMMANDS,
        f"192.0.2.2:50002 > 192.0.2.1:50002 udp e1 timeslot {timeslot} x25 channel 1": ANSWERS,
    }


@pytest.mark.parametrize("crc4", [True, False])
@pytest.mark.parametrize("timeslot", [30, 16])
def test_messages_of_both_directions_are_found(crc4: bool, timeslot: int) -> None:
    assert told(capture(datagrams(crc4, timeslot))) == both(timeslot)


def name(form: SatopConfig) -> str:
    return f"{form.payload} octets{', RTP' if form.rtp else ''}"


@pytest.mark.parametrize("form", FORMS, ids=name)
def test_packets_of_other_sizes_and_with_rtp_headers_are_read_too(form: SatopConfig) -> None:
    assert told(capture(datagrams(line=form))) == both(30)


@pytest.mark.parametrize("form", [FORMS[0], FORMS[5], FORMS[-1]], ids=name)
def test_such_packets_are_put_in_order_as_well(form: SatopConfig) -> None:
    crossed = datagrams(shift=13, line=form)
    mixer = random.Random(3)  # noqa: S311 - a fixed order
    order = sorted(range(len(crossed)), key=lambda index: index + mixer.uniform(0, 8))
    assert told(capture([crossed[index] for index in order for _ in range(2)])) == both(30)


def cut_anew(crossed: list[tuple[bool, bytes]], size: int) -> list[tuple[bool, bytes]]:
    """The same streams in packets of a size that is no multiple of a frame."""
    again = []
    for side in (True, False):
        octets = b"".join(packet[4:] for of, packet in crossed if of is side)
        for number, begin in enumerate(range(0, len(octets) - size + 1, size)):
            length = 4 + size if 4 + size < 64 else 0
            again.append((side, struct.pack(">BBH", 0, length, number) + octets[begin : begin + size]))
    return again


@pytest.mark.parametrize("size", [47, 100, 193, 1000])
def test_a_packet_need_not_hold_whole_frames(size: int) -> None:
    crossed = cut_anew(datagrams(), size)
    assert told(capture(crossed)) == both(30)
    for index in range(5, 60, 9):  # alignment is kept past a lost one, so what comes later is whole
        found = told(capture(crossed[:index] + crossed[index + 1 :]))
        for label, messages in both(30).items():
            assert [m for m in messages if m in found.get(label, [])] == found.get(label, [])


def test_a_sender_that_begins_anew_is_followed() -> None:
    once = datagrams()
    first = [
        (side, packet[:2] + struct.pack(">H", 0xC000 + n) + packet[4:])
        for n, (side, packet) in enumerate(once)
    ]
    found = told(capture(first + once))
    assert {label: messages.count(messages[0]) for label, messages in found.items()} == dict.fromkeys(
        both(30), 2
    )


def test_each_direction_may_have_its_own_form() -> None:
    there = [each for each in datagrams(line=FORMS[1]) if each[0]]
    back = [each for each in datagrams(line=FORMS[4]) if not each[0]]
    assert told(capture(there + back)) == both(30)


def test_packets_need_not_begin_with_a_frame() -> None:
    assert told(capture(datagrams(shift=13))) == both(30)


def test_packets_that_come_twice_or_out_of_order_are_put_right() -> None:
    crossed = datagrams()
    mixer = random.Random(1)  # noqa: S311 - a fixed order
    order = sorted(range(len(crossed)), key=lambda index: index + mixer.uniform(0, 8))
    assert told(capture([crossed[index] for index in order for _ in range(2)])) == both(30)


def test_a_lost_packet_costs_what_it_held() -> None:
    crossed = datagrams()
    whole = both(30)
    missing = 0
    for index in range(0, 120, 5):
        found = told(capture(crossed[:index] + crossed[index + 1 :]))
        for label, messages in whole.items():
            left = found.get(label, [])
            assert left == [message for message in messages if message in left]
            missing += len(messages) - len(left)
    assert 0 < missing < 24, "each packet holds 8 octets of the timeslot, at most the ends of two frames"


def test_a_stream_without_x25_is_said_to_be_one() -> None:
    with (Path(__file__).parent / "data" / "satop.pcap").open("rb") as stream:
        items = list(decode_events(read_input(stream)))
    texts = [item.text for item in items if isinstance(item, Trouble)]
    assert texts == [
        "10.0.0.1:49200 > 10.0.0.2:50000 udp: 4 packets of an E1 stream (SAToP) without X.25 data"
    ]
    assert not any(isinstance(item, Found) for item in items)


def test_hundreds_of_packets_of_anything_else_are_no_stream() -> None:
    anything = random.Random(2)  # noqa: S311 - fixed octets
    crossed = [(True, anything.randbytes(260)) for _ in range(200)]
    found = list(decode_events(read_input(BytesIO(capture(crossed)))))
    assert not any(isinstance(item, Found) for item in found)


# --- what is none ------------------------------------------------------------------------------------------------


def none_of_it(packets: list[bytes]) -> None:
    """Every octet is there as it came, in order, and nothing as a stream."""
    events = list(read_bytes(capture([(True, packet) for packet in packets])))
    data = [event for event in events if isinstance(event, Data)]
    assert [event.data for event in data] == packets
    assert {event.flow.label for event in data} == {"192.0.2.1:50002 > 192.0.2.2:50002 udp"}
    assert not any(isinstance(event, Trouble) for event in events)


def test_three_packets_are_no_evidence() -> None:
    none_of_it([packet for side, packet in datagrams() if side][:3])


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda n, packet: b"\x10" + packet[1:], id="a control word that begins with 1"),
        pytest.param(lambda n, packet: b"\x01" + packet[1:], id="a fragment"),
        pytest.param(lambda n, packet: packet[:1] + b"\x3f" + packet[2:], id="LEN of another length"),
        pytest.param(lambda n, packet: packet[:2] + b"\0\0" + packet[4:], id="the same sequence number"),
        pytest.param(
            lambda n, packet: packet[:2] + struct.pack(">H", 999 * n & 0xFFFF) + packet[4:],
            id="numbers that jump",
        ),
        pytest.param(lambda n, packet: packet + bytes(n), id="another size each time"),
        pytest.param(lambda n, packet: packet[:24], id="a payload shorter than a frame"),
    ],
)
def test_control_word_length_and_sequence_must_be_right(spoil: Callable[[int, bytes], bytes]) -> None:
    stream = [packet for side, packet in datagrams() if side][:100]
    none_of_it([spoil(n, packet) for n, packet in enumerate(stream)])


def test_an_rtp_header_whose_numbers_do_not_go_with_the_control_word_is_speech() -> None:
    stream = [packet for side, packet in datagrams(line=FORMS[-1]) if side][:100]
    none_of_it([packet[:2] + struct.pack(">H", 3 * n) + packet[4:] for n, packet in enumerate(stream)])


def test_speech_of_any_octets_is_no_stream() -> None:
    for octet in (0x00, 0x04, 0x08, 0xD5):
        header = [struct.pack(">BBHII", 0x80, 8, n, 160 * n, 7) for n in range(200)]
        none_of_it([each + bytes([octet]) * 160 for each in header])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=80), min_size=1, max_size=30))
def test_no_octet_of_other_datagrams_is_lost(packets: list[bytes]) -> None:
    events = list(read_bytes(capture([(True, packet) for packet in packets])))
    assert b"".join(event.data for event in events if isinstance(event, Data)) == b"".join(packets)


# --- tshark as the second reader ---------------------------------------------------------------------------------


def tshark(capture: Path, port_as: str, *fields: str) -> list[list[str]]:
    if which("tshark") is None:
        pytest.skip("tshark is not installed: apt install tshark")
    command = ["tshark", "-r", str(capture), "-d", f"udp.port==50002,{port_as}", "-T", "fields"]
    for field in fields:
        command += ["-e", field]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [line.split("\t") for line in said.splitlines()]


@pytest.mark.parametrize("form", [form for form in FORMS if not form.rtp], ids=name)
def test_tshark_reads_the_same_control_words_and_sizes(form: SatopConfig, tmp_path: Path) -> None:
    crossed = datagrams(line=form)
    (tmp_path / "satop.pcap").write_bytes(capture(crossed))
    read = tshark(
        tmp_path / "satop.pcap", "pwsatopcw", "pwsatop.cw.seqno", "pwsatop.cw.length", "pwsatop.payload.len"
    )
    ours = [_read(packet) for _, packet in crossed]
    assert read == [[str(each.packet.sequence), "0", str(form.payload)] for each in ours if each is not None]


@pytest.mark.parametrize("form", [form for form in FORMS if form.rtp], ids=name)
def test_tshark_reads_the_same_rtp_headers(form: SatopConfig, tmp_path: Path) -> None:
    """It knows no SAToP with RTP: what it takes for the payload begins with the control word."""
    crossed = datagrams(line=form)
    (tmp_path / "satop.pcap").write_bytes(capture(crossed))
    read = tshark(tmp_path / "satop.pcap", "rtp", "rtp.seq", "rtp.p_type", "rtp.ssrc", "rtp.payload")
    for (_, packet), (sequence, kind, ssrc, payload) in zip(crossed, read, strict=True):
        reading = _read(packet)
        assert reading is not None
        assert (int(sequence), int(kind), int(ssrc, 16)) == (
            reading.packet.sequence,
            form.rtp_payload_type,
            form.rtp_ssrc,
        )
        assert payload[8:] == reading.packet.payload.hex()
