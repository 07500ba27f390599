"""The mediator reached over E1: the same commands and events, and what becomes of them when a stream fails."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from e1.g704.alarms import StreamState
from e1.lapb.frames import Kind
from e1.lapb.machine import Lapb, LapbAction, LapbConfig, LapbEvent, LapbMove, LapbState
from protocol import (
    AddKsl,
    AddObject,
    Alarm,
    Category,
    Channel,
    CommandExecuted,
    CommandReceived,
    GetTrunks,
    GroupType,
    NumberSign,
    ObjectType,
    Priority,
    Restart,
    Start,
    Test,
    TestReplyKpd1,
    TestReplyKpd2,
    TrunkInfo,
    UnauthorizedAccess,
)
from protocol.values import Ksl
from sorm_mediator.errors import BoxError
from sorm_mediator.mediator.binding.gateway import Gateway
from sorm_mediator.mediator.binding.streams import KPD_TABLE, KpdAction, KpdInput, KpdState
from ssh_control.dialect import Reply
from tests.mediator.e1_harness import E1Console, attached, e1_lab, far_line, udp_line
from tests.mediator.gateway_harness import SmallSwitch, running, small_switch, switch_up

TESTED_WHILE_STOPPED = {"options": {"test_while_stopped": "on"}}
QUICK = {"line": "memory", "lapb": {"t1": 0.5, "t2": 0.05}}
"""A link that is back soon after a fault."""


class Bench:
    def __init__(self, folder: Path, switch: SmallSwitch, server: Any, where: str) -> None:
        self.folder, self.switch, self.server, self.where = folder, switch, server, where

    def config(self, *streams: dict[str, Any], **tables: dict[str, Any]) -> Any:
        return e1_lab(self.folder, self.server, self.where, *streams, **tables)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with small_switch() as (switch, server, where):
        yield Bench(tmp_path, switch, server, where)


def subscriber(number: int, category: Category = Category.STATISTICAL) -> AddObject:
    own = ObjectType.OWN_SUBSCRIBER, NumberSign.OWN
    return AddObject(number, *own, f"2{number:04}", None, category, None, Priority.NORMAL)


async def started(console: E1Console) -> None:
    console.send(Start())
    await console.message(CommandExecuted, command=1, status=0)


async def test_a_command_is_received_and_executed(bench: Bench) -> None:
    async with running(bench.config()) as (gateway, endpoints), attached(gateway) as console:
        assert isinstance(await console.next(), Restart)
        console.send(Start())
        assert await console.next() == CommandReceived(1, 0)
        assert await console.next() == CommandExecuted(1, 0)
        assert console.stream.state is StreamState.WORK
        assert set(endpoints) == {"rtp", "radius"}


@pytest.mark.parametrize("mode", ["dce", "dte"])
@pytest.mark.parametrize("circuit", ["pvc", "svc"])
async def test_either_side_of_x25_over_udp(bench: Bench, mode: str, circuit: str) -> None:
    stream = {"line": "satop", "mode": mode, "x25": {"circuit": circuit}}
    async with running(bench.config(stream)) as (gateway, endpoints):
        line = udp_line(endpoints["e1.0"])
        async with E1Console(gateway.config.e1[0], line) as console:
            await console.up()
            console.send(Start())
            assert [type(each) for each in await console.message(CommandExecuted, command=1, status=0)] == [
                Restart,
                CommandReceived,
                CommandExecuted,
            ]
            assert gateway.status().channels[0].counters["units_received"] == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"lapb": {"preset": "linux"}, "x25": {"circuit": "svc", "caller": "dce"}},
        {"satop": {"payload": 512, "rtp": True}, "alarms": {"los_zeros": 2048, "e_while_unaligned": 1}},
        {"satop": {"clock": "received", "payload": 128}, "jitter": 50},
        {"ksl_timeslots": list(range(28, 0, -1)), "kpd1_timeslot": 29, "silence": 0x55},
    ],
    ids=["as Linux does", "other packets", "a slave", "another map"],
)
async def test_both_ends_work_with_the_settings_of_one_lab_file(
    bench: Bench, settings: dict[str, Any]
) -> None:
    async with running(bench.config({"line": "satop", **settings})) as (gateway, endpoints):
        config = gateway.config.e1[0]
        line = udp_line(endpoints["e1.0"], config)
        async with E1Console(config, line) as console:
            await console.up()
            await started(console)
            assert console.stream.state is StreamState.WORK


async def test_streams_have_channels_of_their_own(bench: Bench) -> None:
    streams = [
        {"stream": number, "line": "memory", "mode": mode} for number, mode in ((0, "dce"), (3, "dte"))
    ]
    async with (
        running(bench.config(*streams, mediator=TESTED_WHILE_STOPPED)) as (gateway, _),
        attached(gateway, 0) as first,
        attached(gateway, 3) as last,
    ):
        last.send(Test(7))
        assert (await last.message(TestReplyKpd1))[-1] == TestReplyKpd1(7, 0b1001, 0b1001)
        assert await first.message(TestReplyKpd2, "kpd2") == [TestReplyKpd2(7, 0b1001, 0b1001)]
        assert await last.message(TestReplyKpd2, "kpd2") == [TestReplyKpd2(7, 0b1001, 0b1001)]
        last.send(Start(), AddKsl(1, GroupType.COMBINED, Ksl(1, 1), Ksl(1, 1)))
        await last.message(CommandReceived, command=4, status=0x3F)  # stream 1 is not equipped


async def test_units_in_one_message_are_taken_one_by_one_and_a_cut_one_is_refused(bench: Bench) -> None:
    async with running(bench.config()) as (gateway, _), attached(gateway) as console:
        octets = console.codec.encode(Start())
        console.stream.send("kpd1", octets + octets[:5], asyncio.get_running_loop().time())
        await console.message(CommandExecuted, command=1, status=0)
        await console.message(CommandReceived, status=0x10)
        assert gateway.status().channels[0].counters["broken"] == 1


@pytest.mark.parametrize("a_message", [1, 400])
async def test_a_console_that_floods_is_stopped_and_has_every_answer(bench: Bench, a_message: int) -> None:
    marks = {"high_water": 30, "low_water": 8}
    config = bench.config({**QUICK, **marks}, mediator=TESTED_WHILE_STOPPED)
    async with running(config) as (gateway, _), attached(gateway) as console:
        assert gateway.e1 is not None
        streams, stopped = gateway.e1.streams, []
        commands = [console.codec.encode(Test(number % 256)) for number in range(400)]
        for begin in range(0, 400, a_message):
            octets = b"".join(commands[begin : begin + a_message])
            console.stream.send("kpd1", octets, asyncio.get_running_loop().time())
        asked = streams.row

        def watched() -> bool:
            row = asked(0).channels["kpd1"]
            stopped.append(row.stopped)
            assert row.waiting < 40, "an answer above the mark, and what nobody asked for"
            return len(console.units["kpd1"]) == 801 and not row.stopped

        await console.until(watched)
        answers = [console.codec.decode(raw) for raw in console.units["kpd1"][1:]]  # after 22h
        assert answers[0::2] == [CommandReceived(14, 0)] * 400
        assert answers[1::2] == [TestReplyKpd1(n % 256, 1, 1) for n in range(400)]
        await console.until(lambda: len(console.units["kpd2"]) == 400)
        assert True in stopped
        counters = gateway.status().channels[0].counters
        assert (counters["units_received"], counters["deleted_units"]) == (400, 0)


async def test_a_long_table_crosses_as_fast_as_the_line_takes_it(bench: Bench) -> None:
    trunks = [{"trunk": number, "name": f"trunk-{number}"} for number in range(150)]
    answer = bench.switch.handle
    bench.switch.handle = lambda asked: (  # type: ignore[method-assign]
        Reply(True, {"trunks": trunks}) if asked.op == "trunks" else answer(asked)
    )
    async with running(bench.config()) as (gateway, _), attached(gateway) as console:
        assert gateway.e1 is not None
        await switch_up(gateway)
        await started(console)
        console.send(GetTrunks(None))
        await console.message(TrunkInfo)
        # The whole table would be waiting if it did not go by what the line takes.
        assert gateway.e1.streams.row(0).channels["kpd1"].waiting < 100
        table = await console.message(CommandExecuted, command=0x10, status=0)
        assert [row.trunk for row in table if isinstance(row, TrunkInfo)] == list(range(1, 150))


@pytest.mark.parametrize("fault", ["LOS", "AIS", "LOF", "RAI"])
async def test_a_fault_in_the_middle_of_a_command_loses_and_doubles_nothing(bench: Bench, fault: Any) -> None:
    async with running(bench.config(QUICK)) as (gateway, _), attached(gateway) as console:
        assert gateway.e1 is not None
        await switch_up(gateway)
        await started(console)
        asked = len(bench.switch.asked)
        streams = gateway.e1.streams
        streams.fault(0, fault)
        console.send(subscriber(1))
        far = StreamState.LOS if fault == "RAI" else StreamState.RAI
        await console.until(lambda: console.stream.state is far)
        await console.until(lambda: streams.row(0).state == fault)
        streams.fault(0, "clear")
        await console.until(lambda: console.stream.state is StreamState.WORK)
        code = 2 if fault == "RAI" else 1
        told = await console.message(CommandExecuted, command=5, status=0)
        if not any(isinstance(each, Alarm) and each.alarm_code == 0 for each in told):
            told += await console.message(Alarm, alarm_code=0)
        alarms = [(each.alarm_type, each.alarm_code) for each in told if isinstance(each, Alarm)]
        assert alarms[0] == (4, code)
        assert alarms[-1] == (4, 0)
        assert sum(isinstance(each, CommandReceived) for each in told) == 1
        assert [op for op, _ in bench.switch.asked[asked:]] == ["add"]


async def test_whoever_sends_to_the_stream_of_another_is_left_and_the_console_is_told(bench: Bench) -> None:
    async with running(bench.config({"line": "satop"})) as (gateway, endpoints):
        line = udp_line(endpoints["e1.0"])
        async with E1Console(gateway.config.e1[0], line) as console:
            await started(await console.up())
            host, _, port = endpoints["e1.0"].rpartition(":")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.sendto(b"let me in", (host, int(port)))
                own = f"127.0.0.1:{stranger.getsockname()[1]}"
                told = (await console.message(UnauthorizedAccess))[-1]
            assert isinstance(told, UnauthorizedAccess)
            assert (told.access_code, told.text) == (1, own)
            console.send(Test(1))
            await console.message(TestReplyKpd1)


async def test_a_far_end_is_learnt_from_hosts_that_may_be_a_console(bench: Bench) -> None:
    nobody = {"allow": ["192.0.2.0/24"]}
    async with running(bench.config({"line": "satop"}, console=nobody)) as (gateway, endpoints):
        assert gateway.e1 is not None
        streams = gateway.e1.streams
        line = udp_line(endpoints["e1.0"])
        async with E1Console(gateway.config.e1[0], line) as console:
            await console.until(lambda: streams.row(0).counters["strangers"] >= 50)
        assert (streams.row(0).state, streams.row(0).counters["received"]) == ("AIS", 0)


async def test_after_the_hold_the_console_counts_as_gone(bench: Bench) -> None:
    stream = QUICK | {"hold": 0}
    async with running(bench.config(stream)) as (gateway, _), attached(gateway) as console:
        assert gateway.e1 is not None
        await started(console)
        streams, watcher = gateway.e1.streams, gateway.events.subscribe()
        streams.fault(0, "LOS")
        gone: set[str] = set()
        async with asyncio.timeout(10):
            while gone < {"kpd1", "kpd2"}:
                event = await anext(watcher)
                if event["event"] == "link" and event["state"] == "down":
                    gone.add(event["link"])
        deleted = streams.channel_rows()[0].counters["deleted_units"]
        streams.send(Channel.KPD1, b"nobody is there", 0)
        assert streams.channel_rows()[0].counters["deleted_units"] == deleted + 1
        streams.fault(0, "clear")
        await console.until(lambda: console.ups.count("kpd1") == 2)
        console.send(Test(1))
        await console.message(TestReplyKpd1)


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_stream_without_signal_leaves_its_pair_to_one_that_works(bench: Bench, at_once: bool) -> None:
    stand_by = {"hold": 3600, "stand_by_at_once": at_once}
    streams = [QUICK | stand_by | {"stream": number} for number in (0, 1)]
    async with (
        running(bench.config(*streams)) as (gateway, _),
        attached(gateway, 0) as first,
        attached(gateway, 1) as second,
    ):
        assert gateway.e1 is not None
        await started(first)
        told: list[str] = []
        side, watcher = gateway.e1.streams, gateway.events.subscribe()
        side.fault(0, "LOS")
        async with asyncio.timeout(10):
            while len(told) < (3 if at_once else 1):
                event = await anext(watcher)
                if event["event"] == "link":
                    told.append(f"{event['link']} {event['state']}")
        assert told == (["kpd1 down", "kpd2 down", "e1.0 LOS"] if at_once else ["e1.0 LOS"])
        if at_once:  # over the pair that took over
            await second.message(Alarm, alarm_type=4)
        await first.until(lambda: side.channel_rows()[1].peer is None)
        there = [row.peer for row in side.channel_rows()]
        assert there == [None, None, "e1.1", "e1.1"]
        deleted = side.channel_rows()[0].counters["deleted_units"]
        side.send(Channel.KPD1, first.codec.encode(Restart()), 0)
        now_deleted = side.channel_rows()[0].counters["deleted_units"]
        assert now_deleted - deleted == (1 if at_once else 0)  # else it waits for the line


async def test_a_stream_without_signal_and_without_a_stand_by_is_waited_for(bench: Bench) -> None:
    streams = [QUICK | {"hold": 3600, "stream": number} for number in (0, 1)]
    async with running(bench.config(*streams)) as (gateway, _), attached(gateway, 0) as first:
        assert gateway.e1 is not None
        await started(first)
        side = gateway.e1.streams
        side.fault(0, "LOS")
        await first.until(lambda: side.channel_rows()[0].peer is None)
        waiting = side.row(0).channels["kpd1"].waiting
        side.send(Channel.KPD1, first.codec.encode(TestReplyKpd1(99, 1, 1)), 0)
        assert side.row(0).channels["kpd1"].waiting == waiting + 1
        side.fault(0, "clear")
        await first.message(TestReplyKpd1, test_number=99)
        assert side.channel_rows()[0].counters["connections"] == 1


async def test_a_pair_that_comes_up_takes_over_from_one_that_is_interrupted(bench: Bench) -> None:
    streams = [QUICK | {"hold": 3600, "stream": number} for number in (0, 1)]
    async with running(bench.config(*streams)) as (gateway, _), attached(gateway, 0) as first:
        assert gateway.e1 is not None
        await started(first)
        side, watcher = gateway.e1.streams, gateway.events.subscribe()
        side.fault(0, "LOS")
        await first.until(lambda: side.channel_rows()[0].peer is None)
        async with attached(gateway, 1), asyncio.timeout(10):
            down: list[str] = []
            while len(down) < 2:
                event = await anext(watcher)
                if event["event"] == "link" and event["state"] == "down":
                    down.append(event["link"])
            assert down == ["kpd1", "kpd2"]


async def test_a_console_that_takes_the_link_down_is_gone_at_once(bench: Bench) -> None:
    async with running(bench.config()) as (gateway, _), attached(gateway) as console:
        await started(console)
        now = asyncio.get_running_loop().time
        for channel in console.stream.channels.values():
            channel.disconnect(now())
        await console.until(lambda: not any(row.peer for row in gateway.status().channels))
        for channel in console.stream.channels.values():
            channel.connect(now())
        await console.until(lambda: all(row.peer for row in gateway.status().channels))
        console.send(Test(2))
        assert (await console.message(TestReplyKpd1))[-1] == TestReplyKpd1(2, 1, 1)


async def test_a_link_that_is_taken_down_may_count_as_an_interruption(bench: Bench) -> None:
    stream = QUICK | {"leave_at_once": False, "hold": 3600}
    async with running(bench.config(stream)) as (gateway, _), attached(gateway) as console:
        assert gateway.e1 is not None
        await started(console)
        streams, now = gateway.e1.streams, asyncio.get_running_loop().time
        console.stream.disconnect("kpd1", now())
        await console.until(lambda: streams.row(0).channels["kpd1"].circuit == "no link")
        streams.send(Channel.KPD1, console.codec.encode(Restart()), 0)
        console.stream.connect("kpd1", now())
        await console.message(Restart)
        (kpd1, _) = streams.channel_rows()
        assert (kpd1.counters["connections"], kpd1.counters["deleted_units"]) == (1, 0)


async def test_units_that_wait_are_deleted_on_request(bench: Bench) -> None:
    async with running(bench.config()) as (gateway, _), attached(gateway) as console:
        assert gateway.e1 is not None
        await console.message(Restart)
        streams = gateway.e1.streams
        streams.fault(0, "LOS")
        await console.until(lambda: streams.row(0).channels["kpd1"].circuit == "no link")
        begun = streams.row(0).channels["kpd1"].waiting  # the alarm was on its way already
        streams.send(Channel.KPD1, console.codec.encode(Restart()), 0)
        assert streams.row(0).channels["kpd1"].waiting == begun + 1
        streams.delete_unsent(0)
        assert streams.row(0).channels["kpd1"].waiting == begun


async def test_a_multiframe_that_is_lost_is_told_and_the_lines_stay(bench: Bench) -> None:
    async with running(bench.config()) as (gateway, _), attached(gateway) as console:
        assert gateway.e1 is not None
        await started(console)
        gateway.e1.streams.fault(0, "LOMF")
        await console.message(Alarm, alarm_type=4, alarm_code=1)
        assert not gateway.core.pool.faulty
        gateway.e1.streams.fault(0, "clear")
        await console.message(Alarm, alarm_type=4, alarm_code=0)


async def test_both_ends_dte_is_told_in_words(bench: Bench) -> None:
    config = bench.config({"line": "memory", "mode": "dte"})
    async with running(config) as (gateway, _):
        wrong = config.e1[0].model_copy(update={"mode": "dce"})  # its far end is a DTE, too
        async with E1Console(wrong, far_line(gateway)) as console:
            await console.until(lambda: gateway.e1 and gateway.e1.streams.row(0).alarms.get("role-mismatch"))


class Modulo128(Lapb):
    """A link for frames numbered modulo 128 (X.25 2.4.4.1): it sends SABME in place of SABM, and refuses SABM."""

    def __init__(self, config: LapbConfig) -> None:
        super().__init__(config)
        for state in LapbState:
            self._table[state, LapbEvent.SABM] = LapbMove(actions=(LapbAction.DM,))

    def _transmit(self, kind: Kind, frame: bytes) -> None:
        super()._transmit(kind, bytes((frame[0], 0x7F)) if kind is Kind.SABM else frame)


async def test_a_far_end_of_modulo_128_is_told_in_words(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    config = bench.config({"line": "memory", "lapb": {"t1": 0.5}})
    async with running(config) as (gateway, _):
        assert gateway.e1 is not None
        streams = gateway.e1.streams
        console = E1Console(config.e1[0], far_line(gateway))
        for channel in console.stream.channels.values():
            channel.lapb = Modulo128(channel.lapb.config)
        async with console:
            await console.until(lambda: streams.row(0).alarms.get("modulo-mismatch") == 2)
            assert "SABME, 01 7f" in streams.row(0).channels["kpd1"].alarm
            assert not streams.row(0).channels["kpd1"].up
    assert re.search(r"e1\.0 kpd1: modulo-mismatch: the peer sets up LAPB modulo 128", caplog.text)


@pytest.mark.parametrize(
    ("stream", "text"),
    [
        ({"line": "memory", "kpd1_timeslot": 5}, "timeslots"),
        ({"line": "satop", "local": "nowhere"}, "host:port"),
    ],
)
def test_settings_that_contradict_each_other_name_the_stream(
    bench: Bench, stream: dict[str, Any], text: str
) -> None:
    with pytest.raises(BoxError, match=rf"e1\.0: .*{text}"):
        Gateway(bench.config(stream))


def test_a_console_channel_is_closed_once_and_only_an_interrupted_one_is_given_up() -> None:
    closed, opened, interrupted = KpdState
    closing = {at for at, move in KPD_TABLE.items() if KpdAction.CLOSE in move.actions}
    assert closing == {
        (opened, KpdInput.LEFT),
        (opened, KpdInput.STOPPED),
        (interrupted, KpdInput.LEFT),
        (interrupted, KpdInput.STOPPED),
        (interrupted, KpdInput.GIVEN_UP),
    }
    assert {at for at, move in KPD_TABLE.items() if move.next is closed} == closing
    assert [at for at, move in KPD_TABLE.items() if KpdAction.ANNOUNCE in move.actions] == [
        (closed, KpdInput.UP)
    ]
