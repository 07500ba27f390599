"""Tables of the lab file made of the configurations of ``e1``, so that a setting is declared once.

Defaults, limits and meaning come from the dataclass (:mod:`e1.settings`); its checks are those of the table.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import textwrap
from collections.abc import Iterable
from enum import Enum
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, create_model, model_validator

from e1.settings import Range, limits, names
from sorm_mediator.config.base import Section


class Derived(Section):
    """A table whose keys are fields of ``source``; see :func:`section_of`."""

    source: ClassVar[Any] = None

    def build(self, **more: Any) -> Any:
        """The configuration: the keys of the table, and ``more``, which the table doesn't have or which is computed.

        Raises :class:`ValueError` for what contradicts.
        """
        kinds = limits(self.source)
        mine = {name: getattr(self, name) for name in names(self.source) if name in type(self).model_fields}
        for name, value in mine.items():
            kind = kinds[name][0]
            if isinstance(kind, type) and issubclass(kind, Enum):
                mine[name] = kind(value)
        return self.source(**(mine | more))

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        self.build()
        return self


def section_of(source: Any, *, without: Iterable[str] = ()) -> Any:
    """A base for the table of a dataclass; ``without``: fields that somebody else decides.

    Subclass it to name the table, to add keys, or to give a key another default.
    """
    texts, found = _docstrings(source), limits(source)
    defaults = {field.name: field.default for field in dataclasses.fields(source)}
    fields: dict[str, Any] = {
        name: (_annotation(*found[name]), Field(default=_plain(defaults[name]), description=texts[name]))
        for name in names(source, without)
    }
    model = create_model(source.__name__, __base__=Derived, __module__=__name__, **fields)
    model.source = source
    return model


def _annotation(kind: Any, limit: Any) -> Any:
    """What pydantic needs to check the same, and to tell it in the schema."""
    if isinstance(limit, Range):
        step = limit.step if limit.step != 1 else None
        bounds = Field(ge=limit.least, le=limit.most, gt=limit.above, multiple_of=step)
        return Annotated[kind, bounds]
    if limit is not None:
        return Literal[tuple(_plain(value) for value in limit)]
    return kind


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _docstrings(cls: type) -> dict[str, str]:
    """What is written under the fields of a dataclass, as plain text."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    assert isinstance(tree, ast.ClassDef)
    found: dict[str, str] = {}
    for node, below in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            told = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
            if not told:
                raise TypeError(
                    f"{cls.__name__}.{node.target.id}: without a docstring nobody knows what it sets"
                )
            text = " ".join(str(below.value.value).split())  # type: ignore[attr-defined]
            found[node.target.id] = re.sub(r":\w+:`~?([^`]+)`", r"\1", text).replace("``", "")
    return found
