from __future__ import annotations

import csv
import io
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from sorm_mediator.cli.journal import export, verify
from sorm_mediator.config import ConfigError
from sorm_mediator.errors import BoxError
from sorm_mediator.journal.book import Journal

app = typer.Typer()
app.command()(verify)
app.command()(export)
runner = CliRunner()


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    book = Journal(path, now=1_700_000_000.0)
    book.append(1_700_000_000.0, "gateway-started", {"orm_number": 1})
    book.append(
        1_700_000_001.0,
        "command",
        {"peer": "127.0.0.1:5", "command": 1, "unit": "CC 01", "name": "старт", "stream": 0},
    )
    book.append(1_700_000_002.0, "command", {"peer": "=1+1", "command": 2, "unit": "CC 02"})
    book.close()
    return path


def edit(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TRIGGER entries_no_update")
        connection.execute("UPDATE entries SET body = replace(body, 'CC 01', 'CC 0F') WHERE seq = 2")
    connection.close()


def test_verify_of_a_whole_journal_is_0(journal: Path) -> None:
    result = runner.invoke(app, ["verify", "--file", str(journal)])
    assert result.exit_code == 0
    assert "intact; 3 entries" in result.stdout


def test_verify_of_an_edited_journal_is_1_and_names_the_entry(journal: Path) -> None:
    edit(journal)
    result = runner.invoke(app, ["verify", "--file", str(journal)])
    assert result.exit_code == 1
    assert result.stdout.startswith("entry 2: was edited")


def test_verify_json_is_one_document(journal: Path) -> None:
    edit(journal)
    result = runner.invoke(app, ["verify", "--file", str(journal), "--json"])
    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert document["intact"] is False
    assert document["entries"] == 3
    assert [(f["seq"], f["fault"]) for f in document["findings"]] == [(2, "edited")]


def test_verify_with_a_noted_head(journal: Path) -> None:
    head = json.loads(runner.invoke(app, ["verify", "--file", str(journal), "--json"]).stdout)["head"]["hash"]
    assert runner.invoke(app, ["verify", "--file", str(journal), "--head", head]).exit_code == 0
    result = runner.invoke(app, ["verify", "--file", str(journal), "--head", "0" * 64])
    assert result.exit_code == 1
    assert "noted head" in result.stdout


def test_the_lab_file_names_the_journal_relative_to_itself(journal: Path) -> None:
    lab = journal.parent / "lab.toml"
    lab.write_text('[mediator]\njournal = "journal.db"\n')
    assert runner.invoke(app, ["verify", "-c", str(lab)]).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["verify"], "one of them"),
        (["verify", "--file", "/nowhere/journal.db"], "there is no journal"),
        (["export", "--file", "JOURNAL", "--format", "xml"], "--format: 'xml' is not allowed: jsonl, csv"),
        (["export", "--file", "JOURNAL", "--since", "noon"], "--since: 'noon' is not a time"),
    ],
)
def test_wrong_usage_is_one_clear_error(journal: Path, arguments: list[str], says: str) -> None:
    result = runner.invoke(app, [str(journal) if word == "JOURNAL" else word for word in arguments])
    assert isinstance(result.exception, BoxError)
    assert says in str(result.exception)


def test_an_output_in_no_folder_is_an_error(journal: Path) -> None:
    result = runner.invoke(app, ["export", "--file", str(journal), "-o", "/nowhere/out"])
    assert result.exit_code == 2
    assert result.stderr == "sorm-mediator: -o: /nowhere/out: its folder does not exist\n"


def test_a_file_that_is_no_journal_is_an_error(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    other.write_text("something else" * 100)
    result = runner.invoke(app, ["verify", "--file", str(other)])
    assert isinstance(result.exception, BoxError)
    assert "can't be read as a journal" in str(result.exception)


def test_a_lab_file_without_journal_is_an_error(tmp_path: Path) -> None:
    lab = tmp_path / "lab.toml"
    lab.write_text('[mediator]\njournal = ""\n')
    assert "no journal is kept" in str(runner.invoke(app, ["verify", "-c", str(lab)]).exception)
    result = runner.invoke(app, ["verify", "-c", str(tmp_path / "none.toml")])
    assert isinstance(result.exception, ConfigError)


def test_export_as_json_lines(journal: Path) -> None:
    result = runner.invoke(app, ["export", "--file", str(journal), "--kind", "command"])
    documents = [json.loads(line) for line in result.stdout.splitlines()]
    assert [document["seq"] for document in documents] == [2, 3]
    assert documents[0]["time"] == "2023-11-14T22:13:21.000000+00:00"
    assert documents[0]["fields"]["name"] == "старт"


def test_export_as_csv_to_a_file_by_time(journal: Path) -> None:
    target = journal.parent / "out.csv"
    arguments = ["export", "--file", str(journal), "--format", "csv", "-o", str(target)]
    result = runner.invoke(
        app, [*arguments, "--since", "2023-11-14T22:13:21", "--until", "2023-11-14T22:13:22Z"]
    )
    assert result.exit_code == 0
    (row,) = csv.DictReader(io.StringIO(target.read_text()))
    assert (row["seq"], row["peer"], row["command"], row["unit"]) == ("2", "127.0.0.1:5", "1", "CC 01")
    assert (row["name"], row["status"], json.loads(row["other"])) == ("старт", "", {"stream": 0})


def test_what_a_peer_made_us_write_is_no_formula_in_a_spreadsheet(journal: Path) -> None:
    result = runner.invoke(app, ["export", "--file", str(journal), "--format", "csv"])
    assert [row["peer"] for row in csv.DictReader(io.StringIO(result.stdout))] == ["", "127.0.0.1:5", "'=1+1"]


def test_help_loads_no_database_library() -> None:
    code = "import sys; import sorm_mediator.cli.journal; print('sqlalchemy' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"


def test_a_kind_that_no_entry_has_is_told_with_those_that_there_are(journal: Path) -> None:
    result = runner.invoke(app, ["export", "--file", str(journal), "--kind", "commnd"])
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == (
        "--kind: no entry has the kind 'commnd'; did you mean command? there are: command, gateway-started\n"
    )
    result = runner.invoke(app, ["export", "--file", str(journal), "--kind", "command"])
    assert result.stderr == ""
    assert len(result.stdout.splitlines()) == 2
