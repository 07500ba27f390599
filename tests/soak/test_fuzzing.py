"""What a soak makes of a run of the fuzzer."""

import json

import pytest

from sorm_mediator.soak.fuzzing import Fuzzed, outcome


def test_a_run_without_findings_has_its_rounds() -> None:
    assert outcome(0, json.dumps({"inputs": 12, "findings": []}).encode(), "") == Fuzzed(12, ())


def test_a_finding_is_told_by_its_summary() -> None:
    document = {"inputs": 3, "findings": [{"summary": "27h did not come"}]}
    assert outcome(1, json.dumps(document).encode(), "") == Fuzzed(3, ("27h did not come",))


@pytest.mark.parametrize(
    ("code", "output", "errors", "told"),
    [
        (0, b"", "", "the fuzzer ended with 0 after 0 rounds"),
        (0, b'{"inputs": 0}', "", "the fuzzer ended with 0 after 0 rounds"),
        (2, b"", "Usage\nNo such command", "the fuzzer ended with 2 after 0 rounds: No such command"),
        (3, b"[1]", "not reached", "the fuzzer ended with 3 after 0 rounds: not reached"),
    ],
)
def test_a_run_that_checked_nothing_is_a_trouble(code: int, output: bytes, errors: str, told: str) -> None:
    assert outcome(code, output, errors).found == (told,)
