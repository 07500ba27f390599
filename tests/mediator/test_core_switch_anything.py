"""Whatever shape the switch's words have, the core takes them: an error in it would stop the gateway."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import AddObject, Category, GetServices, GetTrunks, NumberSign, ObjectType, Priority
from sorm_mediator.journal.chain import canonical
from sorm_mediator.mediator.core import effects
from ssh_control.dialect import Reply
from tests.mediator.conftest import combined
from tests.mediator.core_harness import MediatorHarness

pytestmark = pytest.mark.lab  # random lines and floods: seconds each

SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=6)
NAMES = (
    "line_state", "line_states", "refused", "object_number", "code", "services", "trunks", "trunk", "name",
    "1", "9" * 5000,
)  # fmt: skip
KEYS = st.sampled_from(NAMES) | st.text(max_size=4)
JSON: Any = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
OBJECT = AddObject(
    1, ObjectType.OWN_SUBSCRIBER, NumberSign.OWN, "20001", None, Category.COMBINED, 1, Priority.NORMAL
)
EVENTS = st.sampled_from(["line-state", "trunk-renamed", "other"])


def run(means: MediatorHarness, wanted: list[effects.Effect], data: dict[str, Any]) -> None:
    """Execute effects as the gateway does: messages become octets, and the switch answers with ``data``."""
    while wanted:
        effect = wanted.pop(0)
        if isinstance(effect, effects.Send):
            means.codec.encode(effect.message)
        elif (
            isinstance(effect, effects.Journal) and effect.kind != "command"
        ):  # whose octets are masked first
            canonical(effect.fields)
        elif isinstance(effect, effects.AskSwitch):
            wanted += means.core.switch_reply(effect.token, Reply(True, data), means.now)


@settings(max_examples=300, deadline=None)
@given(data=st.dictionaries(KEYS, JSON, max_size=5))
def test_replies(data: dict[str, Any]) -> None:
    means = MediatorHarness()
    means.begin(combined(1, 1))
    for command in (OBJECT, GetServices(NumberSign.OWN, "20001"), GetTrunks(None)):
        run(means, means.core.received(0, command, (), means.codec.encode(command), means.now), data)
    run(means, means.core.switch_up(means.now), data)


@settings(max_examples=300, deadline=None)
@given(event=st.dictionaries(KEYS, JSON, max_size=5), kind=EVENTS)
def test_events(event: dict[str, Any], kind: str) -> None:
    means = MediatorHarness()
    means.begin()
    run(means, means.core.switch_event(event | {"event": kind}, means.now), {})
    run(
        means, means.core.switch_event(event | {"event": kind, "trunk": 1, "object_number": 1}, means.now), {}
    )
