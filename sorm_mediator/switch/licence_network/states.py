"""The licence state of a node: regular, failover for thirty days, emergency. Without I/O; time comes in as ``now``.

Source: docs/network-licence.md; OpenScape Business administration, Behavior during Network Problems (Failover).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from math import ceil
from typing import Annotated, Final

from pydantic import Field

from sorm_mediator.language import Phrase
from sorm_mediator.options import Section
from sorm_mediator.switch.licence import LicenceError

DAY: Final = 86_400


class NodeState(Enum):
    """The licence state of a node."""

    REGULAR = "regular"
    """The master is reachable, or it is this node."""
    FAILOVER = "failover"
    """The master is not reachable; everything works as before."""
    EMERGENCY = "emergency"
    """The failover period is over: calls to emergency numbers alone, and no new object on control."""


class NodeInput(Enum):
    """What changes the licence state of a node."""

    LOST = "lost"
    """The master is not reachable."""
    REACHED = "reached"
    """The master is reachable, and the network is licensed."""
    EXPIRED = "expired"
    """The failover period is over."""
    NETWORK_FAILED = "network-failed"
    """Another node of the network is in emergency, so the whole network is."""
    ACTIVATED = "activated"
    """A licence file was activated on the master that is newer than the one before the emergency."""


NODE_TABLE: Final[Mapping[tuple[NodeState, NodeInput], NodeState]] = {
    (NodeState.REGULAR, NodeInput.LOST): NodeState.FAILOVER,
    (NodeState.REGULAR, NodeInput.NETWORK_FAILED): NodeState.EMERGENCY,
    (NodeState.FAILOVER, NodeInput.REACHED): NodeState.REGULAR,
    (NodeState.FAILOVER, NodeInput.EXPIRED): NodeState.EMERGENCY,
    (NodeState.FAILOVER, NodeInput.NETWORK_FAILED): NodeState.EMERGENCY,
    (NodeState.EMERGENCY, NodeInput.ACTIVATED): NodeState.REGULAR,
}
"""State and input -> next state. A pair that is not there changes nothing: activation alone leads out of emergency."""


class ClockStepError(LicenceError):
    """The clock is behind an earlier reading, so the failover period can't be counted. Nothing is changed."""


class KeptState(Section):
    """What a node keeps of its licence state over a restart."""

    state: NodeState
    """The state."""
    since: float
    """When it began."""
    serial: Annotated[int, Field(ge=0)]
    """Number of the network's licence file, as last known."""
    now: float
    """The calendar when this was written."""


class NodeLicence:
    """The licence state of one node.

    period: seconds that the failover lasts. ``since``: when the present state began. ``serial``: number of the
    network's licence file; in emergency a higher one leads out.
    """

    def __init__(self, period: float, now: float) -> None:
        self.period = period
        self.state = NodeState.REGULAR
        self.since = now
        self.serial = 0
        self._latest = now

    def lost(self, now: float) -> None:
        """The master is not reachable. Raises :class:`ClockStepError`."""
        self.tick(now)
        self._move(NodeInput.LOST, now)

    def reached(self, now: float, *, serial: int, failed: bool) -> None:
        """The master answers. ``serial``: number of its licence file. ``failed``: the network is in emergency.

        Raises :class:`ClockStepError`.
        """
        self.tick(now)
        if failed:
            self._move(NodeInput.NETWORK_FAILED, now)
            return
        if serial > self.serial:
            self._move(NodeInput.ACTIVATED, now)
        self._move(NodeInput.REACHED, now)
        if self.state is not NodeState.EMERGENCY:
            self.serial = serial

    def activated(self, now: float, serial: int) -> None:
        """A licence file was activated on this node. Raises :class:`ClockStepError`."""
        self.tick(now)
        if serial > self.serial:
            self._move(NodeInput.ACTIVATED, now)
            self.serial = serial

    def failed(self, now: float) -> None:
        """Another node is in emergency. Raises :class:`ClockStepError`."""
        self.tick(now)
        self._move(NodeInput.NETWORK_FAILED, now)

    def tick(self, now: float) -> None:
        """Time has passed. Raises :class:`ClockStepError`."""
        if now < self._latest:
            raise ClockStepError(
                f"the clock has gone back by {self._latest - now:g} s, so the failover period can't be counted: set "
                "it right"
            )
        self._latest = now
        if self.state is NodeState.FAILOVER and now - self.since > self.period:
            self._move(NodeInput.EXPIRED, now)

    @property
    def deadline(self) -> float | None:
        """When the failover period is over; None in another state."""
        return self.since + self.period if self.state is NodeState.FAILOVER else None

    def left(self, now: float) -> float | None:
        """Seconds of the failover period that are left; None in another state."""
        return None if self.deadline is None else max(0.0, self.deadline - now)

    def shown(self, now: float) -> Phrase | None:
        """What displays show; None: nothing, since the state is regular."""
        left = self.left(now)
        if left is not None:
            days = ceil(left / DAY)
            return Phrase(
                "Failover Period: {count} day left", plural="Failover Period: {count} days left", count=days
            )
        if self.state is NodeState.EMERGENCY:
            return Phrase("Emergency: only emergency numbers; activate the licence file on the master")
        return None

    def kept(self, now: float) -> KeptState:
        """What a restart begins with."""
        return KeptState(state=self.state, since=self.since, serial=self.serial, now=now)

    def resume(self, kept: KeptState, now: float) -> None:
        """Begin with what an earlier run has kept. Raises :class:`ClockStepError`, and changes nothing then."""
        if now < kept.now:
            raise ClockStepError(
                f"the clock is {kept.now - now:g} s behind what the last run wrote, so the failover period can't be "
                "counted: set it right"
            )
        self.state, self.since, self.serial, self._latest = kept.state, kept.since, kept.serial, kept.now
        self.tick(now)

    def _move(self, cause: NodeInput, now: float) -> None:
        after = NODE_TABLE.get((self.state, cause))
        if after is not None:
            self.state, self.since = after, now
