"""Texts in two languages."""

from __future__ import annotations

import json
import pickle

from protocol.language import Phrase, join, translate


def test_a_phrase_is_its_english_and_says_its_russian() -> None:
    phrase = Phrase("{count} units", "сообщений: {count}", count=3)
    assert phrase == "3 units"
    assert json.dumps(phrase) == '"3 units"'
    assert (translate(phrase, "en"), translate(phrase, "ru")) == ("3 units", "сообщений: 3")
    assert translate(pickle.loads(pickle.dumps(phrase)), "ru") == "сообщений: 3"  # noqa: S301 - our own


def test_a_phrase_inside_a_phrase_speaks_its_language() -> None:
    outer = Phrase("came: {what}", "пришло: {what}", what=Phrase("nothing", "ничего"))
    assert (outer, translate(outer, "ru")) == ("came: nothing", "пришло: ничего")
    assert translate(join(", ", [outer, "x"]), "ru") == "пришло: ничего, x"


def test_braces_in_values_are_left_alone() -> None:
    assert translate(Phrase("{value}", "{value}", value="{x}"), "ru") == "{x}"
    assert translate(Phrase("{x}", "{y}"), "ru") == "{y}"


def test_any_other_text_is_what_it_is_in_both() -> None:
    assert translate("plain", "ru") == "plain"
