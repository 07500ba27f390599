"""Every change of a running switch, without I/O.

Each function takes the :class:`~sorm_mediator.switch.node.Node`, makes a new configuration of it that is checked as a
lab file is, and takes effect at once. What it returns are notes: what is not resolved yet, such as a context that is
imported later; calls that need it fail with their reason until then. What can't be done raises
:class:`ChangeRefused` and changes nothing.

Source: ECSS-10 manual, SORM parameters of a domain, and MultiSORM: the commands of the switch's shell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from sorm_mediator.switch.domain import Domain
from sorm_mediator.switch.licence import LicenceError
from sorm_mediator.switch.node import Change, Model, Node, changed
from sorm_mediator.switch.routing.numbering import NumberingError, expand_numbers

Notes = tuple[str, ...]
Item = TypeVar("Item")

PATTERNS: Final = MappingProxyType(
    {
        r"^\S+$": "no spaces",
        r"^[\x21-\x7e]+$": "printable ASCII characters without spaces",
        r"^[\x21-\x7e]*$": "printable ASCII characters without spaces",
    }
)
"""Patterns of the settings, in words."""


_PLACE: Final = re.compile(r"^[a-z_]+\.\d+\.[a-z_.]+: ")
"""Where a rule of the switch's settings was broken in its lists: a place that only a lab file has."""


class ChangeRefused(Exception):  # noqa: N818 - an answer, not a mistake
    """A change is not made. The text names what is wrong and what is allowed."""


def as_list(names: Iterable[str]) -> str:
    """Names for a text: sorted, or "none"."""
    return ", ".join(sorted(names)) or "none"


def the_domain(node: Node, name: str) -> Domain:
    """The domain of this name. Raises :class:`ChangeRefused`."""
    return find(node.domains, "domain", name)


def find(items: Mapping[str, Item], kind: str, name: str, owner: str = "") -> Item:
    """One of ``items`` by name, of the domain ``owner`` or of the switch. Raises :class:`ChangeRefused`."""
    if name in items:
        return items[name]
    if owner:
        raise ChangeRefused(f"{owner} has no {kind} {name!r}; it has: {as_list(items)}")
    raise ChangeRefused(f"there is no {kind} {name!r}; there are: {as_list(items)}")


@contextmanager
def rejections() -> Iterator[None]:
    """Errors of the settings become refusals."""
    try:
        yield
    except ValidationError as error:
        raise rejection(error) from None
    except (LicenceError, NumberingError) as error:
        raise ChangeRefused(str(error)) from None


def numbers_of(text: str) -> list[str]:
    """The numbers of a range. Raises :class:`ChangeRefused`."""
    with rejections():
        return expand_numbers(text)


def created(model: type[Model], **fields: Any) -> Model:
    """Settings of this kind. Raises :class:`ChangeRefused` naming key, value and what is allowed."""
    with rejections():
        return model.model_validate(fields)


def updated(model: Model, **fields: Any) -> Model:
    """The same settings with others in place of some. Raises :class:`ChangeRefused`."""
    with rejections():
        return changed(model, **fields)


def rejection(error: ValidationError) -> ChangeRefused:
    """The refusal for an error of the settings' models; it shows no secret."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        message = _PLACE.sub("", message)
        return ChangeRefused(f"{key}: {message}" if key else message)
    if first["type"] == "string_pattern_mismatch":
        message = _in_words(first["ctx"]["pattern"])
    secret = "password" in key or "secret" in key
    value = "******" if secret else repr(_plain(first["input"]))
    return ChangeRefused(f"{key}: {value} is not allowed: {message[0].lower()}{message[1:]}")


def _in_words(pattern: str) -> str:
    """A pattern of the settings in plain words."""
    digits = re.fullmatch(r"\^\[0-9\]\{(\d+),(\d+)\}\$", pattern)
    if digits:
        return f"{digits[1]} to {digits[2]} digits"
    return PATTERNS.get(pattern, f"it should match {pattern}")


def _plain(value: Any) -> Any:
    return value.model_dump() if isinstance(value, BaseModel) else value


def update_domain(node: Node, change: Change, **fields: Any) -> None:
    """Other settings of a domain. Raises :class:`ChangeRefused`."""
    with rejections():
        node.replace_domain(change, **fields)


def update_switch(node: Node, change: Change, **fields: Any) -> None:
    """Other settings of the switch. Raises :class:`ChangeRefused`."""
    with rejections():
        node.replace(change, **fields)
