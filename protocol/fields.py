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
OrmNumber = Annotated[int, Octet(), Phrase("ORM number", "номер ТС ОРМ")]
Password = Annotated[str, PasswordOctets(), Phrase("password", "пароль")]
NewPassword = Annotated[Password, Phrase("new password", "новый пароль")]
Total = Annotated[
    int, lambda o: Word(o.count_byte_order, absent=False), Phrase("messages in all", "всего сообщений")
]
Index = Annotated[
    int, lambda o: Word(o.count_byte_order, absent=False), Phrase("number of this one", "номер сообщения")
]
Reserve = Annotated[
    int,
    Coded.numbers({0xFF}, what="reserve", absent=False, usual=(0xFF,)),
    Phrase("reserve", "резерв"),
]
Version = Annotated[
    int,
    lambda o: Coded.numbers(
        {o.version}, what="version of requirements", absent=False, usual=tuple(codes.VERSIONS.values())
    ),
    Phrase("version", "версия"),
]
RequirementsVersion = Annotated[Version, Phrase("version of requirements", "версия технических требований")]
HeaderFiller = Annotated[bytes, Filler(8), Phrase("filler of the header", "заполнитель заголовка")]
FillerOctet = Annotated[
    int, Coded.numbers({0xFF}, what="filler", absent=False, usual=(0xFF,)), Phrase("filler", "заполнитель")
]

# --- objects (order 268, 6.5.5, 9.3.6)
ObjectNumber = Annotated[
    int | None, lambda o: Word(o.object_byte_order), Phrase("object number", "условный номер объекта")
]
ObjectTypeCode = Annotated[
    ObjectType | Raw | None,
    Coded(codes.OBJECT_TYPES, what="object type"),
    Phrase("object type", "тип объекта"),
]
Sign = Annotated[
    NumberSign | Raw | None,
    lambda o: Coded(codes.NUMBER_SIGNS[o.order], what="number sign"),
    Phrase("number sign", "признак номера"),
]
Number = Annotated[
    str | Raw | None,
    lambda o: Digits(zero=o.zero_digit, extra=o.extra_digits),
    Phrase("number", "номер телефона"),
]
NumberAsked = Annotated[
    str | Raw | None,
    lambda o: Digits(zero=o.zero_digit, extra=o.extra_digits, parts=True),
    Phrase("number", "номер телефона"),
]
"""A number, or only its count of digits, or only its digits (order 268, 6.10.4, 6.10.7.4, 6.10.7.5)."""
Trunk = Annotated[int | None, lambda o: Word(o.trunk_byte_order), Phrase("trunk", "пучок каналов")]
CategoryCode = Annotated[
    Category | Raw | None,
    Coded(codes.CATEGORIES, what="category"),
    Phrase("category", "категория контроля"),
]
PriorityCode = Annotated[
    Priority | Raw | None, Coded(codes.PRIORITIES, what="priority"), Phrase("priority", "метка приоритета")
]
LineState = Annotated[
    int,
    Coded.table(texts.LINE_STATES, what="line state", absent=False),
    Phrase("line state", "состояние абонентского комплекта"),
]

# --- KSL (order 268, 6.4.4, 9.4)
KslGroup = Annotated[
    int | None, Coded.numbers(codes.KSL_GROUPS, what="KSL group"), Phrase("KSL group", "номер группы КСЛ")
]
GroupTypeCode = Annotated[
    GroupType | Raw | None,
    Coded(codes.GROUP_TYPES, what="group type"),
    Phrase("group type", "тип группы КСЛ"),
]
_KslLine = Annotated[Ksl | None, KslOctet()]
KslA = Annotated[_KslLine, Phrase("KSL-A", "КСЛ-А")]
KslB = Annotated[_KslLine, Phrase("KSL-B", "КСЛ-В")]
Rows = Annotated[tuple[KslRow, ...], KslRows(), Phrase("rows", "строки")]

