"""The streams over HTTP: what they are, and faults injected into them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from e1.g704.alarms import StreamState
from sorm_mediator.mediator.binding.streams import Streams
from sorm_mediator.web.app import create_app
from tests.mediator.e1_harness import E1Console, attached, e1_lab
from tests.mediator.gateway_harness import lab_config, running, small_switch


class Box:
    def __init__(self, console: E1Console, http: httpx.AsyncClient, streams: Streams) -> None:
        self.console, self.http, self.streams = console, http, streams

    async def fault(self, state: Any, stream: int = 0) -> httpx.Response:
        return await self.http.post(f"/api/v1/streams/{stream}/fault", json={"state": state})

    async def stream(self) -> Any:
        return (await self.http.get("/api/v1/streams")).json()[0]


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    async with (
        small_switch() as (_, ssh, where),
        running(e1_lab(tmp_path, ssh, where)) as (gateway, _),
        attached(gateway) as console,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(gateway=gateway)), base_url="http://127.0.0.1"
        ) as http,
    ):
        assert gateway.e1 is not None
        yield Box(console, http, gateway.e1.streams)


async def test_a_stream_that_works(box: Box) -> None:
    stream = await box.stream()
    assert (stream["stream"], stream["state"], stream["line"], stream["mode"]) == (0, "WORK", "memory", "dce")
    assert stream["channels"]["kpd1"]["up"]
    assert stream["counters"]["blocks"] > 0
    assert stream["counters"]["crc_errors"] == 0
    status = (await box.http.get("/api/v1/status")).json()
    assert status["speech"]["conferences"] == ["0 of 27", "0 of 27"]
    assert [(row["channel"], row["peer"]) for row in status["channels"]] == [
        ("kpd1", "e1.0"),
        ("kpd2", "e1.0"),
    ]
    assert 'sorm_channel_up{channel="kpd2"} 1.0' in (await box.http.get("/metrics")).text


@pytest.mark.parametrize(
    ("fault", "far"),
    [
        ("LOS", StreamState.RAI),
        ("AIS", StreamState.RAI),
        ("LOF", StreamState.RAI),
        ("RAI", StreamState.LOS),
        ("OFF", StreamState.LOS),
        ("LOMF", StreamState.WORK),
    ],
)
async def test_a_fault_shows_at_both_ends_until_it_is_cleared(box: Box, fault: str, far: StreamState) -> None:
    assert (await box.fault(fault)).status_code == 200
    await box.console.until(lambda: box.console.stream.state is far)
    await box.console.until(lambda: box.streams.row(0).state == fault)
    assert (await box.stream())["state"] == fault
    assert (await box.stream())["faults"]
    assert (await box.fault("clear")).json()["faults"] == {}
    await box.console.until(lambda: box.console.stream.state is StreamState.WORK)


async def test_what_is_no_fault_or_no_stream(box: Box) -> None:
    assert (await box.fault("WORK")).status_code == 422
    answer = await box.fault("LOS", stream=3)
    assert (answer.status_code, answer.json()["detail"]) == (404, "there is no E1 stream 3")


async def test_lomf_needs_a_multiframe(tmp_path: Path) -> None:
    config = {"line": "memory", "crc4": False}
    async with (
        small_switch() as (_, ssh, where),
        running(e1_lab(tmp_path, ssh, where, config)) as (gateway, _),
    ):
        http = httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(gateway=gateway)), base_url="http://127.0.0.1"
        )
        async with http:
            answer = await http.post("/api/v1/streams/0/fault", json={"state": "LOMF"})
    assert answer.status_code == 409
    assert "CRC-4 is off" in answer.json()["detail"]


async def test_over_tcp_there_are_no_streams(tmp_path: Path) -> None:
    async with (
        small_switch() as (_, ssh, where),
        running(lab_config(tmp_path, ssh, where)) as (gateway, _),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(gateway=gateway)), base_url="http://127.0.0.1"
        ) as http,
    ):
        assert (await http.get("/api/v1/streams")).json() == []
        assert (await http.post("/api/v1/streams/0/fault", json={"state": "LOS"})).status_code == 404
