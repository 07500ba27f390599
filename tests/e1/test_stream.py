"""One stream at each end of a memory line: data, speech, and every fault as both ends see it."""

import numpy as np
import pytest

from e1.carriers.memory import LineModel, MemoryLine
from e1.events import Message, Undelivered, Up
from e1.g704.alarms import AlarmConfig, StreamState
from e1.g704.frames import TIMESLOTS, demux
from e1.g704.timeslots import KSL_TIMESLOTS
from e1.lapb.config import LapbConfig
from e1.stream import SILENCE, ChannelEvent, E1Stream, StateChanged, StreamConfig
from e1.x25.config import X25Config
from tests.e1.memory_lab import Happened, MemoryPair

pytestmark = pytest.mark.lab  # random lines and floods: seconds each

ABSENT, OFF, LOS, AIS, LOF, LOMF, RAI, WORK = StreamState


def stream(role: str = "dce", **config: object) -> E1Stream:
    lapb, x25 = LapbConfig(role=role), X25Config(role=role)  # type: ignore[arg-type]
    return E1Stream(StreamConfig(lapb=lapb, x25=x25, **config))  # type: ignore[arg-type]


def pair(model: LineModel | None = None, **config: object) -> MemoryPair:
    """The mediator (a) and the console (b), in work, both channels up."""
    pair = MemoryPair(stream("dce", **config), stream("dte", **config), model=model, step=0.01)
    happened = pair.run(0.5)
    assert {(h.end, h.event.channel) for h in happened if is_event(h, Up)} == {
        (end, channel) for end in "ab" for channel in ("kpd1", "kpd2")
    }
    assert states(pair) == (WORK, WORK)
    return pair


def is_event(happened: Happened, kind: type) -> bool:
    return isinstance(happened.event, ChannelEvent) and isinstance(happened.event.event, kind)


def messages(happened: list[Happened]) -> list[tuple[str, str, bytes]]:
    return [(h.end, h.event.channel, h.event.event.data) for h in happened if is_event(h, Message)]  # type: ignore


def changes(happened: list[Happened], end: str) -> list[StreamState]:
    return [h.event.new for h in happened if h.end == end and isinstance(h.event, StateChanged)]


def states(pair: MemoryPair) -> tuple[StreamState, StreamState]:
    return pair.streams["a"].state, pair.streams["b"].state


# --- data --------------------------------------------------------------------------------------------------------


def test_it_begins_in_los_and_comes_to_work_over_lof() -> None:
    a, b = stream("dce"), stream("dte")
    assert a.state is LOS
    assert not a.carrier
    happened = MemoryPair(a, b).run(0.05)
    assert changes(happened, "a")[0] is LOF
    assert changes(happened, "a")[-1] is WORK
    assert a.carrier


def test_a_message_crosses_each_channel_each_way() -> None:
    line = pair()
    for end in ("a", "b"):
        for channel in ("kpd1", "kpd2"):
            line.streams[end].send(channel, f"{end} {channel}".encode() * 50, line.now)  # type: ignore[index]
    assert sorted(messages(line.run(1))) == [
        ("a", "kpd1", b"b kpd1" * 50),
        ("a", "kpd2", b"b kpd2" * 50),
        ("b", "kpd1", b"a kpd1" * 50),
        ("b", "kpd2", b"a kpd2" * 50),
    ]


def test_the_channels_may_lie_in_other_timeslots_that_carry_no_speech() -> None:
    line = pair(kpd1_timeslot=16, kpd2_timeslot=30)
    line.streams["a"].send("kpd1", b"in 16", line.now)
    assert messages(line.run(0.5)) == [("b", "kpd1", b"in 16")]


@pytest.mark.parametrize("slots", [(30, 30), (0, 31), (15, 31)])
def test_timeslots_that_collide_are_refused(slots: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="30, 31"):
        stream(kpd1_timeslot=slots[0], kpd2_timeslot=slots[1])


