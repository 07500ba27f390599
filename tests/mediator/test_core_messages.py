"""Electronic messages of objects: message 2Ch (order 268, 9.12)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from protocol import Category, Channel, NumberSign, ObjectType, Priority, Time
from protocol.messages import AddObject, ElectronicMessage, GetVersion, Stop
from protocol.messagetext import decode_message_text
from radius.report import Match, MessageReport, Party
from sorm_mediator.mediator.core import effects
from sorm_mediator.mediator.core.calls.electronic_messages import REMEMBERED

SENDER, RECEIVER = "28331", "28332"
IMSI_A, IMSI_B = "250011234567890", "250019876543210"


def report(*matches: tuple[int, str], **keys: Any) -> MessageReport:
    """28331 wrote to 28332; matches: (object, role)."""
    receiver = Party(digits=RECEIVER, ni="private")
    fields: dict[str, Any] = {
        "message_id": "message-1",
        "domain": "test.domain",
        "time": 3661.0,
        "sender": Party(digits=SENDER, ni="private"),
        "receiver": receiver,
        "sender_imsi": IMSI_A,
        "receiver_imsi": IMSI_B,
        "text": "hello",
        "matches": tuple(
            Match(object_number=number, role=role, called=receiver, time=3661.0) for number, role in matches
        ),
    }
    return MessageReport(**(fields | keys))


def imsi(number: int, digits: str) -> AddObject:
    """Command 5 for an IMSI."""
    kind, sign = ObjectType.NETWORK_FULL, NumberSign.IMSI
    return AddObject(number, kind, sign, digits, None, Category.STATISTICAL, None, Priority.NORMAL)


def trunk(number: int, which: int) -> AddObject:
    """Command 5 for a trunk."""
    category, priority = Category.STATISTICAL, Priority.NORMAL
    return AddObject(number, ObjectType.TRUNK, None, None, which, category, None, priority)


def listening(means: Any, make: Any, **keys: Any) -> Any:
    """Objects 1 and 2 are the numbers of both sides, 3 and 4 their IMSI, 5 trunk 7."""
    m = means(**keys).begin(
        make.put(1, SENDER), make.put(2, RECEIVER), imsi(3, IMSI_A), imsi(4, IMSI_B), trunk(5, 7)
    )
    m.effects.clear()
    return m


def tell(m: Any, what: MessageReport) -> list[ElectronicMessage]:
    told = m.do(m.core.message_report(what, m.now))
    assert all(isinstance(message, ElectronicMessage) for message in told)
    return told


def content(m: Any, message: ElectronicMessage) -> bytes:
    """The content as it goes over the wire, from its first octet on."""
    return bytes(m.codec.encode(message)[10:])


# --- what it says


def test_the_fields_of_a_message(means: Any, make: Any) -> None:
    """Order 268, 9.12.4.1 to 9.12.4.16."""
    m = listening(means, make)
    (told,) = tell(m, report((1, "a"), delivered=True))
    assert (told.object_number, told.object_type) == (1, ObjectType.OWN_SUBSCRIBER)
    assert (told.sender, told.receiver) == ((NumberSign.OWN, SENDER), (NumberSign.OWN, RECEIVER))
    assert (told.sender_imsi, told.receiver_imsi) == ((NumberSign.IMSI, IMSI_A), (NumberSign.IMSI, IMSI_B))
    assert told.time == Time(1, 1, 1, 1)
    assert (told.delivery_state, told.delivery_code) == (0b01_01_01, 0xFF)
    assert (told.total, told.index, told.text) == (1, 1, b"hello")
    octets = content(m, told)
    assert octets[0:3] == bytes([1, 0, 1])
    assert (octets[4], octets[21]) == (5, 5)
    assert octets[14:16] == bytes([0b01_01_01, 0xFF])
    assert octets[16:20] == bytes([0x10, 0x10, 0x10, 0x10])
    assert (octets[32], octets[43]) == (15, 15)
    assert octets[53:] == b"hello"


@pytest.mark.parametrize(
    ("number", "role", "octet_15"),
    [
        (1, "a", 0b01_01),
        (2, "b", 0b10_10),
        (3, "a-imsi", 0b00_01),
        (4, "b-imsi", 0b11_10),
    ],
)
def test_direction_and_reason_of_each_role(
    means: Any, make: Any, number: int, role: str, octet_15: int
) -> None:
    """Order 268, 9.12.4.4, table 1: bits 1-0 the direction, bits 3-2 why it was selected."""
    (told,) = tell(listening(means, make), report((number, role)))
    assert (told.object_number, told.delivery_state) == (number, octet_15)


@pytest.mark.parametrize(("side", "octet_15"), [("sender", 0b01_01), ("receiver", 0b10_10)])
def test_a_trunk_is_told_by_the_number_of_its_side(means: Any, make: Any, side: str, octet_15: int) -> None:
    """Order 268, 9.12.4.4: table 1 has no sign for a trunk."""
    m = listening(means, make)
    (told,) = tell(m, report((5, "trunk"), **{side: Party(digits="28339", ni="private", trunk=7)}))
    assert (told.object_number, told.object_type) == (5, ObjectType.TRUNK)
    assert told.delivery_state == octet_15
    assert getattr(told, side) == (NumberSign.OWN, "28339")


@pytest.mark.parametrize(("delivered", "bits"), [(None, 0b00), (True, 0b01), (False, 0b10)])
def test_what_became_of_it(means: Any, make: Any, delivered: bool | None, bits: int) -> None:
    """Order 268, 9.12.4.4, table 1: bits 5-4."""
    (told,) = tell(listening(means, make), report((1, "a"), delivered=delivered))
    assert told.delivery_state >> 4 == bits


@pytest.mark.parametrize(("delivered", "octet_16"), [(None, 0xFF), (True, 0xFF), (False, 0x1B)])
def test_the_reason_of_non_delivery_is_an_option(
    means: Any, make: Any, delivered: bool | None, octet_16: int
) -> None:
    """Order 268, 9.12.4.5, gives no values: option message_non_delivery, of what was not delivered alone."""
    m = listening(means, make, message_non_delivery=0x1B)
    (told,) = tell(m, report((1, "a"), delivered=delivered))
    assert told.delivery_code == octet_16


def test_without_the_option_no_reason_is_given(means: Any, make: Any) -> None:
    """Order 268, 9.12.4.5, gives no values."""
    (told,) = tell(listening(means, make), report((1, "a"), delivered=False))
    assert told.delivery_code == 0xFF


def test_imsi_that_are_not_known_are_left_out(means: Any, make: Any) -> None:
    """Order 268, 9.12.4.10 to 9.12.4.15: unused octets are FFh."""
    m = listening(means, make)
    (told,) = tell(m, report((1, "a"), sender_imsi="", receiver_imsi=""))
    assert content(m, told)[31:53] == b"\xff" * 22


def test_the_object_is_shown_as_command_5_gave_it(means: Any, make: Any) -> None:
    """Order 268, 9.12.4.1, 10.3.2.1: also where the switch shows another number of the same line."""
    m = listening(means, make)
    other = Party(digits="73832228331", ni="zone")
    (sent,) = tell(m, report((1, "a"), sender=other))
    assert sent.sender == (NumberSign.OWN, SENDER)
    (received,) = tell(m, report((2, "b"), receiver=other, message_id="2"))
    assert received.receiver == (NumberSign.OWN, RECEIVER)
    assert received.sender == (NumberSign.OWN, SENDER)


def test_an_object_by_leading_digits_is_shown_in_full(means: Any) -> None:
    """Order 268, 10.3.2.1: of type 12h the full number is shown."""
    partial = AddObject(
        1,
        ObjectType.NETWORK_PARTIAL,
        NumberSign.RUSSIA,
        "7383222",
        None,
        Category.STATISTICAL,
        None,
        Priority.NORMAL,
    )
    m = means().begin(partial)
    (told,) = tell(m, report((1, "a"), sender=Party(digits="73832228331", ni="zone")))
    assert told.sender == (NumberSign.RUSSIA, "73832228331")


# --- long messages


def test_192_octets_are_one_message_and_one_more_are_two(means: Any, make: Any) -> None:
    """Order 268, 8.3, 9.12.4.16: 245 octets of content, 53 of them before the text."""
    m = listening(means, make)
    (whole,) = tell(m, report((1, "a"), text="x" * 192))
    assert len(content(m, whole)) == 245
    first, second = tell(m, report((1, "a"), text="x" * 193, message_id="2"))
    assert (len(first.text), len(second.text)) == (192, 1)
    assert [(part.total, part.index) for part in (first, second)] == [(2, 1), (2, 2)]


def test_the_parts_of_a_message_repeat_all_but_the_text(means: Any, make: Any) -> None:
    """Order 268, 9.12.4.17: octets 1 to 53 are the same."""
    m = listening(means, make)
    text = "".join(chr(ord("a") + n % 26) for n in range(1000))
    parts = tell(m, report((2, "b"), text=text, delivered=False))
    assert len(parts) == 6
    assert [(part.total, part.index) for part in parts] == [(6, n) for n in range(1, 7)]
    assert len({content(m, part)[:53] for part in parts}) == 1
    assert b"".join(content(m, part)[53:] for part in parts) == text.encode()


def test_a_message_without_text_is_told(means: Any, make: Any) -> None:
    """Order 268, 9.12.3: who wrote to whom is told all the same."""
    m = listening(means, make)
    (told,) = tell(m, report((1, "a"), text=""))
    assert len(content(m, told)) == 53


@pytest.mark.parametrize("coding", ["utf-8", "gsm7", "ucs2", "cp1251"])
def test_the_coding_of_the_text_is_an_option(means: Any, make: Any, coding: Any) -> None:
    """Order 268, 9.12.4.16, doesn't rule it: option message_text. Each part can be read by itself."""
    text = "Meet at 10: " + ("€[~] " * 90 if coding == "gsm7" else "жду в десять " * 40)
    m = listening(means, make, message_text=coding)
    parts = tell(m, report((1, "a"), text=text))
    assert len(parts) > 1
    assert max(len(part.text) for part in parts) <= 192
    assert "".join(decode_message_text(part.text, coding) for part in parts) == text


