"""The network at a port of RADIUS, server or client, where a test makes faults: datagrams cross it one by one."""

from __future__ import annotations

from typing import Any, Protocol

Datagram = tuple[bytes, Any]
"""Octets; and at the server the address of the client, at the client the index of its local port."""


class Way(Protocol):
    """One direction of the network, which datagrams cross."""

    idle: bool
    """Nothing has to cross it: datagrams may go on directly."""

    def cross(self, datagram: Datagram, /) -> None:
        """A datagram crosses, and is delivered when it arrives, if it does."""
