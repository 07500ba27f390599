"""Call detail records: files of each domain, in the modes of its licence, and nothing of objects in them.

Source: docs/cdr.md; ECSS-10 manual, Licence limits (CDR generation modes); order 268, rule 6.
"""

from __future__ import annotations

import csv
import logging
import re
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from sorm_mediator import config
from sorm_mediator.errors import BoxError
from sorm_mediator.switch.box import SwitchBox
from sorm_mediator.switch.calls.call import Call, CallRequest, ServiceRequest
from sorm_mediator.switch.calls.engine import Engine
from sorm_mediator.switch.cdr import CdrFiles, fields_of, licensed_modes, record
from tests.switch.conftest import START, Switch, obj

BOTH = ["basic", "sorm3"]
SUBSCRIBERS = [{"number": "101"}, {"number": "102", "services": {"cfu": "103"}}, {"number": "103"}]
TRUNKS = [{"number": 1, "name": "city"}]


def document(
    tmp_path: Path, *, cdr: list[str], licensed: str | None = "basic, sorm3", **switch: Any
) -> config.Config:
    domain = {"name": "one", "cdr": cdr, "subscribers": SUBSCRIBERS, "trunks": TRUNKS}
    licence = {"limits": {"cdr": licensed}} if licensed is not None else {}
    table = {"ssh_port": 0, "domains": [domain], "licence": licence, **switch}
    return config.parse({"switch": table}, directory=tmp_path)


def engine(tmp_path: Path) -> Switch:
    switch = document(tmp_path, cdr=BOTH).switch
    assert switch is not None
    return Switch(Engine(switch), domain="one")


def row(call: Call, mode: str) -> dict[str, str]:
    return record(call, call.legs[-1], mode)


def files(tmp_path: Path) -> dict[str, list[dict[str, str]]]:
    """Mode -> the rows of its only file."""
    found = sorted((tmp_path / "cdr" / "one").glob("*/*.csv"))
    return {path.parent.name: list(csv.DictReader(path.open(encoding="utf-8"))) for path in found}


def test_the_basic_record_of_a_call(tmp_path: Path) -> None:
    switch = engine(tmp_path)
    call = switch.call("999", "101", origin="trunk:city", ring=1.0, talk=2.5)
    switch.run()

    assert row(call, "basic") == {
        "call": call.id,
        "domain": "one",
        "calling": "999",
        "dialled": "101",
        "called": "101",
        "trunk_in": "city",
        "trunk_out": "",
        "started": "2023-11-14T22:13:20.000Z",
        "answered": "2023-11-14T22:13:21.000Z",
        "released": "2023-11-14T22:13:23.500Z",
        "duration": "2.500",
        "cause": "05",
    }


def test_sorm3_has_the_numbers_that_sorm_is_shown_besides(tmp_path: Path) -> None:
    switch = engine(tmp_path)
    hold = {"service": "hold", "at": 1.5}
    call = switch.call("101", "102", hold, ring=1.0, talk=1.0)
    switch.run()

    found = row(call, "sorm3")

    assert found.items() >= row(call, "basic").items()
    assert (found["dialled"], found["called"], found["forwarded_by"]) == ("102", "103", "102")
    assert (found["calling_sorm"], found["calling_ni"], found["called_sorm"]) == ("101", "private", "103")
    assert (found["connection"], found["services"]) == ("1C", "21/04 42/04")


def test_a_call_that_nobody_answers_has_no_duration(tmp_path: Path) -> None:
    switch = engine(tmp_path)
    call = switch.call("101", "103", outcome="no-answer")
    switch.run()

    found = row(call, "basic")
    assert (found["answered"], found["duration"], found["cause"]) == ("", "0.000", "04")


def test_a_record_is_the_same_with_an_object_and_without(tmp_path: Path) -> None:
    rows = []
    for objects in ([], [obj(1, "101"), obj(2, "103"), obj(3, 1)]):
        switch = engine(tmp_path)
        switch.control(*objects)
        calls = [
            switch.call("101", "102", {"service": "hold", "at": 0.1}),
            switch.call("999", "101", origin="trunk:city", outcome="busy"),
        ]
        switch.run()
        assert bool(switch.reports) is bool(objects)
        rows.append([record(call, leg, mode) for call in calls for leg in call.legs for mode in BOTH])

    assert rows[0] == rows[1]


def test_no_field_is_about_objects() -> None:
    assert not [one.name for one in fields_of("sorm3") if re.search("object|match|control|touch", one.name)]


async def make_calls(parsed: config.Config) -> SwitchBox:
    box = SwitchBox(parsed)
    await box.start()
    try:
        for b in ("103", "102"):
            services = (ServiceRequest(service="hold"),)
            call = box.place_call("one", CallRequest(a="101", b=b, ring=0.0, talk=60.0, services=services))
            box.hang_up(call.id)
    finally:
        await box.stop()
    return box


async def test_each_mode_has_a_file_that_its_owner_alone_reads(tmp_path: Path) -> None:
    box = await make_calls(document(tmp_path, cdr=BOTH))

    found = files(tmp_path)
    assert {mode: [one["called"] for one in rows] for mode, rows in found.items()} == {
        "basic": ["103", "103"],
        "sorm3": ["103", "103"],
    }
    assert box.counters["call records"] == 4
    for path in (tmp_path / "cdr" / "one").glob("*/*.csv"):
        assert re.fullmatch(r"\d{8}\.csv", path.name)
        assert path.stat().st_mode & 0o077 == 0


