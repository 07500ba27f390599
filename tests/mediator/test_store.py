"""The tables on disk: what was applied is there, and what is damaged is said to be."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.codes import Category, GroupType, NumberSign, ObjectType, Priority
from protocol.values import Ksl
from sorm_mediator.mediator.binding.store import SCHEMA, StoreError, TableStore
from sorm_mediator.mediator.core.tables import (
    Change,
    ControlledObject,
    DamageReported,
    GroupLineAdded,
    GroupLineRemoved,
    Line,
    ObjectPut,
    ObjectRemoved,
    PasswordChanged,
    Started,
    StartNumber,
    Stopped,
    Tables,
)

PAIR = Line(Ksl(1, 3), Ksl(1, 4))
SINGLE = Line(Ksl(0, 1), None)


def subscriber(number: int, category: Category = Category.COMBINED) -> ControlledObject:
    return ControlledObject(
        object_number=number,
        object_type=ObjectType.OWN_SUBSCRIBER,
        number_sign=NumberSign.OWN,
        number=f"2{number:04}",
        trunk=None,
        category=category,
        ksl_group=1,
        priority=Priority.NORMAL,
    )


TRUNK = ControlledObject(
    object_number=5,
    object_type=ObjectType.TRUNK,
    number_sign=None,
    number=None,
    trunk=2,
    category=Category.STATISTICAL,
    ksl_group=None,
    priority=None,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


def stored(path: Path, *changes: Change, now: float = 1_700_000_000.0) -> Tables:
    """Open, apply to both the file and the tables, close; the tables as they were in memory."""
    store = TableStore(path, password="123456")
    tables = store.load(now=now)
    for change in changes:
        store.apply(change)
        tables.apply(change)
    store.close()
    return tables


def spoil(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


def test_every_change_is_there_after_reopening(path: Path) -> None:
    before = stored(
        path,
        StartNumber(9),
        Started(1),
        PasswordChanged("654321"),
        GroupLineAdded(1, GroupType.COMBINED, SINGLE),
        GroupLineAdded(2, GroupType.SEPARATE, PAIR),
        ObjectPut(subscriber(1)),
        ObjectPut(subscriber(258)),
        ObjectPut(TRUNK),
        ObjectPut(subscriber(1, Category.SEPARATE)),
        ObjectRemoved(258),
        GroupLineRemoved(2, PAIR),
    )
    after = stored(path)
    assert after == before
    assert after.started
    assert after.password == "654321"
    assert set(after.objects) == {1, 5}
    assert after.groups[2].lines == []


def test_stop_forgets_what_it_is_to_forget(path: Path) -> None:
    groups = GroupLineAdded(1, GroupType.COMBINED, SINGLE)
    kept = stored(path, Started(1), groups, ObjectPut(subscriber(1)), Stopped(False, None))
    assert stored(path) == kept
    assert set(kept.groups) == {1}
    cleared = stored(path, PasswordChanged("654321"), Stopped(True, "123456"))
    assert stored(path) == cleared
    assert cleared.groups == {}
    assert cleared.password == "123456"


def test_the_configured_password_holds_until_command_3(path: Path) -> None:
    stored(path, Started(1))
    store = TableStore(path, password="999999")
    assert store.load(now=0.0).password == "999999"
    store.close()


def test_files_are_for_their_owner_only(path: Path) -> None:
    store = TableStore(path, password="123456")
    store.load(now=0.0)
    store.apply(PasswordChanged("654321"))
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
    store.close()


def test_memory_keeps_nothing() -> None:
    store = TableStore(None, password="123456")
    store.load(now=0.0)
    store.apply(ObjectPut(subscriber(1)))
    store.close()
    assert TableStore(None, password="123456").load(now=0.0) == Tables(password="123456")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE objects SET number = '20002'",
        "UPDATE objects SET category = 'everything'",
        "UPDATE objects SET crc = 'x'",
        "UPDATE meta SET value = '0'",
        "DELETE FROM groups",
        "DROP TABLE objects",
    ],
)
def test_a_changed_row_is_damage_and_is_not_forgotten_before_the_console_heard_of_it(
    path: Path, statement: str
) -> None:
    stored(path, Started(1), GroupLineAdded(1, GroupType.COMBINED, SINGLE), ObjectPut(subscriber(1)))
    spoil(path, statement)
    tables = stored(path)
    assert tables == Tables(damaged=True)
    assert (path.parent / "state.db.damaged-20231114T221320Z").is_file()
    assert stored(path).damaged
    stored(path, DamageReported())
    assert not stored(path).damaged


def test_a_file_that_is_no_database_is_damage(path: Path) -> None:
    path.write_bytes(os.urandom(20_000))
    store = TableStore(path, password="123456")
    assert store.load(now=1_700_000_000.0) == Tables(damaged=True)
    assert "moved aside to state.db.damaged-20231114T221320Z" in store.damage
    store.close()


def test_a_second_damage_in_the_same_second_has_a_name_of_its_own(path: Path) -> None:
    for _ in range(2):
        path.write_bytes(os.urandom(20_000))
        stored(path)
    assert len(list(path.parent.glob("state.db.damaged-*"))) == 2


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_no_damage_of_the_file_escapes_as_another_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damage") / "state.db"
    before = stored(path, Started(1), *(ObjectPut(subscriber(number)) for number in range(40)))
    octets = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 30))):
        octets[data.draw(st.integers(0, len(octets) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(octets)
    try:
        after = stored(path)
    except StoreError:
        return  # a version or a format that is not ours: said, and left alone
    assert after == before or after == Tables(damaged=True)


def test_one_gateway_at_a_time(path: Path) -> None:
    store = TableStore(path, password="123456")
    store.load(now=0.0)
    with pytest.raises(StoreError, match="another gateway has these tables open"):
        TableStore(path, password="123456").load(now=0.0)
    store.close()
    stored(path)


def test_tables_of_a_newer_program_are_left_alone(path: Path) -> None:
    stored(path, ObjectPut(subscriber(1)))
    spoil(path, f"PRAGMA user_version={SCHEMA + 1}")
    with pytest.raises(StoreError, match="newer version"):
        stored(path)
    spoil(path, f"PRAGMA user_version={SCHEMA}")
    assert set(stored(path).objects) == {1}


def test_a_place_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nowhere"):
        TableStore(tmp_path / "nowhere" / "state.db", password="123456").load(now=0.0)
    with pytest.raises(StoreError, match="can't be opened"):
        TableStore(tmp_path, password="123456").load(now=0.0)


WRITER = """
import sys
from pathlib import Path
from tests.mediator.test_store import subscriber
from sorm_mediator.mediator.binding.store import TableStore
from sorm_mediator.mediator.core.tables import ObjectPut
store = TableStore(Path(sys.argv[1]), password="123456")
store.load(now=0.0)
for number in range(65535):
    store.apply(ObjectPut(subscriber(number)))
    print(number, flush=True)
