"""Values and texts that somebody else wrote, as they are shown in an error: short, and on one line."""

from __future__ import annotations

MOST_SHOWN = 100
"""Characters of a value in an error."""


def one_line(text: str) -> str:
    """The text with whatever would break its line or steer a terminal written as an escape, ``\\n`` or ``\\x1b``."""
    return (
        text
        if text.isprintable()
        else "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
    )


def short(text: str, most: int = MOST_SHOWN) -> str:
    """The text, cut to ``most`` characters; one that was cut ends in ``...``."""
    return text if len(text) <= most else text[: most - 3] + "..."


def shown(value: object, most: int = MOST_SHOWN) -> str:
    """What ``repr`` says of a value, cut short. Never raises, also for numbers of thousands of digits."""
    if isinstance(value, int) and value.bit_length() > 128:
        return f"a whole number of {value.bit_length()} bits"
    try:
        return short(repr(value), most)
    except (ValueError, RecursionError):
        return f"a value of type {type(value).__name__}"
