"""Start-up: ``--version``, a lab until its ready line, and the memory of an idle lab.

The reference of ``version_vs_python`` is the interpreter starting and doing nothing, alternating with the subject.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sorm_mediator.lab.small import IN_MEMORY, lab_text


def _run_once(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def _start_lab(config: Path) -> tuple[float, float]:
    """Seconds until the ready line, and MB of memory while idle."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "sorm_mediator", "lab", "-c", str(config), "--log-level", "error"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as lab:
        assert lab.stdout is not None
        json.loads(lab.stdout.readline())
        ready = time.perf_counter() - begin
        status = Path(f"/proc/{lab.pid}/status").read_text()
        resident = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        lab.send_signal(signal.SIGTERM)
        if lab.wait(20) != 0:
            raise RuntimeError(f"the lab ended with {lab.returncode}")
    return ready, int(resident.split()[1]) / 1024


def run() -> dict[str, object]:
    """Medians of seven (start-up of the interpreter) and five (labs)."""
    version, nothing = [], []
    for _ in range(7):
        version.append(_run_once([str(Path(sys.executable).with_name("sorm-mediator")), "--version"]))
        nothing.append(_run_once([sys.executable, "-c", "pass"]))
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "lab.toml")
        config.write_text(lab_text(IN_MEMORY))
        labs = [_start_lab(config) for _ in range(5)]
    return {
        "version_s": statistics.median(version),
        "version_vs_python": statistics.median(version) / statistics.median(nothing),
        "lab_ready_s": statistics.median(ready for ready, _ in labs),
        "idle_lab_mb": statistics.median(memory for _, memory in labs),
        "cores": os.cpu_count(),
    }
