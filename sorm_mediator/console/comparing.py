"""Comparison of expected and received messages: field values, differences, and why an expectation failed.

Values are in their JSON form (docs/messages.md). An expected value may also be :class:`OneOf` or
:class:`Not`. In a field that is a mapping, only the keys given are compared.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Protocol

from sorm_mediator.language import Lang, Phrase, join, translate
from sorm_mediator.texts import shown

IDENTITY = ("object_number", "call_number", "command", "test_number")
"""Fields that identify one of several messages of a name."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """An expectation that holds for any of the values."""

    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """An expectation that holds for any value but this one."""

    value: Any


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs from the expected one: both values, for people."""

    path: str
    expected: str
    came: str

    @property
    def text(self) -> Phrase:
        """The difference, for people."""
        return Phrase(
            "{path}: expected {expected}, came {came}", path=self.path, expected=self.expected, came=self.came
        )


def differences(expected: Any, came: Any, path: str = "") -> list[Difference]:
    """The fields of ``expected`` that differ in ``came`` (both in the JSON form); empty without any."""
    if isinstance(expected, OneOf):
        holds = any(not differences(value, came) for value in expected.values)
        return [] if holds else [_difference(path, expected, came)]
    if isinstance(expected, Not):
        holds = bool(differences(expected.value, came))
        return [] if holds else [_difference(path, expected, came)]
    if isinstance(expected, dict) and isinstance(came, dict):
        found = []
        for key, value in expected.items():
            place = f"{path}.{key}" if path else key
            if key in came:
                found += differences(value, came[key], place)
            else:
                found.append(Difference(place, show_value(value), NOTHING))
        return found
    if isinstance(expected, list) and isinstance(came, list):
        if len(expected) != len(came):
            return [_difference(path, expected, came)]
        found = []
        for index, (value, other) in enumerate(zip(expected, came, strict=True), 1):
            found += differences(value, other, f"{path}[{index}]")
        return found
    if isinstance(expected, bool) != isinstance(came, bool) or expected != came:
        return [_difference(path, expected, came)]
    return []


def _difference(path: str, expected: Any, came: Any) -> Difference:
    return Difference(path, show_value(expected), show_value(came))


NOTHING = Phrase("nothing")


def show(value: object) -> str:
    """A short form of a value, for errors."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return shown(value, 60)


def show_value(value: Any) -> Phrase:
    """A value in the form of a script: integers also in hexadecimal, as in the order."""
    return join("", [_shown(value)])


def _shown(value: Any) -> str:
    if isinstance(value, OneOf):
        first, *others = map(_shown, value.values)
        for other in others:
            first = Phrase("{first} or {other}", first=first, other=other)
        return first
    if isinstance(value, Not):
        return Phrase("not {value}", value=_shown(value.value))
    if isinstance(value, bool) or value is None or isinstance(value, float):
        return show(value)
    if isinstance(value, int):
        return f"{value} ({value:02X}h)"
    if isinstance(value, str):
        return value if re.fullmatch(r"[a-z][a-z-]*|0x[0-9A-F]+", value) else f'"{value}"'
    if isinstance(value, dict):
        parts: list[str] = [join(": ", [str(key), _shown(part)]) for key, part in value.items()]
        return join("", ["{", join(", ", parts), "}"])
    if isinstance(value, list):
        return join("", ["[", join(", ", [_shown(part) for part in value]), "]"])
    return str(value)


class Arrival(Protocol):
    """The part of a received message that matching needs."""

    @property
    def name(self) -> str:
        """The message's name, ``""`` for octets that are no message."""

    @property
    def fields(self) -> dict[str, Any]:
        """Its fields in their JSON form."""

    @property
    def answers(self) -> object | None:
        """The command answered by this message, if any."""

    @property
    def on_kpd2(self) -> bool:
        """Whether the message came on KPD2."""


@dataclass(slots=True)
class Failure:
    """Why an expectation failed."""

    expected: str
    reason: str
    came: Arrival | None = None
    differences: list[Difference] = field(default_factory=list)
    line: int | None = None

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self, lang: Lang = "en") -> list[str]:
        """The failure, for people."""
        return [translate(text, lang) for text in self.texts()]

    def texts(self) -> list[str]:
        """The lines, each in both languages."""
        lines = [join(" ", [_EXPECTED, self.expected]) if self.expected else "", self.reason]
        if self.came is not None:
            differing = {one.path.split(".")[0] for one in self.differences}
            shown = (*IDENTITY, *(name for name in self.came.fields if name in differing))
            known = {name: self.came.fields[name] for name in shown if name in self.came.fields}
            name = self.came.name or NO_MESSAGE
            lines.append(join(" ", [_CAME, name, show_value(known)] if known else [_CAME, name]))
        return [*filter(None, lines), *(join("", ["  ", one.text]) for one in self.differences)]


NO_MESSAGE = Phrase("bytes that are no message")
_EXPECTED = Phrase("expected:")
_CAME = Phrase("came:    ")


def nothing_came(within: float) -> Phrase:
    """The reason when an expectation timed out."""

    return Phrase("nothing that fits came within {within:g} s", within=within)


def the_closest(reason: Phrase) -> Phrase:
    """``reason``, followed by the message nearest to the expected one."""
    return join("; ", [reason, Phrase("the closest:")])
