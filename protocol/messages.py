"""The messages: seventeen commands, twelve messages of KPD1, seven of KPD2 (order 268, appendices 5, 6 and 8 to 11).

First come the types of their fields. ``object_number: ObjectNumber`` in a message is the whole declaration of that
field: its type in Python, its place in a unit, its caption for people. The first thing beside the Python type is the
wire, or a function that makes it for the options at hand; the last is the caption. None stands for FFh in every octet,
"not given"; a value that no table declares is :class:`~protocol.values.Raw`.

A message is one class. Its fields, in the order of :func:`dataclasses.fields`, are the octets of the unit in wire
order; preamble, code and length are not fields. Header fields have defaults and are keyword-only. The default of a
field is its value also where a JSON document or a script leaves it out; a field without one can't be left out
(:func:`~protocol.errors.left_out` where a field with a default stands before it). At the end of the module: which
messages there are, by order, code and name, and how long they may be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, ParamSpec, TypeVar, cast, dataclass_transform, get_type_hints

from protocol import codes, texts
from protocol.codes import Category, Channel, GroupType, NumberSign, ObjectType, Order, Priority, StationType
from protocol.composite import (
    GROUP_TYPE,
    KSL_GROUP,
    KSL_LINE,
    Digits,
    KslRows,
    MessageOctets,
    PartyOctets,
    ServiceEntries,
    ServiceOctets,
    Tail,
    TimeOctets,
)
from protocol.errors import left_out
from protocol.forms import Form
from protocol.language import Phrase, join
from protocol.options import Options
from protocol.values import NOBODY, Ksl, KslRow, Party, Raw, Time
from protocol.wire import Coded, Filler, Octet, PasswordOctets, Text, Wire, Word

# --- fields of headers (order 268, 5.2, 8.2, 10.2)
OrmNumber = Annotated[int, Octet(), Phrase("ORM number")]
Password = Annotated[str, PasswordOctets(), Phrase("password")]
NewPassword = Annotated[Password, Phrase("new password")]
Total = Annotated[int, lambda o: Word(o.count_byte_order, absent=False), Phrase("messages in all")]
Index = Annotated[int, lambda o: Word(o.count_byte_order, absent=False), Phrase("number of this one")]
Reserve = Annotated[
    int, Coded.numbers({0xFF}, what="reserve", absent=False, usual=(0xFF,)), Phrase("reserve")
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

# --- fields of objects (order 268, 6.5.5, 9.3.6)
ObjectNumber = Annotated[int | None, lambda o: Word(o.object_byte_order), Phrase("object number")]
ObjectTypeCode = Annotated[
    ObjectType | Raw | None, Coded(codes.OBJECT_TYPES, what="object type"), Phrase("object type")
]
Sign = Annotated[
    NumberSign | Raw | None,
    lambda o: Coded(codes.NUMBER_SIGNS[o.order], what="number sign"),
    Phrase("number sign"),
]
Number = Annotated[
    str | Raw | None, lambda o: Digits(zero=o.zero_digit, extra=o.extra_digits), Phrase("number")
]
NumberAsked = Annotated[
    str | Raw | None, lambda o: Digits(zero=o.zero_digit, extra=o.extra_digits, parts=True), Phrase("number")
]
"""A number, or only its count of digits, or only its digits (order 268, 6.10.4, 6.10.7.4, 6.10.7.5)."""
Trunk = Annotated[int | None, lambda o: Word(o.trunk_byte_order), Phrase("trunk")]
CategoryCode = Annotated[Category | Raw | None, Coded(codes.CATEGORIES, what="category"), Phrase("category")]
PriorityCode = Annotated[Priority | Raw | None, Coded(codes.PRIORITIES, what="priority"), Phrase("priority")]
LineState = Annotated[
    int, Coded.table(texts.LINE_STATES, what="line state", absent=False), Phrase("line state")
]

# --- fields of KSL (order 268, 6.4.4, 9.4)
KslGroup = Annotated[int | None, KSL_GROUP, Phrase("KSL group")]
GroupTypeCode = Annotated[GroupType | Raw | None, GROUP_TYPE, Phrase("group type")]
_KslLine = Annotated[Ksl | None, KSL_LINE]
KslA = Annotated[_KslLine, Phrase("KSL-A")]
KslB = Annotated[_KslLine, Phrase("KSL-B")]
Rows = Annotated[tuple[KslRow, ...], KslRows(), Phrase("rows")]

# --- fields of calls (order 268, 10.2, 10.3, 11)
CallNumber = Annotated[int | None, Word("little"), Phrase("call number")]
Selection = Annotated[
    int | None,
    Coded.numbers(
        codes.SELECTIONS, what="selection sign", meaning=texts.selection_text, brief=texts.selection_brief
    ),
    Phrase("selection sign"),
]
Connection = Annotated[
    int | None,
    Coded.numbers(
        codes.CONNECTIONS,
        what="connection parameters",
        meaning=texts.connection_text,
        brief=texts.connection_brief,
    ),
    Phrase("connection parameters"),
]
ServicePhase = Annotated[int | None, Coded.table(texts.PHASES, what="service phase"), Phrase("service phase")]
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
    int | None, Coded.numbers(range(codes.ABSENT), what="additional code"), Phrase("additional code")
]

# --- fields: plain codes and texts (order 268, appendix 9)
CommandCode = Annotated[int, Octet(), Phrase("command")]
Receipt = Annotated[int, Octet(meaning=partial(texts.status_text, message_code=0x27)), Phrase("status")]
Execution = Annotated[int, Octet(meaning=partial(texts.status_text, message_code=0x28)), Phrase("status")]
TestNumber = Annotated[int, Octet(), Phrase("test number")]
Kpd1State = Annotated[int, Octet(meaning=texts.streams_text), Phrase("state of KPD1")]
Kpd2State = Annotated[int, Octet(meaning=texts.streams_text), Phrase("state of KPD2")]
AlarmType = Annotated[
    int, Coded.table(texts.ALARM_TYPES, what="alarm type", absent=False), Phrase("alarm type")
]
AlarmCode = Annotated[int, Octet(meaning=texts.meaning_in(texts.ALARM_CODES)), Phrase("alarm code")]
AccessCode = Annotated[
    int, Coded.table(texts.ACCESS_CODES, what="access code", absent=False), Phrase("access code")
]
StationTypeCode = Annotated[
    StationType | Raw | None, Coded(codes.STATION_TYPES, what="station type"), Phrase("station type")
]
AccessText = Annotated[str, Text(40), Phrase("text")]
TrunkName = Annotated[str, Text(codes.TRUNK_NAME_OCTETS), Phrase("name")]
SoftwareVersion = Annotated[str, Text(44), Phrase("version")]

# --- fields of telecommunication messages (order 268, 9.12)
DeliveryState = Annotated[
    int, Octet(meaning=texts.transfer_text, brief=texts.transfer_brief), Phrase("transfer parameters")
]
DeliveryCode = Annotated[int, Octet(meaning=texts.delivery_code_text), Phrase("reason of non-delivery")]
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


P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M", bound="Message")


@dataclass(slots=True)
class Message:
    """Any command, message or event. Treat it as immutable; ``dataclasses.replace`` makes a changed one."""

    code: ClassVar[int]
    """Third octet of the unit."""
    message_name: ClassVar[str]
    """Its name in JSON and scenarios (docs/messages.md)."""
    title: ClassVar[Phrase]
    """What it is, for people (order 268, appendices 6, 9, 11)."""
    channel: ClassVar[Channel]
    clause: ClassVar[str]
    """Where the order has it: appendix and clause."""

    orm_number: OrmNumber = field(default=1, kw_only=True)


_MESSAGES: list[type[Message]] = []


@dataclass_transform(field_specifiers=(field,))
def declared(code: int, name: str, title: Phrase, clause: str) -> Callable[[type[M]], type[M]]:
    """Make a dataclass of a message, with what :class:`Message` names, and put it into the list of all messages."""

    def declare(cls: type[M]) -> type[M]:
        made = dataclass(slots=True)(cls)
        made.code, made.message_name, made.title, made.clause = code, name, title, clause
        _MESSAGES.append(made)
        return made

    return declare


@dataclass(slots=True)
class Command(Message):
    """Console to technical means (order 268, 5.2)."""

    channel = Channel.COMMAND

    password: Password = field(default="123456", kw_only=True)


@dataclass(slots=True)
class Kpd1Header(Message):
    """Octets 5..9 of a KPD1 message, counted from 1 (order 268, 8.2)."""

    channel = Channel.KPD1

    total: Total = field(default=1, kw_only=True)
    """Messages in this answer, 1..65535 (order 268, 8.2.1.5). 0 is read, too."""
    index: Index = field(default=1, kw_only=True)
    """Number of this one, 1..65535 (order 268, 8.2.1.6). 0 is read, too."""
    reserve: Reserve = field(default=0xFF, kw_only=True)


@dataclass(slots=True)
class Kpd1Message(Kpd1Header):
    """Technical means to console on KPD1 (order 268, 8.2)."""

    version: Version = field(default=0x02, kw_only=True)
    """Version of requirements: ``Options.version`` of the codec in use."""


@dataclass(slots=True)
class Event(Message):
    """Technical means to console on KPD2 (order 268, 10.2)."""

    channel = Channel.KPD2


@dataclass(slots=True)
class CallHeader(Event):
    """Octets 5..12 of a call's events, counted from 1; the first five are the call id that commands 7 and 8 echo
    (order 268, 10.2.1.5, 6.7.8.2)."""

    call_number: CallNumber = None
    object_type: ObjectTypeCode = None
    object_number: ObjectNumber = None
    selection: Selection = None
    connection: Connection = None
    service_phase: ServicePhase = None


# --- commands (order 268, appendix 6)


@declared(0x01, "start", Phrase("start the technical means"), "order 268, 6.1")
class Start(Command):
    """Start the technical means [Запуск технических средств ОРМ]."""


@declared(0x02, "stop", Phrase("stop the technical means"), "order 268, 6.2")
class Stop(Command):
    """Stop the technical means [Останов технических средств ОРМ]."""


@declared(0x03, "set-password", Phrase("set the password"), "order 268, 6.3")
class SetPassword(Command):
    """Set the password [Задание пароля]; the header carries the one in force."""

    new_password: NewPassword


@declared(0x04, "add-ksl", Phrase("put a KSL into a group"), "order 268, 6.4")
class AddKsl(Command):
    """Put a line, or a pair of lines, into a KSL group [Закрепление КСЛ за группой]."""

    ksl_group: KslGroup = None
    group_type: GroupTypeCode = None
    ksl_a: KslA = None
    ksl_b: KslB = None


@declared(0x05, "add-object", Phrase("put an object under control"), "order 268, 6.5")
class AddObject(Command):
    """Put an object under control [Постановка объекта на контроль]."""

    object_number: ObjectNumber = None
    object_type: ObjectTypeCode = None
    number_sign: Sign = None
    number: Number = None
    trunk: Trunk = None
    category: CategoryCode = None
    ksl_group: KslGroup = None
    priority: PriorityCode = None


@declared(0x06, "remove-object", Phrase("remove an object from control"), "order 268, 6.6")
class RemoveObject(Command):
    """Take an object off control [Снятие объекта с контроля]."""

    object_number: ObjectNumber = None
    object_type: ObjectTypeCode = None
    number_sign: Sign = None
    number: Number = None
    trunk: Trunk = None


@declared(0x07, "connect-ksl", Phrase("connect a KSL to the speech path"), "order 268, 6.7")
class ConnectKsl(Command):
    """Connect a line to a call's speech path [Подключение к разговорному тракту]."""

    call_number: CallNumber = None
    object_type: ObjectTypeCode = None
    object_number: ObjectNumber = None
    ksl_group: KslGroup = None


