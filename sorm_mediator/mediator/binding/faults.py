"""The faults of a mediator's links, at the places where a network would make them (docs/faults.md).

They are below SSH, before the RADIUS port, on TCP, and on the lines toward the consoles.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from protocol import Channel
from sorm_mediator.faults.gate import Fault
from sorm_mediator.faults.order import Address, FaultOrder
from sorm_mediator.faults.registry import FaultRefused, Faults, Passage
from sorm_mediator.language import Phrase
from sorm_mediator.mediator.binding.consoles import Consoles

if TYPE_CHECKING:
    from radius.sink import Sink
    from radius.ways import Datagram
    from sorm_mediator.config import Config
    from sorm_mediator.mediator.binding.streams import Streams
    from ssh_control.client import SwitchLink

log = logging.getLogger(__name__)

ADDRESSES: Final[tuple[Address, ...]] = ("primary", "backup")
"""Those of ``ssh.server`` and ``ssh.backup``, in this order."""


class HasLinks(Protocol):
    """A mediator, as far as its links go."""

    config: Config
    sink: Sink
    link: SwitchLink | None

    @property
    def pairs(self) -> Consoles | Streams:
        """What has the console channels."""


class LinkFaults:
    """The faults of one mediator's links: it watches ``faults``, and is the network of the link to the switch."""

    def __init__(self, gateway: HasLinks, faults: Faults) -> None:
        self._gateway, self._faults = gateway, faults
        faults.watchers.append(self._changed)
        requests: Passage[Datagram] = Passage(gateway.sink.arrived, ordered=False)
        answers: Passage[Datagram] = Passage(gateway.sink.leave, ordered=False)
        faults.watch(requests, "radius", "from-switch")
        faults.watch(answers, "radius", "to-switch")
        gateway.sink.ways = self._radius = (requests, answers)
        if isinstance(gateway.pairs, Consoles):
            gateway.pairs.network = faults
        else:
            gateway.pairs.have_faults(faults)

    def check(self, order: FaultOrder) -> None:
        """Raises :class:`FaultRefused` for a fault that the links of this mediator can't have."""
        pairs, ssh = self._gateway.pairs, self._gateway.config.ssh
        if order.address == "backup" and not ssh.backup:
            raise FaultRefused(Phrase("address: backup: the lab file has no ssh.backup"))
        if order.link not in ("kpd1", "kpd2"):
            return
        if isinstance(pairs, Consoles):
            if order.pair:
                raise FaultRefused(Phrase("pair: {pair}: over TCP there is pair 0 alone", pair=order.pair))
            return
        there = pairs.pairs(order.pair)
        if not there:
            have = ", ".join(map(str, pairs.pairs(None)))
            raise FaultRefused(
                Phrase(
                    "pair: {pair}: there is no such stream with data channels: {have}",
                    pair=order.pair,
                    have=have,
                )
            )
        if order.action not in ("cut", "clear") and not all(map(pairs.has_frames, there)):
            raise FaultRefused(
                Phrase(
                    "action: {action}: X.25 over TCP has no frames that could be lost: cut, clear",
                    action=order.action,
                )
            )

    def close(self) -> None:
        """The mediator stops: its links have no faults any more."""
        if self._changed in self._faults.watchers:
            self._faults.watchers.remove(self._changed)
        for way in self._radius:
            way.close()

    def _changed(self, fault: Fault, began: bool) -> None:
        order = fault.order
        if order.domain is not None or order.action != "cut":
            return
        pairs = self._gateway.pairs
        if order.link in ("kpd1", "kpd2") and not isinstance(pairs, Consoles):
            for stream in pairs.pairs(order.pair):
                pairs.cut(stream, any(_cuts(one, stream) for one in self._faults.active))
        elif began and order.link == "ssh" and self._gateway.link is not None:
            place = None if order.address is None else ADDRESSES.index(order.address)
            fault.did["connections"] += self._gateway.link.cut(place)
        elif began and isinstance(pairs, Consoles) and order.link in ("kpd1", "kpd2"):
            fault.did["connections"] += pairs.cut(Channel(order.link))

    # --- the network of the link to the switch

    def unreachable(self, place: int) -> bool:
        """Whether no connection with the address of this place is possible now."""
        return self._faults.is_cut("ssh", address=_address(place))

    def ways(
        self, place: int, send: Callable[[bytes], object], receive: Callable[[bytes], object]
    ) -> tuple[Passage[bytes], Passage[bytes]]:
        """The ways of a new session to the switch and from it."""
        ways = Passage(send), Passage(receive)
        for way, direction in zip(ways, ("to-switch", "from-switch"), strict=True):
            self._faults.watch(way, "ssh", direction, address=_address(place))
        return ways


def _cuts(fault: Fault, stream: int) -> bool:
    """Whether it cuts the line of this stream, which carries KPD1 and KPD2."""
    order = fault.order
    return order.action == "cut" and order.link in ("kpd1", "kpd2") and order.pair in (None, stream)


def _address(place: int) -> Address:
    return ADDRESSES[place]
