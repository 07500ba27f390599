"""The E1 streams toward the console: KPD1 and KPD2 of each over X.25, its state, its speech, and the clock of all.

A unit is one X.25 message. Nothing is lost by an interruption: X.25 keeps what was not acknowledged, so a channel
that comes back within ``hold`` seconds was never gone, as far as the core is concerned. After that it counts as gone,
and what waits for it is deleted; at once when the console itself takes the link down (``leave_at_once``), or when the
stream has no signal while the pair of another one works (``stand_by_at_once``). Which pair is used is the core's to
say: units are never moved from one to another here. What a stream's state means for its lines is told before its
channels are told as gone.

Frames are due by elapsed time: one timer gives all streams their turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

from e1 import channel as data
from e1.carriers.bare import BareStream
from e1.carriers.xot_socket import CLOSED
from e1.g704.alarms import StreamState
from e1.lapb.machine import WHY_DOWN, Event
from e1.stream import ChannelEvent, ChannelName, E1Stream, StateChanged, StreamConfig, StreamEvent
from protocol import Broken, Channel, Noise, Options, StreamFramer, Unit
from sorm_mediator.carriers import Carrier, End, bare_stream, framed, open_line, stream_config
from sorm_mediator.config import E1Config
from sorm_mediator.errors import BoxError
from sorm_mediator.mediator.binding.consoles import ChannelCounters

log = logging.getLogger(__name__)

BATCH = 0.010
"""Seconds between two turns of a stream: 80 frames."""
ENOUGH = 16
"""Units that wait for the line; a running table goes on when there are no more."""
PATIENCE = 1.0
"""Seconds that the lines get at the end to take what waits."""
Fault = Literal["LOS", "AIS", "RAI", "LOF", "LOMF", "OFF", "clear"]
"""What can be injected (:meth:`e1.stream.E1Stream.fault`), and its end."""

LEAVING = (WHY_DOWN[Event.DISC], CLOSED)
"""The console has taken the link down itself, or, over TCP, which has no such link, ended the connection."""
BARE = ("serial", "xot")
"""Lines that bring data channels and no timeslots."""
NO_SPEECH = "line = {line!r} has no timeslots, hence no KSL: a stream for speech alone needs them"
TAKEN = "not in console.allow, or the stream has another far end"
NO_CIRCUIT = "not in console.allow, or no circuit of the stream is free for it"
NAMES: dict[Channel, ChannelName] = {Channel.KPD1: "kpd1", Channel.KPD2: "kpd2"}
CHANNELS = {name: channel for channel, name in NAMES.items()}
Fill = Callable[[int, E1Stream, int, float], None]
"""Puts speech into a stream before its next frames: number, stream, count of frames, time."""


class Handler(Protocol):
    """What happens on the channels of a stream; ``arrived`` is the event loop's time."""

    def channel_opened(self, channel: Channel, peer: str, stream: int) -> None: ...
    def channel_closed(self, channel: Channel, peer: str, stream: int) -> None: ...
    def unit_received(self, raw: bytes, arrived: float, stream: int) -> None: ...
    def unit_broken(self, broken: Broken, arrived: float, stream: int) -> None: ...
    def drained(self, channel: Channel, stream: int) -> None: ...
    def connection_refused(self, channel: str, peer: str, reason: str, stream: int) -> None:
        """Somebody sends to a stream that is another's; ``channel`` is the stream's name."""

    def stream_changed(self, stream: int, old: StreamState, new: StreamState) -> None:
        """What arrives on the stream has got another state."""


class SpeakingStream(E1Stream):
    """A stream that asks for the speech of its KSL just before it sends, as much as it sends."""

    def __init__(self, number: int, config: StreamConfig, fill: Fill | None) -> None:
        super().__init__(config)
        self._number = number
        self._fill = fill

    def transmit(self, frames: int, now: float) -> bytes:
        if self._fill is not None:
            self._fill(self._number, self, frames, now)
        return super().transmit(frames, now)


