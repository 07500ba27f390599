"""The recordings of the shipped scripts. That each script passes is what the demo shows (tests/lab/test_demo.py)."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

import captures
from captures import index
from captures.record import essence, recording, scripts, units
from protocol import Channel, Codec, Options
from sorm_mediator.replay.from_capture import CaptureSettings, run_pcap2scenario
from sorm_mediator.replay.results import PcapRecorder, TextPrinter
from sorm_mediator.replay.session import ReplaySettings, load, run_script

SCRIPTS = scripts()
SHIPPED = Path(captures.__file__).parent
SCENARIOS, LABS = SHIPPED / "scenarios", SHIPPED / "labs"


def name_of(path: Path) -> str:
    return recording(path).stem


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_a_recording_holds_the_run_of_its_script(path: Path) -> None:
    codec = Codec(Options(order="70" if path.stem.startswith("order70") else "268"))
    names = {
        getattr(codec.decode_lenient(raw)[0], "message_name", "unknown")
        for _, raws in units(recording(path))
        for raw in raws
    }
    assert {"start", "command-received", "command-executed"} <= names


def test_every_recording_is_of_a_script_that_is_there() -> None:
    folder = recording(SCRIPTS[0]).parent
    assert {path.name for path in folder.glob("*.pcapng")} == {recording(path).name for path in SCRIPTS}


def test_recordings_are_small() -> None:
    assert max(recording(path).stat().st_size for path in SCRIPTS) < 64 * 1024


async def test_what_a_run_says_is_the_same_at_every_run(tmp_path: Path) -> None:
    path = next(path for path in SCRIPTS if path.stem == "both_parties")
    fresh = tmp_path / "run.pcapng"
    with PcapRecorder(fresh) as recorder:
        result = await run_script(
            load(path), ReplaySettings(scripts=(path,)), TextPrinter(lambda _: None), recorder
        )
    assert result.verdict == "PASS"
    assert fresh.read_bytes() != recording(path).read_bytes()
    assert essence(fresh) == essence(recording(path))
    assert essence(fresh) != essence(recording(SCRIPTS[0]))


async def test_a_capture_of_two_runs_of_a_script_tells_them_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, both, again = SCENARIOS / "main-job.yaml", tmp_path / "both.pcapng", tmp_path / "again.yaml"
    with PcapRecorder(both) as recorder:
        for _ in range(2):
            result = await run_script(
                load(path), ReplaySettings(scripts=(path,)), TextPrinter(lambda _: None), recorder
            )
            assert result.verdict == "PASS"
    settings = CaptureSettings(
        file=both, output=again, options=Options(), lab=str(LABS / "minimal.toml"), calls="test.domain"
    )
    assert run_pcap2scenario(settings) == 2
    assert "holds 2 scripts: --script NAME chooses one: main-job, main-job (2)" in capsys.readouterr().err
    assert run_pcap2scenario(replace(settings, script="main-job (2)")) == 0
    rerun = await run_script(load(again), ReplaySettings(scripts=(again,)), TextPrinter(lambda _: None))
    assert rerun.verdict == "PASS"


def test_digit_zero_crossed_as_half_byte_ah() -> None:
    path = next(path for path in SCRIPTS if path.stem == "digit_zero")
    events = [raw for channel, raws in units(recording(path)) if channel is Channel.KPD2 for raw in raws]
    assert [raw[12:17].hex(" ") for raw in events] == ["01 05 1a 1a fa"] * 3


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed: apt install tshark")
def test_wireshark_reads_the_recordings() -> None:
    for path in SCRIPTS:
        command = [
            "tshark",
            *("-o", 'uat:user_dlts:"User 0 (DLT=147)","lapb","0","","0",""'),
            "-r",
            str(recording(path)),
            "-Y",
            "_ws.malformed || tcp.analysis.flags",
            "-T",
            "fields",
        ]
        done = subprocess.run([*command, "-e", "frame.number"], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, ""), f"{recording(path)}: {done.stdout}{done.stderr}"


def test_the_table_of_the_scenarios_is_fresh() -> None:
    assert index.README.read_text(encoding="utf-8") == index.table(), "run: python -m captures.index"
