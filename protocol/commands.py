"""The seventeen commands (order 268 App. 6; PROTOCOL 4)."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.base import Command
from protocol.fields import (
    CallNumber,
    CategoryCode,
    Code,
    GroupTypeCode,
    KslGroup,
    KslLine,
    Number,
    ObjectNumber,
    ObjectTypeCode,
    Password,
    PriorityCode,
    Sign,
    Trunk,
)


@dataclass(slots=True)
class Start(Command):
    """Start the technical means [Запуск технических средств ОРМ]."""

    code = 0x01
    message_name = "start"
    clause = "App. 6 cl. 1; PROTOCOL 4.1"


@dataclass(slots=True)
class Stop(Command):
    """Stop the technical means [Останов технических средств ОРМ]."""

    code = 0x02
    message_name = "stop"
    clause = "App. 6 cl. 2; PROTOCOL 4.2"


@dataclass(slots=True)
class SetPassword(Command):
    """Set the password [Задание пароля]; the header carries the one in force."""

    code = 0x03
    message_name = "set-password"
    clause = "App. 6 cl. 3; PROTOCOL 4.3"

    new_password: Password


@dataclass(slots=True)
class AddKsl(Command):
    """Put a line, or a pair of lines, into a KSL group [Закрепление КСЛ за группой]."""

    code = 0x04
    message_name = "add-ksl"
    clause = "App. 6 cl. 4; PROTOCOL 4.4"

    ksl_group: KslGroup
    group_type: GroupTypeCode
    ksl_a: KslLine
    ksl_b: KslLine


@dataclass(slots=True)
class AddObject(Command):
    """Put an object under control [Постановка объекта на контроль]."""

    code = 0x05
    message_name = "add-object"
    clause = "App. 6 cl. 5; PROTOCOL 4.5"

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
    clause = "App. 6 cl. 6; PROTOCOL 4.6"

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
    clause = "App. 6 cl. 7; PROTOCOL 4.7"

    call_number: CallNumber
    object_type: ObjectTypeCode
    object_number: ObjectNumber
    ksl_group: KslGroup


@dataclass(slots=True)
class ReleaseKsl(Command):
    """Release a call's line [Освобождение КСЛ], by call or by line."""

    code = 0x08
    message_name = "release-ksl"
    clause = "App. 6 cl. 8; PROTOCOL 4.8"

    call_number: CallNumber
    object_type: ObjectTypeCode
    object_number: ObjectNumber
    ksl_a: KslLine
    ksl_b: KslLine


@dataclass(slots=True)
class RemoveKsl(Command):
    """Take a line, or a pair, out of its group [Исключение КСЛ из группы]."""

    code = 0x09
    message_name = "remove-ksl"
    clause = "App. 6 cl. 9; PROTOCOL 4.9"

    ksl_group: KslGroup
    ksl_a: KslLine
    ksl_b: KslLine


@dataclass(slots=True)
class GetObjects(Command):
    """Ask for object data; fields that are None match any."""

    code = 0x0A
    message_name = "get-objects"
    clause = "App. 6 cl. 10; PROTOCOL 4.10"

    object_number: ObjectNumber
    object_type: ObjectTypeCode
    number_sign: Sign
    number: Number
    trunk: Trunk


@dataclass(slots=True)
class GetKsl(Command):
    """Ask for the KSL-group table; fields that are None match any."""

    code = 0x0B
    message_name = "get-ksl"
    clause = "App. 6 cl. 11; PROTOCOL 4.11"

    ksl_group: KslGroup
    group_type: GroupTypeCode
    ksl_a: KslLine
    ksl_b: KslLine


@dataclass(slots=True)
class GetServices(Command):
    """Ask for a subscriber's services."""

    code = 0x0C
    message_name = "get-services"
    clause = "App. 6 cl. 12; PROTOCOL 4.12"

    number_sign: Sign
    number: Number


@dataclass(slots=True)
class Interrupt(Command):
    """Stop a table that is being sent."""

    code = 0x0D
    message_name = "interrupt"
    clause = "App. 6 cl. 13; PROTOCOL 4.13"


@dataclass(slots=True)
class Test(Command):
    """Test the data channels."""

    # Not a test class, whatever its name makes a collector think.
    __test__ = False

    code = 0x0E
    message_name = "test"
    clause = "App. 6 cl. 14; PROTOCOL 4.14"

    test_number: Code


@dataclass(slots=True)
class ChangeObject(Command):
    """Change category, group and priority of an object."""

    code = 0x0F
    message_name = "change-object"
    clause = "App. 6 cl. 15; PROTOCOL 4.15"

    object_number: ObjectNumber
    category: CategoryCode
    ksl_group: KslGroup
    priority: PriorityCode


@dataclass(slots=True)
class GetTrunks(Command):
    """Ask for the name of a trunk, or of all of them (None)."""

    code = 0x10
    message_name = "get-trunks"
    clause = "App. 6 cl. 16; PROTOCOL 4.16"

    trunk: Trunk


@dataclass(slots=True)
class GetVersion(Command):
    """Ask for the software version."""

    code = 0x11
    message_name = "get-version"
    clause = "App. 6 cl. 17; PROTOCOL 4.17"


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
