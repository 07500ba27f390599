"""Messages as people read them: one heading and one line a field, with what its value means.

The rule of passwords: what people read never shows one, whether it is the order's public default or not, neither in
fields (``******``) nor in octets (``**``, :func:`masked_hex`). What programs read (JSON, captures) is exact.
Header octets that say nothing unusual are left out.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple

from protocol import texts
from protocol.codec import UnknownUnit
from protocol.codes import PREAMBLE, Channel, channel_of
from protocol.composite import digits_asked
from protocol.language import Lang, Phrase, translate
from protocol.messages import COMMANDS, KPD1_MESSAGES, ElectronicMessage, Message, SetPassword
from protocol.messagetext import DEFAULT_CODING, MessageCoding, decode_message_text
from protocol.values import Ksl, KslRow, Party, Raw, Time

MASK = "******"
ABSENT = "-"
_INDENT = "  "
_ROW = 16
_NAMES = {message.code: message.message_name for message in COMMANDS}
_COMMAND_BEGINS = re.compile(
    b"(?=%c.[%s].)" % (PREAMBLE, re.escape(bytes(sorted(message.code for message in COMMANDS)))), re.DOTALL
)
_SECRETS = ("password", "new_password")
# Header fields and their usual values: not worth a line.
_USUAL: dict[str, tuple[object, ...]] = {
    "orm_number": (),
    "reserve": (0xFF,),
    "filler": (0xFF,),
    "header_filler": (b"\xff" * 8,),
}
_USUAL_VERSIONS = (0x02, 0xFF)
# A message by itself: 1 of 1 (order 268, 8.2.1.5, 8.2.1.6); some send 0 of 0.
_SINGLE = ((1, 1), (0, 0))
_NUMBERING = frozenset(("total", "index"))
_VERSION_FIELDS = frozenset(("version", "requirements_version"))

_COMMAND = Phrase("command", "команда")
_KPD1 = Phrase("KPD1 message", "сообщение КПД1")
_KPD2 = Phrase("KPD2 message", "сообщение КПД2")
_UNKNOWN = Phrase("unknown unit", "неизвестное сообщение")
_OCTETS = Phrase("octets", "байт")
_STREAM = Phrase("stream", "поток")
_KSL = Phrase("KSL", "КСЛ")
_DAY = Phrase("day", "день")
_UNDECLARED = Phrase("undeclared octets", "недопустимые байты")
_DIGITS_MISSING = Phrase("a number of no digits", "номер без цифр")
_GROUP = Phrase("group", "группа")
_EMPTY = Phrase("none", "нет")
_ANY_OF = Phrase("count of digits", "количество знаков")


class Row(NamedTuple):
    """One field: its caption, its value and what that means (empty when the value says it all)."""

    caption: str
    value: str
    meaning: str = ""


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
    rows = field_rows(message, lang, coding=coding, raw=raw)
    captions = max((len(row.caption) for row in rows), default=0)
    values = max((len(row.value) for row in rows if row.meaning), default=0)
    lines = [heading(message, lang)]
    for row in rows:
        value = f"{row.value:<{values}}{_INDENT}{row.meaning}" if row.meaning else row.value
        lines.append(f"{_INDENT}{row.caption:<{captions}}{_INDENT}{value}".rstrip())
    return lines


def heading(message: Message | UnknownUnit, lang: Lang = "en") -> str:
    """``add-object: put an object under control (05h, command 5, ORM 1)``."""
    orm = texts.field_text("orm_number", lang)
    if not isinstance(message, Message):
        number = f", {orm} {message.raw[1]}" if len(message.raw) > 1 else ""
        octets = f"{len(message.raw)} {translate(_OCTETS, lang)}"
        return f"{translate(_UNKNOWN, lang)} ({message.code:02X}h, {octets}{number})"
    where = f"{message.code:02X}h, {_serial(message, lang)}, {orm} {message.orm_number}"
    return f"{message.message_name}: {texts.message_text(message.code, lang)} ({where})"


def field_rows(
    message: Message | UnknownUnit,
    lang: Lang = "en",
    *,
    coding: MessageCoding = DEFAULT_CODING,
    raw: bytes = b"",
) -> list[Row]:
    """The fields worth showing, in wire order; ``coding`` is that of the text of 2Ch, ``raw`` the unit's octets."""
    if not isinstance(message, Message):
        return octet_rows(message.raw, lang, channel=message.channel)
    hidden = has_another_inside(raw)
    rows: list[Row] = []
    is_single = (getattr(message, "total", 1), getattr(message, "index", 1)) in _SINGLE
    for field in dataclasses.fields(message):
        value = getattr(message, field.name)
        if hidden and field.name != "orm_number":
            rows.append(Row(texts.field_text(field.name, lang), MASK))
        elif isinstance(message, ElectronicMessage) and field.name == "text":
            rows.append(_message_text(value, lang, coding))
        elif not (_is_usual(field.name, value) or (is_single and field.name in _NUMBERING)):
            rows += _rows(message, field.name, value, lang)
    return rows


