"""Limits of settings, declared at the field: ``k: Annotated[int, Range(1, 7)] = 7``. A ``Literal`` has its values.

A configuration checks itself with :func:`check`. :func:`limits` gives the limits for a form or a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints


class Range(NamedTuple):
    """The allowed numbers, in the unit of the field. None: no limit."""

    least: float | None = None
    most: float | None = None
    above: float | None = None
    """Instead of ``least``: this number itself is not allowed."""
    step: int = 1
    """Only multiples of this number are allowed."""

    def allows(self, value: float) -> bool:
        """Whether ``value`` is allowed."""
        return (
            (self.least is None or value >= self.least)
            and (self.above is None or value > self.above)
            and (self.most is None or value <= self.most)
            and (self.step == 1 or value % self.step == 0)
        )

    def __str__(self) -> str:
        if self.above is not None:
            text = f"more than {self.above}" + ("" if self.most is None else f", at most {self.most}")
        elif self.most is None:
            text = f"{self.least} or more"
        else:
            text = f"{self.least}..{self.most}"
        return text if self.step == 1 else f"a multiple of {self.step}, {text}"


@cache
def limits(config: Any) -> Mapping[str, tuple[Any, Range | None]]:
    """Type and range of each field of a dataclass, in order."""
    hints = get_type_hints(config, include_extras=True)
    return {
        name: get_args(hints[name]) if get_origin(hints[name]) is Annotated else (hints[name], None)
        for name in config.__dataclass_fields__
    }


def check(config: Any, *rules: tuple[str, bool, str]) -> None:
    """Raise :class:`ValueError` for the first field outside its limit, then for the first broken rule.

    A rule is the name of the field for the error, whether the rule holds, and the allowed values.
    """
    kind: Any = type(config)
    for name, (hint, limit) in limits(kind).items():
        value = getattr(config, name)
        if limit is not None and not limit.allows(value):
            raise ValueError(f"{name} = {value}: allowed is {limit}")
        if get_origin(hint) is Literal and value not in get_args(hint):
            raise ValueError(f"{name} = {_shown(value)}: allowed is {', '.join(map(str, get_args(hint)))}")
    for name, holds, allowed in rules:
        if not holds:
            raise ValueError(f"{name} = {_shown(getattr(config, name))}: allowed is {allowed}")


def _shown(value: Any) -> str:
    return repr(str(value)) if isinstance(value, str) else str(value)
