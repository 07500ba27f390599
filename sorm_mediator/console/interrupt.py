"""Runs that a signal ends: what is under way is put back, then the program ends with 130."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

from sorm_mediator.console.errors import SIGNALS

T = TypeVar("T")


def taken_signals() -> tuple[signal.Signals, ...]:
    """Those of :data:`SIGNALS` that end a run: not SIGHUP where ``nohup`` has it ignored."""
    under_nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return tuple(one for one in SIGNALS if not (under_nohup and one is signal.SIGHUP))


async def until_signal(work: Coroutine[Any, Any, T]) -> T | None:
    """Await ``work``. One of :data:`SIGNALS` cancels it, and a further one changes nothing.

    None: a signal has ended it.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    came: list[int] = []

    def interrupt(number: int) -> None:
        if not came:
            task.cancel()
        came.append(number)

    taken = taken_signals()
    for number in taken:
        loop.add_signal_handler(number, interrupt, number)
    try:
        return await task
    except asyncio.CancelledError:
        if came:
            return None
        raise
    finally:
        for number in taken:
            loop.remove_signal_handler(number)


async def carry_through(work: Coroutine[Any, Any, T]) -> T:
    """Await ``work`` to its end. A cancellation during it is raised only then."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    return task.result()
