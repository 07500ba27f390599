"""The sink over UDP: what comes in, what is answered, what is counted."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyrad.packet import AcctPacket

from radius.packet import report_attributes
from radius.report import CallReport
from radius.sink import FORMER_FOR, Sink
from radius.wire import (
    STATUS_SERVER,
    AccountingPacket,
    accounting_request,
    attribute,
    dictionary,
    response_is_right,
)
from tests.radius.reports import REPORT

SECRET = b"2testing123"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Client:
    """One local port that talks to the sink."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.connect(server)

    def send(self, datagram: bytes) -> None:
        self.sock.send(datagram)

    async def answer(self) -> bytes:
        async with asyncio.timeout(5):
            return await asyncio.get_running_loop().sock_recv(self.sock, 4096)

    async def ask(self, datagram: bytes) -> bytes:
        self.send(datagram)
        return await self.answer()

    async def silence(self) -> None:
        """Everything sent so far has been handled without an answer: the next answer is Status-Server's."""
        probe = AcctPacket(code=STATUS_SERVER, secret=SECRET, dict=dictionary())
        reply = await self.ask(probe.RequestPacket())
        assert probe.VerifyReply(probe.CreateReply(packet=reply), enforce_ma=True)


@asynccontextmanager
async def a_sink(
    on_report: Callable[[CallReport], None] = lambda report: None, **options: Any
) -> AsyncIterator[tuple[Sink, Client]]:
    sink = Sink("127.0.0.1", 0, options.pop("clients", {"127.0.0.1": SECRET}), on_report, **options)
    client = Client(await sink.start())
    try:
        yield sink, client
    finally:
        client.sock.close()
        sink.close()


def request(
    report: CallReport = REPORT, identifier: int = 1, secret: bytes = SECRET, signed: bool = False
) -> bytes:
    return accounting_request(identifier, report_attributes(report)[0], secret, message_authenticator=signed)


def ordinary(identifier: int = 1) -> bytes:
    body = (
        attribute(40, b"\0\0\0\1")
        + attribute(44, b"session")
        + attribute(200, b"?")
        + attribute((9, 1), b"x=y")
    )
    return accounting_request(identifier, body, SECRET, message_authenticator=False)


async def test_a_report_is_handed_on_and_then_answered() -> None:
    got: list[CallReport] = []
    async with a_sink(got.append) as (sink, client):
        datagram = request()
        reply = await client.ask(datagram)
    assert got == [REPORT]
    assert len(reply) == 20
    assert response_is_right(AccountingPacket.received(reply, SECRET), datagram[4:20])
    assert sink.counters.reports == sink.counters.replies == sink.counters.datagrams == 1


async def test_a_repeated_request_gets_the_same_octets_and_counts_once() -> None:
    got: list[CallReport] = []
    async with a_sink(got.append) as (sink, client):
        first = await client.ask(request())
        assert await client.ask(request()) == first
        # In one batch, before the first of the two has been answered, too.
        client.send(request(identifier=2))
        client.send(request(identifier=2))
        assert await client.answer() == await client.answer()
    assert len(got) == 2
    assert sink.counters.duplicates == 2


async def test_reports_that_come_fast_are_read_together_after_a_pause() -> None:
    got: list[CallReport] = []
    clock = Clock()
    async with a_sink(got.append, pause=0.001, clock=clock) as (sink, client):
        clock.now += 10
        await client.ask(request())
        assert sink._look is None, "a report by itself is read as soon as it comes"
        await client.ask(request(identifier=2))
        assert sink._look is not None, "another one at once: the next are awaited"
        for identifier in range(3, 203):  # more than two batches
            client.send(request(identifier=identifier))
        for _ in range(200):
            await client.answer()
        await client.silence()
    assert len(got) == 202
    assert sink.counters.replies == 203


