"""The sockets of a tap: a console connects to it, it connects to the mediator, and passes octets both ways.

Octets are passed at once and unchanged. Only where a rule may spoil units of a direction, its octets wait until the
unit is whole, at most :data:`HOLD` seconds; octets that begin no unit don't wait. A side that does not read stops the
other one: at most a few times :data:`AT_ONCE` octets wait. The end of one side's sending is passed on, and the other
direction goes on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from protocol import Channel, Codec, Message, Noise, StreamFramer, Unit, UnknownUnit
from protocol.errors import Problem
from protocol.framing import SAMPLE, Item
from protocol.render import REACH
from sorm_mediator.addresses import host_port, listening_at
from sorm_mediator.errors import cannot_listen
from sorm_mediator.tap.spoil import TO_CONSOLE, TO_MEDIATOR, Spoiled, Spoiler

CONNECT_WITHIN = 5.0
"""Seconds for the connection to the mediator."""
HOLD = 1.0
"""Seconds that octets of an unfinished unit wait where units may be spoiled."""
AT_ONCE = 64 * 1024
"""Octets of one read, those that may wait to be written, and those that are no unit which are told of at once."""
MOST_CONNECTIONS = 16
"""Connections of one channel at a time (``--connections``)."""
ACCEPTED_A_TURN = 1
"""asyncio accepts as many connections at a time as the queue is told to hold, and tries as often again, with a timer
each, when there is no descriptor left."""
LISTEN_BACKLOG = 100
"""Connections that the kernel holds until they are accepted."""

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Passed:
    """Octets that arrived at the tap: one unit, or octets that are no unit."""

    time: float
    channel: str
    of_console: bool
    raw: bytes
    message: Message | UnknownUnit | None
    """None: octets that are no unit."""
    problems: tuple[Problem, ...]
    item: Item
    spoiled: Spoiled | None
    connection: str
    """The console's address."""
    before: bytes = b""
    """The octets directly before these, as many as can hold the header of a password in these."""
    goes_on: bool = False
    """Octets that are no unit, directly behind others that are none."""

    @property
    def unit_channel(self) -> Channel:
        """The channel of the order that the unit belongs to."""
        if self.channel == "kpd2":
            return Channel.KPD2
        return Channel.COMMAND if self.of_console else Channel.KPD1


class Watcher(Protocol):
    """Who is told what crosses. Calls must not take long."""

    def opened(self, channel: str, console: Address, mediator: Address, key: object) -> None: ...
    def arrived(self, key: object, data: bytes, *, of_console: bool, passed: Sequence[Passed]) -> None:
        """Octets, and the units that end in them."""

    def closed(self, channel: str, console: Address, key: object) -> None: ...
    def said(self, channel: str, text: str) -> None:
        """Something that a person should see."""


class _CutError(Exception):
    """A rule has cut the connection."""


@dataclass(slots=True)
class _Way:
    """One direction of one connection."""

    channel: str
    of_console: bool
    connection: str
    codec: Codec
    spoiler: Spoiler
    framer: StreamFramer
    kept: bytearray = field(default_factory=bytearray)
    """Octets whose unit is not finished."""
    at: int = 0
    """How many octets were before them."""
    before: bytes = b""
    """The last of those."""
    in_noise: bool = False
    """They are no unit."""
    until: float | None = None
    """When the first octet that is kept has waited long enough; None: none is."""

    @property
    def direction(self) -> str:
        return TO_MEDIATOR if self.of_console else TO_CONSOLE

    @property
    def held(self) -> bool:
        """Whether units are passed when they are whole, since a rule may fit."""
        return self.spoiler.touches(self.channel, self.direction)

    def feed(self, data: bytes, now: float, *, final: bool = False) -> list[Passed]:
        """The units, and octets that are none, that ``data`` completes; ``now``: seconds of any clock."""
        known = self.at + len(self.kept)
        passed = self._take(data, final=final)
        if not self.kept:
            self.until = None
        elif self.until is None or self.at >= known:  # the first octet that waits has just come
            self.until = now + HOLD
        return passed

    def _take(self, data: bytes, *, final: bool) -> list[Passed]:
        self.kept += data
        items = self.framer.feed(data)
        if final:
            items += self.framer.flush()
        passed: list[Passed] = []
        for item in items:
            passed += self._between(item.offset - self.at)
            if isinstance(item, Noise):  # its beginning may have been told
                passed += self._between(item.offset + item.length - self.at)
            else:
                passed.append(self._passed(item, len(item.raw)))
        skipped = len(self.kept) - self.framer.pending
        return passed + self._between(skipped) if final or self.held or skipped >= AT_ONCE else passed

    def _between(self, length: int) -> list[Passed]:
        """Octets that are no unit."""
        if length <= 0:
            return []
        return [self._passed(Noise(self.at, length, bytes(self.kept[:SAMPLE])), length)]

    def _passed(self, item: Item, length: int) -> Passed:
        raw = bytes(self.kept[:length])
        del self.kept[:length]
        self.at += length
        before, goes_on = self.before, self.in_noise
        self.before = (before + raw)[-REACH:]
        self.in_noise = isinstance(item, Noise)
        message: Message | UnknownUnit | None = None
        problems: tuple[Problem, ...] = ()
        spoiled = None
        if isinstance(item, Unit):
            message, problems = self.codec.decode_lenient(raw)
            spoiled = self.spoiler.spoil(self.channel, self.direction, raw)
        return Passed(
            time.time(), self.channel, self.of_console, raw, message, problems, item, spoiled, self.connection,
            before, goes_on and self.in_noise,
        )  # fmt: skip


