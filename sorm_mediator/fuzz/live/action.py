"""What the fuzzer does: actions, and the rounds that they make up. An action is data, so a round can be done again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any


class ActionError(ValueError):
    """A document is no action; the text names what is wrong in it."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing done to a surface. ``values`` are as JSON has them; octets are hexadecimal, under ``hex``."""

    surface: str
    kind: str
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def octets(self) -> bytes:
        """The octets that are sent; none where the action sends none."""
        return bytes.fromhex(self.values.get("hex", ""))

    @property
    def times(self) -> int:
        """How often they are sent, or how many connections are made."""
        return int(self.values.get("times", 1))

    def changed(self, **values: Any) -> Action:
        """The same with other values."""
        return replace(self, values={**self.values, **values})

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"surface": self.surface, "kind": self.kind, **self.values}

    def __str__(self) -> str:
        shown = " ".join(f"{key}={_short(value)}" for key, value in self.values.items())
        return f"{self.surface} {self.kind} {shown}".rstrip()


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:80]}... ({len(text)} characters)"


def action_of(document: Any) -> Action:
    """The action of a document. Raises :class:`ActionError`."""
    if not isinstance(document, Mapping):
        raise ActionError(f"{document!r} is no action: a mapping with surface and kind")
    values = dict(document)
    try:
        made = Action(str(values.pop("surface")), str(values.pop("kind")), values)
        _ = made.octets, made.times
    except KeyError as error:
        raise ActionError(f"{error} is missing in an action") from None
    except (TypeError, ValueError) as error:
        raise ActionError(f"{document!r}: {error}") from None
    return made


@dataclass(frozen=True, slots=True)
class Round:
    """Actions after which the mediator is judged."""

    number: int
    surface: str
    actions: tuple[Action, ...]

    def with_actions(self, actions: Sequence[Action]) -> Round:
        """The same round with other actions."""
        return replace(self, actions=tuple(actions))


def documents(rounds: Iterable[Round]) -> list[dict[str, Any]]:
    """Rounds as JSON has them."""
    return [
        {"round": one.number, "surface": one.surface, "actions": [each.document() for each in one.actions]}
        for one in rounds
    ]


def rounds_of(found: Any) -> list[Round]:
    """The rounds of documents. Raises :class:`ActionError`."""
    if not isinstance(found, list):
        raise ActionError("rounds are a list")
    rounds = []
    for one in found:
        if not isinstance(one, Mapping) or not isinstance(one.get("actions"), list):
            raise ActionError(f"{one!r} is no round: it has no list of actions")
        actions = tuple(map(action_of, one["actions"]))
        rounds.append(Round(int(one.get("round", 0)), str(one.get("surface", "")), actions))
    return rounds
