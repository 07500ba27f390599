"""Values of a lab file from outside: variables of the environment, and ``--set KEY=VALUE``.

``SORM_WEB__PORT=8081`` is ``web.port``: the key in capitals, with two underscores in place of each dot. The key's
type decides how a value is read: where only a text is allowed, all of it is the text (``654321``, ``1e3``, ``true``);
elsewhere it is a value of TOML, and a text if TOML can't read it.

``SORM_WEB__TOKEN_FILE=PATH`` names a file that holds the value, for secrets. A credential of systemd that is called
``SORM_WEB__TOKEN`` holds it too: a file of the folder ``$CREDENTIALS_DIRECTORY`` (systemd.exec, Credentials). ``--set``
takes no secret: other users of the machine see the command line.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import NoneType
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import SecretStr

from sorm_mediator.config.base import ConfigError
from sorm_mediator.config.lab import Config, Given, load, put, read_document
from sorm_mediator.config.lines import KeyPath, shown
from sorm_mediator.config.mistakes import alternatives, keys_of, types_at
from sorm_mediator.texts import read_utf8
from ssh_control.private_files import open_to_others

PREFIX: Final = "SORM_"
BETWEEN: Final = "__"
IN_FILE: Final = "_file"
CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"
"""The variable by which systemd tells a service the folder with its credentials."""
_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
_KEY: Final = re.compile(rf"[\w-]+(?:\.(?:[\w-]+|{_QUOTED})|\[\d+\])*")
_PART: Final = re.compile(rf"({_QUOTED})|\[(\d+)\]|([\w-]+)")


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
    loaded = load(path, [*before, *of_environment(environment), *of_options(options)])
    meant = dict.fromkeys([*environment, *_credentials(environment)])
    loaded._doubts = (*doubtful(meant), *_readable(environment))
    return loaded


def document_of(path: Path, *, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """A lab file as TOML has it, with the values of the environment. Raises :class:`ConfigError`."""
    document = read_document(path)
    for one in of_environment(environment):
        put(document, one)
    return document


def of_environment(environment: Mapping[str, str]) -> Iterator[Given]:
    """The values of variables and of a service's credentials. Raises :class:`ConfigError`."""
    credentials = _credentials(environment)
    for name, parts in _named(credentials):
        given = _given(parts, "", f"the credential {name}")
        for other in (name, f"{name}{IN_FILE.upper()}"):
            if other in environment:
                raise ConfigError(f"{shown(given.path)}: give {other} or the credential {name}, not both")
        yield replace(given, value=_read(credentials[name], shown(given.path), given.source))
    for name, parts in _named(environment):
        file = _without_file(parts)
        if file is None:
            yield _given(parts, environment[name], name)
            continue
        given = _given(file, "", name)
        if name.removesuffix(IN_FILE.upper()) in environment:
            raise ConfigError(
                f"{shown(given.path)}: give {name} or {name.removesuffix(IN_FILE.upper())}, not both"
            )
        yield replace(given, value=_read(Path(environment[name]), shown(given.path), name))


def _credentials(environment: Mapping[str, str]) -> dict[str, Path]:
    """The names and files of a service's credentials. Raises :class:`ConfigError`."""
    folder = environment.get(CREDENTIALS, "")
    try:
        return {file.name: file for file in sorted(Path(folder).iterdir())} if folder else {}
    except OSError as error:
        why = error.strerror or error
        raise ConfigError(f"{folder}: the credentials can't be read: {why} (from {CREDENTIALS})") from None


