"""The JSON form of units as text, for many of them: :func:`~protocol.jsonform.to_json` written by :mod:`json`.

The text is the same, octet for octet. The texts of field values are kept, so that a unit of known values is a join.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from json.encoder import encode_basestring
from operator import attrgetter
from typing import Any

from protocol.codec import UnknownUnit
from protocol.errors import Problem
from protocol.forms import Form, RecordForm
from protocol.jsonform import EXPLAINED, document_head, field_json, to_json
from protocol.language import Lang
from protocol.memo import Memo
from protocol.messages import Message, cached, forms
from protocol.values import KeptInt, KeptStr, KeptTuple

_KEPT = frozenset((KeptInt, KeptStr, KeptTuple))
dumps: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False).encode
"""A JSON value as text."""


def json_text(
    message: Message | UnknownUnit, raw: bytes, offset: int, problems: Sequence[Problem], lang: Lang = "en"
) -> str:
    """The text of the JSON form without the brace at its end: more members may follow."""
    if not problems and isinstance(message, Message):
        text = _writer(type(message), lang)(message, raw, offset)
        if text is not None:
            return text
    return dumps(to_json(message, raw, offset, problems, lang=lang))[:-1]


@cached
def _writer(cls: type[Message], lang: Lang) -> Callable[[Message, bytes, int], str | None]:
    """Writes a message that has no problem; None for one that has spellings beside its values."""
    memos = [_field_texts(cls, name, form, lang) for name, form in forms(cls).items() if name != "orm_number"]
    names = [name for name in forms(cls) if name != "orm_number"]
    values_of = attrgetter(*names) if len(names) > 1 else lambda message: (getattr(message, names[0]),)
    head = dumps(document_head(cls))[1:-1]

    def write(message: Message, raw: bytes, offset: int) -> str | None:
        values = values_of(message)
        if not _KEPT.isdisjoint(map(type, values)):
            return None
        fields = ", ".join([memo[value] for memo, value in zip(memos, values)])  # noqa: B905 - as many
        return (
            f'{{"offset": {offset}, "length": {len(raw)}, {head}, "orm_number": {message.orm_number}, '
            f'"fields": {{{fields}}}, "problems": [], "hex": "{raw.hex().upper()}"'
        )

    return write


def _field_texts(cls: type[Message], name: str, form: Form, lang: Lang) -> Memo[Any, str]:
    """The member of a field, and the one that explains it, by value."""
    if name in EXPLAINED:
        return Memo(lambda value: dumps(field_json(cls, name, form, value, lang))[1:-1])
    return _texts(form, f'"{name}": ')


def _texts(form: Form, begin: str = "") -> Memo[Any, str]:
    """The texts of a form by value, behind ``begin``; those of a record are joined from those of its parts."""

    def plain(value: Any) -> str:
        if value.__class__ is str:
            return begin + encode_basestring(value)
        return f"{begin}{value}" if value.__class__ is int else begin + dumps(form.to_json(value))

    if not isinstance(form, RecordForm):
        return Memo(plain)
    parts = [_texts(part) for part in form.parts.values()]
    members = ", ".join(f'"{name}": %s' for name in form.parts)
    whole = f"{begin}{{{members}}}"

    def record(value: Any) -> str:
        if not isinstance(value, tuple):
            return plain(value)
        return whole % tuple([texts[part] for texts, part in zip(parts, value)])  # noqa: B905 - as many

    return Memo(record)
