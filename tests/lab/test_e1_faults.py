"""Faults of a stream, injected over HTTP into a running lab: in the middle of a command, of its answer, of a call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from protocol import (
    AddKsl,
    AddObject,
    Alarm,
    Answer,
    Category,
    CommandExecuted,
    CommandReceived,
    GroupType,
    KslReleased,
    Message,
    NumberReceived,
    NumberSign,
    ObjectType,
    Priority,
    Release,
    Start,
)
from protocol.values import Ksl
from sorm_mediator.lab.lab import Lab
from tests.lab.e1_bench import console_of, e1_lab, executed, heard
from tests.mediator.e1_harness import E1Console

FAULTS = {
    # fault: state at the far end, code of 21h/04h, is speech carried
    "LOS": ("RAI", 1, False),
    "AIS": ("RAI", 1, False),
    "LOF": ("RAI", 1, False),
    "RAI": ("AIS", 2, False),  # that we send nothing crosses SAToP as all ones (RFC 4553, the L bit)
    "LOMF": ("WORK", 1, True),
}
OWN = ObjectType.OWN_SUBSCRIBER, NumberSign.OWN
OBJECT = AddObject(1, *OWN, "28331", None, Category.COMBINED, 1, Priority.NORMAL)
OTHER = AddObject(2, *OWN, "28333", None, Category.COMBINED, 1, Priority.NORMAL)
QUICK = {"lapb": {"t1": 0.5, "t2": 0.05}, "x25": {"window": 7}}
"""A link that is back soon after a fault."""


@dataclass
class Bench:
    """A running lab, its HTTP API, its console, and the fault to be injected."""

    lab: Lab
    web: httpx.AsyncClient
    console: E1Console
    fault: str

    async def get(self, path: str) -> Any:
        reply = await self.web.get(path)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def inject(self, state: str) -> None:
        reply = await self.web.post("streams/0/fault", json={"state": state})
        assert reply.status_code == 200, reply.text

    async def states(self, near: str, far: str) -> None:
        """Wait until the mediator tells this state of its end, and the console's end has that one."""
        while (await self.get("streams"))[0]["state"] != near:
            await self.console.happens()
        await self.console.until(lambda: self.console.stream.state == far)

    async def cleared(self) -> None:
        """End the fault, and wait until both ends work and their links are back."""
        await self.inject("clear")
        await self.states("WORK", "WORK")
        await self.console.up()

    async def was_never_gone(self) -> None:
        """The links were back within their timers: the console did not count as gone, nothing was deleted."""
        for row in (await self.get("status"))["channels"]:
            assert row["counters"]["connections"] == 1, row
            assert row["counters"]["deleted_units"] == 0, row

    async def call(self, a: str, b: str, talk: float) -> str:
        reply = await self.web.post(
            "switch/domains/test.domain/calls", json={"a": a, "b": b, "ring": 0, "talk": talk}
        )
        assert reply.status_code == 202, reply.text
        return str(reply.json()["call"])

    async def over(self, call: str) -> None:
        while (await self.get(f"calls/{call}"))["state"] != "released":
            await self.console.happens()


@pytest.fixture(params=FAULTS)
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    async with started(tmp_path, request.param) as ready:
        yield ready


@asynccontextmanager
async def started(folder: Path, fault: str) -> AsyncIterator[Bench]:
    async with (
        Lab(e1_lab(folder, QUICK)) as lab,
        console_of(lab) as console,
        httpx.AsyncClient(base_url=f"{lab.web_url}/api/v1/", trust_env=False) as web,
    ):
        await executed(console, Start(), AddKsl(1, GroupType.COMBINED, Ksl(0, 1), Ksl(0, 1)))
        yield Bench(lab, web, console, fault)


def alarm_codes(told: list[Message]) -> list[int]:
    alarms = [each for each in told if isinstance(each, Alarm)]
    assert all(each.alarm_type == 4 for each in alarms)
    return [each.alarm_code for each in alarms]


async def told_of_the_fault(bench: Bench, told: list[Message]) -> None:
    """21h of the fault, and at last that it is over."""
    code = FAULTS[bench.fault][1]
    while 0 not in alarm_codes(told):
        told += await bench.console.message(Alarm)
    *during, end = alarm_codes(told)
    assert set(during) == {code}
    assert end == 0


@pytest.mark.parametrize("on_its_way", ["the command", "the answer"])
async def test_in_the_middle_of_a_command(bench: Bench, on_its_way: str) -> None:
    console, (far, _, _) = bench.console, FAULTS[bench.fault]
    if on_its_way == "the command":
        await bench.inject(bench.fault)
        console.send(OBJECT)
    else:
        assert bench.lab.gateway is not None
        watcher = bench.lab.gateway.events.subscribe()
        console.send(OBJECT)
        while (await anext(watcher))["event"] != "unit":
            pass
        await bench.inject(bench.fault)
    await bench.states(bench.fault, far)
    await bench.cleared()

    told = await console.message(CommandExecuted, command=OBJECT.code)
    assert [each for each in told if not isinstance(each, Alarm)] == [
        CommandReceived(OBJECT.code, 0),
        CommandExecuted(OBJECT.code, 0),
    ]
    await told_of_the_fault(bench, told)
    assert [row["object_number"] for row in await bench.get("objects")] == [OBJECT.object_number]
    journal = await bench.get("journal?kind=command&kind=executed")
    once = [entry["kind"] for entry in journal if entry["fields"]["command"] == OBJECT.code]
    assert once == ["command", "executed"]
    await bench.was_never_gone()
    # And the next one goes through at once.
    await executed(console, OTHER)


async def test_in_the_middle_of_a_call(bench: Bench) -> None:
    console, (far, _, speech) = bench.console, FAULTS[bench.fault]
    await executed(console, OBJECT, OTHER)
    call = await bench.call("28331", "28332", talk=2.5)
    await console.message(Answer, "kpd2", ksl_a=Ksl(0, 1))
    await heard(console, 1, {1950, 2000})

    await bench.inject(bench.fault)
    await bench.states(bench.fault, far)
    if speech:
        await heard(console, 1, {1950, 2000})
    # A call that comes and goes while the stream is faulty: its line is out of order, or has somebody already.
    await bench.over(await bench.call("28333", "28334", talk=0.05))
    await bench.over(call)
    await bench.cleared()

    told = await console.message(Release, "kpd2", object_number=1)
    first = [each for each in told if each.object_number == 1]  # type: ignore[attr-defined]
    assert [(type(each), each.operation) for each in first] == [  # type: ignore[attr-defined]
        *([] if speech else [(KslReleased, 4)]),
        (Release, 5),
    ]
    other = [each for each in told if each.object_number == 2]  # type: ignore[attr-defined]
    assert [type(each) for each in other] == [NumberReceived, Answer, Release]
    assert (other[0].operation, other[0].ksl_a) == (1, None)  # type: ignore[attr-defined]
    await told_of_the_fault(bench, [])
    await heard(console, 1, set())
    await bench.was_never_gone()
    # The line is of use again.
    await bench.call("28331", "28332", talk=30)
    await console.message(NumberReceived, "kpd2", object_number=1, operation=0, ksl_a=Ksl(0, 1))
    await heard(console, 1, {1950, 2000})
