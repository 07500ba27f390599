"""The scripts of a run: which ones, how many at once, with which values, and what is printed of them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from sorm_mediator.console.errors import ScriptError, UsageError
from sorm_mediator.replay import scenario
from sorm_mediator.replay.session import STDIN, ReplaySettings, chosen, read_variables, run_scripts

START = "name: {name}\nlab: labs/order268.toml\nsteps: [{{send: start}}]\n"


def settings(*scripts: Path, **options: Any) -> ReplaySettings:
    return ReplaySettings(scripts=scripts, **options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "below").mkdir()
    for place, name in (("one.yaml", "first"), ("below/two.yml", "second"), ("below/three.json", "")):
        text = '["start-sorm"]' if place.endswith("json") else START.format(name=name)
        (tmp_path / place).write_text(text)
    (tmp_path / "notes.txt").write_text("no script")
    return tmp_path


def test_a_folder_is_all_scripts_below_it(folder: Path) -> None:
    assert [one.path.name for one in chosen(settings(folder), io.StringIO())] == [
        "three.json",
        "two.yml",
        "one.yaml",
    ]


def test_k_chooses_by_path_and_name_and_repeat_repeats(folder: Path) -> None:
    assert [one.name for one in chosen(settings(folder, keyword="SECOND"), io.StringIO())] == ["second"]
    twice = chosen(settings(folder, keyword="below", repeat=2), io.StringIO())
    assert [one.path.name for one in twice] == ["three.json", "three.json", "two.yml", "two.yml"]
    with pytest.raises(ScriptError, match="-k: 'nowhere' chooses none of the scripts"):
        chosen(settings(folder, keyword="nowhere"), io.StringIO())


def test_a_scenario_from_stdin() -> None:
    [one] = chosen(settings(STDIN), io.StringIO(START.format(name="typed")))
    assert (one.name, str(one.path)) == ("typed", "-")
    with pytest.raises(ScriptError, match="-:1: "):
        chosen(settings(STDIN), io.StringIO("name: [1]\n"))


def test_every_mistake_of_every_script_is_told(folder: Path) -> None:
    (folder / "bad.yaml").write_text("name: x\nsteps: [{send: strat}]\n")
    (folder / "worse.yaml").write_text("name: x\n")
    with pytest.raises(ScriptError) as error:
        chosen(settings(folder), io.StringIO())
    lines = str(error.value).splitlines()
    assert len(lines) == 2
    assert "bad.yaml:2: " in lines[0]
    assert "worse.yaml:1: steps is missing" in lines[1]


def test_var_gives_another_value(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text('name: a\nvariables: {number: "28331", wait: 1}\nsteps: [{send: start}]\n')
    [one] = chosen(settings(path, variables=read_variables(["wait=2.5", "number='1'"])), io.StringIO())
    assert isinstance(one, scenario.Scenario)
    assert one.variables == {"number": "1", "wait": 2.5}
    with pytest.raises(ScriptError, match="--var: no chosen scenario has nmber among its variables"):
        chosen(settings(path, variables={"nmber": 1}), io.StringIO())


@pytest.mark.parametrize(
    "word", ["x", "1x=2", "=2", "x=[1]", "x={", "x=2024-13-45", "x=" + "9" * 5000, "x=" + "[" * 5000]
)
def test_a_var_that_is_none(word: str) -> None:
    with pytest.raises(UsageError, match="NAME=VALUE"):
        read_variables([word])


def test_several_at_once_need_labs_of_their_own() -> None:
    with pytest.raises(UsageError, match="-j: 4 at once need labs of their own"):
        settings(Path("x.yaml"), jobs=4, host="127.0.0.1")


def test_list_and_check_start_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed: list[str] = []
    assert run_scripts(settings(folder, list=True), printed.append) == 0
    assert printed[-1] == f"{folder / 'one.yaml'}: first (1)\n"
    printed.clear()
    assert run_scripts(settings(folder / "one.yaml", check=True, as_json=True), printed.append) == 0
    assert json.loads(printed[0]) == {"name": "first", "file": str(folder / "one.yaml"), "steps": 1}
    (folder / "bad.yaml").write_text("name: x\n")
    assert run_scripts(settings(folder, check=True), printed.append) == 2
    assert "bad.yaml:1: steps is missing" in capsys.readouterr().err


def test_several_at_once_are_printed_one_after_the_other_and_quietly(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"{number}.yaml").write_text(START.format(name=f"number {number}"))
    (tmp_path / "4.yaml").write_text(
        "name: number 4\nlab: labs/order268.toml\nsteps: [{send: start}, {send: get-version}, {send: start}]\n"
    )
    printed: list[str] = []
    assert run_scripts(settings(tmp_path, jobs=3, quiet=True), printed.append) == 1
    text = "".join(printed)
    before, summary = text.split("Summary:\n")
    assert "send get-version" not in before, "a step that passed"
    assert "3  send start" in before
    assert "status: expected 0 (00h: " in before
    assert [line[7:15] for line in summary.splitlines() if line.startswith(("  PASS", "  FAIL"))] == [
        f"number {number}" for number in range(5)
    ]
    assert f"{tmp_path / '4.yaml'}:3, step 3, send start" in summary


# --- steps of another file, and tables


def test_include_stands_for_the_steps_of_another_file(tmp_path: Path) -> None:
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "start.yaml").write_text("steps:\n  - {send: start}\n  - include: more.yaml\n")
    (tmp_path / "common" / "more.yaml").write_text(
        "steps:\n  - events: [{number-received: {}, save: {call_number: cn}}]\n"
    )
    main = tmp_path / "main.yaml"
    main.write_text(
        "name: a\nsteps:\n  - include: common/start.yaml\n  - send: {get-objects: {object_number: '${cn}'}}\n"
    )
    one = scenario.load(main)
    assert [step.title_of({}) for step in one.steps] == [
        "send start",
        "events number-received",
        "send get-objects",
    ]
    assert one.steps[1].node.file.endswith("more.yaml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("steps: [{include: main.yaml}]", "other.yaml includes itself"),
        ("steps: [{include: gone.yaml}]", "gone.yaml is no file"),
        ("steps: [{include: main.yaml, send: start}]", "unknown key; allowed: include"),
        ("{}", "steps is missing"),
        (
            "name: o\nlab: l.toml\nwithin: 1\nsteps: []",
            "main.yaml:2: steps[1].include: other.yaml is a scenario (lab, within); a part has steps alone",
        ),
    ],
)
def test_an_include_that_does_not_work_names_its_place(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "main.yaml").write_text("name: a\nsteps: [{include: other.yaml}]\n")
    (tmp_path / "other.yaml").write_text(text + "\n")
    with pytest.raises(ScriptError) as error:
        scenario.load(tmp_path / "main.yaml")
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("repeat", "says"),
    [
        ("{steps: [{send: start}]}", "needs either times, a number, or rows"),
        ("{times: 2, rows: [{a: 1}], steps: [{send: start}]}", "needs either times, a number, or rows"),
        ("{rows: [], steps: [{send: start}]}", "at least one row"),
        ("{rows: [{a: 1}, {b: 1}], steps: [{send: start}]}", "has other variables than the first row: a"),
        ("{rows: [{a: [1]}], steps: [{send: start}]}", "a text, a number, true, false or null"),
    ],
)
def test_a_table_that_is_none(repeat: str, says: str) -> None:
    with pytest.raises(ScriptError) as error:
        scenario.parse(f"name: a\nsteps: [{{repeat: {repeat}}}]\n")
    assert says in str(error.value)


async def test_the_steps_run_once_for_each_row(mediator: Any, run: Any) -> None:
    result = await run(
        """
