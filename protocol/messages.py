"""The twelve KPD1 messages (order 268, appendices 8 and 9)."""

from __future__ import annotations

from dataclasses import dataclass, field

from protocol.base import Kpd1Header, Kpd1Message
from protocol.fields import (
    AccessCode,
    AlarmType,
    CategoryCode,
    Code,
    FillerOctet,
    KslGroup,
    LineState,
    MessageText,
    Number,
    NumberAsked,
    ObjectNumber,
    ObjectTypeCode,
    PartyField,
    PriorityCode,
    Rows,
    Services,
    Sign,
    StationTypeCode,
    Text40,
    Text43,
    Text44,
    TimeField,
    Trunk,
    Version,
)


@dataclass(slots=True)
class Alarm(Kpd1Message):
    """Alarm [Авария]; the order lists no values of alarm_code."""

    code = 0x21
    message_name = "alarm"
    clause = "order 268, 9.1"

    alarm_type: AlarmType
    alarm_code: Code


@dataclass(slots=True)
class Restart(Kpd1Message):
    """The station's software was restarted [Перезапуск ПО станции]."""

    code = 0x22
    message_name = "restart"
    clause = "order 268, 9.2"


@dataclass(slots=True)
class ObjectInfo(Kpd1Message):
    """One object of the table; or what command 10 asked for, when there is no such object (order 268, 9.3.5)."""

    code = 0x23
    message_name = "object-info"
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
    clause = "order 268, 9.4"

    rows: Rows
    filler: FillerOctet = 0xFF


@dataclass(slots=True)
class ServicesInfo(Kpd1Message):
    """Up to eleven of a subscriber's services; Raw (count and all that follows) if the count exceeds what was sent."""

    code = 0x25
    message_name = "services-info"
    clause = "order 268, 9.5"

    number_sign: Sign
    number: Number
    services: Services


@dataclass(slots=True)
class UnauthorizedAccess(Kpd1Message):
    """Somebody tried what only the console may do."""

    code = 0x26
    message_name = "unauthorized-access"
    clause = "order 268, 9.6"

    access_code: AccessCode
    time: TimeField
    text: Text40


@dataclass(slots=True)
class CommandReceived(Kpd1Message):
    """Receipt of a command; status texts in :mod:`protocol.texts`."""

    code = 0x27
    message_name = "command-received"
    clause = "order 268, 9.7"

    command: Code
    status: Code


@dataclass(slots=True)
class CommandExecuted(Kpd1Message):
    """Execution of a command; status texts in :mod:`protocol.texts`."""

    code = 0x28
    message_name = "command-executed"
    clause = "order 268, 9.8"

    command: Code
    status: Code


@dataclass(slots=True)
class TestReplyKpd1(Kpd1Message):
    """Answer to command 14: bit i of a state is stream i, and 1 means that its channel works."""

    __test__ = False

    code = 0x29
    message_name = "test-reply"
    clause = "order 268, 9.9"

    test_number: Code
    kpd1_state: Code
    kpd2_state: Code


@dataclass(slots=True)
class TrunkInfo(Kpd1Message):
    """Name of a trunk."""

    code = 0x2A
    message_name = "trunk-info"
    clause = "order 268, 9.10"

    trunk: Trunk
    name: Text43


@dataclass(slots=True)
class VersionInfo(Kpd1Header):
    """Version of the software; the header's version octet is :attr:`requirements_version` here."""

    code = 0x2B
    message_name = "version-info"
    clause = "order 268, 9.11"

    requirements_version: Version = field(default=0x02, kw_only=True)
    version: Text44
    station_type: StationTypeCode


@dataclass(slots=True)
class ElectronicMessage(Kpd1Message):
    """A telecommunication message [Передача сообщений электросвязи] of an object, or a part of one.

    Parts of one message repeat all fields but the text (order 268, 9.12.4.17).
    """

    code = 0x2C
    message_name = "electronic-message"
    clause = "order 268, 9.12"

    object_number: ObjectNumber
    object_type: ObjectTypeCode
    sender: PartyField
    delivery_state: Code
    """Octet 15, :func:`~protocol.codes.transfer_parameters`: direction, sign of selection, result of delivery."""
    delivery_code: Code
    """Octet 16, why it was not delivered; the order lists no values (9.12.4.5), FFh: none."""
    time: TimeField
    receiver: PartyField
    sender_imsi: PartyField
    receiver_imsi: PartyField
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
