"""The network below a session of the dialect, where a test makes faults: lines cross it one by one.

Without faults octets go on as they are. :class:`SessionWays` is used at both ends, by the mediator's link and by the
switch's server.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

MOST_BEGUN: Final = 8 * 1024 * 1024
"""Octets of a line that has not ended; then it goes on as it is, and the dialect refuses it."""


class Way(Protocol):
    """One direction of the network, which lines of the dialect cross."""

    idle: bool
    """Nothing has to cross it: octets may go on directly."""

    def cross(self, line: bytes, /) -> None:
        """A line crosses, and is delivered when it arrives, if it does."""

    def close(self) -> int:
        """The session has ended. Returns how many lines were on their way."""


class Network(Protocol):
    """What lies between mediator and switch. ``place``: of an address of the switch, 0 is the first."""

    def unreachable(self, place: int) -> bool:
        """Whether no connection with this address is possible now."""

    def ways(
        self, place: int, send: Callable[[bytes], object], receive: Callable[[bytes], object]
    ) -> tuple[Way, Way]:
        """The ways of a new session: what is sent and crosses is given to ``send``, what comes to ``receive``."""


class SessionWays:
    """Both directions of one session. ``send`` and ``receive`` get the octets that have crossed."""

    def __init__(
        self,
        network: Network | None,
        place: int,
        send: Callable[[bytes], object],
        receive: Callable[[bytes], object],
    ) -> None:
        self._send, self._receive = send, receive
        self._ways = None if network is None else network.ways(place, send, receive)
        self._begun = b""
        """Of a line that has not arrived whole, while there are faults."""
        self._within = False
        """Whether the octets that went on directly ended within a line: its rest goes on directly too."""

    def send(self, octets: bytes) -> None:
        """Whole lines are sent."""
        if self._ways is None or self._ways[0].idle:
            self._send(octets)
        else:
            for line in octets.splitlines(keepends=True):
                self._ways[0].cross(line)

    def receive(self, octets: bytes) -> None:
        """Octets have come, cut anywhere."""
        if self._ways is None or (self._ways[1].idle and not self._begun):
            self._pass_on(octets)
            return
        if self._within:
            end = octets.find(b"\n") + 1 or len(octets)
            self._pass_on(octets[:end])
            octets = octets[end:]
        *lines, self._begun = (self._begun + octets).split(b"\n")
        for line in lines:
            self._ways[1].cross(line + b"\n")
        if len(self._begun) > MOST_BEGUN:
            begun, self._begun = self._begun, b""
            self._ways[1].cross(begun)

    def _pass_on(self, octets: bytes) -> None:
        self._receive(octets)
        if octets:
            self._within = not octets.endswith(b"\n")

    def close(self) -> None:
        """The session has ended: what is on its way is lost."""
        for way in self._ways or ():
            way.close()
