"""``sorm-mediator licence cloud`` and ``licence server``: programs of their own, and a switch that registers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import captures
from sorm_mediator import config
from sorm_mediator.lab.lab import Lab, on_free_ports

FILE = Path(captures.__file__).parent / "labs" / "smart_licence.toml"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The ready line of a cloud that runs."""
    arguments = ["licence", "cloud", "--port", "0", "--root", str(tmp_path / "root.pem"), "--purchased", "10"]
    with subprocess.Popen(
        [sys.executable, "-m", "sorm_mediator", *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


async def test_a_switch_registers_with_a_cloud_of_another_process(cloud: dict[str, Any]) -> None:
    loaded = config.load(FILE)
    elsewhere = {"server": cloud["url"], "root": cloud["root"], "token": cloud["token"], "count": 11}
    document = json.loads(json.dumps(loaded.document))
    document["switch"]["smart_licence"] |= elsewhere
    async with (
        Lab(on_free_ports(config.parse(document)), boxes="switch") as lab,
        httpx.AsyncClient(base_url=lab.web_url) as http,
        httpx.AsyncClient(base_url=cloud["url"]) as at_cloud,
    ):
        shown = (await http.get("/api/v1/switch/smart-licence")).json()
        usage = (await at_cloud.get("/usage")).json()["licenses"][0]

        assert (shown["mode"], shown["usage"]) == ("OutOfCompliance", None)
        assert cloud["token"] not in json.dumps(shown)
        assert (usage["In Use"], usage["Surplus (+) / Shortage (-)"]) == (11, "-1")
        assert (await at_cloud.put("/fault", json={"fault": "refuse"})).status_code == 204
        answer = await http.post("/api/v1/switch/smart-licence/authorise")
        assert answer.json()["detail"] == "the licence cloud refuses: the product instance is not registered"


def test_a_folder_that_is_not_there_is_told() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "sorm_mediator",
            "licence",
            "cloud",
            "--port",
            "0",
            "--root",
            "/nowhere/x.pem",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "sorm-mediator: --root: /nowhere/x.pem: its folder does not exist\n"


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "192.0.2.1:7790"])
def test_the_licence_server_listens_beyond_loopback_only_when_told(listen: str, tmp_path: Path) -> None:
    arguments = ["licence", "server", "--store", str(tmp_path / "cls.json"), "--listen", listen]
    done = subprocess.run(
        [sys.executable, "-m", "sorm_mediator", *arguments], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert f"sorm-mediator: --listen: {listen}: is not on loopback" in done.stderr
    assert "--allow-remote" in done.stderr


def test_the_licence_server_serves_until_it_is_stopped(tmp_path: Path) -> None:
    ready_file = tmp_path / "ready"
    arguments = ["--store", str(tmp_path / "cls.json"), "--listen", "0.0.0.0:0", "--allow-remote"]
    command = [sys.executable, "-m", "sorm_mediator", "licence", "server", *arguments]
    with subprocess.Popen(
        [*command, "--ready-file", str(ready_file)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert json.loads(line)["endpoints"]["licence_server"].startswith("0.0.0.0:")
        assert ready_file.read_text() == line
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    assert not ready_file.exists()
