"""A run as a pcapng file: every read and write of the consoles, over E1 every frame.

For consoles over TCP the file also has the packets of the streams that carry the speech.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from sorm_mediator.capture.writer import Connection, PcapngWriter
from sorm_mediator.console.client import Address, ConsoleClient, Observer


class PcapRecorder(Observer):
    """An observer of consoles that writes their traffic to a file. A context manager.

    ``speech``: include the packets of streams that carry speech alone.
    Raises :class:`OSError` when the file can't be written.
    """

    def __init__(self, path: Path, *, speech: bool = True) -> None:
        self._speech = speech
        self._writer = PcapngWriter(path)
        self._connections: dict[tuple[ConsoleClient, str], Connection] = {}

    def __enter__(self) -> PcapRecorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def opened(
        self, client: ConsoleClient, channel: str, local: Address, remote: Address, now: float
    ) -> None:
        """A channel is open: its handshake."""
        self._connections[client, channel] = self._writer.connection(channel.upper(), local, remote, now)

    def transferred(
        self, client: ConsoleClient, channel: str, outbound: bool, data: bytes, now: float
    ) -> None:
        """One write or read."""
        connection = self._connections[client, channel]
        (connection.sent if outbound else connection.received)(data, now)

    def framed(self, client: ConsoleClient, channel: str, by_dte: bool, frame: bytes, now: float) -> None:
        """One frame of a timeslot; frames of the DTE are outbound."""
        name = f"{client.host} {channel.upper()}"
        self._writer.lapb(name, frame, now, outbound=by_dte)

    def datagram(
        self, name: str, outbound: bool, local: Address, remote: Address, data: bytes, now: float
    ) -> None:
        """One packet of a stream that carries the speech alone (SAToP)."""
        if self._speech:
            self._writer.datagram(name, local, remote, data, now, outbound=outbound)

    def closed(self, client: ConsoleClient, channel: str, now: float) -> None:
        """A channel is closed: its end."""
        self._connections.pop((client, channel)).close(now)
