"""The table of defects and the criteria of G.706, G.732 and G.775: what sets and clears each alarm."""

from itertools import pairwise

import numpy as np
import pytest

from e1.g704.alarms import (
    CONSEQUENCES,
    PRIORITY,
    SIGNAL_EFFECTS,
    AlarmConfig,
    Alarms,
    Signal,
    StreamState,
)
from e1.g704.framer import FrameReceiver
from e1.g704.frames import BIT_1, REMOTE_ALARM, FrameTransmitter

LOS, AIS, LOF, LOMF, RAI, WORK = (StreamState(s) for s in ["LOS", "AIS", "LOF", "LOMF", "RAI", "WORK"])


def payload(frames: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (frames, 32), dtype=np.uint8)


class Line:
    """A transmitter and a receiver in work; each test spoils what crosses."""

    def __init__(self, crc4: bool = True, **config: object) -> None:
        self.transmitter = FrameTransmitter(crc4)
        self.transmitter.set_e_bits(aligned=True)
        self.receiver = FrameReceiver(crc4, AlarmConfig(**config))  # type: ignore[arg-type]
        self.sent = 0
        self.cross(160)
        assert self.receiver.take_changes() == [LOF, WORK]

    def frames(self, count: int, remote_alarm: bool = False) -> np.ndarray:
        self.sent += count
        octets = self.transmitter.frames(payload(count, self.sent), remote_alarm)
        return np.frombuffer(octets, np.uint8).reshape(-1, 32).copy()

    def cross(self, count: int, remote_alarm: bool = False) -> list[StreamState]:
        self.receiver.feed(self.frames(count, remote_alarm).tobytes())
        return self.receiver.take_changes() if self.sent > 160 else []

    def raw(self, octets: bytes) -> list[StreamState]:
        self.receiver.feed(octets)
        return self.receiver.take_changes()

    def bits(self, zeros: int) -> list[StreamState]:
        """A run of exactly ``zeros`` bits without a pulse, pulses around it, in a whole number of double frames."""
        bits = [1, 0] * 256 + [1] + [0] * zeros + [1]
        bits += [1, 0] * (256 - zeros % 512 // 2 + 256)
        bits = bits[: len(bits) // 512 * 512]
        return self.raw(np.packbits(np.array(bits, np.uint8)).tobytes())


# --- the table ---------------------------------------------------------------------------------------------------


def test_priority_is_absent_off_los_ais_lof_lomf_rai_work() -> None:
    assert tuple(map(StreamState, ["ABSENT", "OFF", "LOS", "AIS", "LOF", "LOMF", "RAI", "WORK"])) == PRIORITY
    alarms = Alarms(AlarmConfig())
    for higher, lower in pairwise(PRIORITY[:-1]):
        alarms.defects = frozenset({higher, lower}) - {StreamState.ABSENT}
        alarms.signal(Signal.REMOVED if higher is StreamState.ABSENT else Signal.INSTALLED)
        assert alarms.state is higher


def test_every_signal_has_a_row_and_every_state_its_consequences() -> None:
    assert set(SIGNAL_EFFECTS) == set(Signal)
    assert set(CONSEQUENCES) == set(StreamState)


def test_every_alarm_can_be_raised_and_cleared() -> None:
    for state in set(StreamState) - {WORK}:
        assert any(state in change.raises for change in SIGNAL_EFFECTS.values()), state
        assert any(state in change.clears for change in SIGNAL_EFFECTS.values()), state


def test_a_is_sent_in_los_ais_lof_and_not_for_the_multiframe_alone_unless_the_option_says_so() -> None:
    assert {state for state in StreamState if CONSEQUENCES[state].remote_alarm} == {LOS, AIS, LOF}
    assert not AlarmConfig().consequence(LOMF).remote_alarm
    assert AlarmConfig(remote_alarm_on_lomf=True).consequence(LOMF).remote_alarm


def test_data_passes_in_work_and_rai_and_by_option_in_lomf() -> None:
    assert {s for s in StreamState if AlarmConfig(data_in_lomf=False).consequence(s).data} == {RAI, WORK}
    assert {s for s in StreamState if AlarmConfig().consequence(s).data} == {LOMF, RAI, WORK}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("los_zeros", 9),
        ("rai_nfas", 6),
        ("rai_nfas", 1),
        ("lof_crc_blocks", 1001),
        ("lof_shown_as", RAI),
        ("multiframe_frames", 65),
    ],
)
def test_a_criterion_outside_its_row_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{field} = '?{value}'?: allowed is"):
        AlarmConfig(**{field: value})  # type: ignore[arg-type]


