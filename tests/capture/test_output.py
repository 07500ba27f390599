"""Output that never harms who writes it: full disks, slow readers, readers that are gone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sorm_mediator.capture.output import BoundedOutput, OutputError, open_output

ROOT = Path(__file__).parents[2]


def test_what_is_written_is_there_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "out"
    output = BoundedOutput(open_output(path), lambda why: None)
    for number in range(1000):
        assert output.write(b"%04d" % number) == 4
    output.close()
    assert path.read_bytes() == b"".join(b"%04d" % number for number in range(1000))
    assert output.lost == 0


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "out"
    os.close(open_output(path))
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_is_told_once_and_every_block_is_counted() -> None:
    told: list[str] = []
    output = BoundedOutput(os.open("/dev/full", os.O_WRONLY), told.append)
    for _ in range(100):
        output.write(b"block")
    output.close()
    output.write(b"one more")
    assert told == ["No space left on device"]
    assert output.lost == 101


def test_a_reader_that_does_not_read_costs_blocks_and_no_memory() -> None:
    told: list[str] = []
    reading, writing = os.pipe()
    output = BoundedOutput(writing, told.append, most=1000)
    block = bytes(100)
    while not output.lost:
        output.write(block)
    for _ in range(50):
        output.write(block)
    assert told == ["it is not taken fast enough"]
    assert output.lost == 51

    read = 0

    def drain() -> None:
        nonlocal read
        while data := os.read(reading, 65536):
            read += len(data)

    reader = threading.Thread(target=drain)
    reader.start()
    output.close()
    reader.join()
    os.close(reading)
    assert read % len(block) == 0


def test_a_reader_that_is_gone_is_told() -> None:
    told: list[str] = []
    reading, writing = os.pipe()
    os.close(reading)
    output = BoundedOutput(writing, told.append)
    output.write(b"block")
    output.close()
    assert (told, output.lost) == (["Broken pipe"], 1)


def test_a_file_that_ends_at_a_limit_has_whole_blocks_alone(tmp_path: Path) -> None:
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from sorm_mediator.capture.output import BoundedOutput, open_output\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "output = BoundedOutput(open_output(Path(sys.argv[1])), print)\n"
        "for _ in range(100): output.write(b'x' * 70)\n"
        "output.close()\n"
        "print(output.lost > 0)\n"
    )
    path = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["File too large", "True"]
    assert path.stat().st_size % 70 == 0


def test_a_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"x\.pcapng: can't be written: No such file"):
        open_output(tmp_path / "missing" / "x.pcapng")
