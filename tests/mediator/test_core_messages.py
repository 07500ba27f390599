"""Electronic messages of objects: 2Ch (order 268, 9.12)."""

from typing import Any

import pytest

from protocol import Channel, NumberSign, ObjectType
from protocol.commands import AddObject
from radius.report import Match, MessageReport, Party
from sorm_mediator.mediator.core import effects

A, B = Party(digits="28331", ni="private"), Party(digits="73832728332", ni="intercity")
IMSI_A, IMSI_B = "250011234567890", "250019876543210"


def report(*matches: tuple[int, str], name: str = "m-1", **keys: Any) -> MessageReport:
    """A message from 28331 to 73832728332. matches: object and role."""
    fields: dict[str, Any] = {"sender": A, "receiver": B, "text": "hello"}
    touched = tuple(Match(object_number=n, role=role, called=B, time=1000.0) for n, role in matches)
    return MessageReport(message_id=name, domain="d", time=1000.0, matches=touched, **(fields | keys))


def tell(m: Any, one: MessageReport) -> list[Any]:
    return m.do(m.core.message_report(one, m.now))


@pytest.mark.parametrize(
    ("role", "direction", "selected_by"),
    [("a", 0b01, 0b01), ("b", 0b10, 0b10), ("a-imsi", 0b01, 0b00), ("b-imsi", 0b10, 0b11)],
)
@pytest.mark.parametrize(("delivered", "delivery"), [(None, 0b00), (True, 0b01), (False, 0b10)])
def test_octet_15(
    means: Any, make: Any, role: str, direction: int, selected_by: int, delivered: bool | None, delivery: int
) -> None:
    """9.12.4.4, table 1."""
    m = means().begin(make.put(1, "28331"))
    (message,) = tell(m, report((1, role), delivered=delivered))
    assert message.delivery_state == direction | selected_by << 2 | delivery << 4


def test_the_fields(means: Any, make: Any) -> None:
    """9.12.4: octets 1-53, then the text."""
    m = means().begin(make.put(258, "28331"))
    (message,) = tell(m, report((258, "a"), sender_imsi=IMSI_A, receiver_imsi=IMSI_B, delivered=True))
    assert (message.code, message.total, message.index) == (0x2C, 1, 1)
    octets = m.codec.encode(message)[10:]
    assert octets.hex(" ").upper() == " ".join(
        (
            "02 01 01",  # object 258, own subscriber
            "01 05 82 33 F1 FF FF FF FF FF FF",  # sender: own, five digits
            "15 FF",  # taken from the object, by the sender's number, delivered; no reason of non-delivery
            "10 00 61 04",  # day 01, 00:16:40; the first digit is the low half-octet, as in numbers
            "04 0B 37 38 72 82 33 F2 FF FF FF",  # receiver: Russia, eleven digits
            "07 0F 52 00 11 32 54 76 98 F0 FF",
            "07 0F 52 00 91 78 56 34 12 F0 FF",
            "68 65 6C 6C 6F",
        )
    )


def test_what_is_not_known_is_ff(means: Any, make: Any) -> None:
    """9.12.4.10-9.12.4.15."""
    m = means().begin(make.put(1, "28331"))
    (message,) = tell(m, report((1, "a"), receiver=Party(trunk=3)))
    octets = m.codec.encode(message)[10:]
    assert octets[20:53] == b"\xff" * 33


@pytest.mark.parametrize(("role", "side"), [("a", "sender"), ("b", "receiver")])
def test_the_object_is_shown_as_command_5_gave_it(means: Any, make: Any, role: str, side: str) -> None:
    """9.12.4.1, with 10.3.2.1 for calls."""
    network = {"object_type": ObjectType.NETWORK_FULL, "number_sign": NumberSign.RUSSIA}
    m = means().begin(make.put(1, "3832728331", **network))
    (message,) = tell(m, report((1, role)))
    assert getattr(message, side) == (NumberSign.RUSSIA, "3832728331")


def test_an_object_by_its_imsi_shows_the_numbers_as_they_are(means: Any, make: Any) -> None:
    """9.12.4.10."""
    network = {"object_type": ObjectType.NETWORK_FULL, "number_sign": NumberSign.IMSI}
    m = means().begin(make.put(1, IMSI_A, **network))
    (message,) = tell(m, report((1, "a-imsi"), sender_imsi=IMSI_A))
    assert message.sender == (NumberSign.OWN, "28331")
    assert message.sender_imsi == (NumberSign.IMSI, IMSI_A)


