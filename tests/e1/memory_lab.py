"""Two streams and a line in memory between them, in simulated time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from e1.carriers.memory import FRAME_RATE, LineModel, MemoryLine
from e1.stream import E1Stream, StreamEvent

End: TypeAlias = Literal["a", "b"]


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
