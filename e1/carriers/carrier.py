"""One interface for everything that carries the data channels (KPD) of a stream; its implementation for E1 frames.

Two kinds implement :class:`Carrier`. A :class:`FramedCarrier` has an E1 stream on a line that carries its frames
(SAToP, memory). A :class:`~e1.carriers.bare.BareCarrier` has two data channels and no timeslots (ttys, X.25 over TCP).
The mediator and the console use both kinds through this interface alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Protocol

from e1.g704.alarms import StreamState
from e1.stream import ChannelName, E1Stream, Side, StreamEvent

Address = tuple[str, int]
Tap = Callable[[bool, Address, Address, bytes], None]
"""Receives each datagram of a carrier: whether it is sent, our address, the far end's address, the octets."""


def host_port(address: Address) -> str:
    """``host:port``; an IPv6 address is in brackets."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class CarriedChannel(Protocol):
    """One data channel of a carrier."""

    @property
    def up(self) -> bool:
        """Whether messages can cross."""

    @property
    def queued(self) -> int:
        """Messages that are not fully acknowledged."""

    @property
    def linked(self) -> bool:
        """Whether the far end answers on the layer below X.25."""

    @property
    def released(self) -> bool:
        """Whether the channel is down at this end, and all frames that end it are sent."""

    def discard(self) -> list[bytes]:
        """Take out the messages of which no part was sent."""


class Carrier(Protocol):
    """One end of a stream, with its channels. It returns everything that happens as events, in order."""

    @property
    def e1(self) -> E1Stream | None:
        """The E1 stream whose frames are carried; None where there are no timeslots, hence no speech."""

    @property
    def state(self) -> StreamState:
        """The state of the received signal."""

    @property
    def usable(self) -> bool:
        """Whether the data channels have a carrier."""

    @property
    def channels(self) -> Mapping[ChannelName, CarriedChannel]:
        """The data channels; none in a stream for speech alone."""

    @property
    def faults(self) -> dict[Side, StreamState | None]:
        """The injected faults, by side."""

    async def start(self) -> str:
        """Open the carrier; returns its address, "" without one. Raises :class:`OSError` on failure."""

    def close(self) -> None:
        """Begin to close the carrier. A second call does nothing."""

    async def wait_closed(self) -> None:
        """Wait until the carrier is closed."""

    def exchange(self) -> list[StreamEvent]:
        """Take the arrived octets and send the due ones. The owner calls it every few milliseconds."""

    def send(self, channel: ChannelName, message: bytes) -> list[StreamEvent]:
        """Send a message on a data channel, or keep it until the channel is up."""

    def connect(self, channel: ChannelName) -> list[StreamEvent]:
        """Set up a data channel. A new one does so by itself."""

    def disconnect(self, channel: ChannelName) -> list[StreamEvent]:
        """Take a data channel down and keep it down."""

    def busy(self, channel: ChannelName, on: bool) -> list[StreamEvent]:
        """Ask the peer to send no more messages on a data channel for now (RNR), or to go on (RR)."""

    def fault(self, state: StreamState | None) -> None:
        """Inject a fault, or end it (None). Raises :class:`ValueError` for a state that the carrier can't have."""

    def counters(self) -> dict[str, int]:
        """Counters of the frames, if any, and of the line."""

    def channel_row(self, name: ChannelName) -> dict[str, Any]:
        """A data channel for people: state of the link and of the circuit, frames, timers."""

    def addresses(self, name: ChannelName) -> tuple[Address, Address] | None:
        """Our address and the peer's, of a data channel that has a TCP connection of its own."""

    def take_strangers(self) -> list[str]:
        """Addresses that sent or connected to this end and were refused since the last call."""

    def record(self, tap: Tap) -> None:
        """Pass every datagram of an E1 over UDP to ``tap`` from now on. Other carriers have none."""


class FrameLine(Protocol):
    """A line that carries the frames of an E1 stream."""

    async def start(self) -> str:
        """As :meth:`Carrier.start`."""

    def close(self) -> None:
        """As :meth:`Carrier.close`."""

    def exchange(self, stream: E1Stream) -> list[StreamEvent]:
        """Pass the arrived octets to the stream and send its due frames."""

    def counters(self) -> dict[str, int]:
        """Counters of the line."""

    def take_strangers(self) -> list[str]:
        """As :meth:`Carrier.take_strangers`."""

    def record(self, tap: Tap) -> None:
        """As :meth:`Carrier.record`."""


class FramedCarrier:
    """An E1 stream on a line that carries its frames.

    ``clock``: seconds, the same as the line's. A subclass without ``line`` overrides the property of that name.
    """

    def __init__(
        self, stream: E1Stream, line: FrameLine | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.e1 = stream
        self.channels = stream.channels
        self._line = line
        self._clock = clock

    @property
    def line(self) -> FrameLine:
        """The line that carries the frames."""
        assert self._line is not None
        return self._line

    @property
    def state(self) -> StreamState:
        return self.e1.state

    @property
    def usable(self) -> bool:
        return self.e1.carrier

    @property
    def faults(self) -> dict[Side, StreamState | None]:
        return self.e1.faults

    async def start(self) -> str:
        return await self.line.start()

    def close(self) -> None:
        self.line.close()

    async def wait_closed(self) -> None:
        """Returns at once: closing a line takes no time."""

    def exchange(self) -> list[StreamEvent]:
        return self.line.exchange(self.e1)

    def send(self, channel: ChannelName, message: bytes) -> list[StreamEvent]:
        return self.e1.send(channel, message, self._clock())

    def connect(self, channel: ChannelName) -> list[StreamEvent]:
        return self.e1.connect(channel, self._clock())

    def disconnect(self, channel: ChannelName) -> list[StreamEvent]:
        return self.e1.disconnect(channel, self._clock())

    def busy(self, channel: ChannelName, on: bool) -> list[StreamEvent]:
        return self.e1.busy(channel, on, self._clock())

    def fault(self, state: StreamState | None) -> None:
        self.e1.fault(state)

    def take_strangers(self) -> list[str]:
        return self.line.take_strangers()

    def record(self, tap: Tap) -> None:
        self.line.record(tap)

    def counters(self) -> dict[str, int]:
        """G.826 at both ends, the framer's own counters, those of the line."""
        found = self.e1.counters
        near = {k: v for k, v in asdict(found.near).items() if not k.startswith("_")}
        far = {f"far_{k}": v for k, v in asdict(found.far).items() if not k.startswith("_")}
        own = {k: v for k, v in asdict(found).items() if isinstance(v, int)}
        return near | far | own | self.line.counters()

    def channel_row(self, name: ChannelName) -> dict[str, Any]:
        return self.channels[name].row()

    def addresses(self, name: ChannelName) -> tuple[Address, Address] | None:
        return None
