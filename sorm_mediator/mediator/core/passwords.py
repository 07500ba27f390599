"""How passwords are compared, and how fast they may be tried on KPD1.

Every wrong one costs its stream ``60 / tries_per_minute`` seconds. A minute's worth is free; after that the next
command of the stream is not looked at before its time. Other streams are not touched, and the right password waits for
one such interval at most. It counts by stream and not by connection, so a guesser gains nothing by connecting anew.

Order 268 sets no pace. It wants 26h for each wrong password (7.6), and that is sent.
"""

from __future__ import annotations

import hmac


def same_secret(given: object, stored: str) -> bool:
    """Whether ``given`` is the stored password, in a time that doesn't depend on how far they agree."""
    if not isinstance(given, str):
        return False
    return hmac.compare_digest(
        given.encode("utf-8", "surrogatepass"), stored.encode("utf-8", "surrogatepass")
    )


class PasswordPace:
    """``tries_per_minute`` 0: no pace."""

    def __init__(self, tries_per_minute: int) -> None:
        self._booked: dict[int, float] = {}
        self.configure(tries_per_minute)

    def configure(self, tries_per_minute: int) -> None:
        """Another pace; wrong passwords that were counted stay so."""
        self._interval = 60.0 / tries_per_minute if tries_per_minute else 0.0
        self._free = (tries_per_minute - 1) * self._interval if tries_per_minute else 0.0

    def wrong(self, stream: int, now: float) -> None:
        """A command with a wrong password was looked at."""
        if self._interval:
            self._booked[stream] = max(self._booked.get(stream, now), now) + self._interval

    def right(self, stream: int) -> None:
        """A command with the valid password was looked at: its console has nothing to guess."""
        self._booked.pop(stream, None)

    def due(self, stream: int) -> float:
        """From when the next command of a stream may be looked at."""
        return self._booked.get(stream, 0.0) - self._free
