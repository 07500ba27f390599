"""What a run shows of what a mediator said."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from xml.etree import ElementTree as ET

from protocol import (
    Channel,
    Codec,
    ElectronicMessage,
    NumberSign,
    ObjectType,
    Options,
    Party,
    Time,
    encode_message_text,
)
from protocol.messages import TrunkInfo
from sorm_mediator.console.client import Crossed
from sorm_mediator.console.comparing import Difference, Failure
from sorm_mediator.console.errors import ConnectError
from sorm_mediator.replay.results import ScriptResult, StepResult, TextPrinter, write_junit


def test_the_text_of_a_mediator_can_not_steer_the_terminal() -> None:
    lines: list[str] = []
    message = TrunkInfo(trunk=2, name="smg")
    raw = Codec().encode(message)
    crossed = SimpleNamespace(
        outbound=False,
        findings=["a\nPASS"],
        channel=Channel.KPD1,
        message=message,
        problems=["x\x1b[2J"],
        raw=raw,
        coding="utf-8",
    )
    client = cast(Any, SimpleNamespace(name="main"))
    TextPrinter(lines.append).crossed(client, cast(Any, crossed), 0.0)
    assert all(line.endswith("\n") and line[:-1].isprintable() for line in lines)
    assert any("a\\nPASS" in line for line in lines)
    assert any("x\\x1b[2J" in line for line in lines)


def test_the_text_of_an_electronic_message_is_read_in_the_coding_of_the_mediator() -> None:
    lines: list[str] = []
    codec = Codec(Options(message_text="cp1251"))
    party, nobody = Party(NumberSign.OWN, "28331"), Party(None, None)
    message = ElectronicMessage(
        258, ObjectType.OWN_SUBSCRIBER, party, 0x15, 0xFF, Time(15, 9, 30, 5), party, nobody, nobody,
        encode_message_text("Приду", "cp1251"), total=1, index=1,
    )  # fmt: skip
    crossed = Crossed(0.0, False, "kpd1", codec.encode(message), message, coding="cp1251")
    TextPrinter(lines.append).crossed(cast(Any, SimpleNamespace(name="main")), crossed, 0.0)
    assert any("Приду" in line for line in lines)


# --- the JUnit report: well-formed whatever the texts hold, one case a script


def test_a_case_for_each_script_with_its_failure(tmp_path: Path) -> None:
    passed = ScriptResult(
        "passes", Path("a.yaml"), [StepResult("1", "send start", 3, Path("a.yaml"))], 1, 0.25
    )
    failure = Failure(
        "answer {operation: 0}", "", None, [Difference("operation", "0 (00h)", "1 (01h) <&\x00\ud800>")]
    )
    failed = ScriptResult(
        "fails", Path("b.yaml"), [StepResult("2", "events answer", 7, Path("b.yaml"), failure)], 2, 0.5
    )
    broken = ScriptResult(
        "can't run", Path("c.yaml"), error=ConnectError("127.0.0.1:1: KPD2 can't be reached")
    )
    report = tmp_path / "report.xml"
    write_junit(report, [passed, failed, broken])

    suite = ET.parse(report).getroot().find("testsuite")  # noqa: S314 - our own file
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == ["passes", "fails", "can't run"]
    assert [child.tag for case in cases for child in case] == ["failure", "error"]
    text = cases[1][0].text
    assert text is not None
    assert text.startswith("step 2, b.yaml:7: events answer\nexpected: answer {operation: 0}")
    assert "  operation: expected 0 (00h), came 1 (01h) <&\ufffd\ufffd>" in text
    assert (
        cases[1][0].get("message")
        == "step 2, events answer: operation: expected 0 (00h), came 1 (01h) <&\ufffd\ufffd>"
    )
    assert cases[2][0].get("message") == "127.0.0.1:1: KPD2 can't be reached"
