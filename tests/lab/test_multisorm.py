"""MultiSORM in a whole lab: the mediator finds its port, a domain comes late, OpenSSH speaks to all domains."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import captures
from sorm_mediator import config
from sorm_mediator.config import Config, ConfigError
from sorm_mediator.errors import BoxError
from sorm_mediator.lab.lab import Lab, on_free_ports
from sorm_mediator.lab.processes import BoxProcess, free_udp_port
from sorm_mediator.switch.changes.domains import declare_domain
from sorm_mediator.switch.changes.sorm import add_aggregate, set_parameter

EXAMPLE = Path(captures.__file__).parent / "labs" / "multisorm" / "lab.toml"
VOIP = {"name": "voip", "subscribers": [{"number": "200100"}]}
LOCAL = {"name": "local", "subscribers": [{"number": "300000"}]}
MULTI = {"user": "multi", "password": "multi", "domains": ["*"]}
SSH = {"port": 0, "user": "multi", "password": "multi", "retry_min": 0.05, "retry_max": 0.05}


def lab_config(folder: Path, *, ssh: dict[str, Any] = SSH, **switch: Any) -> Config:
    document = {
        "mediator": {"state": ":memory:", "journal": ""},
        "ssh": ssh,
        "switch": {"aggregates": [MULTI], "domains": [VOIP, LOCAL]} | switch,
    }
    return on_free_ports(config.parse(document, directory=folder, name="lab.toml"))


async def logged_in(lab: Lab) -> dict[str, Any]:
    """What the switch told in its hello, once the mediator is there."""
    assert lab.gateway is not None
    link = lab.gateway.link
    assert link is not None
    news = lab.gateway.events.subscribe()
    async with asyncio.timeout(20):
        while link.status()["state"] != "up":
            await anext(news)
    hello: dict[str, Any] = link.status()["switch"]
    return hello


async def test_the_example_is_one_exchange() -> None:
    async with Lab(on_free_ports(config.load(EXAMPLE))) as lab:
        assert set(lab.endpoints) == {"ssh", "multisorm", "kpd1", "kpd2", "radius", "web"}
        assert (await logged_in(lab))["domains"] == ["central_voip", "voip.local", "local.voip"]
        async with httpx.AsyncClient(base_url=lab.web_url, trust_env=False) as web:
            told = (await web.get("/api/v1/switch/multisorm")).json()
            assert (
                await web.post("/api/v1/switch/domains/nobody/fault", json={"answer": "dead"})
            ).status_code == 404
            wrong = await web.post(
                "/api/v1/switch/domains/voip.local/fault", json={"answer": "slow", "delay": -1}
            )
            assert wrong.status_code == 422
    (mediator,) = told["mediators"]
    assert (mediator["user"], mediator["connections"]) == ("multi", 1)
    assert set(mediator["domains"].values()) == {"in step"}
    assert told["faults"] == {}


async def test_a_domain_that_is_declared_while_the_lab_runs(tmp_path: Path) -> None:
    async with Lab(lab_config(tmp_path)) as lab:
        await logged_in(lab)
        assert lab.switch is not None
        declare_domain(lab.switch.engine.node, "later")
        (mediator,) = lab.switch.status()["multisorm"]
    assert mediator["domains"]["later"] == "in step"


async def test_a_user_that_is_declared_while_the_lab_runs(tmp_path: Path) -> None:
    """An empty switch: the mediator knocks at the MultiSORM port until there is somebody to be."""
    async with Lab(lab_config(tmp_path, aggregates=[], domains=[])) as lab:
        assert lab.switch is not None
        assert "multisorm" in lab.endpoints
        node = lab.switch.engine.node
        declare_domain(node, "voip")
        add_aggregate(node, "multi", "multi", ("voip",))
        assert (await logged_in(lab))["domains"] == ["voip"]


async def test_a_domain_still_has_the_first_port(tmp_path: Path) -> None:
    domain = VOIP | {"password": "1"}
    ssh = SSH | {"user": "voip", "password": "1"}
    async with Lab(lab_config(tmp_path, ssh=ssh, domains=[domain, LOCAL])) as lab:
        assert (await logged_in(lab))["domain"] == "voip"


async def test_a_restarted_mediator_comes_back_to_all_domains(tmp_path: Path) -> None:
    async with Lab(lab_config(tmp_path)) as lab:
        endpoints = dict(lab.endpoints)
        await lab.restart_gateway()
        assert (await logged_in(lab))["domains"] == ["voip", "local"]
        assert lab.endpoints == endpoints


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ({"aggregates": [MULTI, MULTI]}, r"aggregates\.1\.user: 'multi' is a MultiSORM user already"),
        ({"aggregates": [MULTI | {"user": "voip"}]}, r"aggregates\.0\.user: 'voip' is the name of a domain"),
        (
            {"aggregates": [MULTI | {"user": "admin"}]},
            r"aggregates\.0\.user: 'admin' is the user of the shell",
        ),
        ({"multisorm_timeout": 8}, r"multisorm_timeout: 8 must be less than .*switch_timeout \(8\)"),
    ],
)
def test_a_lab_file_that_can_not_work(tables: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=told):
        Lab(lab_config(tmp_path, **tables), name="lab.toml")


@pytest.mark.parametrize(
    ("ports", "told"),
    [
        ({"ssh_port": 65535}, "65535 leaves no port for MultiSORM"),
        ({"ssh_port": 8079}, r"MultiSORM\): 8080 is web\.port already"),
    ],
)
def test_the_port_after_the_first_must_be_free(ports: dict[str, Any], told: str, tmp_path: Path) -> None:
    document = {"switch": {"aggregates": [MULTI], "domains": [VOIP]} | ports}
    with pytest.raises(ConfigError, match=told):
        Lab(config.parse(document, directory=tmp_path), name="lab.toml")


async def test_a_domain_that_does_not_answer_or_has_gone_is_warned_of_while_it_lasts(tmp_path: Path) -> None:
    users = [MULTI | {"domains": ["voip", "local"]}]
    async with (
        Lab(lab_config(tmp_path, aggregates=users, multisorm_timeout=0.05)) as lab,
        httpx.AsyncClient(base_url=lab.web_url, trust_env=False) as web,
    ):
        await logged_in(lab)
        assert lab.gateway is not None
        assert lab.switch is not None

        async def warnings() -> list[str]:
            found: list[str] = (await web.get("/api/v1/status")).json()["warnings"]
            return found

        assert await warnings() == []
        lab.switch.fault("local", "dead", 0)
        assert lab.gateway.link is not None
        assert (await lab.gateway.link.request("trunks", trunk=None)).ok
        (warning,) = await warnings()
        assert warning.startswith("MultiSORM multi: domain local does not answer: ")
        lab.switch.fault("local", "clear", 0)
        async with asyncio.timeout(20):
            while await warnings():
                assert await warnings() in ([warning], [])
        set_parameter(lab.switch.engine.node, "local", "enabled", "false")
        gone = "MultiSORM multi: domain local is not connected: SORM is not enabled in the domain"
        assert await warnings() == [gone]
        set_parameter(lab.switch.engine.node, "local", "enabled", "true")
        assert await warnings() == []


async def test_a_mediator_alone_must_be_told_the_port(tmp_path: Path) -> None:
    alone = config.parse(
        {
            "ssh": SSH
            | {"host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFVAFbrLUB0e+Bu4Zhkj3W+yP92qNGAwPC6OARTcb1Ol"}
        },
        directory=tmp_path,
    )
    with pytest.raises(BoxError, match=r"ssh\.port: 0 means the switch of this lab, which is not started"):
        await Lab(alone, boxes="gateway").__aenter__()


def test_a_domain_that_is_not_there_yet_is_a_warning(tmp_path: Path) -> None:
    lab = Lab(lab_config(tmp_path, aggregates=[MULTI | {"domains": ["voip", "nobody"]}]), name="lab.toml")

    assert any("switch.aggregates.0.domains: there is no domain 'nobody'" in one for one in lab.warnings())


# --- OpenSSH's client, and each box a process of its own

SWITCH = """
[web]
port = 0
[switch]
ssh_port = 0
[[switch.aggregates]]
user = "multi"
password = "multi"
domains = ["*", "-test"]
"""
DOMAIN = """
[[switch.domains]]
name = "{name}"
enabled = {enabled}
radius_servers = [{{ host = "127.0.0.1", port = {radius} }}]
subscribers = [{{ number = "{number}" }}]
"""


@pytest.fixture
async def switch(tmp_path: Path) -> AsyncIterator[tuple[BoxProcess, int]]:
    """The switch alone, and the port of the sink that it knows."""
    radius = free_udp_port()
    file = tmp_path / "switch.toml"
    domains = [("central", "true", "100"), ("voip", "true", "200100"), ("test", "false", "9")]
    file.write_text(
        SWITCH
        + "".join(
            DOMAIN.format(name=name, enabled=enabled, radius=radius, number=number)
            for name, enabled, number in domains
        )
    )
    async with BoxProcess("switch", file) as process:
        yield process, radius


async def ssh(folder: Path, switch: BoxProcess, user: str, port: str, lines: bytes) -> tuple[bytes, bytes]:
    if shutil.which("ssh") is None:
        pytest.skip("ssh is not installed: apt install openssh-client")
    ask, known = folder / "askpass", folder / "known_hosts"
    ask.write_text("#!/bin/sh\necho multi\n")
    ask.chmod(0o700)
    # Both ports have one key.
    known.write_text(f"[127.0.0.1]:{port} {switch.ready['host_key']}\n")
    process = await asyncio.create_subprocess_exec(
        "ssh", "-F", "none", "-p", port, "-o", f"UserKnownHostsFile={known}", "-o", "GlobalKnownHostsFile=none",
        "-o", "StrictHostKeyChecking=yes", "-o", "IdentityAgent=none", "-o", "IdentityFile=none",
        "-o", "NumberOfPasswordPrompts=1", "-s", f"{user}@127.0.0.1", "sorm",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force"},
    )  # fmt: skip
    async with asyncio.timeout(20):
        return await process.communicate(lines)


def spoken(*messages: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


async def test_openssh_speaks_to_all_domains(switch: Any, tmp_path: Path) -> None:
    process, radius = switch
    item = {
        "object_number": 1, "object_type": "own-subscriber", "number_sign": "own", "number": "200100",
        "trunk": None, "category": "combined", "priority": "normal",
    }  # fmt: skip
    lines = spoken(
        {"hello": "sorm", "version": 1, "radius": f"127.0.0.1:{radius}"},
        {"seq": 1, "op": "add", "params": {"object": item}},
        {"seq": 2, "op": "add", "params": {"object": item | {"number": "200101"}}},
        {"seq": 3, "op": "ping"},
    )
    port = process.endpoints["multisorm"].rpartition(":")[2]
    out, errors = await ssh(tmp_path, process, "multi", port, lines)
    hello, *replies = [json.loads(line) for line in out.splitlines()]

    assert hello["domains"] == ["central", "voip"], errors
    assert [(reply["ok"], reply.get("code")) for reply in replies] == [
        (True, None),
        (False, 0x33),
        (True, None),
    ]


async def test_openssh_is_denied_at_the_wrong_port(switch: Any, tmp_path: Path) -> None:
    process, _ = switch
    for user, endpoint in (("multi", "ssh"), ("voip", "multisorm")):
        port = process.endpoints[endpoint].rpartition(":")[2]
        out, errors = await ssh(tmp_path, process, user, port, b"")
        assert b"Permission denied" in errors
        assert out == b""


async def test_a_mediator_that_is_a_process_of_its_own(switch: Any, tmp_path: Path) -> None:
    process, radius = switch
    file = tmp_path / "mediator.toml"
    port = process.endpoints["multisorm"].rpartition(":")[2]
    file.write_text(
        f"[console]\nkpd1_port = 0\nkpd2_port = 0\n[web]\nport = 0\n[radius]\nport = {radius}\n"
        f'[ssh]\nport = {port}\nuser = "multi"\npassword = "multi"\nhost_key = "{process.ready["host_key"]}"\n'
    )
    async with (
        BoxProcess("gateway", file) as gateway,
        httpx.AsyncClient(base_url=f"http://{gateway.endpoints['web']}", trust_env=False) as web,
    ):
        # A box is ready when its first login is decided.
        link = (await web.get("/api/v1/status")).json()["switch"]
    assert (link["state"], link["user"]) == ("up", "multi")
