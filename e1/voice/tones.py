"""Tones on a speech line: generation and detection. No input or output.

A tone is one period, computed once, for the caller to repeat. A listener measures single frequencies like Goertzel's
recursion, all at once as one product of matrices.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from e1.voice.g711 import FULL_SCALE_DBM0, SAMPLE_RATE, decode, encode_sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEVEL: Final = -13.0
"""dBm0 of a tone: four such tones together are not limited."""
GRID: Final = tuple(range(300, 3401, 50))
"""Frequencies (Hz) that fit into 20 ms a whole number of times, within the telephone band."""
_PEAK: Final = 32768 * 10 ** (-FULL_SCALE_DBM0 / 20)
"""Peak of a sine of 0 dBm0 as a 16-bit sample."""


def tone(frequencies: Sequence[int], level: float = LEVEL) -> bytes:
    """One period of the sum of tones (Hz, up to 3999), each of ``level`` dBm0; no frequency: one idle octet.

    The period of frequencies that are all multiples of 50 Hz fits into 20 ms a whole number of times.
    Raises :class:`ValueError`.
    """
    if not all(0 < frequency < SAMPLE_RATE // 2 for frequency in frequencies):
        raise ValueError(f"{list(frequencies)}: a tone has 1 to {SAMPLE_RATE // 2 - 1} Hz")
    length = SAMPLE_RATE // math.gcd(SAMPLE_RATE, *frequencies)
    peak = _PEAK * 10 ** (level / 20)
    steps = [2 * math.pi * frequency / SAMPLE_RATE for frequency in frequencies]
    return bytes(
        encode_sample(round(peak * sum(math.sin(step * n) for step in steps))) for n in range(length)
    )


class ToneListener:
    """Detects the tones on a line.

    ``frequencies``: those to detect (Hz). ``block``: octets that are judged together; tones must be
    ``8000 / block`` Hz apart or more, and a block of a multiple of 160 octets keeps those of :data:`GRID`
    from disturbing one another. A tone is detected when it has at least ``share`` of the whole power of the
    block and at least ``floor`` dBm0. Ten per cent is more than the leakage into a neighbouring frequency when
    a tone starts or stops within a block, and leaves room for six tones at once; white noise as loud as the
    tone does not reach ten per cent.

    Raises :class:`ValueError` for frequencies that can't be distinguished.
    """

    def __init__(
        self,
        frequencies: Iterable[int] = GRID,
        *,
        block: int = 800,
        share: float = 0.1,
        floor: float = -40.0,
    ) -> None:
        import numpy as np

        self.frequencies = tuple(sorted(set(frequencies)))
        gaps = [high - low for low, high in zip(self.frequencies, self.frequencies[1:], strict=False)]
        if not all(0 < frequency < SAMPLE_RATE // 2 for frequency in self.frequencies):
            raise ValueError(f"tones have 1 to {SAMPLE_RATE // 2 - 1} Hz")
        if gaps and min(gaps) * block < SAMPLE_RATE:
            raise ValueError(f"tones {min(gaps)} Hz apart need a block of {SAMPLE_RATE // min(gaps)} octets")
        self._block = block
        self._share = share
        self._floor = (_PEAK * 10 ** (floor / 20)) ** 2 / 2
        angles = 2 * np.pi / SAMPLE_RATE * np.outer(np.arange(block), np.array(self.frequencies, float))
        self._probe: NDArray[np.float64] = np.hstack((np.cos(angles), np.sin(angles)))
        self._waiting = bytearray()
        self.heard: frozenset[int] = frozenset()
        """The tones (Hz) of the last whole block."""

    def feed(self, octets: bytes) -> frozenset[int]:
        """Take octets; returns the tones (Hz) of the last whole block."""
        self._waiting += octets
        whole = len(self._waiting) // self._block * self._block
        if whole:
            block = bytes(self._waiting[whole - self._block : whole])
            del self._waiting[:whole]
            self.heard = self._judge(block)
        return self.heard

    def reset(self) -> None:
        """Drop the octets and tones so far."""
        self._waiting.clear()
        self.heard = frozenset()

    def _judge(self, block: bytes) -> frozenset[int]:
        samples: NDArray[np.floating[Any]] = decode(block).astype(float)
        total = float(samples @ samples) / self._block
        parts = (samples @ self._probe).reshape(2, -1)
        # The power of a sine with these amplitudes along cosine and sine.
        powers = 2 * (parts**2).sum(axis=0) / self._block**2
        needed = max(self._floor, self._share * total)
        return frozenset(f for f, power in zip(self.frequencies, powers, strict=True) if power >= needed)
