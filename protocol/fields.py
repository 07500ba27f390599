"""The fields that messages are declared with: type in Python, place in a unit, caption for people.

``object_number: ObjectNumber`` in a message is the whole declaration of that field. The first thing beside the Python
type is the wire, or a function that makes it for the options at hand; the last is the caption. None stands for FFh in
every octet, "not given"; a value that no table declares is :class:`~protocol.values.Raw`.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from protocol import codes, texts
from protocol.codes import Category, GroupType, NumberSign, ObjectType, Priority, StationType
from protocol.composite import (
    Digits,
    KslRows,
    MessageOctets,
    PartyOctets,
    ServiceEntries,
    ServiceOctets,
    TimeOctets,
)
from protocol.language import Phrase
from protocol.texts import meaning_in
from protocol.values import Ksl, KslRow, Party, Raw, Time
from protocol.wire import Coded, Filler, KslOctet, Octet, PasswordOctets, Text, Word

# --- headers (order 268, 5.2, 8.2, 10.2)
OrmNumber = Annotated[int, Octet(), Phrase("ORM number")]
Password = Annotated[str, PasswordOctets(), Phrase("password")]
NewPassword = Annotated[Password, Phrase("new password")]
Total = Annotated[int, lambda o: Word(o.count_byte_order, absent=False), Phrase("messages in all")]
Index = Annotated[int, lambda o: Word(o.count_byte_order, absent=False), Phrase("number of this one")]
Reserve = Annotated[
    int,
    Coded.numbers({0xFF}, what="reserve", absent=False, usual=(0xFF,)),
    Phrase("reserve"),
]
Version = Annotated[
    int,
    lambda o: Coded.numbers(
        {o.version}, what="version of requirements", absent=False, usual=tuple(codes.VERSIONS.values())
    ),
    Phrase("version"),
]
RequirementsVersion = Annotated[Version, Phrase("version of requirements")]
HeaderFiller = Annotated[bytes, Filler(8), Phrase("filler of the header")]
FillerOctet = Annotated[
    int, Coded.numbers({0xFF}, what="filler", absent=False, usual=(0xFF,)), Phrase("filler")
]

# --- objects (order 268, 6.5.5, 9.3.6)
ObjectNumber = Annotated[int | None, lambda o: Word(o.object_byte_order), Phrase("object number")]
ObjectTypeCode = Annotated[
    ObjectType | Raw | None,
    Coded(codes.OBJECT_TYPES, what="object type"),
    Phrase("object type"),
]
Sign = Annotated[
    NumberSign | Raw | None,
    lambda o: Coded(codes.NUMBER_SIGNS[o.order], what="number sign"),
    Phrase("number sign"),
]
Number = Annotated[
    str | Raw | None,
    lambda o: Digits(zero=o.zero_digit, extra=o.extra_digits),
    Phrase("number"),
]
NumberAsked = Annotated[
    str | Raw | None,
    lambda o: Digits(zero=o.zero_digit, extra=o.extra_digits, parts=True),
    Phrase("number"),
]
"""A number, or only its count of digits, or only its digits (order 268, 6.10.4, 6.10.7.4, 6.10.7.5)."""
Trunk = Annotated[int | None, lambda o: Word(o.trunk_byte_order), Phrase("trunk")]
CategoryCode = Annotated[
    Category | Raw | None,
    Coded(codes.CATEGORIES, what="category"),
    Phrase("category"),
]
PriorityCode = Annotated[Priority | Raw | None, Coded(codes.PRIORITIES, what="priority"), Phrase("priority")]
LineState = Annotated[
    int,
    Coded.table(texts.LINE_STATES, what="line state", absent=False),
    Phrase("line state"),
]

# --- KSL (order 268, 6.4.4, 9.4)
KslGroup = Annotated[int | None, Coded.numbers(codes.KSL_GROUPS, what="KSL group"), Phrase("KSL group")]
GroupTypeCode = Annotated[
    GroupType | Raw | None,
    Coded(codes.GROUP_TYPES, what="group type"),
    Phrase("group type"),
]
_KslLine = Annotated[Ksl | None, KslOctet()]
KslA = Annotated[_KslLine, Phrase("KSL-A")]
KslB = Annotated[_KslLine, Phrase("KSL-B")]
Rows = Annotated[tuple[KslRow, ...], KslRows(), Phrase("rows")]

# --- calls (order 268, 10.2, 10.3, 11)
CallNumber = Annotated[int | None, Word("little"), Phrase("call number")]
Selection = Annotated[
    int | None,
    Coded.numbers(codes.SELECTIONS, what="selection sign", meaning=texts.selection_text),
    Phrase("selection sign"),
]
Connection = Annotated[
    int | None,
    Coded.numbers(codes.CONNECTIONS, what="connection parameters", meaning=texts.connection_text),
    Phrase("connection parameters"),
]
ServicePhase = Annotated[
    int | None,
    Coded.table(texts.PHASES, what="service phase"),
    Phrase("service phase"),
]
_Party = Annotated[
    Party, lambda o: PartyOctets(codes.NUMBER_SIGNS[o.order], zero=o.zero_digit, extra=o.extra_digits)
]
Calling = Annotated[_Party, Phrase("calling")]
Called = Annotated[_Party, Phrase("called")]
Sender = Annotated[_Party, Phrase("sender")]
Receiver = Annotated[_Party, Phrase("receiver")]
SenderImsi = Annotated[_Party, Phrase("sender's IMSI")]
ReceiverImsi = Annotated[_Party, Phrase("receiver's IMSI")]
TimeField = Annotated[Time | Raw | None, TimeOctets(), Phrase("day and time")]
Service = Annotated[int | Raw | None, lambda o: ServiceOctets(o.service_code_position), Phrase("service")]
Services = Annotated[
    tuple[int | Raw | None, ...] | Raw,
    lambda o: ServiceEntries(o.service_code_position, fixed=o.m25_length == "fixed45"),
    Phrase("services"),
]
_OPERATION = Phrase("operation code")
OperationConnect = Annotated[
    int | None,
    Coded.table(texts.OPERATIONS_CONNECT, what="operation", not_given=texts.NO_OPERATION),
    _OPERATION,
]
OperationRelease = Annotated[int | None, Coded.table(texts.OPERATIONS_RELEASE, what="operation"), _OPERATION]
OperationKslConnected = Annotated[
    int | None, Coded.table(texts.OPERATIONS_CONNECT, what="operation"), _OPERATION
]
OperationKslReleased = Annotated[
    int | None, Coded.table(texts.OPERATIONS_KSL_RELEASED, what="operation"), _OPERATION
]
Additional = Annotated[
    int | None,
    Coded.numbers(range(codes.ABSENT), what="additional code"),
    Phrase("additional code"),
]

# --- plain codes and texts (order 268, appendix 9)
CommandCode = Annotated[int, Octet(), Phrase("command")]
Receipt = Annotated[int, Octet(meaning=partial(texts.status_text, message_code=0x27)), Phrase("status")]
Execution = Annotated[int, Octet(meaning=partial(texts.status_text, message_code=0x28)), Phrase("status")]
TestNumber = Annotated[int, Octet(), Phrase("test number")]
Kpd1State = Annotated[int, Octet(meaning=texts.streams_text), Phrase("state of KPD1")]
Kpd2State = Annotated[int, Octet(meaning=texts.streams_text), Phrase("state of KPD2")]
AlarmType = Annotated[
    int,
    Coded.table(texts.ALARM_TYPES, what="alarm type", absent=False),
    Phrase("alarm type"),
]
AlarmCode = Annotated[int, Octet(meaning=meaning_in(texts.ALARM_CODES)), Phrase("alarm code")]
AccessCode = Annotated[
    int,
    Coded.table(texts.ACCESS_CODES, what="access code", absent=False),
    Phrase("access code"),
]
StationTypeCode = Annotated[
    StationType | Raw | None,
    Coded(codes.STATION_TYPES, what="station type"),
    Phrase("station type"),
]
AccessText = Annotated[str, Text(40), Phrase("text")]
TrunkName = Annotated[str, Text(codes.TRUNK_NAME_OCTETS), Phrase("name")]
SoftwareVersion = Annotated[str, Text(44), Phrase("version")]

# --- telecommunication messages (order 268, 9.12)
DeliveryState = Annotated[int, Octet(meaning=texts.transfer_text), Phrase("transfer parameters")]
DeliveryCode = Annotated[
    int,
    Octet(meaning=texts.delivery_code_text),
    Phrase("reason of non-delivery"),
]
MessageText = Annotated[
    bytes,
    lambda o: MessageOctets(
        codes.MESSAGE_TEXT_OCTETS,
        readable=0xFF - codes.MESSAGE_FIXED_OCTETS,
        what="text of one message",
        coding=o.message_text,
    ),
    Phrase("text"),
]
