"""The rules of the commands are in order."""

import re

from protocol.messages import COMMANDS
from protocol.texts import EXTENDED_FURTHER, EXTENDED_MANUAL
from sorm_mediator.mediator.core.commands import RULES
from sorm_mediator.mediator.core.means import TURNS, Standing, Work


def test_every_command_has_one_rule() -> None:
    assert tuple(RULES) == COMMANDS
    assert all(rule.message is message for message, rule in RULES.items())


def test_every_refusal_has_a_known_code_and_a_clause_of_its_command_or_of_all() -> None:
    known = set(EXTENDED_MANUAL) | set(EXTENDED_FURTHER)
    for rule in RULES.values():
        for refusal in (*rule.receipt, *rule.execution):
            assert refusal.extended in known
            assert re.fullmatch(r"(?:\d+(?:\.\d+)+)?", refusal.clause), refusal
            assert refusal.en
            assert refusal.ru


def test_what_is_sent_with_a_refusal_is_of_the_execution() -> None:
    assert not [refusal for rule in RULES.values() for refusal in rule.receipt if refusal.before_28h]


def test_every_kind_of_work_settles_every_command() -> None:
    assert set(TURNS) == {(work, standing) for work in Work for standing in Standing}
