"""The pytest plugin, in runs of pytest of its own: fixtures, scenarios as tests, what a failure shows, captures."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import sorm_mediator.lab.lab  # once, and not again in every run of pytest within this process
import sorm_mediator.replay.vendor_runner  # noqa: F401
from protocol import Release
from sorm_mediator.api import lab
from sorm_mediator.capture.reader import read_input
from sorm_mediator.capture.units import Found, decode_events
from sorm_mediator.pytest_plugin import _file_name

pytest_plugins = ["pytester"]

LABS = Path(__file__).parents[2] / "captures" / "labs"
A_CALL = """
import pytest

@pytest.mark.sorm_lab("labs/minimal.toml")
def test_a_call(lab, console, switch):
    console.send("start")
    console.send("add-object", object_number=258, number="28331")
    call = switch.call("28331", "28332", ring=0, talk=60)
    assert console.event("number-received").fields["called"]["number"] == "28332"
    console.event("answer", object_number=258)
    call.release()
    console.event("release", operation={operation})
"""
SCENARIO = """
name: {name}
lab: labs/minimal.toml
steps:
  - send: start
  - send: {{add-object: {{object_number: 258, object_type: own-subscriber, number_sign: own, number: "28331",
                        category: statistical, priority: normal}}}}
    expect: [command-received, {{command-executed: {{status: {status}}}}}]
"""


@pytest.fixture(autouse=True)
def quiet_asyncio(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runs have no ini file that tells pytest-asyncio its loop."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-o asyncio_default_fixture_loop_scope=function")


def test_a_test_drives_console_and_switch_and_passes(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(A_CALL.format(operation=5))
    pytester.runpytest_inprocess("-q").assert_outcomes(passed=1)


def test_a_failure_shows_step_octets_and_meaning_and_keeps_its_capture(pytester: pytest.Pytester) -> None:
    file = pytester.makepyfile(test_it=A_CALL.format(operation=1), test_other=A_CALL.format(operation=5))
    outcome = pytester.runpytest_inprocess("-q", "--sorm-pcap", "captures")
    outcome.assert_outcomes(passed=1, failed=1)
    outcome.stdout.fnmatch_lines(
        [
            "*ExpectationError: step 7, test_it.py:11: events release",
            "*expected: release {operation: 1 (01h)}",
            "*  operation: expected 1 (01h*), came 5 (05h: *)",
            "*<- KPD2  CC 01 43 24 *",
            "*SORM steps*",
            "PASS  1  send start  (test_it.py:5, *",
            "FAIL  7  events release  (test_it.py:11, *",
            "*SORM capture*",
        ]
    )
    [kept] = (file.parent / "captures").iterdir()
    assert kept.name == "test_it.py.test_a_call.pcapng"
    with kept.open("rb") as stream:
        units = list(decode_events(read_input(stream)))
    assert [
        one.message.operation for one in units if isinstance(one, Found) and isinstance(one.message, Release)
    ] == [5]


def test_a_mistake_is_told_in_one_line_at_the_line_of_the_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        def test_a_command(console):
            console.send("strat")

        @pytest.mark.sorm_lab("nowhere.toml")
        def test_a_lab(lab):
            pass
        """
    )
    outcome = pytester.runpytest_inprocess("-q")
    outcome.assert_outcomes(failed=1, errors=1)
    outcome.stdout.fnmatch_lines(
        [
            "*_line_of_the_test.py:6: lab: 'nowhere.toml' is not found; looked for *",
            '>       console.send("strat")',
            "E       *ScriptError: *.py:4: send: 'strat' is not a name of a command; allowed: start, *",
        ]
    )
    assert "scenario.py" not in outcome.stdout.str()


def test_every_capture_stays_where_that_is_asked(pytester: pytest.Pytester) -> None:
    file = pytester.makepyfile(A_CALL.format(operation=5))
    pytester.runpytest_inprocess("-q", "--sorm-pcap", "kept", "--sorm-pcap-keep", "always")
    assert len(list((file.parent / "kept").iterdir())) == 1


