"""docs/switch.md says what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from sorm_mediator.switch.call import CALL_TABLE
from sorm_mediator.switch.routing import parse_context
from sorm_mediator.switch.services import ORDERED, USED

PAGE = (Path(__file__).parents[2] / "docs" / "switch.md").read_text(encoding="utf-8")


def test_the_states_of_a_call_are_those_of_the_table() -> None:
    arrows = [f"{now.value} --{cause.value}--> {then.value}" for (now, cause), then in CALL_TABLE.items()]

    assert "```text\n" + "\n".join(arrows) + "\n```" in PAGE


def test_the_context_shown_is_one() -> None:
    example = re.search(r"```xml\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None

    assert parse_context(example[1].encode(), "docs/switch.md").rules[0].name == "to_8"


def test_every_service_is_described() -> None:
    for name in USED | ORDERED:
        assert f"`{name}`" in PAGE
