"""Lines of the dialect: one JSON object each, in UTF-8, ended by a newline, of bounded length.

Pure: octets in, lines out. Whatever a peer sends, only :class:`DialectError` escapes.
"""

from __future__ import annotations

import json
from collections import deque
from typing import Any

WRONG_LENGTH = 0x10
"""Extended error code (Eltex SMG1016M manual, Extended error codes): the command has a wrong length."""
WRONG_PARAMETERS = 0x11
"""Extended error code (Eltex SMG1016M manual, Extended error codes): error in the parameters."""

MAX_REQUEST_LINE = 256 * 1024
"""The longest line that a switch reads, octets without the newline: a `sync` chunk of about 1,500 objects."""
MAX_REPLY_LINE = 4 * 1024 * 1024
"""The longest line that a mediator reads: refusals of all 65,535 possible objects fit into a `sync` reply."""


MOST_NESTING = 16
"""Lists and objects within each other in what a switch says (our choice); the dialect itself needs five."""


class DialectError(Exception):
    """What the peer (or the caller) said is not the dialect. ``code``: the extended error code to answer."""

    def __init__(self, text: str, code: int = WRONG_PARAMETERS) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


_decoder = json.JSONDecoder(parse_constant=_no_constant)
_encoder = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def encode_line(message: dict[str, Any], limit: int) -> bytes:
    """One line, newline included. Raises :class:`DialectError`: it isn't JSON, or longer than ``limit``."""
    try:
        line = _encoder.encode(message).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise DialectError(f"can't be said in JSON: {error}") from None
    if len(line) > limit:
        raise DialectError(f"a line of {len(line)} octets; at most {limit} are allowed", WRONG_LENGTH)
    return line + b"\n"


def decode_line(line: bytes) -> dict[str, Any]:
    """The JSON object of a line. Raises :class:`DialectError`."""
    try:
        message = _decoder.decode(str(line, "utf-8"))
    except (ValueError, RecursionError) as error:
        raise DialectError(f"the line is no JSON: {error or type(error).__name__}") from None
    if not isinstance(message, dict):
        raise DialectError(f"the line is no JSON object but {type(message).__name__}")
    return message


def is_nested_deeper(value: Any, most: int = MOST_NESTING) -> bool:
    """Whether lists and objects stand within each other more than ``most`` deep.

    What is read may be shown and stored again, by code that goes into it as deep as it is nested.
    """
    level = [value]
    for _ in range(most):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


class LineReader:
    """Cuts a stream into lines of at most ``limit`` octets; blank lines are passed over.

    A longer line is reported once (as ``None``) and the rest of it thrown away as it comes, so that memory is
    bounded and the next line is read as if nothing had been.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lines: deque[bytes | None] = deque()
        self._tail = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> None:
        """Take octets as they come."""
        *ended, rest = data.split(b"\n")
        if ended:
            first = ended[0]
            if self._tail:
                ended[0] = bytes(self._tail) + first
                self._tail.clear()
            if self._skipping:
                self._skipping = False
                del ended[0]
            limit = self.limit
            self._lines.extend([line if len(line) <= limit else None for line in ended if line])
        if rest and not self._skipping:
            self._tail += rest
            if len(self._tail) > self.limit:
                self._tail.clear()
                self._skipping = True
                self._lines.append(None)

    def __bool__(self) -> bool:
        return bool(self._lines)

    def next_line(self) -> bytes | None:
        """The next line, or ``None`` for one that was too long; :class:`IndexError` when there is none."""
        return self._lines.popleft()

    @property
    def pending(self) -> int:
        """Octets of the line that has not ended yet."""
        return len(self._tail)

    def clear(self) -> None:
        """Forget all that was read."""
        self._lines.clear()
        self._tail.clear()
        self._skipping = False
