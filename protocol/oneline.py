"""A unit as one line: its name, and the fields that say something as ``field=value``.

The line is made from the JSON form (:mod:`protocol.jsonform`) and has its names, so that it can be searched with the
names of ``decode --json`` and be typed as a command. It is the same in every language but for the texts that say what
a code means.
The values of a command with another one inside are masked, since a password is among them (:mod:`protocol.render`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Any

from protocol.codes import MessageCoding
from protocol.forms import raw_value
from protocol.language import Lang
from protocol.messages import BY_CODE, CallEvent, ElectronicMessage, Message, cached, forms, wires
from protocol.messagetext import DEFAULT_CODING, decode_message_text
from protocol.options import Options
from protocol.render import has_another_inside, masked_hex
from protocol.texts import status_text
from protocol.wire import MASK

KEPT_TEXTS = 4096
"""Texts of each kind that are kept."""
_Show = Callable[[Any], str]
_Explain = Callable[[str, int], str]
"""What a code of a field means."""

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
OWN = "own"
"""The sign that is not shown beside a number."""
USUAL: Mapping[str, tuple[Any, ...]] = {
    "object_type": ("own-subscriber",),
    "number_sign": (OWN,),
    "priority": ("normal",),
    "service_phase": (0,),
}
"""Values that are left out: the kind of object of nearly every lab."""
FIRST = ("object_number", "call_number", "calling", "called", "operation", "ksl_a", "ksl_b")
"""The fields that stand first."""
CODES = frozenset(
    {"selection", "connection", "service_phase", "operation", "service", "services", "additional",
     "status", "delivery_state", "delivery_code", "alarm_type", "alarm_code", "access_code", "line_state",
     "kpd1_state", "kpd2_state"}
)  # fmt: skip
"""Fields whose numbers are codes, shown in hexadecimal as in the order, each with its meaning."""


def one_line(
    document: Mapping[str, Any], lang: Lang = "en", *, coding: MessageCoding = DEFAULT_CODING
) -> str:
    """The line of a unit, from its document of ``decode --json``; octets that are no unit are shown as they are.

    ``lang``: of what codes mean; with ``en`` the text of a status is that of the document. ``coding``: of the text of
    2Ch, whose octets are shown where they can't be read.
    """
    fields = dict(document.get("fields") or {})
    raw = raw_value(f"0x{document.get('hex', '')}") or b""  # none where octets are masked already
    if document.get("kind") == "unknown" or not document.get("name"):
        octets = masked_hex(raw, anywhere=True).replace(" ", "") or document.get("hex", "")
        return f"unknown unit {octets}".rstrip()
    if has_another_inside(raw):
        fields = dict.fromkeys(fields, MASK)
    elif document["name"] == ElectronicMessage.message_name:
        fields["text"] = _text(fields.get("text"), coding)
    elif lang != "en" and isinstance(fields.get("status"), int):
        fields["status_text"] = status_text(fields["status"], lang, message_code=document.get("code"))
    return " ".join((str(document["name"]), *_pairs(fields, _explain(document.get("code"), lang))))


def event_line(event: CallEvent) -> str:
    """The line of a call's event, as :func:`one_line` has it. The texts of its parties, and of all that follows them,
    are kept: events differ in little, and a log has a line for each."""
    calling, called, rest, values = _texts(type(event))
    number, call = event.object_number, event.call_number
    head = event.message_name if number is None else f"{event.message_name} object_number={number}"
    texts = calling(event.calling), called(event.called), rest(values(event))
    return "".join((head, "" if call is None else f" call_number={call}", *texts))


@cached
def _texts(cls: type[CallEvent]) -> tuple[_Show, _Show, _Show, attrgetter[tuple[Any, ...]]]:
    """How the fields of an event after the numbers are written, and the getter of those after the parties."""
    written = forms(cls)
    numbers, parties = FIRST[:2], FIRST[2:4]
    names = [name for name in dict.fromkeys((*FIRST[4:], *written)) if name not in (*numbers, *parties)]
    names = [name for name in names if name not in LEFT_OUT]
    explain = _explain(cls.code, "en")

    @lru_cache(KEPT_TEXTS)
    def rest(values: tuple[Any, ...]) -> str:
        plain = {name: written[name].to_json(value) for name, value in zip(names, values, strict=True)}
        return "".join(f" {pair}" for pair in _pairs({"called": None, **plain}, explain))

    def party(name: str) -> _Show:
        def show(value: Any) -> str:
            plain = written[name].to_json(value)
            return "" if _is_empty(plain) else f" {name}={_party(plain)}"

        return lru_cache(KEPT_TEXTS)(show)

    return party(parties[0]), party(parties[1]), rest, attrgetter(*names)


def _explain(code: Any, lang: Lang) -> _Explain:
    """What the codes of a message mean; one that no order has explains nothing."""
    cls: type[Message] | None = BY_CODE.get(code)
    declared = {} if cls is None else wires(cls, Options())  # no option changes what a code means
    return lambda name, value: declared[name].in_line(value, lang) if name in declared else ""


def _pairs(fields: Mapping[str, Any], explain: _Explain) -> Iterator[str]:
    is_event = "called" in fields
    names = (*(name for name in FIRST if name in fields), *fields) if is_event else tuple(fields)
    single = (fields.get("total"), fields.get("index")) in ((1, 1), (0, 0))
    for name in dict.fromkeys(names):
        value = fields[name]
        if _is_empty(value) or name in LEFT_OUT or value in USUAL.get(name, ()):
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
            yield f"{name}={_value(name, value, explain)}"


_ESCAPES = {9: "\\t", 10: "\\n", 13: "\\r"}


def _text(octets: Any, coding: MessageCoding) -> Any:
    """The text of 2Ch from its octets; the octets where it can't be read."""
    raw = raw_value(octets) if isinstance(octets, str) else None
    if raw is None:
        return octets
    text = decode_message_text(raw, coding)
    codes = set(map(ord, text)) - set(_ESCAPES)
    if any(code < 32 or 127 <= code <= 160 or code in (173, 0xFFFD) for code in codes):
        return octets
    return text.translate(_ESCAPES)


def _is_empty(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(part is None for part in value.values())
    return value is None or value == []


def _value(name: str, value: Any, explain: _Explain) -> str:
    if isinstance(value, Mapping):
        if value.keys() == {"stream", "ksl"}:
            return f"{value['stream']}/{value['ksl']}"
        if value.keys() == {"sign", "number"}:
            return _party(value)
        parts = (f"{key}={_value(key, part, explain)}" for key, part in value.items() if part is not None)
        return f"({' '.join(parts)})"
    if isinstance(value, list):
        return (", " if name in CODES else ",").join(_value(name, each, explain) for each in value)
    if name in CODES:
        meaning = explain(name, value) if isinstance(value, int) else ""
        return f"{_code(value)} ({meaning})" if meaning else _code(value)
    text = str(value)
    if not text.isprintable():  # a line end would make two lines of it
        text = "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
    return text if text and " " not in text else f'"{text}"'


def _party(party: Mapping[str, Any]) -> str:
    number = "-" if party["number"] is None else str(party["number"])
    return number if party["sign"] in (OWN, None) else f"{number}({party['sign']})"


def _code(value: Any) -> str:
    return f"{value:02X}h" if isinstance(value, int) else str(value)
