"""Octets written as text: hex in its common notations, quoted byte strings, and hex dumps.

Understood: ``CC 01``, ``CC01``, ``cc:01``, ``0xCC, 0x01``, ``CCh 01h``, ``\\xCC\\x01``, byte strings of
Python and C (``b"\\xcc\\x01123456"``), any of them over several lines and with ``#`` comments; dumps of
``xxd``, ``xxd -i``, ``hexdump``, ``hexdump -C``, ``od -A x|o|d -t x1|x1z|x2`` and Wireshark (packet bytes,
and "Follow stream", where the indentation marks the direction).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from sorm_mediator.capture.events import CaptureError
from sorm_mediator.capture.packets import is_frame

MAX_REPEATED = 4 * 1024 * 1024
"""The most octets for the ``*`` of a dump (lines equal to the one before)."""


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive octets; ``side`` names the direction in a dump of two directions."""

    data: bytes
    side: str = ""


def parse_text(text: str) -> list[Part]:
    """The octets written in ``text``.

    Raises :class:`CaptureError` with the first character that is not hex, or for a text without octets.
    """
    parts = _parse_dump(text) or _parse_escapes(text) or [Part(_parse_hex(text))]
    if not any(part.data for part in parts):
        raise CaptureError("nothing to decode: no hexadecimal digit in the input")
    return parts


# --- plain hex

_TOKEN = re.compile(
    r"(?P<prefix>0[xX]|16\#|\\[xX])?(?P<digits>[0-9A-Fa-f]+)(?P<suffix>[hH])?(?![G-Zg-z])"
    r"|(?P<skip>[\s,;:.|_'\"\[\]{}()<>-]+|\#[^\n]*)"
)
_BEGUN = re.compile(r"(?:0[xX]|16\#|\\[xX])?[0-9A-Fa-f]*")
_C_ARRAY = re.compile(r"[^{}]*=\s*\{([^{}]*)\}[^{}]*")


def _parse_hex(text: str, at: Callable[[str, int], str] | None = None) -> bytes:
    """``at`` tells the place of a character; by default :func:`place`."""
    at = at or place
    if (array := _C_ARRAY.fullmatch(text)) is not None:
        # The text around the braces becomes blank, so that positions in messages stay right.
        text = re.sub(r"\S", " ", text[: array.start(1)]) + array[1]
    if (joined := _joined(text)) is not None:
        return joined
    octets = bytearray()
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            if (begun := _BEGUN.match(text, position)) is not None and begun.end() < len(text):
                position = begun.end()
            raise CaptureError(f"not hex: {text[position]!r} at {at(text, position)}")
        position = token.end()
        digits = token["digits"]
        if digits is None:
            continue
        if len(digits) % 2:
            # 0x1 and 1h are octets. A lone digit is half an octet, or belongs to its neighbour.
            if not (token["prefix"] or (token["suffix"] and len(digits) == 1)):
                count = f"{len(digits)} digits, an odd number," if len(digits) > 1 else "half an octet"
                raise CaptureError(f"not hex: {count} at {at(text, token.start('digits'))}")
            digits = "0" + digits
        octets += bytes.fromhex(digits)
    return bytes(octets)