@dataclass(slots=True)
class _Kpd:
    """One data channel as the console's side of it stands."""

    counters: ChannelCounters = field(default_factory=ChannelCounters)
    told: bool = False
    """The handler knows it as open."""
    gone_at: float | None = None
    """When an interruption will have lasted too long."""
    alarm: str = ""
    """What it complained of last since it was up, in words."""
    congested: bool = False
    """``drained`` is due when the line has taken what waits."""
    stopped: bool = False
    """The console was asked to send nothing, and not yet to go on."""


class _StreamRunner:
    """One stream with its line."""

    def __init__(
        self, config: E1Config, fill: Fill | None, allows: Callable[[str], bool], data: bool
    ) -> None:
        self.config = config
        self.number = config.stream
        self.name = f"e1.{config.stream}"
        if config.line in BARE and not data:
            raise BoxError(f"{self.name}: {NO_SPEECH.format(line=config.line)}")
        try:
            if config.line in BARE:
                bare = bare_stream(config, allows)
                end = End(bare, bare, bare.take)
            else:
                stream = SpeakingStream(self.number, stream_config(config, data=data), fill)
                end = framed(stream, open_line(config, allows))
        except ValueError as error:
            raise BoxError(f"{self.name}: {error}") from error
        self.stream, self.line, self.exchange = end
        self.kpds: dict[ChannelName, _Kpd] = {name: _Kpd() for name in self.stream.channels}
        self.intake = FlowControl(config.high_water, config.low_water)
        self.alarms: Counter[str] = Counter()
        self.address = ""

    async def start(self) -> None:
        """Open the line. Raises :class:`BoxError`."""
        try:
            self.address = await self.line.start()
        except OSError as error:
            why = error.strerror or error
            raise BoxError(f"{self.name}.local: {self.config.local} can't be listened on: {why}") from error

    def is_left(self, why: str) -> bool:
        """Whether a channel that is down for this reason was left by the console, which is gone then."""
        return self.config.leave_at_once and why in LEAVING

    @property
    def pair_works(self) -> bool:
        """Whether both data channels are there at this moment."""
        return bool(self.kpds) and all(kpd.told and kpd.gone_at is None for kpd in self.kpds.values())

    @property
    def place(self) -> str:
        """Where the line is, for people."""
        ports = self.config.serial
        place = {"serial": f"{ports.kpd1}, {ports.kpd2}", "xot": self.config.remote}
        return self.address or place.get(self.config.line, "")


