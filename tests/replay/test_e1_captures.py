"""Scenarios over E1 against a whole lab: real switch, mediator and web, LAPB, X.25 and speech in a SAToP line."""

from __future__ import annotations

from pathlib import Path

import pytest

import captures
from sorm_mediator import config as lab_files
from sorm_mediator.capture.reader import read_input
from sorm_mediator.capture.units import Found, decode_events
from sorm_mediator.console.errors import UsageError
from sorm_mediator.lab.lab import Lab, over_e1
from sorm_mediator.replay.results import PcapRecorder, TextPrinter
from sorm_mediator.replay.session import ReplaySettings, load, run_script

SCENARIOS = Path(captures.__file__).parent / "scenarios"

SPEECH = """
name: speech on the KSL
lab: labs/minimal.toml
within: 5
steps:
  - send: start
  - send: {add-ksl: {ksl_group: 1, group_type: combined, ksl_a: {stream: 0, ksl: 1}}}
  - send: {add-ksl: {ksl_group: 2, group_type: separate, ksl_a: {stream: 0, ksl: 3}, ksl_b: {stream: 0, ksl: 4}}}
  - send: {add-object: {object_number: 1, object_type: own-subscriber, number_sign: own, number: "28331",
                        category: combined, ksl_group: 1, priority: normal}}
  - send: {add-object: {object_number: 2, object_type: own-subscriber, number_sign: own, number: "28333",
                        category: separate, ksl_group: 2, priority: normal}}
  - send: {add-object: {object_number: 3, object_type: own-subscriber, number_sign: own, number: "28334",
                        category: combined, ksl_group: 1, priority: high}}
  - title: nobody speaks
    hears: silence
  - title: combined control, both parties on one line
    call: {domain: test.domain, a: "28331", b: "28332", talk: 30}
    events: [{number-received: {object_number: 1, operation: 0}}, answer]
    hears: {ksl: {stream: 0, ksl: 1}, tones: ["28331", "28332"]}
  - title: separate control, one on each
    call: {domain: test.domain, a: "28333", b: "28335", talk: 30}
    events: [{number-received: {object_number: 2, operation: 0}}, answer]
    hears:
      - {ksl: {stream: 0, ksl: 3}, tones: ["28333"]}
      - {ksl: {stream: 0, ksl: 4}, tones: ["28335"]}
      - {ksl: {stream: 0, ksl: 1}, tones: ["28331", "28332"]}
  - title: a line that is taken over changes its tones
    call: {domain: test.domain, a: "28334", b: "28336", talk: 30}
    events: [{ksl-released: {object_number: 1, operation: 2}}, {number-received: {object_number: 3}}, answer]
    hears: {ksl: {stream: 0, ksl: 1}, tones: ["28334", "28336"]}
  - send: stop
    hears: silence
"""


@pytest.mark.parametrize("mode", ["dce", "dte"])
async def test_the_parties_of_controlled_calls_are_heard(mode: str, tmp_path: Path) -> None:
    script = tmp_path / "speech.yaml"
    e1 = f"config: {{e1: [{{mode: {mode}, hold: 0, lapb: {{t1: 1.0, t2: 0.02}}}}]}}\n"
    script.write_text(e1 + SPEECH)
    shown: list[str] = []
    result = await run_script(load(script), ReplaySettings(scripts=(script,)), TextPrinter(shown.append))
    assert result.error is None, result.error
    assert result.verdict == "PASS", "".join(shown)


@pytest.mark.parametrize("name", ["events", "noise_in_a_call", "console_away", "vendor/forwarding"])
async def test_a_shipped_script_passes_unchanged(name: str) -> None:
    path = SCENARIOS / f"{name}.yaml"
    path = path if path.exists() else path.with_suffix(".json")
    shown: list[str] = []
    result = await run_script(
        load(path), ReplaySettings(scripts=(path,), link="x25"), TextPrinter(shown.append)
    )
    assert result.error is None, result.error
    assert result.verdict == "PASS", "".join(shown)
    assert len(result.steps) == result.planned