def octet_rows(raw: bytes, lang: Lang = "en", *, channel: Channel | None = None) -> list[Row]:
    """Octets that nothing more is known of, sixteen a line; what may be passwords in them is masked."""
    shown = masked_hex(raw, channel=channel, anywhere=channel is None).split(" ")
    return [
        Row(texts.field_text("payload", lang) if start == 0 else "", " ".join(shown[start : start + _ROW]))
        for start in range(0, len(raw), _ROW)
    ]


def has_another_inside(raw: bytes) -> bool:
    """Whether a command broke off and the header of the next lies in it, whose password is then in its fields."""
    return len(raw) > 3 and channel_of(raw[2]) is Channel.COMMAND and bool(_COMMAND_BEGINS.search(raw, 1))


def masked_hex(raw: bytes, *, channel: Channel | None = None, anywhere: bool = False) -> str:
    """A unit in hexadecimal, ``**`` for the octets that are a command's password.

    ``anywhere``: ``raw`` need not be a unit, and whatever looks like a command in it is masked.
    """
    shown = [f"{octet:02X}" for octet in raw]
    begins = [match.start() for match in _COMMAND_BEGINS.finditer(raw)] if anywhere else []
    if len(raw) > 3 and raw[0] == PREAMBLE and (channel or channel_of(raw[2])) is Channel.COMMAND:
        if has_another_inside(raw) and not anywhere:
            return " ".join(shown[:4] + ["**"] * (len(raw) - 4))
        begins.append(0)
    for begin in begins:
        end = begin + (16 if raw[begin + 2] == SetPassword.code else 10)
        for place in range(begin + 4, min(end, len(raw))):
            shown[place] = "**"
    return " ".join(shown)


def _serial(message: Message, lang: Lang) -> str:
    """The number by which the order's clauses call a message: command 5, message 7, message 1.1."""
    code = message.code
    if message.channel is Channel.COMMAND:
        return f"{translate(_COMMAND, lang)} {code}"
    if message.channel is Channel.KPD1:
        return f"{translate(_KPD1, lang)} {code - KPD1_MESSAGES[0].code + 1}"
    return f"{translate(_KPD2, lang)} {1 if code < 0x50 else 2}.{code & 0xF}"


def _is_usual(name: str, value: object) -> bool:
    if name == "orm_number":  # it is in the heading
        return True
    if name in _VERSION_FIELDS and isinstance(value, int):
        return value in _USUAL_VERSIONS
    return value in _USUAL.get(name, ())


def _message_text(octets: bytes, lang: Lang, coding: MessageCoding) -> Row:
    """The octets of a telecommunication message, and what they say in ``coding``."""
    said = "".join(
        character if character.isprintable() else repr(character)[1:-1]
        for character in decode_message_text(octets, coding)
    )
    caption = texts.field_text("text", lang)
    return (
        Row(caption, "0x" + octets.hex().upper(), f'"{said}"')
        if octets
        else Row(caption, ABSENT, translate(_EMPTY, lang))
    )


def _rows(message: Message, name: str, value: Any, lang: Lang) -> list[Row]:
    caption = texts.field_text(name, lang)
    if name in _SECRETS:
        return [Row(caption, MASK)]
    if name == "rows":
        return [_ksl_row(index, row, lang) for index, row in enumerate(value, 1)] or [
            Row(caption, ABSENT, translate(_EMPTY, lang))
        ]
    if name == "services" and isinstance(value, tuple):
        listed = [
            Row(caption if index == 0 else "", *_service(part, lang)) for index, part in enumerate(value)
        ]
        return listed or [Row(caption, ABSENT, translate(_EMPTY, lang))]
    return [Row(caption, *_value(message, name, value, lang))]


