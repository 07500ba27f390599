"""The HTTP API over a real socket, beside a real gateway."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from protocol import (
    AddKsl,
    AddObject,
    Category,
    GetVersion,
    GroupType,
    NumberSign,
    ObjectType,
    Priority,
    Start,
)
from protocol.values import Ksl
from sorm_mediator.errors import BoxError
from sorm_mediator.journal.book import JournalReader
from sorm_mediator.mediator.binding import status
from sorm_mediator.mediator.binding.gateway import Gateway
from sorm_mediator.web import mediator_api
from sorm_mediator.web.app import create_app
from sorm_mediator.web.server import WebServer
from tests.mediator.gateway_harness import Console, lab_config, running, small_switch, switch_up


class Box:
    """A gateway with one object and a line under control, and its web server."""

    def __init__(self, gateway: Gateway, console: Console, app: FastAPI, server: WebServer, url: str) -> None:
        self.gateway, self.console, self.app, self.server, self.url = gateway, console, app, server, url
        self.http = httpx.AsyncClient(base_url=url, timeout=10)

    async def get(self, path: str, **params: Any) -> Any:
        response = await self.http.get(path, params=params)
        assert response.status_code == 200, response.text
        return response.json()


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    async with (
        small_switch() as (_, ssh, where),
        running(lab_config(tmp_path, ssh, where, options={"after_restart": "restore"})) as (gateway, ends),
    ):
        await switch_up(gateway)
        console = await Console.connect(ends["kpd1"])
        own = ObjectType.OWN_SUBSCRIBER, NumberSign.OWN
        await console.do(
            Start(),
            AddKsl(1, GroupType.SEPARATE, Ksl(1, 3), Ksl(1, 4)),
            AddObject(258, *own, "28331", None, Category.SEPARATE, 1, Priority.HIGH),
        )
        app = create_app(gateway=gateway)
        server = WebServer(app, "127.0.0.1", 0)
        host, port = await server.start()
        box = Box(gateway, console, app, server, f"http://{host}:{port}")
        yield box
        await box.http.aclose()
        await server.stop()
        console.close()


async def test_status(box: Box) -> None:
    status = await box.get("/api/v1/status")
    assert (status["state"], status["objects"], status["ksl_groups"], status["ksl"]) == ("started", 1, 1, 2)
    assert status["switch"]["state"] == "up"
    kpd1, kpd2 = status["channels"]
    assert kpd1["peer"] == "{}:{}".format(*box.console.writer.get_extra_info("sockname"))
    assert kpd2["peer"] is None
    assert status["journal"]["head"] == box.gateway.journal.head.hash
    assert "123456" not in json.dumps(status)


async def test_objects_ksl_calls_and_streams(box: Box) -> None:
    (row,) = await box.get("/api/v1/objects")
    assert row == {
        "object_number": 258,
        "object_type": "own-subscriber",
        "number_sign": "own",
        "number": "28331",
        "trunk": None,
        "category": "separate",
        "ksl_group": 1,
        "priority": "high",
        "line_state": 0,
    }
    assert await box.get("/api/v1/objects", offset=1) == []
    for find, count in (("833", 1), ("258", 1), ("group 1", 1), ("25", 0), ("group 2", 0), ("None", 0)):
        assert len(await box.get("/api/v1/objects", find=find)) == count, find
    (line,) = await box.get("/api/v1/ksl")
    assert (line["ksl_a"], line["state"]) == ({"stream": 1, "ksl": 3}, "free")
    assert await box.get("/api/v1/calls") == []
    assert await box.get("/api/v1/streams") == []


async def test_the_journal_page_by_page(box: Box) -> None:
    commands = await box.get("/api/v1/journal", kind="command")
    assert [entry["fields"]["name"] for entry in commands] == ["start", "add-ksl", "add-object"]
    (newest,) = await box.get("/api/v1/journal", limit=1)
    (before,) = await box.get("/api/v1/journal", limit=1, before=newest["seq"])
    assert before["seq"] == newest["seq"] - 1


async def test_the_journal_is_read_beside_the_event_loop(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand entries took half a second, in which no console got its 27h."""
    threads: list[threading.Thread] = []
    read = JournalReader.latest

    def noted(*arguments: Any, **keys: Any) -> Any:
        threads.append(threading.current_thread())
        return read(*arguments, **keys)

    monkeypatch.setattr(JournalReader, "latest", noted)
    assert await box.get("/api/v1/journal", limit=10_000)
    assert threads
    assert threading.main_thread() not in threads


async def test_wrong_parameters_are_422(box: Box) -> None:
    response = await box.http.get("/api/v1/journal", params={"kind": "nope"})
    assert (response.json(), "command, " in response.headers["X-Kinds"]) == ([], True)
    response = await box.http.get("/api/v1/journal", params={"limit": 0})
    assert response.status_code == 422


