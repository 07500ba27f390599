"""The lists of commands that ``--help`` prints, on the usual terminal of 80 columns."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("group", [[], ["config"], ["journal"], ["licence"]], ids=" ".join)
def test_each_command_has_a_whole_summary_in_one_line(group: list[str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "sorm_mediator", *group, "--help"],
        capture_output=True, text=True, check=True, env={"COLUMNS": "80", "PATH": ""},
    )  # fmt: skip
    commands = ran.stdout.split("Commands:\n")[1].splitlines()
    assert len(commands) > 1
    for line in commands:
        name, summary = line.split(maxsplit=1)
        assert name.islower(), f"a summary of two lines: {line}"
        assert summary.endswith("."), f"a summary that is cut: {line}"
        assert not summary.endswith("..."), f"a summary that is cut: {line}"
