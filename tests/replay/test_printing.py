"""What a run shows of what a mediator said."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from xml.etree import ElementTree as ET

import captures
from protocol import (
    Channel,
    Codec,
    CommandReceived,
    ElectronicMessage,
    NumberSign,
    ObjectType,
    Options,
    Party,
    Start,
    Time,
    encode_message_text,
)
from protocol.messages import TrunkInfo
from sorm_mediator import __version__
from sorm_mediator.console.client import Crossed
from sorm_mediator.console.comparing import Difference, Failure, differences
from sorm_mediator.console.errors import ConnectError, ScriptError
from sorm_mediator.replay.demo import DemoRow, _print_table
from sorm_mediator.replay.results import (
    Exchange,
    ScriptResult,
    StepResult,
    TextPrinter,
    shown_lab,
    write_junit,
)
from sorm_mediator.reports.people import Look


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
    assert [child.tag for child in suite] == ["properties", "testcase", "testcase", "testcase"]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == ["passes", "fails", "can't run"]
    assert [[child.tag for child in case] for case in cases] == [
        ["system-out"],
        ["failure", "system-out"],
        ["error"],
    ]
    assert cases[0][0].text == "PASS  1  send start  (a.yaml:3, 0.000 s)"
    text = cases[1][0].text
    assert text is not None
    assert text.startswith("step 2, b.yaml:7: events answer\nexpected: answer {operation: 0}")
    assert "  operation: expected 0 (00h), came 1 (01h) <&\ufffd\ufffd>" in text
    assert (
        cases[1][0].get("message")
        == "step 2, events answer: operation: expected 0 (00h), came 1 (01h) <&\ufffd\ufffd>"
    )
    assert cases[2][0].get("message") == "127.0.0.1:1: KPD2 can't be reached"


SHAPE = {
    "testsuites": ("name tests failures errors skipped time", "testsuite"),
    "testsuite": ("name tests failures errors skipped time timestamp hostname", "properties testcase"),
    "properties": ("", "property"),
    "property": ("name value", ""),
    "testcase": ("name classname file time", "skipped error failure system-out"),
    "failure": ("message type", ""),
    "error": ("message type", ""),
    "system-out": ("", ""),
}
"""What CI servers read of JUnit's XML: the attributes and children of each element, in this order."""


def test_the_report_has_the_usual_shape_and_every_step_with_its_octets(tmp_path: Path) -> None:
    codec, path = Codec(), Path("a.yaml")
    command = codec.encode(Start())
    refusal = CommandReceived(1, 0x10)
    came = Crossed(0.5, False, "kpd1", codec.encode(refusal), refusal)
    failure = Failure("the command is executed", "", came, differences({"status": 0}, came.fields))
    step = StepResult("1", "send start", 3, path, failure)
    step.exchanged += [
        Exchange("main", Crossed(0.0, True, "kpd1", command, Start()), 0.001),
        Exchange("main", came, 0.002),
    ]
    results = [
        ScriptResult("fails", path, [step], 1, lab="labs/a.toml", link="tcp", variables={"number": "28331"}),
        ScriptResult("other", path, [], 1, lab="labs/b.toml", link="x25"),
    ]
    report = tmp_path / "report.xml"
    write_junit(report, results, variables={"number": "28331"})

    root = ET.parse(report).getroot()  # noqa: S314 - our own file
    for element in root.iter():
        attributes, children = (words.split() for words in SHAPE[element.tag])
        assert set(element.keys()) <= set(attributes), element.tag
        order = [children.index(child.tag) for child in element]
        assert order == sorted(order), element.tag
        if "time" in attributes:
            assert float(element.attrib["time"]) >= 0
    assert [suite.get("name") for suite in root] == ["replay labs/a.toml tcp", "replay labs/b.toml x25"]
    properties = {one.get("name"): one.get("value") for one in root[0][0]}
    assert properties == {"version": __version__, "lab": "labs/a.toml", "link": "tcp", "var.number": "28331"}
    failed, printed = root[0][1]
    assert failed.text is not None
    first, *rest = failed.text.splitlines()
    assert first == "step 1, a.yaml:3: send start"
    assert "  status: expected 0 (00h: accepted), came 16 (10h: " in failed.text
    assert any("<- KPD1  CC 01 27 02" in line for line in rest)
    assert printed.text is not None
    lines = printed.text.splitlines()
    assert lines[0] == "variables: number='28331'"
    assert lines[1].startswith("FAIL  1  send start  (a.yaml:3, ")
    assert "-> KPD1  CC 01 01 00 ** ** ** ** ** **" in lines[2]
    assert "31 32 33" not in report.read_text()


def test_at_a_terminal_arrows_octets_and_verdicts_have_colours() -> None:
    lines: list[str] = []
    message = Start(password="123456")
    crossed = Crossed(0.0, True, "kpd1", Codec().encode(message), message)
    printer = TextPrinter(lines.append, "ru", look=Look(width=50, coloured=True))
    printer.crossed(cast(Any, SimpleNamespace(name="main")), crossed, 0.0125)
    printer.ended(StepResult("1", "send start", 3, Path("a.yaml")))
    assert "\x1b[36m->\x1b[0m КПД1  \x1b[2mCC 01 01 00 **" in lines[0]
    assert lines[0].splitlines()[1].startswith(f"\x1b[2m{'':29}")
    assert lines[-1] == "      \x1b[32mВЫПОЛНЕН\x1b[0m\n"


def test_the_table_of_the_demo_fits_its_terminal(capsys, monkeypatch) -> None:
    monkeypatch.setattr(Look, "of_stdout", lambda: Look(width=80))
    row = DemoRow(
        "a name of many words, which is too long for any " * 2,
        "a.yaml",
        "tcp+e1",
        "PASS",
        12,
        12,
        123.4,
        None,
    )
    _print_table([row], 130.0, 1, "ru")
    shown = capsys.readouterr().out.splitlines()
    assert max(map(len, shown)) <= 80
    assert any("12/12" in line and line.endswith("123.40") for line in shown)


def test_a_suite_has_its_begin_and_machine_and_a_case_its_folder(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    results = [
        ScriptResult("call", tmp_path / folder / "calls.yaml", [], 1, began=began)
        for folder, began in (("a", 1_700_000_100.0), ("b", 1_700_000_000.0))
    ]
    write_junit(tmp_path / "r.xml", results)
    [suite] = ET.parse(tmp_path / "r.xml").getroot()  # noqa: S314 - our own file
    assert [case.get("classname") for case in suite.iter("testcase")] == ["a.calls", "b.calls"]
    assert suite.get("hostname")
    assert datetime.fromisoformat(suite.attrib["timestamp"]).timestamp() == 1_700_000_000


def test_a_shipped_lab_is_named_as_scenarios_name_it(tmp_path: Path, monkeypatch) -> None:
    shipped = Path(captures.__path__[0]) / "labs" / "minimal.toml"
    for folder in (tmp_path, shipped.parent):
        monkeypatch.chdir(folder)
        assert shown_lab(str(shipped)) == "labs/minimal.toml"
    assert shown_lab(str(shipped.parent / "own.toml").replace("captures", "elsewhere")).endswith("own.toml")
    assert shown_lab("127.0.0.1:1001") == "127.0.0.1:1001"


def test_every_mistake_has_a_line_of_its_own(tmp_path: Path) -> None:
    out: list[str] = []
    TextPrinter(out.append).summary(
        [ScriptResult("x", tmp_path / "x.yaml", error=ScriptError("first\nsecond"))]
    )
    assert "".join(out).splitlines()[-2:] == ["      first", "      second"]
