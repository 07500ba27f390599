"""The scripted mediator of the tests of scenarios."""

from tests.replay.conftest import mediator

__all__ = ["mediator"]
