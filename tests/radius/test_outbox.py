"""The outbox as a dialogue, and against a line that loses, doubles and reorders, in simulated time."""

from __future__ import annotations

import dataclasses
import hashlib
import heapq
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docs.state_tables import arrows
from radius.outbox import REPORT_TABLE, Outbox, Schedule, Transmit
from radius.packet import ReportError, packet_to_report
from radius.report import CallReport, Match, Party
from radius.sink import Duplicates
from radius.wire import (
    ACCOUNTING_RESPONSE,
    MESSAGE_AUTHENTICATOR,
    AccountingPacket,
    accounting_response,
    attribute,
    message_authenticator_is_right,
    request_authenticator_is_right,
)

SECRET = b"2testing123"


def a_report(call: str = "c-1", sequence: int = 1, matches: int = 0) -> CallReport:
    return CallReport(
        call_id=call,
        domain="test.domain",
        sequence=sequence,
        time=1_700_000_000.0 + sequence,
        connection=0x1C,
        calling=Party(digits="28331"),
        called=Party(digits="28332"),
        matches=tuple(
            Match(object_number=n, role="a", called=Party(digits="28332"), time=1.0) for n in range(matches)
        ),
    )


def read(transmit: Transmit) -> AccountingPacket:
    return AccountingPacket.received(transmit.datagram, SECRET)


def answer(transmit: Transmit) -> bytes:
    return accounting_response(read(transmit))


def test_pauses_double_up_to_the_longest() -> None:
    schedule = Schedule(first=0.5, longest=8)
    assert [schedule.pause(sent, 0) for sent in (1, 2, 3, 4, 5, 6, 1000)] == [0.5, 1, 2, 4, 8, 8, 8]
    assert schedule.pause(1, 1) == pytest.approx(0.55)
    assert schedule.pause(1, -1) == pytest.approx(0.45)


def unsigned(transmit: Transmit) -> bytes:
    """An answer that is right but for its missing Message-Authenticator."""
    request = read(transmit)
    request.message_authenticator = None
    return accounting_response(request)


@pytest.mark.parametrize("required", [True, False])
def test_the_message_authenticator_of_an_answer(required: bool) -> None:
    """It is required by choice. A wrong one is dropped in any case, whatever the Response Authenticator says."""
    outbox = Outbox(SECRET, require_message_authenticator=required)
    (first,) = outbox.queue(a_report(), 100)
    head = bytes((ACCOUNTING_RESPONSE, read(first).id, 0, 38))
    wrong = attribute(MESSAGE_AUTHENTICATOR, bytes(16))
    digest = hashlib.md5(head + first.datagram[4:20] + wrong + SECRET, usedforsecurity=False).digest()
    outbox.received(first.port, head + digest + wrong, 100.1)
    assert (outbox.counters.wrong_answers, outbox.outstanding) == (1, 1)
    outbox.received(first.port, unsigned(first), 100.2)
    assert (outbox.counters.no_message_authenticator, outbox.outstanding) == ((1, 1) if required else (0, 0))
    outbox.received(first.port, answer(first), 100.3)
    assert (outbox.counters.answered, outbox.outstanding) == (1, 0)


def test_the_message_authenticator_is_the_first_attribute() -> None:
    (first,) = Outbox(SECRET).queue(a_report(), 100)
    assert first.datagram[20:22] == bytes((MESSAGE_AUTHENTICATOR, 18))
    assert answer(first)[20:22] == bytes((MESSAGE_AUTHENTICATOR, 18))


def test_a_report_is_repeated_octet_for_octet_until_it_is_answered() -> None:
    outbox = Outbox(SECRET, schedule=Schedule(first=1, longest=4))
    (first,) = outbox.queue(a_report(), 100)
    assert request_authenticator_is_right(read(first))
    assert message_authenticator_is_right(read(first))
    assert packet_to_report(read(first)) == a_report()
    assert outbox.next_deadline() == 101
    assert outbox.tick(100.9) == []
    assert outbox.tick(101) == [first]
    assert outbox.next_deadline() == 103
    assert outbox.tick(103) == [first]
    assert outbox.received(first.port, answer(first), 103.5) == []
    assert outbox.next_deadline() is None
    assert outbox.unconfirmed == outbox.outstanding == 0
    counters = outbox.counters
    assert (counters.queued, counters.sent, counters.repeated, counters.answered) == (1, 3, 2, 1)


