"""``sorm-mediator acceptance``: exit codes, reports, and what stands on stdout."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest
import typer
from typer.testing import CliRunner, Result

import captures
from sorm_mediator.acceptance.session import AcceptanceSettings, carry_out
from sorm_mediator.cli.app import app
from sorm_mediator.cli.runs import acceptance
from sorm_mediator.config import load
from sorm_mediator.lab.lab import Lab

LABS = Path(captures.__path__[0]) / "labs"
PASSING = LABS / "acceptance.toml"


def run(*arguments: Any) -> Result:
    app = typer.Typer()
    app.command()(acceptance)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def failing(tmp_path: Path) -> Path:
    """The smallest lab, with the prefix 7 agreed where its routing makes 8."""
    text = (LABS / "minimal.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text)["acceptance"]["formats"]["intercity"]["prefix"] == "8"
    path = tmp_path / "failing.toml"
    changed = text.replace('prefix = "8"', 'prefix = "7"').replace('"routing/', f'"{LABS}/routing/')
    path.write_text(changed, encoding="utf-8")
    return path


def test_a_node_that_keeps_what_was_agreed_exits_with_0_and_writes_every_report(tmp_path: Path) -> None:
    html, json_file, xml = tmp_path / "r.html", tmp_path / "r.json", tmp_path / "r.xml"
    result = run("-c", PASSING, "--report", html, "--json", json_file, "--junit", xml)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == "PASS: 23 passed, 0 failed, 9 not applicable"
    assert html.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert json.loads(json_file.read_text(encoding="utf-8"))["counts"]["pass"] == 23
    assert ET.parse(xml).getroot().get("failures") == "0"  # noqa: S314 - our own file


def test_one_that_does_not_exits_with_1_and_names_the_rule(failing: Path) -> None:
    result = run("-c", failing, "--only", "intercity")
    assert result.exit_code == 1
    assert "no event came; under control is 79001758964" in result.stdout
    assert "-> called number 89001758964 (intercity) in test.domain: made by the rules to_8" in result.stdout
    assert result.stdout.splitlines()[-1] == "FAIL: 0 passed, 3 failed, 1 not applicable"


def test_json_on_stdout_stands_alone(failing: Path) -> None:
    result = run("-c", failing, "--only", "emergency", "--json", "-")
    assert result.exit_code == 0
    shown = json.loads(result.stdout)
    assert {check["kind"] for check in shown["checks"]} == {"emergency"}
    assert list(shown["formats"]) == ["emergency"]


def test_russian(failing: Path) -> None:
    result = run("-c", failing, "--only", "intercity", "--lang", "ru")
    assert result.exit_code == 1
    assert "ни одно событие не пришло" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            ["--only", "zone"],
            "--only: 'zone' is not allowed: own, local, intercity, international, emergency",
        ),
        (["--lang", "de"], "--lang: 'de' is not allowed: en, ru"),
        (["--report", "/nowhere/r.html"], "--report: /nowhere/r.html: its folder does not exist"),
        (["--host", "127.0.0.1"], "--web: is needed with --host"),
        (["--web", "http://127.0.0.1:1"], "--host: is needed with --web"),
    ],
)
def test_a_mistake_on_the_command_line_exits_with_2(arguments: list[str], text: str) -> None:
    result = run("-c", PASSING, *arguments)
    assert result.exit_code == 2
    assert text in result.stderr


def test_a_mistake_in_the_lab_file_exits_with_2_and_names_file_and_key(tmp_path: Path) -> None:
    path = tmp_path / "lab.toml"
    path.write_text("[acceptance]\n", encoding="utf-8")
    result = run("-c", path)
    assert result.exit_code == 2
    assert f"{path}: switch: a [switch] table is needed" in result.stderr
    path.write_text(PASSING.read_text(encoding="utf-8").replace("second_trunk =", "gone ="), encoding="utf-8")
    for name in ("ctx_agreed_out.xml", "ctx_agreed_in.xml", "ctx_agreed_called.xml"):
        (tmp_path / "routing").mkdir(exist_ok=True)
        (tmp_path / "routing" / name).write_bytes((LABS / "routing" / name).read_bytes())
    told = f"{path}:64: acceptance.formats.intercity.operators.gone: 'gone' is not a trunk"
    result = run("-c", path)
    assert result.exit_code == 2
    assert told in result.stderr
    checked = CliRunner().invoke(app, ["config", "check", str(path)])
    assert checked.exit_code == 2
    assert told in checked.stderr


@pytest.mark.parametrize(
    ("given", "wrong", "text"),
    [
        (
            'subscriber = "73832728331"',
            'subscriber = "555"',
            "own.subscriber: 555 is not a subscriber of test.domain",
        ),
        ('partner = "73832728332"', 'partner = "666"', "own.partner: 666 is not a subscriber of test.domain"),
        (
            'partner = "73832728332"',
            'partner = "73832728331"',
            "own.partner: 73832728331 is the tested subscriber",
        ),
    ],
)
def test_a_tested_subscriber_who_is_not_there_is_a_mistake(
    tmp_path: Path, given: str, wrong: str, text: str
) -> None:
    path = tmp_path / "lab.toml"
    path.write_text(PASSING.read_text(encoding="utf-8").replace(given, wrong), encoding="utf-8")
    (tmp_path / "routing").symlink_to(LABS / "routing")
    for command in (["acceptance", "-c"], ["config", "check"]):
        result = CliRunner().invoke(app, [*command, str(path)])
        assert result.exit_code == 2
        assert text in result.stderr


def test_a_mediator_that_is_not_there_exits_with_3(unused_tcp_port: int) -> None:
    port = unused_tcp_port
    result = run(
        "-c",
        PASSING,
        "--host",
        "127.0.0.1",
        "--kpd1",
        port,
        "--kpd2",
        port,
        "--web",
        f"http://127.0.0.1:{port}",
    )
    assert result.exit_code == 3
    assert f"127.0.0.1:{port}: KPD2 can't be reached" in result.stderr


async def test_a_mediator_that_is_running_is_checked_over_its_ports_and_its_web() -> None:
    async with Lab(load(PASSING), name=str(PASSING)) as lab:
        host, _, kpd1 = lab.endpoints["kpd1"].rpartition(":")
        kpd2 = lab.endpoints["kpd2"].rpartition(":")[2]
        settings = AcceptanceSettings(
            config=PASSING, host=host, kpd1=int(kpd1), kpd2=int(kpd2), web=lab.web_url, only=("own",)
        )
        done = await carry_out(settings)
        assert lab.gateway is not None
    assert done.against == f"{host}:{kpd1}"
    assert str(done.verdict) == "PASS"
    assert len(done.outcomes) == 8


def test_a_mediator_that_its_switch_does_not_let_in_is_a_mistake_of_the_file_not_a_failed_node(
    tmp_path: Path,
) -> None:
    text = PASSING.read_text(encoding="utf-8").replace('"routing/', f'"{LABS}/routing/')
    file = tmp_path / "lab.toml"
    file.write_text(
        text.replace('name = "test.domain"', 'name = "test.domain"\nenabled = false'), encoding="utf-8"
    )
    result = run("-c", file)
    assert result.exit_code == 2
    assert (
        "ssh.user: the switch does not let 'test.domain' in: SORM is not enabled in the domain"
        in result.output
    )

    # What only the switch itself knows is asked of the lab that was started.
    licence = "[switch.licence]\nsorm_enabled = false\n\n[[switch.domains]]"
    file.write_text(text.replace("[[switch.domains]]", licence, 1), encoding="utf-8")
    result = run("-c", file)
    assert result.exit_code == 2
    assert "the mediator has no link to its switch: " in result.output
    assert "licence" in result.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_130_and_leaves_the_mediator_as_it_was(
    number: signal.Signals, tmp_path: Path
) -> None:
    lab = [sys.executable, "-m", "sorm_mediator", "lab", str(PASSING), "--auto-ports", "--log-level", "error"]
    with subprocess.Popen(lab, stdout=subprocess.PIPE, text=True) as box:
        assert box.stdout is not None
        endpoints = json.loads(box.stdout.readline())["endpoints"]
        web = f"http://{endpoints['web']}"
        command = [
            sys.executable, "-m", "sorm_mediator", "acceptance", "-c", str(PASSING), "--host", "127.0.0.1",
            "--kpd1", endpoints["kpd1"].rpartition(":")[2], "--kpd2", endpoints["kpd2"].rpartition(":")[2],
            "--web", web, "--report", str(tmp_path / "r.html"),
        ]  # fmt: skip
        try:
            with (
                httpx.Client(base_url=web, trust_env=False) as http,
                http.stream("GET", "/api/v1/events", timeout=60) as events,
                subprocess.Popen(
                    command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
                ) as process,
            ):
                for line in events.iter_lines():
                    if "number-received" in line:  # an object is under control, and its call goes on
                        process.send_signal(number)
                        break
                _, errors = process.communicate(timeout=60)
            objects = httpx.get(f"{web}/api/v1/objects", trust_env=False).json()
            state = httpx.get(f"{web}/api/v1/status", trust_env=False).json()["state"]
        finally:
            box.terminate()
    assert process.returncode == 130
    assert errors.endswith("sorm-mediator: interrupted; no report is written\n")
    assert not (tmp_path / "r.html").exists()
    assert (objects, state) == ([], "stopped")
