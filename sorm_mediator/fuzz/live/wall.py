"""A lab whose wall clock is set while it runs, as a time server does. The clock of the machine is left alone.

``python -m sorm_mediator.fuzz.live.wall FILE ...`` is ``sorm-mediator ...`` with ``time.time`` as many seconds away
from the machine's clock as FILE says. Time stamps of the kernel and of files are those of the machine.
"""

from __future__ import annotations

import mmap
import runpy
import struct
import sys
import time
from pathlib import Path
from typing import Final

MODULE: Final = "sorm_mediator.fuzz.live.wall"
_STEP: Final = struct.Struct("d")


class WallClock:
    """Sets the clock of the process that was started with this file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        file.write_bytes(_STEP.pack(0.0))
        self.seconds = 0.0
        """How far it is from the machine's clock."""

    def set(self, seconds: float) -> None:
        """So many seconds away from the machine's clock, from now on."""
        self.seconds = seconds
        with self.file.open("r+b") as shared:
            shared.write(_STEP.pack(seconds))


def follow(file: Path) -> None:
    """``time.time`` of this process follows the file from now on."""
    with file.open("rb") as opened:
        shared = mmap.mmap(opened.fileno(), _STEP.size, access=mmap.ACCESS_READ)
    machine = time.time

    def stepped() -> float:
        step: float = _STEP.unpack_from(shared)[0]
        return machine() + step

    time.time = stepped


if __name__ == "__main__":
    follow(Path(sys.argv.pop(1)))
    runpy.run_module("sorm_mediator", run_name="__main__", alter_sys=True)
