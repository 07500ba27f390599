"""LOS and AIS: what the bits of a line say before anybody looks for frames (ITU-T G.775).

The unit is the double frame of 512 bits, counted from where the signal began, not aligned to anything.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from e1.alarms import AlarmConfig, Alarms, Signal, StreamState

DOUBLE_FRAME = 64
"""Octets of a double frame."""
_BITS = 8 * DOUBLE_FRAME
_WINDOW = 255
"""Bit times in which the pulses that clear LOS are counted."""
_WORD_RUN = 192
"""A run of so many zeros, cut in two anywhere, leaves an aligned word of 64 zeros in one of the parts."""

Octets = NDArray[np.uint8]


class LineMonitor:
    """Watches the raw bits. :meth:`quiet` is the quick way, :meth:`double_frame` the exact one."""

    __slots__ = ("_alarms", "_config", "_few_zeros", "_many_zeros", "_run", "_tail")

    def __init__(self, alarms: Alarms, config: AlarmConfig) -> None:
        self._alarms = alarms
        self._config = config
        self._run = config.los_zeros
        self._tail = np.zeros(_WINDOW - 1, np.uint8)
        self._few_zeros = self._many_zeros = 0

    def quiet(self, octets: Octets) -> bool:
        """Whether these whole double frames change nothing. If so they are taken into account, if not nothing is."""
        defects = self._alarms.defects
        words = octets.view(np.uint64)
        if StreamState.LOS in defects:
            if words.any():
                return False
            self._run += 8 * len(octets)
            self._tail[:] = 0
            return True
        if StreamState.AIS in defects:
            if not (octets == 0xFF).all():
                return False
            self._run = self._many_zeros = 0
            return True
        if self._config.los_zeros < _WORD_RUN or self._run >= _WORD_RUN - 64 or not words.all():
            return False
        ones = np.add.reduce(np.bitwise_count(words).reshape(-1, 8), axis=1, dtype=np.uint16)
        if int(ones.max()) >= _BITS - self._config.ais_zeros:
            return False
        last = int.from_bytes(octets[-8:].tobytes(), "big")
        self._run = (last & -last).bit_length() - 1
        self._few_zeros = 0
        return True

    def double_frame(self, octets: Octets) -> list[Signal]:
        """What one double frame changes, in order."""
        config, defects = self._config, self._alarms.defects
        bits = np.unpackbits(octets)
        ones = np.flatnonzero(bits)
        if len(ones):
            gaps = np.diff(ones) - 1
            longest = max(self._run + int(ones[0]), int(gaps.max()) if len(gaps) else 0)
            self._run = _BITS - 1 - int(ones[-1])
            longest = max(longest, self._run)
        else:
            self._run = longest = self._run + _BITS
        if _BITS - len(ones) <= config.ais_zeros:
            self._few_zeros, self._many_zeros = self._few_zeros + 1, 0
        else:
            self._few_zeros, self._many_zeros = 0, self._many_zeros + 1
        signals = []
        if StreamState.LOS in defects:
            if self._run < config.los_zeros and self._most_ones(bits) >= config.los_clear_ones:
                signals.append(Signal.PULSES)
        elif longest >= config.los_zeros:
            signals.append(Signal.NO_PULSES)
        self._tail = bits[-len(self._tail) :]
        if StreamState.AIS in defects:
            if self._many_zeros >= config.ais_double_frames:
                signals.append(Signal.NOT_ALL_ONES)
        elif self._few_zeros >= config.ais_double_frames and StreamState.LOS not in defects:
            signals.append(Signal.ALL_ONES)
        return signals

    def _most_ones(self, bits: Octets) -> int:
        """The most pulses in any window of 255 bit times that ends in this double frame."""
        total = np.concatenate(([0], np.cumsum(np.concatenate((self._tail, bits)), dtype=np.int32)))
        return int((total[_WINDOW:] - total[:-_WINDOW]).max())
