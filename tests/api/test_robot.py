"""The Robot Framework library: a real suite is run, and its keywords are documented."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from robot.api import ExecutionResult

from sorm_mediator.api import lab

SUITE = Path(__file__).parent / "a_call.robot"


def test_a_suite_drives_a_lab_and_a_failure_shows_octets_and_meaning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "robot", "--outputdir", str(tmp_path), str(SUITE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    suite = ExecutionResult(str(tmp_path / "output.xml")).suite
    assert done.returncode == 1, done.stdout + done.stderr
    call, asked, failed = suite.tests
    assert (call.status, call.message) == ("PASS", "")
    assert (asked.status, asked.message) == ("PASS", "")
    assert failed.status == "FAIL"
    lines = failed.message.splitlines()
    assert lines[0] == f"step 15, {os.path.relpath(SUITE)}:28: send add-object"
    assert lines[3].startswith("  status: expected 0 (00h: accepted), came 23 (17h: command not accepted")
    assert "-> KPD1  CC 01 05 13 ** ** ** ** ** ** 03 01" in failed.message
    assert "object number  259" in failed.message


def test_a_mistake_in_a_keyword_names_what_is_allowed(tmp_path: Path) -> None:
    suite = tmp_path / "wrong.robot"
    suite.write_text(
        "*** Settings ***\nLibrary    sorm_mediator.robot\n*** Test Cases ***\n"
        "No Lab\n    Send Command    start\n"
        "No Field\n    Start Lab    labs/minimal.toml\n    Send Command    test    test_nummer=7\n"
        "No Request\n    Ask Lab    alarms\n"
        "No File\n    Start Lab    nowhere.toml\n"
    )
    command = [sys.executable, "-m", "robot", "--outputdir", str(tmp_path), str(suite)]
    subprocess.run(command, capture_output=True, check=False)
    messages = [one.message for one in ExecutionResult(str(tmp_path / "output.xml")).suite.tests]
    assert "Start Lab or Use Mediator comes first" in messages[0]
    assert "test: 'test_nummer' is no field of test; allowed: test_number" in messages[1]
    assert "'alarms' is not allowed: call, answer-call" in messages[2]
    assert "'nowhere.toml' is not found" in messages[3]


def test_a_mediator_is_named_as_its_ready_line_does(tmp_path: Path) -> None:
    suite = tmp_path / "running.robot"
    with lab("labs/minimal.toml") as own:
        kpd1, kpd2 = own.endpoints["kpd1"], own.endpoints["kpd2"]
        suite.write_text(
            "*** Settings ***\nLibrary    sorm_mediator.robot\n*** Test Cases ***\n"
            f"Whole\n    Use Mediator    kpd1={kpd1}    kpd2={kpd2}    file=labs/minimal.toml\n"
            "    Send Command    start\n"
            "    ${ends}=    Get Endpoints\n"
            f"    Should Be Equal    ${{ends}}[kpd1]    {kpd1}\n"
            f"Ports\n    Use Mediator    kpd1={kpd1.rpartition(':')[2]}    kpd2={kpd2.rpartition(':')[2]}\n"
            "    Send Command    get-version\n"
        )
        command = [sys.executable, "-m", "robot", "--outputdir", str(tmp_path), str(suite)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_keyword_is_documented(tmp_path: Path) -> None:
    page = tmp_path / "keywords.json"
    command = [sys.executable, "-m", "robot.libdoc", "sorm_mediator.robot", str(page)]
    subprocess.run(command, capture_output=True, check=True)
    document = json.loads(page.read_text())
    keywords = {one["name"]: one["shortdoc"] for one in document["keywords"]}
    assert {"Start Lab", "Send Command", "Expect Event", "Make Call", "Release Call"} <= keywords.keys()
    assert all(keywords.values()), keywords
    assert document["scope"] == "SUITE"
