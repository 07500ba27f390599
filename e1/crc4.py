"""CRC-4 of E1 submultiframes, many at once.

A submultiframe (SMF) is 8 frames of 32 octets. Its check value is the remainder by x^4 + x + 1 of its 2048 bits in
line order, its own C bits (bit 1 of the even frames) taken as 0, start value 0, nothing inverted; C1 is the most
significant of the four bits. It travels in the *next* SMF. Source: ITU-T G.704 2.3.3.

The remainder is linear in the bits, so each of its four bits is the parity of the SMF under a mask. The masks leave
the C bits out: nothing has to be cleared or copied before.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SMF_FRAMES = 8
SMF_OCTETS = SMF_FRAMES * 32
_BITS = SMF_OCTETS * 8

Octets = NDArray[np.uint8]


def _masks() -> NDArray[np.uint64]:
    """The four parity masks, one a row, as 32 words: the weight of each bit is a power of x modulo the polynomial."""
    weights = np.zeros((4, _BITS), dtype=np.uint8)
    weight = 0b0011  # x^4: the last bit of the SMF, before the four places of the remainder
    for position in reversed(range(_BITS)):
        for row in range(4):
            weights[row, position] = weight >> (3 - row) & 1
        weight <<= 1
        if weight & 0b10000:
            weight ^= 0b10011
    weights[:, 0 : _BITS : 2 * 256] = 0
    return np.packbits(weights, axis=1).view(np.uint64)


_MASKS = _masks()
_PLACES = np.array([8, 4, 2, 1], dtype=np.uint8)
C_BITS: Octets = np.array(
    [[(value >> (3 - row) & 1) << 7 for row in range(4)] for value in range(16)], np.uint8
)
"""C1..C4 of every check value as bit 1 (80h or 0) of frames 0, 2, 4, 6 of an SMF."""


def crc4(smfs: Octets) -> Octets:
    """The check values (0..15) of whole SMFs: a contiguous array of n * 256 octets in, n values out."""
    words = smfs.reshape(-1, 1, SMF_OCTETS).view(np.uint64)
    parity: Octets = np.bitwise_count(np.bitwise_xor.reduce(words & _MASKS, axis=2)) & np.uint8(1)
    return parity @ _PLACES


def carried(ts0: Octets) -> Octets:
    """The check values in the C bits of whole SMFs, given timeslot 0 of their frames (n * 8 octets)."""
    bits: Octets = ts0.reshape(-1, 4, 2)[:, :, 0] >> np.uint8(7)
    return bits @ _PLACES
