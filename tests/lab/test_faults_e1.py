"""Faults of KPD1 and KPD2 over E1: frames of LAPB are lost, doubled, late, overtaken, or the line is cut. X.25 and LAPB
mend all of it: every answer and every event comes once and in order (docs/faults.md)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from protocol import (
    AddObject,
    Answer,
    Category,
    CommandExecuted,
    CommandReceived,
    GetVersion,
    Message,
    NumberReceived,
    NumberSign,
    ObjectType,
    Priority,
    Release,
    Start,
    VersionInfo,
)
from sorm_mediator.config import parse
from sorm_mediator.lab.lab import Lab, on_free_ports
from tests.lab.e1_bench import DOMAIN, console_of, e1_lab, executed
from tests.mediator.e1_harness import E1Console

OBJECT = AddObject(
    1, ObjectType.OWN_SUBSCRIBER, NumberSign.OWN, "28331", None, Category.STATISTICAL, None, Priority.NORMAL
)
STREAM = {"lapb": {"t1": 0.3, "t2": 0.02}, "x25": {"window": 7}}
CALL = [NumberReceived, Answer, Release]


class Bench:
    """A lab over E1, its console and its web."""

    def __init__(self, lab: Lab, web: httpx.AsyncClient, console: E1Console) -> None:
        self.lab, self.web, self.console = lab, web, console

    async def fault(self, **order: Any) -> httpx.Response:
        return await self.web.post("faults", json={key.rstrip("_"): value for key, value in order.items()})

    async def stream(self) -> Any:
        return (await self.web.get("streams")).json()[0]

    async def call(self) -> None:
        body = {"a": "28331", "b": "28332", "ring": 0.01, "talk": 0.01}
        reply = await self.web.post("switch/domains/test.domain/calls", json=body)
        assert reply.status_code == 202, reply.text

    async def events(self, count: int) -> list[type[Message]]:
        return [type(await self.console.next("kpd2")) for _ in range(count)]


@asynccontextmanager
async def started(folder: Path) -> AsyncIterator[Bench]:
    async with (
        Lab(e1_lab(folder, STREAM)) as lab,
        console_of(lab) as console,
        httpx.AsyncClient(base_url=f"{lab.web_url}/api/v1/", trust_env=False) as web,
    ):
        await executed(console, Start(), OBJECT)
        yield Bench(lab, web, console)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with started(tmp_path) as ready:
        yield ready


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "drop", "share": 0.3, "seed": 2},
        {"action": "duplicate", "share": 0.5, "seed": 3},
        {"action": "reorder", "share": 0.5, "seed": 4, "seconds": 0.1},
        {"action": "delay", "seconds": 0.05, "jitter": 0.1, "seed": 5},
        {"action": "cut", "for": 0.3},
    ],
    ids=lambda fault: fault["action"],
)
async def test_answers_and_events_come_once_and_in_order(bench: Bench, fault: dict[str, Any]) -> None:
    for link in ("kpd1", "kpd2"):
        if fault["action"] != "cut" or link == "kpd2":  # one line carries both
            assert (await bench.fault(link=link, **fault)).status_code == 200
    console = bench.console
    console.send(GetVersion())
    seen = [type(one) for one in await console.message(CommandExecuted) if type(one).__name__ != "Alarm"]
    assert seen == [CommandReceived, VersionInfo, CommandExecuted]
    for _ in range(2):
        await bench.call()
        assert await bench.events(3) == CALL
    if fault["action"] == "drop":
        channels = (await bench.stream())["channels"]
        assert sum(one["lapb"]["resent"] for one in channels.values()) > 0
    for link in ("kpd1", "kpd2"):
        await bench.fault(link=link, action="clear")
    await bench.call()
    assert await bench.events(3) == CALL  # and nothing of the calls before them
    for row in (await bench.web.get("status")).json()["channels"]:
        assert (row["counters"]["connections"], row["counters"]["deleted_units"]) == (1, 0), row


async def test_events_whose_acknowledgements_were_lost_before_the_line_was_cut_do_not_come_twice(
    bench: Bench,
) -> None:
    await bench.fault(link="kpd2", action="drop", direction="from-console")
    await bench.call()
    assert await bench.events(3) == CALL
    await bench.fault(link="kpd2", action="cut", for_=0.2)
    while any(one["action"] == "cut" for one in (await bench.web.get("faults")).json()):
        await bench.console.happens()
    await bench.fault(link="kpd2", action="clear")
    await bench.call()
    assert await bench.events(3) == CALL
    await bench.call()
    assert await bench.events(3) == CALL


async def test_a_cut_is_the_loss_of_the_line_which_the_list_of_streams_shows(bench: Bench) -> None:
    reply = await bench.fault(link="kpd2", action="cut", pair=0)
    assert reply.status_code == 200, reply.text
    assert (await bench.stream())["faults"] == {"receive": "LOS"}
    await bench.fault(link="kpd2", action="clear")
    assert (await bench.stream())["faults"] == {}


async def test_a_line_is_cut_until_its_last_cut_ends_and_keeps_the_fault_of_the_stream(bench: Bench) -> None:
    async def faults() -> Any:
        return (await bench.stream())["faults"]

    async def inject(state: str) -> None:
        reply = await bench.web.post("streams/0/fault", json={"state": state})
        assert reply.status_code == 200, reply.text

    await bench.fault(link="kpd1", action="cut")
    await bench.fault(link="kpd2", action="cut", pair=0)
    await bench.fault(link="kpd1", action="clear")
    assert await faults() == {"receive": "LOS"}
    await inject("AIS")
    assert await faults() == {"receive": "LOS"}
    await bench.fault(link="kpd2", action="clear")
    assert await faults() == {"receive": "AIS"}
    await inject("LOS")
    await bench.fault(link="kpd2", action="cut")
    await bench.fault(link="kpd2", action="clear")
    assert await faults() == {"receive": "LOS"}
    await bench.fault(link="kpd2", action="cut")
    await inject("clear")
    assert await faults() == {"receive": "LOS"}
    await bench.fault(link="kpd2", action="clear")
    assert await faults() == {}


async def test_what_a_line_does_not_have_is_refused_with_the_reason(bench: Bench, tmp_path: Path) -> None:
    reply = await bench.fault(link="kpd1", action="drop", pair=3)
    assert (reply.status_code, reply.json()["detail"]) == (
        409,
        "pair: 3: there is no such stream with data channels: 0",
    )
    xot = {"switch": {"domains": [DOMAIN]}, "console": {"link": "x25"}, "e1": [{"line": "xot"}]}
    other = tmp_path / "xot"
    other.mkdir()
    async with (
        Lab(on_free_ports(parse(xot, directory=other, name="lab.toml"))) as lab,
        httpx.AsyncClient(base_url=f"{lab.web_url}/api/v1/", trust_env=False) as web,
    ):
        reply = await web.post("faults", json={"link": "kpd1", "action": "drop"})
        assert (reply.status_code, "no frames that could be lost" in reply.json()["detail"]) == (409, True)
        assert (await web.post("faults", json={"link": "kpd1", "action": "cut"})).status_code == 200