@declared(0x08, "release-ksl", Phrase("release a KSL"), "order 268, 6.8")
class ReleaseKsl(Command):
    """Release a call's line [Освобождение КСЛ], by call or by line."""

    call_number: CallNumber = None
    object_type: ObjectTypeCode = None
    object_number: ObjectNumber = None
    ksl_a: KslA = None
    ksl_b: KslB = None


@declared(0x09, "remove-ksl", Phrase("take a KSL out of a group"), "order 268, 6.9")
class RemoveKsl(Command):
    """Take a line, or a pair, out of its group [Исключение КСЛ из группы]."""

    ksl_group: KslGroup = None
    ksl_a: KslA = None
    ksl_b: KslB = None


@declared(0x0A, "get-objects", Phrase("request object data"), "order 268, 6.10")
class GetObjects(Command):
    """Ask for object data; fields that are None match any."""

    object_number: ObjectNumber = None
    object_type: ObjectTypeCode = None
    number_sign: Sign = None
    number: NumberAsked = None
    trunk: Trunk = None


@declared(0x0B, "get-ksl", Phrase("request the KSL groups"), "order 268, 6.11")
class GetKsl(Command):
    """Ask for the KSL-group table; fields that are None match any."""

    ksl_group: KslGroup = None
    group_type: GroupTypeCode = None
    ksl_a: KslA = None
    ksl_b: KslB = None


