"""A soak of seconds: its phases, what it tells, and what it finds when something is wrong."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from sorm_mediator.cli.app import app
from sorm_mediator.console.errors import UsageError
from sorm_mediator.lab.small import IN_MEMORY, lab_text
from sorm_mediator.load.measuring import Step
from sorm_mediator.load.served import Served
from sorm_mediator.mediator.core.calls.calls import FINISHED_CALLS
from sorm_mediator.soak import leaks
from sorm_mediator.soak.boxes import SoakBox
from sorm_mediator.soak.report import document, lines, page, png, write_junit
from sorm_mediator.soak.result import Done, SoakResult
from sorm_mediator.soak.session import Soak, SoakSettings, run_soak, soak


def lab_file(folder: Path) -> Path:
    """A lab that is one process."""
    file = folder / "small.toml"
    file.write_text(lab_text(IN_MEMORY))
    return file


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A verdict after seconds: what fills in the first minute is not looked at."""
    monkeypatch.setattr(leaks, "WARM_UP_LEAST", 0.0)
    monkeypatch.setitem(leaks.ALLOWED, "memory", leaks.Allowed(1e9, 0.0))


@pytest.mark.usefixtures("quick")
async def test_a_short_soak_checks_every_phase_and_tells_it_in_every_form(tmp_path: Path) -> None:
    settings = SoakSettings(
        duration="5s", phase="2s", sample="200ms", rate=20, objects=3, only=("reports", "reconnect")
    )
    result = await soak(settings, tmp_path)
    assert result.good, [*result.troubles, *result.missing]
    assert {one.kind for one in result.done} == {"reports", "reconnect"}
    assert result.events >= 3 * 40
    assert {box.name for box in result.boxes} == {"gateway", "switch"}
    assert all(len(box.samples[measure]) > 8 for box in result.boxes for measure in leaks.MEASURES)
    assert all(box.samples["tasks"][-1][1] > 0 for box in result.boxes)

    said = lines(result, "en")
    assert said[-1] == "PASS"
    assert any("gateway  descriptors" in line and "no leak" in line for line in said)
    assert json.loads(json.dumps(document(result)))["verdict"] == "PASS"
    write_junit(tmp_path / "junit.xml", result)
    suite = ET.parse(tmp_path / "junit.xml").getroot()  # noqa: S314 - written here
    assert (suite.get("tests"), suite.get("failures")) == ("17", "0")
    assert "<svg" in page(result, "ru")
    assert png(result, "ru").startswith(b"\x89PNG")


@pytest.mark.usefixtures("quick")
async def test_a_box_that_dies_ends_the_soak_with_its_last_words(tmp_path: Path) -> None:
    settings = SoakSettings(
        config=lab_file(tmp_path), duration="60s", sample="100ms", rate=5, objects=1, only=("reports",)
    )
    sample = SoakBox.sample

    async def killing(self: SoakBox, at: float) -> None:
        if at > 0.5:
            os.kill(self.process.pid, signal.SIGKILL)
            await self.process.ended()
        await sample(self, at)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SoakBox, "sample", killing)
        result = await soak(settings, tmp_path)
    assert not result.good
    assert any("lab has ended" in text for text in result.troubles), result.troubles


