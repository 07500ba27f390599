"""What a tap does to chosen units: rules such as ``drop,channel=kpd2,name=answer,nth=2``.

A rule is an action and filters, with commas between them. The first rule that fits a unit is carried out. What decides
is without I/O; chance comes from one generator, so that a seed repeats a run.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from protocol.messages import BY_CODE, MESSAGES
from sorm_mediator.console.errors import UsageError
from sorm_mediator.texts import did_you_mean

Action = Literal["drop", "delay", "duplicate", "corrupt", "cut", "replace"]
TO_MEDIATOR, TO_CONSOLE = "to-mediator", "to-console"

_PLAIN = ("drop", "duplicate", "cut")
"""Actions without a value."""
ACTIONS = (*_PLAIN, "delay", "corrupt", "replace")
FILTERS = ("channel", "direction", "name", "nth", "p")
MOST_DELAY = 3600.0
"""Seconds of a delay (our choice)."""
_NAMES = tuple(dict.fromkeys(message.message_name for message in MESSAGES))


@dataclass(frozen=True, slots=True)
class Spoil:
    """One rule. The filters that are empty let every unit through."""

    text: str
    """As it was given."""
    action: Action
    seconds: float = 0.0
    """Of ``delay``."""
    place: int | None = None
    """Of ``corrupt``: the octet, from 0, which shorter units don't have; None: one by chance."""
    octets: bytes = b""
    """Of ``replace``."""
    channel: str = ""
    direction: str = ""
    code: int | None = None
    name: str = ""
    nth: int = 0
    """The unit that fits the other filters, counted from 1; 0: every one."""
    probability: float = 1.0


def parse(text: str) -> Spoil:
    """Read a rule. Raises :class:`UsageError`."""
    head, *pairs = [part.strip() for part in text.split(",")]
    action, equals, value = head.partition("=")
    if action not in ACTIONS:
        raise _wrong(text, f"{action!r} is no action{did_you_mean(action, ACTIONS)}: {', '.join(ACTIONS)}")
    values = _action_value(text, action, value if equals else None)
    given: set[str] = set()
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if key not in FILTERS or not equals:
            raise _wrong(
                text,
                f"{pair!r} is no filter{did_you_mean(key, FILTERS)}: {', '.join(FILTERS)}, such as name=answer",
            )
        if key in given:
            raise _wrong(text, f"{key} is given twice")
        given.add(key)
        values |= _filter_value(text, key, value)
    return Spoil(text, action, **values)  # type: ignore[arg-type]


def _action_value(text: str, action: str, value: str | None) -> dict[str, object]:
    if action in _PLAIN:
        if value is not None:
            raise _wrong(text, f"{action} has no value")
        return {}
    if action == "delay":
        seconds = _number(text, "delay", value or "", 0.0, MOST_DELAY, "seconds")
        return {"seconds": seconds}
    if action == "corrupt":
        if value is None:
            return {}
        if not value.isdecimal() or int(value) > 0xFFFF:
            raise _wrong(text, f"corrupt={value}: the number of an octet of the unit, from 0")
        return {"place": int(value)}
    try:
        octets = bytes.fromhex(value or "")
    except ValueError:
        octets = b""
    if not octets:
        raise _wrong(text, "replace needs octets in hexadecimal, such as replace=CC01")
    return {"octets": octets}


def _filter_value(text: str, key: str, value: str) -> dict[str, object]:
    allowed = {"channel": ("kpd1", "kpd2"), "direction": (TO_MEDIATOR, TO_CONSOLE)}
    if key in allowed:
        if value not in allowed[key]:
            raise _wrong(text, f"{key}={value}: allowed: {', '.join(allowed[key])}")
        return {key: value}
    if key == "name":
        if value in _NAMES:
            return {"name": value}
        digits = value.removesuffix("h").removesuffix("H")
        try:
            code = int(digits, 16)
        except ValueError:
            code = -1
        if value == digits or not 0 <= code <= 0xFF:
            raise _wrong(
                text,
                f"name={value}: the name of a message{did_you_mean(value, _NAMES)}, or a code such as 27h",
            )
        return {"code": code}
    if key == "nth":
        if not value.isdecimal() or not 1 <= int(value) <= 1_000_000_000:
            raise _wrong(text, f"nth={value}: a number from 1")
        return {"nth": int(value)}
    return {"probability": _number(text, "p", value, 0.0, 1.0, "a probability")}


def _number(text: str, key: str, value: str, low: float, high: float, what: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not low <= number <= high:
        raise _wrong(text, f"{key}={value}: {what} from {low:g} to {high:g}")
    return number


def _wrong(text: str, why: str) -> UsageError:
    return UsageError(f"--spoil {text}: {why}")


@dataclass(slots=True)
class Spoiled:
    """A unit that is spoiled, and what goes on in its place."""

    rule: Spoil
    octets: bytes
    """What is passed on: nothing of a dropped unit."""
    place: int | None = None
    """The octet that was changed."""

    def said(self) -> str:
        """What was done, in English."""
        match self.rule.action:
            case "drop":
                return "dropped"
            case "duplicate":
                return "passed twice"
            case "delay":
                return f"held back {self.rule.seconds:g} s"
            case "cut":
                return "dropped, and the connection cut"
            case "corrupt":
                return f"octet {self.place} changed"
        return f"replaced by {len(self.octets)} octets"


@dataclass(slots=True)
class Spoiler:
    """The rules of a tap, and how often each has fitted. ``seed`` repeats what comes by chance."""

    rules: Sequence[Spoil]
    seed: int
    fitted: dict[Spoil, int] = field(default_factory=dict)
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - chance that can be repeated is what is wanted

    def touches(self, channel: str, direction: str) -> bool:
        """Whether a rule may fit a unit of this direction of a channel."""
        return any(rule.channel in ("", channel) and rule.direction in ("", direction) for rule in self.rules)

    def spoil(self, channel: str, direction: str, raw: bytes) -> Spoiled | None:
        """What becomes of a unit; None: it is passed as it is."""
        code = raw[2] if len(raw) > 2 else None
        name = BY_CODE[code].message_name if code is not None and code in BY_CODE else ""
        for rule in self.rules:
            if (
                rule.channel not in ("", channel)
                or rule.direction not in ("", direction)
                or rule.code not in (None, code)
                or rule.name not in ("", name)
                or (rule.place or 0) >= len(raw)
            ):
                continue
            self.fitted[rule] = self.fitted.get(rule, 0) + 1
            if rule.nth not in (0, self.fitted[rule]):
                continue
            if rule.probability < 1.0 and self._random.random() >= rule.probability:
                continue
            return self._spoiled(rule, raw)
        return None

    def _spoiled(self, rule: Spoil, raw: bytes) -> Spoiled:
        match rule.action:
            case "drop" | "cut":
                return Spoiled(rule, b"")
            case "duplicate":
                return Spoiled(rule, raw + raw)
            case "replace":
                return Spoiled(rule, rule.octets)
            case "corrupt":
                place = self._random.randrange(len(raw)) if rule.place is None else rule.place
                changed = bytearray(raw)
                changed[place] ^= self._random.randrange(1, 256)
                return Spoiled(rule, bytes(changed), place)
        return Spoiled(rule, raw)