@declared(0x0C, "get-services", Phrase("request a subscriber's services"), "order 268, 6.12")
class GetServices(Command):
    """Ask for a subscriber's services."""

    number_sign: Sign = None
    number: Number = None


@declared(0x0D, "interrupt", Phrase("interrupt the table output"), "order 268, 6.13")
class Interrupt(Command):
    """Stop a table that is being sent."""


@declared(0x0E, "test", Phrase("test the data channels"), "order 268, 6.14")
class Test(Command):
    """Test the data channels."""

    __test__ = False  # a collector of tests would take it for one, by its name

    test_number: TestNumber


@declared(0x0F, "change-object", Phrase("change an object's parameters"), "order 268, 6.15")
class ChangeObject(Command):
    """Change category, group and priority of an object."""

    object_number: ObjectNumber = None
    category: CategoryCode = None
    ksl_group: KslGroup = None
    priority: PriorityCode = None


@declared(0x10, "get-trunks", Phrase("request trunk names"), "order 268, 6.16")
class GetTrunks(Command):
    """Ask for the name of a trunk, or of all of them (None)."""

    trunk: Trunk = None


@declared(0x11, "get-version", Phrase("request the software version"), "order 268, 6.17")
class GetVersion(Command):
    """Ask for the software version."""


# --- messages of KPD1 (order 268, appendices 8 and 9)