def test_each_test_has_a_capture_of_its_own_name() -> None:
    tests = [
        "a.py::b_c", "a.py::b::c", "d/a.py::t", "d_a.py::t", "a.py::t[x/y]", "a.py::t[x y]",
        f"a.py::t[{'x' * 300}1]", f"a.py::t[{'x' * 300}2]", "a.py::тест", "a.py::тост",
    ]  # fmt: skip
    names = [_file_name(test) for test in tests]
    assert len(set(names)) == len(tests)
    assert max(map(len, names)) < 120
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", name) for name in names)


def test_workers_have_labs_and_captures_of_their_own(pytester: pytest.Pytester) -> None:
    file = pytester.makepyfile(test_one=A_CALL.format(operation=5), test_two=A_CALL.format(operation=5))
    options = ("-q", "-n", "2", "--sorm-pcap", "kept", "--sorm-pcap-keep", "always")
    pytester.runpytest_inprocess(*options).assert_outcomes(passed=2)
    assert len(list((file.parent / "kept").iterdir())) == 2


def test_the_lab_file_of_the_command_line(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_who_is_there(lab):
            status, reply = lab.http("GET", "switch/domains/test.domain/trunks")
            assert status == 200
            assert lab.result.lab.endswith("subscribers.toml")
            assert set(lab.endpoints) >= {"kpd1", "kpd2", "web"}
        """
    )
    pytester.runpytest_inprocess("-q", "--sorm-lab", str(LABS / "subscribers.toml")).assert_outcomes(passed=1)


def test_the_lab_file_of_the_ini_file_is_beside_it(pytester: pytest.Pytester) -> None:
    shutil.copytree(LABS / "routing", pytester.path / "routing")
    shutil.copy(LABS / "order268.toml", pytester.path / "own.toml")
    pytester.makeini("[pytest]\nsorm_lab = own.toml\n")
    pytester.makepyfile("def test_it(lab): assert lab.result.lab.endswith('own.toml')")
    pytester.runpytest_inprocess("-q").assert_outcomes(passed=1)


# --- scenarios as tests


def test_yaml_files_are_left_alone_unless_scenarios_are_asked_for(pytester: pytest.Pytester) -> None:
    pytester.makefile(".yaml", scenario=SCENARIO.format(name="a", status=0), compose="services: {web: {}}")
    pytester.makepyfile("def test_it(): pass")
    pytester.runpytest_inprocess("-q").assert_outcomes(passed=1)
    outcome = pytester.runpytest_inprocess("-v", "--sorm-scenarios")
    outcome.assert_outcomes(passed=2)
    outcome.stdout.fnmatch_lines(["scenario.yaml::a PASSED*"])


def test_pipelines_of_others_are_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makefile(
        ".yml",
        azure="name: build\nvariables: {a: b}\nsteps:\n  - script: make\n  - task: Npm@1\n    inputs: {command: ci}\n",
        drone="kind: pipeline\nname: build\nsteps:\n  - name: test\n    image: python\n",
        odd="name: build\nsteps: make\n",
    )
    pytester.makefile(".yaml", scenario=SCENARIO.format(name="a", status=0))
    outcome = pytester.runpytest_inprocess("-q", "--collect-only", "--sorm-scenarios")
    outcome.stdout.fnmatch_lines(["scenario.yaml::a", "", "1 test collected*"])


def test_a_failed_scenario_shows_its_step_with_octets_and_meaning(pytester: pytest.Pytester) -> None:
    pytester.makefile(".yaml", fails=SCENARIO.format(name="a number", status="0x33"))
    outcome = pytester.runpytest_inprocess("-q", "--sorm-scenarios", "--sorm-pcap", "captures")
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(
        [
            "step 2, fails.yaml:5: send add-object, expect command-received, command-executed",
            "*status: expected 51 (33h: *), came 0 (00h: done)",
            "*-> KPD1  CC 01 05 13 ** ** ** ** ** ** 02 01 *",
            "*object number  258*",
            "all steps:",
            "PASS  1  send start*",
        ]
    )
    [kept] = (pytester.path / "captures").iterdir()
    assert re.fullmatch(r"fails\.yaml\.a_number-[0-9a-f]{8}\.pcapng", kept.name)


def test_a_pattern_of_the_ini_file_chooses_scenarios_and_a_mistake_is_an_error(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeini("[pytest]\nsorm_scenarios = sorm/*.yaml\n")
    folder = pytester.mkdir("sorm")
    (folder / "good.yaml").write_text(SCENARIO.format(name="good", status=0))
    (folder / "bad.yaml").write_text("name: bad\nsteps: [{send: strat}]\n")
    pytester.makefile(".yaml", elsewhere=SCENARIO.format(name="elsewhere", status=0))
    outcome = pytester.runpytest_inprocess("-q", "--continue-on-collection-errors")
    outcome.assert_outcomes(passed=1, errors=1)
    outcome.stdout.fnmatch_lines(["*bad.yaml:2: *'strat' is not a name of a command*"])


def test_a_run_without_the_fixtures_imports_nothing_of_the_lab(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_it():
            mine = [name for name in sys.modules if name.split(".")[0] in ("sorm_mediator", "protocol", "anyio")]
            assert sorted(mine) == ["sorm_mediator", "sorm_mediator.pytest_plugin"]
        """
    )
    pytester.makefile(".yaml", compose="services: {web: {}}")
    pytester.runpytest_subprocess("-q", "-p", "no:anyio", "-p", "no:hypothesispytest").assert_outcomes(
        passed=1
    )


