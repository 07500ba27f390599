"""``config/save``: the live configuration of the switch as the ``[switch]`` table of a lab file.

The other tables of the file, its comments, and keys with unchanged values stay as they are written.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, MutableMapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import tomlkit
from tomlkit.items import AoT, Array, InlineTable, Table

from sorm_mediator.config import ConfigError, SwitchConfig, parse
from sorm_mediator.config.written import bare, is_short, is_tables, item, plain, read_file, write_file
from sorm_mediator.switch.changes import ChangeRefused
from sorm_mediator.switch.node import Node
from sorm_mediator.switch.shell.command import Command, Invocation, path_in

_HEADER = re.compile(r"\[\[?\s*([\w-]+)[^\]]*\]")
"""A line that begins a table; the group is its first name."""
_NAMES = ("name", "user", "number", "host", "port")
"""Keys that identify the items of a list."""


def save(node: Node, template: Path | None, path: Path) -> None:
    """Write ``node.config`` to ``path``, in the place of the ``[switch]`` of ``template``.

    The text is read back first. Raises :class:`ConfigError` when a lab would not start from the text or would
    be another one, and :class:`OSError`.
    """
    text = written(node.config, read_file(template) if template is not None else "")
    config = parse(tomllib.loads(text), directory=path.parent, name=str(path))
    if config.switch is None or plain(config.switch) != plain(node.config):
        raise ConfigError(f"{path}: what was written is not what is configured; nothing was saved")
    Node(config.switch, path.parent)
    write_file(path, text)


def written(config: SwitchConfig, text: str) -> str:
    """The text of a lab file with this ``[switch]`` in it."""
    text, gap, header = _without_gap(text)
    document = tomlkit.parse(text)
    table = document.get("switch")
    if not isinstance(table, MutableMapping):
        table = document["switch"] = tomlkit.table()
        table = document["switch"]
    _merge(table, plain(config), plain(config, given_only=True), top=True)
    lines = tomlkit.dumps(document).splitlines(keepends=True)
    if gap:
        lines.insert(lines.index(header), gap)
    return "".join(lines)


def _without_gap(text: str) -> tuple[str, str, str]:
    """Cut out the blank lines and comments before the table that follows ``[switch]``.

    Returns the text without them, the lines cut out, and the header of that table. The lines belong to that
    table; a parser would keep them at the end of ``[switch]``, above its new tables.
    """
    lines = text.splitlines(keepends=True)
    headers = [(index, _HEADER.match(line)) for index, line in enumerate(lines)]
    names = [(index, match[1]) for index, match in headers if match]
    for (_, name), (index, following) in pairwise(names):
        if name == "switch" != following:
            start = index
            while not lines[start - 1].strip() or lines[start - 1].lstrip().startswith("#"):
                start -= 1
            return "".join(lines[:start] + lines[index:]), "".join(lines[start:index]), lines[index]
    return text, "", ""


def _merge(
    table: MutableMapping[str, Any], whole: Mapping[str, Any], given: Mapping[str, Any], *, top: bool = False
) -> None:
    """Give a table the values of ``whole``. A missing key is added only when ``given`` contains it.

    ``top``: the table is not in a list; its lists of tables are ``[[...]]``.
    """
    for key in [key for key in table if key not in whole]:
        del table[key]
    for key, value in whole.items():
        present, new = table.get(key), given.get(key, value)
        if present is None:
            if key in given:
                table[key] = item(new, inline=isinstance(table, InlineTable) or (not top and is_short(new)))
        elif bare(present) == value:
            continue
        elif isinstance(present, MutableMapping) and isinstance(value, Mapping):
            _merge(present, value, new)
        elif isinstance(present, AoT | Array) and is_tables(value):
            _merge_list(table, key, value, new)
        else:
            table[key] = item(new, inline=isinstance(table, InlineTable))


def _merge_list(
    table: MutableMapping[str, Any], key: str, value: Sequence[Any], given: Sequence[Any]
) -> None:
    """Merge a list of tables. Existing tables keep their form."""
    present = table[key]
    if len({_name(one) for one in value}) < len(
        value
    ):  # rows without a name of their own, of a tenant's tables
        table[key] = item(list(given), inline=isinstance(present, Array))
        return
    before = {_name(one): one for one in present if isinstance(one, MutableMapping)}
    same_order = [_name(one) for one in value][: len(before)] == list(before)
    for one, one_given in zip(value, given, strict=True):
        known = before.get(_name(one))
        if known is not None:
            _merge(known, one, one_given)
    if same_order:
        for one in given[len(before) :]:
            present.append(item(one, inline=isinstance(present, Array)))
        return
    kept = [before.get(_name(one), one_given) for one, one_given in zip(value, given, strict=True)]
    if isinstance(present, AoT):
        fresh = tomlkit.aot()
        for one in kept:
            fresh.append(one if isinstance(one, Table) else item(one, inline=False))
        table[key] = fresh
        return
    table[key] = item([bare(one) for one in kept], inline=True)


def _name(table: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(table.get(key) for key in _NAMES)


# --- the command


def _save(call: Invocation) -> str:
    context = call.shell.context
    root = context.node.directory.resolve()
    given = Path(call["FILE"]) if call["FILE"] else context.file
    if given is None:
        raise ChangeRefused("this lab was not started from a file: config/save FILE writes a new one")
    path = path_in(root, given)
    if path.parent != root:
        raise ChangeRefused(
            f"{given}: is not in the lab's directory {root}, which the paths in it start from"
        )
    own = context.file is not None and path == (root / context.file).resolve()
    if not own and path.suffix != ".toml":
        raise ChangeRefused(f"{given}: is not a name of a lab file: it ends in .toml, such as saved.toml")
    try:
        save(context.node, context.file, path)
    except ConfigError as error:
        raise ChangeRefused(f"the lab would not start from this: {error}") from None
    except OSError as error:
        raise ChangeRefused(f"{path}: can't be written: {error.strerror or error}") from None
    return f"OK\n{path}: written, with passwords and secrets, for its owner alone"


CONFIG_COMMANDS: Final = (
    Command(
        "config/save", "[<FILE>]", _save,
        "Write the configuration to the lab file, or to another one of its directory",
    ),
)  # fmt: skip
