"""The ready line of a program that runs until it is stopped, and its copy in a file for whoever waits for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sorm_mediator.errors import BoxError


class ReadyFile:
    """The file of ``--ready-file``. It is there while the program is ready, always whole, and for its owner alone."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def write(self, line: str) -> None:
        """The program is ready. Raises :class:`BoxError`."""
        if self._path is None:
            return
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(line + "\n")
            beside.replace(self._path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise _unusable(self._path, error) from None

    def remove(self) -> None:
        """The program is not ready. Raises :class:`BoxError`."""
        try:
            if self._path is not None:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            raise _unusable(self._path, error) from None


@contextmanager
def ready_file(path: Path | None) -> Iterator[ReadyFile]:
    """The file of a program that begins now: what an earlier one has left is removed, and the own one at the end.

    None: no file. Raises :class:`BoxError`.
    """
    if path is not None and not os.path.isdir(os.path.dirname(os.path.realpath(path))):
        raise BoxError(f"--ready-file: {path}: its folder does not exist")
    file = ReadyFile(path)
    file.remove()
    try:
        yield file
    finally:
        file.remove()


def _unusable(path: Path | None, error: OSError) -> BoxError:
    return BoxError(f"--ready-file: {path}: can't be written: {error.strerror or error}")
