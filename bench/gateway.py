"""The gateway: how soon it answers commands and passes events on, idle and under load.

Boxes in processes of their own: the emulated switch (SSH), the mediator, a generator of call reports, and this
process as the console. Idle: command 5 and 6 in turn, so that 28h includes the switch's answer over SSH and the
table on disk. Under load: ``RATE`` calls/s, three events each, for ``SECONDS``; the times are those of arrival here.
"""

from __future__ import annotations

import array
import asyncio
import gc
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import cast

from protocol import (
    AddObject,
    Category,
    Channel,
    Codec,
    GetVersion,
    NumberSign,
    ObjectType,
    Options,
    Priority,
    RemoveObject,
    Start,
    StreamFramer,
    Unit,
)
from radius.report import CallReport, Match, Party
from radius.reporter import Reporter
from sorm_mediator.lab.processes import BoxProcess
from sorm_mediator.lab.small import switch_and_gateway

OBJECTS, RATE, SECONDS, IDLE_COMMANDS = 100, 1000, 60.0, 300

ON_DISK = '[mediator]\nstate = "state.db"\njournal = "journal.db"\n'


class Channels(asyncio.Protocol):
    """One channel of the console: cuts units and notes when each arrived."""

    def __init__(self, channel: Channel) -> None:
        self.framer = StreamFramer(channel, Options())
        self.units: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        now = time.time()
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
        begin = time.time()
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


def network_object(index: int) -> AddObject:
    """Object ``index`` (from 0) under statistical control: no line is needed."""
    return AddObject(
        1 + index,
        ObjectType.NETWORK_FULL,
        NumberSign.RUSSIA,
        object_phone(index),
        None,
        Category.STATISTICAL,
        None,
        Priority.NORMAL,
    )


async def idle(console: Console) -> dict[str, float]:
    """27h and 28h of commands 5 and 6 while nothing else happens."""
    add = network_object(OBJECTS + 1)
    remove = RemoveObject(add.object_number, add.object_type, add.number_sign, add.number, None)
    pairs = [await console.command(command) for _ in range(IDLE_COMMANDS // 2) for command in (add, remove)]
    return {
        "idle_27h_p99_ms": p99_ms([received for received, _ in pairs]),
        "idle_28h_p99_ms": p99_ms([executed for _, executed in pairs]),
    }


async def loaded(console: Console, mediator: BoxProcess, folder: Path) -> dict[str, object]:
    """Events and 27h under ``RATE`` calls/s."""
    times_file = folder / "times"
    generator = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.gateway", mediator.endpoints["radius"],
        str(RATE), str(SECONDS), str(OBJECTS), str(times_file),
    )  # fmt: skip
    calls = int(RATE * SECONDS)
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
            key = int(event.calling.number[4:]), event.code - 0x41
            doubled += key in arrived
            arrived[key] = moment
    except TimeoutError:
        # What is missing is counted below.
        pass
    finally:
        running.cancel()
    spent = processor_s(mediator.pid) - spent
    await generator.wait()
    sent = array.array("d", times_file.read_bytes())
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
            await console.command(network_object(index))
        return {**await idle(console), **await loaded(console, mediator, folder)}


def run() -> dict[str, object]:
    """See the module. Takes a little over ``SECONDS``."""
    gc.disable()  # a pause of the console must not count as one of the mediator
    try:
        with tempfile.TemporaryDirectory() as folder:
            return asyncio.run(measure(Path(folder)))
    finally:
        gc.enable()


# --- a process of its own: the switch's reports of synthetic calls at a constant rate
#
# ``python -m bench.gateway HOST:PORT RATE SECONDS OBJECTS FILE``: each call is three reports (number received, answer,
# release). The times at which they were handed to the reporter go into FILE, an array of doubles, three per call; the
# index of a call is in its A number, which tells the console how long each took.


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
    gc.disable()  # a pause of the generator must not count as one of the mediator
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
