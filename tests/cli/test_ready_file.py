"""The file of --ready-file: what a job waits for, and where it reads the ports."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import captures
from sorm_mediator.errors import BoxError
from sorm_mediator.ready import ready_file

COMMAND = [sys.executable, "-m", "sorm_mediator"]
MINIMAL = Path(captures.__path__[0]) / "labs" / "minimal.toml"


@pytest.mark.parametrize("box", ["lab", "switch"])
def test_it_is_the_ready_line_while_the_box_is_ready(tmp_path: Path, box: str) -> None:
    file = tmp_path / "ready.json"
    file.write_text("of a lab that was killed")
    sets = [f"mediator.state={tmp_path}/s.db", f"mediator.journal={tmp_path}/j.db"]
    given = [word for one in sets for word in ("--set", one)]
    arguments = [box, "-c", str(MINIMAL), "--auto-ports", "--ready-file", str(file), *given]
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert file.read_text() == line
            assert json.loads(line)["ready"] is True
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
    assert not list(tmp_path.glob("*ready.json*"))


def test_it_is_whole_or_not_there_and_goes_whatever_ends_the_program(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), ready_file(path) as file:  # noqa: PT012 - where it ends is the subject
        assert not path.exists()
        file.write("{}")
        assert [one.name for one in tmp_path.iterdir()] == ["ready.json"]
        raise KeyboardInterrupt
    assert not path.exists()


def test_a_place_that_can_not_be_written_is_told_before_anything_starts(tmp_path: Path) -> None:
    for path, says in (
        (tmp_path / "no" / "ready", "its folder does not exist"),
        (tmp_path, "can't be written"),
    ):
        with pytest.raises(BoxError, match=f"--ready-file: .*: {says}"), ready_file(path):
            pytest.fail("it has begun")
