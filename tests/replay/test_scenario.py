"""Every mistake in a scenario names file:line, key, value and what is allowed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import captures
from sorm_mediator.cli.app import app
from sorm_mediator.console.errors import ScriptError, words
from sorm_mediator.language import translate
from sorm_mediator.replay import scenario, vendor

HEAD = "name: a test\nsteps:\n"


def mistake(text: str) -> str:
    with pytest.raises(ScriptError) as caught:
        scenario.parse(text, Path("x.yaml"))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_dialogue_of_the_contract_is_read() -> None:
    read = scenario.parse(
        """
name: own subscriber, combined control
steps:
  - send: start
    expect: [{command-received: {status: 0}}, {command-executed: {status: 0}}]
  - send: {add-ksl: {ksl_group: 1, group_type: combined, ksl_a: {stream: 0, ksl: 1}}}
  - send: {add-object: {object_number: 258, object_type: own-subscriber, number_sign: own, number: "28331",
                        category: combined, ksl_group: 1, priority: normal}}
  - call: {domain: test.domain, a: "28331", b: "28332", talk: 0.2}
  - events: [{number-received: {called: {number: "28332"}, operation: 0}}, answer, {release: {operation: 5}}]
    within: 2
  - raw: "CC 01 0B 03 31 32 33 34 35 36 FF FF FF FF"     # bytes as they are
    expect: [{command-received: {command: 11, status: 0x10}}]