def test_a_capture_that_holds_nothing_is_not_named(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.sorm_lab("labs/minimal.toml")
        def test_nothing_crosses(lab):
            assert False
        """
    )
    outcome = pytester.runpytest_inprocess("-q", "--sorm-pcap", "captures")
    outcome.assert_outcomes(failed=1)
    outcome.stdout.no_fnmatch_line("*SORM capture*")


def test_a_running_mediator_is_stopped_after_a_test_that_has_started_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("number", (1, 2))
        def test_it_starts(console, number):
            console.send("start")
            assert number
        """
    )
    with lab("labs/minimal.toml") as running:
        host, _, kpd1 = running.endpoints["kpd1"].rpartition(":")
        kpd2 = running.endpoints["kpd2"].rpartition(":")[2]
        ports = ("--sorm-host", host, "--sorm-kpd1", kpd1, "--sorm-kpd2", kpd2)
        outcome = pytester.runpytest_inprocess("-q", *ports, "--sorm-lab", str(LABS / "minimal.toml"))
    outcome.assert_outcomes(passed=2)


def test_a_mistake_is_an_error_of_the_collection_and_a_part_is_told(pytester: pytest.Pytester) -> None:
    """A file that was meant as a scenario is never left out in silence."""
    good = SCENARIO.format(name="good", status=0)
    files = {
        "good": good + "  - include: part.yaml\n",
        "part": "steps: [{send: get-version}]\n",
        "lonely": "steps: [{send: get-version}]\n",
        "tab": good.replace("  - send: start", "\t- send: start"),
        "conflict": good.replace("steps:", "<<<<<<< HEAD\nsteps:\n======="),
        "misspelt": good.replace("name:", "nmae:"),
        "empty": "name: x\nlab: labs/minimal.toml\nsetps: [{send: start}]\n",
        "chart": "name: {{ .Values.name }}\nkind: [\n",
    }
    pytester.makefile(".yaml", **files)
    outcome = pytester.runpytest_inprocess("-q", "--sorm-scenarios", "--continue-on-collection-errors")
    outcome.assert_outcomes(passed=1, errors=4, warnings=1)
    outcome.stdout.fnmatch_lines_random(
        [
            "tab.yaml:4: is not YAML: *",
            "conflict.yaml:*: is not YAML: *",
            "misspelt.yaml:1: nmae: unknown key; *did you mean name?",
            "empty.yaml:3: setps: unknown key; *did you mean steps?",
            "*PytestWarning: lonely.yaml: does not run: it has no name, *",
        ]
    )


