"""``sorm-mediator replay``: exit codes, reports, and what stands on stdout."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import typer
from typer.testing import CliRunner, Result

import captures
from sorm_mediator.capture.events import Data
from sorm_mediator.capture.reader import read_input
from sorm_mediator.cli.runs import replay

FOLDER = Path(captures.__path__[0])
PASSES = """
name: a short one
lab: labs/order268.toml
steps:
  - send: start
    expect: [{command-received: {status: 0}}, {command-executed: {status: 0}}]
  - call: {domain: test.domain, a: "28331", b: "28332", talk: 0.01}
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "short.yaml"
    path.write_text(PASSES, encoding="utf-8")
    return path


def run(*arguments: Any) -> Result:
    app = typer.Typer()
    app.command()(replay)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_scenario_that_passes_exits_with_0_and_writes_its_reports(scenario: Path, tmp_path: Path) -> None:
    result = run(scenario, "--junit", tmp_path / "r.xml", "--pcap", tmp_path / "r.pcapng")
    assert result.exit_code == 0, result.output
    assert "-> KPD1  CC 01 01 00 ** ** ** ** ** **" in result.output
    assert "PASS  a short one" in result.output
    suites = ET.parse(tmp_path / "r.xml").getroot()  # noqa: S314 - our own file
    assert suites.get("tests") == "1"
    assert suites.get("failures") == "0"
    with (tmp_path / "r.pcapng").open("rb") as stream:
        octets = b"".join(event.data for event in read_input(stream) if isinstance(event, Data))
    for unit in ("CC010100313233343536", "CC01270201000100FF020100", "CC01280201000100FF020100"):
        assert bytes.fromhex(unit) in octets


def test_a_failed_expectation_exits_with_1(scenario: Path) -> None:
    scenario.write_text(PASSES.replace("{command-executed: {status: 0}}", "{command-executed: {status: 3}}"))
    result = run(scenario)
    assert result.exit_code == 1
    assert "status: expected 3 (03h: not done: wrong password), came 0 (00h: done)" in result.output


def test_russian(scenario: Path) -> None:
    result = run(scenario, "--lang", "ru")
    assert result.exit_code == 0
    assert "ВЫПОЛНЕН" in result.output


def test_json_is_one_object_a_line_and_nothing_else(scenario: Path) -> None:
    result = run(scenario, "--json")
    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    first = next(line for line in lines if line["event"] == "crossed" and line["direction"] == "sent")
    assert first["hex"] == "CC 01 01 00 31 32 33 34 35 36"
    assert first["name"] == "start"
    answer = next(line for line in lines if line.get("name") == "command-executed")
    assert answer["fields"]["status"] == 0
    assert lines[-1]["event"] == "summary"
    assert lines[-1]["scripts"][0]["verdict"] == "PASS"


def test_a_mistake_in_a_scenario_exits_with_2_and_names_its_place(scenario: Path) -> None:
    scenario.write_text("name: a\nsteps:\n  - send: begin\n")
    result = run(scenario)
    assert result.exit_code == 2
    assert f"{scenario}:3: steps[1].send: 'begin' is not a name of a command" in result.output


def test_a_change_of_the_lab_that_is_not_allowed_exits_with_2(scenario: Path) -> None:
    scenario.write_text(PASSES + "config: {mediator: {order: 645}}\n")
    result = run(scenario)
    assert result.exit_code == 2
    assert "short.yaml:8: config on" in result.output
    assert "mediator.order" in result.output


def test_without_its_web_a_lab_can_make_no_calls_and_nothing_is_begun(scenario: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("name: other\nsteps: [{send: start}]\n")
    result = run(other, scenario, "--host", "192.0.2.1")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"sorm-mediator: {scenario}:7: steps[2]: "
        "call: needs a switch: give --web URL, or lab: in the scenario and no --host\n"
    )


@pytest.mark.parametrize("name", ["missing.yaml", "missing.json"])
def test_a_missing_script_is_named_once_and_leaves_stdout_empty(tmp_path: Path, name: str) -> None:
    result = run(tmp_path / name, "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"sorm-mediator: {tmp_path / name}: can't be read: No such file or directory\n"


@pytest.mark.parametrize("more", [[], ["--json"]], ids=["text", "json"])
def test_when_its_reader_goes_it_ends_quietly(scenario: Path, more: list[str]) -> None:
    command = [sys.executable, "-m", "sorm_mediator", "replay", str(scenario), *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as replaying:
        assert replaying.stdout is not None
        assert replaying.stderr is not None
        replaying.stdout.readline()
        replaying.stdout.close()
        assert (replaying.wait(30), replaying.stderr.read()) == (141, b"")


def test_a_full_disk_ends_it_with_one_line(scenario: Path) -> None:
    command = [sys.executable, "-m", "sorm_mediator", "replay", str(scenario)]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    told = "sorm-mediator: standard output: can't be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (2, told)


def test_no_lab_and_no_host_exits_with_2(scenario: Path) -> None:
    scenario.write_text("name: a\nsteps: [{send: start}]\n")
    result = run(scenario)
    assert result.exit_code == 2
    assert "does not name a lab; give --host of a running mediator, or a lab with -c" in result.output


def test_a_mediator_that_is_not_there_exits_with_3(scenario: Path, unused_tcp_port: int) -> None:
    scenario.write_text("name: a\nsteps: [{send: start}]\n")
    result = run(scenario, "--host", "127.0.0.1", "--kpd1", unused_tcp_port, "--kpd2", unused_tcp_port)
    assert result.exit_code == 3
    assert f"127.0.0.1:{unused_tcp_port}: KPD2 can't be reached: " in result.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--lang", "de"), "--lang: 'de' is not allowed: en, ru"),
        (("--object-byte-order", "middle"), "--object-byte-order: 'middle' is not allowed: little, big"),
        (("--web", "ftp://127.0.0.1"), "--web: 'ftp://127.0.0.1' is not allowed: "),
        (("--junit", "/nowhere/r.xml"), "--junit: /nowhere/r.xml: its folder does not exist"),
    ],
)
def test_wrong_usage_exits_with_2(scenario: Path, arguments: tuple[str, ...], says: str) -> None:
    result = run(scenario, *arguments)
    assert result.exit_code == 2
    assert says in result.output


