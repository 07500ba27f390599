"""Two data channels and a line between them that can spoil what crosses. Time is simulated."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from e1.channel import DataChannel
from e1.events import ChannelAlarm, ChannelEvent, Down, FrameCrossed, Message, Undelivered, Up
from e1.lapb.config import LapbConfig
from e1.x25.config import X25Config

STEP = 0.02
OCTETS = 160


@dataclass
class End:
    """One channel and everything it said."""

    channel: DataChannel
    events: list[ChannelEvent] = field(default_factory=list)

    def of(self, *kinds: type) -> list[ChannelEvent]:
        return [event for event in self.events if isinstance(event, kinds)]

    @property
    def messages(self) -> list[bytes]:
        return [event.data for event in self.events if isinstance(event, Message)]

    @property
    def given_up(self) -> list[Undelivered]:
        return [event for event in self.events if isinstance(event, Undelivered)]

    @property
    def ups(self) -> list[ChannelEvent]:
        return self.of(Up, Down)

    @property
    def alarms(self) -> list[str]:
        return [event.kind for event in self.events if isinstance(event, ChannelAlarm)]

    @property
    def frames(self) -> list[FrameCrossed]:
        return [event for event in self.events if isinstance(event, FrameCrossed)]


class Link:
    """A DTE and a DCE on one timeslot."""

    def __init__(self, lapb: dict[str, object] | None = None, **x25: object) -> None:
        def make(role: str, **more: object) -> DataChannel:
            timers = {"t20": 20.0, "t10": 20.0, "t21": 20.0, "t11": 20.0, "call_retry": 1.0}
            return DataChannel(
                LapbConfig(**{"role": role, "t1": 0.5, "t2": 0.1, "n2": 4, **(lapb or {})}),  # type: ignore[arg-type]
                X25Config(**{"role": role, **timers, **x25, **more}),  # type: ignore[arg-type]
            )

        self.dte, self.dce = End(make("dte", calls=True)), End(make("dce"))
        self.ends = (self.dte, self.dce)
        self.now = 0.0
        self.noise = random.Random(0)  # noqa: S311
        self.bit_errors = 0.0
        self.losses = 0.0
        self.cut = False
        self.delay = 0  # steps
        self._under_way: list[list[bytes]] = []

    def start(self) -> Link:
        self.carrier(True)
        return self

    def carrier(self, up: bool) -> None:
        """The line goes, or comes back. What is under way when it goes is lost: an end sees the loss of the
        signal after the last bit that has come through."""
        self.cut = not up
        if not up:
            self._under_way = [[b"\x7e" * OCTETS] * 2 for _ in self._under_way]
        for end in self.ends:
            end.events += end.channel.carrier(up, self.now)

    def send(self, end: End, message: bytes) -> None:
        end.events += end.channel.send(message, self.now)

    def run(self, seconds: float) -> None:
        """Lets time pass."""
        until = self.now + seconds
        while self.now < until:
            self.step()

    def step(self) -> None:
        self.now += STEP
        octets = [end.channel.transmit(OCTETS, self.now) for end in self.ends]
        self._under_way.append(octets)
        octets = self._under_way.pop(0) if len(self._under_way) > self.delay else [b"\x7e" * OCTETS] * 2
        for end, arriving in zip(self.ends, reversed(octets), strict=True):
            if not self.cut:
                end.events += end.channel.receive(self._spoil(arriving), self.now)
            deadline = end.channel.next_deadline()
            if deadline is not None and deadline <= self.now:
                end.events += end.channel.tick(self.now)

    def _spoil(self, octets: bytes) -> bytes:
        if self.losses and self.noise.random() < self.losses:
            at = self.noise.randrange(OCTETS)
            octets = octets[:at] + octets[max(0, at + self.noise.randrange(-20, 20)) :]  # lost, or twice
        if self.bit_errors and self.noise.random() < self.bit_errors:
            at = self.noise.randrange(len(octets))
            octets = octets[:at] + bytes([octets[at] ^ 1 << self.noise.randrange(8)]) + octets[at + 1 :]
        return octets
