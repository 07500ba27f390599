"""``fuzz`` of a mediator, as the command line has it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sorm_mediator.cli.app import app
from sorm_mediator.console.errors import UsageError
from sorm_mediator.fuzz.live.session import LiveSettings, run_live


def fuzz(*options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "sorm_mediator", "fuzz", *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_a_lab_is_started_and_fuzzed(tmp_path: Path) -> None:
    done = fuzz(
        "--target", "captures/labs/minimal.toml", "--units", 2, "--seed", 3, "--patience", 20, "--json",
        "--surfaces", "radius,http", "--findings", tmp_path / "found", "--junit", tmp_path / "fuzz.xml",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["inputs"] == 2
    assert report["passed"]
    assert report["measured"]["rounds of radius"] == report["measured"]["rounds of http"] == 1
    assert report["checks"]["events"] > 0
    assert report["checks"]["e1 channels"] == 0
    assert any(note.startswith("not used: e1: ") for note in report["notes"])
    assert 'name="fuzz captures/labs/minimal.toml"' in (tmp_path / "fuzz.xml").read_text()
    assert not (tmp_path / "found").exists()


def told(*options: object) -> Result:
    return CliRunner().invoke(app, ["fuzz", *map(str, options)])


def test_nobody_at_the_address_is_told(tmp_path: Path) -> None:
    done = told("--target", "127.0.0.1:1", "--kpd2", 2, "--patience", 0.01, "--findings", tmp_path / "found")
    assert done.exit_code == 3
    assert "127.0.0.1:1: " in done.stderr


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"surfaces": ("kpd", "moon")}, "--surfaces: moon is not allowed: some of kpd, e1"),
        ({"seconds": 0.0}, "--seconds: 0 is not allowed"),
        ({"patience": 0.0}, "--patience: 0 is not allowed"),
        ({"lang": "xx"}, "--lang"),
    ],
)
def test_wrong_options_are_told(values: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        LiveSettings(target="127.0.0.1:1001", **values)


@pytest.mark.parametrize(
    ("target", "values", "text"),
    [
        ("nowhere", {}, "--target: 'nowhere'"),
        ("127.0.0.1:0", {}, "the port of KPD1 is missing"),
        ("127.0.0.1:1001", {}, r"--target 127\.0\.0\.1:1001: needs --kpd2 \[HOST:\]PORT"),
        ("127.0.0.1:1001", {"web": "x:y:z"}, "--web"),
        (
            "captures/labs/minimal.toml",
            {"ready_file": Path("/nowhere")},
            "--ready-file: /nowhere: can't be read",
        ),
        ("127.0.0.1:1001", {"again": Path("/nowhere")}, "--again: /nowhere: can't be read"),
    ],
)
def test_wrong_targets_are_told(target: str, values: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        run_live(LiveSettings(target=target, **values))


def test_options_of_the_other_target_are_refused() -> None:
    assert (
        "--workers is not for --target 127.0.0.1:1" in fuzz("--target", "127.0.0.1:1", "--workers", 2).stderr
    )
    assert (
        "--web is not for --target codec: leave it out; it is for a running mediator"
        in told("--web", 8080).stderr
    )
    wrong = told("--target", "captures/labs/e1.toml", "--corpus", "c").stderr
    assert (
        "--corpus is not for --target captures/labs/e1.toml: leave it out; it is for codec, parsers" in wrong
    )
