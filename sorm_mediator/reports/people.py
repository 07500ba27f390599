"""Lines for people at stdout: wrapped at words on a terminal, and in colours where the terminal has them."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from textwrap import TextWrapper
from typing import Literal

Style = Literal["good", "bad", "sent", "received", "dim"]
STYLES: dict[Style, str] = {"good": "32", "bad": "1;31", "sent": "36", "received": "33", "dim": "2"}
"""Parameters of SGR (ECMA-48, 8.3.117)."""
NARROWEST = 40
"""Columns of a terminal; a narrower one wraps by itself."""
_COLUMN = re.compile(r"\S {2,}(?=\S)")
_CODE = re.compile(r"\b[0-9A-F]{2}h \((?:[^()]|\([^()]*\))*\)")
"""A code with its meaning (:mod:`protocol.oneline`): with the name of its field one word of the line."""
_HELD = "\0"
"""Stands for a space at which a line is not broken; no line that is shown has it."""


def is_coloured() -> bool:
    """Whether stdout is a terminal with colours that the environment does not refuse (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


@dataclass(frozen=True, slots=True)
class Look:
    """How lines are shown. ``width``: columns; 0: lines are not wrapped."""

    width: int = 0
    coloured: bool = False

    @classmethod
    def of_stdout(cls) -> Look:
        """That of the terminal at stdout; of anything else plain lines."""
        if not sys.stdout.isatty():
            return cls()
        columns = shutil.get_terminal_size().columns
        return cls(columns if columns >= NARROWEST else 0, is_coloured())

    def style(self, text: str, style: Style) -> str:
        """A part of a line."""
        return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if self.coloured and text else text

    def wrapped(self, line: str) -> list[str]:
        """A line as several, broken between words. What follows stands under the last column that leaves room.

        A column begins after two spaces or more; without one it stands under the first word. A code is not broken off
        from its meaning where both fit a line.
        """
        if not self.width or len(line) <= self.width:
            return [line]
        held = _CODE.sub(lambda found: found[0].replace(" ", _HELD), line).split(" ")
        line = " ".join(word if len(word) <= self.width else word.replace(_HELD, " ") for word in held)
        begins = [len(line) - len(line.lstrip()), *(found.end() for found in _COLUMN.finditer(line))]
        room = [
            begin for begin in begins if begin + max(map(len, line[begin:].split()), default=0) <= self.width
        ]
        indent = max((begin for begin in room if begin <= self.width * 3 // 4), default=begins[0])
        wrapper = TextWrapper(
            self.width, subsequent_indent=" " * min(indent, self.width * 3 // 4), expand_tabs=False,
            replace_whitespace=False, break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
        return [part.replace(_HELD, " ") for part in wrapper.wrap(line)] or [""]
