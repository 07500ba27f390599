"""A file name that no file system has: each command that takes one refuses it in a line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

import captures
from sorm_mediator.cli.app import app, run

LONG = "x" * 300  # a name has 255 octets at most (POSIX: NAME_MAX)
LAB = str(Path(captures.__path__[0]) / "labs" / "minimal.toml")
OF_FILES = ("FILE", "DIR", "LAB", "SCRIPT", "FOLDER", "OUT", "DB", "F")
NEEDED = {
    "send": ["get-version"],
    "fault": ["ssh", "cut"],
    "tap": ["--kpd1", "127.0.0.1:1"],
    "replay": [str(Path(captures.__path__[0]) / "scenarios" / "main-job.yaml")],
    "load": ["--calls", "1", "--rate", "1"],
    "soak": ["--duration", "1s"],
    "fuzz": ["--target", "codec", "--units", "1"],
    "pcap2scenario": [str(Path(captures.__path__[0]) / "runs" / "main-job.pcapng")],
    "trace": ["100", "200"],
    "acceptance": ["100", "200"],
}


def named_files() -> Iterator[tuple[str, ...]]:
    """The words of each command with each option and argument that is a file."""
    waiting = [((), typer.main.get_command(app))]
    while waiting:
        names, command = waiting.pop()
        waiting += [((*names, name), inner) for name, inner in getattr(command, "commands", {}).items()]
        for one in command.params:
            if (one.metavar or "").strip("[].").partition(".")[0] in OF_FILES:
                option = [one.opts[-1]] if one.opts[-1].startswith("-") else []
                needed = NEEDED.get(" ".join(names), []) if option else []
                yield (*names, *needed, *option, LONG)


@pytest.mark.parametrize("words", named_files(), ids=lambda words: " ".join(words).replace(LONG, "LONG"))
def test_a_name_that_is_too_long_is_refused(
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["sorm-mediator", *words])
    with pytest.raises(SystemExit) as end:
        run()
    told = capsys.readouterr().err
    assert end.value.code in {2, 3}, told
    assert "Traceback" not in told
    assert "File name too long" in told or "can't be" in told, told