def test_after_the_servers_memory_it_is_made_anew_with_its_delay() -> None:
    outbox = Outbox(SECRET, schedule=Schedule(first=8, longest=8, renew_after=20))
    (first,) = outbox.queue(a_report(), 100)
    assert "Acct-Delay-Time" not in read(first)
    assert outbox.tick(108) == outbox.tick(116) == [first]
    (anew,) = outbox.tick(124)
    packet = read(anew)
    assert packet["Acct-Delay-Time"] == [24]
    assert packet.id != read(first).id
    assert packet.authenticator != read(first).authenticator
    assert packet_to_report(packet) == a_report()
    # The old request's answer says nothing any more; the new one's does.
    outbox.received(first.port, answer(first), 125)
    assert (outbox.unconfirmed, outbox.counters.wrong_answers) == (1, 1)
    outbox.received(anew.port, answer(anew), 125)
    assert outbox.unconfirmed == 0


def test_a_newer_report_of_the_call_takes_the_place_of_the_older() -> None:
    outbox = Outbox(SECRET, schedule=Schedule(first=1))
    (older,) = outbox.queue(a_report(sequence=1), 100)
    (newer,) = outbox.queue(a_report(sequence=2), 100.5)
    assert outbox.unconfirmed == 1
    assert outbox.outstanding == 2
    # The older one is not sent again, and gives its identifier back.
    assert outbox.tick(101) == []
    assert outbox.outstanding == 1
    assert outbox.tick(101.5) == [newer]
    outbox.received(older.port, answer(older), 101.6)
    assert outbox.unconfirmed == 1
    outbox.received(newer.port, answer(newer), 101.7)
    assert outbox.unconfirmed == 0
    assert (outbox.counters.superseded, outbox.counters.answered) == (1, 1)


def test_an_older_report_of_the_call_is_not_sent_after_a_newer() -> None:
    outbox = Outbox(SECRET)
    outbox.queue(a_report(sequence=2), 100)
    assert outbox.queue(a_report(sequence=1), 100) == []
    assert outbox.queue(a_report(sequence=2), 100) == []
    assert outbox.counters.superseded == 2


def test_a_report_that_left_something_out_does_not_replace_the_one_before() -> None:
    outbox = Outbox(SECRET, schedule=Schedule(first=1))
    (older,) = outbox.queue(a_report(sequence=1, matches=3), 100)
    (cut,) = outbox.queue(a_report(sequence=2, matches=200), 100)
    assert outbox.tick(101) == [older, cut]
    assert outbox.unconfirmed == 2
    assert outbox.counters.cut == 1


def test_a_report_that_left_something_out_does_not_replace_one_that_waits() -> None:
    outbox = Outbox(SECRET, ports=1)
    sent = [t for n in range(256) for t in outbox.queue(a_report(f"out-{n}"), 100)]
    for sequence, matches in ((1, 3), (2, 200), (3, 201)):
        outbox.queue(a_report(sequence=sequence, matches=matches), 101)
    freed = [t for one in sent[:3] for t in outbox.received(0, answer(one), 102)]
    assert [packet_to_report(read(t)).sequence for t in freed] == [1, 2, 3]
    assert outbox.counters.superseded == 0


def test_more_local_ports_when_the_identifiers_are_out_and_then_waiting() -> None:
    outbox = Outbox(SECRET, ports=2)
    sent = [t for n in range(600) for t in outbox.queue(a_report(str(n)), 100)]
    assert len(sent) == 512
    assert len({(t.port, t.datagram[1]) for t in sent}) == 512
    assert {t.port for t in sent} == {0, 1}
    assert outbox.waiting == 88
    (next_one,) = outbox.received(sent[0].port, answer(sent[0]), 101)
    assert packet_to_report(read(next_one)).call_id == "512"
    assert outbox.waiting == 87


def test_a_full_queue_drops_the_oldest_and_counts_it() -> None:
    outbox = Outbox(SECRET, ports=1, limit=3)
    sent = [t for n in range(256) for t in outbox.queue(a_report(f"out-{n}"), 100)]
    for n in range(5):
        outbox.queue(a_report(f"wait-{n}"), 101)
    assert (outbox.waiting, outbox.counters.dropped) == (3, 2)
    # A newer report of a waiting call takes its place in the queue and drops nobody.
    outbox.queue(a_report("wait-2", sequence=2), 102)
    assert (outbox.waiting, outbox.counters.dropped) == (3, 2)
    (freed,) = outbox.received(0, answer(sent[0]), 103)
    assert packet_to_report(read(freed)) == a_report("wait-2", sequence=2)
    assert read(freed)["Acct-Delay-Time"] == [2]


def test_gives_up_at_last_and_counts_it() -> None:
    outbox = Outbox(SECRET, schedule=Schedule(first=1, longest=10, give_up_after=60))
    outbox.queue(a_report(), 0)
    while (deadline := outbox.next_deadline()) is not None:
        assert deadline < 80
        outbox.tick(deadline)
    assert outbox.counters.given_up == 1
    assert outbox.unconfirmed == outbox.outstanding == 0


