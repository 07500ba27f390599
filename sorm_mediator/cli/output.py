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
from typing import Any

BROKEN_PIPE = 141
"""The shell's code for a process that SIGPIPE ended."""
_USAGE = 2
_INTERRUPTED = 130
_NAME = "standard output"


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
            raise OSError(error.errno, error.strerror, _NAME) from None


def is_of_output(error: OSError) -> bool:
    """Whether an error is that of standard output, which :func:`guarded` reports."""
    return bool(error.filename == _NAME)


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
        try:
            command()
        finally:
            sys.stdout.flush()
    except OSError:
        if output.lost is None:
            raise
    except SystemExit as end:
        if output.lost is None:
            raise
        code = end.code
    if output.lost == errno.EPIPE or (output.lost == errno.EIO and was_terminal):
        sys.exit(code if code == _INTERRUPTED else BROKEN_PIPE)
    if output.lost is not None:
        if code != _USAGE:  # else the command has reported it
            sys.stderr.write(f"sorm-mediator: {_NAME}: can't be written: {os.strerror(output.lost)}\n")
        sys.exit(_USAGE)
