"""Whole numbers in text that somebody else wrote."""

from __future__ import annotations


def whole_number(text: str, least: int, most: int) -> int | None:
    """The number that decimal digits say, ``least`` to ``most``; None when they say none of these.

    ``int()`` takes digits of other scripts, signs and underscores, and raises for more than 4,300 digits
    (Python manual, Integer string conversion length limitation).
    """
    digits = text.lstrip("0") or text[-1:]
    if not (text.isascii() and text.isdecimal()) or len(digits) > len(str(most)):
        return None
    return number if least <= (number := int(digits)) <= most else None
