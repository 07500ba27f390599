"""What a message can carry can be written in a script, in the form that ``decode --json`` prints."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from protocol import Channel, Message, strategies
from protocol.jsonform import to_json
from sorm_mediator.replay.document import Node
from sorm_mediator.replay.vocabulary import COMMANDS, KPD1, KPD2, Checker

TABLES = {Channel.COMMAND: COMMANDS, Channel.KPD1: KPD1, Channel.KPD2: KPD2}


def node(value: Any) -> Node:
    if isinstance(value, dict):
        value = {key: node(part) for key, part in value.items()}
    elif isinstance(value, list):
        value = [node(part) for part in value]
    return Node(value, "script.yaml", 1)


@pytest.mark.parametrize("expected", [False, True])
@settings(max_examples=150, deadline=None)
@given(message=strategies.any_message())
def test_the_json_form_of_a_field_is_its_form_in_a_script(expected: bool, message: Message) -> None:
    written = to_json(message, b"")["fields"]
    checker = Checker((), expected)
    for name, form in TABLES[message.channel][message.message_name].fields.items():
        if name != "orm_number" and "${" not in str(written[name]):
            assert checker.read(node(written[name]), form) == written[name], (message, name)


def test_an_error_lists_the_fields_of_the_payload_before_those_of_the_header() -> None:
    assert list(KPD1["version-info"].fields)[:3] == ["version", "station_type", "orm_number"]
    assert list(KPD2["test-reply"].fields)[-2:] == ["orm_number", "header_filler"]
