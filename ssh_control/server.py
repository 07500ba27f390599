"""The switch's SSH server. Mediators log in by password and use the subsystem ``sorm``; some users have a shell.

:class:`SormServer` binds :class:`~ssh_control.dialect.ServerDialect` to asyncssh. A :class:`Backend` admits users and
handles requests: one backend serves single domains (port 7777, user = domain), another one many domains (port 7778).
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import asyncssh

from ssh_control.dialect import (
    ClientHello,
    HelloReceived,
    LineRejected,
    Notify,
    Refused,
    Reply,
    Request,
    RequestReceived,
    Response,
    ServerDialect,
    SessionState,
)
from ssh_control.logged import log_event
from ssh_control.messages import DialectError
from ssh_control.network import Network, SessionWays
from ssh_control.shell import HISTORY, MOST_LINE, Shell, ShellChannel
from ssh_control.transport import (
    ALGORITHMS,
    keep_alive,
    private_host_key,
    public_line,
    without_padding_packets,
)
from ssh_control.visible import host_port, visible

log = logging.getLogger(__name__)

TRIES = 3
"""Limit of passwords and unknown keys that one connection tries."""
MOST_OFFERS = 4 * TRIES
"""Limit of the times that one connection offers a key or proves to have it, which costs the server a signature."""
LOGIN_SECONDS = 30.0
"""A connection that has not logged in after these seconds is closed."""
LISTEN_BACKLOG = 100
"""Connections that the kernel holds until they are accepted."""
MOST_UNAUTHENTICATED = 64
"""Limit of connections that have not logged in; for one more the oldest goes of the address that has the most."""
MOST_CONNECTIONS = 512
"""Limit of connections that have logged in; one more is ended."""
MOST_OF_ADDRESS = 128
"""The same, of one address."""
MOST_SESSIONS = 16
"""Limit of open sessions of one connection."""
WRITE_PIECE = 64 * 1024
"""Limit of octets of replies that are collected before they are written."""
MOST_UNREAD = 16 * 1024 * 1024
"""Limit of octets that wait for a mediator that doesn't read; beyond it the session ends."""
MOST_OPEN = 1024
"""Limit of unanswered requests of one session; at it no more are read."""
LOGIN_BURST = 5.0
"""Failed logins of one address after which the next one waits."""
LOGIN_INTERVAL = 1.0
"""Seconds that each further failed login costs."""
LONGEST_LOGIN_WAIT = 5.0
"""Limit of the seconds that a login waits because of failed logins from its address."""
MOST_PACED_ADDRESSES = 4096
"""Addresses with failed logins that are kept; beyond it those whose time has run out are dropped."""
KEEPALIVE = 15.0
"""Seconds of silence until a peer is probed; three unanswered probes end a connection."""


class Session(Protocol):
    """A mediator's session in the switch behind the server."""

    @property
    def server_hello(self) -> Mapping[str, Any]:
        """What the switch states about itself in its hello."""

    def handle(self, request: Request) -> Response:
        """Carry out a request. The params have the shape of :data:`ssh_control.messages.OPERATIONS`."""

    def closed(self) -> None:
        """The session has ended, for any reason. The server calls this once."""


