"""The gateway: how soon it answers commands and passes events on, idle and under load.

Boxes in processes of their own: the emulated switch (SSH), the mediator, a generator of call reports, and this
process as the console. Idle: command 5 and 6 in turn, so that 28h includes the switch's answer over SSH and the
table on disk. Under load: ``RATE`` calls/s, three events each, for ``SECONDS``; the times are those of arrival here.
Busy: the same for ``BUSY_SECONDS`` with ``BUSY_LOOPS`` processes that compute without end beside it. At most: the rate
is raised until an event is lost or later than the order has it, and the highest rate is then held for a minute.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from protocol import Channel, Codec, GetVersion, Options, Start, StreamFramer, Unit
from sorm_mediator.lab.processes import BoxProcess
from sorm_mediator.lab.small import switch_and_gateway
from sorm_mediator.load.generator import Generator
from sorm_mediator.load.plan import CALLING_PREFIX, CallPlan, network_object, object_phone, removal

OBJECTS, RATE, SECONDS, IDLE_COMMANDS = 100, 1000, 60.0, 300
BUSY_LOOPS, BUSY_SECONDS = 4, 20.0
RAMP_SECONDS, RAMP_STEP, FIRST_RATE, MOST_RATE = 5.0, 1.2, 200.0, 8000
"""Of each step of the ramp: its length, how much higher its rate is than that before; where it begins and ends."""
SUSTAINED_SECONDS, SUSTAINED_TRIES, STEP_DOWN = 60.0, 5, 0.85
"""A minute at the highest rate of the ramp, and again at less as long as that was too much."""
ORDER_MS = 200.0
"""An event is at the port within so long (order 268, rule 5)."""
EVENT_OCTETS = 48
"""Of an event of a call: 12 of header, 36 of content (order 268, 10.2, 10.3)."""
QUIET = 20.0
"""Seconds without an event after which no more are waited for: a report that was not answered is repeated within 8."""

SECRET = "2testing123"
ON_DISK = '[mediator]\nstate = "state.db"\njournal = "journal.db"\n'


class Channels(asyncio.Protocol):
    """One channel of the console: cuts units and notes when each arrived."""

    def __init__(self, channel: Channel) -> None:
        self.framer = StreamFramer(channel, Options())
        self.units: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        for item in self.framer.feed(data):
            if not isinstance(item, Unit):
                raise TypeError(f"not a unit: {item}")
            self.units.put_nowait((now, item.raw))


class Events(asyncio.Protocol):
    """KPD2: notes what arrived when, and looks into it afterwards, so that the console takes little of the cores."""

    def __init__(self) -> None:
        self.chunks: list[tuple[float, bytes]] = []
        self.octets = 0
        self.heard = time.monotonic()

    def data_received(self, data: bytes) -> None:
        self.heard = time.monotonic()
        self.chunks.append((self.heard, data))
        self.octets += len(data)

    def take(self, codec: Codec) -> list[tuple[float, int, int]]:
        """When each event arrived, the index of its call, and its stage; from then on they count anew."""
        chunks, self.chunks, self.octets = self.chunks, [], 0
        framer = StreamFramer(Channel.KPD2, Options())
        found = []
        for moment, data in chunks:
            for item in framer.feed(data):
                if not isinstance(item, Unit):
                    raise TypeError(f"not a unit: {item}")
                event = codec.decode(item.raw)
                index = int(event.calling.number.removeprefix(CALLING_PREFIX))
                found.append((moment, index, event.code - 0x41))
        return found


class Console:
    """Both channels, and commands one after another."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec

    async def connect(self, endpoints: dict[str, str]) -> None:
        loop = asyncio.get_running_loop()
        host, _, port = endpoints["kpd2"].rpartition(":")
        _, self.kpd2 = await loop.create_connection(Events, host, int(port))
        await self.connect_kpd1(endpoints)

    async def connect_kpd1(self, endpoints: dict[str, str]) -> None:
        """Commands alone."""
        host, _, port = endpoints["kpd1"].rpartition(":")
        _, self.kpd1 = await asyncio.get_running_loop().create_connection(
            lambda: Channels(Channel.KPD1), host, int(port)
        )

    kpd1: Channels
    kpd2: Events

    async def command(self, command: object) -> tuple[float, float]:
        """Seconds from the command's last octet to 27h and to 28h. Raises RuntimeError when it is refused."""
        raw = self.codec.encode(command)
        begin = time.monotonic()
        self.kpd1.transport.write(raw)
        received = 0.0
        while True:
            moment, unit = await asyncio.wait_for(self.kpd1.units.get(), 10)
            if unit[2] in (0x27, 0x28) and unit[11] != 0:
                raise RuntimeError(f"refused: {unit.hex(' ')}")
            if unit[2] == 0x27:
                received = moment - begin
            elif unit[2] == 0x28:
                return received, moment - begin


