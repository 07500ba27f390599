"""Tables and journal on a disk that is really full: a small file system, or the kernel's limit of a file's size."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol import Alarm, CommandExecuted, GetVersion, Message, Restart, SetPassword, Start
from sorm_mediator.config import parse
from sorm_mediator.journal.book import JournalReader
from sorm_mediator.mediator.binding import gateway as gateway_module
from tests.mediator.gateway_harness import (
    Console,
    lab_file,
    running,
    small_switch,
    switch_up,
)
from tests.mediator.test_gateway_kill import execute, gateway_process, statistical, tables

RESTORE = {"after_restart": "restore"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 500 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=500k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Use up what room there is, to the last octet."""
    filler = folder / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return filler


async def alarms(console: Console, *commands: Message) -> tuple[list[int], int]:
    """Give a command; the types of the 21h on the way, and the status of 28h."""
    console.send(*commands)
    seen = await console.until(CommandExecuted)
    return [each.alarm_type for each in seen if isinstance(each, Alarm)], seen[-1].status  # type: ignore[attr-defined]


async def test_a_full_file_system_refuses_and_room_is_found_again(small_disk: Path) -> None:
    """State and journal on one small file system: nothing is confirmed that is not there after the restart."""
    async with small_switch() as (switch, server, where):
        lab = parse(lab_file(small_disk, server, where, options=RESTORE), directory=small_disk)
        async with running(lab) as (gateway, endpoints):
            await switch_up(gateway)
            console = await Console.connect(endpoints["kpd1"])
            await console.do(Start(), statistical(1))
            filler = fill(small_disk)
            assert await alarms(console, statistical(2)) == ([2], 1)
            assert await alarms(console, statistical(2)) == ([], 1)
            assert set(switch.objects) == {1}, "the switch is put back"
            assert await alarms(console, GetVersion()) == ([], 0)
            assert await tables(console) == ({1}, set())
            assert any("disk is full" in line for line in gateway.warnings()), gateway.warnings()
            assert gateway.status().serving
            filler.unlink()
            assert await alarms(console, statistical(2)) == ([3], 0)
            assert gateway.warnings() == []
            console.close()
        async with running(lab) as (gateway, endpoints):
            console = await Console.connect(endpoints["kpd1"])
            assert await tables(console) == ({1, 2}, set())
            console.close()
    journal = JournalReader(small_disk / "journal.db")
    assert journal.verify().findings == []
    written = list(journal.entries())
    journal.close()
    executed = [entry.fields["status"] for entry in written if entry.kind == "executed"]
    assert executed.count(1) == 2, "what was done while the disk was full is in the journal, too"
    assert [entry.fields["works"] for entry in written if entry.kind == "disk"] == [False, True]


@pytest.mark.parametrize("pragma", ["max_page_count={pages}", "query_only=1"], ids=["full", "read-only"])
async def test_a_journal_that_can_not_be_written_refuses_changes_until_it_has_caught_up(
    tmp_path: Path, pragma: str
) -> None:
    """SQLite's own limits of a database: it says that the disk is full, or the file read-only."""
    async with small_switch() as (_, server, where):
        lab = parse(lab_file(tmp_path, server, where, options=RESTORE), directory=tmp_path)
        async with running(lab) as (gateway, endpoints):
            await switch_up(gateway)
            console = await Console.connect(endpoints["kpd1"])
            await console.do(Start())
            assert gateway.journal is not None
            execute = gateway.journal._connection.exec_driver_sql
            pages = execute("PRAGMA page_count").scalar_one()
            execute("PRAGMA " + pragma.format(pages=pages))
            await until_refused(console)
            assert await alarms(console, SetPassword("111111")) == ([], 1)
            assert await alarms(console, GetVersion()) == ([], 0)
            execute(f"PRAGMA max_page_count={2**30}")
            execute("PRAGMA query_only=0")
            assert await alarms(console, SetPassword("123456")) == ([3], 0)
            console.close()
    journal = JournalReader(tmp_path / "journal.db")
    assert journal.verify().findings == []
    executed = [entry.fields["status"] for entry in journal.entries() if entry.kind == "executed"]
    journal.close()
    assert executed.count(1) == 2, "the two that were refused"


async def until_refused(console: Console) -> None:
    """Change something until the journal has used up its last page. Then 21h/02h comes, at the change or before it."""
    raised: list[int] = []
    for _ in range(100):
        told, status = await alarms(console, SetPassword("123456"))
        raised += told
        if status:
            assert raised == [2]
            return
    raise AssertionError("the journal has room without end")


async def test_a_killed_gateway_that_had_no_room_has_what_it_confirmed(tmp_path: Path) -> None:
    async with small_switch() as (switch, server, where):
        document = lab_file(tmp_path, server, where, options=RESTORE)
        (tmp_path / "lab.json").write_text(json.dumps(document))
        async with gateway_process(tmp_path) as (process, console):
            assert await execute(console, Start()) == 0
            confirmed = set[int]()
            size = (tmp_path / "state.db-wal").stat().st_size
            _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size + 3 * 4096, hard))
            for number in range(20):
                status = await execute(console, statistical(number))
                assert status in (0, 1)
                if status == 0:
                    confirmed.add(number)
            assert 0 < len(confirmed) < 20
            assert set(switch.objects) == confirmed
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (hard, hard))
            assert await execute(console, statistical(30)) == 0
            process.send_signal(signal.SIGKILL)
        async with gateway_process(tmp_path) as (_, console):
            assert isinstance(await console.next(), Restart)
            assert (await tables(console))[0] == confirmed | {30}
    journal = JournalReader(tmp_path / "journal.db")
    assert journal.verify().findings == []
    journal.close()


async def test_entries_that_wait_are_bounded_and_those_left_out_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway_module, "MOST_UNWRITTEN", 6)
    async with small_switch() as (_, server, where):
        lab = parse(lab_file(tmp_path, server, where), directory=tmp_path)
        async with running(lab) as (gateway, endpoints):
            await switch_up(gateway)
            console = await Console.connect(endpoints["kpd1"])
            await console.do(Start())
            assert gateway.journal is not None
            execute_sql = gateway.journal._connection.exec_driver_sql
            execute_sql("PRAGMA query_only=1")
            for _ in range(10):
                assert (await alarms(console, GetVersion()))[1] == 0
            assert len(gateway._unwritten) == 6
            left_out = gateway.counters["journal_left_out"]
            assert left_out > 10
            execute_sql("PRAGMA query_only=0")
            assert await alarms(console, SetPassword("123456")) == ([3], 0)
            console.close()
    journal = JournalReader(tmp_path / "journal.db")
    assert journal.verify().findings == []
    told = [entry.fields["entries"] for entry in journal.entries() if entry.kind == "left-out"]
    journal.close()
    assert sum(told) >= left_out
