"""The way to the console as the gateway uses it: over TCP, or E1 streams (:class:`~.streams.Streams`)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Protocol

from protocol import Channel
from sorm_mediator.mediator.binding.consoles import Consoles


class TowardConsole(Protocol):
    """Pairs of data channels, by number of the stream."""

    async def start(self) -> dict[str, str]:
        """Open; returns endpoints by name. Raises :class:`~sorm_mediator.errors.BoxError`."""

    async def stop(self) -> None:
        """Let go what waits, as far as it is taken at once, and close."""

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


class OverTcp:
    """One pair of channels, which is stream 0."""

    def __init__(self, consoles: Consoles) -> None:
        self._consoles = consoles

    async def start(self) -> dict[str, str]:
        return await self._consoles.start()

    async def stop(self) -> None:
        await self._consoles.stop()

    def abort(self) -> None:
        self._consoles.abort()

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
