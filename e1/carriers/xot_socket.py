"""XOT on asyncio: a client that keeps its circuit connected, a server of several circuits on one port."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from typing import cast

from e1.carriers.carrier import Address, host_port
from e1.carriers.xot import Close, PvcStatus, Write, XotEffect, XotEnd, XotError, XotFramer, not_for_us
from e1.events import ChannelAlarm, ChannelEvent

log = logging.getLogger(__name__)

_FIRST_PACKET = 30.0
"""The most seconds until the first packet of a connection to a server."""
MOST_SILENT = 128
"""The most connections without a first packet at a time. For one more the oldest goes of the host that has the most."""
_MOST_STRANGERS = 16
"""The most addresses kept until :meth:`XotServer.take_strangers`."""
_KEEPALIVE = (
    ("TCP_KEEPIDLE", 10),
    ("TCP_KEEPINTVL", 5),
    ("TCP_KEEPCNT", 3),
    ("TCP_USER_TIMEOUT", 30_000),  # milliseconds that sent octets may stay unacknowledged
)
CLOSED = "the peer closed the TCP connection"
"""Reason of a circuit's end that is neither a failure nor an action of this side."""
LISTEN_BACKLOG = 100
"""Connections that the kernel holds until they are accepted."""
OnEvent = Callable[[XotEnd, ChannelEvent], None]


class XotLink(asyncio.Protocol):
    """One connection (an asyncio protocol) and the end that it carries. A server chooses it by the first packet."""

    def __init__(self, end: XotEnd | None, on_event: OnEvent, server: XotServer | None = None) -> None:
        self.end = end
        self._server = server
        self._on_event = on_event
        self._first = b""
        self._lost = False
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.retry = end.config.reconnect if end else 0.0
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # that of uvloop is none by its class
        if self._server is not None and not self._server.admits(self):
            self._transport.abort()
            return
        _watch(transport.get_extra_info("socket"))
        if self.end is not None:
            self._do(self.end.connection_made(self._now()))
        else:
            self._timer = asyncio.get_running_loop().call_later(_FIRST_PACKET, transport.close)

    def data_received(self, data: bytes) -> None:
        if self.end is None:
            data = self._first = self._first + data
            self.end = self._choose()
            if self.end is None:
                return
            self._do(self.end.connection_made(self._now()))
        self._do(self.end.received(data, self._now()))

    def pause_writing(self) -> None:
        """The peer does not read, so this end stops reading."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The peer has read the waiting octets."""
        if self._transport is not None:
            self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone(f"the TCP connection is gone: {exc}" if exc else CLOSED)
        self.closed.set()

    def _gone(self, reason: str) -> None:
        """The connection sends no more. This is reported once."""
        if self._timer is not None:
            self._timer.cancel()
        reported, self._transport = self._lost, None
        self._lost = True
        if self.end is not None and not reported:
            self._do(self.end.connection_lost(reason, self._now()))

    def send(self, message: bytes) -> None:
        """Send a message on the end of this connection."""
        assert self.end is not None
        self._do(self.end.send(message, self._now()))

    def busy(self, on: bool) -> None:
        """Ask the peer to send no more messages for now (RNR), or to go on (RR)."""
        if self.end is not None:
            self._do(self.end.busy(on, self._now()))

    def close(self, why: str = "closed by this side") -> None:
        """Close the connection after all octets are sent. Messages sent from now on wait for the next one."""
        if self._transport is not None:
            self._transport.close()
            self._gone(why)

    def abort(self, why: str) -> None:
        """As :meth:`close`, but breaks the connection like a failure: the peer receives no orderly end."""
        if self._transport is not None:
            # a reset in place of the orderly end that the system sends
            linger = struct.pack("ii", 1, 0)
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self._transport.abort()
            self._gone(why)

    def addresses(self) -> tuple[Address, Address] | None:
        """Our address and the peer's, while the connection is open."""
        if self._transport is None:
            return None
        own, peer = (self._transport.get_extra_info(name) for name in ("sockname", "peername"))
        return own[:2], peer[:2]

    def _choose(self) -> XotEnd | None:
        """The end that the first packet is for. Refuses the packet and closes if there is none.

        A connection for an end that is taken, or accepts none, is broken without an answer. A peer does not soon
        repeat the request for a refused PVC, and the present connection may belong to a console after a power cut.
        """
        assert self._transport is not None
        assert self._server is not None
        try:
            packet = next(XotFramer().feed(self._first), None)
        except XotError:
            self._transport.close()
            return None
        if packet is None:
            return None
        statuses = [(end.accepts(packet), end) for end in self._server.ends]
        fitting = [end for status, end in statuses if status == PvcStatus.WAITING]
        free = [end for end in fitting if not end.connected]
        if wanted := [end for end in free if end.wanted]:
            return wanted[0]
        if not free:
            self._server.refuse(self)
        if fitting:
            self._transport.abort()
            return None
        why = max((status for status, _ in statuses if status is not None), default=None)
        self._transport.write(not_for_us(packet, why))
        self._transport.close()
        return None

    def _do(self, effects: list[XotEffect]) -> None:
        assert self.end is not None
        for effect in effects:
            if isinstance(effect, Write):
                if self._transport is not None:
                    self._transport.write(effect.data)
            elif isinstance(effect, Close):
                self.retry = effect.retry
                self.close(effect.reason)
            else:
                self._on_event(self.end, effect)
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        assert self.end is not None
        deadline = self.end.next_deadline()
        if deadline is not None and self._transport is not None:
            self._timer = asyncio.get_running_loop().call_at(deadline, self._expired)

    def _expired(self) -> None:
        assert self.end is not None
        self._do(self.end.tick(self._now()))

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


