"""An endless tone, for tests."""

from __future__ import annotations

from collections.abc import Sequence

from e1.voice.tones import LEVEL, tone


class ToneGenerator:
    """An endless sum of tones: ``take`` goes on where it left off."""

    def __init__(self, frequencies: Sequence[int], level: float = LEVEL) -> None:
        self._period = tone(frequencies, level)
        self._at = 0

    def take(self, octets: int) -> bytes:
        """The next octets."""
        end = self._at + octets
        repeated = self._period * -(-end // len(self._period))
        portion = repeated[self._at : end]
        self._at = end % len(self._period)
        return portion
