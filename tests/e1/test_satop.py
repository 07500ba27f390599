"""SAToP: the control word as tshark reads it, loss, reordering, jitter, L and R, the clock, two ends over UDP."""

import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e1.carriers.satop import (
    PlayState,
    SatopConfig,
    SatopCounters,
    SatopError,
    SatopLine,
    SatopPacket,
    decode,
    encode,
)

CAPTURE = Path(__file__).parent / "satop.pcap"
CONFIG = SatopConfig(jitter_packets=3, buffer_packets=8, loss_packets=4, recover_packets=2)
ALL_ONES = b"\xff" * 256


def udp_payloads(pcap: bytes) -> Iterator[bytes]:
    """Payloads of UDP over IPv4 over Ethernet in a capture, lengths by UDP."""
    place = 24
    while place < len(pcap):
        length = struct.unpack_from("<I", pcap, place + 8)[0]
        frame = pcap[place + 16 : place + 16 + length]
        udp = 14 + 4 * (frame[14] & 0x0F)
        yield frame[udp + 8 : udp + struct.unpack_from(">H", frame, udp + 4)[0]]
        place += 16 + length


def as_pcap(datagrams: list[bytes]) -> bytes:
    records = []
    for number, data in enumerate(datagrams):
        udp = struct.pack(">HHHH", 49200, 50000, 8 + len(data), 0) + data
        ip = struct.pack(
            ">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, b"\x0a\0\0\1", b"\x0a\0\0\2"
        )
        frame = bytes(12) + b"\x08\x00" + ip + udp
        records.append(struct.pack("<IIII", 0, number, len(frame), len(frame)) + frame)
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + b"".join(records)


# --- the packet --------------------------------------------------------------------------------------------------


def test_the_capture_decodes() -> None:
    *plain, with_rtp = udp_payloads(CAPTURE.read_bytes())
    packets = [decode(data, SatopConfig()) for data in plain]
    assert [(p.sequence, p.l_bit, p.r_bit, len(p.payload)) for p in packets] == [
        (0, False, False, 256),
        (1, True, False, 256),
        (2, True, False, 0),
        (3, False, True, 256),
    ]
    assert packets[0].payload[::32].hex() == "9bdf" * 4
    assert packets[1].payload == ALL_ONES
    rtp = decode(with_rtp, SatopConfig(rtp=True))
    assert len(rtp.payload) == 256
    assert not rtp.l_bit
    with pytest.raises(SatopError):
        decode(with_rtp, SatopConfig())


def test_the_capture_is_written_again_octet_for_octet() -> None:
    *plain, _ = udp_payloads(CAPTURE.read_bytes())
    for data in plain:
        assert encode(decode(data, SatopConfig()), SatopConfig()) == data


def test_tshark_reads_every_field_as_we_wrote_it(tmp_path: Path) -> None:
    if which("tshark") is None:
        pytest.skip("tshark is not installed: apt install tshark")
    packets = [
        SatopPacket(0, False, False, bytes(range(256))),
        SatopPacket(1, True, False, ALL_ONES),
        SatopPacket(2, True, True, b""),
        SatopPacket(65535, False, True, bytes(256)),
    ]
    capture = tmp_path / "satop.pcap"
    capture.write_bytes(as_pcap([encode(packet, SatopConfig()) for packet in packets]))
    fields = ["cw.lbit", "cw.rbit", "cw.frag", "cw.length", "cw.seqno", "payload.len"]
    command = [
        "tshark",
        "-r",
        str(capture),
        "-d",
        "udp.port==50000,pwsatopcw",
        "-T",
        "fields",
        "-E",
        "separator=,",
    ]
    for name in fields:
        command += ["-e", f"pwsatop.{name}"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    wanted = [
        (int(p.l_bit), int(p.r_bit), 0, 0 if p.payload else 4, p.sequence, len(p.payload) or "")
        for p in packets
    ]
    assert said == [",".join(map(str, row)) for row in wanted]
    quiet = subprocess.run([*command[:5], "-Y", "_ws.malformed"], check=True, capture_output=True, text=True)
    assert quiet.stdout == ""


@given(st.integers(0, 0xFFFF), st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_a_packet_written_is_the_packet_read(
    sequence: int, l_bit: bool, r_bit: bool, rtp: bool, empty: bool
) -> None:
    config = SatopConfig(rtp=rtp, rtp_ssrc=7)
    packet = SatopPacket(sequence, l_bit, r_bit, b"" if empty and l_bit else bytes(256))
    assert decode(encode(packet, config, timestamp=8), config) == packet


@settings(max_examples=200)
@given(st.binary(max_size=300), st.booleans())
def test_only_the_declared_error_escapes(data: bytes, rtp: bool) -> None:
    error = None
    try:
        packet = decode(data, SatopConfig(rtp=rtp))
    except SatopError as refused:
        error = refused
    if error is None:
        assert len(packet.payload) in (0, 256)
    else:
        assert error.raw == data
        assert error.offset <= len(data)


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (b"\x00\x00\x00", "cut short"),
        (b"\x10\x00\x00\x00" + bytes(256), "control word begins with"),
        (b"\x00\x40\x00\x00" + bytes(256), "fragments"),
        (b"\x00\x3f\x00\x00" + bytes(8), "LEN 63 with 8 octets"),
        (b"\x00\x00\x00\x00" + bytes(255), "255 octets of payload instead of 256"),
        (b"\x00\x04\x00\x00", "0 octets of payload instead of 256"),
    ],
)
def test_what_is_no_packet_is_refused_with_the_reason(datagram: bytes, reason: str) -> None:
    with pytest.raises(SatopError, match=reason):
        decode(datagram, SatopConfig())
    line = SatopLine()
    line.received(datagram, 0.0)
    assert line.counters == SatopCounters(malformed=1)


