"""The JUnit report: well-formed whatever the texts hold, one case a script."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from sorm_mediator.console.comparing import Difference, Failure
from sorm_mediator.console.errors import ConnectError
from sorm_mediator.replay.results import ScriptResult, StepResult, write_junit


def test_a_case_for_each_script_with_its_failure(tmp_path: Path) -> None:
    passed = ScriptResult("passes", Path("a.yaml"), [StepResult("1", "send start", 3)], 1, 0.25)
    failure = Failure(
        "answer {operation: 0}", "", None, [Difference("operation", "0 (00h)", "1 (01h) <&\x00\ud800>")]
    )
    failed = ScriptResult("fails", Path("b.yaml"), [StepResult("2", "events answer", 7, failure)], 2, 0.5)
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
