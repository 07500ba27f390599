"""Small loads on a lab in this process: what they say, what they leave, and what they find."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree as ET

import pytest
import tomlkit
from typer.testing import CliRunner

from sorm_mediator import config as lab_files
from sorm_mediator.addresses import split_host_port
from sorm_mediator.cli.app import app
from sorm_mediator.console.errors import ConnectError, NotReadyError, UsageError
from sorm_mediator.lab.lab import Lab
from sorm_mediator.load.control import by_switch
from sorm_mediator.load.curve import Knee
from sorm_mediator.load.limits import NO_RATE_KEPT
from sorm_mediator.load.report import document, page, step_lines, summary, write_junit
from sorm_mediator.load.result import LoadResult
from sorm_mediator.load.served import Served
from sorm_mediator.load.session import LoadSettings, measure_all, run_load
from sorm_mediator.mediator.core.calls.kpd2_events import EventComposer

LAB = """
[mediator]
state = ":memory:"
journal = ""
[console]
kpd1_port = {kpd1}
kpd2_port = {kpd2}
[web]
port = {web}
[radius]
port = {radius}
[ssh]
port = {ssh}
[switch]
ssh_port = {ssh}
host_key_file = ""
[[switch.domains]]
name = "test.domain"
password = "123"
subscribers = [{subscribers}]
"""
SUBSCRIBERS = ", ".join(f'{{ number = "283{number}" }}' for number in range(30, 44))
FAST = {"ring": "20ms", "talk": "20ms"}


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[Lab, Path]]:
    """A lab on free ports, and a lab file with the ports that it has."""
    text = LAB.format(kpd1=0, kpd2=0, web=0, radius=0, ssh=0, subscribers=SUBSCRIBERS)
    async with Lab(lab_files.parse(tomlkit.parse(text).unwrap(), directory=folder, name="lab.toml")) as lab:
        ports = {
            name: split_host_port(lab.endpoints[name])[1] for name in ("kpd1", "kpd2", "web", "radius", "ssh")
        }
        file = folder / "running.toml"
        file.write_text(LAB.format(**ports, subscribers=SUBSCRIBERS))
        yield lab, file


def settings(file: Path, **options: Any) -> LoadSettings:
    """Those of a load on the lab that runs there."""
    return LoadSettings(config=file, host="127.0.0.1", **(FAST | options))


async def test_calls_of_the_switch_are_checked_and_told_in_every_form(tmp_path: Path) -> None:
    limits = {"--max-event-p99": "10s", "--max-27h-p99": "10s", "--min-rate": "5"}
    async with running(tmp_path) as (lab, file):
        result = await measure_all(settings(file, calls=20, rate=20, limits=limits))
        assert lab.gateway is not None
        status = lab.gateway.status()
    assert result.good, [str(one) for step in result.steps for one in step.told]
    [step] = result.steps
    assert (step.calls, step.events, step.foreign, result.objects) == (20, 60, 0, 13)
    assert {name: len(one) for name, one in step.by_event.items()} == {"41h": 20, "42h": 20, "43h": 20}
    assert len(step.received) == len(step.executed) > 0
    assert (status.state, status.objects) == ("stopped", 0)

    said = "\n".join((*step_lines(step, "en"), *summary(result, "en")))
    assert "lost 0, doubled 0" in said
    assert "events, 99 %" in said
    assert said.endswith("PASS")
    assert "ПРОЙДЕНО" in "\n".join(summary(result, "ru"))
    whole = json.loads(json.dumps(document(result, "en")))
    assert (whole["verdict"], whole["steps"][0]["events"], whole["via"]) == ("PASS", 60, "http")
    write_junit(tmp_path / "junit.xml", result)
    suite = ET.parse(tmp_path / "junit.xml").getroot()  # noqa: S314 - written here
    assert (suite.get("tests"), suite.get("failures")) == ("10", "0")
    assert "<svg" in page(result, "en")
    from sorm_mediator.load.plots import png

    assert png(result, "ru").startswith(b"\x89PNG")


async def test_an_event_that_the_mediator_leaves_out_fails_the_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, count = EventComposer.answer, 0

    def left_out(self: EventComposer, leg: Any, step: Any) -> None:
        nonlocal count
        count += 1
        if count != 3:
            answer(self, leg, step)

    monkeypatch.setattr(EventComposer, "answer", left_out)
    monkeypatch.setattr("sorm_mediator.load.measuring.QUIET", 0.2)
    async with running(tmp_path) as (_, file):
        options = {
            "calls": 10,
            "rate": 100,
            "via": "radius",
            "objects": 3,
            "limits": {"--max-event-p99": "10s"},
        }
        result = await measure_all(settings(file, **options))
    assert not result.good
    assert result.steps[0].found == {"lost": 1, "doubled": 0, "misordered": 1, "wrong": 0}
    broken = [one.limit.option for one in result.judged if one.verdict != "kept"]
    assert broken == ["--max-lost", "--max-misordered"]
    assert summary(result, "en")[-1] == "FAIL"


async def test_a_load_that_is_interrupted_tells_what_it_has_and_puts_all_back(tmp_path: Path) -> None:
    kept: list[LoadResult] = []
    async with running(tmp_path) as (lab, file):
        assert lab.gateway is not None
        going = asyncio.ensure_future(
            measure_all(settings(file, calls=6000, rate=50, via="radius", objects=2), cut_short=kept.append)
        )
        async with asyncio.timeout(30):
            async for happened in lab.gateway.events.subscribe():
                if happened["event"] == "unit" and happened["unit"]["name"] == "number-received":
                    break
        going.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going
        status = lab.gateway.status()
    [result] = kept
    [step] = result.steps
    assert 0 < step.calls < 6000
    assert step.events == 3 * step.calls
    assert sum(step.found.values()) == 0
    assert (status.state, status.objects, result.interrupted) == ("stopped", 0, True)
    assert all(one.verdict == "kept" for one in result.judged)
    assert summary(result, "en")[-1] == "INTERRUPTED"


async def test_limits_of_a_ramp_without_a_knee_say_that_its_first_rate_was_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The events of that rate were checked, so it would be wrong to say that nothing was measured."""
    monkeypatch.setattr("sorm_mediator.load.session.knee", lambda *_: Knee(None, 20.0))
    async with running(tmp_path) as (_, file):
        options = {"via": "radius", "ramp": "20:20:20", "duration": "500ms", "objects": 2}
        result = await measure_all(settings(file, **options))
    assert result.steps[0].events == 30
    assert {(one.verdict, one.why) for one in result.judged} == {("broken", NO_RATE_KEPT)}
    assert "первая ступень" in "\n".join(summary(result, "ru"))


