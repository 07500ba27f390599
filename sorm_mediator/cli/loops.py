"""The event loop of the boxes: uvloop where it is installed, which takes less time for each wake-up and write.

``SORM_EVENT_LOOP=asyncio`` in the environment chooses that of Python instead.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, TypeVar

from sorm_mediator.errors import BoxError

T = TypeVar("T")

VARIABLE: Final = "SORM_EVENT_LOOP"
LOOPS: Final = ("uvloop", "asyncio")


def loop_maker(environment: Mapping[str, str] = os.environ) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes the event loop; None: Python's own way.

    Raises :class:`BoxError` for a loop that does not exist or is not installed.
    """
    wanted = environment.get(VARIABLE, "")
    if wanted and wanted not in LOOPS:
        raise BoxError(f"{VARIABLE}: {wanted!r} is none of {', '.join(LOOPS)}")
    if wanted == "asyncio":
        return None
    try:
        from uvloop import new_event_loop
    except ImportError as error:  # it exists for Linux and macOS
        if not wanted:
            return None
        raise BoxError(f"{VARIABLE}: uvloop is not installed ({error}): pip install uvloop") from None
    return new_event_loop


def run(main: Coroutine[Any, Any, T]) -> T:
    """As ``asyncio.run``, in the event loop of the boxes."""
    try:
        maker = loop_maker()
    except BoxError:
        main.close()
        raise
    with asyncio.Runner(loop_factory=maker) as runner:
        return runner.run(main)
