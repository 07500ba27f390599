"""The page of messages: nothing that can be written is missing on it."""

from __future__ import annotations

from dataclasses import fields
from enum import StrEnum

from docs.protocol_page import page
from protocol import codes
from protocol.messages import MESSAGES

PAGE = page()
HEADER = PAGE.partition("## Header fields")[2].partition("## Commands")[0]


def test_every_field_of_every_message_is_there() -> None:
    for kind in MESSAGES:
        section = PAGE.partition(f"### `{kind.message_name}` ({kind.code:02X}h)\n")[2].partition("\n##")[0]
        for field in fields(kind):
            where = HEADER + section if field.kw_only else section
            assert f"| `{field.name}` |" in where, (kind, field.name)


def test_every_named_value_is_there_with_its_meaning() -> None:
    for kind in vars(codes).values():
        if isinstance(kind, type) and issubclass(kind, StrEnum) and kind not in (StrEnum, codes.Channel):
            assert all(f"| `{value}` | " in PAGE for value in kind), kind
    assert "| `separate` | 11h | a line for each party |" in PAGE
    assert "unknown value" not in PAGE
