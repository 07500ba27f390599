"""The generator: call reports of a plan by RADIUS, straight to a mediator, from processes of their own.

A report starts when it is due, whatever became of those before it: a mediator that falls behind gets no pause. When
each was handed to its sender is noted, so that what the generator was late by is never taken for the mediator's time.

``python -m sorm_mediator.load.generator`` is one such process. Its first line of input is a :class:`Job` as JSON, and
it answers ``{"ready": true}``. Its second line has the moment to begin (``time.monotonic``, which all processes of a
machine share). When every report is confirmed it prints a :class:`Handed` and ends. SIGTERM: no further call begins;
those under way are ended within :data:`FINISH_WITHIN`.
"""

from __future__ import annotations

import array
import asyncio
import gc
import json
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Self

from radius.reporter import Reporter
from sorm_mediator.addresses import split_host_port
from sorm_mediator.errors import BoxError
from sorm_mediator.load.plan import STAGES, CallPlan

FINISH_WITHIN: Final = 5.0
"""Seconds after SIGTERM until the reports of calls under way are sent, due or not."""
CONFIRMED_WITHIN: Final = 60.0
"""Seconds after the last report for the mediator to confirm all of them."""
READY_WITHIN: Final = 60.0
"""Seconds for the start of a process, also on a busy machine."""
LEAD: Final = 0.05
"""Seconds from the order to begin until the begin."""
_BATCH: Final = 32
"""Reports that are sent at most before answers are read."""
_SLICE: Final = 0.1
"""The longest sleep, so that a signal is soon followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What one process has to do: every ``shards``-th call of the plan, from ``shard`` on.

    server: ``host:port`` of the RADIUS sink. times: the file for the moments, see :class:`Handed`.
    """

    plan: CallPlan
    server: str
    secret: str
    times: str
    shard: int = 0
    shards: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What the processes have done.

    times: when each report was handed to its sender (``time.monotonic``), three a call, in the order of calls; 0:
    never.
    unconfirmed: reports that the mediator has not confirmed. sent: datagrams; repeated: those sent again.
    """

    times: array.array[float]
    unconfirmed: int
    sent: int
    repeated: int


class Generator:
    """The processes of one plan. ``async with`` starts them, and ends them.

    Raises :class:`BoxError` when one does not start or does not end as it should.
    """

    def __init__(self, plan: CallPlan, server: str, secret: str, *, processes: int = 1) -> None:
        self._plan = plan
        self._folder = TemporaryDirectory(prefix="sorm-load-")
        folder = Path(self._folder.name)
        self._jobs = [
            Job(
                plan=plan, server=server, secret=secret, times=str(folder / str(shard)), shard=shard, shards=processes
            )
            for shard in range(processes)
        ]  # fmt: skip
        self._processes: list[asyncio.subprocess.Process] = []

    async def __aenter__(self) -> Self:
        try:
            for job in self._jobs:
                self._processes.append(await self._start(job))
            for process in self._processes:
                async with asyncio.timeout(READY_WITHIN):
                    await self._line(process)
        except TimeoutError:
            await self._end()
            raise BoxError(f"the generator did not become ready within {READY_WITHIN:g} s") from None
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end()

    @staticmethod
    async def _start(job: Job) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", __name__,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for this process, which stops the generator
        )  # fmt: skip
        _tell(process, asdict(job))
        return process

    @staticmethod
    async def _line(process: asyncio.subprocess.Process) -> dict[str, Any]:
        assert process.stdout is not None
        line = await process.stdout.readline()
        if not line:
            raise BoxError(f"the generator ended with {await process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found

    def begin(self) -> float:
        """Begin. Returns the moment of the plan's begin (``time.monotonic``)."""
        moment = time.monotonic() + LEAD
        for process in self._processes:
            _tell(process, moment)
        return moment

    def stop(self) -> None:
        """No further call begins; those under way are ended."""
        for process in self._processes:
            if process.returncode is None:
                process.terminate()

    async def finished(self) -> Handed:
        """Wait until all is sent and confirmed, as far as the mediator confirms. Raises :class:`BoxError`."""
        rows = [await self._line(process) for process in self._processes]
        times = array.array("d", bytes(8 * STAGES * self._plan.calls))
        for job in self._jobs:
            own = _times_in(job)
            for stage in range(STAGES):
                times[stage + STAGES * job.shard :: STAGES * job.shards] = own[stage::STAGES]
        return Handed(
            times=times,
            unconfirmed=sum(row["unconfirmed"] for row in rows),
            sent=sum(row["sent"] for row in rows),
            repeated=sum(row["repeated"] for row in rows),
        )

    async def _end(self) -> None:
        for process in self._processes:
            if process.returncode is None:
                process.kill()
            await process.wait()
        self._folder.cleanup()


def _tell(process: asyncio.subprocess.Process, what: object) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(what).encode() + b"\n")


# --- in the process


async def run(job: Job, reporter: Reporter, begin: float, stopped: asyncio.Event) -> Sequence[float]:
    """Send the reports of a job when they are due. Returns when each was handed over, three a call."""
    plan = job.plan
    own = plan.indices[job.shard :: job.shards]
    times = array.array("d", bytes(8 * STAGES * len(own)))
    wall = time.time() - time.monotonic() + begin
    stopped_at = 0.0
    batch = 0
    for after, index, stage in plan.dues(job.shard, job.shards):
        due = begin + after
        while True:
            now = time.monotonic()
            if stopped.is_set():
                stopped_at = stopped_at or now
                due = min(due, stopped_at + FINISH_WITHIN)
            if (pause := due - now) <= 0:
                break
            batch = 0
            await asyncio.sleep(min(pause, _SLICE))
        place = STAGES * ((index - plan.first_call) // job.shards) + stage
        if stopped_at and (stage == 0 or not times[place - stage]):
            continue
        times[place] = now
        reporter.send(plan.report(index, stage, wall, time.time()))
        batch += 1
        if batch >= _BATCH:
            batch = 0
            await asyncio.sleep(0)  # answers free the identifiers of reports
    return times


async def main() -> None:
    """One process: see the module."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    read = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(read), sys.stdin)
    fields = json.loads(await read.readline())
    job = Job(**{**fields, "plan": CallPlan(**fields["plan"])})
    reporter = Reporter(split_host_port(job.server), job.secret)
    await reporter.start()
    _say({"ready": True})
    begin = await read.readline()
    if not begin:  # who started this has gone
        return
    gc.disable()  # a pause of the generator is none of the mediator
    times = await run(job, reporter, json.loads(begin), stopped)
    with suppress(TimeoutError):  # what is not confirmed is counted
        async with asyncio.timeout(CONFIRMED_WITHIN):
            await reporter.drain()
    status = reporter.status()
    reporter.close()
    _write_times(job, times)
    _say(
        {
            "unconfirmed": status["waiting"] + status["outstanding"],
            "sent": status["sent"],
            "repeated": status["repeated"],
        }
    )


def _write_times(job: Job, times: Sequence[float]) -> None:
    Path(job.times).write_bytes(array.array("d", times).tobytes())


def _times_in(job: Job) -> array.array[float]:
    return array.array("d", Path(job.times).read_bytes())


def _say(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
