"""A lab: its boxes find each other, stop cleanly, and say in one line what keeps them from starting."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import httpx
import pytest

import captures
from protocol import AddKsl, Codec, CommandExecuted, CommandReceived, GroupType, Ksl, Options, Start
from sorm_mediator import config
from sorm_mediator.config import Config, ConfigError
from sorm_mediator.errors import BoxError
from sorm_mediator.lab.lab import Boxes, Lab, on_free_ports
from sorm_mediator.lab.processes import BoxProcess, free_udp_port
from sorm_mediator.lab.small import lab_text, switch_and_gateway, switch_text
from sorm_mediator.options import Adaptation

CODEC = Codec(Options())
LABS = Path(captures.__file__).parent / "labs"
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFVAFbrLUB0e+Bu4Zhkj3W+yP92qNGAwPC6OARTcb1Ol"
DOMAIN = {"name": "test.domain", "password": "123", "subscribers": [{"number": "28331"}, {"number": "28332"}]}


def lab_config(tmp_path: Path, **tables: object) -> Config:
    document = {"switch": {"domains": [DOMAIN]}, **tables}
    return on_free_ports(config.parse(document, directory=tmp_path, name="lab.toml"))


async def command(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, message: object) -> list[int]:
    """Send a command; the status of 27h, and that of 28h when it came so far."""
    writer.write(CODEC.encode(message))
    statuses = []
    async with asyncio.timeout(10):
        while True:
            header = await reader.readexactly(10)
            answer = CODEC.decode(header + await reader.readexactly(header[3]))
            if isinstance(answer, CommandReceived):
                statuses.append(answer.status)
                if answer.status:
                    return statuses
            elif isinstance(answer, CommandExecuted):
                return [*statuses, answer.status]


async def kpd1(lab: Lab) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = lab.endpoints["kpd1"].rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def test_a_ready_lab_has_its_mediator_logged_in_and_tells_every_endpoint(tmp_path: Path) -> None:
    async with Lab(lab_config(tmp_path)) as lab:
        assert set(lab.endpoints) == {"ssh", "kpd1", "kpd2", "radius", "web"}
        assert all(int(address.rpartition(":")[2]) > 0 for address in lab.endpoints.values())
        assert lab.gateway is not None
        assert lab.gateway.link is not None
        assert lab.gateway.link.status()["state"] == "up"
        async with httpx.AsyncClient(base_url=lab.web_url, trust_env=False) as web:
            status = (await web.get("/api/v1/status")).json()
        assert status["orm_number"] == 1


async def test_two_labs_run_side_by_side(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    async with Lab(lab_config(first)) as one, Lab(lab_config(second)) as other:
        assert set(one.endpoints.values()).isdisjoint(other.endpoints.values())


@pytest.mark.parametrize(
    ("after_restart", "tables_kept"), [("restore", True), ("initial", False)], ids=["restored", "initial"]
)
async def test_a_restarted_gateway_keeps_its_ports_and_by_option_its_tables_and_its_state(
    after_restart: str, tables_kept: bool, tmp_path: Path
) -> None:
    add = AddKsl(1, GroupType.COMBINED, Ksl(0, 1), Ksl(0, 1))
    async with Lab(lab_config(tmp_path, mediator={"options": {"after_restart": after_restart}})) as lab:
        endpoints = dict(lab.endpoints)
        reader, writer = await kpd1(lab)
        assert await command(reader, writer, Start()) == [0, 0]
        assert await command(reader, writer, add) == [0, 0]
        writer.close()
        await lab.restart_gateway()
        assert lab.endpoints == endpoints
        reader, writer = await kpd1(lab)
        if not tables_kept:
            assert await command(reader, writer, add) == [0x17], "it is stopped, as at the first start"
            assert await command(reader, writer, Start()) == [0, 0]
        assert await command(reader, writer, add) == ([0, 0x3A] if tables_kept else [0, 0])
        writer.close()


async def test_a_port_in_use_is_named_with_its_key(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        taken_console = lab_config(tmp_path).console.model_copy(update={"kpd1_port": port})
        with pytest.raises(BoxError, match=rf"console\.kpd1_port.*{port}"):
            async with Lab(lab_config(tmp_path).model_copy(update={"console": taken_console})):
                pytest.fail("it started")


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ({"console": {"link": "x25"}}, "console.link"),
        (
            {"switch": {"domains": [DOMAIN, DOMAIN]}},
            r"domains\.1\.name: 'test\.domain' is the name of a domain already",
        ),
        (
            {"switch": {"domains": [{**DOMAIN, "subscribers": [{"number": "1"}, {"number": "1"}]}]}},
            r"subscribers\.1\.number: 1 is a subscriber of test\.domain already",
        ),
        ({"switch": {"domains": [{**DOMAIN, "contexts": ["missing.xml"]}]}}, r"missing\.xml"),
    ],
)
def test_a_lab_file_that_refers_to_what_is_not_there(
    tables: dict[str, object], told: str, tmp_path: Path
) -> None:
    with pytest.raises((ConfigError, BoxError), match=told):
        Lab(lab_config(tmp_path, **tables), name="lab.toml")


def test_a_gateway_alone_needs_the_pinned_key_of_its_switch(tmp_path: Path) -> None:
    alone = config.parse({}, directory=tmp_path)

    async def start() -> None:
        async with Lab(alone, boxes="gateway"):
            pytest.fail("it started")

    with pytest.raises(BoxError, match=r"ssh\.host_key"):
        asyncio.run(start())


def test_a_switch_alone_needs_a_switch(tmp_path: Path) -> None:
    with pytest.raises(BoxError, match="switch"):
        Lab(config.parse({}), boxes="switch")


async def test_each_box_runs_alone_and_stops_with_0(tmp_path: Path) -> None:
    async with switch_and_gateway(tmp_path) as (switch, gateway):
        assert set(switch.endpoints) == {"ssh", "web"}
        assert set(gateway.endpoints) == {"kpd1", "kpd2", "radius", "web"}
        assert await gateway.stop() == 0
        assert await switch.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_a_lab_with_0(tmp_path: Path, number: signal.Signals) -> None:
    file = tmp_path / "lab.toml"
    file.write_text(lab_text())
    async with BoxProcess("lab", file) as lab:
        os.kill(lab.pid, number)
        assert await lab.ended() == 0


@pytest.mark.parametrize("name", ["protocol", "radius", "e1", "captures", "ssh_control"])
async def test_a_file_of_the_current_directory_is_not_taken_for_a_package(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"{name}.py").write_text("raise SystemExit(0)\n")
    file = tmp_path / "lab.toml"
    file.write_text(switch_text(free_udp_port()))
    monkeypatch.chdir(tmp_path)
    async with BoxProcess("switch", file) as switch:
        assert switch.endpoints["ssh"]


async def test_a_box_that_dies_without_a_word_is_shown_with_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 7\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(BoxError, match="switch did not become ready: it ended with 7"):
        await BoxProcess("switch", tmp_path / "lab.toml").__aenter__()


async def test_a_box_that_cannot_start_exits_with_2_and_one_line(tmp_path: Path) -> None:
    file = tmp_path / "lab.toml"
    file.write_text("[mediator]\norm_number = 300\n")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sorm_mediator", "lab", "-c", str(file),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == 2
    assert out == b""
    assert err.decode().splitlines() == [
        f"sorm-mediator: {file}:2: mediator.orm_number: 300 is not allowed: at most 255"
    ]
    with pytest.raises(BoxError, match="orm_number"):
        await BoxProcess("lab", file).__aenter__()


async def test_a_lab_whose_mediator_is_refused_is_ready_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Lab(lab_config(tmp_path, ssh={"password": "wrong"})) as lab:
        assert lab.endpoints["kpd1"]
    assert "ssh.user: the switch refuses the mediator 'test.domain': wrong password" in caplog.text


@pytest.mark.parametrize(
    ("ssh", "domain", "told"),
    [
        ({"host_key": OTHER_KEY}, {}, "ssh.host_key: is not the key of the switch: "),
        ({"password": "wrong"}, {}, "ssh.user: the switch refuses the mediator 'test.domain': compare "),
        (
            {},
            {"radius_servers": [{"host": "127.0.0.1", "port": 1}]},
            "radius.port: the switch does not report to this mediator: ",
        ),
    ],
    ids=["host key", "login", "sink"],
)
async def test_a_gateway_that_is_refused_names_the_key_at_its_start_and_as_long_as_it_lasts(
    tmp_path: Path, ssh: dict[str, str], domain: dict[str, object], told: str
) -> None:
    switch_file = lab_config(tmp_path, switch={"domains": [DOMAIN | domain]})
    async with Lab(switch_file, boxes="switch") as switch:
        assert switch.switch is not None
        host, _, port = switch.endpoints["ssh"].rpartition(":")
        reached = {"server": host, "port": int(port), "password": "123", "retry_min": 0.01}
        document = {"ssh": reached | {"host_key": switch.switch.public_host_key} | ssh}
        file = on_free_ports(config.parse(document, directory=tmp_path))
        async with Lab(file, boxes="gateway") as lab:
            (problem,) = lab.warnings()
            assert problem.startswith(told)
            async with httpx.AsyncClient(base_url=lab.web_url, trust_env=False) as web:
                (warning,) = (await web.get("/api/v1/status")).json()["warnings"]
            assert warning.startswith(told)


@pytest.mark.parametrize("boxes", ["lab", "switch"])
async def test_the_shell_of_a_lab_traces_down_to_the_console_of_its_mediator(boxes: Boxes) -> None:
    loaded = on_free_ports(config.load(LABS / "minimal.toml"))

    async with Lab(loaded, boxes=boxes) as lab:
        assert lab.switch is not None
        shell = lab.switch._shell(lab.switch.config.admin.user)
        assert shell is not None

        def traced() -> str:
            return shell.enter("domain/test.domain/routing/trace cgpn.digits=28331 cdpn.digits=2123456").text

        before = traced()
        adaptation = Adaptation(prefix_8_to_cdpn=True)
        mediator = loaded.mediator.model_copy(update={"adaptation": adaptation})
        await lab.configure(lab.config.model_copy(update={"mediator": mediator}))
        after = traced()
    assert "SORM is shown: A 28331 (private), B 73832123456 (local)" in before
    with_a_mediator = boxes == "lab"
    assert ("To the console (268):" in before) is with_a_mediator
    assert (
        "object A  42h-44h  28331 (01h subscriber of this node) -> 73832123456" in before
    ) is with_a_mediator
    assert (
        "object A  42h-44h  28331 (01h subscriber of this node) -> 83832123456" in after
    ) is with_a_mediator


def test_one_port_for_two_listeners_is_named() -> None:
    with pytest.raises(ConfigError, match=r"console\.kpd2_port: 10001 is console\.kpd1_port already"):
        Lab(config.parse({"console": {"kpd1_port": 10001, "kpd2_port": 10001}}))