@pytest.mark.parametrize(
    ("patterns", "collected"),
    [
        ("scenarios", "deep flat top"),
        ("scenarios/", "deep flat top"),
        ("./scenarios/calls", "deep flat"),
        ("scenarios/*.yaml", "top"),
        ("scenarios/**/*.yaml", "deep flat top"),
        ("**/*.yaml", "beside deep flat top"),
        ("scenarios/**", "deep flat top"),
        ("scenarios/**/deep.yaml beside.yaml", "beside deep"),
        ("calls/*.yaml", "flat"),
        (".", "beside deep flat top"),
    ],
)
def test_a_pattern_takes_files_and_a_folder_all_below(
    pytester: pytest.Pytester, patterns: str, collected: str
) -> None:
    for file in ("beside", "scenarios/top", "scenarios/calls/flat", "scenarios/calls/far/deep"):
        path = pytester.path / f"{file}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(SCENARIO.format(name=path.stem, status=0))
    pytester.makeini(f"[pytest]\nsorm_scenarios = {patterns}\n")
    items, _ = pytester.inline_genitems("-W", "error")
    assert sorted(one.name for one in items) == collected.split()


@pytest.mark.parametrize(
    "pattern", ["scenaros", "scenarios/*.yml", "empty/", "/scenarios/*.yaml", "a**/*.yaml"]
)
def test_a_pattern_that_fits_no_file_is_told(pytester: pytest.Pytester, pattern: str) -> None:
    for folder in ("scenarios", "empty"):
        pytester.mkdir(folder)
    (pytester.path / "scenarios" / "top.yaml").write_text(SCENARIO.format(name="top", status=0))
    pytester.makeini(f"[pytest]\nsorm_scenarios = {pattern}\n")
    pytester.makepyfile("def test_it(): pass")
    outcome = pytester.runpytest_inprocess("-q")
    outcome.assert_outcomes(passed=1, warnings=1)
    outcome.stdout.fnmatch_lines(
        [f"*PytestWarning: sorm_scenarios: {pattern.replace('*', '[*]')} fits no .yaml or .yml *"]
    )
    outcome = pytester.runpytest_inprocess("-q", "-W", "error")
    assert outcome.ret == pytest.ExitCode.USAGE_ERROR
    outcome.stderr.fnmatch_lines(["ERROR: sorm_scenarios: *"])


def test_a_part_beside_the_file_that_is_asked_for_is_no_subject(pytester: pytest.Pytester) -> None:
    rows = SCENARIO.format(name="rows", status=0)
    pytester.makefile(".yaml", rows=rows, part="steps: [{send: get-version}]\n")
    for given in ("rows.yaml", "rows.yaml::rows"):
        outcome = pytester.runpytest_inprocess("-q", "--sorm-scenarios", "-W", "error", given)
        outcome.assert_outcomes(passed=1)
    outcome = pytester.runpytest_inprocess("-q", "--sorm-scenarios", "-W", "error", ".")
    assert outcome.ret == pytest.ExitCode.USAGE_ERROR
    outcome.stderr.fnmatch_lines(["ERROR: part.yaml: does not run: it has no name, *"])
    # A worker of xdist can't end the run: there it stays a warning.
    outcome = pytester.runpytest_subprocess("-q", "--sorm-scenarios", "-W", "error", "-n1", ".")
    outcome.assert_outcomes(passed=1, warnings=1)


