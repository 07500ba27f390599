"""The HTTP server, which runs in the event loop of the boxes: uvicorn, who may ask, and the streams of events.

* :class:`WebServer` starts and stops with the boxes and leaves the signals to them.
* :class:`Guard` checks token or session and, on loopback, that the client addresses loopback by its name.
* :class:`Watchers` are the open streams of events.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import socket
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

import h11
import uvicorn
from fastapi import FastAPI
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from radius.sink import worth_a_line
from sorm_mediator.config import WebConfig, is_loopback
from sorm_mediator.errors import cannot_listen
from sorm_mediator.mediator.binding.feed import EventFeed, Subscription
from sorm_mediator.web.access import Access, cookie_name

log = logging.getLogger(__name__)

SETTLE = 0.3
"""Seconds at the least between two notices to a page that something has changed."""
_GRACE = 2
"""Seconds that a request under way may take when the server stops."""
_LISTEN_BACKLOG = 128
"""Connections that the kernel holds until they are accepted."""
MOST_BODY = 64 * 1024
"""Octets of the body of a request."""
HEARTBEAT = 15.0
"""Seconds of silence after which a watcher is sent a comment, so that one that vanished is noticed."""


_KEYS = {
    "connections_dropped": "more clients than web.connections",
    "slow_requests": "its request took longer than web.request_timeout",
    "answers_not_read": "it left an answer unread for longer than web.send_timeout",
}
"""Why a client is dropped, by counter, with the key that raises the limit."""


class _Http(H11Protocol):
    """A client's connection. One that asks slowly, or does not read its answer, is not waited for.

    When there are too many, the one goes that has been asking for the longest, or has had nothing to ask, of the
    address that has the most of those: who asks and reads is served, independently of the others.
    """

    limits: ClassVar[WebConfig]
    counters: ClassVar[Counter[str]]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._asking: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._waited_for: float | None = None
        """Since when the client has been waited for; None while it is served."""
        self._wait_for_request()
        if len(self.connections) > self.limits.connections:
            waited = [one for one in self.connections if isinstance(one, _Http)]
            by_time = [(one._waited_for, one) for one in waited if one._waited_for is not None]
            ((most, _),) = Counter(one.address for _, one in by_time).most_common(1)
            its = [pair for pair in by_time if pair[1].address == most]
            min(its, key=lambda pair: pair[0])[1]._drop("connections_dropped")

    @property
    def address(self) -> str:
        """The address of the client."""
        return str(self.client[0]) if self.client else ""

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop(self._asking)
        self._stop(self._unread)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch_request()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._waited_for = self.loop.time()
        self._watch_request()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stop(self._unread)
        self._unread = self.loop.call_later(self.limits.send_timeout, self._drop, "answers_not_read")

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop(self._unread)
        self._unread = None

    def _watch_request(self) -> None:
        """Whether the client has begun a request and not ended it."""
        state = self.conn.their_state
        if state is h11.SEND_BODY or (state is h11.IDLE and self.conn.trailing_data[0]):
            if self._asking is None:
                self._wait_for_request()
        elif self.cycle is not None:
            self._stop(self._asking)
            self._asking = None
            if not self.cycle.response_complete:
                self._waited_for = None

    def _wait_for_request(self) -> None:
        self._waited_for = self.loop.time()
        self._asking = self.loop.call_later(self.limits.request_timeout, self._drop, "slow_requests")

    def _drop(self, why: str) -> None:
        self.counters[why] += 1
        if worth_a_line(count := self.counters[why]):
            key = _KEYS[why]
            log.warning("web: %s dropped: %s (%d so far)", self.address or "a client", key, count)
        self.transport.abort()

    @staticmethod
    def _stop(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()


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
    """Serves ``app`` on ``host`` and ``port`` (0: any free one), within ``limits``.

    What was dropped is counted in ``app.state.web_counters``.
    """

    def __init__(
        self, app: FastAPI, host: str, port: int, limits: WebConfig | None = None, key: str = "web.port"
    ) -> None:
        """``key``: that of the port, for errors."""
        self._key = key
        self._limits = WebConfig() if limits is None else limits
        app.state.watchers.most = self._limits.watchers
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
                # Connections made from the ready line on must be taken, also while uvicorn is still starting.
                listener.listen(_LISTEN_BACKLOG)
                listener.setblocking(False)
            except BaseException:
                listener.close()
                raise
        except OSError as error:
            raise cannot_listen(self._key, self._host, self._port, error) from error
        config = uvicorn.Config(
            self._app,
            http=type("_Http", (_Http,), {"limits": self._limits, "counters": self._app.state.web_counters}),
            ws="none",  # a connection that became a WebSocket would be counted no more
            log_config=None,
            access_log=False,
            lifespan="off",
            # asyncio accepts as many connections at a time as the queue is told to hold, and tries as often again, with
            # a timer each, when no descriptor is left: with one it tries once a second.
            backlog=1,
            timeout_graceful_shutdown=_GRACE,
        )
        self._server = server = _Server(config)
        self._app.state.connections = lambda: len(server.server_state.connections)
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


LOG_IN = "/pages/log-in"
"""Where a browser without a session is sent."""
_OPEN = (LOG_IN, "/pages/static/")
"""What is served without token and session: the page that asks for the token, and how it looks."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not passed on: the status, the text for people, and further headers."""

    status: int
    text: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Guard:
    """ASGI middleware around the whole application.

    A page of some web site in a browser on this machine can reach a server on loopback: by a name of its own that
    resolves to 127.0.0.1, or by a plain cross-site form. So on loopback ``Host`` must name loopback, and an
    ``Origin``, where there is one, must be the server itself. A browser also tells whether a page of another site asks
    (``Sec-Fetch-Site``, Fetch Metadata Request Headers, W3C): that may open a page here, and nothing else.

    Every answer forbids that it is shown in a frame, and that its type is guessed.

    The token comes as ``Authorization: Bearer TOKEN``; a browser has a session in its place, begun at :data:`LOG_IN`.
    After three wrong tokens an address waits. No token of it is looked at until then, unless it had the right one
    before (:meth:`Waits.looked_at`); its sessions go on.

    No request needs a large body, so none is read: its length must be given beforehand and be at most ``MOST_BODY``.
    """

    def __init__(self, app: ASGIApp, access: Access, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._access = access
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        safe = _with_headers(send)
        refusal = self._verdict(scope)
        session = session_of(scope)
        if refusal is not None:
            await _refuse(safe, refusal)
        elif self._access.holds(session):
            await self._in_session(session, scope, receive, safe)
        else:
            await self._app(scope, receive, safe)

    async def _in_session(self, session: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a browser that has logged in: its streams end when it logs out."""
        ended = asyncio.Event()
        under_way = False

        async def sent(message: Message) -> None:
            nonlocal under_way
            under_way = message["type"] == "http.response.start" or bool(message.get("more_body"))
            await send(message)

        async def received() -> Message:
            asking, ending = asyncio.ensure_future(receive()), asyncio.ensure_future(ended.wait())
            try:
                await asyncio.wait((asking, ending), return_when=asyncio.FIRST_COMPLETED)
                return asking.result() if asking.done() else {"type": "http.disconnect"}
            finally:
                asking.cancel()
                ending.cancel()

        with self._access.until_end(session, ended.set):
            await self._app(scope, received, sent)
        if under_way and ended.is_set():
            await send({"type": "http.response.body", "body": b""})

    def _verdict(self, scope: Scope) -> Refusal | None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        server = scope.get("server")
        if server and is_loopback(server[0]) and not is_loopback(_name(host)):
            return Refusal(400, f"Host {host!r} is not allowed: localhost, 127.0.0.1 or [::1]")
        origin = headers.get(b"origin")
        if origin is not None and _site(origin.decode("latin-1")) != host:
            return Refusal(403, "Origin is another site")
        if headers.get(b"sec-fetch-site") == b"cross-site" and not (
            # Somebody follows a link to a page here.
            scope.get("method") in ("GET", "HEAD")
            and headers.get(b"sec-fetch-mode") == b"navigate"
            and headers.get(b"sec-fetch-dest") == b"document"
        ):
            return Refusal(403, "a page of another site asks for this")
        if self._access.required and not str(scope.get("path", "")).startswith(_OPEN):
            refusal = self._who(scope, headers)
            if refusal is not None:
                return refusal
        if b"transfer-encoding" in headers:
            return Refusal(411, "tell the length of the body: Content-Length")
        length = headers.get(b"content-length", b"0")  # the server has seen that it is a number
        if len(length) > len(str(MOST_BODY)) or int(length) > MOST_BODY:
            return Refusal(413, f"the body is longer than {MOST_BODY} octets")
        return None

    def _who(self, scope: Scope, headers: dict[bytes, bytes]) -> Refusal | None:
        """Whether the request has a session, or the token."""
        access, now = self._access, self._clock()
        if access.is_session(session_of(scope), now):
            return None
        given = headers.get(b"authorization")
        if given is not None:
            address = address_of(scope)
            kind, _, token = given.partition(b" ")
            verdict = access.judge(token if kind == b"Bearer" else b"", address, now)
            if verdict.right:
                return None
            if verdict.wait:
                return Refusal(429, _WAIT.format(math.ceil(verdict.wait)), (_retry_after(verdict.wait),))
        elif scope.get("method") == "GET" and b"text/html" in headers.get(b"accept", b""):
            query = scope.get("query_string", b"").decode("latin-1")
            there = quote(f"{scope['path']}?{query}" if query else scope["path"], safe="/")
            return Refusal(303, "log in", ((b"location", f"{LOG_IN}?next={there}".encode()),))
        return Refusal(
            401,
            "give the token of the lab file (web.token): Authorization: Bearer TOKEN",
            ((b"www-authenticate", b"Bearer"),),
        )


_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"content-security-policy": b"frame-ancestors 'none'",
}
"""Of every answer that has no others."""


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", ()))
            names = {name.lower() for name, _ in given}
            message = {**message, "headers": given + [one for one in _HEADERS.items() if one[0] not in names]}
        await send(message)

    return sent


_WAIT = "too many wrong tokens: wait {} s"


def session_of(scope: Scope) -> str:
    """The name of the browser's session, by its cookie; empty: it has none."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    name = cookie_name((scope.get("server") or ("", 0))[1])
    return cookie_parser(headers.get(b"cookie", b"").decode("latin-1")).get(name, "")


def address_of(scope: Scope) -> str:
    """The address that a request came from."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def _retry_after(wait: float) -> tuple[bytes, bytes]:
    return b"retry-after", str(math.ceil(wait)).encode()


def _site(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


async def _refuse(send: Send, refusal: Refusal) -> None:
    headers = [(b"content-type", b"application/json"), *refusal.headers]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps({"detail": refusal.text}).encode()})


class Watchers:
    """The open streams of server-sent events of one web server, so that stopping it can end them."""

    def __init__(self) -> None:
        self.most = 64
        """How many there may be (``web.watchers``)."""
        self._open: set[Subscription] = set()
        self._waiting: set[asyncio.Future[bytes | None]] = set()
        """What streams of speech wait for."""
        self._closed = False

    async def stream(self, events: EventFeed, kinds: frozenset[str]) -> AsyncIterator[str]:
        """The text of one stream: all events, or those of ``kinds``. It ends with gateway or server."""
        async for event in self.follow(events):
            if event is None:
                yield ": still here\n\n"
            elif not event:
                yield ": connected\n\n"
            elif not kinds or event["event"] in kinds:
                yield f"event: {event['event']}\ndata: {json.dumps(event)}\n\n"

    async def changes(self, events: EventFeed) -> AsyncIterator[str]:
        """The text of a stream of ``changed``: so many things happened; at most one in :data:`SETTLE` seconds."""
        pending, last = 0, 0.0
        async for event in self.follow(events, SETTLE, bare=True):
            if event == {}:
                yield ": connected\n\n"
            pending += bool(event)
            now = time.monotonic()
            if pending and now - last >= SETTLE:
                yield f"event: changed\ndata: {pending}\n\n"
                pending, last = 0, now
            elif event is None and now - last >= HEARTBEAT:
                yield ": still here\n\n"
                last = now

    async def follow(
        self, events: EventFeed, patience: float = HEARTBEAT, *, bare: bool = False
    ) -> AsyncIterator[dict[str, Any] | None]:
        """An empty event at the beginning, then each event; None after so many seconds of silence.

        ``bare``: only kind and number of each. It ends with gateway or server.
        """
        if self._closed or self.full:
            return
        subscription = events.subscribe(bare=bare)
        self._open.add(subscription)
        try:
            yield {}
            while True:
                try:
                    event = await asyncio.wait_for(anext(subscription), patience)
                except TimeoutError:
                    yield None
                except StopAsyncIteration:
                    return
                else:
                    yield event
        finally:
            self._open.discard(subscription)
            events.unsubscribe(subscription)

    def __len__(self) -> int:
        return len(self._open)

    async def until_closed(self, portions: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
        """The portions, until they end or the server stops."""
        async with aclosing(portions):
            while not self._closed:
                waiting = asyncio.ensure_future(anext(portions, None))
                self._waiting.add(waiting)
                try:
                    portion = await waiting
                except asyncio.CancelledError:
                    if not self._closed:
                        raise
                    return
                finally:
                    self._waiting.discard(waiting)
                if portion is None:
                    return
                yield portion

    @property
    def full(self) -> bool:
        """Whether there may be no further one."""
        return len(self._open) >= self.most

    def close(self) -> None:
        """End every stream, and those that would still be opened."""
        self._closed = True
        for subscription in self._open:
            subscription.put(None)
        for waiting in self._waiting:
            waiting.cancel()
