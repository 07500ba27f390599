"""How the work of reading grows with what is read."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

TIMES = 4
"""How much larger the second reading is."""
MOST = 10.0
"""Work that may be done then: 4 is linear, 16 is quadratic."""


def growth(make: Callable[[int], Any], read: Callable[[Any], object], size: int) -> float:
    """How many times the processor time of ``read`` is larger for a text that ``make`` makes four times as long."""
    return _least(read, make(TIMES * size)) / max(_least(read, make(size)), 1e-4)


def _least(read: Callable[[Any], object], text: Any) -> float:
    """Processor time, of three readings the shortest: what else the machine does does not count."""
    times = []
    for _ in range(3):
        began = time.process_time()
        read(text)
        times.append(time.process_time() - began)
    return min(times)
