"""The TCP channels toward the console: two listening ports, KPD1 and KPD2, one console at each.

The technical means listen (order 268, 1.4.2, has two TCP ports; who listens is our choice). Units are reassembled by
their headers however TCP cuts them; what is sent goes out at once, with TCP_NODELAY, in writes of whole units that fit
into one packet (order 268, 1.4.2.2): one unit each, or with the option ``coalesce`` those of one moment together.
Nothing here is unbounded: units wait in an inbox while reading pauses, what a console does not read waits in an
outbox, and a console that goes on not reading loses its connection.
"""

from __future__ import annotations

import asyncio
import fcntl
import ipaddress
import logging
import select
import socket
import struct
import termios
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final, Protocol, cast

from protocol import Broken, Channel, Noise, Options, StreamFramer, Unit
from sorm_mediator.addresses import host_port, listening_at
from sorm_mediator.capture.boxes import BoxCapture
from sorm_mediator.config import ConsoleConfig
from sorm_mediator.errors import cannot_listen
from sorm_mediator.faults.registry import Faults, Passage
from sorm_mediator.mediator.binding.status import ChannelDocument, QueueDocument
from ssh_control.moves import Move, StateTable

log = logging.getLogger(__name__)

ACCEPTED_A_TURN = 1
"""asyncio accepts as many connections at a time as the queue is told to hold, and tries as often again, with a timer
each, when there is no descriptor left: with one it tries once a second."""
LISTEN_BACKLOG = 100
"""Connections that the kernel holds meanwhile."""

UNITS_A_TURN = 32
"""Units of one console that are handled before the event loop turns to others."""
SOFT_LIMIT = 64 * 1024
"""Octets waiting to be sent from which on no further command is read from that console."""
MOST_WAITING = 128
"""Connections that may wait for the ends of those before them to be read."""
KERNEL_LIMIT = 64 * 1024
"""Octets that the kernel may hold for a console (Linux doubles it): what waits, waits where it can be deleted."""
PACKET = 1448
"""Octets of units that are written together at most: what a packet of Ethernet has room for, or less where those of the
connection are smaller. So none of the units is spread over packets."""
HELD_BACK = 1024
"""Units that a fault of the network may hold back in one direction: further ones for a console wait in the outbox, and
of those from it no more are read."""
REMEMBERED = 4 * KERNEL_LIMIT
"""Octets of units whose lengths are kept, so that what was sent and not acknowledged can be counted."""

NO_CONSOLE, SILENCED, NOT_READ = "no console", "console timed out or pair failed", "not read"
"""Why units are deleted."""

_KEEPALIVE = (
    ("TCP_KEEPIDLE", 10),
    ("TCP_KEEPINTVL", 5),
    ("TCP_KEEPCNT", 3),
    ("TCP_USER_TIMEOUT", 30_000),  # milliseconds that sent octets may stay unacknowledged
)


class Handler(Protocol):
    """What happens on the console channels. ``arrived`` is the event loop's time of a unit's last octet; ``stream`` is
    the number of the E1 stream, 0 over TCP."""

    def channel_opened(self, channel: Channel, peer: str, stream: int = 0) -> None: ...
    def channel_closed(self, channel: Channel, peer: str, stream: int = 0) -> None: ...
    def unit_received(self, raw: bytes, arrived: float, stream: int = 0) -> None: ...
    def unit_broken(self, broken: Broken, arrived: float, stream: int = 0) -> None: ...
    def connection_refused(self, channel: str, peer: str, reason: str, stream: int = 0) -> None:
        """A third party came to a channel, or sends to an E1 stream; ``channel`` is then the stream's name."""

    def owes(self, channel: Channel, stream: int = 0) -> bool:
        """Whether answers to what came on the channel are still to be sent."""
        return False

    def drained(self, channel: Channel, stream: int = 0) -> None:
        """What was sent on the channel is on its way: there is room for more."""


