"""What waits where, and what becomes of it: a console that does not read, a switch that does not answer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from e1.events import Message as Arrived
from e1.stream import ChannelEvent
from protocol import (
    AddObject,
    Alarm,
    Category,
    Channel,
    Codec,
    CommandExecuted,
    GetTrunks,
    GetVersion,
    NumberReceived,
    NumberSign,
    ObjectType,
    Priority,
    Start,
)
from radius.report import CallReport, Match, Party
from sorm_mediator.config import parse
from sorm_mediator.mediator.binding.consoles import NOT_READ, SILENCED
from sorm_mediator.mediator.binding.gateway import Gateway
from sorm_mediator.mediator.binding.streams import FULL
from tests.mediator.e1_harness import E1Console, attached, e1_lab
from tests.mediator.gateway_harness import (
    Console,
    SmallSwitch,
    lab_config,
    lab_file,
    running,
    small_switch,
    switch_up,
)

OBJECT = AddObject(
    258, ObjectType.OWN_SUBSCRIBER, NumberSign.OWN, "20258", None, Category.STATISTICAL, None, Priority.NORMAL
)
ROOM = 65_536
"""Octets that may wait for the console of these tests over TCP."""


ALARM = Codec().encode(Alarm(2, 7))


class Bench:
    def __init__(self, folder: Path, switch: SmallSwitch, server: Any, where: str) -> None:
        self.folder, self.switch, self.server, self.where = folder, switch, server, where

    def over_tcp(self, **mediator: Any) -> Any:
        document = lab_file(self.folder, self.server, self.where, **mediator)
        document["console"]["most_unsent"] = ROOM
        return parse(document, directory=self.folder)

    def over_e1(self, **options: Any) -> Any:
        stream = {"line": "memory", "high_water": 8, "low_water": 4, "x25": {"queue_limit": 20}}
        return e1_lab(self.folder, self.server, self.where, stream, mediator={"options": options})


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with small_switch() as (switch, server, where):
        yield Bench(tmp_path, switch, server, where)


def calls(gateway: Gateway, begin: int = 0) -> Any:
    """Reports of ever new calls of the object, each of which is a 41h."""
    number = begin
    while True:
        called = Party(digits="20258", ni="private")
        party, now = Party(digits=f"2{number:09}", ni="private"), gateway.now()
        assert number % 1_000_000 < 60_000, "nothing happens"
        yield CallReport(
            call_id=f"call-{number}",
            domain="test.domain",
            sequence=1,
            time=now,
            connection=0x1C,
            calling=party,
            called=called,
            calling_station=party.digits,
            called_station="20258",
            setup_time=now,
            matches=(Match(object_number=258, role="b", called=called, time=now),),
        )
        number += 1


async def until(condition: Callable[[], object]) -> None:
    """Give the event loop its turns until it holds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - it is a state of the gateway, which tells nobody
            await asyncio.sleep(0)


async def with_an_object(gateway: Gateway, endpoints: dict[str, str]) -> Console:
    await switch_up(gateway)
    console = await Console.connect(endpoints["kpd1"])
    await console.do(Start(), OBJECT)
    return console


async def connect_with_little_room(address: str, channel: Channel) -> Console:
    """A console whose socket is read by nobody, and holds little."""
    host, _, port = address.rpartition(":")
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, (host, int(port)))
    console = Console(channel, *await asyncio.open_connection(sock=sock))
    console.writer.transport.pause_reading()
    return console


async def an_unread_kpd2(gateway: Gateway, endpoints: dict[str, str]) -> Console:
    events = await connect_with_little_room(endpoints["kpd2"], Channel.KPD2)
    await until(lambda: gateway.consoles.ports[Channel.KPD2].connection)
    return events


def report_until_it_is_put_off(gateway: Gateway) -> list[CallReport]:
    """The reports, of which the last one was not taken."""
    told = []
    for report in calls(gateway):
        told.append(report)
        if not gateway.report(report):
            return told
    raise AssertionError


