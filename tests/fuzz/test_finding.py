"""A finding is written so that it can be tried again by every tool that reads octets."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from protocol import Message
from sorm_mediator.capture.reader import read_bytes
from sorm_mediator.capture.units import Found, decode_events
from sorm_mediator.fuzz.finding import (
    KINDS,
    PASSES_WHERE_ANSWERED,
    Finding,
    FindingError,
    Kind,
    Step,
    known,
    read,
    scenario,
    smallest,
    write,
)
from sorm_mediator.replay.session import ReplaySettings, run_scripts

START = bytes.fromhex("CC010100313233343536")
CUT = bytes.fromhex("CC01050231323334353600")
FINDING = Finding(
    target="codec",
    check="strict",
    kind=Kind.UNDECLARED_ERROR,
    place="KeyError in protocol/wire.py:1 read",
    summary="KeyError: 'x'",
    seed=7,
    steps=(Step("kpd1", START), Step("radius", b"\x04\x01", 0.5), Step("kpd2", CUT, 1.0, received=True)),
    command=("sorm-mediator", "fuzz", "--seed", "7"),
    options={"order": "268"},
    trace="Traceback\n  line",
)


def test_every_kind_is_explained() -> None:
    assert set(KINDS) == set(Kind)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    folder = write(tmp_path, FINDING)
    assert read(folder) == FINDING
    assert [*known(tmp_path)] == [FINDING]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_a_smaller_input_of_the_same_fault_takes_its_place(tmp_path: Path) -> None:
    write(tmp_path, FINDING)
    write(tmp_path, replace(FINDING, steps=FINDING.steps[:1], summary="another value"))
    [again] = known(tmp_path)
    assert len(again.steps) == 1
    assert not [*tmp_path.glob("*/step-*")]


def test_the_smallest_of_each_fault_counts() -> None:
    other = replace(FINDING, kind=Kind.HANG)
    small = replace(FINDING, steps=FINDING.steps[:1])
    assert smallest([FINDING, other, small]) == [small, other]


def test_the_octets_are_hex_that_decode_reads(tmp_path: Path) -> None:
    folder = write(tmp_path, FINDING)
    octets = (folder / "input.hex").read_bytes()
    first, *_ = [item for item in decode_events(read_bytes(octets)) if isinstance(item, Found)]
    assert first.raw == START
    assert (folder / "step-2.bin").read_bytes() == b"\x04\x01"


def test_the_capture_has_what_crossed(tmp_path: Path) -> None:
    folder = write(tmp_path, FINDING)
    found = [
        item
        for item in decode_events(read_bytes((folder / "input.pcapng").read_bytes()))
        if isinstance(item, Found)
    ]
    assert [item.raw for item in found if isinstance(item.message, Message)] == [START]


def test_the_scenario_runs_against_a_lab(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path, FINDING)
    assert yaml.safe_load(scenario(FINDING))["steps"][0] == {"raw": START.hex(" ").upper()}
    head = scenario(FINDING).partition("\nname: ")[0].splitlines()
    assert head[-2:] == [f"# {shlex.join(FINDING.command)}".rstrip(), f"# {PASSES_WHERE_ANSWERED}"]
    assert run_scripts(ReplaySettings(scripts=(folder / "scenario.yaml",), quiet=True)) == 0, (
        capsys.readouterr()
    )


@pytest.mark.parametrize("spoiled", ["", "{", "[]", '{"target": "codec"}', "[" * 100_000])
def test_a_document_that_is_none_is_told(spoiled: str, tmp_path: Path) -> None:
    path = tmp_path / "finding.json"
    path.write_text(spoiled)
    with pytest.raises(FindingError, match=r"finding\.json"):
        read(path)


def test_a_document_with_another_kind_is_told(tmp_path: Path) -> None:
    path = tmp_path / "finding.json"
    path.write_text(json.dumps({**FINDING.document(), "kind": "other"}))
    with pytest.raises(FindingError, match="'other'"):
        read(path)


@pytest.mark.parametrize(
    ("finding", "why"),
    [
        (replace(FINDING, steps=FINDING.steps[2:]), "no octets that a mediator decodes"),
        (replace(FINDING, options={"order": "268", "object_byte_order": "big"}), "object_byte_order=big"),
    ],
)
def test_there_is_no_scenario_that_would_pass_with_the_fault(
    finding: Finding, why: str, tmp_path: Path
) -> None:
    folder = write(tmp_path, finding)
    assert not (folder / "scenario.yaml").exists()
    assert (folder / "input.hex").is_file()
    assert why in json.loads((folder / "finding.json").read_text())["no_scenario"]
    assert json.loads((write(tmp_path, FINDING) / "finding.json").read_text())["no_scenario"] == ""