async def test_a_file_is_continued_after_a_restart(tmp_path: Path) -> None:
    for _ in range(2):
        await make_calls(document(tmp_path, cdr=["basic"]))

    (rows,) = files(tmp_path).values()
    assert [one["cause"] for one in rows] == ["05"] * 4, "one line of names at the top"


async def test_a_mode_that_is_not_licensed_is_not_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        box = await make_calls(document(tmp_path, cdr=BOTH, licensed=None))

    assert list(files(tmp_path)) == ["basic"], "as in the factory licence"
    assert box.counters["call records without a licence"] == 2
    assert "licence 1 has no CDR generation mode sorm3, which domain one has: none is written" in caplog.text


async def test_without_a_folder_the_records_are_told_and_in_no_file(tmp_path: Path) -> None:
    box = await make_calls(document(tmp_path, cdr=BOTH, licensed="sorm3", cdr_directory=""))

    told = [
        [(leg.domain.name, mode) for leg, mode in box.call_records(one)] for one in box.engine.calls.values()
    ]
    assert told == [[("one", "sorm3")]] * 2, "as the licence allows"
    assert not files(tmp_path)
    assert "call records" not in box.counters


async def test_a_domain_without_the_key_writes_none(tmp_path: Path) -> None:
    await make_calls(document(tmp_path, cdr=[]))

    assert not (tmp_path / "cdr").exists()


async def test_a_folder_that_can_not_be_made_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")

    with pytest.raises(BoxError, match=r"switch\.cdr_directory: .*taken: can't be written"):
        await make_calls(document(tmp_path, cdr=["basic"], cdr_directory="taken"))


async def test_a_full_disk_costs_records_and_neither_calls_nor_the_stop(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "cdr" / "one" / "basic"
    folder.mkdir(parents=True)
    today = datetime.now(UTC).date()
    for day in (today, today + timedelta(days=1)):
        (folder / f"{day:%Y%m%d}.csv").symlink_to("/dev/full")

    box = await make_calls(document(tmp_path, cdr=["basic"]))

    assert (box.counters["call records lost"], box.outcomes["05h"]) == (2, 2)
    assert caplog.text.count("a call record of one is lost: [Errno 28] No space left on device") == 1


def test_half_a_record_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Nearly(FileIO):
        def write(self, octets: Any) -> int:
            return super().write(bytes(octets)[:-5])

    switch, written = engine(tmp_path), CdrFiles(tmp_path / "cdr")
    call = switch.call("101", "103")
    switch.run()
    monkeypatch.setattr("sorm_mediator.switch.cdr.FileIO", Nearly)
    with pytest.raises(OSError, match="No space left on device"):
        written.write(call, call.legs[0], "basic")
    written.close()
    monkeypatch.undo()
    written.write(call, call.legs[0], "basic")
    written.close()

    (rows,) = files(tmp_path).values()
    assert [one["call"] for one in rows] == [call.id]


async def test_a_switch_whose_disk_is_full_to_the_end_stops_as_it_should(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "cdr" / "one" / "basic"
    folder.mkdir(parents=True)
    for day in (0, 1):
        name = datetime.fromtimestamp(time.time() + day * 86_400, UTC).strftime("%Y%m%d.csv")
        (folder / name).symlink_to("/dev/full")

    box = await make_calls(document(tmp_path, cdr=["basic"]))

    assert (box.counters["call records lost"], box.outcomes["05h"]) == (2, 2)
    assert caplog.text.count("a call record of one is lost: [Errno 28] No space left on device") == 1
    assert box.ended


def test_a_new_day_begins_with_a_record_also_after_a_full_disk(tmp_path: Path) -> None:
    switch, written = engine(tmp_path), CdrFiles(tmp_path / "cdr")
    written.prepare({"one": ("basic",)})
    (tmp_path / "cdr" / "one" / "basic" / "20231114.csv").symlink_to("/dev/full")
    for now in (START, START + 86_400, START + 86_400):
        switch.now = now
        call = switch.call("101", "103")
        switch.run()
        with suppress(OSError):
            written.write(call, call.legs[0], "basic")
    written.close()

    rows = csv.DictReader((tmp_path / "cdr" / "one" / "basic" / "20231115.csv").open(encoding="utf-8"))
    assert [one["called"] for one in rows] == ["103", "103"]


def test_half_of_a_record_at_the_end_of_a_file_spoils_no_other(tmp_path: Path) -> None:
    switch = engine(tmp_path)
    call = switch.call("101", "103")
    switch.run()
    for _ in range(2):
        written = CdrFiles(tmp_path / "cdr")
        written.write(call, call.legs[0], "basic")
        written.close()
        (path,) = (tmp_path / "cdr").rglob("*.csv")
        path.write_bytes(path.read_bytes()[:-20])

    rows = path.read_text().splitlines()
    assert len(rows) == 3
    assert rows[1] == rows[2]


def test_a_new_day_has_a_new_file(tmp_path: Path) -> None:
    switch, written = engine(tmp_path), CdrFiles(tmp_path / "cdr")
    for now in (START, START + 86_400):
        switch.now = now
        call = switch.call("101", "103")
        switch.run()
        written.write(call, call.legs[0], "basic")
    written.close()

    assert sorted(path.name for path in (tmp_path / "cdr").rglob("*.csv")) == ["20231114.csv", "20231115.csv"]


@pytest.mark.parametrize(
    ("row", "modes"), [("basic", {"basic"}), ("basic, sorm3", {"basic", "sorm3"}), ("", set())]
)
def test_the_modes_of_a_licence(row: str, modes: set[str]) -> None:
    assert licensed_modes(row) == modes