def _joined(text: str) -> bytes | None:
    """One long number broken into lines at any place, even within an octet."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    digits = "".join(lines)
    if len(lines) < 2 or len(digits) % 2 or any(len(line) < 3 for line in lines[:-1]):
        return None
    return bytes.fromhex(digits) if re.fullmatch("[0-9A-Fa-f]+", digits) else None


def place(text: str, position: int) -> str:
    """The position of a character, for people: counted from 1, with the line if there are several."""
    if "\n" not in text.strip("\n"):
        return f"character {position + 1}"
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return f"character {position + 1} (line {line}, column {column})"


def plain_lines(text: str) -> bool:
    """Whether the whole lines of ``text``, which has no end yet, are plain hex, each by itself, and hold octets."""
    whole = text[: text.rfind("\n") + 1]
    if _parse_dump(whole) or _parse_escapes(whole):
        return False
    try:
        octets = b"".join(map(_parse_hex, whole.splitlines()))
    except CaptureError:
        return False
    return bool(octets) and not is_frame(octets)


class HexLines:
    """Lines of plain hex that come one after another."""

    def __init__(self) -> None:
        self._characters = 0
        self._lines = 0

    def octets(self, text: str) -> bytes:
        """The octets of the next lines. Raises :class:`CaptureError` with the first character that is not hex."""
        octets = bytearray()
        for line in text.splitlines(keepends=True):
            octets += _parse_hex(line, self._place)
            self._characters += len(line)
            self._lines += 1
        return bytes(octets)

    def _place(self, line: str, position: int) -> str:
        return f"character {self._characters + position + 1} (line {self._lines + 1}, column {position + 1})"


# --- byte strings

_ESCAPED = re.compile(r"\\[xX][0-9A-Fa-f]{2}")
_ESCAPE = re.compile(r"\\(?:[xX](?P<hex>[0-9A-Fa-f]{2})|(?P<octal>[0-3]?[0-7]{1,2})|(?P<char>.))", re.DOTALL)
_CHARACTERS = {"n": 10, "r": 13, "t": 9, "a": 7, "b": 8, "f": 12, "v": 11, "\\": 92, "'": 39, '"': 34}
_QUOTED = re.compile(r"[bB]?(?P<quote>[\"'])(?P<inside>.*)(?P=quote)[,;]?", re.DOTALL)


def _parse_escapes(text: str) -> list[Part] | None:
    """A byte string; nothing if the text has no ``\\x``, or has nothing else (that is plain hex)."""
    if not _ESCAPED.search(text):
        return None
    body = text.strip()
    start = text.index(body)
    quoted = _QUOTED.fullmatch(body)
    if quoted is not None:
        start += quoted.start("inside")
        body = quoted["inside"]
    elif not _ESCAPED.sub("", body).strip(" \t\r\n,;"):
        return None
    octets = bytearray()
    position = 0
    while position < len(body):
        if body[position] != "\\":
            if not 0x20 <= ord(body[position]) < 0x7F:
                raise CaptureError(
                    f"not a byte string: {body[position]!r} at {place(text, start + position)}"
                )
            octets.append(ord(body[position]))
            position += 1
            continue
        escape = _ESCAPE.match(body, position)
        octet = _octet(escape) if escape is not None else None
        if escape is None or octet is None:
            raise CaptureError(
                f"not a byte string: unknown escape {body[position : position + 2]!r}"
                f" at {place(text, start + position)}"
            )
        octets.append(octet)
        position = escape.end()
    return [Part(bytes(octets))]


def _octet(escape: re.Match[str]) -> int | None:
    if escape["hex"] is not None:
        return int(escape["hex"], 16)
    if escape["octal"] is not None:
        return int(escape["octal"], 8)
    return _CHARACTERS.get(escape["char"])


# --- dumps

_LINE = re.compile(
    r"(?P<indent>[ \t]*)(?:0[xX])?(?P<offset>[0-9A-Fa-f]{4,16})(?P<colon>:?)(?P<rest>[ \t].*|)"
)
_GROUP = re.compile(r"(?P<space>[ \t]+)(?P<digits>(?:[0-9A-Fa-f]{2})+)(?=[ \t]|$)")


@dataclass(slots=True)
class _Row:
    """One line of a dump."""

    indent: str
    offset: str
    data: bytes
    single: bool  # single octets, not words
    repeated: bool = False  # a "*": lines equal to the one before, up to this offset


def _parse_dump(text: str) -> list[Part] | None:
    """The octets of a dump; nothing if the text isn't a dump: offsets and counts must agree."""
    rows = _rows(text)
    if not rows or not any(row.data for row in rows):
        return None
    # With lines left out ("*") every radix may fit. Seven digits before single octets are an offset of od, in
    # octal or in decimal; all other tools have hexadecimal offsets.
    of_od = all(len(row.offset) == 7 and row.single for row in rows)
    for exact in (True, False):
        for radix in (8, 10, 16) if of_od else (16, 8, 10):
            parts = _assemble(rows, radix, exact=exact)
            if parts is not None:
                return parts
    return None


def _rows(text: str) -> list[_Row] | None:
    rows: list[_Row] = []
    repeated = False
    for line in text.splitlines():
        if not line.strip():
            continue
        if line.strip() == "*" and rows:
            repeated = True
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            return None
        data, single = _columns(match["rest"], colon=bool(match["colon"]))
        if match["rest"].strip() and not data:
            return None
        rows.append(_Row(match["indent"], match["offset"], data, single, repeated))
        repeated = False
    return rows


def _columns(rest: str, *, colon: bool) -> tuple[bytes, bool]:
    """The octets of a line: one space apart, two in the middle (not in xxd), then the column of text."""
    octets = bytearray()
    single = True
    position = 0
    while group := _GROUP.match(rest, position):
        space = len(group["space"])
        if octets and space > 1 and not (space == 2 and len(octets) == 8 and not colon):
            break
        digits = bytes.fromhex(group["digits"])
        # hexdump and od write words in the host's byte order; today's hosts are little-endian.
        octets += digits[::-1] if len(digits) == 2 and not colon else digits
        single &= len(digits) == 1
        position = group.end()
    return bytes(octets), single


def _assemble(rows: list[_Row], radix: int, *, exact: bool) -> list[Part] | None:
    """Rows -> parts, if every offset equals the end of the octets before it.

    Without ``exact``, a row may have more octets than the next offset allows: text that looks like octets, or
    the padding of the last word.
    """
    sides: dict[str, _Side] = {}
    parts: list[Part] = []
    for row in rows:
        try:
            offset = int(row.offset, radix)
        except ValueError:
            return None
        side = sides.get(row.indent)
        if side is None:
            side = sides[row.indent] = _Side("" if not sides else f" {len(sides) + 1}", offset)
            if offset and len(rows) == 1:
                return None
        elif offset == 0 and side.data:
            parts.append(side.cut())
            side.start = 0
        if not side.advance(offset, repeated=row.repeated, exact=exact):
            return None
        side.data += row.data
        side.last = row.data
    return [*parts, *(side.cut() for side in sides.values())]


@dataclass(slots=True)
class _Side:
    """The octets collected for one indentation."""

    name: str
    start: int
    data: bytearray = field(default_factory=bytearray)
    last: bytes = b""

    def advance(self, offset: int, *, repeated: bool, exact: bool) -> bool:
        """Whether the next line may begin at ``offset``; cuts text taken for octets and fills a ``*``."""
        missing = offset - self.start - len(self.data)
        if missing > 0 and repeated and self.last and missing <= MAX_REPEATED:
            times, rest = divmod(missing, len(self.last))
            self.data += self.last * times
            return rest == 0
        if not exact and missing < 0 and len(self.last) + missing > 0:
            del self.data[missing:]
            return True
        return missing == 0

    def cut(self) -> Part:
        part = Part(bytes(self.data), self.name)
        self.data = bytearray()
        self.last = b""
        return part