def test_a_stream_for_speech_alone_carries_idle_flags_where_the_data_channels_would_be() -> None:
    a, b = E1Stream(StreamConfig(data=False, kpd1_timeslot=16)), E1Stream(StreamConfig(data=False))
    pair = MemoryPair(a, b, step=0.01)
    assert {type(h.event) for h in pair.run(0.5)} == {StateChanged}
    assert states(pair) == (WORK, WORK)
    frames = demux(np.frombuffer(a.transmit(100, pair.now), np.uint8).reshape(100, TIMESLOTS))
    assert set(frames[16].tolist()) == set(frames[31].tolist()) == {0x7E}
    assert set(frames[30].tolist()) == set(frames[1].tolist()) == {SILENCE}


def test_a_stream_for_speech_alone_carries_speech_and_leaves_data_that_comes() -> None:
    mediator, console = E1Stream(StreamConfig(data=False)), stream("dte")
    pair = MemoryPair(mediator, console, step=0.01)
    pair.run(0.5)
    console.send("kpd1", b"who is there", pair.now)
    mediator.voice_out(28, bytes([0x55]) * 80)
    assert not [h for h in pair.run(0.1) if h.end == "a"]
    assert console.voice_in(28).count(0x55) == 80
    assert mediator.channels == {}
    with pytest.raises(KeyError):
        mediator.send("kpd1", b"a message", pair.now)


def test_a_line_with_bit_errors_and_delay_still_delivers() -> None:
    line = pair(LineModel(delay=0.1))
    told = line.streams["a"].counters.far.errored_blocks  # E = 0 before the far end was aligned
    for name in ("a", "b"):
        line.lines[name].model = LineModel(delay=0.1, bit_error_rate=1e-5)  # type: ignore[index]
    for number in range(20):
        line.streams["a"].send("kpd2", bytes([number]) * 100, line.now)
    assert messages(line.run(10)) == [("b", "kpd2", bytes([number]) * 100) for number in range(20)]
    assert line.lines["a"].bit_errors > 50
    assert line.streams["b"].counters.crc_errors > 50
    near, far = line.streams["b"].counters.near, line.streams["a"].counters.far
    assert abs(near.errored_blocks - (far.errored_blocks - told)) <= 5


def test_a_line_that_slips_comes_back_each_time() -> None:
    line = pair()
    line.lines["a"].model = LineModel(slip_frames=8000)
    happened = line.run(3.5)
    assert line.lines["a"].slips == 3
    assert changes(happened, "b") == [LOF, WORK] * 3
    assert line.streams["b"].counters.slips == 3


def test_a_cut_wire_is_los_there_and_rai_here() -> None:
    line = pair()
    line.lines["a"].model = LineModel(cut=True)
    line.run(0.1)
    assert states(line) == (RAI, LOS)


# --- speech ------------------------------------------------------------------------------------------------------


def test_speech_of_each_ksl_is_heard_on_that_ksl_alone() -> None:
    line = pair()
    for ksl in (1, 15, 16, 28):
        line.streams["b"].voice_in(ksl)
        line.streams["a"].voice_out(ksl, bytes([ksl]) * 400)
    line.streams["b"].voice_in(2)
    line.run(0.1)
    for ksl in (1, 15, 16, 28):
        heard = line.streams["b"].voice_in(ksl)
        assert heard.strip(bytes([SILENCE])) == bytes([ksl]) * 400
        assert len(heard) == 800
    assert set(line.streams["b"].voice_in(2)) == {SILENCE}


def test_a_ksl_lies_where_the_map_says() -> None:
    turned = (*range(17, 30), *range(1, 16))
    there, back = (E1Stream(StreamConfig(ksl_timeslots=each)) for each in (turned, KSL_TIMESLOTS))
    for ksl in (1, 28):
        there.voice_out(ksl, bytes([ksl]) * 8)
    frames = there.transmit(8, 0.0)
    assert frames[17::TIMESLOTS] == bytes([1]) * 8
    assert frames[15::TIMESLOTS] == bytes([28]) * 8
    back.voice_out(1, b"\x01" * 8)
    assert back.transmit(8, 0.0)[1::TIMESLOTS] == b"\x01" * 8


