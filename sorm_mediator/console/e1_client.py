"""The console's side of E1: lines to the E1 streams, and a console with KPD1 and KPD2 in one of them.

A stream has one console, and its channels are links that are up or down. A channel that is lost with its line
counts as closed by the mediator. The channel is connected again when the line is back, as in the equipment.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol, Self

from e1.carriers.carrier import Address, Carrier, host_port
from e1.carriers.xot import PORT, record
from e1.events import ChannelAlarm, Down, FrameCrossed, Message, PacketCrossed, Up
from e1.events import ChannelEvent as DataEvent
from e1.g704.alarms import StreamState
from e1.stream import ChannelName, StateChanged, StreamEvent
from e1.voice.tones import ToneListener
from protocol import Codec
from sorm_mediator.addresses import split_host_port
from sorm_mediator.carriers import OPPOSITE, ConsoleMemory, Role, console_satop, serial_carrier, xot_carrier
from sorm_mediator.config import Config, E1Config
from sorm_mediator.console.client import KPD1, KPD2, SHOWN, ConsoleClient, Observer, Sent, Waiting, new_framer
from sorm_mediator.console.errors import ConnectError, StepError
from sorm_mediator.language import Phrase, join

CONNECT_WITHIN = 10.0
"""Seconds for a circuit: the line, the link, the restart, and one expired T1."""
DISCONNECT_WITHIN = 2.0
"""Seconds for the mediator's answer to the end of a link."""

BATCH = 0.005
"""Seconds between two turns of a line."""
BLOCK = 800
"""Octets of speech, a tenth of a second, that are evaluated together."""

MISMATCH = "role-mismatch"
"""The alarm of a link with the same role at both ends."""
MODULO = "modulo-mismatch"
"""The alarm of a link with a far end that numbers frames modulo 128."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleEnd:
    """The console's end of one stream, to be opened."""

    stream: int
    role: Role
    """The console's side of X.25."""
    open: Callable[[], Carrier]
    """Makes the carrier."""
    open_extra: Callable[[], Carrier] | None = None
    """Makes the carrier of an extra connection, to be rejected; None: a wire has two ends only."""
    far: str = ""
    """``host:port`` of the mediator's end of an E1 over UDP."""


class Recorder(Protocol):
    """Records the packets of a line with speech."""

    def datagram(
        self, name: str, outbound: bool, local: Address, remote: Address, data: bytes, now: float
    ) -> None:
        """One packet of the line ``name``; ``now`` in Unix seconds."""


class Listener(Protocol):
    """Takes what happens in a channel."""

    def happened(self, event: DataEvent) -> None:
        """An event of the channel."""


