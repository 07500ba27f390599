"""Section ``e1``: a 2048 kbit/s stream against real time, in batches of 20 ms, and four of them on a core.

Figures ending in ``_x`` are seconds of one stream processed in a second of processor time. ``mux`` and ``demux``
turn timeslots into the octets of frames and back; of what comes apart the two data channels become strings.
``framer`` is one whole end: transmitter and receiver with alarms, CRC-4 and E bits. ``four_streams`` is what a
mediator does: four streams, LAPB and X.25 with messages on all eight channels, speech on every KSL, and a UDP packet
each way every millisecond for each stream. The far ends run in the same process, outside the clock.

Figures ending in ``_vs_c`` compare with a plain loop in C that does the same work (``lines.c``): 0.5 is half its speed.
"""

from __future__ import annotations

import ctypes
import socket
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.plain_c import Pair, against_c, library, one_core, repeated
from e1.carriers.satop import SatopLine
from e1.carriers.satop_socket import SatopSocket
from e1.events import Message
from e1.g704.alarms import StreamState
from e1.g704.framer import FrameReceiver
from e1.g704.frames import TIMESLOTS, FrameTransmitter, carried, crc4, demux, mux
from e1.g704.timeslots import KSL_PER_STREAM
from e1.lapb.config import LapbConfig
from e1.stream import ChannelEvent, E1Stream, StreamConfig
from e1.x25.config import X25Config

BATCH = 160
"""Frames in 20 ms."""
ROUNDS = 7
REPEATS = 400
SECONDS = 4.0
"""Seconds of four streams in each round."""


def _payloads(count: int) -> list[np.ndarray[Any, np.dtype[np.uint8]]]:
    """Payloads that all differ: repeated ones would favour caches."""
    random = np.random.default_rng(32)
    return [random.integers(0, 256, (BATCH, TIMESLOTS), dtype=np.uint8) for _ in range(count)]


def _times_real(functions: dict[str, Callable[[int], object]]) -> dict[str, float]:
    """Medians of processor time against 20 ms, each function taking its turn in every round."""
    found: dict[str, list[float]] = {name: [] for name in functions}
    for round_number in range(ROUNDS + 1):
        for name, function in functions.items():
            begin = time.process_time()
            for number in range(REPEATS):
                function(number)
            spent = time.process_time() - begin
            if round_number:  # the first warms up
                found[name].append(REPEATS * BATCH / 8000 / spent)
    return {name: statistics.median(values) for name, values in found.items()}


def _pieces() -> dict[str, Callable[[int], object]]:
    batches = _payloads(50)
    timeslots = [demux(batch) for batch in batches]
    lines = [mux(rows).tobytes() for rows in timeslots]

    def join(number: int) -> bytes:
        return mux(timeslots[number % 50]).tobytes()

    def part(number: int) -> tuple[bytes, bytes]:
        rows = demux(np.frombuffer(lines[number % 50], np.uint8).reshape(BATCH, TIMESLOTS))
        return rows[30].tobytes(), rows[31].tobytes()

    if any(lines[n][31::32] != part(n)[1] or join(n) != batches[n].tobytes() for n in range(50)):
        raise AssertionError("what was joined did not come apart again")

    def check(number: int) -> bool:
        batch = batches[number % 50]
        return bool((carried(batch[:, 0])[1:] == crc4(batch)[:-1]).any())

    transmitter, plain = FrameTransmitter(), FrameTransmitter(crc4=False)
    transmitter.set_e_bits(aligned=True)

    def generate(number: int) -> object:
        return transmitter.frames(batches[number % 50])

    def fill(number: int) -> object:
        return plain.frames(batches[number % 50])

    return {
        "mux_x": join,
        "demux_x": part,
        "crc4_check_x": check,
        "crc4_generate_x": generate,
        "ts0_without_crc4_x": fill,
    }


def _framers() -> dict[str, Callable[[int], object]]:
    batches = _payloads(50)

    def whole() -> Callable[[int], object]:
        transmitter, receiver = FrameTransmitter(), FrameReceiver()

        def both(number: int) -> object:
            frames = receiver.feed(
                transmitter.frames(batches[number % 50], receiver.alarms.consequence.remote_alarm)
            )
            transmitter.set_e_bits(receiver.aligned, receiver.take_errored())
            if receiver.take_changes() and number > 2:
                raise AssertionError(f"an alarm on a healthy line: {receiver.state}")
            return frames

        both(0)
        both(1)
        both(2)
        if receiver.state is not StreamState.WORK:
            raise AssertionError(f"the framer is in {receiver.state}")
        return both

    silent = FrameReceiver()

    def alarm(octet: bytes) -> Callable[[int], object]:
        return lambda number: silent.feed(octet * (BATCH * TIMESLOTS))

    return {
        "framer_x": whole(),
        "receive_in_los_x": alarm(b"\x00"),
        "receive_in_ais_x": alarm(b"\xff"),
        "receive_in_lof_x": alarm(b"\x55"),
    }