async def test_a_sink_is_closed_in_a_pause() -> None:
    async with a_sink(pause=60.0) as (sink, client):
        await client.ask(request())
        await client.ask(request(identifier=2))
        look = sink._look
        assert look is not None
    assert look.cancelled()


async def test_another_port_another_identifier_or_another_content_is_no_duplicate() -> None:
    got: list[CallReport] = []
    async with a_sink(got.append) as (sink, client):
        await client.ask(request())
        await client.ask(request(identifier=2))
        await client.ask(request(dataclasses.replace(REPORT, sequence=2)))
        other = Client(client.sock.getpeername())
        await other.ask(request())
        other.sock.close()
    assert len(got) == 4
    assert sink.counters.duplicates == 0


async def test_duplicates_are_forgotten_after_their_time() -> None:
    got: list[CallReport] = []
    clock = Clock()
    async with a_sink(got.append, clock=clock, remember_seconds=30) as (sink, client):
        await client.ask(request())
        clock.now += 29
        await client.ask(request())
        assert len(got) == 1
        clock.now += 100
        await client.ask(request())
    assert len(got) == 2
    assert sink.status()["remembered"] == 1


async def test_wrong_secret_is_dropped_and_counted() -> None:
    got: list[CallReport] = []
    async with a_sink(got.append) as (sink, client):
        client.send(request(secret=b"guess"))
        await client.silence()
    assert got == []
    assert sink.counters.wrong_secret == 1


async def test_a_former_secret_is_accepted_as_long_as_a_client_repeats() -> None:
    now = 0.0
    got: list[CallReport] = []
    async with a_sink(got.append, clock=lambda: now) as (sink, client):
        sink.configure({"127.0.0.1": "fresh"}, False)
        sink.configure({"127.0.0.1": "fresh"}, True)  # no other secret
        sink.configure({"127.0.0.1": SECRET, "10.0.0.1": "x"}, False)
        sink.configure({"127.0.0.1": "latest"}, False)
        for number, secret in enumerate((b"latest", SECRET, b"fresh")):
            datagram = request(identifier=number, secret=secret)
            reply = await client.ask(datagram)
            assert response_is_right(AccountingPacket.received(reply, secret), datagram[4:20])
        assert (len(got), sink.counters.former_secret, sink.counters.wrong_secret) == (3, 2, 0)

        now = FORMER_FOR
        client.send(request(identifier=9, secret=b"fresh"))
        assert await client.ask(request(identifier=10, secret=b"latest"))
        assert (len(got), sink.counters.wrong_secret) == (4, 1)


async def test_a_stranger_is_dropped_and_counted() -> None:
    awake = asyncio.Event()

    def clock() -> float:
        awake.set()
        return 0.0

    async with a_sink(clients={"192.0.2.1": SECRET}, clock=clock) as (sink, client):
        client.send(request())
        async with asyncio.timeout(5):
            await awake.wait()
    assert sink.counters.unknown_client == 1
    assert sink.counters.replies == 0


async def test_the_narrowest_network_has_the_secret() -> None:
    secrets = {"0.0.0.0/0": "everyone", "127.0.0.0/8": SECRET, "::/0": "six"}
    async with a_sink(clients=secrets) as (sink, client):
        await client.ask(request())
    assert sink.counters.reports == 1


@pytest.mark.parametrize("secrets", [{"localhost": "s"}, {"127.0.0.1": ""}])
def test_a_wrong_client_table_is_refused(secrets: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"localhost|empty"):
        Sink("127.0.0.1", 0, secrets, lambda report: None)


async def test_message_authenticator_is_checked_and_returned() -> None:
    async with a_sink() as (sink, client):
        datagram = request(signed=True)
        reply = AccountingPacket.received(await client.ask(datagram), SECRET)
        assert reply.message_authenticator
        assert response_is_right(reply, datagram[4:20])
        # One whose Request Authenticator is right, but not its Message-Authenticator.
        client.send(accounting_request(9, attribute(80, bytes(16)), SECRET, message_authenticator=False))
        await client.silence()
    assert sink.counters.wrong_message_authenticator == 1
    assert sink.counters.reports == 1