def test_junit_has_lab_link_capture_and_steps_of_every_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=A_CALL.format(operation=5) + "\n\ndef test_other(): pass\n")
    pytester.makefile(".yaml", scenario=SCENARIO.format(name="a", status="0x33"))
    pytester.runpytest_inprocess("-q", "--sorm-scenarios", "--junitxml=r.xml", "--sorm-pcap=kept")
    cases = ET.parse(pytester.path / "r.xml").getroot().iter("testcase")  # noqa: S314 - our own file
    told = {
        case.get("name"): {one.get("name"): one.attrib["value"] for one in case.iter("property")}
        for case in cases
    }
    assert set(told) == {"a", "test_a_call", "test_other"}
    assert told["test_other"] == {}
    for name in ("a", "test_a_call"):
        assert (told[name]["sorm.lab"], told[name]["sorm.link"]) == ("labs/minimal.toml", "tcp")
        assert "-> KPD1  CC 01 01 00 ** ** ** ** ** **" in told[name]["sorm.steps"]
    assert "PASS  7  events release" in told["test_a_call"]["sorm.steps"]
    assert "sorm.capture" not in told["test_a_call"]  # it has passed, and its capture is gone
    assert Path(told["a"]["sorm.capture"]).is_file()


def test_a_scenario_that_can_not_run_has_no_steps_to_show(pytester: pytest.Pytester) -> None:
    pytester.makefile(".yaml", nolab="name: x\nsteps: [{send: start}]\n")
    outcome = pytester.runpytest_inprocess("-q", "--sorm-scenarios")
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["nolab.yaml: does not name a lab; *"])
    outcome.stdout.no_fnmatch_line("all steps:*")


def test_a_running_mediator_is_named_as_its_ready_line_does(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(console): console.send('start')")
    with lab("labs/minimal.toml") as running:
        ports = ("--sorm-kpd1", running.endpoints["kpd1"], "--sorm-kpd2", running.endpoints["kpd2"])
        pytester.runpytest_inprocess("-q", *ports, "--sorm-lab", str(LABS / "minimal.toml")).assert_outcomes(
            passed=1
        )
    outcome = pytester.runpytest_inprocess("-q", "--sorm-kpd1", "here:there")
    outcome.stderr.fnmatch_lines(["ERROR: --sorm-kpd1: 'here:there' is no host:port, *"])


@pytest.mark.parametrize("hidden", ["protocol.py", "e1/__init__.py"])
def test_a_file_that_hides_a_package_is_named_once(pytester: pytest.Pytester, hidden: str) -> None:
    folder = pytester.mkdir("tests")
    (folder / hidden).parent.mkdir(exist_ok=True)
    (folder / hidden).write_text("FRAME = 7\n")
    name = hidden.split("/")[0].removesuffix(".py")
    (folder / "test_own.py").write_text(f"from {name} import FRAME\ndef test_it(): assert FRAME == 7\n")
    pytester.runpytest_subprocess("-q", "tests").assert_outcomes(passed=1)  # ours are not used
    (folder / "test_lab.py").write_text("def test_it(console): console.send('start')\n")
    outcome = pytester.runpytest_subprocess("-q", "tests")
    place = folder / name if "/" in hidden else folder / hidden
    outcome.stderr.fnmatch_lines([f"ERROR: {place}: hides the package {name} of sorm-mediator: rename it; *"])
    assert outcome.ret == pytest.ExitCode.USAGE_ERROR
    (folder / "test_own.py").unlink()
    pytester.runpytest_subprocess("-q", "tests", "--import-mode=importlib").assert_outcomes(passed=1)


def test_a_file_that_hides_a_package_of_a_script_or_the_command_is_named(tmp_path: Path) -> None:
    (tmp_path / "radius.py").write_text("")
    (tmp_path / "script.py").write_text("from sorm_mediator.api import lab\n")
    says = f"{tmp_path}/radius.py: hides the package radius of sorm-mediator: rename it; "
    for command, remedied in (
        (["script.py"], ["-P", "script.py"]),
        (["-m", "sorm_mediator", "--version"], []),
    ):
        ended = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert ended.returncode
        assert says in ended.stderr
        if remedied:
            subprocess.run([sys.executable, *remedied], cwd=tmp_path, check=True)
