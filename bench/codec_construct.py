"""The 48-octet event as one declares it in plain construct, interpreted: a reference of its section."""

from __future__ import annotations

from typing import Any

from construct import Adapter, Bytes, Const, Int8ub, Int16ul, Mapping, Struct, Terminated

from protocol.codes import NUMBER_SIGNS, OBJECT_TYPES, PRIORITIES

_SWAP = bytes((octet & 15) << 4 | octet >> 4 for octet in range(256))


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