"""
    )
    assert len(read.steps) == 6
    assert read.steps[4].within == 2
    assert read.steps[5].expect is not None
    assert read.steps[5].expect[0].resolve({}) == {"command": 11, "status": 16}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "x.yaml:1: is empty"),
        ("- a", "x.yaml:1: ['a'] is not allowed here; allowed: a mapping with the keys name"),
        ("name: a", "x.yaml:1: steps is missing"),
        ("name: a\nstep: []\n", "x.yaml:2: step: unknown key; allowed: name, description, lab"),
        ("name: a\nsteps: []\n", "x.yaml:2: steps: [] is not allowed here; allowed: at least one step"),
        ("name: a\nname: b\nsteps: []", "x.yaml:2: name: is given twice"),
        ("name: [\n", "x.yaml:2: is not YAML"),
        (
            "name: !!python/object:os.system a\nsteps: []",
            "x.yaml:1: is not YAML: could not determine a constructor",
        ),
        (HEAD + "  - sent: start", "x.yaml:3: steps[1].sent: unknown key; allowed: send, raw, call"),
        (HEAD + "  - {}", "x.yaml:3: steps[1]: a step needs one of send, raw"),
        (
            HEAD + "  - send: begin",
            "x.yaml:3: steps[1].send: 'begin' is not a name of a command; allowed: start, stop",
        ),
        (
            HEAD + "  - {send: start, raw: '00'}",
            "steps[1].raw: a step does one thing, and this one has 'send' already",
        ),
        (
            HEAD + "  - send: start\n  - send:\n      test:\n        number: 1",
            "x.yaml:6: steps[2].send.test.number: test has no such field; allowed: test_number, orm_number, password",
        ),
        (
            HEAD + "  - send: {add-object: {priority: urgent}}",
            "steps[1].send.add-object.priority: 'urgent' is not allowed here; allowed: high, normal, null, or octets",
        ),
        (
            HEAD + "  - send: {test: {test_number: 256}}",
            "256 is not allowed here; allowed: an integer from 0 to 255",
        ),
        (HEAD + "  - send: {test: {test_number: true}}", "true is not allowed here; allowed: an integer"),
        (HEAD + "  - send: {get-services: {number: 28331}}", "allowed: 1 to 18 digits in quotation marks"),
        (HEAD + "  - send: {add-ksl: {ksl_a: {stream: 1}}}", "ksl_a: ksl is missing; allowed: a mapping"),
        (
            HEAD + "  - send: {set-password: {new_password: '12345'}}",
            "allowed: six characters in quotation marks",
        ),
        (HEAD + "  - raw: 'CC 0'", "steps[1].raw: 'CC 0' is not allowed here; allowed: bytes in hexadecimal"),
        (HEAD + "  - expect: [answer]", "steps[1].expect[1]: answer comes on KPD2: expect it under events"),
        (HEAD + "  - events: [command-received]", "command-received comes on KPD1: expect it under expect"),
        (
            HEAD + "  - expect: [{command-received: {state: 0}}]",
            "command-received has no such field; allowed: command",
        ),
        (
            HEAD + "  - expect: [{command-received: {}, command-executed: {}}]",
            "allowed: the name of one message",
        ),
        (
            HEAD + "  - {send: start, within: soon}",
            "steps[1].within: 'soon' is not allowed here; allowed: seconds",
        ),
        (HEAD + "  - {send: start, within: -1}", "steps[1].within: -1 is not allowed here; allowed: seconds"),
        (HEAD + "  - {send: start, save: {call: c}}", "steps[1].save: belongs to a step with call"),
        (HEAD + "  - restart: switch", "steps[1].restart: 'switch' is not allowed here; allowed: gateway"),
        (
            HEAD + "  - connect: kpd3",
            "steps[1].connect: 'kpd3' is not allowed here; allowed: kpd1, kpd2, both",
        ),
        (HEAD + "  - call: {domain: d, a: '1'}", "steps[1].call: b is missing"),
        (
            HEAD + "  - call: {domain: d, a: '1', b: '2', outcome: gone}",
            "outcome: 'gone' is not allowed here; allowed: answer",
        ),
        (HEAD + "  - send: {test: {test_number: '${n}'}}", "the variable 'n' isn't known here"),
        (HEAD + "  - send: {test: {test_number: '${n'}}", "allowed: ${name}, ${name+1}"),
        (
            "name: a\nlab: labs/nowhere.toml\nsteps: [{send: start}]",
            "x.yaml:2: lab: 'labs/nowhere.toml' is not found",
        ),
        (
            "name: a\nconfig: {mediator: 1}\nsteps: [{send: start}]",
            "x.yaml:2: config.mediator: 1 is not allowed here",
        ),
        (
            "name: a\nvariables: {a b: 1}\nsteps: [{send: start}]",
            "variables.a b: is not a name of a variable",
        ),
    ],
)
def test_a_mistake_names_its_place_and_what_is_allowed(text: str, says: str) -> None:
    assert says in mistake(text)


def test_a_document_that_unfolds_without_end_is_refused() -> None:
    bomb = "name: a\nvariables: {}\nx0: &x0 [1,1,1,1,1,1,1,1,1]\n"
    for level in range(1, 8):
        bomb += f"x{level}: &x{level} [{', '.join([f'*x{level - 1}'] * 9)}]\n"
    assert "unfolds into more than" in mistake(bomb)


def test_a_document_that_holds_itself_is_refused() -> None:
    assert "nested too deeply, or holds itself" in mistake("name: &a [*a]\nsteps: []")


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"none\.yaml: can't be read: "):
        scenario.load(tmp_path / "none.yaml")


def test_a_lab_whose_name_no_file_can_have_is_not_found() -> None:
    assert "is not found; looked for" in mistake(f"{HEAD}  - send: start\nlab: {'long' * 100}")


def test_a_lab_is_found_above_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "labs").mkdir()
    (tmp_path / "labs" / "own.toml").touch()
    (tmp_path / "scenarios").mkdir()
    file = tmp_path / "scenarios" / "a.yaml"
    file.write_text("name: a\nlab: labs/own.toml\nsteps: [{send: start}]", encoding="utf-8")
    assert scenario.load(file).lab == tmp_path / "labs" / "own.toml"


@pytest.mark.parametrize("written", ["0x10", "'0x10'", "16"])
def test_an_integer_may_be_hexadecimal(written: str) -> None:
    read = scenario.parse(HEAD + f"  - expect: [{{command-received: {{status: {written}}}}}]")
    assert read.steps[0].expect is not None
    assert read.steps[0].expect[0].resolve({}) == {"status": 16}


def test_the_examples_of_the_page_are_right() -> None:
    page = (Path(__file__).parents[2] / "docs" / "scenarios.md").read_text(encoding="utf-8")
    yaml = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    json = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert [len(scenario.parse(text).steps) for text in yaml] == [6, 5, 1, 5]
    assert [len(vendor.parse(text, Path("page.json")).steps) for text in json] == [4]


def test_every_mistake_of_a_script_is_told_and_none_that_only_follows() -> None:
    with pytest.raises(ScriptError) as told:
        scenario.parse(
            "name: 7\nlab: nolab.toml\nsteps:\n- send: strat\n"
            "- call: {domain: d, a: '1'}\n  save: {call: c}\n"
            "- release-call: {call: '${c}'}\n"
            "- repeat: {times: 2, steps: [{sendd: start}, {within: x}]}\n"
        )
    lines = str(told.value).splitlines()
    assert [line.split(":")[1] for line in lines] == ["1", "2", "4", "5", "8", "8"]


def test_a_title_has_the_values_of_its_variables_as_far_as_they_are_known() -> None:
    made = scenario.parse(
        "name: n\nvariables: {n: 7}\nsteps:\n- {title: 'round ${n} of ${m}, ${n+1} is next', send: start}\n"
    )
    assert made.steps[0].title_of({"n": 7}) == "round 7 of ${m}, 8 is next"


def test_repetitions_within_repetitions_are_bounded() -> None:
    steps = "[{send: start}]"
    for _ in range(2):
        steps = f"[{{repeat: {{times: 1000, steps: {steps}}}}}]"
    with pytest.raises(ScriptError, match=r":2: steps: 1000000 steps with all.*at most 100000"):
        scenario.parse(f"name: n\nsteps: {steps}\n")


def test_a_shipped_scenario_from_stdin_has_its_lab(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (Path(captures.__path__[0]) / "scenarios" / "main-job.yaml").read_text(encoding="utf-8")
    lab = scenario.parse(text, Path("-")).lab
    assert lab is not None
    assert lab.is_file()


def test_mistakes_of_values_are_told_in_russian_too(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(
        "name: x\nsteps:\n  - send: {add-object: {object_number: x}}\n  - call: {domain: d}\n  - wiat: 1\n"
    )
    with pytest.raises(ScriptError) as caught:
        scenario.load(path)
    lines = translate(words(caught.value), "ru").split("\n")
    assert lines[:2] == [
        f"{path}:3: steps[1].send.add-object.object_number: 'x' здесь недопустимо; "
        "допустимо: целое число от 0 до 65534",
        f"{path}:4: steps[2].call: нет a",
    ]
    assert "allowed" not in lines[2]
    assert "\n".join(lines) in _told_by_replay(path), "the command shows them so"


def _told_by_replay(path: Path) -> str:
    result = CliRunner().invoke(app, ["replay", "--lang", "ru", str(path)])
    assert result.exit_code == 2
    return result.stderr
