"""The form of a state table: what follows from a state and an input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, NamedTuple, TypeAlias, TypeVar

S = TypeVar("S")
In = TypeVar("In")
A = TypeVar("A")


class Move(NamedTuple, Generic[S, A]):
    """A row of a state table: the next state, and what is done on the way, in this order."""

    next: S
    actions: tuple[A, ...] = ()


StateTable: TypeAlias = Mapping[tuple[S, In], Move[S, A]]
"""Moves by state and input."""