"""


@pytest.mark.parametrize("changes", [1, 3, 50, 400])
def test_a_killed_process_loses_nothing_that_was_applied(path: Path, changes: int) -> None:
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for _ in range(changes):
        confirmed = int(process.stdout.readline())
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    tables = stored(path)
    assert not tables.damaged
    assert set(range(confirmed + 1)) <= set(tables.objects)


def test_a_named_pipe_in_place_of_the_tables_is_an_error_and_no_wait(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(StoreError, match="can't be opened"):
        TableStore(path, password="123456").load(now=0.0)


def test_several_problems_of_a_file_are_damage_as_one_is(path: Path) -> None:
    stored(path, *(ObjectPut(subscriber(number)) for number in range(300)))
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    content = bytearray(path.read_bytes())
    for leaf in range(4, len(content) // page):
        content[leaf * page + 8 : leaf * page + 40] = b"\xff" * 32
    path.write_bytes(content)

    store = TableStore(path, password="123456")
    tables = store.load(now=1_700_000_000.0)
    store.close()
    assert (tables.damaged, tables.objects) == (True, {})
    assert "moved aside to state.db.damaged-" in store.damage
    assert "\n" not in store.damage


@pytest.mark.parametrize("seed", range(60))
def test_whatever_octets_are_changed_it_starts(path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same octets every time
    stored(path, *(ObjectPut(subscriber(number)) for number in range(200)))
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = bytearray(path.read_bytes())
    for _ in range(chance.choice((1, 10, 200))):
        # Not the four octets of the schema's version: what a newer program wrote is another refusal.
        at = chance.choice([*range(60), *range(64, len(content), 7)])
        content[at] = chance.randrange(256)
    path.write_bytes(content)

    store = TableStore(path, password="123456")
    tables = store.load(now=1_700_000_000.0)
    store.close()
    assert tables.damaged == bool(store.damage)
    assert "\n" not in store.damage
