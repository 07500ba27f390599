"""Section ``decode``: the command ``decode`` beside tshark, on one capture of a TCP connection with many events.

Every event is a segment of its own, and all are different. tshark reads and prints the same file as JSON. Both are
whole processes, taken in turns; a figure is the median of the pairs. Memory is that of the largest process, at a tenth
of the events and at all of them.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.codec import events
from protocol import Codec
from sorm_mediator.capture.writer import PcapngWriter

EVENTS = 100_000
ROUNDS = 3
_BEGIN = 1_700_000_000.0


def write_capture(path: Path, count: int) -> None:
    """A capture of ``count`` different events on KPD2, 0.7 ms apart."""
    codec = Codec()
    with PcapngWriter(path) as writer:
        kpd2 = writer.connection("KPD2", ("127.0.0.1", 40002), ("127.0.0.1", 1002), now=_BEGIN)
        for number, event in enumerate(events(random.Random(268), count)):
            kpd2.received(codec.encode(event), _BEGIN + number * 0.0007)


def _run(words: list[str]) -> tuple[float, int]:
    """Seconds of a process whose output is thrown away, and the most kilobytes that it held."""
    begin = time.perf_counter()
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{words[0]} ended with {process.returncode}")
    return time.perf_counter() - begin, used.ru_maxrss


def run() -> dict[str, Any]:
    """The ratios of section ``decode``."""
    command = [sys.executable, "-P", "-m", "sorm_mediator", "decode", "-f"]
    tshark = shutil.which("tshark")
    seconds: dict[str, list[float]] = {"json": [], "text": [], "tshark": []}
    with tempfile.TemporaryDirectory() as folder:
        large, small = Path(folder, "large.pcapng"), Path(folder, "small.pcapng")
        write_capture(large, EVENTS)
        write_capture(small, EVENTS // 10)
        runs = {"json": [*command, str(large), "--json"], "text": [*command, str(large)]}
        if tshark is not None:
            runs["tshark"] = [tshark, "-r", str(large), "-T", "json"]
        peaks: dict[str, int] = {}
        for _ in range(ROUNDS):
            for name, words in runs.items():
                took, peaks[name] = _run(words)
                seconds[name].append(took)
        _, at_a_tenth = _run([*command, str(small), "--json"])
    results: dict[str, Any] = {
        "json_events_per_s": round(EVENTS / statistics.median(seconds["json"])),
        "text_vs_json": statistics.median(
            json / text for json, text in zip(seconds["json"], seconds["text"], strict=True)
        ),
        "memory_growth": peaks["json"] / at_a_tenth,
        "peak_mb": peaks["json"] / 1024,
    }
    if tshark is not None:
        results["json_vs_tshark"] = statistics.median(
            other / json for other, json in zip(seconds["tshark"], seconds["json"], strict=True)
        )
    return results