async def test_message_authenticator_is_required_when_so_configured() -> None:
    async with a_sink(require_message_authenticator=True) as (sink, client):
        client.send(request())
        await client.silence()
        await client.ask(request(signed=True))
    assert sink.counters.no_message_authenticator == 1
    assert sink.counters.reports == 1


async def test_status_server_without_message_authenticator_is_dropped() -> None:
    probe = AcctPacket(code=STATUS_SERVER, secret=SECRET, dict=dictionary())
    probe.message_authenticator = False
    forged = AcctPacket(code=STATUS_SERVER, secret=b"guess", dict=dictionary())
    async with a_sink() as (sink, client):
        client.send(probe.RequestPacket())
        client.send(forged.RequestPacket())
        await client.silence()
    assert sink.counters.no_message_authenticator == 1
    assert sink.counters.wrong_message_authenticator == 1
    assert sink.counters.status == 1


async def test_other_codes_and_malformed_packets_are_counted_by_kind() -> None:
    good = request()
    async with a_sink() as (sink, client):
        client.send(b"\x01" + good[1:])
        client.send(b"")
        client.send(good[:19])
        client.send(good[:-1])
        client.send(good[:2] + b"\0\x17" + good[4:22] + b"\0")
        client.send(good[:2] + b"\0\x26" + good[4:20] + bytes((80, 18)) + bytes(16))
        client.send(good[:2] + b"\0\x18" + good[4:20] + bytes((80, 4)) + bytes(2))
        await client.silence()
    assert sink.counters.wrong_code == 1
    assert sink.counters.malformed == {"short": 2, "length": 1, "attributes": 1, "message-authenticator": 1}
    assert sink.counters.wrong_secret == 1


async def test_accounting_that_is_no_call_report_is_answered_and_handed_to_the_other_receiver() -> None:
    got: list[CallReport] = []
    others: list[AccountingPacket] = []
    async with a_sink(got.append, on_other=others.append) as (sink, client):
        await client.ask(ordinary())
        broken = attribute((32473, 1), b"\0\0\0\1")
        await client.ask(accounting_request(2, broken, SECRET, message_authenticator=False))
    assert got == []
    assert [packet.get("Acct-Session-Id") for packet in others] == [["session"], None]
    assert sink.counters.other == 2
    assert sink.counters.broken_reports == 1


async def test_without_another_receiver_it_is_still_answered() -> None:
    async with a_sink() as (sink, client):
        await client.ask(ordinary())
    assert sink.counters.other == sink.counters.replies == 1


async def test_a_receiver_that_raises_leaves_the_request_unanswered_and_gets_it_again() -> None:
    calls: list[CallReport] = []

    def fails_once(report: CallReport) -> None:
        calls.append(report)
        if len(calls) == 1:
            raise RuntimeError("no room on the disk")

    async with a_sink(fails_once) as (sink, client):
        client.send(request())
        await client.silence()
        assert sink.counters.handler_failed == 1
        await client.ask(request())
    assert calls == [REPORT, REPORT]
    assert sink.counters.reports == 1
    assert sink.counters.duplicates == 0


async def test_a_receiver_that_does_not_take_it_now_gets_it_again_without_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls: list[CallReport] = []

    def not_now(report: CallReport) -> bool:
        calls.append(report)
        return len(calls) > 1

    async with a_sink(not_now) as (sink, client):
        client.send(request())
        await client.silence()
        assert (sink.counters.not_taken, sink.counters.handler_failed) == (1, 0)
        await client.ask(request())
    assert calls == [REPORT, REPORT]
    assert sink.counters.reports == 1
    assert caplog.text == ""