async def test_reports_are_put_off_while_a_console_is_slow_and_every_event_arrives(bench: Bench) -> None:
    async with running(bench.over_tcp()) as (gateway, endpoints):
        _kpd1 = await with_an_object(gateway, endpoints)
        events = await an_unread_kpd2(gateway, endpoints)
        told = report_until_it_is_put_off(gateway)
        status = gateway.status()
        unsent = status.queues["kpd2.unsent"]
        assert unsent.most == ROOM
        assert 0.75 * ROOM < unsent.waiting < ROOM
        assert status.queues["kpd2.unacknowledged"].waiting > 0
        assert status.counters["reports_put_off"] == 1
        assert any("mediator.options.slow_console" in text for text in status.warnings)

        events.writer.transport.resume_reading()
        numbers: list[str | None] = []
        while len(numbers) < len(told):
            if len(numbers) == len(told) - 1:  # all that was taken has arrived: the one put off comes again
                assert gateway.report(told[-1])
            event = await events.next()
            assert isinstance(event, NumberReceived)
            numbers.append(event.calling.number)
        assert numbers == [report.calling.digits for report in told]
        unsent = gateway.status().queues["kpd2.unsent"]
        assert (unsent.waiting, unsent.oldest, unsent.dropped) == (0, 0.0, {})


async def test_a_console_that_takes_nothing_for_long_loses_events_and_they_are_counted(bench: Bench) -> None:
    async with running(bench.over_tcp()) as (gateway, endpoints):
        _kpd1 = await with_an_object(gateway, endpoints)
        _kpd2 = await an_unread_kpd2(gateway, endpoints)
        report_until_it_is_put_off(gateway)
        port = gateway.consoles.ports[Channel.KPD2]
        assert port.connection is not None
        assert port.connection._took_at is not None
        port.connection._took_at -= gateway.config.mediator.options.output_timeout
        for report in calls(gateway, begin=1_000_000):
            assert gateway.report(report)
            if port.counters.not_reading:
                break
        await until(lambda: port.connection is None)
        dropped = gateway.status().queues["kpd2.unsent"].dropped
        assert set(dropped) == {NOT_READ}
        assert dropped[NOT_READ] == port.counters.deleted_units
        assert gateway.status().queues["kpd2.unacknowledged"].dropped["connection ended"] > 0


async def test_with_the_option_reports_are_taken_to_the_end(bench: Bench) -> None:
    async with running(bench.over_tcp(options={"slow_console": "drop"})) as (gateway, endpoints):
        _kpd1 = await with_an_object(gateway, endpoints)
        _kpd2 = await an_unread_kpd2(gateway, endpoints)
        port = gateway.consoles.ports[Channel.KPD2]
        for report in calls(gateway):
            assert gateway.report(report)
            if port.counters.not_reading:
                break
        assert gateway.counters["reports_put_off"] == 0


async def test_a_console_that_does_not_read_its_answers_is_timed_out_all_the_same(bench: Bench) -> None:
    """The time-out of order 70, 1.5, is not behind the answers that wait."""
    async with running(bench.over_tcp(console_timeout=60)) as (gateway, endpoints):
        console = await connect_with_little_room(endpoints["kpd1"], Channel.KPD1)
        console.send(Start())
        await until(lambda: gateway.core.tables.started)
        connection = gateway.consoles.ports[Channel.KPD1].connection
        assert connection is not None
        while connection.waiting == 0:
            gateway.consoles.send(Channel.KPD1, ALARM * 500)
        waiting = gateway.status().queues["kpd1.unsent"].waiting
        assert waiting > 0
        gateway._run(lambda now: gateway.core.tick(now + 61))
        unsent = gateway.status().queues["kpd1.unsent"]
        assert unsent.waiting == 0
        assert unsent.dropped[SILENCED] > 0
        assert gateway.core.counters["console_timeouts"] == 1


async def started_over_e1(gateway: Gateway, console: E1Console) -> None:
    await switch_up(gateway)
    await console.up()
    for command in (Start(), OBJECT):
        console.send(command)
        await console.message(CommandExecuted, command=command.code, status=0)


def stop_taking(console: E1Console, on: bool) -> None:
    """RNR of X.25 on KPD2, or RR: then what had arrived meanwhile is taken."""
    for event in console.stream.busy("kpd2", on, asyncio.get_running_loop().time()):
        match event:
            case ChannelEvent("kpd2", Arrived(raw)):
                console.units["kpd2"].append(raw)


