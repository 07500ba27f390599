"""Values of message fields as scripts write them: checked when a script is read, compared when one comes.

Names and values are those of docs/messages.md, the same that ``decode --json`` prints. An expected value may
also be ``{one_of: [...]}`` or ``{not: value}``; of a field that is a mapping only the keys given are compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any

from protocol.codes import Category, GroupType, NumberSign, ObjectType, Priority, StationType
from protocol.language import Lang, Phrase
from sorm_mediator.console.nodes import Node, show
from sorm_mediator.console.variables import check, is_template

_RAW = re.compile(r"0[xX](?:[0-9A-Fa-f]{2})+")


@dataclass(frozen=True, slots=True)
class OneOf:
    """An expectation that holds when one of the values is there."""

    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """An expectation that holds when anything but the value is there."""

    value: Any


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that came otherwise than expected: both as people read them."""

    path: str
    expected: str
    came: str

    @property
    def text(self) -> Phrase:
        """The difference as people read it."""
        return Phrase(
            "{path}: expected {expected}, came {came}",
            "{path}: ожидалось {expected}, пришло {came}",
            path=self.path,
            expected=self.expected,
            came=self.came,
        )


@dataclass(frozen=True, slots=True)
class Checker:
    """What a reader of values needs to know: the variables, and whether the value is only compared."""

    known: Container[str]
    expected: bool
    """Whether ``one_of`` and ``not`` are allowed, and keys of a mapping may be left out."""


Reader = Callable[[Node, Checker], Any]


def read(node: Node, reader: Reader, checker: Checker) -> Any:
    """The value of one field, by ``reader``; a template is kept as it is once its variables are known."""
    if is_template(node.value):
        check(node, checker.known)
        return node.value
    if checker.expected and isinstance(node.value, dict) and len(node.value) == 1:
        if "one_of" in node.value:
            return OneOf(tuple(read(child, reader, checker) for child in node.value["one_of"].items()))
        if "not" in node.value:
            return Not(read(node.value["not"], reader, checker))
    if node.value is None:
        return None
    if isinstance(node.value, str) and _RAW.fullmatch(node.value):
        return reader(node, checker) if reader in _TEXT_READERS else _raw_or_integer(node, reader, checker)
    return reader(node, checker)


def _raw_or_integer(node: Node, reader: Reader, checker: Checker) -> Any:
    """``"0x1A"``: the integer of an integer field, the bytes as they are of any other."""
    if isinstance(reader, Integer):
        return reader(Node(int(node.value, 16), node.file, node.line, node.path), checker)
    return "0x" + node.value[2:].upper()


@dataclass(frozen=True, slots=True)
class Integer:
    """An integer field that holds 0 to ``high``."""

    high: int

    def __call__(self, node: Node, checker: Checker) -> int:
        return node.integer(0, self.high)


@dataclass(frozen=True, slots=True)
class Choice:
    """A field with named values."""

    names: tuple[str, ...]

    def __call__(self, node: Node, checker: Checker) -> str:
        if node.value not in self.names:
            node.wrong(", ".join(self.names) + ', null, or bytes such as "0x1A"')
        return str(node.value)


@dataclass(frozen=True, slots=True)
class Mapped:
    """A field that is a mapping, such as a KSL or a party."""

    parts: Mapping[str, Reader]

    def __call__(self, node: Node, checker: Checker) -> dict[str, Any]:
        mapping = node.mapping(self.parts)
        if not checker.expected and len(mapping) < len(self.parts):
            missing = ", ".join(part for part in self.parts if part not in mapping)
            node.fail(f"{missing} is missing; allowed: a mapping of {', '.join(self.parts)}")
        return {key: read(child, self.parts[key], checker) for key, child in mapping.items()}


@dataclass(frozen=True, slots=True)
class Listed:
    """A field that is a list: it is compared as a whole, value by value."""

    item: Reader

    def __call__(self, node: Node, checker: Checker) -> list[Any]:
        return [read(child, self.item, checker) for child in node.items()]


def _digits(node: Node, _: Checker) -> str:
    if not isinstance(node.value, str) or not re.fullmatch(r"[0-9*#]{1,18}", node.value):
        node.wrong('1 to 18 digits in quotation marks, such as "28331", or null')
    return node.value


def _six(node: Node, _: Checker) -> str:
    if not isinstance(node.value, str) or len(node.value) != 6:
        node.wrong('six characters in quotation marks, such as "123456"')
    return node.value


def _text(node: Node, _: Checker) -> str:
    return node.text()


def _octets(node: Node, _: Checker) -> str:
    return node.wrong('bytes such as "0xFFFF"')


_TEXT_READERS = (_digits, _six, _text)

