"""A mediator spoilt on purpose: a proxy before a good one that breaks one rule, on TCP, message by message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, Self

from protocol import Broken, Channel, Codec, Command, Message, StreamFramer, Unit

KPD1, KPD2 = "kpd1", "kpd2"
HANG_UP: Final = "hang up"
Answer = Callable[[Message, bytes], Iterable[bytes | Message | float | Literal["hang up"]] | None]
"""What becomes of a message of the mediator: None: it passes; else what is sent, a number being a pause in seconds."""
Order = Callable[[Message, bytes], bytes | Message | None]
"""What becomes of a command; None: it passes."""


@dataclass
class Rule:
    """One rule that is broken. ``answer`` looks at what the mediator sends, ``order`` at the commands."""

    answer: Answer = lambda message, raw: None
    order: Order = lambda message, raw: None
    pieces: int = 0
    """Octets a write, with a pause between them; 0: whole."""
    seen: dict[str, Any] = field(default_factory=dict)


class Spoiler:
    """The proxy. A context manager; ``ports`` are those of KPD1 and KPD2."""

    def __init__(self, host: str, kpd1: int, kpd2: int, rule: Rule | None = None) -> None:
        self.rule = rule or Rule()
        self.codec = Codec()
        self.ports: dict[str, int] = {}
        self._host = host
        self._upstream = {KPD1: kpd1, KPD2: kpd2}
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        for name in (KPD1, KPD2):
            server = await asyncio.start_server(
                lambda reader, writer, name=name: self._serve(name, reader, writer), self._host, 0
            )
            self._servers.append(server)
            self.ports[name] = server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        up_reader, up_writer = await asyncio.open_connection(self._host, self._upstream[name])
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._commands(reader, up_writer))
                both.create_task(self._answers(name, up_reader, writer))
        except asyncio.CancelledError:
            return  # the proxy is closed: nobody waits for this connection any more
        finally:
            writer.close()
            up_writer.close()

    async def _commands(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        framer = StreamFramer(Channel.COMMAND)
        while data := await reader.read(65536):
            for raw in _units(framer, data):
                message = self.codec.decode_lenient(raw)[0]
                changed = self.rule.order(message, raw) if isinstance(message, Command) else None
                writer.write(raw if changed is None else self._octets(changed))
            await writer.drain()
        writer.close()

    async def _answers(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        framer = StreamFramer(Channel.KPD2 if name == KPD2 else Channel.KPD1)
        while data := await reader.read(65536):
            for raw in _units(framer, data):
                message = self.codec.decode_lenient(raw)[0]
                changed = self.rule.answer(message, raw) if isinstance(message, Message) else None
                for one in [raw] if changed is None else changed:
                    if isinstance(one, float):
                        await asyncio.sleep(one)
                    elif one == HANG_UP:
                        writer.close()
                        return
                    else:
                        await self._write(writer, self._octets(one))
        writer.close()

    async def _write(self, writer: asyncio.StreamWriter, octets: bytes) -> None:
        size = self.rule.pieces or len(octets)
        for start in range(0, len(octets), size):
            writer.write(octets[start : start + size])
            await writer.drain()
            if self.rule.pieces:
                await asyncio.sleep(0.01)

    def _octets(self, one: bytes | Message) -> bytes:
        return one if isinstance(one, bytes) else self.codec.encode(one)


def _units(framer: StreamFramer, data: bytes) -> list[bytes]:
    return [piece.raw for piece in framer.feed(data) if isinstance(piece, Unit | Broken)]


def changed(kind: type[Message], when: Callable[[Any], bool] = lambda _: True, **fields: Any) -> Rule:
    """Messages of this kind have other values; a callable value is given the message."""

    def answer(message: Message, raw: bytes) -> Iterable[Message] | None:
        if not isinstance(message, kind) or not when(message):
            return None
        return [replace(message, **{n: v(message) if callable(v) else v for n, v in fields.items()})]

    return Rule(answer)


def octet(place: int, value: int, *codes: int, mask: int = 0xFF) -> Rule:
    """An octet of the units with these codes (of all of KPD1 when none is given) has another value."""

    def answer(message: Message, raw: bytes) -> Iterable[bytes] | None:
        if (raw[2] not in codes) if codes else not 0x21 <= raw[2] <= 0x2C:
            return None
        other = bytearray(raw)
        other[place] = other[place] & ~mask | value
        return [bytes(other)]

    return Rule(answer)


def dropped(kind: type[Message], when: Callable[[Any], bool] = lambda _: True) -> Rule:
    """Messages of this kind don't come."""
    return Rule(lambda message, raw: () if isinstance(message, kind) and when(message) else None)


def late(kind: type[Message], seconds: float) -> Rule:
    """Messages of this kind come late."""
    return Rule(lambda message, raw: [seconds, raw] if isinstance(message, kind) else None)


def followed(kind: type[Message], when: Callable[[Any], bool], *more: Callable[[Any], Message]) -> Rule:
    """After messages of this kind come others that nobody asked for."""

    def answer(message: Message, raw: bytes) -> Iterable[bytes | Message] | None:
        if not isinstance(message, kind) or not when(message):
            return None
        return [raw, *(make(message) for make in more)]

    return Rule(answer)


def rewritten(kind: type[Command], when: Callable[[Any], bool] = lambda _: True, **fields: Any) -> Rule:
    """Commands of this kind reach the mediator with other values."""

    def order(message: Message, raw: bytes) -> Message | None:
        if not isinstance(message, kind) or not when(message):
            return None
        return replace(message, **{n: v(message) if callable(v) else v for n, v in fields.items()})

    return Rule(order=order)
