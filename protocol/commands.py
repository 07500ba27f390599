"""The seventeen commands (order 268, appendix 6)."""

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
    NumberAsked,
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
    clause = "order 268, 6.1"


@dataclass(slots=True)
class Stop(Command):
    """Stop the technical means [Останов технических средств ОРМ]."""

    code = 0x02
    message_name = "stop"
    clause = "order 268, 6.2"


@dataclass(slots=True)
class SetPassword(Command):
    """Set the password [Задание пароля]; the header carries the one in force."""

    code = 0x03
    message_name = "set-password"
    clause = "order 268, 6.3"

    new_password: Password


@dataclass(slots=True)
class AddKsl(Command):
    """Put a line, or a pair of lines, into a KSL group [Закрепление КСЛ за группой]."""

    code = 0x04
    message_name = "add-ksl"
    clause = "order 268, 6.4"

    ksl_group: KslGroup
    group_type: GroupTypeCode
    ksl_a: KslLine
    ksl_b: KslLine


@dataclass(slots=True)
class AddObject(Command):
    """Put an object under control [Постановка объекта на контроль]."""

    code = 0x05
    message_name = "add-object"
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
    clause = "order 268, 6.8"

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
    clause = "order 268, 6.9"

    ksl_group: KslGroup
    ksl_a: KslLine
    ksl_b: KslLine


@dataclass(slots=True)
class GetObjects(Command):
    """Ask for object data; fields that are None match any."""

    code = 0x0A
    message_name = "get-objects"
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
    clause = "order 268, 6.11"

    ksl_group: KslGroup
    group_type: GroupTypeCode
    ksl_a: KslLine
    ksl_b: KslLine


@dataclass(slots=True)
class GetServices(Command):
    """Ask for a subscriber's services."""

    code = 0x0C
    message_name = "get-services"
    clause = "order 268, 6.12"

    number_sign: Sign
    number: Number


@dataclass(slots=True)
class Interrupt(Command):
    """Stop a table that is being sent."""

    code = 0x0D
    message_name = "interrupt"
    clause = "order 268, 6.13"


@dataclass(slots=True)
class Test(Command):
    """Test the data channels."""

    # Not a test class, whatever its name makes a collector think.
    __test__ = False

    code = 0x0E
    message_name = "test"
    clause = "order 268, 6.14"

    test_number: Code


@dataclass(slots=True)
class ChangeObject(Command):
    """Change category, group and priority of an object."""

    code = 0x0F
    message_name = "change-object"
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
    clause = "order 268, 6.16"

    trunk: Trunk


@dataclass(slots=True)
class GetVersion(Command):
    """Ask for the software version."""

    code = 0x11
    message_name = "get-version"
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
