"""Texts in two languages."""

from __future__ import annotations

import json
import pickle

from protocol.phrases import Phrase, joined, say


def test_a_phrase_is_its_english_and_says_its_russian() -> None:
    phrase = Phrase("{count} units", "сообщений: {count}", count=3)
    assert phrase == "3 units"
    assert json.dumps(phrase) == '"3 units"'
    assert (say(phrase, "en"), say(phrase, "ru")) == ("3 units", "сообщений: 3")
    assert pickle.loads(pickle.dumps(phrase)).say("ru") == "сообщений: 3"  # noqa: S301 - our own


def test_a_phrase_inside_a_phrase_speaks_its_language() -> None:
    outer = Phrase("came: {what}", "пришло: {what}", what=Phrase("nothing", "ничего"))
    assert (outer, outer.say("ru")) == ("came: nothing", "пришло: ничего")
    assert joined(", ", [outer, "x"]).say("ru") == "пришло: ничего, x"


def test_braces_in_values_are_left_alone() -> None:
    assert Phrase("{value}", "{value}", value="{x}").say("ru") == "{x}"
    assert Phrase("{x}", "{y}").say("ru") == "{y}"


def test_any_other_text_is_what_it_is_in_both() -> None:
    assert say("plain", "ru") == "plain"
