"""``mediator.profile``: a set of defaults of named options, for the order's letter or for the vendor's device.

An option that differs is declared once, where it is declared at all: its default is that of ``eltex``, and its mark
:class:`~sorm_mediator.options.InProfile` has that of ``order``, with the clause. Everything here is read from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel

from sorm_mediator.options import InProfile, Profile

DEFAULT: Profile = "eltex"
"""The profile of a file that names none."""
PROFILES: tuple[Profile, ...] = get_args(Profile)


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One option whose default depends on the profile."""

    key: str
    """Its key within ``[mediator]``, such as ``options.same_number_again``."""
    defaults: dict[Profile, Any]
    """Profile -> default."""
    clause: str
    """The order's clause, ``appendix.clause``."""
    why: str
    """What the vendor's device does."""


def differences(model: type[BaseModel]) -> Iterator[Difference]:
    """The options of ``model`` and of its tables that the profile decides, in the order of their declaration."""
    for name, field in model.model_fields.items():
        for mark in field.metadata:
            if isinstance(mark, InProfile):
                yield Difference(
                    key=name,
                    defaults={"eltex": field.default, "order": mark.order},
                    clause=mark.clause,
                    why=mark.why,
                )
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            for one in differences(inner):
                yield Difference(
                    key=f"{name}.{one.key}", defaults=one.defaults, clause=one.clause, why=one.why
                )


def with_profile(model: type[BaseModel], given: Any) -> Any:
    """``given``, the table ``[mediator]`` before it is validated, with the defaults of the profile that it names.

    What is given stays. What can't be used stays as it is: the validation that follows says so.
    """
    if not isinstance(given, dict) or given.get("profile", DEFAULT) not in PROFILES:
        return given
    profile: Profile = given.get("profile", DEFAULT)
    if profile == DEFAULT:  # whose defaults are the declared ones
        return given
    filled = dict(given)
    for one in differences(model):
        table, _, name = one.key.rpartition(".")
        if not table:
            filled.setdefault(name, one.defaults[profile])
            continue
        inner = filled.get(table, {})
        if isinstance(inner, BaseModel):
            if name not in inner.model_fields_set:
                filled[table] = inner.model_copy(update={name: one.defaults[profile]})
        elif isinstance(inner, dict):
            filled[table] = {name: one.defaults[profile]} | inner
    return filled
