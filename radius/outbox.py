"""The reports of a switch that are not confirmed yet: a state machine without I/O.

:data:`REPORT_TABLE` is the life of one report. A newer report of the same call holds all that the older one holds. So
an older one that waits is replaced, and one that is outstanding is not sent again; it keeps its identifier until its
answer could no longer come. A report that had to leave something out replaces none.

The RFCs' rules for repeating: within `Schedule.renew_after` of its first sending a report is repeated octet
for octet from the same port, so that the server recognises it as a duplicate (RFC 5080 section 2.2.2). After that
the server may have forgotten it, so it is made anew with the seconds it has been waiting in Acct-Delay-Time,
which means a new identifier and authenticator (RFC 2866 section 5.2).

Time comes in as `now`, in seconds of one clock that does not go back.
"""

import heapq
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from ipaddress import IPv4Address
from itertools import count
from typing import Any, Final, NamedTuple

from radius.packet import DELAY_TIME, NAS_IP_ADDRESS, message_attributes, report_attributes
from radius.report import CallReport, MessageReport
from radius.wire import (
    ACCOUNTING_RESPONSE,
    AccountingPacket,
    MalformedError,
    accounting_request,
    response_is_right,
)

IDENTIFIERS: Final = 256
"""How many requests can be outstanding from one port (RFC 2865 section 3)."""
SILENT: Final = 3.0
"""Seconds without any answer to what was sent: by then :class:`Schedule` has sent a report three times."""


class ReportState(Enum):
    """State of a report."""

    WAITING = "waiting"
    OUTSTANDING = "outstanding"
    SUPERSEDED = "superseded"
    DONE = "done"

    # By identity: the hash of the name, which Enum takes, is a call in Python for every look-up.
    __hash__ = object.__hash__


_SUPERSEDED: Final = ReportState.SUPERSEDED
"""Looked up once: up to Python 3.11 that takes longer for a member of an enum than the comparison with it."""


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
    no_message_authenticator: int = 0
    """Answers without a Message-Authenticator, where one is required."""


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
    message_authenticator: send one, in front of all other attributes. require_message_authenticator: an answer
    without one is dropped and counted.
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
        require_message_authenticator: bool = False,
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
        self._required = require_message_authenticator
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
        self._asked: float | None = None
        """When the first report since the last answer was sent; None: nothing was sent since."""
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

    def silent(self, now: float) -> bool:
        """Whether the server has left reports without an answer for :data:`SILENT` seconds."""
        return bool(self._slots) and self._asked is not None and now - self._asked >= SILENT

    def status(self, now: float) -> dict[str, Any]:
        """The counters and the present numbers, for people and monitoring; ``oldest``: seconds that the report in front
        waits to be sent."""
        first = next(iter(self._waiting.values()), None)
        return asdict(self.counters) | {
            "waiting": self.waiting,
            "oldest": 0.0 if first is None else now - first.queued_at,
            "limit": self._limit,
            "outstanding": self.outstanding,
        }

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
        if self._required and not packet.message_authenticator_at:
            self.counters.no_message_authenticator += 1
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
        self._lingering += (entry.state is _SUPERSEDED) - (before is _SUPERSEDED)
        counters = self.counters
        transmits: list[Transmit] = []
        for action in actions:
            match action:
                case ReportAction.SEND:
                    transmits.append(self._transmit(entry, now))
                case ReportAction.COUNT_ANSWERED:
                    counters.answered += 1
                    self._asked = None
                case ReportAction.RELEASE:
                    self._release(entry)
                case ReportAction.REPEAT:
                    transmits.append(self._repeat(entry, now))
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
        if self._asked is None:
            self._asked = now
        deadline = now + self._schedule.pause(entry.sent, self._jitter())
        heapq.heappush(self._timers, (deadline, next(self._order), entry))
        return Transmit(entry.slot[0], entry.datagram)

    def _release(self, entry: _Report) -> None:
        del self._slots[entry.slot]
        self._free.append(entry.slot)
        if self._newest.get(entry.call) is entry:
            del self._newest[entry.call]
