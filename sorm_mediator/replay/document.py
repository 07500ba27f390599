"""YAML with the line of every value, so that an error in a script names its place.

Only plain data is read (the safe tags of YAML). A key given twice is an error, and so is a document that
anchors expand into more values than a person could have written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, NoReturn

import yaml

from sorm_mediator.console.comparing import show
from sorm_mediator.console.errors import ScriptError, unreadable
from sorm_mediator.language import Phrase, join
from sorm_mediator.texts import nearest, one_line

MAX_NODES = 200_000
_LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where PyYAML has it; it needs a tenth of the time."""


@dataclass(frozen=True, slots=True)
class Node:
    """One value of the document: a scalar, a list of nodes or a dict of nodes, with its place."""

    value: Any
    file: str
    line: int
    path: str = ""

    def fail(self, message: str) -> NoReturn:
        """Raises :class:`ScriptError` for this place."""
        text = message if isinstance(message, Phrase) else one_line(message)
        where = [one_line(f"{self.file}:{self.line}"), one_line(self.path)]
        raise ScriptError(join(": ", [*filter(None, where), text]))

    def wrong(self, allowed: str, *, secret: bool = False) -> NoReturn:
        """Raises :class:`ScriptError`: this value is not allowed here; a ``secret`` one is not shown."""
        if secret:
            self.fail(Phrase("this password is not allowed here; allowed: {allowed}", allowed=allowed))
        value = one_line(show(self.plain()))
        self.fail(Phrase("{value} is not allowed here; allowed: {allowed}", value=value, allowed=allowed))

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
            keys = None if allowed is None else ", ".join(allowed)
            self.wrong(
                Phrase("a mapping") if keys is None else Phrase("a mapping with the keys {keys}", keys=keys)
            )
        if allowed is not None:
            names = list(allowed)
            for key, node in self.value.items():
                if key not in names:
                    node.fail(
                        with_guess(
                            Phrase("unknown key; allowed: {names}", names=", ".join(names)), key, names
                        )
                    )
        mapping: dict[str, Node] = self.value
        return mapping

    def keys(
        self,
        required: Mapping[str, KeyCheck],
        optional: Mapping[str, KeyCheck],
        known: Container[str] | None = None,
    ) -> dict[str, Node]:
        """The value as a mapping of these keys, each value checked. Raises :class:`ScriptError`.

        ``known``: the variables; a value with a variable is checked after it is filled in. None: all are
        filled in.
        """
        checks = {**required, **optional}
        keys = self.mapping(checks)
        for name in required:
            if name not in keys:
                self.fail(Phrase("{name} is missing", name=name))
        for name, value in keys.items():
            if known is not None and is_template(value.value):
                check(value, known)
            else:
                checks[name](value)
        return keys

    def items(self) -> list[Node]:
        """The value as a list. Raises :class:`ScriptError`."""
        if not isinstance(self.value, list):
            self.wrong(Phrase("a list"))
        items: list[Node] = self.value
        return items

    def text(self) -> str:
        """The value as a string. Raises :class:`ScriptError`."""
        if not isinstance(self.value, str):
            self.wrong(Phrase("a string; put it in quotation marks"))
        return self.value

    def choice(self, names: Iterable[str]) -> str:
        """The value as one of ``names``. Raises :class:`ScriptError`."""
        if self.value not in (allowed := list(names)):
            self.wrong(", ".join(allowed))
        return str(self.value)

    def variable(self) -> str:
        """The value as the name of a variable. Raises :class:`ScriptError`."""
        if not self.text().isidentifier():
            self.wrong(Phrase("the name of a variable: letters, digits and _"))
        return self.text()

    def flag(self) -> bool:
        """The value as true or false. Raises :class:`ScriptError`."""
        if not isinstance(self.value, bool):
            self.wrong("true, false")
        return self.value

    def seconds(self) -> float:
        """The value as a time in seconds, not negative. Raises :class:`ScriptError`."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 86400:
            self.wrong(Phrase("seconds, from 0 to 86400"))
        return float(value)

    def integer(self, low: int, high: int) -> int:
        """The value as an integer from ``low`` to ``high``. Raises :class:`ScriptError`."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or not low <= self.value <= high:
            self.wrong(Phrase("an integer from {low} to {high}", low=low, high=high))
        return self.value


def with_guess(text: str, word: str, known: Iterable[str]) -> str:
    """The text of a mistake in a name, with the known name that ``word`` is nearest to, where one is near."""
    near = nearest(word, known)
    return join("", [text, Phrase("; did you mean {near}?", near=near)]) if near else text


KeyCheck = Callable[[Node], object]
"""Raises :class:`ScriptError` for a value that is not allowed."""


def load(path: Path) -> Node:
    """Read one YAML document. Raises :class:`ScriptError`."""
    return parse(read_script(path), str(path))


def read_script(path: Path, encoding: str = "utf-8") -> str:
    """The text of a script file. Raises :class:`ScriptError`."""
    try:
        return path.read_text(encoding=encoding)
    except (OSError, UnicodeDecodeError) as error:
        raise ScriptError(unreadable(path, error)) from None