class Backend(Protocol):
    """The switch behind the server."""

    def login(self, user: str, password: str, peer: str) -> str | None:
        """``None`` admits the user; else the reason, which is logged and not sent to ``peer`` (``host:port``).

        This method compares passwords in constant time.
        """

    def open(self, user: str, hello: ClientHello, peer: str, notify: Notify) -> Session:
        """Open a session after a mediator's hello. Raises :class:`~ssh_control.dialect.Refused`.

        ``notify`` sends events to the mediator, until :meth:`Session.closed`.
        """


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How many connections one server has at a time."""

    logins: int = MOST_UNAUTHENTICATED
    """That have not logged in. For one more the oldest goes of the address that has the most."""
    connections: int = MOST_CONNECTIONS
    """That have logged in. One more is ended."""
    of_address: int = MOST_OF_ADDRESS
    """That have logged in, of one address. One more is ended."""
    table: str = ""
    """Before the names of the limits in the log, such as ``switch.``."""


class LoginPacer:
    """Delays password tries by address. Each try books ``interval`` seconds; beyond the burst it waits until it is due.

    A try is booked before the password is checked, so that many tries at once gain nothing; a right password gives its
    time back. No try waits longer than ``longest`` seconds: a guesser does not keep the right user of the same address
    out, and has at most one guess per connection in that time.
    """

    def __init__(
        self,
        burst: float = LOGIN_BURST,
        interval: float = LOGIN_INTERVAL,
        longest: float = LONGEST_LOGIN_WAIT,
    ) -> None:
        self._slack = burst * interval
        self._interval = interval
        self._most = self._slack + max(longest, 0.0)
        self._booked: dict[str, float] = {}

    def delay(self, address: str, now: float) -> float:
        """Book a try. Returns the seconds to wait before the password is checked."""
        if len(self._booked) >= MOST_PACED_ADDRESSES:
            self._booked = {peer: until for peer, until in self._booked.items() if until > now}
        booked = max(self._booked.get(address, now), now)
        self._booked[address] = due = min(booked + self._interval, now + self._most)
        return max(0.0, due - self._slack - now)

    def succeeded(self, address: str) -> None:
        """Give the time of a try back, since the password was right."""
        if address in self._booked:
            self._booked[address] -= self._interval


class SormServer:
    """Serves several mediators, each with several sessions. ``await start()`` begins, and ``await close()`` ends.

    ``host_key``: the path of a private key, which is made when missing; ``None`` or "" for a new ed25519 key each time;
    or the :attr:`key` of another server. ``dialect`` makes the switch's side of a session; its ``subsystem`` names it.
    ``shells`` returns the shell of a user of the command line, and ``None`` for a mediator. ``keys`` returns the public
    keys that admit a user (:func:`~ssh_control.transport.authorized_keys`). ``login_wait``: limit of the seconds that
    a login waits because of wrong passwords and unknown keys from its address. ``limits``: of connections at a time.
    Raises :class:`~ssh_control.transport.KeyProblem`.
    """

    def __init__(
        self,
        backend: Backend,
        host: str,
        port: int,
        host_key: str | Path | asyncssh.SSHKey | None = None,
        *,
        dialect: Callable[[], ServerDialect] = ServerDialect,
        shells: Callable[[str], Shell | None] = lambda _user: None,
        keys: Callable[[str], Collection[bytes]] = lambda _user: (),
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        login_wait: float = LONGEST_LOGIN_WAIT,
        limits: ConnectionLimits | None = None,
    ) -> None:
        self.backend = backend
        self.limits = limits or ConnectionLimits()
        self.dialect = dialect
        self.shells = shells
        self.keys = keys
        self.subsystem = dialect().subsystem
        self.counters: Counter[str] = Counter()
        self.host, self._port = host, port
        self.key = host_key if isinstance(host_key, asyncssh.SSHKey) else private_host_key(host_key)
        self._pacer, self._clock, self._sleep = LoginPacer(longest=login_wait), clock, sleep
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._moving: asyncio.Task[None] | None = None
        self._next: socket.socket | None = None
        """The socket of a running move."""
        self.network: Network | None = None
        """The network to the mediators, where a test makes faults."""
        self._connections: dict[asyncssh.SSHServerConnection, str] = {}
        """All, with their addresses."""
        self._unauthenticated: dict[asyncssh.SSHServerConnection, str] = {}
        """Those that have not logged in, with their addresses; the oldest first."""
        self.channels: set[_Channel] = set()
        """The mediators' sessions."""
        self._delayed: set[asyncssh.SSHServerConnection] = set()
        """Connections whose password waits for its check."""

    @property
    def public_key(self) -> str:
        """The public host key as one line of OpenSSH. Mediators pin it."""
        return public_line(self.key)

    async def start(self) -> tuple[str, int]:
        """Listen. Returns the address, with the real port for port 0. Raises :class:`OSError`."""
        acceptor = await self._listen(host=self.host, port=self._port)
        if not acceptor.sockets:  # asyncio passes over those that can't be made
            raise OSError(
                "no socket can be made for it: no such address family, or no free descriptors (ulimit -n)"
            )
        self._acceptor = acceptor
        return self.host, self.port

    @property
    def port(self) -> int:
        """The port of the server."""
        return self._acceptor.get_port() if self._acceptor is not None else self._port

    @property
    def listening(self) -> bool:
        """Whether the server listens, or is about to."""
        return self._acceptor is not None or self._next is not None

    def shared_listener(self) -> socket.socket | None:
        """A duplicate of the listening socket, if any. It stays open when this server stops listening.

        Raises :class:`OSError` when no descriptor is left.
        """
        if self._next is not None:
            return self._next.dup()
        shared: socket.socket | None = self._acceptor.sockets[0].dup() if self._acceptor is not None else None
        return shared

    def stop_listening(self) -> None:
        """Refuse new connections; open ones stay. A running move is dropped."""
        self._next = None
        if self._acceptor is not None:
            self._acceptor.close()
            self._acceptor = None

    def listen_on(self, listener: socket.socket) -> None:
        """Accept connections of this socket from now on. Needs the running loop.

        A failure is counted (``moves failed``) and logged, and the server listens where it did before.
        """
        self._port = listener.getsockname()[1]
        self._next = listener
        before = self._moving
        self._moving = asyncio.get_running_loop().create_task(self._move(listener, before))

    async def _move(self, listener: socket.socket, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])  # however it ended
        if self._next is not listener:
            listener.close()
            return
        try:
            acceptor = await self._listen(sock=listener)
        except (OSError, ValueError) as error:
            listener.close()
            self.counters["moves failed"] += 1
            log.error("port %d: can't be listened on: %s", self._port, error)  # noqa: TRY400 - one line
            if self._next is listener:
                self._next = None
                self._port = self.port
            return
        if self._next is not listener:
            acceptor.close()
            return
        self.stop_listening()
        self._acceptor = acceptor

    async def _listen(self, **where: Any) -> asyncssh.SSHAcceptor:
        acceptor = await asyncssh.listen(
            **where,
            # asyncio accepts so many connections at a time, and sets as many timers when no descriptor is left.
            backlog=1,
            server_factory=lambda: _Connection(self),
            server_host_keys=[self.key],
            **ALGORITHMS,
            compression_algs=None,
            password_auth=True,
            public_key_auth=True,  # as far as the user at hand has any
            kbdint_auth=False,
            host_based_auth=False,
            gss_host=None,
            encoding=None,  # without an encoding no line is edited: this is for shells alone
            line_editor=True,
            line_history=HISTORY,
            max_line_length=MOST_LINE,
            allow_scp=False,
            sftp_factory=None,
            agent_forwarding=False,
            x11_forwarding=False,
            login_timeout=LOGIN_SECONDS,
            reuse_address=True,
        )
        for listener in acceptor.sockets:
            with listener.dup() as shared:
                shared.listen(LISTEN_BACKLOG)
        return acceptor

    async def close(self) -> None:
        """Stop listening and end all connections."""
        acceptor = self._acceptor
        self.stop_listening()
        if self._moving is not None:
            await asyncio.wait([self._moving])
        connections = list(self._connections)
        for connection in connections:
            connection.abort()
        for connection in connections:
            await connection.wait_closed()
        if acceptor is not None:
            await acceptor.wait_closed()

    def drop(self, user: str) -> None:
        """End the connections of a user."""
        for connection in list(self._connections):
            if connection.get_extra_info("username") == user:
                connection.abort()

    @property
    def unsent(self) -> int:
        """Octets that wait for the mediator that is furthest behind with reading."""
        return max((one.unsent for one in self.channels), default=0)

    @property
    def unauthenticated(self) -> int:
        """Connections that have not logged in."""
        return len(self._unauthenticated)

    @property
    def authenticated_connections(self) -> int:
        """Connections that have logged in."""
        return len(self._connections) - len(self._unauthenticated)

    def cut(self) -> int:
        """The network is cut: every connection is lost, without a farewell. Returns how many were."""
        connections = list(self._connections)
        for connection in connections:
            connection.abort()
        return len(connections)

    def connected(self, connection: asyncssh.SSHServerConnection, address: str) -> None:
        """A connection of an address was accepted."""
        if self.network is not None and self.network.unreachable(0):
            connection.abort()
        without_padding_packets(connection)
        keep_alive(connection, KEEPALIVE)
        self.counters["connections"] += 1
        self._connections[connection] = self._unauthenticated[connection] = address
        if len(self._unauthenticated) > self.limits.logins:
            self._drop_stranger()

    def _drop_stranger(self) -> None:
        """Drop one of the address that has the most. A connection whose password is due has sent it: one that has sent
        none goes first."""
        ((most, _),) = Counter(self._unauthenticated.values()).most_common(1)
        its = [one for one, address in self._unauthenticated.items() if address == most]
        victim = next((one for one in its if one not in self._delayed), its[0])
        del self._unauthenticated[victim]
        self.counters["strangers dropped"] += 1
        log.warning(
            "%s: dropped: it has not logged in, like %d others (%slogins)",
            most,
            self.limits.logins,
            self.limits.table,
        )
        victim.abort()

    def authenticated(self, connection: asyncssh.SSHServerConnection, user: str, peer: str) -> None:
        """A connection has logged in; it is ended when there are too many."""
        address, limits = self._unauthenticated.pop(connection, None), self.limits
        if address is None:
            return
        inside = [where for one, where in self._connections.items() if one not in self._unauthenticated]
        if len(inside) > limits.connections:
            why = f"{limits.connections} connections are logged in ({limits.table}connections)"
        elif inside.count(address) > limits.of_address:
            why = f"{limits.of_address} of its address are logged in ({limits.table}connections_per_address)"
        else:
            return
        self.counters["connections over the limit"] += 1
        log.warning("%s: login as %s ended: %s", peer, ascii(user), why)
        connection.disconnect(asyncssh.DISC_TOO_MANY_CONNECTIONS, "too many connections")

    def disconnected(self, connection: asyncssh.SSHServerConnection) -> None:
        """A connection has ended."""
        self._connections.pop(connection, None)
        self._unauthenticated.pop(connection, None)

    async def login(
        self, connection: asyncssh.SSHServerConnection, user: str, password: str, peer: str
    ) -> bool:
        """Ask the backend, after the delay that is due."""
        await self._pace(connection, peer)
        reason = self.backend.login(user, password, peer)
        return self._judge(user, peer, reason)

    async def key_login(
        self, connection: asyncssh.SSHServerConnection, user: str, key: asyncssh.SSHKey, peer: str
    ) -> bool:
        """Whether a public key admits the user, after the delay that is due. A key that does is proven next."""
        known = key.public_data in self.keys(user)
        if known:
            return True
        await self._pace(connection, peer)
        return self._judge(user, peer, f"unknown key {key.get_fingerprint()}")

    async def _pace(self, connection: asyncssh.SSHServerConnection, peer: str) -> None:
        address = peer.rpartition(":")[0]
        wait = self._pacer.delay(address, self._clock())
        if wait > 0:
            self.counters["logins delayed"] += 1
            self._delayed.add(connection)
            try:
                await self._sleep(wait)
            finally:
                self._delayed.discard(connection)

    def _judge(self, user: str, peer: str, reason: str | None) -> bool:
        if reason is None:
            self._pacer.succeeded(peer.rpartition(":")[0])
            self.logged_in(user, peer)
            return True
        self.counters["logins denied"] += 1
        log.warning("%s: login as %s denied: %s", peer, ascii(user), reason)
        return False

    def logged_in(self, user: str, peer: str, key: str = "") -> None:
        """A user has logged in: by password, or with the ``key`` of this fingerprint."""
        self.counters["logins"] += 1
        log.info("%s: logged in as %s%s", peer, ascii(user), f" with key {key}" if key else "")


