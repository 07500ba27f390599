"""The mediator of a world: the real core with a disk, the real accounting sink, and the channels to its console."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from protocol import Channel, Message
from protocol.messages import CallEvent
from radius.report import CallReport
from radius.sink import Sink
from sorm_mediator.mediator.core import effects
from sorm_mediator.mediator.core.effects import NO_CAUSE, Cause, Effect
from sorm_mediator.mediator.core.tables import Tables
from ssh_control.dialect import Reply
from tests.invariants.links import Clock
from tests.invariants.switch import SECRET, SwitchLink
from tests.mediator.core_harness import MediatorHarness

REMEMBERED = 40
"""Requests that the sink remembers in one generation: few, so that the limit is reached."""
SWITCH = "10.0.0.2"


class Port:
    """Stands for the socket of the sink: what has come, and what is to be sent."""

    def __init__(self) -> None:
        self.come: list[tuple[bytes, tuple[str, int]]] = []
        self.gone: list[tuple[bytes, tuple[str, int]]] = []

    def recvfrom(self, most: int) -> tuple[bytes, tuple[str, int]]:
        if not self.come:
            raise BlockingIOError
        return self.come.pop(0)

    def sendto(self, octets: bytes, address: tuple[str, int]) -> None:
        self.gone.append((octets, address))

    def getsockname(self) -> tuple[str, int]:
        return ("10.0.0.1", 1813)


class Channels(Protocol):
    """How the mediator reaches its console."""

    def send(self, channel: Channel, raw: bytes) -> None: ...
    def delete_unsent(self) -> None: ...


class Mediator:
    """One life of the mediator. ``wanted`` gets every event: its call, the message, and whether it was sent."""

    def __init__(
        self,
        clock: Clock,
        life: int,
        wall: float,
        link: SwitchLink,
        tables: Tables | None,
        wanted: Callable[[str, CallEvent, bool], None],
        options: dict[str, Any],
    ) -> None:
        self.clock, self.life, self.wall, self.link = clock, life, wall, link
        self.channels: Channels
        self.dead = False
        self._trouble: Exception | None = None
        self.m = MediatorHarness(tables=tables, streams=(0,), now=self.now, **options)
        self.m.switch = None
        self.dropped = 0
        """Events that the core could send to nobody, as this world counts them."""
        self._watch_events(wanted)
        self.port = Port()
        clients = {"0.0.0.0/0": SECRET.decode()}
        self.sink = Sink("", 0, clients, self.report, clock=lambda: clock.now, remember_requests=REMEMBERED)
        self.sink._socket = self.port  # type: ignore[assignment]
        link.on_up = lambda: self.input(self.m.core.switch_up)
        link.on_down = lambda reason: self.input(lambda now: self.m.core.switch_down(reason, now))
        link.on_reply = self._replied
        link.on_event = lambda event: self.input(lambda now: self.m.core.switch_event(event, now))
        self.answered: Callable[[bytes, tuple[str, int]], None] = lambda octets, address: None
        self.heard: Callable[[CallReport], None] = lambda report: None
        self._carry_out()

    def _watch_events(self, wanted: Callable[[str, CallEvent, bool], None]) -> None:
        send = self.m.core.channels.send

        def watched(
            stream: int | None,
            channel: Channel,
            message: Message,
            at: float | None = None,
            cause: Cause = NO_CAUSE,
        ) -> Iterable[Effect]:
            found = tuple(send(stream, channel, message, at, cause))
            if channel is Channel.KPD2:
                self.dropped += not found
            if isinstance(message, CallEvent):
                wanted(cause.call, message, bool(found))
            return found

        self.m.core.channels.send = watched  # type: ignore[method-assign]

    @property
    def now(self) -> float:
        """By its own clock: the wall clock when it was started, and monotonic from there."""
        return self.clock.now + self.wall

    @property
    def deadline(self) -> float | None:
        deadline = self.m.core.next_deadline()
        return None if deadline is None or self.dead else deadline - self.wall

    def tick(self) -> None:
        deadline = self.deadline
        if deadline is not None and deadline <= self.clock.now:
            self.input(self.m.core.tick)
            following = self.deadline
            assert following is None or following > self.clock.now, "time stands still"

    def input(self, make: Callable[[float], list[Effect]]) -> None:
        """One input of the core, and its effects."""
        if self.dead:
            return
        self.m.now = self.now
        self.m.do(make(self.now))
        self._carry_out()

    def _replied(self, token: int, reply: Reply | None) -> None:
        self.input(lambda now: self.m.core.switch_reply(token, reply, now))

    def _carry_out(self) -> None:
        done, self.m.effects = self.m.effects, []
        self.m.asked.clear()
        self.m.requests.clear()
        for effect in done:
            match effect:
                case effects.Send(_, channel, message):
                    self.channels.send(channel, self.m.codec.encode(message))
                case effects.AskSwitch():
                    self.link.submit(effect)
                case effects.DropChannel():
                    self.channels.delete_unsent()
        if any(isinstance(effect, effects.Send) and effect.channel is not Channel.KPD2 for effect in done):
            # The channel has taken it: the next piece of a table.
            self.clock.after(0.0, lambda: self.input(lambda now: self.m.core.writable(0, now)))

    # --- RADIUS

    def datagram(self, octets: bytes, port: int) -> None:
        """A datagram of the switch has come."""
        if self.dead:
            return
        self.port.come.append((octets, (SWITCH, 40_000 + port)))
        self.sink._drain()
        if self._trouble is not None:  # the sink goes on over what its receiver raises
            raise self._trouble
        gone, self.port.gone = self.port.gone, []
        for answer, address in gone:
            self.answered(answer, address)

    def report(self, report: CallReport) -> bool:
        """As the gateway takes it: with what it belongs to."""
        cause = Cause(report.call_id, report.call_id, tuple(each.object_number for each in report.matches))
        try:
            self.input(lambda now: self.m.core.report(report, now, cause))
            self.heard(report)
        except Exception as error:
            self._trouble = error
            raise
        return True
