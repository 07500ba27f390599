"""What the boxes log: no secrets, and not more than someone can read."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from sorm_mediator.cli.logs import FloodGate, set_up_logging


@pytest.fixture
def restored() -> Iterator[None]:
    """Logging as pytest had it, after the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    noisy = {name: logging.getLogger(name).level for name in ("asyncssh", "uvicorn.access", "httpx")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in noisy.items():
        logging.getLogger(name).setLevel(before)


def record(text: str, *args: object, at: float = 0.0, level: int = logging.WARNING) -> logging.LogRecord:
    made = logging.LogRecord("box", level, "", 0, text, args, None)
    made.created = at
    return made


def test_a_flood_is_cut_and_counted() -> None:
    gate = FloodGate(burst=3, per_second=1)
    passed = [gate.filter(record("%s refused", f"10.0.0.1:{port}")) for port in range(40_000, 40_010)]
    assert passed == [True] * 3 + [False] * 7
    later = record("%s refused", "10.0.0.1:5", at=1.0)
    assert gate.filter(later)
    assert later.getMessage() == "10.0.0.1:5 refused (7 lines of this kind were left out)"
    assert not gate.filter(record("%s refused", "10.0.0.1:5", at=1.5))


def test_a_flood_keeps_no_other_line_back() -> None:
    gate = FloodGate(burst=1, per_second=0)
    assert gate.filter(record("%s", "unauthorised access from 10.0.0.1:40000"))
    assert not gate.filter(record("%s", "unauthorised access from [2001:db8::1]:5"))
    assert gate.filter(record("%s", "the console is silent"))
    assert gate.filter(record("%s", "unauthorised access from 10.0.0.1:40000", level=logging.ERROR))
    for _ in range(3):
        assert gate.filter(record("the gateway stops serving", level=logging.CRITICAL))


def test_kinds_are_forgotten_so_that_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sorm_mediator.cli.logs.MOST_KINDS", 2)
    gate = FloodGate(burst=1, per_second=0)
    assert [gate.filter(record(kind)) for kind in ("x", "y", "z", "z", "x")] == [
        True,
        True,
        True,
        False,
        True,
    ]


def test_a_trace_shows_no_values(restored: None, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("debug")
    token = "Web" + "token-7"
    try:
        int(token[:3])
    except ValueError:
        logging.getLogger("box").exception("a fault of our own")
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert "ValueError" in shown
    assert "Webtoken-7" not in shown


def test_what_a_peer_says_is_one_line_of_the_log_whoever_logs_it(
    restored: None, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logging("info")
    peer = "x\n2026-11-28T00:00:00Z [info] forged\x1b[2J"
    logging.getLogger("any").warning("%s: refused", peer)
    try:
        int(peer + "\x1b[2J")
    except ValueError:
        logging.getLogger("any").exception("failed")
    said = capsys.readouterr().err
    assert "x\\n2026-11-28T00:00:00Z [info] forged\\x1b[2J: refused" in said
    assert "\x1b[2J" not in said