- repeat:
    rows: [{n: 1, sign: own}, {n: 2, sign: emergency}]
    as: i
    steps:
      - send: {get-objects: {object_number: "${n}", number_sign: "${sign}"}}
      - send: {test: {test_number: "${i}"}}
        expect: any
"""
    )
    assert [raw[10:13].hex() for raw in mediator.commands if raw[2] == 0x0A] == ["0100ff", "0200ff"]
    assert [raw[10] for raw in mediator.commands if raw[2] == 0x0E] == [1, 2]
    assert result.verdict == "PASS"
    assert result.planned == 4


def test_a_folder_may_hold_parts_and_only_chosen_mistakes_count(tmp_path: Path) -> None:
    (tmp_path / "part.yaml").write_text("steps: [{send: start}]\n")
    (tmp_path / "whole.yaml").write_text("name: a\nsteps: [{include: part.yaml}]\n")
    (tmp_path / "broken.yaml").write_text("name: [\n")
    assert [one.name for one in chosen(settings(tmp_path, keyword="whole"), io.StringIO())] == ["a"]
    with pytest.raises(ScriptError, match=r"broken\.yaml"):
        chosen(settings(tmp_path), io.StringIO())


def test_ports_without_a_host_are_wrong_usage() -> None:
    with pytest.raises(UsageError, match="--kpd1, --kpd2: belong to a running mediator"):
        settings(Path("x.yaml"), kpd1=1001)


def test_a_failed_step_of_an_included_file_is_named_there(tmp_path: Path) -> None:
    (tmp_path / "part.yaml").write_text("steps:\n\n\n\n  - send: get-version\n")
    main = tmp_path / "main.yaml"
    main.write_text("name: a\nlab: labs/order268.toml\nsteps: [{include: part.yaml}]\n")
    printed: list[str] = []
    assert run_scripts(settings(main, quiet=True), printed.append) == 1
    assert f"{tmp_path / 'part.yaml'}:5, step 1, send get-version" in "".join(printed)


def test_a_misspelt_name_is_a_mistake_and_a_part_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("mix")
    folder.mkdir()
    (folder / "good.yaml").write_text("name: g\nlab: labs/minimal.toml\nsteps: [{include: part.yaml}]\n")
    (folder / "part.yaml").write_text("steps: [{send: start}]\n")
    assert run_scripts(settings(folder, check=True)) == 0
    said = capsys.readouterr()
    assert said.err == "sorm-mediator: left out: mix/part.yaml (a part without name)\n"
    (folder / "lonely.yaml").write_text("steps: [{send: start}]\n")
    for key in ("lab: labs/minimal.toml", "nmae: x", "header: {orm_number: 1}", "finally: [{send: stop}]"):
        (folder / "bad.yaml").write_text(f"{key}\nsteps: [{{send: start}}]\n")
        for options in ({"check": True}, {"list": True}):
            assert run_scripts(settings(folder, **options)) == 2
            said = capsys.readouterr()
            assert "mix/bad.yaml:1: " in said.err
            assert "name" in said.err.splitlines()[0]
            assert "left out: mix/lonely.yaml" in said.err
            assert "warning: mix/lonely.yaml: does not run: it has no name" in said.err
            assert "warning: mix/part.yaml" not in said.err
            assert said.out.startswith("mix/good.yaml: g (1)\n")


def test_a_folder_of_parts_alone_names_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text("steps: [{send: start}]\n")
    assert run_scripts(settings(tmp_path)) == 2
    said = capsys.readouterr().err.splitlines()
    assert [line.rpartition("/")[2] for line in said] == [
        f"{name}.yaml: does not run: it has no name; name: makes it a scenario" for name in ("a", "b")
    ]


def test_a_step_of_an_included_file_names_it_for_programs(tmp_path: Path) -> None:
    (tmp_path / "part.yaml").write_text("steps: [{send: start}]\n")
    main = tmp_path / "main.yaml"
    main.write_text("name: a\nlab: labs/minimal.toml\nsteps:\n  - include: part.yaml\n  - send: stop\n")
    out: list[str] = []
    assert run_scripts(settings(main, as_json=True), out.append) == 0
    steps = [one for one in map(json.loads, filter(None, out)) if one["event"] == "step"]
    assert [(one["file"], one["line"]) for one in steps] == [(str(tmp_path / "part.yaml"), 1), (str(main), 5)]


@pytest.mark.parametrize("check", [True, False])
def test_strictly_what_is_doubted_is_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], check: bool
) -> None:
    (tmp_path / "good.yaml").write_text("name: good\nlab: labs/minimal.toml\nsteps: [{send: start}]\n")
    report = tmp_path / "r.xml"
    common: dict[str, Any] = {"check": check, "junit": report}
    assert run_scripts(settings(tmp_path, **common, strict=True), lambda _: None) == 0
    (tmp_path / "idle.yaml").write_text("name: idle\nlab: labs/minimal.toml\nsteps: [{connect: both}]\n")
    (tmp_path / "lonely.yaml").write_text("steps: [{send: start}]\n")
    assert run_scripts(settings(tmp_path, **common), lambda _: None) == 0
    capsys.readouterr()
    assert run_scripts(settings(tmp_path, **common, strict=True), lambda _: None) == 2
    said = capsys.readouterr().err
    assert "idle.yaml: nothing is expected" in said
    assert "lonely.yaml: does not run: it has no name" in said
    assert "warning" not in said
    cases = ET.parse(report).getroot().iter("testcase")  # noqa: S314 - our own file
    assert {one.get("name"): one.find("error") is not None for one in cases} == {
        "good": False,
        "idle": True,
        "lonely": True,
    }


def test_the_summary_tells_what_was_left_out(tmp_path: Path) -> None:
    (tmp_path / "part.yaml").write_text("steps: [{send: start}]\n")
    (tmp_path / "one.yaml").write_text(
        "name: one\nsteps: [{send: start}]\n"
    )  # without a lab: nothing is started
    out: list[str] = []
    assert run_scripts(settings(tmp_path), out.append) == 2
    assert "part.yaml (a part without name)" in "".join(out).splitlines()[-1]
    out.clear()
    assert run_scripts(settings(tmp_path, as_json=True), out.append) == 2
    assert json.loads(out[-1])["left_out"] == [str(tmp_path / "part.yaml")]


def test_check_refuses_what_the_run_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "nolab.yaml").write_text("name: x\nsteps: [{send: start}]\n")
    assert run_scripts(settings(tmp_path / "nolab.yaml", check=True)) == 2
    assert "nolab.yaml: does not name a lab; give --host" in capsys.readouterr().err


def test_a_scenario_that_expects_nothing_is_doubted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = 'name: x\nlab: labs/minimal.toml\nsteps: [{connect: both}, {raw: "CC"%s}]\n'
    for more, doubted in (("", True), (", silence: 0.1", False), (", expect: ok", False)):
        (tmp_path / "x.yaml").write_text(text % more)
        assert run_scripts(settings(tmp_path, check=True)) == 0
        assert ("x.yaml: nothing is expected" in capsys.readouterr().err) is doubted


CALLS = """
name: calls
lab: labs/minimal.toml
variables: {callee: "28332", count: 1, code: 5}
steps:
  - call: {domain: test.domain, a: "28331", b: "${callee}", talk: "${count}"}
  - send: {test: {test_number: "${code}"}}
