"""The rules of the commands are in order."""

import re
from enum import Enum
from typing import Any

import pytest

from docs.mediator_page import page
from protocol.messages import COMMANDS
from protocol.texts import EXTENDED_FURTHER, EXTENDED_MANUAL
from sorm_mediator.language import Phrase, translate
from sorm_mediator.mediator.binding.consoles import CONNECTION_TABLE, ConnectionAction, ConnectionInput
from sorm_mediator.mediator.core.calls.legs import LEG_TABLE, LegAction, LegInput
from sorm_mediator.mediator.core.channels import PAIR_TABLE, PairEvent
from sorm_mediator.mediator.core.commands import RULES
from sorm_mediator.mediator.core.means import (
    ORM_TABLE,
    TURNS,
    WORK_TABLE,
    OrmAction,
    OrmInput,
    Standing,
    Work,
    WorkInput,
)
from sorm_mediator.mediator.core.switchside import SWITCH_TABLE, SwitchAction, SwitchInput


def test_every_command_has_one_rule() -> None:
    assert tuple(RULES) == COMMANDS
    assert all(rule.message is message for message, rule in RULES.items())


def test_every_refusal_has_a_known_code_and_a_clause_of_its_command_or_of_all() -> None:
    known = set(EXTENDED_MANUAL) | set(EXTENDED_FURTHER)
    for rule in RULES.values():
        for refusal in (*rule.receipt, *rule.execution):
            assert refusal.extended in known
            assert re.fullmatch(r"(?:\d+(?:\.\d+)+)?", refusal.clause), refusal
            assert translate(Phrase(refusal.summary), "ru") != refusal.summary


def test_every_code_of_the_manual_is_told_to_the_console() -> None:
    told = page().partition("## The codes of the manual")[2].partition("\n## ")[0]
    codes = re.findall(r"^\| ([0-9A-F]{2})h \|.*\| (.+) \|$", told, re.MULTILINE)
    assert [int(code, 16) for code, _ in codes] == list(EXTENDED_MANUAL)
    assert len(codes) == 35
    by_command_5 = {code for code, places in codes if "command 5 (27h)" in places}
    assert {"4E", "55", "57", "38"} <= by_command_5


def test_what_is_sent_with_a_refusal_is_of_the_execution() -> None:
    assert not [refusal for rule in RULES.values() for refusal in rule.receipt if refusal.before_28h]


def test_every_kind_of_work_settles_every_command() -> None:
    assert set(TURNS) == {(work, standing) for work in Work for standing in Standing}


@pytest.mark.parametrize(
    ("table", "inputs", "actions"),
    [
        (ORM_TABLE, OrmInput, OrmAction),
        (WORK_TABLE, WorkInput, None),
        (PAIR_TABLE, PairEvent, None),
        (SWITCH_TABLE, SwitchInput, SwitchAction),
        (LEG_TABLE, LegInput, LegAction),
        (CONNECTION_TABLE, ConnectionInput, ConnectionAction),
    ],
)
def test_a_machine_reaches_each_state_by_each_input_and_does_each_action(
    table: Any, inputs: Any, actions: Any
) -> None:
    states = type(next(iter(table))[0])
    reached, done = {next(iter(states))}, set()
    for _ in states:
        for (state, _cause), move in table.items():
            if state in reached:
                reached.add(move if isinstance(move, Enum) else move.next)
                done |= set() if isinstance(move, Enum) else set(move.actions)
    assert reached == set(states)
    assert {cause for _, cause in table} == set(inputs)
    assert done == set(actions or ())