def test_a_character_that_the_coding_lacks(means: Any, make: Any) -> None:
    """Option message_text: it becomes a question mark, the rest is kept."""
    (told,) = tell(listening(means, make, message_text="cp1251"), report((1, "a"), text="да ☺"))
    assert told.text == "да ?".encode("cp1251")


# --- for whom


def test_both_parties_are_objects(means: Any, make: Any) -> None:
    """Order 268, 9.12.4.18: a full set for each, with its own data."""
    m = listening(means, make)
    told = tell(m, report((1, "a"), (2, "b"), text="x" * 193))
    assert [(part.object_number, part.index) for part in told] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert [part.delivery_state for part in told] == [0b01_01, 0b01_01, 0b10_10, 0b10_10]
    assert {(part.sender, part.receiver, part.time) for part in told} == {
        (told[0].sender, told[0].receiver, told[0].time)
    }


def test_the_same_number_under_two_object_numbers(means: Any, make: Any) -> None:
    """Order 268, 6.5.6, 9.12.4.18: a full set for each object."""
    m = means(same_number_again="allow").begin(make.put(1, SENDER), make.put(2, SENDER))
    told = tell(m, report((1, "a"), (2, "a")))
    assert [part.object_number for part in told] == [1, 2]


def test_an_object_that_is_off_control_is_not_told_of(means: Any, make: Any) -> None:
    """Order 268, 9.12.3: the switch may have seen it before it was taken off."""
    m = listening(means, make)
    assert tell(m, report((99, "a"))) == []
    assert m.core.counters["messages_without_object"] == 1
    assert [part.object_number for part in tell(m, report((99, "a"), (2, "b"), message_id="2"))] == [2]


