"""The speech matrix: it connects the parties of calls to KSL lines. No input or output.

:meth:`VoiceMatrix.rtp` takes the RTP of the parties, :meth:`VoiceMatrix.take` returns A-law for the timeslots. Combined
control puts both parties, mixed, on one KSL; separate control puts party A on KSL-A and party B on KSL-B. A KSL that is
not connected carries D5.

The VoIP submodules of the device mix: each holds 27 three-way conferences (ECSS-10 manual, SORM system), in which A and
B speak and the line to the console listens. The owner of the lines counts the conferences; the matrix only connects.
The caller of ``take`` is the clock. Lines that run out of octets at the same moment are mixed together, a frame of
20 ms each, so that one table look-up serves all of them.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from e1.voice.g711 import QUANTUM, decode, encode, silence
from e1.voice.rtp import FRAME, PCMA, JitterBuffer, JitterConfig, JitterCounters, RtpError, parse


@cache
def mix_table() -> NDArray[np.uint8]:
    """64 KB: the mixed octet for each pair of octets. The index is the pair, in either order.

    The sum is limited to the largest value of its sign. An octet of the smallest value (D5, 55) counts as zero. So a
    silent party or a lost packet leaves the other party's octets unchanged, and two idle directions mix to idle.
    """
    values = decode(np.arange(256, dtype=np.uint8)).astype(np.int32)
    values[np.abs(values) == QUANTUM] = 0
    sums = values[:, None] + values[None, :]
    octets = encode(np.abs(sums))
    table = np.where(sums < 0, octets ^ 0x80, octets).astype(np.uint8).reshape(65536)
    table.setflags(write=False)
    return table


def mix(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mix both directions octet by octet. ``a`` and ``b`` have the same shape, any shape."""
    pairs = a.astype(np.uint16)
    pairs <<= 8
    pairs |= b
    # No index is out of bounds; "wrap" only spares numpy the check, which takes twice as long as the look-up.
    mixed: NDArray[np.uint8] = mix_table().take(pairs, mode="wrap")
    return mixed


def mix_octets(a: bytes, b: bytes) -> bytes:
    """As :func:`mix`, for octets of the same length."""
    return mix(np.frombuffer(a, np.uint8), np.frombuffer(b, np.uint8)).tobytes()


Ksl: TypeAlias = tuple[int, int]
"""Number of the stream, number of the KSL in it (1..28)."""

_JITTER: Final = JitterConfig()


class LineTaken(Exception):  # noqa: N818 - an answer, not a mistake
    """The KSL, or the key, is already connected, so nothing has changed. The text names it."""


@dataclass(slots=True)
class VoiceCounters:
    """Counts of datagrams and connections. :class:`JitterCounters` has the counts of each source."""

    datagrams: int = 0
    malformed: int = 0
    """Datagrams that are not RTP."""
    wrong_payload: int = 0
    """RTP with another payload than A-law."""
    unknown_ssrc: int = 0
    """RTP of a party that is not connected to a line."""
    connected: int = 0
    freed: int = 0


@dataclass(slots=True)
class _Outlet:
    """One KSL: its sources (one or two), and octets that are ready for the timeslot."""

    sources: tuple[JitterBuffer, ...]
    ready: bytes


@dataclass(slots=True)
class _Connection:
    """A call on a line."""

    ksl_a: Ksl
    ksl_b: Ksl | None
    ssrcs: tuple[int | None, int | None]
    buffers: tuple[JitterBuffer, JitterBuffer]