@pytest.mark.parametrize(
    "stream", ["{stream: 3, mode: dte, crc4: false, kpd1_timeslot: 16}", "{mode: dte, x25: {circuit: svc}}"]
)
async def test_the_main_job_over_other_streams_recorded(stream: str, tmp_path: Path) -> None:
    script, capture = tmp_path / "main.yaml", tmp_path / "run.pcapng"
    main_job = (SCENARIOS / "main-job.yaml").read_text(encoding="utf-8")
    main_job = main_job.replace("../labs", "labs").replace(
        "stream: 0", "stream: 3" if "3" in stream else "stream: 0"
    )
    script.write_text(f"config: {{e1: [{stream}]}}\n{main_job}")
    shown: list[str] = []
    with PcapRecorder(capture) as recorder:
        settings = ReplaySettings(scripts=(script,), link="x25")
        result = await run_script(load(script), settings, TextPrinter(shown.append), recorder)
    assert result.verdict == "PASS", f"{result.error}" + "".join(shown)
    with capture.open("rb") as file:
        found = [item for item in decode_events(read_input(file)) if isinstance(item, Found)]
    names = {getattr(item.message, "message_name", "") for item in found}
    assert {"start", "add-object", "command-executed", "number-received", "answer", "release"} <= names
    assert not any(item.problems for item in found)


async def test_four_streams_have_a_console_each(tmp_path: Path) -> None:
    script = tmp_path / "four.yaml"
    script.write_text(
        "name: four streams\nlab: labs/minimal.toml\n"
        "config: {e1: [{stream: 0}, {stream: 1}, {stream: 2}, {stream: 3}]}\nsteps:\n- send: start\n"
        + "".join(
            f"- {{send: get-version, console: number {n}, expect: [command-received, version-info]}}\n"
            for n in range(3)
        )
        + "- send: {test: {test_number: 1}}\n  events: [{test-reply: {kpd1_state: 0x0F, kpd2_state: 0x0F}}]\n"
    )
    shown: list[str] = []
    result = await run_script(
        load(script), ReplaySettings(scripts=(script,), link="x25"), TextPrinter(shown.append)
    )
    assert result.verdict == "PASS", f"{result.error}" + "".join(shown)


@pytest.mark.parametrize("link", ["x25", ""])
async def test_a_mediator_that_is_running_is_reached_by_its_lab_file(link: str, tmp_path: Path) -> None:
    main_job, file = SCENARIOS / "main-job.yaml", tmp_path / "mediator.toml"
    minimal = lab_files.load(Path(captures.__file__).parent / "labs" / "minimal.toml")
    async with Lab(over_e1(minimal)) as lab:
        file.write_text(f'[console]\nlink = "x25"\n[[e1]]\nstream = 0\nlocal = "{lab.endpoints["e1.0"]}"\n')
        settings = ReplaySettings(
            scripts=(main_job,), host="127.0.0.1", link=link, config=file, web=lab.web_url
        )
        shown: list[str] = []
        result = await run_script(load(main_job), settings, TextPrinter(shown.append))
    assert result.verdict == "PASS", f"{result.error}" + "".join(shown)


NO_PORT = (
    "the lab file (-c) must tell its port: e1.local; that of the ready line is given in the environment, "
    "SORM_E1__1__LOCAL=HOST:PORT for the first [[e1]]"
)


@pytest.mark.parametrize(
    ("e1", "text"),
    [
        ("", "E1 with --host needs the [[e1]] tables of the mediator: -c LAB"),
        ("[[e1]]\nstream = 2\n", f"e1.2: {NO_PORT}"),
        ('[[e1]]\nlocal = ""\n', f"e1.0: {NO_PORT}"),
    ],
)
async def test_what_the_lab_file_of_a_running_mediator_lacks_is_said(
    e1: str, text: str, tmp_path: Path
) -> None:
    main_job, file = SCENARIOS / "main-job.yaml", tmp_path / "mediator.toml"
    file.write_text(e1)
    settings = ReplaySettings(scripts=(main_job,), host="127.0.0.1", link="x25", config=file)
    result = await run_script(load(main_job), settings, TextPrinter(lambda _: None))
    assert str(result.error) == text


def test_a_link_that_there_is_not_is_refused() -> None:
    with pytest.raises(UsageError, match=r"--link: 'isdn' is not allowed: tcp, x25"):
        ReplaySettings(scripts=(), link="isdn")