@dataclass(slots=True)
class ChannelCounters:
    """What crossed one channel since the start."""

    connections: int = 0
    refused: int = 0
    units_received: int = 0
    units_sent: int = 0
    octets_received: int = 0
    octets_sent: int = 0
    broken: int = 0
    noise_octets: int = 0
    deleted_units: int = 0
    """Not sent: the console was gone, timed out, or did not read."""
    lost_units: int = 0
    """Sent, and not acknowledged when the connection ended."""
    not_reading: int = 0
    """Connections dropped because the console did not read."""


class ConnectionState(Enum):
    """State of a connection to a port."""

    NEW = "new"
    QUEUED = "queued"
    """The console's old connection has ended and is not finished yet: nothing is handled meanwhile."""
    SERVED = "served"
    """It is the connection of the port."""
    ENDED = "ended by the console"
    """What the console sent before is still handled, and its answers are sent."""
    CLOSED = "closed"


class ConnectionInput(Enum):
    """What happens to a connection."""

    FREE = "the port is free"
    ENDING = "the port's connection has been ended by its console"
    REFUSED = "the port is in use, or the address is not allowed"
    CUT = "the network is cut, by a fault that a test has ordered"
    END = "the console sends no more"
    HANDLED = "all that the console sent is answered, or the console is back already"
    LOST = "the connection is gone"


class ConnectionAction(Enum):
    """What is done in a move."""

    SERVE = "make it the connection of the port"
    JOIN_QUEUE = "wait behind the last in the queue"
    LEAVE_QUEUE = "leave the queue"
    KEEP_END = "keep the end for its turn"
    REFUSE = "drop and report it"
    DROP = "drop it"
    HANDLE_REST = "handle what was received"
    CLOSE = "close it"
    FINISH = "delete and count what waits, serve the next in the queue"


_SERVE: Final = Move(ConnectionState.SERVED, (ConnectionAction.SERVE,))
_FINISH: Final = Move(ConnectionState.CLOSED, (ConnectionAction.FINISH,))
CONNECTION_TABLE: Final[StateTable[ConnectionState, ConnectionInput, ConnectionAction]] = MappingProxyType(
    {
        (ConnectionState.NEW, ConnectionInput.FREE): _SERVE,
        (ConnectionState.NEW, ConnectionInput.ENDING): Move(
            ConnectionState.QUEUED, (ConnectionAction.JOIN_QUEUE,)
        ),
        (ConnectionState.NEW, ConnectionInput.REFUSED): Move(
            ConnectionState.CLOSED, (ConnectionAction.REFUSE,)
        ),
        (ConnectionState.NEW, ConnectionInput.CUT): Move(ConnectionState.CLOSED, (ConnectionAction.DROP,)),
        (ConnectionState.QUEUED, ConnectionInput.FREE): _SERVE,
        (ConnectionState.QUEUED, ConnectionInput.END): Move(
            ConnectionState.QUEUED, (ConnectionAction.KEEP_END,)
        ),
        (ConnectionState.QUEUED, ConnectionInput.LOST): Move(
            ConnectionState.CLOSED, (ConnectionAction.LEAVE_QUEUE,)
        ),
        (ConnectionState.SERVED, ConnectionInput.END): Move(
            ConnectionState.ENDED, (ConnectionAction.HANDLE_REST,)
        ),
        (ConnectionState.SERVED, ConnectionInput.LOST): _FINISH,
        (ConnectionState.ENDED, ConnectionInput.HANDLED): Move(
            ConnectionState.ENDED, (ConnectionAction.CLOSE,)
        ),
        (ConnectionState.ENDED, ConnectionInput.LOST): _FINISH,
        (ConnectionState.CLOSED, ConnectionInput.LOST): Move(ConnectionState.CLOSED),
    }
)
"""Other pairs do not happen."""