class VoiceMatrix:
    """Connects parties to KSL lines. The owner of the KSL checks their numbers."""

    def __init__(self, jitter: JitterConfig = _JITTER) -> None:
        self.jitter = jitter
        self.counters = VoiceCounters()
        self._connections: dict[Hashable, _Connection] = {}
        self._outlets: dict[Ksl, _Outlet] = {}
        self._sources: dict[int, list[JitterBuffer]] = {}
        """By SSRC; several when several lines have the same party."""
        self._past = JitterCounters()
        """Counts of freed connections."""

    # --- lines

    def connect(
        self, line_key: Hashable, ksl_a: Ksl, ksl_b: Ksl | None, ssrc_a: int | None, ssrc_b: int | None
    ) -> None:
        """Put parties on a line: mixed on ``ksl_a`` when ``ksl_b`` is None or the same, else each on its own.

        A party whose SSRC is None is silent. Raises :class:`LineTaken`.
        """
        if ksl_b == ksl_a:
            ksl_b = None
        if line_key in self._connections:
            raise LineTaken(f"{line_key} is connected already")
        for ksl in (ksl_a, ksl_b):
            if ksl in self._outlets:
                raise LineTaken(f"KSL {ksl[1]} of stream {ksl[0]} is connected already")
        a, b = JitterBuffer(self.jitter), JitterBuffer(self.jitter)
        self._connections[line_key] = _Connection(ksl_a, ksl_b, (ssrc_a, ssrc_b), (a, b))
        # In step with the other lines, so that all are mixed together.
        lead = silence(len(next(iter(self._outlets.values())).ready) if self._outlets else 0)
        if ksl_b is None:
            self._outlets[ksl_a] = _Outlet((a, b), lead)
        else:
            self._outlets[ksl_a] = _Outlet((a,), lead)
            self._outlets[ksl_b] = _Outlet((b,), lead)
        self._listen(ssrc_a, a)
        self._listen(ssrc_b, b)
        self.counters.connected += 1

    def free(self, line_key: Hashable) -> bool:
        """Take the parties off a line, which is silent from the next octet. Returns whether it was connected."""
        connection = self._connections.pop(line_key, None)
        if connection is None:
            return False
        del self._outlets[connection.ksl_a]
        if connection.ksl_b is not None:
            del self._outlets[connection.ksl_b]
        for ssrc, buffer in zip(connection.ssrcs, connection.buffers, strict=True):
            self._ignore(ssrc, buffer)
            self._past.add(buffer.counters)
        self.counters.freed += 1
        return True

    # --- speech

    def rtp(self, datagram: bytes, now: float) -> None:
        """Take a datagram. An unusable one is counted and dropped. ``now``: seconds of a clock that never goes back."""
        self.counters.datagrams += 1
        try:
            packet = parse(datagram)
        except RtpError:
            self.counters.malformed += 1
            return
        buffers = self._sources.get(packet.ssrc)
        if buffers is None:
            self.counters.unknown_ssrc += 1
        elif packet.payload_type != PCMA:
            self.counters.wrong_payload += 1
        else:
            for buffer in buffers:
                buffer.put(packet, now)

    def take(self, ksl: Ksl, n_octets: int, now: float) -> bytes:
        """The next octets for the KSL's timeslot, always the requested number."""
        outlet = self._outlets.get(ksl)
        if outlet is None:
            return silence(n_octets)
        while len(outlet.ready) < n_octets:
            self._mix(n_octets)
        portion = outlet.ready[:n_octets]
        outlet.ready = outlet.ready[n_octets:]
        return portion

    def _mix(self, needed: int) -> None:
        """One frame more for every line that has fewer octets than needed."""
        mixed: list[_Outlet] = []
        frames_a: list[bytes] = []
        frames_b: list[bytes] = []
        for outlet in self._outlets.values():
            if len(outlet.ready) < needed:
                frame = outlet.sources[0].take(FRAME)
                if len(outlet.sources) == 1:
                    outlet.ready += frame
                else:
                    mixed.append(outlet)
                    frames_a.append(frame)
                    frames_b.append(outlet.sources[1].take(FRAME))
        frames = mix_octets(b"".join(frames_a), b"".join(frames_b))
        for index, outlet in enumerate(mixed):
            outlet.ready += frames[index * FRAME : (index + 1) * FRAME]

    # --- for people

    def jitter_counters(self) -> JitterCounters:
        """The sum over all sources, including those of freed lines."""
        total = JitterCounters()
        total.add(self._past)
        for connection in self._connections.values():
            for buffer in connection.buffers:
                total.add(buffer.counters)
        return total

    def lines(self) -> tuple[int, int]:
        """The number of mixed lines (combined control), and of calls with a line for each party."""
        mixed = sum(connection.ksl_b is None for connection in self._connections.values())
        return mixed, len(self._connections) - mixed

    # --- inside

    def _listen(self, ssrc: int | None, buffer: JitterBuffer) -> None:
        if ssrc is not None:
            self._sources.setdefault(ssrc, []).append(buffer)

    def _ignore(self, ssrc: int | None, buffer: JitterBuffer) -> None:
        if ssrc is not None:
            self._sources[ssrc].remove(buffer)
            if not self._sources[ssrc]:
                del self._sources[ssrc]
