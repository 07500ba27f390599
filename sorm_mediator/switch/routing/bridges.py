"""Bridges between domains: which calls may cross one, and what becomes of their numbers.

Source: ECSS-10 manual, MultiSORM.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sorm_mediator.config import BridgeConfig, BridgeSideConfig

End = Literal["a", "b"]


@dataclass(slots=True, eq=False)
class Bridge:
    """A bridge. ``active``: calls that cross it now."""

    config: BridgeConfig
    active: int = 0

    @property
    def name(self) -> str:
        """Its name, unique in the switch."""
        return self.config.name

    @property
    def ends(self) -> tuple[BridgeEnd, BridgeEnd]:
        """Both of its ends."""
        return BridgeEnd(self, "a"), BridgeEnd(self, "b")

    @property
    def full(self) -> bool:
        """Whether one call more is too many."""
        capacity = self.config.capacity
        return capacity != "unbounded" and self.active >= capacity


@dataclass(frozen=True, slots=True)
class BridgeEnd:
    """One end: what a call of its domain goes out by, and what one from the other domain comes in by."""

    bridge: Bridge
    end: End

    @property
    def side(self) -> BridgeSideConfig:
        """Its settings."""
        return self.bridge.config.a if self.end == "a" else self.bridge.config.b

    @property
    def far(self) -> BridgeEnd:
        """The other end."""
        return BridgeEnd(self.bridge, "b" if self.end == "a" else "a")

    @property
    def iface(self) -> str:
        """The interface, as routing rules of its domain name it."""
        return self.side.iface or f"bridge:{self.bridge.name}"