"""


def test_a_text_stays_a_text_and_a_wrong_value_is_told_before_the_run(tmp_path: Path) -> None:
    path = tmp_path / "calls.yaml"
    path.write_text(CALLS)

    def given(*words: str) -> Any:
        written = dict(word.split("=") for word in words)
        options = settings(path, variables=read_variables(words), written=written)
        [script] = chosen(options, io.StringIO())
        assert isinstance(script, scenario.Scenario)
        return script.variables

    assert given("callee=0028", "count=2.5") == {"callee": "0028", "count": 2.5, "code": 5}
    assert given("callee='28333'")["callee"] == "28333"
    with pytest.raises(ScriptError, match=r"calls.yaml:6: steps\[1\].call.talk: .*soon.* seconds, from 0"):
        given("count=soon")
    with pytest.raises(ScriptError, match=r"calls.yaml:7: steps\[2\].send.test.test_number: "):
        given("code=half")


SECRET = """
name: secret
lab: labs/minimal.toml
header: {password: "${pw}"}
variables: {pw: "654321", other: "765432", unit: "CC 01", number: "28331"}
steps:
  - send: {start: {orm_number: 1, password: "${pw}"}}
    title: "start with ${pw}"
  - send: {set-password: {new_password: "${other}"}}
  - raw: "${unit}"
