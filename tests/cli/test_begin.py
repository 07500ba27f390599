"""The first minutes: a folder to start from, what is shipped, a lab without a file, values from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sorm_mediator import config
from sorm_mediator.cli.begin import labs, load_lab
from sorm_mediator.config.lines import shown
from sorm_mediator.config.outside import doubtful, of_options
from sorm_mediator.errors import ConfigError
from sorm_mediator.replay.session import ReplaySettings, load, run_scripts


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "sorm_mediator", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=cwd)


@contextmanager
def lab(*arguments: str, **environment: str) -> Iterator[dict[str, Any]]:
    """A lab as a process: its ready line."""
    command = [sys.executable, "-m", "sorm_mediator", "lab", *arguments, "--log-level", "error"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | environment
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGTERM)
    assert process.returncode == 0


def test_init_makes_a_lab_that_runs(tmp_path: Path) -> None:
    folder = tmp_path / "my" / "lab"
    done = run("init", str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    assert "sorm-mediator lab lab.toml" in done.stdout
    assert run("config", "check", "lab.toml", cwd=folder).stdout == "lab.toml: fine\n"
    assert run_scripts(ReplaySettings(scripts=(folder / "main-job.yaml",), quiet=True), lambda _: None) == 0
    assert "captures" not in (folder / "lab.toml").read_text() + (folder / "main-job.yaml").read_text()
    assert sorted(path.name for path in folder.iterdir()) == ["lab.toml", "main-job.yaml", "routing"]
    written = tomllib.loads((folder / "lab.toml").read_text())
    loaded = config.load(folder / "lab.toml")
    assert loaded.switch is not None
    assert loaded.radius.require_message_authenticator
    assert loaded.switch.require_message_authenticator
    ports = {
        "console": {"kpd1_port": loaded.console.kpd1_port, "kpd2_port": loaded.console.kpd2_port},
        "radius": {"port": loaded.radius.port},
        "web": {"port": loaded.web.port},
        "switch": {"ssh_port": loaded.switch.ssh_port},
    }
    for table, keys in ports.items():
        assert {key: written[table].get(key) for key in keys} == keys, "every fixed port is in the file"


def test_init_writes_over_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    for place in (tmp_path, tmp_path / "mine.txt"):
        done = run("init", str(place))
        assert done.returncode == 2
        assert done.stderr == f"sorm-mediator: {place}: is already there and is not an empty folder\n"


def test_examples_lists_labs_and_scenarios_that_are_there() -> None:
    rows = json.loads(run("examples", "--json").stdout)
    assert {row["kind"] for row in rows} == {"lab", "scenario"}
    assert all(Path(row["file"]).is_file() and row["shows"] for row in rows)
    scenarios = {row["file"]: row["shows"] for row in rows if row["kind"] == "scenario"}
    assert {file: load(Path(file)).name for file in scenarios} == scenarios
    done = run("examples")
    assert all(row["file"] in done.stdout and row["shows"] in done.stdout for row in rows)


def test_a_lab_without_a_file_keeps_its_state_and_its_host_key_in_the_state_folder(tmp_path: Path) -> None:
    keys = []
    for _ in range(2):
        with lab("--auto-ports", XDG_STATE_HOME=str(tmp_path)) as ready:
            keys.append(ready["host_key"])
            assert set(ready["endpoints"]) == {"ssh", "kpd1", "kpd2", "radius", "web"}
    assert keys[0] == keys[1]
    kept = {path.name for path in (tmp_path / "sorm-mediator").iterdir()}
    assert {"state.db", "journal.db", "host_key"} <= kept


def test_two_labs_of_one_file_run_beside_each_other(tmp_path: Path) -> None:
    with (
        lab("--auto-ports", XDG_STATE_HOME=str(tmp_path / "a")) as one,
        lab("--auto-ports", XDG_STATE_HOME=str(tmp_path / "b")) as other,
    ):
        assert not set(one["endpoints"].values()) & set(other["endpoints"].values())


def test_two_built_in_labs_run_beside_each_other_and_each_keeps_its_own(tmp_path: Path) -> None:
    home = str(tmp_path)
    with lab("--auto-ports", XDG_STATE_HOME=home) as one, lab("--auto-ports", XDG_STATE_HOME=home) as other:
        assert not set(one["endpoints"].values()) & set(other["endpoints"].values())
        assert one["host_key"] != other["host_key"]
    for folder in (tmp_path / "sorm-mediator", tmp_path / "sorm-mediator" / "run-2"):
        assert {"state.db", "journal.db", "host_key"} <= {path.name for path in folder.iterdir()}
    with lab("--auto-ports", XDG_STATE_HOME=home) as again:
        assert again["host_key"] == one["host_key"], "the first folder is free again"


@pytest.mark.parametrize(
    ("coding", "says"),
    [
        ("utf-16", "is UTF-16: save it as UTF-8"),
        ("utf-16-le", "is UTF-16: save it as UTF-8"),
        ("utf-32", "is UTF-32: save it as UTF-8"),
        ("cp1251", "is a text of another coding, perhaps CP1251 (line 2): save it as UTF-8"),
        ("utf-8-sig", ""),
    ],
)
def test_a_lab_file_of_another_coding_is_told_in_a_line_with_the_remedy(
    tmp_path: Path, coding: str, says: str
) -> None:
    path = tmp_path / "lab.toml"
    path.write_bytes("[web]\nport = 1  # порт\n".encode(coding))
    if says:
        with pytest.raises(ConfigError) as caught:
            load_lab(path, ())
        assert str(caught.value) == f"{path}: {says}"
    else:
        assert load_lab(path, ())[0].web.port == 1


def test_a_path_of_the_source_names_the_shipped_file(tmp_path: Path) -> None:
    for command, path in (
        (("lab",), "captures/labs/laptop.toml"),
        (("console", "-c"), "labs/laptop.toml"),
        (("replay",), "captures/scenarios/events.yaml"),
    ):
        done = run(*command, path, cwd=tmp_path)
        assert done.returncode == 2
        there = labs().parent / path.removeprefix("captures/")
        assert f"; the shipped one is {there}; sorm-mediator examples lists" in done.stderr
    done = run("lab", "captures/labs/nothing.toml", cwd=tmp_path)
    assert "the shipped one is" not in done.stderr
    assert "sorm-mediator examples lists the shipped files" in done.stderr
    scenario = tmp_path / "one.yaml"
    scenario.write_text("name: x\nlab: captures/labs/minimal.toml\nsteps: [{send: start}]\n")
    assert run("replay", "--check", str(scenario), cwd=tmp_path).returncode == 0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "lab.toml"
    path.write_text('[web]\nport = 1\n[[switch.domains]]\nname = "a"\n[[switch.domains]]\nname = "b"\n')
    return path


def test_values_come_from_the_environment_and_from_set(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SORM_WEB__PORT", "2")
    monkeypatch.setenv("SORM_CONSOLE__KPD1_PORT", "3")
    monkeypatch.setenv("SORM_TEST_PASSWORD", "no key: one underscore")
    loaded, name = load_lab(
        file, ["web.port=4", "switch.domains[2].name=west", 'console.allow=["10.0.0.0/8"]']
    )
    assert name == str(file)
    assert (loaded.web.port, loaded.console.kpd1_port, loaded.console.allow) == (4, 3, ("10.0.0.0/8",))
    assert loaded.switch is not None
    assert loaded.switch.domains[1].name == "west"
    assert tomllib.loads(file.read_text())["web"]["port"] == 1, "the file stays"


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("web.port=x", "web.port: 'x' is not allowed: a whole number (from --set)"),
        ("web.prot=1", "web.prot: unknown key; did you mean port? allowed here: "),
        ("web.port=x", "web.port: 'x' is not allowed"),
        ("web.port.deep=1", "web.port.deep: web.port is no table (from --set)"),
        ("switch.domains[3].name=x", "switch.domains[3].name: switch.domains has the items 1 to 2"),
        ("switch.domains[0].name=x", "switch.domains[0].name: items of a list count from 1"),
        ("e1[1].mode=dte", "e1[1].mode: e1 has no items"),
        ("switch.domains.x=1", "switch.domains.x: switch.domains has the items 1 to 2"),
    ],
)
def test_a_value_for_a_key_that_is_not_there_is_refused(file: Path, word: str, says: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_lab(file, [word])
    assert says in str(error.value)


def test_digits_are_a_text_where_a_text_is_needed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SORM_MEDIATOR__PASSWORD", "654321")
    monkeypatch.setenv("SORM_SWITCH__DOMAINS__1__PASSWORD", "5")
    loaded, _ = load_lab(file, ["mediator.order=70"])
    assert loaded.mediator.password.get_secret_value() == "654321"
    assert loaded.mediator.order == "70"
    assert loaded.switch is not None
    assert loaded.switch.domains[0].password.get_secret_value() == "5"


@pytest.mark.parametrize("word", ["web", "port=1", "=1", "web.=1"])
def test_set_needs_a_whole_key(file: Path, word: str) -> None:
    done = run("lab", str(file), "--set", word)
    assert done.returncode == 2
    assert f"--set: {word!r} is not allowed: KEY=VALUE with the whole key" in done.stderr


def test_load_without_overrides_reads_the_file_alone(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SORM_WEB__PORT", "2")
    assert config.load(file).web.port == 1


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("654321", "654321"),
        ("1e5.00", "1e5.00"),
        ("0x1234", "0x1234"),
        ("000001", "000001"),
        ('"654321"', "654321"),
    ],
)
def test_the_type_of_the_key_decides_what_a_value_is(
    file: Path, text: str, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SORM_MEDIATOR__PASSWORD", text)
    loaded, _ = load_lab(file, ["switch.domains[1].b_digits_mode=route"])
    assert loaded.mediator.password.get_secret_value() == password


def test_what_may_be_a_number_or_a_word_is_the_one_that_it_looks_like(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SORM_RADIUS__CLIENTS", '{"10.0.0.1" = "123456789"}')
    keys = ("switch.licence.subscribers", "switch.licence.expires", "mediator.options.message_non_delivery")
    given = [f"{key}={text}" for key, text in zip(keys, ("7", "2031-01-02", "3"), strict=True)]
    loaded, _ = load_lab(file, [*given, "console.host=localhost"])
    assert loaded.switch is not None
    assert loaded.switch.licence.subscribers == 7
    assert str(loaded.switch.licence.expires) == "2031-01-02"
    assert loaded.mediator.options.message_non_delivery == 3
    assert loaded.radius.clients["10.0.0.1"].get_secret_value() == "123456789"
    loaded, _ = load_lab(file, ["switch.licence.subscribers=infinity"])
    assert loaded.switch is not None
    assert loaded.switch.licence.subscribers == "infinity"


def test_an_error_names_the_variable(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SORM_WEB__PORT", "x")
    monkeypatch.setenv("SORM_WBE__PORT", "1")
    monkeypatch.setenv("SORM_SWITCH__DOMAINS__2__NAME", "a b")
    with pytest.raises(ConfigError) as error:
        load_lab(file, ["web.host=a b"])
    lines = str(error.value).splitlines()
    assert "web.port: 'x' is not allowed: a whole number (from SORM_WEB__PORT)" in lines
    assert any(line.startswith("wbe: unknown key; did you mean web?") for line in lines)
    assert any(line.endswith("(from SORM_SWITCH__DOMAINS__2__NAME)") for line in lines)
    assert any(line.startswith("web.host: ") and line.endswith("(from --set)") for line in lines)


@pytest.mark.parametrize(
    ("word", "secret", "remedy"),
    [
        (
            "web.token=hush",
            "web.token",
            "set SORM_WEB__TOKEN in the environment, or SORM_WEB__TOKEN_FILE to a file",
        ),
        (
            "switch.domains[2].password=hush",
            "switch.domains[2].password",
            "set SORM_SWITCH__DOMAINS__2__PASSWORD in",
        ),
        ('radius.clients."10.0.0.1"=hush', 'radius.clients."10.0.0.1"', "put it into the lab file"),
        (
            'switch.domains[1]={name="c", password="hush"}',
            "switch.domains[1].password",
            "set SORM_SWITCH__DOMAINS__1_",
        ),
    ],
)
def test_a_secret_is_not_taken_from_a_command_line(file: Path, word: str, secret: str, remedy: str) -> None:
    done = run("lab", str(file), "--set", word)
    assert done.returncode == 2
    assert done.stderr.startswith(f"sorm-mediator: {secret}: a secret is not taken from a command line")
    assert remedy in done.stderr
    assert "hush" not in done.stderr
    load_lab(file, ["web.token="])  # no secret


def test_a_value_comes_from_the_file_that_a_variable_names(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "token"
    secret.write_text("true\n")
    secret.chmod(0o600)
    monkeypatch.setenv("SORM_WEB__TOKEN_FILE", str(secret))
    monkeypatch.setenv("SORM_SWITCH__HOST_KEY_FILE", "a-key")  # a key of its own
    loaded, _ = load_lab(file, [])
    assert loaded.web.token.get_secret_value() == "true"
    assert loaded.switch is not None
    assert loaded.switch.host_key_file == "a-key"
    assert loaded.doubts == ()
    secret.chmod(0o644)
    (doubt,) = load_lab(file, [])[0].doubts
    assert (
        doubt
        == f"SORM_WEB__TOKEN_FILE: {secret} has the mode 0644, so others read the secret: chmod 600 {secret}"
    )
    monkeypatch.setenv("SORM_WEB__TOKEN", "x")
    with pytest.raises(ConfigError, match="give SORM_WEB__TOKEN_FILE or SORM_WEB__TOKEN, not both"):
        load_lab(file, [])
    monkeypatch.delenv("SORM_WEB__TOKEN")
    secret.unlink()
    with pytest.raises(ConfigError, match=r"web\.token: .* can't be read: .* \(from SORM_WEB__TOKEN_FILE\)"):
        load_lab(file, [])


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SORM_WEB_PORT", "SORM_WEB__PORT"),
        ("SORM_WEB_PROT", "SORM_WEB__PROT"),
        ("SORM_WEB_TOKEN_FILE", "SORM_WEB__TOKEN_FILE"),
        ("SORM_MEDIATOR_OPTIONS_CALL_EXPIRY", "SORM_MEDIATOR__OPTIONS__CALL_EXPIRY"),
        ("SORM_SWITCH_DOMAINS_1_PASSWORD", "SORM_SWITCH__DOMAINS__1__PASSWORD"),
        ("SORM_TEST_PASSWORD", ""),
        ("SORM_WEB__PORT", ""),
    ],
)
def test_a_variable_with_one_underscore_between_table_and_key_is_told(name: str, meant: str) -> None:
    found = list(doubtful({name: "1"}))
    assert [line.partition("?")[0] for line in found] == (
        [f"{name}: has no effect; did you mean {meant}"] if meant else []
    )


def test_a_misspelt_variable_is_a_warning_of_the_check(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SORM_WEB_PORT", "8081")
    done = run("config", "check", str(file))
    assert "warning: SORM_WEB_PORT: has no effect; did you mean SORM_WEB__PORT?" in done.stdout + done.stderr


def test_config_show_prints_paths_that_set_accepts() -> None:
    for lab in sorted(labs().glob("[lm]*.toml")):
        rows = json.loads(run("config", "show", str(lab), "--json").stdout)
        for row in rows:
            if row["key"].startswith("mediator.limits."):
                continue  # derived
            (given,) = of_options([f"{row['key']}="])
            assert shown(given.path) == row["key"]


TAKING_A_LAB = [
    ["send", "-c", "{file}", "start"],
    ["watch", "-c", "{file}"],
    ["console", "-c", "{file}"],
    ["replay", "{scenario}", "-c", "{file}"],
    ["replay", "{scenario}", "-c", "{file}", "--host", "127.0.0.1"],
    ["config", "check", "{file}"],
    ["config", "show", "{file}"],
    ["trace", "-c", "{file}", "cgpn.digits=1", "cdpn.digits=2"],
    ["acceptance", "-c", "{file}"],
    ["conformance", "-c", "{file}"],
    ["journal", "verify", "-c", "{file}"],
    ["gateway", "-c", "{file}"],
    ["gateway", "{file}"],
    ["switch", "-c", "{file}"],
    ["switch", "{file}"],
    ["lab", "{file}"],
]


@pytest.mark.parametrize("arguments", TAKING_A_LAB, ids=" ".join)
def test_every_command_with_a_lab_file_reads_the_environment(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    scenario = tmp_path / "s.yaml"
    scenario.write_text("name: s\nsteps: [{send: start}]\n")
    monkeypatch.setenv("SORM_CONSOLE__KPD1_PORT", "70000")
    done = run(*(word.format(file=file, scenario=scenario) for word in arguments))
    assert done.returncode == 2
    assert "console.kpd1_port: 70000 is not allowed: at most 65535" in done.stdout + done.stderr


def test_the_lab_of_init_is_of_its_owner_alone(tmp_path: Path) -> None:
    assert run("init", str(tmp_path / "lab")).returncode == 0
    assert (tmp_path / "lab" / "lab.toml").stat().st_mode & 0o777 == 0o600


def test_what_a_lab_shows_is_a_whole_sentence() -> None:
    rows = {Path(row["file"]).name: row["shows"] for row in json.loads(run("examples", "--json").stdout)}
    assert rows["e1.toml"].endswith(" and the speech of controlled calls in the others.")
    labs = {name: shows for name, shows in rows.items() if name.endswith(".toml")}
    assert {shows[-1] for shows in labs.values()} <= {".", ":"}
    assert not [shows for shows in labs.values() if ". " in shows or "sorm-mediator" in shows]