class _Connection(asyncssh.SSHServer):
    """One TCP connection: the login, and its sessions."""

    _ssh: asyncssh.SSHServerConnection

    def __init__(self, server: SormServer) -> None:
        self._server = server
        self._failures = 0
        self._offers = 0
        self._user = ""
        self._key = ""
        """Fingerprint of the key that is tried, or was."""
        self.sessions = 0
        self.peer = ""

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._ssh = conn
        # A peer that has closed already has no address.
        host, port = (conn.get_extra_info("peername") or ("gone", 0))[:2]
        self.peer = host_port(host, port)
        self._server.connected(conn, host)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.disconnected(self._ssh)
        if exc is None or isinstance(exc, asyncssh.Error | OSError):
            log.info("%s: disconnected%s", self.peer, f": {visible(exc)}" if exc else "")
        else:
            # The text is not logged: it may hold the number of an object (order 268, rule 6).
            where = visible("; ".join(map(str.strip, traceback.format_tb(exc.__traceback__))))
            log.error("%s: disconnected by an error of our own: %s: %s", self.peer, type(exc).__name__, where)

    def begin_auth(self, username: str) -> bool:
        self._user = username
        return True

    def auth_completed(self) -> None:
        self._server.authenticated(self._ssh, self._user, self.peer)
        if self._key:
            self._server.logged_in(self._user, self.peer, self._key)

    def password_auth_supported(self) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return bool(self._server.keys(self._user))

    async def validate_password(self, username: str, password: str) -> bool:
        self._key = ""
        return self._counted(await self._server.login(self._ssh, username, password, self.peer))

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        self._offers += 1
        if self._offers > MOST_OFFERS:
            raise asyncssh.PermissionDenied("denied")
        self._key = key.get_fingerprint()
        return self._counted(await self._server.key_login(self._ssh, username, key, self.peer))

    def _counted(self, admitted: bool) -> bool:
        if not admitted:
            self._failures += 1
            if self._failures >= TRIES:
                raise asyncssh.PermissionDenied("denied")
        return admitted

    def session_requested(self) -> Any:
        if self.sessions >= MOST_SESSIONS:
            log.warning("%s: more than %d sessions in one connection refused", self.peer, MOST_SESSIONS)
            return False
        self.sessions += 1
        user = self._ssh.get_extra_info("username")
        shell = self._server.shells(user)
        if shell is None:
            return _Channel(self._server, self, user)
        self._server.counters["shells"] += 1
        channel = self._ssh.create_server_channel(encoding="utf-8", errors="replace")
        return channel, ShellChannel(shell, self.peer, self._shell_closed)

    def _shell_closed(self) -> None:
        self.sessions -= 1


