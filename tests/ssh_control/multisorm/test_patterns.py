"""The domains of a MultiSORM user: what each word stands for, and what can't be meant."""

from __future__ import annotations

import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssh_control.multisorm.patterns import DomainList, PatternError, fits

DECLARED = ("central_voip", "voip.local", "local.voip", "test")


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ("voip.local central_voip", ("voip.local", "central_voip")),
        ("*", DECLARED),
        ("* -test", ("central_voip", "voip.local", "local.voip")),
        ("-test *", ("central_voip", "voip.local", "local.voip")),
        ("* -local.* -t*", ("central_voip", "voip.local")),
        ("*.local", ("voip.local",)),
        ("l*voip test", ("test", "local.voip")),
        ("test * test", ("test", "central_voip", "voip.local", "local.voip")),
        ("* -nobody", DECLARED),
    ],
)
def test_words_stand_for_domains(words: str, chosen: tuple[str, ...]) -> None:
    selection = DomainList.parse(words.split()).select(DECLARED)

    assert selection.domains == chosen
    assert selection.problems == ()


@pytest.mark.parametrize(
    ("words", "problems"),
    [
        ("test nobody", ("there is no domain 'nobody'",)),
        ("test *.ru", ("the pattern '*.ru' fits no domain",)),
        ("nobody none*", ("there is no domain 'nobody'", "the pattern 'none*' fits no domain")),
        ("local* -*.voip", ("the pattern 'local*' fits no domain",)),
    ],
)
def test_what_stands_for_nothing_is_told(words: str, problems: tuple[str, ...]) -> None:
    assert DomainList.parse(words.split()).select(DECLARED).problems == problems


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "no domain is named"),
        (["-test"], "no domain is named"),
        (["*.*"], r"'\*\.\*' has \* more than once"),
        (["**"], r"more than once"),
        (["*", "-a*b*"], r"'-a\*b\*' has \* more than once"),
        ([""], "'' is not a domain's name"),
        (["-"], "'-' is not a domain's name"),
        (["voip .local"], "'voip .local' is not a domain's name"),
        (["test", "-t*"], "'test' is named and taken out"),
    ],
)
def test_what_can_not_be_meant(words: list[str], told: str) -> None:
    with pytest.raises(PatternError, match=told):
        DomainList.parse(words)


names = st.text("ab.", min_size=0, max_size=6)


@given(names, names, names)
def test_one_star_is_any_characters(before: str, after: str, name: str) -> None:
    pattern = f"{before}*{after}"

    assert fits(pattern, name) == bool(re.fullmatch(fnmatch.translate(pattern), name))


@given(st.lists(st.text("ab", min_size=1, max_size=3)), st.lists(st.text("ab-*", min_size=1, max_size=3)))
def test_a_domain_is_taken_whenever_it_is_declared(declared: list[str], words: list[str]) -> None:
    try:
        wanted = DomainList.parse(words)
    except PatternError:
        return
    assert set(wanted.select(declared).domains) == {name for name in declared if wanted.takes(name)}
