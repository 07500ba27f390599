"""The journal on disk: what survives, what is found, and what opening a tampered one does."""

from __future__ import annotations

import io
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from sorm_mediator.journal.book import (
    WRITERS,
    Entry,
    Journal,
    JournalError,
    JournalReader,
    Query,
    head_path,
    read_head,
    write_head,
)
from sorm_mediator.journal.chain import GENESIS, Head
from sorm_mediator.journal.quota import StrangersQuota


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def written(path: Path, count: int, start: float = 100.0) -> Head:
    journal = Journal(path, now=start)
    for number in range(count):
        journal.append(start + number, "command" if number % 2 else "connection", {"number": number})
    journal.close()
    return journal.head


def tamper(path: Path, *statements: str) -> None:
    with sqlite3.connect(path) as connection:
        for action in ("update", "delete"):
            connection.execute(f"DROP TRIGGER entries_no_{action}")
        for statement in statements:
            connection.execute(statement)
    connection.close()


def findings(path: Path, noted: str | None = None) -> list[tuple[int | None, str]]:
    reader = JournalReader(path)
    try:
        return [(finding.seq, finding.fault) for finding in reader.verify(noted).findings]
    finally:
        reader.close()


def test_what_is_written_is_whole_and_sealed(path: Path) -> None:
    head = written(path, 20)
    assert findings(path) == []
    assert read_head(path) == head
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(head_path(path).stat().st_mode) == 0o600


def test_a_journal_goes_on_where_it_stopped(path: Path) -> None:
    written(path, 3)
    head = written(path, 4)
    assert head.seq == 7
    assert findings(path) == []


def test_an_edited_row_is_found(path: Path) -> None:
    written(path, 5)
    tamper(path, "UPDATE entries SET body = replace(body, '\"number\":2', '\"number\":8') WHERE seq = 3")
    assert findings(path) == [(3, "edited")]


def test_a_row_edited_to_what_is_no_text_is_found(path: Path) -> None:
    written(path, 5)
    tamper(path, "UPDATE entries SET body = CAST(x'ff7b' AS TEXT) WHERE seq = 3")
    assert findings(path) == [(3, "edited")]


def test_a_removed_row_is_found(path: Path) -> None:
    written(path, 5)
    tamper(path, "DELETE FROM entries WHERE seq = 2")
    assert findings(path) == [(2, "removed")]


def test_exchanged_rows_are_found(path: Path) -> None:
    written(path, 5)
    tamper(
        path,
        "UPDATE entries SET seq = 99 WHERE seq = 2",
        "UPDATE entries SET seq = 2 WHERE seq = 4",
        "UPDATE entries SET seq = 4 WHERE seq = 99",
    )
    assert findings(path) == [(2, "reordered"), (4, "reordered")]


def test_a_cut_end_is_found(path: Path) -> None:
    written(path, 5)
    tamper(path, "DELETE FROM entries WHERE seq > 3")
    assert findings(path) == [(4, "truncated")]


def test_a_cut_end_with_the_seal_rewritten_is_found_by_the_noted_head(path: Path) -> None:
    noted = written(path, 5).hash
    tamper(path, "DELETE FROM entries WHERE seq > 3")
    with sqlite3.connect(path) as connection:
        (digest,) = connection.execute("SELECT hash FROM entries WHERE seq = 3").fetchone()
    connection.close()
    write_head(path, Head(3, digest))
    assert findings(path) == []
    assert findings(path, noted) == [(None, "head")]


def test_a_missing_seal_is_found(path: Path) -> None:
    written(path, 5)
    head_path(path).unlink()
    assert findings(path) == [(None, "unsealed")]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM entries WHERE seq > 3",
        "DELETE FROM entries",
        "UPDATE entries SET hash = 'x' WHERE seq = 5",
    ],
)
def test_going_on_does_not_hide_that_the_end_was_changed(path: Path, statement: str) -> None:
    written(path, 5)
    tamper(path, statement)
    written(path, 2)
    assert "damaged" in {fault for _, fault in findings(path)}


