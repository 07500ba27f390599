"""The console's side of E1: streams over SAToP lines, and a console whose KPD1 and KPD2 are timeslots of one.

A stream has one console: its channels are links that are there or not. A channel that the line takes away counts as
closed by the mediator, and is connected again by itself when the line is back, as the equipment does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Literal, Self

from e1.channel import ChannelAlarm, Down, Frame, Message, Up
from e1.lapb import State
from e1.lines.satop import SatopConfig, SatopLine
from e1.lines.satop_socket import SatopSocket
from e1.stream import ChannelEvent, ChannelName, E1Stream, StateChanged, StreamConfig, StreamEvent
from e1.tones import ToneListener
from protocol import Channel, Codec, StreamFramer
from sorm_mediator.config import E1Config
from sorm_mediator.console.client import KPD1, KPD2, ConsoleClient, Observer, Sent
from sorm_mediator.console.errors import ConnectError
from sorm_mediator.mediator.stream_lines import address, satop_config, stream_config

CONNECT_WITHIN = 10.0
"""Seconds that a circuit may take: the line, the link, the restart, and one T1 lost on the way."""
DISCONNECT_WITHIN = 2.0
"""Seconds that the mediator may take to answer the end of a link."""

SLAVE = satop_config(E1Config(), far_end=True)
"""The mediator is the master of the clock: the console sends a frame for each that arrives, so that neither runs dry
when one of them is held up. Of a stream as it is by default."""
BLOCK = 800
"""Octets of speech, a tenth of a second, that are judged together."""

Role = Literal["dte", "dce"]
Address = tuple[str, int]


def console_end(config: E1Config) -> StreamConfig:
    """The console's end of a stream: the other role, everything else as the mediator has it.

    The DTE places the call of a switched circuit.
    """
    return stream_config(config, far_end=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineConfig:
    """One line of a console. ``remote`` None: learnt from the first packet."""

    stream: int
    local: Address = ("127.0.0.1", 0)
    remote: Address | None = None
    end: StreamConfig
    line: SatopConfig = field(default_factory=SatopConfig)


def lines_of_lab(streams: Iterable[E1Config], endpoints: Mapping[str, str]) -> list[LineConfig]:
    """The lines to the SAToP streams of a lab of this process, whose ports it tells."""
    return [_line(each, address(endpoints[f"e1.{each.stream}"])) for each in _satop(streams)]


def lines_toward(streams: Iterable[E1Config], host: str) -> list[LineConfig]:
    """The lines to the SAToP streams of a mediator at ``host``, as its lab file has them.

    Its ``remote`` is our address. Raises :class:`ConnectError` for a stream without a port, and for no stream.
    """
    lines = []
    for each in _satop(streams):
        port = address(each.local)[1]
        if not port:
            raise ConnectError(f"e1.{each.stream}: the lab file (-c) must tell its port: e1.local")
        anywhere = "::" if ":" in host else "0.0.0.0"  # noqa: S104 - packets of others are left
        lines.append(_line(each, (host, port), address(each.remote) if each.remote else (anywhere, 0)))
    if not lines:
        raise ConnectError("--link x25 with --host needs the [[e1]] tables of the mediator: -c LAB")
    return lines


def _satop(streams: Iterable[E1Config]) -> list[E1Config]:
    return [each for each in streams if each.line == "satop"]


def _line(config: E1Config, remote: Address, local: Address = ("127.0.0.1", 0)) -> LineConfig:
    return LineConfig(
        stream=config.stream,
        remote=remote,
        local=local,
        end=console_end(config),
        line=satop_config(config, far_end=True),
    )


class ConsoleLine:
    """One open stream: hands the events of a channel to the console that has it, and listens to its KSL."""

    def __init__(self, config: LineConfig, clock: Callable[[], float] = time.monotonic) -> None:
        self.number = config.stream
        self.role: Role = config.end.lapb.role
        self.stream = E1Stream(config.end)
        self.alarms: dict[str, str] = {}
        """The last alarm of each channel, in words."""
        self._socket = SatopSocket(SatopLine(config.line), config.local, config.remote, clock=clock)
        self._clock = clock
        self._ways: dict[str, _Timeslot] = {}
        self._waiters: set[asyncio.Future[None]] = set()
        for channel in self.stream.channels.values():
            channel.disconnect(clock())  # nobody is there yet

    async def open(self) -> Address:
        """Open the line; its address. Raises :class:`ConnectError`."""
        try:
            address = await self._socket.start()
        except OSError as error:
            raise ConnectError(f"e1.{self.number}: can't be opened: {error.strerror or error}") from None
        self._socket.run(self.stream, self._happened)
        return address

    def close(self) -> None:
        """Close the line."""
        self._socket.close()

    def take(self, name: ChannelName, way: _Timeslot) -> None:
        """A console sets up a channel. Raises :class:`ConnectError` when another one has it."""
        if self._ways.setdefault(name, way) is not way:
            raise ConnectError(f"e1.{self.number}: {name.upper()} has a console already")
        now = self._clock()
        self._happened([ChannelEvent(name, event) for event in self.stream.channels[name].connect(now)])

    def give_up(self, name: ChannelName) -> None:
        """The console takes the channel down. What waits in it is forgotten."""
        channel = self.stream.channels[name]
        channel.discard()
        self._happened([ChannelEvent(name, event) for event in channel.disconnect(self._clock())])

    def forget(self, name: ChannelName) -> None:
        """The console is gone from the channel."""
        self._ways.pop(name, None)

    def send(self, name: ChannelName, data: bytes) -> None:
        """Send a message of a channel."""
        self._happened(self.stream.send(name, data, self._clock()))

    async def wait(self, condition: Callable[[], bool], within: float) -> bool:
        """Wait until ``condition`` holds, looking whenever something happened; false when time is over."""
        try:
            async with asyncio.timeout(within):
                while not condition():
                    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                    self._waiters.add(waiter)
                    try:
                        await waiter
                    finally:
                        self._waiters.discard(waiter)
        except TimeoutError:
            return condition()
        return True

    def _happened(self, events: list[StreamEvent]) -> None:
        for event in events:
            if isinstance(event, StateChanged):
                continue
            way = self._ways.get(event.channel)
            if isinstance(event.event, ChannelAlarm) and event.event.kind != "link-down":
                self.alarms[event.channel] = event.event.text
            if way is not None:
                way.happened(event.event)
        if events:
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(None)


class ConsoleLines:
    """All lines of a run's consoles. An async context manager that opens and closes them."""

    def __init__(self, configs: Iterable[LineConfig]) -> None:
        self._configs = {config.stream: config for config in configs}
        self.lines = {number: ConsoleLine(config) for number, config in self._configs.items()}

    async def __aenter__(self) -> Self:
        try:
            for line in self.lines.values():
                await line.open()
        except ConnectError:
            self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the lines."""
        for line in self.lines.values():
            line.close()

    def line_of(self, consoles: int) -> ConsoleLine:
        """The line of the next console, when there are ``consoles`` already. Raises :class:`ConnectError`."""
        free = sorted(self.lines)[consoles:]
        if not free:
            raise ConnectError(f"one console a stream, and the lab has {len(self.lines)}")
        return self.lines[free[0]]

    def second_line(self) -> ConsoleLine:
        """Another line to the first stream, from another address, that is not opened yet."""
        config = self._configs[min(self._configs)]
        # Nothing arrives whose clock it could follow.
        own = replace(config.line, clock="own")
        return ConsoleLine(replace(config, local=(config.local[0], 0), line=own))


class Ear:
    """Listens to one KSL from now on: which tones are on the line."""

    def __init__(self, line: ConsoleLine, ksl: int) -> None:
        self._stream = line.stream
        self._ksl = ksl
        self._listener = ToneListener(block=BLOCK)
        self._octets = 0
        line.stream.voice_in(ksl)  # what was said before

    def listen(self) -> frozenset[int] | None:
        """The tones (Hz) of the last tenth of a second; None: that long has not passed yet."""
        heard = self._stream.voice_in(self._ksl)
        self._octets += len(heard)
        tones = self._listener.feed(heard)
        return tones if self._octets >= BLOCK else None


class E1ConsoleClient(ConsoleClient):
    """A console on a stream. As :class:`ConsoleClient`; observers are told frames instead of reads and writes."""

    def __init__(
        self,
        line: ConsoleLine,
        codec: Codec,
        *,
        observers: Sequence[Observer] = (),
        **options: Any,
    ) -> None:
        super().__init__(f"e1.{line.number}", 0, 0, codec, observers=observers, **options)
        self.line = line
        self._ways: dict[str, _Timeslot] = {}

    async def connect(self, channels: Sequence[str] = (KPD2, KPD1)) -> None:
        """Set up channels, KPD2 before KPD1. Raises :class:`ConnectError` that says what the line is missing."""
        stream = self.line.stream
        for name in sorted(set(channels) - set(self._channels), reverse=True):
            deadline = time.monotonic() + CONNECT_WITHIN
            if not await self.line.wait(lambda: stream.carrier, CONNECT_WITHIN):
                raise ConnectError(self._unreachable(name, f"the line is {stream.state}"))
            if name not in self._ways:
                way = _Timeslot(self, name)
                self.line.take(way.name, way)
                self._ways[name] = way
            left = max(0.0, deadline - time.monotonic())
            if not await self.line.wait(lambda name=name: name in self._channels, left):  # type: ignore[misc]
                why = self.line.alarms.get(name, "no circuit")
                await self._release(name)
                raise ConnectError(self._unreachable(name, why))

    async def send(self, message: Any, *, split: int = 0) -> tuple[Sent, ...]:
        """As over TCP, in one X.25 message: whatever ``split`` says, the far end would get it whole."""
        return await super().send(message)

    async def disconnect(self, channels: Sequence[str] = (KPD1, KPD2)) -> None:
        """Take channels down from this side."""
        for name in channels:
            if name in self._ways:
                await self._release(name)

    async def _release(self, name: str) -> None:
        way = self._ways.pop(name)
        way.closed_here = True
        self.line.give_up(way.name)
        link = self.line.stream.channels[way.name].lapb
        await self.line.wait(lambda: link.state is State.S0, DISCONNECT_WITHIN)
        if name in self._channels:
            self._gone(name, way)
        self.line.forget(way.name)

    def _unreachable(self, name: str, reason: str) -> str:
        return f"{self.host}: {name.upper()} can't be reached: {reason}"

    def _where(self, channel: str) -> str:
        return self.host

    def _transferred(self, channel: str, outbound: bool, data: bytes) -> float:
        return self._clock()

    def _up(self, name: str, way: _Timeslot) -> None:
        self._channels[name] = way
        self._closed.discard(name)
        self._wake()

    def _framed(self, name: str, frame: Frame) -> None:
        by_dte = frame.outbound is (self.line.role == "dte")
        for observer in self._observers:
            observer.framed(self, name, by_dte, frame.frame, self._clock())


class _Timeslot:
    """One channel of a console."""

    def __init__(self, client: E1ConsoleClient, name: str) -> None:
        self._client = client
        self.name: ChannelName = "kpd2" if name == KPD2 else "kpd1"
        self.framer = self._new_framer()
        self.closed_here = False

    def _new_framer(self) -> StreamFramer:
        channel = Channel.KPD2 if self.name == KPD2 else Channel.KPD1
        return StreamFramer(channel, self._client._codec.options)

    def happened(self, event: Any) -> None:
        """What the channel reports."""
        client = self._client
        match event:
            case Frame():
                client._framed(self.name, event)
            case Message(data):
                client._received(self.name, data, self.framer)
            case Up():
                self.framer = self._new_framer()
                client._up(self.name, self)
            case Down() if self.name in client._channels:
                client._gone(self.name, self)

    async def write(self, data: bytes) -> None:
        """One message."""
        self._client.line.send(self.name, data)
        await asyncio.sleep(0)

    async def close(self) -> None:
        """Take the channel down."""
        await self._client.disconnect((self.name,))
