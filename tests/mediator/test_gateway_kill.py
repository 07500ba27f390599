"""kill -9 of a running gateway, at random moments: what was confirmed is there afterwards."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from protocol import (
    AddKsl,
    AddObject,
    Category,
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
from sorm_mediator.journal.book import JournalReader
from tests.mediator.gateway_harness import Console, lab_file, small_switch

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
        free = [Ksl(0, ksl) for ksl in range(2, 29) if Ksl(0, ksl) not in self.lines]
        choice = moves.random()
        if choice < 0.2 and free:
            ksl = moves.choice(free)
            return AddKsl(1, GroupType.COMBINED, ksl, ksl), ksl
        if choice < 0.5 and self.objects:
            number = moves.choice(sorted(self.objects))
            return remove(number), number
        number = moves.choice([n for n in range(60) if n not in self.objects])
        return put(number), number

    def confirmed(self, command: Message) -> None:
        match command:
            case AddKsl(ksl_a=Ksl() as ksl):
                self.lines.add(ksl)
            case AddObject(object_number=int(number)):
                self.objects.add(number)
            case RemoveObject(object_number=int(number)):
                self.objects.discard(number)

    def found(self, objects: set[int], lines: set[Ksl]) -> None:
        assert objects ^ self.objects <= self.unsure
        assert lines ^ self.lines <= self.unsure
        self.objects, self.lines, self.unsure = objects, lines, set()


@asynccontextmanager
async def gateway_process(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, Console]]:
    """A gateway of its own process, and a console at it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", GATEWAY, str(folder), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 30)
        console = await Console.connect(json.loads(line)["kpd1"])
        yield process, console
        console.close()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


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
    expected = Expected()
    async with small_switch() as (_, server, where):
        (tmp_path / "lab.json").write_text(
            json.dumps(lab_file(tmp_path, server, where, options={"after_restart": "restore"}))
        )
        async with gateway_process(tmp_path) as (process, console):
            assert await execute(console, Start()) == 0
            assert await execute(console, AddKsl(1, GroupType.COMBINED, Ksl(0, 1), Ksl(0, 1))) == 0
            process.send_signal(signal.SIGKILL)
        for _ in range(5):
            async with gateway_process(tmp_path) as (process, console):
                expected.found(*await tables(console))
                for _ in range(moves.randrange(12)):
                    command, _ = expected.next_command(moves)
                    assert await execute(console, command) == 0
                    expected.confirmed(command)
                if moves.random() < 0.7:
                    command, touched = expected.next_command(moves)
                    expected.unsure.add(touched)
                    console.send(command)
                    if moves.random() < 0.5:
                        await console.until(CommandReceived, command=command.code)
                process.send_signal(signal.SIGKILL)
        async with gateway_process(tmp_path) as (_, console):
            expected.found(*await tables(console))
    reader = JournalReader(tmp_path / "journal.db")
    assert reader.verify().findings == []
    reader.close()


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
