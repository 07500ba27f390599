"""kill -9 of a running gateway, at random moments under load: what was confirmed is there afterwards.

``SORM_TEST_KILLS`` says how many times; ``make kill`` takes 200, and prints what it found.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from protocol import (
    AddKsl,
    AddObject,
    CallEvent,
    Category,
    Channel,
    CommandExecuted,
    CommandReceived,
    GetKsl,
    GetObjects,
    GroupType,
    KslInfo,
    Message,
    NumberSign,
    ObjectInfo,
    ObjectType,
    Priority,
    RemoveObject,
    Restart,
    Start,
)
from protocol.values import Ksl
from radius.report import CallReport, Match, Party
from radius.reporter import Reporter
from sorm_mediator.journal.book import JournalReader
from tests.mediator.gateway_harness import Console, lab_file, small_switch

KILLS = int(os.environ.get("SORM_TEST_KILLS", "5"))
GATEWAY = """
import asyncio, json, sys
from pathlib import Path
from sorm_mediator.config import parse
from sorm_mediator.mediator.binding.gateway import Gateway

async def main():
    folder = Path(sys.argv[1])
    gateway = Gateway(parse(json.loads((folder / "lab.json").read_text()), directory=folder))
    endpoints = await gateway.start()
    watcher = gateway.events.subscribe()
    while (gateway.status().switch or {})["state"] != "up":
        await anext(watcher)
    print(json.dumps(endpoints), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
OWN = ObjectType.OWN_SUBSCRIBER, NumberSign.OWN


def phone(number: int) -> str:
    return f"2{number:04}"


def statistical(number: int) -> AddObject:
    return AddObject(number, *OWN, phone(number), None, Category.STATISTICAL, None, Priority.NORMAL)


def put(number: int) -> AddObject:
    return AddObject(number, *OWN, phone(number), None, Category.COMBINED, 1, Priority.NORMAL)


def remove(number: int) -> RemoveObject:
    return RemoveObject(number, *OWN, phone(number), None)


class Expected:
    """What the console knows of the tables: sure of what was confirmed, unsure of the last command."""

    def __init__(self) -> None:
        self.objects: set[int] = set()
        self.lines: set[Ksl] = set()
        self.unsure: set[int | Ksl] = set()

    def next_command(self, moves: random.Random) -> tuple[Message, int | Ksl]:
        """A command that is to succeed, about nothing that a command which is not answered yet touches."""
        known = self.lines | self.unsure
        free = [Ksl(0, ksl) for ksl in range(2, 29) if Ksl(0, ksl) not in known]
        there = sorted(self.objects - self.unsure)
        choice = moves.random()
        if choice < 0.2 and free:
            ksl = moves.choice(free)
            return AddKsl(1, GroupType.COMBINED, ksl, ksl), ksl
        if choice < 0.5 and there:
            number = moves.choice(there)
            return remove(number), number
        number = moves.choice([n for n in range(60) if n not in self.objects | self.unsure])
        return put(number), number

    def confirmed(self, command: Message) -> None:
        match command:
            case AddKsl(ksl_a=Ksl() as ksl):
                self.lines.add(ksl)
                self.unsure.discard(ksl)
            case AddObject(object_number=int(number)):
                self.objects.add(number)
                self.unsure.discard(number)
            case RemoveObject(object_number=int(number)):
                self.objects.discard(number)
                self.unsure.discard(number)

    async def some_answers(self, console: Console, sent: list[Message], moves: random.Random) -> int:
        """Wait for the 27h of one of the commands; returns how many have been confirmed by then."""
        executed = received = 0
        until = moves.randint(1, len(sent))
        while received < until:
            message = await console.next()
            received += isinstance(message, CommandReceived)
            if isinstance(message, CommandExecuted):
                assert message.status == 0
                self.confirmed(sent[executed])
                executed += 1
        return executed

    def unanswered(self, moves: random.Random) -> Message:
        """A command that is sent and not waited for."""
        command, touched = self.next_command(moves)
        self.unsure.add(touched)
        return command

    def found(self, objects: set[int], lines: set[Ksl]) -> int:
        """Compare with what is there; returns how many of the unanswered commands were carried out."""
        assert objects ^ self.objects <= self.unsure
        assert lines ^ self.lines <= self.unsure
        done = len(objects ^ self.objects) + len(lines ^ self.lines)
        self.objects, self.lines, self.unsure = objects, lines, set()
        return done


@asynccontextmanager
async def gateway_process(
    folder: Path, found: Counter[str] | None = None
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Console]]:
    """A gateway of its own process, and a console at it; with ``found`` under the load of calls."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", GATEWAY, str(folder), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        endpoints = json.loads(await asyncio.wait_for(process.stdout.readline(), 120))
        console = await Console.connect(endpoints["kpd1"])
        if found is None:
            yield process, console
        else:
            async with load(endpoints, found):
                yield process, console
        console.close()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def load(endpoints: dict[str, str], found: Counter[str]) -> AsyncIterator[None]:
    """Calls of objects, two reports each, as fast as they are answered, and a console that reads their events."""
    host, _, port = endpoints["radius"].rpartition(":")
    reporter = Reporter((host, int(port)), "2testing123")
    console = await Console.connect(endpoints["kpd2"], Channel.KPD2)
    await reporter.start()

    async def call() -> None:
        while True:
            found["calls"] += 1
            for stop in (False, True):
                reporter.send(report(found["calls"], stop=stop))
            await reporter.drain()

    async def read() -> None:
        while True:
            found["events"] += isinstance(await console.next(), CallEvent)

    tasks = [asyncio.create_task(each) for each in (call(), read())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for over in await asyncio.gather(*tasks, return_exceptions=True):
            # The gateway is gone, or the load is.
            assert isinstance(over, asyncio.CancelledError | ConnectionError | TimeoutError), over
        reporter.close()
        console.close()


def report(number: int, *, stop: bool) -> CallReport:
    """A call of every object; the gateway reports those that are under control."""
    now = time.time()
    party = Party(digits="20001", ni="private")
    matches = tuple(Match(object_number=n, role="b", called=party, time=now) for n in range(0, 60, 3))
    return CallReport(
        call_id=f"call-{number}", domain="d", sequence=1 + stop, time=now, connection=0x1C, calling=party,
        called=party, setup_time=now, matches=matches,
        release_time=now if stop else None, release_cause=4 if stop else None,
    )  # fmt: skip


async def execute(console: Console, command: Message) -> int:
    """The status of 28h, or of 27h when that refuses."""
    console.send(command)
    received = (await console.until(CommandReceived, command=command.code))[-1]
    if received.status:
        return int(received.status)
    return int((await console.until(CommandExecuted, command=command.code))[-1].status)


async def tables(console: Console) -> tuple[set[int], set[Ksl]]:
    """Objects and lines as the gateway tells its console."""
    console.send(GetObjects(None, None, None, None, None))
    answer = await console.until(CommandExecuted, command=GetObjects.code)
    objects = {m.object_number for m in answer if isinstance(m, ObjectInfo) and m.object_number is not None}
    console.send(GetKsl(None, None, None, None))
    answer = await console.until(CommandExecuted, command=GetKsl.code)
    rows = [row for m in answer if isinstance(m, KslInfo) for row in m.rows]
    return objects, {row.ksl_a for row in rows if row.ksl_group == 1 and row.ksl_a != Ksl(0, 1)}


async def test_what_was_confirmed_outlives_kill_9_at_any_moment(tmp_path: Path) -> None:
    seed = random.randrange(2**32)  # noqa: S311
    print(f"seed {seed}")
    moves = random.Random(seed)  # noqa: S311
    expected, found, began = Expected(), Counter[str](), time.monotonic()
    async with small_switch() as (_, server, where):
        (tmp_path / "lab.json").write_text(
            json.dumps(lab_file(tmp_path, server, where, options={"after_restart": "restore"}))
        )
        async with gateway_process(tmp_path) as (process, console):
            assert await execute(console, Start()) == 0
            assert await execute(console, AddKsl(1, GroupType.COMBINED, Ksl(0, 1), Ksl(0, 1))) == 0
            process.send_signal(signal.SIGKILL)
        for _ in range(KILLS):
            async with gateway_process(tmp_path, found) as (process, console):
                found["unsure, done"] += expected.found(*await tables(console))
                for _ in range(moves.randrange(12)):
                    command, _ = expected.next_command(moves)
                    assert await execute(console, command) == 0
                    expected.confirmed(command)
                    found["confirmed"] += 1
                last = [expected.unanswered(moves) for _ in range(moves.randrange(5))]
                console.send(*last)
                if last and moves.random() < 0.7:
                    found["confirmed"] += await expected.some_answers(console, last, moves)
                found["unsure"] += len(expected.unsure)
                process.send_signal(signal.SIGKILL)
                found["kills"] += 1
        async with gateway_process(tmp_path) as (_, console):
            expected.found(*await tables(console))
    reader = JournalReader(tmp_path / "journal.db")
    verified = reader.verify()
    reader.close()
    assert verified.findings == []
    assert found["calls"]
    figures = ", ".join(f"{found[name]} {name}" for name in sorted(found))
    print(
        f"{figures}; none lost; {verified.count} entries of the journal verified; {time.monotonic() - began:.0f} s"
    )


async def test_after_kill_9_the_console_finds_the_initial_state(tmp_path: Path) -> None:
    """Order 268, 9.2.3 and 9.2.4: 22h, stopped, empty; and the switch holds none of the objects."""
    async with small_switch() as (switch, server, where):
        (tmp_path / "lab.json").write_text(json.dumps(lab_file(tmp_path, server, where)))
        async with gateway_process(tmp_path) as (process, console):
            assert await execute(console, Start()) == 0
            assert await execute(console, statistical(7)) == 0
            assert len(switch.objects) == 1
            process.send_signal(signal.SIGKILL)
        async with gateway_process(tmp_path) as (_, console):
            assert isinstance(await console.next(), Restart)
            assert await execute(console, GetObjects(None, None, None, None, None)) == 0x17
            assert not switch.objects
            assert await execute(console, Start()) == 0
            assert await tables(console) == (set(), set())
