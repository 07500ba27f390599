"""KPD1 and KPD2 over TCP and the speech in E1: the second variant of order 268, 1.4.2."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

import captures
from protocol import Codec, CommandExecuted, Start, UnauthorizedAccess
from sorm_mediator.capture.events import Data, Trouble
from sorm_mediator.capture.reader import read_input
from sorm_mediator.config import parse
from sorm_mediator.console.client import ConsoleClient
from sorm_mediator.console.errors import ConnectError
from sorm_mediator.lab.lab import Lab, on_free_ports
from sorm_mediator.replay.results import PcapRecorder, TextPrinter
from sorm_mediator.replay.session import ReplaySettings, load, run_script
from tests.lab.e1_bench import DOMAIN

SCENARIOS = Path(captures.__file__).parent / "scenarios"


async def passes(script: Path, recorder: Any = None, **settings: Any) -> None:
    shown: list[str] = []
    result = await run_script(
        load(script), ReplaySettings(scripts=(script,), **settings), TextPrinter(shown.append), recorder
    )
    assert result.error is None, result.error
    assert result.verdict == "PASS", "".join(shown)


@asynccontextmanager
async def voice_lab(folder: Path, *streams: dict[str, Any], **tables: Any) -> AsyncIterator[Lab]:
    document = {"switch": {"domains": [DOMAIN]}, "e1": list(streams or ({},)), **tables}
    async with Lab(on_free_ports(parse(document, directory=folder, name="lab.toml"))) as lab:
        yield lab


@asynccontextmanager
async def connected(lab: Lab) -> AsyncIterator[ConsoleClient]:
    host, _, kpd1 = lab.endpoints["kpd1"].rpartition(":")
    kpd2 = lab.endpoints["kpd2"].rpartition(":")[2]
    client = ConsoleClient(host, int(kpd1), int(kpd2), Codec())
    await client.connect()
    try:
        yield client
    finally:
        await client.close()


async def came(client: ConsoleClient, kind: type, **fields: Any) -> Any:
    """The first message of this kind with these fields."""

    def fits(message: Any) -> bool:
        return isinstance(message, kind) and all(getattr(message, name) == fields[name] for name in fields)

    assert await client.wait(lambda: any(fits(one.message) for one in client.log), 10), client.log
    return next(one.message for one in client.log if fits(one.message))


@pytest.mark.parametrize("name", ["heard_combined", "heard_separate", "main-job"])
async def test_scenarios_pass_with_the_speech_beside_tcp(name: str) -> None:
    await passes(SCENARIOS / f"{name}.yaml", link="tcp+e1")


async def test_a_stream_that_fails_takes_the_speech_and_leaves_the_data_channels() -> None:
    await passes(SCENARIOS / "heard_tcp.yaml")


async def test_a_mediator_that_is_running_is_listened_to_by_its_lab_file(tmp_path: Path) -> None:
    async with voice_lab(tmp_path) as lab:
        file = tmp_path / "told.toml"
        file.write_text(f'[[e1]]\nlocal = "{lab.endpoints["e1.0"]}"\n', encoding="utf-8")
        ports = {name: int(lab.endpoints[name].rpartition(":")[2]) for name in ("kpd1", "kpd2")}
        await passes(
            SCENARIOS / "heard_combined.yaml", host="127.0.0.1", config=file, web=lab.web_url, **ports
        )


async def test_a_capture_has_the_connections_and_the_packets_of_the_stream(tmp_path: Path) -> None:
    with PcapRecorder(tmp_path / "run.pcapng") as recorder:
        await passes(SCENARIOS / "heard_combined.yaml", recorder, link="tcp+e1")
    with (tmp_path / "run.pcapng").open("rb") as file:
        found = list(read_input(file))
    assert {each.flow.interface for each in found if isinstance(each, Data)} == {"KPD1", "KPD2"}
    told = [each.text for each in found if isinstance(each, Trouble)]
    assert (
        sum("packets of an E1 stream (SAToP) without X.25 data" in text for text in told) == 2
    )  # one a direction


async def test_streams_are_shown_without_channels_and_the_channels_are_those_of_tcp(tmp_path: Path) -> None:
    async with (
        voice_lab(tmp_path, {"stream": 1}, {"stream": 3, "line": "memory"}) as lab,
        httpx.AsyncClient(base_url=f"{lab.web_url}/api/v1/", trust_env=False) as web,
    ):
        assert {"kpd1", "kpd2", "e1.1", "rtp"} <= set(lab.endpoints)
        rows = (await web.get("streams")).json()
        assert [(row["stream"], row["channels"]) for row in rows] == [(1, {}), (3, {})]
        status = (await web.get("status")).json()
        assert [row["channel"] for row in status["channels"]] == ["kpd1", "kpd2"]
        assert status["speech"]["address"] == lab.endpoints["rtp"]
        assert (await web.post("streams/0/fault", json={"state": "LOS"})).status_code == 404


async def test_the_console_over_tcp_hears_of_whoever_sends_to_the_stream_of_another(tmp_path: Path) -> None:
    nobody = {"allow": ["127.0.0.1/32"]}
    async with (
        voice_lab(tmp_path, {"stream": 2, "remote": ""}, console=nobody) as lab,
        connected(lab) as client,
    ):
        await client.send(Start())
        await came(client, CommandExecuted, command=1, status=0)
        host, _, port = lab.endpoints["e1.2"].rpartition(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.2", 0))
            stranger.sendto(b"let me in", (host, int(port)))
            told = await came(client, UnauthorizedAccess)
            assert told.text == f"127.0.0.2:{stranger.getsockname()[1]}"


async def test_a_mediator_that_was_restarted_has_its_ports_and_its_stream(tmp_path: Path) -> None:
    async with voice_lab(tmp_path) as lab:
        before = dict(lab.endpoints)
        await lab.restart_gateway()
        assert lab.gateway is not None
        assert lab.gateway.e1 is not None
        assert lab.gateway.e1.rtp == before["rtp"]
        assert lab.gateway.e1.streams.row(0).address == before["e1.0"]
        async with connected(lab) as client:
            await client.send(Start())
            await came(client, CommandExecuted, command=1, status=0)


@pytest.mark.parametrize(
    ("link", "e1", "told"),
    [
        ("tcp+e1", "", "E1 with --host needs the [[e1]] tables of the mediator: -c LAB"),
        ("", '[[e1]]\nline = "memory"', 'e1.0.line: "memory" is within the process of the mediator'),
    ],
)
async def test_lines_that_can_not_be_listened_to(link: str, e1: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "told.toml"
    file.write_text(e1, encoding="utf-8")
    script = SCENARIOS / "heard_combined.yaml"
    settings = ReplaySettings(scripts=(script,), host="127.0.0.1", config=file, link=link)
    result = await run_script(load(script), settings, TextPrinter(lambda _: None))
    assert isinstance(result.error, ConnectError)
    assert told in str(result.error)


async def test_a_link_that_the_scenario_can_not_run_over_is_said(tmp_path: Path) -> None:
    script = tmp_path / "own.yaml"
    script.write_text(json.dumps({"name": "a test", "link": "tcp+e1", "steps": [{"send": "start"}]}))
    settings = ReplaySettings(scripts=(script,), host="127.0.0.1", link="tcp")
    result = await run_script(load(script), settings, TextPrinter(lambda _: None))
    assert str(result.error) == f"{script}: link: it runs over tcp+e1 alone, not over tcp"
