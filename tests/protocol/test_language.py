"""Texts in two languages."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from protocol import language
from protocol.language import Phrase, add_catalogue, join, translate

RUSSIAN = {
    ("", "{count} units"): "сообщений: {count}",
    ("", "came: {what}"): "пришло: {what}",
    ("", "nothing"): "ничего",
    ("", "{x} is free of {y}"): "{x} без {y}",
    ("verdict", "open"): "открыто",
    ("door", "open"): "открыта",
}


@pytest.fixture(autouse=True)
def _catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    catalogue = Catalog(locale="ru")
    for (context, text), russian in RUSSIAN.items():
        catalogue.add(text, russian, context=context or None)
    file = tmp_path / "ru" / "LC_MESSAGES" / "test.mo"
    file.parent.mkdir(parents=True)
    with file.open("wb") as stream:
        write_mo(stream, catalogue)
    monkeypatch.setattr(language, "_CATALOGUES", dict(language._CATALOGUES))
    add_catalogue("test", tmp_path)
    yield
    language._russian.cache_clear()


def test_a_phrase_is_its_english_and_is_translated_when_it_is_shown() -> None:
    phrase = Phrase("{count} units", count=3)
    assert phrase == "3 units"
    assert json.dumps(phrase) == '"3 units"'
    assert (translate(phrase, "en"), translate(phrase, "ru")) == ("3 units", "сообщений: 3")
    assert translate(pickle.loads(pickle.dumps(phrase)), "ru") == "сообщений: 3"  # noqa: S301 - our own


def test_a_phrase_inside_a_phrase_is_translated_with_it() -> None:
    outer = Phrase("came: {what}", what=Phrase("nothing"))
    assert (outer, translate(outer, "ru")) == ("came: nothing", "пришло: ничего")
    assert translate(join(", ", [outer, "x"]), "ru") == "пришло: ничего, x"
    assert translate(pickle.loads(pickle.dumps(outer)), "ru") == "пришло: ничего"  # noqa: S301 - our own
    assert join(", ", []) == translate(join(", ", []), "ru") == ""


def test_equal_english_is_told_apart_by_its_context() -> None:
    assert Phrase("open", context="door") == Phrase("open", context="verdict") == "open"
    assert translate(Phrase("open", context="door"), "ru") == "открыта"
    assert translate(Phrase("open", context="verdict"), "ru") == "открыто"
    assert translate(Phrase("open"), "ru") == "open"


def test_a_text_is_filled_afterwards() -> None:
    text = Phrase("came: {what}")
    assert text == "came: {what}"
    assert translate(text.fill(what=Phrase("nothing")), "ru") == "пришло: ничего"
    assert text == "came: {what}"


def test_values_are_those_of_the_moment() -> None:
    items = [1]
    phrase = Phrase("came: {what}", what=items)
    items.append(2)
    assert translate(phrase, "ru") == "пришло: [1]"


def test_braces_in_values_are_left_alone() -> None:
    assert translate(Phrase("{value}", value="{x}"), "ru") == "{x}"
    assert translate(Phrase("{x} is free of {y}"), "ru") == "{x} без {y}"
    assert translate(join("{", ["a", "{b}"]), "ru") == "a{{b}"


def test_any_other_text_is_what_it_is_in_both() -> None:
    assert translate("plain", "ru") == "plain"
    assert translate(Phrase("in no catalogue"), "ru") == "in no catalogue"
    assert translate(Phrase(""), "ru") == ""
    phrase = Phrase("nothing")
    assert Phrase(phrase) is phrase
