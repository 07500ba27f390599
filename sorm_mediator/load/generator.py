"""The generator: the calls of a plan, from processes of their own.

There are two ways (:data:`Via`): the reports of the calls go by RADIUS straight to a mediator, or the emulated switch
makes the calls, by HTTP. A report starts when it is due, whatever became of those before it: a mediator that falls
behind gets no pause. When each was handed to its sender is noted, so that what the generator was late by is never taken
for the mediator's time.

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
from typing import Any, Final, Literal, Protocol, Self

from radius.reporter import Reporter
from sorm_mediator.addresses import split_host_port
from sorm_mediator.console.errors import ConnectError, StepError
from sorm_mediator.console.target import WebApi
from sorm_mediator.errors import BoxError
from sorm_mediator.load.plan import STAGES, CallPlan, Due

FINISH_WITHIN: Final = 5.0
"""Seconds after SIGTERM until the reports of calls under way are sent, due or not."""
CONFIRMED_WITHIN: Final = 60.0
"""Seconds after the last report for the mediator to confirm all of them."""
READY_WITHIN: Final = 60.0
"""Seconds for the start of a process, also on a busy machine."""
LEAD: Final = 0.05
"""Seconds from the order to begin until the begin."""
_LONGEST_JOB: Final = 16 * 1024 * 1024
"""Octets of a job as JSON: it may have the numbers of 65,000 objects."""
_BATCH: Final = 32
"""Reports that are sent at most before answers are read."""
_SLICE: Final = 0.1
"""The longest sleep, so that a signal is soon followed."""


Via = Literal["radius", "http"]
"""Reports straight to the mediator, or calls made by the emulated switch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What one process has to do: every ``shards``-th call of the plan, from ``shard`` on.

    server: ``host:port`` of the RADIUS sink, or the URL of the switch's web. secret: of the sink, or the web's token.
    times: the file for the moments, see :class:`Handed`.
    """

    plan: CallPlan
    via: Via
    server: str
    secret: str
    times: str
    shard: int = 0
    shards: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What the processes have done.

    times: when each report was handed to its sender (``time.monotonic``), three a call, in the order of calls; 0:
    never. Of a call that the switch makes only the first is handed over; the others are when the switch is to act.
    unconfirmed: reports that the mediator, or calls that the switch has not confirmed. sent: datagrams, or requests;
    repeated: those sent again. refused: why the switch refused the first call that it refused.
    """

    times: array.array[float]
    unconfirmed: int
    sent: int
    repeated: int
    refused: str = ""


