"""Tones on a line: made, coded, mixed, disturbed, and still told apart."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e1.voice.g711 import decode, encode, silence
from e1.voice.matrix import mix_octets
from e1.voice.tones import GRID, ToneListener, tone
from tests.tone_generator import ToneGenerator


def noise(seed: int, level: float, octets: int) -> bytes:
    """White noise of so many 16-bit units, effective."""
    return encode(np.random.default_rng(seed).normal(0, level, octets).astype(np.int64)).tobytes()


@pytest.mark.parametrize("frequency", [GRID[0], GRID[1], GRID[-2], GRID[-1]])
def test_each_tone_is_heard_and_no_other(frequency: int) -> None:
    assert ToneListener().feed(ToneGenerator([frequency]).take(800)) == {frequency}


def test_a_tone_fits_into_20_ms() -> None:
    assert 160 % len(tone([1950])) == 0
    assert len(tone([50])) == 160
    assert len(tone([425])) == 320
    assert tone([]) == silence(1)


def test_the_level_of_a_tone() -> None:
    loud = decode(ToneGenerator([1000], 0.0).take(8000)).astype(float)
    assert np.sqrt(np.mean(loud**2)) == pytest.approx(32768 * 10 ** (-3.14 / 20) / np.sqrt(2), rel=0.01)


def test_a_generator_goes_on_where_it_left_off() -> None:
    whole, parts = ToneGenerator([1025]), ToneGenerator([1025])
    assert whole.take(1000) == b"".join(map(parts.take, [1, 159, 40, 800]))


def test_a_frequency_that_8000_samples_cannot_carry() -> None:
    with pytest.raises(ValueError, match="1 to 3999 Hz"):
        tone([4000])
    with pytest.raises(ValueError, match="1 to 3999 Hz"):
        ToneListener([0])


def test_tones_too_near_to_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="25 Hz apart need a block of 320"):
        ToneListener([400, 425], block=160)


@settings(max_examples=60, deadline=None)
@given(st.sets(st.sampled_from(GRID), max_size=4), st.integers(0, 3000))
def test_any_tones_mixed_into_a_line_are_heard_as_a_set(tones: set[int], start: int) -> None:
    line = silence(start + 800)
    for frequency in tones:
        line = mix_octets(line, ToneGenerator([frequency]).take(start + 800))
    assert ToneListener().feed(line[start:]) == tones


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(list(itertools.combinations(GRID, 2))), st.integers(0, 1000))
def test_two_tones_are_heard_through_noise_12_db_below_each(pair: tuple[int, int], seed: int) -> None:
    both = mix_octets(ToneGenerator([pair[0]]).take(800), ToneGenerator([pair[1]]).take(800))
    disturbed = mix_octets(both, noise(seed, 900, 800))
    assert ToneListener().feed(disturbed) == set(pair)


@pytest.mark.parametrize("seed", range(3))
def test_noise_alone_is_no_tone(seed: int) -> None:
    assert ToneListener().feed(noise(seed, 6000, 800)) == set()


def test_a_weak_tone_beside_a_strong_one() -> None:
    strong, weak = ToneGenerator([1000], -10.0), ToneGenerator([1050], -18.0)
    assert ToneListener().feed(mix_octets(strong.take(800), weak.take(800))) == {1000, 1050}


def test_silence_and_a_whisper_are_no_tones() -> None:
    assert ToneListener().feed(silence(800)) == set()
    assert ToneListener().feed(ToneGenerator([1000], -50.0).take(800)) == set()


@pytest.mark.parametrize("lost", [0, 40, 400, 640, 760])
def test_a_lost_packet_within_the_block_makes_no_other_tone(lost: int) -> None:
    line = ToneGenerator([1950, 2000]).take(800)
    torn = (line[:lost] + silence(160) + line[lost + 160 :])[:800]
    assert ToneListener().feed(torn) == {1950, 2000}


@pytest.mark.parametrize("length", [0, 20, 80, 400, 780])
def test_a_tone_that_sets_in_within_the_block_is_itself_or_nothing(length: int) -> None:
    heard = ToneListener().feed(silence(800 - length) + ToneGenerator([1950]).take(length))
    assert heard <= {1950}


def test_the_change_of_a_tone_is_heard_with_the_next_whole_block() -> None:
    listener = ToneListener()
    assert listener.feed(ToneGenerator([400]).take(799)) == set()
    assert listener.feed(ToneGenerator([400]).take(1)) == {400}
    assert listener.feed(ToneGenerator([900]).take(799)) == {400}
    assert listener.feed(ToneGenerator([900]).take(161)) == {900}
    assert listener.heard == {900}
    listener.reset()
    assert listener.heard == set()


def test_however_the_octets_come() -> None:
    line = ToneGenerator([700, 1150, 3350]).take(1600)
    listener = ToneListener()
    for at in range(0, 1600, 8):
        listener.feed(line[at : at + 8])
    assert listener.heard == ToneListener().feed(line) == {700, 1150, 3350}


def test_the_frequencies_listened_for_are_a_choice() -> None:
    listener = ToneListener([425, 450], block=640)
    assert listener.feed(ToneGenerator([425]).take(640)) == {425}