@declared(0x21, "alarm", Phrase("alarm"), "order 268, 9.1")
class Alarm(Kpd1Message):
    """Alarm [Авария]; the order lists no values of alarm_code."""

    alarm_type: AlarmType
    alarm_code: AlarmCode


@declared(0x22, "restart", Phrase("software restart"), "order 268, 9.2")
class Restart(Kpd1Message):
    """The station's software was restarted [Перезапуск ПО станции]."""


@declared(0x23, "object-info", Phrase("object data"), "order 268, 9.3")
class ObjectInfo(Kpd1Message):
    """One object of the table; or what command 10 asked for, when there is no such object (order 268, 9.3.5)."""

    object_number: ObjectNumber = None
    object_type: ObjectTypeCode = None
    number_sign: Sign = None
    number: NumberAsked = None
    trunk: Trunk = None
    category: CategoryCode = None
    ksl_group: KslGroup = None
    priority: PriorityCode = None
    line_state: LineState = field(default_factory=partial(left_out, "line_state"))


@declared(0x24, "ksl-info", Phrase("KSL and groups"), "order 268, 9.4")
class KslInfo(Kpd1Message):
    """Up to eleven rows of the KSL-group table; octet 45 is filler."""

    rows: Rows = ()
    filler: FillerOctet = 0xFF


@declared(0x25, "services-info", Phrase("list of services"), "order 268, 9.5")
class ServicesInfo(Kpd1Message):
    """Up to eleven of a subscriber's services; Raw (count and all that follows) if the count exceeds what was sent."""

    number_sign: Sign = None
    number: Number = None
    services: Services = ()


@declared(0x26, "unauthorized-access", Phrase("unauthorised access"), "order 268, 9.6")
class UnauthorizedAccess(Kpd1Message):
    """An attempt at what only the console may do."""

    access_code: AccessCode
    time: TimeField = None
    text: AccessText = ""


@declared(0x27, "command-received", Phrase("command received"), "order 268, 9.7")
class CommandReceived(Kpd1Message):
    """Receipt of a command; status texts in :mod:`protocol.texts`."""

    command: CommandCode
    status: Receipt


@declared(0x28, "command-executed", Phrase("command executed"), "order 268, 9.8")
class CommandExecuted(Kpd1Message):
    """Execution of a command; status texts in :mod:`protocol.texts`."""

    command: CommandCode
    status: Execution


