"""YAML with the line of every value, so that an error in a script names the place where to look.

Only plain data is read (the safe tags of YAML); a key given twice is an error, and so is a document that
unfolds, by its anchors, into more values than a person could have written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

from sorm_mediator.console.errors import ScriptError
from sorm_mediator.texts import one_line, shown

MAX_NODES = 200_000


@dataclass(frozen=True, slots=True)
class Node:
    """One value of the document: a scalar, a list of nodes or a dict of nodes, with its place."""

    value: Any
    file: str
    line: int
    path: str = ""

    def fail(self, message: str) -> NoReturn:
        """Raise :class:`ScriptError` for this place."""
        where = f"{self.file}:{self.line}: "
        raise ScriptError(one_line(f"{where}{self.path}: {message}" if self.path else f"{where}{message}"))

    def wrong(self, allowed: str) -> NoReturn:
        """Raise :class:`ScriptError`: this value isn't what is allowed here."""
        self.fail(f"{show(self.plain())} is not allowed here; allowed: {allowed}")

    def plain(self) -> Any:
        """The value without places: dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def mapping(self, allowed: Iterable[str] | None = None) -> dict[str, Node]:
        """The value as a mapping whose keys are all among ``allowed``. Raises :class:`ScriptError`."""
        if not isinstance(self.value, dict):
            self.wrong("a mapping" + (f" with the keys {', '.join(allowed)}" if allowed is not None else ""))
        if allowed is not None:
            names = list(allowed)
            for key, node in self.value.items():
                if key not in names:
                    node.fail(f"unknown key; allowed: {', '.join(names)}")
        mapping: dict[str, Node] = self.value
        return mapping

    def items(self) -> list[Node]:
        """The value as a list. Raises :class:`ScriptError`."""
        if not isinstance(self.value, list):
            self.wrong("a list")
        items: list[Node] = self.value
        return items

    def text(self) -> str:
        """The value as a string. Raises :class:`ScriptError`."""
        if not isinstance(self.value, str):
            self.wrong("a string; put it in quotation marks")
        return self.value

    def flag(self) -> bool:
        """The value as true or false. Raises :class:`ScriptError`."""
        if not isinstance(self.value, bool):
            self.wrong("true, false")
        return self.value

    def seconds(self) -> float:
        """The value as a time in seconds, not negative. Raises :class:`ScriptError`."""
        if (
            isinstance(self.value, bool)
            or not isinstance(self.value, int | float)
            or not 0 <= self.value <= 86400
        ):
            self.wrong("seconds, from 0 to 86400")
        return float(self.value)

    def integer(self, low: int, high: int) -> int:
        """The value as an integer from ``low`` to ``high``. Raises :class:`ScriptError`."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or not low <= self.value <= high:
            self.wrong(f"an integer from {low} to {high}")
        return self.value


def show(value: object) -> str:
    """A value as it is shown in an error: short."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return shown(value, 60)


def unreadable(path: Path, error: Exception) -> str:
    """Why a file can't be read: it is named once."""
    if isinstance(error, UnicodeDecodeError):
        return f"{path}: can't be read: octet {error.start} is no UTF-8"
    return f"{path}: can't be read: {getattr(error, 'strerror', None) or error}"


def load(path: Path) -> Node:
    """Read one YAML document. Raises :class:`ScriptError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScriptError(unreadable(path, error)) from None
    return parse(text, str(path))


def parse(text: str, file: str) -> Node:
    """Read one YAML document from ``text``; ``file`` is its name in errors. Raises :class:`ScriptError`."""
    try:
        loader = yaml.SafeLoader(text)  # which looks for control characters at once
    except yaml.YAMLError as error:
        raise ScriptError(f"{file}:1: is not YAML: {' '.join(str(error).split())}") from None
    try:
        root = loader.get_single_node()
        if root is None:
            raise ScriptError(f"{file}:1: is empty; allowed: a mapping with name and steps")
        return _Builder(loader, file).build(root, "")
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        why = ascii(error.problem or error.context)[1:-1]  # it quotes what stands there
        raise ScriptError(f"{file}:{line}: is not YAML: {why}") from None
    except yaml.YAMLError as error:
        raise ScriptError(f"{file}:1: is not YAML: {' '.join(str(error).split())}") from None
    except ValueError as error:
        raise ScriptError(
            f"{file}: holds a value that can't be read: {' '.join(str(error).split())}"
        ) from None
    except RecursionError:
        raise ScriptError(f"{file}: is nested too deeply, or holds itself") from None
    finally:
        loader.dispose()


class _Builder:
    def __init__(self, loader: yaml.SafeLoader, file: str) -> None:
        self._loader = loader
        self._file = file
        self._count = 0

    def build(self, node: yaml.Node, path: str) -> Node:
        line = node.start_mark.line + 1
        self._count += 1
        if self._count > MAX_NODES:
            raise ScriptError(f"{self._file}:{line}: unfolds into more than {MAX_NODES} values")
        if isinstance(node, yaml.MappingNode):
            return Node(self._mapping(node, path), self._file, line, path)
        if isinstance(node, yaml.SequenceNode):
            items = [self.build(item, f"{path}[{index}]") for index, item in enumerate(node.value, 1)]
            return Node(items, self._file, line, path)
        try:
            value = self._loader.construct_object(node)
        except (
            LookupError,
            AttributeError,
            TypeError,
        ):  # how PyYAML refuses a text that its tag does not suit
            tag = one_line(str(node.tag))
            raise ScriptError(f"{self._file}:{line}: holds a value that can't be read as {tag}") from None
        return Node(value, self._file, line, path)

    def _mapping(self, node: yaml.MappingNode, path: str) -> dict[str, Node]:
        result: dict[str, Node] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                line = key_node.start_mark.line + 1
                raise ScriptError(f"{self._file}:{line}: {path or 'a mapping'}: a key must be a word")
            key = str(key_node.value)
            place = f"{path}.{key}" if path else key
            if key in result:
                Node(key, self._file, key_node.start_mark.line + 1, place).fail("is given twice")
            value = self.build(value_node, place)
            # A value may stand below its key; the key is where one looks first.
            result[key] = Node(value.value, self._file, key_node.start_mark.line + 1, place)
        return result
