"""The speech matrix: who is heard on which line, for how long, and when there is no room."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from e1.voice.g711 import silence
from e1.voice.matrix import LineTaken, VoiceMatrix
from e1.voice.rtp import JitterConfig, RtpPacket, build
from e1.voice.tones import ToneListener
from tests.tone_generator import ToneGenerator

FRAME = 0.02


class Party:
    """Somebody who speaks one tone."""

    def __init__(self, ssrc: int, frequency: int) -> None:
        self.ssrc = ssrc
        self._tone = ToneGenerator([frequency])
        self._number = 0

    def speak(self) -> bytes:
        number = self._number
        self._number += 1
        return build(RtpPacket(number & 0xFFFF, number * 160, self.ssrc, self._tone.take(160)))


class Lab:
    """A matrix, the parties, and an ear on every line that is asked for."""

    def __init__(self, matrix: VoiceMatrix | None = None) -> None:
        self.matrix = matrix or VoiceMatrix()
        self.now = 0.0
        self.parties: list[Party] = []

    def party(self, ssrc: int, frequency: int) -> int:
        self.parties.append(Party(ssrc, frequency))
        return ssrc

    def listen(
        self, *ksls: tuple[int, int], seconds: float = 0.3, portion: int = 160
    ) -> list[frozenset[int]]:
        """Everybody speaks; what is heard on each of these lines in the end."""
        ears = [ToneListener() for _ in ksls]
        for _ in range(round(seconds / FRAME)):
            for party in self.parties:
                self.matrix.rtp(party.speak(), self.now)
            for _ in range(160 // portion):
                for ksl, ear in zip(ksls, ears, strict=True):
                    octets = self.matrix.take(ksl, portion, self.now)
                    assert len(octets) == portion
                    ear.feed(octets)
            self.now += FRAME
        return [ear.heard for ear in ears]


@pytest.fixture
def lab() -> Lab:
    lab = Lab()
    lab.party(10, 400)
    lab.party(11, 700)
    lab.party(20, 1100)
    lab.party(21, 1500)
    return lab


def test_a_line_that_nobody_has_connected_is_d5() -> None:
    assert VoiceMatrix().take((0, 1), 40, 0.0) == silence(40)


@pytest.mark.parametrize("ksl_b", [None, (0, 1)])
def test_combined_control_is_two_tones_on_one_line(lab: Lab, ksl_b: tuple[int, int] | None) -> None:
    lab.matrix.connect("call 1", (0, 1), ksl_b, 10, 11)
    assert lab.listen((0, 1), (0, 2)) == [{400, 700}, set()]


def test_separate_control_is_a_tone_on_each_line(lab: Lab) -> None:
    lab.matrix.connect("call 1", (1, 3), (1, 4), 10, 11)
    assert lab.listen((1, 3), (1, 4)) == [{400}, {700}]


def test_a_line_taken_from_one_call_for_another_changes_its_tones(lab: Lab) -> None:
    lab.matrix.connect("call 1", (0, 1), None, 10, 11)
    assert lab.listen((0, 1)) == [{400, 700}]
    assert lab.matrix.free("call 1")
    lab.matrix.connect("call 2", (0, 1), None, 20, 21)
    assert lab.matrix.take((0, 1), 160, lab.now) == silence(160)
    assert lab.listen((0, 1)) == [{1100, 1500}]


def test_a_freed_line_is_silent_from_the_next_octet_on(lab: Lab) -> None:
    lab.matrix.connect("call 1", (0, 1), (0, 2), 10, 11)
    lab.listen((0, 1), (0, 2), portion=40)
    lab.matrix.take((0, 1), 40, lab.now)
    lab.matrix.free("call 1")
    assert lab.matrix.take((0, 1), 120, lab.now) == lab.matrix.take((0, 2), 120, lab.now) == silence(120)
    assert not lab.matrix.free("call 1")


def test_one_party_of_two_objects_is_heard_on_two_lines(lab: Lab) -> None:
    lab.matrix.connect("object 258", (0, 1), None, 10, 11)
    lab.matrix.connect("object 259", (0, 2), (0, 3), 10, 11)
    assert lab.listen((0, 1), (0, 2), (0, 3)) == [{400, 700}, {400}, {700}]
    lab.matrix.free("object 258")
    assert lab.listen((0, 1), (0, 2), (0, 3)) == [set(), {400}, {700}]


def test_a_party_without_rtp_is_silent(lab: Lab) -> None:
    lab.matrix.connect("call 1", (0, 1), None, 10, None)
    lab.matrix.connect("call 2", (0, 2), None, None, None)
    assert lab.listen((0, 1), (0, 2)) == [{400}, set()]
    assert lab.matrix.free("call 2")


def test_a_line_and_a_key_are_connected_once(lab: Lab) -> None:
    lab.matrix.connect("call 1", (0, 1), (0, 2), 10, 11)
    with pytest.raises(LineTaken, match="call 1 is connected already"):
        lab.matrix.connect("call 1", (0, 3), None, 20, 21)
    with pytest.raises(LineTaken, match="KSL 2 of stream 0"):
        lab.matrix.connect("call 2", (0, 3), (0, 2), 20, 21)
    assert lab.listen((0, 1), (0, 2), (0, 3)) == [{400}, {700}, set()]


@pytest.mark.parametrize("portion", [8, 16, 40, 80, 160])
def test_lines_are_heard_whatever_the_portions_of_the_stream(lab: Lab, portion: int) -> None:
    lab.matrix.connect("call 1", (0, 1), None, 10, 11)
    lab.matrix.connect("call 2", (0, 2), (0, 3), 20, 21)
    heard = lab.listen((0, 1), (0, 2), (0, 3), portion=portion)
    assert heard == [{400, 700}, {1100}, {1500}]


def test_lines_connected_at_any_moment_are_mixed_together(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[int] = []
    from e1.voice import matrix as voice

    mix = voice.mix_octets

    def counting(a: bytes, b: bytes) -> bytes:
        batches.append(len(a) // 160)
        return mix(a, b)

    monkeypatch.setattr(voice, "mix_octets", counting)
    lab.matrix.connect("call 1", (0, 1), None, 10, 11)
    lab.matrix.take((0, 1), 40, 0.0)
    lab.matrix.connect("call 2", (0, 2), None, 20, 21)
    for _ in range(7):
        lab.matrix.take((0, 1), 40, 0.0)
        lab.matrix.take((0, 2), 40, 0.0)
    assert batches == [1, 2]


def test_a_lost_packet_of_one_party_leaves_the_other_whole() -> None:
    lab = Lab(VoiceMatrix(JitterConfig(depth=0)))
    a, b = Party(1, 400), Party(2, 700)
    lab.matrix.connect("call 1", (0, 1), None, 1, 2)
    a.speak()
    lab.matrix.rtp(b.speak(), 0.0)
    assert lab.matrix.take((0, 1), 160, 0.0) == ToneGenerator([700]).take(160)


def datagrams(counter: str) -> Iterable[bytes]:
    good = RtpPacket(1, 160, 10, silence(160))
    return {
        "malformed": [b"", b"\x00" * 40],
        "unknown_ssrc": [build(good._replace(ssrc=99))],
        "wrong_payload": [build(good._replace(payload_type=0))],
    }[counter]


@pytest.mark.parametrize("counter", ["malformed", "unknown_ssrc", "wrong_payload"])
def test_what_is_no_use_is_counted_and_dropped(counter: str) -> None:
    matrix = VoiceMatrix()
    matrix.connect("call 1", (0, 1), None, 10, 11)
    sent = list(datagrams(counter))
    for datagram in sent:
        matrix.rtp(datagram, 0.0)
    assert getattr(matrix.counters, counter) == matrix.counters.datagrams == len(sent)
    assert matrix.jitter_counters().received == 0


def test_lines_and_what_their_sources_did_are_counted_also_after_them(lab: Lab) -> None:
    lab.matrix.connect("call 1", (0, 1), None, 10, 11)
    lab.listen((0, 1))
    lab.matrix.connect("call 2", (1, 2), (1, 3), 20, None)
    assert lab.matrix.lines() == (1, 1)
    assert lab.matrix.jitter_counters().received == 30
    lab.matrix.free("call 1")
    assert lab.matrix.lines() == (0, 1)
    assert lab.matrix.jitter_counters().received == 30
    assert lab.matrix.counters.freed == 1
