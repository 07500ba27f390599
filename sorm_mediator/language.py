"""Texts of the application in two languages: :mod:`protocol.language` with the catalogue of the application.

The modules of this package import from here, so that every text of the application is translated with its
catalogue.
"""

from __future__ import annotations

from pathlib import Path

from protocol.language import Lang, MessageId, Phrase, add_catalogue, join, translate

__all__ = ["Lang", "MessageId", "Phrase", "join", "translate"]

add_catalogue("sorm_mediator", Path(__file__).parent / "locale")
