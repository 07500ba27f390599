"""Section ``hdlc``: how many 64 kbit/s timeslots one core would keep up with, each way.

A timeslot is 8,000 octets a second; a figure is the seconds of line that one second of processor time makes or reads.
The line goes in pieces of 20 ms, as a stream's clock hands them out; the transmitter is given frames whenever less
than a piece waits. All frames are different: the same one again and again flatters the search for ones fourfold.
Medians over several rounds of CPU time, on one core where the system allows to choose it.

Figures ending in ``_vs_c`` compare with a plain loop in C over the same line, bit by bit (``lines.c``): 0.5 is half its
speed. They depend less on the machine than the multiples of real time.
"""

from __future__ import annotations

import ctypes
import random
import statistics
import time
from collections.abc import Callable
from functools import partial

from bench.plain_c import Pair, against_c, library, one_core
from e1.hdlc import HdlcReceiver, HdlcTransmitter

RATE = 8000
PIECE = 160
ROUNDS = 9
LINE_SECONDS = 20
SIZES = (260, 32, 8)


def run() -> dict[str, float]:
    """Keys ``transmit_260``, ``receive_260`` and so on (× real time), ``receive_idle_flags``, ``receive_idle_ones``."""
    with one_core():
        sections = _sections()
        multiples: dict[str, float] = {key: round(_times_real(measure)) for key, measure in sections.items()}
        return multiples | against_c(_pairs(sections), ROUNDS)


def _pairs(ours: dict[str, Callable[[], object]]) -> dict[str, Pair]:
    """The loops in C beside each way of each size, which must make and read the same line."""
    c, octets = library(), LINE_SECONDS * RATE
    random_ = random.Random(260)
    pairs: dict[str, Pair] = {}
    size_of = ctypes.c_size_t
    for size in SIZES:
        frames = [random_.randbytes(size) for _ in range(octets // size + 1)]
        joined, sent = b"".join(frames), b"".join(_transmit(frames))
        made, read, total = (ctypes.c_uint8 * octets)(), (ctypes.c_uint8 * octets)(), ctypes.c_size_t()

        def transmit(
            joined: bytes = joined, count: int = len(frames), size: int = size, made: object = made
        ) -> None:
            c.hdlc_transmit(joined, size_of(count), size_of(size), made, size_of(octets))

        def receive(sent: bytes = sent, read: object = read, total: ctypes.c_size_t = total) -> None:
            c.hdlc_receive(sent, size_of(octets), read, ctypes.byref(total))

        transmit()
        receive()
        if bytes(made) != sent or bytes(read)[: total.value] != joined[: total.value] or not total.value:
            raise RuntimeError(f"C and Python do not agree about the line of {size} octets a frame")
        pairs[f"transmit_{size}"] = (ours[f"transmit_{size}"], transmit)
        pairs[f"receive_{size}"] = (ours[f"receive_{size}"], receive)
    return pairs


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
