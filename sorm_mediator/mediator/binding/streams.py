"""The E1 streams toward the console: KPD1 and KPD2 of each over X.25, its state, its speech, and the clock of all.

A unit is one X.25 message. Nothing is lost by an interruption: X.25 keeps what was not acknowledged, so a channel
that comes back within ``hold`` seconds stays open for the core. After that it is closed, and what waits for it is
deleted. It is closed at once when the console itself takes the link down (``leave_at_once``), or when the stream has no
signal while the pair of another one works (``stand_by_at_once``). The core decides which pair is used: units are never
moved from one to another here. The failure of a stream is reported after the end of its channels, so that it goes over
the pair that stands by.

Frames are due by elapsed time: one timer gives all streams their turn.

A console that sends commands faster than it takes the answers would fill the memory, or lose answers. The packet layer
stops it (RNR of X.25). RNR of LAPB would not do: it would keep back the console's acknowledgements too, so that what
waits for it could never become less.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Final, Literal, Protocol

from e1 import events as data
from e1.carriers.carrier import Carrier
from e1.carriers.xot import record
from e1.carriers.xot_socket import CLOSED
from e1.channel import DataLink
from e1.g704.alarms import StreamState
from e1.lapb.machine import WHY_DOWN, LapbEvent
from e1.stream import ChannelEvent, ChannelName, E1Stream, StateChanged, StreamEvent
from protocol import Broken, Channel, Noise, Options, StreamFramer, Unit
from sorm_mediator.capture.boxes import BoxCapture
from sorm_mediator.carriers import mediator_carrier
from sorm_mediator.config import E1Config
from sorm_mediator.config.e1 import BARE
from sorm_mediator.errors import BoxError
from sorm_mediator.faults.gate import Gate
from sorm_mediator.faults.registry import Faults
from sorm_mediator.mediator.binding.consoles import NO_CONSOLE, SILENCED, ChannelCounters, Handler
from sorm_mediator.mediator.binding.status import (
    ChannelDocument,
    QueueDocument,
    StreamChannelDocument,
    StreamDocument,
)
from ssh_control.moves import Move, StateTable

log = logging.getLogger(__name__)

BATCH = 0.010
"""Seconds between two turns of a stream: 80 frames."""
ENOUGH = 16
"""Units that may wait for the line when the output of a table goes on."""
PATIENCE = 1.0
"""Seconds that the lines get at the end to take what waits."""
FULL, GIVEN_UP, IN_DOUBT = "full", "link or circuit lost", "perhaps it arrived"
"""Why units are deleted, beside the reasons that TCP has too."""
Fault = Literal["LOS", "AIS", "RAI", "LOF", "LOMF", "OFF", "clear"]
"""A fault to be injected (:meth:`e1.stream.E1Stream.fault`), or the end of it."""

LEAVING = (WHY_DOWN[LapbEvent.DISC], CLOSED)
"""Reasons of a channel that the console has ended itself: DISC, or the orderly end of a TCP connection."""
NO_SPEECH = "line = {line!r} has no timeslots, hence no KSL: a stream for speech alone needs them"
TAKEN = "not in console.allow, or the stream has another far end"
NO_CIRCUIT = "not in console.allow, or no circuit of the stream is free for it"
NAMES: dict[Channel, ChannelName] = {Channel.KPD1: "kpd1", Channel.KPD2: "kpd2"}
CHANNELS = {name: channel for channel, name in NAMES.items()}
Fill = Callable[[int, E1Stream, int, float], None]
"""Puts speech into a stream before its next frames: number, stream, count of frames, time."""
Item = tuple[Unit | Broken, float]
"""A unit or an error that was read, and when it arrived."""


class StreamHandler(Handler, Protocol):
    """What happens on the streams and on their channels."""

    def stream_changed(self, stream: int, old: StreamState, new: StreamState) -> None:
        """The state of what arrives on the stream has changed."""


# --- the state of a console channel, as the core sees it -------------------------------------------------------------


class KpdState(StrEnum):
    """Whether the core has an open channel."""

    CLOSED = "closed"
    OPEN = "open"
    INTERRUPTED = "interrupted"
    """Open for the core; what is sent waits for the channel to come back."""


class KpdInput(StrEnum):
    """What happens to a channel."""

    UP = "messages can cross"
    DOWN = "the channel is interrupted"
    LEFT = "the console has left"
    GIVEN_UP = "the interruption is over: hold is over, or a pair stands by"
    STOPPED = "the mediator stops"


class KpdAction(StrEnum):
    """What is done, each by one method of :class:`Streams`."""

    ANNOUNCE = "open it for the core"
    HOLD = "wait for hold seconds"
    CLOSE = "close it for the core, delete what waits"


_CLOSED = Move(KpdState.CLOSED, (KpdAction.CLOSE,))

KPD_TABLE: Final[StateTable[KpdState, KpdInput, KpdAction]] = {
    (KpdState.CLOSED, KpdInput.UP): Move(KpdState.OPEN, (KpdAction.ANNOUNCE,)),
    (KpdState.OPEN, KpdInput.UP): Move(KpdState.OPEN),
    (KpdState.OPEN, KpdInput.DOWN): Move(KpdState.INTERRUPTED, (KpdAction.HOLD,)),
    (KpdState.OPEN, KpdInput.LEFT): _CLOSED,
    (KpdState.OPEN, KpdInput.STOPPED): _CLOSED,
    (KpdState.INTERRUPTED, KpdInput.UP): Move(KpdState.OPEN),
    (KpdState.INTERRUPTED, KpdInput.DOWN): Move(KpdState.INTERRUPTED, (KpdAction.HOLD,)),
    (KpdState.INTERRUPTED, KpdInput.LEFT): _CLOSED,
    (KpdState.INTERRUPTED, KpdInput.GIVEN_UP): _CLOSED,
    (KpdState.INTERRUPTED, KpdInput.STOPPED): _CLOSED,
}
"""A channel that the core does not have open, or that is not interrupted, ignores every other input."""


@dataclass(slots=True)
class _Kpd:
    """One data channel toward the console."""

    counters: ChannelCounters = field(default_factory=ChannelCounters)
    state: KpdState = KpdState.CLOSED
    hold_until: float = 0.0
    """Of an interrupted channel: when it is given up."""
    alarm: str = ""
    """Its last complaint since it was up, in words."""
    congested: bool = False
    """``drained`` is due when the line has taken what waits."""
    stopped: bool = False
    """The console was asked to send nothing, and not yet to go on."""
    deleted: Counter[str] = field(default_factory=Counter)
    """The deleted units by reason."""
    given_up: int = 0
    """Units that X.25 gave up."""
    taken: int = 0
    """Units that the console has acknowledged, or that were deleted at once, as far as it was looked at."""
    took_at: float = 0.0
    """When that was more than before, or nothing waited."""

    def delete(self, units: int, why: str) -> None:
        """Count units that are not sent."""
        if units:
            self.counters.deleted_units += units
            self.deleted[why] += units

    def look(self, queued: int, now: float) -> None:
        """Note whether the console takes what is sent; ``queued``: what waits for it."""
        taken = self.counters.units_sent - queued - self.given_up
        if taken != self.taken or not queued:
            self.taken, self.took_at = taken, now


@dataclass(slots=True)
class FlowControl:
    """The queue of commands of one console. ``high``, ``low``: messages waiting for it, see ``e1.high_water``."""

    high: int
    low: int
    stopped: bool = False
    """No command is taken from the console for now."""
    _items: deque[Item] = field(default_factory=deque)
    _draining: bool = False

    def put(self, item: Item) -> None:
        """Queue what was received. A message may hold many units, so they wait here while the console is stopped."""
        self._items.append(item)

    def __len__(self) -> int:
        return len(self._items)

    def oldest(self, now: float) -> float:
        """Seconds that the first in the queue waits; 0: none does."""
        return now - self._items[0][1] if self._items else 0.0

    def update(self, waiting: int) -> bool:
        """Stop above the high-water mark until the low-water mark is reached; returns :attr:`stopped`."""
        self.stopped = waiting > (self.low if self.stopped else self.high)
        return self.stopped

    def drain(self, waiting: Callable[[], int], handle: Callable[[Item], None]) -> None:
        """Handle what was received, in order, while the console is not stopped. New items go to the end."""
        if self._draining:
            return
        self._draining = True
        try:
            while not self.update(waiting()) and self._items:
                handle(self._items.popleft())
        finally:
            self._draining = False

    def finish(self, handle: Callable[[Item], None]) -> None:
        """The console has left: everything that it sent is handled all the same."""
        while self._items:
            handle(self._items.popleft())
        self.stopped = False


class _StreamRunner:
    """One stream with what carries it."""

    def __init__(
        self, config: E1Config, fill: Fill | None, allows: Callable[[str], bool], data: bool
    ) -> None:
        self.config = config
        self.number = number = config.stream
        self.name = f"e1.{number}"
        if config.line in BARE and not data:
            raise BoxError(f"{self.name}: {NO_SPEECH.format(line=config.line)}")
        try:
            self.carrier = mediator_carrier(config, allows, data=data)
            self.injected: StreamState | None = None if config.installed else StreamState.ABSENT
            """The fault that the stream has for itself."""
            self.carrier.fault(self.injected)
        except ValueError as error:
            raise BoxError(f"{self.name}: {error}") from error
        if fill is not None and (stream := self.carrier.e1) is not None:
            stream.speech_source = lambda frames, now: fill(number, stream, frames, now)
        self.kpds: dict[ChannelName, _Kpd] = {name: _Kpd() for name in self.carrier.channels}
        self.flow = FlowControl(config.high_water, config.low_water)
        self.alarms: Counter[str] = Counter()
        self.address = ""
        self.cut = False
        """Whether its line is cut by a fault of KPD1 or KPD2."""

    async def start(self) -> None:
        """Open the carrier. Raises :class:`BoxError`."""
        try:
            self.address = await self.carrier.start()
        except OSError as error:
            why = error.strerror or error
            raise BoxError(f"{self.name}.local: {self.config.local} can't be listened on: {why}") from error

    @property
    def pair_works(self) -> bool:
        """Whether messages can cross on both data channels at this moment."""
        return bool(self.kpds) and all(kpd.state is KpdState.OPEN for kpd in self.kpds.values())

    @property
    def place(self) -> str:
        """Where the line is, for people."""
        ports = self.config.serial
        place = {"serial": f"{ports.kpd1}, {ports.kpd2}", "xot": self.config.remote}
        return self.address or place.get(self.config.line, "")


def _queues(runner: _StreamRunner, name: ChannelName, now: float) -> dict[str, QueueDocument]:
    kpd, queued = runner.kpds[name], runner.carrier.channels[name].queued
    kpd.look(queued, now)
    unsent = QueueDocument(
        holds="messages",
        waiting=queued,
        oldest=now - kpd.took_at,
        most=runner.config.x25.queue_limit,
        dropped=dict(kpd.deleted),
    )
    if name == "kpd2":
        return {"unsent": unsent}
    flow = runner.flow
    received = QueueDocument(holds="units", waiting=len(flow), oldest=flow.oldest(now), most=None, dropped={})
    return {"unsent": unsent, "received": received}


class Streams:
    """Runs the streams of the lab file and passes what arrives to ``handler``. Raises :class:`BoxError`.

    Without ``data`` the streams are there for speech alone, and have no data channels.
    """

    def __init__(
        self,
        configs: Sequence[E1Config],
        options: Options,
        handler: StreamHandler,
        *,
        fill: Fill | None = None,
        allows: Callable[[str], bool] = lambda host: True,
        data: bool = True,
    ) -> None:
        self._handler = handler
        self._framer = StreamFramer(Channel.COMMAND, options)
        self._runners = {config.stream: _StreamRunner(config, fill, allows, data) for config in configs}
        self._timer: asyncio.Handle | None = None
        self._idle: asyncio.Event | None = None
        self.capture: BoxCapture | None = None
        """Records what crosses."""

    # --- starting and stopping

    async def start(self) -> dict[str, str]:
        """Open the lines and start the clock; returns ``host:port`` of ``e1.N``. Raises :class:`BoxError`."""
        self._loop = asyncio.get_running_loop()
        try:
            for runner in self._runners.values():
                await runner.start()
        except BaseException:
            self.abort()
            raise
        self._timer = self._loop.call_soon(self._turn)
        return {runner.name: runner.address for runner in self._runners.values() if runner.address}

    async def stop(self) -> None:
        """Let the lines take what waits, for a moment, and close."""
        if self._timer is not None:
            self._idle = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self._idle.wait()
        self.abort()
        for runner in self._runners.values():
            for name in runner.kpds:
                self._input(runner, name, KpdInput.STOPPED)
        await asyncio.gather(*(runner.carrier.wait_closed() for runner in self._runners.values()))

    def _is_idle(self) -> bool:
        """Whether nothing waits that a console would still take."""
        return not any(
            kpd.state is KpdState.OPEN and runner.carrier.channels[name].queued
            for runner in self._runners.values()
            for name, kpd in runner.kpds.items()
        )

    def abort(self) -> None:
        """Close at once. A second call does nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for runner in self._runners.values():
            runner.carrier.close()

    # --- sending

    def send(self, channel: Channel, raw: bytes, stream: int) -> None:
        """Send one unit; during an interruption it waits."""
        runner, name = self._runners[stream], NAMES[channel]
        kpd = runner.kpds[name]
        if kpd.state is KpdState.CLOSED:
            kpd.delete(1, NO_CONSOLE)
            return
        kpd.look(runner.carrier.channels[name].queued, self._loop.time())
        kpd.counters.units_sent += 1
        kpd.counters.octets_sent += len(raw)
        self._take(runner, runner.carrier.send(name, raw))

    def gather(self) -> None:
        """Each unit is a message of its own on X.25 (order 268, 1.4.1): nothing is gathered."""

    def flush(self) -> None:
        """See :meth:`gather`."""

    def delete_unsent(self, stream: int) -> None:
        """Delete what waits on both channels (console time-out). A unit that is begun is finished."""
        runner = self._runners[stream]
        for name, kpd in runner.kpds.items():
            kpd.delete(len(runner.carrier.channels[name].discard()), SILENCED)

    def crowded(self, channel: Channel, patience: float, stream: int) -> bool:
        """Whether little room is left for a console that still takes something within ``patience`` seconds."""
        runner, name = self._runners[stream], NAMES[channel]
        queued = runner.carrier.channels[name].queued
        if 4 * queued <= 3 * runner.config.x25.queue_limit:
            return False
        kpd, now = runner.kpds[name], self._loop.time()
        kpd.look(queued, now)
        return now - kpd.took_at < patience

    def report_drained(self, channel: Channel, stream: int) -> None:
        """Call ``drained`` of the handler as soon as little waits for the line."""
        kpd = self._runners[stream].kpds[NAMES[channel]]
        kpd.congested = kpd.state is not KpdState.CLOSED
        self._relieve(self._runners[stream], NAMES[channel])

    def _relieve(self, runner: _StreamRunner, name: ChannelName) -> None:
        kpd, channel = runner.kpds[name], runner.carrier.channels[name]
        if kpd.congested and channel.up and channel.queued <= ENOUGH:
            kpd.congested = False
            self._handler.drained(CHANNELS[name], runner.number)

    # --- the clock

    def _turn(self) -> None:
        self._timer = self._loop.call_later(BATCH, self._turn)
        for runner in self._runners.values():
            self._take(runner, runner.carrier.exchange())
            for peer in runner.carrier.take_strangers():
                why = NO_CIRCUIT if runner.config.line == "xot" else TAKEN
                self._handler.connection_refused(runner.name, peer, why, runner.number)
            for name, kpd in runner.kpds.items():
                if kpd.state is KpdState.INTERRUPTED and (
                    self._loop.time() >= kpd.hold_until or self._has_stand_by(runner)
                ):
                    self._input(runner, name, KpdInput.GIVEN_UP)
                elif kpd.congested:
                    self._relieve(runner, name)
            if runner.kpds:
                self._work(runner)
        if self._idle is not None and self._is_idle():
            self._idle.set()

    def _take(self, runner: _StreamRunner, events: list[StreamEvent]) -> None:
        """Report what happened. The failure of a stream is reported after the loss of its channels: then a pair that
        stands by is in use already, and carries the alarm to the console (order 268, 1.4.1.1)."""
        if not runner.carrier.usable:
            events = sorted(events, key=lambda event: isinstance(event, StateChanged))
        for event in events:
            match event:
                case StateChanged(old, new):
                    log.log(
                        logging.INFO if new is StreamState.WORK else logging.WARNING,
                        "%s: %s",
                        runner.name,
                        new,
                    )
                    self._handler.stream_changed(runner.number, old, new)
                case ChannelEvent(name, what):
                    self._channel_event(runner, name, what)

    def _channel_event(self, runner: _StreamRunner, name: ChannelName, event: data.ChannelEvent) -> None:
        kpd = runner.kpds[name]
        if self.capture is not None:
            self._record(self.capture, runner, name, event)
        match event:
            case data.Message(raw):
                self._received(runner, name, raw)
            case data.Up():
                kpd.alarm = ""
                self._input(runner, name, KpdInput.UP)
            case data.ChannelAlarm("link-down", why) | data.Down(why) if (
                runner.config.leave_at_once and why in LEAVING and kpd.state is not KpdState.CLOSED
            ):
                self._input(runner, name, KpdInput.LEFT)
            case data.Down(reason) if kpd.state is not KpdState.CLOSED:
                log.warning("%s %s: interrupted: %s", runner.name, name, reason)
                self._input(runner, name, KpdInput.DOWN)
                if self._has_stand_by(runner):
                    self._input(runner, name, KpdInput.GIVEN_UP)
            case data.Undelivered(_, in_doubt):
                limit = runner.config.x25.queue_limit
                full = not in_doubt and runner.carrier.channels[name].queued >= limit
                kpd.given_up += 1
                kpd.delete(1, IN_DOUBT if in_doubt else FULL if full else GIVEN_UP)
                doubt = "perhaps it arrived" if in_doubt else "it was not sent"
                why = f", since {limit} wait (x25.queue_limit)" if full else ""
                log.warning("%s %s: a message was given up: %s%s", runner.name, name, doubt, why)
            case data.ChannelAlarm(kind, text):
                runner.alarms[kind] += 1
                if kind != "link-down":  # which only repeats another alarm
                    kpd.alarm = text
                log.warning("%s %s: %s: %s", runner.name, name, kind, text)
            case data.InterruptReceived(octets):
                kpd.counters.noise_octets += len(octets)

    @staticmethod
    def _record(
        capture: BoxCapture, runner: _StreamRunner, name: ChannelName, event: data.ChannelEvent
    ) -> None:
        match event:
            case data.FrameCrossed(outbound, frame):
                by_dte = outbound is (runner.config.mode == "dte")
                capture.frame(runner.name, name, frame, sent=outbound, by_dte=by_dte)
            case data.PacketCrossed(outbound, packet):
                ends = runner.carrier.addresses(name)
                if ends is not None:
                    capture.xot(
                        runner.name, name, record(packet), sent=outbound, ends=ends, dialled=bool(runner.config.remote)
                    )  # fmt: skip
            case data.Down():
                capture.xot_closed(runner.name, name)

    def _has_stand_by(self, runner: _StreamRunner) -> bool:
        """Whether a stream has no signal, and the pair of another one works and can take over from it."""
        return (
            runner.config.stand_by_at_once
            and not runner.carrier.usable
            and any(other.pair_works for other in self._runners.values() if other is not runner)
        )

    def _input(self, runner: _StreamRunner, name: ChannelName, what: KpdInput) -> None:
        kpd = runner.kpds[name]
        move = KPD_TABLE.get((kpd.state, what))
        if move is None:
            return
        kpd.state = move.next
        for action in move.actions:
            match action:
                case KpdAction.ANNOUNCE:
                    kpd.counters.connections += 1
                    self._handler.channel_opened(CHANNELS[name], runner.name, runner.number)
                case KpdAction.HOLD:
                    kpd.hold_until = self._loop.time() + runner.config.hold
                case KpdAction.CLOSE:
                    self._close(runner, name)

    def _close(self, runner: _StreamRunner, name: ChannelName) -> None:
        kpd = runner.kpds[name]
        if name == "kpd1":
            runner.flow.finish(lambda item: self._handle(runner, item))
            self._stop_console(runner, False)
        kpd.congested = False
        kpd.delete(len(runner.carrier.channels[name].discard()), NO_CONSOLE)
        self._handler.channel_closed(CHANNELS[name], runner.name, runner.number)

    def _received(self, runner: _StreamRunner, name: ChannelName, raw: bytes) -> None:
        counters, arrived = runner.kpds[name].counters, self._loop.time()
        counters.octets_received += len(raw)
        if name == "kpd2":
            counters.noise_octets += len(raw)  # KPD2 has one direction only (order 268)
            return
        # Several units in a message are taken; a unit that goes on after the end of its message is broken.
        for item in self._framer.feed(raw) + self._framer.flush():
            if isinstance(item, Noise):
                counters.noise_octets += item.length
            else:
                runner.flow.put((item, arrived))
        self._work(runner)

    def _work(self, runner: _StreamRunner) -> None:
        """Handle commands while the console takes the answers; otherwise ask it to send none for now."""
        channel = runner.carrier.channels["kpd1"]
        runner.flow.drain(lambda: channel.queued, lambda item: self._handle(runner, item))
        self._stop_console(runner, runner.flow.stopped)

    def _handle(self, runner: _StreamRunner, item: Item) -> None:
        counters, (found, arrived) = runner.kpds["kpd1"].counters, item
        if isinstance(found, Broken):
            counters.broken += 1
            self._handler.unit_broken(found, arrived, runner.number)
        else:
            counters.units_received += 1
            self._handler.unit_received(found.raw, arrived, runner.number)

    def _stop_console(self, runner: _StreamRunner, stop: bool) -> None:
        kpd = runner.kpds["kpd1"]
        if stop is not kpd.stopped:
            kpd.stopped = stop
            log.info("%s kpd1: the console is asked to %s", runner.name, "send nothing" if stop else "go on")
            self._take(runner, runner.carrier.busy("kpd1", stop))

    # --- for people

    def __contains__(self, stream: object) -> bool:
        return stream in self._runners

    def carrier(self, stream: int) -> Carrier:
        """The mediator's end of a stream. Raises :class:`KeyError`."""
        return self._runners[stream].carrier

    def fault(self, stream: int, fault: Fault) -> None:
        """Inject a fault, or end it; a cut of the line hides it meanwhile.

        Raises :class:`KeyError`, :class:`ValueError` for what the stream can't have.
        """
        runner = self._runners[stream]
        if not runner.config.installed:
            submodule = runner.config.on_submodule
            raise ValueError(
                f"{runner.name}: the M4E1 submodule {submodule} is not installed (e1.installed): it stays ABSENT"
            )
        state = None if fault == "clear" else StreamState(fault)
        if state is not None or not runner.cut:
            runner.carrier.fault(state)
        runner.injected = state
        if runner.cut:
            runner.carrier.fault(StreamState.LOS)

    def cut(self, stream: int, cut: bool) -> None:
        """The line is cut (LOS), or there again with the fault that was injected. Raises :class:`KeyError`."""
        runner = self._runners[stream]
        runner.cut = cut
        runner.carrier.fault(StreamState.LOS if cut and runner.config.installed else runner.injected)

    def have_faults(self, faults: Faults) -> None:
        """The frames of every data channel cross a line with these faults."""
        for runner in self._runners.values():
            for name, channel in runner.carrier.channels.items():
                if isinstance(channel, DataLink):
                    sent, received = Gate[bytes](), Gate[bytes]()
                    channel.ways = (sent, received)
                    faults.watch(sent, name, "to-console", runner.number)
                    faults.watch(received, name, "from-console", runner.number)

    def pairs(self, pair: int | None) -> list[int]:
        """The streams that have this pair of data channels, or any."""
        return [one.number for one in self._runners.values() if one.kpds and pair in (None, one.number)]

    def has_frames(self, stream: int) -> bool:
        """Whether the data channels of a stream are carried by frames of LAPB."""
        return any(isinstance(one, DataLink) for one in self._runners[stream].carrier.channels.values())

    def queues(self) -> dict[str, QueueDocument]:
        """What waits on the data channels."""
        now = self._loop.time()
        return {
            f"{name}.{runner.number}.{queue}" if runner.number else f"{name}.{queue}": row
            for runner in self._runners.values()
            for name in runner.kpds
            for queue, row in _queues(runner, name, now).items()
        }

    def channel_rows(self) -> list[ChannelDocument]:
        """The data channels, for the status of the mediator."""
        return [
            ChannelDocument(
                stream=runner.number,
                channel=name,
                address=runner.address or runner.name,
                peer=runner.name if kpd.state is KpdState.OPEN else None,
                counters=asdict(kpd.counters),
            )
            for runner in self._runners.values()
            for name, kpd in runner.kpds.items()
        ]

    def rows(self) -> list[StreamDocument]:
        """Every stream."""
        return [self.row(number) for number in self._runners]

    def row(self, number: int) -> StreamDocument:
        """One stream. Raises :class:`KeyError`."""
        runner = self._runners[number]
        carrier = runner.carrier
        return StreamDocument(
            stream=number,
            submodule=runner.config.on_submodule,
            state=str(carrier.state),
            line=runner.config.line,
            address=runner.place,
            mode=runner.config.mode,
            faults={side: str(state) for side, state in carrier.faults.items() if state is not None},
            counters=carrier.counters(),
            alarms=dict(runner.alarms),
            channels={
                name: StreamChannelDocument(
                    up=channel.up,
                    alarm=runner.kpds[name].alarm,
                    waiting=channel.queued,
                    stopped=runner.kpds[name].stopped,
                    **carrier.channel_row(name),
                )
                for name, channel in carrier.channels.items()
            },
        )
