"""The guess at what a misspelt word was to be."""

from __future__ import annotations

import pytest

from sorm_mediator.texts import did_you_mean, nearest

LINKS = ("ssh", "radius", "kpd1", "kpd2")


@pytest.mark.parametrize("word", ["disk", "dns", "console", ""])
def test_a_word_that_is_far_from_all_is_no_misspelt_one(word: str) -> None:
    assert (nearest(word, LINKS), did_you_mean(word, LINKS)) == ("", "")


@pytest.mark.parametrize(
    ("word", "meant"),
    [("shs", "ssh"), ("raduis", "radius"), ("kdp2", "kpd2"), ("kpd", "kpd2"), ("radus", "radius")],
)
def test_a_letter_that_is_missing_or_in_another_place_is_guessed(word: str, meant: str) -> None:
    assert nearest(word, LINKS) == meant
