"""Who is refused at the sink, and a server that does not answer: told, and not too often."""

from __future__ import annotations

import asyncio
import logging
import socket

import pytest

from radius.outbox import SILENT, Schedule
from radius.refusals import LASTS, MOST, Refusal, Refusals
from radius.reporter import Reporter
from radius.sink import Sink
from tests.radius.reports import REPORT
from tests.radius.test_sink import Clock, a_sink, ordinary, request


def test_a_refusal_is_told_at_once_and_then_once_a_minute_while_it_lasts() -> None:
    refusals = Refusals()
    told = [at for at in range(0, 200, 5) if refusals.note("127.0.0.1", "wrong secret", float(at))]
    assert told == [0, 60, 120, 180]
    assert [one.count for one in refusals.lasting(195.0)] == [40]
    assert refusals.lasting(195.0 + LASTS + 1) == []


def test_forged_addresses_fill_neither_the_memory_nor_the_log() -> None:
    refusals = Refusals()
    told = [refusals.note(f"10.0.{n // 256}.{n % 256}", "unknown client", 1.0) for n in range(5000)]
    assert sum(one is not None for one in told) == len(refusals.lasting(1.0)) == MOST


@pytest.mark.parametrize(
    ("clients", "required", "why"),
    [
        ({"127.0.0.1": b"other"}, False, "wrong secret"),
        ({"10.0.0.0/8": b"other"}, False, "unknown client"),
        ({"127.0.0.1": b"2testing123"}, True, "no Message-Authenticator"),
    ],
)
async def test_each_reason_of_the_sink_is_told(clients: dict[str, bytes], required: bool, why: str) -> None:
    told: list[Refusal] = []
    refused = asyncio.Event()

    def on_refused(one: Refusal) -> None:
        told.append(one)
        refused.set()

    options = {"clients": clients, "require_message_authenticator": required, "on_refused": on_refused}
    async with a_sink(**options) as (sink, client), asyncio.timeout(10):
        client.send(request())
        await refused.wait()
        assert [(one.host, one.why) for one in told] == [("127.0.0.1", why)]
        assert [one.why for one in sink.refusals()] == [why]
        sink.configure({"127.0.0.1": b"2testing123"}, False)
        assert sink.refusals() == []
        await client.ask(ordinary(7))
        assert len(told) == 1


async def test_a_server_that_does_not_answer_is_told_once_a_minute_and_when_it_answers_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "radius")
    clock = Clock()
    sink = Sink("127.0.0.1", 0, {"127.0.0.1": "other"}, lambda report: None)
    server = await sink.start()
    sent = asyncio.Event()
    reporter = Reporter(
        server,
        "2testing123",
        schedule=Schedule(first=0.01, longest=0.01),
        on_datagram=lambda *_, **__: sent.set(),
        clock=clock,
    )
    await reporter.start()
    try:
        async with asyncio.timeout(10):
            reporter.send(REPORT)
            assert reporter.status()["answers"] is True
            for _ in range(3):
                clock.now += SILENT
                sent.clear()
                await sent.wait()
            assert reporter.status()["answers"] is False
            lines = [record.getMessage() for record in caplog.records]
            assert len(lines) == 1
            assert f"RADIUS server 127.0.0.1:{server[1]} does not answer" in lines[0]
            assert REPORT.call_id not in lines[0]
            assert "2testing123" not in lines[0]
            sink.configure({"127.0.0.1": "2testing123"}, False)
            clock.now += SILENT
            await reporter.drain()
        assert reporter.status()["answers"] is True
        assert "answers again" in caplog.records[-1].getMessage()
    finally:
        reporter.close()
        sink.close()


@pytest.mark.parametrize(
    ("source", "comes_from"),
    [("127.0.0.2", "127.0.0.2"), ("", "127.0.0.1"), ("0.0.0.0", "127.0.0.1")],  # noqa: S104
)
async def test_reports_come_from_the_address_of_the_switch(source: str, comes_from: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        reporter = Reporter(server.getsockname(), "2testing123", source=source)
        await reporter.start()
        try:
            async with asyncio.timeout(10):
                reporter.send(REPORT)
                _, address = await asyncio.get_running_loop().sock_recvfrom(server, 4096)
        finally:
            reporter.close()
    assert address[0] == comes_from


async def test_a_switch_that_listens_on_loopback_reaches_a_server_elsewhere() -> None:
    reporter = Reporter(("192.0.2.1", 1813), "2testing123", source="127.0.0.1")
    await reporter.start()
    try:
        assert reporter._own is None
    finally:
        reporter.close()
