"""A text that is there in both languages, made where something happens and said where it is shown."""

from __future__ import annotations

from protocol.texts import Lang


class Phrase(str):
    """A text in English that also knows its Russian.

    It is an ordinary text for whoever doesn't ask. ``values`` fill both forms as :meth:`str.format` does; one that
    is a phrase itself speaks the language of the form it stands in.
    """

    __slots__ = ("_ru",)
    _ru: str

    def __new__(cls, en: str, ru: str, **values: object) -> Phrase:
        self = super().__new__(cls, en.format(**values) if values else en)
        self._ru = ru.format(**{name: said(value, "ru") for name, value in values.items()}) if values else ru
        return self

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (str(self), self._ru)

    def say(self, lang: Lang) -> str:
        """The text in ``lang``."""
        return self._ru if lang == "ru" else str(self)


def said(value: object, lang: Lang) -> object:
    """``value`` in ``lang`` if it is a phrase; anything else as it is."""
    return value.say(lang) if isinstance(value, Phrase) else value


def say(text: str, lang: Lang) -> str:
    """``text`` in ``lang`` as far as it knows it."""
    return str(said(text, lang))


def joined(separator: str, parts: list[str]) -> Phrase:
    """``parts`` with ``separator`` between them, in each language."""
    return Phrase(separator.join(parts), separator.join(say(part, "ru") for part in parts))
