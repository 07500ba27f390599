"""Counters of G.826 kind: errored blocks and seconds, in seconds of 8000 frames, not of a clock."""

from __future__ import annotations

from dataclasses import dataclass

SECOND = 4000
"""Double frames in a second."""
BLOCKS = 1000
"""Blocks in a second: submultiframes of 8 frames, CRC-4 or not."""


@dataclass(slots=True)
class Performance:
    """One direction. A block is a submultiframe of 8 frames: errored by its CRC-4, or without CRC-4 by its FAS."""

    blocks: int = 0
    """Blocks received while aligned."""
    errored_blocks: int = 0
    """Of them, those with an error."""
    seconds: int = 0
    """Seconds of 8000 frames' time that are over."""
    errored_seconds: int = 0
    """Seconds with an errored block or a defect."""
    severely_errored_seconds: int = 0
    """Seconds with 30 % of errored blocks, or a defect."""
    background_errors: int = 0
    """Errored blocks outside severely errored seconds (BBE)."""
    _errored: int = 0
    _defect: bool = False

    def block(self, errored: bool) -> None:
        """Count a block."""
        self.blocks += 1
        if errored:
            self.errored_blocks += 1
            self._errored += 1

    def defect(self) -> None:
        """There is a defect in this second."""
        self._defect = True

    def end_second(self) -> None:
        """Draw the line under a second."""
        self.seconds += 1
        if self._defect or 10 * self._errored >= 3 * BLOCKS:
            self.severely_errored_seconds += 1
        else:
            self.background_errors += self._errored
        self.errored_seconds += self._defect or self._errored > 0
        self._errored, self._defect = 0, False


@dataclass(slots=True)
class Counters:
    """What a receiver of E1 counts."""

    near: Performance
    """What arrives here."""
    far: Performance
    """What the far end says of what arrives there: E bits, RAI as its defect. Counted with CRC-4 only."""
    fas_errors: int = 0
    """Incorrect FAS while aligned."""
    crc_errors: int = 0
    """Bad CRC-4 blocks."""
    slips: int = 0
    """Alignment found again at another place, with pulses all the time in between."""
    alignment_losses: int = 0
    """Times that frame alignment was lost (LOF)."""
