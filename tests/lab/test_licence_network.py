"""Three nodes of a licence network as processes of their own: the master is killed in the middle of calls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncssh
import httpx
import pytest

from protocol import AddKsl, AddObject, Category, GroupType, Ksl, NumberSign, ObjectType, Priority, Start
from sorm_mediator.config.stations import RegistrationConfig
from sorm_mediator.errors import BoxError
from sorm_mediator.lab.processes import BoxProcess
from sorm_mediator.switch.licence_server import Sold, activate, sell
from tests.lab.test_lab import CODEC, command

RULES = """
<context name="main">
  <rule name="sos"><conditions><cdpn digits="112"/></conditions>
    <actions><cdpn ni="emergency"/></actions><result><local/></result></rule>
  <rule name="own"><result><local/></result></rule>
</context>"""
REGISTRATION = RegistrationConfig(company="A", name="B", mail="b@example.org")
BOUGHT = {"ip": 12, "networking": 2, "concurrent_calls": 20, "sorm_channels": 4}
THIRTY_DAYS = 8.0
"""Seconds that a failover period takes here."""

NODE = """
[lab]
time_factor = {factor}
[console]
kpd1_port = 0
kpd2_port = 0
[radius]
port = 0
[web]
port = 0
[mediator]
state = ":memory:"
journal = ""
[ssh]
port = 0
user = "d"
password = "123"
[switch]
ssh_port = 0
locking_id = "LID-{node}"
[switch.licence_pool]
{pool}
[switch.licence_network]
role = "{role}"
node = "{node}"
secret = "network"
poll = 0.05
{network}
[[switch.domains]]
name = "d"
password = "123"
contexts = ["main.xml"]
subscribers = [
    {{ number = "1", station = "ip" }},
    {{ number = "2", station = "ip" }},
    {{ number = "3", station = "ip" }},
    {{ number = "5", station = "ip" }},
    {{ number = "112" }},
    {{ number = "4" }},
]
"""


def write_node(folder: Path, node: str, role: str, network: str = "", pool: str = "") -> Path:
    file = folder / f"{node}.toml"
    factor = 30 * 86_400 / THIRTY_DAYS
    file.write_text(NODE.format(node=node, role=role, network=network, pool=pool, factor=factor))
    return file


async def until(look: Callable[[], Awaitable[Any]]) -> Any:
    """Ask again and again until the answer is true."""
    async with asyncio.timeout(60):
        while not (found := await look()):  # noqa: ASYNC110 - it is the state of another process
            await asyncio.sleep(0.02)
    return found


class Node:
    """A node, over HTTP."""

    def __init__(self, process: BoxProcess) -> None:
        self.process = process
        base = f"http://{process.endpoints['web']}/api/v1"
        self.http = httpx.AsyncClient(base_url=base, trust_env=False, timeout=20)

    async def licence(self) -> Any:
        return (await self.http.get("/switch/licence")).json()

    async def state(self) -> str:
        return str((await self.licence())["node"]["state"])

    async def is_in(self, state: str) -> None:
        async def look() -> bool:
            return await self.state() == state

        await until(look)

    async def call(self, a: str, b: str, talk: float = 600) -> httpx.Response:
        return await self.http.post("/switch/domains/d/calls", json={"a": a, "b": b, "talk": talk})

    async def shell(self, line: str) -> str:
        host, _, port = self.process.endpoints["ssh"].rpartition(":")
        async with asyncssh.connect(
            host, int(port), username="admin", password="password", known_hosts=None
        ) as connection:
            done = await connection.run(line)
        return f"{done.stdout}{done.stderr}"


class Console:
    """KPD1 and KPD2 of a node's mediator."""

    async def open(self, node: Node) -> None:
        addresses = [node.process.endpoints[name].rpartition(":") for name in ("kpd1", "kpd2")]
        (self.reader, self.writer), (self.events, self._writer2) = [
            await asyncio.open_connection(host, int(port)) for host, _, port in addresses
        ]
        assert await self.command(Start()) == [0, 0]
        assert await self.command(AddKsl(1, GroupType.COMBINED, Ksl(0, 1), Ksl(0, 1))) == [0, 0]

    async def command(self, message: object) -> list[int]:
        return await command(self.reader, self.writer, message)

    async def control(self, object_number: int, number: str) -> list[int]:
        own, priority = ObjectType.OWN_SUBSCRIBER, Priority.NORMAL
        return await self.command(
            AddObject(object_number, own, NumberSign.OWN, number, None, Category.COMBINED, 1, priority)
        )

    async def event(self) -> str:
        async with asyncio.timeout(20):
            header = await self.events.readexactly(12)  # KPD2: with the time
            return type(CODEC.decode(header + await self.events.readexactly(header[3]))).__name__

    def close(self) -> None:
        self.writer.close()
        self._writer2.close()


