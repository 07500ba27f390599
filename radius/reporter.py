"""The switch's accounting client: it sends reports of calls and messages to one mediator over UDP.

:class:`Outbox` has the reports that are not confirmed yet: a state machine without I/O. :class:`Reporter` gives it
sockets and a clock.

:data:`REPORT_TABLE` is the life of one report. A newer report of the same call holds all that the older one holds. So
an older one that waits is replaced, and one that is outstanding is not sent again; it keeps its identifier until its
answer could no longer come. A report that had to leave something out replaces none.

The RFCs' rules for repeating: within `Schedule.renew_after` of its first sending a report is repeated octet
for octet from the same port, so that the server recognises it as a duplicate (RFC 5080 section 2.2.2). After that
the server may have forgotten it, so it is made anew with the seconds it has been waiting in Acct-Delay-Time,
which means a new identifier and authenticator (RFC 2866 section 5.2).

The outbox gets the time as `now`, in seconds of one clock that does not go back.
"""

import asyncio
import heapq
import logging
import random
import socket
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from functools import partial
from ipaddress import IPv4Address
from itertools import count
from typing import Any, Final, NamedTuple

from radius.packet import DELAY_TIME, NAS_IP_ADDRESS, message_attributes, report_attributes
from radius.report import CallReport, MessageReport
from radius.wire import (
    ACCOUNTING_RESPONSE,
    LONGEST,
    AccountingPacket,
    MalformedError,
    accounting_request,
    response_is_right,
    secret_octets,
)

logger = logging.getLogger(__name__)

_BATCH: Final = 64

IDENTIFIERS: Final = 256
"""How many requests can be outstanding from one port (RFC 2865 section 3)."""


class ReportState(Enum):
    """State of a report."""

    WAITING = "waiting"
    OUTSTANDING = "outstanding"
    SUPERSEDED = "superseded"
    DONE = "done"

    # By identity: the hash of the name, which Enum takes, is a call in Python for every look-up.
    __hash__ = object.__hash__


class ReportInput(Enum):
    """Input of a report."""

    FREE = "identifier free"
    NEWER = "newer report of the call"
    FULL = "queue full"
    ANSWER = "answer"
    DUE = "pause over"
    EXPIRED = "too old"

    __hash__ = object.__hash__


class ReportAction(Enum):
    """Action on a report."""

    SEND = "send"
    REPEAT = "repeat"
    RELEASE = "release identifier"
    COUNT_ANSWERED = "count answered"
    COUNT_SUPERSEDED = "count superseded"
    COUNT_DROPPED = "count dropped"
    COUNT_GIVEN_UP = "count given up"


class ReportMove(NamedTuple):
    """The next state and the actions of an input."""

    next: ReportState
    actions: tuple[ReportAction, ...]


