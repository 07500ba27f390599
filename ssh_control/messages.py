"""Lines of the dialect and the requests in them.

A line is one JSON object in UTF-8, ended by a newline, of bounded length. :data:`OPERATIONS` holds every request that a
mediator can send, with the shape of its params. The shape (which keys, of which type) is checked here, once; the
meaning (is that a subscriber? is there such a trunk?) is for the switch. Unknown keys are left alone: a newer mediator
may send more. Fields and their values have the names of the order's messages (``own-subscriber``, ``combined`` ...).

Pure: octets in, lines out. Whatever a peer sends, only :class:`DialectError` escapes.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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


Check = Callable[[Any], str | None]
"""What must be true of a value, in words, when it is not; else ``None``."""

SYNC_CHUNK = 500
"""Objects in one `sync` request: about 90,000 octets, a third of the longest line."""


def _whole(low: int, high: int) -> Check:
    def check(value: Any) -> str | None:
        if type(value) is int and low <= value <= high:
            return None
        return f"must be a whole number {low}..{high}"

    return check


def _text(longest: int) -> Check:
    def check(value: Any) -> str | None:
        if isinstance(value, str) and 0 < len(value) <= longest:
            return None
        return f"must be a text of 1..{longest} characters"

    return check


def _truth(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _or_null(check: Check) -> Check:
    def either(value: Any) -> str | None:
        if value is None:
            return None
        problem = check(value)
        return None if problem is None else f"{problem}, or null"

    return either


def _table(fields: Mapping[str, Check]) -> Check:
    def check(value: Any) -> str | None:
        if not isinstance(value, dict):
            return "must be an object"
        return shape_problem(fields, value)

    return check


def _list_of(check: Check) -> Check:
    def all_of(value: Any) -> str | None:
        if not isinstance(value, list):
            return "must be a list"
        for index, item in enumerate(value):
            problem = check(item)
            if problem is not None:
                return f"[{index}]: {problem}"
        return None

    return all_of


def shape_problem(fields: Mapping[str, Check], value: Mapping[str, Any]) -> str | None:
    """The first thing that is wrong with ``value``, such as ``number: is missing``; ``None``: nothing is."""
    for key, check in fields.items():
        if key not in value:
            return f"{key}: is missing"
        problem = check(value[key])
        if problem is not None:
            return f"{key}: {problem}"
    return None


OBJECT: Mapping[str, Check] = {
    "object_number": _whole(0, 0xFFFE),
    "object_type": _text(32),
    "number_sign": _or_null(_text(32)),
    "number": _or_null(_text(18)),
    "trunk": _or_null(_whole(0, 0xFFFE)),
    "category": _or_null(_text(32)),
    "priority": _or_null(_text(32)),
}
"""An object under control, as it crosses (order 268, 6.5.5; group and lines stay with the mediator)."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One op: the shape of its params, and what it is for."""

    params: Mapping[str, Check]
    purpose: str


OPERATIONS: Mapping[str, Operation] = {
    "add": Operation({"object": _table(OBJECT)}, "put one object under control (command 5)"),
    "change": Operation(
        {key: OBJECT[key] for key in ("object_number", "category", "priority")},
        "give an object another category and priority (command 15)",
    ),
    "remove": Operation({"object_number": OBJECT["object_number"]}, "take an object off control (command 6)"),
    "join": Operation(
        {"object_number": OBJECT["object_number"]}, "report the running calls that an object touches, too"
    ),
    "sync": Operation(
        {"objects": _list_of(_table(OBJECT)), "first": _truth, "last": _truth},
        "replace all objects of this mediator, in chunks",
    ),
    "clear": Operation({}, "drop all objects of this mediator (command 2)"),
    "services": Operation(
        {"number": _text(18), "number_sign": _or_null(_text(32))},
        "the services of a subscriber (command 12)",
    ),
    "trunks": Operation({"trunk": _or_null(_whole(0, 0xFFFE))}, "the names of trunks (command 16)"),
    "ping": Operation({}, "is anybody there?"),
}


def request_problem(op: str, params: Mapping[str, Any]) -> str | None:
    """Why this can't be asked, in words; ``None`` when it can."""
    operation = OPERATIONS.get(op)
    if operation is None:
        return f"unknown op {op[:40]!a}; there are {', '.join(OPERATIONS)}"
    problem = shape_problem(operation.params, params)
    return None if problem is None else f"{op}: {problem}"


def sync_chunks(objects: Sequence[Mapping[str, Any]], size: int = SYNC_CHUNK) -> Iterator[dict[str, Any]]:
    """The params of the `sync` requests that hand over all ``objects``, in order; one when there are none."""
    for start in range(0, max(len(objects), 1), size):
        yield {
            "objects": list(objects[start : start + size]),
            "first": start == 0,
            "last": start + size >= len(objects),
        }
