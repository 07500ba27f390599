"""The console of a load: as lean as it can be, so that its own time is not taken for the mediator's.

:class:`~sorm_mediator.console.client.ConsoleClient` keeps all that crosses; this one keeps nothing. Each event is
handed on with the moment at which its last octet was read.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from protocol import Channel, Codec, CommandExecuted, CommandReceived, DecodeError, StreamFramer, Unit
from protocol.framing import Broken
from sorm_mediator.addresses import host_port
from sorm_mediator.console.client import CONNECT_WITHIN
from sorm_mediator.console.errors import ConnectError, StepError
from sorm_mediator.console.target import RunTarget
from sorm_mediator.language import Phrase

ANSWER_WITHIN: Final = 15.0
"""Seconds for the execution of a command (order 268, 1.5)."""


@dataclass(frozen=True, slots=True)
class Answered:
    """How a command ended. Moments are of ``time.monotonic``; None: the answer did not come within the limit."""

    sent: float
    received: float | None
    executed: float | None
    status: int
    """Of 27h or 28h, the first that is not 0."""

    @property
    def good(self) -> bool:
        """Whether it was accepted and executed."""
        return self.executed is not None and self.status == 0


class LoadConsole:
    """Both channels over TCP.

    ``on_event`` gets each decoded unit of KPD2 and its moment; ``on_broken`` the text of what can't be decoded there.
    """

    def __init__(
        self,
        target: RunTarget,
        on_event: Callable[[Any, float], object],
        on_broken: Callable[[str], object],
    ) -> None:
        self._target = target
        self.codec: Codec = target.codec
        self.password, self.orm_number = target.password, target.orm_number
        self.on_event, self.on_broken = on_event, on_broken
        self.told: Counter[str] = Counter()
        """Messages of KPD1 that answer no command, by name."""
        self.lost = asyncio.Event()
        """Set when the mediator has closed a channel."""
        self._channels: dict[Channel, _Channel] = {}
        self._waiting: _Waiting | None = None
        self._busy = asyncio.Lock()

    async def connect(self) -> None:
        """Open KPD2, then KPD1. Raises :class:`ConnectError`."""
        self.lost.clear()
        loop = asyncio.get_running_loop()
        for channel, port in ((Channel.KPD2, self._target.kpd2), (Channel.KPD1, self._target.kpd1)):
            where = host_port(self._target.host, port)
            try:
                async with asyncio.timeout(CONNECT_WITHIN):
                    _, self._channels[channel] = await loop.create_connection(
                        partial(_Channel, self, channel),
                        self._target.host,
                        port,
                    )
            except (OSError, ValueError, TimeoutError) as error:
                reason = getattr(error, "strerror", None) or str(error) or Phrase("no answer")
                await self.close()
                raise ConnectError(
                    Phrase(
                        "{where}: {channel} can't be reached: {reason}",
                        where=where, channel=channel.name, reason=reason,
                    )
                ) from None  # fmt: skip

    async def close(self) -> None:
        """Close both channels."""
        channels, self._channels = self._channels, {}
        for one in channels.values():
            one.leaving = True
            if one.transport is not None:
                one.transport.close()
        await asyncio.sleep(0)

    async def command(self, message: Any) -> Answered:
        """Send a command, and wait for 28h or a refusal; one after another. Raises :class:`StepError` on a closed
        channel."""
        async with self._busy:
            channel = self._channels.get(Channel.KPD1)
            if channel is None or channel.transport is None or channel.transport.is_closing():
                raise StepError(Phrase("KPD1 is closed"))
            message.password, message.orm_number = self.password, self.orm_number
            raw = self.codec.encode(message)
            self._waiting = waiting = _Waiting(message.code)
            sent = time.monotonic()
            channel.transport.write(raw)
            try:
                async with asyncio.timeout(ANSWER_WITHIN):
                    await waiting.ended.wait()
            except TimeoutError:
                pass  # told by the answers that are missing
            finally:
                self._waiting = None
            return Answered(sent, waiting.received, waiting.executed, waiting.status)

    def _read(self, channel: Channel, framer: StreamFramer, data: bytes) -> None:
        now = time.monotonic()
        for piece in framer.feed(data):
            if isinstance(piece, Unit):
                self._unit(channel, piece.raw, now)
            elif isinstance(piece, Broken):
                self.on_broken(piece.explain(self.codec.options))
            else:
                self.on_broken(Phrase("{count} octets that belong to no unit", count=piece.length))

    def _unit(self, channel: Channel, raw: bytes, now: float) -> None:
        try:
            message = self.codec.decode(raw)
        except DecodeError as error:
            self.on_broken(str(error))
            return
        if channel is Channel.KPD2:
            self.on_event(message, now)
        elif self._waiting is None or not self._waiting.answer(message, now):
            self.told[message.message_name] += 1

    def _gone(self) -> None:
        self.lost.set()
        if self._waiting is not None:
            self._waiting.ended.set()


class _Waiting:
    """A command that has no end yet."""

    def __init__(self, code: int) -> None:
        self._code = code
        self.received: float | None = None
        self.executed: float | None = None
        self.status = 0
        self.ended = asyncio.Event()

    def answer(self, message: Any, now: float) -> bool:
        """Whether a message of KPD1 is of this command; data that it asked for is."""
        if isinstance(message, CommandReceived) and message.command == self._code:
            self.received, self.status = now, int(message.status)
            if self.status:
                self.ended.set()
            return True
        if isinstance(message, CommandExecuted) and message.command == self._code:
            self.executed, self.status = now, int(message.status)
            self.ended.set()
            return True
        return str(message.message_name).endswith("-info")


class _Channel(asyncio.Protocol):
    def __init__(self, console: LoadConsole, channel: Channel) -> None:
        self._console, self._channel = console, channel
        self._framer = StreamFramer(channel, console.codec.options)
        self.transport: asyncio.Transport | None = None
        self.leaving = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._console._read(self._channel, self._framer, data)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.leaving:
            self._console._gone()
