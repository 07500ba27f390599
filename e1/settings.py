"""Limits of settings, declared once at the field: ``k: Annotated[int, Range(1, 7)] = 7``.

A configuration checks itself with :func:`check`; whoever makes a form or a file of it reads the limits by
:func:`limits`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints


class Range(NamedTuple):
    """Numbers that are allowed, in the unit of the field. None: no limit."""

    least: float | None = None
    most: float | None = None
    above: float | None = None
    """Instead of ``least``: this itself is not allowed."""
    step: int = 1
    """Multiples of it alone."""

    def holds(self, value: Any) -> bool:
        """Whether ``value`` is allowed."""
        low = self.least is None or value >= self.least
        low = low and (self.above is None or value > self.above)
        return (
            low and (self.most is None or value <= self.most) and (self.step == 1 or value % self.step == 0)
        )

    def __str__(self) -> str:
        if self.above is not None:
            text = f"more than {self.above}" + ("" if self.most is None else f", at most {self.most}")
        elif self.most is None:
            text = f"{self.least} or more"
        else:
            text = f"{self.least}..{self.most}"
        return text if self.step == 1 else f"a multiple of {self.step}, {text}"


class OneOf(tuple[Any, ...]):
    """Values that are allowed, where their type has more."""

    __slots__ = ()

    def holds(self, value: Any) -> bool:
        """Whether ``value`` is allowed."""
        return value in self

    def __str__(self) -> str:
        return ", ".join(str(each) for each in self)


Limit = Range | OneOf


@cache
def limits(config: Any) -> dict[str, tuple[Any, Limit | None]]:
    """Type and limit of each field of a dataclass. A ``Literal`` is limited to its values."""
    hints = get_type_hints(config, include_extras=True)
    found: dict[str, tuple[Any, Limit | None]] = {}
    for field in dataclasses.fields(config):
        kind, limit = hints[field.name], None
        if get_origin(kind) is Annotated:
            kind, limit = get_args(kind)
        elif get_origin(kind) is Literal:
            limit = OneOf(get_args(kind))
        found[field.name] = kind, limit
    return found


def check(config: Any, *rules: tuple[str, bool, str]) -> None:
    """Raise :class:`ValueError` for the first field outside its limit, then for the first of ``rules`` that is broken.

    A rule is the field that is told, whether all is well, and what is allowed.
    """
    cls: Any = type(config)
    for name, (_, limit) in limits(cls).items():
        if limit is not None and not limit.holds(getattr(config, name)):
            raise ValueError(f"{name} = {_shown(config, name)}: allowed is {limit}")
    for name, good, allowed in rules:
        if not good:
            raise ValueError(f"{name} = {_shown(config, name)}: allowed is {allowed}")


def _shown(config: Any, name: str) -> str:
    value = getattr(config, name)
    return str(value) if not isinstance(value, str) else repr(str(value))


def names(config: type, without: Iterable[str] = ()) -> list[str]:
    """The fields of a dataclass in order, but those ``without``; :class:`ValueError` for one that it does not have."""
    every = [field.name for field in dataclasses.fields(config)]
    if unknown := set(without) - set(every):
        raise ValueError(f"{config.__name__} has no {', '.join(sorted(unknown))}")
    return [name for name in every if name not in set(without)]
