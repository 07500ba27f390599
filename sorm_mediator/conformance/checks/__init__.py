"""The checks, in modules by subject. Importing this package declares them all."""

from __future__ import annotations

from collections.abc import Iterable

from sorm_mediator.conformance.checks import (  # noqa: F401  # they declare the checks
    calls,
    channels,
    in_a_call,
    ksl,
    messages,
    node,
    objects,
    state,
    tables,
)
from sorm_mediator.conformance.declaration import CHECKS, Check


def all_checks() -> tuple[Check, ...]:
    """All checks, in the order of the clauses."""
    return tuple(sorted(CHECKS.values(), key=lambda one: one.place))


def chosen(clauses: Iterable[str]) -> tuple[Check, ...]:
    """The checks of these clauses and those below them, or with these ids; all if none is named.

    Raises :class:`ValueError` for a clause without a check.
    """
    checks, wanted = all_checks(), tuple(clauses)
    for clause in wanted:
        if not any(_is_of(one, clause) for one in checks):
            raise ValueError(clause)
    return tuple(one for one in checks if not wanted or any(_is_of(one, clause) for clause in wanted))


def _is_of(one: Check, clause: str) -> bool:
    return clause in (one.id, one.clause) or one.clause.startswith(f"{clause}.")
