"""A console on E1 against a scripted mediator's end: the same scenarios, over LAPB and X.25 in a SAToP line."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from e1.carriers.satop import SatopLine
from e1.carriers.satop_socket import SatopSocket
from e1.events import ChannelAlarm
from e1.stream import StreamState
from protocol import Codec, CommandExecuted, CommandReceived, TestReplyKpd1, TestReplyKpd2
from protocol.language import translate
from sorm_mediator.capture.reader import read_input
from sorm_mediator.capture.units import Found, decode_events
from sorm_mediator.carriers import mediator_carrier, stream_config
from sorm_mediator.config import E1Config
from sorm_mediator.console import e1_client
from sorm_mediator.console.e1_client import ConsoleEnd, ConsoleLine, E1ConsoleClient
from sorm_mediator.console.errors import ConnectError
from sorm_mediator.console.target import RunTarget
from sorm_mediator.replay.results import PcapRecorder
from tests.console.e1_mediator import FOLLOWER, LAB, E1Mediator, lines

TEST_STEP = """
- send: {test: {test_number: 7}}
  expect: [{command-received: {status: 0}}, {test-reply: {test_number: 7}}]
  events: [{test-reply: {test_number: 7, kpd1_state: 1}}]
  within: 5
"""


@asynccontextmanager
async def facing(*mediators: E1Mediator, **changes: Any) -> AsyncIterator[RunTarget]:
    """RunTarget whose consoles are on the lines of these mediators."""
    configs = []
    try:
        for mediator in mediators:
            configs.append(mediator.line_config(await mediator.start(), **changes))
        async with lines(*configs) as opened:
            yield RunTarget(host="", kpd1=0, kpd2=0, e1=opened)
    finally:
        for mediator in mediators:
            mediator.stop()


def answer_test(mediator: E1Mediator) -> None:
    mediator.answers[14] = [[CommandReceived(14, 0), TestReplyKpd1(7, 1, 1), TestReplyKpd2(7, 1, 1)]]


@pytest.mark.parametrize("circuit", ["pvc", "svc"])
@pytest.mark.parametrize("role", ["dce", "dte"])
async def test_a_scenario_runs_unchanged_whatever_side_of_x25_the_mediator_plays(
    role: str, circuit: str, run: Callable[..., Any], printed: list[str]
) -> None:
    mediator = E1Mediator(role, circuit)
    answer_test(mediator)
    async with facing(mediator) as around:
        result = await run("- send: start" + TEST_STEP, around_=around, within=5)
    assert result.verdict == "PASS", "".join(printed)
    assert [raw[2] for raw in mediator.commands] == [1, 14]
    assert result.findings == {}


async def test_each_console_has_a_stream_of_its_own(run: Callable[..., Any]) -> None:
    mediators = [E1Mediator(number=number) for number in range(4)]
    async with facing(*mediators) as around:
        result = await run(
            "- send: start\n"
            "- {send: start, console: second}\n- {send: stop, console: third}\n- {send: stop, console: fourth}",
            around_=around,
            within=5,
        )
    assert result.verdict == "PASS", result.error
    assert [[raw[2] for raw in mediator.commands] for mediator in mediators] == [[1], [1], [2], [2]]


async def test_a_console_more_than_there_are_streams_knocks_in_vain(run: Callable[..., Any]) -> None:
    mediator = E1Mediator()
    async with facing(mediator) as around:
        result = await run(
            "- send: start\n"
            "- {connect: kpd1, console: second}\n- {closed: kpd1, console: second}\n"
            "- {send: start, console: second}",
            around_=around,
            within=5,
        )
    assert len(mediator.line.take_strangers()) == 1
    assert [step.failure.reason for step in result.failures if step.failure] == [
        "one console a stream, and the lab has 1"
    ]
    assert [raw[2] for raw in mediator.commands] == [1]


async def test_a_second_console_that_is_let_in_is_not_closed(run: Callable[..., Any]) -> None:
    mediator = E1Mediator()
    async with facing(mediator) as around:
        result = await run(
            "- connect: both\n- {connect: kpd1, console: second}\n- {closed: kpd1, console: second}",
            around_=replace(around, e1=Open(around.e1, mediator)),  # type: ignore[arg-type]
            within=1,
        )
    assert [step.number for step in result.failures] == ["3"]


class Open:
    """Lines of which the first is closed when an extra one opens: the mediator takes that for its far end."""

    def __init__(self, lines: Any, mediator: E1Mediator) -> None:
        self.lines, self._opened, self._mediator = lines.lines, lines, mediator

    def line_of(self, consoles: int) -> Any:
        return self._opened.line_of(consoles)

    def extra_line(self) -> Any:
        self._opened.lines[0].close()
        return self._opened.extra_line()


async def test_a_console_leaves_and_comes_back(run: Callable[..., Any]) -> None:
    mediator = E1Mediator()
    async with facing(mediator) as around:
        result = await run(
            "- send: start\n- disconnect: both\n- connect: both\n- send: stop", around_=around, within=5
        )
        assert mediator.up == []
    assert result.verdict == "PASS", result.error
    assert [raw[2] for raw in mediator.commands] == [1, 2]


async def test_a_channel_that_the_mediator_takes_down_is_closed(run: Callable[..., Any]) -> None:
    mediator = E1Mediator()
    mediator.answers[1] = [[CommandReceived(1, 0), CommandExecuted(1, 0)]]
    mediator.answers[2] = [[]]
    mediator.hangs_up_at = 2
    async with facing(mediator) as around:
        result = await run(
            "- send: start\n- {send: stop, expect: []}\n- closed: kpd1", around_=around, within=5
        )
    assert result.verdict == "PASS", result.error


async def test_the_link_is_back_by_itself_after_a_loss_of_signal() -> None:
    mediator = E1Mediator()
    async with facing(mediator) as around:
        assert around.e1 is not None
        line = around.e1.line_of(0)
        client = E1ConsoleClient(line, around.codec)
        await client.connect()
        line.carrier.fault(StreamState.LOS)
        assert await client.wait(lambda: client.closed == {"kpd1", "kpd2"}, 5)
        line.carrier.fault(None)
        assert await client.wait(lambda: client.connected == {"kpd1", "kpd2"}, 5)
        await client.send(client.command("start", {}))
        assert await client.wait(lambda: len(client.log) == 3, 5)
        assert [crossed.name for crossed in client.log] == ["start", "command-received", "command-executed"]
        await client.close()


async def test_two_ends_of_one_role_are_diagnosed_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(e1_client, "CONNECT_WITHIN", 1.0)
    mediator = E1Mediator("dte")
    async with facing(mediator, role="dte") as around:
        assert around.e1 is not None
        client = E1ConsoleClient(around.e1.line_of(0), around.codec)
        with pytest.raises(ConnectError, match=r"^e1\.0: KPD2 can't be reached: .*DTE"):
            await client.connect()


async def test_a_line_without_a_far_end_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(e1_client, "CONNECT_WITHIN", 0.2)
    mediator = E1Mediator()
    async with facing(mediator) as around:
        assert around.e1 is not None
        mediator.stop()
        client = E1ConsoleClient(around.e1.line_of(0), around.codec)
        told = r"^e1\.0: KPD2 can't be reached: the line is (AIS|LOS), nothing comes from 127\.0\.0\.1:\d+ \(UDP\)"
        with pytest.raises(ConnectError, match=told):
            await client.connect()


async def why_not(mediator: E1Mediator, **altered: Any) -> str:
    """The reason that a console reports when its line is altered so that it does not come up."""
    end = mediator.line_config(await mediator.start(), **altered)
    try:
        async with lines(end) as opened:
            client = E1ConsoleClient(opened.line_of(0), Codec())
            with pytest.raises(ConnectError) as caught:
                await client.connect()
    finally:
        mediator.stop()
    return str(caught.value)


async def test_packets_of_another_form_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(e1_client, "CONNECT_WITHIN", 0.5)
    mediator = E1Mediator()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        here = free.getsockname()
    mediator.line = SatopSocket(SatopLine(LAB), remote=here)
    told = await why_not(mediator, local=here, line=replace(FOLLOWER, payload=512))
    assert re.search(r"packets of another form come \(\d+\): e1\.satop\.payload and rtp", told)


async def test_a_channel_in_another_timeslot_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(e1_client, "CONNECT_WITHIN", 1.0)
    told = await why_not(E1Mediator(), kpd2_timeslot=16)
    assert told.endswith("nobody answers in timeslot 16: is it the e1.kpd2_timeslot of the mediator?")


async def test_a_mediator_that_does_not_receive_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(e1_client, "CONNECT_WITHIN", 1.0)
    mediator = E1Mediator()
    mediator.stream.fault(StreamState.LOS)
    assert "the mediator does not receive this end (RAI)" in await why_not(mediator)


async def test_ends_with_different_circuits_are_said_where_no_answer_comes(run: Callable[..., Any]) -> None:
    mediator = E1Mediator(circuit="svc")
    end = mediator.line_config(await mediator.start(), circuit="pvc")
    try:
        async with lines(end) as opened:
            around = RunTarget(host="", kpd1=0, kpd2=0, e1=opened)
            result = await run("- {send: start, within: 1}", around_=around)
    finally:
        mediator.stop()
    notes = " ".join(note for step in result.steps for note in step.notes)
    assert "KPD1: reset by this side" in notes
    assert "both must have the same" in notes


def test_the_console_plays_the_other_side_with_the_same_values() -> None:
    config = E1Config.model_validate(
        {
            "mode": "dte",
            "kpd1_timeslot": 16,
            "lapb": {"k": 3, "t1": 1.0},
            "x25": {"circuit": "svc", "window": 5},
        }
    )
    end = stream_config(config, far_end=True)
    assert (end.lapb.role, end.x25.role, end.lapb.k, end.lapb.t1) == ("dce", "dce", 3, 1.0)
    assert (end.kpd1_timeslot, end.kpd2_timeslot, end.x25.window, end.x25.calls) == (16, 31, 5, False)


@pytest.mark.parametrize("role", ["dce", "dte"])
async def test_what_crossed_the_timeslots_is_recorded_and_read_back(
    role: str, run: Callable[..., Any], tmp_path: Path
) -> None:
    mediator = E1Mediator(role)
    answer_test(mediator)
    capture = tmp_path / "run.pcapng"
    with PcapRecorder(capture) as recorder:
        async with facing(mediator) as around:
            await run("- send: start" + TEST_STEP, around_=around, within=5, recorder=recorder)
    with capture.open("rb") as stream:
        found = [item for item in decode_events(read_input(stream)) if isinstance(item, Found)]
    assert not any(item.problems for item in found)
    told: dict[str, list[str]] = {}
    for item in found:
        told.setdefault(item.flow.label, []).append(getattr(item.message, "message_name", ""))
    mine, its = ("out", "in") if role == "dce" else ("in", "out")
    assert told == {
        f"e1.0 KPD1 {mine} x25 channel 1": ["start", "test"],
        f"e1.0 KPD1 {its} x25 channel 1": [
            "command-received",
            "command-executed",
            "command-received",
            "test-reply",
        ],
        f"e1.0 KPD2 {its} x25 channel 1": ["test-reply"],
    }


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed: apt install tshark")
async def test_wireshark_reads_a_recording_as_lapb_and_x25(run: Callable[..., Any], tmp_path: Path) -> None:
    capture = tmp_path / "run.pcapng"
    with PcapRecorder(capture) as recorder:
        async with facing(E1Mediator()) as around:
            await run("- send: start", around_=around, within=5, recorder=recorder)
    command = ["tshark", "-r", str(capture), "-o", 'uat:user_dlts:"User 0 (DLT=147)","lapb","0","","0",""']
    fields = ["-T", "fields", "-e", "frame.p2p_dir", "-e", "_ws.col.Protocol", "-e", "_ws.col.Info"]
    done = await asyncio.to_thread(
        subprocess.run, [*command, *fields], capture_output=True, text=True, check=True
    )
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert rows[0] == ["0", "LAPB", "U P, func=SABM"]
    assert ["1", "LAPB", "U F, func=UA"] in rows
    assert {row[1] for row in rows} == {"LAPB", "X.25"}
    assert [row[0] for row in rows if "Data VC:1 P(S):0" in row[2]] == ["0", "1"]


def test_a_mediator_of_modulo_128_is_named_in_both_languages() -> None:
    line = ConsoleLine(ConsoleEnd(stream=0, role="dte", open=lambda: mediator_carrier(E1Config())))
    assert not line.mismatched("kpd1")
    told = "the peer sets up LAPB modulo 128 (SABME, 03 7f)"
    line.alarms["kpd1"] = ChannelAlarm("modulo-mismatch", told)
    assert line.mismatched("kpd1")
    why = line.why_not("kpd1")
    assert why == told
    assert translate(why, "ru") == "посредник нумерует кадры LAPB по модулю 128 (SABME), нужен модуль 8"
