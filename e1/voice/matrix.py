"""Mixing two A-law directions into one line: a table of all 65,536 pairs, looked up for many lines at once.

This is the three-way conference of combined control: A and B speak, the line to the console listens, and what
the console's side sends is heard by nobody. The sum is limited to the largest value of its sign.

An octet of the smallest value (D5, 55) counts as nothing at all: a party that is silent, or a lost packet,
leaves the other party's octets as they are. So a mix of two idle directions is idle too. The table is
symmetric, and inverting both signs inverts the sum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from e1.voice.g711 import QUANTUM, decode, encode, silence
from e1.voice.rtp import FRAME, PCMA, JitterBuffer, JitterConfig, JitterCounters, RtpError, parse


@cache
def mix_table() -> NDArray[np.uint8]:
    """64 KB: the octet for each pair of octets; the index is both side by side, in either order."""
    values = decode(np.arange(256, dtype=np.uint8)).astype(np.int32)
    values[np.abs(values) == QUANTUM] = 0
    sums = values[:, None] + values[None, :]
    octets = encode(np.abs(sums))
    table = np.where(sums < 0, octets ^ 0x80, octets).astype(np.uint8).reshape(65536)
    table.setflags(write=False)
    return table


def mix(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Both directions in one, octet by octet; ``a`` and ``b`` have the same shape, any shape."""
    pairs = np.empty((*a.shape, 2), np.uint8)
    pairs[..., 0] = a
    pairs[..., 1] = b
    # No index is out of bounds; "wrap" only spares numpy the check, which takes twice as long as the look-up.
    mixed: NDArray[np.uint8] = mix_table().take(pairs.view(np.uint16)[..., 0], mode="wrap")
    return mixed


def mix_octets(a: bytes, b: bytes) -> bytes:
    """The same for octets; both have the same length."""
    return mix(np.frombuffer(a, np.uint8), np.frombuffer(b, np.uint8)).tobytes()


# --- The speech matrix: which party of which call is heard on which KSL. Sans-IO.
#
# RTP of the parties goes in (:meth:`VoiceMatrix.rtp`), A-law for the timeslots comes out
# (:meth:`VoiceMatrix.take`). Combined control puts both parties, mixed, on one KSL; separate control puts
# party A on KSL-A and party B on KSL-B. A KSL that nobody has connected carries D5.
#
# Mixing is done by the VoIP submodules of the device: each holds 27 three-way conferences (ECSS-10
# manual, SORM system).
# A line of combined control needs one of them; when none is left the line can't be connected, which the
# console
# is told as code 73h. Whoever takes is the clock: lines that run dry at the same moment are mixed together, a
# frame of 20 ms each, so that the table look-up is paid once for all of them.


Ksl: TypeAlias = tuple[int, int]
"""Number of the stream, number of the KSL in it (1..28)."""

_JITTER: Final = JitterConfig()


class LineTaken(Exception):  # noqa: N818 - an answer, not a mistake
    """The KSL, or the key, is connected already; nothing has changed. The text says which."""