async def test_over_e1_reports_are_put_off_while_the_console_asks_for_no_more(bench: Bench) -> None:
    async with running(bench.over_e1()) as (gateway, _), attached(gateway) as console:
        await started_over_e1(gateway, console)
        stop_taking(console, True)
        told = report_until_it_is_put_off(gateway)
        unsent = gateway.status().queues["kpd2.unsent"]
        assert (unsent.holds, unsent.waiting, unsent.most) == ("messages", 16, 20)
        console.send(GetVersion())  # what is asked on KPD1 is answered meanwhile
        await console.message(CommandExecuted, command=17, status=0)
        stop_taking(console, False)
        await console.until(lambda: len(console.units["kpd2"]) >= len(told) - 1)
        assert gateway.report(told[-1])
        await console.until(lambda: len(console.units["kpd2"]) >= len(told))
        events = [console.codec.decode(raw) for raw in console.units["kpd2"]]
        assert [event.calling.number for event in events] == [one.calling.digits for one in told]
        assert gateway.status().queues["kpd2.unsent"].dropped == {}


async def test_over_e1_a_console_that_takes_nothing_for_long_loses_what_is_beyond_the_queue(
    bench: Bench,
) -> None:
    async with running(bench.over_e1()) as (gateway, _), attached(gateway) as console:
        await started_over_e1(gateway, console)
        stop_taking(console, True)
        told = report_until_it_is_put_off(gateway)
        assert gateway.e1 is not None
        kpd2 = gateway.e1.streams._runners[0].kpds["kpd2"]
        kpd2.took_at -= gateway.config.mediator.options.output_timeout
        for report, _number in zip(calls(gateway, begin=1_000_000), range(30), strict=False):
            assert gateway.report(report), "what is given up is nothing that the console has taken"
        unsent = gateway.status().queues["kpd2.unsent"]
        assert (unsent.waiting, unsent.dropped) == (20, {FULL: len(told) - 1 + 30 - 20})
        assert (unsent.oldest or 0) >= gateway.config.mediator.options.output_timeout


async def test_over_e1_what_is_beyond_the_queue_is_given_up_and_counted(bench: Bench) -> None:
    config = bench.over_e1(slow_console="drop")
    async with running(config) as (gateway, _), attached(gateway) as console:
        await started_over_e1(gateway, console)
        stop_taking(console, True)
        for report, _number in zip(calls(gateway), range(30), strict=False):
            assert gateway.report(report)
        unsent = gateway.status().queues["kpd2.unsent"]
        assert unsent.waiting == 20
        assert unsent.dropped == {FULL: 10}


async def test_a_request_that_is_never_answered_waits_for_all_to_see(bench: Bench) -> None:
    bench.switch.handle = lambda request: None  # type: ignore[assignment,method-assign,return-value]
    async with running(lab_config(bench.folder, bench.server, bench.where)) as (gateway, endpoints):
        await switch_up(gateway)
        console = await Console.connect(endpoints["kpd1"])
        await console.do(Start())
        console.send(GetTrunks(None))  # behind the sync, which is not answered either
        await until(lambda: gateway.status().queues["switch.waiting"].waiting)
        queues = gateway.status().queues
        assert queues["switch.requests"].waiting == 1
        assert queues["switch.requests"].most == gateway.config.ssh.most_requests
        assert (queues["switch.requests"].oldest or 0) > 0
        console.send(GetTrunks(None), GetTrunks(None))
        await until(lambda: gateway.status().queues["commands.waiting"].waiting == 2)
        gateway._run(lambda now: gateway.core.tick(now + 9))
        seen = await console.until(CommandExecuted, command=16)
        assert replace(seen[-1], status=0) == CommandExecuted(16, 0)
        assert seen[-1].status != 0


async def test_writing_to_disk_is_timed(bench: Bench) -> None:
    async with running(lab_config(bench.folder, bench.server, bench.where)) as (gateway, endpoints):
        console = await Console.connect(endpoints["kpd1"])
        await console.do(Start())
        assert sum(gateway.disk["tables"].counts) >= 1
        assert sum(gateway.disk["journal"].counts) >= 2


async def test_a_watcher_that_does_not_read_costs_itself_alone(bench: Bench) -> None:
    async with running(lab_config(bench.folder, bench.server, bench.where)) as (gateway, _):
        idle, quick = gateway.events.subscribe(), gateway.events.subscribe()
        for _ in range(1500):
            gateway.events.publish("unit", 0.0, dict)
            quick.taken()
        watchers = gateway.status().queues["watchers"]
        assert (watchers.waiting, watchers.most, watchers.dropped) == (1000, 1000, {"not read": 500})
        assert (len(idle), len(quick)) == (1000, 0)
