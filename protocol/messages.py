"""The twelve KPD1 messages (order 268 App. 8, 9; PROTOCOL 5)."""

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
    """Alarm [Авария]; alarm_code has only the vendor's values."""

    code = 0x21
    message_name = "alarm"
    clause = "App. 9 cl. 1; PROTOCOL 5.1"

    alarm_type: AlarmType
    alarm_code: Code


@dataclass(slots=True)
class Restart(Kpd1Message):
    """The station's software was restarted [Перезапуск ПО станции]."""

    code = 0x22
    message_name = "restart"
    clause = "App. 9 cl. 2; PROTOCOL 5.2"


@dataclass(slots=True)
class ObjectInfo(Kpd1Message):
    """One object of the table."""

    code = 0x23
    message_name = "object-info"
    clause = "App. 9 cl. 3; PROTOCOL 5.3"

    object_number: ObjectNumber
    object_type: ObjectTypeCode
    number_sign: Sign
    number: Number
    trunk: Trunk
    category: CategoryCode
    ksl_group: KslGroup
    priority: PriorityCode
    line_state: LineState


@dataclass(slots=True)
class KslInfo(Kpd1Message):
    """Up to eleven rows of the KSL-group table."""

    code = 0x24
    message_name = "ksl-info"
    clause = "App. 9 cl. 4; PROTOCOL 5.4"

    rows: Rows
    filler: FillerOctet = 0xFF


@dataclass(slots=True)
class ServicesInfo(Kpd1Message):
    """A subscriber's services; Raw (count and all that follows) if the count exceeds what was sent."""

    code = 0x25
    message_name = "services-info"
    clause = "App. 9 cl. 5; PROTOCOL 5.5"

    number_sign: Sign
    number: Number
    services: Services


@dataclass(slots=True)
class UnauthorizedAccess(Kpd1Message):
    """Somebody tried what only the console may do."""

    code = 0x26
    message_name = "unauthorized-access"
    clause = "App. 9 cl. 6; PROTOCOL 5.6"

    access_code: AccessCode
    time: TimeField
    text: Text40


@dataclass(slots=True)
class CommandReceived(Kpd1Message):
    """Receipt of a command; status texts in PROTOCOL 5.7 and 6."""

    code = 0x27
    message_name = "command-received"
    clause = "App. 9 cl. 7; PROTOCOL 5.7"

    command: Code
    status: Code


@dataclass(slots=True)
class CommandExecuted(Kpd1Message):
    """Execution of a command; status texts in PROTOCOL 5.8 and 6."""

    code = 0x28
    message_name = "command-executed"
    clause = "App. 9 cl. 8; PROTOCOL 5.8"

    command: Code
    status: Code


@dataclass(slots=True)
class TestReplyKpd1(Kpd1Message):
    """Answer to command 14: bit i of a state is stream i."""

    __test__ = False

    code = 0x29
    message_name = "test-reply"
    clause = "App. 9 cl. 9; PROTOCOL 5.9"

    test_number: Code
    kpd1_state: Code
    kpd2_state: Code


@dataclass(slots=True)
class TrunkInfo(Kpd1Message):
    """Name of a trunk."""

    code = 0x2A
    message_name = "trunk-info"
    clause = "App. 9 cl. 10; PROTOCOL 5.10"

    trunk: Trunk
    name: Text43


@dataclass(slots=True)
class VersionInfo(Kpd1Header):
    """Version of the software; the header's version octet is :attr:`requirements_version` here."""

    code = 0x2B
    message_name = "version-info"
    clause = "App. 9 cl. 11; PROTOCOL 5.11"

    requirements_version: Version = field(default=0x02, kw_only=True)
    version: Text44
    station_type: StationTypeCode


@dataclass(slots=True)
class ElectronicMessage(Kpd1Message):
    """A message of telecommunication [Передача сообщений электросвязи]; layout and codes are derived."""

    code = 0x2C
    message_name = "electronic-message"
    clause = "App. 9 cl. 12; PROTOCOL 5.12"

    object_number: ObjectNumber
    object_type: ObjectTypeCode
    sender: PartyField
    delivery_state: Code
    delivery_code: Code
    time: TimeField
    receiver: PartyField
    sender_imsi: PartyField
    receiver_imsi: PartyField
    text: MessageText


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