@pytest.mark.parametrize(
    ("path", "name"),
    [("journal", "before"), ("objects", "offset"), ("calls", "offset"), ("objects", "limit")],
)
async def test_a_number_that_no_database_takes_is_422(box: Box, path: str, name: str) -> None:
    for number in (2**63, 10**30):
        response = await box.http.get(f"/api/v1/{path}", params={name: number})
        assert response.status_code == 422
        assert response.json()["detail"][0]["loc"] == ["query", name]


@pytest.mark.parametrize("path", ["objects", "calls"])
async def test_the_largest_offset_is_behind_the_last_row(box: Box, path: str) -> None:
    assert await box.get(f"/api/v1/{path}", offset=2**63 - 1, limit=10_000) == []


async def test_events_arrive_as_they_happen(box: Box) -> None:
    async with (
        asyncio.timeout(10),
        box.http.stream("GET", "/api/v1/events", params={"kind": "unit"}) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        assert await anext(lines) == ": connected"
        box.console.send(GetVersion())
        names = []
        async for line in lines:
            if line.startswith("data: "):
                names.append(json.loads(line[6:])["unit"]["name"])
                if names[-1] == "command-executed":
                    break
    assert names == ["get-version", "command-received", "version-info", "command-executed"]


async def test_a_watcher_does_not_hold_up_the_end_of_the_server(box: Box) -> None:
    async with box.http.stream("GET", "/api/v1/events") as answer:
        lines = answer.aiter_lines()
        assert await anext(lines) == ": connected"
        async with asyncio.timeout(5):
            await box.server.stop()
            assert [line async for line in lines if line] == []
    assert not box.gateway.events._subscriptions


async def test_metrics(box: Box) -> None:
    text = (await box.http.get("/metrics")).text
    assert "\nsorm_objects 1.0\n" in text
    assert "\nsorm_switch_up 1.0\n" in text
    assert '\nsorm_channel_up{channel="kpd1"} 1.0\n' in text
    assert '\nsorm_channel_total{channel="kpd1",what="units_received"} 3.0\n' in text
    assert '\nsorm_answer_seconds_count{message="27h"} 3.0\n' in text


async def test_openapi_describes_every_route(box: Box) -> None:
    document = await box.get("/openapi.json")
    for path in ("status", "ksl", "objects", "calls", "journal", "streams", "events"):
        operation = document["paths"][f"/api/v1/{path}"]["get"]
        assert operation["description"]
    status = document["components"]["schemas"]["StatusDocument"]["properties"]
    assert status["state"]["description"] == "started or stopped, by commands 1 and 2."


async def test_a_gateway_that_was_restarted_is_served(box: Box) -> None:
    replacement = Gateway(box.gateway.config)
    box.app.state.gateway = replacement
    await box.gateway.stop()
    await replacement.start()
    assert (await box.get("/api/v1/status"))["objects"] == 1
    await replacement.stop()


async def test_the_token_is_asked_for() -> None:
    server = WebServer(create_app(token="secret"), "127.0.0.1", 0)
    host, port = await server.start()
    async with httpx.AsyncClient(base_url=f"http://{host}:{port}") as http:
        assert (await http.get("/metrics")).status_code == 401
        assert (await http.get("/metrics", headers={"Authorization": "Bearer secret"})).status_code == 200
    await server.stop()


async def test_a_port_in_use_is_one_clear_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BoxError, match=rf"^web\.port: 127\.0\.0\.1:{port} is in use"):
            await WebServer(create_app(), "127.0.0.1", port).start()


def test_a_document_of_the_mediator_builds_its_schema_with_its_class() -> None:
    """Else each route builds it anew when a lab starts."""
    documents = {
        one for one in vars(status).values() if isinstance(one, type) and issubclass(one, status.Document)
    }
    assert len(documents) > 10
    assert [one for one in documents - {status.Document} if "__pydantic_core_schema__" not in vars(one)] == []


async def test_a_call_that_ends_while_the_list_is_made_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [
        SimpleNamespace(number=number, legs={1: "a leg"}) for number in range(mediator_api._IN_A_TURN + 1)
    ]

    def row(call: Any) -> status.CallDocument:
        return status.CallDocument(
            call="7", domain="d", call_number=call.number, calling="1", called="2", setup_time=1.0, answer_time=None,
            objects=[],
        )  # fmt: skip

    monkeypatch.setattr(mediator_api, "call_row", row)
    asyncio.get_running_loop().call_soon(calls[-1].legs.clear)
    gateway: Any = SimpleNamespace(core=SimpleNamespace(calls=calls))
    listed = json.loads((await mediator_api._calls(gateway)).body)
    assert [one["call_number"] for one in listed] == [call.number for call in calls[:-1]]