def test_an_error_of_the_program_in_a_log_is_found_once(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    log.write_text("WARNING all is well\nTraceback (most recent call last):\n  File x\nCRITICAL: half a li")
    box = SoakBox("gateway", None, log, log, "")  # type: ignore[arg-type]  # its process is not asked
    assert box.read_log() == ["Traceback (most recent call last):"]
    with log.open("a") as file:
        file.write("ne\n")
    assert box.read_log() == ["CRITICAL: half a line"]
    assert box.read_log() == []
    assert len(box.troubles) == 2


def result_of(**fields: Any) -> SoakResult:
    return SoakResult(against="x", began=0.0, seed=0, **fields)


def test_finished_calls_that_are_remembered_are_no_leak_and_more_than_that_is() -> None:
    """50 calls/s for half an hour: 90,000, of which the mediator remembers the latest 65,536."""

    def verdict(octets_a_call: int) -> leaks.Growth:
        samples = [
            (float(at), 1e8 + octets_a_call * min(50 * at, FINISHED_CALLS)) for at in range(0, 1800, 10)
        ]
        box = SoakBox("gateway", None, Path(), Path(), "", {"memory": samples})  # type: ignore[arg-type]  # not asked
        done = [
            Done("reports", float(at), 10.0, Step(rate=50, calls=500, seconds=10, begun=0))
            for at in range(0, 1800, 10)
        ]
        result = result_of(boxes=[box], done=done, seconds=1800.0)
        return next(one for _, measure, one in result.verdicts() if measure == "memory")

    assert not verdict(390).leak
    assert verdict(1500).leak


def test_what_was_not_carried_out_is_no_success() -> None:
    empty = result_of(wanted=("reports",))
    assert not empty.good
    assert "no phase of this kind was carried out: reports" in "\n".join(lines(empty, "en"))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"duration": "1h"}, "--duration: '1h' is not allowed: a number with its unit"),
        ({"duration": "1s"}, "--duration: '1s' is not allowed: 5s or more"),
        ({"only": ("sleep",)}, "--only: 'sleep' is not allowed: reports, calls, faults"),
        ({"duration": "20s"}, "--duration: '20s' is not allowed: 64s or more: growth is judged by 8 samples"),
        ({"duration": "139s", "sample": "10s"}, "--duration: '139s' is not allowed: 140s or more"),
        ({"phase": "0s"}, "--phase: '0s' is not allowed: more than 0"),
        ({"rate": 0.0}, "--rate: 0 is not allowed"),
        ({"plot": Path("a.jpg")}, "--plot: a.jpg: is not allowed: a file .png"),
        ({"findings": Path("/nowhere/f")}, "--findings: /nowhere/f: its folder does not exist"),
    ],
)
def test_wrong_options_are_told_with_what_is_allowed(options: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as error:
        SoakSettings(**options)
    assert told in str(error.value)


async def test_an_interrupted_soak_has_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[SoakResult] = []
    sampled = asyncio.Event()
    sample = SoakBox.sample

    async def noted(self: SoakBox, at: float) -> None:
        await sample(self, at)
        sampled.set()

    monkeypatch.setattr(SoakBox, "sample", noted)
    settings = SoakSettings(
        config=lab_file(tmp_path), duration="600s", sample="100ms", rate=20, objects=1, only=("reports",)
    )
    going = asyncio.ensure_future(soak(settings, tmp_path, cut_short=kept.append))
    async with asyncio.timeout(60):
        await sampled.wait()
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    [result] = kept
    assert result.interrupted
    assert result.boxes[0].samples["memory"]
    assert lines(result, "en")[-1] == "INTERRUPTED"


def test_a_soak_that_is_interrupted_before_its_boxes_run_writes_reports_that_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def interrupted(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGINT)
        await asyncio.Event().wait()

    monkeypatch.setattr("sorm_mediator.soak.session.soak", interrupted)
    written: list[str] = []
    options = SoakSettings(
        junit=tmp_path / "r.xml", json=str(tmp_path / "r.json"), report=tmp_path / "r.html"
    )
    assert run_soak(options, written.append) == 130
    assert "".join(written).endswith("  ! interrupted, nothing was checked\nINTERRUPTED\n")
    whole = json.loads((tmp_path / "r.json").read_text())
    assert (whole["verdict"], whole["troubles"]) == ("INTERRUPTED", ["interrupted, nothing was checked"])
    suite = ET.parse(tmp_path / "r.xml").getroot()  # noqa: S314 - written here
    assert suite.get("tests") == suite.get("failures") != "0"
    assert "INTERRUPTED" in (tmp_path / "r.html").read_text()


async def test_the_end_of_a_cycle_waits_for_the_links_that_faults_have_cut(tmp_path: Path) -> None:
    """The mediator says that its switch is away, and that it is there again; until then nothing is put back."""
    states = ["down", "down", "up"]

    async def request(method: str, path: str, body: object) -> tuple[int, Any]:
        assert (method, path, body) == ("GET", "status", None)
        return 200, {"switch": {"state": states.pop(0)}}

    target = SimpleNamespace(request=request, codec=None, password="", orm_number=0)
    lab = Served(target=cast(Any, target), config=cast(Any, None), name="x", radius="", web="")
    settings = SoakSettings(config=lab_file(tmp_path))
    await Soak(settings, lab, result_of(), [])._links_back()
    assert states == []


def test_junit_has_a_case_for_each_phase_and_each_kind_of_loss(tmp_path: Path) -> None:
    step = Step(rate=1, calls=2, events=5, seconds=1, begun=0, found={"lost": 1})
    result = result_of(
        done=[Done("reports", 0.0, 1.0, step)], wanted=("reports", "fuzz"), troubles=["lost 1"]
    )
    write_junit(tmp_path / "junit.xml", result)
    cases = ET.parse(tmp_path / "junit.xml").getroot().iter("testcase")  # noqa: S314 - written here
    failed = {one.get("name"): one.find("failure") is not None for one in cases}
    assert [name for name, broken in failed.items() if broken] == ["reports: lost", "fuzz", "all"]
    assert failed["reports"] is failed["reports: refused"] is failed["reports: wrong"] is False


def test_a_wrong_choice_is_told_in_the_language_of_the_command() -> None:
    told = CliRunner().invoke(app, ["soak", "--only", "faultz", "--lang", "ru"])
    assert told.exit_code == 2
    assert "--only: 'faultz' не допускается: reports, calls, faults, reconnect, fuzz" in told.output