def p99_ms(values: list[float]) -> float:
    """The 99th percentile in milliseconds."""
    return statistics.quantiles(values, n=100)[98] * 1000


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]) / 1024


def processor_s(pid: int) -> float:
    """Processor time of a process so far, its own and the kernel's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def idle(console: Console) -> dict[str, float]:
    """27h and 28h of commands 5 and 6 while nothing else happens."""
    add = network_object(OBJECTS + 2, object_phone(OBJECTS + 1))
    remove = removal(add)
    pairs = [await console.command(command) for _ in range(IDLE_COMMANDS // 2) for command in (add, remove)]
    return {
        "idle_27h_p99_ms": p99_ms([received for received, _ in pairs]),
        "idle_28h_p99_ms": p99_ms([executed for _, executed in pairs]),
    }


@dataclass(frozen=True, slots=True)
class Load:
    """What became of a load. Times in seconds."""

    calls: int
    lost: int
    doubled: int
    seconds: float
    """From the first event to the last."""
    late: list[float]
    """From the report to the event."""
    answers: list[float]
    """From the command to 27h."""
    memory: list[float]
    """Of the mediator, in MB, as time went on."""
    spent: float
    """Processor time of the mediator."""

    @property
    def kept(self) -> bool:
        """Whether every event came, once, and in time."""
        return not (self.lost or self.doubled) and max(self.late) * 1000 <= ORDER_MS


_runs = itertools.count(1)


async def load(console: Console, mediator: BoxProcess, rate: float, seconds: float) -> Load:
    """So many calls a second for so long."""
    plan = CallPlan(rate=rate, calls=int(rate * seconds), objects=OBJECTS, run=f"bench-{next(_runs)}")
    async with Generator(plan, mediator.endpoints["radius"], SECRET) as generator:
        console.kpd2.heard = generator.begin()
        return await observed(console, mediator, generator, plan.calls)


@dataclass
class Asking:
    """What the console asks ten times a second beside a load, until it ends."""

    answers: list[float] = field(default_factory=list)
    """Seconds until 27h."""
    memory: list[float] = field(default_factory=list)
    """Of the mediator, in MB."""


@asynccontextmanager
async def asking(console: Console, pid: int) -> AsyncIterator[Asking]:
    """Ask for the version ten times a second."""
    found = Asking()
    stopping = asyncio.Event()

    async def commands() -> None:
        while not stopping.is_set():
            found.answers.append((await console.command(GetVersion()))[0])
            found.memory.append(resident_mb(pid))
            await asyncio.sleep(0.1)

    running = asyncio.create_task(commands())
    try:
        yield found
    finally:
        stopping.set()
        await running


async def observed(console: Console, mediator: BoxProcess, generator: Generator, calls: int) -> Load:
    """What of so many calls comes to the console, until all has come or nothing comes any more."""
    spent, events = processor_s(mediator.pid), console.kpd2
    async with asking(console, mediator.pid) as asked:
        while (  # noqa: ASYNC110 - it is for the time that nothing happens
            events.octets < 3 * calls * EVENT_OCTETS and time.monotonic() - events.heard < QUIET
        ):
            await asyncio.sleep(0.05)
        spent = processor_s(mediator.pid) - spent
    sent = (await generator.finished()).times
    arrived: dict[int, float] = {}
    found = events.take(console.codec)
    for moment, index, stage in found:
        arrived.setdefault(3 * index + stage, moment)
    late = [moment - sent[place] for place, moment in arrived.items()]
    span = max(arrived.values()) - min(arrived.values())
    lost = 3 * calls - len(arrived)
    return Load(calls, lost, len(found) - len(arrived), span, late, asked.answers, asked.memory, spent)


async def loaded(console: Console, mediator: BoxProcess) -> dict[str, object]:
    """Events and 27h under ``RATE`` calls/s."""
    found = await load(console, mediator, RATE, SECONDS)
    memory = found.memory
    settled = memory[2 * len(memory) // 3]  # the tables of requests and calls are at their limits by then
    return {
        "events_per_s": (3 * found.calls - found.lost) / found.seconds,
        "cpu_ms_per_call": found.spent / found.calls * 1000,
        "lost_events": found.lost,
        "doubled_events": found.doubled,
        "event_p50_ms": statistics.median(found.late) * 1000,
        "event_p99_ms": p99_ms(found.late),
        "event_max_ms": max(found.late) * 1000,
        "loaded_27h_p99_ms": p99_ms(found.answers),
        "loaded_27h_max_ms": max(found.answers) * 1000,
        "memory_growth": max(memory) / settled,
        "memory_mb": max(memory),
    }


@contextmanager
def busy_loops() -> Iterator[None]:
    """Processes that take what they get of the cores."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(BUSY_LOOPS)]
    try:
        yield
    finally:
        for one in loops:
            one.kill()
            one.wait()