@pytest.mark.parametrize(
    ("sides", "state"),
    [
        ({"sender": Party(trunk=7)}, 0b01_01),
        ({"receiver": Party(trunk=7)}, 0b10_10),
    ],
)
def test_a_trunk_is_told_by_its_side(means: Any, sides: dict[str, Party], state: int) -> None:
    """Our reading: table 1 of 9.12.4.4 has no sign for a trunk."""
    m = means().begin(AddObject(3, ObjectType.TRUNK, None, None, 7, "statistical", None, None))
    (message,) = tell(m, report((3, "trunk"), **sides))
    assert message.delivery_state == state
    assert message.object_type is ObjectType.TRUNK


@pytest.mark.parametrize(
    ("length", "parts"), [(0, [0]), (192, [192]), (193, [192, 1]), (500, [192, 192, 116])]
)
def test_a_long_text_takes_several_messages(means: Any, make: Any, length: int, parts: list[int]) -> None:
    """8.3, 9.12.4.17: 192 octets each; octets 1-53 are the same in all."""
    m = means().begin(make.put(1, "28331"))
    told = tell(m, report((1, "a"), text="x" * length))
    assert [len(t.text) for t in told] == parts
    assert [(t.total, t.index) for t in told] == [(len(parts), n) for n in range(1, len(parts) + 1)]
    assert len({m.codec.encode(t)[10:63] for t in told}) == 1


@pytest.mark.parametrize(
    ("coding", "octets"),
    [("utf-8", "D0BF D180"), ("cp1251", "EFF0"), ("ucs2", "043F 0440")],
)
def test_the_coding_is_an_option(means: Any, make: Any, coding: str, octets: str) -> None:
    """9.12.4.16 doesn't rule it."""
    m = means(message_text=coding).begin(make.put(1, "28331"))
    (message,) = tell(m, report((1, "a"), text="пр"))
    assert message.text == bytes.fromhex(octets)


@pytest.mark.parametrize(("delivered", "octet"), [(False, 0x1D), (True, 0xFF), (None, 0xFF)])
def test_the_reason_of_non_delivery_is_an_option(
    means: Any, make: Any, delivered: bool | None, octet: int
) -> None:
    """9.12.4.5 gives no values."""
    m = means(message_non_delivery=0x1D).begin(make.put(1, "28331"))
    (message,) = tell(m, report((1, "a"), delivered=delivered))
    assert m.codec.encode(message)[10 + 15] == octet


def test_both_parties_are_objects(means: Any, make: Any) -> None:
    """9.12.4.18: one set of messages for each."""
    network = {"object_type": ObjectType.NETWORK_FULL, "number_sign": NumberSign.RUSSIA}
    m = means().begin(make.put(1, "28331"), make.put(2, "73832728332", **network))
    told = tell(m, report((1, "a"), (2, "b"), text="x" * 200))
    assert [(t.object_number, t.total, t.index) for t in told] == [(1, 2, 1), (1, 2, 2), (2, 2, 1), (2, 2, 2)]
    assert [t.delivery_state for t in told] == [0b0101, 0b0101, 0b1010, 0b1010]


def test_it_goes_by_kpd1_of_the_pair_in_use(means: Any, make: Any) -> None:
    """9.12.3, 1.4.1.1."""
    m = means().begin(make.put(1, "28331"))
    m.connect(1)
    m.close(Channel.KPD2, 0)
    m.effects.clear()
    tell(m, report((1, "a")))
    assert [(e.stream, e.channel) for e in m.effects if isinstance(e, effects.Send)] == [(1, Channel.KPD1)]


def test_it_is_told_once(means: Any, make: Any) -> None:
    """A report may come twice; the same name in another domain is another message."""
    m = means().begin(make.put(1, "28331"))
    assert len(tell(m, report((1, "a")))) == 1
    assert tell(m, report((1, "a"))) == []
    assert m.core.counters["messages_again"] == 1
    assert len(tell(m, report((1, "a"), name="m-2"))) == 1


def test_objects_that_are_not_ours_are_nobody(means: Any, make: Any) -> None:
    m = means().begin(make.put(1, "28331"))
    assert tell(m, report((9, "a"))) == []
    assert m.core.counters["messages_without_object"] == 1
    assert [t.object_number for t in tell(m, report((9, "a"), (1, "b"), name="m-2"))] == [1]


def test_order_70_has_no_such_message(means: Any, make: Any) -> None:
    m = means(order="70").begin(make.put(1, "28331", number_sign=NumberSign.PRIVATE))
    assert tell(m, report((1, "a"))) == []
    assert m.core.counters["messages_unknown_to_the_order"] == 1


def test_while_stopped_nothing_is_told(means: Any) -> None:
    """6.2.4."""
    m = means()
    m.connect()
    assert tell(m, report((1, "a"))) == []
    assert m.core.counters["messages_while_stopped"] == 1