async def test_what_was_not_kept_is_not_answered() -> None:
    order: list[str] = []

    def keep() -> None:
        order.append("kept")
        if len(order) == 2:
            raise OSError("no room on the disk")

    async with a_sink(lambda report: order.append(report.call_id), before_replies=keep) as (sink, client):
        client.send(request())
        await client.silence()
        await client.ask(request())
        order.append("answered")
        await client.ask(request())
    assert order == ["c-1", "kept", "c-1", "kept", "answered"]
    assert sink.counters.not_kept == 1
    assert sink.counters.duplicates == 1


async def test_a_cut_report_is_counted() -> None:
    body = report_attributes(REPORT)[0] + attribute((32473, 12), b"\0\0\0\3")
    async with a_sink() as (sink, client):
        await client.ask(accounting_request(1, body, SECRET, message_authenticator=False))
    assert sink.counters.cut_reports == 1


async def test_a_burst_is_answered_in_whole() -> None:
    got: list[CallReport] = []
    async with a_sink(got.append, batch=8) as (_, client):
        for identifier in range(50):
            client.send(request(identifier=identifier))
        answers = {(await client.answer())[1] for _ in range(50)}
    assert answers == set(range(50))
    assert len(got) == 50


async def test_the_port_is_free_again_after_close() -> None:
    sink = Sink("127.0.0.1", 0, {"127.0.0.1": SECRET}, lambda report: None)
    host, port = await sink.start()
    with pytest.raises(OSError, match="in use"):
        await Sink(host, port, {}, lambda report: None).start()
    with pytest.raises(RuntimeError):
        await sink.start()
    sink.close()
    sink.close()
    again = Sink(host, port, {"127.0.0.1": SECRET}, lambda report: None)
    assert await again.start() == (host, port)
    again.close()


async def test_ipv6() -> None:
    sink = Sink("::1", 0, {"::1": SECRET}, lambda report: None)
    try:
        server = await sink.start()
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect(server)
        sock.send(request())
        async with asyncio.timeout(5):
            await asyncio.get_running_loop().sock_recv(sock, 4096)
    sink.close()
    assert sink.counters.reports == 1


def resigned(datagram: bytes) -> bytes:
    """The datagram with the right length and Request Authenticator, to get behind the first gates."""
    return accounting_request(
        datagram[1] if len(datagram) > 1 else 0, datagram[20:], SECRET, message_authenticator=False
    )


good = st.builds(
    lambda cut, at, octets: (
        request(signed=cut % 2 == 0)[: cut + 20][:at] + octets + request()[at + len(octets) :]
    ),
    st.integers(0, 250),
    st.integers(0, 200),
    st.binary(max_size=6),
)
datagrams = st.one_of(
    st.binary(max_size=300), good, good.map(resigned), st.binary(max_size=300).map(resigned)
)


@given(st.lists(datagrams, max_size=12), st.booleans())
@settings(max_examples=60, deadline=None)
def test_no_datagram_stops_the_sink(noise: list[bytes], required: bool) -> None:
    async def dialogue() -> None:
        got: list[CallReport] = []
        failures: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: failures.append(context))
        async with a_sink(got.append, require_message_authenticator=required) as (sink, client):
            for datagram in noise:
                client.send(datagram)
            marked = dataclasses.replace(REPORT, call_id="the one after the noise")
            datagram = request(marked, identifier=255, signed=True)
            client.send(datagram)
            async with asyncio.timeout(5):
                while not response_is_right(
                    AccountingPacket.received(await client.answer(), SECRET), datagram[4:20]
                ):
                    pass
        assert got[-1] == marked
        assert failures == []
        c = sink.counters
        outcomes = (
            c.reports, c.other, c.duplicates, c.status, c.unknown_client, c.wrong_secret,
            c.wrong_message_authenticator, c.no_message_authenticator, c.wrong_code, c.not_taken,
            c.handler_failed,
            *c.malformed.values(),
        )  # fmt: skip
        assert sum(outcomes) == c.datagrams == len(noise) + 1

    asyncio.run(dialogue())
