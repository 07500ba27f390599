"""The faults of the links of a switch whose mediators are elsewhere, at the switch's end (docs/faults.md).

A lab that has a mediator of its own makes them at the mediator's end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sorm_mediator.faults.registry import Faults, Passage

if TYPE_CHECKING:
    from radius.reporter import Reporter
    from radius.ways import Datagram
    from sorm_mediator.faults.gate import Fault
    from ssh_control.server import SormServer


class SwitchNetwork:
    """The network of the servers (:class:`~ssh_control.network.Network`) and of the reporters of a switch."""

    def __init__(self, faults: Faults, servers: Sequence[SormServer]) -> None:
        self._faults, self._servers = faults, servers
        self._passages: list[Passage[Datagram]] = []
        faults.watchers.append(self._changed)
        for server in servers:
            server.network = self

    def report_across(self, reporter: Reporter) -> None:
        """The reports of a reporter, and their answers, cross the network from now on."""
        reports: Passage[Datagram] = Passage(reporter.leave, ordered=False)
        answers: Passage[Datagram] = Passage(reporter.arrived, ordered=False)
        self._faults.watch(reports, "radius", "from-switch")
        self._faults.watch(answers, "radius", "to-switch")
        reporter.ways = (reports, answers)
        self._passages += reporter.ways

    def close(self) -> None:
        """The switch ends: nothing is on its way any more."""
        self._faults.watchers.remove(self._changed)
        for passage in self._passages:
            passage.close()

    def unreachable(self, place: int) -> bool:
        """Whether no mediator can connect now."""
        return self._faults.is_cut("ssh")

    def ways(
        self, place: int, send: Callable[[bytes], object], receive: Callable[[bytes], object]
    ) -> tuple[Passage[bytes], Passage[bytes]]:
        """The ways of a new session, to the mediator and from it."""
        ways = Passage(send), Passage(receive)
        for way, direction in zip(ways, ("from-switch", "to-switch"), strict=True):
            self._faults.watch(way, "ssh", direction)
        return ways

    def _changed(self, fault: Fault, began: bool) -> None:
        if began and fault.order.link == "ssh" and fault.order.action == "cut":
            fault.did["connections"] += sum(server.cut() for server in self._servers)
