"""The console's side of E1: lines to the mediator's streams, and a console whose KPD1 and KPD2 are channels of one.

A stream has one console: its channels are links that are there or not. A channel that the line takes away counts as
closed by the mediator, and is connected again by itself when the line is back, as the equipment does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from e1.carriers.bare import BareStream, XotStream
from e1.carriers.satop import SatopConfig
from e1.carriers.xot import PORT, record
from e1.channel import ChannelAlarm, Down, Frame, Message, Packet, Up
from e1.g704.alarms import StreamState
from e1.lapb.machine import State
from e1.stream import ChannelName, E1Stream, StateChanged, StreamConfig, StreamEvent
from e1.voice.tones import ToneListener
from protocol import Channel, Codec, StreamFramer
from protocol.language import Phrase, join
from sorm_mediator.addresses import host_port
from sorm_mediator.carriers import (
    OPPOSITE,
    End,
    SatopEnd,
    framed,
    satop_config,
    stream_config,
)
from sorm_mediator.config import E1Config
from sorm_mediator.console.client import KPD1, KPD2, SHOWN, ConsoleClient, Observer, Sent
from sorm_mediator.console.errors import ConnectError, StepError
from sorm_mediator.errors import BoxError

CONNECT_WITHIN = 10.0
"""Seconds that a circuit may take: the line, the link, the restart, and one T1 lost on the way."""
DISCONNECT_WITHIN = 2.0
"""Seconds that the mediator may take to answer the end of a link."""

SLAVE = satop_config(E1Config(), far_end=True)
"""The mediator is the master of the clock: the console sends a frame for each that arrives, so that neither runs dry
when one of them is held up. Of a stream as it is by default."""
BATCH = 0.005
"""Seconds between two turns of a line."""
BLOCK = 800
"""Octets of speech, a tenth of a second, that are judged together."""

MISMATCH = "role-mismatch"
"""The alarm of a link whose ends play the same side."""
MODULO = "modulo-mismatch"
"""The alarm of a link whose far end numbers frames modulo 128."""
Role = Literal["dte", "dce"]
Address = tuple[str, int]


def console_end(config: E1Config, *, data: bool = True) -> StreamConfig:
    """The console's end of a stream: the other role, everything else as the mediator has it.

    The DTE places the call of a switched circuit. Without ``data`` the stream is there for speech alone.
    """
    return stream_config(config, far_end=True, data=data)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineConfig:
    """One SAToP line of a console. ``remote`` None: learnt from the first packet."""

    stream: int
    local: Address = ("127.0.0.1", 0)
    remote: Address | None = None
    end: StreamConfig
    line: SatopConfig = field(default_factory=SatopConfig)

    @property
    def role(self) -> Role:
        """The console's side of X.25."""
        return self.end.lapb.role

    def open_end(self) -> End:
        """The console's end."""
        remote = host_port(*self.remote) if self.remote else ""
        line = SatopEnd(host_port(*self.local), remote, line=self.line, key=f"e1.{self.stream}")
        return framed(E1Stream(self.end), line)


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherLine:
    """One line of a console that is not SAToP."""

    stream: int
    role: Role
    """The console's side of X.25."""
    open_end: Callable[[], End]
    """Makes the console's end."""
    knock: Callable[[], End] | None = None
    """Makes the end of a console more; None: a wire has two ends, and there is no other."""


class Recorder(Protocol):
    """Who keeps what crosses a line of speech."""

    def datagram(
        self, name: str, outbound: bool, local: Address, remote: Address, data: bytes, now: float
    ) -> None:
        """One packet of the line ``name``; ``now`` in Unix seconds."""


