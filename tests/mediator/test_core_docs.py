"""docs/mediator.md says what the tables of the core say."""

from pathlib import Path

from protocol.texts import EXTENDED_FURTHER, EXTENDED_SEED
from sorm_mediator.mediator.checks import CHECKS, EXECUTION, RECEIPT
from sorm_mediator.mediator.diagrams import page

PAGE = Path(__file__).parents[2] / "docs" / "mediator.md"


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8").endswith(page()), "run python -m docs.generate"


def test_every_check_has_a_known_code_and_stands_with_its_kind() -> None:
    known = set(EXTENDED_SEED) | set(EXTENDED_FURTHER)
    for code, checks in CHECKS.items():
        replies = [check.reply for check in checks]
        assert replies == sorted(replies), f"command {code}: receipt checks come first"
        assert set(replies) <= {RECEIPT, EXECUTION}
        assert {check.extended for check in checks} <= known
