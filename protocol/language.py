"""Texts in two languages: written in English, translated when they are shown.

A :class:`Phrase` is an English text and the values in it. Its Russian stands in a message catalogue of GNU gettext,
``locale/ru/LC_MESSAGES/NAME.mo``, under the English text before its values are filled in. This package has a
catalogue of its own; a package above adds its own with :func:`add_catalogue`. Catalogues are read when the first
text is translated: a run in English reads none. ``make catalogues`` collects the texts of the code
(``scripts/catalogues.py``); CONTRIBUTING.md, "Texts", describes how to add one.
"""

from __future__ import annotations

import gettext
from collections.abc import Iterable
from functools import cache, partial
from pathlib import Path
from typing import Literal, TypeAlias

Lang = Literal["en", "ru"]
"""The languages of everything that people read."""

MessageId: TypeAlias = str
"""An English text that is a key of the catalogue. A parameter or a field of this type takes literals only:
``scripts/catalogues.py`` collects the arguments."""

_CATALOGUES = {"protocol": Path(__file__).parent / "locale"}


def add_catalogue(name: str, folder: Path) -> None:
    """Search the catalogue ``folder/ru/LC_MESSAGES/NAME.mo`` too, after those added before."""
    _CATALOGUES[name] = folder
    _russian.cache_clear()


@cache
def _russian() -> gettext.NullTranslations:
    """All catalogues as one. Raises :class:`FileNotFoundError` when one is missing."""
    first, *others = (gettext.translation(name, folder, ["ru"]) for name, folder in _CATALOGUES.items())
    for other in others:
        first.add_fallback(other)
    return first


class Phrase(str):
    """A text in English that can be translated.

    It is an ordinary English text where it is not translated. ``values`` fill the text as :meth:`str.format` does; a
    value that is a phrase is translated with it. Values other than texts and numbers become texts at once, so a phrase
    doesn't change afterwards and can be pickled. A phrase as ``message`` is returned as it is. ``context`` tells apart
    equal English texts with different translations. ``plural`` is the English for another number than one; the value
    ``count`` says which form is taken, in each language. A text that no catalogue has stays English.
    """

    __slots__ = ("_context", "_message", "_plural", "_values")
    _message: str
    _context: str
    _plural: str
    _values: dict[str, object]

    def __new__(
        cls, message: MessageId, /, *, context: str = "", plural: str = "", **values: object
    ) -> Phrase:
        if isinstance(message, Phrase) and not (context or plural or values):
            return message
        kept = {name: _kept(value) for name, value in values.items()}
        text = plural if plural and kept.get("count", 1) != 1 else message
        self = super().__new__(cls, text.format(**kept) if kept else text)
        self._message, self._context, self._plural, self._values = str(message), context, plural, kept
        return self

    def __reduce__(self) -> tuple[object, ...]:
        made = partial(Phrase, self._message, context=self._context, plural=self._plural, **self._values)
        return made, ()

    def fill(self, **values: object) -> Phrase:
        """The same text with ``values`` in it."""
        given = {**self._values, **values}
        return Phrase(self._message, context=self._context, plural=self._plural, **given)

    def _in_russian(self) -> str:
        if not self._message:
            return ""  # the key under which a catalogue has its header
        found, count = _russian(), self._values.get("count", 1)
        if self._plural and isinstance(count, int):
            key = self._message, self._plural, count
            text = found.npgettext(self._context, *key) if self._context else found.ngettext(*key)
        else:
            text = (
                found.pgettext(self._context, self._message)
                if self._context
                else found.gettext(self._message)
            )
        if not self._values:
            return text
        return text.format(
            **{
                name: value._in_russian() if isinstance(value, Phrase) else value
                for name, value in self._values.items()
            }
        )


def _kept(value: object) -> object:
    return value if isinstance(value, str | int | float) else str(value)


def translate(text: str, lang: Lang) -> str:
    """``text`` in ``lang``; a text that is no :class:`Phrase` is returned as it is."""
    return text._in_russian() if lang == "ru" and isinstance(text, Phrase) else str(text)


def join(separator: str, parts: Iterable[str]) -> Phrase:
    """``parts`` with ``separator`` between them, in each language."""
    values = {f"part{number}": part for number, part in enumerate(parts)}
    return Phrase("{separator}".join(f"{{{name}}}" for name in values), separator=separator, **values)