class ConsoleLine:
    """One open stream: hands the events of a channel to the console that has it, and listens to its KSL."""

    def __init__(self, config: LineConfig | OtherLine) -> None:
        self.number = config.stream
        self.stream, self._line, self._exchange = config.open_end()
        self.role: Role = config.role
        far = config.remote if isinstance(config, LineConfig) else None
        self._far = host_port(*far) if far else ""
        self.alarms: dict[str, ChannelAlarm] = {}
        """The last alarm of each channel."""
        self._clock = time.monotonic
        self._timer: asyncio.TimerHandle | None = None
        self._ways: dict[str, _E1Channel] = {}
        self._waiters: set[asyncio.Future[None]] = set()
        for name in self.stream.channels:
            self.stream.disconnect(name, self._clock())  # nobody is there yet

    async def open(self) -> None:
        """Open the line. Raises :class:`ConnectError`."""
        try:
            await self._line.start()
        except (BoxError, OSError) as error:
            text = getattr(error, "strerror", None) or error
            raise ConnectError(f"e1.{self.number}: can't be opened: {text}") from None
        self._turn()

    def _turn(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(BATCH, self._turn)
        self._happened(self._exchange())

    def close(self) -> None:
        """Close the line."""
        if self._timer is not None:
            self._timer.cancel()
        self._line.close()

    def record(self, recorder: Recorder) -> None:
        """Tell ``recorder`` the packets of the line from now on. A line that is no SAToP has none."""
        if isinstance(self._line, SatopEnd):
            name = f"e1.{self.number}"
            self._line.record(
                lambda outbound, local, remote, data: recorder.datagram(
                    name, outbound, local, remote, data, time.time()
                )
            )

    async def wait_closed(self) -> None:
        """Until it is closed entirely."""
        await self._line.wait_closed()

    @property
    def speaks(self) -> bool:
        """Whether there are KSL to listen to: a line without timeslots has none."""
        return not isinstance(self.stream, BareStream)

    def is_down(self, name: ChannelName) -> bool:
        """Whether the link of a channel is down at this end, and the far end has been sent all about it."""
        channel = self.stream.channels[name]
        if isinstance(self.stream, BareStream):
            return bool(channel.released)
        return channel.lapb.state is State.S0 and not channel.pending

    def addresses(self, name: ChannelName) -> tuple[Address, Address] | None:
        """Ours and the mediator's, of a channel that has a TCP connection."""
        return self.stream.addresses(name) if isinstance(self.stream, XotStream) else None

    def mismatched(self, name: str) -> bool:
        """Whether both ends of a channel play the same side of X.25, or number otherwise: its link never comes up."""
        alarm = self.alarms.get(name)
        return alarm is not None and alarm.kind in (MISMATCH, MODULO)

    def why_down(self) -> str:
        """Why a line carries nothing, in words."""
        state = Phrase("the line is {state}", "состояние линии {state}", state=self.stream.state)
        counters = self._line.counters()
        if not self._far or counters["received"]:
            return state
        if count := counters["malformed"]:
            en, ru = (
                "packets of another form come ({count}): e1.satop.payload and rtp must be those of the mediator",
                "приходят пакеты другого вида ({count}): e1.satop.payload и rtp должны быть как у медиатора",
            )
            return join(", ", [state, Phrase(en, ru, count=count)])
        en, ru = (
            "nothing comes from {far} (UDP): is that the e1.local of the mediator, are e1.satop.payload and rtp the"
            " same, and does it answer this address (e1.remote, console.allow)?",
            "от {far} (UDP) ничего не приходит: это e1.local медиатора, те же ли у него e1.satop.payload и rtp,"
            " и отвечает ли он этому адресу (e1.remote, console.allow)?",
        )
        return join(", ", [state, Phrase(en, ru, far=self._far)])

    def why_not(self, name: ChannelName) -> str:
        """Why a channel is not there, in words."""
        alarm = self.alarms.get(name)
        if alarm is None:
            return self._unanswered(name)
        if alarm.kind == MODULO:
            en, ru = "{text}", "медиатор нумерует кадры LAPB по модулю 128 (SABME), нужен модуль 8"
            return Phrase(en, ru, text=alarm.text)
        if alarm.kind != MISMATCH:
            return alarm.text
        en, ru = (
            "{text}; the lab file tells the mediator's side: e1.mode",
            "оба конца работают как {own}, один из них должен быть {other}, или линия закольцована;"
            " сторону медиатора задаёт e1.mode в файле стенда",
        )
        return Phrase(en, ru, text=alarm.text, own=self.role.upper(), other=OPPOSITE[self.role].upper())

    def _unanswered(self, name: ChannelName) -> str:
        if self.stream.state is StreamState.RAI:
            en, ru = (
                "the mediator does not receive this end (RAI): GET /api/v1/streams tells its state and the faults"
                " injected",
                "медиатор не принимает сигнал этой стороны (RAI): его состояние и введённые неисправности показывает"
                " GET /api/v1/streams",
            )
            return Phrase(en, ru)
        if isinstance(self.stream, E1Stream) and self.stream.channels[name].lapb.state is not State.S3:
            slots = self.stream.config.kpd1_timeslot, self.stream.config.kpd2_timeslot
            en, ru = (
                "nobody answers in timeslot {slot}: is it the e1.{name}_timeslot of the mediator?",
                "в канальном интервале {slot} никто не отвечает: это e1.{name}_timeslot медиатора?",
            )
            return Phrase(en, ru, name=name, slot=slots[name == KPD2])
        return Phrase("no circuit", "виртуальный канал не установлен")

    def take(self, name: ChannelName, way: _E1Channel) -> None:
        """A console sets up a channel. Raises :class:`ConnectError` when another one has it."""
        if self._ways.setdefault(name, way) is not way:
            raise ConnectError(f"e1.{self.number}: {name.upper()} has a console already")
        self._happened(self.stream.connect(name, self._clock()))

    def give_up(self, name: ChannelName) -> None:
        """The console takes the channel down. What waits in it is forgotten."""
        self.stream.channels[name].discard()
        self._happened(self.stream.disconnect(name, self._clock()))

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
                if not self.stream.carrier:
                    self.alarms.clear()  # it is another line when it is back
                continue
            way = self._ways.get(event.channel)
            if isinstance(event.event, ChannelAlarm) and event.event.kind != "link-down":
                self.alarms[event.channel] = event.event
            elif isinstance(event.event, Up):
                self.alarms.pop(event.channel, None)
            if way is not None:
                way.happened(event.event)
        if events:
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(None)


class ConsoleLines:
    """All lines of a run's consoles. An async context manager that opens and closes them."""

    def __init__(self, configs: Iterable[LineConfig | OtherLine]) -> None:
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
        for line in self.lines.values():
            await line.wait_closed()

    def close(self) -> None:
        """Close the lines."""
        for line in self.lines.values():
            line.close()

    def record(self, recorder: Recorder) -> None:
        """Tell ``recorder`` the packets of every line from now on."""
        for line in self.lines.values():
            line.record(recorder)

    async def working(self) -> None:
        """Wait until the mediator hears every line and is heard. Raises :class:`ConnectError` that says why not."""
        for line in self.lines.values():
            if not await line.wait(lambda line=line: line.stream.state is StreamState.WORK, CONNECT_WITHIN):  # type: ignore[misc]
                en, ru = "e1.{stream}: no speech can be heard: {why}", "e1.{stream}: речи не слышно: {why}"
                raise ConnectError(Phrase(en, ru, stream=line.number, why=line.why_down()))

    def line_of(self, consoles: int) -> ConsoleLine:
        """The line of the next console, when there are ``consoles`` already. Raises :class:`ConnectError`."""
        free = sorted(self.lines)[consoles:]
        if not free:
            raise ConnectError(f"one console a stream, and the lab has {len(self.lines)}")
        return self.lines[free[0]]

    def second_line(self) -> ConsoleLine:
        """Another line to the first stream, from another address, that is not opened yet.

        Raises :class:`ConnectError` for one that has no address: a wire has two ends.
        """
        config = self._configs[min(self._configs)]
        if not isinstance(config, LineConfig):
            if config.knock is None:
                raise ConnectError(f"one console a stream, and the lab has {len(self.lines)}")
            return ConsoleLine(replace(config, open_end=config.knock))
        # Nothing arrives whose clock it could follow.
        own = replace(config.line, clock="own")
        return ConsoleLine(replace(config, local=(config.local[0], 0), line=own))


class ToneProbe:
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
        self.patience: float | None = None
        """Seconds that a channel may take instead of :data:`CONNECT_WITHIN`."""
        self._ways: dict[str, _E1Channel] = {}

    async def connect(self, channels: Sequence[str] = (KPD2, KPD1)) -> None:
        """Set up channels, KPD2 before KPD1. Raises :class:`ConnectError` that says what the line is missing."""
        stream = self.line.stream
        within = self.patience or CONNECT_WITHIN
        for name in sorted(set(channels) - set(self._channels), reverse=True):
            deadline = time.monotonic() + within
            if not await self.line.wait(lambda: stream.carrier, within):
                raise ConnectError(self._unreachable(name, self.line.why_down()))
            if name not in self._ways:
                way = _E1Channel(self, name)
                self.line.take(way.name, way)
                self._ways[name] = way
            left = max(0.0, deadline - time.monotonic())
            await self.line.wait(lambda name=name: self._is_settled(name), left)  # type: ignore[misc]
            if name not in self._channels:
                why = self.line.why_not(self._ways[name].name)
                await self._release(name)
                raise ConnectError(self._unreachable(name, why))

    def _is_settled(self, name: str) -> bool:
        """A channel is there, or it is known why it will not be."""
        return name in self._channels or self.line.mismatched(name)

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
        await self.line.wait(lambda: self.line.is_down(way.name), DISCONNECT_WITHIN)
        if name in self._channels:
            self._gone(name, way)
        self.line.forget(way.name)

    def complaints(self) -> list[str]:
        """What is wrong with the line, and what the open channels have against their far ends."""
        line, alarms = self.line, self.line.alarms
        down = [] if line.stream.carrier else [line.why_down()]
        return down + [
            join(": ", [SHOWN[name], alarms[name].text]) for name in sorted(self._ways) if name in alarms
        ]

    def _unreachable(self, name: str, reason: str) -> str:
        en, ru = "{where}: {channel} can't be reached: {reason}", "{where}: {channel} недоступен: {reason}"
        return Phrase(en, ru, where=self.host, channel=SHOWN[name], reason=reason)

    def _where(self, channel: str) -> str:
        return self.host

    def _transferred(self, channel: str, outbound: bool, data: bytes) -> float:
        return self._clock()

    def _up(self, name: str, way: _E1Channel) -> None:
        self._channels[name] = way
        self._closed.discard(name)
        self._wake()

    def _framed(self, name: str, frame: Frame) -> None:
        by_dte = frame.outbound is (self.line.role == "dte")
        for observer in self._observers:
            observer.framed(self, name, by_dte, frame.frame, self._clock())

    def _packet(self, way: _E1Channel, packet: Packet) -> None:
        """Over TCP: told as its octets, on a connection to the standard port, by which readers know them."""
        if not way.recorded:
            ends = self.line.addresses(way.name)
            if ends is None:
                return
            way.recorded = True
            for observer in self._observers:
                observer.opened(self, way.name, ends[0], (ends[1][0], PORT), self._clock())
        for observer in self._observers:
            observer.transferred(self, way.name, packet.outbound, record(packet.packet), self._clock())

    def _ended(self, way: _E1Channel) -> None:
        if way.recorded:
            way.recorded = False
            for observer in self._observers:
                observer.closed(self, way.name, self._clock())


class _E1Channel:
    """One channel of a console."""

    def __init__(self, client: E1ConsoleClient, name: str) -> None:
        self._client = client
        self.name: ChannelName = "kpd2" if name == KPD2 else "kpd1"
        self.framer = self._new_framer()
        self.closed_here = False
        self.recorded = False
        """Observers know it as a connection."""

    def _new_framer(self) -> StreamFramer:
        channel = Channel.KPD2 if self.name == KPD2 else Channel.KPD1
        return StreamFramer(channel, self._client._codec.options)

    def happened(self, event: Any) -> None:
        """What the channel reports."""
        client = self._client
        match event:
            case Frame():
                client._framed(self.name, event)
            case Packet():
                client._packet(self, event)
            case Message(data):
                client._received(self.name, data, self.framer)
            case Up():
                self.framer = self._new_framer()
                client._up(self.name, self)
            case Down():
                client._ended(self)
                if self.name in client._channels:
                    client._gone(self.name, self)

    async def write(self, data: bytes) -> None:
        """One message."""
        self._client.line.send(self.name, data)
        await asyncio.sleep(0)

    async def close(self) -> None:
        """Take the channel down."""
        await self._client.disconnect((self.name,))


# --- A console more than there are streams: it knocks at the first one, which has its console already.
#
# Over TCP a second connection to a busy port is closed at once. On E1 there is nothing to close: what
# another address
# sends is left by the mediator (SAToP), so such a console hears nothing, and its channels count as
# closed. Circuits over
# TCP (XOT) are refused. A wire has no room for another at all.


LET_IN_WITHIN = 1.0
"""Seconds after which a stream that gives no answer counts as refused; a mediator that lets in is heard sooner."""


def console_on(lines: ConsoleLines, consoles: int, codec: Codec, **options: Any) -> ConsoleClient:
    """The next console of a run that has ``consoles``: on a stream of its own, or before the first one's door.

    Raises :class:`~sorm_mediator.console.errors.ConnectError` when that door can't be knocked at.
    """
    if consoles < len(lines.lines):
        return E1ConsoleClient(lines.line_of(consoles), codec, **options)
    return SecondConsole(lines, codec, **options)


class SecondConsole(E1ConsoleClient):
    """A console at a stream that has one; if it is let in all the same, it works as any other."""

    def __init__(self, lines: ConsoleLines, codec: Codec, **options: Any) -> None:
        super().__init__(lines.second_line(), codec, **options)
        self._streams = len(lines.lines)

    async def connect(self, channels: Sequence[str] = (KPD2, KPD1)) -> None:
        """Knock. Raises :class:`~sorm_mediator.console.errors.ConnectError` when there is no way to the mediator."""
        await self.line.open()
        stream = self.line.stream
        if self.line.speaks and await self.line.wait(lambda: stream.carrier, LET_IN_WITHIN):
            await super().connect(channels)
            return
        if not self.line.speaks:
            self.patience = LET_IN_WITHIN
            with suppress(ConnectError):
                await super().connect(channels)
                return
        self._closed.update(channels)
        self.line.close()

    async def send(self, message: Any, *, split: int = 0) -> tuple[Sent, ...]:
        if KPD1 not in self.connected:
            en, ru = (
                "one console a stream, and the lab has {n}",
                "на потоке один пульт, а потоков в стенде {n}",
            )
            raise StepError(Phrase(en, ru, n=self._streams))
        return await super().send(message, split=split)

    async def close(self) -> None:
        await super().close()
        self.line.close()