class Streams:
    """Runs the streams of the lab file and hands what arrives to ``handler``. Raises :class:`BoxError`.

    Without ``data`` they are there for speech alone, and have no data channels.
    """

    def __init__(
        self,
        configs: Sequence[E1Config],
        options: Options,
        handler: Handler,
        *,
        fill: Fill | None = None,
        allows: Callable[[str], bool] = lambda host: True,
        data: bool = True,
    ) -> None:
        self._handler = handler
        self._framer = StreamFramer(Channel.COMMAND, options)
        self._trunks = {config.stream: _StreamRunner(config, fill, allows, data) for config in configs}
        self._timer: asyncio.Handle | None = None
        self._idle: asyncio.Event | None = None

    # --- starting and stopping

    async def start(self) -> dict[str, str]:
        """Open the lines and start the clock; returns ``host:port`` of ``e1.N``. Raises :class:`BoxError`."""
        self._loop = asyncio.get_running_loop()
        try:
            for trunk in self._trunks.values():
                await trunk.start()
        except BaseException:
            self.abort()
            raise
        self._timer = self._loop.call_soon(self._turn)
        return {trunk.name: trunk.address for trunk in self._trunks.values() if trunk.address}

    async def stop(self) -> None:
        """Let the lines take what waits, for a moment, and close."""
        if self._timer is not None:
            self._idle = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self._idle.wait()
        self.abort()
        for trunk in self._trunks.values():
            for name, kpd in trunk.kpds.items():
                if kpd.told:
                    self._close(trunk, name)
        await asyncio.gather(*(trunk.line.wait_closed() for trunk in self._trunks.values()))

    def _is_idle(self) -> bool:
        """Nothing waits that a console would still take."""
        return not any(
            kpd.told and kpd.gone_at is None and trunk.stream.channels[name].queued
            for trunk in self._trunks.values()
            for name, kpd in trunk.kpds.items()
        )

    def abort(self) -> None:
        """Close at once. A second call does nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for trunk in self._trunks.values():
            trunk.line.close()

    # --- sending

    def send(self, stream: int, channel: Channel, raw: bytes) -> None:
        """Send one unit; during an interruption it waits."""
        trunk, name = self._trunks[stream], NAMES[channel]
        kpd = trunk.kpds[name]
        if not kpd.told:
            kpd.counters.deleted_units += 1
            return
        kpd.counters.units_sent += 1
        kpd.counters.octets_sent += len(raw)
        self._take(trunk, trunk.stream.send(name, raw, self._loop.time()))

    def delete_unsent(self, stream: int) -> None:
        """Delete what waits on both channels (console time-out). A unit that is begun is finished."""
        trunk = self._trunks[stream]
        for name, kpd in trunk.kpds.items():
            kpd.counters.deleted_units += len(trunk.stream.channels[name].discard())

    def report_drained(self, stream: int, channel: Channel) -> None:
        """Call ``drained`` of the handler as soon as little waits for the line."""
        kpd = self._trunks[stream].kpds[NAMES[channel]]
        kpd.congested = kpd.told
        self._relieve(self._trunks[stream], NAMES[channel])

    def _relieve(self, trunk: _StreamRunner, name: ChannelName) -> None:
        kpd, channel = trunk.kpds[name], trunk.stream.channels[name]
        if kpd.congested and channel.up and channel.queued <= ENOUGH:
            kpd.congested = False
            self._handler.drained(CHANNELS[name], trunk.number)

    # --- the clock

    def _turn(self) -> None:
        self._timer = self._loop.call_later(BATCH, self._turn)
        for trunk in self._trunks.values():
            self._take(trunk, trunk.exchange())
            for peer in trunk.line.take_strangers():
                why = NO_CIRCUIT if trunk.config.line == "xot" else TAKEN
                self._handler.connection_refused(trunk.name, peer, why, trunk.number)
            for name, kpd in trunk.kpds.items():
                if kpd.gone_at is not None and (
                    self._loop.time() >= kpd.gone_at or self._has_stand_by(trunk)
                ):
                    self._close(trunk, name)
                elif kpd.congested:
                    self._relieve(trunk, name)
            if trunk.kpds:
                self._work(trunk)
        if self._idle is not None and self._is_idle():
            self._idle.set()

    def _take(self, trunk: _StreamRunner, events: list[StreamEvent]) -> None:
        """Tell what happened. That a stream has failed is told after the loss of its channels: then a pair that stands
        by is in use already, and the console hears of it there (order 268, 1.4.1.1)."""
        if not trunk.stream.carrier:
            events = sorted(events, key=lambda event: isinstance(event, StateChanged))
        for event in events:
            match event:
                case StateChanged(old, new):
                    log.log(
                        logging.INFO if new is StreamState.WORK else logging.WARNING,
                        "%s: %s",
                        trunk.name,
                        new,
                    )
                    self._handler.stream_changed(trunk.number, old, new)
                case ChannelEvent(name, what):
                    self._channel_event(trunk, name, what)

    def _channel_event(self, trunk: _StreamRunner, name: ChannelName, event: data.ChannelEvent) -> None:
        kpd = trunk.kpds[name]
        match event:
            case data.Message(raw):
                self._received(trunk, name, raw)
            case data.Up():
                self._open(trunk, name)
            case data.ChannelAlarm("link-down", why) | data.Down(why) if trunk.is_left(why) and kpd.told:
                self._close(trunk, name)
            case data.Down(reason) if kpd.told:
                log.warning("%s %s: interrupted: %s", trunk.name, name, reason)
                kpd.gone_at = self._loop.time() + trunk.config.hold
                if self._has_stand_by(trunk):
                    self._close(trunk, name)
            case data.Undelivered(_, in_doubt):
                kpd.counters.deleted_units += 1
                doubt = "perhaps it arrived" if in_doubt else "it was not sent"
                log.warning("%s %s: a message was given up: %s", trunk.name, name, doubt)
            case data.ChannelAlarm(kind, text):
                trunk.alarms[kind] += 1
                if kind != "link-down":  # which only says that what was complained of goes on
                    kpd.alarm = text
                log.warning("%s %s: %s: %s", trunk.name, name, kind, text)
            case data.Interrupt(octets):
                kpd.counters.noise_octets += len(octets)

    def _has_stand_by(self, trunk: _StreamRunner) -> bool:
        """Whether a stream has no signal, and the pair of another one works and can take over from it."""
        return (
            trunk.config.stand_by_at_once
            and not trunk.stream.carrier
            and any(other.pair_works for other in self._trunks.values() if other is not trunk)
        )

    def _open(self, trunk: _StreamRunner, name: ChannelName) -> None:
        kpd = trunk.kpds[name]
        kpd.gone_at, kpd.alarm = None, ""
        if not kpd.told:
            kpd.told = True
            kpd.counters.connections += 1
            self._handler.channel_opened(CHANNELS[name], trunk.name, trunk.number)

    def _close(self, trunk: _StreamRunner, name: ChannelName) -> None:
        kpd = trunk.kpds[name]
        if name == "kpd1":
            trunk.intake.finish(lambda item: self._handle(trunk, item))
            self._stop_console(trunk, False)
        kpd.told, kpd.gone_at, kpd.congested = False, None, False
        kpd.counters.deleted_units += len(trunk.stream.channels[name].discard())
        self._handler.channel_closed(CHANNELS[name], trunk.name, trunk.number)

    def _received(self, trunk: _StreamRunner, name: ChannelName, raw: bytes) -> None:
        counters, arrived = trunk.kpds[name].counters, self._loop.time()
        counters.octets_received += len(raw)
        if name == "kpd2":
            counters.noise_octets += len(raw)  # KPD2 has one direction only (order 268)
            return
        # Several units in a message are taken; one that the message does not end is broken.
        for item in self._framer.feed(raw) + self._framer.flush():
            if isinstance(item, Noise):
                counters.noise_octets += item.length
            else:
                trunk.intake.put((item, arrived))
        self._work(trunk)

    def _work(self, trunk: _StreamRunner) -> None:
        """Handle commands, as far as the console takes the answers; else it is asked to send none for now."""
        channel = trunk.stream.channels["kpd1"]
        trunk.intake.work(lambda: channel.queued, lambda item: self._handle(trunk, item))
        self._stop_console(trunk, trunk.intake.stopped)

    def _handle(self, trunk: _StreamRunner, item: Item) -> None:
        counters, (found, arrived) = trunk.kpds["kpd1"].counters, item
        if isinstance(found, Broken):
            counters.broken += 1
            self._handler.unit_broken(found, arrived, trunk.number)
        else:
            counters.units_received += 1
            self._handler.unit_received(found.raw, arrived, trunk.number)

    def _stop_console(self, trunk: _StreamRunner, stop: bool) -> None:
        kpd = trunk.kpds["kpd1"]
        if stop is not kpd.stopped:
            kpd.stopped = stop
            log.info("%s kpd1: the console is asked to %s", trunk.name, "send nothing" if stop else "go on")
            self._take(trunk, trunk.stream.busy("kpd1", stop, self._loop.time()))

    # --- for people

    def __contains__(self, stream: object) -> bool:
        return stream in self._trunks

    def line(self, stream: int) -> Carrier:
        """What carries a stream: of a line in memory, ``far`` is the console's end. Raises :class:`KeyError`."""
        return self._trunks[stream].line

    def fault(self, stream: int, fault: Fault) -> None:
        """Inject a fault, or end it. Raises :class:`KeyError`, :class:`ValueError` for what the stream can't have."""
        self._trunks[stream].stream.fault(None if fault == "clear" else StreamState(fault))

    def channel_rows(self) -> list[dict[str, Any]]:
        """The data channels, as the status of the mediator tells them."""
        return [
            {
                "stream": trunk.number,
                "channel": name,
                "address": trunk.address or trunk.name,
                "peer": trunk.name if kpd.told and kpd.gone_at is None else None,
                "counters": asdict(kpd.counters),
            }
            for trunk in self._trunks.values()
            for name, kpd in trunk.kpds.items()
        ]

    def rows(self) -> list[dict[str, Any]]:
        """Every stream: its state, what is injected, counters, and its data channels."""
        return [self.row(number) for number in self._trunks]

    def row(self, number: int) -> dict[str, Any]:
        """One stream. Raises :class:`KeyError`."""
        trunk = self._trunks[number]
        stream = trunk.stream
        return {
            "stream": number,
            "state": str(stream.state),
            "line": trunk.config.line,
            "address": trunk.place,
            "mode": trunk.config.mode,
            "faults": {side: str(state) for side, state in stream.faults.items() if state is not None},
            "counters": _frame_counters(stream) | trunk.line.counters(),
            "alarms": dict(trunk.alarms),
            "channels": {
                name: {
                    "up": channel.up,
                    "alarm": trunk.kpds[name].alarm,
                    "waiting": channel.queued,
                    "stopped": trunk.kpds[name].stopped,
                }
                | _channel_row(stream, name)
                for name, channel in stream.channels.items()
            },
        }


