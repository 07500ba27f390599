"""How fast one address may try passwords. Pure: time is passed in."""

from __future__ import annotations

BURST = 5.0
"""Failed logins that one address may make before the next has to wait."""
INTERVAL = 1.0
"""Seconds that each further failed login costs."""
MOST_PEERS = 4096


class LoginPacer:
    """Each try books ``INTERVAL`` seconds of its address; beyond the burst it waits until it is due.

    A try is booked before the password is looked at, so that many at once gain nothing; one that succeeds is
    given back. Addresses whose time has run out are forgotten.
    """

    def __init__(self, burst: float = BURST, interval: float = INTERVAL) -> None:
        self._slack = burst * interval
        self._interval = interval
        self._booked: dict[str, float] = {}

    def delay(self, address: str, now: float) -> float:
        """Book a try; the seconds that it has to wait before the password is looked at."""
        if len(self._booked) >= MOST_PEERS:
            self._booked = {peer: until for peer, until in self._booked.items() if until > now}
        booked = max(self._booked.get(address, now), now)
        self._booked[address] = booked + self._interval
        return max(0.0, booked + self._interval - self._slack - now)

    def succeeded(self, address: str) -> None:
        """The try was a right one: it is given back."""
        if address in self._booked:
            self._booked[address] -= self._interval
