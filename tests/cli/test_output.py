"""Standard output that can't be written, a terminal at standard input, and the bar, of the installed command."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import captures
from sorm_mediator.capture.writer import PcapngWriter

RUN = str(Path(captures.__path__[0]) / "runs" / "main-job.pcapng")
COMMAND = [sys.executable, "-P", "-m", "sorm_mediator"]
START = "CC010100313233343536"
WRITING = [
    ["decode", "-f", RUN],
    ["decode", "-f", RUN, "--json"],
    ["config", "show"],
    ["config", "schema"],
    ["examples"],
    ["--help"],
    ["--version"],
    ["replay", "--list", str(Path(captures.__path__[0]) / "scenarios")],
]


@pytest.mark.parametrize("words", WRITING, ids=" ".join)
def test_a_full_disk_is_one_line_and_exit_2(words: Sequence[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*COMMAND, *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.stderr == "sorm-mediator: standard output: can't be written: No space left on device\n"
    assert done.returncode == 2


@pytest.mark.parametrize("words", WRITING, ids=" ".join)
def test_a_reader_that_has_gone_ends_it_without_a_word(words: Sequence[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*COMMAND, *words], stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_character_that_the_terminal_lacks_is_escaped() -> None:
    done = subprocess.run(
        [*COMMAND, "decode", START, "--lang", "ru"],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\u0437" in done.stdout


@pytest.mark.parametrize(
    ("words", "waited_for"),
    [
        (["decode", "-"], "hex, a capture or binary units"),
        (["encode", "-f", "-"], "JSON, such as decode --json prints,"),
    ],
)
def test_at_a_terminal_it_says_what_it_waits_for(words: Sequence[str], waited_for: str) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *words], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        os.close(theirs)
        assert process.stderr is not None
        told = process.stderr.readline()
        process.kill()
    os.close(ours)
    assert told == f"sorm-mediator: waiting for {waited_for} on standard input; end it with Ctrl-D\n"


def test_a_line_typed_is_answered_before_the_next() -> None:
    with subprocess.Popen(
        [*COMMAND, "decode", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(2):
            process.stdin.write(f"{START}\n")
            process.stdin.flush()
            lines = iter(process.stdout.readline, "\n")
            assert any([line.startswith("start: ") for line in lines])  # noqa: C419 - to the blank line
        process.stdin.close()
        assert process.wait(60) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_list_of_json(number: signal.Signals) -> None:
    with subprocess.Popen(
        [*COMMAND, "decode", "--json", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(f"{START}\n".encode())
        process.stdin.flush()
        begun = process.stdout.read(1)
        process.send_signal(number)
        rest = process.stdout.read()
        assert process.stderr.read() == b"sorm-mediator: interrupted\n"
        assert process.wait(60) == 130
    assert [one["name"] for one in json.loads(begun + rest)] == ["start"]


def test_a_large_file_has_a_bar_on_a_terminal_and_a_small_one_none(tmp_path: Path) -> None:
    path = tmp_path / "large.pcapng"
    with PcapngWriter(path) as writer:
        kpd1 = writer.connection("KPD1", ("127.0.0.1", 40001), ("127.0.0.1", 1001), 0.0)
        kpd1.sent(bytes.fromhex(START), 0.0)
        noise = writer.connection("other", ("127.0.0.1", 40009), ("127.0.0.1", 22), 0.0)
        for number in range(160):
            noise.sent(bytes(60_000), float(number))
    assert str(path) in _on_terminal(["decode", "-f", str(path)])
    assert RUN not in _on_terminal(["decode", "-f", RUN])


def _on_terminal(words: Sequence[str]) -> str:
    """What is written to a terminal at stderr."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *words], stdout=subprocess.DEVNULL, stderr=theirs, env=os.environ | {"COLUMNS": "200"}
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:  # the other end is closed
            process.wait(60)
    os.close(ours)
    return shown.decode()
