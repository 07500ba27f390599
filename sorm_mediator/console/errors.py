"""What can go wrong on the console's side before or beside an expectation."""

from __future__ import annotations

from pathlib import Path

from protocol.language import Phrase

BROKEN_PIPE = 141
"""Exit code when the reader of the output has gone: a shell's for a process that SIGPIPE has ended."""


def words(error: Exception) -> str:
    """The text of an error, in both languages where it has them."""
    return next((text for text in error.args if isinstance(text, Phrase)), str(error))


class UsageError(Exception):
    """The command line is wrong. The text names the option, its value and what is allowed (exit 2)."""


class ScriptError(Exception):
    """A script can't be used. The text is one line: file:line, key, value, what is allowed (exit 2)."""


class ConnectError(Exception):
    """A channel of the mediator, or its web, can't be reached. The text names host:port (exit code 3)."""


class StepError(Exception):
    """A step can't be carried out, for example on a closed channel: it fails with this text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def unreadable(path: Path, error: Exception) -> str:
    """Why a file can't be read: it is named once."""
    if isinstance(error, UnicodeDecodeError):
        return f"{path}: can't be read: octet {error.start} is no UTF-8"
    return f"{path}: can't be read: {getattr(error, 'strerror', None) or error}"
