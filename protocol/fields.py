"""The fields that messages are declared with: each names a Python type and how it lies in a unit.

``object_number: ObjectNumber`` in a message is the whole declaration of that field. None stands for FFh in
every octet, "not given"; a value that no table declares is :class:`~protocol.values.Raw`.
"""

from __future__ import annotations

from typing import Annotated

from protocol import codes
from protocol.codes import Category, GroupType, NumberSign, ObjectType, Priority, StationType
from protocol.composite import Digits, KslRows, Octets, PartyOctets, ServiceEntries, ServiceOctets, TimeOctets
from protocol.values import Ksl, KslRow, Party, Raw, Time
from protocol.wire import Characters, Coded, Filler, KslOctet, Octet, OptionalOctet, Text, Word

# --- headers (order 268, 5.2, 8.2, 10.2)
OrmNumber = Annotated[int, Octet()]
Password = Annotated[str, Characters(6)]
Count = Annotated[int, lambda o: Word(o.count_byte_order, absent=False)]
Reserve = Annotated[int, Coded.numbers({0xFF}, what="reserve", absent=False)]
Version = Annotated[int, lambda o: Coded.numbers({o.version}, what="version of requirements", absent=False)]
HeaderFiller = Annotated[bytes, Filler(8)]
FillerOctet = Annotated[int, Coded.numbers({0xFF}, what="filler", absent=False)]

# --- objects (order 268, 6.5.5, 9.3.6)
ObjectNumber = Annotated[int | None, lambda o: Word(o.object_byte_order)]
ObjectTypeCode = Annotated[ObjectType | Raw | None, Coded(codes.OBJECT_TYPES, what="object type")]
Sign = Annotated[NumberSign | Raw | None, lambda o: Coded(codes.NUMBER_SIGNS[o.order], what="number sign")]
Number = Annotated[str | Raw | None, lambda o: Digits(zero=o.zero_digit, extra=o.extra_digits)]
NumberAsked = Annotated[
    str | Raw | None, lambda o: Digits(zero=o.zero_digit, extra=o.extra_digits, parts=True)
]
"""A number, or only its count of digits, or only its digits (order 268, 6.10.4, 6.10.7.4, 6.10.7.5)."""
Trunk = Annotated[int | None, lambda o: Word(o.trunk_byte_order)]
CategoryCode = Annotated[Category | Raw | None, Coded(codes.CATEGORIES, what="category")]
PriorityCode = Annotated[Priority | Raw | None, Coded(codes.PRIORITIES, what="priority")]
LineState = Annotated[int, Coded.numbers(codes.LINE_STATES, what="line state", absent=False)]

# --- KSL (order 268, 6.4.4, 9.4)
KslGroup = Annotated[int | None, Coded.numbers(codes.KSL_GROUPS, what="KSL group")]
GroupTypeCode = Annotated[GroupType | Raw | None, Coded(codes.GROUP_TYPES, what="group type")]
KslLine = Annotated[Ksl | None, KslOctet()]
Rows = Annotated[tuple[KslRow, ...], KslRows()]

# --- calls (order 268, 10.2, 10.3, 11)
CallNumber = Annotated[int | None, Word("little")]
Selection = Annotated[int | None, Coded.numbers(codes.SELECTIONS, what="selection sign")]
Connection = Annotated[int | None, Coded.numbers(codes.CONNECTIONS, what="connection parameters")]
ServicePhase = Annotated[int | None, Coded.numbers(codes.SERVICE_PHASES, what="service phase")]
PartyField = Annotated[
    Party, lambda o: PartyOctets(codes.NUMBER_SIGNS[o.order], zero=o.zero_digit, extra=o.extra_digits)
]
TimeField = Annotated[Time | Raw | None, TimeOctets()]
Service = Annotated[int | Raw | None, lambda o: ServiceOctets(o.service_code_position)]
Services = Annotated[
    tuple[int | Raw | None, ...] | Raw,
    lambda o: ServiceEntries(o.service_code_position, fixed=o.m25_length == "fixed45"),
]
OperationConnect = Annotated[int | None, Coded.numbers(codes.OPERATIONS_CONNECT, what="operation")]
OperationRelease = Annotated[int | None, Coded.numbers(codes.OPERATIONS_RELEASE, what="operation")]
OperationKslConnected = Annotated[int | None, Coded.numbers(codes.OPERATIONS_KSL_CONNECTED, what="operation")]
OperationKslReleased = Annotated[int | None, Coded.numbers(codes.OPERATIONS_KSL_RELEASED, what="operation")]
Additional = Annotated[int | None, OptionalOctet("additional code")]

# --- plain codes and texts (order 268, appendix 9)
Code = Annotated[int, Octet()]
AlarmType = Annotated[int, Coded.numbers(codes.ALARM_TYPES, what="alarm type", absent=False)]
AccessCode = Annotated[int, Coded.numbers(codes.ACCESS_CODES, what="access code", absent=False)]
StationTypeCode = Annotated[StationType | Raw | None, Coded(codes.STATION_TYPES, what="station type")]
Text40 = Annotated[str, Text(40)]
Text43 = Annotated[str, Text(codes.TRUNK_NAME_OCTETS)]
Text44 = Annotated[str, Text(44)]
MessageText = Annotated[
    bytes,
    Octets(codes.MESSAGE_TEXT_OCTETS, readable=0xFF - codes.MESSAGE_FIXED_OCTETS, what="text of one message"),
]
