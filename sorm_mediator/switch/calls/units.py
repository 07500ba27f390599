"""How calls use the licence's simultaneous connections (cp_limit): the manual's table, as the engine counts it.

| what | units |
|---|---|
| a call, through any number of domains and bridges, forwarded or not | 1 |
| pick-up: it ties the call to that of the subscriber who picks up | 2 |
| transfer of a smart terminal without a consultation call | 1 |
| transfer of a smart terminal after a consultation call: both calls go on, tied together | 2 |
| transfer of a basic terminal: the switch itself ties the parties within one call | 1 |
| add-on conference (3pty) | 1 for each participant |

A smart terminal makes its consultation call itself, so that call uses a unit like any other. The consultation
call of a basic terminal is made within its call and uses no unit. A call that is tied to others in several
ways uses one more unit for each. A request beyond the limit is refused and changes nothing. A lower limit
does not end running calls.

Source: ECSS-10 manual, Licence distribution, cp_limit.
"""

from __future__ import annotations

from typing import Final

from sorm_mediator.switch.calls.call import Call, CallRefused
from sorm_mediator.switch.domain import Subscriber
from sorm_mediator.switch.node import Node

PARTICIPANTS: Final = 3
"""Participants of an add-on conference: the two parties of the call, and the third party."""


class CallUnits:
    """The units used by the running calls. ``in_use`` is the sum of :attr:`Call.units`."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.in_use = 0

    def check(self, more: int, now: float) -> None:
        """Raises :class:`CallRefused` of kind ``licence`` when this number of further units is too many."""
        active = self._node.licences.active(now)
        limit = active.limits.concurrent_calls
        if more > 0 and self.in_use + more > limit:
            raise CallRefused(
                "licence",
                f"licence {active.number} allows {limit} simultaneous connections (max call attempts): "
                f"{self.in_use} are in use, and {more} more would be needed; "
                "wait until a call ends, or add a licence",
            )

    def use(self, call: Call, units: int, now: float) -> None:
        """Set the number of units of a call. Raises :class:`CallRefused`, and changes nothing then."""
        self.check(units - call.units, now)
        self._set(call, units)

    def move(self, source: Call, target: Call, units: int) -> None:
        """Move units from one call to another, at most all of them. The total is unchanged."""
        units = min(units, source.units)
        self._set(source, source.units - units)
        self._set(target, target.units + units)

    def free(self, call: Call) -> None:
        """Release the units of a call that has ended."""
        self._set(call, 0)

    def _set(self, call: Call, units: int) -> None:
        self.in_use += units - call.units
        call.units = units


def consultation_units(user: Subscriber | None) -> int:
    """Units of a consultation call of this subscriber."""
    return 0 if user is not None and user.terminal == "basic" else 1


def conference_share(call: Call, consultation: int) -> int:
    """Units of a conference's consultation call, so that both calls together have one for each participant.

    ``consultation``: units of the consultation as a call.
    """
    return max(consultation, PARTICIPANTS - call.units)