def test_lof_is_shown_as_the_setting_says() -> None:
    assert AlarmConfig().shown(LOF) is LOF
    assert AlarmConfig(lof_shown_as=LOS).shown(LOF) is LOS
    assert AlarmConfig(lof_shown_as=LOMF).shown(RAI) is RAI


# --- LOS ---------------------------------------------------------------------------------------------------------


def test_los_begins_at_255_bits_without_a_pulse() -> None:
    assert LOS not in Line().bits(zeros=254)
    assert LOS in Line().bits(zeros=255)


@pytest.mark.parametrize("zeros", [10, 31, 100, 2048])
def test_los_by_another_count_of_bits(zeros: int) -> None:
    quiet = FrameReceiver(config=AlarmConfig(los_zeros=zeros))
    quiet.feed(b"\xaa" * 128)
    quiet.take_changes()
    bits = [1, 0] * 256 + [1] + [0] * (zeros - 1) + [1] + [1, 0] * 1536
    quiet.feed(np.packbits(bits).tobytes())
    assert quiet.take_changes() == []
    bits = [1, 0] * 256 + [1] + [0] * zeros + [1] + [1, 0] * 1536
    quiet.feed(np.packbits(bits).tobytes())
    assert LOS in quiet.take_changes()


def test_los_needs_32_pulses_in_255_bit_times_to_end() -> None:
    line = Line()
    assert line.raw(bytes(512)) == [LOS]
    sparse = bytearray(512)
    for pulse in range(0, 512 * 8, 9):  # 28 or 29 in 255
        sparse[pulse // 8] |= 0x80 >> pulse % 8
    assert line.raw(bytes(sparse)) == []
    assert line.raw(b"\x55" * 128) == [LOF]


def test_los_ends_in_work_when_the_signal_is_back() -> None:
    line = Line()
    line.raw(bytes(512))
    assert line.cross(160) == [LOF, WORK]


# --- AIS ---------------------------------------------------------------------------------------------------------


def double_frame(zeros: int) -> bytes:
    bits = np.ones(512, np.uint8)
    bits[3 : 3 + 7 * zeros : 7] = 0
    return np.packbits(bits).tobytes()


def test_ais_begins_with_two_double_frames_of_two_zeros_or_fewer() -> None:
    line = Line()
    assert line.raw(double_frame(2)) == []
    assert line.raw(double_frame(3) + double_frame(2)) == [LOF]
    assert line.raw(double_frame(3) * 4 + double_frame(0)) == []
    assert line.raw(double_frame(2)) == [AIS]


def test_ais_ends_with_two_double_frames_of_three_zeros_or_more() -> None:
    line = Line()
    assert line.raw(b"\xff" * 512)[-1] == AIS
    assert line.raw(double_frame(3) + double_frame(2) + double_frame(3)) == []
    assert line.raw(double_frame(3)) == [LOF]


def test_ais_ends_with_fas_found() -> None:
    line = Line(ais_double_frames=16)
    assert line.raw(b"\xff" * 2048)[-1] == AIS
    changes = line.cross(12)  # six double frames: too few of three zeros to end it
    assert changes == [LOF]


def test_ais_of_ets_300_233_takes_one_double_frame() -> None:
    line = Line(ais_double_frames=1)
    assert line.raw(double_frame(2)) == [AIS]


# --- LOF ---------------------------------------------------------------------------------------------------------


def test_lof_begins_with_three_incorrect_fas_in_a_row() -> None:
    for bad, expected in ((2, []), (3, [LOF, WORK])):
        line = Line()
        frames = line.frames(160)
        frames[0 : 2 * bad : 2, 0] ^= 0x08
        assert line.raw(frames.tobytes()) == expected
        assert line.receiver.counters.fas_errors == bad


def test_lof_begins_with_three_nfas_whose_bit_2_is_0_unless_that_is_switched_off() -> None:
    for bad, option, expected in ((2, 3, []), (3, 3, [LOF, WORK]), (8, 0, [])):
        line = Line(lof_nfas=option)
        frames = line.frames(160)
        frames[1 : 2 * bad : 2, 0] ^= 0x40
        assert line.raw(frames.tobytes()) == expected


def test_lof_begins_with_915_of_1000_crc_4_blocks_bad() -> None:
    for bad, lost in ((914, False), (915, True)):
        line = Line()
        before = line.receiver.counters.near.blocks
        line.cross(8 * (1000 - before - 1))
        assert line.receiver.counters.near.blocks == 999
        line.cross(8)
        spoilt = np.random.default_rng(4).choice(999, bad, replace=False).tolist()
        frames = line.frames(8 * 1000)
        for block in spoilt:
            frames[8 * block + 3, 17] ^= 1
        changes = line.raw(frames.tobytes())
        assert (LOF in changes) == lost
        assert line.receiver.counters.crc_errors == bad


def test_lof_without_crc_4_ends_at_fas_bit_2_and_fas() -> None:
    line = Line(crc4=False)
    line.raw(b"\x55" * 256)
    frames = line.frames(5)
    if frames[0, 0] & 0x7F != 0x1B:
        frames = frames[1:]
    assert line.receiver.state is LOF
    assert line.raw(frames[:2].tobytes()) == []
    assert line.raw(frames[2:3].tobytes() + b"\x55" * 63) == [WORK]


# --- CRC-4 multiframe --------------------------------------------------------------------------------------------


def without_signal(frames: np.ndarray) -> bytes:
    """Frame alignment good, bit 1 always 1: what a far end without CRC-4 sends."""
    frames[:, 0] |= BIT_1
    return frames.tobytes()


def test_lomf_begins_after_8_ms_without_the_multiframe() -> None:
    line = Line()
    assert line.raw(without_signal(line.frames(48))) == []
    assert line.raw(without_signal(line.frames(32))) == [LOMF]
    assert line.raw(without_signal(line.frames(1600))) == []


def test_lomf_ends_with_two_alignment_signals_a_multiple_of_2_ms_apart_within_8_ms() -> None:
    line = Line()
    line.raw(without_signal(line.frames(160)))
    frames = line.frames(64)
    frames[1:64:2, 0] |= BIT_1
    frames[[1, 3, 7], 0] &= 0x7F  # one signal, in frames 1..11
    assert line.raw(frames.tobytes()) == []
    assert line.cross(48) == [WORK]


def test_a_far_end_without_crc_4_is_worked_with_by_option() -> None:
    line = Line(no_crc4_frames=3200)
    assert line.raw(without_signal(line.frames(3200))) == [LOMF]
    assert line.raw(without_signal(line.frames(160))) == [WORK]


def test_a_multiframe_that_moved_is_lost_and_found_again_and_counts_as_a_slip() -> None:
    line = Line()
    frames = line.frames(320)
    assert line.raw(frames[2:].tobytes()) == [LOMF, WORK]
    assert line.receiver.counters.slips == 1
    assert line.receiver.counters.alignment_losses == 0


# --- RAI ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 3, 5])
def test_rai_begins_and_ends_with_as_many_nfas_in_a_row(count: int) -> None:
    line = Line(crc4=False, rai_nfas=count)
    assert line.cross(2 * (count - 1), remote_alarm=True) == []
    assert line.cross(2) == []
    assert line.cross(2 * count, remote_alarm=True) == [RAI]
    assert line.cross(2 * (count - 1)) == []
    assert line.cross(2, remote_alarm=True) == []
    assert line.cross(2 * count + 2) == [WORK]


def test_in_rai_data_still_arrives() -> None:
    line = Line()
    line.cross(32, remote_alarm=True)
    assert line.receiver.state is RAI
    sent = line.frames(32, remote_alarm=True)
    assert line.receiver.feed(sent.tobytes()).tobytes() == sent.tobytes()


def test_what_is_spoilt_on_the_way_in_looks_like_the_fault() -> None:
    line = Line()
    line.receiver.spoil = REMOTE_ALARM
    assert line.cross(32) == [RAI]
    line.receiver.spoil = BIT_1
    assert line.cross(160) == [WORK, LOMF]
    line.receiver.spoil = 0
    assert line.cross(160) == [WORK]
