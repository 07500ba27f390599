"""The messages: seventeen commands, twelve messages of KPD1, seven of KPD2 (order 268, appendices 5, 6 and 8 to 11).

A message is one class. Its fields, in the order of :func:`dataclasses.fields`, are the octets of the unit in wire
order; preamble, code and length are not fields. Header fields have defaults and are keyword-only. At the end of
the module: which messages there are, by order, code and name, and how long they may be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from types import MappingProxyType
from typing import Any, ClassVar, ParamSpec, TypeVar, cast, get_type_hints

from protocol.codes import CODES, Channel, Order
from protocol.composite import Tail
from protocol.fields import (
    AccessCode,
    AccessText,
    Additional,
    AlarmCode,
    AlarmType,
    Called,
    Calling,
    CallNumber,
    CategoryCode,
    CommandCode,
    Connection,
    DeliveryCode,
    DeliveryState,
    Execution,
    FillerOctet,
    GroupTypeCode,
    HeaderFiller,
    Index,
    Kpd1State,
    Kpd2State,
    KslA,
    KslB,
    KslGroup,
    LineState,
    MessageText,
    NewPassword,
    Number,
    NumberAsked,
    ObjectNumber,
    ObjectTypeCode,
    OperationConnect,
    OperationKslConnected,
    OperationKslReleased,
    OperationRelease,
    OrmNumber,
    Password,
    PriorityCode,
    Receipt,
    Receiver,
    ReceiverImsi,
    RequirementsVersion,
    Reserve,
    Rows,
    Selection,
    Sender,
    SenderImsi,
    Service,
    ServicePhase,
    Services,
    Sign,
    SoftwareVersion,
    StationTypeCode,
    TestNumber,
    TimeField,
    Total,
    Trunk,
    TrunkName,
    Version,
)
from protocol.forms import Form
from protocol.language import Phrase, join
from protocol.options import Options
from protocol.texts import unknown
from protocol.wire import Wire


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

    call_number: CallNumber
    object_type: ObjectTypeCode
    object_number: ObjectNumber
    selection: Selection
    connection: Connection
    service_phase: ServicePhase


# --- commands (order 268, appendix 6)


@dataclass(slots=True)
class Start(Command):
    """Start the technical means [Запуск технических средств ОРМ]."""

    code = 0x01
    message_name = "start"
    title = Phrase("start the technical means")
    clause = "order 268, 6.1"


@dataclass(slots=True)
class Stop(Command):
    """Stop the technical means [Останов технических средств ОРМ]."""

    code = 0x02
    message_name = "stop"
    title = Phrase("stop the technical means")
    clause = "order 268, 6.2"


@dataclass(slots=True)
class SetPassword(Command):
    """Set the password [Задание пароля]; the header carries the one in force."""

    code = 0x03
    message_name = "set-password"
    title = Phrase("set the password")
    clause = "order 268, 6.3"

    new_password: NewPassword


@dataclass(slots=True)
class AddKsl(Command):
    """Put a line, or a pair of lines, into a KSL group [Закрепление КСЛ за группой]."""

    code = 0x04
    message_name = "add-ksl"
    title = Phrase("put a KSL into a group")
    clause = "order 268, 6.4"

    ksl_group: KslGroup
    group_type: GroupTypeCode
    ksl_a: KslA
    ksl_b: KslB


@dataclass(slots=True)
class AddObject(Command):
    """Put an object under control [Постановка объекта на контроль]."""

    code = 0x05
    message_name = "add-object"
    title = Phrase("put an object under control")
    clause = "order 268, 6.5"

    object_number: ObjectNumber
    object_type: ObjectTypeCode
    number_sign: Sign
    number: Number
    trunk: Trunk
    category: CategoryCode
    ksl_group: KslGroup
    priority: PriorityCode


@dataclass(slots=True)
class RemoveObject(Command):
    """Take an object off control [Снятие объекта с контроля]."""

    code = 0x06
    message_name = "remove-object"
    title = Phrase("remove an object from control")
    clause = "order 268, 6.6"

    object_number: ObjectNumber
    object_type: ObjectTypeCode
    number_sign: Sign
    number: Number
    trunk: Trunk


@dataclass(slots=True)
class ConnectKsl(Command):
    """Connect a line to a call's speech path [Подключение к разговорному тракту]."""

    code = 0x07
    message_name = "connect-ksl"
    title = Phrase("connect a KSL to the speech path")
    clause = "order 268, 6.7"

    call_number: CallNumber
    object_type: ObjectTypeCode
    object_number: ObjectNumber
    ksl_group: KslGroup