def test_against_a_running_lab_calls_are_made_by_its_web(scenario: Path) -> None:
    command = [sys.executable, "-m", "sorm_mediator", "lab", "-c", str(FOLDER / "labs" / "minimal.toml")]
    with subprocess.Popen([*command, "--log-level", "error"], stdout=subprocess.PIPE, text=True) as lab:
        assert lab.stdout is not None
        try:
            endpoints = json.loads(lab.stdout.readline())["endpoints"]
            ports = {name: endpoints[name].rpartition(":")[2] for name in ("kpd1", "kpd2")}
            where = ("--host", "127.0.0.1", "--kpd1", ports["kpd1"], "--kpd2", ports["kpd2"])
            result = run(scenario, *where, "--web", f"http://{endpoints['web']}")
        finally:
            lab.terminate()
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_runs_finally_and_writes_the_reports(number: signal.Signals, tmp_path: Path) -> None:
    long, never = tmp_path / "long.yaml", tmp_path / "never.yaml"
    long.write_text(
        "name: a long one\nlab: labs/order268.toml\n"
        "steps:\n  - send: start\n  - {events: [release], within: 60}\n  - send: get-version\n"
        "finally:\n  - send: stop\n",
        encoding="utf-8",
    )
    never.write_text(PASSES, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "-m", "sorm_mediator", "replay", str(long), str(never), "--junit", str(tmp_path / "r.xml")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if line.strip().startswith("2 "):
                process.send_signal(number)
                break
        rest = process.stdout.read()
        assert process.stderr.read() == "sorm-mediator: interrupted\n"
    assert process.returncode == 130, rest
    assert "finally.1" in rest
    assert f"interrupted in step 2, {long}:5" in rest
    assert rest.count("PASS") == 1  # the stop of finally
    cases = ET.parse(tmp_path / "r.xml").getroot().iter("error")  # noqa: S314 - our own file
    assert [case.get("message") for case in cases] == [
        f"interrupted in step 2, {long}:5",
        "interrupted before it began",
    ]


def test_a_broken_script_of_a_folder_does_not_keep_the_others_from_running(
    scenario: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.yaml").write_text("name: broken\nsteps:\n  - sned: start\n", "utf-8")
    result = run("-q", tmp_path, "--junit", "r.xml", "--report", "r.html", "--repeat", "2")
    assert result.exit_code == 2
    assert "PASS  a short one, run 2 of 2" in result.output
    cases = {case.get("name"): case for case in ET.parse("r.xml").getroot().iter("testcase")}  # noqa: S314
    assert set(cases) == {"broken", "a short one, run 1 of 2", "a short one, run 2 of 2"}
    assert "sned: unknown key" in str(cases["broken"].find("error").get("message"))  # type: ignore[union-attr]
    assert {case.get("file") for case in cases.values()} == {"broken.yaml", "short.yaml"}
    assert "sned: unknown key" in (tmp_path / "r.html").read_text("utf-8")


def test_check_reads_the_labs_and_writes_its_report(
    scenario: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad.toml").write_text("[consol]\n", "utf-8")
    (tmp_path / "other.yaml").write_text(PASSES.replace("labs/order268.toml", "bad.toml"), "utf-8")
    result = run("--check", tmp_path, "--junit", tmp_path / "r.xml")
    assert result.exit_code == 2
    assert "bad.toml:1: consol: unknown key" in result.output
    suites = ET.parse(tmp_path / "r.xml").getroot()  # noqa: S314
    assert (suites.get("tests"), suites.get("errors")) == ("2", "1")


def test_what_did_not_come_and_what_broke_a_silence_are_in_the_summary(
    scenario: Path, tmp_path: Path
) -> None:
    scenario.write_text(
        PASSES.replace(
            "talk: 0.01}", "talk: 0.01}\n    events: [{release: {operation: 5}}]\n    within: 0.05"
        ),
        "utf-8",
    )
    nothing = run("-q", scenario, "--junit", tmp_path / "r.xml")
    told = "expected release {operation: 5 (05h)}: nothing that fits came within 0.05 s"
    assert told in nothing.output
    assert told in (tmp_path / "r.xml").read_text("utf-8")
    scenario.write_text(
        PASSES.rpartition("  - call")[0] + "  - raw: CC 01 02 00 31 32 33 34 35 36\n    silence: 5\n", "utf-8"
    )
    broken = run("-q", scenario)
    assert re.search(r"expected nothing on KPD1, KPD2 for 5 s: \d+ came, the first: [a-z]", broken.output)


def test_a_capture_whose_reader_has_gone_ends_the_run_without_a_verdict(scenario: Path) -> None:
    command = [sys.executable, "-m", "sorm_mediator", "replay", str(scenario), "--pcap", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        told = process.stderr.read()
    assert process.returncode == 141
    assert b"FAIL" not in told
