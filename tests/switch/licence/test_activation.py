"""Activation of licence files: codes, Locking IDs, the licence server, and every refusal, which changes nothing."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sorm_mediator import config
from sorm_mediator.config import ConfigError
from sorm_mediator.config.stations import RegistrationConfig
from sorm_mediator.errors import BoxError
from sorm_mediator.switch import licence_client, licence_store
from sorm_mediator.switch.changes import ChangeRefused, stations
from sorm_mediator.switch.licence import LicenceError, decode_activation, locking_id
from sorm_mediator.switch.licence_client import ServerQuestion, ask_licence_server
from sorm_mediator.switch.licence_server import Sold, activate, merge, sell
from sorm_mediator.switch.licence_store import LicenceServer, LicenceStore
from sorm_mediator.switch.node import Node
from sorm_mediator.switch.shell.command import ShellContext
from sorm_mediator.switch.shell.session import ShellSession
from tests.switch.licence.dripping import drip

NOW = 1_800_000_000.0
REGISTERED = RegistrationConfig(company="A", name="B", mail="b@example.org")


def node(**switch: Any) -> Node:
    domain = {"name": "d", "subscribers": [{"number": "1", "station": "ip"}]}
    table = {"domains": [domain], "licence_pool": {}, "locking_id": "LID-1", **switch}
    parsed = config.parse({"switch": table})
    assert parsed.switch is not None
    return Node(parsed.switch)


def shop(*limits: dict[str, int]) -> tuple[Sold, list[str]]:
    sold, codes = Sold(), []
    for one in limits:
        sold, (code,) = sell(sold, one, 1)
        codes.append(code)
    return sold, codes


def shell(switch: Node, **ways: Any) -> ShellSession:
    return ShellSession(ShellContext(node=switch, clock=lambda: NOW, stopwatch=lambda: 0.0, **ways))


def told(session: ShellSession, line: str) -> str:
    entered = session.enter(line)
    return entered.error or entered.text.split("\n\n[exec")[0]


# --- the licence server


def test_a_code_and_a_locking_id_make_a_licence_file() -> None:
    sold, (lac,) = shop({"ip": 3})

    sold, text = activate(sold, lac, "LID-1", REGISTERED, NOW)

    body = decode_activation(text)
    assert (body.locking_id, body.serial, dict(body.bought)) == ("LID-1", 1, {"ip": 3})
    assert (sold.lacs[lac].locking_id, sold.lacs[lac].used_at, sold.lacs[lac].company) == ("LID-1", NOW, "A")


def test_a_further_code_adds_its_licences_to_those_there_are() -> None:
    sold, (first, second) = shop({"ip": 3}, {"ip": 2, "fax": 1})
    sold, _ = activate(sold, first, "LID-1", REGISTERED, NOW)

    _, text = activate(sold, second, "LID-1", REGISTERED, NOW)

    assert dict(decode_activation(text).bought) == {"ip": 5, "fax": 1}


def test_a_code_that_is_not_sold_is_refused() -> None:
    with pytest.raises(
        LicenceError, match="the code that ends in 'AC-X' is no licence authorisation code of this server"
    ):
        activate(Sold(), "LAC-X", "LID-1", REGISTERED, NOW)


def test_no_error_of_the_licence_server_has_a_code(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    store = LicenceStore(tmp_path / "cls.json")
    (lac,) = store.change(lambda sold: sell(sold, {"ip": 1}, 1))
    server = LicenceServer(store, "127.0.0.1:0", now=lambda: NOW)
    mistyped = lac[:-1] + ("A" if lac[-1] != "A" else "B")
    told = [
        server._answer(
            ServerQuestion(lac=code, locking_id=own, registration=REGISTERED).model_dump_json().encode()
        )
        for code, own in ((lac, "LID-1"), (lac, "LID-2"), (mistyped, "LID-1"))
    ]
    assert "is used for another Locking ID, LID-1" in told[1].refused
    assert "is no licence authorisation code of this server" in told[2].refused
    for text in (told[1].refused, told[2].refused, caplog.text):
        assert lac[:14] not in text
        assert lac[-4:-1] in text


def test_a_code_used_for_another_locking_id_is_refused_and_the_same_one_may_have_it_again() -> None:
    sold, (lac,) = shop({"ip": 3})
    sold, _ = activate(sold, lac, "LID-1", REGISTERED, NOW)

    with pytest.raises(
        LicenceError, match="is used for another Locking ID, LID-1, and this switch has LID-2"
    ):
        activate(sold, lac, "LID-2", REGISTERED, NOW)
    _, again = activate(sold, lac, "LID-1", REGISTERED, NOW + 9)
    assert (decode_activation(again).serial, dict(decode_activation(again).bought)) == (2, {"ip": 3})


def test_without_registration_data_there_is_no_licence_file() -> None:
    sold, (lac,) = shop({"ip": 3})
    with pytest.raises(LicenceError, match=r"not complete: company, mail missing; enter them first"):
        activate(sold, lac, "LID-1", RegistrationConfig(name="B"), NOW)


def test_separate_files_of_nodes_are_merged_into_one_of_the_network() -> None:
    sold, (one, two) = shop({"ip": 3, "networking": 1}, {"ip": 2})
    sold, _ = activate(sold, one, "LID-M", REGISTERED, NOW)
    sold, _ = activate(sold, two, "LID-S", REGISTERED, NOW)

    sold, text = merge(sold, "LID-M", ["LID-S"], NOW)

    assert dict(decode_activation(text).bought) == {"ip": 5, "networking": 1}
    assert {code.locking_id for code in sold.lacs.values()} == {"LID-M"}
    with pytest.raises(LicenceError, match="no code is used for the Locking ID LID-X"):
        merge(sold, "LID-M", ["LID-X"], NOW)


# --- the switch


def test_a_licence_file_is_activated_and_a_restart_has_it() -> None:
    switch = node()
    sold, (lac,) = shop({"ip": 1})
    assert switch.assignments is not None
    assert switch.assignments.used["ip"] == 0

    stations.activate(switch, activate(sold, lac, "LID-1", REGISTERED, NOW)[1])
    stations.check(switch)

    assert switch.assignments.used["ip"] == 1
    again = Node(switch.config)
    assert again.assignments is not None
    assert (again.pool["ip"], again.assignments.used["ip"]) == (1, 1)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda text: text[:-3], "this is not a licence file|mistyped or cut off"),
        (lambda text: text[:40] + "A" + text[41:], "mistyped or cut off"),
        (lambda _: "LAB1-LICENCE-AA-AAAAAAAA", "this is the key of a licence"),
        (lambda _: "", "this is not a licence file"),
        (lambda _: "\x00\xff", "this is not a licence file"),
    ],
)
def test_a_bad_licence_file_is_refused_and_nothing_is_changed(spoil: Any, why: str) -> None:
    switch = node()
    sold, (lac,) = shop({"ip": 1})
    before = switch.config

    with pytest.raises(ChangeRefused, match=why):
        stations.activate(switch, spoil(activate(sold, lac, "LID-1", REGISTERED, NOW)[1]))
    assert switch.config is before


def test_a_file_for_another_locking_id_is_refused_and_in_a_virtual_machine_the_advanced_one_counts() -> None:
    sold, (lac,) = shop({"ip": 1})
    text = activate(sold, lac, "LID-1", REGISTERED, NOW)[1]
    switch = node(advanced_locking_id="ALID-7")
    assert locking_id(switch.config) == "ALID-7"

    with pytest.raises(
        ChangeRefused, match=r"for the Locking ID LID-1, and this switch has ALID-7; nothing is changed"
    ):
        stations.activate(switch, text)
    with pytest.raises(ConfigError, match=r"licence_pool.activation: it is for the Locking ID LID-1"):
        node(advanced_locking_id="ALID-7", licence_pool={"activation": text})


def test_a_file_is_activated_once() -> None:
    switch = node()
    sold, (lac,) = shop({"ip": 1})
    text = activate(sold, lac, "LID-1", REGISTERED, NOW)[1]
    stations.activate(switch, text)

    with pytest.raises(ChangeRefused, match="this is licence file 1, and file 1 is activated already"):
        stations.activate(switch, text)


def test_a_slave_activates_nothing_and_has_no_licences_of_its_own() -> None:
    network = {"role": "slave", "node": "a", "master": "127.0.0.1:7790", "secret": "s"}
    sold, (lac,) = shop({"ip": 1})
    text = activate(sold, lac, "LID-1", REGISTERED, NOW)[1]
    switch = node(licence_network=network)

    with pytest.raises(ChangeRefused, match=r"this node is a slave.*its master 127.0.0.1:7790"):
        stations.activate(switch, text)
    with pytest.raises(ConfigError, match="a slave has the licences of its master"):
        node(licence_network=network, licence_pool={"limits": {"ip": 1}})


@pytest.mark.parametrize(
    ("network", "why"),
    [
        ({"role": "master", "secret": "s"}, "node: a master needs a name"),
        ({"role": "master", "node": "m"}, "secret: a network needs a secret"),
        ({"role": "slave", "node": "a", "secret": "s"}, "master: a slave needs HOST:PORT"),
        ({"role": "slave", "node": "a", "secret": "s", "master": "here"}, "'here' is not HOST:PORT"),
    ],
)
def test_a_node_of_a_network_has_what_its_role_needs(network: dict[str, str], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        node(licence_network=network)


# --- the shell


def test_activation_by_the_shell_as_a_dialogue(tmp_path: Path) -> None:
    sold = [*shop({"ip": 2})]
    store, (lac,) = LicenceStore(tmp_path / "cls.json"), sold[1]
    store.change(lambda _: (sold[0], None))

    def server(url: str, code: str, own: str, registration: RegistrationConfig) -> str:
        assert url == "127.0.0.1:7790"
        return store.change(lambda kept: activate(kept, code, own, registration, NOW))

    switch, done = node(), list[bool]()
    session = shell(switch, ask_licence_server=server, activated=lambda: done.append(True))
    assert told(session, "licence/locking-id") == "Locking ID: LID-1"
    assert "there is no licence server" in told(session, f"licence/activate {lac}")
    told(session, "licence/server set 127.0.0.1:7790")
    assert "the registration data are not complete" in told(session, f"licence/activate {lac}")
    for line in ("company Alpha Beta", "name B", "mail b@example.org"):
        assert told(session, f"licence/registration set {line}") == "OK"
    assert "│company │Alpha Beta   │" in told(session, "licence/registration")
    assert "is no licence authorisation code of this server; nothing is changed" in told(
        session, "licence/activate LAC-NONE"
    )
    assert done == []

    assert told(session, f"licence/activate {lac}").startswith("OK\nNote: licence file 1 is active: ip=2")

    assert done == [True]
    assert "unlocked: 1, without a licence: 0" in told(session, "licence/check")
    assert "1" in told(session, "licence/pool")


def test_a_user_without_the_profile_expert_leaves_the_licence_server_as_it_is() -> None:
    session = shell(node(admin={"profile": "basic"}))
    assert "for users with the profile expert" in told(session, "licence/server set 127.0.0.1:1")
    assert "│url     │     │" in told(session, "licence/server")


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(b"\xff")
    switch = node()
    switch.directory = tmp_path
    session = shell(switch)
    assert f"{tmp_path}/none: can't be read" in told(session, "licence/load none")
    assert "licence files are read from" in told(session, "licence/load ../none")
    assert f"{tmp_path}/bad" in told(session, "licence/load bad")


def test_a_name_that_is_none_of_a_licence_file_is_told_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to("circle")
    with (tmp_path / "journal").open("wb") as large:
        large.write(b"A" * 300_000)
        large.truncate(1 << 40)
    switch = node()
    switch.directory = tmp_path
    session = shell(switch)
    assert "'a\\x00b': is no path of a file" in told(session, "licence/load a\0b")
    assert "'circle': is no path of a file" in told(session, "licence/load circle")
    assert "pipe: is no regular file" in told(session, "licence/load pipe")
    assert "Error: the key has 262144 characters" in told(session, "licence/load journal")


def test_what_a_value_that_is_not_allowed_is_told() -> None:
    session = shell(node())
    assert "is not HOST:PORT" in told(session, "licence/server set nowhere")
    assert "each part between its dots has 1 to 63 octets" in told(session, "licence/server set a..b:80")
    assert "'colour' is not allowed: company or name or mail" in told(
        session, "licence/registration set colour x"
    )
    assert "mail: 'x' is not allowed" in told(session, "licence/registration set mail x")


def test_the_overview_ends_in_a_table_of_the_invalid_when_it_is_printed() -> None:
    session = shell(node())
    assert "! not-licensed" in told(session, "licence/overview")
    printed = told(session, "licence/overview --print")
    assert printed.count("all 0 licences ip are in use") == 2
    assert "Invalid assignments: 1" in printed
    assert "unlocked: 0, without a licence: 1" in told(session, "licence/check")
    assert "OK" in told(session, "licence/release 1 ip")


# --- over a socket


async def test_a_switch_asks_the_licence_server_over_its_socket(tmp_path: Path) -> None:
    store = LicenceStore(tmp_path / "cls.json")
    (lac,) = store.change(lambda sold: sell(sold, {"ip": 1}, 1))
    server = LicenceServer(store, "127.0.0.1:0", now=lambda: NOW)
    address = await server.start()
    try:
        text = await asyncio.to_thread(ask_licence_server, address, lac, "LID-1", REGISTERED)
        assert decode_activation(text).locking_id == "LID-1"
        with pytest.raises(LicenceError, match="another Locking ID"):
            await asyncio.to_thread(ask_licence_server, address, lac, "LID-2", REGISTERED)
        reader, writer = await asyncio.open_connection(*address.split(":"))
        writer.write(b"{}\n")
        assert "none of a switch" in json.loads(await reader.readline())["refused"]
        writer.close()
    finally:
        await server.stop()
    with pytest.raises(OSError, match=r"refused|reset"):
        await asyncio.to_thread(ask_licence_server, address, lac, "LID-1", REGISTERED)


async def test_an_answer_without_an_end_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(licence_client, "ANSWER_WITHIN", 0.3)
    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(ask_licence_server, address, "LAC-1", "LID-1", REGISTERED)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\n",
        b"[]\n",
        b"\xff\n",
        b'{"file": 1}\n',
        b"[" * 100_000 + b"\n",
        b'{"file": "' + b"A" * 300_000,
    ],
)
async def test_an_answer_that_is_none_of_a_licence_server_is_told(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(
            LicenceError, match=r"its answer (is not that of a licence server|has no licence)"
        ):
            await asyncio.to_thread(ask_licence_server, address, "LAC-1", "LID-1", REGISTERED)


def test_codes_that_several_processes_sell_at_the_same_moment_are_all_kept(tmp_path: Path) -> None:
    def sell_five(_number: int) -> list[str]:
        store = LicenceStore(tmp_path / "cls.json")
        return [store.change(lambda sold: sell(sold, {"ip": 1}, 1))[0] for _ in range(5)]

    with ThreadPoolExecutor(8) as sellers:
        codes = [code for sold in sellers.map(sell_five, range(8)) for code in sold]

    assert sorted(LicenceStore(tmp_path / "cls.json").read().lacs) == sorted(codes)


def test_a_code_that_two_switches_use_at_the_same_moment_is_used_for_one(tmp_path: Path) -> None:
    file = tmp_path / "cls.json"
    (lac,) = LicenceStore(file).change(lambda sold: sell(sold, {"ip": 1}, 1))

    def use(own: str) -> str:
        try:
            return LicenceStore(file).change(lambda sold: activate(sold, lac, own, REGISTERED, NOW))
        except LicenceError as error:
            return str(error)

    with ThreadPoolExecutor(8) as switches:
        answers = [*switches.map(use, [f"LID-{number}" for number in range(8)])]

    assert sum("is used for another Locking ID" in one for one in answers) == 7


def test_a_change_waits_for_another_one_and_no_longer_than_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(licence_store, "LOCKED_FOR", 0.1)
    store = LicenceStore(tmp_path / "cls.json")

    def within(sold: Sold) -> tuple[Sold, None]:
        with pytest.raises(BoxError, match="another process is changing it; try again"):
            LicenceStore(tmp_path / "cls.json").change(lambda other: sell(other, {"ip": 1}, 1))
        return sold, None

    store.change(within)
    assert len(store.change(lambda sold: sell(sold, {"ip": 1}, 1))) == 1


async def test_a_file_of_codes_that_is_none_keeps_the_licence_server_from_starting(tmp_path: Path) -> None:
    file = tmp_path / "cls.json"
    file.write_text("{")
    with pytest.raises(BoxError, match=r"--store: .*is no file of a licence server"):
        await LicenceServer(LicenceStore(file), "127.0.0.1:0").start()
    file.write_bytes(b"\xff")
    with pytest.raises(BoxError, match=r"--store: .*is no file of a licence server: it is no UTF-8"):
        LicenceStore(file).read()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BoxError, match="is no regular file"):
        LicenceStore(tmp_path / "pipe").read()
    with pytest.raises(BoxError, match=r"--listen: 'a\.\.b:1': each part between its dots"):
        await LicenceServer(LicenceStore(tmp_path / "new.json"), "a..b:1").start()
    with pytest.raises(BoxError, match="--listen: 'here' is not HOST:PORT"):
        await LicenceServer(LicenceStore(tmp_path / "new.json"), "here").start()


# --- the commands


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sorm_mediator", "licence", *words],
        capture_output=True,
        text=True,
        check=False,
    )


def test_codes_are_sold_listed_and_made_into_a_file_that_a_switch_takes(tmp_path: Path) -> None:
    store = ("--store", str(tmp_path / "cls.json"))
    lacs = run("lac", "make", *store, "--limit", "ip=2", "--count", "2", "--json")
    lac = json.loads(lacs.stdout)["lacs"][0]
    who = ("--company", "A", "--name", "B", "--mail", "b@example.org")

    made = run("file", lac, *store, "--locking-id", "LID-1", *who)

    assert decode_activation(made.stdout).locking_id == "LID-1"
    assert f"{lac}  ip=2  LID-1" in run("lac", "list", *store).stdout
    wrong = run("lac", "make", *store, "--limit", "ipp=2")
    assert (wrong.returncode, "did you mean ip?" in wrong.stderr) == (2, True)