def _frame_counters(stream: E1Stream | BareStream) -> dict[str, int]:
    """G.826 at both ends, and the framer's own: none where there are no frames."""
    if isinstance(stream, BareStream):
        return {}
    found = stream.counters
    near = {k: v for k, v in asdict(found.near).items() if not k.startswith("_")}
    far = {f"far_{k}": v for k, v in asdict(found.far).items() if not k.startswith("_")}
    return near | far | {k: v for k, v in asdict(found).items() if isinstance(v, int)}


def _channel_row(stream: E1Stream | BareStream, name: ChannelName) -> dict[str, Any]:
    if isinstance(stream, BareStream):
        return stream.channel_row(name)
    channel = stream.channels[name]
    return {
        "link": str(channel.lapb.state),
        "circuit": str(channel.x25.state),
        "hdlc": asdict(channel.hdlc),
        "t1": channel.lapb.counters.t1,
        "resets": channel.lapb.counters.resets,
    }


# --- What a console has sent over X.25 and what waits for it: when it is asked to stop sending (RNR), and
# to go on (RR).
#
# A console that sends commands faster than it takes the answers would fill the memory, or lose answers.
# It is stopped
# by the packet layer itself instead: not by LAPB, whose RNR would keep back its acknowledgements too, so
# that what waits
# for it could never become less.


