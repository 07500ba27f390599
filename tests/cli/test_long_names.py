"""A file name that no file system has: each command that takes one refuses it in a line, before it begins its work."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import typer.main

import captures
from sorm_mediator.cli import app as commands
from sorm_mediator.lab.lab import Lab
from sorm_mediator.lab.processes import BoxProcess

SHIPPED = Path(captures.__path__[0])
LONG = "x" * 300  # a name has 255 octets at most (POSIX: NAME_MAX)
LAB = str(SHIPPED / "labs" / "minimal.toml")
OF_FILES = ("FILE", "DIR", "LAB", "SCRIPT", "FOLDER", "OUT", "DB", "F")
COMMAND = typer.main.get_command(commands.app)
RUNNING = ["--target", "127.0.0.1:1", "--kpd2", "2"]
NEEDED = {
    "send": ["get-version"],
    "fault": ["ssh", "cut"],
    "tap": ["--kpd1", "127.0.0.1:1"],
    "replay": [str(SHIPPED / "scenarios" / "main-job.yaml")],
    "load": ["--calls", "1", "--rate", "1"],
    "soak": ["--duration", "300s"],
    "fuzz": ["--target", "codec", "--units", "1"],
    "fuzz --config": RUNNING,
    "fuzz --log-file": RUNNING,
    "fuzz --between-key": [*RUNNING, "--ssh", "3", "--between", "4"],
    "fuzz --ready-file": ["--target", LAB],
    "pcap2scenario": [str(SHIPPED / "runs" / "main-job.pcapng")],
    "trace": ["100", "200"],
    "acceptance": ["-c", LAB],
    "acceptance --config": [],
    "conformance": ["-c", LAB],
    "conformance --config": [],
    "journal export --output": ["--file", "none.db"],
    "licence lac make": ["--limit", "ip=1"],
    "licence server --ready-file": ["--store", "sold.json"],
    "licence file --store": ["LAC", "--locking-id", "LID"],
    "licence file --out": ["LAC", "--locking-id", "LID", "--store", "sold.json"],
    "licence merge --store": ["LID-A", "LID-B"],
    "licence merge --out": ["LID-A", "LID-B", "--store", "sold.json"],
    "vpbx import --output": [str(SHIPPED / "labs" / "vpbx.sql"), "--tenant", "demo"],
    "switch": [LAB],
    "switch --config": [],
    "gateway": [LAB],
    "gateway --config": [],
}
"""What a command needs beside a file, by command, or by command and option."""
TOLD = ("File name too long", "can't be", "there is no journal", "is no folder")


def named_files() -> Iterator[tuple[str, ...]]:
    """The words of each command with each option and argument that is a file."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), COMMAND)]
    while waiting:
        names, command = waiting.pop()
        waiting += [((*names, name), inner) for name, inner in getattr(command, "commands", {}).items()]
        for one in command.params:
            if (one.metavar or "").strip("[].").partition(".")[0] not in OF_FILES:
                continue
            option = one.opts[-1]
            if not option.startswith("-"):
                yield (*names, LONG)
                continue
            name = " ".join(names)
            needed = NEEDED.get(f"{name} {option}", NEEDED.get(name, []))
            yield (*names, *needed, option, LONG)


def test_every_need_is_one_of_a_command() -> None:
    used = {" ".join(words[:-1]) for words in named_files()}
    for name, words in NEEDED.items():
        command, _, option = name.partition(" --")
        wanted = " ".join([*command.split(), *words, *([f"--{option}"] if option else [])])
        assert any(one.startswith(wanted) for one in used), name


@pytest.mark.parametrize(
    "words",
    named_files(),
    ids=lambda words: " ".join(words).replace(LONG, "LONG").replace(f"{SHIPPED}/", ""),
)
def test_a_name_that_is_too_long_is_refused(
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def begins(*_given: object, **_named: object) -> NoReturn:
        raise AssertionError("a lab is started")

    monkeypatch.setattr(Lab, "__init__", begins)
    monkeypatch.setattr(BoxProcess, "__init__", begins)
    monkeypatch.setattr(commands, "app", COMMAND)  # which is made once
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["sorm-mediator", *words])
    with pytest.raises(SystemExit) as end:
        commands.run()
    told = capsys.readouterr().err
    assert end.value.code in {2, 3}, told
    assert "Traceback" not in told
    assert any(one in told for one in TOLD), told
    assert not list(tmp_path.iterdir())
