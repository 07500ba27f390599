"""A burst of call reports at a gateway, with a console that reads, one that reads slowly, and one that does not read.

``REPORTS`` reports of as many calls, each a whole call (41h, 42h, 43h), are queued at once and sent as fast as they are
answered. Boxes and generator are processes of their own; this process is the console, and asks for the version ten
times a second. What is lost is what the console read less than the reports have, and is compared with the counters.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

from bench.gateway import (
    SECRET,
    Console,
    asking,
    p99_ms,
    resident_mb,
)
from protocol import Channel, Codec, Options, Start, StreamFramer, Unit
from radius.report import CallReport, Match, Party
from radius.reporter import Reporter
from sorm_mediator.lab.processes import BoxProcess
from sorm_mediator.lab.small import switch_and_gateway
from sorm_mediator.load.plan import a_number, network_object, object_phone

REPORTS, OBJECTS = 100_000, 100
SLOW_PIECE, SLOW_PAUSE = 8 * 1024, 0.08
"""Octets and seconds of one read of the slow console: some 1,700 events a second."""
SLOW_REPORTS, SLOW_ROOM = 20_000, 65_536
"""Of the slow console, for which few octets may wait: so reports are put off."""
UNREAD_REPORTS = 30_000
"""Of the console that does not read: more than its buffers hold."""
QUIET = 20.0
"""Seconds without an event after which no further one is waited for: a report that was put off comes within 8 s."""
ON_DISK = '[mediator]\nstate = "state.db"\njournal = "journal.db"\n'


ROOM = "SORM_CONSOLE__MOST_UNSENT"


class Reading:
    """KPD2 of one console, and what it has read."""

    def __init__(self, piece: int, pause: float) -> None:
        self.piece, self.pause = piece, pause
        self.events: dict[tuple[int, int], int] = {}
        self.heard = time.monotonic()
        self.closed = False

    async def read(self, address: str, codec: Codec) -> None:
        """Until the connection ends."""
        host, _, port = address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=max(1, self.piece))
        if not self.piece:
            writer.transport.pause_reading()
            await asyncio.Event().wait()
        framer = StreamFramer(Channel.KPD2, Options())
        while True:
            data = await reader.read(self.piece)
            if not data:
                self.closed = True
                return
            for item in framer.feed(data):
                if not isinstance(item, Unit):
                    raise TypeError(f"not a unit: {item}")
                event = codec.decode(item.raw)
                if 0x41 <= event.code <= 0x43:
                    key = int(event.calling.number[4:]), event.code - 0x41
                    self.events[key] = self.events.get(key, 0) + 1
                    self.heard = time.monotonic()
            await asyncio.sleep(self.pause)


def status(mediator: BoxProcess) -> dict[str, object]:
    """``/api/v1/status`` of the gateway."""
    with urlopen(f"http://{mediator.endpoints['web']}/api/v1/status", timeout=30) as answer:
        found: dict[str, object] = json.load(answer)
    return found


async def burst(console: Console, mediator: BoxProcess, reading: Reading, reports: int) -> dict[str, object]:
    """One burst, to the end of it."""
    before = resident_mb(mediator.pid)
    peak: dict[str, float] = {}
    stopping = asyncio.Event()

    async def watch() -> None:
        while not stopping.is_set():
            document = await asyncio.to_thread(status, mediator)
            for name, row in document["queues"].items():  # type: ignore[attr-defined]
                for what in ("waiting", "oldest"):
                    key = f"{name} {what}"
                    peak[key] = max(peak.get(key, 0), row[what] or 0)
            await asyncio.sleep(0.5)

    kpd2 = asyncio.create_task(reading.read(mediator.endpoints["kpd2"], console.codec))
    begin = time.monotonic()
    generator = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.burst", mediator.endpoints["radius"], str(reports), stdout=asyncio.subprocess.PIPE
    )  # fmt: skip
    async with asking(console, mediator.pid) as asked:
        watching = asyncio.create_task(watch())
        assert generator.stdout is not None
        outbox = json.loads(await generator.stdout.read() or "{}")
        sent = time.monotonic() - begin
        while (  # noqa: ASYNC110 - it is for the time that nothing happens
            reading.piece and len(reading.events) < 3 * reports and time.monotonic() - reading.heard < QUIET
        ):
            await asyncio.sleep(0.2)
        stopping.set()
        await watching
    kpd2.cancel()
    with suppress(asyncio.CancelledError):
        await kpd2
    after = status(mediator)
    dropped = {
        f"{name}: {why}": count
        for name, row in after["queues"].items()  # type: ignore[attr-defined]
        for why, count in row["dropped"].items()
    }
    return {
        "reports": reports,
        "seconds": sent,
        "lost_events": 3 * reports - len(reading.events),
        "doubled_events": sum(count > 1 for count in reading.events.values()),
        "27h_p99_ms": p99_ms(asked.answers),
        "27h_max_ms": max(asked.answers) * 1000,
        "memory_mb": max(before, *asked.memory),
        "memory_grown_mb": max(before, *asked.memory) - before,
        "waited": {key: round(value, 3) for key, value in peak.items() if value},
        "dropped": dropped,
        "counters": {
            name: count
            for name, count in after["counters"].items()  # type: ignore[attr-defined]
            if name in ("reports_put_off", "dropped_kpd2")
        },
        "outbox": {name: outbox.get(name) for name in ("answered", "repeated", "dropped", "given_up")},
    }


async def measure(folder: Path, reading: Reading, reports: int) -> dict[str, object]:
    """Start the boxes, put the objects under control, and let the burst come."""
    async with switch_and_gateway(folder, ON_DISK) as (_, mediator):
        console = Console(Codec(Options()))
        await console.connect_kpd1(mediator.endpoints)
        await console.command(Start())
        for index in range(OBJECTS):
            await console.command(network_object(1 + index, object_phone(index)))
        return await burst(console, mediator, reading, reports)


def run() -> dict[str, object]:
    """See the module. Takes some four minutes."""
    cases = {
        "reads": (Reading(256 * 1024, 0.0), REPORTS),
        "slow": (Reading(SLOW_PIECE, SLOW_PAUSE), SLOW_REPORTS),
        "unread": (Reading(0, 0.0), UNREAD_REPORTS),
    }
    found: dict[str, object] = {}
    gc.disable()  # a pause of the console must not count as one of the mediator
    try:
        for name, (reading, reports) in cases.items():
            if name == "slow":
                os.environ[ROOM] = str(SLOW_ROOM)  # for the processes that are started
            with tempfile.TemporaryDirectory() as folder:
                measured = asyncio.run(measure(Path(folder), reading, reports))
            os.environ.pop(ROOM, None)
            found |= {f"{name}_{key}": value for key, value in measured.items()}
    finally:
        gc.enable()
    return found


# --- a process of its own: ``python -m bench.burst HOST:PORT REPORTS`` prints the counters of its outbox at the end


def report(index: int) -> CallReport:
    """The report of a call that is over already."""
    called = Party(digits=object_phone(index % OBJECTS), ni="intercity")
    now = time.time()
    return CallReport(
        call_id=f"burst-{index}",
        domain="test.domain",
        sequence=1,
        time=now,
        connection=0x11,
        calling=Party(digits=a_number(index), ni="intercity"),
        called=called,
        calling_station=a_number(index),
        called_station=called.digits,
        setup_time=now - 3,
        answer_time=now - 2,
        release_time=now - 1,
        release_cause=5,
        matches=(Match(object_number=1 + index % OBJECTS, role="b", called=called, time=now - 3),),
    )


async def main(address: str, reports: int) -> dict[str, object]:
    """Queue all reports, and wait until the last one is answered."""
    host, _, port = address.rpartition(":")
    reporter = Reporter((host, int(port)), SECRET, limit=reports)
    await reporter.start()
    gc.disable()
    for index in range(reports):
        reporter.send(report(index))
        if index % 100 == 0:
            await asyncio.sleep(0)  # answers come meanwhile
    with suppress(TimeoutError):
        async with asyncio.timeout(600):
            await reporter.drain()
    found = reporter.status()
    reporter.close()
    return found


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], int(sys.argv[2])))))