def _pairs(ours: dict[str, Callable[[int], object]]) -> dict[str, Pair]:
    """The loops in C beside each piece, which must make the same octets."""
    c, size, count = library(), ctypes.c_size_t, ctypes.c_size_t(BATCH)
    batches = _payloads(50)
    timeslots = [demux(batch) for batch in batches]
    line, out = np.zeros((BATCH, TIMESLOTS), np.uint8), np.zeros((TIMESLOTS, BATCH), np.uint8)
    to, apart = ctypes.c_void_p(line.ctypes.data), ctypes.c_void_p(out.ctypes.data)
    frames = [ctypes.c_void_p(batch.ctypes.data) for batch in batches]
    rows = [ctypes.c_void_p(each.ctypes.data) for each in timeslots]
    state, check = (ctypes.c_uint * 5)(), [0]

    def generate(number: int) -> None:
        check[0] = c.crc4_generate(frames[number % 50], count, to, ctypes.c_uint(check[0]))

    theirs: dict[str, Callable[[int], object]] = {
        "mux": lambda number: c.mux(rows[number % 50], count, to),
        "demux": lambda number: c.demux(frames[number % 50], count, apart),
        "crc4_check": lambda number: c.crc4_check(frames[number % 50], count),
        "crc4_generate": generate,
        "framer": lambda number: c.framer(frames[number % 50], count, to, apart, state),
    }
    transmitter = FrameTransmitter()
    transmitter.set_e_bits(aligned=True)
    for number, batch in enumerate(batches):
        theirs["mux"](number)
        theirs["demux"](number)
        same = line.tobytes() == batch.tobytes() and out.tobytes() == timeslots[number].tobytes()
        generate(number)
        same = same and line.tobytes() == transmitter.frames(batch) and not c.crc4_check(to, size(BATCH))
        if not same or c.framer(frames[number], count, to, apart, state):
            raise AssertionError(f"C and Python do not agree about batch {number}")
    return {
        name: (repeated(REPEATS, ours[f"{name}_x"]), repeated(REPEATS, work)) for name, work in theirs.items()
    }


def _stream(role: Any) -> E1Stream:
    return E1Stream(StreamConfig(lapb=LapbConfig(role=role), x25=X25Config(role=role)))


class _FarEnd:
    """Answers a mediator's stream: a console with its own line and socket."""

    def __init__(self, remote: tuple[str, int]) -> None:
        self.stream = _stream("dte")
        self.line = SatopLine()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(remote)
        self.socket.setblocking(False)

    def turn(self, now: float) -> int:
        """Messages that arrived."""
        while True:
            try:
                self.line.received(self.socket.recv(2048), now)
            except BlockingIOError:
                break
        frames = self.line.due(now)
        events = self.stream.receive(self.line.play(frames), now)
        for datagram in self.line.send(self.stream.transmit(frames, now)):
            self.socket.send(datagram)
        return sum(isinstance(event, ChannelEvent) and isinstance(event.event, Message) for event in events)


async def _four_streams(batch: float) -> tuple[float, int]:
    """The share of a core that four mediator ends take, and how many messages they sent."""
    now = 0.0
    ends = [(_stream("dce"), SatopSocket(SatopLine(), clock=lambda: now)) for _ in range(4)]
    for _, end in ends:
        await end.start()
    far = [_FarEnd(end.local) for _, end in ends]
    random = np.random.default_rng(28)
    octets = round(8000 * batch)
    speech = [random.integers(0, 256, octets, np.uint8).tobytes() for _ in range(KSL_PER_STREAM)]
    message = bytes(range(0x3A))
    got = sent = 0
    spent = 0.0
    first, last = round(0.5 / batch), round((0.5 + SECONDS) / batch)
    for turn in range(last + first):
        now = turn * batch
        begin = time.process_time()
        for stream, end in ends:
            for ksl, spoken in enumerate(speech, 1):
                stream.voice_out(ksl, spoken)
            if now % 0.1 < batch and turn < last:
                for name in stream.channels:
                    stream.send(name, message, now)
                    sent += 1
            end.exchange(stream)
        if first <= turn < last:
            spent += time.process_time() - begin
        got += sum(console.turn(now) for console in far)
    for stream, end in ends:
        if stream.state is not StreamState.WORK or end.line.counters.lost:
            raise AssertionError(f"a stream is in {stream.state}, {end.line.counters}")
        end.close()
    for console in far:
        console.socket.close()
    if got != sent:
        raise AssertionError(f"{got} of {sent} messages arrived")
    return 100 * spent / SECONDS, sent


def run() -> dict[str, Any]:
    """The figures of section ``e1``: ``*_x`` times real time, ``four_streams_percent`` of a core."""
    import asyncio

    results: dict[str, Any] = {}
    ours = _pieces() | _framers()
    with one_core():
        results |= _times_real(ours)
        results |= against_c(_pairs(ours), ROUNDS)
    for batch in (0.020, 0.005):
        shares = [asyncio.run(_four_streams(batch)) for _ in range(5)]
        results[f"four_streams_percent_{round(1000 * batch)}ms"] = statistics.median(
            share for share, _ in shares
        )
    results["four_streams_percent"] = results["four_streams_percent_20ms"]
    results["messages_carried"] = shares[0][1]
    return results