REPORT_TABLE: Final[Mapping[tuple[ReportState, ReportInput], ReportMove]] = {
    (ReportState.WAITING, ReportInput.FREE): ReportMove(ReportState.OUTSTANDING, (ReportAction.SEND,)),
    (ReportState.WAITING, ReportInput.NEWER): ReportMove(ReportState.DONE, (ReportAction.COUNT_SUPERSEDED,)),
    (ReportState.WAITING, ReportInput.FULL): ReportMove(ReportState.DONE, (ReportAction.COUNT_DROPPED,)),
    (ReportState.OUTSTANDING, ReportInput.NEWER): ReportMove(
        ReportState.SUPERSEDED, (ReportAction.COUNT_SUPERSEDED,)
    ),
    (ReportState.OUTSTANDING, ReportInput.DUE): ReportMove(ReportState.OUTSTANDING, (ReportAction.REPEAT,)),
    (ReportState.OUTSTANDING, ReportInput.EXPIRED): ReportMove(
        ReportState.DONE, (ReportAction.COUNT_GIVEN_UP, ReportAction.RELEASE)
    ),
    (ReportState.OUTSTANDING, ReportInput.ANSWER): ReportMove(
        ReportState.DONE, (ReportAction.COUNT_ANSWERED, ReportAction.RELEASE)
    ),
    (ReportState.SUPERSEDED, ReportInput.DUE): ReportMove(ReportState.DONE, (ReportAction.RELEASE,)),
    (ReportState.SUPERSEDED, ReportInput.EXPIRED): ReportMove(ReportState.DONE, (ReportAction.RELEASE,)),
    (ReportState.SUPERSEDED, ReportInput.ANSWER): ReportMove(ReportState.DONE, (ReportAction.RELEASE,)),
}
"""A superseded report is not the newest of its call any more, so no further report supersedes it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """When an unanswered report is sent again; all in seconds.

    first: the pause after the first sending; every further one is twice as long, up to `longest`.
    renew_after: how long the same octets are repeated; keep it under the server's memory for duplicates.
    give_up_after: how long after it was queued an unanswered report is dropped, and counted.
    """

    first: float = 0.5
    longest: float = 8.0
    renew_after: float = 20.0
    give_up_after: float = 3600.0

    def pause(self, sent: int, jitter: float) -> float:
        """The pause after the `sent`-th sending, 1 for the first.

        jitter: -1..1, moves the pause by up to a tenth (RFC 5080 section 2.2.1), so that many senders that
        lost their server at one moment do not all come back at one moment.
        """
        doublings = min(sent - 1, 30)
        return min(self.first * (1 << doublings), self.longest) * (1 + jitter / 10)


@dataclass(frozen=True, slots=True)
class Transmit:
    """Send the datagram from the local port of this index, 0 and up."""

    port: int
    datagram: bytes


@dataclass(slots=True)
class OutboxCounters:
    """What became of the reports. Each queued one ends in exactly one of `answered`, `superseded`, `dropped`
    and `given_up`."""

    queued: int = 0
    answered: int = 0
    superseded: int = 0
    """A newer report of the same call replaced it."""
    dropped: int = 0
    """The queue was full, and this was the oldest in it."""
    given_up: int = 0
    """No answer came for `Schedule.give_up_after`."""
    sent: int = 0
    """Datagrams, the repeated ones included."""
    repeated: int = 0
    cut: int = 0
    """Reports that did not fit into a packet and left out their oldest service uses or matches."""
    refused: int = 0
    """Times the server's host reported that its port is closed (ICMP)."""
    wrong_answers: int = 0
    """Datagrams that answer nothing outstanding, or are not made with the secret."""


Call = tuple[str, ...]
"""Domain and id of a call; of a message with one word more, so that it is never taken for a call."""


@dataclass(slots=True, eq=False)
class _Report:
    call: Call
    sequence: int
    attributes: bytes
    cut: bool
    queued_at: float
    sent: int = 0
    made_at: float = 0.0
    slot: tuple[int, int] = (0, 0)
    datagram: bytes = b""
    state: ReportState = ReportState.WAITING


