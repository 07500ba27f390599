"""The switch of a world, with its real engine, tables and outbox of call reports; and the mediator's link to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from radius.outbox import Outbox, Transmit
from radius.report import CallReport
from sorm_mediator.config import SwitchConfig
from sorm_mediator.mediator.core.effects import AskSwitch
from sorm_mediator.switch.calls.engine import Engine
from sorm_mediator.switch.mediators.session import MediatorSession
from ssh_control.client import LINK_TABLE, LinkInput, LinkState, backoff
from ssh_control.dialect import (
    ClientDialect,
    EventReceived,
    HelloAccepted,
    HelloReceived,
    Reply,
    ReplyReceived,
    Request,
    RequestReceived,
    ServerDialect,
)
from tests.invariants.links import Clock, Datagrams, Stream

DOMAIN, MEDIATOR, SECRET = "test.domain", "10.0.0.1:1813", b"secret"
MOST_REPORTS = 60
"""That wait in the outbox: few, so that its limit is reached."""


class Switch:
    """One life of the switch: when it dies its objects, its calls and its unconfirmed reports are gone."""

    def __init__(
        self,
        config: SwitchConfig,
        clock: Clock,
        life: int,
        wall: float,
        way: Datagrams,
        deliver: Callable[[Switch, Transmit], None],
    ) -> None:
        self.clock, self.life, self.wall = clock, life, wall
        self.engine = Engine(config, prefix=f"life{life}-")
        self.outbox = Outbox(SECRET, limit=MOST_REPORTS, ports=1)
        self.delay = 0.0
        """Seconds that it thinks about an answer."""
        self.dead = False
        self.taken: dict[tuple[int, str], float] = {}
        """When it took an object last, by number and phone."""
        self.on_report: Callable[[CallReport], None] = lambda report: None
        self._way, self._deliver = way, deliver

    @property
    def now(self) -> float:
        """By its own clock: the wall clock when it was started, and monotonic from there."""
        return self.clock.now + self.wall

    @property
    def objects(self) -> dict[int, str]:
        table = self.engine.domains[DOMAIN].table(MEDIATOR)
        return {item.object_number: item.number or "" for item in table}

    def session(self) -> MediatorSession:
        domain = self.engine.domains[DOMAIN]
        return MediatorSession(domain, MEDIATOR, lambda: None, lambda _: None)

    def tick(self) -> None:
        """Calls go on, their reports go out, and unanswered ones again."""
        if self.dead:
            return
        for mediator, report in self.engine.tick(self.now):
            assert mediator == MEDIATOR
            self.on_report(report)
            self.transmit(self.outbox.queue(report, self.clock.now))
        self.transmit(self.outbox.tick(self.clock.now))

    def transmit(self, transmits: list[Transmit]) -> None:
        for transmit in transmits:
            self._way.send(lambda transmit=transmit: self._deliver(self, transmit))  # type: ignore[misc]

    def answered(self, port: int, datagram: bytes) -> None:
        if not self.dead:
            self.transmit(self.outbox.received(port, datagram, self.clock.now))

    @property
    def deadline(self) -> float | None:
        if self.dead:
            return None
        engine = self.engine.next_deadline()
        times = (None if engine is None else engine - self.wall, self.outbox.next_deadline())
        return min((time for time in times if time is not None), default=None)


@dataclass(eq=False)
class _Connection:
    """One session: both dialects, and the streams between them."""

    switch: Switch
    address: str
    client: ClientDialect
    server: ServerDialect
    session: MediatorSession
    up: Stream
    """From the mediator to the switch."""
    down: Stream


class SwitchLink:
    """The mediator's link: it reaches for the primary address, then for the backup, and comes back after a break.

    As :class:`ssh_control.client.SwitchLink`, whose table and pauses it has; octets of the real dialect cross.
    """

    def __init__(self, clock: Clock, find: Callable[[str], Switch | None]) -> None:
        self._clock, self._find = clock, find
        self.state = LinkState.IDLE
        self.on_up: Callable[[], None] = lambda: None
        self.on_down: Callable[[str], None] = lambda reason: None
        self.on_reply: Callable[[int, Reply | None], None] = lambda token, reply: None
        self.on_event: Callable[[dict[str, Any]], None] = lambda event: None
        self._connection: _Connection | None = None
        self._waiting: dict[int, int] = {}
        self._attempt = 0
        self.most_waiting = 0

    def start(self) -> None:
        self._enter(LinkInput.START)
        self._clock.after(0.0, self._reach)

    def close(self) -> None:
        """The mediator is gone."""
        self._enter(LinkInput.CLOSE)
        self._waiting.clear()
        if self._connection is not None:
            self._connection.up.cut(), self._connection.down.cut()
            self._connection.session.closed()
            self._connection = None

    def _enter(self, cause: LinkInput) -> None:
        self.state = LINK_TABLE[self.state, cause]

    def _reach(self) -> None:
        if self.state is LinkState.CLOSED:
            return
        if self.state is not LinkState.CONNECTING:
            self._enter(LinkInput.RETRY)
        for address in ("primary", "backup"):
            switch = self._find(address)
            if switch is not None:
                self._connect(switch, address)
                return
        self._enter(LinkInput.UNREACHABLE)
        self._again()

    def _again(self) -> None:
        pause = backoff(self._attempt, 0.5, 8.0, 0.5)
        self._attempt += 1
        self._clock.after(pause, self._reach)

    def _connect(self, switch: Switch, address: str) -> None:
        client, server = ClientDialect("orm-1", MEDIATOR), ServerDialect()
        up = Stream(self._clock, lambda octets: self._at_switch(connection, octets))
        down = Stream(self._clock, lambda octets: self._at_mediator(connection, octets))
        connection = _Connection(switch, address, client, server, switch.session(), up, down)
        self._connection = connection
        up.send(client.take())

    def _at_switch(self, connection: _Connection, octets: bytes) -> None:
        switch, server = connection.switch, connection.server
        server.feed(octets)
        while (event := server.next_event()) is not None:
            match event:
                case HelloReceived():
                    server.accept(connection.session.server_hello)
                case RequestReceived(seq, request):
                    reply = connection.session.handle(request)
                    if request.op == "add" and reply.ok:
                        row = request.params["object"]
                        switch.taken[row["object_number"], row["number"]] = self._clock.now
                    server.reply(seq, reply)
                case _:
                    raise AssertionError(event)
        connection.down.send(server.take(), delay=switch.delay)

    def _at_mediator(self, connection: _Connection, octets: bytes) -> None:
        connection.client.feed(octets)
        while (event := connection.client.next_event()) is not None:
            match event:
                case HelloAccepted():
                    self._attempt = 0
                    self._enter(LinkInput.GREETED)
                    self.on_up()
                case ReplyReceived(seq, reply):
                    token = self._waiting.pop(seq, None)
                    if token is not None:
                        self.on_reply(token, reply)
                case EventReceived(fields):
                    self.on_event(fields)
                case _:
                    raise AssertionError(event)

    def submit(self, ask: AskSwitch) -> None:
        """Send a request; without a link it ends at once."""
        connection = self._connection
        if connection is None or self.state is not LinkState.UP:
            self._clock.after(0.0, lambda: self.on_reply(ask.token, None))
            return
        seq = connection.client.ask(Request(ask.op, dict(ask.params)))
        self._waiting[seq] = ask.token
        self.most_waiting = max(self.most_waiting, len(self._waiting))
        connection.up.send(connection.client.take())

    @property
    def where(self) -> str:
        """The address that it is connected to; "" for none."""
        return self._connection.address if self._connection is not None else ""

    def cut(self, notice: float) -> None:
        """The network breaks; both ends see it after so many seconds."""
        connection = self._connection
        if connection is None or connection.up.broken:
            return
        connection.up.cut()
        connection.down.cut()
        self._clock.after(notice, lambda: self._lost(connection))

    def _lost(self, connection: _Connection) -> None:
        if self._connection is not connection:
            return
        self._connection = None
        connection.session.closed()
        was_up = self.state is LinkState.UP
        self._enter(LinkInput.LOST if was_up else LinkInput.UNREACHABLE)
        if was_up:
            waiting, self._waiting = list(self._waiting.values()), {}
            for token in waiting:
                self.on_reply(token, None)
            self.on_down("the connection is lost")
        self._again()
