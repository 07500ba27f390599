"""Settings as TOML: models as plain values, new items in the form that lab files have, a file written as a whole.

tomlkit keeps comments, order and the form of what is not changed.
"""

from __future__ import annotations

import codecs
import errno
import os
import stat
import tempfile
import tomllib
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import tomlkit
from pydantic import BaseModel, SecretStr
from tomlkit.container import Container
from tomlkit.items import AoT, InlineTable, Item, Table

from sorm_mediator.config.base import ConfigError
from sorm_mediator.config.lines import KeyPath, shown
from sorm_mediator.config.switch import DomainConfig


def plain(model: BaseModel, *, given_only: bool = False) -> dict[str, Any]:
    """Settings in the form of TOML, secrets in clear. ``given_only``: without those that have their default."""
    found: dict[str, Any] = {}
    for name, field in type(model).model_fields.items():
        value = model.to_be_written(name) if isinstance(model, DomainConfig) else getattr(model, name)
        if value is None or (given_only and value == field.get_default(call_default_factory=True)):
            continue
        found[field.alias or name] = _plain(value, given_only=given_only)
    return found


def _plain(value: Any, *, given_only: bool) -> Any:
    if isinstance(value, BaseModel):
        return plain(value, given_only=given_only)
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Mapping):
        return {key: _plain(one, given_only=given_only) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one, given_only=given_only and _has_a_name(one)) for one in value]
    return value


def _has_a_name(item: Any) -> bool:
    """Whether an item of a list has a required key. An item without one is written in full."""
    return not isinstance(item, BaseModel) or any(
        field.is_required() for field in type(item).model_fields.values()
    )


def bare(item: Any) -> Any:
    """The value of an item, without its form."""
    return item.unwrap() if isinstance(item, Item) else item


def is_tables(value: Any) -> bool:
    """Whether a value is a list of tables."""
    return isinstance(value, list) and all(isinstance(one, Mapping) for one in value)


def item(value: Any, *, inline: bool) -> Item:
    """A new item. Tables of a list are ``[[...]]`` unless ``inline``; tables inside them are inline."""
    if isinstance(value, Mapping):
        table: Any = tomlkit.inline_table() if inline else tomlkit.table()
        for key, one in value.items():
            # Short values below a table of a list stay on one line.
            table[key] = item(one, inline=inline or is_short(one))
        return table  # type: ignore[no-any-return]
    if isinstance(value, list):
        if value and is_tables(value) and not inline:
            aot: Any = tomlkit.aot()
            for one in value:
                aot.append(item(one, inline=False))
            return aot  # type: ignore[no-any-return]
        array = tomlkit.array()
        for one in value:
            array.append(item(one, inline=True))
        array.multiline(len(value) > 1 and is_tables(value))
        return array
    made: Item = tomlkit.item(value)
    return made


def is_short(value: Any) -> bool:
    """Tables of scalars, and lists of such: ``a = { domain = "x", np = "city" }``."""
    if isinstance(value, Mapping):
        return all(not isinstance(one, Mapping | list) for one in value.values())
    return is_tables(value)


# --- single keys of a file


def with_values(text: str, values: Mapping[KeyPath, Any]) -> str:
    """The text of a lab file with these values of these keys; None takes a key out.

    Raises :class:`ConfigError` for a key that the file has no place for.
    """
    document = tomlkit.parse(text)
    for path, value in values.items():
        _set(document, path, value)
    written = tomlkit.dumps(document)
    expected = tomllib.loads(text)
    for path, value in values.items():
        _set(expected, path, value)
    if tomllib.loads(written) != expected:
        raise ConfigError(f"{', '.join(map(shown, values))}: can't be written into this file by the program")
    return written


def _set(document: MutableMapping[str, Any], path: KeyPath, value: Any) -> None:
    place: Any = document
    *tables, last = path
    for number, part in enumerate(tables, 1):
        if isinstance(part, int):
            if not isinstance(place, list) or part >= len(place):
                raise ConfigError(f"{shown(path)}: the file has no {shown(path[:number])}")
            place = place[part]
            continue
        if part not in place:
            if value is None:
                return
            place[part] = {} if type(place) is dict else item({}, inline=isinstance(place, InlineTable))
        place = place[part]
    if not isinstance(place, MutableMapping):
        raise ConfigError(f"{shown(path)}: {shown(tuple(tables))} is no table in the file")
    if value is None:
        place.pop(str(last), None)
    elif type(place) is dict or last in place:
        place[str(last)] = value if type(place) is dict else item(value, inline=_inline(place[str(last)]))
    else:
        _insert(place, str(last), item(value, inline=isinstance(place, InlineTable) or is_short(value)))


def _inline(present: Any) -> bool:
    return not isinstance(present, Table | AoT)


def _insert(table: Any, key: str, new: Item) -> None:
    """Put a new key after the last value of its table, so before the comments of the next table."""
    container = table.value if isinstance(table, Table) else table
    values = [
        name.key
        for name, one in (container.body if isinstance(container, Container) else [])
        if name is not None and not isinstance(one, Table | AoT)
    ]
    if isinstance(table, Table) and values and not isinstance(new, Table | AoT):
        container._insert_after(values[-1], key, new)
        dict.__setitem__(table, key, container[key])  # as Table.append does
    else:
        table[key] = new


PRIVATE = 0o600
"""Mode of a file with passwords and secrets."""


def read_file(path: Path) -> str:
    """The text of a lab file that is to be written anew; its byte order mark and its line ends are not part of it.

    Raises :class:`OSError`, also for what is no regular file (a pipe would be waited for), and ``ValueError``.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "is no regular file")
    return path.read_text(encoding="utf-8-sig")


def write_file(path: Path, text: str, *, mode: int = PRIVATE) -> None:
    """Replace a file as a whole, or make it: a reader never finds half of it.

    A link stays, and the file that it leads to is replaced. A byte order mark and line ends of CR LF stay, too.
    Raises :class:`OSError`, also for a file that nobody may write and for what is no regular file.
    """
    path = path.resolve()
    encoding, ends = "utf-8", "\n"
    if path.exists():
        present = path.stat().st_mode
        if not stat.S_ISREG(present):
            raise OSError(errno.EINVAL, "is no regular file")
        if not present & 0o222:
            raise PermissionError(errno.EACCES, "is read-only")
        before = path.read_bytes()
        encoding = "utf-8-sig" if before.startswith(codecs.BOM_UTF8) else "utf-8"
        ends = "\r\n" if b"\r\n" in before else "\n"
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding=encoding, newline=ends) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), mode)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
