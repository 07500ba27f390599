"""How fast one address may try passwords. Pure: time is passed in."""

from __future__ import annotations

BURST = 5.0
"""Failed logins that one address may make before the next has to wait."""
INTERVAL = 1.0
"""Seconds that each further failed login costs."""
LONGEST = 5.0
"""Seconds that a login waits at most, whatever others of its address have tried."""
MOST_PEERS = 4096


class LoginPacer:
    """Each try books ``INTERVAL`` seconds of its address; beyond the burst it waits until it is due.

    A try is booked before the password is looked at, so that many at once gain nothing; one that succeeds is
    given back. Addresses whose time has run out are forgotten. No try waits longer than ``longest`` seconds: a guesser
    does not keep the right user of the same address out. So many guesses at once gain the guesser no more than its
    connections divided by ``longest``.
    """

    def __init__(self, burst: float = BURST, interval: float = INTERVAL, longest: float = LONGEST) -> None:
        self._slack = burst * interval
        self._interval = interval
        self._most = self._slack + max(longest, 0.0)
        self._booked: dict[str, float] = {}

    def delay(self, address: str, now: float) -> float:
        """Book a try; the seconds that it has to wait before the password is looked at."""
        if len(self._booked) >= MOST_PEERS:
            self._booked = {peer: until for peer, until in self._booked.items() if until > now}
        booked = max(self._booked.get(address, now), now)
        self._booked[address] = due = min(booked + self._interval, now + self._most)
        return max(0.0, due - self._slack - now)

    def succeeded(self, address: str) -> None:
        """The try was a right one: it is given back."""
        if address in self._booked:
            self._booked[address] -= self._interval
