"""Every secret of the lab file: where it may come from, and where it is never shown.

The secrets are found by their type, so that a new one is among them. Each has a value of its own, which is then
searched for in all that is printed, logged, recorded and served.
"""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import httpx
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from sorm_mediator.cli.app import app
from sorm_mediator.config import ConfigError, load
from sorm_mediator.config.lab import Config, Given, put
from sorm_mediator.config.lines import KeyPath, shown
from sorm_mediator.config.mistakes import alternatives, keys_of
from sorm_mediator.config.outside import load_lab, of_options
from sorm_mediator.config.settings import masked
from sorm_mediator.config.written import plain as in_clear
from sorm_mediator.lab.lab import Lab, on_free_ports

CLIENT = "10.0.0.1"
START = bytes.fromhex("CC 01 01 00")
"""Command 1, before its password."""
LAB = """
[web]
port = 0
[radius]
port = 0
[radius.clients]
"10.0.0.1" = "x"
[switch]
profile = "sipteco"
ssh_port = 0
[switch.admin]
[[switch.admins]]
user = "domain-admin"
password = "x"
domains = ["test.domain"]
[[switch.domains]]
name = "test.domain"
[switch.domains.vpbx]
dial_numbers = [{ id = 1, number = "+7(495)2216005" }]
sip_trunks = [{ id = 1, name = "one", dial_number_id = 1, host = "sip.one.ru", extension = "74952216005" }]
directions = [{ id = 1, direction = "regional", sip_trunk_id = 1, dial_number_id = 1 }]
users = [{ id = 1, number = "101", dial_number_id = 1 }]
incoming_routes = [{ dial_number_id = 1, kind = "user", target = "101" }]
[[switch.domains]]
name = "other.domain"
radius_servers = [{ host = "10.0.0.9" }]
[switch.domains.vpbx]
[[switch.aggregates]]
user = "all"
password = "x"
domains = ["*"]
"""


def secret_keys(kind: Any = Config, path: KeyPath = ()) -> Iterator[KeyPath]:
    """The places of the secrets; of a list its first item, and of a table of clients one."""
    for one in alternatives(kind):
        if one is SecretStr:
            yield path
        for key, field in keys_of(one).items():
            yield from secret_keys(field.annotation, (*path, key))
        if get_origin(one) is tuple:
            yield from secret_keys(get_args(one)[0], (*path, 0))
        if get_origin(one) is dict:
            yield from secret_keys(get_args(one)[1], (*path, CLIENT))


SECRETS = {path: f"#Sec{number:02}" for number, path in enumerate(secret_keys())}
"""Each with a value of six characters, which the password of the mediator needs."""


def at(path: KeyPath) -> KeyPath:
    """The place in :data:`LAB`: the servers are those of the second domain."""
    return ("switch", "domains", 1, *path[3:]) if "radius_servers" in path else path


def variable(path: KeyPath) -> str:
    return "SORM_" + "__".join(str(part + 1 if isinstance(part, int) else part) for part in at(path)).upper()


def value_at(config: Any, path: KeyPath) -> str:
    for part in path:
        config = config[part] if isinstance(config, dict | tuple) else getattr(config, str(part))
    return str(config.get_secret_value())


def all_set() -> dict[str, Any]:
    whole = tomllib.loads(LAB)
    for path, secret in SECRETS.items():
        put(whole, Given(at(path), secret, "test"))
    return whole


def written(whole: dict[str, Any], folder: Path) -> Path:
    import tomlkit

    file = folder / "lab.toml"
    file.write_text(tomlkit.dumps(whole))
    file.chmod(0o600)
    return file


def assert_hidden(text: str, *allowed: KeyPath) -> None:
    found = [shown(path) for path, secret in SECRETS.items() if secret in text and path not in allowed]
    assert found == [], text[:2000]


def test_the_secrets_are_those_that_are_known() -> None:
    assert {shown(path) for path in SECRETS} == {
        "mediator.password", "ssh.password", "radius.secret", 'radius.clients."10.0.0.1"', "web.token",
        "switch.admin.password", "switch.aggregates[1].password", "switch.domains[1].password",
        "switch.domains[1].radius_servers[1].secret", "switch.admins[1].password",
        "switch.smart_licence.token", "switch.licence_network.secret", "switch.domains[1].vpbx.users[1].password",
        "switch.domains[1].vpbx.sip_trunks[1].secret", "switch.domains[1].vpbx.sip_trunks[1].sip_reg_secret",
    }  # fmt: skip


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return written(tomllib.loads(LAB), tmp_path)


