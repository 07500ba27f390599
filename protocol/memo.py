"""Results that are kept, in bounded memory: the same few values come in message after message."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")

MOST_KEPT = 1024


class Memo(dict[K, V]):
    """``memo[value]`` is ``make(value)``, kept. Of the :data:`MOST_KEPT` first values at most; then it begins anew.

    Values that are equal have the same result.
    """

    def __init__(self, make: Callable[[K], V]) -> None:
        super().__init__()
        self.make = make

    def __missing__(self, value: K) -> V:
        if len(self) >= MOST_KEPT:
            self.clear()
        made = self[value] = self.make(value)
        return made
