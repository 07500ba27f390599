"""The gateway: how soon it answers commands and passes events on, idle and under load.

Boxes in processes of their own: the emulated switch (SSH), the mediator, a generator of call reports, and this
process as the console. Idle: command 5 and 6 in turn, so that 28h includes the switch's answer over SSH and the
table on disk. Under load: ``RATE`` calls/s, three events each, for ``SECONDS``; the times are those of arrival here.
"""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import cast

from protocol import Channel, Codec, GetVersion, Options, Start, StreamFramer, Unit
from sorm_mediator.lab.processes import BoxProcess
from sorm_mediator.lab.small import switch_and_gateway
from sorm_mediator.load.generator import Generator
from sorm_mediator.load.plan import CALLING_PREFIX, CallPlan, network_object, object_phone, removal

OBJECTS, RATE, SECONDS, IDLE_COMMANDS = 100, 1000, 60.0, 300

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


class Console:
    """Both channels, and commands one after another."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec

    async def connect(self, endpoints: dict[str, str]) -> None:
        loop = asyncio.get_running_loop()
        for name, channel in (("kpd2", Channel.KPD2), ("kpd1", Channel.KPD1)):
            host, _, port = endpoints[name].rpartition(":")
            _, protocol = await loop.create_connection(lambda c=channel: Channels(c), host, int(port))
            setattr(self, name, protocol)

    kpd1: Channels
    kpd2: Channels

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


async def loaded(console: Console, mediator: BoxProcess) -> dict[str, object]:
    """Events and 27h under ``RATE`` calls/s."""
    plan = CallPlan(rate=RATE, calls=int(RATE * SECONDS), objects=OBJECTS)
    async with Generator(plan, mediator.endpoints["radius"], SECRET) as generator:
        generator.begin()
        return await observed(console, mediator, generator, plan.calls)


async def observed(
    console: Console, mediator: BoxProcess, generator: Generator, calls: int
) -> dict[str, object]:
    """What of so many calls comes to the console, until all has come or nothing comes any more."""
    arrived: dict[tuple[int, int], float] = {}
    doubled = 0
    answers: list[float] = []
    memory: list[float] = []

    async def commands() -> None:
        while len(arrived) < 3 * calls:
            received, _ = await console.command(GetVersion())
            answers.append(received)
            memory.append(resident_mb(mediator.pid))
            await asyncio.sleep(0.1)

    spent = processor_s(mediator.pid)
    running = asyncio.create_task(commands())
    try:
        while len(arrived) < 3 * calls:
            moment, unit = await asyncio.wait_for(console.kpd2.units.get(), 30)
            event = console.codec.decode(unit)
            key = int(event.calling.number.removeprefix(CALLING_PREFIX)), event.code - 0x41
            doubled += key in arrived
            arrived[key] = moment
    except TimeoutError:
        # What is missing is counted below.
        pass
    finally:
        running.cancel()
    spent = processor_s(mediator.pid) - spent
    sent = (await generator.finished()).times
    late = [moment - sent[3 * index + stage] for (index, stage), moment in arrived.items()]
    span = max(arrived.values()) - min(arrived.values())
    settled = memory[2 * len(memory) // 3]  # the tables of requests and calls are at their limits by then
    return {
        "events_per_s": len(arrived) / span,
        "cpu_ms_per_call": spent / calls * 1000,
        "lost_events": 3 * calls - len(arrived),
        "doubled_events": doubled,
        "event_p50_ms": statistics.median(late) * 1000,
        "event_p99_ms": p99_ms(late),
        "event_max_ms": max(late) * 1000,
        "loaded_27h_p99_ms": p99_ms(answers),
        "loaded_27h_max_ms": max(answers) * 1000,
        "memory_growth": max(memory) / settled,
        "memory_mb": max(memory),
    }


async def measure(folder: Path) -> dict[str, object]:
    """Start the boxes, put the objects under control, measure."""
    async with switch_and_gateway(folder, ON_DISK) as (_, mediator):
        console = Console(Codec(Options()))
        await console.connect(mediator.endpoints)
        await console.command(Start())
        for index in range(OBJECTS):
            await console.command(network_object(1 + index, object_phone(index)))
        return {**await idle(console), **await loaded(console, mediator)}


def run() -> dict[str, object]:
    """See the module. Takes a little over ``SECONDS``."""
    gc.disable()  # a pause of the console must not count as one of the mediator
    try:
        with tempfile.TemporaryDirectory() as folder:
            return asyncio.run(measure(Path(folder)))
    finally:
        gc.enable()
