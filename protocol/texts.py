"""The meanings of coded values, for people, in English and in Russian.

The tables declare the codes that are integers; the functions look values up. They
return one text, in ``lang``, without a full stop. A value that no table holds gets a text with the value in
hexadecimal, never an error: a unit may hold anything.

Sources: order 268, appendices 6, 9, 10 and 11; the Russian keeps its words. The extended statuses of
:data:`EXTENDED_MANUAL` and their Russian are those of the Eltex SMG1016M manual, "Настройки СОРМ", word for
word; those of :data:`EXTENDED_FURTHER` and the texts of services are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from protocol import codes
from protocol.language import Lang, Phrase, translate

_Table = Mapping[int, Phrase]

NOT_GIVEN = Phrase("not given")

CHANNELS: Mapping[str, Phrase] = {
    "command": Phrase("KPD1, command"),
    "kpd1": Phrase("KPD1, message"),
    "kpd2": Phrase("KPD2, message"),
}

VALUES: Mapping[str, Phrase] = {name: name.phrase for kind in codes.Named.__subclasses__() for name in kind}
"""Values with names; a name means the same wherever it stands (order 268, 6.4.4.2, 6.5.5, 9.11.4.2)."""

# Receipt (27h) and execution (28h): order 268, 9.7.4.2, 9.8.4.2. Status 00h and 01h differ between the two.
RECEIPT: _Table = {
    0x00: Phrase("accepted"),
    0x01: Phrase("refused: format or parameters"),
    0x02: Phrase("refused: not started"),
}
EXECUTION: _Table = {
    0x00: Phrase("done"),
    0x01: Phrase("not done"),
    0x03: Phrase("not done: wrong password"),
    0x05: Phrase("not done: wrong ORM number"),
    0x07: Phrase("not done: already running"),
}
_EITHER: _Table = {
    **RECEIPT,
    **EXECUTION,
    0x00: Phrase("accepted or done"),
    0x01: Phrase("refused or not done"),
}
_OF_MESSAGE: Mapping[int | None, _Table] = {0x27: RECEIPT, 0x28: EXECUTION}

EXTENDED_MANUAL: _Table = {
    0x10: Phrase("command not accepted: wrong length, or wrong count of digits in the number"),
    0x11: Phrase("parameter(s) error"),
    0x12: Phrase("wrong object type"),
    0x13: Phrase("wrong number type"),
    0x14: Phrase("wrong category"),
    0x15: Phrase("priority error"),
    0x16: Phrase("start not accepted: already started"),
    0x17: Phrase("command not accepted: SORM is not started"),
    0x18: Phrase("command not accepted: wrong ORM number"),
    0x25: Phrase("trunk group not defined"),
    0x30: Phrase("KSL group is defined with another type"),
    0x31: Phrase("object table full, monitoring not begun"),
    0x32: Phrase("the group has no such KSL"),
    0x33: Phrase("object already defined"),
    0x34: Phrase("wrong object number"),
    0x36: Phrase("number already defined"),
    0x37: Phrase("object number does not suit the command"),
    0x38: Phrase("wrong object type or wrong number type"),
    0x39: Phrase("output already finished (answer to the table commands)"),
    0x3A: Phrase("KSL-A already assigned"),
    0x3D: Phrase("wrong object number (on connecting to or disconnecting from a call)"),
    0x3E: Phrase("wrong KSL group number"),
    0x3F: Phrase("wrong KSL-A number"),
    0x40: Phrase("wrong KSL-B number"),
    0x41: Phrase("wrong KSL-A and KSL-B numbers"),
    0x44: Phrase("wrong count of digits"),
    0x4E: Phrase("trunk parameters not given"),
    0x53: Phrase("neither number nor direction found"),
    0x54: Phrase("the subscriber number is not local"),
    0x55: Phrase("wrong number sign"),
    0x56: Phrase("wrong object type for a local number"),
    0x57: Phrase("the local sign cannot be used, the number is not local"),
    0x5F: Phrase("KSL not given"),
    0x61: Phrase("services not set"),
    0x73: Phrase("KSL allocation error"),
}
# Used where the manual has no status that fits: our choice.
EXTENDED_FURTHER: _Table = {
    0x19: Phrase("wrong number length"),
    0x20: Phrase("neither number nor trunk given when adding an object"),
    0x21: Phrase("interrupted by console"),
    0x2D: Phrase("not accepted: previous command still running"),
    0x35: Phrase("number not found"),
    0x3B: Phrase("number coincides"),
    0x47: Phrase("no number given for trunk"),
    0x48: Phrase("both number and trunk given"),
    0x49: Phrase("no trunk with that number"),
    0x4A: Phrase("that trunk is already controlled"),
    0x4B: Phrase("ten trunks are controlled already"),
    0x4C: Phrase("trunk number differs from the one defined"),
}
EXTENDED: _Table = {**EXTENDED_MANUAL, **EXTENDED_FURTHER}
_ANY_STATUS: _Table = {**_EITHER, **EXTENDED}

SERVICES: _Table = {
    0x20: Phrase("all call forwarding"),
    0x21: Phrase("forwarding unconditional"),
    0x28: Phrase("all conditional forwarding"),
    0x29: Phrase("forwarding on busy"),
    0x2A: Phrase("forwarding on no reply"),
    0x2B: Phrase("forwarding when not reachable"),
    0x31: Phrase("call transfer"),
    0x32: Phrase("call pick-up"),
    0x33: Phrase("consultation call"),
    0x40: Phrase("end of hold"),
    0x41: Phrase("call waiting"),
    0x42: Phrase("hold"),
    0x43: Phrase("completion of calls to a busy subscriber"),
    0x50: Phrase("multi-party services, conference"),
    0x51: Phrase("multi-party"),
    0x52: Phrase("three-party"),
}
"""Codes of services. The order names none (9.5.5.2, 11.4.4). 20h..2Bh, 31h, 41h..43h, 50h and 51h are SS-codes of
3GPP TS 29.002; 32h, 33h, 40h and 52h are our choice."""
PHASES: _Table = {
    0x00: Phrase("ordinary call"),
    0x01: Phrase("service ordered"),
    0x02: Phrase("service checked"),
    0x03: Phrase("service cancelled"),
    0x04: Phrase("service used", context="phases"),
    0x05: Phrase("further information passed during the call"),
}
"""Order 268, 10.2.1.8."""
_SELECTION_REASONS = (Phrase("A number"), Phrase("B number"), Phrase("trunk"), Phrase("object number"))
_SELECTION_KINDS: _Table = {1: Phrase("combined"), 3: Phrase("separate"), 2: Phrase("statistical")}
_AUTOMATICALLY = 1
_CONNECTION_HOW: _Table = {
    _AUTOMATICALLY: Phrase("set up automatically"),
    2: Phrase("set up by an operator"),
}
_CONNECTION_DIRECTION: _Table = {
    0x1: Phrase("outgoing"),
    0x2: Phrase("incoming"),
    0x4: Phrase("international transit"),
    0x8: Phrase("long-distance transit"),
    0xC: Phrase("inside this node"),
}

OPERATIONS_CONNECT: _Table = {
    0x00: Phrase("KSL connected", context="operations_connect"),
    0x01: Phrase("no free KSL in the group"),
}
"""Operation codes of 41h, 42h and 44h besides FFh (order 268, 11.1.9), and of 51h (11.5.4..11.5.6)."""
OPERATIONS_RELEASE: _Table = {
    0x01: Phrase("released for technical reasons"),
    0x02: Phrase("released after incomplete dialling"),
    0x03: Phrase("called party busy, or no free lines"),
    0x04: Phrase("called party does not answer"),
    0x05: Phrase("released after conversation"),
}
"""Operation codes of 43h (order 268, 11.3.5)."""
OPERATIONS_KSL_RELEASED: _Table = {
    0x01: Phrase("released by command 8"),
    0x02: Phrase("taken by a priority object"),
    0x03: Phrase("taken to carry out command 7"),
    0x04: Phrase("equipment fault"),
    0x05: Phrase("object removed, command 6"),
    0x06: Phrase("stopped, command 2"),
}
"""Operation codes of 52h (order 268, 11.6.5)."""
NO_OPERATION = Phrase("statistical control")

ALARM_TYPES: _Table = {
    0x01: Phrase("tables distorted or lost, the technical means stopped"),
    0x02: Phrase("tables intact, operator action needed"),
    0x03: Phrase("tables intact, no action needed"),
    0x04: Phrase("characteristics of the lines to the console changed"),
}
"""Order 268, 9.1.4.1."""
ALARM_CODES: _Table = {
    0x00: Phrase("no fault: the line works again"),
    0x01: Phrase("E1: loss of signal (LOS)"),
    0x02: Phrase("E1: remote alarm (RAI)"),
    0x03: Phrase("restart of the SIP adapter"),
}
"""The order lists none (9.1.4.2). LOS and RAI are states of a stream (Eltex SMG1016M manual, "Проверка потока Е1
до ПУ СОРМ"); the numbers, and 00h for the end of a fault, are our choice."""
ACCESS_CODES: _Table = {
    0x01: Phrase("access from a forbidden port"),
    0x02: Phrase("access with a wrong password"),
    0x03: Phrase("tables read or written"),
    0x04: Phrase("port of the console link reassigned"),
    0x05: Phrase("access with a wrong ORM number"),
}
"""Order 268, 9.6.4.1."""
LINE_STATES: _Table = {
    0x00: Phrase("works, calls are not restricted"),
    0x01: Phrase("faulty"),
    0x03: Phrase("blocked, no calls"),
    0x07: Phrase("calls are restricted"),
    0xFF: Phrase("not known"),
}
"""Order 268, 9.3.6.4."""

# Octet 15 of 2Ch: order 268, 9.12.4.4, table 1.
_RESERVE = Phrase("reserve")
DIRECTIONS: _Table = {
    codes.MESSAGE_SENT: Phrase("taken from the object"),
    codes.MESSAGE_RECEIVED: Phrase("addressed to the object"),
}
MESSAGE_SELECTIONS: _Table = {
    codes.MESSAGE_BY_SENDER_IMSI: Phrase("selected by the sender's IMSI"),
    codes.MESSAGE_BY_SENDER_NUMBER: Phrase("selected by the sender's number"),
    codes.MESSAGE_BY_RECEIVER_NUMBER: Phrase("selected by the receiver's number"),
    codes.MESSAGE_BY_RECEIVER_IMSI: Phrase("selected by the receiver's IMSI"),
}
DELIVERIES: _Table = {
    codes.MESSAGE_DELIVERY_UNKNOWN: Phrase("delivery not known"),
    codes.MESSAGE_DELIVERED: Phrase("delivered"),
    codes.MESSAGE_NOT_DELIVERED: Phrase("not delivered"),
}


def look_up(table: Mapping[int, Phrase], value: int, lang: Lang = "en") -> str:
    """The text of ``value`` in one of the tables above."""
    return translate(phrase_of(table, value), lang)


def phrase_of(table: Mapping[int, Phrase], value: int) -> Phrase:
    """The text of ``value`` in ``table``, to be shown in any language."""
    return table.get(value) or unknown(value)


def meaning_in(table: Mapping[int, Phrase]) -> Callable[[int, Lang], str]:
    """:func:`look_up` in ``table``, as a function of value and language."""
    return partial(look_up, table)


def unknown(value: object) -> Phrase:
    """The text of a value that no table holds; an integer is shown as two hexadecimal digits."""
    shown = f"0x{value:02X}" if isinstance(value, int) else str(value)
    return Phrase("unknown value {value}", value=shown)


def status_text(status: int, lang: Lang = "en", *, message_code: int | None = None) -> str:
    """The status of 27h or 28h; ``message_code`` is the one meant, for 00h and 01h differ."""
    return translate(status_phrase(status, message_code=message_code), lang)


def status_phrase(status: int, *, message_code: int | None = None) -> Phrase:
    """As :func:`status_text`, to be shown in any language."""
    order = _OF_MESSAGE.get(message_code, _EITHER)
    return phrase_of(order if status in order else _ANY_STATUS, status)


def value_name_text(name: str, lang: Lang = "en") -> str:
    """A named value (object type, sign, category, group type, priority, station type)."""
    return translate(VALUES.get(name) or unknown(name), lang)


def selection_text(selection: int, lang: Lang = "en") -> str:
    """The selection sign: two bits for each reason, several reasons may stand together (order 268, 10.2.1.6)."""
    reasons = [
        f"{translate(reason, lang)} ({translate(_SELECTION_KINDS[selection >> 2 * place & 3], lang)})"
        for place, reason in enumerate(_SELECTION_REASONS)
        if selection >> 2 * place & 3
    ]
    return ", ".join(reasons) or translate(unknown(selection), lang)


def selection_brief(selection: int, lang: Lang = "en") -> str:
    """As :func:`selection_text`, shorter: reasons of one kind stand together."""
    groups = []
    for kind, phrase in _SELECTION_KINDS.items():
        reasons = [
            translate(reason, lang)
            for place, reason in enumerate(_SELECTION_REASONS)
            if selection >> 2 * place & 3 == kind
        ]
        if reasons:
            groups.append(f"{' + '.join(reasons)}, {translate(phrase, lang)}")
    return "; ".join(groups) or translate(unknown(selection), lang)


def connection_text(connection: int, lang: Lang = "en") -> str:
    """The connection parameters: direction, and how the call was set up (order 268, 10.2.1.7)."""
    how = _CONNECTION_HOW.get(connection >> 4)
    way = _CONNECTION_DIRECTION.get(connection & 0xF)
    if how is None or way is None:
        return translate(unknown(connection), lang)
    return f"{translate(way, lang)}, {translate(how, lang)}"


def connection_brief(connection: int, lang: Lang = "en") -> str:
    """As :func:`connection_text`, without "set up automatically", which nearly every call is."""
    way = _CONNECTION_DIRECTION.get(connection & 0xF)
    if connection >> 4 != _AUTOMATICALLY or way is None:
        return connection_text(connection, lang)
    return translate(way, lang)


def streams_text(bitmap: int, lang: Lang = "en") -> str:
    """The streams whose bit is set in 29h and 53h: those that work (order 268, 9.9.4.2)."""
    streams = ", ".join(str(stream) for stream in range(8) if bitmap >> stream & 1)
    working = Phrase("streams {streams}", streams=streams)
    return translate(working if streams else Phrase("no stream"), lang)


def transfer_text(octet: int, lang: Lang = "en") -> str:
    """Octet 15 of 2Ch: direction, sign of selection, result of delivery (order 268, 9.12.4.4)."""
    parts = (
        (DIRECTIONS, octet & 3),
        (MESSAGE_SELECTIONS, octet >> codes.MESSAGE_SELECTION_SHIFT & 3),
        (DELIVERIES, octet >> codes.MESSAGE_DELIVERY_SHIFT & 3),
    )
    phrases = [translate(table.get(value, _RESERVE), lang) for table, value in parts]
    beyond = octet & 0xC0
    return ", ".join([*phrases, translate(unknown(beyond), lang)] if beyond else phrases)


def transfer_brief(octet: int, lang: Lang = "en") -> str:
    """As :func:`transfer_text`, without the sign of selection."""
    phrases = [translate(DIRECTIONS.get(octet & 3, _RESERVE), lang)]
    delivery = octet >> codes.MESSAGE_DELIVERY_SHIFT & 3
    if delivery != codes.MESSAGE_DELIVERY_UNKNOWN:
        phrases.append(translate(DELIVERIES.get(delivery, _RESERVE), lang))
    return ", ".join(phrases)


def delivery_code_text(code: int, lang: Lang = "en") -> str:
    """Octet 16 of 2Ch, why it was not delivered: the order lists no values (9.12.4.5), FFh is none."""
    return translate(NOT_GIVEN, lang) if code == 0xFF else ""
