"""The mediator's link to the switch. It is kept up while the mediator runs, and has a pinned host key.

:class:`SwitchLink` binds :class:`~ssh_control.dialect.ClientDialect` to asyncssh. It connects to the first address that
answers. When the link drops, open requests fail with :class:`LinkDown`; the link waits a little longer each time, and
begins with the first address again. After ``on_up`` the owner sends all objects anew, with ``sync`` requests.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, Final

import asyncssh

from ssh_control.dialect import (
    NO_RADIUS_SERVER,
    ClientDialect,
    EventReceived,
    HelloAccepted,
    HelloRefused,
    Reply,
    ReplyReceived,
    Request,
)
from ssh_control.network import Network, SessionWays
from ssh_control.transport import (
    ALGORITHMS,
    KeyProblem,
    host_key_algorithms,
    pinned_key,
    without_padding_packets,
)
from ssh_control.visible import host_port, visible

log = logging.getLogger(__name__)

MOST_UNSENT = 8 * 1024 * 1024
"""Limit of octets that wait for a switch that doesn't read; beyond it the link is dropped."""
MOST_REQUESTS = 1024
"""Requests without a reply that are kept: a switch may answer late, or never."""


Address = tuple[str, int]
_CUT: Final = "the connection is cut by a fault that a test has ordered"


class LinkDown(Exception):  # noqa: N818 - what happened, not a mistake
    """The link is down, or dropped before the reply came. The text is the reason."""


@dataclass(slots=True)
class _Asked:
    """A request without a reply so far."""

    callback: Callable[[Reply | LinkDown], None]
    at: float
    """Time of the event loop."""


class LinkState(Enum):
    """State of the link."""

    IDLE = "idle"
    CONNECTING = "connecting"
    UP = "up"
    BACKING_OFF = "backing-off"
    REFUSED = "refused"
    CLOSED = "closed"


class LinkInput(Enum):
    """Input of the link."""

    START = "start"
    GREETED = "greeted"
    UNREACHABLE = "unreachable"
    REFUSAL = "refusal"
    LOST = "lost"
    RETRY = "retry"
    CLOSE = "close"


LINK_TABLE: Final[Mapping[tuple[LinkState, LinkInput], LinkState]] = {
    (LinkState.IDLE, LinkInput.START): LinkState.CONNECTING,
    (LinkState.CONNECTING, LinkInput.GREETED): LinkState.UP,
    (LinkState.CONNECTING, LinkInput.UNREACHABLE): LinkState.BACKING_OFF,
    (LinkState.CONNECTING, LinkInput.REFUSAL): LinkState.REFUSED,
    (LinkState.UP, LinkInput.LOST): LinkState.BACKING_OFF,
    (LinkState.BACKING_OFF, LinkInput.RETRY): LinkState.CONNECTING,
    (LinkState.REFUSED, LinkInput.RETRY): LinkState.CONNECTING,
    **{(state, LinkInput.CLOSE): LinkState.CLOSED for state in LinkState},
}
"""``refused``: the switch refused the login or the hello, or showed another host key than the pinned one."""


def backoff(attempt: int, retry_min: float, retry_max: float, jitter: float) -> float:
    """Seconds to wait after failure number ``attempt``, from 0. They double, within both bounds.

    A ``jitter`` in 0..1 subtracts up to a half, so that mediators that lost one switch don't return at one moment.
    """
    longest = min(retry_max, retry_min * 2.0 ** min(attempt, 64))
    return max(retry_min, longest * (0.5 + 0.5 * jitter))


class Refusal(Enum):
    """What about a link is refused."""

    HOST_KEY = "host key"
    """The mediator refuses: the switch shows another key than the pinned one."""
    LOGIN = "login"
    SINK = "sink"
    """The switch does not report to the accounting sink of the hello."""
    HELLO = "hello"
    """The switch refuses the hello for another reason, in words."""
    DIALECT = "dialect"
    """It is a server without the dialect."""


