"""Values of a lab file from outside: variables of the environment, and ``--set KEY=VALUE``.

``SORM_WEB__PORT=8081`` is ``web.port``: the key in capitals, with two underscores in place of each dot. The key's
type decides how a value is read: where only a text is allowed, all of it is the text (``654321``, ``1e3``, ``true``);
elsewhere it is a value of TOML, and a text if TOML can't read it.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import NoneType
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import SecretStr

from sorm_mediator.config.base import ConfigError
from sorm_mediator.config.lab import Config, Given, load, put, read_document
from sorm_mediator.config.lines import KeyPath, shown
from sorm_mediator.config.mistakes import types_at

PREFIX: Final = "SORM_"
BETWEEN: Final = "__"
_KEY: Final = re.compile(r'\w+(?:\.(?:\w+|"[^"]*")|\[\d+\])+')
_PART: Final = re.compile(r'"([^"]*)"|\[(\d+)\]|(\w+)')


def load_lab(
    path: Path | None,
    options: Iterable[str] = (),
    *,
    environment: Mapping[str, str] = os.environ,
    before: Iterable[Given] = (),
) -> Config:
    """A lab file with the values of the environment and of ``--set``, which override those before them.

    ``path``: None for the defaults. ``before``: values that the environment overrides. Raises :class:`ConfigError`.
    """
    return load(path, [*before, *of_environment(environment), *of_options(options)])


def document_of(path: Path, *, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """A lab file as TOML has it, with the values of the environment. Raises :class:`ConfigError`."""
    document = read_document(path)
    for one in of_environment(environment):
        put(document, one)
    return document


def of_environment(environment: Mapping[str, str]) -> Iterator[Given]:
    """The values of variables."""
    for name, text in environment.items():
        if name.startswith(PREFIX) and BETWEEN in name:
            parts = name.removeprefix(PREFIX).lower().split(BETWEEN)
            if all(parts):
                yield _given(parts, text, name)


def of_options(words: Iterable[str]) -> Iterator[Given]:
    """The values of ``KEY=VALUE``. Items of a list count from 1: ``switch.domains[1].password=456``.

    Raises :class:`ConfigError`.
    """
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not _KEY.fullmatch(key):
            raise ConfigError(
                f"--set: {word!r} is not allowed: KEY=VALUE with the whole key, such as web.port=8081"
            )
        yield _given([next(filter(None, one)) for one in _PART.findall(key)], text, "--set")


def _given(parts: Iterable[str], text: str, source: str) -> Given:
    path: KeyPath = ()
    for part in parts:
        is_item = part.isdecimal() and any(get_origin(kind) is tuple for kind in types_at(path, Config))
        path = (*path, int(part) - 1 if is_item else part)
    if any(isinstance(part, int) and part < 0 for part in path):
        raise ConfigError(f"{shown(path)}: items of a list count from 1 (from {source})")
    return Given(path, _value(text, types_at(path, Config)), source)


def _value(text: str, kinds: Iterable[Any]) -> Any:
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, KeyError, RecursionError):
        return text
    return text if not isinstance(value, str) and all(map(_is_text, kinds)) else value


def _is_text(kind: Any) -> bool:
    """Whether a type has only texts; a key may also be left out (None)."""
    if get_origin(kind) is Literal:
        return all(isinstance(one, str) for one in get_args(kind))
    return kind in (str, SecretStr, NoneType)
