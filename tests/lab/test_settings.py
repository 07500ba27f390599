"""Settings of a running lab by HTTP: shown, checked, applied at once where that is possible, saved to the file."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from protocol import CommandExecuted, CommandReceived, GetVersion, Start, VersionInfo
from sorm_mediator import config
from sorm_mediator.config.lab import Given
from sorm_mediator.config.settings import MASK
from sorm_mediator.lab.lab import Lab, on_free_ports
from tests.mediator.gateway_harness import Console

FILE = """\
# A lab of the tests.

[mediator]
state = ":memory:"                # nothing is kept
journal = "journal.db"
password = "123456"

[ssh]
port = 0
user = "test.domain"
password = "123"

# The switch is ours.
[switch]

[[switch.domains]]
name = "test.domain"
password = "123"
subscribers = [{ number = "28331" }, { number = "28332" }]
"""


OTHERWISE = [
    Given(("mediator", "journal"), "", "a test"),
    Given(("web", "port"), 0, "a test"),
]
"""For a second lab of the file beside the first."""


class Bench:
    """A lab that was started from ``file``, and its HTTP API."""

    def __init__(self, lab: Lab, file: Path, http: httpx.AsyncClient) -> None:
        self.lab, self.file, self.http = lab, file, http

    async def settings(self) -> dict[str, dict[str, Any]]:
        answer = await self.http.get("/settings")
        assert answer.status_code == 200, answer.text
        return {one["key"]: one for one in answer.json()["settings"]}

    async def change(self, values: dict[str, Any], *, save: bool = False) -> dict[str, Any]:
        answer = await self.http.put("/settings", json={"values": values, "save": save})
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    async def refused(self, values: dict[str, Any], *, save: bool = False) -> dict[str, str]:
        answer = await self.http.put("/settings", json={"values": values, "save": save})
        assert answer.status_code == 422, answer.text
        return {one["loc"][-1]: one["msg"] for one in answer.json()["detail"]}

    async def journal(self) -> list[dict[str, Any]]:
        answer = await self.http.get("/journal", params={"kind": "setting-changed"})
        return [entry["fields"] for entry in answer.json()]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    file = tmp_path / "lab.toml"
    file.write_text(FILE)
    async with (
        Lab(on_free_ports(config.load(file))) as lab,
        httpx.AsyncClient(base_url=f"{lab.web_url}/api/v1", trust_env=False, timeout=30) as http,
    ):
        yield Bench(lab, file, http)


async def test_every_key_tells_its_value_its_origin_and_whether_a_change_needs_a_restart(
    bench: Bench,
) -> None:
    settings = await bench.settings()
    expiry, port = settings["mediator.options.call_expiry"], settings["console.kpd1_port"]
    assert (expiry["value"], expiry["source"], expiry["at_once"]) == (86400.0, "default", True)
    assert expiry["meaning"].startswith("Seconds without a call report")
    assert expiry["form"] == {"minimum": 0, "type": "number"}
    assert (port["at_once"], port["default"]) == (False, 1001)
    assert settings["mediator.journal"]["source"] == "file"
    assert settings["ssh.password"] | {"meaning": ""} == {
        "key": "ssh.password", "value": MASK, "default": MASK, "source": "file", "at_once": True,
            "waiting": None, "waits": False,
        "secret": True, "meaning": "", "form": {"format": "password", "type": "string", "writeOnly": True},
    }  # fmt: skip
    assert not [key for key in settings if key.startswith("switch")], "its shell shows and changes the switch"


async def test_an_option_holds_from_the_next_command_on(bench: Bench) -> None:
    console = await Console.connect(bench.lab.endpoints["kpd1"])
    console.send(GetVersion())
    await console.until(CommandReceived, status=0)

    changed = await bench.change({"mediator.profile": "order", "mediator.extended_errors": False})
    assert "mediator.options.version_before_start" in changed["applied"], "the profile decides its default"
    assert changed["needs_restart"] == []
    console.send(GetVersion())
    await console.until(CommandReceived, status=2)  # 7.3: no command before start

    await bench.change({"mediator.software_version": "lab 2"})
    console.send(Start(), GetVersion())
    await console.until(CommandExecuted, command=1)
    await console.until(VersionInfo, version="lab 2")
    settings = await bench.settings()
    assert settings["mediator.options.version_before_start"]["source"] == "profile"
    assert settings["mediator.software_version"]["source"] == "changed"
    console.close()


async def test_all_mistakes_are_told_at_once_and_nothing_is_changed(bench: Bench) -> None:
    told = await bench.refused(
        {
            "mediator.options.call_expiry": -1,
            "mediator.optoins.late_ksl": "on",
            "console.allow": ["nonsense"],
            "ssh.keepalive": 3,
            "switch.ssh_port": 1,
            "no key": 1,
        }
    )
    assert told == {
        "mediator.options.call_expiry": "-1 is not allowed: at least 0",
        "mediator.optoins": told["mediator.optoins"],
        "console.allow": told["console.allow"],
        "switch.ssh_port": "is changed in the shell of the switch, where config/save saves it",
        "no key": "is no key, such as web.port or e1[1].mode",
    }
    assert "did you mean options?" in told["mediator.optoins"]
    assert "'nonsense' is not a network such as 127.0.0.0/8" in told["console.allow"]
    assert (await bench.settings())["ssh.keepalive"]["value"] == 5.0
    assert await bench.journal() == []


async def test_a_key_that_needs_a_restart_waits_for_it(bench: Bench) -> None:
    changed = await bench.change({"web.port": 8099, "mediator.options.late_ksl": "on"}, save=True)
    assert (changed["applied"], changed["needs_restart"]) == (["mediator.options.late_ksl"], ["web.port"])
    port = (await bench.settings())["web.port"]
    assert (port["value"], port["waiting"], port["source"]) == (0, 8099, "file")
    async with Lab(config.load(bench.file, OTHERWISE)) as lab:  # the restart
        assert lab.config.mediator.options.late_ksl == "on"
    assert config.load(bench.file).web.port == 8099


async def test_the_file_keeps_comments_order_and_mode(bench: Bench) -> None:
    bench.file.chmod(0o640)
    changed = await bench.change({"mediator.options.call_expiry": 3600, "ssh.keepalive": 2.5})
    assert changed["saved"] is None
    assert bench.file.read_text() == FILE, "not before it is asked for"

    changed = await bench.change({"radius.clients": {"10.0.0.1": "seldom"}}, save=True)
    assert changed["saved"] == str(bench.file)
    text = bench.file.read_text()
    assert (bench.file.stat().st_mode & 0o777) == 0o640
    assert [line for line in FILE.splitlines() if line not in text.splitlines()] == []
    assert "keepalive = 2.5\n\n# The switch is ours.\n[switch]" in text
    assert tomllib.loads(text)["mediator"]["options"] == {"call_expiry": 3600}
    assert (await bench.http.get("/settings")).json()["unsaved"] == []
    assert os.listdir(bench.file.parent).count("lab.toml") == 1


async def test_null_is_the_default_again_also_in_the_file(bench: Bench) -> None:
    await bench.change({"ssh.keepalive": 2.5}, save=True)
    await bench.change({"ssh.keepalive": None}, save=True)
    assert bench.file.read_text() == FILE
    keepalive = (await bench.settings())["ssh.keepalive"]
    assert (keepalive["value"], keepalive["source"]) == (5.0, "default")


async def test_a_file_that_was_edited_meanwhile_keeps_those_edits(bench: Bench) -> None:
    bench.file.write_text(FILE.replace("# nothing is kept", "# nothing at all"))
    await bench.change({"ssh.keepalive": 2.5}, save=True)
    assert "# nothing at all" in bench.file.read_text()

    bench.file.write_text(FILE.replace("[ssh]", "[ssh]\nuserr = 1"))
    told = await bench.refused({"ssh.keepalive": 4}, save=True)
    assert "unknown key; did you mean user?" in told["ssh.userr"]
    assert (await bench.settings())["ssh.keepalive"]["value"] == 2.5, "nothing was changed"


async def test_the_last_value_given_is_what_is_saved(bench: Bench) -> None:
    await bench.change({"ssh.keepalive": 7})
    await bench.change({"ssh": {"port": 0, "user": "test.domain", "password": MASK, "keepalive": 9}})
    await bench.change({"ssh.keepalive": 11}, save=True)
    assert tomllib.loads(bench.file.read_text())["ssh"]["keepalive"] == 11
    await bench.change({"ssh.retry_max": 60})
    await bench.change({"ssh": {"port": 0, "user": "test.domain", "password": MASK}}, save=True)
    assert tomllib.loads(bench.file.read_text())["ssh"] == {
        "port": 0,
        "user": "test.domain",
        "password": "123",
    }


DEEP: Any = 1
for _ in range(400):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("values", "key", "told"),
    [
        ({"ssh.keepalive": float("inf")}, "ssh.keepalive", "inf is not allowed: a finite number"),
        ({"ssh.keepalive": float("nan")}, "ssh.keepalive", "nan is not allowed: a finite number"),
        ({"acceptance.domain": "\ud800"}, "acceptance.domain", "holds half of a surrogate pair, U+D800"),
        ({"acceptance.\ud800": 1}, "acceptance.\ud800", "is no key"),
        ({"ssh.user": DEEP}, "ssh.user", "is nested too deeply"),
        ({"e1.0.mode": "x"}, "e1.0.mode", "is no key, such as web.port or e1[1].mode"),
        ({"console.allow.0": "127.0.0.0/8"}, "console.allow.0", "is no key"),
        ({"0": 1}, "0", "is no key"),
        ({f"mediator.a{number}": 1 for number in range(301)}, "body", "301 values: at most 300"),
    ],
)
async def test_what_no_lab_file_can_hold_is_refused_and_nothing_is_changed(
    bench: Bench, values: dict[str, Any], key: str, told: str
) -> None:
    before = await bench.settings()
    body = json.dumps({"values": values, "save": True})  # httpx writes no Infinity
    answer = await bench.http.put("/settings", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422, answer.text
    (mistake,) = answer.json()["detail"]
    assert (mistake["loc"][-1], told in mistake["msg"]) == (key, True), mistake
    assert mistake["path"] == ("$" if key == "body" else f"$.values[{json.dumps(key)}]")
    assert (await bench.settings(), bench.file.read_text()) == (before, FILE)
    assert await bench.journal() == []


async def test_a_file_keeps_its_mark_its_line_ends_and_the_link_to_it(bench: Bench) -> None:
    real = bench.file.rename(bench.file.with_name("real.toml"))
    bench.file.symlink_to(real.name)
    real.write_bytes(b"\xef\xbb\xbf" + FILE.replace("\n", "\r\n").encode())
    await bench.change({"ssh.keepalive": 2.5}, save=True)
    written = real.read_bytes()
    assert bench.file.is_symlink()
    assert written.startswith(b"\xef\xbb\xbf#")
    assert b"keepalive = 2.5\r\n" in written
    assert written.count(b"\n") == written.count(b"\r\n") == FILE.count("\n") + 1
    assert config.load(bench.file).ssh.keepalive == 2.5


async def test_a_file_that_nobody_may_write_and_a_pipe_are_left_alone(bench: Bench) -> None:
    bench.file.chmod(0o440)
    changed = await bench.change({"ssh.keepalive": 2.5}, save=True)
    assert changed["not_saved"] == f"{bench.file}: can't be written: is read-only"
    assert (bench.file.read_text(), changed["applied"]) == (FILE, ["ssh.keepalive"])

    bench.file.unlink()
    os.mkfifo(bench.file)
    told = await bench.refused({"ssh.keepalive": 3}, save=True)
    assert "is no regular file" in told["body"]


async def test_a_masked_secret_stays_and_the_journal_has_none(bench: Bench) -> None:
    await bench.change({"radius.secret": "another", "radius.clients": {"10.0.0.1": "seldom"}})
    await bench.change({"radius.clients": {"10.0.0.1": MASK, "10.0.0.2": "fresh"}}, save=True)
    assert tomllib.loads(bench.file.read_text())["radius"]["clients"] == {
        "10.0.0.1": "seldom",
        "10.0.0.2": "fresh",
    }
    entries = await bench.journal()
    assert entries[0] == {"who": "HTTP 127.0.0.1", "key": "radius.secret", "old": MASK, "new": MASK}
    assert len(entries) == 3
    assert not [word for word in ("another", "seldom", "fresh") if word in str(entries)]
    told = await bench.refused({"radius.clients": {"10.9.9.9": MASK}})
    assert told == {"radius.clients": f"10.9.9.9: {MASK} keeps a secret, and there is none: give it"}


async def test_another_radius_secret_is_used_by_both_ends(bench: Bench) -> None:
    await bench.change({"radius.secret": "another"})
    gateway, console = bench.lab.gateway, await Console.connect(bench.lab.endpoints["kpd1"])
    assert gateway is not None
    console.send(Start())
    await console.until(CommandExecuted, command=1, status=0)
    watcher = gateway.events.subscribe()
    await put_under_control(console)
    await bench.http.post("/switch/domains/test.domain/calls", json={"a": "28331", "b": "28332", "talk": 0})
    async for event in watcher:
        if event["event"] == "call":  # it would be dropped with another secret
            break
    assert gateway.sink.status()["wrong_secret"] == 0
    console.close()


async def put_under_control(console: Console) -> None:
    from protocol import AddObject, Category, NumberSign, ObjectType, Priority

    own = ObjectType.OWN_SUBSCRIBER, NumberSign.OWN
    console.send(AddObject(258, *own, "28331", None, Category.STATISTICAL, None, Priority.NORMAL))
    await console.until(CommandExecuted, command=5, status=0)


async def test_other_times_of_ssh_leave_the_link_as_it_is(bench: Bench) -> None:
    gateway = bench.lab.gateway
    assert gateway is not None
    link = gateway.link
    await bench.change({"ssh.keepalive": 2.5, "ssh.retry_max": 60, "ssh.retry_min": 1})
    assert gateway.link is link


async def test_other_settings_of_ssh_connect_to_the_switch_anew(bench: Bench) -> None:
    gateway = bench.lab.gateway
    assert gateway is not None
    watcher = gateway.events.subscribe()
    changed = await bench.change({"ssh.user": "no.domain"})
    assert "the switch does not let 'no.domain' in" in changed["warnings"][0]
    states = []
    await bench.change({"ssh.user": "test.domain"})
    async for event in watcher:
        if event["event"] == "link" and event["link"] == "switch":
            states.append(event["state"])
            if states[-1] == "up":
                break
    assert states[0] == "down"

    told = await bench.refused({"ssh.host_key": "ssh-ed25519 nonsense"})
    assert "host key" in told["ssh.host_key"]


async def test_a_network_that_is_allowed_no_more_is_refused_at_once(bench: Bench) -> None:
    connected = await Console.connect(bench.lab.endpoints["kpd1"])
    connected.send(GetVersion())
    await connected.until(CommandReceived)
    await bench.change({"console.allow": ["10.0.0.0/8"]})
    console = await Console.connect(bench.lab.endpoints["kpd1"])
    for one in (console, connected):
        with pytest.raises((ConnectionError, EOFError)):
            await one.until(Start)
        one.close()


async def test_a_lab_without_a_file_says_where_changes_do_not_go(tmp_path: Path) -> None:
    lab_file = config.parse(tomllib.loads(FILE), directory=tmp_path)
    async with (
        Lab(on_free_ports(lab_file)) as lab,
        httpx.AsyncClient(base_url=f"{lab.web_url}/api/v1", trust_env=False, timeout=30) as http,
    ):
        bench = Bench(lab, tmp_path / "none", http)
        changed = await bench.change({"mediator.options.late_ksl": "on"}, save=True)
        assert (changed["applied"], changed["saved"]) == (["mediator.options.late_ksl"], None)
        assert "sorm-mediator init" in changed["not_saved"]
        assert (await http.get("/settings")).json()["file"] is None
