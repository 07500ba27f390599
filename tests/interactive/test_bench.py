"""The words of the console against a scripted mediator; ``send``, ``watch`` and the console from outside."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
import yaml
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

import captures
from protocol import Answer, CommandExecuted, CommandReceived, Options, Release, StationType, VersionInfo
from sorm_mediator.config.places import state_folder
from sorm_mediator.console.target import RunTarget
from sorm_mediator.interactive.bench import Bench, from_pipe
from sorm_mediator.interactive.send import SendSettings, run_send
from sorm_mediator.interactive.station import Where
from sorm_mediator.interactive.terminal import Known, _interruptible, prompt_session
from sorm_mediator.interactive.words import read_request, split
from sorm_mediator.replay import scenario
from sorm_mediator.replay.vocabulary import REQUESTS
from tests.replay.test_runner import event

FOLDER = Path(captures.__path__[0])


class Session:
    """A bench, and the lines that it wrote."""

    def __init__(self, target: RunTarget, **options: Any) -> None:
        self.lines: list[tuple[str, str]] = []
        self.bench = Bench(target, lambda line, style: self.lines.append((style, line)), **options)

    async def __call__(self, line: str) -> str:
        return await self.bench.run(line)

    def said(self, style: str) -> list[str]:
        """The lines of a style, without the time of day and the finding of the scripted mediator."""
        return [
            re.sub(r"^[0-9:.]{12} |  \[coalesced\]$", "", line) for kind, line in self.lines if kind == style
        ]


@pytest.fixture
async def session(around: RunTarget) -> AsyncIterator[Session]:
    one = Session(around, within=0.3)
    await one.bench.open()
    yield one
    await one.bench.close()


async def test_a_command_and_its_answers_are_a_line_each(session) -> None:
    assert await session("start") == "good"
    assert session.said("command") == ["-> KPD1  start"]
    assert session.said("answer") == [
        "<- KPD1  command-received command=start status=00h (accepted)",
        "<- KPD1  command-executed command=start status=00h (done)",
    ]


async def test_a_refused_command_says_what_the_status_means(mediator, session) -> None:
    mediator.answer(1, CommandReceived(1, 0x16))
    assert await session("start") == "failed"
    assert session.said("bad") == [
        "<- KPD1  command-received command=start status=16h (start not accepted: already started)",
        "not executed: 16h, start not accepted: already started",
    ]


async def test_a_command_without_an_end_fails(mediator, session) -> None:
    mediator.answer(1)
    assert await session("start") == "failed"
    assert session.said("bad") == ["no end of the command within 0.3 s"]
    mediator.answer(1, lambda: mediator.hang_up("kpd1"))
    assert await session("start") == "failed"
    assert session.said("bad")[2:] == ["the mediator closed KPD1"]
    assert session.said("note") == ["KPD1: closed"]
    assert await session("stop") == "failed"
    assert await session("connect kpd1") == "good"
    assert await session("stop") == "good"


async def test_octets_and_details_are_shown_on_demand_and_masked(session) -> None:
    for line in (
        "octets on",
        "details on",
        "set-password new_password=654321",
        "octets off",
        "details off",
        "start",
    ):
        assert await session(line) == "good"
    text = "\n".join(line for _, line in session.lines)
    assert "CC 01 03 06 ** ** ** ** ** ** ** ** ** ** ** **" in text
    assert "new password" in text
    assert "654321" not in text
    assert "123456" not in text
    assert session.said("command")[-1] == "-> KPD1  start"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("strat", "'strat' is no word of the console; did you mean start?; help lists them"),
        ("octets", "octets: '' is not allowed: on, off"),
        ("wait x", "wait: 'x' is not allowed: seconds, 0 to 3600"),
        ("connect kpd3", "'kpd3' is not allowed: kpd1, kpd2"),
        ("record-stop", "record-stop: nothing is recorded"),
        ("record-start /nowhere/x.yaml", "record-start: /nowhere/x.yaml: its folder is missing"),
        ("call domain=d a=1 b=2", "call: needs the web of the lab: --web URL"),
        ("help no-word", "'no-word' is no word of the console"),
    ],
)
async def test_a_wrong_line_says_what_is_allowed(session, line, says) -> None:
    assert await session(line) == "wrong"
    assert says in session.said("bad")[0]


async def test_help_lists_every_word(session) -> None:
    for line in ("help", "help add-object", "help call", "help raw"):
        assert await session(line) == "good"
    text = "\n".join(session.said("note"))
    for word in ("add-object", "get-version", "rename-trunk", "record-start", "[statistical]", "[talk=]"):
        assert word in text


@pytest.mark.parametrize("name", [name for name in REQUESTS if name != "http"])
async def test_help_of_a_request_tells_every_key_and_an_example_that_is_read(session, name) -> None:
    request = REQUESTS[name]
    assert await session(f"help {name}") == "good"
    title, *keys, example = session.said("note")
    assert title.startswith(f"{name}: ")
    assert [line.split()[0].strip("[]") for line in keys] == [
        f"{key}=" for key in (*request.required, *request.optional)
    ]
    assert all(len(line.split(maxsplit=1)[1]) > 3 for line in keys)
    word, *given = split(example.removeprefix("  example: "))
    assert word == name
    method, path, _ = request.fill(read_request(name, given), {})
    assert (method, "{" in path) == (request.method, False)


async def test_clear_clears_the_screen(around) -> None:
    cleared = []
    session = Session(around, clear=lambda: cleared.append(True))
    assert await session("clear") == "good"
    assert (cleared, session.lines) == ([True], [])


async def test_a_session_becomes_a_scenario_that_replay_reads(mediator, session, tmp_path) -> None:
    mediator.answer(4, CommandReceived(4, 0), CommandExecuted(4, 0x3A))
    mediator.answer(0x11, CommandReceived(0x11, 0), event(Answer), CommandExecuted(0x11, 0))
    path = tmp_path / "a_session.yaml"
    for line in (
        f"record-start {path}",
        "start",
        "add-ksl ksl_group=1 ksl_a=0/1",
        "get-version password=123456",
        "record-stop",
    ):
        await session(line)
    document = yaml.safe_load(path.read_text())
    assert document["name"] == "a session"
    assert document["steps"][0] == {"send": "start"}
    assert document["steps"][1] == {
        "send": {"add-ksl": {"group_type": "combined", "ksl_group": 1, "ksl_a": {"stream": 0, "ksl": 1}}},
        "expect": [{"command-received": {"status": 0}}, {"command-executed": {"status": 0x3A}}],
    }
    assert list(document["steps"][2]) == ["send", "events"]
    assert "123456" not in path.read_text()
    assert scenario.load(path).planned == 4
    assert document["finally"] == [{"send": "stop", "expect": "any"}]
    assert session.said("note") == [f"recording to {path}", f"3 steps in {path}"]


async def test_a_recording_expects_what_came_and_waits_as_long_as_it_took(
    mediator, around, tmp_path, monkeypatch
) -> None:
    session = Session(around, within=0.3)
    await session.bench.open()
    later = 0.0
    monkeypatch.setattr("sorm_mediator.interactive.bench.monotonic", lambda: time.monotonic() + later)
    mediator.answer(
        0x11,
        CommandReceived(0x11, 0),
        VersionInfo(station_type=StationType.TERMINAL),
        CommandExecuted(0x11, 0),
    )
    mediator.answer(0x02, CommandReceived(2, 0x07))
    path = tmp_path / "session.yaml"
    await session(f"record-start {path}")
    await session("start")
    await session("get-version")
    await session("raw CC 01 02 00 31 32 33 34 35 36")
    await session("raw CC 01")
    mediator.answer(0x0C, CommandReceived(0x0C, 0), event(Answer), CommandExecuted(0x0C, 0))
    await session("get-trunks")
    later = 20.0  # the call goes on while nothing is typed
    mediator.say(event(Release))
    await session.bench.client.wait(lambda: session.bench.client.log[-1].name == "release", 10)
    await session("stop")
    await session.bench.close()
    document = yaml.safe_load(path.read_text())
    steps = document["steps"]
    assert [next(iter(one)) for one in steps[1]["expect"]] == [
        "command-received",
        "version-info",
        "command-executed",
    ]
    assert steps[1]["expect"][1]["version-info"]["station_type"] == "terminal"
    assert steps[2]["expect"] == [{"command-received": {"status": 0x07}}]
    assert steps[3] == {"raw": "CC 01"}
    assert "within" not in steps[1]
    assert 20 < steps[4]["within"] <= 30
    assert document["finally"] == [{"send": "stop", "expect": "any"}]
    scenario.load(path)


async def test_octets_of_no_command_without_an_answer_say_so(session) -> None:
    assert await session("raw CC") == "good"
    assert session.said("note") == ["octets sent; they hold no whole command, and no answer came"]


async def test_how_octets_came_is_shown_with_details_alone(session) -> None:
    for line in ("start", "details on", "stop"):
        assert await session(line) == "good"
    marked = [line for _, line in session.lines if line.endswith("[coalesced]")]
    assert [re.search(r"command-(received|executed) command=stop", line) for line in marked].count(None) == 0
    assert len(marked) == 2, "27h and 28h of stop came in one read"
    assert session.bench.client.log[1].findings, "those of start came so too, and are not marked"


async def test_a_call_before_any_command_says_that_no_events_come(around) -> None:
    blocked = [0]

    async def request(method: str, path: str, body: Any) -> tuple[int, Any]:
        if path == "status":
            return 200, {
                "channels": [{"stream": 0, "peer": "a"}, {"stream": 1, "peer": None}],
                "blocked": blocked,
            }
        return 202, {"call": "c1"}

    session = Session(replace(around, request=request), within=0.3)
    await session.bench.open()
    hint = "no events come before the first command of a connection: get-version, for example"
    for lines in (
        ("call domain=d a=1 b=2",),
        ("get-version", "call domain=d a=1 b=2"),
        ("disconnect", "connect"),
    ):
        for line in lines:
            assert await session(line) == "good"
        assert session.said("note").count(hint) == 1
    assert await session("call domain=d a=1 b=2") == "good"
    assert session.said("note").count(hint) == 2
    blocked.clear()
    assert await session("call domain=d a=1 b=2") == "good"
    assert session.said("note").count(hint) == 2, "events come: the pair is not blocked"
    await session.bench.close()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            "call domain=d a=1 b=2",
            "HTTP 404: this is the web of a mediator alone, and calls are made by the switch",
        ),
        (
            "alarm type=2 code=7",
            "HTTP 404: this is the web of a switch alone: --web URL of the mediator's web",
        ),
    ],
)
async def test_a_request_to_a_box_that_has_no_such_part_says_where_to_ask(around, line, says) -> None:
    async def request(method: str, path: str, body: Any) -> tuple[int, Any]:
        return 404, {"detail": "Not Found"}

    session = Session(replace(around, request=request), within=0.3)
    await session.bench.open()
    assert await session(line) == "failed"
    assert says in session.said("bad")[0]
    await session.bench.close()


async def test_what_the_switch_does_not_know_is_told_as_it_says(around) -> None:
    async def request(method: str, path: str, body: Any) -> tuple[int, Any]:
        return 404, {"detail": "there is no domain 'd'"}

    session = Session(replace(around, request=request), within=0.3)
    assert await session("call domain=d a=1 b=2") == "failed"
    assert session.said("bad") == ["POST switch/domains/d/calls: HTTP 404: there is no domain 'd'"]


async def test_a_console_that_is_not_let_in_is_told_what_to_look_at(mediator, session) -> None:
    mediator.hang_up("kpd1")
    await session.bench.client.wait(lambda: bool(session.bench.client.closed), 5)
    await session.bench.close()
    assert session.said("bad")[0].endswith(
        "has it another console, or is this address not in its console.allow?"
    )


async def test_a_driven_call_octets_and_channels_are_recorded(around, mediator, tmp_path) -> None:
    async def request(method: str, path: str, body: Any) -> tuple[int, Any]:
        return (202, {"call": "c1"}) if path.endswith("/calls") else (200, {})

    session = Session(replace(around, request=request), within=0.3)
    await session.bench.open()
    path = tmp_path / "driven.yaml"
    for line in (
        f"record-start {path}",
        "call domain=d a=1 b=2 'services=[{service: hold, at: 1}]'",
        "answer-call call=c1",
        "raw CC 01 02 00 31 32 33 34 35 36",
        "disconnect",
        "connect",
    ):
        assert await session(line) == "good", session.lines
    assert await session("call domain=d a=1 b=2 services=[{service: hold, at: 1}]") == "wrong"
    assert "a value with spaces is in quotation marks" in session.said("bad")[-1]
    await session.bench.close()
    steps = yaml.safe_load(path.read_text())["steps"]
    assert steps[0]["save"] == {"call": "call1"}
    assert steps[1:] == [
        {"answer-call": {"call": "${call1}"}},
        {"raw": "CC 01 02 00 31 32 33 34 35 36", "expect": "any"},
        {"disconnect": ["kpd2", "kpd1"]},
        {"connect": ["kpd2", "kpd1"]},
    ]
    document = yaml.safe_load(path.read_text())
    assert document["finally"] == [{"http": {"method": "POST", "path": "calls/${call1}/release"}}]
    assert document["variables"] == {"call1": "none"}, "finally comes also where the call was never made"
    assert scenario.load(path).planned == 6


async def test_a_recording_of_means_that_were_started_before_begins_with_start(session, tmp_path) -> None:
    path = tmp_path / "later.yaml"
    for line in (f"record-start {path}", "get-version", "record-stop"):
        assert await session(line) == "good", session.lines
    document = yaml.safe_load(path.read_text())
    assert document["steps"] == [{"send": "start", "expect": "any"}, {"send": "get-version"}]
    assert "finally" not in document
    assert any("had been started before" in line for line in session.said("note"))
    assert scenario.load(path).planned == 2


async def test_a_recording_begins_with_what_this_console_has_set(mediator, session, tmp_path) -> None:
    mediator.answer(5, CommandReceived(5, 0), CommandExecuted(5, 0))
    mediator.answer(5, CommandReceived(5, 0), CommandExecuted(5, 0))
    mediator.answer(5, CommandReceived(5, 0), CommandExecuted(5, 0x33))
    path = tmp_path / "later.yaml"
    for line in (
        "stop",
        "start",
        "add-object object_number=1 number=28331",
        "add-object object_number=2 number=28332",
        "add-object object_number=3 number=28333",  # refused
        "remove-object object_number=1 number=28331",
        "get-version",
        f"record-start {path}",
    ):
        await session(line)
    assert await session("record-stop") == "wrong", "nothing was done since"
    for line in (f"record-start {path}", "get-version", "record-stop"):
        assert await session(line) == "good", session.lines
    document = yaml.safe_load(path.read_text())
    first, second, third = document["steps"]
    assert first == {"send": "start", "expect": "any"}
    assert second["send"]["add-object"]["object_number"] == 2
    assert second["expect"] == "any"
    assert third == {"send": "get-version"}
    assert document["finally"] == [{"send": "stop", "expect": "any"}]
    scenario.load(path)
    assert await session("stop") == "good"
    assert session.bench._setup == []


async def test_an_event_that_comes_during_a_refused_request_is_recorded(around, mediator, tmp_path) -> None:
    session = Session(around, within=0.3)

    async def request(method: str, path: str, body: Any) -> tuple[int, Any]:
        mediator.say(event(Release))
        await session.bench.client.wait(lambda: session.bench.client.log[-1].name == "release", 10)
        return 404, {"detail": "there is no call 'nope'"}

    session.bench._target = replace(around, request=request)
    await session.bench.open()
    path = tmp_path / "refused.yaml"
    for line, becomes in (
        (f"record-start {path}", "good"),
        ("start", "good"),
        ("answer-call call=nope", "failed"),
    ):
        assert await session(line) == becomes
    await session.bench.close()
    steps = yaml.safe_load(path.read_text())["steps"]
    assert [list(step) for step in steps] == [["send"], ["events"]]
    assert [next(iter(one)) for one in steps[1]["events"]] == ["release"]
    scenario.load(path)


def _call(name: str, state: str, started: float, released: float | None = None) -> dict[str, Any]:
    return {
        "call": name,
        "a": "28331",
        "b": "28332",
        "state": state,
        "started": started,
        "release_time": released,
        "release_cause": None if released is None else 5,
        "events": [],
    }


async def test_calls_are_listed_shown_after_requests_and_taken_where_one_goes_on(around) -> None:
    going = [_call("c-2", "ringing", time.time()), _call("c-1", "released", 100.0, 101.5)]
    asked: list[tuple[str, str, Any]] = []

    async def request(method: str, path: str, body: Any) -> tuple[int, Any]:
        asked.append((method, path, body))
        if path == "switch/calls":
            return 200, going
        if path.endswith("/calls"):
            return 202, {"call": "c-2"}
        return 200, _call("c-2", "talking" if path.endswith("answer") else "ringing", 100.0, 102.5)

    session = Session(replace(around, request=request), domains=("d",))
    assert await session("call a=28331 b=28332") == "good"
    assert asked[0] == ("POST", "switch/domains/d/calls", {"a": "28331", "b": "28332"})
    assert session.said("note")[-1] == "c-2  28331 -> 28332  ringing  2.5"
    assert await session("answer-call") == "good"
    assert asked[-1] == ("POST", "calls/c-2/answer", {})
    assert session.said("note")[-1] == "c-2  28331 -> 28332  talking  2.5"
    assert await session("calls") == "good"
    head, row = session.said("note")[-2:]
    assert head.split() == ["call", "A", "B", "state", "seconds"]
    assert row.split()[:4] == ["c-2", "28331", "28332", "ringing"]
    going.append(_call("c-3", "ringing", 100.0))
    assert await session("release-call") == "wrong"
    assert session.said("bad")[-1] == "release-call: call is missing: calls that go on: c-2, c-3"
    going.clear()
    assert await session("use-service service=hold") == "wrong"
    assert session.said("bad")[-1] == "use-service: call is missing: no call goes on"
    assert await session("calls") == "good"
    assert session.said("note")[-1] == "no call goes on"
    several = Session(replace(around, request=request), domains=("d", "e"))
    assert await several("call a=1") == "wrong"
    assert several.said("bad") == ["call: keys are missing: domain, b"]


@pytest.mark.parametrize(
    ("events", "cause", "why"),
    [
        ([("dialling", "x"), ("routing-failed", "no rule fits"), ("release", "cause 01h")], 1,
         "released for technical reasons: no rule fits"),
        ([("dialling", "x"), ("release", "cause 03h")], 3, "called party busy, or no free lines"),
    ],
)  # fmt: skip
async def test_a_call_that_fails_is_one_line_with_its_reason(around, events, cause, why) -> None:
    failed = _call("c-1", "released", 100.0, 100.0) | {
        "release_cause": cause,
        "events": [{"time": 100.0, "event": name, "detail": detail} for name, detail in events],
    }

    async def request(method: str, path: str, body: Any) -> tuple[int, Any]:
        return (202, {"call": "c-1"}) if path.endswith("/calls") else (200, failed)

    session = Session(replace(around, request=request), domains=("d",))
    session.bench._answered = True
    assert await session("call a=28331 b=12345678") == "good"
    assert session.lines == [("note", f"c-1  28331 -> 28332  released  0.0  {why}")]


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        (("add-o\t", "object_n\t", "258\r"), "add-object object_number=258"),
        (("add-o\t", "object_nu\t", "=258\r"), "add-object object_number=258"),
        (("call ta\t", "=2\r"), "call talk=2"),
        (("call text==2\r",), "call text==2"),
    ],
)
async def test_tab_leaves_a_space_after_a_command_and_takes_its_equals_sign_once(around, typed, line) -> None:
    """What is typed next is sent as soon as Tab has completed what came before."""
    pieces = list(typed)
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        prompt = prompt_session("en", Options(), around, Known())

        def completed(_: object) -> None:
            if pieces and prompt.default_buffer.text.endswith((" ", "=")):
                keys.send_text(pieces.pop(0))

        prompt.default_buffer.on_text_changed += completed
        async with asyncio.timeout(10):
            task = asyncio.ensure_future(prompt.prompt_async())
            keys.send_text(pieces.pop(0))
            assert await task == line


async def test_help_fits_a_small_terminal_and_quit_leaves(session) -> None:
    assert await session("help") == "good"
    lines = session.said("note")
    assert len(lines) < 24
    assert max(map(len, lines)) < 80
    assert await session("quit") == "exit"


async def test_a_field_that_must_be_given_is_named(session) -> None:
    assert await session("set-password") == "failed"
    assert session.said("bad") == ["set-password: new_password is missing: a text of exactly 6 characters"]


async def test_nothing_sent_with_a_reason_is_no_failure(around) -> None:
    async def request(method: str, path: str, body: Any) -> tuple[int, Any]:
        return 202, {"sent": 0, "why": "command 10 asks for it"}

    session = Session(replace(around, request=request))
    assert await session("line-state object=258 state=3") == "good"
    assert session.said("note") == ["done; nothing was sent to the console: command 10 asks for it"]


async def test_mistakes_are_told_in_russian(around) -> None:
    russian = Session(around, lang="ru")
    assert await russian("strat") == "wrong"
    assert await russian("add-object numbr=1") == "wrong"
    assert await russian("octets perhaps") == "wrong"
    said = russian.said("bad")
    assert said[0] == "'strat' — не слово пульта; возможно, start?; их перечисляет help"
    assert said[1].startswith("'numbr' — не поле команды add-object; возможно, number?; допустимы: ")
    assert said[2] == "octets: 'perhaps' недопустимо: on, off"


async def test_ctrl_c_ends_the_wait_for_a_line(session) -> None:
    waiting = asyncio.ensure_future(_interruptible(session.bench, "wait 3000"))
    await asyncio.sleep(0)  # it has begun
    os.kill(os.getpid(), signal.SIGINT)
    assert await waiting == "failed"
    assert await session("start") == "good"


async def test_a_recording_holds_no_new_password_and_is_not_begun_twice(session, tmp_path) -> None:
    path = tmp_path / "a.yaml"
    for line, verdict in (
        (f"record-start {path}", "good"),
        (f"record-start {tmp_path / 'b.yaml'}", "wrong"),
        ("set-password new_password=654321", "wrong"),
        ("raw CC01030631323334353636 35 34 33 32 31", "wrong"),
        ("start", "good"),
        ("record-stop", "good"),
        (f"record-start {tmp_path}/{'x' * 300}.yaml", "wrong"),
    ):
        assert await session(line) == verdict, line
    assert "654321" not in path.read_text()
    assert "already" in session.said("bad")[0]


async def test_a_line_is_bounded_and_a_peer_does_not_control_the_terminal(around, session) -> None:
    assert await session("get-version " + "x" * 100_000) == "wrong"
    assert "at most 65536 characters" in session.said("bad")[0]

    async def request(method: str, path: str, body: Any) -> tuple[int, Any]:
        return 500, {"detail": "\x1b[31mred"}

    other = Session(replace(around, request=request))
    assert await other("call domain=d a=1 b=2") == "failed"
    assert "\x1b" not in "".join(line for _, line in other.lines)


async def test_a_recording_of_nothing_is_not_written(session, tmp_path) -> None:
    path = tmp_path / "nothing.yaml"
    assert await session(f"record-start {path}") == "good"
    assert await session("record-stop") == "wrong"
    assert not path.exists()


async def test_a_pipe_goes_on_and_tells_the_worst(mediator, session) -> None:
    async def lines(*given: str) -> AsyncIterator[str]:
        for line in given:
            yield line

    mediator.answer(1, CommandReceived(1, 0x16))
    assert await from_pipe(session.bench, lines("get-version\n", "\n", "# a note\n")) == 0
    assert await from_pipe(session.bench, lines("start\n", "get-version\n")) == 1
    assert await from_pipe(session.bench, lines("strat\n", "exit\n", "start\n")) == 2
    assert [raw[2] for raw in mediator.commands] == [0x11, 1, 0x11]


# --- against a lab, from outside


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """A lab; the options that lead to it."""
    command = [sys.executable, "-m", "sorm_mediator", "lab", "-c", str(FOLDER / "labs" / "minimal.toml")]
    with subprocess.Popen([*command, "--log-level", "error"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        endpoints = json.loads(process.stdout.readline())["endpoints"]
        ports = {name: endpoints[name].rpartition(":")[2] for name in ("kpd1", "kpd2")}
        yield ["--kpd1", ports["kpd1"], "--kpd2", ports["kpd2"], "--web", f"http://{endpoints['web']}"]
        process.terminate()


def test_a_watcher_sees_a_new_warning_of_the_mediator(lab: list[str]) -> None:
    status = httpx.get(f"{lab[-1]}/api/v1/status", trust_env=False).json()
    host, _, port = status["radius"]["address"].rpartition(":")
    command = [sys.executable, "-m", "sorm_mediator", "watch", "--kind", "warning", *lab[-2:]]
    with ExitStack() as stack:
        watchers = [
            stack.enter_context(
                subprocess.Popen(
                    [*command, *form], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
                )
            )
            for form in ([], ["--json"])
        ]
        for watcher in watchers:
            stack.callback(watcher.send_signal, signal.SIGINT)
            assert watcher.stderr is not None
            assert watcher.stderr.readline().startswith("watching")
        client = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        client.bind(("127.0.0.3", 0))
        unsigned = bytes([4, 1, 0, 20]) + bytes(16)
        for _ in range(2):
            client.sendto(unsigned, (host, int(port)))
        plain, document = (watcher.stdout.readline() for watcher in watchers if watcher.stdout is not None)
    (warning,) = httpx.get(f"{lab[-1]}/api/v1/status", trust_env=False).json()["warnings"]
    assert warning.startswith("RADIUS from 127.0.0.3: wrong secret, so its reports are lost: ")
    told = warning.replace("(2 so far)", "(1 so far)")
    assert plain.split(maxsplit=1)[1].strip() == f"warning  {told}"
    assert json.loads(document)["text"] == told


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sorm_mediator", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=120, check=False)


def busy_console(lab: list[str], tmp_path: Path) -> None:
    """Beside an open console, the error names its address."""
    ports = [int(lab[lab.index(option) + 1].rpartition(":")[2]) for option in ("--kpd2", "--kpd1")]
    with ExitStack() as stack:
        ends = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for port in ports]
        ends[1].sendall(bytes.fromhex("CC 01 11 00 31 32 33 34 35 36"))
        assert ends[1].recv(1), "it is let in"
        done = run("send", "get-version", *lab)
        assert done.returncode == 3
        typed = run("console", *lab, stdin="get-version\n")
        assert typed.returncode == 1
        script = tmp_path / "one.yaml"
        script.write_text("name: one\nsteps:\n- send: get-version\n")
        ran = run("replay", str(script), "--host", "127.0.0.1", *lab)
        assert ran.returncode == 3
        peers = [f"127.0.0.1:{end.getsockname()[1]}" for end in ends]
        for shown in (done.stderr, typed.stdout, ran.stdout):
            assert any(f"another console is connected: {peer}\n" in shown for peer in peers), shown


def test_a_web_that_hangs_up_is_said_to_be_none() -> None:
    def serve() -> None:
        with suppress(OSError):
            server.accept()[0].close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=serve)
        thread.start()
        done = run("watch", "--web", f"http://127.0.0.1:{server.getsockname()[1]}")
        thread.join()
    assert done.returncode == 3
    assert "the web can't be reached" in done.stderr
    assert "Error" not in done.stderr


def test_one_command_one_call_and_a_watcher(lab: list[str], tmp_path: Path) -> None:
    web = lab[-2:]
    watch = [sys.executable, "-m", "sorm_mediator", "watch", "--kind", "event", "--object", "258", *web]
    with subprocess.Popen(watch, stdout=subprocess.PIPE, text=True) as watcher:
        assert watcher.stdout is not None
        try:
            done = run("send", "start", *lab)
            assert (done.returncode, done.stderr) == (0, "")
            assert run("send", "start", *lab).returncode == 1
            busy_console(lab, tmp_path)
            done = run("send", "add-object", "object_number=258", "number=28331", "--json", *lab)
            assert done.returncode == 0
            end = json.loads(done.stdout.splitlines()[-1])
            assert end == {"event": "end", "executed": True, "text": "executed"}
            # A console that comes back gets events after a valid command (docs/configuration.md, pair_over_tcp).
            lines = "get-version\n" + "call domain=test.domain a=28331 b=28332 talk=0.05\nwait 1\n" * 2
            done = run("console", "-x", *lab, stdin=lines)
            assert done.returncode == 0, done.stdout
            assert done.stdout.count(" <- KPD2  release object_number=258") == 2
            assert "  CC 01 41 24 01 00 01" in done.stdout
            seen = [watcher.stdout.readline().split()[3] for _ in range(6)]
        finally:
            watcher.send_signal(signal.SIGINT)
    assert seen == ["number-received", "answer", "release"] * 2
    assert watcher.returncode == 0
    assert run("send", "stop", *lab).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("send", "strat"), 2, "'strat' is not a command; did you mean start?"),
        (("send", "call", "domain=d"), 2, "call: a word of console alone; send takes commands of the order"),
        (("send", "start", "--kpd1", "1", "--kpd2", "1"), 3, "127.0.0.1:1: KPD2 can't be reached"),
        (("watch", "--web", "http://127.0.0.1:1"), 3, "http://127.0.0.1:1: the web can't be reached"),
        (("watch", "--kind", "relaese"), 2, "--kind: 'relaese' is not allowed; did you mean release?"),
        (("send", "raw"), 2, "raw: the octets are missing"),
        (("watch", "--web", "127.0.0.1:1"), 3, "http://127.0.0.1:1: the web can't be reached"),
        (("watch", "--web", "lab"), 2, "--web: 'lab' is not allowed"),
        (
            ("watch", "-c", str(FOLDER / "labs" / "laptop.toml"), "--web", "127.0.0.1:1"),
            3,
            "laptop.toml running? Where it is instead: --kpd1, --kpd2, --web",
        ),
        (("console", "--lang", "de"), 2, "--lang: 'de' is not allowed: en, ru"),
        (
            ("send", "start", "-c", str(FOLDER / "labs" / "minimal.toml")),
            2,
            "--kpd1 is missing: console.kpd1_port of",
        ),
    ],
)
def test_what_is_not_there_has_its_exit_code(arguments: tuple[str, ...], code: int, says: str) -> None:
    done = run(*arguments)
    assert done.returncode == code
    assert says in done.stderr


# --- at a terminal


class Terminal:
    """A program at a pseudo-terminal of 80 columns."""

    def __init__(self, command: list[str], **environment: str) -> None:
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, {**os.environ, "COLUMNS": "80", "LINES": "24", **environment})  # noqa: S606
        self.text = ""

    def type(self, text: str) -> None:
        os.write(self.descriptor, text.encode())

    def until(self, wanted: str) -> None:
        """Read until ``wanted`` is there."""
        deadline = time.monotonic() + 30
        while wanted not in self.text:
            ready, _, _ = select.select([self.descriptor], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"nothing more came, without {wanted!r}: {self.text}"
            try:
                piece = os.read(self.descriptor, 4096)
            except OSError:
                piece = b""
            assert piece, f"ended without {wanted!r}: {self.text}"
            if b"\x1b[6n" in piece:  # where is the cursor?
                os.write(self.descriptor, b"\x1b[1;1R")
            self.text += piece.decode(errors="replace")

    def end(self) -> int:
        """The exit code."""
        try:
            while os.read(self.descriptor, 4096):
                continue
        except OSError:  # the far end of a pseudo-terminal is closed
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self.descriptor)
        return os.waitstatus_to_exitcode(status)


@pytest.mark.parametrize("kind", ["xterm-256color", "dumb"])
def test_at_a_terminal_tab_completes_and_history_has_no_secret(
    lab: list[str], kind: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "sorm_mediator", "console", *lab]
    terminal = Terminal(command, TERM=kind, XDG_STATE_HOME=str(tmp_path))
    terminal.until("sorm>")
    if kind == "dumb":
        terminal.type("get-version\r")
        assert "\x1b[3" not in terminal.text, "no colours"
    else:
        terminal.type("get-ver\t")
        terminal.until("get-version")
        terminal.type("\r")
    terminal.until("version-info requirements_version=2")
    terminal.until("command-executed command=get-version status=00h (done)")
    terminal.type("get-version password=123456\r")
    terminal.type("\x03")  # Ctrl-C clears the line
    terminal.type("exit\r")
    assert terminal.end() == 0
    history = (tmp_path / "sorm-mediator" / "history").read_text()
    assert "get-version" in history
    assert "123456" not in history


def test_a_console_whose_terminal_is_closed_ends(lab: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sorm_mediator", "console", *lab]
    terminal = Terminal(command, TERM="xterm", XDG_STATE_HOME=str(tmp_path))
    terminal.until("sorm>")
    os.close(terminal.descriptor)
    _, status = os.waitpid(terminal.pid, 0)
    assert os.waitstatus_to_exitcode(status) in (0, 130, 141)


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_in_tmux_the_help_line_and_the_events_stand_where_they_belong(lab: list[str], tmp_path: Path) -> None:
    socket = str(tmp_path / "tmux")

    def tmux(*arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", socket, "-f", "/dev/null", *arguments], capture_output=True, text=True, check=True
        )  # fmt: skip
        return done.stdout

    def screen(*wanted: str) -> list[str]:
        """The screen when it shows these texts, each below the one before."""
        deadline = time.monotonic() + 60
        while not re.search(".*".join(map(re.escape, wanted)), text := tmux("capture-pane", "-p"), re.DOTALL):
            assert time.monotonic() < deadline, text
        return text.splitlines()

    program = " ".join([sys.executable, "-m", "sorm_mediator", "console", *lab])
    tmux("new-session", "-d", "-x", "80", "-y", "24", f"env XDG_STATE_HOME={tmp_path} {program}")
    try:
        screen("sorm>")
        tmux("send-keys", "add-object category=")
        lines = screen("category: category: ")
        assert len(lines) == 24
        assert "category: category: " in lines[-1], "the help is the last line"
        tmux("send-keys", "C-c")
        tmux("send-keys", "get-version", "Enter")
        screen("command-executed command=get-version", "sorm>")  # what comes is above the prompt
        tmux("send-keys", "exit", "Enter")
    finally:
        subprocess.run(["tmux", "-S", socket, "kill-server"], capture_output=True, check=False)


def test_the_state_folder_is_where_xdg_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_folder() == tmp_path / "sorm-mediator"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert state_folder() == tmp_path / ".local" / "state" / "sorm-mediator"


async def test_a_recording_is_for_its_owner_alone(session, tmp_path) -> None:
    path = tmp_path / "mine.yaml"
    for line in (f"record-start {path}", "start", "record-stop"):
        assert await session(line) == "good"
    assert path.stat().st_mode & 0o777 == 0o600


def test_send_without_a_lab_file_tells_where_the_ports_are_taken_from(capsys) -> None:
    """The hint is for the default ports alone; of given ones there is nothing to take."""
    hint = "; -c LAB takes the ports from a lab file"
    assert Where().hint == Where(host="127.0.0.1").hint == hint
    assert Where(kpd1=1, kpd2=2).hint == ""
    assert run_send(SendSettings(where=Where(host="no-such-host.invalid"), words=("start",))) == 3
    assert capsys.readouterr().err.endswith(f"{hint}\n")
