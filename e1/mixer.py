"""Mixing two A-law directions into one line: a table of all 65,536 pairs, looked up for many lines at once.

This is the three-way conference of combined control: A and B speak, the line to the console listens, and what
the console's side sends is heard by nobody. The sum is limited to the largest value of its sign.

An octet of the smallest value (D5, 55) counts as nothing at all: a party that is silent, or a lost packet,
leaves the other party's octets as they are. So a mix of two idle directions is idle too. The table is
symmetric, and inverting both signs inverts the sum.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from e1.g711 import QUANTUM, decode, encode


@cache
def mix_table() -> NDArray[np.uint8]:
    """64 KB: the octet for each pair of octets; the index is both side by side, in either order."""
    values = decode(np.arange(256, dtype=np.uint8)).astype(np.int32)
    values[np.abs(values) == QUANTUM] = 0
    sums = values[:, None] + values[None, :]
    octets = encode(np.abs(sums))
    table = np.where(sums < 0, octets ^ 0x80, octets).astype(np.uint8).reshape(65536)
    table.setflags(write=False)
    return table


def mix(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Both directions in one, octet by octet; ``a`` and ``b`` have the same shape, any shape."""
    pairs = np.empty((*a.shape, 2), np.uint8)
    pairs[..., 0] = a
    pairs[..., 1] = b
    # No index is out of bounds; "wrap" only spares numpy the check, which takes twice as long as the look-up.
    mixed: NDArray[np.uint8] = mix_table().take(pairs.view(np.uint16)[..., 0], mode="wrap")
    return mixed


def mix_octets(a: bytes, b: bytes) -> bytes:
    """The same for octets; both have the same length."""
    return mix(np.frombuffer(a, np.uint8), np.frombuffer(b, np.uint8)).tobytes()
