"""The checks, in modules by subject. Importing this package declares them all."""

from sorm_mediator.conformance.checks import (
    calls,
    capacity,
    channels,
    electronic,
    in_a_call,
    ksl,
    messages,
    node,
    numbers,
    objects,
    removing,
    state,
    tables,
    tests,
)

__all__ = [
    "calls", "capacity", "channels", "electronic", "in_a_call", "ksl", "messages", "node", "numbers", "objects",
    "removing", "state", "tables", "tests",
]  # fmt: skip