_BYTE, _WORD = Integer(0xFF), Integer(0xFFFF)
_SIGN = Choice(tuple(NumberSign))
_TYPE = Choice(tuple(ObjectType))
_CATEGORY = Choice(tuple(Category))
_GROUP_TYPE = Choice(tuple(GroupType))
_KSL = Mapped({"stream": Integer(7), "ksl": Integer(31)})
_PARTY = Mapped({"sign": _SIGN, "number": _digits})
_TIME = Mapped({"day": Integer(99), "hour": Integer(99), "minute": Integer(99), "second": Integer(99)})

READERS: Mapping[str, Reader] = {
    "access_code": _BYTE,
    "additional": _BYTE,
    "alarm_code": _BYTE,
    "alarm_type": _BYTE,
    "call_number": _WORD,
    "called": _PARTY,
    "calling": _PARTY,
    "category": _CATEGORY,
    "command": _BYTE,
    "connection": _BYTE,
    "delivery_code": _BYTE,
    "delivery_state": _BYTE,
    "filler": _BYTE,
    "group_type": _GROUP_TYPE,
    "header_filler": _octets,
    "index": _WORD,
    "kpd1_state": _BYTE,
    "kpd2_state": _BYTE,
    "ksl_a": _KSL,
    "ksl_b": _KSL,
    "ksl_group": _BYTE,
    "line_state": _BYTE,
    "name": _text,
    "new_password": _six,
    "number": _digits,
    "number_sign": _SIGN,
    "object_number": _WORD,
    "object_type": _TYPE,
    "operation": _BYTE,
    "orm_number": _BYTE,
    "password": _six,
    "priority": Choice(tuple(Priority)),
    "receiver": _PARTY,
    "receiver_imsi": _PARTY,
    "requirements_version": _BYTE,
    "reserve": _BYTE,
    "rows": Listed(Mapped({"ksl_group": _BYTE, "group_type": _GROUP_TYPE, "ksl_a": _KSL, "ksl_b": _KSL})),
    "selection": _BYTE,
    "sender": _PARTY,
    "sender_imsi": _PARTY,
    "service": _BYTE,
    "service_phase": _BYTE,
    "services": Listed(_BYTE),
    "station_type": Choice(tuple(StationType)),
    "status": _BYTE,
    "test_number": _BYTE,
    "text": _text,
    "time": _TIME,
    "total": _WORD,
    "trunk": _WORD,
    "version": _BYTE,
}
"""The reader of every field, by its name."""

VERSION_TEXT = _text
"""``version`` of version-info is a text; in the header of the other KPD1 messages it is a byte."""


def differences(expected: Any, came: Any, path: str = "") -> list[Difference]:
    """What of ``expected`` isn't so in ``came`` (both as in the JSON form); empty when all of it is."""
    if isinstance(expected, OneOf):
        holds = any(not differences(value, came) for value in expected.values)
        return [] if holds else [_difference(path, expected, came)]
    if isinstance(expected, Not):
        holds = bool(differences(expected.value, came))
        return [] if holds else [_difference(path, expected, came)]
    if isinstance(expected, dict) and isinstance(came, dict):
        found = []
        for key, value in expected.items():
            place = f"{path}.{key}" if path else key
            if key in came:
                found += differences(value, came[key], place)
            else:
                found.append(Difference(place, show_value(value), NOTHING))
        return found
    if isinstance(expected, list) and isinstance(came, list):
        if len(expected) != len(came):
            return [_difference(path, expected, came)]
        found = []
        for index, (value, other) in enumerate(zip(expected, came, strict=True), 1):
            found += differences(value, other, f"{path}[{index}]")
        return found
    if isinstance(expected, bool) != isinstance(came, bool) or expected != came:
        return [_difference(path, expected, came)]
    return []


def _difference(path: str, expected: Any, came: Any) -> Difference:
    return Difference(path, show_value(expected), show_value(came))


NOTHING = Phrase("nothing", "ничего")


def show_value(value: Any) -> Phrase:
    """A value as a person writes it in a script: integers also in hexadecimal, as the order has them."""
    return Phrase(_shown(value, "en"), _shown(value, "ru"))


def _shown(value: Any, lang: Lang) -> str:
    if isinstance(value, OneOf):
        return (" или " if lang == "ru" else " or ").join(_shown(one, lang) for one in value.values)
    if isinstance(value, Not):
        return f"{'не' if lang == 'ru' else 'not'} {_shown(value.value, lang)}"
    if isinstance(value, bool) or value is None or isinstance(value, float):
        return show(value)
    if isinstance(value, int):
        return f"{value} ({value:02X}h)"
    if isinstance(value, str):
        return value if re.fullmatch(r"[a-z][a-z-]*|0x[0-9A-F]+", value) else f'"{value}"'
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_shown(part, lang)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_shown(part, lang) for part in value) + "]"
    return str(value)
