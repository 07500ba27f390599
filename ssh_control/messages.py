"""Lines of the dialect and the requests in them.

A line is one JSON object in UTF-8, ended by a newline, of bounded length. :data:`OPERATIONS` holds every request that a
mediator can send, with the shape of its params. This module checks the shape (which keys, of which type); the switch
checks the meaning (is that a subscriber?). Unknown keys are allowed, since a newer mediator may send more. Fields and
values have the names of the order's messages (``own-subscriber``, ``combined`` ...).

No input of a peer raises anything but :class:`DialectError`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct, defstruct

from ssh_control.codes import ExtendedError

MAX_REQUEST_LINE: Final = 256 * 1024
"""The longest line that a switch reads, octets without the newline: a `sync` chunk of about 1,500 objects."""
MAX_REPLY_LINE: Final = 4 * 1024 * 1024
"""The longest line that a mediator reads: refusals of all 65,535 possible objects fit into a `sync` reply."""
MOST_NESTING: Final = 16
"""Lists and objects within each other in what a switch sends (our choice); the dialect itself needs five."""
SYNC_CHUNK: Final = 500
"""Objects in one `sync` request: about 90,000 octets, a third of the longest line."""

LINE_UNKNOWN: Final = 0xFF
"""Line state of an object that has no subscriber line in the domain (order 268, 9.3.6.4)."""


class DialectError(Exception):
    """A line that a peer sent, or that the caller sends, breaks the dialect. ``code``: that of the refusal."""

    def __init__(self, text: str, code: int = ExtendedError.WRONG_PARAMETERS) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


# --- requests

ObjectNumber = Annotated[int, Meta(ge=0, le=0xFFFE, description="a whole number 0..65534")]
TrunkNumber = ObjectNumber
Word = Annotated[str, Meta(min_length=1, max_length=32, description="a text of 1..32 characters")]
Digits = Annotated[str, Meta(min_length=1, max_length=18, description="a text of 1..18 characters")]


class ObjectShape(Struct):
    """An object under control, as it crosses (order 268, 6.5.5; group and lines stay with the mediator)."""

    object_number: ObjectNumber
    object_type: Word
    number_sign: Word | None
    number: Digits | None
    trunk: TrunkNumber | None
    category: Word | None
    priority: Word | None


_PARAMS: Final[Mapping[str, Mapping[str, Any]]] = {
    # Put an object under control (command 5).
    "add": {"object": ObjectShape},
    # Give an object another category and priority (command 15).
    "change": {"object_number": ObjectNumber, "category": Word | None, "priority": Word | None},
    # Take an object off control (command 6).
    "remove": {"object_number": ObjectNumber},
    # Report also the running calls that an object touches.
    "join": {"object_number": ObjectNumber},
    # Replace all objects of this mediator, in chunks.
    "sync": {"objects": list[ObjectShape], "first": bool, "last": bool},
    # Drop all objects of this mediator (command 2).
    "clear": {},
    # The services of a subscriber (command 12).
    "services": {"number": Digits, "number_sign": Word | None},
    # The names of one trunk, or of all (null) (command 16).
    "trunks": {"trunk": TrunkNumber | None},
    # Ask for a sign of life.
    "ping": {},
}
OPERATIONS: Final[Mapping[str, type[Struct]]] = {
    op: defstruct(op, params.items()) for op, params in _PARAMS.items()
}
"""Every op and the shape of its params."""


def request_problem(op: str, params: Mapping[str, Any]) -> str | None:
    """Why a request is malformed, such as ``add: object: number: is missing``; ``None`` when it is right."""
    shape = OPERATIONS.get(op)
    if shape is None:
        return f"unknown op {op[:40]!a}; there are {', '.join(OPERATIONS)}"
    try:
        msgspec.convert(params, shape)
    except msgspec.ValidationError as error:
        return f"{op}: {_in_words(shape, str(error))}"
    return None


_MISSING = re.compile(r"missing required field `(\w+)`")
_PLACE = re.compile(r" - at `\$(.*)`$")
_STEP = re.compile(r"\w+|\[\d+\]")


def _in_words(shape: type[Struct], error: str) -> str:
    """msgspec's error in the words of the dialect: the place, and what must be there."""
    place, missing = _PLACE.search(error), _MISSING.search(error)
    steps = _STEP.findall(place[1]) if place else []
    if missing:
        return ": ".join((*steps, missing[1], "is missing"))
    hint: Any = shape
    for step in steps:
        hint = get_args(hint)[0] if step.startswith("[") else _hints(_without_null(hint)[0])[step]
    kind, or_null = _without_null(hint)
    return ": ".join((*steps, f"must be {_KINDS.get(kind) or _description(kind)}{or_null}"))


_KINDS: Final[Mapping[Any, str]] = {
    bool: "true or false",
    list[ObjectShape]: "a list",
    ObjectShape: "an object",
}


@cache
def _hints(shape: type[Struct]) -> dict[str, Any]:
    return get_type_hints(shape, include_extras=True)


def _without_null(hint: Any) -> tuple[Any, str]:
    inner = [one for one in get_args(hint) if one is not type(None)]
    return (inner[0], ", or null") if type(None) in get_args(hint) else (hint, "")


def _description(kind: Any) -> str:
    return next(str(one.description) for one in kind.__metadata__ if isinstance(one, Meta))


# --- lines

_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder()


def encode_line(message: dict[str, Any], limit: int) -> bytes:
    """One line with its newline. NaN and the infinities become ``null``, since JSON lacks them.

    Raises :class:`DialectError` for what JSON can't hold, and for more than ``limit`` octets.
    """
    try:
        line = _encoder.encode(message)
    except (TypeError, ValueError, RecursionError) as error:
        raise DialectError(f"can't be written as JSON: {error}") from None
    if len(line) > limit:
        raise DialectError(
            f"a line of {len(line)} octets; at most {limit} are allowed", ExtendedError.WRONG_LENGTH
        )
    return line + b"\n"


def decode_line(line: bytes) -> dict[str, Any]:
    """The JSON object of a line; the last value of a repeated key counts. Raises :class:`DialectError`.

    NaN and the infinities are errors, too, and so are numbers beyond the range of a float or of more than 4,300 digits,
    and halves of surrogate pairs.
    """
    try:
        message = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        why = _PLACE.sub("", str(error).removeprefix("JSON is malformed: "))
        raise DialectError(f"the line is no JSON: {why}") from None
    if not isinstance(message, dict):
        raise DialectError(f"the line is no JSON object but {type(message).__name__}")
    return message


def is_nested_deeper(value: Any, most: int = MOST_NESTING) -> bool:
    """Whether lists and objects stand within each other more than ``most`` deep.

    A message may be printed and stored again, by code that recurses as deep as the message is nested.
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
    """Cuts a stream into lines of at most ``limit`` octets, and skips blank lines.

    A longer line is reported once, as ``None``, and its rest is dropped on arrival. So memory is bounded, and the next
    line is read as usual.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lines: deque[bytes | None] = deque()
        self._tail = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> None:
        """Take octets, cut anywhere."""
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
        """The next line; ``None`` for one that was too long. Raises :class:`IndexError` when there is none."""
        return self._lines.popleft()

    @property
    def pending(self) -> int:
        """Octets of the line that has not ended yet."""
        return len(self._tail)

    def clear(self) -> None:
        """Drop all octets read so far."""
        self._lines.clear()
        self._tail.clear()
        self._skipping = False
