"""What the boxes log: no secrets, and not more than someone can read."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

import sorm_mediator.cli.logs as logs
from protocol import Channel, Codec, Message, SetPassword, Start
from protocol.jsonform import to_json
from protocol.messages import EVENTS, CallEvent
from protocol.oneline import event_line, one_line
from protocol.strategies import message
from sorm_mediator.cli.logs import BURST, FloodGate, LineForm, LineWriter, set_up_logging
from sorm_mediator.journal.masking import UnitLine
from sorm_mediator.lab.processes import BoxProcess, free_udp_port
from sorm_mediator.lab.small import IN_MEMORY, mediator_text, switch_text
from ssh_control.logged import log_event, take_events


@pytest.fixture
def restored() -> Iterator[None]:
    """Logging as pytest had it, after the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    noisy = {name: logging.getLogger(name).level for name in ("asyncssh", "uvicorn.access", "httpx")}
    yield
    take_events(None)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in noisy.items():
        logging.getLogger(name).setLevel(before)


def record(text: str, *args: object, at: float = 0.0, level: int = logging.WARNING) -> logging.LogRecord:
    made = logging.LogRecord("box", level, "", 0, text, args, None)
    made.created = at
    return made


def test_a_flood_is_cut_and_counted() -> None:
    gate = FloodGate(burst=3, per_second=1)
    passed = [gate.filter(record("%s refused", f"10.0.0.1:{port}")) for port in range(40_000, 40_010)]
    assert passed == [True] * 3 + [False] * 7
    later = record("%s refused", "10.0.0.1:5", at=1.0)
    assert gate.filter(later)
    assert later.getMessage() == "10.0.0.1:5 refused (7 lines of this kind were left out)"
    assert not gate.filter(record("%s refused", "10.0.0.1:5", at=1.5))


def test_a_flood_keeps_no_other_line_back() -> None:
    gate = FloodGate(burst=1, per_second=0)
    assert gate.filter(record("%s", "unauthorised access from 10.0.0.1:40000"))
    assert not gate.filter(record("%s", "unauthorised access from [2001:db8::1]:5"))
    assert gate.filter(record("%s", "the console is silent"))
    assert gate.filter(record("%s", "unauthorised access from 10.0.0.1:40000", level=logging.ERROR))
    for _ in range(3):
        assert gate.filter(record("the gateway stops serving", level=logging.CRITICAL))


def test_kinds_are_forgotten_so_that_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sorm_mediator.cli.logs.MOST_KINDS", 2)
    gate = FloodGate(burst=1, per_second=0)
    assert [gate.filter(record(kind)) for kind in ("x", "y", "z", "z", "x")] == [
        True,
        True,
        True,
        False,
        True,
    ]


