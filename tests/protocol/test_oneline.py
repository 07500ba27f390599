"""The line of a unit: its name and fields, or its octets."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.oneline import one_line

START = "CC0101003132333435 36".replace(" ", "")


@pytest.mark.parametrize(
    ("document", "line"),
    [
        ({"kind": "command", "name": "start", "code": 1, "fields": {}, "hex": START}, "start"),
        ({"kind": "unknown", "name": "start", "code": 1, "fields": {}, "hex": "FF01"}, "unknown unit FF01"),
        ({"kind": "command", "name": "", "code": 1, "fields": {}, "hex": "FF01"}, "unknown unit FF01"),
        ({"kind": "unknown"}, "unknown unit"),
    ],
)
def test_a_unit_with_a_name_is_told_by_it(document: dict[str, Any], line: str) -> None:
    assert one_line(document) == line
