"""Both ends of an E1 line in one process, with bit errors, delay, slips and a cut, in simulated time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from e1.g704.frames import TIMESLOTS
from e1.stream import E1Stream, StreamEvent

End: TypeAlias = Literal["a", "b"]
FRAME_RATE = 8000
"""Frames in a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineModel:
    """What one direction does to its bits. Raises :class:`ValueError` for a value outside its range."""

    bit_error_rate: float = 0.0
    """Probability that a bit is turned over: 0..1."""
    delay: float = 0.0
    """Seconds from one end to the other."""
    slip_frames: int = 0
    """A frame's time is lost or repeated after so many frames; 0: never."""
    slip: Literal["lose", "repeat"] = "lose"
    """What a slip does."""
    cut: bool = False
    """The wire is cut: no pulses arrive."""

    def __post_init__(self) -> None:
        if not 0 <= self.bit_error_rate <= 1:
            raise ValueError(f"bit_error_rate is {self.bit_error_rate}: a probability is 0..1")
        if self.delay < 0 or self.slip_frames < 0:
            raise ValueError("delay and slip_frames are 0 or more")


class MemoryLine:
    """One direction. ``model`` may be replaced at any time: it takes effect on what is put in afterwards."""

    def __init__(self, model: LineModel | None = None, seed: int = 0) -> None:
        self.model = model or LineModel()
        self.bit_errors = 0
        self.slips = 0
        self._random = np.random.default_rng(seed)
        self._since_slip = 0  # octets
        self._on_the_way: deque[tuple[float, bytes]] = deque()

    def put(self, data: bytes, now: float) -> None:
        """Send octets."""
        model = self.model
        if model.cut:
            data = bytes(len(data))
        if model.slip_frames:
            data = self._slipped(data, model)
        if model.bit_error_rate:
            data = self._flipped(data, model.bit_error_rate)
        due = now + model.delay
        if self._on_the_way:  # a shorter delay does not overtake
            due = max(due, self._on_the_way[-1][0])
        self._on_the_way.append((due, data))

    def take(self, now: float) -> bytes:
        """What has arrived by ``now``."""
        arrived = []
        while self._on_the_way and self._on_the_way[0][0] <= now:
            arrived.append(self._on_the_way.popleft()[1])
        return b"".join(arrived)

    def _flipped(self, data: bytes, rate: float) -> bytes:
        errors = int(self._random.binomial(8 * len(data), rate))
        if not errors:
            return data
        self.bit_errors += errors
        octets = np.frombuffer(data, np.uint8).copy()
        places = self._random.choice(8 * len(data), errors, replace=False)
        np.bitwise_xor.at(octets, places >> 3, np.left_shift(1, places & 7).astype(np.uint8))
        return octets.tobytes()

    def _slipped(self, data: bytes, model: LineModel) -> bytes:
        pieces, begin = [], 0
        while (place := begin + TIMESLOTS * model.slip_frames - self._since_slip) + TIMESLOTS <= len(data):
            pieces.append(data[begin : place + (TIMESLOTS if model.slip == "repeat" else 0)])
            begin = place if model.slip == "repeat" else place + TIMESLOTS
            self._since_slip = 0
            self.slips += 1
        self._since_slip += len(data) - begin
        return b"".join((*pieces, data[begin:]))


class Happened(NamedTuple):
    """An event of one of the two streams."""

    end: End
    time: float
    event: StreamEvent


class MemoryPair:
    """Two streams and the two directions between them; :meth:`run` lets simulated time pass."""

    def __init__(
        self,
        a: E1Stream,
        b: E1Stream,
        *,
        model: LineModel | None = None,
        seed: int = 0,
        step: float = 0.005,
        now: float = 0.0,
    ) -> None:
        self.streams: dict[End, E1Stream] = {"a": a, "b": b}
        self.lines: dict[End, MemoryLine] = {"a": MemoryLine(model, seed), "b": MemoryLine(model, seed + 1)}
        """By the end that sends."""
        self.now = now
        self.begin = now
        self.step = step
        self._frames = 0

    def run(self, seconds: float) -> list[Happened]:
        """Let time pass and tell what happened."""
        return list(self.events(seconds))

    def events(self, seconds: float) -> Iterator[Happened]:
        """The same, one by one, so that a test can act in the middle."""
        end = self.now + seconds
        while self.now < end - self.step / 2:
            self.now += self.step
            due = round((self.now - self.begin) * FRAME_RATE)
            frames, self._frames = due - self._frames, due
            for name, stream in self.streams.items():
                self.lines[name].put(stream.transmit(frames, self.now), self.now)
            for name, stream in self.streams.items():
                arrived = self.lines["b" if name == "a" else "a"].take(self.now)
                yield from [Happened(name, self.now, event) for event in stream.receive(arrived, self.now)]
