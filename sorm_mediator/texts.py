"""Texts from outside: reading numbers from them, and showing them.

In an error a text is short and on one line; in an ASCII field of the order it has only printable characters.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MOST_SHOWN = 100
"""Characters of a value in an error."""


def one_line(text: str) -> str:
    """The text with escapes such as ``\\n`` or ``\\x1b`` for line breaks and characters that control a terminal."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def short(text: str, most: int = MOST_SHOWN) -> str:
    """The text, cut to ``most`` characters; a cut text ends in ``...``."""
    return text if len(text) <= most else text[: most - 3] + "..."


def shown(value: object, most: int = MOST_SHOWN) -> str:
    """The ``repr`` of a value, cut short. Never raises, even for numbers of thousands of digits."""
    if isinstance(value, int) and value.bit_length() > 128:
        return f"a whole number of {value.bit_length()} bits"
    try:
        return short(repr(value), most)
    except (ValueError, RecursionError):
        return f"a value of type {type(value).__name__}"


def as_list(names: Iterable[str]) -> str:
    """Names for an error or a note: sorted, or "none"."""
    return ", ".join(sorted(names)) or "none"


_NEAR = 0.65
"""Above the 0.6 of :func:`difflib.get_close_matches`, by which ``disk`` would be a misspelt ``radius``; two letters of
three that changed places are 0.67."""


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that a misspelt one is nearest to; "" for none."""
    return next(iter(get_close_matches(word, list(known), n=1, cutoff=_NEAR)), "")


_MARKS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
"""How a file of another coding begins (the Unicode Standard, 23.8)."""


def read_utf8(octets: bytes) -> str:
    """The text of a file, without the mark that some editors begin it with.

    Raises :class:`UnicodeError`, whose text names the coding and the remedy.
    """
    coding = next((name for mark, name in _MARKS if octets.startswith(mark)), "")
    if not coding and b"\x00" in octets[:4]:  # the mark may be missing, and a file begins with ASCII
        coding = "UTF-32" if b"\x00\x00" in octets[:4] else "UTF-16"
    try:
        if not coding:
            return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        coding = f"a text of another coding, perhaps CP1251 (line {line})"
    raise UnicodeError(f"is {coding}: save it as UTF-8")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of an error about a name that there is not: ``; did you mean kpd1_port?``; "" if none is near."""
    near = nearest(word, known)
    return f"; did you mean {near}?" if near else ""


def whole_number(text: str, least: int, most: int) -> int | None:
    """The number of decimal digits, ``least`` to ``most``; None for any other text.

    ``int()`` accepts digits of other scripts, signs and underscores, and raises for more than 4,300 digits
    (Python manual, Integer string conversion length limitation).
    """
    digits = text.lstrip("0") or text[-1:]
    if not (text.isascii() and text.isdecimal()) or len(digits) > len(str(most)):
        return None
    return number if least <= (number := int(digits)) <= most else None


def printable(text: str, length: int) -> str:
    """``text`` for an ASCII field of the order, at most ``length`` octets."""
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text[:length])
