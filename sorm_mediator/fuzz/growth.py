"""How the work of reading grows with what is read.

A parser of foreign text or octets takes time in proportion to it.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

TIMES = 4
"""How much larger the second reading is."""
MOST = 10.0
"""Work that may be done then: 4 is linear, 16 is quadratic."""
_TRIES = 5
_READINGS = 3
_SHORTEST = 1e-4
"""Seconds below which the clock of the processor says nothing."""


def growth(make: Callable[[int], Any], read: Callable[[Any], object], size: int) -> float:
    """How many times the processor time of ``read`` is larger for a text that ``make`` makes four times as long.

    A busy machine disturbs single measurements, so the smallest growth of several counts: work that is quadratic
    is so in every one.
    """
    small, large = make(size), make(TIMES * size)
    least = float("inf")
    for _ in range(_TRIES):
        least = min(least, _least(read, large) / max(_least(read, small), _SHORTEST))
        if least < MOST:
            break
    return least


def _least(read: Callable[[Any], object], text: Any) -> float:
    """Processor time of this thread, of three readings the shortest: what else the machine does does not count, nor
    does the collection of garbage, which looks at all objects. (The clock of the process is coarse while an interval
    timer runs on it.)"""
    times = []
    collects = gc.isenabled()
    gc.disable()
    try:
        for _ in range(_READINGS):
            began = time.thread_time()
            read(text)
            times.append(time.thread_time() - began)
    finally:
        if collects:
            gc.enable()
    return min(times)
