"""Carriers without an E1: each data channel has a tty or a TCP connection of its own.

There are no frames, hence no KSL. The only states are WORK (something carries the channels), LOS (nothing does) and
OFF. The connections report what happens by themselves; it is kept in order until :meth:`BareCarrier.exchange`.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from e1.carriers.carrier import Address, CarriedChannel, Tap, host_port
from e1.carriers.serial_line import SerialConfig, SerialLine
from e1.carriers.xot import XotConfig, XotEnd
from e1.carriers.xot_socket import XotClient, XotLink, XotServer
from e1.events import ChannelEvent as DataEvent
from e1.g704.alarms import StreamState
from e1.lapb.config import LapbConfig
from e1.stream import ChannelEvent, ChannelName, Side, StateChanged, StreamEvent
from e1.x25.config import X25Config

FAULTS = (StreamState.LOS, StreamState.OFF)
"""States that can be injected. The other states exist only with an E1."""


class BareLine(Protocol):
    """What carries one data channel, and drives it."""

    def send(self, message: bytes) -> None:
        """Send a message, or keep it until the channel is up."""

    def connect(self) -> None:
        """Set the channel up, now or when possible, and again after every loss."""

    def disconnect(self) -> None:
        """Take the channel down and keep it down."""

    def busy(self, on: bool) -> None:
        """Ask the peer to send no more messages for now (RNR), or to go on (RR)."""

    def cut(self, on: bool) -> None:
        """Behave as if the wire were cut, until ``on`` is false again."""


class BareCarrier(ABC):
    """The common part of the carriers without an E1; each of them is a :class:`~e1.carriers.carrier.Carrier`."""

    e1 = None

    def __init__(
        self,
        kind: str,
        channels: Mapping[ChannelName, CarriedChannel],
        lines: Mapping[ChannelName, BareLine],
    ) -> None:
        self._kind = kind
        self.state = StreamState.LOS
        self.channels = channels
        self.lines = lines
        self._fault: StreamState | None = None
        self._events: list[StreamEvent] = []

    @abstractmethod
    def _there(self) -> bool:
        """Whether the stream has a carrier."""

    # --- what most of them have none of

    def take_strangers(self) -> list[str]:
        return []

    def addresses(self, name: ChannelName) -> tuple[Address, Address] | None:
        return None

    def record(self, tap: Tap) -> None:  # noqa: B027 - there are no datagrams
        pass

    # --- the channels

    def send(self, channel: ChannelName, message: bytes) -> list[StreamEvent]:
        self.lines[channel].send(message)
        return self.exchange()

    def connect(self, channel: ChannelName) -> list[StreamEvent]:
        self.lines[channel].connect()
        return self.exchange()

    def disconnect(self, channel: ChannelName) -> list[StreamEvent]:
        self.lines[channel].disconnect()
        return self.exchange()

    def busy(self, channel: ChannelName, on: bool) -> list[StreamEvent]:
        self.lines[channel].busy(on)
        return self.exchange()

    def exchange(self) -> list[StreamEvent]:
        """The events since the last call."""
        self._look()
        events, self._events = self._events, []
        return events

    def happened(self, channel: ChannelName, event: DataEvent) -> None:
        """A channel reports an event. A new state that results from the event precedes it."""
        self._look()
        self._events.append(ChannelEvent(channel, event))

    def _look(self) -> None:
        new = self._fault or (StreamState.WORK if self._there() else StreamState.LOS)
        if new is not self.state:
            self._events.append(StateChanged(self.state, new))
            self.state = new

    # --- faults

    @property
    def faults(self) -> dict[Side, StreamState | None]:
        """The injected faults. A cut wire is cut in both directions."""
        return {"receive": self._fault, "transmit": self._fault}

    def fault(self, state: StreamState | None) -> None:
        """Inject LOS or OFF, or end the fault (None). During either fault nothing crosses in either direction.

        Raises :class:`ValueError` for the states of an E1.
        """
        if state is not None and state not in FAULTS:
            raise ValueError(
                f'{state}: a line "{self._kind}" has no E1 frames; what it can have is LOS or OFF, and clear ends it'
            )
        self._fault = state
        for line in self.lines.values():
            line.cut(state is not None)


class SerialCarrier(BareCarrier):
    """Two ttys (:class:`~e1.carriers.serial_line.SerialLine`). Both must be present, like both wires of a cable."""

    def __init__(self, ports: Mapping[ChannelName, SerialConfig], lapb: LapbConfig, x25: X25Config) -> None:
        self._lines = {name: SerialLine(port, lapb, x25, self._report(name)) for name, port in ports.items()}
        super().__init__("serial", {name: line.channel for name, line in self._lines.items()}, self._lines)

    def _report(self, name: ChannelName) -> Callable[[DataEvent], None]:
        return lambda event: self.happened(name, event)

    async def start(self) -> str:
        for line in self._lines.values():
            line.start()
        return ""

    def close(self) -> None:
        for line in self._lines.values():
            line.close()

    async def wait_closed(self) -> None:
        await asyncio.gather(*(line.stop() for line in self._lines.values()))

    def _there(self) -> bool:
        return all(line.there for line in self._lines.values())

    @property
    def usable(self) -> bool:
        return self._there()

    def counters(self) -> dict[str, int]:
        lines = self._lines.values()
        return {"opened": sum(line.opened for line in lines), "dropped": sum(line.dropped for line in lines)}

    def channel_row(self, name: ChannelName) -> dict[str, Any]:
        return self._lines[name].channel.row()


class XotCircuit:
    """One circuit over TCP. ``carrier`` makes its connections, for it alone or as a server of both circuits."""

    def __init__(self, end: XotEnd, carrier: XotClient | XotServer) -> None:
        self.end = end
        self._carrier = carrier
        self._wanted = True
        self._cut = False

    @property
    def link(self) -> XotLink | None:
        """The connection, while there is one."""
        carrier = self._carrier
        return carrier.link(self.end) if isinstance(carrier, XotServer) else carrier.link

    def send(self, message: bytes) -> None:
        if isinstance(self._carrier, XotServer):
            self._carrier.send(self.end, message)
        else:
            self._carrier.send(message)

    def start(self) -> None:
        """Allow connections, unless the channel was taken down or cut."""
        self.end.wanted = self._wanted and not self._cut
        if self.end.wanted and isinstance(self._carrier, XotClient):
            self._carrier.start()

    def connect(self) -> None:
        self._wanted = True
        self.start()

    def disconnect(self) -> None:
        self._wanted = self.end.wanted = False
        if isinstance(self._carrier, XotClient):
            self._carrier.close()
        elif self.link is not None:
            self.link.close()

    def busy(self, on: bool) -> None:
        if self.link is not None:
            self.link.busy(on)
        else:
            self.end.busy(on, 0.0)  # the next connection sends it first

    def cut(self, on: bool) -> None:
        self._cut = on
        if not on:
            self.start()
            return
        self.end.wanted = False
        if isinstance(self._carrier, XotClient):
            self._carrier.abort("the line is cut")
        elif self.link is not None:
            self.link.abort("the line is cut")


class XotCarrier(BareCarrier):
    """Two circuits over TCP (RFC 1613). One connected circuit is enough for the stream to work.

    ``listen``: the address that accepts both, from hosts that ``allows`` admits. ``dial``: the address that both
    connect to. Exactly one of the two is given.
    """

    def __init__(
        self,
        circuits: Mapping[ChannelName, XotConfig],
        *,
        listen: Address | None = None,
        dial: Address | None = None,
        allows: Callable[[str], bool] = lambda host: True,
    ) -> None:
        self._ends = {name: XotEnd(config) for name, config in circuits.items()}
        self._names = {end: name for name, end in self._ends.items()}
        self._server: XotServer | None = None
        self._carriers: list[XotClient | XotServer]
        if listen is not None:
            self._server = XotServer(list(self._names), *listen, self._report, allows=allows)
            self._carriers = [self._server]
            self._circuits = {name: XotCircuit(end, self._server) for end, name in self._names.items()}
        else:
            assert dial is not None
            clients = {name: XotClient(end, *dial, self._report) for end, name in self._names.items()}
            self._carriers = list(clients.values())
            self._circuits = {name: XotCircuit(client.end, client) for name, client in clients.items()}
        super().__init__("xot", self._ends, self._circuits)

    def _report(self, end: XotEnd, event: DataEvent) -> None:
        self.happened(self._names[end], event)

    async def start(self) -> str:
        address = ""
        if self._server is not None:
            host, port = await self._server.start()
            address = host_port((host, port))
        for circuit in self._circuits.values():
            circuit.start()
        return address

    def close(self) -> None:
        for carrier in self._carriers:
            carrier.close()

    async def wait_closed(self) -> None:
        for carrier in self._carriers:
            await carrier.stop()

    def addresses(self, name: ChannelName) -> tuple[Address, Address] | None:
        """Our address and the peer's, of a channel's connection, while there is one."""
        link = self._circuits[name].link
        return link.addresses() if link is not None else None

    def _there(self) -> bool:
        return any(end.linked for end in self._names)

    @property
    def usable(self) -> bool:
        return self._fault is None  # a network is always available

    def counters(self) -> dict[str, int]:
        return {
            "connections": sum(carrier.connections for carrier in self._carriers),
            **(
                {"strangers": self._server.strangers, "silent_dropped": self._server.dropped}
                if self._server
                else {}
            ),
            "packets_received": sum(end.packets_received for end in self._names),
            "packets_sent": sum(end.packets_sent for end in self._names),
        }

    def take_strangers(self) -> list[str]:
        return [] if self._server is None else [host_port(peer) for peer in self._server.take_strangers()]

    def channel_row(self, name: ChannelName) -> dict[str, Any]:
        x25 = self._ends[name].x25
        return {
            "link": "",
            "circuit": str(x25.state),
            "hdlc": {},
            "lapb": {},
            "x25": dict(x25.counters),
            "t1": 0,
            "resets": 0,
        }