class _Channel(asyncssh.SSHServerSession[bytes]):
    """One session: octets between the channel and the dialect, requests to the backend."""

    _channel: asyncssh.SSHServerChannel[bytes]

    def __init__(self, server: SormServer, connection: _Connection, user: str) -> None:
        self._server = server
        self._connection = connection
        self._user = user
        self._peer = connection.peer
        self._dialect = server.dialect()
        self._session: Session | None = None
        self._early: list[dict[str, Any]] = []
        self._refused = ""
        self._paused = False
        self._ended = False
        self._flush_due = False
        self._open = 0
        self._pump_due = False
        self._ways = SessionWays(server.network, 0, self._send, self._receive)

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan
        self._server.channels.add(self)

    @property
    def unsent(self) -> int:
        """Octets that wait for the mediator to read."""
        return int(self._channel.get_write_buffer_size())

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.sessions -= 1
        self._server.channels.discard(self)
        self._ways.close()
        self._dialect.close()
        session, self._session = self._session, None
        if session is not None:
            self._server.counters["sessions closed"] += 1
            session.closed()

    def subsystem_requested(self, subsystem: str) -> bool:
        if subsystem == self._server.subsystem:
            return True
        log.info("%s: subsystem %s refused", self._peer, ascii(subsystem))
        return False

    def shell_requested(self) -> bool:
        return self._only_subsystem("a shell")

    def exec_requested(self, command: str) -> bool:
        return self._only_subsystem("commands")

    def _only_subsystem(self, wanted: str) -> bool:
        # Accepted in order to state why not; a bare refusal shows as "request failed on channel 0".
        name = self._server.subsystem
        self._refused = (
            f"This port has no room for {wanted}; it serves the subsystem {name}: ssh -s ... {name}\n"
        )
        log.info("%s: asked for %s: refused", self._peer, wanted)
        return True

    def session_started(self) -> None:
        if self._refused:
            self._channel.write_stderr(self._refused.encode("ascii"))
            self._channel.exit(1)

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        if not self._refused:
            self._ways.receive(data)

    def _receive(self, data: bytes) -> None:
        if not self._dialect.closed:
            self._dialect.feed(data)
            self._pump()

    def _send(self, data: bytes) -> None:
        if not self._channel.is_closing():
            self._channel.write(data)

    def eof_received(self) -> bool:
        if not self._refused:
            self._ended = True
            self._pump()
        return True

    def pause_writing(self) -> None:
        # While a mediator does not read, none of its requests are read.
        self._paused = True
        self._channel.pause_reading()

    def resume_writing(self) -> None:
        self._paused = False
        self._pump()

    @property
    def _full(self) -> bool:
        """Whether no request is read now."""
        return self._paused or self._open >= MOST_OPEN

    def _pump(self) -> None:
        dialect = self._dialect
        while not self._full:
            event = dialect.next_event()
            if event is None:
                break
            if isinstance(event, RequestReceived):
                self._answer(event)
            elif isinstance(event, HelloReceived):
                self._greet(event.hello)
            else:
                self._faulty(event)
        over = self._ended and not self._full
        if over:
            unfinished = dialect.end()
            if unfinished is not None:
                self._faulty(unfinished)
        if dialect.closed or (over and not self._open):
            self._flush()
            self._channel.exit(1 if dialect.closed else 0)
            return
        if not self._full:
            self._channel.resume_reading()  # without effect unless reading is paused
        if not self._flush_due:
            # The first reply of a turn of the event loop is sent at once, and the others of that turn together. So a
            # single request is answered without delay, and many requests with few packets.
            self._flush()
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self._flush_rest)

    def _answer(self, asked: RequestReceived) -> None:
        assert self._session is not None
        answer = self._session.handle(asked.request)
        if isinstance(answer, Reply):
            self._dialect.reply(asked.seq, answer)
            self._log(asked.request, answer)
        elif answer is not None:
            self._open += 1
            if self._full:
                self._channel.pause_reading()
            answer.then(partial(self._late, asked))
        if self._dialect.waiting > WRITE_PIECE:
            self._flush()

    def _log(self, request: Request, reply: Reply) -> None:
        """Not what is asked: the line would reveal who is on control (order 268, rule 6)."""
        result = "ok" if reply.ok else f"{reply.code or 0:02X}h"
        log_event(log, "request", id=request.cause, op=request.op, user=self._user, result=result)

    def _late(self, asked: RequestReceived, reply: Reply) -> None:
        self._open -= 1
        if self._dialect.state is not SessionState.READY:
            return
        self._dialect.reply(asked.seq, reply)
        self._log(asked.request, reply)
        if not self._pump_due:
            # Not at once: the reply may be given while the session handles its next request.
            self._pump_due = True
            asyncio.get_running_loop().call_soon(self._pump_late)

    def _pump_late(self) -> None:
        self._pump_due = False
        if not self._dialect.closed:
            self._pump()

    def _greet(self, hello: ClientHello) -> None:
        try:
            session = self._server.backend.open(self._user, hello, self._peer, self._notify)
        except Refused as refusal:
            name, why = ascii(hello.mediator), visible(refusal)
            log.warning("%s: mediator %s of %s refused: %s", self._peer, name, self._user, why)
            self._server.counters["sessions refused"] += 1
            self._dialect.refuse(refusal.code, refusal.text)
            return
        self._session = session
        self._server.counters["sessions"] += 1
        log.info("%s: mediator %s of %s is connected", self._peer, ascii(hello.mediator), self._user)
        self._dialect.accept(session.server_hello)
        early, self._early = self._early, []
        for event in early:
            self._notify(event)

    def _notify(self, event: dict[str, Any]) -> None:
        state = self._dialect.state
        if state is SessionState.DECIDING:
            self._early.append(event)
        elif state is SessionState.READY:
            try:
                self._dialect.notify(event)
            except DialectError as error:
                log.error("%s: event not sent: %s", self._peer, error)  # noqa: TRY400 - no trace of ours
                return
            self._flush()

    def _faulty(self, fault: LineRejected) -> None:
        self._server.counters["faulty lines"] += 1
        log.warning("%s: not understood: %s", self._peer, visible(fault.text))

    def _flush_rest(self) -> None:
        self._flush_due = False
        self._flush()

    def _flush(self) -> None:
        data = self._dialect.take()
        if not data or self._channel.is_closing():
            return
        self._ways.send(data)
        if self._channel.get_write_buffer_size() > MOST_UNREAD:
            log.warning("%s: does not read; %d octets wait for it: ended", self._peer, MOST_UNREAD)
            self._server.counters["slow readers"] += 1
            self._channel.abort()


def move_servers(ways: Sequence[tuple[SormServer, int]]) -> None:
    """Move running servers to other ports; connections stay. Needs the running loop.

    A server that moves to the port of another one takes over the socket, so that no other process gets the port in
    between. Raises :class:`OSError`, and changes nothing then, when a port is in use.
    """
    ways = [(server, port) for server, port in ways if server.port != port]
    held = {server.port: server for server, _ in ways}
    taken: list[socket.socket] = []
    try:
        for server, port in ways:
            shared = held[port].shared_listener() if port in held else None
            taken.append(shared if shared is not None else listening_socket(server.host, port))
    except OSError:
        for listener in taken:
            listener.close()
        raise
    for server, _ in ways:
        server.stop_listening()
    for (server, _), listener in zip(ways, taken, strict=True):
        server.listen_on(listener)


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that accepts connections from now on."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(LISTEN_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
