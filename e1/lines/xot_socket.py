"""XOT on asyncio: a client that keeps its circuit connected, a server of several circuits on one port."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from e1.data_link import ChannelEvent
from e1.lines.xot import Close, Write, XotEffect, XotEnd, XotError, XotFramer, not_for_us

_FIRST_PACKET = 30.0
"""Seconds that a connection to a server may be silent before it says what it is for."""

OnEvent = Callable[[XotEnd, ChannelEvent], None]


class XotLink(asyncio.Protocol):
    """One connection and the end that it carries, which a server finds out by the first packet."""

    def __init__(self, end: XotEnd | None, on_event: OnEvent, ends: Sequence[XotEnd] = ()) -> None:
        self.end = end
        self._ends = ends
        self._on_event = on_event
        self._first = b""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.retry = end.config.reconnect if end else 0.0
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: connected."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self.end is not None:
            self._do(self.end.connection_made(self._now()))
        else:
            self._timer = asyncio.get_running_loop().call_later(_FIRST_PACKET, transport.close)

    def data_received(self, data: bytes) -> None:
        """asyncio: octets."""
        if self.end is None:
            data = self._first = self._first + data
            self.end = self._choose()
            if self.end is None:
                return
            self._do(self.end.connection_made(self._now()))
        self._do(self.end.received(data, self._now()))

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
        self._transport = None
        if self.end is not None:
            reason = f"the TCP connection is gone: {exc}" if exc else "the TCP connection was closed"
            self._do(self.end.connection_lost(reason, self._now()))
        self.closed.set()

    def send(self, message: bytes) -> None:
        """Sends a message on the end of this connection."""
        assert self.end is not None
        self._do(self.end.send(message, self._now()))

    def clear(self) -> None:
        """Ends the call of this connection."""
        assert self.end is not None
        self._do(self.end.clear(self._now()))

    def close(self) -> None:
        """Closes the connection."""
        if self._transport is not None:
            self._transport.close()

    def _choose(self) -> XotEnd | None:
        """The end that the first packet is for; refuses it and closes if there is none."""
        assert self._transport is not None
        try:
            packets = XotFramer().feed(self._first)
        except XotError:
            self._transport.close()
            return None
        if not packets:
            return None
        statuses = [(end.accepts(packets[0]), end) for end in self._ends if not end.connected]
        for status, end in statuses:
            if status == 0:
                return end
        why = max((status for status, _ in statuses if status is not None), default=None)
        self._transport.write(not_for_us(packets[0], why))
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
                self.close()
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
    """Keeps a circuit connected to ``host``, ``port``; messages sent while it isn't wait."""

    def __init__(self, end: XotEnd, host: str, port: int, on_event: OnEvent) -> None:
        self.end = end
        self._host, self._port = host, port
        self._on_event = on_event
        self._link: XotLink | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to connect."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Closes the connection and opens no other."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._link is not None:
            self._link.close()
            await self._link.closed.wait()

    def send(self, message: bytes) -> None:
        """Sends a message, or keeps it until the circuit is up. :class:`ValueError` for an empty one."""
        if self._link is not None:
            self._link.send(message)
        else:
            for effect in self.end.send(message, asyncio.get_running_loop().time()):
                if not isinstance(effect, Write | Close):
                    self._on_event(self.end, effect)

    def clear(self) -> None:
        """Ends the call; the client connects and calls again after ``reconnect``."""
        if self._link is not None:
            self._link.clear()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            retry = self.end.config.reconnect
            try:
                _, self._link = await loop.create_connection(
                    lambda: XotLink(self.end, self._on_event), self._host, self._port
                )
            except OSError:
                self._link = None
            if self._link is not None:
                await self._link.closed.wait()
                retry, self._link = self._link.retry, None
            await asyncio.sleep(retry)


class XotServer:
    """Listens for the connections of ``ends``: each is for one of them, by PVC Setup or by the number called."""

    def __init__(self, ends: Sequence[XotEnd], host: str, port: int, on_event: OnEvent) -> None:
        self._ends = ends
        self._host, self._port = host, port
        self._on_event = on_event
        self._links: set[XotLink] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> tuple[str, int]:
        """Listens; the address. :class:`OSError` when it is taken."""
        self._server = await asyncio.get_running_loop().create_server(self._link, self._host, self._port)
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    async def stop(self) -> None:
        """Closes everything."""
        if self._server is not None:
            self._server.close()
        for link in list(self._links):
            link.close()
        await asyncio.gather(*(link.closed.wait() for link in self._links))

    def send(self, end: XotEnd, message: bytes) -> None:
        """Sends a message on the circuit of ``end``, or keeps it until it is connected."""
        for link in self._links:
            if link.end is end and end.connected:
                link.send(message)
                return
        for effect in end.send(message, asyncio.get_running_loop().time()):
            if not isinstance(effect, Write | Close):
                self._on_event(end, effect)

    def _link(self) -> XotLink:
        self._links = {link for link in self._links if not link.closed.is_set()}
        link = XotLink(None, self._on_event, self._ends)
        self._links.add(link)
        return link
