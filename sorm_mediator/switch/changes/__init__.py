"""Every change of a running switch, without I/O.

Each function makes a new configuration of the :class:`~sorm_mediator.switch.node.Node`, which is checked as a lab file
is, and takes effect at once. The notes that a function returns are about names that are not resolved yet, such as a
context that is imported later; calls that need such a name fail with their reason. A function raises
:class:`ChangeRefused` for an impossible change, and changes nothing then.

Source: ECSS-10 manual, SORM parameters of a domain, and MultiSORM: the commands of the switch's shell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from sorm_mediator.config.mistakes import wanted_by
from sorm_mediator.switch.domain import Domain
from sorm_mediator.switch.licence import LicenceError
from sorm_mediator.switch.node import Change, Model, Node, changed
from sorm_mediator.switch.routing.route import NumberingError, expand_numbers
from sorm_mediator.texts import as_list

Notes = tuple[str, ...]
Item = TypeVar("Item")

_PLACE: Final = re.compile(r"^[a-z_]+\.\d+\.[a-z_.]+: ")
"""The place of an error in a list of the settings, which has a meaning in a lab file only."""


class ChangeRefused(Exception):  # noqa: N818 - an answer, not a mistake
    """A change is not made. The text names the mistake and what is allowed."""


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
    """Turn errors of the settings into refusals."""
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
    """A copy of the settings with some replaced. Raises :class:`ChangeRefused`."""
    with rejections():
        return changed(model, **fields)


def rejection(error: ValidationError) -> ChangeRefused:
    """The refusal for an error of the settings' models, without secrets."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        message = _PLACE.sub("", message)
        return ChangeRefused(f"{key}: {message}" if key else message)
    secret = "password" in key or "secret" in key
    given = first["input"]
    plain = given.model_dump() if isinstance(given, BaseModel) else given
    value = "******" if secret else repr(plain)
    return ChangeRefused(f"{key}: {value} is not allowed: {wanted_by(first)}")


def update_domain(node: Node, change: Change, **fields: Any) -> None:
    """Change settings of a domain. Raises :class:`ChangeRefused`."""
    with rejections():
        node.replace_domain(change, **fields)


def update_switch(node: Node, change: Change, **fields: Any) -> None:
    """Change settings of the switch. Raises :class:`ChangeRefused`."""
    with rejections():
        node.replace(change, **fields)
