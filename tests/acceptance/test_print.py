"""The page as a browser shows and prints it."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sorm_mediator.acceptance.html import moment, page
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


def measured(file: Path, tmp_path: Path, width: int, script: str) -> str:
    """What a script of the page finds at this width; it comes back in the title."""
    probe = tmp_path / "probe.html"
    tag = f"<script>document.title = String({script})</script></body>"
    probe.write_text(file.read_text(encoding="utf-8").replace("</body>", tag), encoding="utf-8")
    command = [tool("chromium", "chromium"), "--headless", "--disable-gpu", "--no-sandbox"]
    command += [f"--window-size={width},1000", f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--dump-dom", probe.as_uri()]
    dom = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    return dom.partition("<title>")[2].partition("</title>")[0]


WIDER = "document.documentElement.scrollWidth - innerWidth"
BROKEN = """(() => {
  const broken = [];
  const cells = "section.summary th, section.summary td, table.list th, table.list td";
  for (const cell of document.querySelectorAll(cells)) {
    const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      for (const word of node.data.matchAll(/[\\p{L}\\d_]+/gu)) {
        const range = document.createRange();
        range.setStart(node, word.index);
        range.setEnd(node, word.index + word[0].length);
        if (new Set([...range.getClientRects()].map((one) => Math.round(one.top))).size > 1) broken.push(word[0]);
      }
    }
  }
  return broken.join(" ");
})()"""


@pytest.mark.parametrize("width", [720, 500])
def test_nothing_is_wider_than_the_page(file: Path, tmp_path: Path, width: int) -> None:
    assert int(measured(file, tmp_path, width, WIDER)) <= 0


def test_no_word_is_broken_in_a_narrow_window(file: Path, tmp_path: Path) -> None:
    assert measured(file, tmp_path, 500, BROKEN) == ""


def test_there_is_a_place_for_names_signatures_and_the_serial_number(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for label in ("Серийный номер", "Должность, фамилия", "Подпись", "Сдал", "Принял"):
        assert text.count(f">{label}</th>") == 1


def test_the_time_is_that_of_the_place_with_utc_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        for zone, shown in (
            ("UTC0", "2023-11-14 22:13:20 UTC"),
            ("MSK-3", "2023-11-15 01:13:20 MSK (2023-11-14 22:13:20 UTC)"),
            ("EST5", "2023-11-14 17:13:20 EST (22:13:20 UTC)"),
        ):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            assert moment(1_700_000_000.0) == shown
    finally:
        monkeypatch.undo()
        time.tzset()