@dataclass(slots=True)
class ReleaseKsl(Command):
    """Release a call's line [Освобождение КСЛ], by call or by line."""

    code = 0x08
    message_name = "release-ksl"
    title = Phrase("release a KSL")
    clause = "order 268, 6.8"

    call_number: CallNumber
    object_type: ObjectTypeCode
    object_number: ObjectNumber
    ksl_a: KslA
    ksl_b: KslB


@dataclass(slots=True)
class RemoveKsl(Command):
    """Take a line, or a pair, out of its group [Исключение КСЛ из группы]."""

    code = 0x09
    message_name = "remove-ksl"
    title = Phrase("take a KSL out of a group")
    clause = "order 268, 6.9"

    ksl_group: KslGroup
    ksl_a: KslA
    ksl_b: KslB


@dataclass(slots=True)
class GetObjects(Command):
    """Ask for object data; fields that are None match any."""

    code = 0x0A
    message_name = "get-objects"
    title = Phrase("request object data")
    clause = "order 268, 6.10"

    object_number: ObjectNumber
    object_type: ObjectTypeCode
    number_sign: Sign
    number: NumberAsked
    trunk: Trunk


@dataclass(slots=True)
class GetKsl(Command):
    """Ask for the KSL-group table; fields that are None match any."""

    code = 0x0B
    message_name = "get-ksl"
    title = Phrase("request the KSL groups")
    clause = "order 268, 6.11"

    ksl_group: KslGroup
    group_type: GroupTypeCode
    ksl_a: KslA
    ksl_b: KslB


@dataclass(slots=True)
class GetServices(Command):
    """Ask for a subscriber's services."""

    code = 0x0C
    message_name = "get-services"
    title = Phrase("request a subscriber's services")
    clause = "order 268, 6.12"

    number_sign: Sign
    number: Number


@dataclass(slots=True)
class Interrupt(Command):
    """Stop a table that is being sent."""

    code = 0x0D
    message_name = "interrupt"
    title = Phrase("interrupt the table output")
    clause = "order 268, 6.13"


@dataclass(slots=True)
class Test(Command):
    """Test the data channels."""

    __test__ = False  # a collector of tests would take it for one, by its name

    code = 0x0E
    message_name = "test"
    title = Phrase("test the data channels")
    clause = "order 268, 6.14"

    test_number: TestNumber


@dataclass(slots=True)
class ChangeObject(Command):
    """Change category, group and priority of an object."""

    code = 0x0F
    message_name = "change-object"
    title = Phrase("change an object's parameters")
    clause = "order 268, 6.15"

    object_number: ObjectNumber
    category: CategoryCode
    ksl_group: KslGroup
    priority: PriorityCode


@dataclass(slots=True)
class GetTrunks(Command):
    """Ask for the name of a trunk, or of all of them (None)."""

    code = 0x10
    message_name = "get-trunks"
    title = Phrase("request trunk names")
    clause = "order 268, 6.16"

    trunk: Trunk


@dataclass(slots=True)
class GetVersion(Command):
    """Ask for the software version."""

    code = 0x11
    message_name = "get-version"
    title = Phrase("request the software version")
    clause = "order 268, 6.17"


COMMANDS: tuple[type[Command], ...] = (
    Start,
    Stop,
    SetPassword,
    AddKsl,
    AddObject,
    RemoveObject,
    ConnectKsl,
    ReleaseKsl,
    RemoveKsl,
    GetObjects,
    GetKsl,
    GetServices,
    Interrupt,
    Test,
    ChangeObject,
    GetTrunks,
    GetVersion,
)


# --- messages of KPD1 (order 268, appendices 8 and 9)


@dataclass(slots=True)
class Alarm(Kpd1Message):
    """Alarm [Авария]; the order lists no values of alarm_code."""

    code = 0x21
    message_name = "alarm"
    title = Phrase("alarm")
    clause = "order 268, 9.1"

    alarm_type: AlarmType
    alarm_code: AlarmCode


@dataclass(slots=True)
class Restart(Kpd1Message):
    """The station's software was restarted [Перезапуск ПО станции]."""

    code = 0x22
    message_name = "restart"
    title = Phrase("software restart")
    clause = "order 268, 9.2"


@dataclass(slots=True)
class ObjectInfo(Kpd1Message):
    """One object of the table; or what command 10 asked for, when there is no such object (order 268, 9.3.5)."""

    code = 0x23
    message_name = "object-info"
    title = Phrase("object data")
    clause = "order 268, 9.3"

    object_number: ObjectNumber
    object_type: ObjectTypeCode
    number_sign: Sign
    number: NumberAsked
    trunk: Trunk
    category: CategoryCode
    ksl_group: KslGroup
    priority: PriorityCode
    line_state: LineState


