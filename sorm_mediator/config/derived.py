"""Tables of the lab file that are made from the configurations of the room ``e1``, so that a setting is declared once.

Defaults, limits and meanings come from the dataclass (:mod:`e1.settings`). Its own check is part of the table's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, Field, create_model, model_validator

from e1.settings import Range, limits
from sorm_mediator.config.base import Section
from sorm_mediator.options import declared_meanings


class Derived(Section):
    """A table whose keys are fields of ``source``; see :func:`section_of`."""

    model_config = ConfigDict(defer_build=True)  # the base that section_of makes validates nothing itself
    source: ClassVar[Any] = None

    @classmethod
    def meanings(cls) -> Mapping[str, str]:
        """Those of the dataclass without the marks of a docstring, and those of the table's own keys."""
        of_source = {
            name: re.sub(r":\w+:`~?([^`]+)`", r"\1", " ".join(text.split())).replace("``", "")
            for name, text in declared_meanings(cls.source).items()
            if name in cls.model_fields
        }
        return {**of_source, **super().meanings()}

    def build(self, **more: Any) -> Any:
        """The configuration, from the keys of the table and from ``more``, which adds to them or replaces
        them.

        Raises :class:`ValueError` for settings that contradict each other.
        """
        keys = type(self).model_fields.keys() & limits(self.source).keys()
        return self.source(**({name: getattr(self, name) for name in keys} | more))

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        self.build()
        return self


def section_of(source: Any, *, without: Collection[str] = ()) -> Any:
    """A base class for the table of a dataclass; ``without``: fields that are no keys of the table.

    Subclass it to name the table, to add keys, or to give a key another default.
    """
    keys: dict[str, Any] = {}
    for field in fields(source):
        if field.name in without:
            continue
        kind, limit = limits(source)[field.name]
        least, most, above, step = limit or Range()
        keys[field.name] = (
            kind,
            Field(
                default=field.default,
                ge=least,
                le=most,
                gt=above,
                multiple_of=step if step != 1 else None,
            ),
        )
    model = create_model(source.__name__, __base__=Derived, __module__=__name__, **keys)
    model.source = source
    return model
