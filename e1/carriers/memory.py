"""An E1 line within one process, with bit errors, delay, slips and a cut. No input or output."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Literal

import numpy as np

from e1.carriers.carrier import Tap
from e1.g704.frames import TIMESLOTS
from e1.stream import E1Stream, StreamEvent

FRAME_RATE = 8000
"""Frames in a second."""
_UNPLUGGED = 1.0
"""Seconds after its last exchange until an end counts as unplugged."""
_MOST_BEHIND = 0.1
"""Seconds that a clock makes up for after a pause. The frames of a longer pause are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineModel:
    """The impairments of one direction. Raises :class:`ValueError` for a value outside its range."""

    bit_error_rate: float = 0.0
    """Probability of an inverted bit: 0..1."""
    delay: float = 0.0
    """Seconds from one end to the other."""
    slip_frames: int = 0
    """Frames between two slips; a slip loses or repeats the time of one frame. 0: no slips."""
    slip: Literal["lose", "repeat"] = "lose"
    """The effect of a slip."""
    cut: bool = False
    """The wire is cut: no pulses arrive."""

    def __post_init__(self) -> None:
        if not 0 <= self.bit_error_rate <= 1:
            raise ValueError(f"bit_error_rate is {self.bit_error_rate}: a probability is 0..1")
        if self.delay < 0 or self.slip_frames < 0:
            raise ValueError("delay and slip_frames are 0 or more")


class MemoryLine:
    """One direction. ``model`` may be replaced at any time; it applies to octets sent afterwards."""

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
        """The octets that have arrived by ``now``."""
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


class MemoryEnd:
    """One end of a line (:class:`~e1.carriers.carrier.FrameLine`). :func:`memory_pair` makes both."""

    far: MemoryEnd
    """The other end."""

    def __init__(self, out: MemoryLine, into: MemoryLine, clock: Callable[[], float]) -> None:
        self._out, self._in = out, into
        self._clock = clock
        self._begin: float | None = None
        self._given = 0  # frames since then
        self._seen = -inf

    async def start(self) -> str:
        return ""

    def exchange(self, stream: E1Stream) -> list[StreamEvent]:
        """Let the stream receive and send the due frames. A far end that is not driven sends no pulses."""
        now = self._seen = self._clock()
        frames = self._due(now)
        arrived = self._in.take(now)
        if not self.far.plugged_in(now):
            arrived += bytes(frames * TIMESLOTS)
        events = stream.receive(arrived, now)
        if frames:
            sent = stream.transmit(frames, now)
            if self.far.plugged_in(now):
                self._out.put(sent, now)
            else:
                self._out.take(inf)  # there is no wire that could keep it
        return events

    def plugged_in(self, now: float) -> bool:
        """Whether this end is driven."""
        return now - self._seen <= _UNPLUGGED

    def _due(self, now: float) -> int:
        if self._begin is None or now - self._begin - self._given / FRAME_RATE > _MOST_BEHIND:
            self._begin, self._given = now, 0
        frames = int((now - self._begin) * FRAME_RATE) - self._given
        self._given += frames
        return frames

    def close(self) -> None:
        """Pull the plug."""
        self._seen = -inf

    def counters(self) -> dict[str, int]:
        return {"bit_errors": self._out.bit_errors, "line_slips": self._out.slips}

    def take_strangers(self) -> list[str]:
        return []

    def record(self, tap: Tap) -> None:
        """There are no datagrams."""


def memory_pair(
    model: LineModel | None = None, clock: Callable[[], float] = time.monotonic
) -> tuple[MemoryEnd, MemoryEnd]:
    """Both ends of a line. ``model``: the impairments of each direction."""
    there, back = MemoryLine(model, 0), MemoryLine(model, 1)
    near, far = MemoryEnd(there, back, clock), MemoryEnd(back, there, clock)
    near.far, far.far = far, near
    return near, far