def _named(names: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """The variables or credentials that name a key, and its parts."""
    for name in names:
        if name.startswith(PREFIX) and BETWEEN in name:
            parts = name.removeprefix(PREFIX).lower().split(BETWEEN)
            if all(parts):
                yield name, parts


def _without_file(parts: Sequence[str]) -> list[str] | None:
    """The parts of the key whose value is in a file; None for a variable that holds the value itself."""
    *tables, last = parts
    path = _path(tables)
    known = {key for kind in types_at(path, Config) for key in keys_of(kind)}
    bare = last.removesuffix(IN_FILE)
    if last == bare or last in known or not (bare in known or SecretStr in types_at((*path, bare), Config)):
        return None
    return [*tables, bare]


def _read(file: Path, key: str, name: str) -> str:
    try:
        text = read_utf8(file.read_bytes())
    except OSError as error:
        raise ConfigError(f"{key}: {file} can't be read: {error.strerror or error} (from {name})") from None
    except UnicodeError as error:
        raise ConfigError(f"{key}: {file}: {error} (from {name})") from None
    return text.removesuffix("\n").removesuffix("\r")


def _readable(environment: Mapping[str, str]) -> Iterator[str]:
    """Files with secrets that others may read."""
    for name, parts in _named(environment):
        if _without_file(parts) is not None:
            file = Path(environment[name])
            mode = open_to_others(file) if os.path.exists(file) else ""
            if mode:
                yield f"{name}: {file} has the mode {mode}, so others read the secret: chmod 600 {file}"


def doubtful(names: Iterable[str]) -> Iterator[str]:
    """Variables and credentials that were meant for a key, and name none: with one underscore in place of two."""
    for name in names:
        if name.startswith(PREFIX) and BETWEEN not in name:
            rest = name.removeprefix(PREFIX).lower()
            table = next((key for key in keys_of(Config) if rest.startswith(f"{key}_")), "")
            if table:
                parts = _meant(rest, Config) or [table, rest.removeprefix(f"{table}_")]
                meant = PREFIX + BETWEEN.join(parts).upper()
                yield f"{name}: has no effect; did you mean {meant}? Two underscores stand in place of each dot"


def _meant(rest: str, kind: Any) -> list[str] | None:
    """The parts of the key that a text with one underscore in place of each dot is meant for; None for none."""
    for key, field in keys_of(kind).items():
        for name in (key, f"{key}{IN_FILE}"):
            if rest == name:
                return [name]
        if rest.startswith(f"{key}_"):
            below, item = rest.removeprefix(f"{key}_"), []
            kinds = alternatives(field.annotation)
            number, _, after = below.partition("_")
            if number.isdecimal() and after:
                below, item = after, [number]
                kinds = [one for kind in kinds for inner in get_args(kind) for one in alternatives(inner)]
            for one in kinds:
                found = _meant(below, one)
                if found is not None:
                    return [key, *item, *found]
    return None


def of_options(words: Iterable[str]) -> Iterator[Given]:
    """The values of ``KEY=VALUE``. Items of a list count from 1: ``switch.domains[1].name=west``.

    Raises :class:`ConfigError`, also for a secret.
    """
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not _KEY.fullmatch(key) or not ({".", "["} & {*key} or key in keys_of(Config)):
            raise ConfigError(
                f"--set: {word!r} is not allowed: KEY=VALUE with the whole key, such as web.port=8081"
            )
        given = _given(
            [json.loads(name) if name else number or bare for name, number, bare in _PART.findall(key)],
            text,
            "--set",
        )
        secret = next(secrets_of(given.path, given.value), None)
        if secret is not None:
            raise ConfigError(
                f"{shown(secret)}: a secret is not taken from a command line, which others see: {_variable(secret)}"
            )
        yield given


def secrets_of(path: KeyPath, value: Any) -> Iterator[KeyPath]:
    """The places of the secrets in a value for a key; those of a whole document for the empty path."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from secrets_of((*path, key), inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from secrets_of((*path, number), inner)
    elif value != "" and SecretStr in types_at(path, Config):
        yield path


def _variable(path: KeyPath) -> str:
    """How a secret is given."""
    parts = [str(part + 1) if isinstance(part, int) else part for part in path]
    name = PREFIX + BETWEEN.join(parts).upper()
    if re.fullmatch(r"\w+", name) and parts == [part.lower() for part in parts]:
        return (
            f"set {name} in the environment, or {name}{IN_FILE.upper()} to a file that holds it, or give the "
            f"service the credential {name}"
        )
    return "put it into the lab file"


def _path(parts: Iterable[str]) -> KeyPath:
    path: KeyPath = ()
    for part in parts:
        is_item = part.isdecimal() and any(get_origin(kind) is tuple for kind in types_at(path, Config))
        path = (*path, int(part) - 1 if is_item else part)
    return path


def _given(parts: Iterable[str], text: str, source: str) -> Given:
    path = _path(parts)
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
