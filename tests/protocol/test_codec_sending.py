"""What can't be encoded, and why; names, codes and options of the codec."""

from __future__ import annotations

from typing import Any

import pytest

from protocol import (
    MESSAGES,
    AddKsl,
    AddObject,
    Alarm,
    Category,
    Codec,
    ElectronicMessage,
    EncodeError,
    GetServices,
    GroupType,
    Ksl,
    KslInfo,
    KslRow,
    NumberSign,
    ObjectType,
    Options,
    Party,
    Priority,
    Raw,
    ServicesInfo,
    SetPassword,
    Start,
    TestReplyKpd2,
    Time,
    TrunkInfo,
)
from protocol.codes import (
    KSL_ROWS_PER_MESSAGE,
    MAX_CONTENT,
    MESSAGE_TEXT_OCTETS,
    SERVICES_PER_MESSAGE,
    TRUNK_NAME_OCTETS,
)

EVENT = bytes.fromhex(
    "CC0141243412010201011C00010B3738550501F1FFFFFF010B3738550502F2FFFFFFFFFF0101519003500200FFFFFFFF"
)


def telecommunication(text: bytes) -> ElectronicMessage:
    number = Party(NumberSign.RUSSIA, "73835550101")
    return ElectronicMessage(
        1, ObjectType.NETWORK_FULL, number, 0x15, 0xFF, Time(1, 2, 3, 4), number, Party(), Party(), text
    )


# --- what can't be sent


@pytest.mark.parametrize(
    ("message", "path", "value"),
    [
        (Start(password="12345"), "password", "12345"),
        (Start(password="пароль"), "password", "пароль"),
        (Start(orm_number=256), "orm_number", 256),
        (SetPassword("1234567"), "new_password", "1234567"),
        (GetServices(NumberSign.OWN, "1" * 19), "number", "1" * 19),
        (GetServices(NumberSign.OWN, "12a"), "number", "12a"),
        (GetServices(NumberSign.OWN, "١٢"), "number", "١٢"),
        (GetServices(NumberSign.OWN, 12), "number", 12),  # type: ignore[arg-type]
        (GetServices("own?", "12"), "number_sign", "own?"),  # type: ignore[arg-type]
        (GetServices(Raw(b"12"), "12"), "number_sign", Raw(b"12")),
        (AddKsl(1, GroupType.COMBINED, Ksl(8, 1), None), "ksl_a", Ksl(8, 1)),
        (AddKsl(256, GroupType.COMBINED, Ksl(0, 1), None), "ksl_group", 256),
        (TrunkInfo(1, "x" * 44), "name", "x" * 44),
        (TrunkInfo(1, "ends in \xff"), "name", "ends in \xff"),
        (TrunkInfo(65536, ""), "trunk", 65536),
        (KslInfo((KslRow(1, GroupType.COMBINED, Ksl(0, 40), None),)), "rows.0.ksl_a", Ksl(0, 40)),
        (TestReplyKpd2(1, 1, 1, header_filler=b""), "header_filler", b""),
        (ServicesInfo(NumberSign.OWN, "1", (0x21,) * 12), "services", (0x21,) * 12),
        (telecommunication(b"x" * 193), "text", b"x" * 193),
        (ServicesInfo(NumberSign.OWN, "1", (0x21, "x")), "services.1", "x"),  # type: ignore[arg-type]
    ],
)
def test_what_a_field_cannot_carry(message: Any, path: str, value: object) -> None:
    with pytest.raises(EncodeError) as caught:
        Codec().encode(message)
    assert (caught.value.path, caught.value.value) == (path, value)
    assert caught.value.allowed in str(caught.value)


@pytest.mark.parametrize("value", [None, 5, b"\xcc\x01\x01\x00123456", Alarm])
def test_only_messages_can_be_sent(value: Any) -> None:
    with pytest.raises(EncodeError):
        Codec().encode(value)


def test_a_wrong_party_names_its_half() -> None:
    message = Codec().decode(EVENT)
    message.calling = Party(NumberSign.OWN, "x")  # type: ignore[attr-defined]
    with pytest.raises(EncodeError) as caught:
        Codec().encode(message)
    assert (caught.value.path, caught.value.value) == ("calling.number", "x")
    message.calling, message.time = Party(), Time(1, 2, 3, 100)  # type: ignore[attr-defined]
    with pytest.raises(EncodeError) as caught:
        Codec().encode(message)
    assert (caught.value.path, caught.value.value) == ("time.second", 100)


def test_raw_octets_are_sent_as_they_are() -> None:
    message = AddObject(
        Raw(b"\x12\x34"),  # type: ignore[arg-type]
        Raw(b"\x77"),
        NumberSign.OWN,
        Raw(b"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a"),
        None,
        Category.COMBINED,
        1,
        Priority.HIGH,
    )
    assert Codec().encode(message)[10:24] == bytes.fromhex("12347701") + bytes(range(1, 11))


def test_negative_lines_can_be_sent() -> None:
    unit = Codec().encode(AddKsl(0, GroupType.COMBINED, Ksl(0, 0), Ksl(7, 30)))
    assert unit[10:] == bytes.fromhex("000100FE")


def test_the_most_that_a_message_holds_can_be_sent() -> None:
    codec = Codec()
    longest = codec.encode(telecommunication(b"x" * MESSAGE_TEXT_OCTETS))
    assert longest[3] == MAX_CONTENT == 245
    assert codec.decode(longest) == telecommunication(b"x" * 192)
    services = codec.encode(ServicesInfo(NumberSign.OWN, "1", (0x21,) * SERVICES_PER_MESSAGE))
    assert services[3] == 45
    rows = KslInfo((KslRow(1, GroupType.COMBINED, Ksl(0, 1), None),) * KSL_ROWS_PER_MESSAGE)
    assert codec.encode(rows)[3] == 45
    assert codec.encode(TrunkInfo(1, "x" * TRUNK_NAME_OCTETS))[3] == 45


def test_a_message_is_one_of_one_unless_it_is_said_otherwise() -> None:
    unit = Codec().encode(Alarm(4, 1))
    assert unit[4:8] == bytes.fromhex("01000100")
    none = Codec().decode(unit[:4] + bytes(4) + unit[8:])
    assert (none.total, none.index) == (0, 0)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (GetServices(NumberSign.OWN, "1"), "number_sign: 'own' can't be sent; allowed: private, "),
        (GetServices(Raw(b"12"), "1"), "number_sign: 0x3132 can't be sent; "),
        (AddKsl(1, GroupType.COMBINED, Ksl(8, 1), None), "ksl_a: (stream=8, ksl=1) can't be sent; "),
    ],
)
def test_an_error_shows_a_value_as_messages_have_it(message: Any, shown: str) -> None:
    with pytest.raises(EncodeError) as raised:
        Codec(Options(order="70")).encode(message)
    assert str(raised.value).startswith(shown)


# --- the catalogue and the options


def test_names_and_codes_are_those_of_the_order() -> None:
    assert len(MESSAGES) == 17 + 12 + 7
    assert len({cls.code for cls in MESSAGES}) == len(MESSAGES)
    names = {(cls.message_name, cls.channel) for cls in MESSAGES}
    assert len(names) == len(MESSAGES)


@pytest.mark.parametrize(
    "chosen",
    [
        {"order": "645"},
        {"object_byte_order": "middle"},
        {"requirements_version": 256},
        {"zero_digit": 0},
        {"message_text": "koi8-r"},
    ],
)
def test_options_refuse_other_values(chosen: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(chosen))):
        Options(**chosen)
