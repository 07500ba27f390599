"""Messages as people read them: a heading, and one line per field with its value and meaning.

The rule of passwords: people never see one, not even the order's public default, neither in fields (``******``) nor in
octets (``**``, :func:`masked_hex`). What programs read (JSON, captures) is exact.
Header octets with usual values are left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from protocol.codec import UnknownUnit
from protocol.codes import PREAMBLE, Channel, MessageCoding, channel_of
from protocol.language import Lang, Phrase, translate
from protocol.memo import Memo
from protocol.messages import COMMANDS, KPD1_MESSAGES, Message, SetPassword, cached, caption, wires
from protocol.messagetext import DEFAULT_CODING
from protocol.options import Options
from protocol.texts import unknown
from protocol.wire import MASK, Row, Wire

_INDENT = "  "
_ROW = 16
_BY_CODE = {command.code: command for command in COMMANDS}
_COMMAND_BEGINS = re.compile(
    b"(?=%c.[%s].)" % (PREAMBLE, re.escape(bytes(sorted(message.code for message in COMMANDS)))), re.DOTALL
)
# A message by itself: 1 of 1 (order 268, 8.2.1.5, 8.2.1.6); some send 0 of 0.
_SINGLE = ((1, 1), (0, 0))
_NUMBERING = frozenset(("total", "index"))

_COMMAND = Phrase("command")
_KPD1 = Phrase("KPD1 message")
_KPD2 = Phrase("KPD2 message")
_UNKNOWN = Phrase("unknown unit")
_OCTETS = Phrase("octets")
_PAYLOAD = Phrase("payload")


def render(
    message: Message | UnknownUnit,
    lang: Lang = "en",
    *,
    coding: MessageCoding = DEFAULT_CODING,
    raw: bytes = b"",
) -> list[str]:
    """A heading and one aligned line a field, without line ends; ``coding`` is that of the text of 2Ch.

    ``raw``: the unit's octets. A command with another one inside is shown without values (:func:`has_another_inside`).
    """
    rows = _field_rows(message, lang, coding, raw)
    captions = max([len(title) for title, _, _ in rows], default=0)
    values = max([len(value) for _, value, meaning in rows if meaning], default=0)
    plain = f"{_INDENT}%-{captions}s{_INDENT}%s"
    explained = f"{_INDENT}%-{captions}s{_INDENT}%-{values}s{_INDENT}%s"
    return [
        heading(message, lang),
        *[(explained % row if row[2] else plain % row[:2]).rstrip() for row in rows],
    ]


def heading(message: Message | UnknownUnit, lang: Lang = "en") -> str:
    """``add-object: put an object under control (05h, command 5, ORM 1)``."""
    if not isinstance(message, Message):
        number = (
            f", {translate(caption('orm_number'), lang)} {message.raw[1]}" if len(message.raw) > 1 else ""
        )
        octets = f"{len(message.raw)} {translate(_OCTETS, lang)}"
        return f"{translate(_UNKNOWN, lang)} ({message.code:02X}h, {octets}{number})"
    return f"{_heading_begin(type(message), lang)} {message.orm_number})"


@cached
def _heading_begin(cls: type[Message], lang: Lang) -> str:
    orm = translate(caption("orm_number"), lang)
    return (
        f"{cls.message_name}: {translate(cls.title, lang)} ({cls.code:02X}h, {serial_text(cls, lang)}, {orm}"
    )


def _field_rows(
    message: Message | UnknownUnit, lang: Lang, coding: MessageCoding, raw: bytes
) -> Sequence[Row]:
    """The fields worth showing, in wire order."""
    if not isinstance(message, Message):
        return octet_rows(message.raw, lang, channel=message.channel)
    columns = _columns(type(message), coding, lang)
    if has_another_inside(raw):
        return [Row(title, MASK) for _, title, _ in columns]
    is_single = (getattr(message, "total", 1), getattr(message, "index", 1)) in _SINGLE
    rows: list[Row] = []
    for name, _, shown in columns:
        if is_single and name in _NUMBERING:
            continue
        value = getattr(message, name)
        try:
            rows += shown[value]
        except TypeError:  # a value with a list in it, of a message that was made by hand
            rows += shown.make(value)
    return rows


@cached
def _columns(
    cls: type[Message], coding: MessageCoding, lang: Lang
) -> tuple[tuple[str, str, Memo[Any, Sequence[Row]]], ...]:
    """Name, caption and the rows by value of every field but the ORM number, which is in the heading."""
    declared = wires(cls, Options(message_text=coding))
    captions = {name: translate(caption(name), lang) for name in declared if name != "orm_number"}
    return tuple(
        (name, title, Memo(partial(_rows, name, title, declared[name], lang)))
        for name, title in captions.items()
    )


def _rows(name: str, title: str, wire: Wire, lang: Lang, value: Any) -> Sequence[Row]:
    """The rows of a value; none for one that is not worth showing."""
    if name == "command":
        return [Row(title, f"{value:02X}h", command_text(value, lang))]
    return [] if value in wire.usual else wire.rows(title, value, lang)


def octet_rows(
    raw: bytes, lang: Lang = "en", *, channel: Channel | None = None, before: bytes = b""
) -> list[Row]:
    """Octets of no known unit, sixteen a line; what may be a password in them is masked.

    ``before``: those that came before them, in which a command may have begun (:data:`REACH` of them suffice).
    """
    shown = masked_hex(raw, channel=channel, anywhere=channel is None, before=before).split(" ")
    return [
        Row(translate(_PAYLOAD, lang) if start == 0 else "", " ".join(shown[start : start + _ROW]))
        for start in range(0, len(raw), _ROW)
    ]


def has_another_inside(raw: bytes) -> bool:
    """Whether a command broke off and the header of the next lies in it, whose password is then in its fields."""
    return len(raw) > 3 and channel_of(raw[2]) is Channel.COMMAND and bool(_COMMAND_BEGINS.search(raw, 1))


REACH = 15
"""So many octets may a command have before the last one of its new password (order 268, 5.2.2, 6.3)."""


def masked_hex(
    raw: bytes, *, channel: Channel | None = None, anywhere: bool = False, before: bytes = b""
) -> str:
    """A unit in hexadecimal, ``**`` for the octets that are a command's password.

    ``anywhere``: ``raw`` need not be a unit, and everything that looks like a command in it is masked, also one that
    began in the octets ``before`` it.
    """
    if before and anywhere:
        before = before[-REACH:]
        return masked_hex(before + raw, channel=channel, anywhere=True)[3 * len(before) :]
    text = raw.hex(" ").upper()
    begins = [match.start() for match in _COMMAND_BEGINS.finditer(raw)] if anywhere else []
    if len(raw) > 3 and raw[0] == PREAMBLE and (channel or channel_of(raw[2])) is Channel.COMMAND:
        if has_another_inside(raw) and not anywhere:
            return text[:11] + " **" * (len(raw) - 4)
        begins.append(0)
    if not begins:
        return text
    shown = text.split(" ")
    for begin in begins:
        end = begin + (16 if raw[begin + 2] == SetPassword.code else 10)
        for place in range(begin + 4, min(end, len(raw))):
            shown[place] = "**"
    return " ".join(shown)


def serial_text(message: type[Message], lang: Lang) -> str:
    """The number by which the order's clauses call a message: command 5, message 7, message 1.1."""
    code = message.code
    if message.channel is Channel.COMMAND:
        return f"{translate(_COMMAND, lang)} {code}"
    if message.channel is Channel.KPD1:
        return f"{translate(_KPD1, lang)} {code - KPD1_MESSAGES[0].code + 1}"
    return f"{translate(_KPD2, lang)} {1 if code < 0x50 else 2}.{code & 0xF}"


def command_text(value: int, lang: Lang) -> str:
    """Name and title of the command of a code, as 27h and 28h name it."""
    command = _BY_CODE.get(value)
    if command is None:
        return translate(unknown(value), lang)
    return f"{command.message_name}: {translate(command.title, lang)}"
