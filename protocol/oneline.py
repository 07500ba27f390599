"""A unit as one line: its name, and the fields that say something as ``field=value``.

The line is made from the JSON form (:mod:`protocol.jsonform`) and has its names, so that it can be searched with the
names of ``decode --json`` and be typed as a command. It is the same in every language but for the text of a status.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

LEFT_OUT = frozenset(
    {
        "password",
        "new_password",
        "reserve",
        "filler",
        "header_filler",
        "orm_number",
        "time",
        "command_name",
        "status_text",
    }
)
"""Secrets, octets that carry nothing, the number in the header, the time (every line has one of its own), and texts
that stand beside a code."""
_USUAL: Mapping[str, tuple[Any, ...]] = {
    "object_type": ("own-subscriber",),
    "number_sign": ("own",),
    "priority": ("normal",),
    "service_phase": (0,),
}
"""Values that are left out: the kind of object of nearly every lab."""
_FIRST = ("object_number", "call_number", "calling", "called", "operation", "ksl_a", "ksl_b")
"""The fields that stand first."""
_CODES = frozenset(
    {"selection", "connection", "service_phase", "operation", "service", "services", "additional",
     "status", "delivery_state", "delivery_code", "alarm_type", "alarm_code", "access_code", "line_state",
     "kpd1_state", "kpd2_state"}
)  # fmt: skip
"""Fields whose numbers are codes, shown in hexadecimal as in the order."""


def one_line(document: Mapping[str, Any]) -> str:
    """The line of a unit, from its document of ``decode --json``; octets that are no unit are shown as they are."""
    fields = document.get("fields") or {}
    if document.get("kind") == "unknown" or not document.get("name"):
        return f"unknown unit {document.get('hex', '')}".rstrip()
    return " ".join((str(document["name"]), *_pairs(fields)))


def _pairs(fields: Mapping[str, Any]) -> Iterator[str]:
    is_event = "called" in fields
    names = (*(name for name in _FIRST if name in fields), *fields) if is_event else tuple(fields)
    single = (fields.get("total"), fields.get("index")) in ((1, 1), (0, 0))
    for name in dict.fromkeys(names):
        value = fields[name]
        if _is_empty(value) or name in LEFT_OUT or value in _USUAL.get(name, ()):
            continue
        if name == "version" and isinstance(value, int):
            continue  # that of the order, in the header of every message
        if name in ("total", "index") and single:
            continue
        if name == "command":
            yield f"command={fields.get('command_name') or _code(value)}"
        elif name == "status":
            yield f"status={_code(value)} ({fields.get('status_text', '')})"
        else:
            yield f"{name}={_value(name, value)}"


def _is_empty(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(part is None for part in value.values())
    return value is None or value == []


def _value(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        if value.keys() == {"stream", "ksl"}:
            return f"{value['stream']}/{value['ksl']}"
        if value.keys() == {"sign", "number"}:
            return _party(value)
        parts = (f"{key}={_value(key, part)}" for key, part in value.items() if part is not None)
        return f"({' '.join(parts)})"
    if isinstance(value, list):
        return ",".join(_value(name, each) for each in value)
    if name in _CODES:
        return _code(value)
    text = str(value)
    return text if text and " " not in text else f'"{text}"'


def _party(party: Mapping[str, Any]) -> str:
    number = "-" if party["number"] is None else str(party["number"])
    return number if party["sign"] in ("own", None) else f"{number}({party['sign']})"


def _code(value: Any) -> str:
    return f"{value:02X}h" if isinstance(value, int) else str(value)