def test_every_secret_comes_from_a_variable_a_file_or_a_credential(plain: Path, tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir(mode=0o700)
    files = {}
    for path, secret in SECRETS.items():
        (credentials / variable(path)).write_text(f"{secret}\n")
        file = tmp_path / f"{variable(path)}.txt"
        file.write_text(f"{secret}\n")
        file.chmod(0o600)
        files[f"{variable(path)}_FILE"] = str(file)
    ways: list[dict[str, str]] = [
        {variable(path): secret for path, secret in SECRETS.items()},
        files,
        {"CREDENTIALS_DIRECTORY": str(credentials)},
    ]
    for environment in ways:
        loaded = load_lab(plain, environment=environment)
        assert {path: value_at(loaded, at(path)) for path in SECRETS} == SECRETS
        assert loaded.doubts == ()
        assert_hidden(repr(loaded) + repr(masked(loaded)) + loaded.model_dump_json())


def test_a_credential_is_no_second_value_and_its_troubles_are_told(plain: Path, tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    environment = {"CREDENTIALS_DIRECTORY": str(folder)}
    with pytest.raises(ConfigError, match=r"credentials: the credentials can't be read: No such file"):
        load_lab(plain, environment=environment)
    folder.mkdir()
    (folder / "SORM_WEB__TOKEN").write_bytes(b"hush\n")
    (folder / "SORM_WEB_PORT").write_text("1")
    (folder / "of-another-program").write_text("x")
    loaded = load_lab(plain, environment=environment)
    assert loaded.web.token.get_secret_value() == "hush"
    (doubt,) = loaded.doubts
    assert doubt.startswith("SORM_WEB_PORT: has no effect; did you mean SORM_WEB__PORT?")
    assert [given.source for given in loaded.given] == ["the credential SORM_WEB__TOKEN"]
    for other in ("SORM_WEB__TOKEN", "SORM_WEB__TOKEN_FILE"):
        with pytest.raises(
            ConfigError, match=rf"^web\.token: give {other} or the credential SORM_WEB__TOKEN"
        ):
            load_lab(plain, environment=environment | {other: "x"})
    (folder / "SORM_WEB__TOKEN").write_bytes(b"hush\xff")
    with pytest.raises(ConfigError, match=r"SORM_WEB__TOKEN: .*\(from the credential") as error:
        load_lab(plain, environment=environment)
    assert "hush" not in str(error.value)
    (folder / "SORM_WEB__TOKEN").unlink()
    (folder / "SORM_WEB__PROT").write_text("x")
    with pytest.raises(ConfigError, match=r"web\.prot: unknown key; did you mean port"):
        load_lab(plain, environment=environment)


@pytest.mark.parametrize("path", SECRETS, ids=shown)
def test_no_secret_is_taken_from_a_command_line_or_repeated_in_an_error(
    path: KeyPath, tmp_path: Path
) -> None:
    key = shown(at(path))
    with pytest.raises(ConfigError) as refused:
        list(of_options([f"{key}={SECRETS[path]}"]))
    assert str(refused.value).startswith(f"{key}: a secret is not taken from a command line")
    assert_hidden(str(refused.value))
    # In place of each secret a number, a list, a table; beside it an unknown key; and a line that is no TOML.
    for number, wrong in enumerate((123450 + len(key), [SECRETS[path]], {"a": SECRETS[path]})):
        whole = all_set()
        put(whole, Given(at(path), wrong, "test"))
        whole["unknown"] = 1
        with pytest.raises(ConfigError) as error:
            load(written(whole, tmp_path))
        assert_hidden(str(error.value))
        assert str(123450 + len(key)) not in str(error.value), number
    file = written(all_set(), tmp_path)
    file.write_text(re.sub(f'"{SECRETS[path]}"', f'"{SECRETS[path]}', file.read_text()))
    with pytest.raises(ConfigError) as error:
        load(file)
    assert_hidden(str(error.value))


def test_config_show_masks_every_secret(tmp_path: Path) -> None:
    file = written(all_set(), tmp_path)
    for more in ((), ("--json",)):
        done = CliRunner().invoke(app, ["config", "show", str(file), *more])
        assert done.exit_code == 0
        assert_hidden(done.output)
        for path in SECRETS:
            assert shown(at(path)).partition('."')[0] in done.output
    done = CliRunner().invoke(app, ["config", "check", str(file)])
    assert_hidden(done.output)
    # Not masked: what saves the file. The test would else pass for a lab without secrets.
    assert all(secret in json.dumps(in_clear(load(file)), default=str) for secret in SECRETS.values())


async def test_a_running_lab_shows_no_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    whole = copy.deepcopy(all_set())
    whole["mediator"] |= {"state": str(tmp_path / "state.db"), "journal": str(tmp_path / "journal.db")}
    config = on_free_ports(load(written(whole, tmp_path)))
    token = config.web.token.get_secret_value()
    answers: dict[str, str] = {}
    async with (
        Lab(config) as lab,
        httpx.AsyncClient(base_url=lab.web_url, headers={"Authorization": f"Bearer {token}"}) as http,
    ):
        host, port = lab.endpoints["kpd1"].split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        _, kpd2 = await asyncio.open_connection(host, int(lab.endpoints["kpd2"].split(":")[1]))
        right, wrong = SECRETS["mediator", "password"], SECRETS["switch", "domains", 0, "password"]
        for password in (wrong, right):
            writer.write(START + password.encode())
        # Command 5 breaks off, so that the next one's password lies in its fields.
        writer.write(bytes.fromhex("CC 01 05 13") + right.encode() + bytes(2) + START + right.encode())
        answered = b""
        async with asyncio.timeout(30):
            while answered.count(b"\xcc\x01\x27") < 3:
                answered += await reader.read(1024)
        wanted = [
            one for one, way in (await http.get("/openapi.json")).json()["paths"].items() if "get" in way
        ]
        front = (await http.get("/")).text
        wanted += re.findall(r'href="(/[^"#]*)"', front)
        for where in dict.fromkeys(wanted):
            if "{" not in where and not where.endswith("/events"):
                answers[where] = (await http.get(where, follow_redirects=True)).text
        writer.close()
        kpd2.close()
    assert {"/api/v1/settings", "/api/v1/status", "/api/v1/journal", "/metrics"} <= {*answers}
    assert '"start"' in answers["/api/v1/journal"]
    for where, text in answers.items():
        assert_hidden(f"{where}: {text}")
    assert_hidden(caplog.text)
    assert "RADIUS" in caplog.text or "kpd1" in caplog.text
    done = CliRunner().invoke(app, ["journal", "export", "--file", str(tmp_path / "journal.db")])
    assert '"start"' in done.output
    assert_hidden(done.output)
