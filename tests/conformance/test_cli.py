"""``sorm-mediator conformance``: exit codes, reports, and what stands on stdout."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import typer
from typer.testing import CliRunner, Result

from protocol import Stop
from protocol.language import translate
from sorm_mediator.cli.runs import conformance
from sorm_mediator.conformance.checks import all_checks, chosen
from sorm_mediator.conformance.report import Showing
from sorm_mediator.conformance.session import ConformanceSettings, _lab, examine
from sorm_mediator.lab.lab import Lab, on_free_ports
from tests.conformance.conftest import LAB, port
from tests.conformance.spoiler import Spoiler, rewritten
from tests.conformance.test_leaving import in_use, is_stopped
from tests.conformance.test_spoilt_options import lab_file

KEYS = {"id", "clause", "title", "verdict", "sent", "expected", "came", "ms"}


def run(*arguments: Any, **environment: str) -> Result:
    app = typer.Typer()
    app.command()(conformance)
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env=environment)


def test_a_mediator_that_conforms_exits_with_0_and_writes_every_report(tmp_path: Path) -> None:
    html, json_file, xml = tmp_path / "r.html", tmp_path / "r.json", tmp_path / "r.xml"
    clauses = "6.1.4,6.5.3,1.4.1-1,10.2.1.7-2"
    result = run("-c", LAB, "--clauses", clauses, "--report", html, "--json", json_file, "--junit", xml)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == "PASS: 3 passed, 0 failed, 0 deviations, 1 not tested"

    document = json.loads(json_file.read_text(encoding="utf-8"))
    assert set(document) == {"mediator", "profile", "checks"}
    assert document["profile"] == "order"
    assert document["mediator"]["version"]
    assert [one["id"] for one in document["checks"]] == ["1.4.1-1", "6.1.4-1", "6.5.3-1", "10.2.1.7-2"]
    assert all(set(one) - {"why", "option", "note"} == KEYS for one in document["checks"])
    assert document["checks"][0]["why"] == "the console is not connected over E1"
    start = document["checks"][1]
    assert start["verdict"] == "PASS"
    assert start["expected"] == "command 1: 27h/00h, then 28h/07h"
    assert start["sent"][0]["hex"] == "CC 01 01 00 ** ** ** ** ** **"
    assert start["came"][0]["meaning"][0].startswith("command-received")
    assert start["ms"] > 0

    suites = ET.parse(xml).getroot()  # noqa: S314 - our own file
    assert (suites.get("tests"), suites.get("failures"), suites.get("skipped")) == ("4", "0", "1")

    page = html.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert not re.search(r"(src|href)=\"(?!#)", page), "it fetches nothing"
    assert "123456" not in page
    for text in ("6.5.3-1", "Appendix 6. Commands", "27h/00h, then 28h/07h", document["mediator"]["version"]):
        assert text in page


def test_one_that_does_not_exits_with_1_and_says_what_came(tmp_path: Path) -> None:
    lab = lab_file(tmp_path, unauthorized_access_place="before_28h")
    result = run("-c", lab, "--clauses", "7.6", "--report", tmp_path / "r.html")
    assert result.exit_code == 1
    assert "7.6-3  message 6 follows message 8" in result.stdout
    assert "26h came before 28h" in result.stdout
    assert result.stdout.splitlines()[-1] == "FAIL: 2 passed, 1 failed, 0 deviations, 0 not tested"
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert page.count("<details open>") == 1, "what passed stays folded, also on paper"
    assert page.count("<details>") == 2
    assert page.index("26h came before 28h") < page.index("Signatures") < page.index("<details open>")
    for label in ("For the operator", "For the control post", "Name", "Post", "Date"):
        assert f">{label}</th>" in page


def test_a_deviation_names_its_option_and_does_not_fail(tmp_path: Path) -> None:
    lab, file = lab_file(tmp_path, "eltex"), tmp_path / "r.json"
    result = run("-c", lab, "--profile", "eltex", "--clauses", "6.5.6-1", "--json", file)
    assert result.exit_code == 0
    (check,) = json.loads(file.read_text(encoding="utf-8"))["checks"]
    assert (check["verdict"], check["option"]) == ("DEVIATION", "same_number_again")


def test_the_labs_own_profile_is_the_one_examined_unless_another_is_told(tmp_path: Path) -> None:
    lab = lab_file(tmp_path, "eltex")
    result = run("-c", lab, "--clauses", "6.5.6-1")
    assert result.stdout.splitlines()[0].endswith(": profile eltex (the lab's own)")
    assert result.stdout.splitlines()[-1] == "PASS: 0 passed, 0 failed, 1 deviation, 0 not tested"
    result = run("-c", lab, "--clauses", "6.5.6-1", "--profile", "order")
    assert result.stdout.splitlines()[0].endswith(": profile order")
    assert result.exit_code == 1


def test_when_nothing_was_tested_the_exit_code_and_the_last_line_say_so() -> None:
    result = run("-c", LAB, "--clauses", "1.4.1-1")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == "nothing was tested: every reason is given above"


async def test_on_a_terminal_each_result_is_shown_once_as_it_comes() -> None:
    lines: list[str] = []
    settings = ConformanceSettings(config=LAB, clauses=("6.1.4", "6.5.3", "8.2.1.1"), timing="report")
    showing = Showing(lines.append, settings.checks, "en", live=True)
    report = await examine(settings, begun=showing.begin, seen=showing.seen)
    shown = [line.split()[1] for line in lines if line.startswith("  PASS")]
    assert shown == ["6.1.4-1", "6.5.3-1", "8.2.1.1-1"]
    showing.finish(report)
    assert lines[-1] == "PASS: 3 passed, 0 failed, 0 deviations, 0 not tested\n"
    assert len([line for line in lines if line.startswith("  PASS")]) == 3


def test_json_on_stdout_is_the_only_thing_there() -> None:
    result = run("-c", LAB, "--clauses", "6.1.4", "--json", "-")
    assert json.loads(result.stdout)["checks"][0]["id"] == "6.1.4-1"


def test_in_russian(tmp_path: Path) -> None:
    page = tmp_path / "r.html"
    result = run("-c", LAB, "--clauses", "6.1.4,10.2.1.6-1", "--lang", "ru", "--report", page)
    assert re.search(r"СООТВЕТСТВУЕТ +6\.1\.4-1", result.stdout)
    text = page.read_text(encoding="utf-8")
    for word in (
        "Соответствие приказу",
        "Приложение 6.",
        "команда 1: 27h/00h, затем 28h/07h",
        "признак отбора",
        "послано, КПД1",
        "приказ (order)",
        "оцениваются",
        "эмулятор коммутатора, по HTTP",
        "абоненты: 28331",
        "От оператора связи",
    ):
        assert word in text
    assert 'lang="ru"' in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "--host of a running mediator, or a lab with -c"),
        (("-c", LAB, "--profile", "strict"), "--profile: 'strict' is not allowed: order, eltex"),
        (("-c", LAB, "--clauses", ""), "--clauses: '' is not allowed"),
        (("-c", LAB, "--clauses", "6.99"), "--clauses: 6.99 is not a clause"),
        (("-c", LAB, "--calls", "phone"), "--calls: 'phone' is not allowed: http, hook:COMMAND, ask, none"),
        (("-c", LAB, "--calls", "hook:dial {x}"), "{x} is not known"),
        (("--host", "127.0.0.1", "--calls", "http"), "--web: is needed"),
        (("-c", LAB, "--trunk", "two"), "--trunk: 'two' is not allowed"),
        (("-c", LAB, "--own", "28331,abc"), "--own: 'abc' is not allowed"),
        (("-c", LAB, "--report", "/no/such/folder/r.html"), "--report: /no/such/folder/r.html: its folder"),
        (("-c", "/no/such/lab.toml"), "/no/such/lab.toml: can't be read"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments: tuple[Any, ...], told: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


def test_nobody_at_the_address_is_exit_code_3() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        result = run("--host", "127.0.0.1", "--kpd1", unused.getsockname()[1], "--clauses", "6.1.4")
    assert result.exit_code == 3
    assert "can't be reached" in result.stderr


async def command_line(lab: Lab, *arguments: str, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sorm_mediator", "conformance", "--host", "127.0.0.1",
        "--kpd1", str(port(lab, "kpd1")), "--kpd2", str(port(lab, "kpd2")), *arguments,
        env={**os.environ, **environment}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def test_sigterm_puts_everything_back(tmp_path: Path) -> None:
    async with Lab(on_free_ports(_lab(ConformanceSettings(config=LAB))), name="order268") as lab:
        process = await command_line(lab, "--web", lab.web_url, "-c", str(LAB), "--clauses", "6.4,6.5,6.7,11.3",
                                     "--report", str(tmp_path / "r.html"))  # fmt: skip
        while not await _begun(lab):
            pass
        process.send_signal(signal.SIGTERM)
        out, errors = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == 130, errors
        assert b"interrupted" in errors
        assert re.search(rb"^[0-9]+ more: interrupted\n[A-Z ]+: [0-9]+ passed, 0 failed", out, re.M), out
        assert "interrupted" in (tmp_path / "r.html").read_text(encoding="utf-8")
        assert await is_stopped(lab)


async def test_sigterm_says_what_could_not_be_put_back() -> None:
    deaf_to_stop = rewritten(Stop, orm_number=9)
    async with (
        Lab(on_free_ports(_lab(ConformanceSettings(config=LAB))), name="order268") as lab,
        Spoiler("127.0.0.1", port(lab, "kpd1"), port(lab, "kpd2"), deaf_to_stop) as spoiler,
    ):
        ports = [f"--{name}={number}" for name, number in spoiler.ports.items()]
        process = await command_line(lab, *ports, "-c", str(LAB), "--clauses", "6.4,6.5,6.7")
        while not await _begun(lab):
            pass
        process.send_signal(signal.SIGTERM)
        out, errors = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 130, errors
    assert errors == b"sorm-mediator: interrupted\n"
    assert b"it is still started" in out


async def _begun(lab: Lab) -> bool:
    from sorm_mediator.console.target import WebApi

    async with WebApi(lab.web_url) as web:
        _, status = await web.request("GET", "status")
        return bool(status["state"] == "started")


async def test_the_password_is_read_from_the_environment_never_from_the_command_line() -> None:
    async with Lab(on_free_ports(_lab(ConformanceSettings(config=LAB))), name="order268") as lab:
        await in_use(lab)
        arguments = ("--clauses", "6.1.4,6.3.3", "--json", "-", "--own", "28331")
        process = await command_line(lab, *arguments, SORM_PASSWORD="271828")
        out, errors = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == 0, errors
        assert {one["verdict"] for one in json.loads(out)["checks"]} == {"PASS"}
        assert b"271828" not in out
        process = await command_line(lab, *arguments)
        _, errors = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == 2
        assert b"--password-env" in errors


def test_the_checks_are_declared_well() -> None:
    checks = all_checks()
    assert [one for one in checks if translate(one.title, "ru") == str(one.title)] == []
    assert {one.id for one in chosen(("6.5",))} >= {"6.5.3-1", "6.5.6-1"}
    assert {one.clause for one in chosen(("7.1",))} == {"7.1"}
    with pytest.raises(ValueError, match=r"6\.99"):
        chosen(("6.99",))


def test_the_examiner_knows_nothing_of_the_inside_of_the_mediator() -> None:
    folder = Path(sys.modules["sorm_mediator.conformance"].__path__[0])
    for file in folder.rglob("*.py"):
        assert "sorm_mediator.mediator" not in file.read_text(encoding="utf-8"), file
