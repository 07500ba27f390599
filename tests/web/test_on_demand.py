"""What an operator makes happen by HTTP, and who reads the tables by HTTP: what the console hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from protocol import (
    AddKsl,
    AddObject,
    Alarm,
    Category,
    Channel,
    CommandReceived,
    GetObjects,
    GroupType,
    Ksl,
    Message,
    NumberSign,
    ObjectInfo,
    ObjectType,
    Priority,
    Restart,
    Start,
    Test,
    UnauthorizedAccess,
)
from sorm_mediator.mediator.binding.gateway import Gateway
from sorm_mediator.web.app import create_app
from sorm_mediator.web.server import WebServer
from tests.mediator.gateway_harness import Console, lab_config, running, small_switch, switch_up

OWN = ObjectType.OWN_SUBSCRIBER, NumberSign.OWN


class Bench:
    """A started gateway with object 258 and its web; a console on KPD1."""

    def __init__(self, gateway: Gateway, http: httpx.AsyncClient, console: Console) -> None:
        self.gateway, self.http, self.console = gateway, http, console

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        reply = await self.http.post(f"/api/v1/mediator/{path}", json=body)
        return reply.status_code, reply.json()

    async def heard(self) -> list[Message]:
        """What the console has heard by now: all before the answer to a test message."""
        self.console.send(Test(7))
        seen = await self.console.until(CommandReceived, command=Test.code)
        return seen[:-1]


@pytest.fixture
def table_access() -> str:
    return "off"


@pytest.fixture
async def bench(tmp_path: Path, table_access: str) -> AsyncIterator[Bench]:
    async with small_switch() as (_, ssh, where):
        config = lab_config(tmp_path, ssh, where, options={"tell_table_access": table_access})
        async with running(config) as (gateway, ends):
            await switch_up(gateway)
            console = await Console.connect(ends["kpd1"])
            await console.do(
                Start(),
                AddKsl(1, GroupType.COMBINED, Ksl(0, 3), Ksl(0, 3)),
                AddObject(258, *OWN, "28331", None, Category.COMBINED, 1, Priority.NORMAL),
            )
            server = WebServer(create_app(gateway=gateway), "127.0.0.1", 0)
            host, port = await server.start()
            async with httpx.AsyncClient(base_url=f"http://{host}:{port}", timeout=10) as http:
                yield Bench(gateway, http, console)
            await server.stop()
            console.close()


async def test_an_alarm_is_21h(bench: Bench) -> None:
    assert await bench.post("alarm", {"type": 2, "code": 7}) == (202, {"sent": 1})
    [alarm] = await bench.heard()
    assert isinstance(alarm, Alarm)
    assert (alarm.alarm_type, alarm.alarm_code) == (2, 7)


async def test_an_alarm_of_lost_tables_stops_the_technical_means(bench: Bench) -> None:
    """Order 268, 9.1.4.1."""
    assert (await bench.post("alarm", {"type": 1, "code": 0}))[0] == 202
    await bench.console.until(Alarm, alarm_type=1, alarm_code=0)
    status = (await bench.http.get("/api/v1/status")).json()
    assert (status["state"], status["objects"]) == ("stopped", 0)


async def test_what_was_not_told_says_why(bench: Bench) -> None:
    watcher = bench.gateway.events.subscribe()
    bench.console.close()
    async with asyncio.timeout(10):
        while bench.gateway.core.channels.connected[Channel.KPD1]:
            await anext(watcher)
    bench.gateway.events.unsubscribe(watcher)
    assert await bench.post("alarm", {"type": 2, "code": 7}) == (
        202,
        {"sent": 0, "why": "KPD1 is not connected"},
    )


@pytest.mark.parametrize(("code", "text"), [(3, "by hand"), (4, "")])
async def test_an_attempt_at_unauthorised_access_is_26h(bench: Bench, code: int, text: str) -> None:
    body = {"code": code, "text": text} if text else {"code": code}
    assert await bench.post("unauthorized-access", body) == (202, {"sent": 1})
    [told] = await bench.heard()
    assert isinstance(told, UnauthorizedAccess)
    assert (told.access_code, told.text) == (code, text)


@pytest.mark.parametrize("body", [{}, None])
async def test_a_restart_is_22h_and_the_initial_state(bench: Bench, body: Any) -> None:
    """Order 268, 9.2.4."""
    assert (await bench.post("restart", body)) == (202, {"sent": 1})
    await bench.console.until(Restart)
    status = (await bench.http.get("/api/v1/status")).json()
    assert (status["state"], status["objects"], status["ksl_groups"]) == ("stopped", 0, 0)


async def test_another_state_of_a_line_is_in_23h(bench: Bench) -> None:
    """Order 268, 9.3.6.4."""
    assert await bench.post("line-state", {"object": 258, "state": 3}) == (
        202,
        {"sent": 0, "why": "a state is not told by itself: command 10 asks for it, and 23h tells it"},
    )
    bench.console.send(GetObjects(258, None, None, None, None))
    *_, row = await bench.console.until(ObjectInfo)
    assert row.line_state == 3


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("alarm", {"type": 5, "code": 7}, "at most 4"),
        ("alarm", {"type": 2}, "is required"),
        ("alarm", {"type": 2, "code": 256}, "at most 255"),
        ("alarm", {"type": 2, "code": 7, "text": "x"}, "unknown key"),
        ("unauthorized-access", {"code": 0}, "at least 1"),
        ("unauthorized-access", {"code": 3, "text": "x" * 41}, "at most 40 characters"),
        ("unauthorized-access", {"code": 3, "text": "чтение"}, "printable ASCII characters"),
        ("restart", {"now": True}, "unknown key"),
        ("line-state", {"object": 258, "state": 2}, "0, 1, 3, 7 or 255"),
        ("line-state", {"object": 0xFFFF, "state": 3}, "at most 65534"),
    ],
)
async def test_what_the_order_does_not_have_is_refused_in_words(
    bench: Bench, path: str, body: Any, told: str
) -> None:
    status, reply = await bench.post(path, body)
    assert status == 422
    assert told in reply["detail"][0]["msg"]
    assert await bench.heard() == []


async def test_a_line_of_no_object_is_not_found(bench: Bench) -> None:
    missing = {"detail": "there is no object 259"}
    assert await bench.post("line-state", {"object": 259, "state": 3}) == (404, missing)


@pytest.mark.parametrize("table_access", ["on"])
async def test_reading_the_tables_is_told_where_the_lab_file_says_so(bench: Bench) -> None:
    """Order 268, 9.6.4.1; the state of the whole, the streams and the journal are no tables."""
    for path in ("objects", "status", "ksl", "streams", "calls", "journal"):
        assert (await bench.http.get(f"/api/v1/{path}")).status_code == 200
    told = await bench.heard()
    assert [(one.access_code, one.text) for one in told if isinstance(one, UnauthorizedAccess)] == [
        (3, "HTTP 127.0.0.1")
    ] * 3
    assert len(told) == 3


async def test_reading_the_tables_is_not_told_by_default(bench: Bench) -> None:
    for path in ("objects", "ksl", "calls"):
        assert (await bench.http.get(f"/api/v1/{path}")).status_code == 200
    assert await bench.heard() == []
