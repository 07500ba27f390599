"""A dialogue that was seen becomes a scenario; and ``pcap2scenario`` from outside.

Recordings of shipped scripts become scenarios that replay green in the lab of their script, and a recording of that
run becomes the same scenario again. Left out are those whose script changes its lab (``config:``) or has steps that a
capture of the console does not show (services of a call, faults, requests to the web), or commands in a call that a
busy machine may miss.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

import captures
from protocol import (
    Answer,
    Codec,
    CommandExecuted,
    CommandReceived,
    ConnectKsl,
    NumberReceived,
    ObjectType,
    Options,
    Release,
    SetPassword,
    Start,
    Stop,
)
from protocol import Test as TestCommand
from protocol.codec import UnknownUnit
from radius.outbox import Outbox
from radius.report import CallReport, Party
from sorm_mediator.capture.writer import PcapngWriter
from sorm_mediator.replay import scenario
from sorm_mediator.replay.from_capture import CaptureSettings, run_pcap2scenario
from sorm_mediator.replay.results import PcapRecorder, TextPrinter
from sorm_mediator.replay.session import ReplaySettings, load, run_script
from sorm_mediator.replay.transcript import (
    Reported,
    Seen,
    TranscriptError,
    TranscriptSettings,
    transcript,
)
from tests.replay.test_runner import event

FOLDER = Path(captures.__path__[0])
CODEC = Codec()
GREEN = (
    "main-job",
    "both_parties",
    "groups",
    "commands_in_a_call",
    "start_stop_password",
    "trunk_objects",
    "tables",
)


def seen(*what: Any, step: float = 0.01) -> list[Seen]:
    """Messages, or octets from the console, one after another."""
    found = []
    for number, one in enumerate(what):
        raw = one if isinstance(one, bytes) else CODEC.encode(one)
        message, problems = CODEC.decode_lenient(raw)
        of_console = isinstance(one, bytes) or str(one.channel) == "command"
        on_kpd2 = not isinstance(one, bytes) and str(one.channel) == "kpd2"
        known = None if isinstance(message, UnknownUnit) and len(raw) < 10 else message
        found.append(Seen(1000.0 + number * step, raw, known, not problems, of_console, on_kpd2))
    return found


def written(items: list[Any], **settings: Any) -> tuple[dict[str, Any], str]:
    """The scenario of a dialogue, read again, and its text."""
    text = transcript(items, CODEC, TranscriptSettings(source="a test", **settings)).text()
    scenario.parse(text)
    return yaml.safe_load(text), text


def done(code: int) -> tuple[Any, Any]:
    return CommandReceived(code, 0), CommandExecuted(code, 0)


def test_a_command_that_succeeds_is_a_send_and_nothing_else() -> None:
    document, text = written(seen(Start(), *done(1), Stop(), *done(2)))
    assert document["steps"] == [{"send": "start"}, {"send": "stop"}]
    assert "# " in text
    assert "0.010 s  <- KPD1  CC 01 27" in text


def test_a_refused_command_one_without_an_answer_and_a_test_say_what_came() -> None:
    items = seen(
        Start(), CommandReceived(1, 0x16), Stop(), TestCommand(test_number=7), CommandReceived(14, 0)
    )
    document, _ = written(items)
    assert document["steps"] == [
        {"send": "start", "expect": [{"command-received": {"status": 0x16}}]},
        {"send": "stop", "expect": []},
        {"send": {"test": {"test_number": 7}}, "expect": [{"command-received": {"status": 0}}]},
    ]


def test_a_late_answer_is_expected_in_a_step_of_its_own() -> None:
    items = seen(Start(), CommandReceived(1, 0), Stop(), CommandExecuted(1, 0), *done(2))
    steps = written(items)[0]["steps"]
    assert steps[1] == {"send": "stop", "expect": []}
    assert [next(iter(one)) for one in steps[2]["expect"]] == [
        "command-executed",
        "command-received",
        "command-executed",
    ]
    assert steps[2]["expect"][0] == {"command-executed": {"command": 1, "status": 0}}


def test_no_password_is_in_a_scenario() -> None:
    wrong, broken = Start(password="777777"), CODEC.encode(Start(password="888888"))[:9] + b"\xff\x01"
    items = seen(
        Start(password="555555"), *done(1), SetPassword(password="555555", new_password="444444"), *done(3),
        Stop(password="444444"), *done(2), wrong, *done(1), broken,
    )  # fmt: skip
    document, text = written(items)
    for secret in ("555555", "444444", "777777", "888888"):
        assert secret not in text
        assert secret.encode().hex(" ").upper() not in text.upper()
    assert document["header"]["password"] == "${password}"
    assert document["steps"][1]["send"] == {"set-password": {"new_password": "${password2}"}}
    assert document["steps"][2] == {"send": "stop"}  # the console has the new one from there on
    assert document["steps"][3]["send"] == {"start": {"password": "${password3}"}}


def test_octets_that_read_as_no_command_are_sent_as_they_are() -> None:
    odd = bytes.fromhex("CC010B03313233343536FFFFFFFF")
    document, _ = written(seen(Start(), *done(1), odd, CommandReceived(11, 0x10)))
    assert document["steps"][1] == {
        "raw": "CC 01 0B 03 ${password_octets} FF FF FF FF",
        "expect": [{"command-received": {"status": 0x10}}],
    }
    assert document["variables"]["password_octets"] == "31 32 33 34 35 36"


def test_the_number_of_a_call_is_saved_from_its_event() -> None:
    number = event(NumberReceived).call_number
    command = ConnectKsl(
        call_number=number, object_type=ObjectType.OWN_SUBSCRIBER, object_number=1, ksl_group=1
    )
    document, _ = written(seen(Start(), *done(1), event(NumberReceived), command, *done(7)))
    assert document["steps"][1]["events"][0]["save"] == {"call_number": "call_number1"}
    assert document["steps"][2]["send"]["connect-ksl"]["call_number"] == "${call_number1}"


def test_a_call_is_a_comment_and_with_a_domain_a_step() -> None:
    items = seen(Start(), *done(1), event(NumberReceived), event(Answer), event(Release), step=0.5)
    document, text = written(items)
    assert [list(step) for step in document["steps"]] == [["send"], ["events"]]
    assert "HERE THE LAB MUST MAKE A CALL" in text
    document, text = written(items, calls="d")
    call = document["steps"][1]["call"]
    assert (call["domain"], call["ring"], call["talk"]) == ("d", 0.5, 0.5)
    assert "MUST MAKE" not in text


@pytest.mark.parametrize("is_released", [True, False], ids=["released", "left by command 2"])
def test_a_number_that_a_second_session_uses_again_is_another_call(is_released: bool) -> None:
    number = event(NumberReceived).call_number
    command = ConnectKsl(
        call_number=number, object_type=ObjectType.OWN_SUBSCRIBER, object_number=1, ksl_group=1
    )
    first = [event(NumberReceived), event(Answer)] + [event(Release)] * is_released
    again = [Start(), *done(1), event(NumberReceived), command, *done(7), event(Answer), event(Release)]
    items = seen(Start(), *done(1), *first, Stop(), *done(2), *again, step=0.5)
    document, _ = written(items, calls="d")
    calls = [step["call"] for step in document["steps"] if "call" in step]
    assert [(call["ring"], call["talk"]) for call in calls] == [
        (0.5, 0.5 if is_released else 3.0),
        (2.0, 0.5),
    ]
    saved = [
        one["save"]["call_number"]
        for step in document["steps"]
        for one in step.get("events", ())
        if "save" in one
    ]
    assert saved == ["call_number1"]
    names = [next(iter(step)) for step in document["steps"]]
    place = names.index("call", names.index("call") + 1)
    assert [one.get("save") for one in document["steps"][place]["events"]] == [
        {"call_number": "call_number1"}
    ]


def test_an_event_that_is_sent_again_begins_no_other_call() -> None:
    items = seen(
        Start(), *done(1), event(NumberReceived), event(NumberReceived), event(Answer), event(Release)
    )
    document, _ = written(items, calls="d")
    assert sum("call" in step for step in document["steps"]) == 1


def test_a_call_report_makes_its_call() -> None:
    def report(number: int, **more: Any) -> Reported:
        call = CallReport(
            call_id="c", domain="d", sequence=number, time=1000.0, connection=0x1C, calling=Party(digits="1"),
            called=Party(digits="2"), calling_station="28331", called_station="28332", setup_time=1000.0, **more,
        )  # fmt: skip
        return Reported(1000.02 + number / 100, call)

    reports = [report(1), report(2, answer_time=1001.0, release_time=1003.5, release_cause=5)]
    document, _ = written([*seen(Start(), *done(1)), *reports])
    assert document["steps"][1] == {
        "call": {"domain": "d", "a": "28331", "b": "28332", "ring": 1.0, "talk": 2.5}
    }


def test_pauses_are_kept_when_asked_for() -> None:
    items = seen(Start(), *done(1), Stop(), *done(2), step=0.4)
    assert written(items, real_time=True)[0]["steps"] == [
        {"send": "start"},
        {"silence": 0.4},
        {"send": "stop"},
    ]
    assert written(items)[0]["steps"] == [{"send": "start"}, {"send": "stop"}]


def test_what_comes_late_is_waited_for() -> None:
    items = seen(Start(), CommandReceived(1, 0), CommandExecuted(1, 0x3A), step=4.0)
    assert written(items)[0]["steps"][0]["within"] == 11


def test_a_console_beside_the_first_one_is_left_out_and_one_that_comes_back_is_not() -> None:
    def of(one: Seen, name: str, later: float = 0.0) -> Seen:
        assert one.time is not None
        return Seen(one.time + later, one.raw, one.message, one.sound, one.of_console, one.on_kpd2, name)

    first = [of(one, "a") for one in seen(Start(), *done(1))]
    beside = of(first[0], "b", 0.005)
    back = of(first[0], "c", 5.0)
    document, text = written([*first, beside, back])
    assert document["steps"] == [
        {"send": "start"},
        {"disconnect": "kpd1"},
        {"connect": "kpd1"},
        {"send": "start", "expect": []},
    ]
    assert "Left out: 1 units of further consoles" in text
    assert written([*first, beside, back], console=2)[0]["steps"] == [{"send": "start", "expect": []}]
    for number, says in (
        (0, r"2 consoles .* --console 1: a, c \(4 units\); --console 2: b"),
        (3, "--console 3: not in"),
    ):
        with pytest.raises(TranscriptError, match=says):
            written([*first, beside, back], console=number)


def test_a_console_that_comes_back_has_both_channels_before_the_commands_that_lead_to_events() -> None:
    def of(ones: list[Seen], number: int) -> list[Seen]:
        return [replace(one, connection=f"{number}{'b' if one.on_kpd2 else 'a'}") for one in ones]

    one = seen(Start(), *done(1), event(NumberReceived), Stop(), *done(2))
    later = seen(Start(), *done(1), event(NumberReceived, call=8), Stop(), *done(2))
    again = [replace(each, time=(each.time or 0.0) + 10) for each in later]
    document, _ = written(of(one, 1) + of(again, 2), calls="d")
    names = [next(iter(step)) for step in document["steps"]]
    assert names == ["send", "call", "send", "disconnect", "connect", "send", "call", "send"]
    assert document["steps"][3:5] == [{"disconnect": ["kpd2", "kpd1"]}, {"connect": ["kpd2", "kpd1"]}]
    assert document["finally"] == [{"send": "stop", "expect": "any"}]
    # KPD2 alone has come back.
    kpd2 = [replace(each, connection="2b" if each.on_kpd2 else "1a") for each in again]
    steps = written(of(one, 1) + kpd2, calls="d")[0]["steps"]
    assert steps[2:4] == [{"disconnect": "kpd2"}, {"connect": "kpd2"}]


def test_of_several_scripts_one_is_chosen(tmp_path: Path) -> None:
    path = tmp_path / "run.pcapng"
    with PcapngWriter(path) as writer:
        for number, (script, command) in enumerate((("first", Start()), ("other", Stop()))):
            kpd1 = writer.connection("KPD1", ("127.0.0.1", 4000 + number), ("127.0.0.1", 1001), 999.0)
            kpd1.sent(
                CODEC.encode(command), 999.5, comment=f"{script}, step 1, send {command.message_name}: x"
            )

    def convert(**settings: Any) -> str:
        target = tmp_path / f"{len(list(tmp_path.iterdir()))}.yaml"
        run_pcap2scenario(CaptureSettings(file=path, output=target, options=Options(), **settings))
        return target.read_text() if target.exists() else ""

    assert "send: stop" in convert(script="other")
    assert "send: start" in convert(script="first")
    assert not convert()
    assert not convert(script="third")
    assert not convert(console=1)


def test_the_place_of_a_call_is_before_its_events() -> None:
    items = seen(Start(), *done(1), event(NumberReceived), event(Release))
    document, text = written(items)
    assert [sorted(step) for step in document["steps"]] == [["send"], ["events"]]
    assert text.index("send: start") < text.index("HERE THE LAB MUST MAKE A CALL") < text.index("events:")


@pytest.mark.parametrize("when", [1e18, -1e18, 2.0**70])
def test_a_time_that_is_no_date_is_a_number(when: float) -> None:
    made = transcript(
        [Seen(when, CODEC.encode(Start()), Start(), of_console=True)], CODEC, TranscriptSettings(source="x")
    )
    assert f"From {when:.0f} to {when:.0f} UTC" in made.text()


def test_nothing_makes_no_scenario() -> None:
    for items in ([], seen(CommandReceived(1, 0))):
        with pytest.raises(TranscriptError):
            written(items)


# --- captures


def converted(capture: Path, target: Path, lab: Path) -> str:
    settings = CaptureSettings(
        file=capture, output=target, options=Options(), lab=str(lab), calls="test.domain",
        trunks={2: "smg_trunk", 3: "city_trunk"},
    )  # fmt: skip
    assert run_pcap2scenario(settings) == 0
    return target.read_text(encoding="utf-8")


def plain(text: str) -> str:
    """A scenario without what differs from run to run: comments, moments and durations."""
    text = re.sub(r"^#.*\n|^name:.*\n", "", text, flags=re.MULTILINE)
    return re.sub(r"\b(ring|talk|within): [\d.]+", r"\1: T", text)


@pytest.mark.parametrize("name", GREEN)
async def test_a_recording_becomes_a_scenario_that_replays_and_becomes_the_same_again(name, tmp_path) -> None:
    lab = load(FOLDER / "scenarios" / f"{name}.yaml").lab
    first = converted(FOLDER / "runs" / f"{name}.pcapng", tmp_path / "first.yaml", lab)
    assert first == converted(FOLDER / "runs" / f"{name}.pcapng", tmp_path / "same.yaml", lab).replace(
        "name: same", "name: first"
    )
    shown: list[str] = []
    with PcapRecorder(tmp_path / "again.pcapng") as recorder:
        result = await run_script(
            load(tmp_path / "first.yaml"),
            ReplaySettings(scripts=(), link="tcp"),
            TextPrinter(shown.append),
            recorder,
        )
    assert result.verdict == "PASS", "".join(shown)
    again = converted(tmp_path / "again.pcapng", tmp_path / "again.yaml", lab)
    assert again.count("\n- ") >= first.count("\n- ")
    assert plain(again).splitlines()[: len(plain(first).splitlines()) // 2]
    # The stop of ``finally`` has run, and is a step of the second one, which has its own.
    assert sends(again) == [*sends(first), *(["stop"] if "\nfinally:" in first else [])]


def sends(text: str) -> list[Any]:
    """The steps that do something, without their moments; a stop in ``finally`` is the last of them."""
    document = yaml.safe_load(plain(text))
    steps = [*document["steps"], *document.get("finally", [])]
    return [step.get(key) for step in steps for key in ("send", "raw", "call") if key in step]


def test_a_capture_with_reports_makes_calls_of_their_domain(tmp_path: Path) -> None:
    outbox = Outbox(b"secret")
    report = CallReport(
        call_id="c", domain="some.domain", sequence=1, time=1000.0, connection=0x1C, setup_time=1000.0,
        calling=Party(digits="28331"), called=Party(digits="28332"),
        calling_station="28331", called_station="28332",
    )  # fmt: skip
    (transmit,) = outbox.queue(report, 0.0)
    ends = ("127.0.0.1", 4001), ("127.0.0.1", 1813)
    path, target = tmp_path / "r.pcapng", tmp_path / "r.yaml"
    with PcapngWriter(path) as writer:
        kpd1 = writer.connection("KPD1", ("127.0.0.1", 4000), ("127.0.0.1", 1001), 999.0)
        kpd1.sent(CODEC.encode(Start()), 999.1)
        writer.datagram("RADIUS", *ends, transmit.datagram, 1000.0, outbound=True)
    assert run_pcap2scenario(CaptureSettings(file=path, output=target, options=Options())) == 0
    steps = yaml.safe_load(target.read_text())["steps"]
    assert steps[1]["call"]["domain"] == "some.domain"
    assert target.stat().st_mode & 0o777 == 0o600


def test_from_outside(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sorm_mediator", "pcap2scenario"]

    def run(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, **more)

    capture = str(FOLDER / "runs" / "order70.pcapng")
    made = run(capture, "--order", "70")
    assert made.returncode == 0
    assert made.stdout.startswith("# Made by sorm-mediator from order70.pcapng: ")
    only = run(str(FOLDER / "runs" / "main-job.pcapng"), "--channel", "kpd1")
    assert "send: start" in only.stdout
    assert "events" not in only.stdout
    stdin = run("-", input="CC 01 01 00 31 32 33 34 35 36")
    assert "- send: start\n  expect: []" in stdin.stdout
    (tmp_path / "there.yaml").touch()
    for arguments, says in (
        (("/nowhere/x.pcapng",), "/nowhere/x.pcapng: No such file or directory"),
        ((capture, "-o", str(tmp_path / "there.yaml")), "exists already"),
        ((capture, "-o", "/nowhere/x.yaml"), "-o: /nowhere/x.yaml: its folder does not exist"),
        ((capture, "--order", "71"), "--order: '71' is not allowed: 268, 70"),
        (("-",), "the input is empty"),
    ):
        wrong = run(*arguments, stdin=subprocess.DEVNULL)
        assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1), wrong.stderr
        assert says in wrong.stderr


def test_the_lab_is_named_as_seen_from_the_scenario(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(FOLDER / "labs" / "minimal.toml", home)
    shutil.copytree(FOLDER / "labs" / "routing", home / "routing")
    (home / "scenarios").mkdir()
    command = [
        sys.executable,
        "-m",
        "sorm_mediator",
        "pcap2scenario",
        str(FOLDER / "runs" / "main-job.pcapng"),
    ]
    for output, named in (("home/o.yaml", "minimal.toml"), ("home/scenarios/o.yaml", "../minimal.toml")):
        subprocess.run([*command, "-c", "home/minimal.toml", "-o", output], cwd=tmp_path, check=True)
        assert f"\nlab: {named}\n" in (tmp_path / output).read_text("utf-8")
    moved = home.rename(tmp_path / "moved")
    assert load(moved / "scenarios" / "o.yaml").lab.resolve() == moved / "minimal.toml"
