"""What happens when standard output can't be written: one place for all commands.

A pipe whose reader has gone, or a terminal that was closed, ends the command as SIGPIPE would (141), without a word.
Anything else, such as a full disk, is one line on stderr and exit code 2. A character that the terminal's encoding
lacks is written as an escape.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

BROKEN_PIPE = 141
"""The shell's code for a process that SIGPIPE ended."""
INTERRUPTED = 130
"""The shell's code for a process that SIGINT ended: of a command that a signal ended."""
_USAGE = 2


class OutputLostError(Exception):
    """Standard output can't be written. It is no ``OSError``, so that nobody takes it for one of a file or a
    connection: :func:`guarded` reports it."""


class _Output(io.FileIO):
    """Standard output: its first error is noted and raised, and what is written after it goes nowhere."""

    lost: int | None = None
    """The number of the error."""

    def write(self, octets: Any, /) -> int:
        if self.lost is not None:
            return len(octets)
        try:
            return super().write(octets) or 0
        except OSError as error:
            self.lost = error.errno
            raise OutputLostError from None


def guarded(command: Callable[[], None]) -> None:
    """Run a command; when its output is lost, exit with the code for that."""
    before = sys.stdout
    if before is None:  # closed by who started it
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the end of the process
        command()
        return
    was_terminal = before.isatty()
    output = _Output(before.fileno(), "wb", closefd=False)
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(output),
        encoding=before.encoding,
        errors="backslashreplace",
        line_buffering=was_terminal,
    )
    code: object = 0
    try:
        with suppress(OutputLostError):  # whose number output.lost has
            try:
                command()
            finally:
                sys.stdout.flush()
    except SystemExit as end:
        if output.lost is None:
            raise
        code = end.code
    if output.lost == errno.EPIPE or (output.lost == errno.EIO and was_terminal):
        sys.exit(code if code == INTERRUPTED else BROKEN_PIPE)
    if output.lost is not None:
        sys.stderr.write(f"sorm-mediator: standard output: can't be written: {os.strerror(output.lost)}\n")
        sys.exit(_USAGE)
