"""Generated parts of the page of station and network licences: its tables of states."""

from __future__ import annotations

from docs.state_tables import arrows
from sorm_mediator.switch.assignments import ASSIGNMENT_TABLE
from sorm_mediator.switch.licence_network.states import NODE_TABLE


def assignments() -> str:
    """States of an assignment."""
    return f"```text\n{arrows(ASSIGNMENT_TABLE)}\n```"


def nodes() -> str:
    """States of a node."""
    return f"```text\n{arrows(NODE_TABLE)}\n```"
