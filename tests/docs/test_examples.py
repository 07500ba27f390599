"""Every ``python`` block of the pages about testing and the API, run as the reader would, and its shown failure."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.page_session import missing

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parent.parent.parent
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```", re.DOTALL | re.MULTILINE)
QUIET = ("-q", "-o", "asyncio_default_fixture_loop_scope=function", "-p", "no:cacheprovider")
TESTING, API = (
    {
        kind: [
            block[2]
            for block in BLOCK.finditer((ROOT / "docs" / page).read_text("utf-8"))
            if block[1] == kind
        ]
        for kind in ("python", "text")
    }
    for page in ("testing.md", "api.md")
)


def _run(folder: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_the_tests_of_the_page_about_testing_pass(tmp_path: Path) -> None:
    for number, block in enumerate(TESTING["python"], 1):
        (tmp_path / f"test_{number}.py").write_text(block, "utf-8")
    code, came = _run(tmp_path, "-m", "pytest", *QUIET)
    assert code == 0, came
    assert f"{sum(block.count('def test_') for block in TESTING['python'])} passed" in came


def test_a_failed_test_shows_what_the_page_says(tmp_path: Path) -> None:
    wrong = TESTING["python"][0].replace("operation=5", "operation=1")
    (tmp_path / "test_it.py").write_text(wrong, "utf-8")
    code, came = _run(tmp_path, "-m", "pytest", *QUIET, "-k", "reported")
    assert code == 1, came
    for text in TESTING["text"]:
        assert missing([re.sub("-{3,}", "...", text)], came) is None  # as wide as the terminal


@pytest.mark.parametrize("number", range(len(API["python"])))
def test_an_example_of_the_api_runs(number: int, tmp_path: Path) -> None:
    program = API["python"][number]
    coroutines = re.findall(r"^async def (\w+)\(\)", program, re.MULTILINE)
    program += "".join(f"\nimport asyncio\nassert asyncio.run({name}())\n" for name in coroutines)
    labs = ROOT / "captures" / "labs"
    shutil.copyfile(labs / "minimal.toml", tmp_path / "lab.toml")
    shutil.copytree(labs / "routing", tmp_path / "routing")
    (tmp_path / "example.py").write_text(program, "utf-8")
    code, came = _run(tmp_path, "example.py")
    assert code == 0, came


def test_the_examples_of_the_api_are_typed(tmp_path: Path) -> None:
    files = []
    for number, block in enumerate(API["python"]):
        files.append(tmp_path / f"example_{number}.py")
        files[-1].write_text(block, "utf-8")
    code, came = _run(ROOT, "-m", "mypy", "--strict", "--follow-imports=silent", *map(str, files))
    assert code == 0, came
