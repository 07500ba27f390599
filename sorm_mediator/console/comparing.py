"""Comparison of what is expected with what comes: fields of messages, tones on KSL lines, and why it failed.

Values are in their JSON form (docs/messages.md). An expected value may also be :class:`OneOf` or
:class:`Not`. In a field that is a mapping, only the keys given are compared.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from e1.g704.timeslots import KSL_PER_STREAM
from protocol import Message, Options
from protocol.messages import wires
from sorm_mediator.console.errors import StepError
from sorm_mediator.language import Lang, Phrase, join, translate
from sorm_mediator.texts import shown

if TYPE_CHECKING:
    from sorm_mediator.console.client import Crossed
    from sorm_mediator.console.e1_client import ConsoleLines

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
    values: tuple[Any, Any] = field(default=(None, None), compare=False, repr=False)
    """Both values as they are."""

    @property
    def text(self) -> Phrase:
        """The difference, for people."""
        return _differ(self.path, self.expected, self.came)

    def explained(self, message: object, lang: Lang) -> str:
        """As :attr:`text`, with the meanings of codes. ``message``: the one that came."""
        wire = wires(type(message), Options()).get(self.path) if isinstance(message, Message) else None
        if wire is None or wire.meaning is None:
            return translate(self.text, lang)
        texts = [
            f"{value} ({value:02X}h: {wire.meaning(value, lang)})"
            if type(value) is int
            else translate(text, lang)
            for value, text in zip(self.values, (self.expected, self.came), strict=True)
        ]
        return translate(_differ(self.path, *texts), lang)


def _differ(path: str, expected: str, came: str) -> Phrase:
    return Phrase("{path}: expected {expected}, came {came}", path=path, expected=expected, came=came)


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
    return Difference(path, show_value(expected), show_value(came), (expected, came))


NOTHING = Phrase("nothing")


def show(value: object, most: int = 60) -> str:
    """A short form of a value, for errors."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return shown(value, most)


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


@dataclass(slots=True)
class Failure:
    """Why an expectation failed."""

    expected: str
    reason: str
    came: Crossed | None = None
    differences: list[Difference] = field(default_factory=list)
    line: int | None = None

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self, lang: Lang = "en") -> list[str]:
        """The failure, for people."""
        message = None if self.came is None else self.came.message
        texts = [translate(text, lang) for text in self.texts()]
        return texts + [f"  {one.explained(message, lang)}" for one in self.differences]

    def summary(self, lang: Lang = "en") -> str:
        """The failure in one line: what differs, else what was expected, the reason, and the unit that came."""
        message = None if self.came is None else self.came.message
        if self.differences:
            return "; ".join(one.explained(message, lang) for one in self.differences)
        parts = [self.reason] if self.reason else []
        if self.came is not None:
            parts.append(self._unit())
        why = join(" ", parts)
        if not self.expected:
            return translate(why, lang)
        return translate(join(": ", [Phrase("expected {what}", what=self.expected), why]), lang)

    def texts(self) -> list[str]:
        """What was expected, why it failed and what came, each in both languages; without the differences."""
        lines = [join(" ", [_EXPECTED, self.expected]) if self.expected else "", self.reason]
        if self.came is not None:
            lines.append(join(" ", [_CAME, self._unit()]))
        return list(filter(None, lines))

    def _unit(self) -> str:
        """What came: its name, what identifies it, and what differs."""
        assert self.came is not None
        differing = {one.path.split(".")[0] for one in self.differences}
        shown = (*IDENTITY, *(name for name in self.came.fields if name in differing))
        known = {name: self.came.fields[name] for name in shown if name in self.came.fields}
        name = self.came.name or NO_MESSAGE
        return join(" ", [name, show_value(known)]) if known else name


NO_MESSAGE = Phrase("octets that are no message")
_EXPECTED = Phrase("expected:")
_CAME = Phrase("came:    ")


def nothing_came(within: float, *, close: bool = False) -> Phrase:
    """The reason when an expectation timed out. ``close``: the message nearest to the expected one follows."""
    reason = Phrase("nothing that fits came within {within:g} s", within=within)
    return join("; ", [reason, Phrase("the closest:")]) if close else reason


# --- tones on KSL lines

LISTEN_AGAIN = 0.02
"""Seconds between two checks of the tones."""

KslName = tuple[int, int]
"""Stream and KSL."""


async def hear(
    lines: ConsoleLines, wanted: Mapping[KslName, frozenset[int]] | None, within: float
) -> Failure | None:
    """Listen until all expected tones are present at once.

    Raises :class:`StepError` for an unknown stream.
    """
    from sorm_mediator.console.e1_client import ToneProbe

    if wanted is None:
        wanted = {
            (stream, ksl): frozenset()
            for stream, line in lines.lines.items()
            if line.speaks
            for ksl in range(1, KSL_PER_STREAM + 1)
        }
    missing = sorted({stream for stream, _ in wanted} - set(lines.lines))
    if missing:
        raise StepError(Phrase("stream {stream}: the lab has no such stream", stream=missing[0]))
    mute = sorted({stream for stream, _ in wanted if not lines.lines[stream].speaks})
    if mute:
        raise StepError(
            Phrase(
                "stream {stream}: its line has no timeslots, so there is no speech to hear", stream=mute[0]
            )
        )
    ears = {name: ToneProbe(lines.lines[name[0]], name[1]) for name in wanted}
    deadline = time.monotonic() + within
    while True:
        heard = {name: ear.listen() for name, ear in ears.items()}
        wrong = [name for name, tones in wanted.items() if heard[name] != tones]
        if not wrong:
            return None
        if time.monotonic() >= deadline:
            return Failure(
                join("; ", [_heard_on(name, wanted[name]) for name in wrong]),
                join(" ", [_HEARD, join("; ", [_heard_on(name, heard[name]) for name in wrong])]),
            )
        await asyncio.sleep(LISTEN_AGAIN)


_HEARD = Phrase("heard:")
_NOTHING = Phrase("nothing yet")
_SILENCE = Phrase("silence")


def _heard_on(name: KslName, tones: frozenset[int] | None) -> str:
    if tones:
        listed: str = Phrase("{tones} Hz", tones=", ".join(map(str, sorted(tones))))
    else:
        listed = _NOTHING if tones is None else _SILENCE
    return Phrase("KSL {s}/{k}: {tones}", s=name[0], k=name[1], tones=listed)


def heard_text(wanted: Mapping[KslName, frozenset[int]] | None) -> str:
    """The text of tones that are all as expected."""
    lines: list[str] = [_SILENCE] if wanted is None else [_heard_on(*each) for each in wanted.items()]
    return join(" ", [_HEARD, join("; ", lines)])