def test_a_trace_shows_no_values(restored: None, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("debug")
    token = "Web" + "token-7"
    try:
        int(token[:3])
    except ValueError:
        logging.getLogger("box").exception("a fault of our own")
    logging.getLogger().handlers[0].flush()
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert "ValueError" in shown
    assert "Webtoken-7" not in shown


def test_what_a_peer_says_is_one_line_of_the_log_whoever_logs_it(
    restored: None, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logging("info")
    peer = "x\n2026-11-28T00:00:00Z [info] forged\x1b[2J"
    logging.getLogger("any").warning("%s: refused", peer)
    try:
        int(peer + "\x1b[2J")
    except ValueError:
        logging.getLogger("any").exception("failed")
    logging.getLogger().handlers[0].flush()
    said = capsys.readouterr().err
    assert "x\\n2026-11-28T00:00:00Z [info] forged\\x1b[2J: refused" in said
    assert "\x1b[2J" not in said


# --- what boxes do

BOX = logging.getLogger("sorm_mediator.mediator.binding.gateway")


def written(form: logs.Form, *events: tuple[str, dict[str, Any]], level: str = "info") -> list[str]:
    """The lines of these events."""
    stream = io.StringIO()
    writer = LineWriter(stream, LineForm(form), FloodGate())
    logging.getLogger().setLevel(level.upper())
    take_events(writer.take)
    for event, fields in events:
        log_event(BOX, event, **fields)
    writer.flush()
    return stream.getvalue().splitlines()


def test_a_line_has_time_level_box_name_and_fields(restored: None) -> None:
    command = UnitLine(Channel.COMMAND, Start(), Codec().encode(Start()))
    events = (
        ("command", {"id": "cmd-1", "peer": "[::1]:5", "none": None, "unit": command}),
        ("x", {"a": 'b "c"'}),
    )
    moment = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    first, second = written("text", *events)
    assert re.fullmatch(moment + r" info mediator command id=cmd-1 peer=\[::1\]:5 start", first)
    assert re.fullmatch(moment + r' info mediator x a="b \\"c\\""', second)
    document = json.loads(written("json", *events)[0])
    assert re.fullmatch(moment, document.pop("time"))
    assert document == {
        "level": "info", "box": "mediator", "event": "command", "id": "cmd-1", "peer": "[::1]:5", "unit": "start",
    }  # fmt: skip


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_password_is_in_a_line_nor_a_line_in_a_line(restored: None, form: logs.Form) -> None:
    codec = Codec()
    old, new = Start(password="secret"), SetPassword(password="secret", new_password="hidden")
    cut = codec.encode(old)[:6] + codec.encode(new)
    units = [UnitLine(Channel.COMMAND, one, codec.encode(one)) for one in (old, new)]
    units.append(UnitLine(Channel.COMMAND, codec.decode_lenient(cut)[0], cut))
    lines = written(form, *(("command", {"unit": unit}) for unit in units), ("x", {"a": "1\n2\x1b[2J"}))
    assert len(lines) == 4
    assert all(line.isprintable() for line in lines)
    said = "".join(lines)
    for secret in ("secret", "hidden"):
        assert secret not in said
        assert secret.encode().hex() not in said.lower().replace(" ", "")


def test_nothing_is_made_for_a_level_that_is_not_logged(restored: None) -> None:
    class Unit:
        def __str__(self) -> str:
            raise AssertionError

    assert written("text", ("event", {"unit": Unit()}), level="warning") == []


def test_events_are_all_written_but_what_strangers_cause_is_limited(restored: None) -> None:
    assert len(written("text", *[("event", {"id": number}) for number in range(3 * BURST)])) == 3 * BURST
    lines = written("text", *[("command", {"id": number, "stranger": True}) for number in range(3 * BURST)])
    assert len(lines) == BURST


class Stalled(io.StringIO):
    """A reader that does not read until it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.waits, self.reads = threading.Event(), threading.Event()

    def write(self, text: str) -> int:
        self.waits.set()
        self.reads.wait()
        return super().write(text)


def test_who_logs_does_not_wait_for_the_reader_and_a_bounded_number_of_lines_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logs, "MOST_WAITING", 10)
    stream = Stalled()
    writer = LineWriter(stream, LineForm(), FloodGate())
    writer.emit(record("first"))
    stream.waits.wait()
    for number in range(15):
        writer.take(BOX.name, "event", {"id": number}, False)
    writer.emit(record("refused"))
    stream.reads.set()
    writer.flush()
    first, *lines, last = stream.getvalue().splitlines()
    assert first.endswith("first")
    assert [line.rpartition("=")[2] for line in lines] == [str(number) for number in range(10)]
    assert last.endswith("warning log 6 lines were left out")


def test_a_reader_that_never_reads_does_not_keep_the_process(tmp_path: Path) -> None:
    program = (
        "import logging; from sorm_mediator.cli.logs import set_up_logging\n"
        "set_up_logging('info')\n"
        "for number in range(2000): logging.error('%s %s', 'x' * 100, chr(97 + number % 26) * 9)\n"
    )
    reading, writing = os.pipe()
    try:
        os.set_blocking(writing, False)
        with suppress(BlockingIOError):
            while os.write(writing, b"." * 65536):
                pass
        os.set_blocking(writing, True)
        ended = subprocess.run([sys.executable, "-c", program], stderr=writing, timeout=120, check=False)
    finally:
        os.close(reading)
        os.close(writing)
    assert ended.returncode == 0


class Full(io.StringIO):
    """A disk that is full for a time."""

    full = True

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(28, "No space left on device")
        return super().write(text)


class Unmade:
    """A value that has no text."""

    def __str__(self) -> str:
        raise ValueError


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_log_that_cannot_be_written_ends_nothing_and_is_told_later(form: logs.Form) -> None:
    stream = Full()
    writer = LineWriter(stream, LineForm(form), FloodGate())
    for number in range(3):
        writer.take(BOX.name, "event", {"id": number}, False)
    writer.emit(record("the disk is full"))
    writer.flush()
    stream.full = False
    writer.take(BOX.name, "event", {"unit": Unmade()}, False)
    writer.emit(record("%d", "no number"))
    writer.flush()
    said = stream.getvalue().splitlines()
    if form == "json":
        documents = list(map(json.loads, said))
        said = [f"{one['level']} {one['event']} {one['text']}" for one in documents]
    for line, end in zip(
        said,
        (
            "error log a line 'event' can't be made: ValueError",
            "error log a line '%d' can't be made: TypeError",
            "warning log 4 lines were left out",
        ),
        strict=True,
    ):
        assert line.endswith(end)


HOSTILE = "\x9b31m\x7f\u2028\udc80\U000e0001 привет"


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_character_raises_nor_controls_a_terminal(restored: None, form: logs.Form) -> None:
    stream = io.StringIO()
    writer = LineWriter(stream, LineForm(form), FloodGate())
    writer.emit(record("%s", HOSTILE))
    writer.take(BOX.name, "event", {"peer": HOSTILE}, False)
    writer.flush()
    lines = stream.getvalue().split("\n")[:-1]
    assert len(lines) == 2
    assert all(line.isprintable() and "привет" in line for line in lines)
    if form == "json":
        assert [json.loads(line).get("text") or json.loads(line)["peer"] for line in lines] == [HOSTILE] * 2


def test_no_field_takes_the_place_of_the_head() -> None:
    line = LineForm("json").event(1.0, BOX.name, "event", {"time": "x", "level": "critical", "id": 1})
    document = json.loads(line)
    assert document["time"] == "1970-01-01T00:00:01.000Z"
    assert (document["level"], document["level_"], document["time_"], document["id"]) == (
        "info", "critical", "x", 1,
    )  # fmt: skip


@pytest.mark.parametrize(
    "cls", [cls for cls in EVENTS if issubclass(cls, CallEvent)], ids=lambda cls: cls.__name__
)
def test_an_event_has_the_line_of_its_document(cls: type[Message]) -> None:
    @settings(max_examples=100, deadline=None)
    @given(message(cls))
    def check(event: Message) -> None:
        assert isinstance(event, CallEvent)
        assert event_line(event) == one_line(to_json(event, b""))

    check()


FORM = ("--log", "json", "--log-level", "info")


async def test_one_id_leads_from_a_command_to_its_result_and_from_a_call_to_its_events(
    tmp_path: Path,
) -> None:
    """A switch and a mediator that are processes of their own: the same id stands in both logs."""
    radius = free_udp_port()
    switch_file, gateway_file = tmp_path / "switch.toml", tmp_path / "mediator.toml"
    switch_file.write_text(switch_text(radius))
    with (tmp_path / "switch.log").open("wb") as switch_log, (tmp_path / "mediator.log").open("wb") as log:
        async with LoggedBox("switch", switch_file, switch_log) as switch:
            gateway_file.write_text(mediator_text(switch, radius, IN_MEMORY))
            async with LoggedBox("gateway", gateway_file, log) as gateway:
                await main_job(gateway.endpoints, switch.endpoints["web"])
    mediator_lines = lines_of(tmp_path / "mediator.log")
    switch_lines = lines_of(tmp_path / "switch.log")

    [added] = [line for line in mediator_lines if line["unit"].startswith("add-object object_number=258")]
    way = [line for line in mediator_lines if line["id"] == added["id"]]
    assert [(line["event"], line["unit"].partition(" ")[0]) for line in way] == [
        ("command", "add-object"),
        ("message", "command-received"),
        ("request", ""),
        ("reply", ""),
        ("message", "command-executed"),
    ]
    assert type(way[3]["ms"]) is float, "a number is a number for programs"
    [asked] = [line for line in switch_lines if line["id"] == added["id"]]
    assert (asked["event"], asked["op"], asked["result"], asked["box"]) == ("request", "add", "ok", "switch")
    assert "258" not in str({**asked, "time": "", "id": ""})

    steps: dict[str, list[str]] = {}
    for line in switch_lines:
        if line["event"] == "call":
            steps.setdefault(line["id"], []).append(line["what"])
    [(call, course)] = steps.items()
    assert course == ["dialling", "ringing", "answer", "release"]
    events = [line for line in mediator_lines if line["event"] == "event"]
    assert [line["unit"].partition(" ")[0] for line in events] == ["number-received", "answer", "release"]
    assert {line["id"] for line in events} == {call}
    assert [line["report"] for line in events] == sorted(line["report"] for line in events)
    everything = (tmp_path / "mediator.log").read_text() + (tmp_path / "switch.log").read_text()
    assert "123456" not in everything
    assert "uvicorn.error" not in everything


class LoggedBox(BoxProcess):
    """A box whose stderr is a file."""

    def __init__(self, box: str, config: Path, log: Any) -> None:
        super().__init__(box, config, log=FORM)
        self._log = log

    async def __aenter__(self) -> LoggedBox:
        await super().__aenter__()
        return self

    async def _copy(self, stream: asyncio.StreamReader, show: bool) -> None:  # type: ignore[override]
        while chunk := await stream.read(65536):
            if show:
                self._log.write(chunk)
                self._log.flush()


async def main_job(mediator: dict[str, str], web: str) -> None:
    """A number under control, and a call of it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "sorm_mediator", "replay", "-",
        "--host", "127.0.0.1", "--kpd1", mediator["kpd1"].rpartition(":")[2],
        "--kpd2", mediator["kpd2"].rpartition(":")[2], "--web", f"http://{web}",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await process.communicate(JOB.encode())
    assert process.returncode == 0, said.decode()


JOB = """
name: a call
steps:
  - send: start
  - send: {add-object: {object_number: 258, object_type: own-subscriber, number_sign: own, number: "28331",
                        category: statistical, priority: normal}}
  - call: {domain: test.domain, a: "28331", b: "28332", talk: 0.1}
  - events: [number-received, answer, release]
    within: 10
"""


def lines_of(log: Path) -> list[dict[str, Any]]:
    return [{"id": "", "unit": "", **json.loads(line)} for line in log.read_text().splitlines()]
