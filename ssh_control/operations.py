"""What a mediator can ask of a switch: every op of the dialect with the shape of its params.

The shape (which keys, of which type) is checked here, once, so that whoever answers a request need not;
the meaning (is that a subscriber? is there such a trunk?) is for the switch. Keys that are not known are left
alone: a newer mediator may say more.

Names of fields and of their values are those of the order's messages (``own-subscriber``, ``combined`` ...).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
