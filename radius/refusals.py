"""Whom an accounting server refused lately, and why: RFC 2866 has no answer that says so, and the client only waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Why = Literal["unknown client", "wrong secret", "no Message-Authenticator", "wrong Message-Authenticator"]

LASTS: Final = 60.0
"""Seconds after the last refused datagram that a refusal is over, and between two lines of the log about one."""
MOST: Final = 16
"""Refusals at a time: the address of a datagram can be forged, and must fill neither the memory nor the log."""


@dataclass(slots=True)
class Refusal:
    """The datagrams of one address that were refused for one reason."""

    host: str
    why: Why
    count: int
    last: float
    told: float
    """When it was told last."""


class Refusals:
    """The refusals that last. ``now`` is in seconds of any clock that does not go back."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, Why], Refusal] = {}

    def note(self, host: str, why: Why, now: float) -> Refusal | None:
        """A datagram is refused. Returns what is to be told now, if anything."""
        found = self._found.get((host, why))
        if found is None or now - found.last > LASTS:
            if len(self.lasting(now)) >= MOST:
                return None
            found = self._found[host, why] = Refusal(host, why, 1, now, now)
            return found
        found.count += 1
        found.last = now
        if now - found.told < LASTS:
            return None
        found.told = now
        return found

    def lasting(self, now: float) -> list[Refusal]:
        """What was refused within the last :data:`LASTS` seconds."""
        self._found = {key: one for key, one in self._found.items() if now - one.last <= LASTS}
        return list(self._found.values())

    def forget(self) -> None:
        """The rules are other ones now."""
        self._found.clear()