@pytest.mark.parametrize("bit", [0, 1])
def test_e_bits_without_alignment_are_what_the_option_says(bit: int) -> None:
    end = E1Stream(StreamConfig(alarms=AlarmConfig(e_while_unaligned=bit)))
    sent = end.transmit(32, 0.0)
    assert [sent[TIMESLOTS * n] >> 7 for n in (13, 15, 29, 31)] == [bit] * 4


def test_what_was_fetched_is_not_heard_again_and_a_second_is_kept() -> None:
    line = pair()
    line.run(1.5)
    heard = line.streams["b"].voice_in(7)
    assert 8000 <= len(heard) <= 8240
    assert line.streams["b"].voice_in(7) == b""


def test_speech_beyond_a_second_drops_the_oldest_and_a_cleared_line_is_silent() -> None:
    line = pair()
    line.streams["a"].voice_out(3, b"\x01" * 100 + b"\x02" * 8000)
    line.streams["a"].voice_out(4, b"\x04" * 100)
    line.streams["a"].voice_clear(4)
    line.streams["b"].voice_in(3)
    line.streams["b"].voice_in(4)
    line.run(0.9)
    assert set(line.streams["b"].voice_in(3)) == {0x02}
    assert set(line.streams["b"].voice_in(4)) == {SILENCE}


def test_there_is_no_ksl_0_or_29() -> None:
    for ksl in (0, 29):
        with pytest.raises(ValueError, match="KSL"):
            stream().voice_out(ksl, b"\xd5")
        with pytest.raises(ValueError, match="KSL"):
            stream().voice_in(ksl)


def test_nothing_is_heard_in_los() -> None:
    line = pair()
    line.streams["b"].fault(LOS)
    line.run(0.1)
    line.streams["b"].voice_in(1)
    line.run(0.5)
    assert line.streams["b"].voice_in(1) == b""


# --- faults ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "side", "here", "there"),
    [
        (LOS, None, LOS, RAI),
        (AIS, None, AIS, RAI),
        (LOF, None, LOF, RAI),
        (LOMF, None, LOMF, WORK),
        (RAI, None, RAI, LOS),
        (OFF, None, OFF, LOS),
        (ABSENT, None, ABSENT, LOS),
        (RAI, "receive", RAI, WORK),
        (LOS, "transmit", RAI, LOS),
        (AIS, "transmit", RAI, AIS),
        (LOF, "transmit", RAI, LOF),
        (LOMF, "transmit", WORK, LOMF),
        (RAI, "transmit", WORK, RAI),
        (OFF, "transmit", RAI, LOS),
    ],
)
def test_a_fault_looks_at_both_ends_as_it_does(
    fault: StreamState, side: str | None, here: StreamState, there: StreamState
) -> None:
    line = pair()
    line.streams["a"].fault(fault, side)  # type: ignore[arg-type]
    line.run(0.2)
    assert states(line) == (here, there)
    steady = line.run(0.3)
    assert changes(steady, "a") == changes(steady, "b") == []
    line.streams["a"].fault(None)
    line.run(0.1)
    assert states(line) == (WORK, WORK)