def test_answers_of_others_are_counted_and_change_nothing() -> None:
    outbox = Outbox(SECRET)
    (sent,) = outbox.queue(a_report(), 100)
    good = answer(sent)
    other_secret = accounting_response(AccountingPacket.received(sent.datagram, b"another"))
    for port, datagram in (
        (sent.port + 1, good),
        (sent.port, other_secret),
        (sent.port, good[:-1]),
        (sent.port, b"\x02" + good[1:]),
        (sent.port, bytes((good[0], good[1] ^ 1)) + good[2:]),
        (sent.port, sent.datagram),
        (sent.port, b""),
    ):
        assert outbox.received(port, datagram, 100) == []
    assert outbox.counters.wrong_answers == 7
    assert outbox.unconfirmed == 1


def test_the_states_shown_are_those_of_the_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "radius.md").read_text(encoding="utf-8")
    assert f"```text\n{arrows(REPORT_TABLE)}\n```" in page


def test_nas_ip_address() -> None:
    (sent,) = Outbox(SECRET, nas_ip_address="192.0.2.7").queue(a_report(), 100)
    assert read(sent)["NAS-IP-Address"] == ["192.0.2.7"]


def test_a_report_that_cannot_travel_changes_nothing() -> None:
    outbox = Outbox(SECRET)
    with pytest.raises(ReportError, match="call_id"):
        outbox.queue(a_report(""), 100)
    assert outbox.counters.queued == outbox.unconfirmed == 0


@pytest.mark.parametrize("options", [{"limit": 0}, {"ports": 0}])
def test_bounds_must_be_positive(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="positive"):
        Outbox(SECRET, **options)  # type: ignore[arg-type]


class Server:
    """A sink without a socket: takes every new request once."""

    def __init__(self) -> None:
        self.duplicates = Duplicates(lifetime=30)
        self.taken: list[CallReport] = []

    def receive(self, port: int, datagram: bytes, now: float) -> bytes:
        packet = AccountingPacket.received(datagram, SECRET)
        assert request_authenticator_is_right(packet)
        self.duplicates.turn(now)
        key = (port, packet.id, packet.authenticator)
        reply = self.duplicates.answer(key)
        if reply is None:
            self.taken.append(packet_to_report(packet))
            reply = accounting_response(packet)
            self.duplicates.remember(key, reply, now)
        return reply


# What the line does to one datagram: the delays of the copies that arrive; none when it is lost.
fates = st.lists(st.floats(0, 3), max_size=3)


@given(
    st.lists(st.tuples(st.floats(0, 2), st.integers(0, 3)), min_size=1, max_size=25),
    st.lists(fates, max_size=60),
    st.integers(1, 2),
)
@settings(max_examples=80, deadline=None)
def test_loss_doubling_and_reordering_lose_nothing(
    calls: list[tuple[float, int]], line: list[list[float]], ports: int
) -> None:
    """Whatever the line does for a while, in the end the server knows the last report of every call, and no
    request has been handed on twice."""
    server = Server()
    outbox = Outbox(SECRET, ports=ports, schedule=Schedule(first=0.5, longest=4))
    order = count()
    agenda: list[tuple[float, int, str, object]] = []
    sequences: dict[int, int] = {}
    at = 0.0
    for pause, call in calls:
        at += pause
        sequences[call] = sequences.get(call, 0) + 1
        heapq.heappush(agenda, (at, next(order), "report", a_report(str(call), sequences[call])))
    decisions = iter(line)

    def carry(kind: str, what: object, now: float) -> None:
        for delay in next(decisions, [0.01]):
            heapq.heappush(agenda, (now + delay, next(order), kind, what))

    while agenda or outbox.next_deadline() is not None:
        deadline = outbox.next_deadline()
        if agenda and (deadline is None or agenda[0][0] <= deadline):
            now, _, kind, what = heapq.heappop(agenda)
            transmits: list[Transmit] = []
            if kind == "report":
                assert isinstance(what, CallReport)
                transmits = outbox.queue(what, now)
            elif kind == "request":
                assert isinstance(what, Transmit)
                carry("answer", (what.port, server.receive(what.port, what.datagram, now)), now)
            else:
                assert isinstance(what, tuple)
                transmits = outbox.received(*what, now)
        else:
            assert deadline is not None
            now = deadline
            transmits = outbox.tick(now)
        assert now < 1000, "it comes to an end"
        for transmit in transmits:
            carry("request", transmit, now)

    known: dict[str, int] = {}
    for report in server.taken:
        known[report.call_id] = max(known.get(report.call_id, 0), report.sequence)
    assert known == {str(call): sequence for call, sequence in sequences.items()}
    assert len(set(server.taken)) == len(server.taken)
    counters = dataclasses.asdict(outbox.counters)
    assert counters["queued"] == counters["answered"] + counters["superseded"]
    assert outbox.unconfirmed == outbox.outstanding == 0