def test_going_on_without_the_seal_does_not_hide_it(path: Path) -> None:
    written(path, 5)
    head_path(path).unlink()
    written(path, 1)
    assert findings(path) == [(6, "damaged")]


def test_going_on_after_the_whole_journal_was_removed_does_not_hide_it(path: Path) -> None:
    written(path, 5)
    path.unlink()
    written(path, 1)
    assert findings(path) == [(1, "damaged")]


def test_a_damaged_file_is_moved_aside_and_a_new_one_says_so(path: Path) -> None:
    written(path, 5)
    path.write_bytes(b"no database at all, but long enough to be read as the header of one" * 100)
    written(path, 1, start=1_700_000_000.0)
    assert findings(path) == [(1, "damaged")]
    assert (path.parent / "journal.db.damaged-20231114T221320Z").is_file()


@pytest.mark.parametrize("octets", [b"\0" * 100, b"\xff" * 12, b"\x0d\0\0\0\x01"])
def test_whatever_page_is_damaged_the_box_goes_on(octets: bytes, path: Path) -> None:
    written(path, 40)
    whole = path.read_bytes()
    for page in range(4096, len(whole), 4096):
        path.write_bytes(whole[:page] + octets + whole[page + len(octets) :])
        written(path, 1)
        path.unlink()


def test_a_seal_left_behind_by_a_crash_is_neither_a_finding_nor_noted(path: Path) -> None:
    written(path, 5)
    with sqlite3.connect(path) as connection:
        (digest,) = connection.execute("SELECT hash FROM entries WHERE seq = 2").fetchone()
    connection.close()
    write_head(path, Head(2, digest))
    assert findings(path) == []
    written(path, 1)
    assert findings(path) == []


def test_a_new_journal_is_sealed_before_its_first_entry(path: Path) -> None:
    journal = Journal(path, now=0.0)
    assert read_head(path) == Head(0, GENESIS)
    journal.close()
    assert findings(path) == []


def test_rows_cannot_be_changed_by_mistake(path: Path) -> None:
    written(path, 2)
    connection = sqlite3.connect(path)
    for statement in ("DELETE FROM entries", "UPDATE entries SET hash = ''"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    connection.close()


def test_one_journal_has_one_writer(path: Path) -> None:
    journal = Journal(path, now=0.0)
    with pytest.raises(JournalError, match="another process writes"):
        Journal(path, now=0.0)
    journal.close()


def newest(path: Path, limit: int) -> list[Entry]:
    with closing(JournalReader(path)) as reader:
        return reader.latest(limit)


def test_it_is_read_while_it_is_written(path: Path) -> None:
    journal = Journal(path, now=0.0)
    journal.append(1.0, "start", {})
    assert findings(path) == []
    assert [entry.kind for entry in newest(path, 10)] == ["start"]
    journal.close()


def test_a_directory_in_its_place_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="can't be opened as a journal"):
        Journal(tmp_path, now=0.0)
    with pytest.raises(JournalError, match="there is no journal"):
        JournalReader(tmp_path / "none.db")


def test_text_that_utf_8_cannot_say_does_not_stop_the_journal(path: Path) -> None:
    journal = Journal(path, now=0.0)
    journal.append(1.0, "switch-down", {"reason": "причина \ud800"})
    assert newest(path, 1)[0].fields == {"reason": "причина ?"}
    journal.close()
    assert findings(path) == []


def test_entries_are_chosen_by_time_and_kind(path: Path) -> None:
    written(path, 10, start=100.0)
    reader = JournalReader(path)
    query = Query(since=102.0, until=107.0, kinds=("command",))
    assert [entry.time for entry in reader.entries(query)] == [103.0, 105.0]
    assert reader.count(query) == 2
    assert reader.count() == 10
    reader.close()


WRITER = """
import sys
from contextlib import closing
from pathlib import Path
from sorm_mediator.journal.book import Journal
journal = Journal(Path(sys.argv[1]), now=0.0)
for number in range(1_000_000):
    print(journal.append(float(number), "command", {"number": number}).seq, flush=True)
"""