class Outbox:
    """Reports on their way to one accounting server.

    limit: how many reports wait at most; beyond it the oldest waiting one is dropped and counted.
    ports: how many local ports are used at most; one more is taken when the others have no identifier left.
    nas_ip_address: the IPv4 address of the switch, for NAS-IP-Address.
    jitter: gives a number in -1..1 for every pause.
    """

    def __init__(
        self,
        secret: bytes,
        *,
        schedule: Schedule | None = None,
        limit: int = 20_000,
        ports: int = 4,
        message_authenticator: bool = True,
        nas_ip_address: str | None = None,
        jitter: Callable[[], float] = lambda: 0.0,
    ) -> None:
        if limit < 1 or ports < 1:
            raise ValueError(f"limit {limit} and ports {ports} must be positive")
        self.counters = OutboxCounters()
        self._secret = secret
        self._schedule = schedule or Schedule()
        self._limit = limit
        self._ports = ports
        self._sign = message_authenticator
        address = int(IPv4Address(nas_ip_address)) if nas_ip_address else None
        self._extra = NAS_IP_ADDRESS.octets("nas_ip_address", address)
        self._jitter = jitter
        self._waiting: OrderedDict[Call, _Report] = OrderedDict()
        """By call; a report that left something out stands under its sequence as well, beside the one before it."""
        self._newest: dict[Call, _Report] = {}
        """The newest outstanding report of each call."""
        self._slots: dict[tuple[int, int], _Report] = {}
        self._free: deque[tuple[int, int]] = deque()
        """Identifiers that can be used now, the longest unused first."""
        self._opened = 0
        self._lingering = 0
        """Superseded reports that still hold their identifier."""
        self._timers: list[tuple[float, int, _Report]] = []
        self._order = count()

    @property
    def waiting(self) -> int:
        """Reports that have not been sent yet."""
        return len(self._waiting)

    @property
    def outstanding(self) -> int:
        """Identifiers in use: reports sent and not answered, superseded ones included."""
        return len(self._slots)

    @property
    def unconfirmed(self) -> int:
        """Reports that the server has not confirmed yet."""
        return len(self._waiting) + len(self._slots) - self._lingering

    def status(self) -> dict[str, Any]:
        """The counters and the present numbers, for people and monitoring."""
        return asdict(self.counters) | {"waiting": self.waiting, "outstanding": self.outstanding}

    def queue(self, report: CallReport | MessageReport, now: float) -> list[Transmit]:
        """Take a report; returns what to send at once. The report of a message is never superseded by another's.

        Raises ReportError, with nothing changed, when the report cannot be put into a packet.
        """
        if isinstance(report, MessageReport):
            attributes, cut, sequence = message_attributes(report), 0, 1
            call: Call = (report.domain, report.message_id, "message")
        else:
            attributes, cut = report_attributes(report)
            sequence, call = report.sequence, (report.domain, report.call_id)
        counters = self.counters
        counters.queued += 1
        counters.cut += cut > 0
        older = self._waiting.get(call) or self._newest.get(call)
        if older is not None and older.sequence >= sequence:
            counters.superseded += 1
            return []
        entry = _Report(call, sequence, attributes, cut > 0, now)
        place = (*call, str(sequence)) if entry.cut else call
        replaced = self._waiting.get(place)
        if replaced is not None:
            # In the place of the older report: frequent reports must not delay a call.
            self._enter(replaced, ReportInput.NEWER, now)
            entry.queued_at = replaced.queued_at
        elif len(self._waiting) >= self._limit:
            _, oldest = self._waiting.popitem(last=False)
            self._enter(oldest, ReportInput.FULL, now)
        self._waiting[place] = entry
        return self._send_waiting(now)

    def received(self, port: int, datagram: bytes, now: float) -> list[Transmit]:
        """Take a datagram that came to a local port; returns what can be sent now."""
        try:
            packet = AccountingPacket.received(datagram, self._secret)
        except MalformedError:
            self.counters.wrong_answers += 1
            return []
        entry = self._slots.get((port, packet.id))
        if (
            entry is None
            or packet.code != ACCOUNTING_RESPONSE
            or not response_is_right(packet, entry.datagram[4:20])
        ):
            self.counters.wrong_answers += 1
            return []
        self._enter(entry, ReportInput.ANSWER, now)
        return self._send_waiting(now)

    def refused(self) -> None:
        """Count that the server's port is closed. The reports go on as scheduled: the server may be starting."""
        self.counters.refused += 1

    def next_deadline(self) -> float | None:
        """When `tick` is due next; None when no report waits."""
        while self._timers and self._timers[0][2].state is ReportState.DONE:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def tick(self, now: float) -> list[Transmit]:
        """Repeat the reports that have been unanswered long enough."""
        transmits: list[Transmit] = []
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            _, _, entry = heapq.heappop(self._timers)
            expired = now - entry.queued_at >= self._schedule.give_up_after
            transmits += self._enter(entry, ReportInput.EXPIRED if expired else ReportInput.DUE, now)
        return transmits + self._send_waiting(now)

    def _enter(self, entry: _Report, cause: ReportInput, now: float) -> list[Transmit]:
        before = entry.state
        entry.state, actions = REPORT_TABLE[before, cause]
        self._lingering += (entry.state is ReportState.SUPERSEDED) - (before is ReportState.SUPERSEDED)
        counters = self.counters
        transmits: list[Transmit] = []
        for action in actions:
            match action:
                case ReportAction.SEND:
                    transmits.append(self._transmit(entry, now))
                case ReportAction.REPEAT:
                    transmits.append(self._repeat(entry, now))
                case ReportAction.RELEASE:
                    self._release(entry)
                case ReportAction.COUNT_ANSWERED:
                    counters.answered += 1
                case ReportAction.COUNT_SUPERSEDED:
                    counters.superseded += 1
                case ReportAction.COUNT_DROPPED:
                    counters.dropped += 1
                case ReportAction.COUNT_GIVEN_UP:
                    counters.given_up += 1
        return transmits

    def _send_waiting(self, now: float) -> list[Transmit]:
        transmits: list[Transmit] = []
        while self._waiting:
            slot = self._take_slot()
            if slot is None:
                break
            _, entry = self._waiting.popitem(last=False)
            older = self._newest.get(entry.call)
            # A report that left something out does not hold all that the one before it holds.
            if older is not None and not entry.cut:
                self._enter(older, ReportInput.NEWER, now)
            self._newest[entry.call] = entry
            self._make(entry, slot, now)
            transmits += self._enter(entry, ReportInput.FREE, now)
        return transmits

    def _take_slot(self) -> tuple[int, int] | None:
        if not self._free:
            if self._opened == self._ports:
                return None
            self._free.extend((self._opened, identifier) for identifier in range(IDENTIFIERS))
            self._opened += 1
        return self._free.popleft()

    def _make(self, entry: _Report, slot: tuple[int, int], now: float) -> None:
        delay = min(int(now - entry.queued_at), 0xFFFF_FFFF)
        attributes = self._extra + entry.attributes + DELAY_TIME.octets("delay", delay or None)
        entry.slot = slot
        entry.made_at = now
        entry.datagram = accounting_request(
            slot[1], attributes, self._secret, message_authenticator=self._sign
        )
        self._slots[slot] = entry

    def _repeat(self, entry: _Report, now: float) -> Transmit:
        self.counters.repeated += 1
        if now - entry.made_at >= self._schedule.renew_after:
            slot = self._take_slot()
            if slot is not None:
                del self._slots[entry.slot]
                self._free.append(entry.slot)
                self._make(entry, slot, now)
        return self._transmit(entry, now)

    def _transmit(self, entry: _Report, now: float) -> Transmit:
        entry.sent += 1
        self.counters.sent += 1
        deadline = now + self._schedule.pause(entry.sent, self._jitter())
        heapq.heappush(self._timers, (deadline, next(self._order), entry))
        return Transmit(entry.slot[0], entry.datagram)

    def _release(self, entry: _Report) -> None:
        del self._slots[entry.slot]
        self._free.append(entry.slot)
        if self._newest.get(entry.call) is entry:
            del self._newest[entry.call]


