"""The G.704 framer: a vector that osmocom's framer aligns to, any bit offset, bit errors, imitations, any pieces."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e1.g704.alarms import AlarmConfig, StreamState
from e1.g704.framer import FrameReceiver
from e1.g704.frames import SHIFT_REGISTER, FrameTransmitter

LOS, LOF, LOMF, RAI, WORK = (StreamState(s) for s in ["LOS", "LOF", "LOMF", "RAI", "WORK"])
MULTIFRAME = (Path(__file__).parent / "e1_multiframe.bin").read_bytes()
BIT_1 = "1010111011011101"
TS0 = "9b 5f 9b 5f 9b df 9b 5f 9b df 1b df 9b df 1b df"


def payload(frames: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (frames, 32), dtype=np.uint8)


def vector_payload() -> np.ndarray:
    """Timeslot k of frame n = 16 n + k; 30 and 31 = 7Eh."""
    frames = (16 * np.arange(16)[:, None] + np.arange(32)).astype(np.uint8)
    frames[:, 30:] = 0x7E
    return frames


def shifted(data: bytes, bits: int) -> bytes:
    """``data`` after ``bits`` bits of something else."""
    lead = np.unpackbits(np.full(bits // 8 + 1, 0x5D, np.uint8))[:bits]
    return np.packbits(np.concatenate((lead, np.unpackbits(np.frombuffer(data, np.uint8))))).tobytes()


# --- the vector --------------------------------------------------------------------------------------------------


def test_the_vector_is_the_one_that_was_checked_elsewhere() -> None:
    digest = "ed8850f1e3461d3c37f5da690b559efa36bc9527a58feb76aaf4733f45d008fe"
    assert hashlib.sha256(MULTIFRAME).hexdigest() == digest
    assert MULTIFRAME[::32].hex(" ") == TS0
    assert "".join(str(octet >> 7) for octet in MULTIFRAME[::32]) == BIT_1


def test_the_transmitter_sends_the_vector_from_the_second_multiframe_on() -> None:
    transmitter = FrameTransmitter()
    transmitter.set_e_bits(aligned=True)
    transmitter.frames(vector_payload())
    assert transmitter.frames(vector_payload()) == MULTIFRAME


def test_the_shift_register_is_that_of_the_vector() -> None:
    for frame in range(16):
        before = [BIT_1[n % 16] for n in range(frame - 12, frame) if n & 1]
        assert SHIFT_REGISTER[frame] == int("".join(before), 2)
    assert SHIFT_REGISTER[12] == 0b001011, "the multiframe alignment signal (ITU-T G.704 2.3.2)"


def test_the_receiver_aligns_to_the_vector_and_finds_no_error() -> None:
    receiver = FrameReceiver()
    frames = receiver.feed(MULTIFRAME * 40)
    assert receiver.take_changes() == [LOF, WORK]
    assert len(frames) > 560
    assert receiver.counters.crc_errors == receiver.counters.fas_errors == 0
    assert receiver.counters.near.blocks > 60
    assert receiver.counters.far.errored_blocks == 0
    assert frames.tobytes() == (MULTIFRAME * 40)[-frames.size :]


@pytest.mark.parametrize("pieces", [1, 3, 16, 24, 160])
def test_frames_sent_in_pieces_are_the_frames_sent_at_once(pieces: int) -> None:
    at_once, in_pieces = FrameTransmitter(), FrameTransmitter()
    given_ = payload(480)
    cuts = range(0, 480, pieces)
    assert b"".join(in_pieces.frames(given_[n : n + pieces]) for n in cuts) == at_once.frames(given_)


def test_more_frames_than_a_batch_are_sent_and_received_at_once() -> None:
    transmitter, receiver = FrameTransmitter(), FrameReceiver()
    given_ = payload(9000)
    frames = receiver.feed(transmitter.frames(given_))
    assert (frames[:, 1:] == given_[-len(frames) :, 1:]).all()
    assert len(frames) > 8900
    assert receiver.counters.crc_errors == 0


def test_without_crc_4_bit_1_is_1_everywhere() -> None:
    sent = FrameTransmitter(crc4=False).frames(payload(32))
    assert set(sent[::64]) == {0x9B}
    assert set(sent[32::64]) == {0xDF}
    receiver = FrameReceiver(crc4=False)
    receiver.feed(sent * 3)
    assert receiver.state is WORK
    assert receiver.aligned


# --- E bits ------------------------------------------------------------------------------------------------------


def test_e_bits_are_0_until_our_receiver_is_aligned() -> None:
    transmitter = FrameTransmitter()
    sent = transmitter.frames(payload(32))
    assert [sent[32 * n] >> 7 for n in (13, 15, 29, 31)] == [0, 0, 0, 0]
    transmitter.set_e_bits(aligned=True)
    sent = transmitter.frames(payload(32))
    assert [sent[32 * n] >> 7 for n in (13, 15, 29, 31)] == [1, 1, 1, 1]


def test_each_errored_smf_is_told_to_the_far_end_once() -> None:
    near_out, far_out = FrameTransmitter(), FrameTransmitter()
    near_in, far_in = FrameReceiver(), FrameReceiver()
    near_out.set_e_bits(aligned=True)
    far_in.feed(near_out.frames(payload(320)))
    spoilt = bytearray(near_out.frames(payload(320)))
    spoilt[32 * 16 * 3 + 100] ^= 1  # an SMF I
    spoilt[32 * (16 * 5 + 8) + 100] ^= 1  # two SMFs II
    spoilt[32 * (16 * 7 + 8) + 100] ^= 1
    far_in.feed(bytes(spoilt))
    assert far_in.counters.crc_errors == far_in.counters.near.errored_blocks == 3
    errored = far_in.take_errored()
    assert errored == [1, 2]
    assert far_in.take_errored() == [0, 0]
    far_out.set_e_bits(far_in.aligned, errored)
    near_in.feed(far_out.frames(payload(640)))
    assert near_in.state is WORK
    assert near_in.counters.far.errored_blocks <= 3  # those that pass before we are aligned are not seen
    before = near_in.counters.far.errored_blocks
    far_out.set_e_bits(far_in.aligned, errored)
    near_in.feed(far_out.frames(payload(640)))
    assert near_in.counters.far.errored_blocks == before + 3


# --- alignment ---------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 4095), st.booleans())
def test_frames_are_found_whatever_bit_they_begin_at(bits: int, crc4: bool) -> None:
    transmitter = FrameTransmitter(crc4)
    given_ = payload(400, bits)
    receiver = FrameReceiver(crc4)
    sent = shifted(transmitter.frames(given_), bits)
    frames = receiver.feed(sent)
    assert receiver.state is WORK
    assert receiver.aligned
    assert len(frames) > 200
    ends = (len(sent) // 64 * 512 - bits) // 256  # the rest of a double frame waits
    assert (frames[:, 1:] == given_[ends - len(frames) : ends, 1:]).all()
    assert receiver.counters.crc_errors == 0


def with_imitation(timeslot: int, frames: int) -> bytes:
    """Random speech, and in ``timeslot`` the very bits of FAS and NFAS, two frames long, a frame out of step."""
    given_ = payload(frames)
    given_[0::2, timeslot] = 0x1B
    given_[1::2, timeslot] = 0x5F
    return FrameTransmitter().frames(given_)


@pytest.mark.parametrize("timeslot", [1, 2, 16, 31])
def test_an_imitation_of_fas_in_the_data_is_rejected_with_crc_4(timeslot: int) -> None:
    """The search begins just before the imitation; it takes it, misses the multiframe and moves on (G.706 4.2)."""
    sent = with_imitation(timeslot, 800)
    receiver = FrameReceiver()
    frames = receiver.feed(b"\x55" * 64 + sent[1:])
    assert receiver.state is WORK
    assert receiver.counters.crc_errors == 0
    assert frames[-1].tobytes() in sent
    assert set(frames[-16:, 0] & 0x1F) == {0x1B, 0x1F}


def test_without_crc_4_an_imitation_is_believed() -> None:
    sent = with_imitation(2, 800)
    receiver = FrameReceiver(crc4=False)
    frames = receiver.feed(b"\x55" * 64 + sent[1:])
    assert receiver.state is WORK
    assert set(frames[-2:, 30] & 0x1F) == {0x1B, 0x1F}  # timeslot 0 of the far end


def test_a_lost_frame_is_a_slip_and_the_stream_comes_back() -> None:
    transmitter, receiver = FrameTransmitter(), FrameReceiver()
    receiver.feed(transmitter.frames(payload(320)))
    receiver.take_changes()
    receiver.feed(transmitter.frames(payload(320))[32:])
    assert receiver.take_changes() == [LOF, WORK]
    assert receiver.counters.slips == 1
    assert receiver.counters.alignment_losses == 1


def test_a_signal_that_was_away_is_no_slip() -> None:
    transmitter, receiver = FrameTransmitter(), FrameReceiver()
    receiver.feed(transmitter.frames(payload(320)))
    receiver.feed(bytes(1000))
    receiver.feed(transmitter.frames(payload(320)))
    assert receiver.state is WORK
    assert receiver.counters.slips == 0


# --- errors ------------------------------------------------------------------------------------------------------


def flipped(data: bytes, rate: float, seed: int) -> bytes:
    random = np.random.default_rng(seed)
    bits = random.random(8 * len(data)) < rate
    return (np.frombuffer(data, np.uint8) ^ np.packbits(bits)).tobytes()


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 0.3), st.integers(0, 10_000), st.booleans())
def test_random_bit_errors_never_break_it_and_alignment_is_regained(
    rate: float, seed: int, crc4: bool
) -> None:
    transmitter, receiver = FrameTransmitter(crc4), FrameReceiver(crc4)
    for batch in range(10):
        receiver.feed(flipped(transmitter.frames(payload(160, seed)), rate, seed + batch))
    if not crc4:  # a chance FAS is believed as long as the bits that make it last
        receiver.feed(b"\x55" * 1024)
    receiver.feed(transmitter.frames(payload(1600, seed)))
    assert receiver.state is WORK
    given_ = payload(160, seed + 1)
    assert (receiver.feed(transmitter.frames(given_))[:, 1:] == given_[:, 1:]).all()


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=3000), st.booleans())
def test_any_octets_at_all_are_taken(data: bytes, crc4: bool) -> None:
    receiver = FrameReceiver(crc4)
    assert receiver.feed(data).shape[1] == 32


def seen(receiver: FrameReceiver, pieces: list[bytes]) -> tuple[object, ...]:
    frames = [receiver.feed(piece) for piece in pieces]
    octets = b"".join(batch.tobytes() for batch in frames)
    return octets, receiver.take_changes(), receiver.counters, receiver.take_errored(), receiver.aligned


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_it_does_not_matter_in_what_pieces_the_stream_comes(data: st.DataObject) -> None:
    """Healthy stretches are judged in batches, the others frame by frame: both must come to the same."""
    draw = data.draw
    crc4 = draw(st.booleans())
    transmitter = FrameTransmitter(crc4)
    stream = b""
    for _ in range(draw(st.integers(1, 5))):
        kind = draw(
            st.sampled_from(["good", "good", "errors", "zeros", "ones", "noise", "slip", "alarm", "mute"])
        )
        frames = draw(st.integers(1, 200))
        seed = draw(st.integers(0, 99))
        match kind:
            case "zeros":
                stream += bytes(frames)
            case "ones":
                stream += b"\xff" * frames
            case "noise":
                stream += payload(frames, seed).tobytes()
            case "mute":
                muted = (
                    np.frombuffer(transmitter.frames(payload(frames, seed)), np.uint8).reshape(-1, 32).copy()
                )
                muted[:, 0] |= 0x80
                stream += muted.tobytes()
            case _:
                sent = transmitter.frames(payload(frames, seed), remote_alarm=kind == "alarm")
                stream += (
                    flipped(sent, 1e-4, seed) if kind == "errors" else sent[seed if kind == "slip" else 0 :]
                )
                transmitter.set_e_bits(aligned=seed % 2 == 0, errored=(seed % 3, 0))
    config = AlarmConfig(no_crc4_frames=draw(st.sampled_from([0, 100])))
    expected = seen(FrameReceiver(crc4, config), [stream])
    step = draw(st.sampled_from([1, 7, 64, 256, 1000]))
    pieces = [stream[n : n + step] for n in range(0, len(stream), step)]
    assert seen(FrameReceiver(crc4, config), pieces) == expected


# --- G.826 -------------------------------------------------------------------------------------------------------


def seconds_of(spoil: dict[int, int]) -> FrameReceiver:
    """Whole seconds in work; ``spoil`` says how many blocks of which of them are errored."""
    transmitter, receiver = FrameTransmitter(), FrameReceiver()
    receiver.feed(transmitter.frames(payload(8000)))
    for second in range(max(spoil) + 1):
        sent = bytearray(transmitter.frames(payload(8000)))
        for block in range(spoil.get(second, 0)):
            sent[256 * block + 40] ^= 1
        receiver.feed(bytes(sent))
    return receiver


def test_a_second_has_8000_frames() -> None:
    transmitter, receiver = FrameTransmitter(), FrameReceiver()
    ended = []
    for frames in (7998, 2, 7998, 2):
        receiver.feed(transmitter.frames(payload(frames)))
        ended.append(receiver.counters.near.seconds)
    assert ended == [0, 1, 1, 2]


def test_seconds_are_errored_or_severely_and_the_rest_is_background() -> None:
    near = seconds_of({0: 0, 1: 2, 2: 299, 3: 300, 4: 0, 5: 7}).counters.near
    assert near.seconds == 7  # and the first, which began in LOS
    assert near.severely_errored_seconds == 2
    assert near.errored_seconds == 5
    assert near.errored_blocks == 2 + 299 + 300 + 7
    assert near.background_errors == 2 + 299 + 7


def test_a_second_with_a_defect_is_severely_errored() -> None:
    receiver = seconds_of({0: 0})
    before = receiver.counters.near.severely_errored_seconds
    receiver.feed(bytes(256000 * 2))
    assert receiver.counters.near.severely_errored_seconds == before + 2


def test_without_crc_4_a_block_is_errored_by_its_fas() -> None:
    transmitter, receiver = FrameTransmitter(crc4=False), FrameReceiver(crc4=False)
    receiver.feed(transmitter.frames(payload(160)))
    sent = bytearray(transmitter.frames(payload(160)))
    for frame in (16, 64):
        sent[32 * frame] ^= 1
    receiver.feed(bytes(sent))
    assert receiver.counters.near.errored_blocks == 2
    assert receiver.counters.fas_errors == 2


def test_rai_is_a_defect_of_the_far_end() -> None:
    transmitter, receiver = FrameTransmitter(), FrameReceiver()
    transmitter.set_e_bits(aligned=True)
    receiver.feed(transmitter.frames(payload(8000)))
    receiver.feed(transmitter.frames(payload(16000), remote_alarm=True))
    assert receiver.counters.far.severely_errored_seconds == 2
    assert receiver.counters.near.severely_errored_seconds == 1