def parse(text: str, file: str) -> Node:
    """Read one YAML document from ``text``; ``file`` is its name in errors. Raises :class:`ScriptError`."""
    try:
        loader = _LOADER(text)  # it checks for control characters at once
    except yaml.YAMLError as error:
        raise ScriptError(f"{file}:1: is not YAML: {' '.join(str(error).split())}") from None
    try:
        root = loader.get_single_node()
        if root is None:
            raise ScriptError(f"{file}:1: is empty; allowed: a mapping with name and steps")
        return _Builder(loader, file).build(root, "")
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        why = ascii(error.problem or error.context)[1:-1]  # the error quotes the text there
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


def node_of(value: object, file: str, line: int, path: str = "") -> Node:
    """The node of a value of Python, for a step that stands in ``file`` at ``line``."""
    if isinstance(value, bytes):
        value = f"0x{value.hex().upper()}"
    elif isinstance(value, Enum):
        value = value.value
    elif isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        value = {
            str(key): node_of(child, file, line, f"{path}.{key}" if path else str(key))
            for key, child in value.items()
        }
    elif isinstance(value, list | tuple):
        value = [node_of(child, file, line, f"{path}[{index}]") for index, child in enumerate(value, 1)]
    return Node(value, file, line, path)


class _Builder:
    def __init__(self, loader: yaml.SafeLoader | yaml.CSafeLoader, file: str) -> None:
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
        except (LookupError, AttributeError, TypeError):  # PyYAML's, for a text that does not fit its tag
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
            # A value may stand below its key; the error names the line of the key.
            result[key] = Node(value.value, self._file, key_node.start_mark.line + 1, place)
        return result


# --- variables: ``${name}`` in the values of a scenario
#
# A value that is nothing but ``${name}`` takes the variable's value with its type; inside a longer text the
# value is written out. ``${name+2}`` and ``${name-2}`` calculate with an integer, ``${name:02d}`` formats.

_REFERENCE = re.compile(r"\$\{([A-Za-z_]\w*)(?:([+-])(\d{1,9}))?(?::(0?\d{0,2}[dxX]))?\}")


def is_template(value: object) -> bool:
    """Whether ``value`` is a text with a variable in it."""
    return isinstance(value, str) and "${" in value


def check(node: Node, known: Container[str]) -> None:
    """Check that every variable of a text is well formed and known. Raises :class:`ScriptError`."""
    rest = _REFERENCE.sub("", node.value)
    if "${" in rest:
        node.wrong("${name}, ${name+1}, ${name-1} or ${name:02d}")
    for match in _REFERENCE.finditer(node.value):
        if match[1] not in known:
            node.fail(
                f"the variable {match[1]!r} isn't known here; give it under variables: or save: it before"
            )


def resolve(node: Node, variables: Mapping[str, Any]) -> Node:
    """The node with every variable replaced by its value. Raises :class:`ScriptError`."""
    if isinstance(node.value, dict):
        return replace(node, value={key: resolve(child, variables) for key, child in node.value.items()})
    if isinstance(node.value, list):
        return replace(node, value=[resolve(child, variables) for child in node.value])
    if not is_template(node.value):
        return node
    check(node, variables)
    whole = _REFERENCE.fullmatch(node.value)
    if whole is not None:
        return replace(node, value=_value(node, whole, variables))
    return replace(node, value=_REFERENCE.sub(lambda match: str(_value(node, match, variables)), node.value))


def names_in(node: Node) -> frozenset[str]:
    """The variables that the texts below a node use."""
    if isinstance(node.value, dict | list):
        children = node.value.values() if isinstance(node.value, dict) else node.value
        return frozenset().union(*map(names_in, children))
    if not is_template(node.value):
        return frozenset()
    return frozenset(match[1] for match in _REFERENCE.finditer(node.value))


def resolve_known(node: Node, variables: Mapping[str, Any]) -> Node:
    """The node with the values of these variables; texts with others stay. Raises :class:`ScriptError`."""
    if isinstance(node.value, dict):
        return replace(node, value={key: resolve_known(one, variables) for key, one in node.value.items()})
    if isinstance(node.value, list):
        return replace(node, value=[resolve_known(child, variables) for child in node.value])
    return resolve(node, variables) if names_in(node) <= variables.keys() else node


def filled(text: str, variables: Mapping[str, Any]) -> str:
    """A text for people with the variables that are known; what can't be filled in stays as it is."""

    def value(match: re.Match[str]) -> str:
        try:
            return str(_value(Node(text, "", 1), match, variables))
        except (KeyError, ScriptError):
            return match[0]

    return _REFERENCE.sub(value, text)


def _value(node: Node, match: re.Match[str], variables: Mapping[str, Any]) -> Any:
    value = variables[match[1]]
    if match[2] or match[4]:
        if isinstance(value, bool) or not isinstance(value, int):
            node.fail(f"{match[0]} calculates with {show(value)}, which isn't an integer")
        if match[2]:
            value += int(match[3]) if match[2] == "+" else -int(match[3])
        if match[4]:
            value = format(value, match[4])
    return value
