"""The speech matrix: who is heard on which line, for how long, and when there is no room."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from e1.voice.g711 import silence
from e1.voice.matrix import ConferencesExhausted, LineTaken, VoiceConfig, VoiceMatrix
from e1.voice.rtp import JitterConfig, RtpPacket, build
from e1.voice.tones import ToneGenerator, ToneListener

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


def test_another_party_takes_the_place_of_b(lab: Lab) -> None:
    lab.matrix.connect("call 1", (0, 1), None, 10, 11)
    lab.listen((0, 1))
    assert lab.matrix.retarget("call 1", 10, 21)
    assert lab.listen((0, 1)) == [{400, 1500}]
    assert lab.matrix.retarget("call 1", 10, None)
    assert lab.listen((0, 1)) == [{400}]
    assert not lab.matrix.retarget("call 2", 10, 11)


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


def test_two_submodules_mix_54_calls_and_no_more() -> None:
    matrix = VoiceMatrix()
    for n in range(54):
        matrix.connect(n, (n // 28, n % 28 + 1), None, 2 * n, 2 * n + 1)
    assert not matrix.can_connect()
    with pytest.raises(ConferencesExhausted, match="all 54 conferences of 2 submodules"):
        matrix.connect(54, (3, 1), None, 200, 201)
    assert matrix.take((3, 1), 8, 0.0) == silence(8)
    assert matrix.status()["conferences"] == ["27 of 27", "27 of 27"]
    matrix.free(40)
    assert matrix.status()["conferences"] == ["27 of 27", "26 of 27"]
    matrix.connect(54, (3, 1), None, 200, 201)
    assert matrix.counters.exhausted == 1


def test_separate_control_mixes_nothing_so_it_needs_no_conference() -> None:
    matrix = VoiceMatrix(VoiceConfig(submodules=1, conferences=1))
    matrix.connect("call 1", (0, 1), None, 1, 2)
    assert matrix.can_connect(separate=True)
    matrix.connect("call 2", (0, 2), (0, 3), 3, 4)
    assert not matrix.can_connect()


def test_separate_control_needs_conferences_where_the_device_is_set_so() -> None:
    matrix = VoiceMatrix(VoiceConfig(submodules=2, conferences=3, separate_conferences=2))
    matrix.connect("call 1", (0, 1), (0, 2), 1, 2)
    matrix.connect("call 2", (0, 3), (0, 4), 3, 4)
    assert not matrix.can_connect(separate=True)
    # A call does not spread over two submodules, though one conference is left in each.
    with pytest.raises(ConferencesExhausted):
        matrix.connect("call 3", (0, 5), (0, 6), 5, 6)
    matrix.connect("call 4", (0, 5), None, 5, 6)
    assert matrix.status()["conferences"] == ["3 of 3", "2 of 3"]


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
    lab = Lab(VoiceMatrix(VoiceConfig(jitter=JitterConfig(depth=0))))
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


def test_the_status_tells_lines_and_what_their_sources_did(lab: Lab) -> None:
    lab.matrix.connect("call 1", (0, 1), None, 10, 11)
    lab.listen((0, 1))
    lab.matrix.connect("call 2", (1, 2), (1, 3), 20, None)
    status = lab.matrix.status()
    assert [(line["ksl_a"], line["ksl_b"], line["ssrcs"], line["submodule"]) for line in status["lines"]] == [
        ((0, 1), None, (10, 11), 0),
        ((1, 2), (1, 3), (20, None), None),
    ]
    assert status["sources"]["received"] == 30
    lab.matrix.free("call 1")
    assert lab.matrix.status()["sources"]["received"] == 30
    assert lab.matrix.status()["counters"]["freed"] == 1
