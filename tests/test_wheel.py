"""The product as a wheel in a fresh environment, away from its source: commands, API, pytest plugin, keywords."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NO_NETWORK = (
    "Temporary failure in name resolution",
    "Max retries exceeded",
    "Network is unreachable",
    "(from versions: none)",
)
SOURCE = ("pyproject.toml", "README.md", "LICENSE")
ROOMS = ("captures", "e1", "protocol", "radius", "sorm_mediator", "ssh_control")
A_TEST = """
from pathlib import Path
import sorm_mediator

def test_it(console):
    assert "site-packages" in sorm_mediator.__file__
    console.send("start")
    assert console.send("get-version")[1].name == "version-info"
"""
A_SUITE = """
*** Settings ***
Library    sorm_mediator.robot
*** Test Cases ***
A Start
    Start Lab
    Send Command    start
"""
A_SCENARIO = "name: a start\nlab: labs/minimal.toml\nsteps: [{send: start}]\n"


def done(*command: str | Path, cwd: Path) -> str:
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    output = result.stdout + result.stderr
    if result.returncode and "pip" in command and any(text in output for text in NO_NETWORK):
        pytest.skip(f"the packages can't be had: {output.strip().splitlines()[-1]}")
    assert result.returncode == 0, output
    return output


def test_installed_from_a_wheel_it_runs_away_from_its_source(tmp_path: Path) -> None:
    source, home = tmp_path / "source", tmp_path / "home"
    source.mkdir()
    home.mkdir()
    for name in SOURCE:
        shutil.copy(ROOT / name, source)
    for room in ROOMS:
        shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__", "*.db"))
    done(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, source, cwd=tmp_path)
    [wheel] = tmp_path.glob("*.whl")
    done(sys.executable, "-m", "venv", home / "venv", cwd=home)
    python = home / "venv" / "bin" / "python"
    done(python, "-m", "pip", "install", "-q", f"{wheel}[robot]", "pytest", cwd=home)

    (home / "test_it.py").write_text(A_TEST)
    (home / "it.yaml").write_text(A_SCENARIO)
    (home / "it.robot").write_text(A_SUITE)
    assert "2 passed" in done(python, "-m", "pytest", "-q", "--sorm-scenarios", ".", cwd=home)
    assert "1 test, 1 passed" in done(python, "-m", "robot", "it.robot", cwd=home)
    command = home / "venv" / "bin" / "sorm-mediator"
    done(command, "replay", "it.yaml", "--junit", "r.xml", "--report", "r.html", cwd=home)
    assert "<svg" in (home / "r.html").read_text()