@dataclass(slots=True)
class Port:
    """One listening port and the console on it, if any."""

    channel: Channel
    key: str
    """The configuration key of its number."""
    number: int
    counters: ChannelCounters = field(default_factory=ChannelCounters)
    connection: _Connection | None = None
    queue: deque[_Connection] = field(default_factory=deque)
    """Connections of the console that wait for the end of the one before them."""
    server: asyncio.Server | None = None
    address: str = ""
    deleted: Counter[str] = field(default_factory=Counter)
    """The deleted units by reason."""

    def delete(self, units: int, why: str) -> None:
        """Count units that are not sent."""
        if units:
            self.counters.deleted_units += units
            self.deleted[why] += units

    def has_room(self) -> bool:
        """Whether one more connection may wait: all before it have been ended by the console, which so broke off its
        attempts, and they are not too many."""
        before = (self.connection, *self.queue)
        return len(self.queue) < MOST_WAITING and all(one is None or one.hung_up for one in before)


class Consoles:
    """Listens on both ports and hands what arrives to ``handler``, in order, a bounded number a turn.

    ``unit_timeout`` (seconds): a unit begun and not finished for so long is broken. The ports are one pair of console
    channels, whose ``stream`` is always 0: the gateway uses the pairs of E1 streams (:class:`~.streams.Streams`) by
    the same methods. ``coalesce``: units that wait for each other, or are sent between :meth:`gather` and
    :meth:`flush`, share packets.
    """

    def __init__(
        self,
        config: ConsoleConfig,
        options: Options,
        handler: Handler,
        *,
        unit_timeout: float,
        coalesce: bool = True,
    ) -> None:
        self._host = config.host
        self.allow = config.allow
        self.most_unsent = config.most_unsent
        self.options = options
        self.handler = handler
        self.unit_timeout = unit_timeout
        self.coalesce = coalesce
        self.gathering = False
        """Units stay in the outbox until :meth:`flush`."""
        self.capture: BoxCapture | None = None
        """Records what crosses."""
        self.network: Faults | None = None
        """The faults of the network to the consoles."""
        self.ports = {
            Channel.KPD1: Port(Channel.KPD1, "console.kpd1_port", config.kpd1_port),
            Channel.KPD2: Port(Channel.KPD2, "console.kpd2_port", config.kpd2_port),
        }

    def allow_only(self, networks: Iterable[str]) -> None:
        """Another ``console.allow``: a console that it does not have is closed, and refused when it comes again."""
        self.allow = tuple(networks)
        for port in self.ports.values():
            for connection in filter(None, (*port.queue, port.connection)):
                if not connection.is_allowed:
                    connection.leave()

    async def start(self) -> dict[str, str]:
        """Listen; returns ``host:port`` by channel name. Raises :class:`~sorm_mediator.errors.BoxError`."""
        loop = asyncio.get_running_loop()
        try:
            for port in self.ports.values():
                await self._listen(loop, port)
        except BaseException:
            await self.stop()
            raise
        return {str(port.channel): port.address for port in self.ports.values()}

    async def _listen(self, loop: asyncio.AbstractEventLoop, port: Port) -> None:
        try:
            server = port.server = await loop.create_server(
                lambda: _Connection(self, port), self._host, port.number, backlog=ACCEPTED_A_TURN
            )
            port.address = listening_at(server)
            for listener in server.sockets:
                with listener.dup() as shared:
                    shared.listen(LISTEN_BACKLOG)
        except OSError as error:
            raise cannot_listen(port.key, self._host, port.number, error) from error

    async def stop(self) -> None:
        """Stop listening, send what is waiting as far as the console takes it at once, and close."""
        for port in self.ports.values():
            if port.server is not None:
                port.server.close()
            if (connection := port.connection) is not None:
                connection.leave()
                await connection.closed
        for port in self.ports.values():
            if port.server is not None:
                await port.server.wait_closed()
                port.server = None

    def abort(self) -> None:
        """Stop listening and drop the consoles: nothing more is promised to anyone."""
        for port in self.ports.values():
            if port.server is not None:
                port.server.close()
            if port.connection is not None:
                port.connection.abort()

    def cut(self, channel: Channel) -> int:
        """The network to a port is cut: its connections are lost, without a farewell. Returns how many were."""
        port = self.ports[channel]
        there = [*port.queue, *filter(None, (port.connection,))]
        for connection in there:
            connection.abort()
        return len(there)

    def report_drained(self, channel: Channel, stream: int = 0) -> None:
        """Call ``drained`` of the handler if there is a console and nothing waits for it."""
        connection = self.ports[channel].connection
        if connection is not None and connection.is_drained:
            self.handler.drained(channel)

    def send(self, channel: Channel, raw: bytes, stream: int = 0) -> None:
        """Send one unit. On a channel without console it is counted as deleted."""
        port = self.ports[channel]
        if port.connection is None:
            port.delete(1, NO_CONSOLE)
        else:
            port.connection.send(raw)

    def gather(self) -> None:
        """What is sent from now on waits for :meth:`flush`, which is due before the event loop turns to others."""
        self.gathering = self.coalesce

    def flush(self) -> None:
        """Send what was gathered."""
        if self.gathering:
            self.gathering = False
            for port in self.ports.values():
                if port.connection is not None:
                    port.connection.flush()

    def delete_unsent(self, stream: int = 0) -> None:
        """Delete what waits on both channels (console time-out). A unit that is begun is finished."""
        self.flush()
        for port in self.ports.values():
            if port.connection is not None:
                port.connection.delete_unsent()

    def crowded(self, channel: Channel, patience: float, stream: int = 0) -> bool:
        """Whether little room is left for a console that still takes something within ``patience`` seconds."""
        connection = self.ports[channel].connection
        return connection is not None and connection.crowded(patience)

    def queues(self) -> dict[str, QueueDocument]:
        """What waits on both channels."""
        return {
            f"{port.channel}.{name}": row
            for port in self.ports.values()
            for name, row in _queues(port, self.most_unsent).items()
        }

    def channel_rows(self) -> list[ChannelDocument]:
        """The console channels, for the status of the mediator."""
        return [
            ChannelDocument(
                stream=0,
                channel=str(port.channel),
                address=port.address,
                peer=port.connection.peer if port.connection else None,
                counters=asdict(port.counters),
            )
            for port in self.ports.values()
        ]


