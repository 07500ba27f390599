"""The page as a browser shows and prints it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sorm_mediator.acceptance.html import page
from sorm_mediator.acceptance.report import AcceptanceRun


def tool(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: apt install {package}")
    return found


def chromium(tmp_path: Path, *arguments: str) -> None:
    command = [tool("chromium", "chromium"), "--headless", "--disable-gpu", "--no-sandbox"]
    command += [
        f"--user-data-dir={tmp_path / 'profile'}",
        "--no-first-run",
        "--disable-background-networking",
    ]
    subprocess.run([*command, *arguments], check=True, capture_output=True, timeout=120)


@pytest.fixture
async def file(make: Any, carry_out: Callable[..., Any], tmp_path: Path) -> Path:
    config = make("minimal.toml", formats={"intercity": {"prefix": "7"}})
    outcomes = await carry_out(config)
    run = AcceptanceRun(
        lab="lab.toml", against="here", time=1_700_000_000.0, config=config, outcomes=outcomes
    )
    path = tmp_path / "report.html"
    path.write_text(page(run, "ru"), encoding="utf-8")
    return path


def test_each_kind_begins_a_page_of_its_own(file: Path, tmp_path: Path) -> None:
    printed = tmp_path / "report.pdf"
    reader = tool("pdftotext", "poppler-utils")
    chromium(tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={printed}", file.as_uri())
    text = subprocess.run(
        [reader, "-layout", str(printed), "-"], check=True, capture_output=True, text=True
    ).stdout
    pages = [page.strip() for page in text.split("\f")]
    begins = [page.splitlines()[0].strip() for page in pages if page]
    kinds = ["абонент узла связи", "местный", "междугородный", "международный", "спецслужбы"]
    assert begins[0] == "Сдача узла связи: форматы номеров"
    assert [line for line in begins if line in kinds] == kinds
    assert "НЕ СООТВЕТСТВУЕТ" in pages[0]


def test_nothing_is_wider_than_the_page(file: Path, tmp_path: Path) -> None:
    """At the width of a page nothing is cut off on the right: what is measured is written into the title."""
    probe = tmp_path / "probe.html"
    measure = (
        "<script>document.title = String(document.documentElement.scrollWidth - innerWidth)</script></body>"
    )
    probe.write_text(file.read_text(encoding="utf-8").replace("</body>", measure), encoding="utf-8")
    command = [
        tool("chromium", "chromium"),
        "--headless",
        "--disable-gpu",
        "--no-sandbox",
        "--window-size=720,1000",
    ]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", probe.as_uri()]
    dom = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    assert int(dom.partition("<title>")[2].partition("</title>")[0]) <= 0
