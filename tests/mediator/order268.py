"""What the tests of order 268 share: commands, and a mediator with objects and lines."""

from __future__ import annotations

from typing import Any

from protocol import Category, Ksl, NumberSign, ObjectType, Priority
from protocol.messages import (
    AddObject,
    GetKsl,
    RemoveObject,
)

OWN, FULL, PARTIAL = ObjectType.OWN_SUBSCRIBER, ObjectType.NETWORK_FULL, ObjectType.NETWORK_PARTIAL
HIGH, NORMAL = Priority.HIGH, Priority.NORMAL
EVERY_ROW = GetKsl(None, None, None, None)
WRONG = {"password": "999999"}


def network(number: int, digits: str, kind: ObjectType = FULL, **keys: Any) -> AddObject:
    """Command 5 for a number of the network, under statistical control."""
    sign = keys.pop("sign", NumberSign.RUSSIA)
    return AddObject(number, kind, sign, digits, None, Category.STATISTICAL, None, NORMAL)


def trunk(number: int, which: int) -> AddObject:
    """Command 5 for a trunk, under statistical control."""
    return AddObject(number, ObjectType.TRUNK, None, None, which, Category.STATISTICAL, None, NORMAL)


def removal(number: int, phone: str) -> RemoveObject:
    return RemoveObject(number, OWN, NumberSign.OWN, phone, None)


def line(told: Any) -> tuple[int, int | None, int | None, Ksl | None, int | None]:
    """What an event says of its line: code, selection sign, priority, KSL-A, operation."""
    priority = None if told.priority is None else {HIGH: 1, NORMAL: 2}[told.priority]
    return told.code, told.selection, priority, told.ksl_a, told.operation


def call(m: Any, make: Any, number: int, sequence: int = 1, **keys: Any) -> list[str]:
    """Object ``number`` calls 28339 (its phone is 2833 and the number)."""
    return m.report(
        make.report(
            sequence,
            a=f"2833{number}",
            b="28339",
            call=f"call-{number}",
            matches=((number, "a"),),
            **keys,
        )
    )


def controlled(means: Any, make: Any, *lines: int, objects: int = 3, **keys: Any) -> Any:
    """Group 1 with these combined lines; objects 1.. under full control, object 8 with priority, 9 statistical."""
    m = means(**keys).begin(*(make.combined(1, ksl) for ksl in lines))
    for number in range(1, objects + 1):
        assert m.says(make.put(number, f"2833{number}", "combined", 1)) == "27/00 28/00"
    m.says(make.put(8, "28338", "combined", 1, priority=HIGH))
    m.says(make.put(9, "28339"))
    m.effects.clear()
    return m


def numbers(messages: list[Any]) -> list[int]:
    """The ORM number in the header of each."""
    return [message.orm_number for message in messages]