class Tap:
    """Listens for consoles, and passes each on to the mediator. ``async with`` starts and stops it.

    ``listen`` and ``mediator`` are addresses by channel (``kpd1``, ``kpd2``); ``admits``: whether a host may connect;
    ``most``: connections of one channel at a time.
    Raises :class:`BoxError` for an address that can't be listened on.
    """

    def __init__(
        self,
        listen: Mapping[str, Address],
        mediator: Mapping[str, Address],
        codec: Codec,
        spoiler: Spoiler,
        watcher: Watcher,
        admits: Callable[[str], bool] = lambda host: True,
        most: int = MOST_CONNECTIONS,
    ) -> None:
        self._most = most
        self._listen = listen
        self._mediator = mediator
        self._codec = codec
        self._spoiler = spoiler
        self._watcher = watcher
        self._admits = admits
        self._servers: list[asyncio.Server] = []
        self._open: dict[str, set[asyncio.Task[None]]] = {channel: set() for channel in listen}
        self.endpoints: dict[str, str] = {}
        self.asked = 0
        """Consoles that have connected."""
        self.reached = 0
        """Connections to the mediator."""

    async def __aenter__(self) -> Tap:
        try:
            for channel, (host, port) in self._listen.items():
                try:
                    server = await asyncio.start_server(
                        self._accept(channel), host, port, limit=AT_ONCE, backlog=ACCEPTED_A_TURN
                    )
                    self._servers.append(server)
                    self.endpoints[channel] = listening_at(server)
                    for listener in server.sockets:
                        with listener.dup() as shared:
                            shared.listen(LISTEN_BACKLOG)
                except OSError as error:
                    raise cannot_listen(f"--listen-{channel}", host, port, error, more="") from None
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in self._servers:
            server.close()
        tasks = [task for tasks in self._open.values() for task in tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _accept(self, channel: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peer = writer.get_extra_info("peername")
            if not peer:
                writer.transport.abort()
            elif not self._admits(peer[0]):
                self._watcher.said(channel, f"{host_port(*peer[:2])} refused: not in console.allow")
                writer.transport.abort()
            elif len(self._open[channel]) >= self._most:
                self._watcher.said(
                    channel,
                    f"{host_port(*peer[:2])} refused: {self._most} connections are open (--connections)",
                )
                writer.transport.abort()
            else:
                task = asyncio.ensure_future(self._serve(channel, peer[:2], reader, writer))
                self._open[channel].add(task)
                task.add_done_callback(self._open[channel].discard)

        return accept

    async def _serve(
        self, channel: str, peer: Address, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """One connection of a console, from its beginning to its end."""
        self.asked += 1
        target = self._mediator[channel]
        try:
            async with asyncio.timeout(CONNECT_WITHIN):
                far_reader, far_writer = await asyncio.open_connection(*target, limit=AT_ONCE)
        except (OSError, ValueError, TimeoutError) as error:
            why = (
                f"no answer within {CONNECT_WITHIN:g} s"
                if isinstance(error, TimeoutError)
                else getattr(error, "strerror", None) or str(error)
            )
            self._watcher.said(
                channel, f"{host_port(*target)}: can't be reached: {why}: {host_port(*peer)} is closed"
            )
            writer.transport.abort()
            return
        except BaseException:
            writer.transport.abort()
            raise
        self.reached += 1
        key = object()
        self._watcher.opened(channel, peer, far_writer.get_extra_info("peername")[:2], key)
        for one in (writer, far_writer):
            one.transport.set_write_buffer_limits(high=AT_ONCE)
        ways = [
            asyncio.ensure_future(self._pump(key, self._way(channel, peer, of_console=of_console), *ends))
            for of_console, ends in ((True, (reader, far_writer)), (False, (far_reader, writer)))
        ]
        try:
            await asyncio.gather(*ways)
            writer.close()
            far_writer.close()
        except (OSError, _CutError):
            pass  # reset by one side, or by a rule: the other side is told by the same
        finally:
            for way in ways:
                way.cancel()
            for one in (writer, far_writer):
                if not one.is_closing():
                    one.transport.abort()
            with suppress(OSError):
                await asyncio.gather(*ways, return_exceptions=True)
            self._watcher.closed(channel, peer, key)

    def _way(self, channel: str, peer: Address, *, of_console: bool) -> _Way:
        kind = Channel.COMMAND if of_console and channel == "kpd1" else Channel(channel)
        framer = StreamFramer(kind, self._codec.options)
        return _Way(channel, of_console, host_port(*peer), self._codec, self._spoiler, framer)

    async def _pump(
        self, key: object, way: _Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Pass the octets of one direction until its end."""
        while True:
            try:
                async with asyncio.timeout_at(way.until if way.held else None):
                    data = await reader.read(AT_ONCE)
            except TimeoutError:
                await self._pass(key, way, b"", writer, final=True)
                continue
            await self._pass(key, way, data, writer, final=not data)
            if not data:
                if writer.can_write_eof():
                    writer.write_eof()
                return

    async def _pass(
        self, key: object, way: _Way, data: bytes, writer: asyncio.StreamWriter, *, final: bool
    ) -> None:
        now = asyncio.get_running_loop().time()
        if not way.held:
            writer.write(data)  # first, whatever is made of it
            passed = way.feed(data, now, final=final)
            if data or passed:
                self._watcher.arrived(key, data, of_console=way.of_console, passed=passed)
            await writer.drain()
            return
        for one in way.feed(data, now, final=final):
            self._watcher.arrived(key, one.raw, of_console=way.of_console, passed=[one])
            if one.spoiled is not None and one.spoiled.rule.action == "delay":
                await asyncio.sleep(one.spoiled.rule.seconds)
            writer.write(one.raw if one.spoiled is None else one.spoiled.octets)
            await writer.drain()
            if one.spoiled is not None and one.spoiled.rule.action == "cut":
                raise _CutError
