"""The arguments of a command, as its help writes them: a line of words against their form.

``<NAME>`` one word, ``<NAME>...`` one or more, ``[<NAME>]`` one or none, ``<a|b>`` one of these, ``--word`` or ``word``
itself; ``[--flag]``, ``[--one|--other]`` and ``[--option <NAME>]`` stand anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

_TOKEN = re.compile(r"\[[^\]]*\](?:\.\.\.)?|\S+")
_PLACE = re.compile(r"<([^>]+)>")


class FormError(Exception):
    """The words don't fit. ``known``: how many of them do, so that the best of several forms is told of."""

    def __init__(self, text: str, known: int, *, missing: bool = False) -> None:
        super().__init__(text)
        self.known = known
        self.missing = missing


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a form."""

    text: str
    """The word itself, or the name of the place."""
    place: bool
    many: bool = False
    optional: bool = False

    @property
    def choices(self) -> tuple[str, ...]:
        """What may stand here, when that is fixed."""
        if not self.place:
            return (self.text,)
        return tuple(self.text.split("|")) if "|" in self.text else ()

    @property
    def shown(self) -> str:
        """As help writes it."""
        return f"<{self.text}>" if self.place else self.text


@dataclass(frozen=True, slots=True)
class Form:
    """A form, taken apart. ``options``: name -> the place of the value that follows it; "" for a flag."""

    tokens: tuple[Token, ...]
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Words:
    """What the words of a line mean."""

    values: dict[str, str] = field(default_factory=dict)
    many: dict[str, tuple[str, ...]] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)


@cache
def form_of(text: str) -> Form:
    """Take a form apart."""
    tokens: list[Token] = []
    options: dict[str, str] = {}
    for raw in _TOKEN.findall(text):
        many, optional = raw.endswith("..."), raw.startswith("[")
        inside = raw.removesuffix("...").strip("[]") if optional else raw.removesuffix("...")
        if optional and inside.startswith("--"):
            for option in inside.split("|"):
                name, _, value = option.partition(" ")
                options[name] = value
            continue
        many = many or inside.endswith("...")
        place = _PLACE.fullmatch(inside.removesuffix("..."))
        tokens.append(Token(place[1] if place else inside, place is not None, many, optional))
    return Form(tuple(tokens), options)


def fit(form: Form, words: list[str]) -> Words:
    """The words as values of the form. Raises :class:`FormError`."""
    found = Words()
    left, pending = _without_options(form, words, found)
    if pending:
        raise FormError(f"<{pending}> is missing", len(left), missing=True)
    position = 0
    for token in form.tokens:
        if position >= len(left):
            if token.optional:
                continue
            raise FormError(f"{token.shown} is missing", position, missing=True)
        word = left[position]
        if token.choices and word not in token.choices:
            if token.optional:
                continue
            raise FormError(f"{word!r} is not {' or '.join(token.choices)}", position)
        if token.many:
            found.many[token.text] = tuple(left[position:])
            return found
        if token.place:
            found.values[token.text] = word
        position += 1
    if position < len(left):
        raise FormError(f"{left[position]!r} is one word too many", position)
    return found


def expected(form: Form, words: list[str]) -> tuple[Token | None, tuple[str, ...]]:
    """What may come after these words: the next token, and options. Nothing when the words don't fit."""
    found = Words()
    left, pending = _without_options(form, words, found)
    if pending:
        return Token(pending, place=True), ()
    free = tuple(option for option in form.options if option not in found.flags)
    for token, word in zip(form.tokens, left, strict=False):
        if token.choices and word not in token.choices:
            return None, ()
        if token.many:
            return token, free
    if len(left) < len(form.tokens):
        return form.tokens[len(left)], free
    return None, free


def _without_options(form: Form, words: list[str], found: Words) -> tuple[list[str], str]:
    """The other words, and the name of a value that the last option still lacks."""
    left: list[str] = []
    rest = iter(words)
    for word in rest:
        if word not in form.options:
            left.append(word)
        elif not form.options[word]:
            found.flags[word] = ""
        else:
            value = next(rest, None)
            if value is None:
                return left, form.options[word].strip("<>")
            found.flags[word] = value
    return left, ""
