"""The USB keys (LPM tokens) of the switch, and how long it works without them. No I/O; time is an argument.

A passport ties the switch to its USB keys: no more DS nodes run than there are keys (ECSS-10 manual, Licence limits).
With fewer keys than the active licence has DS nodes the switch goes on for the licence's "System alive time without LPM
token", and after it takes no call; running calls and the mediators stay. With enough keys again it takes calls at once.
The time counts from when the keys became too few, and from the start of the switch (our choice).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from sorm_mediator.language import Phrase
from sorm_mediator.switch.admission import Attempt
from sorm_mediator.switch.licence import Licences

_HUBS: Final = (
    "Bus 001 Device 001: ID 1d6b:0002 Linux Foundation 2.0 root hub",
    "Bus 002 Device 001: ID 1d6b:0001 Linux Foundation 1.1 root hub",
)
_KEY: Final = "Bus 002 Device {number:03}: ID 0529:0620 Aladdin Knowledge Systems"


@dataclass(slots=True)
class Tokens:
    """The USB keys. inserted: how many there are; None: as many as there are DS nodes."""

    licences: Callable[[], Licences]
    inserted: Callable[[], int | None]
    since: float | None = None
    """When they became too few, Unix seconds; None: there are enough."""

    def nodes(self, now: float) -> int:
        """DS nodes that the active licence has."""
        return sum(map(len, self.licences().active(now).limits.storage.values()))

    def count(self, now: float) -> int:
        """USB keys that are there."""
        inserted = self.inserted()
        return self.nodes(now) if inserted is None else inserted

    def look(self, now: float) -> bool:
        """Look at the keys: at the start, after a change, and before a call.

        Returns whether they became too few since they were looked at last.
        """
        inserted = self.inserted()
        short = inserted is not None and inserted < self.nodes(now)
        began = short and self.since is None
        self.since = None if not short else now if self.since is None else self.since
        return began

    def left(self, now: float) -> float | None:
        """Seconds until the switch takes no call; 0: it takes none; None: there are enough keys."""
        if self.since is None:
            return None
        return max(0.0, self.since + self.licences().active(now).limits.alive_without_token - now)

    def why_no_call(self, _attempt: Attempt, now: float) -> Phrase | None:
        """The ground of :mod:`sorm_mediator.switch.admission`."""
        if self.left(now) != 0:
            return None
        return Phrase(
            "the alive time without LPM token is over: {count} of {nodes} USB keys are there",
            count=self.count(now),
            nodes=self.nodes(now),
        )

    def lsusb(self, now: float) -> Iterator[str]:
        """The USB devices, as ``lsusb`` lists them (ECSS-10 manual, eToken check)."""
        yield from _HUBS
        yield from (_KEY.format(number=2 + index) for index in range(self.count(now)))
