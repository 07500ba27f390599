"""A tenant's dump in each of its four forms, and what is told of a bad one: place, table, column."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import tempfile
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorm_mediator.fuzz.growth import MOST, growth
from sorm_mediator.vpbx import readers
from sorm_mediator.vpbx import rows as rows_of_a_dump
from sorm_mediator.vpbx.importing import Imported, imported
from sorm_mediator.vpbx.mysql import read_mysql
from sorm_mediator.vpbx.readers import SQLITE, read_dump
from sorm_mediator.vpbx.rows import DumpError
from sorm_mediator.vpbx.schema import TABLES
from tests.vpbx.tenants import TENANT, tenant


def read(path: Path) -> Imported:
    return imported(read_dump(path), path.name)


def literal(value: Any) -> str:
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def as_sql(tables: dict[str, Any]) -> str:
    """INSERTs as mysqldump --complete-insert writes them, a row each."""
    written = []
    for table, rows in tables.items():
        for row in rows:
            names, values = ", ".join(f"`{name}`" for name in row), ", ".join(map(literal, row.values()))
            written.append(f"INSERT INTO `{table}` ({names}) VALUES ({values});")  # noqa: S608 - a dump
    return "\n".join(written)


def in_form(form: str, folder: Path) -> Path:
    """The tenant of the tests written in this form."""
    if form == "sql":
        path = folder / "dump.sql"
        path.write_text(as_sql(TENANT), encoding="utf-8")
    elif form == "json":
        path = folder / "dump.json"
        path.write_text(json.dumps(TENANT, ensure_ascii=False, indent=1), encoding="utf-8")
    elif form == "phpmyadmin":
        path = folder / "dump.json"
        tables = [
            {"type": "table", "name": name, "database": "d", "data": rows} for name, rows in TENANT.items()
        ]
        path.write_text(json.dumps([{"type": "header", "version": "5"}, *tables]), encoding="utf-8")
    elif form == "sqlite":
        path = folder / "dump.db"
        database = sqlite3.connect(path)
        for name, rows in TENANT.items():
            columns = list(dict.fromkeys(column for row in rows for column in row))
            database.execute(f"CREATE TABLE {name} ({', '.join(columns)})")
            for row in rows:
                places = ", ".join("?" for _ in columns)
                values = [row.get(one) for one in columns]
                database.execute(f"INSERT INTO {name} VALUES ({places})", values)  # noqa: S608 - our tables
        database.commit()
        database.close()
    else:
        path = folder
        for name, rows in TENANT.items():
            columns = list(dict.fromkeys(column for row in rows for column in row))
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                written = csv.DictWriter(file, columns, restval="\\N")
                written.writeheader()
                written.writerows(rows)
    return path


@pytest.mark.parametrize("form", ["sql", "json", "phpmyadmin", "sqlite", "csv"])
def test_the_same_tenant_from_each_form(form: str, tmp_path: Path) -> None:
    found = read(in_form(form, tmp_path))

    assert found.tenant == tenant()
    assert found.rows["directions"] == 6


def test_every_table_of_the_manual_is_known() -> None:
    assert len([name for name in TABLES if name != "incoming_routes"]) == 28
    assert {name for name, table in TABLES.items() if table.editable} == {
        "dial_numbers",
        "directions",
        "options",
        "phonebook",
        "sip_trunks",
        "incoming_routes",
    }


def test_the_spellings_of_the_manual(tmp_path: Path) -> None:
    path = tmp_path / "dump.sql"
    path.write_text(
        as_sql({"dial_numbers": [{"ID": 1, "number": "+7(495)2216005", "Comment": ""}]})
        + "\nINSERT INTO sip_trunks (id, Name, enabled, dial_number_id, Username, Type, Secret, Dissalow, Tcpenable, "
        "Calllimit, Sip_registration) VALUES (1, 'Sip74952345678', 'no', 1, '74952345678', 'friend', 'sdfsddf^$#$', "
        "'all', 'yes', '', 'yes');",
        encoding="utf-8",
    )
    (trunk,) = read(path).tenant.sip_trunks

    assert (trunk.name, trunk.enabled, trunk.username, trunk.type) == (
        "Sip74952345678",
        False,
        "74952345678",
        "friend",
    )
    assert (trunk.tcpenable, trunk.sip_registration, trunk.calllimit) == (True, True, 1000)
    assert trunk.secret.get_secret_value() == "sdfsddf^$#$"


GOOD = as_sql({"dial_numbers": TENANT["dial_numbers"], "sip_trunks": TENANT["sip_trunks"]})


@pytest.mark.parametrize(
    ("added", "told"),
    [
        (
            "INSERT INTO sip_trunk VALUES (1);",
            "dump.sql:5:13: 'sip_trunk' is no table of a tenant; there are:",
        ),
        (
            "INSERT INTO sip_trunks (id, enabld) VALUES (3, 1);",
            "dump.sql:5:29: sip_trunks: there is no column 'enabld'; there are:",
        ),
        (
            "INSERT INTO sip_trunks (id, enabled) VALUES (3, 'maybe');",
            "dump.sql:5:49: sip_trunks.enabled: 'maybe' is not allowed: yes or no",
        ),
        (
            "INSERT INTO sip_trunks (id, secret, type) VALUES\n (3, 'top', 'pier');",
            "dump.sql:6:13: sip_trunks.type: 'pier' is not allowed: 'peer', 'friend' or 'user'",
        ),
        (
            "INSERT INTO sip_trunks (id, name) VALUES (3, 'a'), (4);",
            "dump.sql:5:52: sip_trunks: the row has 1 values, and the table has 2 columns",
        ),
        (
            "INSERT INTO sip_trunks (id, name) VALUES (3, now());",
            "dump.sql:5:46: sip_trunks.name: a value is expected here, not 'now'",
        ),
        (
            "INSERT INTO sip_trunks (id, name) VALUES (3, 'cut",
            "dump.sql:5:46: the ' here is never closed; is the dump cut off?",
        ),
        (
            "INSERT INTO sip_trunks VALUES (3);",
            "dump.sql:5:13: sip_trunks: its columns are not told: dump it with",
        ),
        (
            "INSERT INTO sip_trunks (id, name, dial_number_id) VALUES (3, 'a', 9);",
            "dump.sql:5:67: sip_trunks.dial_number_id: 9 is no id of dial_numbers; there are: 1, 2",
        ),
        (
            "INSERT INTO directions (id, direction, sip_trunk_id, dial_number_id) VALUES (1, 'regional', 7, 1);",
            "dump.sql:5:93: directions.sip_trunk_id: 7 is no id of sip_trunks; there are: 1, 2",
        ),
        (
            "INSERT INTO directions (id, direction, sip_trunk_id, dial_number_id) VALUES (1, 'other', 1, 1);",
            "dump.sql:5:77: directions.pattern: is missing; the direction other needs one, such as _082XXXXX",
        ),
        (
            "INSERT INTO directions (id, direction, pattern, sip_trunk_id, dial_number_id)"
            " VALUES (1, 'other', '_8[', 1, 1);",
            "dump.sql:5:99: directions.pattern: '_8[': the [ at character 3 is never closed",
        ),
        ("INSERT INTO users (id) VALUES (1);", "dump.sql:5:31: users.number: is missing"),
    ],
)
def test_a_bad_dump_says_line_column_table_and_column(added: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "dump.sql"
    path.write_text(f"{GOOD}\n{added}", encoding="utf-8")

    with pytest.raises(DumpError) as raised:
        read(path)
    assert str(raised.value).replace(f"{tmp_path}/", "").startswith(told)


def test_all_mistakes_are_told_at_once_and_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "dump.json"
    path.write_text(
        json.dumps(
            {"sip_trunks": [{"id": 0, "calllimit": 0, "secret": "hush"}, {"id": 2, "nat": "hm"}]}, indent=1
        )
    )

    with pytest.raises(DumpError) as raised:
        read(path)
    lines = str(raised.value).replace(f"{tmp_path}/", "").split("\n")
    assert [line.split(": ")[:2] for line in lines] == [
        ["dump.json:4:10", "sip_trunks.id"],
        ["dump.json:5:17", "sip_trunks.calllimit"],
        ["dump.json:10:11", "sip_trunks.nat"],
    ]
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.json", '{"users": [{"id": 1,}]}', "a.json:1:21: a name in"),
        ("a.json", '{"users": 5}', "a.json:1:11: [ is expected here, not '5'"),
        ("a.json", '{"users": [{"id": tru}]}', "a.json:1:19: is not JSON: Expecting value"),
        (
            "users.csv",
            "id,number\n1,101\n2\n",
            "users.csv:3: users: the row has 1 values, and the header 2 columns",
        ),
        ("users.csv", "", "users.csv: users: is empty"),
        ("a.db", "SQLite format 3\0rubbish", "a.db: is a damaged SQLite file"),
        ("a.sql", "", "a.sql: has no row of a table that a tenant is made of"),
        ("a.json", '{"users": [{"id": %s}]}' % ("9" * 5000), "a.json:1:19: users.id: '99"),
        ("a.json", '{"users": [{"id": 1e999}]}', "a.json:1:19: users.id: '1e999' is not allowed"),
        ("a.json", '{"users": [{"id": ' + "[" * 100_000, "a.json:1:19: is nested too deeply"),
        (
            "a.json",
            '{"users": [{"id": 1, "number": "1", "name": "\\ud800"}]}',
            "a.json:1:45: users.name: is no UTF-8",
        ),
        ("a.sql", "INSERT INTO users (id, name) VALUES (1, 'it''", "a.sql:1:41: the ' here is never closed"),
    ],
)
def test_a_damaged_file_of_each_form(name: str, content: str, told: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)

    with pytest.raises(DumpError) as raised:
        read(tmp_path / name)
    assert str(raised.value).replace(f"{tmp_path}/", "").startswith(told)


def test_what_is_not_there_or_in_another_coding(tmp_path: Path) -> None:
    row = "INSERT INTO dial_numbers (id, number, comment) VALUES (1, '1', 'номер');"
    (tmp_path / "dump.sql").write_bytes(row.encode("cp1251"))

    for path, told in (
        (tmp_path / "none.sql", "there is no such file"),
        (tmp_path / "dump.sql", ":1:64: dial_numbers.comment: is no UTF-8, perhaps CP1251"),
    ):
        with pytest.raises(DumpError, match=told):
            read(path)


def test_half_a_pair_of_json_is_a_password_like_any_other_octets(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"users": [{"id": 1, "number": "1", "password": "\\ud800a\\udcff"}]}')
    assert read(path).tenant.users[0].password.get_secret_value() == "eda08061ff"


def test_what_has_no_end_is_not_read(tmp_path: Path) -> None:
    for number, name in enumerate(("users.csv", "queues.csv")):
        folder = tmp_path / str(number)
        folder.mkdir()
        if number:
            (folder / name).symlink_to("/dev/zero")
        else:
            os.mkfifo(folder / name)
        for path in (folder, folder / name):
            with pytest.raises(DumpError, match=rf"{folder / name}: is no regular file"):
                read(path)


def test_the_files_of_a_folder_are_no_larger_than_one_dump_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "MOST_OCTETS", 1 << 20)
    for name in ("call_stats.csv", "user_stats.csv"):
        (tmp_path / name).write_text("id,name\n" + "1,1\n" * (150 << 10))
    with pytest.raises(DumpError, match=r"user_stats\.csv: the dump has over 1 MB"):
        read(tmp_path)


@pytest.mark.parametrize("form", ["sql", "json", "csv", "sqlite"])
def test_rows_of_service_tables_are_counted_and_others_are_so_many_at_most(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_of_a_dump, "MOST_ROWS", 3)
    monkeypatch.setitem(TENANT, "call_stats", [{"id": 1}] * 100)
    with pytest.raises(DumpError, match="the tables of a tenant have over 3 rows; leave some out"):
        read(in_form(form, tmp_path))
    monkeypatch.setattr(rows_of_a_dump, "MOST_ROWS", 100)
    found = read_dump(in_form(form, Path(tempfile.mkdtemp(dir=tmp_path))))
    assert (found.passed_over["call_stats"], len(found.rows) < 100) == (100, True)


def test_a_value_that_an_sqlite_file_computes_is_no_larger_than_a_value_may_be(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "a.db")
    database.execute("CREATE TABLE users (id, number, name AS (hex(zeroblob(400000000))))")
    database.execute("INSERT INTO users VALUES (1, '1')")
    database.commit()
    database.close()
    with pytest.raises(DumpError, match="is a damaged SQLite file: string or blob too big"):
        read(tmp_path / "a.db")


INTO = "INSERT INTO users (id) VALUES "
LONG = {
    "a text": lambda size: f"{INTO}('{'a' * size}');",
    "a text without an end": lambda size: f"{INTO}('{'a' * size}",
    "quotation marks": lambda size: INTO + '("' + '""' * size,
    "escapes": lambda size: f"{INTO}('" + "\\'" * size,
    "a name without an end": lambda size: "INSERT INTO `" + "``a" * size,
    "comments": lambda size: "/*/**/" * size,
    "values": lambda size: INTO + "(1)," * (size // 10),
}


@pytest.mark.parametrize("name", LONG)
def test_a_dump_takes_time_in_proportion_to_its_length(name: str) -> None:
    def reading(text: str) -> None:
        with suppress(DumpError):
            read_mysql(text, "dump.sql", TABLES)

    assert growth(LONG[name], reading, 20_000) < MOST


def test_a_long_text_takes_no_more_memory_than_a_few_times_its_length() -> None:
    for end in ("", "');"):
        text = f"{INTO}('{'a' * 2_000_000}{end}"
        tracemalloc.start()
        try:
            with suppress(DumpError):
                read_mysql(text, "dump.sql", TABLES)
            assert tracemalloc.get_traced_memory()[1] < 10 * len(text)
        finally:
            tracemalloc.stop()


def test_service_tables_are_passed_over_and_columns_without_use_are_told(tmp_path: Path) -> None:
    path = tmp_path / "dump.sql"
    path.write_text(
        as_sql(TENANT)
        + "\nINSERT INTO ast_cdr_adaptive (anything, src) VALUES (1, '101');"
        + "\nINSERT INTO users (id, number, haircut) VALUES (9, '109', 'short');",
        encoding="utf-8",
    )
    found = read(path)

    assert found.rows["ast_cdr_adaptive"] == 1
    (note,) = (one for one in found.notes if "passed over" in one)
    assert "users: column 'haircut' is passed over" in note


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=30)


@given(comments=st.lists(TEXTS, min_size=1, max_size=4))
def test_any_text_survives_the_literals_of_sql(comments: list[str]) -> None:
    rows = [{"id": number, "number": "1", "comment": text} for number, text in enumerate(comments, 1)]

    dump = read_mysql(as_sql({"dial_numbers": rows}), "dump.sql", TABLES)

    assert [row.cells["comment"].value for row in dump.rows] == comments


@pytest.mark.parametrize("name", ["a.json", "users.csv", "a.sql", "a.db"])
@given(data=st.data())
def test_any_octets_are_read_or_refused_in_each_form(name: str, data: st.DataObject) -> None:
    begins = {"a.json": b'{"users":[{"id":', "users.csv": b"id,number\n", "a.sql": b"", "a.db": SQLITE}[name]
    octets = data.draw(
        st.binary(max_size=60) | st.text('{}[]",:\\ud8019eE.-ntf', max_size=60).map(str.encode)
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(begins + octets)
        with suppress(DumpError):
            read(path)


@given(octets=st.text("INSERT TO`users'\"();,-/*!\\ \n0x1VALUES#", max_size=80))
def test_any_text_is_read_or_refused(octets: str) -> None:
    with suppress(DumpError):
        read_mysql(octets, "dump.sql", TABLES)