def _value(message: Message, name: str, value: Any, lang: Lang) -> tuple[str, str]:
    """Value and meaning of one field."""
    asked = digits_asked(value) if name == "number" else None
    if asked is not None:
        return ABSENT, f"{translate(_ANY_OF, lang)} {asked}"
    if isinstance(value, Raw):
        return str(value), translate(_UNDECLARED, lang)
    if name == "operation":
        return _code(value), texts.operation_text(value, lang, message_code=message.code)
    if name == "status":
        return _code(value), texts.status_text(value, lang, message_code=message.code)
    if value is None:
        return ABSENT, translate(texts.NOT_GIVEN, lang)
    coded = _CODED.get(name)
    if coded is not None:
        return _code(value), coded(value, lang)
    return _plain(value, lang)


def _plain(value: Any, lang: Lang) -> tuple[str, str]:
    if isinstance(value, StrEnum):
        return str(value), texts.value_name_text(value, lang)
    if isinstance(value, Party):
        return _party(value, lang)
    if isinstance(value, Ksl):
        return _ksl(value, lang), ""
    if isinstance(value, Time):
        return f"{translate(_DAY, lang)} {value.day}, {value.hour:02}:{value.minute:02}:{value.second:02}", ""
    if isinstance(value, bytes):
        printable = value.decode("latin-1")
        return (
            "0x" + value.hex().upper(),
            f'"{printable}"' if value.isascii() and printable.isprintable() else "",
        )
    if isinstance(value, str):
        if not value:
            return '""', ""
        return (value if value.isprintable() else repr(value)), ""
    return str(value), ""


def _code(value: int | None) -> str:
    return ABSENT if value is None else f"{value:02X}h"


def _service(value: int | Raw | None, lang: Lang) -> tuple[str, str]:
    if isinstance(value, Raw):
        return str(value), translate(_UNDECLARED, lang)
    return _code(value), texts.service_text(value, lang)


def _party(party: Party, lang: Lang) -> tuple[str, str]:
    if party.number is None:
        number = ABSENT
    elif party.number == "":
        number = f'"" {translate(_DIGITS_MISSING, lang)}'
    else:
        number = str(party.number)
    if party.sign is None:
        return number, translate(texts.NOT_GIVEN, lang)
    if isinstance(party.sign, Raw):
        return number, f"{party.sign}: {translate(_UNDECLARED, lang)}"
    return number, f"{party.sign}: {texts.value_name_text(party.sign, lang)}"


def _ksl(line: Ksl | None, lang: Lang) -> str:
    if line is None:
        return ABSENT
    return f"{translate(_STREAM, lang)} {line.stream}, {translate(_KSL, lang)} {line.ksl}"


def _ksl_row(index: int, row: KslRow, lang: Lang) -> Row:
    kind = row.group_type
    shown = ABSENT if kind is None else str(kind)
    lines = " / ".join(_ksl(line, lang) for line in (row.ksl_a, row.ksl_b))
    group = ABSENT if row.ksl_group is None else str(row.ksl_group)
    return Row(f"{index}", f"{translate(_GROUP, lang)} {group}, {shown}", lines)


def _command(value: int, lang: Lang) -> str:
    name = _NAMES.get(value)
    return f"{name}: {texts.message_text(value, lang)}" if name else texts.unknown_text(value, lang)


_CODED: dict[str, Callable[[int, Lang], str]] = {
    "command": _command,
    "selection": texts.selection_text,
    "connection": texts.connection_text,
    "service_phase": texts.phase_text,
    "service": texts.service_text,
    "alarm_type": texts.alarm_type_text,
    "alarm_code": texts.alarm_code_text,
    "access_code": texts.access_text,
    "line_state": texts.line_state_text,
    "kpd1_state": texts.streams_text,
    "kpd2_state": texts.streams_text,
    "delivery_state": texts.transfer_text,
    "delivery_code": texts.delivery_code_text,
}
