"""Masks and substitutions, against a matcher that is slow and obvious."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorm_mediator.switch.routing.masks import (
    MaskError,
    SubstitutionError,
    compile_mask,
    compile_template,
)


def reference(mask: str, digits: str) -> str | None:
    """Symbol by symbol; what % stands for, or None."""
    if not mask:
        return "" if not digits else None
    head, rest = mask[0], mask[1:]
    if head == "%":
        return digits
    if not digits:
        return None
    if head == "(":
        inside, rest = rest.split(")", 1)
        allowed = set()
        for item in inside.split(","):
            low, _, high = item.partition("-")
            allowed |= set("0123456789*#"["0123456789*#".index(low) : "0123456789*#".index(high or low) + 1])
        return reference(rest, digits[1:]) if digits[0] in allowed else None
    if head == "?":
        return reference(rest, digits[1:]) if digits[0] in "0123456789" else None
    return reference(rest, digits[1:]) if digits[0] == head else None


DIGIT = st.sampled_from("0123456789")
CLASS = st.lists(
    st.one_of(DIGIT, st.tuples(DIGIT, DIGIT).map(sorted).map("-".join)), min_size=1, max_size=3
).map(lambda items: f"({','.join(items)})")
MASK = st.tuples(
    st.lists(st.one_of(DIGIT, st.just("?"), st.just("*"), CLASS), max_size=6).map("".join),
    st.sampled_from(["", "%"]),
).map("".join)
NUMBER = st.text("0123456789*#", max_size=8)


@given(mask=MASK.filter(bool), number=NUMBER)
def test_a_mask_means_what_the_reference_says(mask: str, number: str) -> None:
    assert compile_mask(mask).match(number) == reference(mask, number)


@given(masks=st.lists(MASK.filter(bool), min_size=2, max_size=3), number=NUMBER)
def test_of_several_masks_the_first_that_fits_counts(masks: list[str], number: str) -> None:
    expected = next((rest for mask in masks if (rest := reference(mask, number)) is not None), None)

    assert compile_mask(",".join(masks)).match(number) == expected


@pytest.mark.parametrize(
    ("mask", "number", "rest"),
    [
        ("8%", "89001758964", "9001758964"),
        ("8%", "8", ""),
        ("8%", "79001758964", None),
        ("45???", "45123", ""),
        ("45???", "4512", None),
        ("45???", "451234", None),
        ("738327(0-1)????", "73832712345", ""),
        ("738327(0-1)????", "73832722345", None),
        ("10(1-4),112", "112", ""),
        ("%", "", ""),
    ],
)
def test_masks_of_the_manual(mask: str, number: str, rest: str | None) -> None:
    assert compile_mask(mask).match(number) == rest


@pytest.mark.parametrize(
    ("mask", "complaint"),
    [
        ("", "empty mask"),
        ("1,,2", "empty mask"),
        ("%8", "must be the last"),
        ("8(0-1", "never closed"),
        ("8()", "allows no digit"),
        ("(5-1)", "rising"),
        ("(a)", "rising"),
        ("8x", "'x' is not allowed"),
        ("8٣", "is not allowed"),
    ],
)
def test_a_wrong_mask_is_refused_in_words(mask: str, complaint: str) -> None:
    with pytest.raises(MaskError, match=complaint):
        compile_mask(mask)


@pytest.mark.parametrize(
    ("template", "digits", "rest", "made"),
    [
        ("8{%}", "89001758964", "9001758964", "89001758964"),
        ("{1,2,3,4,5}", "28331", "", "28331"),
        ("38327{1,2,3,4,5}", "28331", "", "3832728331"),
        ("{5}{1}*", "28331", "", "12*"),
        ("", "28331", "", ""),
    ],
)
def test_substitutions(template: str, digits: str, rest: str, made: str) -> None:
    assert compile_template(template).fill(digits, rest) == made


@pytest.mark.parametrize("template", ["{", "{0}", "{x}", "{1,}", "a1", "{100}", "{٣}"])
def test_a_wrong_substitution_is_refused(template: str) -> None:
    with pytest.raises(MaskError):
        compile_template(template)


def test_a_digit_that_is_not_there() -> None:
    with pytest.raises(SubstitutionError, match="2833 has no digit 5"):
        compile_template("{5}").fill("2833", "")


@given(digits=st.text("0123456789", min_size=1, max_size=18))
def test_all_places_in_order_make_the_same_number(digits: str) -> None:
    places = ",".join(str(place) for place in range(1, len(digits) + 1))

    assert compile_template(f"{{{places}}}").fill(digits, "") == digits


def slowly_filled(template: str, digits: str, rest: str) -> str | None:
    """Symbol by symbol; None where the number has no such digit."""
    if not template:
        return ""
    if template[0] != "{":
        following = slowly_filled(template[1:], digits, rest)
        return None if following is None else template[0] + following
    inside, after = template[1:].split("}", 1)
    made = ""
    for item in inside.split(","):
        if item == "%":
            made += rest
        elif int(item) > len(digits):
            return None
        else:
            made += digits[int(item) - 1]
    following = slowly_filled(after, digits, rest)
    return None if following is None else made + following


PLACES = st.lists(st.integers(1, 9).map(str), min_size=1, max_size=4).map(",".join)
TEMPLATE = st.lists(
    st.one_of(st.sampled_from("0123456789*#"), st.just("{%}"), PLACES.map("{{{}}}".format)), max_size=5
).map("".join)


@given(template=TEMPLATE, digits=NUMBER, rest=NUMBER)
def test_a_substitution_means_what_the_reference_says(template: str, digits: str, rest: str) -> None:
    expected = slowly_filled(template, digits, rest)

    if expected is None:
        with pytest.raises(SubstitutionError):
            compile_template(template).fill(digits, rest)
    else:
        assert compile_template(template).fill(digits, rest) == expected


def test_numbers_do_not_grow_without_bound() -> None:
    """In a circle of contexts they would double each time."""
    doubled = compile_template("{%}{%}")
    assert doubled.fill("1" * 32, "1" * 32) == "1" * 64
    with pytest.raises(SubstitutionError, match="makes a number of 128 digits, and the longest has 64"):
        doubled.fill("1" * 64, "1" * 64)
