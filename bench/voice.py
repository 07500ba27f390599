"""Speech: A-law mixed, alone and with RTP and UDP, and 112 lines in real time.

A mix is one line of combined control in real time: 50 times a second 160 octets of A and 160 of B become 160 of
the line. Rates are per second of processor time, medians.

    mixes_per_core          the table alone, 100 lines at once, all octets random
    mix_vs_c               the same against a plain loop in C with the same table (lines.c): 0.5 is half its speed
    python_mixes_per_core   the same table, octet by octet in Python: for information, measured beside it
    rtp_udp_mixes_per_core  A and B come as RTP over UDP and pass their jitter buffers; the line goes out as
                            RTP over UDP again: three sockets, as the prototype had it
    lines_112_core_share    224 sources send from another process; the matrix takes their RTP as it comes and hands
                            out 112 lines 200 times a second, in an event loop, in real time
"""

from __future__ import annotations

import asyncio
import ctypes
import multiprocessing
import random
import socket
import statistics
import time

import numpy as np

from bench.plain_c import against_c, library, one_core, repeated
from e1.voice.matrix import Ksl, VoiceMatrix, mix, mix_table
from e1.voice.rtp import FRAME, RtpPacket, build

LINES = 112
KSLS: list[Ksl] = [(n // 28, n % 28 + 1) for n in range(LINES)]
ROUNDS = 15
SECONDS = 4.0
BUFFER = 4 * 1024 * 1024
PORTION = 40


def random_speech(seed: int, frames: int) -> list[bytes]:
    generator = random.Random(seed)
    return [generator.randbytes(FRAME) for _ in range(frames)]


def full_matrix() -> VoiceMatrix:
    matrix = VoiceMatrix()
    for n, ksl in enumerate(KSLS):
        matrix.connect(n, ksl, None, 2 * n, 2 * n + 1)
    return matrix


def table_alone() -> tuple[float, float]:
    """Mixes a core by the table, and octet by octet."""
    a, b = np.random.default_rng(1).integers(0, 256, (2, 100, FRAME), dtype=np.uint8)
    octets_a, octets_b, table = a[0].tobytes(), b[0].tobytes(), mix_table().tobytes()
    batches, singles = [], []
    for _ in range(ROUNDS):
        begin = time.process_time()
        for _ in range(100):
            mix(a, b)
        batches.append(10_000 / 50 / (time.process_time() - begin))
        begin = time.process_time()
        for _ in range(200):
            bytes([table[x << 8 | y] for x, y in zip(octets_a, octets_b, strict=True)])
        singles.append(200 / 50 / (time.process_time() - begin))
    return statistics.median(batches), statistics.median(singles)


def beside_c() -> dict[str, float]:
    """The table, 100 lines at once, against the same in C."""
    a, b = np.random.default_rng(1).integers(0, 256, (2, 100, FRAME), dtype=np.uint8)
    out, c = np.zeros(a.shape, np.uint8), library()
    places = [ctypes.c_void_p(one.ctypes.data) for one in (a, b, mix_table(), out)]

    def in_c(number: int) -> None:
        c.mix(places[0], places[1], ctypes.c_size_t(a.size), places[2], places[3])

    in_c(0)
    if not (mix(a, b) == out).all():
        raise RuntimeError("C and Python do not agree about the mix")
    with one_core():
        return against_c({"mix": (repeated(200, lambda number: mix(a, b)), repeated(200, in_c))}, ROUNDS)


def udp_socket(peer: socket.socket | None = None) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    if peer is not None:
        sock.connect(peer.getsockname())
    return sock


def with_rtp_and_udp() -> float:
    """Mixes a core through three sockets. What the far ends do (sending, reading) is not counted."""
    matrix = full_matrix()
    ear = udp_socket()
    hears_a, hears_b, out = udp_socket(), udp_socket(), udp_socket(ear)
    speaks_a, speaks_b = udp_socket(hears_a), udp_socket(hears_b)
    speech = random_speech(2, 64)
    rates = []
    number = 0
    for _ in range(ROUNDS):
        used = 0.0
        for _ in range(20):
            for n in range(LINES):
                payload = speech[(number + n) % 64]
                speaks_a.send(build(RtpPacket(number, number * FRAME, 2 * n, payload)))
                speaks_b.send(build(RtpPacket(number, number * FRAME, 2 * n + 1, payload)))
            begin = time.process_time()
            now = number * 0.02
            for _ in range(LINES):
                matrix.rtp(hears_a.recv(2048), now)
                matrix.rtp(hears_b.recv(2048), now)
            for n, ksl in enumerate(KSLS):
                out.send(build(RtpPacket(number, number * FRAME, n, matrix.take(ksl, FRAME, now))))
            used += time.process_time() - begin
            for _ in range(LINES):
                ear.recv(2048)
            number += 1
        rates.append(20 * LINES / 50 / used)
    for sock in (ear, hears_a, hears_b, out, speaks_a, speaks_b):
        sock.close()
    heard = matrix.jitter_counters()
    if heard.received != 2 * LINES * number or heard.lost or heard.overrun or heard.late:
        raise RuntimeError(f"not everything was heard: {heard}")
    return statistics.median(rates)


def speak(address: tuple[str, int], seconds: float) -> None:
    """224 sources, in real time."""
    speech = random_speech(3, 64)
    with udp_socket() as sock:
        sock.connect(address)
        begin = time.monotonic()
        for number in range(round(seconds * 50)):
            for n in range(2 * LINES):
                sock.send(build(RtpPacket(number, number * FRAME, n, speech[(number + n) % 64])))
            time.sleep(max(0.0, begin + (number + 1) * 0.02 - time.monotonic()))


async def listen(seconds: float) -> tuple[float, VoiceMatrix]:
    """Processor time per second that the matrix takes in an event loop, and the matrix."""
    matrix = full_matrix()
    loop = asyncio.get_running_loop()
    sock = udp_socket()

    def readable() -> None:
        now = loop.time()
        try:
            for _ in range(256):
                matrix.rtp(sock.recv(2048), now)
        except BlockingIOError:
            return

    loop.add_reader(sock, readable)
    child = multiprocessing.get_context("fork").Process(target=speak, args=(sock.getsockname(), seconds))
    child.start()
    begin, used = loop.time(), time.process_time()
    taken = 0
    while (elapsed := loop.time() - begin) < seconds:
        while taken < elapsed * 8000:
            for ksl in KSLS:
                matrix.take(ksl, PORTION, begin + elapsed)
            taken += PORTION
        await asyncio.sleep(PORTION / 8000)
    used, elapsed = time.process_time() - used, loop.time() - begin
    child.join()
    loop.remove_reader(sock)
    sock.close()
    return used / elapsed, matrix


def run() -> dict[str, object]:
    """All of them."""
    batched, python = table_alone()
    through_udp = with_rtp_and_udp()
    share, matrix = asyncio.run(listen(SECONDS))
    heard = matrix.jitter_counters()
    return {
        "mixes_per_core": batched,
        "python_mixes_per_core": python,
        "rtp_udp_mixes_per_core": through_udp,
        **beside_c(),
        "lines_112_core_share": share,
        "lines_112_packets": heard.received,
        "lines_112_lost": heard.lost,
    }
