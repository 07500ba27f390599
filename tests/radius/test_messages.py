"""Reports of electronic messages: as packets and back, on their way, and received."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyrad.packet import AcctPacket

from radius.outbox import Outbox
from radius.packet import (
    HEADER,
    LONGEST_TEXT,
    MOST_MATCHES,
    PIECE,
    RESERVED,
    TEXT,
    ReportError,
    is_message,
    is_report,
    message_attributes,
    packet_to_message,
    report_to_packet,
)
from radius.report import MESSAGE_ROLES, CallReport, Match, MessageReport, Party
from radius.reporter import Reporter
from radius.sink import Sink
from radius.wire import LONGEST, AccountingPacket, accounting_request, attribute, dictionary
from tests.radius.test_packet import names, parties, times

SECRET = b"2testing123"
imsis = st.text("0123456789", max_size=18)
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=700)


@st.composite
def messages(draw: st.DrawFn) -> MessageReport:
    match = st.builds(
        Match,
        object_number=st.integers(0, 0xFFFF),
        role=st.sampled_from(MESSAGE_ROLES),
        called=parties,
        time=times,
    )
    return MessageReport(
        message_id=draw(names),
        domain=draw(names),
        time=draw(times),
        sender=draw(parties),
        receiver=draw(parties),
        sender_station=draw(st.just("") | st.text("0123456789", min_size=1, max_size=18)),
        receiver_station=draw(st.just("") | st.text("0123456789", min_size=1, max_size=18)),
        sender_imsi=draw(imsis),
        receiver_imsi=draw(imsis),
        text=draw(texts),
        delivered=draw(st.none() | st.booleans()),
        matches=tuple(draw(st.lists(match, max_size=MOST_MATCHES))),
    )


def a_message(**changes: object) -> MessageReport:
    message = MessageReport(
        message_id="c-18",
        domain="test.domain",
        time=1_700_000_000.25,
        sender=Party(digits="28331", ni="private"),
        receiver=Party(digits="89001758964", ni="intercity", trunk=3),
        sender_station="3832728331",
        receiver_station="9001758964",
        sender_imsi="250011234567890",
        text="Жду в 10.",
        delivered=False,
        matches=(
            Match(object_number=258, role="a", called=Party(digits="89001758964"), time=1_700_000_000.25),
        ),
    )
    return dataclasses.replace(message, **changes)  # type: ignore[arg-type]


@given(messages())
def test_what_went_in_comes_out(message: MessageReport) -> None:
    packet = report_to_packet(message, secret=SECRET)
    assert is_message(packet)
    assert not is_report(packet)
    assert packet_to_message(packet) == message
    assert all(piece.decode() for piece in packet.values_of(TEXT.key))


@given(messages())
@settings(max_examples=20)
def test_pyrad_itself_reads_the_same_message(message: MessageReport) -> None:
    packet = report_to_packet(message, secret=SECRET)
    by_pyrad = AcctPacket(packet=packet.raw_packet, secret=SECRET, dict=dictionary())
    assert by_pyrad.VerifyAcctRequest()
    assert packet_to_message(by_pyrad) == message


def test_the_attributes() -> None:
    packet = report_to_packet(a_message())
    assert packet["Acct-Status-Type"] == ["Stop"]
    assert packet["Acct-Session-Id"] == ["c-18"]
    assert packet["Sorm-Calling"] == ["28331 private -"]
    assert packet["Sorm-Called"] == ["89001758964 intercity 3"]
    assert packet["Sorm-Calling-IMSI"] == ["250011234567890"]
    assert packet["Sorm-Delivered"] == ["Not-Delivered"]
    assert packet["Sorm-Text-Length"] == [13]
    assert packet["Sorm-Text"] == ["Жду в 10."]
    assert "Sorm-Sequence" not in packet


@pytest.mark.parametrize("letter", ["x", "ж", "€", "😀"])
@pytest.mark.parametrize("before", ["", "a", "bb", "ccc"])
def test_a_long_text_is_cut_between_characters_and_kept_in_order(letter: str, before: str) -> None:
    text = before + letter * ((LONGEST_TEXT - len(before)) // len(letter.encode()))
    packet = report_to_packet(a_message(text=text))
    values = packet.values_of(TEXT.key)
    assert len(values) > 1
    assert [value.decode() for value in values] == packet["Sorm-Text"]
    assert all(PIECE - 3 <= len(value) <= PIECE for value in values[:-1])
    assert packet_to_message(packet).text == text


def test_the_longest_text_always_fits_with_all_its_objects() -> None:
    party = Party(digits="9" * 40, ni="international", trunk=65535)
    match = Match(object_number=65535, role="a-imsi", called=party, time=4_000_000_000.123456)
    message = a_message(
        message_id="m" * 60,
        domain="d" * 253,
        time=4_000_000_000.5,
        sender=party,
        receiver=party,
        sender_station="9" * 40,
        receiver_station="9" * 40,
        sender_imsi="2" * 18,
        receiver_imsi="2" * 18,
        text="😀" * (LONGEST_TEXT // 4),
        matches=(match,) * MOST_MATCHES,
    )
    assert len(message_attributes(message)) <= LONGEST - HEADER - RESERVED


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"text": "x" * (LONGEST_TEXT + 1)}, "text: 2801 octets of UTF-8; up to 2800"),
        ({"text": "\ud800"}, "text: not a text"),
        ({"sender_imsi": "25x"}, "sender_imsi: '25x' is not"),
        ({"message_id": ""}, "message_id: 0 octets"),
        ({"matches": (Match(object_number=1, role="service", called=Party(), time=1.0),)}, "matches.0..role"),
        ({"matches": (Match(object_number=1, role="a", called=Party(), time=1.0),) * 300}, "don't fit"),
    ],
)
def test_what_cannot_be_reported_is_refused(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(ReportError, match=complaint):
        message_attributes(a_message(**changes))


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("Sorm-Text", b"more", "Sorm-Text: 17 octets, where Sorm-Text-Length says 13"),
        ("Sorm-Text-Length", bytes(4), "Sorm-Text-Length: stands 2 times"),
        ("Sorm-Sequence", b"\0\0\0\1", "Sorm-Sequence: stands in the report of a message"),
        ("Sorm-Delivered", b"\1", "Sorm-Delivered: stands 2 times"),
        ("Sorm-Called-IMSI", b"abc", "Sorm-Called-IMSI: b'abc' is not"),
        ("Sorm-Match", b"1 service 1700000000500000 28332 private -", "Sorm-Match: .*documented form"),
    ],
)
async def test_a_broken_message_is_refused_as_a_broken_call_report_is(
    name: str, value: bytes, complaint: str
) -> None:
    octets = message_attributes(a_message()) + attribute(dictionary().attrindex[name], value)
    packet = AccountingPacket.received(
        accounting_request(1, octets, SECRET, message_authenticator=False), SECRET
    )
    with pytest.raises(ReportError, match=complaint):
        packet_to_message(packet)


def test_a_message_is_not_taken_for_a_call_of_its_name() -> None:
    outbox = Outbox(SECRET)
    call = CallReport(
        call_id="c-18",
        domain="test.domain",
        sequence=5,
        time=1.0,
        connection=0x1C,
        calling=Party(),
        called=Party(),
    )
    assert len(outbox.queue(call, 0.0)) == 1
    assert len(outbox.queue(a_message(), 0.0)) == 1
    assert outbox.queue(a_message(), 0.0) == []
    assert outbox.counters.superseded == 1
    assert outbox.outstanding == 2


async def test_messages_arrive_once_though_the_receiver_fails_at_first() -> None:
    got: list[MessageReport] = []
    failures = [RuntimeError("the disk is full")]

    def take(message: MessageReport) -> None:
        if failures:
            raise failures.pop()
        got.append(message)

    calls: list[CallReport] = []
    others: list[AccountingPacket] = []
    sink = Sink("127.0.0.1", 0, {"127.0.0.1": SECRET}, calls.append, on_message=take, on_other=others.append)
    reporter = Reporter(await sink.start(), SECRET)
    await reporter.start()
    long = a_message(message_id="c-19", text="Ж" * (LONGEST_TEXT // 2))
    try:
        reporter.send(a_message())
        reporter.send(long)
        async with asyncio.timeout(10):
            await reporter.drain()
    finally:
        reporter.close()
        sink.close()
    assert sorted(got, key=lambda message: message.message_id) == [a_message(), long]
    assert (calls, others) == ([], [])
    assert sink.counters.messages == 2
    assert sink.counters.handler_failed == 1
    assert sink.counters.reports == sink.counters.other == 0
    assert reporter.status()["answered"] == 2


async def test_a_broken_message_and_one_that_nobody_wants_are_handed_on_as_packets() -> None:
    others: list[AccountingPacket] = []
    for wanted in (True, False):
        sink = Sink(
            "127.0.0.1", 0, {"127.0.0.1": SECRET}, lambda report: None,
            on_message=(lambda message: None) if wanted else None,
            on_other=others.append,
        )  # fmt: skip
        reporter = Reporter(await sink.start(), SECRET)
        await reporter.start()
        try:
            reporter.send(a_message())
            async with asyncio.timeout(10):
                await reporter.drain()
        finally:
            reporter.close()
            sink.close()
        assert sink.counters.other == len(others) == (0 if wanted else 1)
        assert sink.counters.broken_reports == 0
