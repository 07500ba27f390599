"""The mediator's accounting server. It receives reports of calls and messages over UDP."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from radius.backlog import Backlog, InKernel
from radius.clients import Secrets, secret_finder, secret_octets
from radius.packet import ReportError, cut_entries, is_message, is_report, packet_to_message, packet_to_report
from radius.refusals import Refusal, Refusals, Why
from radius.report import CallReport, MessageReport
from radius.ways import Datagram, Way
from radius.wire import (
    ACCOUNTING_REQUEST,
    STATUS_SERVER,
    AccountingPacket,
    MalformedError,
    accounting_response,
    message_authenticator_is_right,
    request_authenticator_is_right,
)

logger = logging.getLogger(__name__)

_RECEIVE: Final = 4097


def worth_a_line(count: int) -> bool:
    """Whether this is the 1st, 2nd, 4th, 8th ... of its kind: events that a client can cause must not fill
    the log."""
    return count & (count - 1) == 0


@dataclass(slots=True)
class SinkCounters:
    """What became of the datagrams: each is counted in `datagrams` and in exactly one of those down to
    `handler_failed`; the rest come on top."""

    datagrams: int = 0
    reports: int = 0
    """Call reports passed on."""
    messages: int = 0
    """Reports of messages passed on."""
    other: int = 0
    """Accounting-Requests that are no report, or a broken one: handed on as packets."""
    duplicates: int = 0
    """Requests seen before: answered again with the same octets, handed on no more."""
    status: int = 0
    """Status-Server, answered (RFC 5997)."""
    unknown_client: int = 0
    wrong_secret: int = 0
    """The Request Authenticator was not made with the shared secret."""
    wrong_message_authenticator: int = 0
    no_message_authenticator: int = 0
    wrong_code: int = 0
    """Neither Accounting-Request nor Status-Server."""
    malformed: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("short", "length", "attributes", "message-authenticator"), 0)
    )
    not_taken: int = 0
    """The receiver of reports did not take it now, so there was no answer and the client sends again."""
    handler_failed: int = 0
    """The receiver of reports raised: likewise no answer."""

    not_kept: int = 0
    """Handed on, but `before_replies` raised, so not answered."""
    former_secret: int = 0
    """Signed with a secret that was changed less than an hour ago."""
    broken_reports: int = 0
    """Of `other`: has Sorm-Sequence or Sorm-Text-Length, but is no valid report."""
    cut_reports: int = 0
    """Of `reports`: the sender had to leave out service uses or matches."""
    replies: int = 0
    replies_lost: int = 0
    """Answers that the socket did not take; the client gets them when it asks again."""


FORMER_FOR: Final = 3600.0
"""Seconds that a former secret is accepted: as long as a client repeats a report (`Schedule.give_up_after`)."""
MOST_FORMER: Final = 16
"""Each is tried for a request that no later secret fits: their number bounds the work."""


class Duplicates:
    """Answers by request, bounded by time and by number.

    Two generations of at most `limit` answers each: the younger one fills, and becomes the older one after
    `lifetime` seconds or when it is full, whichever comes first; what was the older one is forgotten. So an
    answer is remembered for at least `lifetime` seconds and at most three times that, and less only when more
    than `limit` others came meanwhile. A generation costs nothing to forget, however many it holds.

    Time comes in as an argument, in seconds of any clock that does not go back.
    """

    __slots__ = ("_began", "_older", "_younger", "lifetime", "limit")

    def __init__(self, lifetime: float = 30.0, limit: int = 50_000) -> None:
        if lifetime <= 0 or limit < 1:
            raise ValueError(f"lifetime {lifetime} and limit {limit} must be positive")
        self.lifetime: Final = lifetime
        self.limit: Final = limit
        self._younger: dict[bytes, bytes] = {}
        self._older: dict[bytes, bytes] = {}
        self._began = float("-inf")

    def __len__(self) -> int:
        return len(self._younger) + len(self._older)

    def turn(self, now: float) -> None:
        """Begin a new generation if it is time; call it before `answer` and `remember`, once for a batch."""
        age = now - self._began
        if age >= self.lifetime:
            self._older = self._younger if age < 2 * self.lifetime else {}
            self._younger = {}
            self._began = now

    def answer(self, key: bytes) -> bytes | None:
        """The earlier answer to the request; None when the request is new."""
        return self._younger.get(key) or self._older.get(key)

    def remember(self, key: bytes, answer: bytes, now: float) -> None:
        """Keep the answer to a request."""
        if len(self._younger) >= self.limit:
            self._older, self._younger, self._began = self._younger, {}, now
        self._younger[key] = answer


class Sink:
    """Accounting server on one UDP port.

    clients: the shared secrets; a datagram of any other peer is dropped and counted.
    on_report: gets every report once, before the client gets its answer. When it returns False ("not now") or
    raises, there is no answer, so the client sends the report again.
    on_message: gets every report of a message, under the same rule; without it they go to `on_other`.
    on_other: gets every other valid Accounting-Request, under the same rule.
    on_datagram: gets every datagram, `(own address, the client's, octets, sent=bool)`, for a capture.
    before_replies: called once between handing on a batch of requests and answering them: the place to write
    what they brought to disk in one go. When it raises, none of them is answered.
    on_refused: told of a client that is refused: at once, and then at most once a minute while it lasts.
    require_message_authenticator: drop requests without one.
    remember_seconds, remember_requests: how long and how many requests are recognised as duplicates by client
    address and port, identifier and Request Authenticator.
    batch: how many datagrams are read at one wake-up before others in the event loop get their turn.
    pause: seconds between two looks at the socket while datagrams come more often than that; 0: each is read as soon as
    it comes. A wake-up, and the way of an answer through the kernel, cost as much as a report itself.

    No content of a datagram raises an error.
    """

    def __init__(
        self,
        host: str,
        port: int,
        clients: Secrets,
        on_report: Callable[[CallReport], bool | None],
        require_message_authenticator: bool = False,
        *,
        on_message: Callable[[MessageReport], bool | None] | None = None,
        on_other: Callable[[AccountingPacket], bool | None] | None = None,
        on_datagram: Callable[..., object] | None = None,
        on_refused: Callable[[Refusal], object] | None = None,
        before_replies: Callable[[], None] | None = None,
        remember_seconds: float = 30.0,
        remember_requests: int = 50_000,
        batch: int = 64,
        pause: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counters = SinkCounters()
        self._host = host
        self._port = port
        self._secret_of = secret_finder(clients)
        self._secrets = {network: secret_octets(secret) for network, secret in clients.items()}
        self._former: deque[tuple[float, Callable[[str], bytes | None]]] = deque(maxlen=MOST_FORMER)
        """Until when, and the secrets, the latest first."""
        self._on_report = on_report
        self._on_message = on_message
        self._on_other = on_other
        self._on_datagram = on_datagram
        self._on_refused = on_refused
        self._refusals = Refusals()
        self._before_replies = before_replies
        self._required = require_message_authenticator
        self._duplicates = Duplicates(remember_seconds, remember_requests)
        self._batch = batch
        self._pause = pause
        self._woken = float("-inf")
        """When the last datagram was read."""
        self._look: asyncio.Handle | None = None
        """The next look at the socket, while the event loop does not watch it."""
        self._clock = clock
        self._socket: socket.socket | None = None
        self._failed_batches = 0
        self.ways: tuple[Way, Way] | None = None
        """The network toward the port and away from it, where a test makes faults. What crosses it is delivered to
        :meth:`arrived` and :meth:`leave`."""
        self.backlog = Backlog()
        """How long datagrams wait in the kernel."""

    def configure(self, clients: Secrets, require_message_authenticator: bool) -> None:
        """Other clients and rules, from the next datagram on. Raises ValueError, and then nothing is changed.

        A client that is still known may go on with its former secret for :data:`FORMER_FOR` seconds: what it repeats
        was signed with it. Of former secrets the latest :data:`MOST_FORMER` are accepted.
        """
        finder = secret_finder(clients)
        secrets = {network: secret_octets(secret) for network, secret in clients.items()}
        if secrets != self._secrets:
            self._former.appendleft((self._clock() + FORMER_FOR, self._secret_of))
        self._secrets, self._secret_of = secrets, finder
        self._required = require_message_authenticator
        self._refusals.forget()

    def refusals(self) -> list[Refusal]:
        """Whom it refuses now, and why."""
        return self._refusals.lasting(self._clock())

    def _refuse(self, host: str, why: Why) -> None:
        told = self._refusals.note(host, why, self._clock())
        if told is not None and self._on_refused is not None:
            self._on_refused(told)

    def _with_former(self, data: bytes, host: str, packet: AccountingPacket) -> AccountingPacket:
        """The packet with the former secret that it was signed with; as it is when there is none."""
        now = self._clock()
        while self._former and self._former[-1][0] <= now:
            self._former.pop()
        for _, secret_of in self._former:
            secret = secret_of(host)
            if secret is not None and secret != packet.secret:
                again = AccountingPacket.received(data, secret)
                if request_authenticator_is_right(again):
                    self.counters.former_secret += 1
                    return again
        return packet

    async def start(self) -> tuple[str, int]:
        """Bind the port and begin to receive; returns the address bound. Raises OSError."""
        if self._socket is not None:
            raise RuntimeError("the sink has been started already")
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(
            self._host, self._port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
        )
        family, kind, protocol, _, address = found[0]
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            # A burst waits in the kernel while the event loop is busy with something else.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            sock.bind(address)
        except OSError:
            sock.close()
            raise
        self._socket = sock
        self._loop = loop
        loop.add_reader(sock, self._readable)
        host, port = sock.getsockname()[:2]
        return host, port

    def close(self) -> None:
        """Stop receiving and free the port."""
        if self._socket is not None:
            if self._look is not None:
                self._look.cancel()
                self._look = None
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def status(self) -> dict[str, Any]:
        """The counters, and how many requests are remembered, for people and monitoring."""
        return asdict(self.counters) | {"remembered": len(self._duplicates)}

    def in_kernel(self) -> InKernel:
        """The datagrams that have arrived and are not read yet."""
        return self.backlog.in_kernel(self._socket)

    def _readable(self) -> None:
        """Datagrams have arrived. When they come one after the other, the next look at them is after a pause."""
        self._drain()
        if not self._pause:
            return
        before, self._woken = self._woken, self._clock()
        if self._woken - before < self._pause and self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._look = self._loop.call_later(self._pause, self._look_again)

    def _look_again(self) -> None:
        self._look = None
        taken = self._drain()
        if self._socket is None:
            return
        if taken >= self._batch:
            self._look = self._loop.call_soon(self._look_again)
        elif taken:
            self._look = self._loop.call_later(self._pause, self._look_again)
        else:
            self._loop.add_reader(self._socket, self._readable)

    def _drain(self) -> int:
        """Take the arrived datagrams, pass them on, and answer. How many there were, at most a batch."""
        sock = self._socket
        if sock is None:
            return 0
        taken = 0
        crossed: list[Datagram] = []
        for _ in range(self._batch):
            try:
                datagram = sock.recvfrom(_RECEIVE)
            except BlockingIOError:
                self.backlog.drained()
                break
            except OSError as error:
                # An ICMP error of an earlier answer; the next call reads on.
                logger.debug("radius: %s", error)
                continue
            taken += 1
            if self.ways is not None and not self.ways[0].idle:
                self.ways[0].cross(datagram)
            else:
                crossed.append(datagram)
        else:
            self.backlog.more(sock)
        if crossed:
            self.arrived(*crossed)
        return taken

    def arrived(self, *datagrams: Datagram) -> None:
        """Datagrams have crossed the network: pass them on, and answer."""
        sock = self._socket
        if sock is None:
            return
        now = self._clock()
        self._duplicates.turn(now)
        pending: dict[bytes, bytes] = {}
        answers: list[Datagram] = []
        for data, address in datagrams:
            if self._on_datagram is not None:
                self._on_datagram(sock.getsockname()[:2], address[:2], data, sent=False)
            answer = self._receive(data, address, pending)
            if answer is not None:
                answers.append((answer, address))
        if pending:
            if self._kept(len(pending)):
                for key, answer in pending.items():
                    self._duplicates.remember(key, answer, now)
            else:
                withheld = set(pending.values())
                answers = [(answer, address) for answer, address in answers if answer not in withheld]
        for datagram in answers:
            if self.ways is not None and not self.ways[1].idle:
                self.ways[1].cross(datagram)
            else:
                self.leave(datagram)

    def leave(self, datagram: Datagram) -> None:
        """Send an answer, which has crossed the network."""
        sock, (answer, address) = self._socket, datagram
        if sock is None:
            return
        try:
            sock.sendto(answer, address)
        except OSError as error:
            self.counters.replies_lost += 1
            logger.debug("radius: no answer to %s: %s", address, error)
        else:
            self.counters.replies += 1
            if self._on_datagram is not None:
                self._on_datagram(sock.getsockname()[:2], address[:2], answer, sent=True)

    def _kept(self, count: int) -> bool:
        if self._before_replies is None:
            return True
        try:
            self._before_replies()
        except Exception:
            # A fault of the receiver must not stop the port; the clients send again.
            self._failed_batches += 1
            if worth_a_line(self._failed_batches):
                logger.exception("radius: what %d requests brought was not kept; they get no answer", count)
            self.counters.not_kept += count
            return False
        return True

    def _receive(self, data: bytes, address: Any, pending: dict[bytes, bytes]) -> bytes | None:
        """The answer to one datagram, None for none. A new request's answer is put into `pending`."""
        counters = self.counters
        counters.datagrams += 1
        secret = self._secret_of(address[0])
        if secret is None:
            counters.unknown_client += 1
            self._refuse(address[0], "unknown client")
            return None
        try:
            packet = AccountingPacket.received(data, secret)
        except MalformedError as error:
            counters.malformed[error.kind] += 1
            return None
        if packet.code != ACCOUNTING_REQUEST:
            return self._status_server(packet, address[0])
        if self._former and not request_authenticator_is_right(packet):
            packet = self._with_former(data, address[0], packet)
        if not request_authenticator_is_right(packet):
            counters.wrong_secret += 1
            self._refuse(address[0], "wrong secret")
            return None
        if packet.message_authenticator_at:
            if not message_authenticator_is_right(packet):
                counters.wrong_message_authenticator += 1
                self._refuse(address[0], "wrong Message-Authenticator")
                return None
        elif self._required:
            counters.no_message_authenticator += 1
            self._refuse(address[0], "no Message-Authenticator")
            return None
        # Octets: collections of garbage need not look through those that are remembered.
        key = b"%b%c%b %d" % (packet.authenticator, packet.id, address[0].encode(), address[1])
        answer = self._duplicates.answer(key) or pending.get(key)
        if answer is not None:
            counters.duplicates += 1
            return answer
        if not self._hand_on(packet):
            return None
        answer = pending[key] = accounting_response(packet)
        return answer

    def _status_server(self, packet: AccountingPacket, host: str) -> bytes | None:
        """Answer Status-Server (RFC 5997), if it has its Message-Authenticator; refuse any other code."""
        counters = self.counters
        if packet.code != STATUS_SERVER:
            counters.wrong_code += 1
        elif not packet.message_authenticator_at:
            counters.no_message_authenticator += 1
            self._refuse(host, "no Message-Authenticator")
        elif not message_authenticator_is_right(packet, packet.authenticator):
            counters.wrong_message_authenticator += 1
            self._refuse(host, "wrong Message-Authenticator")
        else:
            counters.status += 1
            return accounting_response(packet)
        return None

    def _hand_on(self, packet: AccountingPacket) -> bool:
        """Give a new request to its receiver; False when it is not taken."""
        counters = self.counters
        report, cut = self._report(packet)
        taken: bool | None = None
        try:
            if isinstance(report, MessageReport):
                assert self._on_message is not None
                taken = self._on_message(report)
            elif report is not None:
                taken = self._on_report(report)
            elif self._on_other is not None:
                taken = self._on_other(packet)
        except Exception:
            # The receiver's own fault must not stop the port; the client sends again.
            counters.handler_failed += 1
            if worth_a_line(counters.handler_failed):
                logger.exception(
                    "radius: a request was not taken (%d so far); it gets no answer", counters.handler_failed
                )
            return False
        if taken is False:
            counters.not_taken += 1
            return False
        if report is None:
            counters.other += 1
        elif isinstance(report, MessageReport):
            counters.messages += 1
        else:
            counters.reports += 1
            if cut:
                counters.cut_reports += 1
        return True

    def _report(self, packet: AccountingPacket) -> tuple[CallReport | MessageReport | None, int]:
        """The report in a request, and how many entries its sender had to leave out; None when there is none."""
        try:
            if is_message(packet):
                message = packet_to_message(packet)
                return (message if self._on_message is not None else None), 0
            if is_report(packet):
                return packet_to_report(packet), cut_entries(packet)
        except ReportError as error:
            counters = self.counters
            counters.broken_reports += 1
            if worth_a_line(counters.broken_reports):
                # Not its content: the log must not reveal who is on control (order 268, rule 6).
                count, field = counters.broken_reports, error.field
                logger.warning("radius: a report cannot be used (%d so far), because of its %s", count, field)
        return None, 0