# --- calls (order 268, 10.2, 10.3, 11)
CallNumber = Annotated[int | None, Word("little"), Phrase("call number", "номер вызова")]
Selection = Annotated[
    int | None,
    Coded.numbers(codes.SELECTIONS, what="selection sign", meaning=texts.selection_text),
    Phrase("selection sign", "признак отбора"),
]
Connection = Annotated[
    int | None,
    Coded.numbers(codes.CONNECTIONS, what="connection parameters", meaning=texts.connection_text),
    Phrase("connection parameters", "параметры связи"),
]
ServicePhase = Annotated[
    int | None,
    Coded.table(texts.PHASES, what="service phase"),
    Phrase("service phase", "код фазы услуги"),
]
_Party = Annotated[
    Party, lambda o: PartyOctets(codes.NUMBER_SIGNS[o.order], zero=o.zero_digit, extra=o.extra_digits)
]
Calling = Annotated[_Party, Phrase("calling", "вызывающий")]
Called = Annotated[_Party, Phrase("called", "вызываемый")]
Sender = Annotated[_Party, Phrase("sender", "отправитель")]
Receiver = Annotated[_Party, Phrase("receiver", "получатель")]
SenderImsi = Annotated[_Party, Phrase("sender's IMSI", "IMSI отправителя")]
ReceiverImsi = Annotated[_Party, Phrase("receiver's IMSI", "IMSI получателя")]
TimeField = Annotated[Time | Raw | None, TimeOctets(), Phrase("day and time", "день и время")]
Service = Annotated[
    int | Raw | None, lambda o: ServiceOctets(o.service_code_position), Phrase("service", "услуга")
]
Services = Annotated[
    tuple[int | Raw | None, ...] | Raw,
    lambda o: ServiceEntries(o.service_code_position, fixed=o.m25_length == "fixed45"),
    Phrase("services", "услуги"),
]
_OPERATION = Phrase("operation code", "код операции")
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
    Phrase("additional code", "дополнительный код"),
]

# --- plain codes and texts (order 268, appendix 9)
CommandCode = Annotated[int, Octet(), Phrase("command", "команда")]
Receipt = Annotated[
    int, Octet(meaning=partial(texts.status_text, message_code=0x27)), Phrase("status", "результат")
]
Execution = Annotated[
    int, Octet(meaning=partial(texts.status_text, message_code=0x28)), Phrase("status", "результат")
]
TestNumber = Annotated[int, Octet(), Phrase("test number", "номер тестового сообщения")]
Kpd1State = Annotated[int, Octet(meaning=texts.streams_text), Phrase("state of KPD1", "состояние КПД1")]
Kpd2State = Annotated[int, Octet(meaning=texts.streams_text), Phrase("state of KPD2", "состояние КПД2")]
AlarmType = Annotated[
    int,
    Coded.table(texts.ALARM_TYPES, what="alarm type", absent=False),
    Phrase("alarm type", "тип аварии"),
]
AlarmCode = Annotated[int, Octet(meaning=meaning_in(texts.ALARM_CODES)), Phrase("alarm code", "код аварии")]
AccessCode = Annotated[
    int,
    Coded.table(texts.ACCESS_CODES, what="access code", absent=False),
    Phrase("access code", "код доступа"),
]
StationTypeCode = Annotated[
    StationType | Raw | None,
    Coded(codes.STATION_TYPES, what="station type"),
    Phrase("station type", "тип узла связи"),
]
AccessText = Annotated[str, Text(40), Phrase("text", "текст")]
TrunkName = Annotated[str, Text(codes.TRUNK_NAME_OCTETS), Phrase("name", "имя")]
SoftwareVersion = Annotated[str, Text(44), Phrase("version", "версия")]

# --- telecommunication messages (order 268, 9.12)
DeliveryState = Annotated[
    int, Octet(meaning=texts.transfer_text), Phrase("transfer parameters", "параметры передачи")
]
DeliveryCode = Annotated[
    int,
    Octet(meaning=texts.delivery_code_text),
    Phrase("reason of non-delivery", "код причины недоставки"),
]
MessageText = Annotated[
    bytes,
    lambda o: MessageOctets(
        codes.MESSAGE_TEXT_OCTETS,
        readable=0xFF - codes.MESSAGE_FIXED_OCTETS,
        what="text of one message",
        coding=o.message_text,
    ),
    Phrase("text", "текст"),
]
