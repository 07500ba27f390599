"""Values of message fields as scripts write them, checked when a script is read.

Names and values are those of docs/messages.md, the same that ``decode --json`` prints. An expected value may
also be ``{one_of: [...]}`` or ``{not: value}``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any

from protocol.codes import Category, GroupType, NumberSign, ObjectType, Priority, StationType
from sorm_mediator.console.comparing import Not, OneOf
from sorm_mediator.replay.document import Node, check, is_template

_RAW = re.compile(r"0[xX](?:[0-9A-Fa-f]{2})+")


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
