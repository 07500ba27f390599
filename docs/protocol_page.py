"""The page ``docs/messages.md``: every message with its fields and their values, from the declarations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields

from protocol import codes, texts
from protocol.language import Phrase, translate
from protocol.messages import COMMANDS, EVENTS, KPD1_MESSAGES, Message, caption, wires
from protocol.options import Options
from protocol.wire import Coded

_HEAD = """# Messages, fields and values

The words of scenarios ([scenarios](scenarios.md)) and of the JSON that `decode --json` prints and `encode` reads
([captures](captures.md)): the same names everywhere. A scenario writes `add-object: {object_number: 258, ...}`, JSON
`{"name": "add-object", "fields": {"object_number": 258, ...}}`.

- `null` is "not given", FFh on the wire. Fields that may be `null` may be left out.
- Integers may be written in hexadecimal in a scenario: `0x3A`. Phone numbers are texts: `"28331"`.
- A value that no table declares can be sent as its octets, `"0x09"`, and is shown so.
- "Declared" are the values that the order lists. Others of the field's size can be sent too, since a tester wants to.
"""
_NAMED: tuple[tuple[str, str, Mapping[int, str]], ...] = (
    ("object_type", "", codes.OBJECT_TYPES),
    ("number_sign", ", order 268", codes.NUMBER_SIGNS["268"]),
    ("number_sign", ", order 70", codes.NUMBER_SIGNS["70"]),
    ("category", "", codes.CATEGORIES),
    ("group_type", "", codes.GROUP_TYPES),
    ("priority", "", codes.PRIORITIES),
    ("station_type", "", codes.STATION_TYPES),
)
_CODED: tuple[tuple[str, str, Mapping[int, Phrase]], ...] = (
    ("status", " of command-received (27h)", texts.RECEIPT),
    ("status", " of command-executed (28h)", texts.EXECUTION),
    ("status", ", extended, in either", texts.EXTENDED),
    ("service", "", texts.SERVICES),
    ("service_phase", "", texts.PHASES),
    *(
        ("operation", f" of {cls.code:02X}h", wire.texts)
        for cls in EVENTS
        if isinstance(wire := wires(cls, Options()).get("operation"), Coded)
    ),
    ("line_state", "", texts.LINE_STATES),
    ("access_code", "", texts.ACCESS_CODES),
    ("alarm_type", "", texts.ALARM_TYPES),
    ("alarm_code", "", texts.ALARM_CODES),
)
_SECTIONS: tuple[tuple[str, str, tuple[type[Message], ...]], ...] = (
    ("Commands", "`send:` in a scenario.", COMMANDS),
    ("Messages of KPD1", "`expect:` in a scenario.", KPD1_MESSAGES),
    ("Messages of KPD2", "`events:` in a scenario.", EVENTS),
)


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_headers(), *_messages(), *_values()]) + "\n"


def _headers() -> Iterator[str]:
    yield "## Header fields\n\nThey have defaults and are rarely given.\n"
    for title, kind in (("Of commands", COMMANDS[0]), ("Of messages of KPD1", KPD1_MESSAGES[1])):
        yield f"{title}:\n"
        yield from _table(kind, header=True)


def _messages() -> Iterator[str]:
    for heading, use, kinds in _SECTIONS:
        yield f"## {heading}\n\n{use}\n"
        for kind in kinds:
            title = f"{kind.title} — {translate(kind.title, 'ru')}"
            yield f"### `{kind.message_name}` ({kind.code:02X}h)\n\n{title} ({kind.clause})\n"
            yield from _table(kind, header=False)


def _table(kind: type[Message], *, header: bool) -> Iterator[str]:
    declared = wires(kind, Options())
    common = _defaults(kind) & (_defaults(COMMANDS[0]) | _defaults(KPD1_MESSAGES[1]))
    names = [name for name in declared if (name in common) == header]
    if not names:
        yield "No fields.\n"
        return
    yield "| field | meaning | по-русски | values |\n|---|---|---|---|"
    for name in names:
        captions = f"{caption(name)} | {translate(caption(name), 'ru')}"
        yield f"| `{name}` | {captions} | {declared[name].values} |"
    yield ""


def _defaults(kind: type[Message]) -> set[str]:
    return {field.name for field in fields(kind) if field.kw_only}


def _values() -> Iterator[str]:
    yield "## Named values\n"
    for field, what, names in _NAMED:
        yield f"### `{field}`{what}\n\n| value | octet | meaning | по-русски |\n|---|---|---|---|"
        for octet, name in names.items():
            meanings = f"{texts.value_name_text(name)} | {texts.value_name_text(name, 'ru')}"
            yield f"| `{name}` | {octet:02X}h | {meanings} |"
        yield ""
    yield "## Codes\n\nThese are integers; `decode` and `replay` say what they mean.\n"
    for field, what, table in _CODED:
        yield f"### `{field}`{what}\n\n| code | meaning | по-русски |\n|---|---|---|"
        for code, text in table.items():
            yield f"| {code:02X}h ({code}) | {text} | {translate(text, 'ru')} |"
        yield ""
    yield "### `selection` and `connection`\n"
    yield "`selection` has two bits for each reason: A number (lowest), B number, trunk, object number (highest);"
    yield "1 combined, 2 statistical, 3 separate. `connection`:\n\n| code | meaning | по-русски |\n|---|---|---|"
    for code in sorted(codes.CONNECTIONS):
        yield f"| {code:02X}h ({code}) | {texts.connection_text(code)} | {texts.connection_text(code, 'ru')} |"
    yield "\n### `delivery_state`\n"
    yield "Octet 15 of 2Ch, the sum of three: direction, sign of selection, result of delivery"
    yield "(order 268, 9.12.4.4).\n"
    yield "| code | meaning | по-русски |\n|---|---|---|"
    for table, shift in (
        (texts.DIRECTIONS, 0),
        (texts.MESSAGE_SELECTIONS, codes.MESSAGE_SELECTION_SHIFT),
        (texts.DELIVERIES, codes.MESSAGE_DELIVERY_SHIFT),
    ):
        for code, text in table.items():
            yield f"| {code << shift:02X}h ({code << shift}) | {text} | {translate(text, 'ru')} |"
