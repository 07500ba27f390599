"""A switch's reports of synthetic calls at a constant rate, from a process of its own.

``python -m bench.call_load HOST:PORT RATE SECONDS OBJECTS FILE``: each call is three reports (number received, answer,
release). When each was handed to the reporter goes into FILE, an array of doubles, three per call; the call's
index is its A number, so whoever sees the events can tell how long each took.
"""

from __future__ import annotations

import array
import asyncio
import gc
import os
import sys
import time
from pathlib import Path

from radius.report import CallReport, Match, Party
from radius.reporter import Reporter

SECRET = "2testing123"
ANSWER_AFTER, RELEASE_AFTER = 0.2, 0.5
NETWORK_PREFIX = "7999"


def a_number(index: int) -> str:
    """The A number of the call with this index: 11 digits."""
    return f"{NETWORK_PREFIX}{index:07d}"


def object_phone(index: int) -> str:
    """The number of the object with this index."""
    return f"7383{index:07d}"


def report(index: int, objects: int, begin: float, stage: int) -> CallReport:
    """The report of call ``index`` at ``stage`` 0 (number received), 1 (answer) or 2 (release)."""
    called = Party(digits=object_phone(index % objects), ni="intercity")
    now = time.time()
    return CallReport(
        call_id=f"bench-{os.getpid()}-{index}",
        domain="test.domain",
        sequence=stage + 1,
        time=now,
        connection=0x11,
        calling=Party(digits=a_number(index), ni="intercity"),
        called=called,
        calling_station=a_number(index),
        called_station=called.digits,
        setup_time=begin,
        answer_time=begin + ANSWER_AFTER if stage >= 1 else None,
        release_time=begin + RELEASE_AFTER if stage == 2 else None,
        release_cause=5 if stage == 2 else None,
        matches=(Match(object_number=1 + index % objects, role="b", called=called, time=begin),),
    )


async def main(address: str, rate: int, seconds: float, objects: int) -> array.array[float]:
    """Send the calls on time, and wait until the last report is answered. When each was sent, three per call."""
    host, _, port = address.rpartition(":")
    reporter = Reporter((host, int(port)), SECRET)
    await reporter.start()
    calls = int(rate * seconds)
    times = array.array("d", bytes(8 * 3 * calls))
    due = sorted(
        (index / rate + after, index, stage)
        for index in range(calls)
        for stage, after in enumerate((0.0, ANSWER_AFTER, RELEASE_AFTER))
    )
    gc.disable()  # a pause of the generator is not one of the mediator
    zero, wall = time.perf_counter(), time.time()
    for moment, index, stage in due:
        pause = zero + moment - time.perf_counter()
        if pause > 0.001:
            await asyncio.sleep(pause)
        times[3 * index + stage] = time.time()
        reporter.send(report(index, objects, wall + index / rate, stage))
    async with asyncio.timeout(60):
        await reporter.drain()
    reporter.close()
    return times


if __name__ == "__main__":
    sent = asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])))
    Path(sys.argv[5]).write_bytes(sent.tobytes())
