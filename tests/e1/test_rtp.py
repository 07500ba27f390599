"""RTP packets, and a jitter buffer over networks that lose, double, reorder, delay and drift."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e1.voice.g711 import silence
from e1.voice.rtp import JitterBuffer, JitterConfig, JitterCounters, RtpError, RtpPacket, build, parse
from tests.tone_generator import ToneGenerator

GAP = silence(160)


def voice(number: int, octets: int = 160) -> bytes:
    """A payload that says which it is; never silent."""
    return bytes((number * 7 + n) % 100 for n in range(octets))


def packet(number: int, *, first: int = 0, stamp: int = 0, ssrc: int = 1) -> RtpPacket:
    """Packet ``number`` of a source whose first sequence number and timestamp are given."""
    return RtpPacket(
        (first + number) & 0xFFFF,
        (stamp + number * 160) & 0xFFFF_FFFF,
        ssrc,
        voice(number),
        marker=number == 0,
    )


class Line:
    """A buffer that is taken from every 20 ms, and what it has handed out."""

    def __init__(self, **config: int) -> None:
        self.buffer = JitterBuffer(JitterConfig(**config))
        self.now = 1000.0
        self.frames: list[bytes] = []

    def step(self, *packets: RtpPacket) -> None:
        """These come in, then a frame is taken."""
        for one in packets:
            self.buffer.put(one, self.now)
        self.frames.append(self.buffer.take())
        self.now += 0.02

    @property
    def heard(self) -> list[int | None]:
        """Numbers of the payloads, None for silence; the delay at the beginning is left out."""
        known = {voice(n): n for n in range(100)}
        numbers = [None if frame == GAP else known[frame] for frame in self.frames]
        return numbers[2:]

    @property
    def counters(self) -> JitterCounters:
        return self.buffer.counters


# --- packets


def test_the_layout_of_a_packet() -> None:
    one = RtpPacket(0x1234, 0x56789ABC, 0xDEADBEEF, b"\xd5\x55", marker=True)
    assert build(one).hex(" ") == "80 88 12 34 56 78 9a bc de ad be ef d5 55"
    assert parse(build(one)) == one


@given(
    st.builds(
        RtpPacket,
        st.integers(0, 0xFFFF),
        st.integers(0, 0xFFFF_FFFF),
        st.integers(0, 0xFFFF_FFFF),
        st.binary(max_size=400),
        st.integers(0, 127),
        st.booleans(),
    ),
    st.lists(st.binary(min_size=4, max_size=4), max_size=15),
    st.none() | st.integers(0, 5),
    st.integers(0, 255),
)
def test_sources_extension_and_padding_are_passed_over(
    one: RtpPacket, sources: list[bytes], extension: int | None, padding: int
) -> None:
    plain = build(one)
    first = 0x80 | len(sources) | (0x20 if padding else 0) | (0x10 if extension is not None else 0)
    more = b"" if extension is None else struct.pack("!HH", 0xBEDE, extension) + bytes(4 * extension)
    tail = bytes(padding - 1) + bytes([padding]) if padding else b""
    assert parse(bytes([first]) + plain[1:12] + b"".join(sources) + more + plain[12:] + tail) == one


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (b"", "0 octets; a header has 12"),
        (bytes(11), "11 octets; a header has 12"),
        (bytes(12), "version 0 instead of 2"),
        (b"\xc0" + bytes(11), "version 3 instead of 2"),
        (b"\x81" + bytes(11), "header and padding need 16 of 12 octets"),
        (b"\x90" + bytes(11), "header and padding need 16 of 12 octets"),
        (b"\xa0" + bytes(11), "padding of 0 octets"),
        (b"\xa0" + bytes(11) + b"\x02", "header and padding need 14 of 13 octets"),
    ],
)
def test_what_is_no_packet_is_refused_with_the_reason(datagram: bytes, reason: str) -> None:
    with pytest.raises(RtpError, match=reason):
        parse(datagram)


@given(st.binary(max_size=64))
def test_any_datagram_is_parsed_or_refused(datagram: bytes) -> None:
    try:
        one = parse(datagram)
    except RtpError:
        return
    assert len(one.payload) <= len(datagram) - 12


@pytest.mark.parametrize(
    "wrong",
    [{"sequence": 0x10000}, {"timestamp": 1 << 32}, {"ssrc": -1}, {"payload_type": 128}],
)
def test_a_field_that_does_not_fit_is_not_built(wrong: dict[str, int]) -> None:
    with pytest.raises(RtpError, match="bits"):
        build(packet(0)._replace(**wrong))  # type: ignore[arg-type]


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed: apt install tshark")
@pytest.mark.skipif(
    not shutil.which("text2pcap"), reason="text2pcap is not installed: apt install wireshark-common"
)
def test_tshark_reads_the_same_fields(tmp_path: Path) -> None:
    tone = ToneGenerator([1000])
    packets = [
        packet(n, first=65535, stamp=0xFFFF_FF60, ssrc=0xC0FFEE)._replace(payload=tone.take(160))
        for n in range(3)
    ]
    dump = "\n".join(f"000000 {build(one).hex(' ')}\n" for one in packets)
    pcap = tmp_path / "rtp.pcap"
    subprocess.run(
        ["text2pcap", "-q", "-u", "40000,40000", "-", str(pcap)],
        input=dump.encode(),
        check=True,
        capture_output=True,
    )
    names = ["version", "p_type", "seq", "timestamp", "ssrc", "payload"]
    fields = [part for name in names for part in ("-e", f"rtp.{name}")]
    command = ["tshark", "-r", str(pcap), "-d", "udp.port==40000,rtp"]
    shown = subprocess.run([*command, "-T", "fields", *fields], check=True, capture_output=True, text=True)
    assert [line.split("\t") for line in shown.stdout.splitlines()] == [
        ["2", "8", str(one.sequence), str(one.timestamp), f"0x{one.ssrc:08x}", one.payload.hex()]
        for one in packets
    ]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert ["PT=ITU-T G.711 PCMA" in line for line in lines] == [True] * 3
    assert ["Mark" in line for line in lines] == [True, False, False]


# --- the jitter buffer


def test_before_the_first_packet_there_is_silence_that_nobody_counts() -> None:
    line = Line()
    line.step()
    assert line.frames == [GAP]
    assert line.counters == JitterCounters()


def test_a_steady_source_is_heard_40_ms_later() -> None:
    line = Line()
    for n in range(5):
        line.step(packet(n))
    assert line.frames[:2] == [GAP, GAP]
    assert line.heard == [0, 1, 2]


def test_a_lost_packet_is_20_ms_of_silence() -> None:
    line = Line()
    for n in range(8):
        line.step(*([packet(n)] if n != 3 else []))
    assert line.heard == [0, 1, 2, None, 4, 5]
    assert line.counters.lost == 1


def test_packets_out_of_order_are_heard_in_order() -> None:
    line = Line()
    line.step(packet(0))
    line.step()
    line.step(packet(2), packet(1))
    for n in range(3, 6):
        line.step(packet(n))
    assert line.heard == [0, 1, 2, 3]
    assert (line.counters.reordered, line.counters.lost) == (1, 0)


@pytest.mark.parametrize("first", [0, 0xFFFD, 0xFFFF])
def test_a_doubled_packet_is_heard_once(first: int) -> None:
    line = Line()
    for n in range(6):
        line.step(packet(n, first=first), packet(n, first=first))
    line.step(packet(2, first=first))
    assert line.heard == [0, 1, 2, 3, 4]
    assert line.counters.duplicates == 7


def test_a_packet_that_comes_too_late_is_dropped_and_counted() -> None:
    line = Line()
    for n in range(6):
        line.step(*([packet(n)] if n != 1 else []), *([packet(1)] if n == 4 else []))
    assert line.heard == [0, None, 2, 3]
    assert (line.counters.late, line.counters.lost) == (1, 0)


def test_of_a_packet_that_is_half_late_the_other_half_is_heard() -> None:
    buffer = JitterBuffer()
    buffer.put(packet(0), 0.0)
    buffer.take(320 + 160 + 80)
    buffer.put(packet(1), 0.07)
    assert buffer.take(80) == voice(1)[80:]
    assert buffer.counters.late == 1


def test_numbers_and_timestamps_run_over() -> None:
    line = Line()
    for n in range(8):
        line.step(packet(n, first=65533, stamp=0xFFFF_FFFF - 500))
    assert line.heard == [0, 1, 2, 3, 4, 5]
    assert line.counters == JitterCounters(received=8, silent_octets=320)


def test_another_source_begins_the_delay_anew() -> None:
    line = Line()
    for n in range(4):
        line.step(packet(n))
    for n in range(4):
        line.step(packet(n + 50, first=7000, stamp=99, ssrc=2))
    assert line.heard == [0, 1, None, None, 50, 51]
    assert line.counters.ssrc_changes == 1


def test_a_source_that_restarts_its_numbers_loses_nothing() -> None:
    line = Line()
    for n in range(4):
        line.step(packet(n))
    for n in range(4, 8):
        line.step(packet(n, first=30_000))
    assert line.heard == [0, 1, 2, 3, 4, 5]
    assert line.counters.lost == 0


def test_a_source_that_jumps_in_time_is_followed_after_three_packets() -> None:
    line = Line()
    for n in range(4):
        line.step(packet(n))
    for n in range(4, 12):
        line.step(packet(n, stamp=1_000_000))
    assert line.heard == [0, 1, 2, 3, None, None, 6, 7, 8, 9]
    assert (line.counters.overrun, line.counters.resyncs) == (3, 1)


def test_one_packet_from_another_time_does_no_harm() -> None:
    line = Line()
    for n in range(8):
        line.step(packet(n), *([packet(n, stamp=5_000_000)._replace(sequence=n + 1)] if n == 3 else []))
    assert [n for n in line.heard if n is not None] == [0, 1, 2, 3, 5]
    assert line.counters.resyncs == 0


def test_a_pause_of_the_source_keeps_its_length() -> None:
    line = Line()
    for n in range(12):
        line.step(*([packet(n)] if n not in range(3, 8) else []))
    assert line.heard == [0, 1, 2, None, None, None, None, None, 8, 9]


def test_a_stalled_network_begins_anew_when_it_has_caught_up() -> None:
    line = Line()
    for n in range(4):
        line.step(packet(n))
    for _ in range(20):
        line.step()
    line.step(*(packet(n) for n in range(4, 25)))
    for n in range(25, 32):
        line.step(packet(n))
    assert line.heard[-4:] == [26, 27, 28, 29]
    assert line.counters.resyncs >= 1


def test_memory_is_bounded_when_nobody_takes() -> None:
    buffer = JitterBuffer()
    for n in range(1000):
        buffer.put(packet(n), n * 0.02)
        assert buffer.waiting <= 1600
    assert buffer.counters.overrun > 200


def test_octets_that_overlap_do_not_pile_up() -> None:
    buffer = JitterBuffer()
    for n in range(2000):
        buffer.put(packet(2 * n), n * 0.02)
        buffer.put(RtpPacket(2 * n + 1 & 0xFFFF, 320 * n + 80, 1, voice(1)), n * 0.02)
        buffer.take(320)
        assert buffer.waiting <= 1600


@pytest.mark.parametrize("portion", [1, 8, 40, 100, 160, 240])
@pytest.mark.parametrize("size", [80, 160, 240])
def test_packets_and_portions_of_any_size(portion: int, size: int) -> None:
    speech = bytes(n % 199 for n in range(4800))
    buffer = JitterBuffer(JitterConfig(limit=10_000, depth=0, window=1000))
    for n, at in enumerate(range(0, len(speech), size)):
        buffer.put(RtpPacket(n, at, 1, speech[at : at + size]), at / 8000)
    assert (
        b"".join(buffer.take(portion) for _ in range(len(speech) // portion))
        == (speech[: len(speech) // portion * portion])
    )


@pytest.mark.parametrize("drift", [-1000e-6, -200e-6, -50e-6, 50e-6, 200e-6, 1000e-6])
def test_clocks_that_differ_keep_the_delay_bounded(drift: float) -> None:
    """Twenty minutes; ``drift``: how much faster the source's clock is than the line's."""
    buffer = JitterBuffer()
    sent = 0
    kept: list[int] = []
    for frame in range(60_000):
        now = frame * 0.02
        while sent <= now * (1 + drift) / 0.02:
            buffer.put(packet(sent), now)
            sent += 1
        buffer.take()
        kept.append(buffer.waiting)
    frames_of_drift = abs(drift) * 60_000
    counters = buffer.counters
    assert max(kept) <= 5 * 160
    corrections = counters.skipped if drift > 0 else counters.inserted
    assert corrections + counters.resyncs == pytest.approx(frames_of_drift, abs=3)
    assert (counters.inserted if drift > 0 else counters.skipped) == 0
    assert counters.late <= frames_of_drift
    assert counters.lost == counters.overrun == 0


def test_jitter_as_rfc_3550_estimates_it() -> None:
    even, uneven = JitterBuffer(), JitterBuffer()
    for n in range(500):
        even.put(packet(n), n * 0.02)
        uneven.put(packet(n), n * 0.02 + (0.01 if n % 2 else 0))
        even.take()
        uneven.take()
    assert even.jitter == pytest.approx(0, abs=0.01)
    assert uneven.jitter == pytest.approx(80, rel=0.01)


FATES: list[tuple[int, ...]] = [(0,), (0,), (0,), (1,), (2,), (5,), (), (0, 0), (0, 5)]
"""What may become of a packet: how many frames later each of its copies comes; none: it is lost."""


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(FATES), min_size=60, max_size=120))
def test_a_bad_network_garbles_nothing(fates: list[tuple[int, ...]]) -> None:
    """Whatever is lost, doubled, delayed: frames are heard whole, in order, and none of them twice."""
    arrivals: dict[int, list[int]] = {}
    for n, delays in enumerate(fates):
        for delay in delays:
            arrivals.setdefault(n + delay, []).append(n)
    buffer = JitterBuffer()
    heard: list[int] = []
    for frame in range(len(fates) + 10):
        for n in arrivals.get(frame, []):
            payload = bytes([1 + n]) * 160
            buffer.put(RtpPacket((65_500 + n) & 0xFFFF, n * 160, 9, payload), frame * 0.02)
        portion = buffer.take(160)
        assert portion == portion[:1] * 160
        if portion != GAP:
            heard.append(portion[0] - 1)
    assert heard == sorted(set(heard))