async def test_the_master_is_killed_in_the_middle_of_calls(tmp_path: Path) -> None:
    (tmp_path / "main.xml").write_text(RULES)
    sold, (lac,) = sell(Sold(), BOUGHT, 1)
    sold, first = activate(sold, lac, "LID-m", REGISTRATION, 0.0)
    sold, second = activate(sold, lac, "LID-m", REGISTRATION, 0.0)
    (tmp_path / "second.licence").write_text(second)
    master_file = write_node(tmp_path, "m", "master", pool=f'activation = "{first}"')

    async with BoxProcess("switch", master_file) as killed:
        agent = killed.endpoints["licence_agent"]
        slaves = [
            write_node(tmp_path, name, "slave", network=f'master = "{agent}"\nstate_file = "{name}.state"')
            for name in "ab"
        ]
        async with BoxProcess("lab", slaves[0]) as process_a, BoxProcess("switch", slaves[1]) as process_b:
            a, b, console = Node(process_a), Node(process_b), Console()
            await a.is_in("regular")
            await b.is_in("regular")
            m = Node(killed)
            holds = (await m.licence())["node"]["nodes"]
            assert [holds[name]["granted"]["ip"] for name in "ab"] == [4, 4]
            await console.open(a)
            assert await console.control(1, "1") == [0, 0]
            assert await console.control(3, "3") == [0, 0]
            assert await console.control(2, "4") == [0, 0x31], "a subscriber without a station licence"
            going = (await a.call("1", "2")).json()["call"]
            other = (await b.call("1", "2")).json()["call"]
            assert [await console.event(), await console.event()] == ["NumberReceived", "Answer"]

            await killed.kill()
            await a.is_in("failover")
            await b.is_in("failover")
            assert (await a.call("3", "5", talk=0.1)).status_code == 202
            assert [await console.event() for _ in range(3)] == ["NumberReceived", "Answer", "Release"]
            assert "Failover Period" in (await a.shell("cluster/storage/ds1/licence/current-limits"))
            assert "Failover Period" in (await a.http.get("/status")).json()["licence"]["node"]["display"]

            await a.is_in("emergency")
            await b.is_in("emergency")
            for node, call in ((a, going), (b, other)):
                running = (await node.http.get(f"/calls/{call}")).json()
                shown = [one["detail"] for one in running["events"] if one["event"] == "licence"]
                assert running["state"] == "talking", "calls in progress go on"
                assert shown[0] == "Failover Period: 30 days left"
                assert shown[-1].startswith("Emergency: only emergency numbers")
            refused = await a.call("3", "5")
            assert refused.status_code == 503
            assert "the licence network is in emergency" in refused.text
            assert (await a.call("3", "112", talk=0.1)).status_code == 202
            assert await console.control(2, "2") == [0, 0x31]
            metrics = (await a.http.get(f"http://{process_a.endpoints['web']}/metrics")).text
            assert 'sorm_licence_state{state="emergency"} 1.0' in metrics

            back = write_node(tmp_path, "m", "master", f'listen = "{agent}"', f'activation = "{first}"')
            async with BoxProcess("switch", back) as process_m:
                m = Node(process_m)
                await m.is_in("emergency")
                assert (await a.state(), await b.state()) == ("emergency", "emergency")
                assert "this node is a slave" in await a.shell("licence/load second.licence")

                assert "licence file 2 is active" in await m.shell("licence/load second.licence")

                for node in (m, a, b):
                    await node.is_in("regular")
                assert (await a.call("3", "5", talk=0.1)).status_code == 202
            assert (await a.http.get(f"/calls/{going}")).json()["state"] == "talking"
            console.close()
            for node in (a, b):
                await node.http.aclose()
            await m.http.aclose()


async def test_a_state_file_that_is_not_of_this_network_keeps_a_node_from_starting(tmp_path: Path) -> None:
    (tmp_path / "main.xml").write_text(RULES)
    (tmp_path / "a.state").write_text('{"node": "a"}')
    file = write_node(tmp_path, "a", "slave", network='master = "127.0.0.1:9"\nstate_file = "a.state"')

    with pytest.raises(BoxError, match=r"state_file: .*a\.state: is no licence state of this network"):
        await BoxProcess("switch", file).__aenter__()