def _queues(port: Port, most_unsent: int) -> dict[str, QueueDocument]:
    connection, counters = port.connection, port.counters
    found = {
        "unsent": QueueDocument(
            holds="octets",
            waiting=0 if connection is None else connection.waiting,
            oldest=0.0 if connection is None else connection.stalled,
            most=most_unsent,
            dropped=dict(port.deleted),
        ),
        "unacknowledged": QueueDocument(
            holds="octets",
            waiting=0 if connection is None else connection.unacknowledged,
            oldest=None,
            most=2 * KERNEL_LIMIT,
            dropped={"connection ended": counters.lost_units} if counters.lost_units else {},
        ),
    }
    if port.channel is Channel.KPD1:
        count, oldest = (0, 0.0) if connection is None else connection.received
        found["received"] = QueueDocument(holds="units", waiting=count, oldest=oldest, most=None, dropped={})
    return found


class _Connection(asyncio.Protocol):
    """One accepted connection (:data:`CONNECTION_TABLE`)."""

    def __init__(self, consoles: Consoles, port: Port) -> None:
        self._consoles = consoles
        self._handler = consoles.handler
        self._port = port
        self._counters = port.counters
        self._loop = asyncio.get_running_loop()
        self._framer = StreamFramer(Channel.COMMAND, consoles.options)
        self._inbox: deque[tuple[Unit | Broken, float]] = deque()
        self._outbox: deque[bytes] = deque()
        self._lengths: deque[int] = deque()
        self._remembered = 0
        self._waiting = 0  # octets in the outbox
        self._packet = PACKET
        self._took_at: float | None = None
        """When the console took something last; None: nothing waits for it."""
        self._written = 0
        """Octets that were sent, of which the console's end may not have acknowledged all."""
        self._taken = 0
        """Those that it had acknowledged when it was looked at last."""
        self._turn: asyncio.Handle | None = None
        self._going_on: asyncio.Handle | None = None
        self._unit_timer: asyncio.TimerHandle | None = None
        self._out: Passage[bytes] | None = None
        self._in: Passage[Unit | Broken | Noise] | None = None
        self._state = ConnectionState.NEW
        self._early = b""
        """What was read in the queue: uvloop reads at once what has come, whatever is paused while it connects."""
        self._early_end = False
        self._too_slow = False
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self.peer = ""

    # --- connecting and leaving

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # that of uvloop is none by its class
        name = transport.get_extra_info("peername")
        self.peer = _address(name) if name else "unknown"
        current = self._port.connection
        self._host = str(name[0]) if name else ""
        network = self._consoles.network
        if network is not None and network.is_cut(str(self._port.channel), pair=0):
            self._move(ConnectionInput.CUT)
        elif not self.is_allowed:
            self._move(ConnectionInput.REFUSED, "not in console.allow")
        elif current is None:
            self._move(ConnectionInput.FREE)
        elif self._port.has_room():
            # A console that comes back is seen before the end of its old connection is.
            self._move(ConnectionInput.ENDING)
            current.look_again()
        else:
            self._move(ConnectionInput.REFUSED, f"the port is in use by {current.peer}")

    def _move(self, cause: ConnectionInput, text: str = "") -> None:
        """Do what the table has. ``text``: why the connection is refused."""
        self._state, actions = CONNECTION_TABLE[self._state, cause]
        for action in actions:
            match action:
                case ConnectionAction.SERVE:
                    self._serve()
                case ConnectionAction.JOIN_QUEUE:
                    self._stand_in_line()
                case ConnectionAction.LEAVE_QUEUE:
                    self._port.queue.remove(self)
                case ConnectionAction.KEEP_END:
                    self._early_end = True
                case ConnectionAction.REFUSE:
                    self._refuse(text)
                case ConnectionAction.DROP:
                    self._transport.abort()
                case ConnectionAction.HANDLE_REST:
                    self._come_in(self._framer.flush())
                    if self._in is not None:  # before the end of the connection, as TCP delivers it
                        self._enqueue(self._in.take_all())
                    if self._turn is None:
                        self._take_turn()
                case ConnectionAction.CLOSE:
                    self._transport.close()
                case ConnectionAction.FINISH:
                    self._finish()

    def _stand_in_line(self) -> None:
        self._port.queue.append(self)
        # asyncio begins to read only after this call; in Python 3.11.2 (Debian 12) also what was paused in it.
        self._loop.call_soon(self._wait_in_line)

    def _wait_in_line(self) -> None:
        if self._state is ConnectionState.QUEUED:
            self._transport.pause_reading()

    def _refuse(self, reason: str) -> None:
        self._counters.refused += 1
        self._transport.abort()
        self._handler.connection_refused(self._port.channel, self.peer, reason)

    def _serve(self) -> None:
        # What waits, waits in the outbox: from there it can be deleted.
        self._transport.set_write_buffer_limits(high=0)
        opened = self._transport.get_extra_info("socket")
        _prepare_socket(opened)
        self._packet = min(PACKET, opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG))
        self._port.connection = self
        self._counters.connections += 1
        self._transport.resume_reading()
        if (network := self._consoles.network) is not None:
            link = str(self._port.channel)
            self._out, self._in = Passage(self._arrive_there), Passage(self._arrive_here)
            network.watch(self._out, link, "to-console", 0)
            network.watch(self._in, link, "from-console", 0)
        if (capture := self._consoles.capture) is not None:
            ends = (self._transport.get_extra_info(name)[:2] for name in ("sockname", "peername"))
            capture.opened(self, str(self._port.channel), *ends)
        self._handler.channel_opened(self._port.channel, self.peer)
        if self._early:
            early, self._early = self._early, b""
            self.data_received(early)
        if self._early_end:
            self._move(ConnectionInput.END)

    @property
    def hung_up(self) -> bool:
        """Whether the console has ended the connection, also when that was not read yet."""
        if self._state is ConnectionState.ENDED or self._transport.is_closing():
            return True
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLRDHUP)
        return bool(poll.poll(0))

    def connection_lost(self, exc: Exception | None) -> None:
        self._move(ConnectionInput.LOST)

    def _finish(self) -> None:
        self._port.connection = None
        self._port.delete(len(self._outbox), NOT_READ if self._too_slow else NO_CONSOLE)
        self._counters.lost_units += self._unacknowledged_units()
        if self._out is not None and self._in is not None:
            self._counters.lost_units += self._out.close()
            self._in.close()
        self._outbox.clear()
        self._inbox.clear()
        for timer in (self._turn, self._going_on, self._unit_timer):
            if timer is not None:
                timer.cancel()
        self.closed.set_result(None)
        if (capture := self._consoles.capture) is not None:
            capture.closed(self)
        self._handler.channel_closed(self._port.channel, self.peer)
        if self._port.queue:
            self._port.queue.popleft()._move(ConnectionInput.FREE)

    def eof_received(self) -> bool:
        self._move(ConnectionInput.END)
        return True  # closed when all that the console sent is handled

    def abort(self) -> None:
        """Drop the connection at once, and those that wait for its end."""
        for waiting in self._port.queue:
            waiting._transport.abort()
        self._transport.abort()

    @property
    def is_allowed(self) -> bool:
        """Whether its host is in ``console.allow``."""
        return bool(self._host) and allowed(self._host, self._consoles.allow)

    def leave(self) -> None:
        """Close after what is waiting to be sent; not waiting for a console that does not read."""
        if self._writing_paused or self._port.queue:
            self.abort()
        else:
            self._transport.close()

    # --- receiving

    def data_received(self, data: bytes) -> None:
        if self._state is ConnectionState.QUEUED:
            self._early += data
            self._transport.pause_reading()
        if self._state is not ConnectionState.SERVED:
            return
        self._counters.octets_received += len(data)
        if (capture := self._consoles.capture) is not None:
            capture.crossed(self, data, sent=False)
        if self._port.channel is Channel.KPD2:
            self._counters.noise_octets += len(data)  # KPD2 has one direction (order 268, 10.1)
            return
        began_before = self._framer.pending > 0
        items = self._framer.feed(data)
        self._come_in(items)
        self._watch_unfinished(restart=bool(items) or not began_before)
        if self._turn is None:
            self._take_turn()

    def _come_in(self, items: list[Unit | Broken | Noise]) -> None:
        """What was read crosses the network, which may have a fault."""
        if self._in is None or self._in.idle:
            self._enqueue(items)
        else:
            for item in items:
                self._in.cross(item)

    def _enqueue(self, items: list[Unit | Broken | Noise]) -> None:
        arrived = self._loop.time()
        for item in items:
            if isinstance(item, Noise):
                self._counters.noise_octets += item.length
            else:
                self._inbox.append((item, arrived))

    def _arrive_here(self, item: Unit | Broken | Noise) -> None:
        """What a fault of the network has let through, late perhaps."""
        if self._state in (ConnectionState.SERVED, ConnectionState.ENDED):
            self._enqueue([item])
            if self._turn is None:
                self._turn = self._loop.call_soon(self._take_turn)

    def _watch_unfinished(self, *, restart: bool) -> None:
        if self._unit_timer is not None and (restart or not self._framer.pending):
            self._unit_timer.cancel()
            self._unit_timer = None
        if self._framer.pending and self._unit_timer is None:
            self._unit_timer = self._loop.call_later(self._consoles.unit_timeout, self._unit_timed_out)

    def _unit_timed_out(self) -> None:
        self._unit_timer = None
        if not self._transport.is_reading():  # what it misses may be here already
            self._watch_unfinished(restart=False)
            return
        self._come_in(self._framer.flush())
        if self._turn is None:
            self._take_turn()

    def look_again(self) -> None:
        """Of a connection that the console has ended, which may be unread: whether it can be closed now."""
        if (self._state is ConnectionState.ENDED or self._port.queue) and self._turn is None:
            self._turn = self._loop.call_soon(self._take_turn)

    def _take_turn(self) -> None:
        """Handle some of the inbox; the rest after the others had their turn."""
        self._turn = None
        for _ in range(UNITS_A_TURN):
            if not self._inbox or self._waiting > SOFT_LIMIT or self._transport.is_closing():
                break
            item, arrived = self._inbox.popleft()
            if isinstance(item, Unit):
                self._counters.units_received += 1
                self._handler.unit_received(item.raw, arrived)
            else:
                self._counters.broken += 1
                self._handler.unit_broken(item, arrived)
        self._pace()

    def _pace(self) -> None:
        if self._transport.is_closing():
            return
        if self._inbox or self._waiting > SOFT_LIMIT or self._in_is_full:
            self._transport.pause_reading()
            if self._inbox and self._waiting <= SOFT_LIMIT and self._turn is None:
                self._turn = self._loop.call_soon(self._take_turn)
        elif self._state is ConnectionState.ENDED:
            # Each answer looks again. A console that is back already does not wait for its old answers.
            under_way = self._out is not None and self._out.held
            if self._port.queue or not (under_way or self._handler.owes(self._port.channel)):
                self._move(ConnectionInput.HANDLED)
        else:
            self._transport.resume_reading()

    @property
    def _in_is_full(self) -> bool:
        """Whether the network holds back all that it takes. A console that is back already does not wait for that."""
        return (
            self._state is ConnectionState.SERVED
            and not self._port.queue
            and self._in is not None
            and self._in.held >= HELD_BACK
        )

    # --- sending

    def send(self, raw: bytes) -> None:
        if self._transport.is_closing():
            self._port.delete(1, NOT_READ if self._too_slow else NO_CONSOLE)
            return
        gathering = self._consoles.gathering
        if gathering and self._waiting + len(raw) > self._packet:
            self.flush()  # a packet is full
        self._outbox.append(raw)
        self._waiting += len(raw)
        if not gathering:
            self.flush()

    def flush(self) -> None:
        """Send what waits, as far as the kernel takes it."""
        if not self._outbox or self._transport.is_closing():
            return  # what waits at a closed connection is deleted, and counted, at its end
        self._flush()
        if self._outbox and self._took_at is None:
            self._begin_to_wait()
        self.look_again()
        if self._waiting > self._consoles.most_unsent:
            self._counters.not_reading += 1
            self._too_slow = True
            log.warning(
                "%s: %s does not read: connection dropped, since more than %d octets wait (console.most_unsent)",
                self._port.channel,
                self.peer,
                self._consoles.most_unsent,
            )
            self._transport.abort()

    def _flush(self) -> None:
        outbox, counters = self._outbox, self._counters
        while outbox and not self._writing_paused:
            raw, units = outbox.popleft(), 1
            through = self._out is None or self._out.idle
            if through:
                self._remember(len(raw))
                if outbox and self._consoles.coalesce:
                    units, raw = self._with_following(raw)
            self._waiting -= len(raw)
            counters.units_sent += units
            counters.octets_sent += len(raw)
            if through:
                self._transport.write(raw)
            else:
                assert self._out is not None
                self._out.cross(raw)  # each by itself: what a fault does, it does to units
            if (capture := self._consoles.capture) is not None:
                capture.crossed(self, raw, sent=True)

    def _with_following(self, raw: bytes) -> tuple[int, bytes]:
        """A unit and those behind it that fit into the same packet: how many, and their octets."""
        outbox, units, room = self._outbox, [raw], self._packet - len(raw)
        while outbox and len(outbox[0]) <= room:
            units.append(outbox.popleft())
            room -= len(units[-1])
            self._remember(len(units[-1]))
        return len(units), b"".join(units)

    def _arrive_there(self, raw: bytes) -> None:
        """What a fault of the network has let through, late perhaps."""
        if not self._transport.is_closing():
            self._remember(len(raw))
            self._transport.write(raw)
            self.look_again()
            if not self._out_is_full and self._going_on is None:
                # Not from within the flush that this may come from. Also with an empty outbox: who has more to send
                # waits to be told.
                self._going_on = self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        """The network takes units again."""
        self._going_on = None
        if not self._transport.is_closing():
            self.resume_writing()

    @property
    def _out_is_full(self) -> bool:
        """Whether the network holds back all that it takes."""
        return self._out is not None and self._out.held >= HELD_BACK

    def _remember(self, length: int) -> None:
        """Keep the lengths of the units that may not be acknowledged yet."""
        self._written += length
        self._lengths.append(length)
        self._remembered += length
        while self._remembered - self._lengths[0] > REMEMBERED:
            self._remembered -= self._lengths.popleft()

    @property
    def waiting(self) -> int:
        """Octets that wait here, where they can be deleted."""
        return self._waiting

    @property
    def stalled(self) -> float:
        """Seconds since the console took something last; 0: nothing waits for it."""
        if self._took_at is None:
            return 0.0
        if self._written - self.unacknowledged != self._taken:
            # Linux calls a connection writable only when a third of its buffer is free: a slow console takes long.
            self._begin_to_wait()
        assert self._took_at is not None
        return self._loop.time() - self._took_at

    def _begin_to_wait(self) -> None:
        """The console has taken something, and more waits for it."""
        self._took_at, self._taken = self._loop.time(), self._written - self.unacknowledged

    @property
    def received(self) -> tuple[int, float]:
        """Units that were read and are not handled yet, and the seconds that the first of them waits."""
        return len(self._inbox), self._loop.time() - self._inbox[0][1] if self._inbox else 0.0

    def crowded(self, patience: float) -> bool:
        """See :meth:`Consoles.crowded`."""
        return 4 * self._waiting > 3 * self._consoles.most_unsent and self.stalled < patience

    @property
    def unacknowledged(self) -> int:
        """Octets that were sent and that the console's end has not acknowledged."""
        opened = self._transport.get_extra_info("socket")
        try:
            answer = fcntl.ioctl(opened.fileno(), termios.TIOCOUTQ, b"\0" * 4)
        except OSError:  # closed already: nothing can be counted
            return 0
        in_kernel: int = struct.unpack("i", answer)[0]
        return in_kernel + self._transport.get_write_buffer_size()

    def _unacknowledged_units(self) -> int:
        """Units of which the console's end has not acknowledged every octet."""
        left = self.unacknowledged
        units = 0
        while left > 0 and self._lengths:
            left -= self._lengths.pop()
            units += 1
        return units

    def delete_unsent(self) -> None:
        self._port.delete(len(self._outbox), SILENCED)
        self._outbox.clear()
        self._waiting, self._took_at = 0, None
        self._pace()

    @property
    def _writing_paused(self) -> bool:
        """Whether the kernel has not taken all that was written: the transport holds the rest. A network with a fault
        that holds units back takes no more of them than the kernel would."""
        return self._transport.get_write_buffer_size() > 0 or self._out_is_full

    def resume_writing(self) -> None:
        self._flush()
        self._took_at = None
        if self._outbox:
            self._begin_to_wait()
        self._pace()
        if self.is_drained:
            self._handler.drained(self._port.channel)

    @property
    def is_drained(self) -> bool:
        """Whether nothing waits to be sent."""
        return not (self._writing_paused or self._outbox)


def allowed(host: str, networks: Iterable[str]) -> bool:
    """Whether a host's address is in one of the networks (``console.allow``)."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in ipaddress.ip_network(network) for network in networks)


def _address(name: tuple[str, int] | tuple[str, int, int, int]) -> str:
    host, port = name[:2]
    return host_port(host, port)


def _prepare_socket(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_LIMIT)
    # A console that lost its power must not hold the port against its own return.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE:
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
