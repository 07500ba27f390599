"""The A-law tables against ITU-T G.711, and against a codec that others wrote."""

from __future__ import annotations

import importlib
import math
import warnings
from types import ModuleType

import numpy as np
import pytest

from e1.voice.g711 import DECODED, FULL_SCALE_DBM0, IDLE, QUANTUM, decode, encode, encode_sample, silence

# ITU-T G.711 table 1a: number of the decision value, the decision value, the character signal before the even
# bits are inverted, and the decoder output value above that decision value (both in 1/4096).
TABLE_1A = [
    (0, 0, 0b1000_0000, 1),
    (1, 2, 0b1000_0001, 3),
    (16, 32, 0b1001_0000, 33),
    (32, 64, 0b1010_0000, 66),
    (48, 128, 0b1011_0000, 132),
    (64, 256, 0b1100_0000, 264),
    (80, 512, 0b1101_0000, 528),
    (96, 1024, 0b1110_0000, 1056),
    (112, 2048, 0b1111_0000, 2112),
    (127, 3968, 0b1111_1111, 4032),
]
DIGITAL_MILLIWATT = bytes.fromhex("3421 2134 b4a1 a1b4")
"""G.711 table 5: these octets over and over are 1 kHz at 0 dBm0."""


def audioop() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return importlib.import_module("audioop")
        except ModuleNotFoundError:
            pytest.skip("audioop is not in this Python (3.13 and later)")


@pytest.mark.parametrize(("number", "decision", "signal", "output"), TABLE_1A)
def test_a_row_of_table_1a(number: int, decision: int, signal: int, output: int) -> None:
    octet = signal ^ 0x55
    assert number == signal & 0x7F
    assert encode_sample(QUANTUM * decision) == octet
    assert encode_sample(QUANTUM * output) == octet
    assert DECODED[octet] == QUANTUM * output
    if decision:
        assert encode_sample(QUANTUM * decision - 1) == (signal - 1) ^ 0x55


@pytest.mark.parametrize(("number", "decision", "signal", "output"), TABLE_1A)
def test_the_same_row_of_table_1b_for_negative_values(
    number: int, decision: int, signal: int, output: int
) -> None:
    octet = (signal & 0x7F) ^ 0x55
    assert encode_sample(-QUANTUM * decision - 1) == octet
    assert encode_sample(-QUANTUM * output) == octet
    assert DECODED[octet] == -QUANTUM * output


def test_the_digital_milliwatt_has_0_dbm0() -> None:
    samples = decode(DIGITAL_MILLIWATT).astype(float)
    full_scale = 32768 / math.sqrt(2)
    level = 20 * math.log10(math.sqrt(np.mean(samples**2)) / full_scale) + FULL_SCALE_DBM0
    assert level == pytest.approx(0, abs=0.02)


def test_every_octet_survives_decoding_and_encoding() -> None:
    octets = np.arange(256, dtype=np.uint8)
    assert (encode(decode(octets)) == octets).all()


def test_every_sample_comes_back_within_half_a_step_of_its_segment() -> None:
    samples = np.arange(-0x8000, 0x8000)
    back = decode(encode(samples)).astype(int)
    magnitudes = np.abs(samples) // QUANTUM
    half_step = np.where(magnitudes < 64, 1, 2.0 ** (np.floor(np.log2(np.maximum(magnitudes, 1))) - 5))
    assert (np.abs(back - samples) <= half_step * QUANTUM).all()
    assert (np.diff(back) >= 0).all()


def test_another_codec_agrees_on_every_sample_and_every_octet() -> None:
    other = audioop()
    samples = np.arange(-0x8000, 0x8000).astype("<i2")
    assert encode(samples).tobytes() == other.lin2alaw(samples.tobytes(), 2)
    octets = bytes(range(256))
    assert decode(octets).astype("<i2").tobytes() == other.alaw2lin(octets, 2)


def test_one_sample_and_arrays_agree() -> None:
    samples = np.arange(-0x8000, 0x8000, 7)
    assert encode(samples).tolist() == [encode_sample(int(sample)) for sample in samples]


def test_what_16_bits_do_not_hold_is_limited() -> None:
    assert encode_sample(40_000) == encode_sample(32_767) == 0xAA
    assert encode_sample(-40_000) == encode_sample(-32_768) == 0x2A
    assert encode(np.array([100_000, -100_000])).tolist() == [0xAA, 0x2A]


def test_an_array_keeps_its_shape() -> None:
    octets = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert decode(octets).shape == encode(decode(octets)).shape == (16, 16)


def test_a_free_line_is_d5() -> None:
    assert silence(3) == b"\xd5\xd5\xd5"
    assert encode_sample(0) == IDLE == 0xD5
