"""Values as literals of Lua."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SPECIAL = re.compile(r'["\\\x00-\x1f\x7f]')


_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORD = re.compile(
    "and|break|do|else|elseif|end|false|for|function|goto|if|in|local|nil|not|or|repeat|return|then|true|until|while"
)


class Name(str):
    """A name of Lua, or another expression: it is written as it is."""

    __slots__ = ()


def literal(value: object) -> str:
    """``value`` in Lua: None, a truth value, a number, a text, a mapping or a sequence of those.

    Raises :class:`TypeError` for anything else.
    """
    if isinstance(value, Name):
        return value
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, str):
        return f'"{_SPECIAL.sub(_escaped, value)}"'
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_key(key)} = {literal(one)}' for key, one in value.items())}}}"
    if isinstance(value, tuple | list):
        return f"{{{', '.join(map(literal, value))}}}"
    raise TypeError(f"{value!r} has no literal in Lua")


def _key(key: object) -> str:
    plain = isinstance(key, str) and _PLAIN.fullmatch(key) and not _WORD.fullmatch(key)
    return str(key) if plain else f"[{literal(key)}]"


def _escaped(found: re.Match[str]) -> str:
    return f"\\{ord(found[0]):03}"