class ConsoleLine(Waiting):
    """One open stream: passes the events of a channel to its console."""

    def __init__(self, end: ConsoleEnd) -> None:
        super().__init__()
        self.number = end.stream
        self.carrier = end.open()
        self.role: Role = end.role
        self._far = end.far
        self.alarms: dict[str, ChannelAlarm] = {}
        """The last alarm of each channel."""
        self._timer: asyncio.TimerHandle | None = None
        self._channels: dict[str, Listener] = {}
        for name in self.carrier.channels:
            self.carrier.disconnect(name)  # no console yet

    async def open(self) -> None:
        """Open the line. Raises :class:`ConnectError`."""
        try:
            await self.carrier.start()
        except OSError as error:
            raise ConnectError(f"e1.{self.number}: can't be opened: {error.strerror or error}") from None
        self._turn()

    def _turn(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(BATCH, self._turn)
        self._happened(self.carrier.exchange())

    def close(self) -> None:
        """Close the line."""
        if self._timer is not None:
            self._timer.cancel()
        self.carrier.close()

    def record(self, recorder: Recorder) -> None:
        """Pass the packets of an E1 over UDP to ``recorder`` from now on; other lines have none."""
        name = f"e1.{self.number}"
        self.carrier.record(
            lambda outbound, local, remote, data: recorder.datagram(
                name, outbound, local, remote, data, time.time()
            )
        )

    @property
    def speaks(self) -> bool:
        """Whether the line has KSL lines: a line without timeslots has none."""
        return self.carrier.e1 is not None

    def mismatched(self, name: str) -> bool:
        """Whether both ends have the same X.25 role or different numbering: the link never comes up."""
        alarm = self.alarms.get(name)
        return alarm is not None and alarm.kind in (MISMATCH, MODULO)

    def why_down(self) -> str:
        """Why a line carries nothing."""
        state = Phrase("the line is {state}", state=self.carrier.state)
        counters = self.carrier.counters()
        if not self._far or counters["received"]:
            return state
        if count := counters["malformed"]:
            why = Phrase(
                "packets of another form come ({count}): e1.satop.payload and rtp must be those"
                " of the mediator",
                count=count,
            )
        else:
            why = Phrase(
                "nothing comes from {far} (UDP): is that the e1.local of the mediator, are"
                " e1.satop.payload and rtp the same, and does it answer this address"
                " (e1.remote, console.allow)?",
                far=self._far,
            )
        return join(", ", [state, why])

    def why_not(self, name: ChannelName) -> str:
        """Why a channel is not open."""
        alarm = self.alarms.get(name)
        if alarm is None:
            return self._unanswered(name)
        if alarm.kind == MODULO:
            return Phrase("{text}", context="console why_not", text=alarm.text)
        if alarm.kind != MISMATCH:
            return alarm.text
        return Phrase(
            "{text}; the lab file tells the mediator's side: e1.mode",
            text=alarm.text,
            own=self.role.upper(),
            other=OPPOSITE[self.role].upper(),
        )

    def _unanswered(self, name: ChannelName) -> str:
        if self.carrier.state is StreamState.RAI:
            return Phrase(
                "the mediator does not receive this end (RAI): GET /api/v1/streams tells its state and the faults"
                " injected"
            )
        e1 = self.carrier.e1
        if e1 is not None and not self.carrier.channels[name].linked:
            slots = e1.config.kpd1_timeslot, e1.config.kpd2_timeslot
            return Phrase(
                "nobody answers in timeslot {slot}: is it the e1.{name}_timeslot of the mediator?",
                name=name,
                slot=slots[name == KPD2],
            )
        return Phrase("no circuit")

    def take(self, name: ChannelName, channel: Listener) -> None:
        """Set up a channel for a console.

        Raises :class:`ConnectError` when another console has the channel.
        """
        if self._channels.setdefault(name, channel) is not channel:
            raise ConnectError(f"e1.{self.number}: {name.upper()} has a console already")
        self._happened(self.carrier.connect(name))

    def give_up(self, name: ChannelName) -> None:
        """The console takes the channel down. Messages waiting in the channel are deleted."""
        self.carrier.channels[name].discard()
        self._happened(self.carrier.disconnect(name))

    def forget(self, name: ChannelName) -> None:
        """Detach the console from the channel."""
        self._channels.pop(name, None)

    def send(self, name: ChannelName, data: bytes) -> None:
        """Send a message of a channel."""
        self._happened(self.carrier.send(name, data))

    def _happened(self, events: list[StreamEvent]) -> None:
        for event in events:
            if isinstance(event, StateChanged):
                if not self.carrier.usable:
                    self.alarms.clear()  # the line is a new object when it is back
                continue
            channel = self._channels.get(event.channel)
            if isinstance(event.event, ChannelAlarm) and event.event.kind != "link-down":
                self.alarms[event.channel] = event.event
            elif isinstance(event.event, Up):
                self.alarms.pop(event.channel, None)
            if channel is not None:
                channel.happened(event.event)
        if events:
            self._wake()


class ConsoleLines:
    """All lines of a run's consoles. An async context manager that opens and closes them."""

    def __init__(self, ends: Iterable[ConsoleEnd]) -> None:
        self._ends = {end.stream: end for end in ends}
        self.lines = {number: ConsoleLine(end) for number, end in self._ends.items()}

    async def __aenter__(self) -> Self:
        try:
            for line in self.lines.values():
                await line.open()
        except ConnectError:
            self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
        for line in self.lines.values():
            await line.carrier.wait_closed()

    def close(self) -> None:
        """Close the lines."""
        for line in self.lines.values():
            line.close()

    def record(self, recorder: Recorder) -> None:
        """Pass the packets of every line to ``recorder`` from now on."""
        for line in self.lines.values():
            line.record(recorder)

    async def working(self) -> None:
        """Wait until every line works in both directions. Raises :class:`ConnectError` with the reason."""
        for line in self.lines.values():
            if not await line.wait(lambda line=line: line.carrier.state is StreamState.WORK, CONNECT_WITHIN):  # type: ignore[misc]
                raise ConnectError(
                    Phrase(
                        "e1.{stream}: no speech can be heard: {why}", stream=line.number, why=line.why_down()
                    )
                )

    def line_of(self, consoles: int) -> ConsoleLine:
        """The line of the next console, after ``consoles`` others. Raises :class:`ConnectError`."""
        free = sorted(self.lines)[consoles:]
        if not free:
            raise ConnectError(f"one console a stream, and the lab has {len(self.lines)}")
        return self.lines[free[0]]

    def extra_line(self) -> ConsoleLine:
        """A second line to the first stream, from another address, not opened yet.

        Raises :class:`ConnectError` for a line without an address: a wire has two ends.
        """
        end = self._ends[min(self._ends)]
        if end.open_extra is None:
            raise ConnectError(f"one console a stream, and the lab has {len(self.lines)}")
        return ConsoleLine(replace(end, open=end.open_extra, open_extra=None))


class ToneProbe:
    """Measures the tones on one KSL line from now on."""

    def __init__(self, line: ConsoleLine, ksl: int) -> None:
        assert line.carrier.e1 is not None, "a stream without timeslots has no KSL"
        self._stream = line.carrier.e1
        self._ksl = ksl
        self._listener = ToneListener(block=BLOCK)
        self._octets = 0
        self._stream.voice_in(ksl)  # earlier speech

    def listen(self) -> frozenset[int] | None:
        """The tones (Hz) of the last tenth of a second; None before the first one is over."""
        heard = self._stream.voice_in(self._ksl)
        self._octets += len(heard)
        tones = self._listener.feed(heard)
        return tones if self._octets >= BLOCK else None


class E1ConsoleClient(ConsoleClient):
    """A console on a stream: :class:`ConsoleClient` with frames for observers instead of reads and writes."""

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
        """Seconds for a channel, in place of :data:`CONNECT_WITHIN`."""
        self._e1_channels: dict[str, _E1Channel] = {}

    async def connect(self, channels: Sequence[str] = (KPD2, KPD1)) -> None:
        """Set up channels, KPD2 before KPD1. Raises :class:`ConnectError` with the reason."""
        carrier = self.line.carrier
        within = self.patience or CONNECT_WITHIN
        for name in sorted(set(channels) - set(self._channels), reverse=True):
            deadline = time.monotonic() + within
            if not await self.line.wait(lambda: carrier.usable, within):
                raise ConnectError(self._unreachable(name, self.line.why_down()))
            if name not in self._e1_channels:
                channel = _E1Channel(self, name)
                self.line.take(channel.name, channel)
                self._e1_channels[name] = channel
            left = max(0.0, deadline - time.monotonic())
            await self.line.wait(lambda name=name: self._is_settled(name), left)  # type: ignore[misc]
            if name not in self._channels:
                why = self.line.why_not(self._e1_channels[name].name)
                await self._release(name)
                raise ConnectError(self._unreachable(name, why))

    @property
    def final(self) -> frozenset[str]:
        """None: a channel comes back with its line."""
        return frozenset()

    def _is_settled(self, name: str) -> bool:
        """Whether a channel is open, or there is a reason why it will not open."""
        return name in self._channels or self.line.mismatched(name)

    async def send(self, message: Any, *, split: int = 0) -> tuple[Sent, ...]:
        """As over TCP, in one X.25 message. ``split`` has no effect: the far end receives whole messages."""
        return await super().send(message)

    async def disconnect(self, channels: Sequence[str] = (KPD1, KPD2)) -> None:
        """Take channels down from this side."""
        for name in channels:
            if name in self._e1_channels:
                await self._release(name)

    async def _release(self, name: str) -> None:
        channel = self._e1_channels.pop(name)
        channel.closed_here = True
        self.line.give_up(channel.name)
        carried = self.line.carrier.channels[channel.name]
        await self.line.wait(lambda: carried.released, DISCONNECT_WITHIN)
        if name in self._channels:
            self._gone(name, channel)
        self.line.forget(channel.name)

    def complaints(self) -> list[str]:
        """The problems of the line and of the far ends of the open channels."""
        line, alarms = self.line, self.line.alarms
        down = [] if line.carrier.usable else [line.why_down()]
        return down + [
            join(": ", [SHOWN[name], alarms[name].text])
            for name in sorted(self._e1_channels)
            if name in alarms
        ]

    def _unreachable(self, name: str, reason: str) -> str:
        where, channel = self.host, SHOWN[name]
        return Phrase(
            "{where}: {channel} can't be reached: {reason}", where=where, channel=channel, reason=reason
        )

    def where(self, channel: str) -> str:
        return self.host

    def _transferred(self, channel: str, outbound: bool, data: bytes) -> float:
        return self._clock()

    def _up(self, name: str, channel: _E1Channel) -> None:
        self._begin(name, channel)
        self._wake()

    def _framed(self, name: str, frame: FrameCrossed) -> None:
        by_dte = frame.outbound is (self.line.role == "dte")
        for observer in self._observers:
            observer.framed(self, name, by_dte, frame.frame, self._clock())

    def _packet(self, channel: _E1Channel, packet: PacketCrossed) -> None:
        """Record the octets as a TCP connection to the standard port, which readers of captures recognise."""
        if not channel.recorded:
            ends = self.line.carrier.addresses(channel.name)
            if ends is None:
                return
            channel.recorded = True
            for observer in self._observers:
                observer.opened(self, channel.name, ends[0], (ends[1][0], PORT), self._clock())
        for observer in self._observers:
            observer.transferred(self, channel.name, packet.outbound, record(packet.packet), self._clock())

    def _ended(self, channel: _E1Channel) -> None:
        if channel.recorded:
            channel.recorded = False
            for observer in self._observers:
                observer.closed(self, channel.name, self._clock())


class _E1Channel:
    """One channel of a console."""

    def __init__(self, client: E1ConsoleClient, name: str) -> None:
        self._client = client
        self.name: ChannelName = "kpd2" if name == KPD2 else "kpd1"
        self.framer = new_framer(client, self.name)
        self.closed_here = False
        self.recorded = False
        """The channel as an open connection, for observers."""

    def happened(self, event: Any) -> None:
        """An event of the channel."""
        client = self._client
        match event:
            case FrameCrossed():
                client._framed(self.name, event)
            case PacketCrossed():
                client._packet(self, event)
            case Message(data):
                client._received(self.name, data, self.framer)
            case Up():
                self.framer = new_framer(client, self.name)
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


# --- an extra connection, to be rejected ----------------------------------------------------------------------------

LET_IN_WITHIN = 1.0
"""Seconds without an answer until a stream counts as refused; a mediator that accepts answers sooner."""


def console_on(lines: ConsoleLines, consoles: int, codec: Codec, **options: Any) -> ConsoleClient:
    """The next console after ``consoles`` others: on its own stream, or an extra one on the first stream.

    Raises :class:`~sorm_mediator.console.errors.ConnectError` when the first stream can't have an extra connection.
    """
    if consoles < len(lines.lines):
        return E1ConsoleClient(lines.line_of(consoles), codec, **options)
    return ExtraConsole(lines, codec, **options)


class ExtraConsole(E1ConsoleClient):
    """An extra connection (to be rejected) to a stream with a console.

    Over TCP a second connection to a busy port is closed at once. On E1 there is nothing to close: the
    mediator drops packets from another address (SAToP), so such a console receives nothing, and its channels
    count as closed. Circuits over TCP (XOT) are refused. A wire has no third end. If the mediator accepts the
    connection all the same, this console works like any other.
    """

    def __init__(self, lines: ConsoleLines, codec: Codec, **options: Any) -> None:
        super().__init__(lines.extra_line(), codec, **options)
        self._streams = len(lines.lines)

    async def connect(self, channels: Sequence[str] = (KPD2, KPD1)) -> None:
        """Try to connect. Raises :class:`~sorm_mediator.console.errors.ConnectError` when the line can't be opened."""
        await self.line.open()
        carrier = self.line.carrier
        if carrier.e1 is not None and await self.line.wait(lambda: carrier.usable, LET_IN_WITHIN):
            await super().connect(channels)
            return
        if carrier.e1 is None:
            self.patience = LET_IN_WITHIN
            with suppress(ConnectError):
                await super().connect(channels)
                return
        self._closed.update(channels)
        self.line.close()

    @property
    def final(self) -> frozenset[str]:
        """All that are closed: the mediator does not let this console in."""
        return self.closed

    async def send(self, message: Any, *, split: int = 0) -> tuple[Sent, ...]:
        if KPD1 not in self.connected:
            raise StepError(Phrase("one console a stream, and the lab has {n}", n=self._streams))
        return await super().send(message, split=split)

    async def close(self) -> None:
        await super().close()
        self.line.close()


# --- which ends lead to a mediator's streams ------------------------------------------------------------------------

ONCE = 300.0
"""Seconds until an extra console at a busy circuit tries again: longer than any run."""


class LabCarriers(Protocol):
    """The part of a lab in this process that its console needs."""

    config: Config

    @property
    def endpoints(self) -> Mapping[str, str]:
        """``host:port`` of ``e1.N``."""

    def carrier(self, stream: int) -> Carrier:
        """The mediator's end of a stream."""


def lines_of_lab(lab: LabCarriers) -> list[ConsoleEnd]:
    """The ends of the streams of a lab in this process."""
    data = lab.config.console.link == "x25"
    return [_line_in_lab(each, lab, data) for each in lab.config.e1]


def _line_in_lab(config: E1Config, lab: LabCarriers, data: bool) -> ConsoleEnd:
    if config.line == "memory":
        return _end(config, lambda: ConsoleMemory(config, lambda: lab.carrier(config.stream), data=data))
    if config.line == "serial":
        return _end(config, lambda: serial_carrier(config, far_end=True))
    where = split_host_port(lab.endpoints[f"e1.{config.stream}"])
    return _dials(config, where) if config.line == "xot" else _satop(config, where, ("127.0.0.1", 0), data)


def lines_toward(streams: Iterable[E1Config], host: str, *, data: bool = True) -> list[ConsoleEnd]:
    """The ends of the streams of a mediator at ``host``, from its lab file.

    Its ``remote`` is our address. Without ``data`` the streams carry speech alone. Raises
    :class:`ConnectError` for a stream that can't be reached by the contents of the file, and without any
    stream.
    """
    lines = [_line_toward(each, host, data) for each in streams]
    if not lines:
        raise ConnectError("E1 with --host needs the [[e1]] tables of the mediator: -c LAB")
    return lines


def _line_toward(config: E1Config, host: str, data: bool) -> ConsoleEnd:
    key = f"e1.{config.stream}"
    if config.line == "memory":
        raise ConnectError(
            f'{key}.line: "memory" is within the process of the mediator: nobody outside reaches it; '
            'use "satop", "xot" or "serial"'
        )
    if config.line == "serial":
        ports = config.serial
        if not (ports.console_kpd1 and ports.console_kpd2):
            raise ConnectError(
                f"{key}.serial: the lab file (-c) must tell the console's ttys: console_kpd1, console_kpd2"
            )
        return _end(config, lambda: serial_carrier(config, far_end=True))
    if config.line == "xot" and config.remote:
        listens = split_host_port(config.remote)
        return _end(config, lambda: xot_carrier(config, listen=listens, far_end=True))
    port = split_host_port(config.local)[1] if config.local else 0
    if not port:
        raise ConnectError(
            f"{key}: the lab file (-c) must tell its port: e1.local; that of the ready line is given in the "
            "environment, SORM_E1__1__LOCAL=HOST:PORT for the first [[e1]]"
        )
    if config.line == "xot":
        return _dials(config, (host, port))
    anywhere = "::" if ":" in host else "0.0.0.0"  # nosec B104 # noqa: S104 - packets of others are dropped
    local = split_host_port(config.remote) if config.remote else (anywhere, 0)
    return _satop(config, (host, port), local, data)


def _satop(config: E1Config, remote: Address, local: Address, data: bool) -> ConsoleEnd:
    # An extra connection receives nothing, so it has no clock to follow.
    extra = partial(console_satop, config, remote, (local[0], 0), data=data, own_clock=True)
    return _end(
        config, partial(console_satop, config, remote, local, data=data), extra, far=host_port(remote)
    )


def _dials(config: E1Config, where: Address) -> ConsoleEnd:
    dialled = partial(xot_carrier, config, dial=where, far_end=True)
    return _end(config, dialled, partial(dialled, again=ONCE))


def _end(
    config: E1Config, opened: Callable[[], Carrier], extra: Callable[[], Carrier] | None = None, far: str = ""
) -> ConsoleEnd:
    role = OPPOSITE[config.mode]
    return ConsoleEnd(stream=config.stream, role=role, open=opened, open_extra=extra, far=far)
