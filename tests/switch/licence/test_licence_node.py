"""Nodes of a licence network over their sockets, in one process: who is let in, who holds what, and what is shown."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sorm_mediator import config
from sorm_mediator.errors import BoxError
from sorm_mediator.switch.box import SwitchBox
from sorm_mediator.switch.calendar import Calendar
from sorm_mediator.switch.calls.call import CallRefused, CallRequest
from sorm_mediator.switch.changes import stations
from sorm_mediator.switch.licence_network.binding import LicenceNode, Switchboard
from sorm_mediator.switch.licence_network.states import DAY, NodeState
from sorm_mediator.switch.shell.session import ShellSession

BOUGHT = {"ip": 4, "networking": 2, "concurrent_calls": 8}

BOARD = Switchboard(wanted=dict, used=dict, total=dict, serial=int, changed=lambda _shown: None)


def conf(folder: Path, node: str, master: str = "", **network: Any) -> config.Config:
    role = {"role": "slave", "master": master} if master else {"role": "master"}
    table = {"node": node, "secret": "s", "poll": 0.02, "reserve": 4, **role, **network}
    numbers = [{"number": number, "station": "ip"} for number in "12"]
    switch = {
        "ssh_port": 0,
        "licence_pool": {} if master else {"limits": BOUGHT},
        "licence_network": table,
        "domains": [{"name": "d", "subscribers": [*numbers, {"number": "3"}]}],
    }
    return config.parse({"switch": switch}, directory=folder)


@asynccontextmanager
async def running(configured: config.Config) -> AsyncIterator[tuple[SwitchBox, str]]:
    box = SwitchBox(configured)
    endpoints = await box.start()
    try:
        yield box, endpoints.get("licence_agent", "")
    finally:
        await box.stop()


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - the node has no event for it
            await asyncio.sleep(0.005)


def node_of(box: SwitchBox) -> Any:
    return box.licence()["node"]


def reason(box: SwitchBox) -> str:
    return str(node_of(box)["reason"])


async def test_calls_and_stations_are_counted_over_all_nodes(tmp_path: Path) -> None:
    async with running(conf(tmp_path, "m")) as (m, agent), running(conf(tmp_path, "a", agent)) as (a, _):
        await until(lambda: a.licence()["units"].get("ip", {}).get("in_use") == 2)
        assert node_of(m)["nodes"]["a"]["granted"] == {
            "ip": 2,
            "concurrent_calls": 4,
            "sorm_channels": 1,
            "networking": 1,
        }
        assert m.licence()["units"]["concurrent_calls"]["limit"] == 4
        stations.assign(a.engine.node, "3", "ip")
        await until(lambda: reason(a) == "" and node_of(m)["nodes"]["a"]["granted"]["ip"] == 2)
        assert stations.check(a.engine.node).invalid[0].reason == "all 2 licences ip are in use"

        stations.release(m.engine.node, "1", "ip")
        stations.check(m.engine.node)

        assert a.engine.node.assignments is not None
        await until(lambda: a.engine.node.assignments.used["ip"] == 3)  # type: ignore[union-attr]


async def test_a_slave_asks_for_more_calls_before_its_reserve_is_used_and_gives_them_back(
    tmp_path: Path,
) -> None:
    async with running(conf(tmp_path, "m")) as (m, agent), running(conf(tmp_path, "a", agent)) as (a, _):
        await until(lambda: a.licence()["units"].get("ip", {}).get("in_use") == 2)
        calls = [
            a.place_call("d", CallRequest(a="1", b="2", outcome="incomplete", ring=60)) for _ in range(4)
        ]
        with pytest.raises(
            CallRefused, match="the licence network gives this node 4 simultaneous connections"
        ):
            a.place_call("d", CallRequest(a="1", b="2"))
        await until(lambda: a.licence()["units"]["concurrent_calls"]["limit"] == 8)
        assert m.licence()["units"]["concurrent_calls"]["limit"] == 0
        with pytest.raises(CallRefused, match="gives this node 0 simultaneous connections"):
            m.place_call("d", CallRequest(a="1", b="2"))

        for call in calls:
            a.hang_up(call.id)

        await until(lambda: m.licence()["units"]["concurrent_calls"]["limit"] == 4)


async def test_a_slave_that_is_stopped_gives_calls_back_and_keeps_its_stations(tmp_path: Path) -> None:
    async with running(conf(tmp_path, "m")) as (m, agent):
        async with running(conf(tmp_path, "a", agent)) as (a, _):
            await until(lambda: a.licence()["units"].get("ip", {}).get("in_use") == 2)

        await until(lambda: m.licence()["units"]["concurrent_calls"]["limit"] == 8)
        assert node_of(m)["nodes"]["a"]["granted"]["ip"] == 2
        await until(lambda: node_of(m)["nodes"]["a"]["connected"] is False)


async def test_a_node_with_another_secret_or_a_name_that_is_taken_is_told_why(tmp_path: Path) -> None:
    async with running(conf(tmp_path, "m")) as (m, agent), running(conf(tmp_path, "a", agent)) as (a, _):
        await until(lambda: reason(a) == "")
        async with running(conf(tmp_path, "b", agent, secret="other")) as (b, _):
            await until(lambda: "secret differs between the nodes" in reason(b))
            assert node_of(b)["state"] == "failover"
        async with running(conf(tmp_path, "a", agent)) as (again, _):
            await until(lambda: "a node 'a' is connected already" in reason(again))
        assert reason(a) == ""
        assert node_of(m)["counters"]["messages refused"] >= 1


@pytest.mark.parametrize("line", [b"{}\n", b"\xff\xff\n", b"x" * 70_000 + b"\n", b'{"op": "poll"}\n'])
async def test_octets_that_are_no_message_are_refused_and_the_others_go_on(
    tmp_path: Path, line: bytes
) -> None:
    async with running(conf(tmp_path, "m")) as (m, agent), running(conf(tmp_path, "a", agent)) as (a, _):
        await until(lambda: reason(a) == "")
        host, _, port = agent.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        assert json.loads(await reader.readline())["nonce"]
        writer.write(line)
        assert "the message is refused" in json.loads(await reader.readline())["refused"]
        assert await reader.read() == b""
        writer.close()
        asked = node_of(m)["counters"]["questions"]
        await until(lambda: node_of(m)["counters"]["questions"] > asked)


async def test_a_slave_whose_master_was_never_there_has_no_licences(tmp_path: Path) -> None:
    async with running(conf(tmp_path, "a", "127.0.0.1:9")) as (a, _):
        with pytest.raises(CallRefused, match="gives this node 0 simultaneous connections"):
            a.place_call("d", CallRequest(a="1", b="2"))
        await until(lambda: node_of(a)["state"] == "failover")
        assert reason(a).startswith("master 127.0.0.1:9: ")


async def test_what_a_slave_held_is_kept_over_a_restart_without_its_master(tmp_path: Path) -> None:
    async with running(conf(tmp_path, "m", state_file="m.state")) as (m, agent):
        slave = conf(tmp_path, "a", agent, state_file="a.state")
        async with running(slave) as (a, _):
            await until(lambda: a.licence()["units"].get("ip", {}).get("in_use") == 2)
    async with running(slave) as (a, _):
        await until(lambda: node_of(a)["state"] == "failover")
        assert a.licence()["units"]["ip"] == {"in_use": 2, "limit": 2}
        assert a.place_call("d", CallRequest(a="1", b="2")).not_admitted == ""
    async with running(conf(tmp_path, "m", state_file="m.state")) as (m, _):
        assert node_of(m)["nodes"]["a"]["granted"]["ip"] == 2


async def test_a_clock_behind_the_state_file_keeps_the_node_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slave = conf(tmp_path, "a", "127.0.0.1:9", state_file="a.state")
    async with running(slave):
        pass
    before = (tmp_path / "a.state").read_bytes()
    earlier = time.time() - DAY
    monkeypatch.setattr("sorm_mediator.switch.box.Calendar", partial(Calendar, wall=lambda: earlier))

    with pytest.raises(
        BoxError, match=r"a\.state: was written 864\d\d s later than the system's clock shows now"
    ):
        SwitchBox(slave)
    assert (tmp_path / "a.state").read_bytes() == before


async def test_days_that_pass_as_fast_as_they_can_end_neither_the_shell_nor_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slave = conf(tmp_path, "a", "127.0.0.1:9", state_file="a.state")
    async with running(slave):
        pass
    for years in (1_000, 1_001):
        ahead = time.time() + years * 366 * DAY
        monkeypatch.setattr(
            "sorm_mediator.switch.box.Calendar",
            lambda _factor, ahead=ahead: Calendar(10_000_000, wall=lambda: ahead),
        )
        async with running(slave) as (a, _):
            await until(lambda: node_of(a)["counters"].get("master lost", 0) > 2)
            assert a.licence_node is not None
            assert "clock steps" not in a.licence_node.counters
            said = ShellSession(a._shell_context).enter("cluster/storage/ds1/licence/current-limits").text
            assert "[exec at: " in said


async def test_a_state_file_that_is_cut_or_changed_anywhere_keeps_the_node_from_starting(
    tmp_path: Path,
) -> None:
    slave = conf(tmp_path, "a", "127.0.0.1:9", state_file="a.state")
    async with running(slave):
        pass
    assert slave.switch is not None
    network = slave.switch.licence_network
    file = tmp_path / "a.state"
    whole = file.read_bytes()

    def began(octets: bytes) -> NodeState | str:
        file.write_bytes(octets)
        try:
            return LicenceNode(network, tmp_path, Calendar(), BOARD).licence.state
        except BoxError as error:
            return str(error)

    kept = began(whole)
    for at in range(len(whole) - 1):
        for spoilt in (
            whole[:at],
            whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1 :],
            whole[:at] + b"\xff",
        ):
            told = began(spoilt)
            # White space, and a digit of the clock beyond its precision, change nothing.
            assert told == kept or "a.state: is no licence state of this network: " in str(told)
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(BoxError, match=r"a\.state: can't be read: is no regular file"):
        SwitchBox(slave)


async def test_a_step_of_the_clock_is_told_and_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    async with running(conf(tmp_path, "m")) as (_, agent), running(conf(tmp_path, "a", agent)) as (a, _):
        await until(lambda: reason(a) == "")
        wall = a.calendar.wall
        a.calendar.wall = lambda: wall() + 31 * DAY

        await until(lambda: "the system's clock has stepped by" in caplog.text)

        assert a.licence_node is not None
        assert a.licence_node.licence.state is NodeState.REGULAR
        assert node_of(a)["counters"]["clock steps"] == 1


async def test_a_port_in_use_is_named_with_its_key(tmp_path: Path) -> None:
    async with running(conf(tmp_path, "m")) as (_, agent):
        with pytest.raises(BoxError, match=r"switch\.licence_network\.listen"):
            await SwitchBox(conf(tmp_path, "n", listen=agent)).start()
