"""Two directions in one line: all 65,536 pairs."""

from __future__ import annotations

import numpy as np

from e1.voice.g711 import DECODED, QUANTUM, decode, encode, encode_sample
from e1.voice.matrix import mix, mix_octets, mix_table

EVERY = np.arange(256, dtype=np.uint8)
A = np.repeat(EVERY, 256)
B = np.tile(EVERY, 256)
AUDIBLE = (np.abs(decode(A)) > QUANTUM) & (np.abs(decode(B)) > QUANTUM)


def test_the_order_of_the_two_does_not_matter() -> None:
    assert (mix(A, B) == mix(B, A)).all()


def test_an_idle_direction_leaves_the_other_as_it_is() -> None:
    for idle in (0xD5, 0x55):
        mixed = mix(EVERY, np.full(256, idle, np.uint8))
        assert (mixed[EVERY != 0x55] == EVERY[EVERY != 0x55]).all()
        assert mixed[0x55] == 0xD5


def test_two_idle_directions_are_idle() -> None:
    assert mix_octets(b"\xd5" * 160, b"\xd5" * 160) == b"\xd5" * 160


def test_the_sum_is_coded_as_one_sample_would_be_whatever_its_sign() -> None:
    for a, b in zip(A[AUDIBLE].tolist(), B[AUDIBLE].tolist(), strict=True):
        total = DECODED[a] + DECODED[b]
        expected = encode_sample(abs(total)) ^ (0x80 if total < 0 else 0)
        assert mix_table()[a << 8 | b] == expected, (a, b)


def test_a_sum_that_is_too_large_stays_at_the_largest_value_of_its_sign() -> None:
    sums = decode(A).astype(int) + decode(B)
    mixed = mix(A, B)
    assert (mixed[sums > 32256] == 0xAA).all()
    assert (mixed[sums < -32256] == 0x2A).all()
    assert (sums > 32256).any()


def test_a_wave_and_its_inverse_are_silence() -> None:
    assert (mix(EVERY, EVERY ^ 0x80) == 0xD5).all()


def test_inverting_both_inverts_the_sum() -> None:
    assert (decode(mix(A ^ 0x80, B ^ 0x80)).astype(int)[AUDIBLE & (A != B ^ 0x80)]
            == -decode(mix(A, B)).astype(int)[AUDIBLE & (A != B ^ 0x80)]).all()  # fmt: skip


def test_many_lines_at_once_are_each_line_by_itself() -> None:
    generator = np.random.default_rng(7)
    a, b = generator.integers(0, 256, (2, 30, 160), dtype=np.uint8)
    together = mix(a, b)
    assert together.shape == (30, 160)
    for line in range(30):
        assert together[line].tobytes() == mix_octets(a[line].tobytes(), b[line].tobytes())


def test_the_table_has_64_kilobytes_and_cannot_be_written_to() -> None:
    assert mix_table().nbytes == 65536
    assert not mix_table().flags.writeable


def test_nothing_mixed_is_nothing() -> None:
    assert mix_octets(b"", b"") == b""


def test_mixing_is_decoding_adding_and_encoding() -> None:
    a, b = encode(np.array([1000, -3000, 20000])), encode(np.array([500, 1000, 20000]))
    assert np.abs(decode(mix(a, b)).astype(int) - [1500, -2000, 32256]).max() <= 64