@declared(0x29, "test-reply", Phrase("test reply"), "order 268, 9.9")
class TestReplyKpd1(Kpd1Message):
    """Answer to command 14: bit i of a state is stream i, and 1 means that its channel works."""

    __test__ = False

    test_number: TestNumber
    kpd1_state: Kpd1State
    kpd2_state: Kpd2State


@declared(0x2A, "trunk-info", Phrase("trunk name"), "order 268, 9.10")
class TrunkInfo(Kpd1Message):
    """Name of a trunk."""

    trunk: Trunk = None
    name: TrunkName = ""


@declared(0x2B, "version-info", Phrase("software version"), "order 268, 9.11")
class VersionInfo(Kpd1Header):
    """Version of the software; the header's version octet is :attr:`requirements_version` here."""

    requirements_version: RequirementsVersion = field(default=0x02, kw_only=True)
    version: SoftwareVersion = ""
    station_type: StationTypeCode = None


@declared(0x2C, "electronic-message", Phrase("telecommunication message"), "order 268, 9.12")
class ElectronicMessage(Kpd1Message):
    """A telecommunication message [Передача сообщений электросвязи] of an object, or a part of one.

    Parts of one message repeat all fields but the text (order 268, 9.12.4.17).
    """

    object_number: ObjectNumber = None
    object_type: ObjectTypeCode = None
    sender: Sender = NOBODY
    delivery_state: DeliveryState = field(default_factory=partial(left_out, "delivery_state"))
    """Octet 15, :func:`~protocol.codes.transfer_parameters`: direction, sign of selection, result of delivery."""
    delivery_code: DeliveryCode = field(default_factory=partial(left_out, "delivery_code"))
    """Octet 16, why it was not delivered; the order lists no values (9.12.4.5), FFh: none."""
    time: TimeField = None
    receiver: Receiver = NOBODY
    sender_imsi: SenderImsi = NOBODY
    receiver_imsi: ReceiverImsi = NOBODY
    text: MessageText = b""
    """Header and content, at most 192 octets; :mod:`protocol.messagetext` has the codings."""


# --- messages of KPD2 (order 268, appendices 10 and 11)


@dataclass(slots=True)
class CallEvent(CallHeader):
    """Content of all events of a call (order 268, 10.3); its classes differ in the operation codes they list."""

    calling: Calling = NOBODY
    called: Called = NOBODY
    trunk: Trunk = None
    ksl_a: KslA = None
    ksl_b: KslB = None
    time: TimeField = None
    priority: PriorityCode = None
    operation: OperationConnect = None
    service: Service = None
    additional: Additional = None


@declared(0x41, "number-received", Phrase("full number received"), "order 268, 11.1")
class NumberReceived(CallEvent):
    """The full called number is known [Прием полного номера]."""


@declared(0x42, "answer", Phrase("answer"), "order 268, 11.2")
class Answer(CallEvent):
    """The called party answered [Ответ]."""


@declared(0x43, "release", Phrase("release"), "order 268, 11.3")
class Release(CallEvent):
    """The call ended [Разъединение]; operation is the reason."""

    operation: OperationRelease = None


@declared(0x44, "service-used", Phrase("service used"), "order 268, 11.4")
class ServiceUsed(CallEvent):
    """A service was used [Использование услуг связи]; the fields are service and service_phase."""


@declared(0x51, "ksl-connected", Phrase("KSL connected"), "order 268, 11.5")
class KslConnected(CallEvent):
    """The result of command 7: a line was connected, or none was free [Подключение КСЛ]."""

    operation: OperationKslConnected = None


@declared(0x52, "ksl-released", Phrase("KSL released"), "order 268, 11.6")
class KslReleased(CallEvent):
    """A line was released before the call's end [Освобождение КСЛ]."""

    operation: OperationKslReleased = None


@declared(0x53, "test-reply", Phrase("test reply"), "order 268, 11.7")
class TestReplyKpd2(Event):
    """Answer to command 14 on every KPD2; octets 5..12 of the header are filler (order 268, 11.7.4)."""

    __test__ = False

    header_filler: HeaderFiller = field(default=b"\xff" * 8, kw_only=True)
    test_number: TestNumber
    kpd1_state: Kpd1State
    kpd2_state: Kpd2State


