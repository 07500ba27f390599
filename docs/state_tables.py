"""State tables for the pages. Every machine of the tree is a table in one form, so one function prints them all.

The form: a mapping from ``(state, input)``, both enums, to the next state, or to a ``NamedTuple`` whose first fields
are ``next`` and ``actions``. A key may begin with one enum more, the kind of machine that the row is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any


def arrows(table: Mapping[Any, Any]) -> str:
    """One line a row: ``state --input--> next: action, action``, in the order of the table."""
    return "\n".join(_arrow(key, move) for key, move in table.items())


def _arrow(key: tuple[Enum, ...], move: Any) -> str:
    *kind, now, cause = key
    following = move if isinstance(move, Enum) else (move.next or now)
    actions = () if isinstance(move, Enum) else move.actions
    line = f"{now.value} --{cause.value}--> {following.value}"
    if actions:
        line += ": " + ", ".join(str(action.value) for action in actions)
    return f"{kind[0].value}: {line}" if kind else line
