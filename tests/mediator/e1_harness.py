"""The console's end of E1 streams, as far as the mediator's side needs it: made from the stream and a line alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from e1.carriers.carrier import FramedCarrier, FrameLine
from e1.carriers.memory import MemoryEnd
from e1.carriers.satop import SatopLine
from e1.carriers.satop_socket import SatopSocket
from e1.events import ChannelAlarm, Down, Up
from e1.events import Message as Arrived
from e1.g704.alarms import StreamState
from e1.stream import ChannelEvent, ChannelName, E1Stream, StateChanged
from protocol import Codec, Message
from sorm_mediator.addresses import split_host_port
from sorm_mediator.carriers import satop_config, stream_config
from sorm_mediator.config import Config, E1Config, parse
from sorm_mediator.mediator.binding.gateway import Gateway
from ssh_control.server import SormServer
from tests.mediator.gateway_harness import lab_file

PACE = 0.005


def e1_lab(
    folder: Path, server: SormServer, where: str, *streams: dict[str, Any], **tables: dict[str, Any]
) -> Config:
    """A lab file whose console is reached over these streams; ``tables`` are added to it."""
    document = lab_file(folder, server, where)
    document["console"]["link"] = "x25"
    document["e1"] = list(streams or ({"line": "memory"},))
    for name, table in tables.items():
        document[name] = document.get(name, {}) | table
    return parse(document, directory=folder)


class E1Console:
    """One stream of a console. Run it with ``async with``; whatever happens wakes :meth:`until`."""

    def __init__(self, config: E1Config, line: FrameLine) -> None:
        self.stream = E1Stream(stream_config(config, far_end=True))
        self.line = line
        self.codec = Codec()
        self.units: dict[ChannelName, list[bytes]] = {"kpd1": [], "kpd2": []}
        self.states: list[StreamState] = []
        self.ups: list[ChannelName] = []
        self.downs: list[ChannelName] = []
        self.alarms: list[str] = []
        self._happened = asyncio.Event()
        self._timer: asyncio.Handle | None = None
        self._read: dict[ChannelName, int] = {"kpd1": 0, "kpd2": 0}

    async def __aenter__(self) -> E1Console:
        self._loop = asyncio.get_running_loop()
        await self.line.start()
        self._turn()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.line.close()

    def _turn(self) -> None:
        self._timer = self._loop.call_later(PACE, self._turn)
        for event in self.line.exchange(self.stream):
            match event:
                case StateChanged(_, new):
                    self.states.append(new)
                case ChannelEvent(name, Arrived(raw)):
                    self.units[name].append(raw)
                case ChannelEvent(name, Up()):
                    self.ups.append(name)
                case ChannelEvent(name, Down()):
                    self.downs.append(name)
                case ChannelEvent(_, ChannelAlarm(kind, _)):
                    self.alarms.append(kind)
        self._happened.set()

    async def until(self, condition: Callable[[], Any]) -> Any:
        """Wait until it holds; what it returned."""
        async with asyncio.timeout(20):
            while not (found := condition()):
                await self.happens()
        return found

    async def happens(self) -> None:
        """Wait for the next thing to happen: a turn of the line."""
        self._happened.clear()
        await self._happened.wait()

    async def up(self) -> E1Console:
        """Both channels carry messages."""
        await self.until(lambda: all(channel.up for channel in self.stream.channels.values()))
        return self

    def send(self, *commands: Message) -> None:
        for command in commands:
            self.stream.send("kpd1", self.codec.encode(command), self._loop.time())

    async def next(self, channel: ChannelName = "kpd1") -> Message:
        """The next message of a channel."""
        place = self._read[channel]
        await self.until(lambda: len(self.units[channel]) > place)
        self._read[channel] += 1
        return self.codec.decode(self.units[channel][place])

    async def message(
        self, kind: type[Message], channel: ChannelName = "kpd1", **fields: Any
    ) -> list[Message]:
        """Messages up to the first of this kind with these fields, that one included."""
        seen = []
        while True:
            found = await self.next(channel)
            seen.append(found)
            if isinstance(found, kind) and all(
                getattr(found, name) == value for name, value in fields.items()
            ):
                return seen


def far_end(gateway: Gateway, stream: int = 0) -> E1Console:
    """The console at the other end of a line in memory."""
    config = next(each for each in gateway.config.e1 if each.stream == stream)
    return E1Console(config, far_line(gateway, stream))


def far_line(gateway: Gateway, stream: int = 0) -> MemoryEnd:
    """The console's end of a line in memory."""
    assert gateway.e1 is not None
    carrier = gateway.e1.streams.carrier(stream)
    assert isinstance(carrier, FramedCarrier)
    assert isinstance(carrier.line, MemoryEnd)
    return carrier.line.far


def udp_line(address: str, config: E1Config | None = None) -> SatopSocket:
    """The console's end of an E1 over UDP, toward ``host:port``."""
    return SatopSocket(
        SatopLine(satop_config(config or E1Config(), far_end=True)), remote=split_host_port(address)
    )


@asynccontextmanager
async def attached(gateway: Gateway, stream: int = 0) -> AsyncIterator[E1Console]:
    """A console on a line in memory, both channels up at both ends."""
    assert gateway.e1 is not None
    streams = gateway.e1.streams
    async with far_end(gateway, stream) as console:
        await console.up()
        await console.until(lambda: all(one["up"] for one in streams.row(stream)["channels"].values()))
        yield console
