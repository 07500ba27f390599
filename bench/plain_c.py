"""``lines.c`` as a library, and how figures are compared with it: in turns, in one process, on one core."""

from __future__ import annotations

import ctypes
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

Pair = tuple[Callable[[], object], Callable[[], object]]
"""Ours, and the loop in C that does the same work."""

SOURCE = Path(__file__).with_name("lines.c")


@cache
def library() -> ctypes.CDLL:
    """The loops of ``lines.c``, compiled with ``-O2`` as a package of Debian is. Raises ``RuntimeError``."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise RuntimeError("no compiler of C: apt install gcc")
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "lines.so"
        subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", made, SOURCE], check=True)
        found = ctypes.CDLL(str(made))
    for name in ("hdlc_transmit", "hdlc_receive", "crc4_check", "framer"):
        getattr(found, name).restype = ctypes.c_size_t
    found.crc4_generate.restype = ctypes.c_uint
    found.prepare()
    return found


@contextmanager
def one_core() -> Iterator[None]:
    """This process on one core, where the system allows to choose it."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if cores:
        os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        if cores:
            os.sched_setaffinity(0, cores)


def spent(work: Callable[[], object]) -> float:
    """Seconds of processor time."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def repeated(times: int, work: Callable[[int], object]) -> Callable[[], None]:
    """Work that is too short to be measured once. What it gives is dropped at once, as it is in use."""

    def loop() -> None:
        for number in range(times):
            work(number)

    return loop


def against_c(pairs: Mapping[str, Pair], rounds: int) -> dict[str, float]:
    """``NAME_vs_c`` -> how much of the speed of C ours has: medians of rounds in which both take their turn."""
    found: dict[str, list[float]] = {name: [] for name in pairs}
    for number in range(rounds + 1):
        for name, (ours, theirs) in pairs.items():
            if number % 2:  # neither is always the first
                own, reference = spent(ours), spent(theirs)
            else:
                reference, own = spent(theirs), spent(ours)
            if number:  # the first warms up
                found[name].append(reference / own)
    return {f"{name}_vs_c": round(statistics.median(values), 3) for name, values in found.items()}
