"""Section ``hdlc``: how many 64 kbit/s timeslots one core would keep up with, each way.

A timeslot is 8,000 octets a second; a figure is the seconds of line that one second of processor time makes or reads.
The line goes in pieces of 20 ms, as a stream's clock hands them out; the transmitter is given frames whenever less
than a piece waits. All frames are different: the same one again and again flatters the search for ones fourfold.
Medians over several rounds of CPU time, on one core where the system allows to choose it.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Callable
from functools import partial

from e1.hdlc import HdlcReceiver, HdlcTransmitter

RATE = 8000
PIECE = 160
ROUNDS = 9
LINE_SECONDS = 20
SIZES = (260, 32, 8)


def run() -> dict[str, float]:
    """Keys ``transmit_260``, ``receive_260`` and so on (× real time), ``receive_idle_flags``, ``receive_idle_ones``."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if cores:
        os.sched_setaffinity(0, {max(cores)})
    try:
        return {key: round(_times_real(measure)) for key, measure in _sections().items()}
    finally:
        if cores:
            os.sched_setaffinity(0, cores)


def _sections() -> dict[str, Callable[[], object]]:
    found: dict[str, Callable[[], object]] = {}
    random_ = random.Random(260)
    for size in SIZES:
        frames = [random_.randbytes(size) for _ in range(LINE_SECONDS * RATE // size + 1)]
        pieces = _transmit(frames)
        found[f"transmit_{size}"] = partial(_transmit, frames)
        found[f"receive_{size}"] = partial(_receive, pieces, frames)
    # Aligned flags are rare: shift the phase.
    flags = [b"\xfc" * PIECE] * (LINE_SECONDS * RATE // PIECE)
    found["receive_idle_flags"] = partial(_receive, flags, [])
    found["receive_idle_ones"] = partial(_receive, [b"\xff" * PIECE] * len(flags), [])
    found["transmit_idle"] = partial(_idle, len(flags))
    return found


def _times_real(measure: Callable[[], object]) -> float:
    spent = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        measure()
        spent.append(time.process_time() - begin)
    return LINE_SECONDS / statistics.median(spent)


def _transmit(frames: list[bytes]) -> list[bytes]:
    """A line of about :data:`LINE_SECONDS`, in pieces."""
    transmitter, waiting, pieces = HdlcTransmitter(), iter(frames), []
    for _ in range(LINE_SECONDS * RATE // PIECE):
        while transmitter.pending < PIECE:
            frame = next(waiting, None)
            if frame is None:
                break
            transmitter.queue(frame)
        pieces.append(transmitter.take(PIECE))
    return pieces


def _receive(pieces: list[bytes], sent: list[bytes]) -> None:
    receiver = HdlcReceiver()
    got: list[bytes] = []
    for piece in pieces:
        got += receiver.feed(piece)
    if receiver.counters.bad or got != sent[: len(got)] or bool(got) != bool(sent):
        raise RuntimeError(f"the line was not read as it was sent: {receiver.counters}")


def _idle(pieces: int) -> None:
    transmitter = HdlcTransmitter()
    for _ in range(pieces):
        transmitter.take(PIECE)
