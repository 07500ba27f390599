"""``fuzz`` as its users call it."""

from __future__ import annotations

import importlib.util
import json
import runpy
import shlex
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from protocol import Codec, Message
from sorm_mediator.cli.fuzzing import fuzz
from sorm_mediator.fuzz import units

HARNESS = Path(__file__).parents[2] / "contrib" / "atheris_codec.py"

app = typer.Typer()
app.command()(fuzz)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(units, "_OTHER_OPTIONS", 0)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def plant(monkeypatch: pytest.MonkeyPatch) -> Any:
    decode = Codec.decode

    def decodes(self: Codec, unit: bytes) -> Message:
        if len(unit) > 30:
            raise KeyError(unit[30])
        return decode(self, unit)

    monkeypatch.setattr(Codec, "decode", decodes)
    return lambda: monkeypatch.setattr(Codec, "decode", decode)


def test_a_fault_is_found_written_told_and_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    mend = plant(monkeypatch)
    first = run("--units", "700", "--seed", "1", "--junit", "fuzz.xml", "--json")
    assert first.exit_code == 1
    document = json.loads(first.stdout)
    [finding] = document["findings"]
    assert (finding["kind"], finding["size"]) == ("undeclared-error", 31)
    has_scenario = (Path(finding["folder"]) / "scenario.yaml").is_file()
    assert has_scenario != bool(finding["no_scenario"])
    assert not has_scenario or finding["steps"][0]["direction"] == "sent"

    report = ET.parse("fuzz.xml").getroot()  # noqa: S314 - of our own
    failed = [case.get("name") for case in report.iter("testcase") if case.find("failure") is not None]
    assert failed == ["strict"]
    assert report.get("skipped") == "0"

    again = run("--again", finding["folder"])
    assert again.exit_code == 1
    assert "KeyError" in again.stdout
    assert "what was found is in" not in again.stdout  # the folder may be anywhere, and stays as it is
    assert run("--units", "1", "--seed", "2").exit_code == 1  # known ones are tried first

    mend()
    assert run("--again", finding["folder"]).exit_code == 0
    gone = run("--units", "20", "--seed", "2", "--lang", "ru")
    assert gone.exit_code == 0
    assert finding["folder"] in gone.stdout


def test_a_finding_keeps_its_seed_and_has_the_command_that_repeats_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mend = plant(monkeypatch)
    [finding] = json.loads(run("--units", "700", "--seed", "1", "--json").stdout)["findings"]
    document = Path(finding["folder"]) / "finding.json"
    written = document.read_bytes()
    program, command, *words = shlex.split(finding["command"])
    assert (program, command) == ("sorm-mediator", "fuzz")
    assert words == ["--target", "codec", "--again", finding["folder"]]
    assert finding["reduced"]

    [later] = json.loads(run("--units", "1", "--seed", "2", "--json").stdout)["findings"]
    assert later == finding
    [again] = json.loads(run(*words, "--json").stdout)["findings"]
    assert again == finding
    assert document.read_bytes() == written

    elsewhere = document.parent.rename("moved")
    [moved] = json.loads(run("--again", str(elsewhere), "--json").stdout)["findings"]
    assert moved["command"] == "sorm-mediator fuzz --target codec --again moved"
    assert not document.exists()
    mend()
    assert run(*words[:-1], "moved").exit_code == 0


def test_a_fault_that_does_not_show_by_itself_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    decode = Codec.decode
    calls = iter(range(10**9))

    def decodes(self: Codec, unit: bytes) -> Message:
        if next(calls) == 50:
            raise KeyError("once")
        return decode(self, unit)

    monkeypatch.setattr(Codec, "decode", decodes)
    [finding] = json.loads(run("--units", "60", "--seed", "1", "--no-corpus", "--json").stdout)["findings"]
    assert finding["reduced"] is False
    assert finding["size"] == finding["size_found"]
    assert finding["command"].startswith("sorm-mediator fuzz --target codec --seed 1 --no-corpus --units ")


def test_an_octet_that_is_encoded_otherwise_is_named() -> None:
    told = units._differs(bytes.fromhex("CC0041"), bytes.fromhex("CC0141"))
    assert told == "octet 1 was 00h and became 01h: encodes to CC 01 41"
    assert units._differs(b"\xcc\x00", b"\xcc") == "2 octets, encodes to 1: CC"


def test_several_processes_share_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    document = json.loads(run("--units", "300", "--seed", "1", "--workers", "2", "--json").stdout)
    assert 300 <= document["inputs"] < 400
    assert [finding["size"] for finding in document["findings"]] == [31]


def test_what_is_not_understood_is_told() -> None:
    for arguments, text in (
        (("--target", "nothing"), "--target: 'nothing' is not allowed: codec"),
        (("--seconds", "0"), "--seconds: 0 is not allowed"),
        (("--corpus", "c", "--no-corpus"), "exclude each other"),
        (("--junit", "no/such/x.xml"), "--junit: no/such/x.xml"),
        (("--again", "nowhere"), "nowhere"),
    ):
        result = run(*arguments)
        assert result.exit_code == 2, arguments
        assert text in result.stderr


def test_without_hypothesis_its_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "hypothesis" else find(name, *more)
    )
    result = run("--units", "1")
    assert result.exit_code == 2
    assert "pip install 'sorm-mediator[hypothesis]'" in result.stderr


def test_the_harness_of_atheris_tries_any_octets(monkeypatch: pytest.MonkeyPatch) -> None:
    try_one = runpy.run_path(str(HARNESS))["try_one"]
    for octets in (b"", b"\0", b"\x05\xcc\x01\x01\x00123456", bytes(range(256)), b"\xcc" * 300):
        try_one(octets)
    plant(monkeypatch)
    with pytest.raises(KeyError):
        try_one(bytes(40))


def test_the_harness_tells_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "atheris", None)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(HARNESS), run_name="__main__")
    assert ended.value.code == 2
    assert "pip install atheris" in capsys.readouterr().err