@dataclass(slots=True)
class KslInfo(Kpd1Message):
    """Up to eleven rows of the KSL-group table; octet 45 is filler."""

    code = 0x24
    message_name = "ksl-info"
    title = Phrase("KSL and groups")
    clause = "order 268, 9.4"

    rows: Rows
    filler: FillerOctet = 0xFF


@dataclass(slots=True)
class ServicesInfo(Kpd1Message):
    """Up to eleven of a subscriber's services; Raw (count and all that follows) if the count exceeds what was sent."""

    code = 0x25
    message_name = "services-info"
    title = Phrase("list of services")
    clause = "order 268, 9.5"

    number_sign: Sign
    number: Number
    services: Services


@dataclass(slots=True)
class UnauthorizedAccess(Kpd1Message):
    """An attempt at what only the console may do."""

    code = 0x26
    message_name = "unauthorized-access"
    title = Phrase("unauthorised access")
    clause = "order 268, 9.6"

    access_code: AccessCode
    time: TimeField
    text: AccessText


@dataclass(slots=True)
class CommandReceived(Kpd1Message):
    """Receipt of a command; status texts in :mod:`protocol.texts`."""

    code = 0x27
    message_name = "command-received"
    title = Phrase("command received")
    clause = "order 268, 9.7"

    command: CommandCode
    status: Receipt


@dataclass(slots=True)
class CommandExecuted(Kpd1Message):
    """Execution of a command; status texts in :mod:`protocol.texts`."""

    code = 0x28
    message_name = "command-executed"
    title = Phrase("command executed")
    clause = "order 268, 9.8"

    command: CommandCode
    status: Execution


@dataclass(slots=True)
class TestReplyKpd1(Kpd1Message):
    """Answer to command 14: bit i of a state is stream i, and 1 means that its channel works."""

    __test__ = False

    code = 0x29
    message_name = "test-reply"
    title = Phrase("test reply")
    clause = "order 268, 9.9"

    test_number: TestNumber
    kpd1_state: Kpd1State
    kpd2_state: Kpd2State


@dataclass(slots=True)
class TrunkInfo(Kpd1Message):
    """Name of a trunk."""

    code = 0x2A
    message_name = "trunk-info"
    title = Phrase("trunk name")
    clause = "order 268, 9.10"

    trunk: Trunk
    name: TrunkName


@dataclass(slots=True)
class VersionInfo(Kpd1Header):
    """Version of the software; the header's version octet is :attr:`requirements_version` here."""

    code = 0x2B
    message_name = "version-info"
    title = Phrase("software version")
    clause = "order 268, 9.11"

    requirements_version: RequirementsVersion = field(default=0x02, kw_only=True)
    version: SoftwareVersion
    station_type: StationTypeCode


@dataclass(slots=True)
class ElectronicMessage(Kpd1Message):
    """A telecommunication message [Передача сообщений электросвязи] of an object, or a part of one.

    Parts of one message repeat all fields but the text (order 268, 9.12.4.17).
    """

    code = 0x2C
    message_name = "electronic-message"
    title = Phrase("telecommunication message")
    clause = "order 268, 9.12"

    object_number: ObjectNumber
    object_type: ObjectTypeCode
    sender: Sender
    delivery_state: DeliveryState
    """Octet 15, :func:`~protocol.codes.transfer_parameters`: direction, sign of selection, result of delivery."""
    delivery_code: DeliveryCode
    """Octet 16, why it was not delivered; the order lists no values (9.12.4.5), FFh: none."""
    time: TimeField
    receiver: Receiver
    sender_imsi: SenderImsi
    receiver_imsi: ReceiverImsi
    text: MessageText
    """Header and content, at most 192 octets; :mod:`protocol.messagetext` has the codings."""


KPD1_MESSAGES: tuple[type[Kpd1Header], ...] = (
    Alarm,
    Restart,
    ObjectInfo,
    KslInfo,
    ServicesInfo,
    UnauthorizedAccess,
    CommandReceived,
    CommandExecuted,
    TestReplyKpd1,
    TrunkInfo,
    VersionInfo,
    ElectronicMessage,
)


# --- messages of KPD2 (order 268, appendices 10 and 11)


@dataclass(slots=True)
class CallEvent(CallHeader):
    """Content of all events of a call (order 268, 10.3); its classes differ in the operation codes they list."""

    calling: Calling
    called: Called
    trunk: Trunk
    ksl_a: KslA
    ksl_b: KslB
    time: TimeField
    priority: PriorityCode
    operation: OperationConnect
    service: Service
    additional: Additional


