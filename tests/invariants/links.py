"""What lies between the boxes of a world: streams that break, datagrams that are lost, an E1 timeslot with its frames.

Time is simulated: a :class:`Clock` holds what is due. Nothing here has a socket or a task.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from e1.channel import DataLink
from e1.events import ChannelEvent, Down, Message, Undelivered, Up
from e1.hdlc import FrameCounters
from e1.lapb.config import LapbConfig
from e1.x25.config import X25Config

START = 1_700_000_000.0
NEAR = 0.01
"""Seconds that anything takes from one box to another."""
FRAME = 0.02
"""Seconds that a frame takes in a timeslot."""


class Clock:
    """The one clock, which never goes back, and what is due by it."""

    def __init__(self) -> None:
        self.now = START
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._order = count()

    def after(self, seconds: float, action: Callable[[], object]) -> None:
        heapq.heappush(self._due, (self.now + seconds, next(self._order), action))

    @property
    def deadline(self) -> float | None:
        return self._due[0][0] if self._due else None

    def run_due(self) -> None:
        """Everything that is due now, in the order in which it was asked for."""
        while self._due and self._due[0][0] <= self.now:
            heapq.heappop(self._due)[2]()


@dataclass
class Datagrams:
    """A way for datagrams: each is lost, doubled or late with these chances; those that are late come out of order."""

    clock: Clock
    noise: random.Random
    cut: bool = False
    loss: float = 0.0
    doubling: float = 0.0
    late: float = 0.0
    lost: int = 0

    def send(self, deliver: Callable[[], object]) -> None:
        if self.cut or self.noise.random() < self.loss:
            self.lost += 1
            return
        copies = 2 if self.noise.random() < self.doubling else 1
        for _ in range(copies):
            slow = self.noise.random() < self.late
            self.clock.after(self.noise.uniform(0.1, 30.0) if slow else NEAR, deliver)

    def heal(self) -> None:
        self.cut, self.loss, self.doubling, self.late = False, 0.0, 0.0, 0.0


class Stream:
    """One connection: octets arrive in order, until it breaks; then what is on its way is gone."""

    def __init__(self, clock: Clock, arrive: Callable[[bytes], object]) -> None:
        self._clock, self._arrive = clock, arrive
        self.broken = False
        self._last = clock.now
        self.on_its_way: deque[bytes] = deque()

    def send(self, octets: bytes, *, delay: float = 0.0) -> None:
        """Octets that are sent into a broken connection are gone, too."""
        self.on_its_way.append(octets)
        if not self.broken:
            self._last = max(self._last, self._clock.now + NEAR + delay)
            self._clock.after(self._last - self._clock.now, self._deliver)

    def _deliver(self) -> None:
        if not self.broken:
            self._arrive(self.on_its_way.popleft())

    def cut(self) -> list[bytes]:
        """It breaks; what has not arrived."""
        self.broken = True
        gone = list(self.on_its_way)
        self.on_its_way.clear()
        return gone


@dataclass
class TimeslotEnd:
    """One end of a data channel in a timeslot, and who listens to it."""

    link: DataLink
    on_up: Callable[[], object] = lambda: None
    on_down: Callable[[], object] = lambda: None
    on_message: Callable[[bytes], object] = lambda _: None
    given_up: list[Undelivered] = field(default_factory=list)

    def take(self, events: list[ChannelEvent]) -> None:
        for event in events:
            match event:
                case Up():
                    self.on_up()
                case Down():
                    self.on_down()
                case Message(data):
                    self.on_message(data)
                case Undelivered():
                    self.given_up.append(event)


class _Frames(DataLink):
    """A channel whose frames cross a line of the world."""

    hdlc = FrameCounters()


class Timeslot:
    """LAPB and X.25 of both ends over a line that loses frames, and that can be cut."""

    def __init__(self, clock: Clock, noise: random.Random) -> None:
        self._clock, self._noise = clock, noise
        self.loss = 0.0
        self.cut = False
        self._epoch = 0
        """Counts the cuts: a frame that was on its way is gone."""
        self.mediator, self.console = self._end("dce"), self._end("dte")
        self._free = {"dte": clock.now, "dce": clock.now}

    def _end(self, role: Any) -> TimeslotEnd:
        timers = {"t20": 20.0, "t10": 20.0, "t22": 20.0, "t12": 20.0}
        lapb = LapbConfig(role=role, t1=1.0, t2=0.1, n2=5)
        return TimeslotEnd(
            _Frames(lapb, X25Config(role=role, **timers), lambda frame: self._transmit(role, frame))
        )

    def renew(self, role: str) -> TimeslotEnd:
        """A box has been started anew: its end of the channel knows nothing."""
        end = self._end(role)
        if role == "dce":
            self.mediator = end
        else:
            self.console = end
        return end

    def _transmit(self, role: str, frame: bytes) -> None:
        if self.cut or self._noise.random() < self.loss:
            return
        self._free[role] = max(self._free[role], self._clock.now) + FRAME
        epoch, to_console = self._epoch, role == "dce"

        def arrive() -> None:
            if epoch == self._epoch:
                end = self.console if to_console else self.mediator
                end.take(end.link.frame(frame, self._clock.now))

        self._clock.after(self._free[role] - self._clock.now, arrive)

    @property
    def ends(self) -> tuple[TimeslotEnd, TimeslotEnd]:
        return self.mediator, self.console

    def carrier(self, up: bool) -> None:
        """The line goes, or comes back, for both ends."""
        self.cut = not up
        self._epoch += 1
        for end in self.ends:
            end.take(end.link.carrier(up, self._clock.now))

    @property
    def deadline(self) -> float | None:
        times = [end.link.next_deadline() for end in self.ends]
        return min((time for time in times if time is not None), default=None)

    def tick(self) -> None:
        for end in self.ends:
            deadline = end.link.next_deadline()
            if deadline is not None and deadline <= self._clock.now:
                end.take(end.link.tick(self._clock.now))
