"""Reporter and sink, over real sockets."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from radius.outbox import Schedule
from radius.packet import ReportError
from radius.report import CallReport
from radius.reporter import Reporter
from radius.sink import Sink
from tests.radius.reports import REPORT

QUICK = Schedule(first=0.02, longest=0.1)


def report(number: int, sequence: int = 1) -> CallReport:
    return dataclasses.replace(REPORT, call_id=f"c-{number}", sequence=sequence)


@asynccontextmanager
async def both(
    on_report: Callable[[CallReport], None], secret: str | None = None, **options: Any
) -> AsyncIterator[tuple[Sink, Reporter]]:
    sink = Sink("127.0.0.1", 0, {"127.0.0.1": "2testing123"}, on_report, **options)
    reporter = Reporter(await sink.start(), secret or "2testing123", schedule=QUICK)
    await reporter.start()
    try:
        async with asyncio.timeout(10):
            yield sink, reporter
    finally:
        reporter.close()
        sink.close()


async def test_what_is_sent_arrives() -> None:
    got: list[CallReport] = []
    async with both(got.append, require_message_authenticator=True) as (sink, reporter):
        for number in range(1500):
            reporter.send(report(number))
        await reporter.drain()
    assert sorted(r.call_id for r in got) == sorted(f"c-{n}" for n in range(1500))
    assert reporter.status()["answered"] == 1500
    assert sink.counters.reports == 1500
    assert reporter.status()["outstanding"] == 0


async def test_more_than_may_wait_is_dropped_counted_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    now = [1000.0]
    reporter = Reporter(("127.0.0.1", 1), "2testing123", limit=2, clock=lambda: now[0])
    for number in range(1024):  # as many as can be outstanding
        reporter.send(report(number))
    reporter.send(report(1024))
    now[0] += 5
    for number in range(1025, 1030):
        reporter.send(report(number))
    status = reporter.status()
    reporter.close()
    assert (status["dropped"], status["waiting"], status["limit"]) == (4, 2, 2)
    assert status["oldest"] == 0.0
    assert caplog.text.count("too many wait for it (reports_waiting)") == 1


async def test_one_that_never_began_to_send_can_be_closed() -> None:
    reporter = Reporter(("127.0.0.1", 1), "2testing123", schedule=QUICK)
    reporter.send(report(1))
    reporter.close()
    assert reporter.status()["outstanding"] == 1


async def test_a_closed_one_has_no_timer_left(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    timers: list[asyncio.TimerHandle] = []
    call_at, call_later = loop.call_at, loop.call_later

    def kept(ask: Callable[..., asyncio.TimerHandle]) -> Callable[..., asyncio.TimerHandle]:
        def wrapper(*args: Any, **options: Any) -> asyncio.TimerHandle:
            timers.append(ask(*args, **options))
            return timers[-1]

        return wrapper

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        reporter = Reporter(silent.getsockname(), "2testing123", schedule=QUICK)
        await reporter.start()
        monkeypatch.setattr(loop, "call_at", kept(call_at))
        monkeypatch.setattr(loop, "call_later", kept(call_later))
        reporter.send(report(1))
        armed = [timer for timer in timers if not timer.cancelled()]
        reporter.close()
    assert armed
    assert all(timer.cancelled() for timer in armed)


async def test_a_closed_one_has_freed_its_ports() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        reporter = Reporter(silent.getsockname(), "2testing123", schedule=QUICK)
        await reporter.start()
        reporter.send(report(1))
        _, address = silent.recvfrom(4096)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            with pytest.raises(OSError, match="in use"):
                other.bind(address)
            reporter.close()
            other.bind(address)


async def test_a_sink_that_comes_back_gets_what_happened_meanwhile() -> None:
    got: list[CallReport] = []
    async with both(got.append) as (sink, reporter):
        host, port = reporter.status()["server"].split(":")
        sink.close()
        reporter.send(report(1, 1))
        reporter.send(report(1, 2))
        reporter.send(report(2, 1))
        again = Sink(host, int(port), {"127.0.0.1": "2testing123"}, got.append)
        await again.start()
        await reporter.drain()
        again.close()
    assert [r for r in got if r.call_id == "c-1"] == [report(1, 2)]
    assert report(2, 1) in got


async def test_a_closed_port_is_noticed_and_counted() -> None:
    refused = asyncio.Event()

    class Noticing(Reporter):
        def _drain(self, index: int, sock: socket.socket) -> None:
            super()._drain(index, sock)
            if self.status()["refused"]:
                refused.set()

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        server = sock.getsockname()
    reporter = Noticing(server, "2testing123", schedule=QUICK)
    await reporter.start()
    reporter.send(REPORT)
    async with asyncio.timeout(5):
        await refused.wait()
    assert reporter.status()["outstanding"] == 1
    reporter.close()


async def test_a_receiver_that_fails_at_first_gets_the_report_again() -> None:
    calls: list[CallReport] = []

    def fails_twice(r: CallReport) -> None:
        calls.append(r)
        if len(calls) <= 2:
            raise RuntimeError("not now")

    async with both(fails_twice) as (sink, reporter):
        reporter.send(REPORT)
        await reporter.drain()
    assert calls == [REPORT] * 3
    assert sink.counters.handler_failed == 2
    assert reporter.status()["repeated"] >= 2


async def test_the_wrong_secret_is_never_confirmed() -> None:
    refused = asyncio.Event()
    got: list[CallReport] = []
    seen = 0

    def clock() -> float:
        nonlocal seen
        seen += 1
        if seen == 3:
            refused.set()
        return 0.0

    async with both(got.append, secret="guess", clock=clock) as (sink, reporter):
        reporter.send(REPORT)
        await refused.wait()
        assert sink.counters.wrong_secret >= 2
        assert reporter.status()["outstanding"] == 1
    assert got == []


async def test_before_start_reports_are_queued() -> None:
    got: list[CallReport] = []
    sink = Sink("127.0.0.1", 0, {"127.0.0.1": "s"}, got.append)
    reporter = Reporter(await sink.start(), "s", schedule=QUICK)
    reporter.send(REPORT)
    await reporter.start()
    async with asyncio.timeout(5):
        await reporter.drain()
    reporter.close()
    reporter.close()
    sink.close()
    assert got == [REPORT]


async def test_bad_reports_and_secrets_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="empty"):
        Reporter(("127.0.0.1", 1), "")
    reporter = Reporter(("127.0.0.1", 1), "s")
    with pytest.raises(ReportError, match="domain"):
        reporter.send(dataclasses.replace(REPORT, domain=""))
