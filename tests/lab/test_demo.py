"""The demo as a newcomer runs it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import captures

SCENARIOS = Path(captures.__file__).parent / "scenarios"
LISTENING = {"standby_pair.yaml", "heard_combined.yaml", "heard_preemption.yaml", "heard_separate.yaml"}
"""Speech is heard over E1 only."""
PAIRS = {"standby_pair.yaml"}
"""Pairs of channels in two E1 streams."""
BOTH = {"heard_tcp.yaml"}
"""KPD1 and KPD2 over TCP, and the speech in E1."""
LINES = {"fault_e1_line.yaml", "shared_submodule.yaml"}
"""Faults of the line itself, and the submodule a line stands in."""
ALONE = {"fault_kpd2_cut.yaml"}
"""KPD2 is cut and KPD1 is not: in E1 both are in one stream."""


def test_every_built_in_scenario_passes_over_the_wire() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sorm_mediator", "demo", "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert document["passed"] is True
    told = {entry["file"] for entry in document["scenarios"]}
    assert told == {path.name for path in (*SCENARIOS.glob("*.yaml"), *SCENARIOS.glob("vendor/*.json"))}
    assert len(told) >= 8
    over_e1 = {entry["file"] for entry in document["scenarios"] if entry["link"] == "x25"}
    assert over_e1 == told - BOTH - ALONE
    assert {entry["file"] for entry in document["scenarios"] if entry["link"] == "tcp+e1"} == BOTH
    over_tcp = {entry["file"] for entry in document["scenarios"] if entry["link"] == "tcp"}
    assert told - over_tcp == set(document["needing_e1"]) == LISTENING | PAIRS | BOTH | LINES
    assert all(
        entry["verdict"] == "PASS" and entry["passed"] == entry["steps"] for entry in document["scenarios"]
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_130_and_leaves_no_process(number: signal.Signals, tmp_path: Path) -> None:
    for name in ("protocol", "radius", "e1", "captures"):  # of the user's own: none is loaded
        (tmp_path / f"{name}.py").write_text("raise SystemExit('loaded')")
    with subprocess.Popen(
        [Path(sys.executable).with_name("sorm-mediator"), "demo"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as demo:  # fmt: skip
        assert demo.stdout is not None
        assert demo.stderr is not None
        boxes = []
        for line in demo.stdout:
            if line.startswith(("  switch ", "  gateway ")):
                boxes.append(int(line.split()[2]))
            if line.startswith("The built-in scenarios"):
                break
        os.killpg(demo.pid, number)  # as a terminal does; a box is in a session of its own
        rest = demo.stdout.read()
        assert demo.stderr.read() == "sorm-mediator: interrupted\n"
    assert demo.returncode == 130, rest
    assert "passed in" in rest
    assert len(boxes) == 2
    assert not [pid for pid in boxes if Path(f"/proc/{pid}").exists()]
