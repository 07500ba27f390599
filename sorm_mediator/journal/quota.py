"""How much strangers may make the journal grow. Pure: time is passed in."""

from __future__ import annotations


class StrangersQuota:
    """``per_minute`` entries at once, and as many in each minute after that; 0: no bound.

    A stranger is a peer that has not shown the password on its connection: it can connect, be refused and send what is
    no command as fast as it likes.
    """

    def __init__(self, per_minute: int) -> None:
        self._most = float(per_minute)
        self._left = self._most
        self._since: float | None = None
        self._untold = 0

    def admits(self, now: float) -> bool:
        """Whether one more entry may be written; if not, it is counted."""
        if not self._most:
            return True
        since = now if self._since is None else self._since
        self._left = min(self._most, self._left + max(0.0, now - since) * self._most / 60)
        self._since = max(since, now)
        if self._left < 1:
            self._untold += 1
            return False
        self._left -= 1
        return True

    def take_untold(self) -> int:
        """How many entries were left out since the last time."""
        untold, self._untold = self._untold, 0
        return untold