class Generator:
    """The processes of one plan. ``async with`` starts them, and ends them.

    Raises :class:`ConnectError` for a server that has no address, and :class:`BoxError` when a process does not start
    or does not end as it should.
    """

    def __init__(
        self, plan: CallPlan, server: str, secret: str, *, via: Via = "radius", processes: int = 1
    ) -> None:
        self._plan = plan
        self._folder = TemporaryDirectory(prefix="sorm-load-")
        folder = Path(self._folder.name)
        self._jobs = [
            Job(
                plan=plan, via=via, server=server, secret=secret,
                times=str(folder / str(shard)), shard=shard, shards=processes,
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
        if "error" in found:
            raise ConnectError(found["error"])
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
            refused=next((row["refused"] for row in rows if row["refused"]), ""),
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


class Sender(Protocol):
    """Takes what is due."""

    def send(self, due: Due, begin: float) -> None:
        """Hand it over. ``begin``: of the plan, in Unix seconds."""

    async def drain(self) -> None:
        """Wait until all is confirmed."""

    def done(self) -> dict[str, Any]:
        """What :class:`Handed` has beside the times."""


class Reports:
    """Sends the reports of calls by RADIUS."""

    def __init__(self, job: Job) -> None:
        self._plan = job.plan
        self._reporter = Reporter(split_host_port(job.server), job.secret)

    async def start(self) -> None:
        """Raises :class:`OSError` when the server's name has no address."""
        await self._reporter.start()

    def send(self, due: Due, begin: float) -> None:
        """Hand a report over."""
        self._reporter.send(self._plan.report(due.call, due.stage, begin, time.time()))

    async def drain(self) -> None:
        """Wait until the mediator has confirmed all."""
        await self._reporter.drain()

    def done(self) -> dict[str, Any]:
        """See :class:`Handed`."""
        status = self._reporter.status()
        self._reporter.close()
        unconfirmed = status["waiting"] + status["outstanding"]
        return {
            "unconfirmed": unconfirmed,
            "sent": status["sent"],
            "repeated": status["repeated"],
            "refused": "",
        }


class Requests:
    """Has the emulated switch make the calls; it acts by itself at the answer and at the release."""

    def __init__(self, job: Job) -> None:
        self._plan = job.plan
        self._web = WebApi(job.server, job.secret)
        self._going: set[asyncio.Task[None]] = set()
        self._sent = self._failed = 0
        self._refused = ""

    async def start(self) -> None:
        """Connect, so that the first call does not wait for it. Raises :class:`ConnectError`."""
        await self._web.request("GET", "switch/licence")

    def send(self, due: Due, begin: float) -> None:
        """Have a call made, if that is what is due."""
        if due.stage == 0:
            self._sent += 1
            task = asyncio.create_task(self._make(due.call))
            self._going.add(task)
            task.add_done_callback(self._going.discard)

    async def _make(self, call: int) -> None:
        plan = self._plan
        request = {"a": plan.calling(call), "b": plan.called(call), "ring": plan.ring, "talk": plan.talk}
        try:
            await self._web.make_call(plan.domain, request)
        except (StepError, ConnectError) as error:
            self._failed += 1
            self._refused = self._refused or str(error)

    async def drain(self) -> None:
        """Wait until the switch has taken all."""
        await asyncio.gather(*self._going)

    def done(self) -> dict[str, Any]:
        """See :class:`Handed`."""
        unconfirmed = self._failed + len(self._going)
        return {"unconfirmed": unconfirmed, "sent": self._sent, "repeated": 0, "refused": self._refused}


async def run(job: Job, sender: Sender, begin: float, stopped: asyncio.Event) -> Sequence[float]:
    """Send what a job has when it is due. Returns when each was handed over, three a call."""
    plan = job.plan
    own = plan.indices[job.shard :: job.shards]
    times = array.array("d", bytes(8 * STAGES * len(own)))
    wall = time.time() - time.monotonic() + begin
    stopped_at = 0.0
    batch = 0
    for one in plan.dues(job.shard, job.shards):
        due = begin + one.after
        while True:
            now = time.monotonic()
            if stopped.is_set():
                stopped_at = stopped_at or now
                due = min(due, stopped_at + FINISH_WITHIN)
            if (pause := due - now) <= 0:
                break
            batch = 0
            await asyncio.sleep(min(pause, _SLICE))
        place = STAGES * ((one.call - plan.first_call) // job.shards) + one.stage
        if stopped_at and (one.stage == 0 or not times[place - one.stage]):
            continue
        times[place] = now
        sender.send(one, wall)
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
    read = asyncio.StreamReader(limit=_LONGEST_JOB)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(read), sys.stdin)
    fields = json.loads(await read.readline())
    job = Job(**{**fields, "plan": CallPlan(**fields["plan"])})
    sender = Reports(job) if job.via == "radius" else Requests(job)
    try:
        await sender.start()
    except (OSError, ConnectError) as error:
        _say({"error": f"{job.server}: {error}"})
        return
    _say({"ready": True})
    begin = await read.readline()
    if not begin:  # who started this has gone
        return
    gc.disable()  # a pause of the generator is none of the mediator
    times = await run(job, sender, json.loads(begin), stopped)
    with suppress(TimeoutError):  # what is not confirmed is counted
        async with asyncio.timeout(CONFIRMED_WITHIN):
            await sender.drain()
    _write_times(job, times)
    _say(sender.done())


def _write_times(job: Job, times: Sequence[float]) -> None:
    Path(job.times).write_bytes(array.array("d", times).tobytes())


def _times_in(job: Job) -> array.array[float]:
    return array.array("d", Path(job.times).read_bytes())


def _say(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
