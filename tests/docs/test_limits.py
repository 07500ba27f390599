"""docs/limits.md names every queue of a gateway, and its keys are those of the lab file with their defaults."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from sorm_mediator.config import Config
from sorm_mediator.options import Section
from sorm_mediator.web.metrics import SHOWN
from tests.mediator.e1_harness import e1_lab
from tests.mediator.gateway_harness import lab_config, running, small_switch

PAGE = (Path(__file__).parent.parent.parent / "docs" / "limits.md").read_text("utf-8")
UNITS = {"": 1, "s": 1, "octets": 1, "MiB": 1 << 20, "KiB": 1 << 10}
IN_E1 = ("x25", "lapb", "satop", "e1")
"""Tables of a stream, which the page names without it."""
ROWS = re.findall(
    r"^\| ((?:`[a-z0-9.]+`(?:, )?)+)", PAGE[: PAGE.index("## In the other boxes")], re.MULTILINE
)
QUEUES = {name for row in ROWS for name in re.findall(r"`([a-z0-9.]+)`", row)}
"""Those of the table of queues."""
TABLES = "mediator|console|ssh|radius|switch|web|x25|lapb|satop|e1"
KEY = re.compile(rf"`((?:{TABLES})\.[a-z0-9_.]+)`(?: \(([\d,]+) ?(\w*))?")
NAMED = [(key, value, unit) for key, value, unit in KEY.findall(PAGE) if key not in QUEUES]


def tables(annotation: Any) -> list[type[Section]]:
    """The tables that a key may hold."""
    if isinstance(annotation, type):
        return [annotation] if issubclass(annotation, Section) else []
    return [table for one in get_args(annotation) for table in tables(one)]


def default_of(key: str) -> Any:
    """The default of a key of the lab file. Raises ``KeyError``."""
    parts = key.split(".")
    if parts[0] in IN_E1:
        parts = ["e1", *parts[parts[0] == "e1" :]]
    table: type[Section] = Config
    for part in parts[:-1]:
        (table,) = tables(table.model_fields[part].annotation)
    field = table.model_fields[parts[-1]]
    return None if field.is_required() else field.get_default(call_default_factory=True)


def test_the_page_names_keys() -> None:
    assert len({key for key, _, _ in NAMED}) > 20


@pytest.mark.parametrize(("key", "value", "unit"), NAMED)
def test_a_key_exists_and_has_the_default_that_the_page_says(key: str, value: str, unit: str) -> None:
    default = default_of(key)
    if value:
        assert float(default) == float(value.replace(",", "")) * UNITS[unit if unit in UNITS else ""]


async def test_every_queue_is_listed_and_no_other(tmp_path: Path) -> None:
    found: set[str] = set()
    async with small_switch() as (_, server, where):
        for config in (lab_config(tmp_path, server, where), e1_lab(tmp_path, server, where)):
            async with running(config) as (gateway, _):
                found |= gateway.status().queues.keys()
    assert found == QUEUES


def test_the_metrics_of_the_page_are_there() -> None:
    shown = {one.sample for one in SHOWN}
    named = set(re.findall(r"\bsorm_[a-z0-9_]+\b", PAGE)) - {"sorm_mediator"}
    assert named <= shown, named - shown
