"""What routing is made of: numbers, rules, contexts, and the result of routing one call.

Source: ECSS-10 manual, Routing for SORM (the example rule ``to_8``) and MultiSORM (the contexts of its example).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from protocol.language import Phrase
from sorm_mediator.switch.routing.digitmap import DigitMap
from sorm_mediator.switch.routing.masks import Mask, Template

NUMBER_INDICATORS = ("private", "local", "zone", "intercity", "international", "emergency")
"""Values of ``ni`` and ``sorm_ni`` (ECSS-10 manual, Routing for SORM)."""

Side = Literal["a", "b"]

EMPTY = Phrase("(empty)", "(пустой)")
UNKNOWN = Phrase("(unknown)", "(неизвестно)")

UNSET: Mapping[Side, Mapping[str, str]] = MappingProxyType(
    {
        "a": MappingProxyType(
            {
                "nai": "nationalNumber",
                "incomplete": "false",
                "npi": "isdnTelephony",
                "apri": "presentationAllowed",
                "screening": "networkProvided",
            }
        ),
        "b": MappingProxyType(
            {"nai": "nationalNumber", "incomplete": "false", "inni": "undefined", "npi": "undefined"}
        ),
    }
)
"""Attributes of a number that nothing has set, in the order that a trace prints them
(ECSS-10 manual, Number format check)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A party's number on its way through routing.

    digits, ni: what the call is routed by. attributes: what else is known of it (``nai``, ``npi``, ...).
    sorm_digits, sorm_ni: what a rule has set for SORM; ``None`` as long as none has.
    """

    digits: str
    ni: str = ""
    attributes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    sorm_digits: str | None = None
    sorm_ni: str | None = None

    @property
    def shown_digits(self) -> str:
        """The number as SORM is to show it: what a rule has set, else the routed one."""
        return self.digits if self.sorm_digits is None else self.sorm_digits

    @property
    def shown_ni(self) -> str:
        """The indicator that goes with it."""
        return self.ni if self.sorm_ni is None else self.sorm_ni

    def get(self, name: str, side: Side) -> str:
        """An attribute by the name it has in conditions; what nothing has set is :data:`UNSET`, or ""."""
        if name == "digits":
            return self.digits
        if name == "ni":
            return self.ni
        return self.attributes.get(name) or UNSET[side].get(name, "")


@dataclass(frozen=True, slots=True)
class Condition:
    """One ``<cgpn .../>`` or ``<cdpn .../>``: the mask of the digits, and values for other attributes."""

    side: Side
    digits: Mask | None = None
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def fails(self, number: Number) -> str:
        """Why the number does not fit, in words; "" when it does."""
        tag = TAGS[self.side]
        if self.digits is not None and self.digits.match(number.digits) is None:
            return Phrase(
                "{tag} {digits} does not match {mask}", "{tag} {digits} не подходит под {mask}",
                tag=tag, digits=number.digits or EMPTY, mask=self.digits.text,
            )  # fmt: skip
        for name, allowed in self.attributes.items():
            value = number.get(name, self.side)
            if value not in allowed:
                return Phrase(
                    "{tag} {name} {value} is not {allowed}", "{tag} {name} {value}, а нужно {allowed}",
                    tag=tag, name=name, value=value or UNKNOWN,
                    allowed=Phrase(" or ".join(allowed), " или ".join(allowed)),
                )  # fmt: skip
        return ""


TAGS: Mapping[Side, str] = MappingProxyType({"a": "cgpn", "b": "cdpn"})


@dataclass(frozen=True, slots=True)
class Action:
    """One tag of ``<actions>``: what becomes of a side. What is ``None`` stays as it is."""

    side: Side
    digits: Template | None = None
    ni: str | None = None
    attributes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    sorm_digits: Template | None = None
    sorm_ni: str | None = None


@dataclass(frozen=True, slots=True)
class External:
    """The call leaves by the first of these directions that there is."""

    directions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Local:
    """The called number is one of the domain's own."""


@dataclass(frozen=True, slots=True)
class Continue:
    """Routing goes on in another context with the numbers as they are now."""

    context: str


Verdict = External | Local | Continue


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: taken when all its conditions hold. ``line`` is where it stands in its file."""

    name: str
    conditions: tuple[Condition, ...]
    actions: tuple[Action, ...]
    verdict: Verdict
    line: int


@dataclass(frozen=True, slots=True)
class Context:
    """A routing context: rules, tried from the first.

    ``np``: the numbering plan that numbers are translated into when they come here; "" leaves them as they are.
    ``digitmap``: when digits that are still being dialled are enough; ``None``: each number is final.
    """

    name: str
    rules: tuple[Rule, ...]
    np: str = ""
    source: str = ""
    digitmap: DigitMap | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingRequest:
    """A call to be routed: its numbers, the context that the calling interface starts in, and its numbering plan."""

    a: Number
    b: Number
    context: str = ""
    np: str = "default"


@dataclass(frozen=True, slots=True)
class Step:
    """A rule that was tried: ``failed`` says why it was not taken, "" that it was.

    a, b: the numbers as they came to it. np: the numbering plan that they were in.
    """

    context: str
    rule: str
    failed: str = ""
    a: str = field(default="", compare=False)
    b: str = field(default="", compare=False)
    np: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingResult:
    """What routing made of a call.

    result: ``external``, ``local`` or ``failed``. via: the directions of an external call, in order.
    a, b: the numbers as routed, and what SORM is to be shown. tried: every rule looked at.
    reason: why it failed. np: the numbering plan that the numbers are in at the end.
    """

    result: Literal["external", "local", "failed"]
    a: Number
    b: Number
    via: tuple[str, ...] = ()
    tried: tuple[Step, ...] = ()
    reason: str = ""
    np: str = "default"

    @property
    def path(self) -> tuple[Step, ...]:
        """The rules that were taken."""
        return tuple(step for step in self.tried if not step.failed)
