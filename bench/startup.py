"""Start-up: short commands, a lab until its ready line, and the memory of an idle lab.

The reference of ``version_vs_python`` is the interpreter starting and doing nothing, alternating with the subject.
Modules are compiled before, as in an installed program, also where the environment forbids to keep them compiled.
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

ROOT = Path(__file__).parent.parent
LAPTOP = "captures/labs/laptop.toml"
COMMANDS = {
    "help_s": ["--help"],
    "decode_s": ["decode", "CC0105"],
    "config_check_s": ["config", "check", LAPTOP],
    "trace_s": ["trace", "-c", LAPTOP, "cgpn.digits=28331", "cdpn.digits=28332"],
    "examples_s": ["examples"],
    "send_s": ["send", "--host", "127.0.0.1", "--kpd1", "1", "--kpd2", "2", "get-version"],
}
"""The commands by their keys in the results. ``send`` finds nobody there: it is measured without an answer."""


def _run_once(command: list[str], compiled: str) -> float:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    begin = time.perf_counter()
    subprocess.run(
        command,
        check=False,  # decode finds a mistake, send finds nobody
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env=environment | {"PYTHONPYCACHEPREFIX": compiled},
    )
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
    program = str(Path(sys.executable).with_name("sorm-mediator"))
    commands = {
        "nothing_s": [sys.executable, "-c", "pass"],
        "version_s": [program, "--version"],
        **{key: [program, *words] for key, words in COMMANDS.items()},
    }
    times: dict[str, list[float]] = {key: [] for key in commands}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(8):
            for key, command in commands.items():
                seconds = _run_once(command, folder)
                if turn > 0:  # the first one compiles
                    times[key].append(seconds)
        medians = {key: statistics.median(some) for key, some in times.items()}
        config = Path(folder, "lab.toml")
        config.write_text(lab_text(IN_MEMORY))
        labs = [_start_lab(config) for _ in range(5)]
    return {
        **medians,
        "version_vs_python": medians["version_s"] / medians["nothing_s"],
        "lab_ready_s": statistics.median(ready for ready, _ in labs),
        "idle_lab_mb": statistics.median(memory for _, memory in labs),
        "cores": os.cpu_count(),
    }
