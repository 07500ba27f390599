"""The scripted mediator of the tests of scenarios."""

from tests.replay.conftest import around, mediator

__all__ = ["around", "mediator"]