def host_port(host: str, port: int) -> str:
    """``host:port``; an IPv6 address is in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Reporter:
    """Sends reports until they are answered.

    server_address: host and port of the mediator's sink. secret: the shared secret.
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
        limit: int = 20_000,
        ports: int = 4,
        message_authenticator: bool = True,
        nas_ip_address: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server_address
        self._clock = clock
        self._outbox = Outbox(
            secret_octets(secret),
            schedule=schedule,
            limit=limit,
            ports=ports,
            message_authenticator=message_authenticator,
            nas_ip_address=nas_ip_address,
            jitter=partial(random.uniform, -1.0, 1.0),
        )
        self._target: tuple[int, Any] | None = None
        self._sockets: list[socket.socket] = []
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._all_confirmed = asyncio.Event()
        self._all_confirmed.set()

    @property
    def counters(self) -> OutboxCounters:
        """Counters of the reports."""
        return self._outbox.counters

    def status(self) -> dict[str, Any]:
        """The server, the counters and the present numbers, for people and monitoring."""
        return {"server": host_port(*self._server)} | self._outbox.status()

    async def start(self) -> None:
        """Resolve the server's name and begin to send. Raises OSError when the name has no address."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(*self._server, type=socket.SOCK_DGRAM)
        family, _, _, _, address = found[0]
        self._target = (family, address)
        self._arm()

    def send(self, report: CallReport | MessageReport) -> None:
        """Queue a report. Raises ReportError when it cannot be put into a packet."""
        self._perform(self._outbox.queue(report, self._clock()))

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
        self._arm()

    def _transmit(self, transmit: Transmit) -> None:
        if self._target is None:
            return
        try:
            sock = self._socket(transmit.port)
            try:
                sock.send(transmit.datagram)
            except ConnectionRefusedError:
                # The error belongs to an earlier datagram; this one has not been sent yet.
                self._outbox.refused()
                sock.send(transmit.datagram)
        except OSError as error:
            # No buffer, no route: the schedule sends it again.
            logger.debug("radius: not sent to %s: %s", host_port(*self._server), error)

    def _socket(self, index: int) -> socket.socket:
        """The local port of the index; connected, so that only the server's own answers come in."""
        while len(self._sockets) <= index:
            if self._target is None:
                raise OSError("the reporter is closed")
            family, address = self._target
            sock = socket.socket(family, socket.SOCK_DGRAM)
            try:
                sock.setblocking(False)
                sock.connect(address)
            except OSError:
                sock.close()
                raise
            asyncio.get_running_loop().add_reader(sock, self._drain, len(self._sockets), sock)
            self._sockets.append(sock)
        return self._sockets[index]

    def _drain(self, index: int, sock: socket.socket) -> None:
        now = self._clock()
        transmits: list[Transmit] = []
        for _ in range(_BATCH):
            try:
                datagram = sock.recv(LONGEST)
            except BlockingIOError:
                break
            except OSError as error:
                self._outbox.refused()
                logger.debug("radius: %s: %s", host_port(*self._server), error)
                continue
            transmits += self._outbox.received(index, datagram, now)
        self._perform(transmits)

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
