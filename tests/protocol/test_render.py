"""Messages as people read them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings

from protocol import AddObject, Codec, CommandExecuted, KslInfo, SetPassword, Start, UnknownUnit
from protocol.codes import Category, Channel, NumberSign, ObjectType, Priority
from protocol.phrases import Phrase
from protocol.render import MASK, heading, masked_hex, octet_rows, render
from protocol.strategies import damaged_unit
from protocol.texts import Lang

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
        "command-executed: подтверждение выполнения команды (28h, сообщение КПД1 8, номер ТС ОРМ 1)"
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


@pytest.mark.parametrize("lang", ["en", "ru"])
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_every_vector_can_be_read_and_nothing_in_it_is_unknown(vector: dict[str, str], lang: Lang) -> None:
    text = rendered(vector["hex"], lang)
    assert "unknown value" not in text
    assert "неизвестное" not in text
    assert "123456" not in text


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


def test_a_table_without_rows_says_so() -> None:
    assert render(KslInfo(()))[-1] == "  rows  -  none"


@settings(max_examples=150, deadline=None)
@given(damaged_unit())
def test_whatever_the_lenient_decoder_gives_can_be_rendered(raw: bytes) -> None:
    message, _ = Codec().decode_lenient(raw)
    for lang in ("en", "ru"):
        lines = render(message, lang)  # type: ignore[arg-type]
        assert all("\n" not in line and line == line.rstrip() for line in lines)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_every_problem_is_said_in_russian_too(vector: dict[str, str]) -> None:
    raw = bytes.fromhex(vector["hex"])
    damaged = [raw[:place] + bytes((raw[place] ^ 0x7B,)) + raw[place + 1 :] for place in range(2, len(raw))]
    for unit in (*damaged, raw[:-1], raw + b"\x00"):
        for problem in Codec().decode_lenient(unit)[1]:
            russian = problem.message.say("ru") if isinstance(problem.message, Phrase) else ""
            assert re.search("[а-я]", russian), problem