class XotClient:
    """Keeps a circuit connected to ``host``, ``port``. Messages sent while it is not connected wait."""

    def __init__(self, end: XotEnd, host: str, port: int, on_event: OnEvent) -> None:
        self.end = end
        self._host, self._port = host, port
        self._on_event = on_event
        self.connections = 0
        """Times that it was connected."""
        self.link: XotLink | None = None
        """The connection, while there is one."""
        self._task: asyncio.Task[None] | None = None
        self._complaint = ""

    def start(self) -> None:
        """Begin to connect. A second call does nothing."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def close(self) -> None:
        """Begin to close the connection. The client opens no other until the next :meth:`start`."""
        self._cancel()
        if self.link is not None:
            self.link.close()

    def abort(self, why: str) -> None:
        """Break the connection. The client opens no other until the next :meth:`start`."""
        self._cancel()
        if self.link is not None:
            self.link.abort(why)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def stop(self) -> None:
        """Close the connection and open no other."""
        task = self._task
        self.close()
        if task is not None:
            await asyncio.gather(task, return_exceptions=True)
        if self.link is not None:
            await self.link.closed.wait()

    def send(self, message: bytes) -> None:
        """Send a message, or keep it until the circuit is up. Raises :class:`ValueError` for an empty one."""
        if self.link is not None:
            self.link.send(message)
        else:
            _send_later(self.end, message, self._on_event)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if self.link is not None:  # closed a moment ago, and started again
                await self.link.closed.wait()
            link = self.link = XotLink(self.end, self._on_event)
            try:
                await loop.create_connection(lambda link=link: link, self._host, self._port)  # type: ignore[misc]
            except OSError as error:
                link.closed.set()
                where = host_port((self._host, self._port))
                self._complain(f"{where} can't be reached: {error.strerror or error}")
            except asyncio.CancelledError:
                if link.addresses() is None:
                    link.closed.set()
                raise
            else:
                self.connections, self._complaint = self.connections + 1, ""
                await link.closed.wait()
            self.link = None
            await asyncio.sleep(link.retry)

    def _complain(self, text: str) -> None:
        """Report a repeated failure once."""
        if text != self._complaint:
            self._complaint = text
            self._on_event(self.end, ChannelAlarm("xot", text))


class XotServer:
    """Listens for the connections of ``ends``: each is for one of them, by PVC Setup or by the number called.

    ``allows``: whether a host may connect.
    """

    def __init__(
        self,
        ends: Sequence[XotEnd],
        host: str,
        port: int,
        on_event: OnEvent,
        *,
        allows: Callable[[str], bool] = lambda host: True,
    ) -> None:
        self.connections = 0
        """Connections that were made."""
        self.dropped = 0
        """Connections dropped without a first packet, because there were too many."""
        self.strangers = 0
        """Refused connections: of hosts that may not connect, for no circuit here, or for a connected one."""
        self.ends = ends
        self._allows = allows
        self._new_strangers: list[Address] = []
        self._host, self._port = host, port
        self._on_event = on_event
        self._links: dict[XotLink, None] = {}
        """The oldest first."""
        self._server: asyncio.Server | None = None

    async def start(self) -> tuple[str, int]:
        """Listens; returns the address. Raises :class:`OSError` when the address is taken."""
        # One at a time: without free descriptors asyncio starts a retry timer for each connection it tries to accept.
        self._server = await asyncio.get_running_loop().create_server(
            self._new_link, self._host, self._port, backlog=1
        )
        if not self._server.sockets:  # asyncio passes over those that can't be made
            raise OSError(
                "no socket can be made for it: no such address family, or no free descriptors (ulimit -n)"
            )
        for listener in self._server.sockets:
            with listener.dup() as shared:
                shared.listen(LISTEN_BACKLOG)
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    def close(self) -> None:
        """Begin to close everything."""
        if self._server is not None:
            self._server.close()
        for link in list(self._links):
            link.close()

    async def stop(self) -> None:
        """Close everything."""
        self.close()
        await asyncio.gather(*(link.closed.wait() for link in self._links))

    def admits(self, link: XotLink) -> bool:
        """Whether a new connection may stay until its first packet."""
        self.connections += 1
        addresses = link.addresses()
        if addresses is None or not self._allows(addresses[1][0]):
            self.refuse(link)
            return False
        silent = [each for each in self._links if each.end is None and each.addresses() is not None]
        if len(silent) > MOST_SILENT:
            self._drop_silent(silent)
        return True

    def _drop_silent(self, silent: list[XotLink]) -> None:
        """A host that connects and sends nothing must not keep the console out."""
        hosts = Counter(_host(each) for each in silent)
        ((most, _),) = hosts.most_common(1)
        victim = next(each for each in silent if _host(each) == most)
        self.dropped += 1
        if self.dropped & (self.dropped - 1) == 0:
            log.warning(
                "xot: %s has sent no packet, like %d others: its connection is dropped (%d so far)",
                most,
                MOST_SILENT,
                self.dropped,
            )
        victim.abort("no first packet came")

    def refuse(self, link: XotLink) -> None:
        """Count and record a refused connection."""
        self.strangers += 1
        addresses = link.addresses()
        if addresses is not None and len(self._new_strangers) < _MOST_STRANGERS:
            self._new_strangers.append(addresses[1])

    def take_strangers(self) -> list[Address]:
        """The addresses refused since the last call."""
        new, self._new_strangers = self._new_strangers, []
        return new

    def link(self, end: XotEnd) -> XotLink | None:
        """The connection that carries ``end``, while there is one."""
        return next((link for link in self._links if link.end is end and link.addresses()), None)

    def send(self, end: XotEnd, message: bytes) -> None:
        """Send a message on the circuit of ``end``, or keep it until it is connected."""
        link = self.link(end)
        if link is not None:
            link.send(message)
        else:
            _send_later(end, message, self._on_event)

    def _new_link(self) -> XotLink:
        self._links = {link: None for link in self._links if not link.closed.is_set()}
        link = XotLink(None, self._on_event, self)
        self._links[link] = None
        return link


def _host(link: XotLink) -> str:
    addresses = link.addresses()
    return "" if addresses is None else addresses[1][0]


def _send_later(end: XotEnd, message: bytes, on_event: OnEvent) -> None:
    """Send a message without a connection, so that it waits for one."""
    for effect in end.send(message, asyncio.get_running_loop().time()):
        if not isinstance(effect, Write | Close):
            on_event(end, effect)


def _watch(connection: socket.socket) -> None:
    """A peer whose power was cut must not hold the circuit against its own return."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE:
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
