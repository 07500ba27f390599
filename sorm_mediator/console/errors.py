"""Errors on the console's side other than a failed expectation."""

from __future__ import annotations

import os
import signal
import stat
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from sorm_mediator.config.places import where_shipped
from sorm_mediator.language import Phrase
from ssh_control.visible import visible_lines

STARTED_ALREADY = Phrase(
    "the technical means are started already, perhaps by an earlier run: send stop first"
)
"""What is said to a refused command 1 (27h/16h, or 28h/07h)."""


def words(error: Exception) -> str:
    """The text of an error, in both languages where it has them."""
    return next((text for text in error.args if isinstance(text, Phrase)), str(error))


class UsageError(Exception):
    """The command line is wrong. The text names the option, its value and what is allowed (exit 2)."""


def check_choice(option: str, value: str, allowed: Sequence[str]) -> None:
    """Raises :class:`UsageError` unless ``value`` is allowed; the error does not list ""."""
    if value not in allowed:
        raise UsageError(
            Phrase(
                "{option}: {value} is not allowed: {allowed}",
                option=option, value=repr(value), allowed=", ".join(filter(None, allowed)),
            )
        )  # fmt: skip


def check_web(url: str) -> None:
    """Raises :class:`UsageError` unless ``--web`` is a URL, or not given."""
    if url and not url.startswith(("http://", "https://")):
        raise UsageError(f"--web: {url!r} is not allowed: a URL such as http://127.0.0.1:8080")


def check_folders(files: Mapping[str, Path | None], folders: Mapping[str, Path | None] = {}) -> None:
    """Raises :class:`UsageError` for the first option whose file or folder can't be written there, before work begins.

    What is not there yet is fine where its folder is.
    """
    for option, path in {**files, **folders}.items():
        if path is None:
            continue
        if not os.path.isdir(os.path.dirname(os.path.realpath(path))):
            raise UsageError(f"{option}: {path}: its folder does not exist")
        try:
            is_folder = stat.S_ISDIR(os.stat(path).st_mode)
        except FileNotFoundError:
            continue  # it will be made
        except OSError as error:
            raise UsageError(f"{option}: {path}: can't be written: {error.strerror or error}") from None
        if is_folder and option in files:
            raise UsageError(f"{option}: {path}: is a folder: give a file in it")
        if not is_folder and option in folders:
            raise UsageError(f"{option}: {path}: is no folder")


def report_error(error: object, code: int) -> int:
    """Show an error on stderr. Returns ``code``, the exit code, also when stderr is a terminal that was closed."""
    with suppress(OSError):
        sys.stderr.write(f"sorm-mediator: {visible_lines(error)}\n")
    return code


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What interrupts a run: Ctrl-C, what CI sends at a time-out, and the end of the terminal."""


class RunInterruptedError(Exception):
    """One of :data:`SIGNALS` ended the run of a script. The text says where."""


class ScriptError(Exception):
    """A script can't be used. The text has a line for each mistake: file:line, key, value, what is allowed (exit 2)."""


class ConnectError(Exception):
    """A channel of the mediator, or its web, can't be reached. The text names host:port (exit code 3)."""


class HungUpError(ConnectError):
    """The mediator was reached, and hung up before it had said anything."""


class NotReadyError(Exception):
    """The mediator can't be examined as it is. The text gives the reason and what to change (exit code 2)."""


class StepError(Exception):
    """A step can't be carried out, for example on a closed channel: it fails with this text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def unreadable(path: Path, error: Exception) -> str:
    """Why a file can't be read. The text names the file once."""
    if isinstance(error, UnicodeDecodeError):
        return f"{path}: can't be read: octet {error.start} is no UTF-8"
    return f"{path}: can't be read: {getattr(error, 'strerror', None) or error}{where_shipped(path)}"


def unwritable(error: OSError) -> str:
    """Why a report or a capture can't be written. The text names the file, if it is one."""
    what = f"{error.filename}:" if error.filename else "the output"
    return f"{what} can't be written: {error.strerror or error}"
