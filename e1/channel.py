"""One data channel (KPD): the X.25 packet layer on LAPB, and both with HDLC in a timeslot. No input or output.

Time goes in as ``now``. A :class:`DataLink` sends and receives frames: a serial line carries them
(:mod:`e1.carriers.serial_line`), or a timeslot (:class:`DataChannel`). Octets of a timeslot are 8 a millisecond.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any, Protocol

from e1.events import (
    ChannelAlarm,
    ChannelEvent,
    Down,
    FrameCrossed,
    InterruptReceived,
    Message,
    Undelivered,
    Up,
)
from e1.hdlc import MOST_WAITING, FrameCounters, HdlcReceiver, HdlcTransmitter
from e1.lapb.config import DeliverPacket, LapbConfig, LapbEffect, LinkDown, LinkUp, SendFrame
from e1.lapb.machine import Lapb, LapbState
from e1.x25.config import FRAME_OVERHEAD, X25Config
from e1.x25.effects import CircuitDown, DeliverMessage, SendPacket, X25Effect
from e1.x25.layer import PacketLayer


class FrameWay(Protocol):
    """One direction of the line, which frames cross, where a test makes faults. It has no clock: time is passed in."""

    idle: bool
    """Nothing has to cross it: frames may go on directly."""

    @property
    def next_due(self) -> float | None:
        """When :meth:`due` is to be called."""

    def put(self, frame: bytes, now: float, /) -> list[bytes]:
        """A frame crosses; returns those that arrive now, in order."""

    def due(self, now: float, /) -> list[bytes]:
        """The frames that arrive by now, in order."""

    def take_all(self) -> list[bytes]:
        """The line is gone: what is on its way is lost, and returned."""


class DataLink:
    """Both layers of one data channel; each input returns the events, in order.

    ``transmit`` is called with every frame to be sent, FCS not included. The two configurations must agree:
    :class:`ValueError` if their roles differ or N1 is too small for the packets.
    """

    hdlc: FrameCounters
    """Counters of the frames received, good and bad."""

    def __init__(self, lapb: LapbConfig, x25: X25Config, transmit: Callable[[bytes], None]) -> None:
        if lapb.role != x25.role:
            raise ValueError(f"role {lapb.role} of LAPB, {x25.role} of X.25: one end has one role")
        needed = max(x25.packet_size, x25.default_packet_size) + FRAME_OVERHEAD
        if lapb.n1 < needed:
            raise ValueError(f"n1 = {lapb.n1}: packets of {needed - FRAME_OVERHEAD} octets need {needed}")
        self.lapb = Lapb(lapb)
        self.x25 = PacketLayer(x25)
        self._transmit = transmit
        self._events: list[ChannelEvent] = []
        self._todo: deque[LapbEffect | X25Effect] = deque()
        self.ways: tuple[FrameWay, FrameWay] | None = None
        """The line to the peer and from it, where a test makes faults; None: frames go on directly."""

    @property
    def up(self) -> bool:
        """Whether messages can cross."""
        return self.x25.up

    @property
    def queued(self) -> int:
        """Messages that are not fully acknowledged."""
        return self.x25.queued

    @property
    def linked(self) -> bool:
        """Whether LAPB is in information transfer: the far end answers."""
        return self.lapb.state is LapbState.S3

    @property
    def released(self) -> bool:
        """Whether the link is down."""
        return self.lapb.state is LapbState.S0

    def carrier(self, up: bool, now: float) -> list[ChannelEvent]:
        """The carrier of the frames is available or gone. A new channel is silent until it is available."""
        if not up:
            for way in self.ways or ():
                way.take_all()
        return self._carry_out(self.lapb.carrier(up, now), now)

    def frame(self, frame: bytes, now: float) -> list[ChannelEvent]:
        """Take a received frame; its FCS was correct and is removed."""
        if self.ways is None or self.ways[1].idle:
            return self._arrived(frame, now)
        return [event for one in self.ways[1].put(frame, now) for event in self._arrived(one, now)]

    def _arrived(self, frame: bytes, now: float) -> list[ChannelEvent]:
        self._events.append(FrameCrossed(outbound=False, frame=frame))
        return self._carry_out(self.lapb.received(frame, now), now)

    def _leave(self, frame: bytes, now: float) -> None:
        self._events.append(FrameCrossed(outbound=True, frame=frame))
        if self.ways is None or self.ways[0].idle:
            self._transmit(frame)
        else:
            for one in self.ways[0].put(frame, now):
                self._transmit(one)

    def connect(self, now: float) -> list[ChannelEvent]:
        """Set the link up, now or when it has a carrier. A new one does so by itself."""
        return self._carry_out(self.lapb.connect(now), now)

    def disconnect(self, now: float) -> list[ChannelEvent]:
        """Take the link down and keep it down, also when the peer sets it up."""
        return self._carry_out(self.lapb.disconnect(now), now)

    def send(self, message: bytes, now: float) -> list[ChannelEvent]:
        """Send a message, or keep it until the channel is up. Raises :class:`ValueError` for an empty one."""
        return self._carry_out(self.x25.send(message, now), now)

    def interrupt(self, data: bytes, now: float) -> list[ChannelEvent]:
        """Send 1..32 octets ahead of the data. Raises :class:`ValueError` for other lengths."""
        return self._carry_out(self.x25.interrupt(data, now), now)

    def busy(self, on: bool, now: float) -> list[ChannelEvent]:
        """Ask the peer to send no more messages for now (RNR), or to go on (RR). Its acknowledgements still count."""
        return self._carry_out(self.x25.busy(on, now), now)

    def reset(self, now: float) -> list[ChannelEvent]:
        """Reset the X.25 circuit if it is up."""
        return self._carry_out(self.x25.reset(now), now)

    def discard(self) -> list[bytes]:
        """Take out the messages of which no part was sent, without an event."""
        return self.x25.discard()

    def tick(self, now: float) -> list[ChannelEvent]:
        """Time has passed."""
        events: list[ChannelEvent] = []
        if self.ways is not None:
            for frame in self.ways[0].due(now):
                self._transmit(frame)
            for frame in self.ways[1].due(now):
                events += self._arrived(frame, now)
        events += self._carry_out(self.lapb.tick(now), now)
        return events + self._carry_out(self.x25.tick(now), now)

    def next_deadline(self) -> float | None:
        """When :meth:`tick` is due."""
        deadlines = [self.lapb.next_deadline(), self.x25.next_deadline()]
        deadlines += [way.next_due for way in self.ways or ()]
        return min((each for each in deadlines if each is not None), default=None)

    def row(self) -> dict[str, Any]:
        """The channel for people: link, circuit, frames, timers."""
        return {
            "link": str(self.lapb.state),
            "circuit": str(self.x25.state),
            "hdlc": asdict(self.hdlc),
            "lapb": self.lapb.counters.row(),
            "x25": dict(self.x25.counters),
            "t1": self.lapb.counters.t1,
            "resets": self.lapb.counters.resets,
        }

    def _carry_out(self, effects: Iterable[LapbEffect | X25Effect], now: float) -> list[ChannelEvent]:
        """Carry out effects in order. Effects that one causes in the other layer follow those already present."""
        self._todo.extend(effects)
        while self._todo:
            effect = self._todo.popleft()
            match effect:
                case SendFrame(frame):
                    self._leave(frame, now)
                case DeliverPacket(packet):
                    in_time = self.lapb.in_time(now)
                    self._todo.extend(self.x25.received(packet, now, self._unconfirmed(), in_time=in_time))
                case LinkUp():
                    self._todo.extend(self.x25.link_up(now))
                case LinkDown(reason):
                    self._events.append(ChannelAlarm("link-down", reason))
                    self._todo.extend(self.x25.link_down(reason, now))
                case SendPacket(packet):
                    self._todo.extend(self.lapb.send(packet, now))
                case _:
                    self._events.append(event_of(effect))
        events, self._events = self._events, []
        return events

    def _unconfirmed(self) -> int:
        """Packets passed to LAPB that the peer's LAPB had not received when it sent the present packet."""
        return self.lapb.queued + sum(isinstance(each, SendPacket) for each in self._todo)


