"""The tables of refusals are in order."""

from sorm_mediator.mediator.core.checks import CHECKS, EXECUTION, RECEIPT

from protocol.texts import EXTENDED_FURTHER, EXTENDED_MANUAL


def test_every_check_has_a_known_code_and_stands_with_its_kind() -> None:
    known = set(EXTENDED_MANUAL) | set(EXTENDED_FURTHER)
    for code, checks in CHECKS.items():
        replies = [check.reply for check in checks]
        assert replies == sorted(replies), f"command {code}: receipt checks come first"
        assert set(replies) <= {RECEIPT, EXECUTION}
        assert {check.extended for check in checks} <= known
