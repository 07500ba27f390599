"""The channels to the console as the gateway uses them: over TCP, or in E1 streams (:class:`~.streams.Streams`).

Order 268, 1.4.2 has two variants: all channels in E1 streams, or KPD1 and KPD2 over Ethernet (TCP) and the
speech in E1 streams. :class:`ConsoleTransport` is what the gateway sees of either; :class:`TcpConsoleTransport` is the
latter.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

from protocol import Channel
from sorm_mediator.mediator.binding.consoles import Consoles

if TYPE_CHECKING:
    from sorm_mediator.mediator.binding.streams import Streams


class ConsoleTransport(Protocol):
    """Pairs of data channels, by number of the stream."""

    async def start(self) -> dict[str, str]:
        """Open; returns endpoints by name. Raises :class:`~sorm_mediator.errors.BoxError`."""

    async def stop(self) -> None:
        """Send what waits as far as it is taken at once, and close."""

    def abort(self) -> None:
        """Close at once."""

    def send(self, stream: int, channel: Channel, raw: bytes) -> None:
        """Send one unit."""

    def delete_unsent(self, stream: int) -> None:
        """Delete what waits on both channels of a stream."""

    def report_drained(self, stream: int, channel: Channel) -> None:
        """Call ``drained`` of the handler when there is room for more."""

    def channel_rows(self) -> list[dict[str, Any]]:
        """The channels, for people and monitoring."""


class TcpConsoleTransport:
    """One pair of channels, which is stream 0; beside it ``speech``, the streams that carry the KSL alone."""

    def __init__(self, consoles: Consoles, speech: Streams | None = None) -> None:
        self._consoles = consoles
        self._speech = speech

    async def start(self) -> dict[str, str]:
        # The streams first: a console that connects at once gets no alarm about lines that are about to work.
        streams = {} if self._speech is None else await self._speech.start()
        return await self._consoles.start() | streams

    async def stop(self) -> None:
        await self._consoles.stop()
        if self._speech is not None:
            await self._speech.stop()

    def abort(self) -> None:
        self._consoles.abort()
        if self._speech is not None:
            self._speech.abort()

    def send(self, stream: int, channel: Channel, raw: bytes) -> None:
        self._consoles.send(channel, raw)

    def delete_unsent(self, stream: int) -> None:
        self._consoles.delete_unsent()

    def report_drained(self, stream: int, channel: Channel) -> None:
        self._consoles.report_drained(channel)

    def channel_rows(self) -> list[dict[str, Any]]:
        return [
            {
                "stream": 0,
                "channel": str(port.channel),
                "address": port.address,
                "peer": port.connection.peer if port.connection else None,
                "counters": asdict(port.counters),
            }
            for port in self._consoles.ports.values()
        ]