async def busy(console: Console, mediator: BoxProcess) -> dict[str, object]:
    """The same beside processes that compute without end."""
    with busy_loops():
        found = await load(console, mediator, RATE, BUSY_SECONDS)
    return {
        "busy_event_p99_ms": p99_ms(found.late),
        "busy_event_max_ms": max(found.late) * 1000,
        "busy_27h_p99_ms": p99_ms(found.answers),
        "busy_lost_events": found.lost,
    }


async def most(console: Console, mediator: BoxProcess) -> dict[str, object]:
    """The highest rate of calls at which every event comes in time for a minute."""
    rate, step = 0.0, FIRST_RATE
    while step <= MOST_RATE and (await load(console, mediator, step, RAMP_SECONDS)).kept:
        rate, step = step, step * RAMP_STEP
    for _ in range(SUSTAINED_TRIES if rate else 0):
        found = await load(console, mediator, rate, SUSTAINED_SECONDS)
        if found.kept:
            return {
                "max_calls_per_s": found.calls / SUSTAINED_SECONDS,
                "max_cpu_ms_per_call": found.spent / found.calls * 1000,
                "max_event_p99_ms": p99_ms(found.late),
                "max_event_max_ms": max(found.late) * 1000,
                "max_27h_p99_ms": p99_ms(found.answers),
                "max_memory_mb": max(found.memory),
            }
        rate *= STEP_DOWN
    return {"max_calls_per_s": 0.0}


async def measure(folder: Path) -> dict[str, object]:
    """Start the boxes, put the objects under control, measure."""
    async with switch_and_gateway(folder, ON_DISK) as (_, mediator):
        console = Console(Codec(Options()))
        await console.connect(mediator.endpoints)
        await console.command(Start())
        for index in range(OBJECTS):
            await console.command(network_object(1 + index, object_phone(index)))
        return {
            **await idle(console),
            **await loaded(console, mediator),
            **await busy(console, mediator),
            **await most(console, mediator),
        }


def run() -> dict[str, object]:
    """See the module. Takes about five minutes."""
    gc.disable()  # a pause of the console must not count as one of the mediator
    try:
        with tempfile.TemporaryDirectory() as folder:
            return asyncio.run(measure(Path(folder)))
    finally:
        gc.enable()
