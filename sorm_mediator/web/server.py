"""uvicorn in the event loop of the boxes: started and stopped with them, and leaving the signals to them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from sorm_mediator.errors import cannot_listen
from sorm_mediator.web.sse import Watchers

_GRACE = 2
"""Seconds that a request under way may take when the server stops."""
MOST_CONNECTIONS = 256
"""Clients at a time; more are dropped: the files they would hold open are needed by consoles and journal."""
_LISTEN_BACKLOG = 128
"""Connections that the kernel holds until they are accepted."""
FIRST_REQUEST = 10.0
"""Seconds within which a client has to have asked for something."""


class _Http(H11Protocol):
    """A client's connection. One that asks for nothing, or never ends its question, is not waited for."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
        else:
            self._patience = self.loop.call_later(FIRST_REQUEST, self._lose_patience)

    def connection_lost(self, exc: Exception | None) -> None:
        if hasattr(self, "_patience"):
            self._patience.cancel()
        super().connection_lost(exc)

    def _lose_patience(self) -> None:
        if self.cycle is None:  # no request was read to the end of its headers
            self.transport.abort()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The process has its own handlers: a web server inside it must not replace them."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


class WebServer:
    """Serves ``app`` on ``host`` and ``port`` (0: any free one)."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        self._app = app
        self._host = host
        self._port = port
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> tuple[str, int]:
        """Listen; returns host and port. Raises :class:`~sorm_mediator.errors.BoxError`."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            family, kind, protocol, _, address = found[0]
            listener = socket.socket(family, kind, protocol)
            try:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(address)
                # Connections made from the ready line on must be taken, whatever uvicorn is still doing.
                listener.listen(_LISTEN_BACKLOG)
                listener.setblocking(False)
            except BaseException:
                listener.close()
                raise
        except OSError as error:
            raise cannot_listen("web.port", self._host, self._port, error) from error
        config = uvicorn.Config(
            self._app,
            http=_Http,
            log_config=None,
            access_log=False,
            lifespan="off",
            # asyncio accepts as many connections at a time as the queue is told to hold, and tries as often again, with
            # a timer each, when no descriptor is left: with one it tries once a second.
            backlog=1,
            timeout_graceful_shutdown=_GRACE,
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]), name="web")
        await self._server.ready.wait()
        listener.listen(_LISTEN_BACKLOG)
        host, port = listener.getsockname()[:2]
        return host, port

    async def stop(self) -> None:
        """Stop listening. Requests under way are answered; watchers of events are let go."""
        if self._server is None or self._task is None:
            return
        watchers: Watchers = self._app.state.watchers
        watchers.close()
        self._server.should_exit = True
        await self._task
        self._server = self._task = None