class ConferencesExhausted(Exception):  # noqa: N818 - an answer, not a mistake
    """No submodule has a conference left; nothing has changed. To the console: code 73h."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceConfig:
    """What the device can mix."""

    submodules: int = 2
    """VoIP submodules; two are what one stream needs under combined control (ECSS-10 manual, SORM system)."""
    conferences: int = 27
    """Three-way conferences of a submodule (ECSS-10 manual, SORM system)."""
    separate_conferences: int = 0
    """Conferences that a call under separate control takes: nothing is mixed; our choice."""
    jitter: JitterConfig = _JITTER


@dataclass(slots=True)
class VoiceCounters:
    """Datagrams and connections; what happened within the sources is in their :class:`JitterCounters`."""

    datagrams: int = 0
    malformed: int = 0
    """No RTP."""
    wrong_payload: int = 0
    """RTP with something else than A-law."""
    unknown_ssrc: int = 0
    """Of nobody who is connected to a line."""
    connected: int = 0
    freed: int = 0
    exhausted: int = 0
    """Refused for want of a conference."""


class _Outlet:
    """One KSL: who is heard on it (one or two sources), and octets that are ready for the timeslot."""

    __slots__ = ("ready", "sources")

    def __init__(self, sources: tuple[JitterBuffer, ...], ready: bytes) -> None:
        self.sources = sources
        self.ready = ready


@dataclass(slots=True)
class _Connection:
    """A call on a line."""

    ksl_a: Ksl
    ksl_b: Ksl | None
    ssrcs: tuple[int | None, int | None]
    buffers: tuple[JitterBuffer, JitterBuffer]
    submodule: int | None
    conferences: int


class VoiceMatrix:
    """Connects parties to KSLs. Every KSL number is taken as it comes: their owner checks them."""

    def __init__(self, config: VoiceConfig = VoiceConfig()) -> None:
        self.config = config
        self.counters = VoiceCounters()
        self._connections: dict[Hashable, _Connection] = {}
        self._outlets: dict[Ksl, _Outlet] = {}
        self._sources: dict[int, list[JitterBuffer]] = {}
        """By SSRC; several when several lines hear the same party."""
        self._taken: Counter[int] = Counter()
        """Conferences by submodule."""
        self._past = JitterCounters()
        """Of connections that have been freed."""

    # --- lines

    def connect(
        self, line_key: Hashable, ksl_a: Ksl, ksl_b: Ksl | None, ssrc_a: int | None, ssrc_b: int | None
    ) -> None:
        """Put parties on a line: mixed on ``ksl_a`` when ``ksl_b`` is None or the same, else each on its own.

        A party whose SSRC is None is silent. Raises :class:`LineTaken`, :class:`ConferencesExhausted`.
        """
        if ksl_b == ksl_a:
            ksl_b = None
        if line_key in self._connections:
            raise LineTaken(f"{line_key} is connected already")
        for ksl in (ksl_a, ksl_b):
            if ksl in self._outlets:
                raise LineTaken(f"KSL {ksl[1]} of stream {ksl[0]} is connected already")
        needed = 1 if ksl_b is None else self.config.separate_conferences
        submodule = self._submodule(needed) if needed else None
        if needed and submodule is None:
            self.counters.exhausted += 1
            limit = self.config.submodules * self.config.conferences
            raise ConferencesExhausted(
                f"all {limit} conferences of {self.config.submodules} submodules are taken"
            )
        if submodule is not None:
            self._taken[submodule] += needed
        a, b = JitterBuffer(self.config.jitter), JitterBuffer(self.config.jitter)
        self._connections[line_key] = _Connection(ksl_a, ksl_b, (ssrc_a, ssrc_b), (a, b), submodule, needed)
        # In step with the other lines, so that they go on being mixed together.
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
        """Take the parties off a line: silence from the next octet on. Whether it was connected."""
        connection = self._connections.pop(line_key, None)
        if connection is None:
            return False
        del self._outlets[connection.ksl_a]
        if connection.ksl_b is not None:
            del self._outlets[connection.ksl_b]
        if connection.submodule is not None:
            self._taken[connection.submodule] -= connection.conferences
        for ssrc, buffer in zip(connection.ssrcs, connection.buffers, strict=True):
            self._ignore(ssrc, buffer)
            self._past.add(buffer.counters)
        self.counters.freed += 1
        return True

    def retarget(self, line_key: Hashable, ssrc_a: int | None, ssrc_b: int | None) -> bool:
        """The parties of a connected line speak with these SSRCs from now on. Whether it is connected."""
        connection = self._connections.get(line_key)
        if connection is None:
            return False
        for old, new, buffer in zip(connection.ssrcs, (ssrc_a, ssrc_b), connection.buffers, strict=True):
            if old != new:
                self._ignore(old, buffer)
                self._listen(new, buffer)
        connection.ssrcs = ssrc_a, ssrc_b
        return True

    def can_connect(self, *, separate: bool = False) -> bool:
        """Whether a conference is left for one more call under this kind of control."""
        needed = self.config.separate_conferences if separate else 1
        return not needed or self._submodule(needed) is not None

    # --- speech

    def rtp(self, datagram: bytes, now: float) -> None:
        """A datagram came in; whatever is no use is counted and dropped. ``now``: seconds, never back."""
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
        """The next octets for the KSL's timeslot, always as many as asked for."""
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
        """All sources together, those of freed lines too."""
        total = JitterCounters()
        total.add(self._past)
        for connection in self._connections.values():
            for buffer in connection.buffers:
                total.add(buffer.counters)
        return total

    def status(self) -> dict[str, Any]:
        """Lines, conferences and counters."""
        limit = self.config.conferences
        return {
            "lines": [
                {
                    "ksl_a": connection.ksl_a,
                    "ksl_b": connection.ksl_b,
                    "ssrcs": connection.ssrcs,
                    "submodule": connection.submodule,
                    "jitter_ms": [round(buffer.jitter / 8, 2) for buffer in connection.buffers],
                }
                for connection in self._connections.values()
            ],
            "conferences": [f"{self._taken[n]} of {limit}" for n in range(self.config.submodules)],
            "counters": asdict(self.counters),
            "sources": asdict(self.jitter_counters()),
        }

    # --- inside

    def _submodule(self, needed: int) -> int | None:
        """The first submodule that has as many conferences left."""
        return next(
            (n for n in range(self.config.submodules) if self._taken[n] + needed <= self.config.conferences),
            None,
        )

    def _listen(self, ssrc: int | None, buffer: JitterBuffer) -> None:
        if ssrc is not None:
            self._sources.setdefault(ssrc, []).append(buffer)

    def _ignore(self, ssrc: int | None, buffer: JitterBuffer) -> None:
        if ssrc is not None:
            buffers = self._sources[ssrc]
            buffers[:] = [other for other in buffers if other is not buffer]
            if not buffers:
                del self._sources[ssrc]