class _Trouble(Exception):  # noqa: N818
    """One address could not be used."""

    def __init__(self, text: str, *, refused: Refusal | None = None) -> None:
        super().__init__(text)
        self.refused = refused


class SwitchLink:
    """``await start()`` begins the link, and it is up while the switch is. ``await close()`` ends it.

    ``addresses``: the switch, then its backups. ``host_key``: the pinned public key as a line of OpenSSH; a link
    without one needs ``trust_any=True``, for a lab with an unknown key. The hello has ``mediator``, ``radius``
    (``host:port`` of the accounting sink) and ``rtp`` (``host:port`` for speech).

    The event loop calls ``on_up(hello)``, ``on_down(reason)`` and ``on_event(event)``. Requests are possible between an
    ``on_up`` and its ``on_down``. :meth:`close` does not call ``on_down``. ``on_refused()`` is called
    after each attempt that ended with a ``refusal``. ``on_octets`` gets the octets inside the
    session, for a capture: ``(session, octets, sent=bool, ends=(own address, the switch's))``.

    ``login_key``: the private key that is tried before the password.

    ``most_requests``: requests without a reply that are kept; for one more the oldest fails with :class:`LinkDown`.

    ``keepalive``: seconds between probes of a silent link; the third unanswered one ends it. ``retry_min``,
    ``retry_max``: seconds, see :func:`backoff`. ``connect_timeout``: seconds until the hello.

    Raises :class:`~ssh_control.transport.KeyProblem`, :class:`ValueError` (no address), and
    :class:`~ssh_control.messages.DialectError` (a name that is too long).
    """

    def __init__(
        self,
        addresses: Sequence[Address],
        user: str,
        password: str,
        host_key: str | None,
        *,
        login_key: asyncssh.SSHKey | None = None,
        mediator: str,
        radius: str,
        rtp: str = "",
        on_up: Callable[[dict[str, Any]], None],
        on_down: Callable[[str], None],
        on_event: Callable[[dict[str, Any]], None],
        on_refused: Callable[[], object] | None = None,
        on_octets: Callable[..., object] | None = None,
        keepalive: float = 5.0,
        retry_min: float = 0.5,
        retry_max: float = 30.0,
        most_requests: int = MOST_REQUESTS,
        connect_timeout: float = 10.0,
        trust_any: bool = False,
        dialect: Callable[..., ClientDialect] = ClientDialect,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        if not addresses:
            raise ValueError("no address of a switch is given")
        if not host_key and not trust_any:
            raise KeyProblem(
                f"the host key of the switch {host_port(*addresses[0])} is not pinned: pin the line that "
                f"'ssh-keyscan -p {addresses[0][1]} {addresses[0][0]}' shows, compared with the switch's own"
            )
        self._new_dialect = partial(dialect, mediator, radius, rtp=rtp)
        self._new_dialect()
        self.addresses, self.state = tuple(addresses), LinkState.IDLE
        self.counters: Counter[str] = Counter()
        self.refusal: Refusal | None = None
        """What the latest attempt was refused for; None: it was not refused, or there was none."""
        self._user, self._password, self._login_key = user, password, login_key
        self._pinned = pinned_key(host_key) if host_key else None
        self._on_up, self._on_down, self._on_event = on_up, on_down, on_event
        self._on_refused, self.on_octets = on_refused, on_octets
        self._keepalive, self._connect_timeout = keepalive, connect_timeout
        self._retry_min, self._retry_max = retry_min, max(retry_min, retry_max)
        self.most_requests = most_requests
        self._sleep, self._jitter = sleep, jitter
        self.network: Network | None = None
        self._connecting: _LinkSession | None = None
        self._session: _LinkSession | None = None
        self._hello: dict[str, Any] = {}
        self._reason = "not started"
        self._waiting: dict[int, _Asked] = {}
        """By seq, the oldest first."""
        self._settled: asyncio.Future[None] | None = None
        """What :meth:`settle` waits for."""
        self._flush_due = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to connect, in the background. A second call does nothing. Raises ValueError after ``close``."""
        if self.state is LinkState.CLOSED:
            raise ValueError("the link is closed for good: make another")
        if self._task is None:
            self._enter(LinkInput.START)
            self._task = asyncio.create_task(self._keep_up(), name="switch link")
            self._task.add_done_callback(_log_error)

    async def close(self) -> None:
        """End the link for good. Open requests fail with :class:`LinkDown`."""
        self._enter(LinkInput.CLOSE)
        self._reason = "closed"
        task, self._task = self._task, None
        session, self._session = self._session, None
        self._fail_waiting("closed")
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        if session is not None:
            session.end()
            await session.gone()

    def configure(self, *, keepalive: float, retry_min: float, retry_max: float) -> None:
        """Other times, from now on, also for a link that is up."""
        self._keepalive = keepalive
        self._retry_min, self._retry_max = retry_min, max(retry_min, retry_max)
        if self._session is not None and self._session.connection is not None:
            self._session.connection.set_keepalive(keepalive)

    def cut(self, place: int | None = None) -> int:
        """The connection with the address of this place is lost, without a farewell; None: with any. Returns how many
        were."""
        there = [
            one
            for one in (self._session, self._connecting)
            if one is not None and one.connection is not None and place in (None, one.place)
        ]
        for session in there:
            session.cut()
        return len(there)

    async def settle(self, within: float) -> None:
        """Wait until no request waits for its reply, at most so many seconds."""
        if self._waiting:
            self._settled = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._settled], timeout=within)
            self._settled = None

    async def request(self, op: str, /, **params: Any) -> Reply:
        """Ask the switch and wait for its reply. Raises :class:`LinkDown`, and DialectError: malformed.

        The late reply to a caller that gave up (``asyncio.timeout``) is counted and dropped.
        """
        answer: asyncio.Future[Reply | LinkDown] = asyncio.get_running_loop().create_future()
        seq = self.submit(op, params, lambda result: None if answer.done() else answer.set_result(result))
        try:
            result = await answer
        finally:
            self._waiting.pop(seq, None)
        if isinstance(result, LinkDown):
            raise result
        return result

    def submit(
        self,
        op: str,
        params: dict[str, Any],
        callback: Callable[[Reply | LinkDown], None],
        cause: str = "",
    ) -> int:
        """Ask without waiting; ``callback`` gets the reply, or :class:`LinkDown` when the link drops first.
        ``cause``: that of the :class:`~ssh_control.dialect.Request`.

        Requests of one turn of the event loop travel together. Returns the ``seq``. Raises :class:`LinkDown` when the
        link is down, and DialectError when the request can't be written; then ``callback`` is not called.
        """
        session = self._session
        if session is None:
            raise LinkDown(self._reason)
        seq = session.dialect.ask(Request(op, params, cause))
        self.counters["requests"] += 1
        alone = not self._waiting
        if len(self._waiting) >= self.most_requests:
            self._give_up_oldest()
        self._waiting[seq] = _Asked(callback, asyncio.get_running_loop().time())
        if alone:
            session.flush()
        elif not self._flush_due:
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)
        return seq

    def _give_up_oldest(self) -> None:
        """Its reply may still come, and counts as late then."""
        self.counters["requests given up"] += 1
        if self.counters["requests given up"] == 1:
            log.warning("switch link: more than %d requests wait (ssh.most_requests)", self.most_requests)
        asked = self._waiting.pop(next(iter(self._waiting)))
        asyncio.get_running_loop().call_soon(
            asked.callback, LinkDown(f"given up: more than {self.most_requests} requests wait for the switch")
        )

    @property
    def outstanding(self) -> tuple[int, float]:
        """Requests without a reply, and the seconds that the oldest of them waits."""
        if not self._waiting:
            return 0, 0.0
        oldest = next(iter(self._waiting.values()))
        return len(self._waiting), asyncio.get_running_loop().time() - oldest.at

    @property
    def unsent(self) -> int:
        """Octets that wait for a switch that doesn't read."""
        return self._session.unsent if self._session is not None else 0

    def status(self) -> dict[str, Any]:
        """The link for people, without secrets."""
        return {
            "state": self.state.value,
            "reason": self._reason,
            "user": self._user,
            "addresses": [host_port(*address) for address in self.addresses],
            "address": host_port(*self._session.address) if self._session is not None else None,
            "host_key": self._pinned.get_fingerprint() if self._pinned is not None else None,
            "switch": dict(self._hello),
            "outstanding": len(self._waiting),
            "counters": dict(self.counters),
        }

    async def _keep_up(self) -> None:
        attempt = 0
        while True:
            reached = await self._connect_somewhere()
            if isinstance(reached, _Trouble):
                self._reason, self.refusal = str(reached), reached.refused
                self._enter(LinkInput.REFUSAL if reached.refused else LinkInput.UNREACHABLE)
                if reached.refused and self._on_refused is not None:
                    self._on_refused()
            else:
                await reached.lost
                attempt = 0
            if isinstance(reached, _Trouble) and reached.refused is Refusal.HOST_KEY:
                pause = self._retry_max
            else:
                pause = backoff(attempt, self._retry_min, self._retry_max, self._jitter())
            log.warning("switch link: %s; next try in %.1f s", self._reason, pause)
            attempt += 1
            await self._sleep(pause)
            self._enter(LinkInput.RETRY)

    async def _connect_somewhere(self) -> _LinkSession | _Trouble:
        """Bring the link up at the first address that answers. The session may be over already."""
        troubles: list[_Trouble] = []
        for place, address in enumerate(self.addresses):
            self.counters["attempts"] += 1
            try:
                session, hello = await self._connect(place, address)
            except _Trouble as trouble:
                troubles.append(trouble)
            else:
                self._came_up(session, hello)
                return session
        refusals = [trouble.refused for trouble in troubles if trouble.refused]
        refused = Refusal.HOST_KEY if Refusal.HOST_KEY in refusals else next(iter(refusals), None)
        return _Trouble("; ".join(str(trouble) for trouble in troubles), refused=refused)

    async def _connect(self, place: int, address: Address) -> tuple[_LinkSession, dict[str, Any]]:
        where = host_port(*address)
        if self.network is not None and self.network.unreachable(place):
            raise _Trouble(f"{where}: {_CUT}")
        watch = _KeyWatch(self._pinned)
        session = self._connecting = _LinkSession(self, address, place, self._new_dialect())
        try:
            return await self._greet(session, watch)
        finally:
            self._connecting = None

    async def _greet(self, session: _LinkSession, watch: _KeyWatch) -> tuple[_LinkSession, dict[str, Any]]:
        address, where = session.address, host_port(*session.address)
        try:
            async with asyncio.timeout(self._connect_timeout):
                session.connection = connection = await asyncssh.connect(
                    *address,
                    client_factory=lambda: watch,
                    config=None,
                    username=self._user,
                    password=self._password,
                    preferred_auth="publickey,password" if self._login_key else "password",
                    client_keys=[self._login_key] if self._login_key else None,
                    agent_path=None,
                    gss_host=None,
                    known_hosts=([], [], []),
                    x509_trusted_certs=None,
                    server_host_key_algs=host_key_algorithms(self._pinned),
                    **ALGORITHMS,
                    compression_algs=None,
                    keepalive_interval=self._keepalive,
                    keepalive_count_max=3,
                )
                await connection.create_session(
                    lambda: session, subsystem=session.dialect.subsystem, encoding=None
                )
                greeting = await session.greeted
        except (asyncssh.Error, OSError, UnicodeError) as error:
            session.end()
            if isinstance(error, asyncssh.ChannelOpenError):
                await session.gone()  # then it is known whether the switch ended the connection, and why
            raise self._trouble(where, error, watch) from None
        except asyncio.CancelledError:
            session.end()
            raise
        if isinstance(greeting, _Trouble):
            raise _Trouble(f"{where}: {greeting}", refused=greeting.refused)
        if self.network is not None and self.network.unreachable(session.place):
            connection.abort()
            raise _Trouble(f"{where}: {_CUT}")
        return session, greeting

    def _trouble(self, where: str, error: Exception, watch: _KeyWatch) -> _Trouble:
        if isinstance(error, asyncssh.HostKeyNotVerifiable) and self._pinned is not None:
            seen = watch.seen.get_fingerprint() if watch.seen is not None else "a certificate or no key"
            return _Trouble(
                f"{where}: wrong host key: expected {self._pinned.get_fingerprint()}, seen {seen}; "
                "the password was not sent",
                refused=Refusal.HOST_KEY,
            )
        if isinstance(error, asyncssh.PermissionDenied):
            return _Trouble(f"{where}: login as {self._user!a} denied", refused=Refusal.LOGIN)
        if isinstance(error, asyncssh.ChannelOpenError) and watch.lost is not None:
            return _Trouble(f"{where}: {visible(watch.lost)}")
        if isinstance(error, asyncssh.ChannelOpenError):
            return _Trouble(
                f"{where}: does not serve the dialect: {visible(error.reason)}", refused=Refusal.DIALECT
            )
        if isinstance(error, TimeoutError):
            return _Trouble(f"{where}: no answer within {self._connect_timeout:g} s")
        return _Trouble(f"{where}: {visible(error)}")

    def _came_up(self, session: _LinkSession, hello: dict[str, Any]) -> None:
        self._session, self._hello, self.refusal = session, hello, None
        self._reason = f"connected to {host_port(*session.address)}"
        self._enter(LinkInput.GREETED)
        self.counters["ups"] += 1
        log.info("switch link: %s", self._reason)
        self._on_up(hello)
        session.release()

    def went_down(self, session: _LinkSession, reason: str) -> None:
        """The session that was up is over."""
        if self._session is not session:
            return
        self._session = None
        self._reason = f"{host_port(*session.address)}: {reason}"
        self._enter(LinkInput.LOST)
        self.counters["downs"] += 1
        self._fail_waiting(self._reason)
        self._on_down(self._reason)

    def received(self, event: ReplyReceived | EventReceived) -> None:
        """Take a reply or an event of the switch."""
        if isinstance(event, ReplyReceived):
            asked = self._waiting.pop(event.seq, None)
            if asked is None:
                self.counters["late replies"] += 1
                return
            self.counters["replies"] += 1
            asked.callback(event.reply)
            if self._settled is not None and not self._waiting:
                self._end_settling()
        else:
            self.counters["events"] += 1
            self._on_event(event.event)

    def _fail_waiting(self, reason: str) -> None:
        waiting, self._waiting = self._waiting, {}
        self.counters["requests failed"] += len(waiting)
        for asked in waiting.values():
            asked.callback(LinkDown(reason))
        self._end_settling()

    def _end_settling(self) -> None:
        if self._settled is not None and not self._settled.done():
            self._settled.set_result(None)

    def _flush(self) -> None:
        self._flush_due = False
        if self._session is not None:
            self._session.flush()

    def _enter(self, cause: LinkInput) -> None:
        self.state = LINK_TABLE[self.state, cause]


def _log_error(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("switch link: stopped by an error of our own", exc_info=error)


class _KeyWatch(asyncssh.SSHClient):
    """Accepts no host key but the pinned one, and keeps the key that was shown."""

    def __init__(self, pinned: asyncssh.SSHKey | None) -> None:
        self._pinned = pinned
        self.seen: asyncssh.SSHKey | None = None
        self.lost: Exception | None = None
        """Why the connection has ended, if the switch said."""

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = exc

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        without_padding_packets(conn)

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.seen = key
        return self._pinned is None or key.public_data == self._pinned.public_data


class _LinkSession(asyncssh.SSHClientSession[bytes]):
    """One session with the switch: octets between the channel and the dialect, events to the link."""

    def __init__(self, link: SwitchLink, address: Address, place: int, dialect: ClientDialect) -> None:
        loop = asyncio.get_running_loop()
        self.address = address
        self.place = place
        """Of the address, among those of the link."""
        self.dialect = dialect
        self.connection: asyncssh.SSHClientConnection | None = None
        self.greeted: asyncio.Future[dict[str, Any] | _Trouble] = loop.create_future()
        self.lost: asyncio.Future[None] = loop.create_future()
        self._link = link
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._held = True
        self._reason = ""
        self._ways = SessionWays(link.network, place, self._send, self._receive)

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan

    def session_started(self) -> None:
        self.flush()

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        if datatype is None:
            self._ways.receive(data)

    def _receive(self, data: bytes) -> None:
        self._crossed(data, sent=False)
        self.dialect.feed(data)
        self._pump()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None and not isinstance(exc, asyncssh.Error | OSError):
            log.error("switch link: dropped by an error of our own", exc_info=exc)
        self._ways.close()
        self._over(str(exc) if exc else "the switch ended the session")

    def release(self) -> None:
        """Pass what came after the hello to the link, which has the hello now."""
        self._held = False
        self._pump()
        if self._reason:
            self._report_lost()

    def flush(self) -> None:
        """Send the octets of the dialect."""
        channel = self._channel
        if channel is None or channel.is_closing():
            return
        octets = self.dialect.take()
        self._crossed(octets, sent=True)
        self._ways.send(octets)
        if channel.get_write_buffer_size() > MOST_UNSENT:
            self._over(f"the switch does not read: more than {MOST_UNSENT} octets wait for it")

    def _send(self, octets: bytes) -> None:
        if self._channel is not None and not self._channel.is_closing():
            self._channel.write(octets)

    @property
    def unsent(self) -> int:
        """Octets that wait for the switch to read."""
        channel = self._channel
        return 0 if channel is None or channel.is_closing() else int(channel.get_write_buffer_size())

    def _crossed(self, octets: bytes, *, sent: bool) -> None:
        on_octets, channel = self._link.on_octets, self._channel
        if on_octets is not None and channel is not None and octets:
            own, peer = (channel.get_extra_info(name) for name in ("sockname", "peername"))
            on_octets(self, octets, sent=sent, ends=(own[:2], peer[:2]))

    def end(self) -> None:
        """End the connection at once."""
        if self.connection is not None:
            self.connection.disconnect(asyncssh.DISC_BY_APPLICATION, "closed")

    def cut(self) -> None:
        """The connection is lost, without a farewell."""
        if self.connection is not None:
            self.connection.abort()
        self._over(_CUT)

    async def gone(self) -> None:
        """Wait until the connection has ended."""
        if self.connection is not None:
            await self.connection.wait_closed()

    def _pump(self) -> None:
        while (event := self.dialect.next_event()) is not None:
            if isinstance(event, ReplyReceived | EventReceived):
                self._link.received(event)
            elif isinstance(event, HelloAccepted):
                if not self.greeted.done():
                    self.greeted.set_result(event.hello)
            elif isinstance(event, HelloRefused):
                code = "" if event.code is None else f" ({event.code:02X}h)"
                refused = Refusal.SINK if NO_RADIUS_SERVER in event.text else Refusal.HELLO
                self._over(f"the switch refused{code}: {event.text[:200]!a}", refused)
            else:
                self._over(event.text[:200], None if self.greeted.done() else Refusal.DIALECT)
            if self._held:
                return

    def _over(self, reason: str, refused: Refusal | None = None) -> None:
        if self._reason:
            return
        self._reason = reason = visible(reason)
        if not self.greeted.done():
            self.greeted.set_result(_Trouble(reason, refused=refused))
        elif not self._held:
            self._report_lost()
        self.end()

    def _report_lost(self) -> None:
        self._link.went_down(self, self._reason)
        if not self.lost.done():
            self.lost.set_result(None)
