"""What crosses a running box, as a capture: the console channels, the call reports, the lines of the dialect.

A capture never holds up its box: what a slow or full disk does not take is left out and counted (:attr:`lost`), and the
log says so once. Interfaces of the file: ``KPD1`` and ``KPD2`` (TCP with the real addresses), ``e1.N KPD1`` (LAPB
frames, or X.25 over TCP), ``RADIUS`` (UDP), and ``SSH`` (the lines inside the encrypted session, as TCP).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from protocol import Codec, Options
from sorm_mediator.capture.comments import TwoWays
from sorm_mediator.capture.output import BoundedOutput
from sorm_mediator.capture.writer import Address, Connection, PcapngWriter, one_kind
from sorm_mediator.capture.x25 import XOT_PORT

log = logging.getLogger(__name__)

DIALECT = "SSH"
REPORTS = "RADIUS"
_INSIDE = "lines of the dialect, as they are inside SSH"


class BoxCapture:
    """The capture of a box. ``descriptor``: where it goes; ``name``: for the log.

    Sides are named from the mediator: ``sent`` are octets that the mediator, or the switch, sent.
    """

    def __init__(
        self, descriptor: int, name: str, options: Options, clock: Callable[[], float] = time.time
    ) -> None:
        self._output = BoundedOutput(descriptor, self._failed)
        self._name = name
        self._clock = clock
        self._codec = Codec(options)
        self._writer = PcapngWriter(self._output)
        self._open: dict[object, tuple[Connection, TwoWays | None]] = {}
        self._session: object = None
        self._links: dict[str, TwoWays] = {}
        self.own_sink: tuple[str, int] | None = None
        """The address of the box's own sink, which records both ways of what comes there."""

    @property
    def lost(self) -> int:
        """Packets that were left out."""
        return self._output.lost

    def close(self) -> None:
        """End the capture."""
        now = self._clock()
        for connection, _ in self._open.values():
            connection.close(now)
        self._open.clear()
        self._output.close()
        if self.lost:
            log.warning("--pcap: %s: %d packets were left out", self._name, self.lost)

    def _failed(self, why: str) -> None:
        log.error("--pcap: %s: %s: packets are left out of the capture from here on", self._name, why)

    # --- the console channels

    def opened(self, key: object, channel: str, local: Address, remote: Address) -> None:
        """A console has connected to a channel (``kpd1`` or ``kpd2``)."""
        ways = TwoWays(self._codec)
        self._begin(key, channel.upper(), local, remote, ways=ways, accepted=True)

    def crossed(self, key: object, data: bytes, *, sent: bool) -> None:
        """Octets of a connection."""
        found = self._open.get(key)
        if found is None:
            return
        connection, ways = found
        comment = ways[sent].data(data) if ways is not None else ""
        (connection.sent if sent else connection.received)(data, self._clock(), comment=comment)

    def closed(self, key: object) -> None:
        """A connection has ended."""
        found = self._open.pop(key, None)
        if found is not None:
            found[0].close(self._clock())

    def frame(self, stream: str, channel: str, frame: bytes, *, sent: bool, by_dte: bool) -> None:
        """One LAPB frame of a timeslot. Frames of the DTE are outbound, as Wireshark needs it."""
        name = f"{stream} {channel.upper()}"
        ways = self._links.setdefault(name, TwoWays(self._codec))
        comment = ways[sent].frame(frame)
        self._writer.lapb(name, frame, self._clock(), outbound=by_dte, comment=comment)

    def xot(
        self,
        stream: str,
        channel: str,
        record: bytes,
        *,
        sent: bool,
        ends: tuple[Address, Address],
        dialled: bool,
    ) -> None:
        """One X.25 packet over TCP, on the standard port, by which readers recognise it."""
        key = (stream, channel, ends)
        if key not in self._open:
            local, remote = ends
            local, remote = (local, (remote[0], XOT_PORT)) if dialled else ((local[0], XOT_PORT), remote)
            name = f"{stream} {channel.upper()}"
            ways = TwoWays(self._codec)
            self._begin(key, name, local, remote, ways=ways, accepted=not dialled)
        connection, known = self._open[key]
        assert known is not None
        comment = known[sent].records(record)
        (connection.sent if sent else connection.received)(record, self._clock(), comment=comment)

    def xot_closed(self, stream: str, channel: str) -> None:
        """The connection of an X.25 circuit over TCP has ended."""
        for key in [key for key in self._open if isinstance(key, tuple) and key[:2] == (stream, channel)]:
            self.closed(key)

    # --- reports and dialect

    def report(self, local: Address, remote: Address, data: bytes, *, sent: bool) -> None:
        """One RADIUS datagram. One toward the box's own sink is recorded by the sink."""
        local, remote = one_kind(local, remote)
        self._writer.datagram(REPORTS, local, remote, data, self._clock(), outbound=sent)

    def reported(self, local: Address, remote: Address, data: bytes, *, sent: bool) -> None:
        """One RADIUS datagram of the switch, unless it is for the box's own sink."""
        if self.own_sink is None or remote[1] != self.own_sink[1]:
            self.report(local, remote, data, sent=sent)

    def dialect(self, key: object, data: bytes, *, sent: bool, ends: tuple[Address, Address]) -> None:
        """Octets of the dialect inside SSH."""
        if key not in self._open:
            self.closed(self._session)  # a mediator has one session at a time
            self._session = key
            self._begin(key, DIALECT, *ends, description=_INSIDE)
        self.crossed(key, data, sent=sent)

    def _begin(
        self,
        key: object,
        name: str,
        local: Address,
        remote: Address,
        *,
        ways: TwoWays | None = None,
        accepted: bool = False,
        description: str = "",
    ) -> None:
        local, remote = one_kind(local, remote)
        now = self._clock()
        connection = self._writer.connection(
            name, local, remote, now, accepted=accepted, description=description
        )
        self._open[key] = connection, ways