def test_padding_after_len_is_left_out() -> None:
    assert decode(b"\x08\x04\x00\x07" + bytes(14), SatopConfig()) == SatopPacket(7, True, False, b"")


@pytest.mark.parametrize(
    "wrong",
    [{"payload": 100}, {"payload": 32}, {"jitter_packets": 0}, {"jitter_packets": 40}, {"loss_packets": 0}],
)
def test_a_circuit_that_cannot_be_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SatopConfig(**wrong)  # type: ignore[arg-type]


# --- loss, reordering, jitter ------------------------------------------------------------------------------------


def packet(sequence: int, *, l_bit: bool = False, r_bit: bool = False) -> bytes:
    payload = b"" if l_bit else bytes([sequence % 251]) * 256
    return encode(SatopPacket(sequence % 0x10000, l_bit, r_bit, payload), CONFIG)


def play(line: SatopLine, packets: int = 1) -> list[int]:
    """The first octet of each packet's time: its number, or 255 for all ones."""
    return list(line.play(8 * packets)[::256])


def playing(first: int = 0) -> SatopLine:
    """A line that plays: two packets have ended the loss, three wait."""
    line = SatopLine(CONFIG)
    assert line.loss
    for sequence in range(first, first + 4):
        assert play(line) == [255]
        line.received(packet(sequence), 0.0)
    assert line.depacketiser.state is PlayState.PLAYING
    return line


def test_it_begins_in_loss_fills_and_plays_from_the_packet_that_ended_the_loss() -> None:
    assert play(playing(), 3) == [1, 2, 3]


def test_packets_out_of_order_are_played_in_order() -> None:
    line = playing()
    for sequence in (5, 4, 6):
        line.received(packet(sequence), 0.0)
    assert play(line, 6) == [1, 2, 3, 4, 5, 6]
    assert line.counters.reordered == 1
    assert line.counters.lost == line.counters.late == 0


def test_a_lost_packet_is_all_ones_and_keeps_its_time() -> None:
    line = playing()
    for sequence in (5, 6):
        line.received(packet(sequence), 0.0)
    assert play(line, 6) == [1, 2, 3, 255, 5, 6]
    assert line.counters.lost == 1


def test_a_late_or_doubled_packet_is_counted_and_left() -> None:
    line = playing()
    line.received(packet(3), 0.0)
    assert play(line, 2) == [1, 2]
    line.received(packet(1), 0.0)
    assert line.counters.late == 2
    assert play(line) == [3]


def test_an_empty_buffer_makes_the_delay_longer() -> None:
    line = playing()
    assert play(line, 4) == [1, 2, 3, 255]
    line.received(packet(4), 0.0)
    assert play(line) == [4]
    assert line.counters.underruns == 1
    assert line.counters.lost == 0


def test_a_buffer_too_full_is_cut_to_the_usual_delay() -> None:
    line = playing()
    for sequence in range(4, 10):
        line.received(packet(sequence), 0.0)
    assert line.counters.overruns == 1
    assert play(line, 3) == [7, 8, 9]


def test_packets_missing_in_a_row_are_a_loss_of_packets_until_as_many_came_as_end_it() -> None:
    line = playing()
    assert play(line, 3 + 3) == [1, 2, 3, 255, 255, 255]
    assert not line.loss
    assert play(line) == [255]
    assert line.loss
    assert line.counters.losses == 1
    line.received(packet(50), 0.0)
    line.received(packet(52), 0.0)  # not in sequence
    assert line.loss
    line.received(packet(53), 0.0)
    assert line.depacketiser.state is PlayState.FILLING
    assert play(line) == [255]
    line.received(packet(54), 0.0)
    line.received(packet(55), 0.0)
    assert play(line, 3) == [53, 54, 55]