"""


def test_no_report_has_a_password_of_a_variable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "secret.yaml"
    path.write_text(SECRET)
    [script] = chosen(settings(path), io.StringIO())
    assert isinstance(script, scenario.Scenario)
    assert script.secrets == {"pw", "other", "unit"}
    values = read_variables(["pw='999111'", "number='28332'"])
    junit, page = tmp_path / "r.xml", tmp_path / "r.html"
    assert run_scripts(settings(path, variables=values, junit=junit, report=page)) in (0, 1)
    said = capsys.readouterr()
    for text in (junit.read_text("utf-8"), page.read_text("utf-8"), said.out, said.err):
        assert "999111" not in text
        assert "765432" not in text
    assert 'name="var.pw" value="******"' in junit.read_text("utf-8")
    assert 'name="var.number" value="28332"' in junit.read_text("utf-8")
    assert "start with ******" in said.out


def test_a_wrong_password_is_not_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "secret.yaml").write_text(SECRET)
    values = read_variables(["pw='9991112'"])
    assert run_scripts(settings(tmp_path, variables=values, junit=tmp_path / "r.xml")) == 2
    said = capsys.readouterr()
    assert "header.password: this password is not allowed here" in said.err
    assert "9991112" not in said.err + said.out + (tmp_path / "r.xml").read_text("utf-8")


def test_a_mistake_in_an_included_file_has_a_path_as_near_as_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "common").mkdir()
    (tmp_path / "a.yaml").write_text("name: a\nsteps: [{include: common/b.yaml}]\n")
    (tmp_path / "common" / "b.yaml").write_text("steps: [{include: ../c.yaml}]\n")
    (tmp_path / "c.yaml").write_text("steps: [{send: strat}]\n")
    with pytest.raises(ScriptError) as error:
        chosen(settings(Path("a.yaml")), io.StringIO())
    assert str(error.value).startswith("c.yaml:1: ")
    assert str(error.value).endswith("; did you mean start?")


@pytest.mark.parametrize(
    ("step", "near"),
    [
        ("{send: start, expekt: ok}", "expect"),
        ("{send: {get-objects: {object_numbr: 1}}}", "object_number"),
        ("{events: [anser]}", "answer"),
    ],
)
def test_the_nearest_name_is_told(step: str, near: str) -> None:
    with pytest.raises(ScriptError, match=rf"did you mean {near}\?$"):
        scenario.parse(f"name: x\nsteps: [{step}]\n")
