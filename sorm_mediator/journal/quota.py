"""How many journal entries and messages to the console strangers can cause. No I/O; time is an argument."""

from __future__ import annotations


class StrangersQuota:
    """``per_minute`` at once, and as many in each minute after that; 0: no bound.

    A stranger is a peer that has not shown the password on its connection: it can connect, be refused and send what is
    no command as fast as it likes.
    """

    def __init__(self, per_minute: int) -> None:
        self._most = self._left = float(per_minute)
        self._since: float | None = None
        self._left_out = 0

    def configure(self, per_minute: int) -> None:
        """Another bound, from now on."""
        self._left = self._most = float(per_minute)

    def admits(self, now: float) -> bool:
        """Whether one more is within the bound; if not, it is counted."""
        if not self._most:
            return True
        since = now if self._since is None else self._since
        self._left = min(self._most, self._left + max(0.0, now - since) * self._most / 60)
        self._since = max(since, now)
        if self._left < 1:
            self._left_out += 1
            return False
        self._left -= 1
        return True

    def take_left_out(self) -> int:
        """How many were left out since the last time."""
        untold, self._left_out = self._left_out, 0
        return untold