def test_the_sequence_wraps() -> None:
    line = playing(0xFFFE)
    for sequence in range(0x10002, 0x10005):
        line.received(packet(sequence), 0.0)
    assert play(line, 6) == [s % 251 for s in range(0xFFFF, 0x10005)]
    assert line.counters.lost == line.counters.late == 0


def test_a_sender_that_begins_anew_is_followed() -> None:
    line = playing(1000)
    for sequence in range(20):
        line.received(packet(sequence), 0.0)
        play(line)
    assert not line.loss
    assert line.counters.losses == 1


def test_any_octets_may_be_asked_for() -> None:
    line, other = playing(), playing()
    whole = line.play(24)
    assert b"".join(other.play(n) for n in (1, 5, 7, 11)) == whole


@settings(max_examples=60)
@given(st.permutations(range(4, 7)), st.sets(st.integers(4, 6)))
def test_nothing_is_played_out_of_turn(order: list[int], lost: set[int]) -> None:
    line = playing()
    for sequence in order:
        if sequence not in lost:
            line.received(packet(sequence), 0.0)
    line.received(packet(7), 0.0)
    assert play(line, 7) == [1, 2, 3, *(255 if s in lost else s for s in range(4, 7)), 7]


# --- L and R -----------------------------------------------------------------------------------------------------


def test_r_is_sent_while_packets_are_missing() -> None:
    line = SatopLine(CONFIG)
    assert [decode(d, CONFIG).r_bit for d in line.send(bytes(512))] == [True, True]
    line = playing()
    assert not decode(line.send(bytes(256))[0], CONFIG).r_bit
    play(line, 7)
    assert decode(line.send(bytes(256))[0], CONFIG).r_bit


def test_l_plays_all_ones_and_both_bits_are_told() -> None:
    line = playing()
    line.received(packet(4, l_bit=True, r_bit=True), 0.0)
    assert line.far_down
    assert line.far_loss
    assert play(line, 4) == [1, 2, 3, 255]
    assert line.counters.lost == line.counters.underruns == 0
    line.received(packet(5), 0.0)
    assert not line.far_down
    assert not line.far_loss


def test_l_is_sent_without_payload_or_with_all_ones() -> None:
    assert SatopLine().send(bytes(256), down=True) == [bytes.fromhex("0c040000")]
    full = SatopLine(SatopConfig(leave_out_payload=False)).send(bytes(256), down=True)
    assert full == [bytes.fromhex("0c000000") + ALL_ONES]


def test_what_is_sent_is_cut_into_packets_numbered_in_turn() -> None:
    line = SatopLine(sequence=0xFFFF)
    assert line.send(bytes(200)) == []
    packets = [decode(d, SatopConfig()) for d in line.send(bytes(400))]
    assert [(p.sequence, len(p.payload)) for p in packets] == [(0xFFFF, 256), (0, 256)]
    assert line.counters.sent == 2


def test_the_rtp_header_counts_in_125_us() -> None:
    line = SatopLine(SatopConfig(rtp=True, rtp_ssrc=0x01020304))
    first, second = line.send(bytes(512))
    assert first[:12].hex(" ") == "80 60 00 00 00 00 00 00 01 02 03 04"
    assert second[:12].hex(" ") == "80 60 00 01 00 00 00 08 01 02 03 04"


# --- the clock ---------------------------------------------------------------------------------------------------


def test_frames_are_due_by_elapsed_time_in_whole_packets() -> None:
    line = SatopLine()
    assert line.due(100.0) == 0
    assert line.due(100.0005) == 0
    assert line.due(100.0051) == 40
    assert line.due(100.0059) == 0
    assert line.due(100.0061) == 8
    assert sum(line.due(100 + n / 300) for n in range(2, 301)) == 8000 - 48


def test_a_clock_that_was_held_up_catches_up_in_batches() -> None:
    line = SatopLine()
    line.due(0.0)
    assert [line.due(0.070), line.due(0.0701), line.due(0.0702), line.due(0.0703)] == [160, 160, 160, 80]
    assert line.due(0.0704) == 0


def test_a_clock_that_slept_does_not_catch_up() -> None:
    line = SatopLine()
    line.due(0.0)
    assert line.due(10.0) == 160
    assert line.due(10.001) == 8


def test_a_slave_is_paced_by_the_packets_that_arrive() -> None:
    line = SatopLine(SatopConfig(clock="received"))
    line.due(0.0)
    assert line.due(0.010) == 80  # nobody there: by elapsed time
    now = 0.010
    for sequence in range(20):
        now += 0.00101  # a far clock one per cent slow
        line.received(packet(sequence), now)
        assert line.due(now) == 8
        assert line.due(now + 0.0005) == 0
    assert line.due(now + 0.015) == 0  # a pause
    assert line.due(now + 0.030) > 0  # it is gone
