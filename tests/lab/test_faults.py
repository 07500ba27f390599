"""Faults of every link, ordered over HTTP in a running lab over TCP: what the console, the switch and the counters see.

What must hold: no confirmed object is lost, and no event is lost, doubled or out of order within a call, but those that
the fault itself or the order has destroyed, and these are counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from protocol import (
    AddObject,
    Answer,
    Category,
    Channel,
    CommandExecuted,
    CommandReceived,
    GetVersion,
    Message,
    NumberReceived,
    NumberSign,
    ObjectType,
    Priority,
    Release,
    RemoveObject,
    Start,
    VersionInfo,
)
from sorm_mediator import config
from sorm_mediator.errors import BoxError
from sorm_mediator.lab import faults as lab_faults
from sorm_mediator.lab.lab import Lab, on_free_ports
from sorm_mediator.lab.processes import free_udp_port
from tests.mediator.gateway_harness import Console

NUMBERS = ("28331", "28332", "28333", "28334")
DOMAIN = {"name": "test.domain", "password": "123", "subscribers": [{"number": number} for number in NUMBERS]}
OWN = ObjectType.OWN_SUBSCRIBER, NumberSign.OWN
OBJECT = AddObject(1, *OWN, "28331", None, Category.STATISTICAL, None, Priority.NORMAL)
OTHER = AddObject(2, *OWN, "28333", None, Category.STATISTICAL, None, Priority.NORMAL)
REMOVE = RemoveObject(2, *OWN, "28333", None)
CALL = [NumberReceived, Answer, Release]
QUICK = {"retry_min": 0.02, "retry_max": 0.1}


class Bench:
    """A lab over TCP with its console on both channels; object 1 is on control."""

    def __init__(self, lab: Lab, web: httpx.AsyncClient, kpd1: Console, kpd2: Console) -> None:
        self.lab, self.web, self.kpd1, self.kpd2 = lab, web, kpd1, kpd2

    async def fault(self, link: str, action: str, **more: Any) -> Any:
        body = {"link": link, "action": action, **{key.rstrip("_"): value for key, value in more.items()}}
        reply = await self.web.post("faults", json=body)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def get(self, path: str) -> Any:
        reply = await self.web.get(path)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def did(self, link: str, action: str) -> dict[str, int]:
        """What the faults of this kind have done so far."""
        return dict(self.lab.faults.totals().get(link, {}).get(action, {}))

    async def until(self, path: str, holds: Callable[[Any], bool]) -> Any:
        """Wait until what is read there is so."""
        async with asyncio.timeout(10):
            while not holds(found := await self.get(path)):  # noqa: ASYNC110 - HTTP is asked again
                await asyncio.sleep(0.01)
        return found

    async def link_is(self, state: str) -> Any:
        """Wait for the state of the link to the switch."""
        return (await self.until("status", lambda found: found["switch"]["state"] == state))["switch"]

    async def call(self, a: str = "28331", b: str = "28332") -> str:
        reply = await self.web.post(
            "switch/domains/test.domain/calls", json={"a": a, "b": b, "ring": 0.01, "talk": 0.01}
        )
        assert reply.status_code == 202, reply.text
        return str(reply.json()["call"])

    async def events(self, count: int = 3) -> list[type[Message]]:
        """The next events."""
        return [type(await self.kpd2.next()) for _ in range(count)]

    async def nothing_more(self) -> None:
        """No further event is on its way: those of another call are the next ones."""
        await self.call("28333", "28334")
        seen = [await self.kpd2.next() for _ in range(3)]
        assert [(type(one), one.object_number) for one in seen] == [(kind, 2) for kind in CALL]  # type: ignore[attr-defined]

    def counters(self, channel: Channel) -> Any:
        assert self.lab.gateway is not None
        return self.lab.gateway.consoles.ports[channel].counters

    def objects_at_the_switch(self) -> set[int]:
        """The objects that the switch has on control now."""
        assert self.lab.switch is not None
        domain = self.lab.switch.engine.domains["test.domain"]
        return {one.object_number for table in domain.tables.values() for one in table}


@asynccontextmanager
async def started(folder: Path, **tables: Any) -> AsyncIterator[Bench]:
    document = {"switch": {"domains": [DOMAIN]}, "ssh": QUICK, **tables}
    lab_file = on_free_ports(config.parse(document, directory=folder, name="lab.toml"))
    async with (
        Lab(lab_file) as lab,
        httpx.AsyncClient(base_url=f"{lab.web_url}/api/v1/", trust_env=False) as web,
    ):
        kpd2 = await Console.connect(lab.endpoints["kpd2"], Channel.KPD2)
        kpd1 = await Console.connect(lab.endpoints["kpd1"])
        await kpd1.do(Start(), OBJECT, OTHER)
        yield Bench(lab, web, kpd1, kpd2)
        kpd1.close()
        kpd2.close()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with started(tmp_path) as ready:
        yield ready


# --- KPD1: whole units


async def test_a_command_that_is_lost_is_not_answered_and_the_next_one_is(bench: Bench) -> None:
    await bench.fault("kpd1", "drop", direction="from-console", count=1)
    bench.kpd1.send(REMOVE, GetVersion())
    seen = [type(one) for one in await bench.kpd1.until(CommandExecuted)]
    assert seen == [CommandReceived, VersionInfo, CommandExecuted]
    assert await bench.did("kpd1", "drop") == {"faults": 1, "touched": 1, "dropped": 1}
    assert await bench.get("faults") == []  # over by its count
    assert len(await bench.get("objects")) == 2


async def test_an_answer_that_is_lost_does_not_take_back_what_was_done(bench: Bench) -> None:
    await bench.fault("kpd1", "drop", direction="to-console", count=1)
    bench.kpd1.send(REMOVE)
    assert type(await bench.kpd1.next()) is CommandExecuted
    assert [row["object_number"] for row in await bench.get("objects")] == [1]
    assert bench.objects_at_the_switch() == {1}


async def test_late_answers_stay_in_order(bench: Bench) -> None:
    await bench.fault("kpd1", "delay", seconds=0.05, jitter=0.1, seed=1)
    bench.kpd1.send(GetVersion())
    seen = [type(one) for one in await bench.kpd1.until(CommandExecuted)]
    assert seen == [CommandReceived, VersionInfo, CommandExecuted]
    assert (await bench.did("kpd1", "delay"))["delayed"] == 4  # the command, and its three messages


async def test_what_is_held_back_goes_on_when_the_fault_is_cleared(bench: Bench) -> None:
    await bench.fault("kpd1", "delay", seconds=3600, direction="to-console")
    bench.kpd1.send(GetVersion())
    await bench.until("faults", lambda rows: rows[0]["did"].get("delayed") == 3)
    assert await bench.fault("kpd1", "clear") == {"ended": 1}
    seen = [type(one) for one in await bench.kpd1.until(CommandExecuted)]
    assert seen == [CommandReceived, VersionInfo, CommandExecuted]


async def test_a_doubled_command_is_answered_twice_and_done_once(bench: Bench) -> None:
    await bench.fault("kpd1", "duplicate", direction="from-console", count=1)
    bench.kpd1.send(REMOVE)
    first = await bench.kpd1.until(CommandExecuted)
    second = await bench.kpd1.until(CommandExecuted)
    assert first[-1].status == 0  # type: ignore[attr-defined]
    assert second[-1].status != 0  # type: ignore[attr-defined]
    assert [row["object_number"] for row in await bench.get("objects")] == [1]


async def test_a_doubled_answer_comes_twice(bench: Bench) -> None:
    await bench.fault("kpd1", "duplicate", direction="to-console", copies=2, count=1)
    bench.kpd1.send(GetVersion())
    seen = [type(one) for one in await bench.kpd1.until(CommandExecuted)]
    assert seen == [CommandReceived] * 3 + [VersionInfo, CommandExecuted]


async def test_an_answer_is_overtaken_by_the_next(bench: Bench) -> None:
    await bench.fault("kpd1", "reorder", direction="to-console", seconds=60, count=1)
    bench.kpd1.send(GetVersion())
    seen = [type(one) for one in await bench.kpd1.until(CommandExecuted)]
    assert seen == [VersionInfo, CommandReceived, CommandExecuted]


async def test_a_cut_ends_the_connection_and_lets_none_come_until_it_is_over(bench: Bench) -> None:
    await bench.fault("kpd1", "cut")
    with pytest.raises(ConnectionError):
        await bench.kpd1.next()
    refused = await Console.connect(bench.lab.endpoints["kpd1"])
    with pytest.raises(ConnectionError):
        await refused.next()
    assert (await bench.get("faults"))[0]["did"] == {"connections": 1, "refused": 1}
    journal = (
        {one["kind"] for one in await bench.get("journal")} if bench.lab.config.mediator.journal else set()
    )
    assert "connection-refused" not in journal  # no console was refused: the network was cut
    await bench.fault("kpd1", "clear")
    bench.kpd1 = await Console.connect(bench.lab.endpoints["kpd1"])
    bench.kpd1.send(GetVersion())
    await bench.kpd1.until(CommandExecuted, status=0)


# --- KPD2


async def test_an_event_that_is_lost_on_the_way_is_counted_by_the_fault(bench: Bench) -> None:
    await bench.fault("kpd2", "drop", count=1)
    await bench.call()
    assert await bench.events(2) == [Answer, Release]
    assert (await bench.did("kpd2", "drop"))["dropped"] == 1
    await bench.nothing_more()


async def test_events_of_a_console_that_is_cut_off_are_deleted_and_counted(bench: Bench) -> None:
    await bench.fault("kpd2", "cut")
    with pytest.raises(ConnectionError):
        await bench.kpd2.next()
    call = await bench.call()
    await bench.until(f"calls/{call}", lambda found: found["state"] == "released")
    await bench.until("status", lambda found: found["calls"] == 0)
    await bench.fault("kpd2", "clear")
    assert (await bench.get("status"))["counters"]["dropped_kpd2"] == len(CALL)
    bench.kpd2 = await Console.connect(bench.lab.endpoints["kpd2"], Channel.KPD2)
    await bench.until("status", lambda found: found["channels"][1]["peer"])
    await bench.kpd1.do(GetVersion())  # the pair that had failed waits for it (order 268, 1.4.1.2)
    await bench.nothing_more()
    assert (await bench.get("status"))["counters"]["dropped_kpd2"] == len(CALL)


async def test_events_that_were_on_their_way_when_the_connection_was_cut_are_counted_as_lost(
    bench: Bench,
) -> None:
    await bench.fault("kpd2", "delay", seconds=3600)
    await bench.call()
    await bench.until("faults", lambda rows: rows[0]["did"].get("delayed") == 3)
    assert bench.counters(Channel.KPD2).units_sent == 3
    assert bench.counters(Channel.KPD2).lost_units == 0
    await bench.fault("kpd2", "cut", for_=0.05)
    await bench.until("faults", lambda rows: [row["action"] for row in rows] == ["delay"])
    assert bench.counters(Channel.KPD2).lost_units == 3


# --- the link to the switch


async def test_objects_are_there_again_after_a_cut_of_the_link_without_the_console(bench: Bench) -> None:
    await bench.fault("ssh", "cut")
    await bench.link_is("backing-off")
    bench.kpd1.send(AddObject(3, *OWN, "28332", None, Category.STATISTICAL, None, Priority.NORMAL))
    refused = (await bench.kpd1.until(CommandExecuted))[-1]
    assert refused.status != 0  # type: ignore[attr-defined]
    await bench.fault("ssh", "clear")
    await bench.link_is("up")
    await bench.until("status", lambda _: bench.objects_at_the_switch() == {1, 2})
    await bench.call()
    assert await bench.events() == CALL


async def test_a_switch_that_dies_has_the_confirmed_objects_again_when_it_is_back(bench: Bench) -> None:
    died = bench.lab.switch
    await bench.fault("ssh", "restart", for_=0.1)
    await bench.link_is("backing-off")
    reply = await bench.web.post("switch/domains/test.domain/calls", json={"a": "28331", "b": "28332"})
    assert reply.status_code in (202, 503), reply.text
    await bench.link_is("up")
    assert bench.lab.switch is not died
    assert await bench.get("faults") == []
    await bench.until("status", lambda _: bench.objects_at_the_switch() == {1, 2})
    await bench.call()
    assert await bench.events() == CALL


async def test_the_backup_takes_over_from_the_primary_address_and_back(tmp_path: Path) -> None:
    async with started(tmp_path, ssh={**QUICK, "backup": "localhost"}) as bench:
        primary = (await bench.link_is("up"))["address"]
        await bench.fault("ssh", "cut", address="primary")
        backup = (
            await bench.until("status", lambda found: found["switch"]["address"] not in (None, primary))
        )["switch"]
        assert backup["address"] == primary.replace("127.0.0.1", "localhost")
        await bench.until("status", lambda _: bench.objects_at_the_switch() == {1, 2})
        await bench.call()
        assert await bench.events() == CALL
        await bench.fault("ssh", "clear", address="primary")
        await bench.fault("ssh", "cut", address="backup", for_=0.2)
        await bench.until("status", lambda found: found["switch"]["address"] == primary)
        await bench.until("status", lambda _: bench.objects_at_the_switch() == {1, 2})
        await bench.call()
        assert await bench.events() == CALL


async def test_a_request_that_is_lost_is_refused_after_its_time_and_nothing_is_half_done(
    tmp_path: Path,
) -> None:
    async with started(tmp_path, mediator={"options": {"switch_timeout": 1.0}}) as bench:
        await bench.fault("ssh", "drop", direction="to-switch", count=1)
        third = AddObject(3, *OWN, "28332", None, Category.STATISTICAL, None, Priority.NORMAL)
        bench.kpd1.send(third)
        assert (await bench.kpd1.until(CommandExecuted))[-1].status != 0  # type: ignore[attr-defined]
        assert (await bench.did("ssh", "drop"))["dropped"] == 1
        await bench.kpd1.do(third)
        assert bench.objects_at_the_switch() == {1, 2, 3}


async def test_an_object_whose_confirmation_is_lost_is_not_left_at_the_switch(tmp_path: Path) -> None:
    async with started(tmp_path, mediator={"options": {"switch_timeout": 1.0}}) as bench:
        await bench.fault("ssh", "drop", direction="from-switch", count=1)
        bench.kpd1.send(AddObject(3, *OWN, "28332", None, Category.STATISTICAL, None, Priority.NORMAL))
        assert (await bench.kpd1.until(CommandExecuted))[-1].status != 0  # type: ignore[attr-defined]
        await bench.until("status", lambda _: bench.objects_at_the_switch() == {1, 2})
        assert [row["object_number"] for row in await bench.get("objects")] == [1, 2]


async def test_a_late_answer_of_the_switch_makes_28h_late_and_no_more(bench: Bench) -> None:
    await bench.fault("ssh", "delay", seconds=0.1)
    await bench.kpd1.do(REMOVE)
    assert (await bench.did("ssh", "delay"))["delayed"] == 2  # the request and its reply
    assert bench.objects_at_the_switch() == {1}


@pytest.mark.parametrize("action", ["duplicate", "reorder"])
@pytest.mark.parametrize("direction", ["to-switch", "from-switch"])
async def test_doubled_and_overtaken_lines_leave_the_objects_as_they_were_confirmed(
    bench: Bench, action: str, direction: str
) -> None:
    fault = await bench.fault(
        "ssh", action, direction=direction, **({"seconds": 0.05} if action == "reorder" else {})
    )
    third = AddObject(3, *OWN, "28334", None, Category.STATISTICAL, None, Priority.NORMAL)
    bench.kpd1.send(third)
    status = (await bench.kpd1.until(CommandExecuted))[-1].status  # type: ignore[attr-defined]
    bench.kpd1.send(REMOVE)
    removed = (await bench.kpd1.until(CommandExecuted))[-1].status  # type: ignore[attr-defined]
    await bench.web.delete(f"faults/{fault['id']}")
    await bench.link_is("up")
    confirmed = {row["object_number"] for row in await bench.get("objects")}
    assert confirmed == {1} | ({2} if removed else set()) | (set() if status else {3})
    await bench.until("status", lambda _: bench.objects_at_the_switch() == confirmed)
    await bench.call()
    assert await bench.events() == CALL


async def test_a_domain_of_the_switch_answers_late_or_never(tmp_path: Path) -> None:
    async with started(tmp_path, mediator={"options": {"switch_timeout": 1.0}}) as bench:
        await bench.fault("ssh", "delay", domain="test.domain", seconds=0.1)
        assert (await bench.get("switch/multisorm"))["faults"] == {
            "test.domain": {"answer": "slow", "delay": 0.1}
        }
        await bench.kpd1.do(REMOVE)
        await bench.fault("ssh", "clear", domain="test.domain")
        await bench.fault("ssh", "drop", domain="test.domain", for_=0.5)
        bench.kpd1.send(OTHER)
        assert (await bench.kpd1.until(CommandExecuted))[-1].status != 0  # type: ignore[attr-defined]
        await bench.until("switch/multisorm", lambda found: found["faults"] == {})
        await bench.link_is("up")
        await bench.kpd1.do(OTHER)


async def test_a_domain_answers_as_the_oldest_of_its_faults_says_whichever_ends(bench: Bench) -> None:
    slow = {"test.domain": {"answer": "slow", "delay": 0.1}}
    late = await bench.fault("ssh", "delay", domain="test.domain", seconds=0.1)
    never = await bench.fault("ssh", "drop", domain="test.domain")
    assert (await bench.get("switch/multisorm"))["faults"] == slow
    await bench.web.delete(f"faults/{never['id']}")
    assert (await bench.get("switch/multisorm"))["faults"] == slow
    await bench.fault("ssh", "drop", domain="test.domain")
    await bench.web.delete(f"faults/{late['id']}")
    assert (await bench.get("switch/multisorm"))["faults"]["test.domain"]["answer"] == "dead"
    await bench.fault("ssh", "clear", domain="test.domain")
    assert (await bench.get("switch/multisorm"))["faults"] == {}


async def test_a_switch_that_could_not_start_is_started_again_and_has_the_faults_of_its_domains(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    starts, before, start = (
        [config.ConfigError("no such file"), BoxError("in use")],
        bench.lab.switch,
        bench.lab.start_switch,
    )

    async def start_switch() -> None:
        if starts:
            raise starts.pop(0)
        await start()

    monkeypatch.setattr(bench.lab, "start_switch", start_switch)
    monkeypatch.setattr(lab_faults, "AGAIN", 0.0)
    await bench.fault("ssh", "delay", domain="test.domain", seconds=0.1)
    await bench.fault("ssh", "restart", for_=0.05)
    await bench.until("faults", lambda rows: [row["action"] for row in rows] == ["delay"])
    await bench.until("status", lambda _: bench.lab.switch is not before)
    slow = {"test.domain": {"answer": "slow", "delay": 0.1}}
    await bench.until("switch/multisorm", lambda found: found["faults"] == slow)
    assert [one for one in caplog.messages if "not back yet" in one] == [
        "the switch is not back yet: no such file",
        "the switch is not back yet: in use",
    ]


# --- call reports


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "drop", "direction": "to-switch", "count": 2},
        {"action": "drop", "direction": "from-switch", "count": 2},
        {"action": "drop", "share": 0.5, "seed": 7, "for": 1},
        {"action": "delay", "seconds": 0.02, "jitter": 0.3, "seed": 3},
        {"action": "duplicate"},
        {"action": "duplicate", "copies": 300, "jitter": 0.2, "seed": 5, "direction": "from-switch"},
        {"action": "reorder", "seconds": 0.1},
        {"action": "cut", "for": 0.3},
    ],
    ids=["answers lost", "requests lost", "half lost", "late", "doubled", "a storm", "overtaken", "cut"],
)
async def test_every_event_of_a_call_comes_once_and_in_order_whatever_becomes_of_its_reports(
    bench: Bench, fault: dict[str, Any]
) -> None:
    reply = await bench.web.post("faults", json={"link": "radius", **fault})
    assert reply.status_code == 200, reply.text
    await bench.call()
    assert await bench.events() == CALL
    assert (await bench.did("radius", str(fault["action"])))["touched"] > 0
    await bench.fault("radius", "clear")
    # Until the switch has every answer: then nothing is on its way that could be told twice.
    assert bench.lab.switch is not None
    for reporter in bench.lab.switch._reporters.values():
        async with asyncio.timeout(10):
            await reporter.drain()
    await bench.nothing_more()
    sink = (await bench.get("status"))["radius"]["counters"]
    assert sink["reports"] <= 8  # two calls of three or four reports each, however often they came
    assert sink["remembered"] <= 8
    if fault.get("copies"):
        assert sink["duplicates"] >= 300


# --- a switch whose mediator is elsewhere


@pytest.fixture
async def apart(tmp_path: Path) -> AsyncIterator[tuple[Bench, httpx.AsyncClient]]:
    """A mediator and a switch in boxes of their own: the bench of the mediator, the web of the switch."""
    folder = tmp_path / "switch"
    folder.mkdir()
    port = free_udp_port()
    domain = {**DOMAIN, "radius_servers": [{"host": "127.0.0.1", "port": port, "secret": "secret"}]}
    document = {"switch": {"ssh_port": 0, "domains": [domain]}, "web": {"port": 0}}
    async with Lab(config.parse(document, directory=folder, name="switch.toml"), boxes="switch") as switch:
        assert switch.switch is not None
        host, _, ssh = switch.endpoints["ssh"].rpartition(":")
        tables = {
            "ssh": {
                **QUICK,
                "server": host,
                "port": int(ssh),
                "user": "test.domain",
                "password": "123",
                "host_key": switch.switch.public_host_key,
            },
            "radius": {"port": port, "secret": "secret"},
            "console": {"kpd1_port": 0, "kpd2_port": 0},
            "web": {"port": 0},
        }
        gateway = Lab(config.parse(tables, directory=tmp_path, name="lab.toml"), boxes="gateway")
        async with (
            gateway as lab,
            httpx.AsyncClient(base_url=f"{lab.web_url}/api/v1/", trust_env=False) as web,
            httpx.AsyncClient(base_url=f"{switch.web_url}/api/v1/", trust_env=False) as at_switch,
        ):
            kpd2 = await Console.connect(lab.endpoints["kpd2"], Channel.KPD2)
            kpd1 = await Console.connect(lab.endpoints["kpd1"])
            await kpd1.do(Start(), OBJECT)
            yield Bench(lab, web, kpd1, kpd2), at_switch
            kpd1.close()
            kpd2.close()


async def test_the_switch_alone_makes_the_faults_at_its_own_end(
    apart: tuple[Bench, httpx.AsyncClient],
) -> None:
    bench, at_switch = apart

    async def fault(**order: Any) -> httpx.Response:
        return await at_switch.post("faults", json=order)

    async def call() -> None:
        body = {"a": "28331", "b": "28332", "ring": 0.01, "talk": 0.01}
        assert (await at_switch.post("switch/domains/test.domain/calls", json=body)).status_code == 202

    assert (await fault(link="radius", action="drop", direction="to-switch", count=2)).status_code == 200
    assert (await fault(link="radius", action="duplicate", direction="from-switch")).status_code == 200
    await call()
    assert await bench.events() == CALL
    await bench.until("status", lambda found: found["radius"]["counters"]["duplicates"] > 0)
    assert (await fault(link="radius", action="clear")).status_code == 200

    assert (await fault(link="ssh", action="cut", **{"for": 0.1})).json()["did"] == {"connections": 1}
    await bench.link_is("backing-off")
    await bench.link_is("up")
    assert (await fault(link="ssh", action="delay", seconds=0.05)).status_code == 200
    await bench.kpd1.do(OTHER)
    assert (await at_switch.get("faults")).json()[0]["did"]["delayed"] >= 2
    await call()
    assert await bench.events() == CALL

    for order, why in (
        ({"link": "kpd1", "action": "cut"}, "the mediator is not of this lab"),
        ({"link": "ssh", "action": "cut", "address": "primary"}, "it is the mediator that has two"),
    ):
        reply = await fault(**order)
        assert (reply.status_code, why in reply.json()["detail"]) == (409, True), reply.text
    assert (await bench.web.post("faults", json={"link": "ssh", "action": "restart"})).status_code == 409


# --- the desk


async def test_what_a_lab_does_not_have_is_refused_with_the_reason(bench: Bench) -> None:
    for body, why in (
        ({"link": "ssh", "action": "cut", "address": "backup"}, "the lab file has no ssh.backup"),
        ({"link": "kpd2", "action": "cut", "pair": 1}, "over TCP there is pair 0 alone"),
        ({"link": "ssh", "action": "drop", "domain": "elsewhere"}, "there is none: test.domain"),
    ):
        reply = await bench.web.post("faults", json=body)
        assert (reply.status_code, why in reply.json()["detail"]) == (409, True), reply.text
    assert (await bench.web.delete("faults/1")).status_code == 404
    assert await bench.get("faults") == []


async def test_the_journal_and_the_metrics_tell_of_faults(tmp_path: Path) -> None:
    async with started(tmp_path, mediator={"journal": "journal.db"}) as bench:
        await bench.fault("kpd2", "drop", count=5, seed=9)
        await bench.call()
        await bench.until("faults", lambda rows: rows[0]["did"].get("dropped") == 3)
        row = (await bench.get("faults"))[0]
        assert (row["seed"], row["left"], row["given"]) == (9, None, {"count": 5, "seed": 9})
        assert (await bench.web.delete("faults")).json() == {"ended": 1}
        entries = [one for one in await bench.get("journal") if one["kind"].startswith("fault")]
        assert [(one["kind"], one["fields"]) for one in entries] == [
            (
                "fault-began",
                {"who": "HTTP 127.0.0.1", "link": "kpd2", "action": "drop", "parameters": "count=5, seed=9"},
            ),
            ("faults-cleared", {"who": "HTTP 127.0.0.1", "faults": 1}),
        ]
        metrics = (await bench.web.get(f"{bench.lab.web_url}/metrics")).text
        assert 'sorm_faults_total{action="drop",link="kpd2",what="dropped"} 3.0' in metrics
        assert "sorm_faults_active 0.0" in metrics
