"""The switch's accounting client: sends reports of calls and messages to one mediator over UDP."""

import asyncio
import logging
import random
import socket
import time
from collections.abc import Callable, Iterable
from functools import partial
from ipaddress import ip_address
from typing import Any, Final

from radius.clients import secret_octets
from radius.outbox import Outbox, Schedule, Transmit
from radius.report import CallReport, MessageReport
from radius.ways import Datagram, Way
from radius.wire import LONGEST

logger = logging.getLogger(__name__)

_BATCH: Final = 64
_TOLD_EVERY: Final = 60.0
"""Seconds between two lines of the log about a server that does not answer."""


def host_port(host: str, port: int) -> str:
    """``host:port``; an IPv6 address is in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Reporter:
    """Sends reports until they are answered.

    server_address: host and port of the mediator's sink. secret: the shared secret.
    source: the own address that reports come from, by which the server knows the switch; "": the system's choice.
    on_datagram: gets every datagram, `(own address, the server's, octets, sent=bool)`, for a capture.
    The other arguments are those of `Outbox`, which decides what is sent when; this class has
    the sockets and the clock.

    Before `start` and after `close` reports are only queued.
    """

    def __init__(
        self,
        server_address: tuple[str, int],
        secret: str | bytes,
        *,
        schedule: Schedule | None = None,
        message_authenticator: bool = True,
        nas_ip_address: str | None = None,
        source: str = "",
        limit: int = 20_000,
        on_datagram: Callable[..., object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server_address
        self._clock = clock
        self._on_datagram = on_datagram
        self._outbox = Outbox(
            secret_octets(secret),
            schedule=schedule,
            limit=limit,
            message_authenticator=message_authenticator,
            nas_ip_address=nas_ip_address,
            jitter=partial(random.uniform, -1.0, 1.0),
        )
        self._source = source
        self._own: Any = None
        self._told = float("-inf")
        """When the log was told that the server does not answer."""
        self._told_full = float("-inf")
        """When the log was told that reports are dropped."""
        self._silent = False
        self._target: tuple[int, Any] | None = None
        self._sockets: list[socket.socket] = []
        self.ways: tuple[Way, Way] | None = None
        """The network to the server and from it, where a test makes faults. What crosses it is delivered to
        :meth:`leave` and :meth:`arrived`."""
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._all_confirmed = asyncio.Event()
        self._all_confirmed.set()

    def status(self) -> dict[str, Any]:
        """The server, the counters and the present numbers, for people and monitoring."""
        now = self._clock()
        answers = not self._outbox.silent(now)
        return {"server": host_port(*self._server), "answers": answers} | self._outbox.status(now)

    async def start(self) -> None:
        """Resolve the server's name and begin to send. Raises OSError when the name has no address."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(*self._server, type=socket.SOCK_DGRAM)
        family, _, _, _, address = found[0]
        if self._source:
            self._own = await _own_address(self._source, family, str(address[0]))
        self._target = (family, address)
        self._arm()

    def send(self, report: CallReport | MessageReport) -> None:
        """Queue a report. Raises ReportError when it cannot be put into a packet."""
        now, before = self._clock(), self._outbox.counters.dropped
        self._perform(self._outbox.queue(report, now))
        if self._outbox.counters.dropped > before and now - self._told_full >= _TOLD_EVERY:
            self._told_full = now
            logger.warning(
                "RADIUS server %s: the oldest reports are dropped, since too many wait for it (reports_waiting)",
                host_port(*self._server),
            )

    async def drain(self) -> None:
        """Wait until the server has confirmed everything queued so far and since."""
        await self._all_confirmed.wait()

    def close(self) -> None:
        """Stop sending and free the ports. What is not confirmed stays queued."""
        self._target = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._sockets:
            loop = asyncio.get_running_loop()
            for sock in self._sockets:
                loop.remove_reader(sock)
                sock.close()
            self._sockets.clear()

    def _perform(self, transmits: Iterable[Transmit]) -> None:
        for transmit in transmits:
            self._transmit(transmit)
        if self._outbox.unconfirmed:
            self._all_confirmed.clear()
        else:
            self._all_confirmed.set()
        self._watch()
        self._arm()

    def _transmit(self, transmit: Transmit) -> None:
        if self.ways is not None and not self.ways[0].idle:
            self.ways[0].cross((transmit.datagram, transmit.port))
        else:
            self.leave((transmit.datagram, transmit.port))

    def leave(self, datagram: Datagram) -> None:
        """Send a datagram from the local port of this index: it has crossed the network."""
        if self._target is None:
            return
        transmit = Transmit(datagram[1], datagram[0])
        try:
            sock = self._socket(transmit.port)
            try:
                sock.send(transmit.datagram)
            except ConnectionRefusedError:
                # The error belongs to an earlier datagram; this one has not been sent yet.
                self._outbox.refused()
                sock.send(transmit.datagram)
            self._crossed(sock, transmit.datagram, sent=True)
        except OSError as error:
            # No buffer, no route: the schedule sends it again.
            logger.debug("radius: not sent to %s: %s", host_port(*self._server), error)

    def _crossed(self, sock: socket.socket, datagram: bytes, *, sent: bool) -> None:
        if self._on_datagram is not None:
            self._on_datagram(sock.getsockname()[:2], sock.getpeername()[:2], datagram, sent=sent)

    def _socket(self, index: int) -> socket.socket:
        """The local port of the index; connected, so that only the server's own answers come in."""
        while len(self._sockets) <= index:
            if self._target is None:
                raise OSError("the reporter is closed")
            family, address = self._target
            sock = socket.socket(family, socket.SOCK_DGRAM)
            try:
                sock.setblocking(False)
                if self._own is not None:
                    sock.bind(self._own)
                sock.connect(address)
            except OSError:
                sock.close()
                raise
            asyncio.get_running_loop().add_reader(sock, self._drain, len(self._sockets), sock)
            self._sockets.append(sock)
        return self._sockets[index]

    def _drain(self, index: int, sock: socket.socket) -> None:
        crossed: list[Datagram] = []
        for _ in range(_BATCH):
            try:
                datagram = sock.recv(LONGEST)
            except BlockingIOError:
                break
            except OSError as error:
                self._outbox.refused()
                logger.debug("radius: %s: %s", host_port(*self._server), error)
                continue
            if self.ways is not None and not self.ways[1].idle:
                self.ways[1].cross((datagram, index))
            else:
                crossed.append((datagram, index))
        self.arrived(*crossed)

    def arrived(self, *datagrams: Datagram) -> None:
        """Datagrams have crossed the network, each to the local port of its index."""
        now = self._clock()
        transmits: list[Transmit] = []
        for datagram, index in datagrams:
            if index < len(self._sockets):  # not closed meanwhile
                self._crossed(self._sockets[index], datagram, sent=False)
                transmits += self._outbox.received(index, datagram, now)
        self._perform(transmits)

    def _watch(self) -> None:
        """Tell the log of a server that does not answer: nothing of what it is not told, nor how much."""
        now, was = self._clock(), self._silent
        self._silent = self._outbox.silent(now)
        if self._silent and now - self._told >= _TOLD_EVERY:
            self._told = now
            logger.warning(
                "RADIUS server %s does not answer: check that it runs there, and that its secret is the one that it "
                "has for this switch's address",
                host_port(*self._server),
            )
        elif was and not self._silent:
            self._told = float("-inf")
            logger.info("RADIUS server %s answers again", host_port(*self._server))

    def _arm(self) -> None:
        """Set the timer to the outbox's next deadline."""
        deadline = self._outbox.next_deadline()
        if self._target is None or deadline is None:
            return
        if self._timer is not None:
            if self._timer_at <= deadline:
                return
            self._timer.cancel()
        self._timer_at = deadline
        pause = max(0.0, deadline - self._clock())
        self._timer = asyncio.get_running_loop().call_later(pause, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._perform(self._outbox.tick(self._clock()))


async def _own_address(source: str, family: int, server: str) -> Any:
    """The address to send from; None where the server can't be reached from it, as from loopback to elsewhere."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(source, 0, family=family, type=socket.SOCK_DGRAM)
    except OSError:
        return None
    address = found[0][4]
    own, other = (ip_address(str(one).partition("%")[0]) for one in (address[0], server))
    return None if own.is_unspecified or (own.is_loopback and not other.is_loopback) else address