@dataclass(slots=True)
class NumberReceived(CallEvent):
    """The full called number is known [Прием полного номера]."""

    code = 0x41
    message_name = "number-received"
    title = Phrase("full number received")
    clause = "order 268, 11.1"


@dataclass(slots=True)
class Answer(CallEvent):
    """The called party answered [Ответ]."""

    code = 0x42
    message_name = "answer"
    title = Phrase("answer")
    clause = "order 268, 11.2"


@dataclass(slots=True)
class Release(CallEvent):
    """The call ended [Разъединение]; operation is the reason."""

    code = 0x43
    message_name = "release"
    title = Phrase("release")
    clause = "order 268, 11.3"

    operation: OperationRelease


@dataclass(slots=True)
class ServiceUsed(CallEvent):
    """A service was used [Использование услуг связи]; the fields are service and service_phase."""

    code = 0x44
    message_name = "service-used"
    title = Phrase("service used")
    clause = "order 268, 11.4"


@dataclass(slots=True)
class KslConnected(CallEvent):
    """The result of command 7: a line was connected, or none was free [Подключение КСЛ]."""

    code = 0x51
    message_name = "ksl-connected"
    title = Phrase("KSL connected")
    clause = "order 268, 11.5"

    operation: OperationKslConnected


@dataclass(slots=True)
class KslReleased(CallEvent):
    """A line was released before the call's end [Освобождение КСЛ]."""

    code = 0x52
    message_name = "ksl-released"
    title = Phrase("KSL released")
    clause = "order 268, 11.6"

    operation: OperationKslReleased


@dataclass(slots=True)
class TestReplyKpd2(Event):
    """Answer to command 14 on every KPD2; octets 5..12 of the header are filler (order 268, 11.7.4)."""

    __test__ = False

    code = 0x53
    message_name = "test-reply"
    title = Phrase("test reply")
    clause = "order 268, 11.7"

    header_filler: HeaderFiller = field(default=b"\xff" * 8, kw_only=True)
    test_number: TestNumber
    kpd1_state: Kpd1State
    kpd2_state: Kpd2State


EVENTS: tuple[type[Event], ...] = (
    NumberReceived,
    Answer,
    Release,
    ServiceUsed,
    KslConnected,
    KslReleased,
    TestReplyKpd2,
)


# --- all of them


P = ParamSpec("P")
R = TypeVar("R")


def cached(function: Callable[P, R]) -> Callable[P, R]:
    """``lru_cache`` for functions of a message class and options.

    A class can be a key although its instances can't; the annotation of ``lru_cache`` does not know that.
    """
    return cast("Callable[P, R]", lru_cache(maxsize=1024)(function))


MESSAGES: tuple[type[Message], ...] = (*COMMANDS, *KPD1_MESSAGES, *EVENTS)
"""Every class, in order of code."""
BY_CODE: Mapping[int, type[Message]] = MappingProxyType({cls.code: cls for cls in MESSAGES})
"""Code → class; no two channels share a code."""


@cached
def classes(order: Order) -> Mapping[int, type[Message]]:
    """Code → class of what ``order`` has."""
    known = CODES[order]
    return MappingProxyType({cls.code: cls for cls in MESSAGES if cls.code in known[cls.channel]})


@cached
def wires(cls: type[Message], options: Options) -> Mapping[str, Wire]:
    """The declaration of ``cls`` under ``options``: field → wire, in wire order."""
    found: dict[str, Wire] = {}
    for name, (wire, *_) in _declared(cls).items():
        found[name] = wire if isinstance(wire, Wire) else wire(options)
    return MappingProxyType(found)


@cached
def forms(cls: type[Message]) -> Mapping[str, Form]:
    """Field → how its values are written in JSON and in scripts, in wire order; no option changes that."""
    return MappingProxyType({name: wire.form for name, wire in wires(cls, Options()).items()})


@cached
def _declared(cls: type[Message]) -> Mapping[str, tuple[Any, ...]]:
    """Fields in wire order, with what their annotations hold: the wire or its maker, and captions."""
    hints = get_type_hints(cls, include_extras=True)
    return MappingProxyType({declared.name: hints[declared.name].__metadata__ for declared in fields(cls)})


def title_of(code: int) -> Phrase:
    """What the message or command of that code is; for a code that no order has, "unknown value 0x7F"."""
    cls = BY_CODE.get(code)
    return unknown(code) if cls is None else cls.title


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
