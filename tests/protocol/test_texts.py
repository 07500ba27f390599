"""Every value that the codec knows has a text in both languages."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from enum import StrEnum

import pytest

from protocol import codes, texts
from protocol.language import Lang, translate
from protocol.messages import MESSAGES, caption, title_of, wires
from protocol.options import Options
from protocol.wire import Coded

LANGUAGES: tuple[Lang, ...] = ("en", "ru")
NAMED = (
    codes.ObjectType,
    codes.NumberSign,
    codes.Category,
    codes.GroupType,
    codes.Priority,
    codes.StationType,
)
UNKNOWN = {"en": "unknown value", "ru": "неизвестное значение"}


def has_text(text: str, lang: Lang) -> bool:
    has_russian = any("а" <= letter <= "я" or letter == "ё" for letter in text.lower())
    return bool(text) and UNKNOWN[lang] not in text and has_russian == (lang == "ru")


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("kind", NAMED)
def test_every_named_value_has_a_text(kind: Iterable[StrEnum], lang: Lang) -> None:
    for value in kind:
        assert has_text(texts.value_name_text(value, lang), lang), value


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_declared_code_has_a_text(lang: Lang) -> None:
    for cls in MESSAGES:
        for name, wire in wires(cls, Options()).items():
            if wire.meaning is not None and isinstance(wire, Coded):
                for value in wire.decoding.values():
                    assert has_text(wire.show(value, lang)[1], lang), (cls, name, value)
    for service, text in texts.SERVICES.items():
        assert has_text(translate(text, lang), lang), service


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_message_and_every_field_has_a_text(lang: Lang) -> None:
    for message in MESSAGES:
        assert has_text(translate(message.title, lang), lang), message
        for field in dataclasses.fields(message):
            assert has_text(translate(caption(field.name), lang), lang), field.name


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_status_has_a_text(lang: Lang) -> None:
    assert len(texts.EXTENDED_MANUAL) == 35
    assert len(texts.EXTENDED_FURTHER) == 12
    assert not texts.EXTENDED_MANUAL.keys() & texts.EXTENDED_FURTHER.keys()
    for status in (*texts.EXTENDED_MANUAL, *texts.EXTENDED_FURTHER, *texts.RECEIPT, *texts.EXECUTION):
        assert has_text(texts.status_text(status, lang), lang), status


def test_statuses_are_worded_as_the_mediators_manual_words_them() -> None:
    assert texts.status_text(0x10, "ru") == (
        "команда не принята, неверная длина или неверное количество знаков в номере"
    )
    assert texts.status_text(0x16, "ru") == "команда «Старт СОРМ» не принята по причине «уже стартовал»"
    assert texts.status_text(0x33, lang="ru") == "объект уже задан"
    assert texts.status_text(0x73, lang="ru") == "ошибка выделения КСЛ"


def test_a_status_of_the_order_depends_on_the_message() -> None:
    assert texts.status_text(0x00, message_code=0x27) == "accepted"
    assert texts.status_text(0x00, message_code=0x28) == "done"
    assert texts.status_text(0x02, message_code=0x27) == "refused: not started"
    assert texts.status_text(0x05, message_code=0x28) == "not done: wrong ORM number"
    assert texts.status_text(0x33, message_code=0x27) == texts.status_text(0x33, message_code=0x28)


def test_a_value_of_no_table_has_a_text_and_never_raises() -> None:
    assert texts.status_text(0xEE) == "unknown value 0xEE"
    assert texts.look_up(texts.OPERATIONS_RELEASE, 0x09, "ru") == "неизвестное значение 0x09"
    assert texts.connection_text(0x33) == "unknown value 0x33"
    assert texts.selection_text(0) == "unknown value 0x00"
    assert title_of(0x7F) == "unknown value 0x7F"
    assert texts.value_name_text("purple") == "unknown value purple"
    assert caption("some_field") == "some field"


def test_a_selection_sign_names_all_its_reasons() -> None:
    assert texts.selection_text(0x01) == "A number (combined)"
    assert texts.selection_text(0x38) == "B number (statistical), trunk (separate)"


def test_a_bitmap_names_its_streams() -> None:
    assert texts.streams_text(0x05) == "streams 0, 2"
    assert texts.streams_text(0x00) == "no stream"
    assert texts.streams_text(0x80, "ru") == "потоки 7"


def test_the_codes_are_those_of_the_order() -> None:
    assert sorted(texts.SERVICES) == [
        0x20, 0x21, 0x28, 0x29, 0x2A, 0x2B, 0x31, 0x32, 0x33, 0x40, 0x41, 0x42, 0x43, 0x50, 0x51, 0x52,
    ]  # fmt: skip
    assert sorted(texts.ALARM_TYPES) == [1, 2, 3, 4]


def test_a_connection_is_short_where_it_is_set_up_automatically() -> None:
    for connection in range(256):
        whole, brief = texts.connection_text(connection), texts.connection_brief(connection)
        assert brief == whole.removesuffix(", set up automatically")
    assert len({texts.connection_brief(connection) for connection in range(0x10, 0x20)}) > 3
