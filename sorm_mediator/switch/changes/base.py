"""What all changes share: the refusal, finding what is named, settings checked by their models."""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from sorm_mediator.switch.node import Change, Model, Node, changed
from sorm_mediator.switch.routing.numbering import DEFAULT_PLAN
from sorm_mediator.switch.subscribers import Domain

Notes = tuple[str, ...]

PATTERNS: Final = MappingProxyType(
    {
        r"^\S+$": "no spaces",
        r"^[\x21-\x7e]+$": "printable ASCII characters without spaces",
        r"^[\x21-\x7e]*$": "printable ASCII characters without spaces",
    }
)
"""Patterns of the settings, in words."""


class ChangeRefused(Exception):  # noqa: N818 - an answer, not a mistake
    """The switch stays as it is. The text says what is wrong and what is allowed."""


def listed(names: Iterable[str]) -> str:
    """Names for a text: sorted, or "none"."""
    return ", ".join(sorted(names)) or "none"


def the_domain(node: Node, name: str) -> Domain:
    """The domain of this name. Raises :class:`ChangeRefused`."""
    domain = node.domains.get(name)
    if domain is None:
        raise ChangeRefused(f"there is no domain {name!r}; there are: {listed(node.domains)}")
    return domain


def made(model: type[Model], **fields: Any) -> Model:
    """Settings of this kind. Raises :class:`ChangeRefused` naming key, value and what is allowed."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise refused(error) from None


def altered(model: Model, **fields: Any) -> Model:
    """The same settings with others in place of some. Raises :class:`ChangeRefused`."""
    try:
        return changed(model, **fields)
    except ValidationError as error:
        raise refused(error) from None


def refused(error: ValidationError) -> ChangeRefused:
    """What the models have to say, as a refusal; secrets stay out of it."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        return ChangeRefused(f"{key}: {message}" if key else message)
    if first["type"] == "string_pattern_mismatch":
        message = _in_words(first["ctx"]["pattern"])
    secret = "password" in key or "secret" in key
    value = "******" if secret else repr(_plain(first["input"]))
    return ChangeRefused(f"{key}: {value} is not allowed: {message[0].lower()}{message[1:]}")


def _in_words(pattern: str) -> str:
    """A pattern of the settings for who does not read patterns."""
    digits = re.fullmatch(r"\^\[0-9\]\{(\d+),(\d+)\}\$", pattern)
    if digits:
        return f"{digits[1]} to {digits[2]} digits"
    return PATTERNS.get(pattern, f"it should match {pattern}")


def _plain(value: Any) -> Any:
    return value.model_dump() if isinstance(value, BaseModel) else value


def alter_domain(node: Node, change: Change, **fields: Any) -> None:
    """Other settings of a domain. Raises :class:`ChangeRefused`."""
    try:
        node.replace_domain(change, **fields)
    except ValidationError as error:
        raise refused(error) from None


def alter_switch(node: Node, change: Change, **fields: Any) -> None:
    """Other settings of the switch. Raises :class:`ChangeRefused`."""
    try:
        node.replace(change, **fields)
    except ValidationError as error:
        raise refused(error) from None


def context_notes(domain: Domain, name: str) -> Notes:
    """What to say of a context that is named and not there."""
    if not name or name in domain.contexts:
        return ()
    return (
        f"there is no context {name!r} in {domain.name} yet: import it; until then calls that start in it fail",
    )


def plan_notes(domain: Domain, name: str) -> Notes:
    """What to say of a numbering plan that is named and not there."""
    if name == DEFAULT_PLAN or name in domain.plans:
        return ()
    return (
        f"there is no numbering plan {name!r} in {domain.name} yet: declare it; until then it has no numbers",
    )


def unresolved(node: Node) -> Notes:
    """All that is named and not there, of all domains and bridges."""
    notes: list[str] = []
    for domain in node.domains.values():
        config = domain.config
        named = [one.context for one in config.subscribers] + [one.context for one in config.trunks]
        for name in dict.fromkeys([config.default_context, config.adaptation, *named]):
            notes += context_notes(domain, name)
    for bridge in node.bridges.values():
        for end in bridge.ends:
            domain = node.domains[end.side.domain]
            notes += context_notes(domain, end.side.context) + plan_notes(domain, end.side.np)
    return tuple(dict.fromkeys(notes))
