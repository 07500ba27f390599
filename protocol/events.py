"""The seven KPD2 messages (order 268 App. 10, 11; PROTOCOL 7)."""

from __future__ import annotations

from dataclasses import dataclass, field

from protocol.base import CallHeader, Event
from protocol.fields import (
    Additional,
    Code,
    HeaderFiller,
    KslLine,
    OperationConnect,
    OperationKslConnected,
    OperationKslReleased,
    OperationRelease,
    PartyField,
    PriorityCode,
    Service,
    TimeField,
    Trunk,
)


@dataclass(slots=True)
class CallEvent(CallHeader):
    """Payload of all events of a call (PROTOCOL 7.1); its classes differ in the operation codes they list."""

    calling: PartyField
    called: PartyField
    trunk: Trunk
    ksl_a: KslLine
    ksl_b: KslLine
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
    clause = "App. 11 cl. 1.1; PROTOCOL 7.3"


@dataclass(slots=True)
class Answer(CallEvent):
    """The called party answered [Ответ]."""

    code = 0x42
    message_name = "answer"
    clause = "App. 11 cl. 1.2; PROTOCOL 7.4"


@dataclass(slots=True)
class Release(CallEvent):
    """The call ended [Разъединение]; operation is the reason."""

    code = 0x43
    message_name = "release"
    clause = "App. 11 cl. 1.3; PROTOCOL 7.5"

    operation: OperationRelease


@dataclass(slots=True)
class ServiceUsed(CallEvent):
    """A service was used [Использование услуг связи]; service and service_phase say which and how."""

    code = 0x44
    message_name = "service-used"
    clause = "App. 11 cl. 1.4; PROTOCOL 7.6"


@dataclass(slots=True)
class KslConnected(CallEvent):
    """A line was connected other than at 41h [Подключение КСЛ]."""

    code = 0x51
    message_name = "ksl-connected"
    clause = "App. 11 cl. 2.1; PROTOCOL 7.7"

    operation: OperationKslConnected


@dataclass(slots=True)
class KslReleased(CallEvent):
    """A line was released before the call's end [Освобождение КСЛ]."""

    code = 0x52
    message_name = "ksl-released"
    clause = "App. 11 cl. 2.2; PROTOCOL 7.8"

    operation: OperationKslReleased


@dataclass(slots=True)
class TestReplyKpd2(Event):
    """Answer to command 14 on every KPD2; the header's octets 4..11 carry nothing."""

    __test__ = False

    code = 0x53
    message_name = "test-reply"
    clause = "App. 11 cl. 2.3, order 645 cl. 9; PROTOCOL 7.9"

    header_filler: HeaderFiller = field(default=b"\xff" * 8, kw_only=True)
    test_number: Code
    kpd1_state: Code
    kpd2_state: Code


EVENTS: tuple[type[Event], ...] = (
    NumberReceived,
    Answer,
    Release,
    ServiceUsed,
    KslConnected,
    KslReleased,
    TestReplyKpd2,
)
