"""Texts in two languages: made where something happens, translated where they are shown."""

from __future__ import annotations

from typing import Literal

Lang = Literal["en", "ru"]
"""The languages of everything that people read."""


class Phrase(str):
    """A text in English that carries its Russian.

    Where no language is asked for it is an ordinary English text. ``values`` fill both forms as :meth:`str.format`
    does; a value that is a phrase is put in the language of the form it stands in.
    """

    __slots__ = ("_ru",)
    _ru: str

    def __new__(cls, en: str, ru: str, **values: object) -> Phrase:
        self = super().__new__(cls, en.format(**values) if values else en)
        self._ru = ru.format(**{name: _in_russian(value) for name, value in values.items()}) if values else ru
        return self

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (str(self), self._ru)


def _in_russian(value: object) -> object:
    return value._ru if isinstance(value, Phrase) else value


def translate(text: str, lang: Lang) -> str:
    """``text`` in ``lang``; a text that is no :class:`Phrase` is returned as it is."""
    return text._ru if lang == "ru" and isinstance(text, Phrase) else str(text)


def join(separator: str, parts: list[str]) -> Phrase:
    """``parts`` with ``separator`` between them, in each language."""
    return Phrase(separator.join(parts), separator.join(translate(part, "ru") for part in parts))
