"""Files with secrets, or with who is on control: for their owner alone, whatever the umask is; else it is told."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from sorm_mediator.config import load
from sorm_mediator.lab.checks import file_warnings

COMMAND = [sys.executable, "-m", "sorm_mediator"]


def modes(folder: Path) -> Mapping[str, int]:
    return {str(one.relative_to(folder)): stat.S_IMODE(one.stat().st_mode) for one in folder.rglob("*")}


def test_whatever_the_umask_a_lab_writes_for_its_owner_alone(tmp_path: Path) -> None:
    """The built-in lab, which has all of them: tables, journal with its head, locks, host key, ready file."""
    ready, kept, mine = tmp_path / "ready.json", tmp_path / "kept", tmp_path / "mine"
    environment = os.environ | {"XDG_STATE_HOME": str(kept)}
    command = [*COMMAND, "lab", "--auto-ports", "--ready-file", str(ready)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, umask=0) as lab:
        try:
            assert lab.stdout is not None
            assert json.loads(lab.stdout.readline())["ready"] is True
            found = modes(kept / "sorm-mediator")
            assert stat.S_IMODE((kept / "sorm-mediator").stat().st_mode) == 0o700
            assert stat.S_IMODE(ready.stat().st_mode) == 0o600
        finally:
            lab.send_signal(signal.SIGTERM)
            assert lab.wait(30) == 0
    names = [".db", ".db-wal", ".db-shm", ".db.head", ".db.lock", "key"]
    assert [end for end in names if not any(name.endswith(end) for name in found)] == []
    assert {name: f"{mode:04o}" for name, mode in found.items() if mode != 0o600} == {}
    done = subprocess.run([*COMMAND, "init", str(mine)], umask=0, check=True, capture_output=True)
    assert done.stderr == b""
    assert [stat.S_IMODE(one.stat().st_mode) for one in (mine, mine / "lab.toml")] == [0o700, 0o600]
    (journal,) = kept.rglob("*journal.db")
    exported = tmp_path / "exported.jsonl"
    done = subprocess.run(
        [*COMMAND, "journal", "export", "--file", str(journal), "-o", str(exported)],
        umask=0, check=True, capture_output=True,
    )  # fmt: skip
    assert stat.S_IMODE(exported.stat().st_mode) == 0o600


EVERYWHERE = "0.0.0.0"  # noqa: S104 - of a file that is checked
LAB = """
[mediator]
state = "state.db"
journal = "journal.db"
[web]
host = "{host}"
token = "hush"
"""


@pytest.mark.parametrize(
    ("host", "modes", "told"),
    [
        (EVERYWHERE, {"lab.toml": 0o644}, ["web.token: {0}/lab.toml has the mode 0644, so others"]),
        (EVERYWHERE, {"lab.toml": 0o600, "journal.db": 0o600}, []),
        ("127.0.0.1", {"lab.toml": 0o644}, []),
        (
            "127.0.0.1",
            {"lab.toml": 0o600, "state.db": 0o660, "journal.db": 0o604},
            [
                "mediator.state: {0}/state.db has the mode 0660",
                "mediator.journal: {0}/journal.db has the mode",
            ],
        ),
    ],
)
def test_what_others_may_read_is_a_warning(
    tmp_path: Path, host: str, modes: Mapping[str, int], told: list[str]
) -> None:
    file = tmp_path / "lab.toml"
    file.write_text(LAB.format(host=host))
    for name, mode in modes.items():
        (tmp_path / name).touch()
        (tmp_path / name).chmod(mode)
    found = [one for one in file_warnings(load(file)) if " has the mode " in one]
    assert len(found) == len(told)
    for one, begins in zip(found, told, strict=True):
        assert one.startswith(begins.format(tmp_path))
        assert ": chmod 600 " in one
        assert "hush" not in one
