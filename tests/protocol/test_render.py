"""Messages as people read them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings

from protocol import (
    AddObject,
    Codec,
    CommandExecuted,
    ElectronicMessage,
    KslInfo,
    Party,
    SetPassword,
    Start,
    UnknownUnit,
    codes,
    encode_message_text,
    transfer_parameters,
)
from protocol.codes import Category, Channel, MessageCoding, NumberSign, ObjectType, Priority
from protocol.language import Lang, translate
from protocol.render import heading, masked_hex, octet_rows, render
from protocol.strategies import damaged_unit
from protocol.wire import MASK

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))["vectors"]


def rendered(octets: str, lang: Lang = "en") -> str:
    message, _ = Codec().decode_lenient(bytes.fromhex(octets))
    return "\n".join(render(message, lang))


def test_a_command_reads_as_a_heading_and_aligned_fields() -> None:
    message = AddObject(
        258,
        ObjectType.OWN_SUBSCRIBER,
        NumberSign.OWN,
        "73835550101",
        None,
        Category.COMBINED,
        1,
        Priority.NORMAL,
    )
    assert render(message) == [
        "add-object: put an object under control (05h, command 5, ORM number 1)",
        "  password       ******",
        "  object number  258",
        "  object type    own-subscriber  subscriber of this node",
        "  number sign    own             subscriber of this node",
        "  number         73835550101",
        "  trunk          -               not given",
        "  category       combined        both parties on one line",
        "  KSL group      1",
        "  priority       normal          ordinary",
    ]


def test_the_same_in_russian() -> None:
    lines = render(CommandExecuted(5, 0x33), "ru")
    assert lines[0] == (
        "command-executed: подтверждение о выполнении команды (28h, сообщение КПД1 8, номер ТС ОРМ 1)"
    )
    assert lines[1:] == [
        "  команда    05h  add-object: постановка объекта на контроль",
        "  результат  33h  объект уже задан",
    ]


def test_messages_are_numbered_as_the_order_numbers_them() -> None:
    by_id = {vector["id"]: vector["hex"] for vector in VECTORS}
    assert "KPD1 message 7" in rendered(by_id["M27a"])
    assert "KPD2 message 1.4" in rendered(by_id["N44"])
    assert "KPD2 message 2.3" in rendered(by_id["N53"])


def test_every_vector_can_be_read_and_nothing_in_it_is_unknown() -> None:
    for vector in VECTORS:
        text = rendered(vector["hex"]) + rendered(vector["hex"], "ru")
        assert not re.search("unknown value|неизвестное|123456", text), vector["id"]


def test_passwords_are_never_shown() -> None:
    text = "\n".join(render(SetPassword("654321", password="112233")))
    assert "654321" not in text
    assert "112233" not in text
    assert text.count(MASK) == 2


def test_passwords_are_masked_in_octets_too() -> None:
    raw = Codec().encode(SetPassword("654321"))
    assert masked_hex(raw) == "CC 01 03 06 " + " ".join(["**"] * 12)
    assert masked_hex(Codec().encode(Start()))[-17:] == "** ** ** ** ** **"
    assert masked_hex(raw[:7]) == "CC 01 03 06 ** ** **"
    assert masked_hex(b"\x01\x02\x03\x04\x05") == "01 02 03 04 05"


def test_octets_that_are_no_unit_show_no_password_wherever_a_command_begins_in_them() -> None:
    noise = bytes.fromhex("0011") + Codec().encode(SetPassword("654321"))
    assert masked_hex(noise, anywhere=True) == "00 11 CC 01 03 06 " + " ".join(["**"] * 12)
    assert "** **" in octet_rows(noise)[0].value


def test_a_password_is_masked_whose_header_is_in_the_octets_before() -> None:
    command = Codec().encode(SetPassword("654321"))
    for cut in range(1, len(command)):
        rest = octet_rows(command[cut:], before=b"\xcc\x01" + command[:cut])[0].value
        assert rest == masked_hex(command)[3 * cut :], cut


def test_a_command_of_a_wrong_length_does_not_show_its_password_either() -> None:
    assert "31 32 33" not in rendered("CC01050231323334353600FF")


def test_an_unknown_unit_shows_its_octets() -> None:
    unknown = UnknownUnit(0x3F, bytes.fromhex("CC013F03" + "00" * 13), Channel.KPD1)
    assert heading(unknown, "ru") == "неизвестное сообщение (3Fh, 17 байт, номер ТС ОРМ 1)"
    assert render(unknown) == [
        "unknown unit (3Fh, 17 octets, ORM number 1)",
        "  payload  CC 01 3F 03 00 00 00 00 00 00 00 00 00 00 00 00",
        "           00",
    ]


def test_undeclared_values_are_shown_as_they_came() -> None:
    assert "category       0x1A" in rendered("CC010F0531323334353602011AFF02")


def test_a_table_without_rows_is_shown_as_none() -> None:
    assert render(KslInfo(()))[-1] == "  rows  -  none"


@settings(max_examples=150, deadline=None)
@given(damaged_unit())
def test_every_result_of_the_lenient_decoder_can_be_rendered(raw: bytes) -> None:
    message, _ = Codec().decode_lenient(raw)
    for lang in ("en", "ru"):
        lines = render(message, lang)  # type: ignore[arg-type]
        assert all("\n" not in line and line == line.rstrip() for line in lines)


def test_every_problem_is_there_in_russian_too() -> None:
    codec = Codec()
    for raw in [bytes.fromhex(vector["hex"]) for vector in VECTORS]:
        damaged = [
            raw[:place] + bytes((raw[place] ^ 0x7B,)) + raw[place + 1 :] for place in range(2, len(raw))
        ]
        for unit in (*damaged, raw[:-1], raw + b"\x00"):
            for problem in codec.decode_lenient(unit)[1]:
                assert re.search("[а-я]", translate(problem.message, "ru")), (unit.hex(), problem)


def telecommunication(text: bytes, octet_15: int = 0) -> ElectronicMessage:
    return ElectronicMessage(
        258, ObjectType.NETWORK_FULL, Party(), octet_15, 0xFF, None, Party(), Party(), Party(), text
    )


@pytest.mark.parametrize(
    ("direction", "selected_by", "delivery", "octet", "en", "ru"),
    [
        (
            codes.MESSAGE_SENT, codes.MESSAGE_BY_SENDER_NUMBER, codes.MESSAGE_DELIVERED, 0x15,
            "taken from the object, selected by the sender's number, delivered",
            "принято от объекта контроля, отобрано по номеру отправителя, доставлено",
        ),
        (
            codes.MESSAGE_RECEIVED, codes.MESSAGE_BY_RECEIVER_NUMBER, codes.MESSAGE_NOT_DELIVERED, 0x2A,
            "addressed to the object, selected by the receiver's number, not delivered",
            "адресовано объекту контроля, отобрано по номеру получателя, не доставлено",
        ),
        (
            codes.MESSAGE_SENT, codes.MESSAGE_BY_SENDER_IMSI, codes.MESSAGE_DELIVERY_UNKNOWN, 0x01,
            "taken from the object, selected by the sender's IMSI, delivery not known",
            "принято от объекта контроля, отобрано по IMSI отправителя, доставка не определена",
        ),
        (
            codes.MESSAGE_RECEIVED, codes.MESSAGE_BY_RECEIVER_IMSI, codes.MESSAGE_DELIVERY_UNKNOWN, 0x0E,
            "addressed to the object, selected by the receiver's IMSI, delivery not known",
            "адресовано объекту контроля, отобрано по IMSI получателя, доставка не определена",
        ),
    ],
)  # fmt: skip
def test_octet_15_is_composed_of_three_and_reads_as_words(
    direction: int, selected_by: int, delivery: int, octet: int, en: str, ru: str
) -> None:
    assert transfer_parameters(direction, selected_by, delivery) == octet
    message = telecommunication(b"TEST", octet)
    assert f"transfer parameters {octet:02X}h {en}" in [" ".join(line.split()) for line in render(message)]
    assert f"параметры передачи {octet:02X}h {ru}" in [
        " ".join(line.split()) for line in render(message, "ru")
    ]
    assert Codec().decode(Codec().encode(message)) == message


def test_bits_of_octet_15_that_the_order_reserves_are_said() -> None:
    text = "\n".join(render(telecommunication(b"", 0xB3)))
    assert "reserve, selected by the sender's IMSI, reserve, unknown value 0x80" in text


@pytest.mark.parametrize("wrong", [(0, 1, 0), (3, 1, 0), (1, 4, 0), (1, -1, 0), (1, 1, 3)])
def test_octet_15_has_no_reserved_values(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="is none of"):
        transfer_parameters(*wrong)


@pytest.mark.parametrize(
    ("coding", "text"), [("utf-8", "Привет"), ("ucs2", "Привет"), ("cp1251", "Привет"), ("gsm7", "hello")]
)
def test_the_text_of_a_message_is_read_in_its_coding(coding: MessageCoding, text: str) -> None:
    octets = encode_message_text(text, coding)
    assert render(telecommunication(octets), coding=coding)[-1].endswith(
        f'0x{octets.hex().upper()}  "{text}"'
    )


def test_octets_that_are_no_text_are_shown_all_the_same() -> None:
    assert render(telecommunication(b"a\xff\n"))[-1].split() == ["text", "0x61FF0A", '"a\ufffd\\n"']
    assert render(telecommunication(b""))[-1].split() == ["text", "-", "none"]


def test_the_place_of_a_message_among_others_is_shown_when_there_are_others() -> None:
    assert "messages in all" not in "\n".join(render(CommandExecuted(5, 0)))
    assert "messages in all" not in "\n".join(render(CommandExecuted(5, 0, total=0, index=0)))
    assert render(KslInfo((), total=3, index=1))[1:3] == [
        "  messages in all     3",
        "  number of this one  1",
    ]


def test_a_command_with_another_one_inside_shows_no_value() -> None:
    """The password of the second lies in the fields of the first, which broke off after 12 octets."""
    raw = bytes.fromhex("CC0105133132333435360001CC010306313233343536363534333231CC")
    message, _ = Codec().decode_lenient(raw)
    shown = [*render(message, raw=raw), masked_hex(raw)]
    assert shown[0].startswith("add-object")
    assert all(line.endswith("******") for line in shown[1:-1])
    assert shown[-1] == "CC 01 05 13" + " **" * 25
