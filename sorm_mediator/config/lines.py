"""Where a key stands in a lab file, and errors that tell it.

Errors name a key by its path, in which list items count from 0 (``switch.domains.0.name``). For people the line of
the file stands before it, and items count from 1: ``lab.toml:12: switch.domains[1].name: ...``. A name that could be
taken for something else is in quotation marks, as in TOML: ``numbering_plans.city."7384"``.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

KeyPath = tuple[str | int, ...]
"""The names of tables and keys, and the places of list items from 0."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_PLAIN = re.compile(r"[^,\]}\n#]*")
_STRING = re.compile(r'"""(?:[^\\]|\\.)*?"""+|\'\'\'.*?\'\'\'+|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL)
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_KEY_OF_ERROR = re.compile(
    rf"(?P<key>[A-Za-z][\w-]*(?:\.(?:[\w-]+|{_QUOTED}))*)(?P<rest>(?: \([^)]*\)| = [^:]*)?: .*)", re.DOTALL
)
_PART_OF_KEY = re.compile(rf"{_QUOTED}|[^.]+")


def line_numbers(text: str) -> Mapping[KeyPath, int]:
    """The line, from 1, of every table, key and list item of a text that is TOML (TOML v1.0.0)."""
    return _Scanner(text).lines


class _Scanner:
    """Follows the structure of a TOML text. What is no TOML is scanned as far as it goes."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line, self._counted = 1, 0
        self.lines: dict[KeyPath, int] = {}
        self._items: dict[KeyPath, int] = {}
        """How many items each list of tables has."""
        table: KeyPath = ()
        while self._skip() < len(text):
            before = self._at
            if text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            if self._at == before:
                return

    def _skip(self) -> int:
        found = _SPACE.match(self._text, self._at)
        assert found is not None
        self._at = found.end()
        return self._at

    def _mark(self, path: KeyPath) -> None:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        self.lines.setdefault(path, self._line)

    def _take(self, symbol: str) -> bool:
        self._skip()
        if self._text[self._at : self._at + 1] != symbol:
            return False
        self._at += 1
        return True

    def _names(self) -> list[str]:
        names: list[str] = []
        while True:
            self._skip()
            found = _STRING.match(self._text, self._at) or _BARE.match(self._text, self._at)
            if found is None:
                return names
            self._at = found.end()
            names.append(found[0].strip("\"'"))
            if not self._take("."):
                return names

    def _header(self) -> KeyPath:
        start = self._at
        self._at += 1
        of_list = self._take("[")
        path: KeyPath = ()
        names = self._names()
        for number, name in enumerate(names, 1):
            path = (*path, name)
            last = number == len(names)
            if last and of_list:
                self._items[path] = self._items.get(path, 0) + 1
            if path in self._items:
                path = (*path, self._items[path] - 1)
        end = self._at
        self._at = start
        self._mark(path)
        self.lines.setdefault(path[:1], self.lines[path])
        self._at = end
        while self._take("]"):
            continue
        return path

    def _pair(self, table: KeyPath) -> None:
        self._skip()
        start = self._at
        names = self._names()
        end, self._at = self._at, start
        for number in range(1, len(names) + 1):
            self._mark((*table, *names[:number]))
        self._at = end
        if self._take("="):
            self._value((*table, *names))

    def _value(self, path: KeyPath) -> None:
        self._skip()
        symbol = self._text[self._at : self._at + 1]
        if symbol == "[":
            self._at += 1
            index = 0
            while not self._take("]") and self._at < len(self._text):
                self._mark((*path, index))
                before = self._at
                self._value((*path, index))
                self._take(",")
                index += 1
                if self._at == before:
                    return
        elif symbol == "{":
            self._at += 1
            while not self._take("}") and self._at < len(self._text):
                before = self._at
                self._pair(path)
                self._take(",")
                if self._at == before:
                    return
        else:
            found = _STRING.match(self._text, self._at) or _PLAIN.match(self._text, self._at)
            assert found is not None
            self._at = found.end()


def quoted(name: str) -> str:
    """The name of a key as TOML has it: in quotation marks where it is a number, or has other characters."""
    bare = _BARE.fullmatch(name) is not None and not name.isdecimal()
    return name if bare else json.dumps(name, ensure_ascii=False)


def shown(path: KeyPath) -> str:
    """A path as people read it: ``switch.domains[1].name``, ``radius.clients."192.0.2.2"``."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{quoted(part)}" if text else quoted(part)
    return text


def key_of(path: KeyPath) -> str:
    """A path as a key of an error; :func:`path_of` reads it."""
    return ".".join(str(part) if isinstance(part, int) else quoted(part) for part in path)


def path_of(key: str) -> KeyPath:
    """The path of a key of an error: ``switch.domains.0.name``."""
    return tuple(map(_part, _PART_OF_KEY.findall(key)))


def _part(text: str) -> str | int:
    if text.startswith('"'):
        try:
            return str(json.loads(text))
        except ValueError:
            return text
    return int(text) if text.isdecimal() else text


def with_path(error: str, name: str, place: Callable[[KeyPath], KeyPath]) -> str:
    """An error of a document called ``name`` with another path of its key."""
    bare = error.removeprefix(f"{name}: ")
    found = _KEY_OF_ERROR.fullmatch(bare)
    if found is None:
        return error
    key = key_of(place(path_of(found["key"])))
    return f"{error[: len(error) - len(bare)]}{key}{found['rest']}"


def by_key(error: str, name: str) -> list[tuple[str, str]]:
    """Errors of a document called ``name``, one a line, as keys and texts; "" is the key of one that has none."""
    found = []
    for line in error.split("\n"):
        text = line.removeprefix(f"{name}: ")
        match = _KEY_OF_ERROR.fullmatch(text)
        if match is None:
            found.append(("", text))
        else:
            found.append((shown(path_of(match["key"])), match["rest"].removeprefix(": ")))
    return found


@dataclass(frozen=True, slots=True)
class Located:
    """An error or warning with its place. ``line``: None for one about no line; ``key``: "" for one about no key.

    ``text``: all of it, as people read it.
    """

    line: int | None
    key: str
    message: str
    text: str

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {"path": self.key, "line": self.line, "message": self.message}

    def warning(self) -> str:
        """The text with the mark of a warning behind the place."""
        if not self.key:
            return f"warning: {self.text}"
        place, key, _ = self.text.partition(self.key)
        return f"{place}warning: {key}{self.text[len(place) + len(key) :]}"


def locate(
    errors: str, path: Path | None, *, outside: Mapping[str, str] = MappingProxyType({})
) -> list[Located]:
    """Errors of a lab file, one a line, in the order of the lines of their keys; last those without a key.

    ``outside``: keys whose values were not taken from the file, and where they come from; their errors are first.
    """
    lines: Mapping[KeyPath, int] = {}
    if path is not None:
        with suppress(OSError, UnicodeDecodeError):
            lines = line_numbers(path.read_text(encoding="utf-8-sig"))
    name = "configuration" if path is None else str(path)
    found = [_located(line, name, lines, outside) for line in errors.split("\n")]
    return [one for _, one in sorted(found, key=lambda one: one[0])]


def located(errors: str, path: Path | None, *, outside: Mapping[str, str] = MappingProxyType({})) -> str:
    """The texts of :func:`locate`, one a line."""
    return "\n".join(one.text for one in locate(errors, path, outside=outside))


def _located(
    error: str, name: str, lines: Mapping[KeyPath, int], outside: Mapping[str, str]
) -> tuple[float, Located]:
    """The place of an error among the others, and the error with it."""
    bare = error.removeprefix(f"{name}: ")
    found = _KEY_OF_ERROR.fullmatch(bare)
    if found is None:
        return math.inf, Located(None, "", bare, error)
    path = path_of(found["key"])
    key, rest = shown(path), found["rest"]
    message = f"{key}{rest}" if rest.startswith(" = ") else rest.lstrip(": ")
    below = (one for given, one in outside.items() if path not in lines and given.startswith(f"{key}."))
    source = outside.get(key) or next(below, None)
    if source is not None:
        return 0, Located(None, key, f"{message} (from {source})", f"{key}{rest} (from {source})")
    known = [path[:length] for length in range(len(path), 0, -1) if path[:length] in lines]
    if not known:
        return math.inf, Located(None, key, message, error)
    line = lines[known[0]]
    return line, Located(line, key, message, f"{name}:{line}: {key}{rest}")
