"""Who makes the calls: the emulated switch, a command of the user's, the operator."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sorm_mediator.conformance import calling, session
from sorm_mediator.conformance.calling import AskingCaller, Call, HookCaller
from sorm_mediator.conformance.report import Report
from sorm_mediator.conformance.session import ConformanceSettings, _lab, examine
from sorm_mediator.conformance.verdicts import NOT_TESTED, PASS, Untested
from sorm_mediator.console.errors import ConnectError
from sorm_mediator.console.target import WebApi
from sorm_mediator.lab.lab import Lab, on_free_ports
from tests.conformance.conftest import LAB, port

HOOK = """
import json, os, sys, urllib.request
call = json.loads(os.environ["SORM_CALL"])
assert [call["a"], call["b"], call["outcome"]] == sys.argv[2:5], sys.argv
body = {name: call[name] for name in ("a", "b", "outcome")} | {"ring": 0.01, "talk": 0.05}
request = urllib.request.Request(
    sys.argv[1] + "/api/v1/switch/domains/test.domain/calls", json.dumps(body).encode(),
    {"content-type": "application/json"})
urllib.request.urlopen(request)
"""


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    async with Lab(on_free_ports(_lab(ConformanceSettings(config=LAB))), name="order268") as running:
        yield running


async def examined(lab: Lab, calls: str, *clauses: str) -> Report:
    return await examine(
        ConformanceSettings(
            config=LAB,
            host="127.0.0.1",
            kpd1=port(lab, "kpd1"),
            kpd2=port(lab, "kpd2"),
            calls=calls,
            clauses=clauses,
            timing="report",
            quiet=0.1,
        )
    )


def verdicts(report: Report) -> list[Any]:
    return [result.verdict for result in report.results]


async def test_a_command_of_the_users_is_told_the_call(lab: Lab, tmp_path: Path) -> None:
    script = tmp_path / "hook.py"
    script.write_text(HOOK, encoding="utf-8")
    hook = f"hook:{sys.executable} {script} {lab.web_url} {{a}} {{b}} {{outcome}}"
    report = await examined(lab, hook, "11.3.5-3", "11.3.5-4", "10.2.1.7-2")
    assert verdicts(report) == [PASS] * 3
    assert [str(unit["meaning"]) for unit in _sent(report, "11.3.5-3") if not unit["hex"]] == [
        "['call 28331 -> 28332, B is busy']"
    ]


def _sent(report: Report, name: str) -> list[dict[str, Any]]:
    from sorm_mediator.conformance.report import document

    shown = next(one for one in document(report)["checks"] if one["id"] == name)
    return list(shown["sent"])


async def test_a_command_that_can_not_be_run_leaves_its_checks_untested(lab: Lab) -> None:
    report = await examined(lab, "hook:/no/such/command {a}", "11.3.5-3", "6.1.4")
    assert verdicts(report) == [PASS, NOT_TESTED]
    assert "/no/such/command" in report.results[1].why


async def test_without_anybody_to_make_calls_their_checks_are_not_tested(lab: Lab) -> None:
    report = await examined(lab, "none", "11.3.5", "6.1.4")
    assert verdicts(report) == [PASS] + [NOT_TESTED] * 5
    assert {result.why for result in report.results[1:]} == {"nobody makes calls: --calls"}


async def test_the_operator_is_asked_and_makes_the_call(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def operator(text: str, within: float) -> bool:
        asked.append(text)
        async with WebApi(lab.web_url) as web:
            body = {"a": "28331", "b": "28332", "outcome": "busy"}
            await web.make_call("test.domain", body)
        return True

    monkeypatch.setattr(session, "at_terminal", operator)
    report = await examined(lab, "ask", "11.3.5-3")
    assert verdicts(report) == [PASS]
    assert asked == [
        "call 28332 from 28331 now (B is busy; let it ring 4 s, talk until you are told to hang up)"
    ]


async def test_an_operator_who_does_not_answer_leaves_the_check_untested(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody(text: str, within: float) -> bool:
        return False

    monkeypatch.setattr(session, "at_terminal", nobody)
    report = await examined(lab, "ask", "11.3.5-3")
    assert verdicts(report) == [NOT_TESTED]
    assert report.results[0].why == "nobody made the call"


async def test_the_operator_is_asked_in_russian() -> None:
    asked: list[str] = []

    async def ask(text: str, within: float) -> bool:
        asked.append(text)
        return True

    caller = AskingCaller(ask, "ru")
    placed = await caller.place(Call(a="28331", b="28332", ring=4, talk=5))
    await caller.hang_up(placed)
    assert asked[0].startswith("наберите 28332 с 28331")
    assert asked[1] == "28331: положите трубку"


async def test_a_hook_that_still_runs_is_ended_and_one_that_fails_is_told(tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    program = f"import os,time;open({str(told)!r},'w').write(os.environ['SORM_CALL']);time.sleep(60)"
    caller = HookCaller(f'{sys.executable} -c "{program}"')
    running = await caller.place(Call(a="1", b="2", ring=1, talk=2, trunk=7))
    while not told.exists() or not told.read_text(encoding="utf-8"):
        await _turn()
    await caller.hang_up(running)
    assert running.returncode == -15
    document = json.loads(told.read_text(encoding="utf-8"))
    assert (document["a"], document["b"], document["from"], document["talk"]) == ("1", "2", "trunk:7", 2)

    failing = HookCaller(f'{sys.executable} -c "raise SystemExit(3)"')
    over = await failing.place(Call(a="1", b="2", ring=1, talk=2))
    await over.wait()
    with pytest.raises(Untested, match="exit code 3"):
        await failing.hang_up(over)


async def _turn() -> None:
    import asyncio

    await asyncio.sleep(0.01)


async def test_stdin_that_is_no_terminal_is_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    with empty.open(encoding="utf-8") as file:
        monkeypatch.setattr(calling.sys, "stdin", file)
        assert not await calling.at_terminal("call", 1.0)


def test_a_placeholder_that_is_not_known_is_named() -> None:
    assert HookCaller.problem("dial {number}") == "{number} is not known: a, b, outcome, ring, talk, trunk"
    assert HookCaller.problem("") == "no command"
    assert HookCaller.problem("dial {a} {b}") == ""


async def toward(lab: Lab, *clauses: str, **how: Any) -> Report:
    given = {"config": LAB, "timing": "report", "quiet": 0.1, "within": 2.0, "web": lab.web_url, **how}
    ports = {"kpd1": port(lab, "kpd1"), "kpd2": port(lab, "kpd2")}
    return await examine(ConformanceSettings(host="127.0.0.1", clauses=clauses, **ports, **given))


@pytest.mark.parametrize(
    ("clause", "how", "told"),
    [
        ("11.3.5-3", {"domain": "no.domain", "config": None}, "refused the call with HTTP 404"),
        ("10.2.1.7-4", {"trunk": "2=no such", "caller": "73835550101"}, "HTTP 422"),
        (
            "11.3.5-3",
            {"own": ("28331", "999"), "config": None, "domain": "test.domain"},
            "could not route the call",
        ),
    ],
)
async def test_a_call_that_the_switch_does_not_make_is_no_failure(
    lab: Lab, clause: str, how: dict[str, Any], told: str
) -> None:
    report = await toward(lab, clause, **{"own": ("28331", "28332"), **how})
    assert verdicts(report) == [NOT_TESTED]
    assert told in str(report.results[0].why)


async def test_a_hook_that_fails_ends_its_check_at_once(lab: Lab) -> None:
    began = time.monotonic()
    report = await examined(lab, f"hook:{sys.executable} -c 'raise(SystemExit(3))'", "11.3.5-3")
    assert verdicts(report) == [NOT_TESTED]
    assert report.results[0].why == "the hook ended with exit code 3"
    assert time.monotonic() - began < HookCaller.within


async def test_the_name_of_a_trunk_is_that_of_the_running_switch(lab: Lab) -> None:
    async with WebApi(lab.web_url) as web:
        domain = "switch/domains/test.domain/trunks"
        _, (trunk, *_) = await web.request("GET", domain)
        status, _ = await web.request("PUT", f"{domain}/{trunk['trunk']}", {"name": "renamed"})
        assert status == 200
    report = await toward(lab, "11.1.9-1", trunk=str(trunk["trunk"]))
    assert report.terms.trunk_name == "renamed"


async def test_a_web_that_is_not_there_is_told_at_once(lab: Lab) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(ConnectError, match="the web of the lab can't be reached"):
            await toward(lab, "11.3.5-3", web=nobody)
