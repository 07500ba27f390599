"""Every change of a running switch. Without I/O, but for reading a context's file.

Each function takes the :class:`~sorm_mediator.switch.node.Node`, makes a new configuration of it that is checked as a
lab file is, and takes effect at once. What it returns are notes: what is not resolved yet, such as a context that is
imported later; calls that need it fail with their reason until then. What can't be done raises
:class:`ChangeRefused` and changes nothing.

Source: ECSS-10 manual, SORM parameters of a domain, and MultiSORM: the commands of the switch's shell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from sorm_mediator.switch.domain import Domain
from sorm_mediator.switch.node import Change, Model, Node, changed

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


def as_list(names: Iterable[str]) -> str:
    """Names for a text: sorted, or "none"."""
    return ", ".join(sorted(names)) or "none"


def the_domain(node: Node, name: str) -> Domain:
    """The domain of this name. Raises :class:`ChangeRefused`."""
    domain = node.domains.get(name)
    if domain is None:
        raise ChangeRefused(f"there is no domain {name!r}; there are: {as_list(node.domains)}")
    return domain


def created(model: type[Model], **fields: Any) -> Model:
    """Settings of this kind. Raises :class:`ChangeRefused` naming key, value and what is allowed."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise rejection(error) from None


def updated(model: Model, **fields: Any) -> Model:
    """The same settings with others in place of some. Raises :class:`ChangeRefused`."""
    try:
        return changed(model, **fields)
    except ValidationError as error:
        raise rejection(error) from None


def rejection(error: ValidationError) -> ChangeRefused:
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


def update_domain(node: Node, change: Change, **fields: Any) -> None:
    """Other settings of a domain. Raises :class:`ChangeRefused`."""
    try:
        node.replace_domain(change, **fields)
    except ValidationError as error:
        raise rejection(error) from None


def update_switch(node: Node, change: Change, **fields: Any) -> None:
    """Other settings of the switch. Raises :class:`ChangeRefused`."""
    try:
        node.replace(change, **fields)
    except ValidationError as error:
        raise rejection(error) from None
