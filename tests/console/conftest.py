"""Consoles are tried by scenarios: the fixtures are those of the replay."""

from tests.replay.conftest import around, mediator, printed, run

__all__ = ["around", "mediator", "printed", "run"]