@pytest.mark.parametrize("entries", [1, 2, 40, 300])
def test_a_killed_writer_loses_nothing_it_confirmed_and_is_no_tampering(path: Path, entries: int) -> None:
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for _ in range(entries):
        confirmed = int(process.stdout.readline())
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert findings(path) == []
    reader = JournalReader(path)
    assert reader.count() >= confirmed
    reader.close()
    written(path, 1)
    assert findings(path) == []


@pytest.mark.parametrize("text", ["[" * 100_000, '{"seq":' + "9" * 5000 + ',"hash":"x"}', "[1]", ""])
def test_a_head_that_is_none_stops_neither_verifying_nor_the_box(path: Path, text: str) -> None:
    written(path, 3)
    head_path(path).write_text(text)
    assert findings(path) == [(None, "unsealed")]
    written(path, 1)
    assert findings(path) == [(4, "damaged")]


@pytest.mark.parametrize("number", ["'x'", "NULL", "1e300", "X'00'", "9223372036854775807"])
def test_a_table_made_anew_with_other_numbers_is_moved_aside(path: Path, number: str) -> None:
    written(path, 3)
    whole = "INTEGER PRIMARY KEY" if number.startswith("9") else ""
    tamper(
        path,
        "DROP TABLE entries",
        f"CREATE TABLE entries (seq {whole}, body TEXT, previous TEXT, hash TEXT)",
        f"INSERT INTO entries VALUES ({number}, '{{}}', '', '')",  # noqa: S608
    )
    reader = JournalReader(path)
    assert any(finding.fault in ("inserted", "removed") for finding in reader.verify().findings)
    reader.close()
    journal = Journal(path, now=1000.0)
    assert journal.head.seq == 1
    assert "moved aside to journal.db.damaged-" in newest(path, 1)[0].fields["text"]
    journal.close()


def test_a_table_with_other_columns_is_moved_aside(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE entries (number INTEGER PRIMARY KEY)")
    connection.close()
    journal = Journal(path, now=1000.0)
    assert newest(path, 1)[0].kind == "journal-damaged"
    journal.close()


@pytest.mark.parametrize("time", ["1e999", "NaN", "-1", "1e18", "null", '"' + "9" * 5000 + '"', "9" * 5000])
@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_an_export_of_a_time_that_is_none_names_the_entry(path: Path, time: str, form: str) -> None:
    written(path, 2)
    tamper(
        path,
        f"""UPDATE entries SET body = '{{"time":{time},"kind":"k","fields":{{}},"seq":2}}' WHERE seq = 2""",  # noqa: S608
    )
    assert_names_the_entry(path, form)


@pytest.mark.parametrize("body", ["[]", "[" * 5000, '{"time":1,"kind":"\\ud800","fields":{}}'])
def test_an_export_of_a_body_that_is_none_names_the_entry(path: Path, body: str) -> None:
    written(path, 2)
    tamper(path, f"UPDATE entries SET body = '{body}' WHERE seq = 2")  # noqa: S608
    assert_names_the_entry(path, "jsonl")


def assert_names_the_entry(path: Path, form: str) -> None:
    reader = JournalReader(path)
    with pytest.raises(JournalError, match="entry 2: is not what this program writes") as refused:
        WRITERS[form](reader.entries(), io.StringIO())
    reader.close()
    assert len(str(refused.value).splitlines()) == 1


# --- How much strangers may make the journal grow.


def test_a_minutes_worth_at_once_and_as_many_in_each_minute_after_that() -> None:
    quota = StrangersQuota(60)
    assert sum(quota.admits(100.0) for _ in range(1000)) == 60
    assert sum(quota.admits(100.0 + tenth / 10) for tenth in range(600)) == 59
    assert quota.take_left_out() == 940 + 541
    assert quota.take_left_out() == 0


def test_a_quiet_hour_gives_no_more_than_a_minutes_worth() -> None:
    quota = StrangersQuota(60)
    assert quota.admits(0.0)
    assert sum(quota.admits(3600.0) for _ in range(1000)) == 60


def test_zero_is_no_bound() -> None:
    quota = StrangersQuota(0)
    assert all(quota.admits(0.0) for _ in range(1000))
    assert quota.take_left_out() == 0