def event_of(
    effect: DeliverMessage | CircuitDown | Up | Undelivered | InterruptReceived | ChannelAlarm,
) -> ChannelEvent:
    """The event of an effect for the user of the channel, who needs no codes of X.25."""
    match effect:
        case DeliverMessage(message):
            return Message(message)
        case CircuitDown(reason):
            return Down(reason)
        case _:
            return effect


class DataChannel(DataLink):
    """A :class:`DataLink` with the HDLC of a timeslot below it.

    The owner passes received octets to :meth:`receive`, takes as many octets as the timeslot needs with
    :meth:`transmit`, and reports with :meth:`carrier` whether the stream is available.
    """

    def __init__(self, lapb: LapbConfig, x25: X25Config) -> None:
        self._sender = HdlcTransmitter(limit=max(MOST_WAITING, 16 * lapb.n1))
        # LAPB must receive a frame longer than N1 to refuse it (FRMR Y)
        self._receiver = HdlcReceiver(2 * lapb.n1)
        self.hdlc = self._receiver.counters
        self._idle = False
        self._carrier: bool | None = None
        super().__init__(lapb, x25, self._sender.queue)

    @property
    def pending(self) -> int:
        """Octets of frames that wait for the timeslot."""
        return self._sender.pending

    @property
    def released(self) -> bool:
        """Whether the link is down and all frames that end it are sent."""
        return super().released and not self.pending

    def carrier(self, up: bool, now: float) -> list[ChannelEvent]:
        """The timeslot is available or gone (LOS, AIS, LOF). A new channel is silent until it is available."""
        if not up and self._carrier:
            self._sender.abort()
        self._carrier = up
        return super().carrier(up, now)

    def receive(self, octets: bytes, now: float) -> list[ChannelEvent]:
        """Take octets of the timeslot. The channel ignores them while the timeslot is reported as gone."""
        if self._carrier is False:
            return []
        events: list[ChannelEvent] = []
        for frame in self._receiver.feed(octets):
            events += self.frame(frame, now)
        if self._receiver.idle is not self._idle:
            self._idle = self._receiver.idle
            events += self._carry_out(self.lapb.idle(self._idle, now), now)
        return events

    def transmit(self, octets: int, now: float) -> bytes:
        """The next ``octets`` octets for the timeslot: frames, then flags."""
        return self._sender.take(octets)
