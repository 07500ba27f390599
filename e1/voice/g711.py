"""G.711 A-law: between octets as they stand in a timeslot and 16-bit linear samples.

The tables are made from the rows of ITU-T G.711 table 1a: eight segments of sixteen intervals, the first two
of one step width; an octet decodes to the middle of its interval. Octets have the even bits inverted, as they
are sent (G.711, table 1a, note 2). One quantum of the tables (1/4096 of the virtual decision value) is
:data:`QUANTUM` of a 16-bit sample, so the largest output is 4032 quanta = 32,256.

The decision values are taken as the reference code of G.191 takes them: 0..15 is the first positive interval,
-1..-16 the first negative one.

The tables need the standard library only; :func:`decode` and :func:`encode` work on numpy arrays.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

QUANTUM: Final = 8
"""A 16-bit sample per 1/4096 of the virtual decision value."""
SAMPLE_RATE: Final = 8000
"""Octets a second of one direction of speech."""
FULL_SCALE_DBM0: Final = 3.14
"""Level of the largest sine that is not clipped (G.711, table 5, note)."""
IDLE: Final = 0xD5
"""Octet of a line without speech: the smallest positive value of A-law (ITU-T G.711)."""
_INVERTED: Final = 0x55
_POSITIVE: Final = 0x80


def _segment(number: int) -> tuple[int, int]:
    """Lower decision value and step of a segment 0..7, in quanta (G.711 table 1a, columns 1 to 4)."""
    return (0, 2) if number == 0 else (32 << (number - 1), 2 << (number - 1))


def _output(octet: int) -> int:
    code = octet ^ _INVERTED
    start, step = _segment(code >> 4 & 7)
    quanta = start + step * (code & 15) + step // 2
    return QUANTUM * (quanta if code & _POSITIVE else -quanta)


DECODED: Final = tuple(map(_output, range(256)))
"""The 16-bit sample of each octet."""


def silence(octets: int) -> bytes:
    """``octets`` octets of a free line."""
    return b"\xd5" * octets


def encode_sample(sample: int) -> int:
    """The octet of a sample. A sample beyond 16 bits gives the largest value of its sign."""
    sign = _POSITIVE if sample >= 0 else 0
    quanta = min(sample if sample >= 0 else ~sample, 0x7FFF) // QUANTUM
    # From 32 quanta on, the position of the highest bit is the segment.
    segment = max(0, quanta.bit_length() - 5)
    start, step = _segment(segment)
    return (sign | segment << 4 | (quanta - start) // step) ^ _INVERTED


@cache
def _tables() -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    import numpy as np

    decoded = np.array(DECODED, np.int16)
    # One entry for each sample without its three lowest bits, which no decision depends on.
    encoded = np.array([encode_sample(value * QUANTUM) for value in range(-4096, 4096)], np.uint8)
    return decoded, encoded


def decode(octets: bytes | NDArray[np.uint8]) -> NDArray[np.int16]:
    """The 16-bit samples of octets; an array keeps its shape."""
    import numpy as np

    values = octets if isinstance(octets, np.ndarray) else np.frombuffer(octets, np.uint8)
    return _tables()[0][values]


def encode(samples: NDArray[np.int16] | NDArray[np.int32] | NDArray[np.int64]) -> NDArray[np.uint8]:
    """The octets of samples, same shape; what 16 bits do not hold is limited to the largest value."""
    import numpy as np

    limited = np.clip(samples, -0x8000, 0x7FFF).astype(np.int32)
    octets: NDArray[np.uint8] = _tables()[1][(limited >> 3) + 4096]
    return octets
