"""The demo as a newcomer runs it."""

import json
import subprocess
import sys
from pathlib import Path

import captures

SCENARIOS = Path(captures.__file__).parent / "scenarios"
LISTENING = {"standby_pair.yaml", "heard_combined.yaml", "heard_preemption.yaml", "heard_separate.yaml"}
"""Speech is heard over E1 only."""
PAIRS = {"standby_pair.yaml"}
"""Pairs of channels in two E1 streams."""
BOTH = {"heard_tcp.yaml"}
"""KPD1 and KPD2 over TCP, and the speech in E1."""


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
    assert over_e1 == told - BOTH
    assert {entry["file"] for entry in document["scenarios"] if entry["link"] == "tcp+e1"} == BOTH
    over_tcp = {entry["file"] for entry in document["scenarios"] if entry["link"] == "tcp"}
    assert told - over_tcp == set(document["needing_e1"]) == LISTENING | PAIRS | BOTH
    assert all(
        entry["verdict"] == "PASS" and entry["passed"] == entry["steps"] for entry in document["scenarios"]
    )
