"""A gateway with everything around it that is not under test: a small switch behind a real SSH server, and a
console that speaks TCP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from protocol import Channel, Codec, CommandExecuted, Message, StreamFramer, Unit
from sorm_mediator.config import Config, parse
from sorm_mediator.mediator.binding.gateway import Gateway
from ssh_control.dialect import ClientHello, Reply, Request
from ssh_control.server import SormServer

PASSWORD = "123"


class SmallSwitch:
    """Accepts every object and says what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.objects: dict[int, dict[str, Any]] = {}
        self.server_hello: Mapping[str, Any] = {"switch": "small"}
        self.radius = ""

    def login(self, user: str, password: str, peer: str) -> str | None:
        return None if password == PASSWORD else "wrong password"

    def open(
        self, user: str, hello: ClientHello, peer: str, notify: Callable[[dict[str, Any]], None]
    ) -> SmallSwitch:
        self.radius = hello.radius
        return self

    def handle(self, request: Request) -> Reply:
        self.asked.append((request.op, request.params))
        match request.op:
            case "add":
                row = request.params["object"]
                self.objects[row["object_number"]] = row
                return Reply(True, {"line_state": 0})
            case "sync":
                if request.params["first"]:
                    self.objects.clear()
                self.objects |= {row["object_number"]: row for row in request.params["objects"]}
                return Reply(True, {"line_states": {}, "refused": []})
            case "clear":
                self.objects.clear()
            case "remove":
                self.objects.pop(request.params["object_number"], None)
            case "trunks":
                return Reply(True, {"trunks": []})
            case "services":
                return Reply(True, {"services": []})
        return Reply(True, {})

    def closed(self) -> None:
        self.radius = ""


@asynccontextmanager
async def small_switch() -> AsyncIterator[tuple[SmallSwitch, SormServer, str]]:
    """The switch, its server, and where it listens."""
    switch = SmallSwitch()
    server = SormServer(switch, "127.0.0.1", 0)
    host, port = await server.start()
    try:
        yield switch, server, f"{host}:{port}"
    finally:
        await server.close()


def lab_file(folder: Path, server: SormServer, where: str, **mediator: Any) -> dict[str, Any]:
    """A lab file's document: all ports free, tables and journal in ``folder``."""
    host, _, port = where.rpartition(":")
    return {
        "mediator": {"state": "state.db", "journal": "journal.db", **mediator},
        "console": {"kpd1_port": 0, "kpd2_port": 0},
        "radius": {"port": 0},
        "ssh": {
            "server": host,
            "port": int(port),
            "password": PASSWORD,
            "host_key": server.public_key,
            "retry_min": 0.01,
            "retry_max": 0.05,
        },
    }


def lab_config(folder: Path, server: SormServer, where: str, **mediator: Any) -> Config:
    """The same as a validated configuration."""
    return parse(lab_file(folder, server, where, **mediator), directory=folder)


class Console:
    """One channel of a console: sends commands, reads messages."""

    def __init__(self, channel: Channel, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.codec = Codec()
        self._framer = StreamFramer(channel)
        self._messages: list[Message] = []

    @classmethod
    async def connect(cls, address: str, channel: Channel = Channel.KPD1) -> Console:
        host, _, port = address.rpartition(":")
        return cls(channel, *await asyncio.open_connection(host, int(port)))

    def send(self, *commands: Message) -> None:
        for command in commands:
            self.writer.write(self.codec.encode(command))

    async def next(self) -> Message:
        """The next message. Raises ``ConnectionError`` at the end of the connection."""
        async with asyncio.timeout(10):
            while not self._messages:
                data = await self.reader.read(65536)
                if not data:
                    raise ConnectionError("the gateway closed the connection")
                items = self._framer.feed(data)
                assert all(isinstance(item, Unit) for item in items), items
                self._messages += [self.codec.decode(item.raw) for item in items if isinstance(item, Unit)]
        return self._messages.pop(0)

    async def until(self, kind: type[Message], **fields: Any) -> list[Message]:
        """Messages up to the first of this kind with these fields, that one included."""
        seen = []
        while True:
            message = await self.next()
            seen.append(message)
            if isinstance(message, kind) and all(getattr(message, k) == v for k, v in fields.items()):
                return seen

    async def do(self, *commands: Message) -> None:
        """Give commands one after the other; each must succeed."""
        for command in commands:
            self.send(command)
            await self.until(CommandExecuted, command=command.code, status=0)

    def close(self) -> None:
        self.writer.close()


@asynccontextmanager
async def running(config: Config) -> AsyncIterator[tuple[Gateway, dict[str, str]]]:
    """A started gateway and its endpoints."""
    gateway = Gateway(config)
    endpoints = await gateway.start()
    try:
        yield gateway, endpoints
    finally:
        await gateway.stop()


def buffered(connection: Any) -> int:
    """Octets held for a console over TCP, in both directions: what must stay bounded."""
    held = sum(len(item.raw) for item, _ in connection._inbox)
    in_transport = connection._transport.get_write_buffer_size()
    return int(held + connection._framer.pending + connection._waiting + in_transport)


async def switch_up(gateway: Gateway) -> None:
    """Wait until the link to the switch is up."""
    watcher = gateway.events.subscribe()
    async with asyncio.timeout(10):
        while (gateway.status().switch or {})["state"] != "up":
            await anext(watcher)
    gateway.events.unsubscribe(watcher)