def test_nothing_checked_is_no_success() -> None:
    empty = LoadResult(against="x", via="radius", objects=1, began=0.0, steps=[])
    assert not empty.good
    assert "no event came: nothing was checked" in summary(empty, "en")


async def test_what_the_subscribers_can_not_take_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    async with running(tmp_path) as (lab, file):
        with pytest.raises(NotReadyError, match="13 numbers take, 44"):
            await measure_all(settings(file, rate=100))
        with pytest.raises(NotReadyError, match="--objects: 14 is more than the 13 subscribers"):
            await measure_all(settings(file, objects=14))
        assert lab.gateway is not None
        assert lab.gateway.status().channels[0].peer is None


async def test_a_mediator_that_is_not_there_is_told(tmp_path: Path) -> None:
    async with running(tmp_path) as (_, file):
        pass
    with pytest.raises(ConnectError, match=r"can't be reached"):
        await measure_all(settings(file, via="radius"))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"via": "ss7"}, "--via: 'ss7' is not allowed: http, radius"),
        ({"ramp": "1:2"}, "--ramp: '1:2' is not allowed: FROM:TO:STEP"),
        ({"ramp": "1:2:1", "rate": 5}, "--ramp, --rate: one of them"),
        ({"ramp": "1:2:1", "calls": 5}, "--calls: not with --duration or --ramp"),
        ({"duration": "10"}, "--duration: '10' is not allowed: a number with its unit"),
        (
            {"limits": {"--max-event-p99": "200"}},
            "--max-event-p99: '200' is not allowed: a number with its unit",
        ),
        ({"duration": "0s"}, "--duration: '0s' is not allowed: more than 0"),
        ({"limits": {"--max-lost": "-1"}}, "--max-lost: '-1' is not allowed: a number from 0 up"),
        ({"limits": {"--min-knee": "5"}}, "--min-knee: only a --ramp has a knee"),
        ({"plot": Path("a.jpg")}, "--plot: a.jpg: is not allowed: a file .png"),
        ({"report": Path("/nowhere/a.html")}, "--report: /nowhere/a.html: its folder does not exist"),
        ({"radius": "1813"}, "--radius: "),
        ({"first_object": 65_000, "objects": 1000}, "--first-object: 65000 is not allowed"),
        ({"rate": 100_000.0, "duration": "10min"}, "--duration: 60000000 calls at one rate are too many"),
    ],
)
def test_wrong_options_are_told_with_what_is_allowed(options: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as error:
        LoadSettings(**options)
    assert told in str(error.value)


def test_an_interrupted_command_ends_with_130_and_its_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole command with a lab of its own, in a process of its own."""
    file = tmp_path / "lab.toml"
    file.write_text(LAB.format(kpd1=0, kpd2=0, web=0, radius=0, ssh=0, subscribers=SUBSCRIBERS))
    lines: list[str] = []
    options = LoadSettings(
        config=file,
        via="radius",
        ramp="20:100:20",
        duration="500ms",
        objects=2,
        **FAST,
        json=str(tmp_path / "r.json"),
    )

    def first_step(text: str) -> None:
        if not lines:
            signal.raise_signal(signal.SIGINT)
        lines.append(text)

    assert run_load(options, first_step) == 130
    whole = json.loads((tmp_path / "r.json").read_text())
    assert whole["interrupted"] is True
    assert whole["steps"][0]["events"] == 30
    assert "interrupted; this is what was measured until then" in capsys.readouterr().err


def test_a_command_that_is_interrupted_before_it_has_measured_writes_reports_that_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "lab.toml"
    file.write_text(LAB.format(kpd1=0, kpd2=0, web=0, radius=0, ssh=0, subscribers=SUBSCRIBERS))

    async def interrupted(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGINT)
        await asyncio.Event().wait()

    monkeypatch.setattr("sorm_mediator.load.session.measure_all", interrupted)
    lines: list[str] = []
    options = LoadSettings(
        config=file, junit=tmp_path / "r.xml", json=str(tmp_path / "r.json"), report=tmp_path / "r.html"
    )
    assert run_load(options, lines.append) == 130
    assert "".join(lines).endswith("interrupted, nothing was checked\nINTERRUPTED\n")
    whole = json.loads((tmp_path / "r.json").read_text())
    assert (whole["verdict"], whole["interrupted"], whole["steps"]) == ("INTERRUPTED", True, [])
    assert {one["verdict"] for one in whole["limits"]} == {"not judged"}
    suite = ET.parse(tmp_path / "r.xml").getroot()  # noqa: S314 - written here
    assert suite.get("tests") == suite.get("failures") == "7"
    assert "interrupted, nothing was checked" in (tmp_path / "r.xml").read_text()
    assert "INTERRUPTED" in (tmp_path / "r.html").read_text()
    assert "before anything was measured" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--calls", "--rate", "--objects"])
def test_a_number_of_0_is_refused_and_is_not_the_default(option: str) -> None:
    refused = CliRunner().invoke(app, ["load", option, "0"])
    assert refused.exit_code == 2
    assert option in refused.output


async def test_a_switch_that_is_not_known_is_told_with_what_to_give(tmp_path: Path) -> None:
    lab = Served(
        target=cast(Any, None),
        config=lab_files.parse({}, directory=tmp_path, name="lab.toml"),
        name="x",
        radius="",
        web="",
    )
    with pytest.raises(NotReadyError, match=r"no switch is known .* -c LAB takes a lab file with a switch"):
        await by_switch(lab, 0, 1)
    known = lab_files.parse(
        tomlkit.parse(LAB.format(kpd1=0, kpd2=0, web=0, radius=0, ssh=0, subscribers=SUBSCRIBERS)).unwrap(),
        directory=tmp_path,
        name="lab.toml",
    )
    with pytest.raises(NotReadyError, match=r"no domain other.* --domain takes one of test\.domain"):
        await by_switch(replace(lab, config=known), 0, 1, "other")
