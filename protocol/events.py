"""The seven KPD2 messages (order 268, appendices 10 and 11)."""

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
    """Content of all events of a call (order 268, 10.3); its classes differ in the operation codes they list."""

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
    clause = "order 268, 11.1"


@dataclass(slots=True)
class Answer(CallEvent):
    """The called party answered [Ответ]."""

    code = 0x42
    message_name = "answer"
    clause = "order 268, 11.2"


@dataclass(slots=True)
class Release(CallEvent):
    """The call ended [Разъединение]; operation is the reason."""

    code = 0x43
    message_name = "release"
    clause = "order 268, 11.3"

    operation: OperationRelease


@dataclass(slots=True)
class ServiceUsed(CallEvent):
    """A service was used [Использование услуг связи]; service and service_phase say which and how."""

    code = 0x44
    message_name = "service-used"
    clause = "order 268, 11.4"


@dataclass(slots=True)
class KslConnected(CallEvent):
    """The result of command 7: a line was connected, or none was to be had [Подключение КСЛ]."""

    code = 0x51
    message_name = "ksl-connected"
    clause = "order 268, 11.5"

    operation: OperationKslConnected


@dataclass(slots=True)
class KslReleased(CallEvent):
    """A line was released before the call's end [Освобождение КСЛ]."""

    code = 0x52
    message_name = "ksl-released"
    clause = "order 268, 11.6"

    operation: OperationKslReleased


@dataclass(slots=True)
class TestReplyKpd2(Event):
    """Answer to command 14 on every KPD2; octets 5..12 of the header carry nothing (order 268, 11.7.4)."""

    __test__ = False

    code = 0x53
    message_name = "test-reply"
    clause = "order 268, 11.7"

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
