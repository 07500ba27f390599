"""CRC-4 against a vector that osmocom's CRC-4 agrees with and against the definition, bit by bit."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e1.g704.frames import SMF_OCTETS, carried, crc4

MULTIFRAME = (Path(__file__).parent / "e1_multiframe.bin").read_bytes()


def as_defined(smf: bytes) -> int:
    """The remainder by x^4 + x + 1, one bit after the other, C bits 0 (G.704 2.3.3)."""
    remainder = 0
    for place in range(8 * SMF_OCTETS):
        bit = 0 if place % 512 == 0 else smf[place // 8] >> (7 - place % 8) & 1
        top = remainder >> 3 ^ bit
        remainder = (remainder << 1 & 0xF) ^ (0b0011 if top else 0)
    return remainder


def test_the_vector_has_1010_and_1111() -> None:
    octets = np.frombuffer(MULTIFRAME, np.uint8)
    assert crc4(octets).tolist() == [0b1010, 0b1111]


def test_each_check_value_of_the_vector_travels_in_the_next_smf() -> None:
    ts0 = np.frombuffer(MULTIFRAME, np.uint8)[::32]
    assert carried(ts0).tolist() == [0b1111, 0b1010]


@settings(max_examples=30)
@given(st.binary(min_size=2 * SMF_OCTETS, max_size=2 * SMF_OCTETS))
def test_it_is_what_the_definition_says(data: bytes) -> None:
    expected = [as_defined(data[:SMF_OCTETS]), as_defined(data[SMF_OCTETS:])]
    assert crc4(np.frombuffer(data, np.uint8)).tolist() == expected


def test_every_single_bit_error_is_seen_but_those_of_the_c_bits() -> None:
    good = int(crc4(np.frombuffer(MULTIFRAME, np.uint8))[0])
    for place in range(8 * SMF_OCTETS):
        octets = np.frombuffer(MULTIFRAME[:SMF_OCTETS], np.uint8).copy()
        octets[place // 8] ^= 0x80 >> place % 8
        assert (int(crc4(octets)[0]) == good) == (place % 512 == 0), place


@pytest.mark.parametrize("count", [0, 1, 7])
def test_any_number_of_smfs_at_once(count: int) -> None:
    assert crc4(np.zeros(count * SMF_OCTETS, np.uint8)).tolist() == [0] * count