Item = tuple[Unit | Broken, float]
"""What was read, and when it arrived."""


@dataclass(slots=True)
class FlowControl:
    """Of one command channel. ``high``, ``low``: messages waiting for the console, see ``e1.high_water``."""

    high: int
    low: int
    stopped: bool = False
    """No command is taken from the console for now."""
    _items: deque[Item] = field(default_factory=deque)
    _working: bool = False

    def put(self, item: Item) -> None:
        """Something was received. It may be many units in one message, so they wait here while it is stopped."""
        self._items.append(item)

    def __len__(self) -> int:
        return len(self._items)

    def judge(self, waiting: int) -> bool:
        """Stopped above the high-water mark, until the low-water mark is reached; what it is now."""
        self.stopped = waiting > (self.low if self.stopped else self.high)
        return self.stopped

    def work(self, waiting: Callable[[], int], handle: Callable[[Item], None]) -> None:
        """Handle in turn what was received, as long as it is not stopped. What comes meanwhile is handled after it."""
        if self._working:
            return
        self._working = True
        try:
            while not self.judge(waiting()) and self._items:
                handle(self._items.popleft())
        finally:
            self._working = False

    def finish(self, handle: Callable[[Item], None]) -> None:
        """The console is gone: what it sent, and believes to have arrived, is handled all the same."""
        while self._items:
            handle(self._items.popleft())
        self.stopped = False
