"""Clients of the web server that are slow on purpose: nobody else notices."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from sorm_mediator.config import WebConfig
from sorm_mediator.mediator.binding.feed import EventFeed
from sorm_mediator.web.app import create_app
from sorm_mediator.web.mediator_api import mediator_router
from sorm_mediator.web.server import WebServer

HEADERS = b"POST /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n"
ASKED = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
SLOW = {
    "nothing": b"",
    "half a header": HEADERS,
    "half a body": HEADERS + b"Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{",
    "half a second request": ASKED + HEADERS,
}
LONG = 3600.0


class Served:
    """A web server, and the clients that a test opens."""

    def __init__(self, app: Any, where: tuple[str, int]) -> None:
        self.app, self.where = app, where
        self.counters = app.state.web_counters

    async def open(self, octets: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(*self.where)
        writer.write(octets)
        await writer.drain()
        return reader, writer

    async def status(self) -> int:
        async with httpx.AsyncClient(base_url="http://{}:{}".format(*self.where), timeout=20) as http:
            return (await http.get("/metrics")).status_code


@asynccontextmanager
async def served(**limits: Any) -> AsyncIterator[Served]:
    app = create_app()
    app.state.gateway = None
    server = WebServer(app, "127.0.0.1", 0, WebConfig(**limits))
    where = await server.start()
    try:
        yield Served(app, where)
    finally:
        await server.stop()


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What came until the server ended the connection."""
    got = b""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(20):
            while octets := await reader.read(65536):
                got += octets
    return got


@pytest.mark.parametrize("kind", SLOW)
async def test_a_request_that_does_not_end_is_dropped(kind: str) -> None:
    async with served(request_timeout=0.3) as web:
        reader, writer = await web.open(SLOW[kind])
        await ended(reader)
        assert web.counters["slow_requests"] == 1
        assert await web.status() == 200
        writer.close()


@pytest.mark.parametrize("kind", SLOW)
async def test_many_slow_clients_keep_nobody_out(kind: str) -> None:
    async with served(connections=16, request_timeout=LONG) as web:
        slow = [await web.open(SLOW[kind]) for _ in range(40)]
        assert await web.status() == 200
        assert web.counters["connections_dropped"] >= 24
        for _, writer in slow:
            writer.close()


async def test_slow_clients_of_one_address_leave_those_of_another_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with served(connections=8, request_timeout=LONG) as web:
        first, patient = await asyncio.open_connection(*web.where, local_addr=("127.0.0.2", 0))
        slow = [await web.open(HEADERS) for _ in range(20)]
        for reader, _ in slow[:13]:
            await ended(reader)
        assert web.counters["connections_dropped"] == 13
        patient.write(ASKED)
        async with asyncio.timeout(20):
            assert (await first.readline()).startswith(b"HTTP/1.1 200")
        assert "web: 127.0.0.1 dropped: more clients than web.connections (8 so far)" in caplog.text
        for writer in (patient, *(writer for _, writer in slow)):
            writer.close()


async def test_an_octet_now_and_then_gains_nothing() -> None:
    async with served(request_timeout=0.3) as web:
        reader, writer = await web.open(HEADERS)

        async def trickle() -> None:
            while True:
                writer.write(b"X")
                await asyncio.sleep(0.02)

        task = asyncio.create_task(trickle())
        await ended(reader)
        task.cancel()
        assert web.counters["slow_requests"] == 1
        writer.close()


async def test_events_that_are_not_read_are_dropped_and_streams_are_counted() -> None:
    events = EventFeed()
    app = create_app()
    app.state.gateway = SimpleNamespace(events=events)
    app.include_router(mediator_router(), prefix="/api/v1")
    server = WebServer(app, "127.0.0.1", 0, WebConfig(send_timeout=0.3, watchers=1))
    host, port = await server.start()
    try:
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(deaf, (host, port))
            await loop.sock_sendall(deaf, b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            async with asyncio.timeout(20):
                assert b"200 OK" in await loop.sock_recv(deaf, 200)
                async with httpx.AsyncClient(base_url=f"http://{host}:{port}", timeout=20) as http:
                    assert (await http.get("/api/v1/events")).status_code == 503
                while not app.state.web_counters["answers_not_read"]:
                    events.publish("link", 1.0, lambda: {"text": "x" * 10_000})
                    await asyncio.sleep(0.001)
        async with (
            httpx.AsyncClient(base_url=f"http://{host}:{port}", timeout=20) as http,
            asyncio.timeout(20),
        ):
            status = 503
            while status == 503:
                async with http.stream("GET", "/api/v1/events") as response:
                    status = response.status_code
        assert app.state.web_counters["watchers_refused"] >= 1
    finally:
        await server.stop()


async def test_what_was_dropped_is_shown() -> None:
    async with served() as web:
        web.counters["slow_requests"] += 3
        async with httpx.AsyncClient(base_url="http://{}:{}".format(*web.where)) as http:
            assert 'sorm_web_total{what="slow_requests"} 3.0' in (await http.get("/metrics")).text
