"""The references of section ``codec``: hand-written ``struct`` code for the units that are measured, and the 48-octet
event as one declares it in plain construct, interpreted.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from construct import Adapter, Bytes, Const, Int8ub, Int16ul, Mapping, Struct, Terminated

from protocol import AddObject, Answer, CommandExecuted, Message, NumberReceived, ObjectInfo, Party, Release
from protocol.codes import CATEGORIES, NUMBER_SIGNS, OBJECT_TYPES, PRIORITIES
from protocol.values import Ksl, Time

_SWAP = bytes((octet & 15) << 4 | octet >> 4 for octet in range(256))
_NONE9 = b"\xff" * 9
_PADS = ["f" * (18 - count) for count in range(19)]
_TYPES: dict[int, Any] = {**OBJECT_TYPES, 255: None}
_SIGNS: dict[int, Any] = {**NUMBER_SIGNS["268"], 255: None}
_CATEGORIES: dict[int, Any] = {**CATEGORIES, 255: None}
_PRIORITIES: dict[int, Any] = {**PRIORITIES, 255: None}
_KSL: dict[int, Any] = {
    **{stream << 5 | ksl: Ksl(stream, ksl) for stream in range(8) for ksl in range(1, 29)},
    255: None,
}
_BCD = {value % 10 << 4 | value // 10: value for value in range(100)}
_DAY = {octet: value for octet, value in _BCD.items() if 1 <= value <= 31}
_HOUR = {octet: value for octet, value in _BCD.items() if value <= 23}
_SIXTY = {octet: value for octet, value in _BCD.items() if value <= 59}
_TYPES_BACK = {value: octet for octet, value in _TYPES.items()}
_SIGNS_BACK = {value: octet for octet, value in _SIGNS.items()}
_CATEGORIES_BACK = {value: octet for octet, value in _CATEGORIES.items()}
_PRIORITIES_BACK = {value: octet for octet, value in _PRIORITIES.items()}
_KSL_BACK = {value: octet for octet, value in _KSL.items()}
_BCD_BACK = {value: octet for octet, value in _BCD.items()}
_SELECTIONS = frozenset(range(1, 256))
_CONNECTIONS = frozenset({0x11, 0x12, 0x14, 0x18, 0x1C, 0x21, 0x22, 0x24, 0x28, 0x2C, 0xFF})
_PHASES = frozenset({0, 1, 2, 3, 4, 5, 255})
_OPERATIONS = {
    0x41: frozenset({0, 1, 255}),
    0x42: frozenset({0, 1, 255}),
    0x43: frozenset({1, 2, 3, 4, 5, 255}),
}
_STATES = frozenset({0, 1, 3, 7, 255})

_EVENT = struct.Struct("<BBBBHBHBBBBB9sBB9sHBBBBBBBBBBBB")
_ADD_OBJECT = struct.Struct("<BBBB6sHBBB9sHBBB")
_OBJECT_INFO = struct.Struct("<BBBBHHBBHBBB9sHBBBB")
_EXECUTED = struct.Struct("<BBBBHHBBBB")


def _number(count: int, octets: bytes) -> str | None:
    if count == 255 and octets == _NONE9:
        return None
    digits = octets.translate(_SWAP).hex().rstrip("f")
    if len(digits) != count or not digits.isdecimal():
        raise ValueError("digits")
    return digits


def _event(cls: Any, operations: frozenset[int]) -> Callable[[bytes], Message]:
    def decode(unit: bytes) -> Message:
        (
            preamble, orm, code, length, call, kind, number, selection, connection, phase,
            sign_a, count_a, digits_a, sign_b, count_b, digits_b, trunk, ksl_a, ksl_b,
            day, hour, minute, second, priority, operation, first, second_code, service, additional,
        ) = _EVENT.unpack(unit)  # fmt: skip
        if preamble != 204 or code != cls.code or length != 36:
            raise ValueError("header")
        if selection not in _SELECTIONS or connection not in _CONNECTIONS or phase not in _PHASES:
            raise ValueError("header")
        if operation not in operations or first != 255 or second_code != 255:
            raise ValueError("operation or service")
        return cls(
            None if call == 65535 else call,
            _TYPES[kind],
            None if number == 65535 else number,
            None if selection == 255 else selection,
            None if connection == 255 else connection,
            None if phase == 255 else phase,
            Party(_SIGNS[sign_a], _number(count_a, digits_a)),
            Party(_SIGNS[sign_b], _number(count_b, digits_b)),
            None if trunk == 65535 else trunk,
            _KSL[ksl_a],
            _KSL[ksl_b],
            None
            if day == hour == minute == second == 255
            else Time(_DAY[day], _HOUR[hour], _SIXTY[minute], _SIXTY[second]),
            _PRIORITIES[priority],
            None if operation == 255 else operation,
            None if service == 255 else service,
            None if additional == 255 else additional,
            orm_number=orm,
        )  # type: ignore[no-any-return]

    return decode


def _add_object(unit: bytes) -> Message:
    (
        preamble, orm, code, length, password, number, kind, sign, count, digits, trunk, category, group,
        priority,
    ) = _ADD_OBJECT.unpack(unit)  # fmt: skip
    if preamble != 204 or code != 5 or length != 19:
        raise ValueError("header")
    return AddObject(
        None if number == 65535 else number,
        _TYPES[kind],
        _SIGNS[sign],
        _number(count, digits),
        None if trunk == 65535 else trunk,
        _CATEGORIES[category],
        None if group == 255 else group,
        _PRIORITIES[priority],
        orm_number=orm,
        password=password.decode("latin-1"),
    )


def _object_info(unit: bytes) -> Message:
    (
        preamble, orm, code, length, total, index, reserve, version,
        number, kind, sign, count, digits, trunk, category, group, priority, state,
    ) = _OBJECT_INFO.unpack(unit)  # fmt: skip
    if preamble != 204 or code != 0x23 or length != 20 or reserve != 255 or version != 2:
        raise ValueError("header")
    if state not in _STATES:
        raise ValueError("line state")
    return ObjectInfo(
        None if number == 65535 else number,
        _TYPES[kind],
        _SIGNS[sign],
        _number(count, digits),
        None if trunk == 65535 else trunk,
        _CATEGORIES[category],
        None if group == 255 else group,
        _PRIORITIES[priority],
        state,
        orm_number=orm,
        total=total,
        index=index,
        reserve=reserve,
        version=version,
    )


def _executed(unit: bytes) -> Message:
    preamble, orm, code, length, total, index, reserve, version, command, status = _EXECUTED.unpack(unit)
    if preamble != 204 or code != 0x28 or length != 2 or reserve != 255 or version != 2:
        raise ValueError("header")
    return CommandExecuted(
        command, status, orm_number=orm, total=total, index=index, reserve=reserve, version=version
    )


_DECODERS: dict[int, Callable[[bytes], Message]] = {
    0x05: _add_object,
    0x23: _object_info,
    0x28: _executed,
    **{cls.code: _event(cls, _OPERATIONS[cls.code]) for cls in (NumberReceived, Answer, Release)},
}


def decode(unit: bytes) -> Message:
    """The message in ``unit``. Raises ValueError, KeyError or struct.error."""
    return _DECODERS[unit[2]](unit)


def _digits(number: str | None) -> tuple[int, bytes]:
    if number is None:
        return 255, _NONE9
    count = len(number)
    if not number.isdecimal() or count > 18:
        raise ValueError("digits")
    return count, bytes.fromhex(number + _PADS[count]).translate(_SWAP)


def _encode_event(message: Any) -> bytes:
    calling, called, moment, service = message.calling, message.called, message.time, message.service
    count_a, digits_a = _digits(calling.number)
    count_b, digits_b = _digits(called.number)
    if moment is None:
        day = hour = minute = second = 255
    else:
        day, hour, minute, second = (
            _BCD_BACK[moment.day], _BCD_BACK[moment.hour], _BCD_BACK[moment.minute], _BCD_BACK[moment.second],
        )  # fmt: skip
    return _EVENT.pack(
        204,
        message.orm_number,
        message.code,
        36,
        65535 if message.call_number is None else message.call_number,
        _TYPES_BACK[message.object_type],
        65535 if message.object_number is None else message.object_number,
        255 if message.selection is None else message.selection,
        255 if message.connection is None else message.connection,
        255 if message.service_phase is None else message.service_phase,
        _SIGNS_BACK[calling.sign],
        count_a,
        digits_a,
        _SIGNS_BACK[called.sign],
        count_b,
        digits_b,
        65535 if message.trunk is None else message.trunk,
        _KSL_BACK[message.ksl_a],
        _KSL_BACK[message.ksl_b],
        day,
        hour,
        minute,
        second,
        _PRIORITIES_BACK[message.priority],
        255 if message.operation is None else message.operation,
        255,
        255,
        255 if service is None else service,
        255 if message.additional is None else message.additional,
    )


def _password(text: str) -> bytes:
    octets = text.encode("latin-1")
    if len(octets) != 6:
        raise ValueError("password")
    return octets


def _encode_add_object(message: Any) -> bytes:
    count, digits = _digits(message.number)
    return _ADD_OBJECT.pack(
        204,
        message.orm_number,
        5,
        19,
        _password(message.password),
        65535 if message.object_number is None else message.object_number,
        _TYPES_BACK[message.object_type],
        _SIGNS_BACK[message.number_sign],
        count,
        digits,
        65535 if message.trunk is None else message.trunk,
        _CATEGORIES_BACK[message.category],
        255 if message.ksl_group is None else message.ksl_group,
        _PRIORITIES_BACK[message.priority],
    )


def _encode_object_info(message: Any) -> bytes:
    count, digits = _digits(message.number)
    return _OBJECT_INFO.pack(
        204,
        message.orm_number,
        0x23,
        20,
        message.total,
        message.index,
        message.reserve,
        message.version,
        65535 if message.object_number is None else message.object_number,
        _TYPES_BACK[message.object_type],
        _SIGNS_BACK[message.number_sign],
        count,
        digits,
        65535 if message.trunk is None else message.trunk,
        _CATEGORIES_BACK[message.category],
        255 if message.ksl_group is None else message.ksl_group,
        _PRIORITIES_BACK[message.priority],
        message.line_state,
    )


def _encode_executed(message: Any) -> bytes:
    return _EXECUTED.pack(
        204,
        message.orm_number,
        0x28,
        2,
        message.total,
        message.index,
        message.reserve,
        message.version,
        message.command,
        message.status,
    )


_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    AddObject: _encode_add_object,
    ObjectInfo: _encode_object_info,
    CommandExecuted: _encode_executed,
    NumberReceived: _encode_event,
    Answer: _encode_event,
    Release: _encode_event,
}


def encode(message: Message) -> bytes:
    """The unit of ``message``. Raises ValueError, KeyError or struct.error."""
    return _ENCODERS[type(message)](message)


# --- plain construct


class _Absent(Adapter):  # type: ignore[misc]
    """None for FFh in every octet."""

    def __init__(self, subcon: Any) -> None:
        super().__init__(subcon)
        self.absent = (1 << 8 * subcon.sizeof()) - 1

    def _decode(self, obj: Any, context: Any, path: str) -> Any:
        return None if obj == self.absent else obj

    def _encode(self, obj: Any, context: Any, path: str) -> Any:
        return self.absent if obj is None else obj


class _Digits(Adapter):  # type: ignore[misc]
    def _decode(self, obj: Any, context: Any, path: str) -> Any:
        return None if obj.count == 255 else obj.digits.translate(_SWAP).hex()[: obj.count]

    def _encode(self, obj: Any, context: Any, path: str) -> Any:
        if obj is None:
            return {"count": 255, "digits": b"\xff" * 9}
        return {"count": len(obj), "digits": bytes.fromhex(obj.ljust(18, "f")).translate(_SWAP)}


class _Bcd(Adapter):  # type: ignore[misc]
    def _decode(self, obj: Any, context: Any, path: str) -> Any:
        return (obj & 15) * 10 + (obj >> 4)

    def _encode(self, obj: Any, context: Any, path: str) -> Any:
        return obj % 10 << 4 | obj // 10


class _Ksl(Adapter):  # type: ignore[misc]
    def _decode(self, obj: Any, context: Any, path: str) -> Any:
        return None if obj == 255 else (obj >> 5, obj & 31)

    def _encode(self, obj: Any, context: Any, path: str) -> Any:
        return 255 if obj is None else obj[0] << 5 | obj[1]


def _named(table: Any) -> Any:
    return Mapping(Int8ub, {None: 255, **{value: octet for octet, value in table.items()}})


_party = Struct(
    "sign" / _named(NUMBER_SIGNS["268"]),
    "number" / _Digits(Struct("count" / Int8ub, "digits" / Bytes(9))),
)

EVENT = Struct(
    "preamble" / Const(0xCC, Int8ub),
    "orm_number" / Int8ub,
    "code" / Int8ub,
    "length" / Const(36, Int8ub),
    "call_number" / _Absent(Int16ul),
    "object_type" / _named(OBJECT_TYPES),
    "object_number" / _Absent(Int16ul),
    "selection" / _Absent(Int8ub),
    "connection" / _Absent(Int8ub),
    "service_phase" / _Absent(Int8ub),
    "calling" / _party,
    "called" / _party,
    "trunk" / _Absent(Int16ul),
    "ksl_a" / _Ksl(Int8ub),
    "ksl_b" / _Ksl(Int8ub),
    "time"
    / Struct("day" / _Bcd(Int8ub), "hour" / _Bcd(Int8ub), "minute" / _Bcd(Int8ub), "second" / _Bcd(Int8ub)),
    "priority" / _named(PRIORITIES),
    "operation" / _Absent(Int8ub),
    "service_filler" / Const(b"\xff\xff"),
    "service" / _Absent(Int8ub),
    "additional" / _Absent(Int8ub),
    Terminated,
)
