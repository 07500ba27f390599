"""What a change answers: OK, and its notes."""

from __future__ import annotations

from sorm_mediator.switch.changes import Notes


def ok(notes: Notes = ()) -> str:
    """``OK``, and a line for each note."""
    return "\n".join(["OK", *(f"Note: {note}" for note in notes)])
