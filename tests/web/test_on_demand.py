"""What an operator makes happen by HTTP, and who reads the tables by HTTP: what the core is asked."""

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
    Category,
    Channel,
    CommandExecuted,
    GroupType,
    NumberSign,
    ObjectType,
    Priority,
    Start,
)
from protocol.messages import Alarm
from protocol.values import Ksl
from sorm_mediator.mediator.core import effects
from sorm_mediator.mediator.core.core import Core
from sorm_mediator.web.app import create_app
from sorm_mediator.web.server import WebServer
from tests.mediator.gateway_bench import Console, lab_config, running, small_switch

INPUTS = ("operator_alarm", "operator_access", "operator_restart", "operator_line_state", "tables_read")


class Bench:
    """A gateway whose core notes what an operator asks of it, and answers each with one 21h."""

    def __init__(self, http: httpx.AsyncClient, console: Console) -> None:
        self.http, self.console = http, console
        self.asked: list[tuple[Any, ...]] = []

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        reply = await self.http.post(f"/api/v1/mediator/{path}", json=body)
        return reply.status_code, reply.json()


@pytest.fixture
def table_access() -> str:
    return "off"


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table_access: str) -> AsyncIterator[Bench]:
    async with small_switch() as (_, ssh, where):
        config = lab_config(tmp_path, ssh, where, options={"tell_table_access": table_access})
        async with running(config) as (gateway, ends):
            watcher = gateway.events.subscribe()
            async with asyncio.timeout(10):
                while gateway.status()["switch"]["state"] != "up":
                    await anext(watcher)
            gateway.events.unsubscribe(watcher)
            console = await Console.connect(ends["kpd1"])
            own = ObjectType.OWN_SUBSCRIBER, NumberSign.OWN
            for command in (
                Start(),
                AddKsl(1, GroupType.COMBINED, Ksl(0, 3), Ksl(0, 3)),
                AddObject(258, *own, "28331", None, Category.COMBINED, 1, Priority.NORMAL),
            ):
                console.send(command)
                await console.until(CommandExecuted, command=command.code, status=0)
            server = WebServer(create_app(gateway=gateway), "127.0.0.1", 0)
            host, port = await server.start()
            async with httpx.AsyncClient(base_url=f"http://{host}:{port}", timeout=10) as http:
                bench = Bench(http, console)
                for name in INPUTS:
                    monkeypatch.setattr(Core, name, _noting(bench, name), raising=False)
                yield bench
            await server.stop()
            console.close()


def _noting(bench: Bench, name: str) -> Any:
    def asked(core: Core, *values: Any) -> list[effects.Effect]:
        bench.asked.append((name, *values[:-1]))
        assert isinstance(values[-1], float), "the last one is the time"
        return [effects.Send(0, Channel.KPD1, Alarm(2, 7))]

    return asked


@pytest.mark.parametrize(
    ("path", "body", "asked"),
    [
        ("alarm", {"type": 2, "code": 7}, ("operator_alarm", 2, 7)),
        ("unauthorized-access", {"code": 3, "text": "by hand"}, ("operator_access", 3, "by hand")),
        ("unauthorized-access", {"code": 4}, ("operator_access", 4, "")),
        ("restart", {}, ("operator_restart",)),
        ("restart", None, ("operator_restart",)),
        ("line-state", {"object": 258, "state": 3}, ("operator_line_state", 258, 3)),
    ],
)
async def test_what_an_operator_asks_reaches_the_core_and_says_what_was_sent(
    bench: Bench, path: str, body: Any, asked: tuple[Any, ...]
) -> None:
    assert await bench.post(path, body) == (202, {"sent": 1})
    assert bench.asked == [asked]
    await bench.console.until(Alarm, alarm_type=2, alarm_code=7)


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("alarm", {"type": 5, "code": 7}, "less than or equal to 4"),
        ("alarm", {"type": 2}, "Field required"),
        ("alarm", {"type": 2, "code": 256}, "less than or equal to 255"),
        ("alarm", {"type": 2, "code": 7, "text": "x"}, "Extra inputs are not permitted"),
        ("unauthorized-access", {"code": 0}, "greater than or equal to 1"),
        ("unauthorized-access", {"code": 3, "text": "x" * 41}, "at most 40 characters"),
        ("unauthorized-access", {"code": 3, "text": "чтение"}, "match pattern"),
        ("restart", {"now": True}, "Extra inputs are not permitted"),
        ("line-state", {"object": 258, "state": 2}, "0, 1, 3, 7 or 255"),
        ("line-state", {"object": 0xFFFF, "state": 3}, "less than or equal to 65534"),
    ],
)
async def test_what_the_order_does_not_have_is_refused_in_words(
    bench: Bench, path: str, body: Any, told: str
) -> None:
    status, reply = await bench.post(path, body)
    assert status == 422
    assert told in reply["detail"][0]["msg"]
    assert bench.asked == []


async def test_a_line_of_no_object_is_not_found(bench: Bench) -> None:
    assert await bench.post("line-state", {"object": 259, "state": 3}) == (
        404,
        {"detail": "there is no object 259"},
    )
    assert bench.asked == []


@pytest.mark.parametrize("table_access", ["on"])
async def test_reading_the_tables_is_told_where_the_lab_file_says_so(bench: Bench) -> None:
    for path in ("objects", "ksl", "calls"):
        assert (await bench.http.get(f"/api/v1/{path}")).status_code == 200
    assert bench.asked == [("tables_read", "HTTP 127.0.0.1")] * 3
    for path in ("status", "streams", "journal"):  # no tables of the technical means
        assert (await bench.http.get(f"/api/v1/{path}")).status_code == 200
    assert len(bench.asked) == 3


async def test_reading_the_tables_is_not_told_by_default(bench: Bench) -> None:
    for path in ("objects", "ksl", "calls"):
        assert (await bench.http.get(f"/api/v1/{path}")).status_code == 200
    assert bench.asked == []