# --- all of them


def cached(function: Callable[P, R]) -> Callable[P, R]:
    """``lru_cache`` for functions of a message class and options.

    A class can be a key although its instances can't; the annotation of ``lru_cache`` does not know that.
    """
    return cast("Callable[P, R]", lru_cache(maxsize=1024)(function))


MESSAGES: tuple[type[Message], ...] = tuple(_MESSAGES)
"""Every class, in order of code."""
COMMANDS = tuple(cls for cls in MESSAGES if issubclass(cls, Command))
KPD1_MESSAGES = tuple(cls for cls in MESSAGES if issubclass(cls, Kpd1Header))
EVENTS = tuple(cls for cls in MESSAGES if issubclass(cls, Event))
BY_CODE: Mapping[int, type[Message]] = MappingProxyType({cls.code: cls for cls in MESSAGES})
"""Code → class; no two channels share a code."""


@cached
def classes(order: Order) -> Mapping[int, type[Message]]:
    """Code → class of what ``order`` has."""
    lacking = codes.OF_268_ALONE if order == "70" else frozenset()
    return MappingProxyType({cls.code: cls for cls in MESSAGES if cls.code not in lacking})


@cached
def wires(cls: type[Message], options: Options) -> Mapping[str, Wire]:
    """The declaration of ``cls`` under ``options``: field → wire, in wire order."""
    held = ((name, wire) for name, (wire, *_) in _declared(cls).items())
    return MappingProxyType({name: wire if isinstance(wire, Wire) else wire(options) for name, wire in held})


@cached
def forms(cls: type[Message]) -> Mapping[str, Form]:
    """Field → how its values are written in JSON and in scripts, in wire order; no option changes that."""
    return MappingProxyType({name: wire.form for name, wire in wires(cls, Options()).items()})


@cached
def _declared(cls: type[Message]) -> Mapping[str, tuple[Any, ...]]:
    """Fields in wire order, with what their annotations hold: the wire or its maker, and captions."""
    hints = get_type_hints(cls, include_extras=True)
    return MappingProxyType({one.name: hints[one.name].__metadata__ for one in fields(cls)})


def title_of(code: int) -> Phrase:
    """What the message or command of that code is; for a code that no order has, "unknown value 0x7F"."""
    cls = BY_CODE.get(code)
    return texts.unknown(code) if cls is None else cls.title


def caption(name: str) -> Phrase:
    """The caption of a field, which means the same in every message; a name of no field is its own caption."""
    return _captions().get(name) or join("", [name.replace("_", " ")])


@lru_cache(maxsize=1)
def _captions() -> Mapping[str, Phrase]:
    return MappingProxyType({name: held[-1] for cls in MESSAGES for name, held in _declared(cls).items()})


@cached
def payload_lengths(cls: type[Message], options: Options) -> frozenset[int]:
    """The values that the length octet of ``cls`` may have.

    For 25h and 2Ch longer ones than the order allows are among them, since a capture may hold them.
    """
    fixed = 4 - cls.channel.header_length
    tail: Iterable[int] = (0,)
    for wire in wires(cls, options).values():
        if isinstance(wire, Tail):
            tail = wire.lengths
        else:
            fixed += wire.sizeof()
    # The ORM number is counted among the four octets before the rest of the header.
    return frozenset(fixed - 1 + length for length in tail)


def wrong_length(cls: type[Message], length: int, options: Options) -> Phrase | None:
    """The text for a length octet that ``cls`` may not have, with those that it may have; None if it may."""
    allowed = payload_lengths(cls, options)
    if length in allowed:
        return None
    return Phrase(
        "length {length} is not allowed for {name}: {allowed}",
        length=length,
        name=cls.message_name,
        allowed=_ranges(sorted(allowed)),
    )


def _ranges(values: list[int]) -> str:
    """``[0, 1, 2, 5]`` → ``"0..2, 5"``."""
    parts: list[list[int]] = []
    for value in values:
        if parts and parts[-1][-1] + 1 == value:
            parts[-1].append(value)
        else:
            parts.append([value])
    return ", ".join(f"{part[0]}..{part[-1]}" if len(part) > 1 else str(part[0]) for part in parts)