# --- when and where


def test_a_report_that_comes_twice_is_told_once(means: Any, make: Any) -> None:
    """Order 268, 9.12.3: one message, one set of 2Ch. Another domain's message of the same name is another one."""
    m = listening(means, make)
    assert len(tell(m, report((1, "a")))) == 1
    assert tell(m, report((1, "a"))) == []
    assert m.core.counters["messages_again"] == 1
    assert len(tell(m, report((1, "a"), domain="other.domain"))) == 1


def test_what_is_remembered_is_bounded(means: Any, make: Any) -> None:
    """Of many messages the latest are remembered."""
    m = listening(means, make)
    known = report((99, "a"))
    for number in range(REMEMBERED + 1):
        m.core.message_report(replace(known, message_id=str(number)), m.now)
    for number in (1, REMEMBERED):
        m.core.message_report(replace(known, message_id=str(number)), m.now)
    assert m.core.counters["messages_again"] == 2
    m.core.message_report(replace(known, message_id="0"), m.now)
    assert m.core.counters["messages_again"] == 2


def test_nothing_is_told_while_the_means_are_stopped(means: Any, make: Any) -> None:
    """Order 268, 6.2.4: after the 28h of command 2 nothing more is sent."""
    m = listening(means, make)
    assert m.says(Stop()) == "27/00 28/00"
    assert tell(m, report((1, "a"))) == []
    assert m.core.counters["messages_while_stopped"] == 1


def test_order_70_has_no_such_message(means: Any, make: Any) -> None:
    """Message 2Ch is one of order 268, 9.12, alone; what would be told is counted."""
    own = make.put(1, SENDER, number_sign=NumberSign.PRIVATE)
    m = means(order="70").begin(own)
    assert tell(m, report((1, "a"))) == []
    assert m.core.counters["messages_unknown_to_the_order"] == 1


def test_it_goes_over_kpd1_of_the_pair_in_use(means: Any, make: Any) -> None:
    """Order 268, 9.12.3, 1.4.1.1."""
    m = listening(means, make)
    m.connect(1)
    m.close(Channel.KPD2, 0)
    m.effects.clear()
    tell(m, report((1, "a")))
    sent = [(e.stream, e.channel) for e in m.effects if isinstance(e, effects.Send)]
    assert sent == [(1, Channel.KPD1)]


def test_it_does_not_wait_for_a_command_that_runs(means: Any, make: Any) -> None:
    """Order 268, 7.1, is about commands; messages of objects go on beside them."""
    m = listening(means, make)
    m.switch = None
    assert m.says(make.put(9, "28339")) == "27/00"
    assert m.says(GetVersion()) == ""
    assert len(tell(m, report((1, "a")))) == 1


def test_a_moment_that_no_calendar_has(means: Any, make: Any) -> None:
    """Order 268, 9.12.4.6: the time is then not given; the message is told."""

    def no_calendar(now: float) -> Time:
        raise OverflowError(now)

    m = listening(means, make, local_time=no_calendar)
    (told,) = tell(m, report((1, "a"), time=1e18))
    assert told.time is None