@pytest.mark.parametrize("fault", [LOS, AIS, LOF, LOMF, RAI, OFF])
def test_a_message_given_during_a_fault_arrives_once_or_is_told_as_given_up(fault: StreamState) -> None:
    line = pair()
    line.streams["a"].fault(fault)
    happened = line.run(0.1)
    line.streams["a"].send("kpd1", b"an alarm", line.now)
    happened += line.run(0.4)
    line.streams["a"].fault(None)
    happened += line.run(6)
    assert all(channel.up for end in line.streams.values() for channel in end.channels.values())
    given_up = [h.event.event for h in happened if is_event(h, Undelivered)]  # type: ignore[union-attr]
    if given_up:  # it was under way when the link went
        assert given_up == [Undelivered(b"an alarm", in_doubt=True)]
        assert fault in (RAI, LOS, AIS, LOF)
        assert messages(happened) in ([], [("b", "kpd1", b"an alarm")])
    else:
        assert messages(happened) == [("b", "kpd1", b"an alarm")]


def test_one_fault_takes_the_place_of_another() -> None:
    line = pair()
    for fault in (LOS, OFF, AIS, LOMF, RAI, LOF):
        line.streams["a"].fault(fault)
        line.run(0.2)
        assert line.streams["a"].state is fault


def test_a_gateway_is_told_when_nothing_useful_is_sent() -> None:
    end = stream()
    for fault, side, signal in (
        (None, None, True),
        (LOS, None, True),
        (OFF, None, False),
        (AIS, "transmit", False),
    ):
        end.fault(fault, side)  # type: ignore[arg-type]
        assert end.sends_signal is signal


def test_work_is_no_fault_and_lomf_needs_a_multiframe() -> None:
    with pytest.raises(ValueError, match="WORK"):
        stream().fault(WORK)
    with pytest.raises(ValueError, match="CRC-4"):
        stream(crc4=False).fault(LOMF)


def test_lof_is_shown_as_what_the_device_has() -> None:
    line = pair(alarms=AlarmConfig(lof_shown_as=LOMF))
    line.streams["a"].fault(LOF)
    assert changes(line.run(0.1), "a") == [LOMF]
    assert not line.streams["a"].carrier


def test_lomf_cuts_the_data_if_the_option_says_so() -> None:
    line = pair(alarms=AlarmConfig(data_in_lomf=False))
    line.streams["a"].fault(LOMF)
    line.run(0.1)
    assert not line.streams["a"].carrier


def test_one_end_without_crc_4_is_lomf_at_the_other() -> None:
    line = MemoryPair(stream("dce"), stream("dte", crc4=False))
    line.run(0.5)
    assert states(line) == (LOMF, WORK)


# --- the memory line ---------------------------------------------------------------------------------------------


def test_octets_arrive_after_the_delay_and_never_overtake() -> None:
    line = MemoryLine(LineModel(delay=1.0))
    line.put(b"first", 10.0)
    line.model = LineModel()
    line.put(b"second", 10.5)
    assert line.take(10.9) == b""
    assert line.take(11.0) == b"firstsecond"


def test_bits_are_flipped_as_often_as_the_rate_says() -> None:
    line = MemoryLine(LineModel(bit_error_rate=0.01))
    line.put(bytes(100_000), 0)
    ones = sum(octet.bit_count() for octet in line.take(0))
    assert ones == line.bit_errors
    assert 7000 < ones < 9000


@pytest.mark.parametrize(("slip", "length"), [("lose", 320 - 3 * 32), ("repeat", 320 + 3 * 32)])
def test_a_slip_loses_or_repeats_a_frame(slip: str, length: int) -> None:
    line = MemoryLine(LineModel(slip_frames=3, slip=slip))  # type: ignore[arg-type]
    line.put(b"".join(bytes([n]) * 32 for n in range(10)), 0)
    data = line.take(0)
    assert line.slips * 32 == abs(len(data) - 320)
    frames = list(data[::32])
    if slip == "lose":
        assert frames == [0, 1, 2, 4, 5, 6, 8, 9]
    else:
        assert frames == [0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9]
    assert length - 32 <= len(data) <= length + 32


@pytest.mark.parametrize("wrong", [{"bit_error_rate": 2}, {"delay": -1}, {"slip_frames": -1}])
def test_a_model_outside_its_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LineModel(**wrong)  # type: ignore[arg-type]
